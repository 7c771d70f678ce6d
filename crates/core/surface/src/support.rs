//! What an expiry says about later ones: the lines that support its prices from below.
//!
//! At each strike one line touches the convex curve of the prices and is nowhere above it: at a corner the tangent of
//! Black-76 at the strike's own vol, as far as the corner allows, else the side it lies on. The greatest of the lines is
//! convex and goes through all prices, so later prices at or above it leave nothing to arbitrage (0018-SURF-003), and
//! with Black's tangents it asks for no more than the vols of the two strikes next to a place would, held there.
//!
//! **Invariant:** lines ascend in the strike they touch and in slope.

use crate::curve::{Curve, Node, Point};
use crate::envelope::Envelope;
use units::{Num, Round};

/// One, as a slope.
const ONE: Num = Num::new(1 << 60);
/// Billionths in one.
const BILLION: i128 = 1_000_000_000;

/// A line through a point, and the strike where it touches the curve.
#[derive(Debug, Clone, Copy)]
struct Line {
    touch: i128,
    strike: i128,
    call: i128,
    /// Micro-dollars of call a micro-dollar of strike, in 2⁻⁶⁰; from −1 to 0.
    slope: Num,
}

/// The lines of one expiry.
#[derive(Debug)]
pub(crate) struct Support {
    forward: i128,
    lines: Vec<Line>,
}

impl Support {
    /// Returns the lines that support the prices of some strikes of a curve, ascending. Cost: O(n log n), one delta a corner.
    pub(crate) fn new(curve: &Curve, nodes: &[Node], points: &[Point]) -> Self {
        let envelope = Envelope::new(curve.forward(), points);
        let mut lines = Vec::with_capacity(nodes.len());
        for node in nodes {
            let touch = node.strike.price().micros();
            let Some((below, above)) = envelope.around(touch) else { continue };
            let after = match above {
                Some(above) => slope(
                    above.call.saturating_sub(below.call),
                    above.strike.saturating_sub(below.strike),
                    Round::Down,
                ),
                None => Num::new(0),
            };
            let slope = if below.strike == touch {
                let corners = envelope.corners();
                let place = corners.partition_point(|corner| corner.strike < touch);
                let before = place.checked_sub(1).and_then(|place| corners.get(place));
                let before = before.map_or(Num::new(0).minus(ONE).unwrap_or_default(), |before| {
                    let width = touch.saturating_sub(before.strike);
                    slope(below.call.saturating_sub(before.call), width, Round::Up)
                });
                tangent(curve.forward(), curve.delta(node), touch, below.call)
                    .greater(before)
                    .lesser(after)
            } else {
                after
            };
            lines.push(Line { touch, strike: below.strike, call: below.call, slope });
        }
        Self { forward: curve.forward(), lines }
    }

    /// Returns the least price that a call may have at a strike of a later expiry, whose own forward is given: the price
    /// here at the same K/F, in its proportion to the forward. Rounding: up, by at most three micro-dollars.
    pub(crate) fn least(&self, forward: i128, strike: i128) -> i128 {
        // At most 2⁵⁰ each.
        let place = strike.saturating_mul(self.forward);
        let next = self.lines.partition_point(|line| line.touch.saturating_mul(forward) <= place);
        let near = [next.checked_sub(1), Some(next)];
        let lines = near.into_iter().flatten().filter_map(|place| self.lines.get(place));
        lines.filter_map(|line| self.value(line, forward, strike)).max().unwrap_or(0)
    }

    fn value(&self, line: &Line, forward: i128, strike: i128) -> Option<i128> {
        let scaled = |micros: i128| {
            Num::new(micros).mul_div(Num::new(forward), Num::new(self.forward), Round::Up)
        };
        let run = Num::new(strike).minus(scaled(line.strike).ok()?).ok()?;
        let rise = line.slope.mul_div(run, ONE, Round::Up).ok()?;
        scaled(line.call).ok()?.plus(rise).ok().map(Num::raw)
    }
}

/// Returns the slope of a line with some rise over some width.
fn slope(rise: i128, width: i128, round: Round) -> Num {
    Num::new(rise).mul_div(ONE, Num::new(width), round).unwrap_or_default()
}

/// Returns how a call's price changes with its strike: `∂C/∂K = −Φ(d−) = (C − F·Δ)/K`.
fn tangent(forward: i128, delta: i128, strike: i128, call: i128) -> Num {
    // Below 2⁸⁰.
    let rise = call.saturating_mul(BILLION).saturating_sub(forward.saturating_mul(delta));
    slope(rise, strike.saturating_mul(BILLION), Round::Down)
}
