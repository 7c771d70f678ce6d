//! Rules of the spec page 0029: what it costs a validator to sign twice.

use super::common::{BTC, HOUR, House, START, sign};
use machine::{BlockError, Machine, StateKey, ValidatorRecord};
use protocol::{
    Block, Change, Command, Event, Offence, OffenceKind, ParameterId, ProposalId, Refusal,
    ValidatorId, codec,
};
use units::BlockTime;

const OFFENDER: ValidatorId = ValidatorId::new(2);
const WEEK: i128 = 7 * 24 * HOUR;

fn offence(validator: ValidatorId, round: u64) -> Offence {
    Offence { validator, round, kind: OffenceKind::TwoBlocks }
}

/// A house whose four validators have a stake worth a fraction.
fn house() -> House {
    let mut genesis = super::common::genesis();
    genesis.validators.iter_mut().for_each(|held| held.stake = 1_001);
    let mut house = House::new();
    house.machine = Machine::found(&genesis).unwrap().0;
    house
}

fn with(house: &mut House, seconds: i128, offences: Vec<Offence>) -> Block {
    Block { offences, ..house.block(seconds, Vec::new()) }
}

fn punish(house: &mut House, offences: Vec<Offence>) -> Vec<Event> {
    let block = with(house, 1, offences);
    house.machine.apply(&block).unwrap().events
}

fn is_punished(events: &[Event]) -> bool {
    events.iter().any(|event| matches!(event, Event::Punished { .. }))
}

fn record(house: &mut House) -> Option<ValidatorRecord> {
    let held = house.machine.record(&StateKey::Validator(OFFENDER)).unwrap();
    held.map(|bytes| codec::decode(&bytes, usize::MAX).unwrap())
}

/// Proposes to release the offender, approves it, and waits for the timelock. Returns what came of it.
fn release(house: &mut House, proposal: u32) -> Vec<Event> {
    let change = Change::ReleaseValidator(OFFENDER);
    let propose = Command::Propose { change };
    let approve = Command::Approve { proposal: ProposalId::new(proposal), change };
    house.apply(1, vec![sign(0, propose), sign(1, approve)]);
    house.apply(2 * 86_400, Vec::new()).events
}

#[test]
fn an_offence_costs_stake_rounded_up_and_is_recorded_under_the_root() {
    // 0029-EVID-003, 0029-EVID-004, 0029-EVID-007
    let mut house = house();
    assert_eq!(record(&mut house), None);
    let block = with(&mut house, 1, vec![offence(OFFENDER, 7)]);
    let outcome = house.machine.apply(&block).unwrap();
    let jailed_until = BlockTime::from_millis(START + 1_000 + WEEK);
    let punished = Event::Punished { offence: offence(OFFENDER, 7), slashed: 51, jailed_until };
    assert_eq!(outcome.events.first(), Some(&punished));
    let held = record(&mut house).unwrap();
    assert_eq!((held.stake, held.offender.slashed, held.offender.punished), (950, 51, 1));
    assert_eq!(held.offender.jailed_until, Some(jailed_until));
    let key = codec::encode(&StateKey::Validator(OFFENDER)).unwrap();
    assert!(outcome.writes.iter().any(|write| write.key == key), "the root commits to it");
    let restored = Machine::restore(&house.machine.snapshot().unwrap()).unwrap();
    assert_eq!(restored.state().offenders, house.machine.state().offenders);
}

#[test]
fn an_offence_is_punished_once_and_one_in_jail_is_noted() {
    // 0029-EVID-002, 0029-EVID-004
    let mut house = house();
    assert!(is_punished(&punish(&mut house, vec![offence(OFFENDER, 7)])));
    for round in [7, 6, 9, 8] {
        assert!(!is_punished(&punish(&mut house, vec![offence(OFFENDER, round)])), "round {round}");
    }
    assert_eq!(record(&mut house).unwrap().offender.last.round, 9);
    house.now += WEEK;
    let events = release(&mut house, 1);
    assert!(events.iter().any(|event| matches!(event, Event::Enacted { .. })), "{events:?}");
    assert!(!is_punished(&punish(&mut house, vec![offence(OFFENDER, 9)])), "known in jail");
    assert!(is_punished(&punish(&mut house, vec![offence(OFFENDER, 10)])));
    assert_eq!(record(&mut house).unwrap().offender.punished, 2);
}

#[test]
fn a_jailed_validator_is_released_by_governance_and_not_before_its_time() {
    // 0029-EVID-006
    let mut house = house();
    let refused = |events: &[Event], refusal: Refusal| {
        events.iter().any(
            |event| matches!(event, Event::NotEnacted { refusal: held, .. } if *held == refusal),
        )
    };
    assert!(refused(&release(&mut house, 1), Refusal::NotJailed));
    punish(&mut house, vec![offence(OFFENDER, 7)]);
    let until = record(&mut house).unwrap().offender.jailed_until.unwrap();
    assert!(refused(&release(&mut house, 2), Refusal::StillJailed { until }));
    house.now = until.millis();
    release(&mut house, 3);
    assert_eq!(record(&mut house).unwrap().offender.jailed_until, None);
    assert!(refused(&release(&mut house, 4), Refusal::NotJailed));
}

#[test]
fn reports_from_jail_count_for_nothing_and_nobody_else_weighs_more() {
    // 0029-EVID-005
    let mut house = house();
    punish(&mut house, vec![offence(OFFENDER, 7)]);
    let state = house.machine.state();
    assert_eq!(state.reporting_stake(OFFENDER), None);
    assert_eq!(state.reporting_stake(ValidatorId::new(1)), Some(1_001));
    // Three of four are a quorum, two are not, as before: the stake in jail still counts among all.
    let index =
        |house: &House| house.machine.state().underlyings[&BTC].feed.index().unwrap().updated_at;
    house.apply(1, Vec::new());
    assert_eq!(index(&house), BlockTime::from_millis(house.now));
    let mut block = house.block(1, Vec::new());
    block.votes.truncate(3);
    house.machine.apply(&block).unwrap();
    assert!(index(&house) < block.time, "validators 1 and 3 alone set no price");
    house.apply(1, Vec::new());
    assert_eq!(index(&house), BlockTime::from_millis(house.now));
}

#[test]
fn offences_of_strangers_doubled_or_out_of_order_do_not_follow() {
    // 0025-BLOCK-001
    let mut house = house();
    let [one, two] = [1, 2].map(|id| offence(ValidatorId::new(id), 5));
    for offences in [vec![two, one], vec![one, one], vec![offence(ValidatorId::new(9), 5)]] {
        let block = with(&mut house, 1, offences);
        assert_eq!(house.machine.apply(&block).unwrap_err(), BlockError::Offences);
    }
    assert!(is_punished(&punish(&mut house, vec![one, two])));
}

#[test]
fn the_fraction_is_governed_and_a_fraction_of_nothing_still_jails() {
    // 0029-EVID-003
    let mut genesis = super::common::genesis();
    let parameter = ParameterId::SlashFraction;
    genesis.parameters = vec![machine::ParameterGenesis { underlying: None, parameter, value: 0 }];
    let mut house = House::new();
    house.machine = Machine::found(&genesis).unwrap().0;
    punish(&mut house, vec![offence(OFFENDER, 7)]);
    let held = record(&mut house).unwrap();
    assert_eq!((held.stake, held.offender.slashed), (1, 0));
    assert!(held.offender.jailed_until.is_some());
}
