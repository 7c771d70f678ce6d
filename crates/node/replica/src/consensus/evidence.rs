//! Evidence of equivocation: two votes of one validator that contradict each other, from the engine's eyes into a block.
//!
//! **Invariant:** no offence reaches the machine whose two signatures an honest validator has not verified.
//!
//! What an offence costs is for the machine (spec 0029); whether a vote was ever asked for, no evidence says.

use crate::consensus::committee::{Committee, Committees};
use crate::consensus::round;
use crate::consensus::scheme::Guarded;
use crate::engine::Digest;
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
};
use commonware_parallel::Sequential;
use protocol::{Hash, Offence, OffenceKind, ValidatorId};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Most pieces in one block; the rest waits for the next.
pub(crate) const PIECES_MAX: usize = 64;
/// Longest encoding of two votes.
pub(crate) const VOTES_BYTES_MAX: usize = 512;
/// Most bytes of all evidence in a block, with validator, round, kind and length of each piece.
pub(crate) const PIECES_BYTES_MAX: usize = PIECES_MAX * (VOTES_BYTES_MAX + 16);

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
        committees: &Committees,
    ) -> Option<Self> {
        let (kind, votes, signer, round) = match activity {
            Activity::ConflictingNotarize(held) => {
                (OffenceKind::TwoBlocks, held.encode(), held.signer(), round_of(held))
            }
            Activity::ConflictingFinalize(held) => {
                (OffenceKind::TwoFinalities, held.encode(), held.signer(), round_of(held))
            }
            Activity::NullifyFinalize(held) => {
                (OffenceKind::FinalityAndSkip, held.encode(), held.signer(), round_of(held))
            }
            _ => return None,
        };
        let validator = committees.of(round::parts(round).0)?.id_at(signer)?;
        let offence = Offence { validator, round, kind };
        Some(Self { offence, votes: votes.to_vec() })
    }

    /// Whether the two votes are what the offence says, and both signed by the validator.
    ///
    /// Cost: two Ed25519 verifications.
    ///
    /// spec 0029-EVID-001.
    pub(crate) fn is_proved(&self, committees: &Committees) -> bool {
        if self.votes.len() > VOTES_BYTES_MAX {
            return false;
        }
        let epoch = round::parts(self.offence.round).0;
        let Some(committee) = committees.of(epoch) else { return false };
        let committee = committee.as_ref();
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
            && round_of(held) == self.offence.round
    }
}

/// Whether an offence may be held against its validator in a block of a round: not one of a later round, for one could be
/// guilty in advance, nor one from before the last epoch, whose committee not every validator knows.
///
/// spec 0029-EVID-001.
pub(crate) const fn counts(offence: u64, block: u64) -> bool {
    offence <= block && round::parts(offence).0.saturating_add(1) >= round::parts(block).0
}

/// Returns the round of two votes.
fn round_of(held: &(impl Viewable + Epochable)) -> u64 {
    round::of(held.epoch().get(), held.view().get())
}

/// Evidence that waits for a block: of each validator its latest offence, for earlier ones count no more (0029-EVID-002).
#[derive(Debug, Default)]
pub(crate) struct EvidencePool {
    waiting: Mutex<BTreeMap<ValidatorId, Evidence>>,
}

impl EvidencePool {
    fn waiting(&self) -> std::sync::MutexGuard<'_, BTreeMap<ValidatorId, Evidence>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes evidence that is proved.
    pub(crate) fn accuse(&self, evidence: Evidence) {
        let mut waiting = self.waiting();
        let id = evidence.offence.validator;
        if waiting.get(&id).is_none_or(|held| held.offence.round < evidence.offence.round) {
            waiting.insert(id, evidence);
        }
    }

    /// Returns what waits and may stand in a block of a round, ascending by validator; of votes that can no longer be
    /// checked nothing waits any more.
    pub(crate) fn pieces(&self, round: u64) -> Vec<Evidence> {
        let mut waiting = self.waiting();
        waiting.retain(|_, held| held.offence.round > round || counts(held.offence.round, round));
        let due = waiting.values().filter(|held| held.offence.round <= round);
        due.take(PIECES_MAX).cloned().collect()
    }

    /// Forgets what an executed block held.
    pub(crate) fn settled(&self, offences: &[Offence]) {
        let mut waiting = self.waiting();
        for offence in offences {
            let known = |held: &Evidence| held.offence.round <= offence.round;
            if waiting.get(&offence.validator).is_some_and(known) {
                waiting.remove(&offence.validator);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::committee::Voter;
    use crate::consensus::guard::VoteGuard;
    use crate::keys::ValidatorKey;
    use crate::proposal::payload::{Payload, PayloadError};
    use commonware_consensus::simplex::types::{Finalize, Notarize, Nullify, Proposal, Subject};
    use commonware_consensus::types::View;
    use commonware_cryptography::certificate::Scheme as _;
    use light::ConsensusHeader;
    use light::{Anchor, Clock, Validator};
    use machine::CommitteeRecord;
    use protocol::Seat;
    use std::slice;
    use std::sync::Arc;
    use units::{BlockHeight, BlockSpan, BlockTime};

    /// A view of epoch 3.
    const ROUND: u64 = (3 << 32) + 9;

    fn key(id: u16) -> ValidatorKey {
        let secret = Hash::of("key", &id.to_be_bytes());
        ValidatorKey::from_secret(*secret.bytes()).expect("a key")
    }

    fn committee(chain: &str) -> Committees {
        let validator = |id| Validator { id: ValidatorId::new(id), key: key(id).public() };
        let anchor = Anchor {
            chain: chain.into(),
            genesis: Hash::default(),
            clock: Clock::Step { span: BlockSpan::from_millis(1) },
            validators: (1..=4).map(validator).collect(),
        };
        let seat =
            |id| Seat { validator: ValidatorId::new(id), key: key(id).public(), endpoint: None };
        let seats: Vec<Seat> = (1..=4).map(seat).collect();
        let record = CommitteeRecord {
            epoch: 3,
            epoch_blocks: 32,
            last: seats.clone(),
            present: seats.clone(),
            next: seats.clone(),
            wanted: seats,
        };
        let guard = Arc::new(Mutex::new(VoteGuard::in_memory()));
        let voter = Voter { key: key(1).0, guard };
        Committees::new(anchor, voter, record).expect("the keys are keys")
    }

    fn signer(committees: &Committees, id: u16) -> Scheme {
        let participants = committees.at(3 * 32).expect("known").participants().clone();
        Scheme::signer(&committees.namespace, participants, key(id).0).expect("a member")
    }

    fn proposal(number: u64, block: u8) -> Proposal<Digest> {
        let round = round::engine(number);
        Proposal::new(round, View::new(round.view().get() - 1), Digest::from([block; 32]))
    }

    /// Two votes of validator 2, of each kind.
    fn pieces(committee: &Committees) -> [Evidence; 3] {
        let scheme = signer(committee, 2);
        let [a, b] = [1, 2].map(|block| proposal(ROUND, block));
        let notarize = |held: &Proposal<Digest>| {
            Notarize::<Scheme, Digest>::sign(&scheme, held.clone()).expect("signed")
        };
        let finalize = |held: &Proposal<Digest>| {
            Finalize::<Scheme, Digest>::sign(&scheme, held.clone()).expect("signed")
        };
        let nullify = Nullify::<Scheme>::sign::<Digest>(&scheme, a.round).expect("signed");
        let piece = |kind, votes: Vec<u8>| {
            let offence = Offence { validator: ValidatorId::new(2), round: ROUND, kind };
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
            assert!(!of(Offence { round: ROUND + 1, ..piece.offence }).is_proved(&committee));
            let kinds =
                [OffenceKind::TwoBlocks, OffenceKind::TwoFinalities, OffenceKind::FinalityAndSkip];
            for kind in kinds.into_iter().filter(|kind| *kind != piece.offence.kind) {
                assert!(!of(Offence { kind, ..piece.offence }).is_proved(&committee), "{kind:?}");
            }
        }
    }

    #[test]
    fn the_guard_refuses_the_second_of_two_votes_exactly_if_both_are_evidence() {
        // 0029-EVID-001. The third proposal is of the first one's block, on another view: as at the end of an epoch, where
        // a block is proposed again.
        let committee = committee("ours");
        let scheme = signer(&committee, 2);
        let first = proposal(ROUND, 1);
        let again = Proposal { parent: View::new(first.parent.get() - 1), ..first.clone() };
        let proposals = [&first, &proposal(ROUND, 2), &again];
        let notarize = |held: &Proposal<Digest>| {
            Notarize::<Scheme, Digest>::sign(&scheme, held.clone()).expect("signed")
        };
        let finalize = |held: &Proposal<Digest>| {
            Finalize::<Scheme, Digest>::sign(&scheme, held.clone()).expect("signed")
        };
        let proves = |kind, votes: Vec<u8>| {
            let offence = Offence { validator: ValidatorId::new(2), round: ROUND, kind };
            Evidence { offence, votes }.is_proved(&committee)
        };
        let both = |a: Subject<'_, Digest>, b: Subject<'_, Digest>| {
            let guard = Arc::new(Mutex::new(VoteGuard::in_memory()));
            let guarded = Guarded::new(scheme.clone(), guard);
            assert!(guarded.sign(a).is_some(), "nothing stands against the first");
            guarded.sign(b).is_some()
        };
        for (at, a) in proposals.into_iter().enumerate() {
            for (place, b) in proposals.into_iter().enumerate() {
                let signed =
                    both(Subject::Notarize { proposal: a }, Subject::Notarize { proposal: b });
                let evident = at != place
                    && proves(
                        OffenceKind::TwoBlocks,
                        ConflictingNotarize::new(notarize(a), notarize(b)).encode().to_vec(),
                    );
                assert_eq!((signed, evident), (at == place, at != place), "{at} and {place}");
                let signed =
                    both(Subject::Finalize { proposal: a }, Subject::Finalize { proposal: b });
                let evident = at != place
                    && proves(
                        OffenceKind::TwoFinalities,
                        ConflictingFinalize::new(finalize(a), finalize(b)).encode().to_vec(),
                    );
                assert_eq!((signed, evident), (at == place, at != place), "{at} and {place}");
            }
            let round = a.round;
            let nullify = Nullify::<Scheme>::sign::<Digest>(&scheme, round).expect("signed");
            let votes = NullifyFinalize::new(nullify, finalize(a)).encode().to_vec();
            assert!(proves(OffenceKind::FinalityAndSkip, votes));
            assert!(!both(Subject::Nullify { round }, Subject::Finalize { proposal: a }));
            assert!(!both(Subject::Finalize { proposal: a }, Subject::Nullify { round }));
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
    fn a_payload_holds_evidence_in_order_proved_and_of_its_own_epoch_or_the_last() {
        // 0029-EVID-001
        let committee = committee("ours");
        let [piece, other, _] = pieces(&committee);
        let header = |round| ConsensusHeader {
            round,
            proposer: ValidatorId::new(1),
            parent: Hash::default(),
            height: BlockHeight::from_blocks(1),
            time: BlockTime::from_millis(1),
            executed_height: BlockHeight::from_blocks(0),
            executed: Hash::default(),
            payload: Hash::default(),
        };
        let check = |round, evidence: Vec<Evidence>| {
            Payload { evidence, ..Payload::default() }.check(&header(round), &committee)
        };
        let unproved = Err(PayloadError::EvidenceUnproved(ValidatorId::new(2)));
        assert_eq!(check(ROUND, vec![piece.clone()]), Ok(()));
        assert_eq!(check(ROUND - 1, vec![piece.clone()]), unproved);
        let later = |epochs: u64| ROUND + (epochs << 32);
        assert_eq!(check(later(1), vec![piece.clone()]), Ok(()), "of the last epoch");
        assert_eq!(check(later(2), vec![piece.clone()]), unproved, "of an epoch before that");
        let doubled = check(ROUND, vec![piece.clone(), other]);
        assert_eq!(doubled, Err(PayloadError::EvidenceOutOfOrder));
        let forged = Evidence { votes: vec![0; 200], ..piece.clone() };
        assert_eq!(check(ROUND, vec![forged]), unproved);
        let payload = Payload { evidence: vec![piece.clone()], ..Payload::default() };
        let opened = payload.open(&header(ROUND), &committee.access, |_| false).expect("it opens");
        assert_eq!(opened.block.offences, [piece.offence]);
    }

    // 0017-ORAC-021
    #[test]
    fn no_honest_validator_votes_for_a_block_with_a_report_longer_than_its_share() {
        let committee = committee("ours");
        let height = BlockHeight::from_blocks(3 * 32);
        let report = |vols: u32| {
            let vol = protocol::VolReport {
                instrument: protocol::InstrumentId::new(1),
                vol: units::Vol::from_points(5_000),
            };
            let vols = vec![vol; usize::try_from(vols).expect("few")];
            let validator = ValidatorId::new(1);
            let (prices, bases) = (Vec::new(), Vec::new());
            let vote = protocol::Vote { validator, prices, vols, bases };
            committee.sign(height, vote).expect("encodable")
        };
        let header = ConsensusHeader {
            round: ROUND,
            proposer: ValidatorId::new(1),
            parent: Hash::default(),
            height,
            time: BlockTime::from_millis(1),
            executed_height: BlockHeight::from_blocks(0),
            executed: Hash::default(),
            payload: Hash::default(),
        };
        let check = |report| {
            Payload { reports: vec![report], ..Payload::default() }.check(&header, &committee)
        };
        assert_eq!(check(report(5_000)), Ok(()));
        // One of 190,000 bytes once kept all others out.
        for vols in [5_500, 15_800] {
            let long = report(vols);
            assert!(committee.is_genuine(&long) && !committee.takes(&long));
            assert_eq!(check(long), Err(PayloadError::ReportTooLong(ValidatorId::new(1))));
        }
    }

    #[test]
    fn one_vote_seen_twice_is_no_evidence() {
        // 0029-EVID-001
        let committee = committee("ours");
        let scheme = signer(&committee, 2);
        let vote = Notarize::<Scheme, Digest>::sign(&scheme, proposal(ROUND, 1)).expect("signed");
        let votes = [vote.encode().to_vec(), vote.encode().to_vec()].concat();
        let [piece, ..] = pieces(&committee);
        assert!(!Evidence { votes, ..piece }.is_proved(&committee));
    }

    #[test]
    fn evidence_waits_until_a_block_has_held_it_or_something_later() {
        // 0029-EVID-001, 0029-EVID-002
        let committee = committee("ours");
        let [piece, ..] = pieces(&committee);
        let evidence_pool = EvidencePool::default();
        evidence_pool.accuse(piece.clone());
        evidence_pool
            .accuse(Evidence { offence: Offence { round: 3, ..piece.offence }, ..piece.clone() });
        assert_eq!(
            evidence_pool.pieces(ROUND),
            slice::from_ref(&piece),
            "the latest offence counts"
        );
        assert_eq!(
            evidence_pool.pieces(ROUND - 1),
            [],
            "no block holds evidence of views after its own"
        );
        evidence_pool.settled(&[Offence { round: ROUND - 1, ..piece.offence }]);
        evidence_pool.settled(&[Offence { validator: ValidatorId::new(3), ..piece.offence }]);
        assert_eq!(evidence_pool.pieces(ROUND), slice::from_ref(&piece));
        evidence_pool.settled(&[Offence { round: ROUND + 1, ..piece.offence }]);
        assert_eq!(evidence_pool.pieces(ROUND), []);
    }
}
