//! Councils of a few signers, by the clock of the test.

use super::*;
use protocol::{Contract, Instrument, InstrumentId, Seat, UnderlyingId, ValidatorId};
use units::Quantity;

const HOUR: i128 = 3_600_000;
const TWO_DAYS: i128 = 172_800_000;

fn signer(number: u8) -> Address {
    Address::new([number; 20])
}

fn at(millis: i128) -> BlockTime {
    BlockTime::from_millis(millis)
}

/// Returns all changes that are due, as `machine` takes them.
fn due(council: &mut Council, now: BlockTime) -> Vec<(ProposalId, Change)> {
    let mut all = Vec::new();
    while let Some(due) = council.next_due(now) {
        all.push((due.proposal, due.change));
    }
    council.drop_dead(now);
    all
}

fn set(parameter: ParameterId, value: i64) -> Change {
    Change::SetParameter { parameter, underlying: None, value }
}

fn scan_range(value: i64) -> Change {
    let underlying = Some(UnderlyingId::new(1));
    Change::SetParameter { parameter: ParameterId::ScanRange, underlying, value }
}

#[test]
fn one_signer_cannot_change_anything_and_two_wait_for_what_raises_risk() {
    // 0023-GOV-006, 0023-GOV-008
    let parameters = Parameters::default();
    let mut council = Council::new([signer(1), signer(2), signer(3)], 2).unwrap();
    let wide =
        council.propose(signer(1), scan_range(200_000), &parameters, at(0)).unwrap().unwrap();
    let narrow =
        council.propose(signer(1), scan_range(130_000), &parameters, at(0)).unwrap().unwrap();
    assert_eq!(due(&mut council, at(1_000)), []);
    assert_eq!(
        council.approve(signer(1), wide, &scan_range(200_000), &parameters, at(1)),
        Ok(Err(Refusal::ApprovedAlready))
    );
    assert_eq!(
        council.approve(signer(9), wide, &scan_range(200_000), &parameters, at(1)),
        Ok(Err(Refusal::NotPermitted))
    );
    assert_eq!(
        council.approve(signer(2), wide, &scan_range(200_000), &parameters, at(2_000)),
        Ok(Ok(()))
    );
    assert_eq!(
        council.approve(signer(3), narrow, &scan_range(130_000), &parameters, at(2_000)),
        Ok(Ok(()))
    );
    // A wider scan range lowers risk and is due at once; a narrower one waits two days.
    assert_eq!(due(&mut council, at(2_000)), [(wide, scan_range(200_000))]);
    assert_eq!(due(&mut council, at(2_000 + TWO_DAYS - 1)), []);
    let last = due(&mut council, at(2_000 + TWO_DAYS));
    assert_eq!(last, [(narrow, scan_range(130_000))]);
}

/// A signature made for what a number once was, or for what somebody said that it is, counts for nothing else.
#[test]
fn an_approval_counts_for_the_change_that_it_names_and_no_other() {
    // 0023-GOV-006, 0023-GOV-017
    let parameters = Parameters::default();
    let mut council = Council::new([signer(1), signer(2), signer(3)], 2).unwrap();
    let (told, made) = (scan_range(200_000), scan_range(130_000));
    let id = council.propose(signer(1), made, &parameters, at(0)).unwrap().unwrap();
    let before = council.clone();
    let mut approve =
        |who, change: &Change, now| council.approve(who, id, change, &parameters, now);
    let other = Change::SetParameter {
        parameter: ParameterId::ScanRange,
        underlying: Some(UnderlyingId::new(2)),
        value: 130_000,
    };
    for change in [told, other, Change::ResumeHouse] {
        assert_eq!(approve(signer(2), &change, at(1)), Ok(Err(Refusal::ChangeDiffers)));
        // What comes before it in the order of codes.
        assert_eq!(approve(signer(9), &change, at(1)), Ok(Err(Refusal::NotPermitted)));
        assert_eq!(approve(signer(1), &change, at(1)), Ok(Err(Refusal::ApprovedAlready)));
    }
    assert_eq!(council, before, "what is refused has approved nothing");
    assert_eq!(council.approve(signer(2), id, &made, &parameters, at(1)), Ok(Ok(())));
}

#[test]
fn an_approval_does_not_outlive_its_proposal() {
    // 0023-GOV-007
    let parameters = Parameters::default();
    let mut council = Council::new([signer(1), signer(2)], 2).unwrap();
    let id = council.propose(signer(1), scan_range(200_000), &parameters, at(0)).unwrap().unwrap();
    let week = 7 * 86_400_000;
    assert_eq!(
        council.approve(signer(2), id, &scan_range(200_000), &parameters, at(week)),
        Ok(Err(Refusal::ProposalUnknown))
    );
    assert_eq!(due(&mut council, at(week)), []);
    assert_eq!(council.open().count(), 0);
}

#[test]
fn what_waits_for_the_timelock_and_what_does_not_is_so_for_every_kind_of_change() {
    // 0023-GOV-008
    let parameters = Parameters::default();
    let (id, validator) = (InstrumentId::new(1), ValidatorId::new(5));
    let instrument = Instrument {
        id,
        underlying: UnderlyingId::new(1),
        contract: Contract::Perpetual,
        contract_size: Quantity::from_nanos(10_000_000),
        tick: Price::from_micros(500_000),
    };
    let seat = Seat { validator, key: [7; 32], endpoint: None };
    let (underlying, expires_at) = (UnderlyingId::new(1), at(1));
    let custodian = Some(signer(7));
    let waits = [
        scan_range(130_000),
        Change::ListInstrument(instrument),
        Change::ResumeInstrument(id),
        Change::ResumeHouse,
        Change::ReleaseValidator(validator),
        Change::SeatValidator { seat, stake: 1 },
        Change::UnseatValidator(validator),
        Change::SettleAt { underlying, expires_at, price: Price::from_micros(1) },
        Change::SetCustodians { remove: None, add: custodian, threshold: 2 },
        Change::ChangeSigners { leaves: None, joins: custodian, threshold: 1 },
    ];
    let at_once = [
        scan_range(200_000),
        Change::PauseInstrument(id),
        Change::EndPause(id),
        Change::DrillInstrument(id),
    ];
    for (change, millis) in
        waits.map(|change| (change, TWO_DAYS)).into_iter().chain(at_once.map(|change| (change, 0)))
    {
        let mut council = Council::new([signer(1)], 1).unwrap();
        council.propose(signer(1), change, &parameters, at(9)).unwrap().unwrap();
        let due_at = council.open().next().and_then(|(_, open)| open.due_at);
        assert_eq!(due_at, Some(at(9 + millis)), "{change:?}");
    }
}

#[test]
fn neither_a_later_approval_nor_the_end_of_its_life_moves_a_complete_proposal() {
    // 0023-GOV-007, 0023-GOV-008
    let parameters = Parameters::default();
    let mut council = Council::new([signer(1), signer(2), signer(3)], 2).unwrap();
    let (change, week) = (scan_range(130_000), 7 * 86_400_000);
    let id = council.propose(signer(1), change, &parameters, at(0)).unwrap().unwrap();
    let last = at(week - 2);
    assert_eq!(council.approve(signer(2), id, &change, &parameters, last), Ok(Ok(())));
    assert_eq!(council.approve(signer(3), id, &change, &parameters, at(week - 1)), Ok(Ok(())));
    assert!(!council.drop_dead(at(week + 1)), "it is complete, so it lives until it is made");
    assert_eq!(due(&mut council, at(week - 3 + TWO_DAYS)), []);
    assert_eq!(due(&mut council, at(week - 2 + TWO_DAYS)), [(id, change)]);
    // One that is not complete is over at its end, before anybody has looked.
    let id = council.propose(signer(1), change, &parameters, at(0)).unwrap().unwrap();
    assert_eq!(council.revoke(signer(1), id, at(week)), Err(Refusal::ProposalUnknown));
}

#[test]
fn who_leaves_takes_what_he_has_proposed_along_unless_others_have_completed_it() {
    // 0023-GOV-016
    let parameters = Parameters::default();
    let mut council = Council::new([1, 2, 3, 4].map(signer), 2).unwrap();
    let propose = |council: &mut Council, value| {
        let change = scan_range(value);
        let id = council.propose(signer(4), change, &parameters, at(0)).unwrap().unwrap();
        (id, change)
    };
    let (short, short_change) = propose(&mut council, 130_000);
    let (whole, whole_change) = propose(&mut council, 140_000);
    for (by, id, change) in
        [(1, short, short_change), (1, whole, whole_change), (2, whole, whole_change)]
    {
        assert_eq!(council.approve(signer(by), id, &change, &parameters, at(1)), Ok(Ok(())));
    }
    assert_eq!(council.change_signers(Some(signer(4)), None, 2), Ok(()));
    let open: Vec<ProposalId> = council.open().map(|(id, _)| id).collect();
    assert_eq!(open, [whole], "one approval is left of the other's two");
}

#[test]
fn a_complete_proposal_is_taken_back_by_those_who_completed_it() {
    // 0023-GOV-013
    let parameters = Parameters::default();
    let mut council = Council::new([signer(1), signer(2), signer(3)], 2).unwrap();
    let id = council.propose(signer(1), scan_range(130_000), &parameters, at(0)).unwrap();
    let id = id.unwrap();
    assert_eq!(council.revoke(signer(9), id, at(1)), Err(Refusal::NotPermitted));
    assert_eq!(council.revoke(signer(2), id, at(1)), Err(Refusal::NotApproved));
    assert_eq!(
        council.approve(signer(2), id, &scan_range(130_000), &parameters, at(1)),
        Ok(Ok(()))
    );
    assert!(council.open().all(|(_, open)| open.due_at.is_some()));
    assert_eq!(council.revoke(signer(2), id, at(2)), Ok(()));
    let later = at(3 * 86_400_000);
    assert_eq!(due(&mut council, later), [], "what is no longer complete is not due");
    // Another may complete it again, and then the timelock starts anew.
    assert_eq!(
        council.approve(signer(3), id, &scan_range(130_000), &parameters, later),
        Ok(Ok(()))
    );
    assert_eq!(due(&mut council, later), []);
    assert_eq!(council.revoke(signer(1), id, later), Ok(()));
    assert_eq!(council.revoke(signer(3), id, later), Ok(()));
    assert_eq!(council.revoke(signer(3), id, later), Err(Refusal::ProposalUnknown));
}

#[test]
fn a_council_needs_a_threshold_that_can_be_met() {
    // 0023-GOV-004
    let impossible =
        |signers, threshold| Err(CouncilError::ThresholdImpossible { signers, threshold });
    assert_eq!(Council::new([signer(1)], 0), impossible(1, 0));
    assert_eq!(Council::new([signer(1), signer(2)], 3), impossible(2, 3));
}

#[test]
fn a_signer_named_twice_is_refused_by_name_whatever_the_threshold() {
    // 0023-GOV-004: merged, two of three would be two of two.
    for threshold in [1, 2, 3] {
        let doubled = Council::new([signer(1), signer(2), signer(1)], threshold);
        assert_eq!(doubled, Err(CouncilError::SignerTwice(signer(1))));
    }
    let said = CouncilError::SignerTwice(signer(1)).to_string();
    assert!(said.contains(&signer(1).to_string()), "{said}");
}

#[test]
fn no_signer_takes_the_room_of_another_or_of_what_resumes() {
    // 0023-GOV-005
    let parameters = Parameters::default();
    let mut council = Council::new([signer(1), signer(2), signer(3)], 2).unwrap();
    let outside = council.propose(signer(1), scan_range(1), &parameters, at(0)).unwrap();
    assert!(matches!(outside, Err(Refusal::ValueOutsideBounds { .. })));
    let resume = Change::EndPause(InstrumentId::new(1));
    for change in [scan_range(200_000), resume] {
        for _ in 0..limits::PROPOSALS_PER_SIGNER_MAX {
            assert!(council.propose(signer(1), change, &parameters, at(0)).unwrap().is_ok());
        }
        let over = council.propose(signer(1), change, &parameters, at(0));
        assert_eq!(over, Ok(Err(Refusal::TooManyProposals)));
        assert!(council.propose(signer(2), change, &parameters, at(0)).unwrap().is_ok());
    }
    // Taken back, its room is free.
    assert_eq!(council.revoke(signer(1), ProposalId::new(1), at(1)), Ok(()));
    let again = council.propose(signer(1), scan_range(200_000), &parameters, at(1)).unwrap();
    assert!(again.is_ok());
    let many = (1..=32).map(signer);
    let mut crowd = Council::new(many, 2).unwrap();
    for (number, fits) in [(1, true), (1, true), (1, false), (32, true)] {
        let made = crowd.propose(signer(number), resume, &parameters, at(0)).unwrap();
        assert_eq!(made.is_ok(), fits, "two of sixty-four for each of thirty-two");
    }
}

/// Proposes and completes a change by two signers.
fn decided(council: &mut Council, change: Change, parameters: &Parameters, now: BlockTime) {
    let id = council.propose(signer(1), change, parameters, now).unwrap().unwrap();
    assert_eq!(council.approve(signer(2), id, &change, parameters, now), Ok(Ok(())));
}

#[test]
fn what_enters_maintenance_waits_an_hour_and_takes_turns() {
    // 0023-GOV-015
    let parameters = Parameters::default();
    let mut council = Council::new([signer(1), signer(2), signer(3)], 2).unwrap();
    let (ratio, impact) =
        (set(ParameterId::MaintenanceRatio, 840_000), set(ParameterId::Impact, 1_050_000));
    decided(&mut council, ratio, &parameters, at(0));
    decided(&mut council, impact, &parameters, at(0));
    assert_eq!(due(&mut council, at(HOUR - 1)), []);
    assert_eq!(due(&mut council, at(HOUR)).len(), 1);
    assert_eq!(due(&mut council, at(2 * HOUR - 1)), [], "one in an hour");
    let second = due(&mut council, at(2 * HOUR));
    assert_eq!(second.iter().map(|(_, change)| *change).collect::<Vec<_>>(), [impact]);
}

#[test]
fn no_change_is_larger_than_a_step_and_what_switches_something_off_waits_in_both_directions() {
    // 0023-GOV-014, 0023-GOV-008
    let parameters = Parameters::default();
    let mut council = Council::new([signer(1), signer(2), signer(3)], 2).unwrap();
    let over = set(ParameterId::MaintenanceRatio, 840_001);
    let refused = Refusal::StepTooLarge { lowest: 761_905, highest: 840_000 };
    assert_eq!(council.propose(signer(1), over, &parameters, at(0)), Ok(Err(refused)));
    let underlying = Some(UnderlyingId::new(1));
    for (parameter, place, values) in [
        (ParameterId::GapMax, underlying, [30_000, 120_000]),
        (ParameterId::LiquidationBand, underlying, [40_000, 160_000]),
        (ParameterId::FrozenAfter, underlying, [30_000, 120_000]),
        (ParameterId::PriceBand, underlying, [150_000, 600_000]),
        (ParameterId::WithdrawalLimit, None, [12_500_000_000_000, 50_000_000_000_000]),
        (ParameterId::PauseLapse, None, [2 * 3_600_000, 8 * 3_600_000]),
    ] {
        for value in values {
            let change = Change::SetParameter { parameter, underlying: place, value };
            decided(&mut council, change, &parameters, at(0));
            assert_eq!(due(&mut council, at(TWO_DAYS - 1)), [], "{parameter:?} to {value}");
            assert_eq!(due(&mut council, at(TWO_DAYS)).len(), 1, "{parameter:?} to {value}");
        }
    }
}

#[test]
fn risk_is_judged_against_the_value_in_force_and_not_the_default() {
    // 0023-GOV-008, 0023-GOV-009
    let bitcoin = Some(UnderlyingId::new(1));
    let mut parameters = Parameters::default();
    parameters.set(bitcoin, ParameterId::ScanRange, 200_000).unwrap();
    let mut council = Council::new([signer(1), signer(2), signer(3)], 2).unwrap();
    // Above the default, and below what is in force.
    decided(&mut council, scan_range(170_000), &parameters, at(0));
    assert_eq!(due(&mut council, at(TWO_DAYS - 1)), []);
    assert_eq!(due(&mut council, at(TWO_DAYS)).len(), 1);
}

#[test]
fn two_proposals_launder_no_value_past_step_or_timelock() {
    // 0023-GOV-009, 0023-GOV-014
    let bitcoin = Some(UnderlyingId::new(1));
    let mut parameters = Parameters::default();
    let id = ParameterId::ScanRange;
    // Both lower risk as they are approved; the second raises it after the first.
    assert_eq!(parameters.enact(bitcoin, id, 200_000, false), Ok(()));
    assert_eq!(parameters.enact(bitcoin, id, 170_000, false), Err(Refusal::NotWaited));
    assert_eq!(parameters.enact(bitcoin, id, 170_000, true), Ok(()));
    // Each a step from the value at which it was proposed, and more than one from each other.
    let ratio = ParameterId::MaintenanceRatio;
    assert!(parameters.check_step(None, ratio, 762_000).is_ok());
    assert_eq!(parameters.enact(None, ratio, 840_000, false), Ok(()));
    let refused = Err(Refusal::StepTooLarge { lowest: 800_000, highest: 882_000 });
    assert_eq!(parameters.enact(None, ratio, 762_000, true), refused);
}

#[test]
fn signers_change_one_at_a_time_after_the_timelock_and_take_their_approvals_with_them() {
    // 0023-GOV-016
    let parameters = Parameters::default();
    let mut council = Council::new([signer(1), signer(2), signer(3)], 2).unwrap();
    let rotate = |leaves, joins, threshold| Change::ChangeSigners { leaves, joins, threshold };
    for (leaves, joins, threshold) in [
        (Some(signer(9)), None, 2),
        (None, Some(signer(3)), 2),
        (Some(signer(3)), Some(signer(3)), 2),
        (None, None, 2),
        (None, None, 4),
        (None, None, 0),
        (Some(signer(1)), None, 3),
        (None, Some(signer(4)), 4),
    ] {
        let refused =
            council.propose(signer(1), rotate(leaves, joins, threshold), &parameters, at(0));
        assert_eq!(refused, Ok(Err(Refusal::SignersInvalid)), "{leaves:?} {joins:?} {threshold}");
    }
    decided(&mut council, rotate(Some(signer(3)), Some(signer(4)), 2), &parameters, at(0));
    // What the lost key has decided with another, and what it has proposed alone.
    let shared = council.propose(signer(1), scan_range(130_000), &parameters, at(1)).unwrap();
    let shared = shared.unwrap();
    assert_eq!(
        council.approve(signer(3), shared, &scan_range(130_000), &parameters, at(1)),
        Ok(Ok(()))
    );
    let alone = council.propose(signer(3), scan_range(200_000), &parameters, at(1)).unwrap();
    assert_eq!(council.next_due(at(TWO_DAYS - 1)), None);
    let due = council.next_due(at(TWO_DAYS)).unwrap();
    let Change::ChangeSigners { leaves, joins, threshold } = due.change else { panic!("{due:?}") };
    assert!(due.has_waited);
    assert_eq!(council.change_signers(leaves, joins, threshold), Ok(()));
    assert!(!council.is_signer(signer(3)) && council.is_signer(signer(4)));
    assert_eq!(council.next_due(at(TWO_DAYS + 1)), None, "one approval is left of two");
    let open: Vec<ProposalId> = council.open().map(|(id, _)| id).collect();
    assert!(open == [shared] && !open.contains(&alone.unwrap()));
    assert_eq!(
        council.approve(signer(4), shared, &scan_range(130_000), &parameters, at(TWO_DAYS + 1)),
        Ok(Ok(()))
    );
    assert_eq!(council.next_due(at(2 * TWO_DAYS)), None, "the timelock starts again");
    assert!(council.next_due(at(2 * TWO_DAYS + 1)).is_some());
    let many = Council::new((1..=33).map(signer), 2);
    let impossible = CouncilError::ThresholdImpossible { signers: 33, threshold: 2 };
    assert_eq!(many, Err(impossible), "thirty-two at most");
}
