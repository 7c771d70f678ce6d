//! Contracts by what is left of them, and what margin asks for lots of each.

use super::{BTC, BTC_LOT, ETH_LOT, House, NOW, instrument, of, price};
use margin::{MarketInput, Position, Requirement, Settlement, mark_value, required};
use protocol::{Contract, InstrumentId, Right, UnderlyingId};
use units::{BlockSpan, BlockTime, Lots, Notional, Price, Vol};

pub(crate) const MINUTE: i128 = 60_000;
pub(crate) const HOUR: i128 = 60 * MINUTE;
pub(crate) const WINDOW: i128 = 30 * MINUTE;
/// A bitcoin, and as much in ether, in lots.
pub(crate) const ONE_BTC: i128 = 1_000;
pub(crate) const TWENTY_ETH: i128 = 2_000;

/// A contract and when it expires, in milliseconds from now; a perpetual never does.
#[derive(Clone, Copy)]
pub(crate) enum Leg {
    Perpetual,
    Future(i128),
    Option(i128, i128, Right),
}

/// Contracts listed from 1, each on an underlying, with forwards at the index and vols of 60 %.
pub(crate) fn house(listed: &[(UnderlyingId, Leg)]) -> House {
    let mut house = House::new();
    house.markets.clear();
    for (id, (underlying, leg)) in (1u32..).zip(listed) {
        let (index, size) = if *underlying == BTC { (60_000, BTC_LOT) } else { (3_000, ETH_LOT) };
        let at = |left: i128| BlockTime::from_millis(NOW + left);
        let (contract, left) = match *leg {
            Leg::Perpetual => (Contract::Perpetual, i128::MAX),
            Leg::Future(left) => (Contract::Future { expires_at: at(left) }, left),
            Leg::Option(left, strike, right) => {
                (Contract::Option { expires_at: at(left), strike: price(strike), right }, left)
            }
        };
        // The price has not moved: what is fixed of the average is its share of the index.
        let settlement = (left < WINDOW).then(|| Settlement {
            fixed: Price::from_micros(index * 1_000_000 * (WINDOW - left) / WINDOW),
            remaining: BlockSpan::from_millis(left),
        });
        let vol = Vol::from_points(if matches!(leg, Leg::Option(..)) { 6_000 } else { 0 });
        let listed = instrument(id, *underlying, contract, size);
        let now = BlockTime::from_millis(NOW);
        let mark = mark_value(&listed, price(index), vol, now, settlement).unwrap();
        let market =
            super::market(instrument(id, *underlying, Contract::Perpetual, size), price(index), 0);
        house.markets.push(MarketInput { instrument: listed, mark, vol, settlement, ..market });
    }
    house
}

pub(crate) fn positions(lots: &[i128]) -> Vec<Position> {
    let held = |(id, lots): (u32, &i128)| Position {
        instrument: InstrumentId::new(id),
        lots: Lots::from_count(*lots),
        cost: Notional::ZERO,
    };
    (1u32..).zip(lots).filter(|(_, lots)| **lots != 0).map(held).collect()
}

pub(crate) fn measured(house: &House, lots: &[i128]) -> Requirement {
    required(&house.risk(), &of(0, &positions(lots))).unwrap()
}

pub(crate) fn scan(listed: &[(UnderlyingId, Leg)], lots: &[i128]) -> i128 {
    measured(&house(listed), lots).scan_hold.micros()
}
