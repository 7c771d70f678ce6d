//! The validators of a network with their keys, and what each of them signs besides the engine's votes: reports of
//! prices.

use access::Network;
use commonware_codec::{Copying, DecodeExt as _};
use commonware_consensus::{simplex::scheme::ed25519::Scheme, types::Participant};
use commonware_cryptography::certificate::Scheme as _;
use commonware_cryptography::{
    Signer as _, Verifier as _,
    ed25519::{PrivateKey, PublicKey, Signature},
};
use commonware_utils::{
    TryCollect as _,
    ordered::{Quorum as _, Set},
};
use light::Anchor;
use protocol::codec::{self, EncodeError};
use protocol::{Hash, ValidatorId, Vote};
use std::collections::BTreeMap;
use units::BlockHeight;

use borsh::{BorshDeserialize, BorshSerialize};

/// A validator's report for one block, signed by it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Report {
    /// For which block: it may stand in no other.
    pub(crate) height: BlockHeight,
    pub(crate) vote: Vote,
    pub(crate) signature: [u8; 64],
}

/// The anchor with its keys decoded.
#[derive(Debug, Clone)]
pub(crate) struct Committee {
    pub(crate) anchor: Anchor,
    /// Names the network: every signature is bound to it.
    pub(crate) network: Hash,
    pub(crate) namespace: Vec<u8>,
    /// What submissions are signed for.
    pub(crate) access: Network,
    reports: Vec<u8>,
    keys: BTreeMap<ValidatorId, PublicKey>,
    ids: BTreeMap<PublicKey, ValidatorId>,
    /// Verifies votes.
    pub(crate) verifier: Scheme,
}

impl Committee {
    /// Decodes the keys of an anchor; the first that is none is named.
    pub(crate) fn new(anchor: Anchor) -> Result<Self, CommitteeError> {
        let mut keys = BTreeMap::new();
        let mut ids = BTreeMap::new();
        for validator in &anchor.validators {
            let key = PublicKey::decode(Copying(&validator.key))
                .map_err(|_| CommitteeError::Key(validator.id))?;
            keys.insert(validator.id, key.clone());
            ids.insert(key, validator.id);
        }
        let network = anchor.hash()?;
        let namespace = anchor.namespace()?;
        let access = Network::new(&anchor.chain, anchor.genesis);
        let reports = [namespace.as_slice(), b"/report"].concat();
        // The anchor holds each key once.
        let participants = keys.values().cloned().try_collect().unwrap_or_default();
        let verifier = Scheme::verifier(&namespace, participants);
        Ok(Self { anchor, network, namespace, access, reports, keys, ids, verifier })
    }

    pub(crate) fn participants(&self) -> Set<PublicKey> {
        self.verifier.participants().clone()
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

    /// Returns a report, signed.
    pub(crate) fn sign(
        &self,
        key: &PrivateKey,
        height: BlockHeight,
        vote: Vote,
    ) -> Result<Report, EncodeError> {
        let message = codec::encode(&(height, &vote))?;
        let signature = key.sign(&self.reports, &message);
        let bytes: &[u8] = signature.as_ref();
        Ok(Report { height, vote, signature: bytes.try_into().unwrap_or([0; 64]) })
    }

    /// Whether a report is by the validator that it names.
    pub(crate) fn is_genuine(&self, report: &Report) -> bool {
        let Some(key) = self.keys.get(&report.vote.validator) else { return false };
        let Ok(message) = codec::encode(&(report.height, &report.vote)) else { return false };
        let Ok(signature) = Signature::decode(Copying(&report.signature)) else { return false };
        key.verify(&self.reports, &message, &signature)
    }
}

/// Why an anchor cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitteeError {
    /// A key is no point of the curve.
    #[error("the key of validator {0} is no Ed25519 key: check the list of validators")]
    Key(ValidatorId),
    /// A number outside its limits.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}
