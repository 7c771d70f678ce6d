//! A network whose validators sign whatever a test asks them to: its sets by epoch, certificates, and steps.

use commonware_codec::Encode as _;
use commonware_consensus::simplex::{
    scheme::ed25519::Scheme,
    types::{Finalization, Finalize, Proposal},
};
use commonware_consensus::types::{Epoch, Participant, Round, View};
use commonware_cryptography::certificate::Signers;
use commonware_cryptography::{Signer as _, ed25519::PrivateKey, sha256::Digest};
use commonware_parallel::Sequential;
use commonware_utils::{TryCollect as _, non_empty, ordered::Set};
use light::{Anchor, Clock, ConsensusHeader, Step, Trust, Validator};
use machine::{CommitteeRecord, StateKey};
use protocol::{Endpoint, Hash, Header, Seat, ValidatorId, codec};
use store::{QmdbCommitment, StateCommitment as _};
use units::{BlockHeight, BlockSpan, BlockTime};

/// Blocks of an epoch.
pub(crate) const EPOCH_BLOCKS: u64 = 32;
/// Views of the engine in one epoch.
const VIEWS: u64 = 1 << 32;

pub(crate) fn height(blocks: u64) -> BlockHeight {
    BlockHeight::from_blocks(blocks.into())
}

/// The validators of an epoch: four, of whom one is replaced in each epoch from the second on.
pub(crate) fn members(epoch: u64) -> Vec<u16> {
    let first = u16::try_from(epoch.saturating_sub(1)).expect("few epochs") + 1;
    (first..first + 4).collect()
}

pub(crate) fn key(id: u16) -> PrivateKey {
    PrivateKey::from_seed(id.into())
}

pub(crate) fn validators(ids: &[u16]) -> Vec<Validator> {
    let validator = |id: &u16| {
        let public = key(*id).public_key();
        let bytes: &[u8] = public.as_ref();
        Validator { id: ValidatorId::new(*id), key: bytes.try_into().expect("32 bytes") }
    };
    ids.iter().map(validator).collect()
}

pub(crate) fn anchor() -> Anchor {
    Anchor {
        chain: "test".into(),
        genesis: Hash::of("genesis", b"test"),
        clock: Clock::Step { span: BlockSpan::from_millis(1_000) },
        validators: validators(&members(0)),
    }
}

/// The list of an epoch, as somebody holds it who has followed.
pub(crate) fn trust(epoch: u64) -> Trust {
    Trust { anchor: anchor(), epoch, validators: validators(&members(epoch)) }
}

/// The record of the committee that every block of an epoch leaves.
pub(crate) fn record(epoch: u64, present: &[u16], next: &[u16]) -> CommitteeRecord {
    let seats = |ids: &[u16]| {
        let seat = |held: &Validator| {
            let endpoint = Endpoint { ip: [0xFD; 16], port: 26_600 };
            Seat { validator: held.id, key: held.key, endpoint: Some(endpoint) }
        };
        validators(ids).iter().map(seat).collect()
    };
    CommitteeRecord {
        epoch,
        epoch_blocks: EPOCH_BLOCKS,
        last: seats(present),
        present: seats(present),
        next: seats(next),
        wanted: seats(next),
    }
}

pub(crate) fn order(round: u64, at: u64, parent: Hash, executed: &Header) -> ConsensusHeader {
    ConsensusHeader {
        round,
        proposer: ValidatorId::new(1),
        parent,
        height: height(at),
        time: BlockTime::from_millis(1_000 * i128::from(at)),
        executed_height: executed.height,
        executed: executed.hash().expect("within limits"),
        payload: Hash::of("payload", b"whatever"),
    }
}

/// Returns the round of the block at a height, if no view was skipped.
pub(crate) fn round_at(epoch: u64, at: u64) -> u64 {
    epoch * VIEWS + at % EPOCH_BLOCKS + 7
}

/// Signs an order header by the first of some members, who need not be enough, in the round that it names.
pub(crate) fn certificate(
    anchor: &Anchor,
    order: &ConsensusHeader,
    members: &[u16],
    signers: usize,
) -> Vec<u8> {
    certificate_of_round(anchor, order, order.round, members, signers)
}

pub(crate) fn certificate_of_round(
    anchor: &Anchor,
    order: &ConsensusHeader,
    round: u64,
    members: &[u16],
    signers: usize,
) -> Vec<u8> {
    let namespace = anchor.namespace().expect("within limits");
    let keys = || members.iter().map(|id| key(*id));
    let participants: Set<_> = keys().map(|key| key.public_key()).try_collect().expect("different");
    let payload = Digest(*order.hash().expect("within limits").bytes());
    let (epoch, view) = (Epoch::new(round / VIEWS), round % VIEWS);
    let proposal = Proposal::new(Round::new(epoch, View::new(view)), View::new(view - 1), payload);
    let scheme = |key| Scheme::signer(&namespace, participants.clone(), key).expect("a member");
    let votes: Vec<_> =
        keys().map(|key| Finalize::sign(&scheme(key), proposal.clone()).expect("signed")).collect();
    let verifier = Scheme::verifier(&namespace, participants.clone());
    let mut made: Finalization<Scheme, Digest> =
        Finalization::from_finalizes(&verifier, non_empty![@votes.iter()], &Sequential)
            .expect("all of them are a quorum");
    // The engine makes none of too few signatures; a forger does.
    let some = (0..u32::try_from(signers).expect("few")).map(Participant::new);
    let all = u32::try_from(members.len()).expect("few");
    made.certificate.signers = Signers::new(all, some).expect("as many as there are");
    made.certificate.signatures.truncate(signers);
    made.encode().to_vec()
}

/// A step to be made: true to the network, until a test changes a part.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) anchor: Anchor,
    /// The epoch of the round that is signed.
    pub(crate) epoch: u64,
    /// Who can sign.
    pub(crate) members: Vec<u16>,
    /// How many of them do.
    pub(crate) signers: usize,
    /// Which record is proved.
    pub(crate) key: StateKey,
    /// The record; its absence, if it is none.
    pub(crate) record: Option<Vec<u8>>,
    /// Other records of the state.
    pub(crate) others: u32,
}

impl Plan {
    pub(crate) fn of(epoch: u64) -> Self {
        let (members, next) = (members(epoch), members(epoch + 1));
        let record = record(epoch, &members, &next);
        let plan = Self {
            anchor: anchor(),
            epoch,
            signers: quorum(members.len()),
            members,
            key: StateKey::Committee,
            record: None,
            others: 3,
        };
        plan.with(&record)
    }

    /// Proves another record of the committee.
    pub(crate) fn with(self, record: &CommitteeRecord) -> Self {
        Self { record: Some(codec::encode(record).expect("within limits")), ..self }
    }

    /// Headers of two blocks, of which the second is the outcome that an ordered block names; its child is finalised.
    pub(crate) fn step(&self) -> Step {
        let at = self.epoch * EPOCH_BLOCKS + 1;
        let mut state = QmdbCommitment::temporary(&std::env::temp_dir()).expect("a place");
        let key = codec::encode(&self.key).expect("a key");
        let filler = |number: u32| (number.to_be_bytes().to_vec(), Some(vec![1; 100]));
        let mut writes: Vec<_> = (0..self.others).map(filler).collect();
        writes.extend(self.record.clone().map(|record| (key.clone(), Some(record))));
        writes.sort();
        let root = state.commit(at, &writes).expect("committed");
        let proof = state.prove(&key, self.record.as_deref()).expect("proved").encode();
        let header = |at: u64, parent| Header {
            height: height(at),
            time: BlockTime::from_millis(1_000 * i128::from(at)),
            parent,
            body: Hash::of("body", b""),
            receipts: Hash::default(),
            state_root: Hash::new(root.bytes()),
            snapshot: Hash::default(),
        };
        let first = header(at, Hash::default());
        let second = header(at + 1, first.hash().expect("within limits"));
        let round = |at| round_at(self.epoch, at);
        let ordered = order(round(at + 2), at + 2, Hash::default(), &second);
        let parent = ordered.hash().expect("within limits");
        let finalised = order(round(at + 3), at + 3, parent, &second);
        let certificate = certificate(&self.anchor, &finalised, &self.members, self.signers);
        Step { headers: vec![first, second], orders: vec![ordered, finalised], certificate, proof }
    }
}

/// Fewest of so many validators who finalise.
pub(crate) fn quorum(members: usize) -> usize {
    members - (members - 1) / 3
}

/// The steps of some epochs, as the network made them.
pub(crate) fn steps(epochs: std::ops::Range<u64>) -> Vec<Step> {
    epochs.map(|epoch| Plan::of(epoch).step()).collect()
}
