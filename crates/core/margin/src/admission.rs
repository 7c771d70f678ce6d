//! Which orders an account may have at all, whatever its equity: those that only reduce, the limit of a position, and how far
//! beyond the mark a limit may be.
//!
//! **Invariant:** whatever of a side's orders fills, and in whatever sequence, a position that may only be reduced is neither
//! enlarged nor turned over.

use protocol::{Instrument, Refusal, Side};
use units::{ArithmeticError, Lots, Ppm, Price, Round, limits};

/// Returns how many lots an order of a side may trade before it enlarges a position; `None` if it enlarges it at once.
#[must_use]
pub fn room_to_reduce(position: Lots, side: Side) -> Option<Lots> {
    match side {
        Side::Sell if position > Lots::ZERO => Some(position),
        Side::Buy if position < Lots::ZERO => position.negated().ok(),
        Side::Buy | Side::Sell => None,
    }
}

/// Returns whether orders of a side, so many lots in all, only reduce a position.
#[must_use]
pub fn only_reduces(position: Lots, side: Side, total: Lots) -> bool {
    room_to_reduce(position, side).is_some_and(|room| total <= room)
}

/// What bounds the open orders of a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeLimits {
    /// Whether they may only reduce the position.
    pub must_reduce: bool,
    /// Whether the market has room for a new order that opens a position.
    pub has_room: bool,
    /// Most lots of a position that is being enlarged.
    pub position: Lots,
}

/// Checks the orders of a side of a market, so many lots in all with the new one, beside the position.
///
/// spec 0025-BLOCK-010, 0025-BLOCK-011.
///
/// # Errors
///
/// [`Refusal::ReduceOnlyWouldIncrease`] before [`Refusal::PositionLimit`]; [`ArithmeticError`] if a position with all of them
/// filled leaves the numbers.
pub fn check_size(
    position: Lots,
    side: Side,
    total: Lots,
    limits: SizeLimits,
) -> Result<Result<(), Refusal>, ArithmeticError> {
    let reduces = only_reduces(position, side, total);
    if limits.must_reduce && !reduces {
        return Ok(Err(Refusal::ReduceOnlyWouldIncrease));
    }
    let reached = match side {
        Side::Buy => position.plus(total)?,
        Side::Sell => position.minus(total)?,
    };
    let reached = reached.magnitude()?;
    let enlarges = reached > position.magnitude()?;
    let beyond = (!reduces && !limits.has_room) || (enlarges && reached > limits.position);
    Ok(if beyond { Err(Refusal::PositionLimit) } else { Ok(()) })
}

/// Returns how far from the mark a band reaches: a share of a reference price, whatever its sign.
///
/// Rounding: down.
///
/// # Errors
///
/// [`ArithmeticError`] if it is beyond what a price may be.
pub fn reach(reference: Price, band: Ppm) -> Result<Price, ArithmeticError> {
    reference.magnitude()?.scaled(band, Round::Down)
}

/// Returns whether a limit pays away no more than a distance beyond the mark.
///
/// The band is one-sided: it bounds what an order could pay away, not how far from the market it may wait.
///
/// # Errors
///
/// [`ArithmeticError`] if mark and distance together are beyond what a price may be.
pub fn is_within(
    side: Side,
    limit: Price,
    mark: Price,
    distance: Price,
) -> Result<bool, ArithmeticError> {
    Ok(match side {
        Side::Buy => limit <= mark.plus(distance)?,
        Side::Sell => limit >= mark.minus(distance)?,
    })
}

/// What the limit of an order is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceBand {
    /// The mark, if there is one.
    pub mark: Option<Price>,
    /// The index of the underlying, if there is one.
    pub index: Option<Price>,
    /// How far beyond the mark, as a share of the index.
    pub share: Ppm,
}

/// Checks lots, sign, tick and band of an order.
///
/// spec 0025-BLOCK-010.
///
/// # Errors
///
/// In this sequence: [`Refusal::LotsNotPositive`], [`Refusal::LotsTooMany`], [`Refusal::PriceNotPositive`] where a premium is
/// paid, [`Refusal::PriceOffTick`], [`Refusal::MarkMissing`], [`Refusal::PriceOutsideBand`].
pub fn check_limit(
    instrument: &Instrument,
    side: Side,
    price: Price,
    lots: Lots,
    band: PriceBand,
) -> Result<(), Refusal> {
    if lots <= Lots::ZERO {
        return Err(Refusal::LotsNotPositive);
    }
    if lots > Lots::from_count(limits::LOTS_MAX) {
        return Err(Refusal::LotsTooMany);
    }
    if instrument.contract.pays_premium() && price <= Price::ZERO {
        return Err(Refusal::PriceNotPositive);
    }
    if price.on_tick(instrument.tick, Round::Down) != Ok(price) {
        return Err(Refusal::PriceOffTick);
    }
    let (Some(mark), Some(index)) = (band.mark, band.index) else {
        return Err(Refusal::MarkMissing);
    };
    let within = reach(index, band.share).and_then(|reach| is_within(side, price, mark, reach));
    match within == Ok(true) && price.within_limit().is_ok() {
        true => Ok(()),
        false => Err(Refusal::PriceOutsideBand),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Contract, InstrumentId, UnderlyingId};
    use units::Quantity;

    fn lots(count: i128) -> Lots {
        Lots::from_count(count)
    }

    fn price(dollars: i128) -> Price {
        Price::from_micros(dollars * 1_000_000)
    }

    #[test]
    fn only_the_other_side_reduces_and_no_more_than_is_held() {
        // 0025-BLOCK-010
        assert_eq!(room_to_reduce(lots(3), Side::Sell), Some(lots(3)));
        assert_eq!(room_to_reduce(lots(-3), Side::Buy), Some(lots(3)));
        for (position, side) in [(3, Side::Buy), (-3, Side::Sell), (0, Side::Buy), (0, Side::Sell)]
        {
            assert_eq!(room_to_reduce(lots(position), side), None, "{position} {side:?}");
        }
        assert!(only_reduces(lots(3), Side::Sell, lots(3)));
        assert!(!only_reduces(lots(3), Side::Sell, lots(4)));
    }

    #[test]
    fn no_order_takes_a_position_beyond_its_limit_unless_it_makes_it_smaller() {
        // 0025-BLOCK-010
        let checked = |position, side, total, must_reduce, has_room| {
            let limits = SizeLimits { must_reduce, has_room, position: lots(10) };
            check_size(lots(position), side, lots(total), limits).expect("within the numbers")
        };
        assert_eq!(checked(4, Side::Buy, 6, false, true), Ok(()));
        assert_eq!(checked(4, Side::Buy, 7, false, true), Err(Refusal::PositionLimit));
        assert_eq!(checked(-4, Side::Sell, 7, false, true), Err(Refusal::PositionLimit));
        assert_eq!(
            checked(20, Side::Sell, 5, false, true),
            Ok(()),
            "it was beyond, and gets smaller"
        );
        assert_eq!(
            checked(20, Side::Sell, 35, false, true),
            Ok(()),
            "15 short is less than 20 long"
        );
        assert_eq!(checked(4, Side::Buy, 1, false, false), Err(Refusal::PositionLimit));
        assert_eq!(checked(4, Side::Sell, 4, false, false), Ok(()), "what reduces needs no room");
        let increases = Err(Refusal::ReduceOnlyWouldIncrease);
        assert_eq!(checked(4, Side::Sell, 5, true, true), increases);
        assert_eq!(checked(4, Side::Sell, 4, true, true), Ok(()));
    }

    #[test]
    fn a_limit_is_on_tick_and_pays_away_no_more_than_the_band() {
        // 0025-BLOCK-010
        let instrument = Instrument {
            id: InstrumentId::new(1),
            underlying: UnderlyingId::new(1),
            contract: Contract::Perpetual,
            contract_size: Quantity::ONE,
            tick: price(1),
        };
        let quoted = PriceBand {
            mark: Some(price(100)),
            index: Some(price(200)),
            share: Ppm::from_parts(50_000),
        };
        let asked = |side, limit, band| check_limit(&instrument, side, limit, lots(1), band);
        let outside = Err(Refusal::PriceOutsideBand);
        assert_eq!(asked(Side::Buy, price(110), quoted), Ok(()));
        assert_eq!(asked(Side::Buy, price(111), quoted), outside);
        assert_eq!(asked(Side::Sell, price(90), quoted), Ok(()));
        assert_eq!(asked(Side::Sell, price(89), quoted), outside);
        assert_eq!(
            asked(Side::Buy, price(1), quoted),
            Ok(()),
            "it may wait as far away as it likes"
        );
        let off_tick = Price::from_micros(1_500_000);
        assert_eq!(asked(Side::Buy, off_tick, quoted), Err(Refusal::PriceOffTick));
        let unmarked = PriceBand { mark: None, ..quoted };
        assert_eq!(asked(Side::Buy, price(1), unmarked), Err(Refusal::MarkMissing));
        let none = check_limit(&instrument, Side::Buy, off_tick, Lots::ZERO, unmarked);
        assert_eq!(none, Err(Refusal::LotsNotPositive), "the first that is broken");
    }
}
