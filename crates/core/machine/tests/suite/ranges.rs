//! Scan ranges as accounts feel them: at once in initial margin, an hour later and slowly in maintenance margin.

use super::common::{BTC, ETH, HOUR, House, account, deposit, dollars, order};
use machine::{Machine, Outcome, StateKey, ThresholdsRecord};
use protocol::{InstrumentId, Side, codec};
use units::{Notional, Ppm};

/// Two accounts with ten lots of the perpetual between them.
fn traded() -> House {
    let mut house = House::new();
    house.apply(1, vec![deposit(1, 0, dollars(100_000)), deposit(2, 0, dollars(100_000))]);
    house.apply(
        1,
        vec![
            order(1, 1, 1, Side::Buy, 8_000_000_000, 10),
            order(2, 1, 1, Side::Sell, 8_000_000_000, 10),
        ],
    );
    house
}

/// Applies four blocks a minute, and returns what the last one did.
fn minutes(house: &mut House, minutes: usize) -> Outcome {
    let mut last = house.apply(15, Vec::new());
    (1..4 * minutes).for_each(|_| last = house.apply(15, Vec::new()));
    last
}

/// Returns the scans for new risk and for risk held, in thousandths of the value of ten lots at their mark.
fn scans(house: &House) -> (i128, i128) {
    let state = house.machine.state();
    let index = state.accounts.index(account(1)).expect("open");
    let needed = state.required(&state.risk().unwrap(), index, false).unwrap();
    let mark = state.markets[&InstrumentId::new(1)].mark.unwrap();
    // Ten lots are a tenth of a coin.
    let share = |scan: Notional| scan.micros() * 10_000 / mark.micros();
    (share(needed.scan_new), share(needed.scan_hold))
}

fn record(house: &mut House) -> ThresholdsRecord {
    let bytes = house.machine.record(&StateKey::Thresholds(BTC)).unwrap().expect("there is one");
    codec::decode(&bytes, 1_000).unwrap()
}

#[test]
fn a_crash_widens_initial_margin_within_minutes_and_maintenance_after_notice() {
    // 0031-THRE-008, 0031-THRE-009, 0031-THRE-013, 0031-THRE-018
    let mut house = traded();
    minutes(&mut house, 5);
    assert_eq!(scans(&house), (160, 160));
    house.btc = 7_200_000_000;
    minutes(&mut house, 5);
    assert_eq!(scans(&house), (600, 160));
    let found = record(&mut house);
    assert_eq!(
        (found.target, found.announced),
        (Ppm::from_parts(160_000), Ppm::from_parts(160_000))
    );
    assert_eq!(
        (found.running, found.new_risk),
        (Ppm::from_parts(600_000), Ppm::from_parts(600_000))
    );
    minutes(&mut house, 54);
    let outcome = (0..3).map(|_| house.apply(15, Vec::new())).last().expect("three");
    assert_eq!(scans(&house), (600, 160));
    let found = record(&mut house);
    assert_eq!((found.hold, found.announced), (Ppm::from_parts(160_000), Ppm::from_parts(168_000)));
    assert_eq!(found.announced_for.millis(), house.now + HOUR);
    let key = codec::encode(&StateKey::Thresholds(BTC)).unwrap();
    assert!(outcome.writes.iter().any(|write| write.key == key), "the record is under the root");

    // Nothing moves within the hour, and nothing is written but when the depth of the hour is kept.
    minutes(&mut house, 59);
    let outcome = (0..3).map(|_| house.apply(15, Vec::new())).last().expect("three");
    assert!(!outcome.writes.iter().any(|write| write.key == key));
    let depths = found.depths;
    assert_eq!(ThresholdsRecord { depths, ..record(&mut house) }, found);
    house.apply(15, Vec::new());
    assert_eq!(record(&mut house).hold, Ppm::from_parts(168_000));
    assert_eq!(scans(&house), (600, 168));
}

#[test]
fn a_fall_between_two_hours_is_margined_while_it_goes_on() {
    // 0031-THRE-018. With a sample an hour, new risk was still margined over 16 % after these 48 minutes.
    let mut house = traded();
    minutes(&mut house, 65);
    let mut seen = Vec::new();
    for minute in 1..=48 {
        house.btc = 8_000_000_000 - 40_000_000 * minute;
        minutes(&mut house, 1);
        if minute % 8 == 0 {
            seen.push(house.machine.state().underlyings[&BTC].thresholds.new_risk().parts());
        }
    }
    assert_eq!(seen, [160_000, 331_439, 568_239, 600_000, 600_000, 600_000]);
    assert_eq!(house.machine.state().underlyings[&BTC].thresholds.hold().parts(), 160_000);
}

#[test]
fn an_explanation_ends_with_the_ranges_of_the_accounts_underlyings() {
    // 0031-THRE-013
    let house = traded();
    let state = house.machine.state();
    let index = state.accounts.index(account(1)).expect("open");
    let tree = state.explain(&state.risk().unwrap(), index).unwrap().to_string();
    let last: Vec<&str> = tree.lines().rev().take(8).collect();
    for label in [
        "range for new risk, BTC",
        "target",
        "hour under way",
        "range for risk held, BTC",
        "announced",
    ] {
        assert!(last.iter().any(|line| line.contains(label)), "{label} in\n{tree}");
    }
    assert!(!tree.contains("ETH"), "no position there");
}

#[test]
fn ranges_of_a_restored_house_go_on_and_hostile_ones_are_refused() {
    // 0031-THRE-012
    let mut house = traded();
    minutes(&mut house, 5);
    house.btc = 7_500_000_000;
    // In the middle of an hour and of a level.
    minutes(&mut house, 62);
    let mut restored = Machine::restore(&house.machine.snapshot().unwrap()).unwrap();
    for minute in 0..200 {
        house.btc -= 1_000_000 * (minute % 7);
        let block = house.block(60, Vec::new());
        assert_eq!(house.machine.apply(&block), restored.apply(&block));
    }
    assert_eq!(house.machine.snapshot().unwrap(), restored.snapshot().unwrap());
    let wide = house.machine.state().underlyings[&BTC].thresholds.hold();
    let calm = house.machine.state().underlyings[&ETH].thresholds.hold();
    assert!(wide > calm, "{wide} {calm}");
}
