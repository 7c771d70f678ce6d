//! Evidence: two votes of one validator that contradict each other, from the engine's eyes into a block.
//!
//! **Invariant:** no offence reaches the machine whose two signatures an honest validator has not verified.
//!
//! What an offence costs is for the machine (spec 0029); whether a vote was ever asked for, no evidence says.

use crate::committee::Committee;
use crate::engine::Digest;
use crate::scheme::Guarded;
use borsh::{BorshDeserialize, BorshSerialize};
use commonware_codec::{Copying, DecodeExt as _, Encode as _};
use commonware_consensus::{
    Epochable, Viewable,
    simplex::{
        scheme::ed25519::Scheme,
        types::{
            Activity, Attributable, ConflictingFinalize, ConflictingNotarize, NullifyFinalize,
        },
    },
    types::Epoch,
};
use commonware_parallel::Sequential;
use protocol::{Hash, Offence, OffenceKind, ValidatorId};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Most pieces in one block; the rest waits for the next.
pub(crate) const PIECES_MAX: usize = 64;
/// Longest encoding of two votes.
const VOTES_BYTES_MAX: usize = 512;

/// An offence, and the two votes that prove it in the engine's own encoding.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Evidence {
    pub(crate) offence: Offence,
    pub(crate) votes: Vec<u8>,
}

impl Evidence {
    /// Returns the evidence in what the engine reports, if there is any, whether or not it proves what it says.
    pub(crate) fn reported(
        activity: &Activity<Guarded, Digest>,
        committee: &Committee,
    ) -> Option<Self> {
        let (kind, votes, signer, view) = match activity {
            Activity::ConflictingNotarize(held) => {
                (OffenceKind::TwoBlocks, held.encode(), held.signer(), held.view())
            }
            Activity::ConflictingFinalize(held) => {
                (OffenceKind::TwoFinalities, held.encode(), held.signer(), held.view())
            }
            Activity::NullifyFinalize(held) => {
                (OffenceKind::FinalityAndSkip, held.encode(), held.signer(), held.view())
            }
            _ => return None,
        };
        let validator = committee.id_at(signer)?;
        let offence = Offence { validator, view: view.get(), kind };
        Some(Self { offence, votes: votes.to_vec() })
    }

    /// Whether the two votes are what the offence says, and both signed by the validator.
    ///
    /// Cost: two Ed25519 verifications.
    ///
    /// spec 0029-EVID-001.
    pub(crate) fn is_proved(&self, committee: &Committee) -> bool {
        if self.votes.len() > VOTES_BYTES_MAX {
            return false;
        }
        // Two signatures are verified one by one, so nothing depends on these numbers.
        let mut random = ChaCha20Rng::from_seed(*Hash::of("evidence", &self.votes).bytes());
        let (bytes, scheme) = (Copying(self.votes.as_slice()), &committee.verifier);
        match self.offence.kind {
            OffenceKind::TwoBlocks => ConflictingNotarize::<Scheme, Digest>::decode(bytes)
                .is_ok_and(|held| {
                    self.names(&held, committee) && held.verify(&mut random, scheme, &Sequential)
                }),
            OffenceKind::TwoFinalities => ConflictingFinalize::<Scheme, Digest>::decode(bytes)
                .is_ok_and(|held| {
                    self.names(&held, committee) && held.verify(&mut random, scheme, &Sequential)
                }),
            OffenceKind::FinalityAndSkip => NullifyFinalize::<Scheme, Digest>::decode(bytes)
                .is_ok_and(|held| {
                    self.names(&held, committee) && held.verify(&mut random, scheme, &Sequential)
                }),
        }
    }

    /// Whether the offence is of the validator and view of two votes.
    fn names(
        &self,
        held: &(impl Attributable + Viewable + Epochable),
        committee: &Committee,
    ) -> bool {
        committee.id_at(held.signer()) == Some(self.offence.validator)
            && held.view().get() == self.offence.view
            && held.epoch() == Epoch::zero()
    }
}

/// Evidence that waits for a block: of each validator its latest offence, for earlier ones count no more (0029-EVID-002).
#[derive(Debug, Default)]
pub(crate) struct Dock {
    waiting: Mutex<BTreeMap<ValidatorId, Evidence>>,
}

impl Dock {
    fn waiting(&self) -> std::sync::MutexGuard<'_, BTreeMap<ValidatorId, Evidence>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes evidence that is proved.
    pub(crate) fn accuse(&self, evidence: Evidence) {
        let mut waiting = self.waiting();
        let id = evidence.offence.validator;
        if waiting.get(&id).is_none_or(|held| held.offence.view < evidence.offence.view) {
            waiting.insert(id, evidence);
        }
    }

    /// Returns what waits and may stand in a block of a view, ascending by validator.
    pub(crate) fn pieces(&self, view: u64) -> Vec<Evidence> {
        let waiting = self.waiting();
        let due = waiting.values().filter(|held| held.offence.view <= view);
        due.take(PIECES_MAX).cloned().collect()
    }

    /// Forgets what an executed block held.
    pub(crate) fn settled(&self, offences: &[Offence]) {
        let mut waiting = self.waiting();
        for offence in offences {
            let known = |held: &Evidence| held.offence.view <= offence.view;
            if waiting.get(&offence.validator).is_some_and(known) {
                waiting.remove(&offence.validator);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::ValidatorKey;
    use crate::payload::{Payload, PayloadError};
    use commonware_consensus::simplex::types::{Finalize, Notarize, Nullify, Proposal};
    use commonware_consensus::types::{Round, View};
    use light::OrderHeader;
    use light::{Anchor, Clock, Validator};
    use std::slice;
    use units::{BlockHeight, BlockSpan, BlockTime};

    const VIEW: u64 = 9;

    fn key(id: u16) -> ValidatorKey {
        let secret = Hash::of("key", &id.to_be_bytes());
        ValidatorKey::from_secret(*secret.bytes()).expect("a key")
    }

    fn committee(chain: &str) -> Committee {
        let validator = |id| Validator { id: ValidatorId::new(id), key: key(id).public() };
        let anchor = Anchor {
            chain: chain.into(),
            genesis: Hash::default(),
            clock: Clock::Step { span: BlockSpan::from_millis(1) },
            validators: (1..=4).map(validator).collect(),
        };
        Committee::new(anchor).expect("the keys are keys")
    }

    fn signer(committee: &Committee, id: u16) -> Scheme {
        Scheme::signer(&committee.namespace, committee.participants(), key(id).0).expect("a member")
    }

    fn proposal(view: u64, block: u8) -> Proposal<Digest> {
        let round = Round::new(Epoch::zero(), View::new(view));
        Proposal::new(round, View::new(view - 1), Digest::from([block; 32]))
    }

    /// Two votes of validator 2, of each kind.
    fn pieces(committee: &Committee) -> [Evidence; 3] {
        let scheme = signer(committee, 2);
        let [a, b] = [1, 2].map(|block| proposal(VIEW, block));
        let notarize = |held: &Proposal<Digest>| {
            Notarize::<Scheme, Digest>::sign(&scheme, held.clone()).expect("signed")
        };
        let finalize = |held: &Proposal<Digest>| {
            Finalize::<Scheme, Digest>::sign(&scheme, held.clone()).expect("signed")
        };
        let nullify = Nullify::<Scheme>::sign::<Digest>(&scheme, a.round).expect("signed");
        let piece = |kind, votes: Vec<u8>| {
            let offence = Offence { validator: ValidatorId::new(2), view: VIEW, kind };
            Evidence { offence, votes }
        };
        [
            piece(
                OffenceKind::TwoBlocks,
                ConflictingNotarize::new(notarize(&a), notarize(&b)).encode().to_vec(),
            ),
            piece(
                OffenceKind::TwoFinalities,
                ConflictingFinalize::new(finalize(&a), finalize(&b)).encode().to_vec(),
            ),
            piece(
                OffenceKind::FinalityAndSkip,
                NullifyFinalize::new(nullify, finalize(&a)).encode().to_vec(),
            ),
        ]
    }

    #[test]
    fn two_votes_prove_the_offence_that_they_are_and_no_other() {
        // 0029-EVID-001
        let committee = committee("ours");
        for piece in pieces(&committee) {
            assert!(piece.is_proved(&committee), "{:?}", piece.offence.kind);
            let of = |offence: Offence| Evidence { offence, ..piece.clone() };
            let honest = Offence { validator: ValidatorId::new(1), ..piece.offence };
            assert!(!of(honest).is_proved(&committee), "of somebody else");
            assert!(!of(Offence { view: VIEW + 1, ..piece.offence }).is_proved(&committee));
            let kinds =
                [OffenceKind::TwoBlocks, OffenceKind::TwoFinalities, OffenceKind::FinalityAndSkip];
            for kind in kinds.into_iter().filter(|kind| *kind != piece.offence.kind) {
                assert!(!of(Offence { kind, ..piece.offence }).is_proved(&committee), "{kind:?}");
            }
        }
    }

    #[test]
    fn no_byte_of_evidence_can_change_and_no_network_takes_that_of_another() {
        // 0029-EVID-001
        let (ours, theirs) = (committee("ours"), committee("theirs"));
        for piece in pieces(&ours) {
            assert!(!piece.is_proved(&theirs), "signatures are bound to their network");
            for at in 0..piece.votes.len() {
                let mut changed = piece.clone();
                changed.votes[at] ^= 1;
                assert!(!changed.is_proved(&ours), "byte {at} of {:?}", piece.offence.kind);
            }
            let mut longer = piece.clone();
            longer.votes.push(0);
            assert!(!longer.is_proved(&ours));
        }
    }

    #[test]
    fn a_payload_holds_evidence_in_order_proved_and_of_no_view_after_its_own() {
        // 0029-EVID-001
        let committee = committee("ours");
        let [piece, other, _] = pieces(&committee);
        let header = |view| OrderHeader {
            view,
            proposer: ValidatorId::new(1),
            parent: Hash::default(),
            height: BlockHeight::from_blocks(1),
            time: BlockTime::from_millis(1),
            executed_height: BlockHeight::from_blocks(0),
            executed: Hash::default(),
            payload: Hash::default(),
        };
        let check = |view, evidence: Vec<Evidence>| {
            Payload { evidence, ..Payload::default() }.check(&header(view), &committee)
        };
        let unproved = Err(PayloadError::EvidenceUnproved(ValidatorId::new(2)));
        assert_eq!(check(VIEW, vec![piece.clone()]), Ok(()));
        assert_eq!(check(VIEW - 1, vec![piece.clone()]), unproved);
        let doubled = check(VIEW, vec![piece.clone(), other]);
        assert_eq!(doubled, Err(PayloadError::EvidenceOutOfOrder));
        let forged = Evidence { votes: vec![0; 200], ..piece.clone() };
        assert_eq!(check(VIEW, vec![forged]), unproved);
        let payload = Payload { evidence: vec![piece.clone()], ..Payload::default() };
        let opened = payload.open(&header(VIEW), &committee.access, |_| false).expect("it opens");
        assert_eq!(opened.block.offences, [piece.offence]);
    }

    #[test]
    fn one_vote_seen_twice_is_no_evidence() {
        // 0029-EVID-001
        let committee = committee("ours");
        let scheme = signer(&committee, 2);
        let vote = Notarize::<Scheme, Digest>::sign(&scheme, proposal(VIEW, 1)).expect("signed");
        let votes = [vote.encode().to_vec(), vote.encode().to_vec()].concat();
        let [piece, ..] = pieces(&committee);
        assert!(!Evidence { votes, ..piece }.is_proved(&committee));
    }

    #[test]
    fn evidence_waits_until_a_block_has_held_it_or_something_later() {
        // 0029-EVID-001, 0029-EVID-002
        let committee = committee("ours");
        let [piece, ..] = pieces(&committee);
        let dock = Dock::default();
        dock.accuse(piece.clone());
        dock.accuse(Evidence { offence: Offence { view: 3, ..piece.offence }, ..piece.clone() });
        assert_eq!(dock.pieces(VIEW), slice::from_ref(&piece), "the latest offence counts");
        assert_eq!(dock.pieces(VIEW - 1), [], "no block holds evidence of views after its own");
        dock.settled(&[Offence { view: VIEW - 1, ..piece.offence }]);
        dock.settled(&[Offence { validator: ValidatorId::new(3), ..piece.offence }]);
        assert_eq!(dock.pieces(VIEW), slice::from_ref(&piece));
        dock.settled(&[Offence { view: VIEW + 1, ..piece.offence }]);
        assert_eq!(dock.pieces(VIEW), []);
    }
}
