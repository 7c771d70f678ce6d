//! Signing: the engine's Ed25519 scheme behind the double-sign guard.
//!
//! **Invariant:** no vote leaves this process for which the guard did not say yes first.

use crate::consensus::guard::{Ballot, VoteGuard};
use crate::consensus::round;
use commonware_codec::{Encode as _, Read};
use commonware_consensus::simplex::{
    scheme::ed25519,
    types::{Proposal, Subject},
};
use commonware_cryptography::{
    Digest,
    certificate::{
        AssemblyError, Attestation, Membership, Scheme, Verification, Verifier,
        verify_then_assemble,
    },
    ed25519::{PublicKey, Signature},
};
use commonware_parallel::Strategy;
use commonware_utils::{N3f1, iter::NonEmpty, ordered::Set};
use protocol::Hash;
use rand_core::CryptoRng;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a vote may take to be written down before that is said.
const WRITTEN_MAX: Duration = Duration::from_millis(250);

/// The signatures of one validator, each permitted by its guard.
#[derive(Debug, Clone)]
pub(crate) struct Guarded {
    inner: ed25519::Scheme,
    guard: Arc<Mutex<VoteGuard>>,
}

impl Guarded {
    pub(crate) fn new(inner: ed25519::Scheme, guard: Arc<Mutex<VoteGuard>>) -> Self {
        Self { inner, guard }
    }
}

/// Returns the vote that a subject is. Two proposals of one block that stand on different views are two.
fn ballot<D: Digest>(subject: &Subject<'_, D>) -> Ballot {
    let named = |proposal: &Proposal<D>| Hash::of("proposal", &proposal.encode());
    match subject {
        Subject::Notarize { proposal } => {
            Ballot::Notarize { round: round::number(proposal.round), block: named(proposal) }
        }
        Subject::Nullify { round } => Ballot::Nullify { round: round::number(*round) },
        Subject::Finalize { proposal } => {
            Ballot::Finalize { round: round::number(proposal.round), block: named(proposal) }
        }
    }
}

/// The same attestation, as the inner scheme sees it.
fn inward(held: Attestation<Guarded>) -> Attestation<ed25519::Scheme> {
    Attestation { signer: held.signer, signature: held.signature }
}

fn outward(held: Attestation<ed25519::Scheme>) -> Attestation<Guarded> {
    Attestation { signer: held.signer, signature: held.signature }
}

impl Verifier for Guarded {
    type Subject<'a, D: Digest> = Subject<'a, D>;
    type Faults = N3f1;
    type PublicKey = PublicKey;
    type Certificate = <ed25519::Scheme as Verifier>::Certificate;

    fn verify_certificate<R: CryptoRng, D: Digest>(
        &self,
        rng: &mut R,
        subject: Self::Subject<'_, D>,
        certificate: &Self::Certificate,
        strategy: &impl Strategy,
    ) -> bool {
        self.inner.verify_certificate(rng, subject, certificate, strategy)
    }

    fn verify_certificates<'a, R, D, I>(
        &self,
        rng: &mut R,
        certificates: NonEmpty<I>,
        strategy: &impl Strategy,
    ) -> bool
    where
        R: CryptoRng,
        D: Digest,
        I: Iterator<Item = (Self::Subject<'a, D>, &'a Self::Certificate)>,
    {
        self.inner.verify_certificates(rng, certificates, strategy)
    }

    fn is_batchable() -> bool {
        ed25519::Scheme::is_batchable()
    }

    fn max_certificate_size(participants: u32) -> usize {
        ed25519::Scheme::max_certificate_size(participants)
    }

    fn certificate_codec_config(&self) -> <Self::Certificate as Read>::Cfg {
        self.inner.certificate_codec_config()
    }

    fn certificate_codec_config_unbounded() -> <Self::Certificate as Read>::Cfg {
        ed25519::Scheme::certificate_codec_config_unbounded()
    }
}

impl Scheme for Guarded {
    type Signature = Signature;

    fn me(&self) -> Option<Membership> {
        self.inner.me()
    }

    fn participants(&self) -> &Set<PublicKey> {
        self.inner.participants()
    }

    fn sign<D: Digest>(&self, subject: Self::Subject<'_, D>) -> Option<Attestation<Self>> {
        let begun = Instant::now();
        let permitted = {
            let mut guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
            guard.permit(ballot(&subject))
        };
        let took = begun.elapsed();
        if took > WRITTEN_MAX {
            tracing::warn!(
                "a vote took {} ms to be written down: the disk is slow",
                took.as_millis()
            );
        }
        // The engine treats a vote that is not signed as one that was never asked for; why, the guard remembers.
        permitted.ok()?;
        self.inner.sign(subject).map(outward)
    }

    fn verify_attestation<R: CryptoRng, D: Digest>(
        &self,
        rng: &mut R,
        subject: Self::Subject<'_, D>,
        attestation: &Attestation<Self>,
        strategy: &impl Strategy,
    ) -> bool {
        self.inner.verify_attestation(rng, subject, &inward(attestation.clone()), strategy)
    }

    fn verify_attestations<R, D, I>(
        &self,
        rng: &mut R,
        subject: Self::Subject<'_, D>,
        attestations: I,
        strategy: &impl Strategy,
    ) -> Verification<Self>
    where
        R: CryptoRng,
        D: Digest,
        I: IntoIterator<Item = Attestation<Self>>,
        I::IntoIter: Send,
    {
        let attestations = attestations.into_iter().map(inward);
        let found = self.inner.verify_attestations(rng, subject, attestations, strategy);
        Verification::new(found.verified.into_iter().map(outward).collect(), found.invalid)
    }

    fn optimistic_assemble<'a, R, D, I, J>(
        &self,
        rng: &mut R,
        subject: Self::Subject<'_, D>,
        pending: I,
        verified: J,
        strategy: &impl Strategy,
    ) -> Result<Self::Certificate, Verification<Self>>
    where
        R: CryptoRng,
        D: Digest,
        I: IntoIterator<Item = Attestation<Self>>,
        I::IntoIter: ExactSizeIterator + Send,
        J: IntoIterator<Item = &'a Attestation<Self>>,
        J::IntoIter: Send,
    {
        verify_then_assemble::<Self, _, D, _, _>(self, rng, subject, pending, verified, strategy)
    }

    fn assemble<I>(
        &self,
        attestations: NonEmpty<I>,
        strategy: &impl Strategy,
    ) -> Result<Self::Certificate, AssemblyError>
    where
        I: Iterator<Item = Attestation<Self>> + Send,
    {
        let (first, rest) = attestations.into_parts();
        self.inner.assemble(NonEmpty::new(inward(first), rest.map(inward)), strategy)
    }

    fn is_attributable() -> bool {
        ed25519::Scheme::is_attributable()
    }
}
