//! The first price, and the first one after an outage: found by blocks that agree, and beside what one knows.

use super::common::{BTC, ETH, House, deposit, dollars, genesis, order};
use machine::{GenesisError, Machine, UnderlyingGenesis};
use protocol::{Mode, Side};
use units::Price;

/// A house whose first price three blocks must agree on.
fn fresh() -> House {
    House::with(|genesis| genesis.underlyings.iter_mut().for_each(|held| held.first_blocks = 3))
}

fn index(house: &House) -> Option<i128> {
    house.machine.state().index(BTC).map(Price::micros)
}

#[test]
fn the_first_price_is_what_blocks_in_a_row_agree_on() {
    // 0017-ORAC-023
    let mut house = fresh();
    for found in [None, None, Some(8_000_000_000)] {
        house.apply(1, Vec::new());
        assert_eq!(index(&house), found);
    }
    assert_eq!(house.machine.state().mode(BTC), Mode::Normal);
    // Two that do not agree begin again, and so does one that hears nothing.
    let mut house = fresh();
    house.apply(1, Vec::new());
    house.btc = 8_500_000_000;
    house.apply(1, Vec::new());
    house.apply(1, Vec::new());
    assert_eq!(index(&house), None);
    let mut silent = house.block(1, Vec::new());
    silent.votes.truncate(2);
    house.machine.apply(&silent).unwrap();
    house.apply(1, Vec::new());
    house.apply(1, Vec::new());
    assert_eq!(index(&house), None);
    house.apply(1, Vec::new());
    assert_eq!(index(&house), Some(8_500_000_000));
}

#[test]
fn a_decimal_place_too_many_or_too_few_is_no_first_price() {
    // 0017-ORAC-023: whatever the true price is within a factor of three of the reference.
    for (price, right) in [
        (8_000_000_000, true),
        (23_999_999_999, true),
        (2_666_666_667, true),
        (24_000_000_000, false),
        (2_666_666_666, false),
        // The true price is 2,700 or 23,000, and a decimal is wrong.
        (27_000_000_000, false),
        (270_000_000, false),
        (230_000_000_000, false),
        (2_300_000_000, false),
        (8_000_000_000_000, false),
    ] {
        let mut house = fresh();
        house.btc = price;
        for _ in 0..100 {
            house.apply(1, Vec::new());
        }
        assert_eq!(index(&house).is_some(), right, "{price}");
    }
}

#[test]
fn a_genesis_says_what_its_first_prices_are_measured_by() {
    // 0025-BLOCK-013
    let unpriced: fn(&mut UnderlyingGenesis) = |held| held.reference_price = Price::ZERO;
    let unagreed: fn(&mut UnderlyingGenesis) = |held| held.first_blocks = 0;
    for change in [unpriced, unagreed] {
        let mut changed = genesis();
        change(&mut changed.underlyings[1]);
        assert_eq!(Machine::found(&changed).err(), Some(GenesisError::Reference(ETH)));
    }
}

#[test]
fn a_price_that_left_its_band_in_an_outage_gets_in_again() {
    // 0017-ORAC-024. The chain stands, or the sources are silent; then all agree on something far away.
    for (times, over) in [(1, 9), (1, 10), (1, 12), (12, 1), (1, 20)] {
        for is_halt in [true, false] {
            let mut house = House::new();
            house.apply(
                1,
                vec![deposit(1, 0, dollars(1_000_000)), deposit(2, 0, dollars(1_000_000))],
            );
            let traded = vec![
                order(1, 1, 11, Side::Buy, 190_000_000, 10),
                order(2, 1, 11, Side::Sell, 190_000_000, 10),
            ];
            house.apply(1, traded);
            let price = house.eth * times / over;
            if is_halt {
                house.apply(86_400, Vec::new());
            }
            for _ in 0..20 {
                let mut block = house.block(5, Vec::new());
                block.votes.iter_mut().for_each(|vote| vote.prices.retain(|p| p.underlying != ETH));
                house.machine.apply(&block).unwrap();
            }
            house.eth = price;
            let mut blocks = 0;
            while house.machine.state().mode(ETH) == Mode::Frozen && blocks < 400 {
                house.apply(5, Vec::new());
                blocks += 1;
            }
            let state = house.machine.state();
            assert_eq!(state.index(ETH).map(Price::micros), Some(price), "{times}/{over}");
            assert!(state.mode(ETH) < Mode::Frozen, "{times}/{over}: {blocks}");
            // One that is absurd beside the last index has stood for ten minutes.
            let absurd = times >= 10 * over || over >= 10 * times;
            assert_eq!(blocks >= 120, absurd, "{times}/{over}: {blocks} blocks");
        }
    }
}

#[test]
fn an_absurd_price_of_a_few_minutes_does_not_get_in_after_an_outage() {
    // 0017-ORAC-024: sources that come back with a decimal too many, and are put right.
    let mut house = House::new();
    house.apply(1, Vec::new());
    house.apply(600, Vec::new());
    house.btc *= 10;
    for _ in 0..59 {
        house.apply(10, Vec::new());
        assert_eq!(index(&house), Some(8_000_000_000));
        assert_eq!(house.machine.state().mode(BTC), Mode::Frozen);
    }
    house.btc /= 10;
    for _ in 0..3 {
        house.apply(10, Vec::new());
    }
    assert_eq!(index(&house), Some(8_000_000_000));
    for _ in 0..3 {
        house.apply(10, Vec::new());
    }
    assert_eq!(house.machine.state().mode(BTC), Mode::Normal);
}

#[test]
fn less_than_a_third_brings_no_price_in_after_an_outage() {
    // 0017-ORAC-002, 0017-ORAC-024: one of four, in whatever way, for an hour.
    for lie in [80_000_000_000, 800_000_000, 16_000_000_000, 1] {
        let mut house = House::new();
        house.apply(1, Vec::new());
        house.apply(600, Vec::new());
        for _ in 0..360 {
            let mut block = house.block(10, Vec::new());
            for seen in &mut block.votes[3].prices {
                seen.price = Price::from_micros(lie);
            }
            house.machine.apply(&block).unwrap();
        }
        assert_eq!(index(&house), Some(8_000_000_000), "{lie}");
    }
}
