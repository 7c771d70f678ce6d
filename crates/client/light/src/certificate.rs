//! Finalisation certificates: signatures of more than two thirds of the validators under one ordered block.
//!
//! The encoding is the consensus engine's own, and its verification code is used as it is; nothing of the engine runs.

use crate::{Trust, Validator};
use commonware_codec::{Copying, Decode as _, DecodeExt as _, Encode as _, ReadExt as _};
use commonware_consensus::simplex::{
    scheme::ed25519::Scheme,
    types::{Finalization, Proposal},
};
use commonware_cryptography::{certificate::Verifier as _, ed25519::PublicKey, sha256::Digest};
use commonware_parallel::Sequential;
use commonware_utils::{TryCollect as _, ordered::Set};
use protocol::Hash;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};

/// Why a certificate is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// A key of the list is no point of the curve.
    #[error("the key of validator {0} is no Ed25519 key: check the list of validators")]
    KeyUnusable(protocol::ValidatorId),
    /// The list cannot be used.
    #[error("the list of validators cannot be used: {0}")]
    AnchorUnusable(String),
    /// Not the encoding of a certificate of so many validators.
    #[error("the certificate is malformed: {0}")]
    Malformed(String),
    /// A certificate for another block.
    #[error("the certificate is for block {found}, not {expected}")]
    OtherBlock {
        /// The hash of the block at hand.
        expected: Hash,
        /// The hash in the certificate.
        found: Hash,
    },
    /// A certificate by the validators of another epoch than the list's.
    #[error(
        "the certificate is of epoch {found}, but the list of validators of epoch {held}: get the steps that lead from \
         {held} on, or the list of epoch {found} from somebody you trust"
    )]
    OtherEpoch {
        /// The epoch of the list.
        held: u64,
        /// The epoch in the certificate.
        found: u64,
    },
    /// The signatures do not hold, or there are too few.
    #[error("the signatures of the certificate do not hold for these validators")]
    Forged,
}

/// Checks the certificates of one epoch of a network.
#[derive(Debug, Clone)]
pub struct Verifier {
    scheme: Scheme,
    epoch: u64,
}

impl Verifier {
    pub(crate) fn new(trust: &Trust) -> Result<Self, CertificateError> {
        let namespace = trust
            .anchor
            .namespace()
            .map_err(|error| CertificateError::AnchorUnusable(error.to_string()))?;
        let key = |validator: &Validator| {
            PublicKey::decode(Copying(&validator.key))
                .map_err(|_| CertificateError::KeyUnusable(validator.id))
        };
        let keys: Vec<PublicKey> = trust.validators.iter().map(key).collect::<Result<_, _>>()?;
        let keys: Set<PublicKey> = keys
            .into_iter()
            .try_collect()
            .map_err(|_| CertificateError::AnchorUnusable("a key is listed twice".into()))?;
        Ok(Self { scheme: Scheme::verifier(&namespace, keys), epoch: trust.epoch })
    }

    /// Checks that a certificate of the list's epoch finalises the block of a hash.
    ///
    /// Cost: one batch of Ed25519 verifications, one for each signer.
    ///
    /// # Errors
    ///
    /// [`CertificateError`] if it does not.
    pub fn verify(&self, block: Hash, certificate: &[u8]) -> Result<(), CertificateError> {
        self.signed_round(block, certificate).map(drop)
    }

    /// Checks like [`Self::verify`], and returns the round that is signed: epoch · 2³² + view.
    pub(crate) fn signed_round(
        &self,
        block: Hash,
        certificate: &[u8],
    ) -> Result<u64, CertificateError> {
        let malformed = |what: String| CertificateError::Malformed(what);
        // The epoch first: how the rest is read depends on how many validators the epoch has.
        let proposal = Proposal::<Digest>::read(&mut Copying(certificate))
            .map_err(|error| malformed(error.to_string()))?;
        let (found, view) = (proposal.round.epoch().get(), proposal.round.view().get());
        if found != self.epoch {
            return Err(CertificateError::OtherEpoch { held: self.epoch, found });
        }
        let round = match (u32::try_from(found), u32::try_from(view)) {
            (Ok(epoch), Ok(view)) => (u64::from(epoch) << 32) | u64::from(view),
            _ => return Err(malformed(format!("view {view} of epoch {found} is no round"))),
        };
        let config = self.scheme.certificate_codec_config();
        let read = Finalization::<Scheme, Digest>::decode_cfg(Copying(certificate), &config)
            .map_err(|error| malformed(error.to_string()))?;
        if read.encode() != certificate {
            return Err(malformed("not in its one encoding".into()));
        }
        let found = Hash::new(read.proposal.payload.0);
        if found != block {
            return Err(CertificateError::OtherBlock { expected: block, found });
        }
        // The weights of the batch follow from the bytes that are checked: whoever makes them cannot choose both.
        let mut random =
            ChaCha20Rng::from_seed(*Hash::of("certificate batch", certificate).bytes());
        if !read.verify(&mut random, &self.scheme, &Sequential) {
            return Err(CertificateError::Forged);
        }
        Ok(round)
    }
}
