//! 0033: who validates, and when that changes.

use super::common::{House, SIGNERS, genesis, seat};
use machine::{CommitteeRecord, Machine, StateKey};
use protocol::codec;
use protocol::{
    Change, Command, Event, Receipt, Refusal, Seat, Transaction, ValidatorId, Vote, limits,
};
use random::Random;
use std::collections::BTreeSet;

const EPOCH: u64 = limits::EPOCH_BLOCKS_MIN;
/// Seconds a block: with the shortest timelock, a change is made six blocks after its last approval.
const SECONDS: i128 = 600;

/// A house of so many validators, with the shortest timelock.
fn house(validators: u16) -> House {
    let mut genesis = genesis();
    let of = |number| machine::ValidatorGenesis { seat: seat(number), stake: 7 };
    genesis.validators = (1..=validators).map(of).collect();
    genesis.parameters = [protocol::ParameterId::Timelock, protocol::ParameterId::RestartGap]
        .map(|parameter| machine::ParameterGenesis {
            underlying: None,
            parameter,
            value: 3_600_000,
        })
        .to_vec();
    let mut house = House::new();
    house.machine = Machine::found(&genesis).unwrap().0;
    house
}

fn record(house: &House) -> CommitteeRecord {
    house.machine.state().committee.record()
}

fn numbers(seats: &[Seat]) -> Vec<u16> {
    seats.iter().map(|seat| seat.validator.get()).collect()
}

fn height(house: &House) -> u64 {
    u64::try_from(house.machine.state().height.blocks()).unwrap()
}

fn give(seat: Seat) -> Change {
    Change::SeatValidator { seat, stake: 7 }
}

fn take(number: u16) -> Change {
    Change::UnseatValidator(ValidatorId::new(number))
}

fn sends(signer: usize, command: Command) -> Transaction {
    Transaction { sender: SIGNERS[signer], command }
}

/// Applies a block and returns its events.
fn next(house: &mut House, transactions: Vec<Transaction>) -> Vec<Event> {
    house.apply(SECONDS, transactions).events
}

/// Proposes and approves changes, and goes on until they are made or refused; the refusals.
fn decide(house: &mut House, changes: &[Change]) -> Vec<Refusal> {
    // Each signer has room for eight.
    let proposed = (0..).zip(changes);
    let proposed = proposed.map(|(at, change)| sends(at % 3, Command::Propose { change: *change }));
    let outcome = house.apply(SECONDS, proposed.collect());
    let opened = outcome.receipts.iter().map(|receipt| match receipt {
        Receipt::Proposal(id) => *id,
        other => panic!("{other:?}"),
    });
    let approved = (1..).zip(opened).zip(changes);
    let approved = approved.map(|((at, proposal), change)| {
        sends(at % 3, Command::Approve { proposal, change: *change })
    });
    let approved = approved.collect();
    let mut events = next(house, approved);
    for _ in 0..7 {
        events.extend(next(house, Vec::new()));
    }
    let refused = events.into_iter().filter_map(|event| match event {
        Event::NotEnacted { refusal, .. } => Some(refusal),
        _ => None,
    });
    refused.collect()
}

/// Goes on to a height.
fn reach(house: &mut House, to: u64) -> Vec<Event> {
    let mut events = Vec::new();
    while height(house) < to {
        events.extend(next(house, Vec::new()));
    }
    events
}

#[test]
fn what_is_decided_in_one_epoch_rules_from_the_second_after_it() {
    // 0033-COMM-001, 0033-COMM-002, 0033-COMM-003
    let mut house = house(4);
    reach(&mut house, EPOCH + 2);
    assert_eq!(decide(&mut house, &[give(seat(5)), take(1)]), []);
    let decided = record(&house);
    assert_eq!((decided.epoch, numbers(&decided.wanted)), (1, vec![2, 3, 4, 5]));
    assert_eq!(numbers(&decided.next), [1, 2, 3, 4]);
    reach(&mut house, 2 * EPOCH - 1);
    assert_eq!(record(&house), decided);

    let settled = reach(&mut house, 2 * EPOCH);
    let (of_five, of_one) = (ValidatorId::new(5), ValidatorId::new(1));
    let told: Vec<Event> = settled
        .into_iter()
        .filter(|event| matches!(event, Event::Seated { .. } | Event::Unseated { .. }))
        .collect();
    let seated = Event::Seated { validator: of_five, epoch: 3 };
    assert_eq!(told, [Event::Unseated { validator: of_one, epoch: 3 }, seated]);
    let second = record(&house);
    assert_eq!(numbers(&second.present), [1, 2, 3, 4]);
    assert_eq!(numbers(&second.next), [2, 3, 4, 5]);
    reach(&mut house, 3 * EPOCH);
    let third = record(&house);
    assert_eq!((third.epoch, numbers(&third.present)), (3, vec![2, 3, 4, 5]));
    assert_eq!(numbers(&third.last), [1, 2, 3, 4]);
}

#[test]
fn four_are_replaced_one_at_a_time_and_are_never_fewer() {
    // 0033-COMM-004
    let mut house = house(4);
    let given = (5..=8).map(|number| give(seat(number)));
    let changes: Vec<Change> = given.chain((1..=4).map(take)).collect();
    assert_eq!(decide(&mut house, &changes), []);
    for (epoch, seats) in (1u64..).zip([[2, 3, 4, 5], [3, 4, 5, 6], [4, 5, 6, 7], [5, 6, 7, 8]]) {
        reach(&mut house, epoch * EPOCH);
        assert_eq!(numbers(&record(&house).next), seats, "epoch {epoch}");
    }
}

#[test]
fn one_committee_differs_from_the_next_by_as_many_seats_as_it_can_lose() {
    // 0033-COMM-004
    let mut random = Random::new(0x0033_0004);
    for case in 0..12 {
        let at_first = 4 + u16::try_from(random.word() % 9).unwrap();
        let mut house = house(at_first);
        for _ in 0..3 {
            let wanted: BTreeSet<u16> = numbers(&record(&house).wanted).into_iter().collect();
            let mut changes = Vec::new();
            for number in 1..=20 {
                let change =
                    if wanted.contains(&number) { take(number) } else { give(seat(number)) };
                if random.word().is_multiple_of(3) {
                    changes.push(change);
                }
            }
            // Some are refused: four must be left.
            decide(&mut house, &changes);
            let settled = height(&house) / EPOCH * EPOCH;
            let mut before = record(&house).next;
            for epoch in 1..=8 {
                reach(&mut house, settled + epoch * EPOCH);
                let after = record(&house).next;
                let (one, other): (BTreeSet<Seat>, BTreeSet<Seat>) =
                    (before.iter().copied().collect(), after.iter().copied().collect());
                let most = ((before.len() - 1) / 3).max(1);
                assert!(one.difference(&other).count() <= most, "case {case}: taken");
                assert!(other.difference(&one).count() <= most, "case {case}: given");
                assert!(after.len() >= 4, "case {case}");
                before = after;
            }
            reach(&mut house, settled + 20 * EPOCH);
            assert_eq!(record(&house).next, record(&house).wanted, "case {case}: in the end");
        }
    }
}

#[test]
fn a_number_keeps_its_key_for_ever_and_every_rule_has_its_refusal() {
    // 0033-COMM-005, 0033-COMM-006
    let mut house = house(4);
    let other_key = Seat { key: seat(9).key, ..seat(1) };
    let other_number = Seat { validator: ValidatorId::new(9), ..seat(1) };
    let refused =
        decide(&mut house, &[give(other_key), give(other_number), give(seat(2)), take(7), take(1)]);
    assert_eq!(
        refused,
        [
            Refusal::ValidatorKeyTaken,
            Refusal::ValidatorKeyTaken,
            Refusal::AlreadySeated,
            Refusal::NotSeated,
            Refusal::CommitteeTooSmall,
        ]
    );
    assert_eq!(decide(&mut house, &[give(seat(5)), take(1)]), []);
    reach(&mut house, 4 * EPOCH);
    assert_eq!(numbers(&record(&house).last), [2, 3, 4, 5]);
    let back = Seat { key: seat(9).key, ..seat(1) };
    assert_eq!(decide(&mut house, &[give(back)]), [Refusal::ValidatorKeyTaken]);
    assert_eq!(decide(&mut house, &[give(seat(1))]), []);
    let huge = Change::SeatValidator { seat: seat(6), stake: u64::MAX };
    assert_eq!(decide(&mut house, &[huge]), [Refusal::StakeInvalid]);
    // 0033-COMM-009: five of 7 and the newcomer, who has a third of 53 with 18, and less of 52 with 17.
    let third = Change::SeatValidator { seat: seat(6), stake: 18 };
    assert_eq!(decide(&mut house, &[third]), [Refusal::StakeTooLarge]);
    let less = Change::SeatValidator { seat: seat(6), stake: 17 };
    assert_eq!(decide(&mut house, &[less]), []);
    let none = Change::SeatValidator { seat: seat(7), stake: 0 };
    let outcome = house.apply(SECONDS, vec![sends(0, Command::Propose { change: none })]);
    assert_eq!(outcome.receipts, [Receipt::Refused(Refusal::StakeInvalid)]);
}

#[test]
fn a_committee_has_no_more_seats_than_there_may_be() {
    // 0033-COMM-006
    let most = u16::try_from(limits::VALIDATORS_MAX).unwrap();
    let mut house = house(most);
    assert_eq!(decide(&mut house, &[give(seat(most + 1))]), [Refusal::CommitteeFull]);
    assert_eq!(decide(&mut house, &[take(1), give(seat(most + 1))]), []);
    reach(&mut house, EPOCH);
    assert!(record(&house).next.len() <= limits::VALIDATORS_MAX);
    reach(&mut house, 3 * EPOCH);
    assert_eq!(record(&house).next, record(&house).wanted);
}

/// Whether the reports of some validators alone make an index in the next block.
fn reported(house: &mut House, validators: &[u16]) -> bool {
    let mut block = house.block(1, Vec::new());
    let one = block.votes.first().unwrap().clone();
    let vote = |number: &u16| Vote { validator: ValidatorId::new(*number), ..one.clone() };
    block.votes = validators.iter().map(vote).collect();
    house.machine.apply(&block).unwrap();
    let state = house.machine.state();
    state.underlyings[&super::common::BTC].feed.index().unwrap().updated_at == state.time
}

#[test]
fn reports_count_if_their_validator_has_a_seat_in_this_epoch() {
    // 0033-COMM-001, 0033-COMM-007
    let mut house = house(4);
    assert_eq!(decide(&mut house, &[give(seat(5)), take(1)]), []);
    reach(&mut house, 2 * EPOCH - 8);
    // After blocks so far apart the index wants some quorums before it moves.
    for _ in 0..6 {
        house.apply(1, Vec::new());
    }
    assert!(reported(&mut house, &[1, 2, 3]), "three of four, and five has no seat yet");
    // The first block of the epoch is weighed by the new committee, in which one has no seat.
    assert!(!reported(&mut house, &[1, 2, 3]));
    assert!(reported(&mut house, &[2, 3, 5]), "three of four");
    assert!(!reported(&mut house, &[1, 5]));
}

#[test]
fn a_state_that_was_written_down_in_an_epoch_goes_on_the_same_and_a_broken_one_is_none() {
    // 0033-COMM-008
    let mut house = house(5);
    reach(&mut house, EPOCH + 9);
    assert_eq!(decide(&mut house, &[give(seat(6)), take(2)]), []);
    let bytes = house.machine.snapshot().unwrap();
    let mut restored = Machine::restore(&bytes).unwrap();
    for _ in 0..3 * EPOCH {
        let block = house.block(SECONDS, Vec::new());
        let one = house.machine.apply(&block).unwrap();
        assert_eq!(restored.apply(&block).unwrap(), one);
    }
    let key = codec::encode(&StateKey::Committee).unwrap();
    let records = house.machine.records().unwrap();
    let held = records.iter().find(|write| write.key == key).unwrap().record.clone().unwrap();
    let held: CommitteeRecord = codec::decode(&held, 1 << 16).unwrap();
    assert_eq!(held, record(&house));

    // The same number of an epoch elsewhere in the bytes: another epoch than the height's is none.
    let bytes = house.machine.snapshot().unwrap();
    let image = codec::encode(&house.machine.state().committee).unwrap().split_off(1);
    let at = bytes.windows(image.len()).position(|held| held == image).unwrap();
    let mut broken = bytes.clone();
    broken[at] ^= 1;
    assert!(Machine::restore(&broken).is_err(), "another epoch");
    let mut broken = bytes;
    let last = at + image.len() - 1;
    broken[last] ^= 1;
    assert!(Machine::restore(&broken).is_err(), "another key");
}
