//! The volatility that a price implies, by bisection on the kernel that prices.
//!
//! **Invariant:** the kernel's value at the returned volatility is not below the price, and one trillionth lower it
//! is. Not for the hot path: some forty evaluations.

use units::Price;

use crate::black::call_q62;
use crate::inputs::{Deviation, FineVol, Forward, Horizon, Strike};

/// Returns the volatility at which a call is worth a price.
///
/// Nothing is implied by a price at or below max(0, F − K), above what the highest volatility gives, or without time.
///
/// Rounding: up, in trillionths. Off the exact volatility by less than a trillionth plus (F + K)·2⁻⁵⁵ of price.
///
/// # Source
///
/// spec 0010-PRIC-009.
#[must_use]
pub fn vol_implied_by_call(
    price: Price,
    forward: Forward,
    strike: Strike,
    horizon: Horizon,
) -> Option<FineVol> {
    let intrinsic = forward.price().minus(strike.price()).ok()?.greater(Price::ZERO);
    if price <= intrinsic || price > forward.price() {
        return None;
    }
    // At most F ≤ 2⁵⁰.
    let target = price.micros() << 62;
    let reaches = |trillionths| {
        let vol = FineVol::from_trillionths(trillionths).ok()?;
        let value = call_q62(forward, strike, Deviation::new(vol, horizon))?;
        Some(value >= target)
    };
    let (mut below, mut reached) = (0_i128, FineVol::TRILLIONTHS_MAX);
    if !reaches(reached)? {
        return None;
    }
    loop {
        let middle = below.midpoint(reached);
        if middle == below {
            return FineVol::from_trillionths(reached).ok();
        }
        if reaches(middle)? {
            reached = middle;
        } else {
            below = middle;
        }
    }
}

/// Returns the volatility at which a put is worth a price: that of the call worth F − K more.
///
/// Nothing is implied by a price at or below max(0, K − F); the rest as [`vol_implied_by_call`].
#[must_use]
pub fn vol_implied_by_put(
    price: Price,
    forward: Forward,
    strike: Strike,
    horizon: Horizon,
) -> Option<FineVol> {
    let call = price.plus(forward.price()).ok()?.minus(strike.price()).ok()?;
    vol_implied_by_call(call, forward, strike, horizon)
}

/// Returns the volatility that a call's price in whole micro-dollars determines, to a basis point.
///
/// A price rounded down is that of every volatility from the one it implies to the one that a micro-dollar more
/// implies. If those are more than 0.01 % of volatility apart, or one of them does not exist, none is determined.
///
/// # Source
///
/// spec 0010-PRIC-014.
#[must_use]
pub fn vol_determined_by_call(
    price: Price,
    forward: Forward,
    strike: Strike,
    horizon: Horizon,
) -> Option<FineVol> {
    let least = vol_implied_by_call(price, forward, strike, horizon)?;
    let above = price.plus(Price::from_micros(1)).ok()?;
    let most = vol_implied_by_call(above, forward, strike, horizon)?;
    let apart = most.trillionths().checked_sub(least.trillionths())?;
    (apart <= BASIS_POINT).then_some(least)
}

/// Returns the volatility that a put's price in whole micro-dollars determines: that of the call worth F − K more.
#[must_use]
pub fn vol_determined_by_put(
    price: Price,
    forward: Forward,
    strike: Strike,
    horizon: Horizon,
) -> Option<FineVol> {
    let call = price.plus(forward.price()).ok()?.minus(strike.price()).ok()?;
    vol_determined_by_call(call, forward, strike, horizon)
}

/// A basis point of volatility, in trillionths.
const BASIS_POINT: i128 = 100_000_000;
