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

/// Applies a block a minute, and returns what the last one did.
fn minutes(house: &mut House, minutes: usize) -> Outcome {
    let mut last = house.apply(60, Vec::new());
    (1..minutes).for_each(|_| last = house.apply(60, Vec::new()));
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
fn a_crash_widens_initial_margin_at_once_and_maintenance_after_notice() {
    // 0031-THRE-008, 0031-THRE-009, 0031-THRE-013
    let mut house = traded();
    assert_eq!(scans(&house), (160, 160));
    house.btc = 7_200_000_000;
    let outcome = minutes(&mut house, 60);
    assert_eq!(scans(&house), (600, 160));
    let found = record(&mut house);
    assert_eq!((found.hold, found.announced), (Ppm::from_parts(160_000), Ppm::from_parts(168_000)));
    assert_eq!(found.announced_for.millis(), house.now + HOUR);
    let key = codec::encode(&StateKey::Thresholds(BTC)).unwrap();
    assert!(outcome.writes.iter().any(|write| write.key == key), "the record is under the root");

    // Nothing moves within the hour, and nothing is written.
    let outcome = minutes(&mut house, 59);
    assert!(!outcome.writes.iter().any(|write| write.key == key));
    assert_eq!(record(&mut house), found);
    house.apply(60, Vec::new());
    assert_eq!(record(&mut house).hold, Ppm::from_parts(168_000));
    assert_eq!(scans(&house), (600, 168));
}

#[test]
fn an_explanation_ends_with_the_ranges_of_the_accounts_underlyings() {
    // 0031-THRE-013
    let house = traded();
    let state = house.machine.state();
    let index = state.accounts.index(account(1)).expect("open");
    let tree = state.explain(&state.risk().unwrap(), index).unwrap().to_string();
    let last: Vec<&str> = tree.lines().rev().take(7).collect();
    for label in ["range for new risk, BTC", "target", "range for risk held, BTC", "announced"] {
        assert!(last.iter().any(|line| line.contains(label)), "{label} in\n{tree}");
    }
    assert!(!tree.contains("ETH"), "no position there");
}

#[test]
fn ranges_of_a_restored_house_go_on_and_hostile_ones_are_refused() {
    // 0031-THRE-012
    let mut house = traded();
    house.btc = 7_500_000_000;
    minutes(&mut house, 60);
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
