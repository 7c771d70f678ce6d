//! What can be earned without risk from a set of prices, found the slow way: every butterfly, every vertical spread,
//! every calendar spread. Shares no code with the repair but the price of one call.

use pricing::{FineVol, Forward, Horizon, Strike, Terms};
use surface::Smile;
use units::{Price, Round, Vol};

/// A listed call: strike, price at its vol, and price at one point less.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) strike: i128,
    pub(crate) price: i128,
    pub(crate) one_less: i128,
    /// Whether its vol is the highest there is, so that it may not reach what it should.
    pub(crate) capped: bool,
}

/// Returns the calls of a smile, ascending; none where prices do not depend on vol.
pub(crate) fn calls(smile: &Smile) -> Vec<Call> {
    let (Ok(forward), Ok(horizon)) = (Forward::new(smile.forward), Horizon::after(smile.variance))
    else {
        return Vec::new();
    };
    if smile.forward <= Price::ZERO || smile.variance.millis() <= 0 {
        return Vec::new();
    }
    let mut calls = Vec::new();
    for (strike, vol) in &smile.vols {
        let Ok(left) = strike.minus(smile.fixed) else { continue };
        let Some(strike) = Strike::new(left).ok().filter(|_| left > Price::ZERO) else { continue };
        let price = |points: i128| {
            let vol = FineVol::from_vol(Vol::from_points(points)).unwrap();
            Terms { forward, strike, vol, horizon }.call(Round::Down).micros()
        };
        let points = vol.points().clamp(0, Vol::LIMIT);
        calls.push(Call {
            strike: left.micros(),
            price: price(points),
            one_less: price((points - 1).max(0)),
            capped: points == Vol::LIMIT,
        });
    }
    calls
}

/// Returns the most that a butterfly or a vertical spread of one expiry earns, in micro-dollars, if the option that is
/// sold dear is sold at one point less than its vol.
pub(crate) fn most_within(smile: &Smile) -> i128 {
    let calls = calls(smile);
    let forward = smile.forward.micros();
    let stock = Call { strike: 0, price: forward, one_less: forward, capped: false };
    let mut most = i128::MIN;
    for (place, sold) in calls.iter().enumerate() {
        for left in std::iter::once(&stock).chain(&calls[..place]) {
            most = most.max(sold.one_less - left.price);
            for right in &calls[place + 1..] {
                let cost = chord(left.strike, left.price, right.strike, right.price, sold.strike);
                most = most.max(sold.one_less - cost);
            }
        }
    }
    most
}

/// Returns the most that a calendar spread earns between two expiries, in micro-dollars of the later one and beyond what
/// rounding may leave, if the earlier option is sold at one point less than its vol, and the later is bought: the option at
/// the same K/F, or the two next to it in proportion.
pub(crate) fn most_between(early: &Smile, late: &Smile) -> i128 {
    let (sold, bought) = (calls(early), calls(late));
    if sold.is_empty() || bought.is_empty() {
        return i128::MIN;
    }
    let (forward, scale) = (late.forward.micros(), early.forward.micros());
    let mut most = i128::MIN;
    for call in &sold {
        let strike = call.strike * forward / scale;
        let worth = call.one_less * forward / scale;
        let above = bought.iter().find(|other| other.strike >= strike);
        let below = bought.iter().rev().find(|other| other.strike <= strike);
        let (left, left_price) = below.map_or((0, forward), |below| (below.strike, below.price));
        let cost = match above {
            Some(above) => chord(left, left_price, above.strike, above.price, strike),
            None => left_price,
        };
        most = most.max(worth - cost - 6 * (forward / scale));
    }
    most
}

/// Returns the height of the line through two points, rounded up.
fn chord(left: i128, left_price: i128, right: i128, right_price: i128, at: i128) -> i128 {
    if left == right {
        return left_price.min(right_price);
    }
    let rise = (right_price - left_price) * (at - left);
    left_price + rise.div_euclid(right - left) + i128::from(rise.rem_euclid(right - left) > 0)
}
