//! The greatest convex curve that never rises, through (0, F), at or below a set of prices.
//!
//! **Invariant:** between its corners the curve is known exactly, as a fraction of whole numbers; what is rounded is only
//! its value at a strike, up.

use crate::curve::Point;
use units::{Num, Round};

/// The curve, by its corners.
#[derive(Debug)]
pub(crate) struct Envelope {
    /// Ascending; the first is (0, F). Falling, ever less steeply; flat after the last.
    corners: Vec<Point>,
}

impl Envelope {
    /// Returns the envelope of points with rising positive strikes and prices in [0, F], all at most 2⁵⁰.
    ///
    /// Monotone chain. Cost: O(n).
    pub(crate) fn new(forward: i128, points: &[Point]) -> Self {
        Self::from(Point { strike: 0, call: forward }, points.iter().copied())
    }

    /// Returns the part of an envelope after one of its corners, given the points after it in rising order. Cost: O(n).
    pub(crate) fn from(first: Point, points: impl IntoIterator<Item = Point>) -> Self {
        let mut corners = vec![first];
        for point in points {
            while let [.., before, last] = corners.as_slice() {
                if !is_above(before, last, &point) {
                    break;
                }
                corners.pop();
            }
            corners.push(point);
        }
        while let [.., before, last] = corners.as_slice() {
            if last.call < before.call {
                break;
            }
            corners.pop();
        }
        Self { corners }
    }

    /// Returns the corners, ascending by strike.
    pub(crate) fn corners(&self) -> &[Point] {
        &self.corners
    }

    /// Returns the corners next to a strike: the last one at or below it, and the first one above it if there is one.
    pub(crate) fn around(&self, strike: i128) -> Option<(Point, Option<Point>)> {
        let above = self.corners.partition_point(|corner| corner.strike <= strike);
        let below = above.checked_sub(1).and_then(|place| self.corners.get(place));
        below.map(|below| (*below, self.corners.get(above).copied()))
    }

    /// Returns the curve's value at a strike, rounded up.
    pub(crate) fn at(&self, strike: i128) -> i128 {
        let Some((below, above)) = self.around(strike) else { return 0 };
        let Some(above) = above else { return below.call };
        let (width, part) =
            (above.strike.saturating_sub(below.strike), strike.saturating_sub(below.strike));
        let fall = Num::new(above.call.saturating_sub(below.call));
        let fallen = fall.mul_div(Num::new(part), Num::new(width), Round::Up);
        below.call.saturating_add(fallen.map_or(0, Num::raw))
    }
}

/// Returns whether `middle` lies on or above the line from `left` to `right`.
fn is_above(left: &Point, middle: &Point, right: &Point) -> bool {
    let span = |from: &Point, to: &Point| {
        (to.strike.saturating_sub(from.strike), to.call.saturating_sub(from.call))
    };
    let ((width_in, rise_in), (width_out, rise_out)) = (span(left, middle), span(middle, right));
    // At most 2⁵⁰ each.
    rise_in.saturating_mul(width_out) >= rise_out.saturating_mul(width_in)
}
