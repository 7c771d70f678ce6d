//! The validators of a network by epochs (the validator set): their keys, and what each of them signs besides the engine's
//! votes: reports of prices.
//!
//! Who validates is a record of the machine (spec 0033): after any block it shows the committees of the last epoch, of
//! the block's own and of the next. What is learnt of it here serves everything that must know whose signature counts.
//!
//! **Invariant:** the committee of an epoch is what an executed block shows, and never changes afterwards.

use crate::consensus::guard::VoteGuard;
use crate::consensus::scheme::Guarded;
use crate::consensus::sizes::report_fits;
use access::Network;
use borsh::{BorshDeserialize, BorshSerialize};
use commonware_codec::{Copying, DecodeExt as _};
use commonware_consensus::{
    simplex::scheme::ed25519::Scheme,
    types::{Epoch, Participant},
};
use commonware_cryptography::certificate::{Provider, Scheme as _, Scoped};
use commonware_cryptography::{
    Signer as _, Verifier as _,
    ed25519::{PrivateKey, PublicKey, Signature},
};
use commonware_utils::{
    TryCollect as _,
    ordered::{Quorum as _, Set},
};
use light::Anchor;
use machine::CommitteeRecord;
use protocol::codec::{self, EncodeError};
use protocol::{Hash, Seat, ValidatorId, Vote};
use std::collections::{BTreeMap, btree_map::Entry};
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use units::BlockHeight;

/// Epochs whose committees are remembered: those of a record, and one more that blocks under way may still be of.
const EPOCHS_KEPT: usize = 4;

/// A validator's report for one block, signed by it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Report {
    /// For which block: it may stand in no other.
    pub(crate) height: BlockHeight,
    pub(crate) vote: Vote,
    pub(crate) signature: [u8; 64],
}

/// The key of a validator with the guard of its votes.
#[derive(Debug, Clone)]
pub(crate) struct Voter {
    pub(crate) key: PrivateKey,
    pub(crate) guard: Arc<Mutex<VoteGuard>>,
}

/// The validators of one epoch.
#[derive(Debug)]
pub(crate) struct Committee {
    keys: BTreeMap<ValidatorId, PublicKey>,
    ids: BTreeMap<PublicKey, ValidatorId>,
    /// Verifies votes, and signs them if this validator has a seat.
    pub(crate) scheme: Arc<Guarded>,
    /// Verifies votes.
    pub(crate) verifier: Scheme,
}

impl Committee {
    fn new(namespace: &[u8], seats: &[Seat], voter: &Voter) -> Result<Self, CommitteeError> {
        let mut keys = BTreeMap::new();
        let mut ids = BTreeMap::new();
        for seat in seats {
            let key = PublicKey::decode(Copying(&seat.key))
                .map_err(|_| CommitteeError::Key(seat.validator))?;
            keys.insert(seat.validator, key.clone());
            ids.insert(key, seat.validator);
        }
        // The machine seats each key once.
        let participants: Set<PublicKey> = keys.values().cloned().try_collect().unwrap_or_default();
        let verifier = Scheme::verifier(namespace, participants.clone());
        let inner = Scheme::signer(namespace, participants, voter.key.clone())
            .unwrap_or_else(|| verifier.clone());
        let scheme = Arc::new(Guarded::new(inner, voter.guard.clone()));
        Ok(Self { keys, ids, scheme, verifier })
    }

    pub(crate) fn participants(&self) -> &Set<PublicKey> {
        self.verifier.participants()
    }

    /// Returns the validator at a place in the engine's list.
    pub(crate) fn id_at(&self, place: Participant) -> Option<ValidatorId> {
        self.verifier.participants().key(place).and_then(|key| self.id_of(key))
    }

    pub(crate) fn id_of(&self, key: &PublicKey) -> Option<ValidatorId> {
        self.ids.get(key).copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }
}

#[derive(Debug)]
struct Known {
    /// The newest record.
    record: CommitteeRecord,
    epochs: BTreeMap<u64, Arc<Committee>>,
    /// Validators that this one cannot reach.
    missed: Vec<ValidatorId>,
}

/// What all committees of a network have in common, and those of the epochs around the newest block.
#[derive(Debug)]
pub(crate) struct Committees {
    pub(crate) anchor: Anchor,
    /// Names the network: every signature is bound to it.
    pub(crate) network: Hash,
    pub(crate) namespace: Vec<u8>,
    /// What submissions are signed for.
    pub(crate) access: Network,
    /// Blocks of an epoch.
    pub(crate) epoch_blocks: NonZeroU64,
    reports: Vec<u8>,
    voter: Voter,
    known: Mutex<Known>,
}

impl Committees {
    /// Returns the committees of a network as a record shows them; the first key that is none is named.
    pub(crate) fn new(
        anchor: Anchor,
        voter: Voter,
        record: CommitteeRecord,
    ) -> Result<Self, CommitteeError> {
        let network = anchor.hash()?;
        let namespace = anchor.namespace()?;
        let access = Network::new(&anchor.chain, anchor.genesis);
        let reports = [namespace.as_slice(), b"/report"].concat();
        let epoch_blocks = NonZeroU64::new(record.epoch_blocks).unwrap_or(NonZeroU64::MAX);
        let founding = record.epoch == 0;
        let listed = anchor.validators.iter().map(|held| (held.id, held.key));
        if founding && !listed.eq(record.present.iter().map(|seat| (seat.validator, seat.key))) {
            return Err(CommitteeError::OtherGenesis);
        }
        let known = Known { record: record.clone(), epochs: BTreeMap::new(), missed: Vec::new() };
        let known = Mutex::new(known);
        let this = Self { anchor, network, namespace, access, epoch_blocks, reports, voter, known };
        this.learn(record)?;
        Ok(this)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what a block shows.
    pub(crate) fn learn(&self, record: CommitteeRecord) -> Result<(), CommitteeError> {
        let sets = [
            (record.epoch.checked_sub(1), &record.last),
            (Some(record.epoch), &record.present),
            (record.epoch.checked_add(1), &record.next),
        ];
        let mut known = self.known();
        for (epoch, seats) in sets {
            let Some(epoch) = epoch else { continue };
            if let Entry::Vacant(place) = known.epochs.entry(epoch) {
                place.insert(Arc::new(Committee::new(&self.namespace, seats, &self.voter)?));
            }
        }
        while known.epochs.len() > EPOCHS_KEPT {
            known.epochs.pop_first();
        }
        known.record = record;
        Ok(())
    }

    /// Notes which validators this one cannot reach.
    pub(crate) fn miss(&self, missed: Vec<ValidatorId>) {
        self.known().missed = missed;
    }

    /// Returns the validators that this one cannot reach.
    pub(crate) fn missed(&self) -> Vec<ValidatorId> {
        self.known().missed.clone()
    }

    /// Returns the newest record.
    pub(crate) fn record(&self) -> CommitteeRecord {
        self.known().record.clone()
    }

    /// Returns the committee of an epoch, if it is around the newest block.
    pub(crate) fn of(&self, epoch: u64) -> Option<Arc<Committee>> {
        self.known().epochs.get(&epoch).cloned()
    }

    /// Returns the committee that votes for a block of a height.
    pub(crate) fn at(&self, height: u64) -> Option<Arc<Committee>> {
        self.of(self.epoch_at(height))
    }

    /// Returns the committee of the newest block's epoch.
    pub(crate) fn present(&self) -> Option<Arc<Committee>> {
        let epoch = self.known().record.epoch;
        self.of(epoch)
    }

    /// Returns the epoch of a height.
    pub(crate) fn epoch_at(&self, height: u64) -> u64 {
        height / self.epoch_blocks
    }

    /// Returns the height of the block from which an epoch begins: the last of the one before, or the genesis.
    pub(crate) fn base_of(&self, epoch: u64) -> u64 {
        epoch.saturating_mul(self.epoch_blocks.get()).saturating_sub(1)
    }

    /// Returns the number of a validator that has, had or is to have a seat.
    pub(crate) fn id_of(&self, key: &PublicKey) -> Option<ValidatorId> {
        let known = self.known();
        let seated = known.epochs.values().rev().find_map(|committee| committee.id_of(key));
        let bytes: &[u8] = key.as_ref();
        let wanted = || known.record.wanted.iter().find(|seat| seat.key.as_slice() == bytes);
        seated.or_else(|| wanted().map(|seat| seat.validator))
    }

    /// Returns this validator's own number.
    pub(crate) fn me(&self) -> Option<ValidatorId> {
        self.id_of(&self.voter.key.public_key())
    }

    /// Returns a report, signed.
    pub(crate) fn sign(&self, height: BlockHeight, vote: Vote) -> Result<Report, EncodeError> {
        let message = codec::encode(&(height, &vote))?;
        let signature = self.voter.key.sign(&self.reports, &message);
        let bytes: &[u8] = signature.as_ref();
        Ok(Report { height, vote, signature: bytes.try_into().unwrap_or([0; 64]) })
    }

    /// Returns how many validators report for a block of a height, if they are known.
    pub(crate) fn reporters(&self, height: BlockHeight) -> Option<usize> {
        let height = u64::try_from(height.blocks()).ok()?;
        self.at(height).map(|committee| committee.len())
    }

    /// Whether a report may stand in the block that it is for: genuine, and no longer than its validator's share.
    ///
    /// spec 0017-ORAC-021.
    pub(crate) fn takes(&self, report: &Report) -> bool {
        self.reporters(report.height).is_some_and(|validators| report_fits(report, validators))
            && self.is_genuine(report)
    }

    /// Whether a report is by the validator that it names, and that has a seat in the epoch of its block.
    pub(crate) fn is_genuine(&self, report: &Report) -> bool {
        let Ok(height) = u64::try_from(report.height.blocks()) else { return false };
        let Some(committee) = self.at(height) else { return false };
        let Some(key) = committee.keys.get(&report.vote.validator) else { return false };
        let Ok(message) = codec::encode(&(report.height, &report.vote)) else { return false };
        let Ok(signature) = Signature::decode(Copying(&report.signature)) else { return false };
        key.verify(&self.reports, &message, &signature)
    }
}

/// What the engine asks for the keys of an epoch.
#[derive(Debug, Clone)]
pub(crate) struct Schemes(pub(crate) Arc<Committees>);

impl Provider for Schemes {
    type Scope = Epoch;
    type Scheme = Guarded;

    fn scoped(&self, epoch: Epoch) -> Option<Scoped<Guarded>> {
        self.0.of(epoch.get()).map(|committee| Scoped::scheme(committee.scheme.clone()))
    }
}

/// Why the validators of a network cannot be known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitteeError {
    /// A key is no point of the curve.
    #[error("the key of validator {0} is no Ed25519 key: check the list of validators")]
    Key(ValidatorId),
    /// The genesis seats others than the anchor lists.
    #[error(
        "the genesis seats other validators, or other keys, than the network's list: take both from one place"
    )]
    OtherGenesis,
    /// A number outside its limits.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}
