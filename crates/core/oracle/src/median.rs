//! Order statistics under weights: the only way in which reports become one value.
//!
//! **Invariant:** with bad weight below half, a median lies within the values of the rest. It leans to neither side: where
//! one half of the weight ends between two values, it is their middle. Leaves out means, because one liar moves a mean as far
//! as it likes.

use protocol::Plant;
use units::{Price, Vol};

/// Values between any two of which there is a middle.
pub trait Middle: Ord + Copy {
    /// Returns the middle of two values, rounded towards zero: never outside them.
    #[must_use]
    fn middle(self, other: Self) -> Self;
}

impl Middle for Price {
    fn middle(self, other: Self) -> Self {
        Self::from_micros(self.micros().midpoint(other.micros()))
    }
}

impl Middle for Vol {
    fn middle(self, other: Self) -> Self {
        Self::from_points(self.points().midpoint(other.points()))
    }
}

/// Returns the weighted median: the middle of the lower one, the smallest value at or below which at least half of all
/// weight lies, and of the upper one, the smallest at or below which more than half lies.
///
/// Equal values pool their weights, so the order of the input does not matter. `None` if no weight is positive.
/// If less than half of the weight is bad, the result lies between the smallest and the largest value of the rest.
///
/// Rounding: towards zero. Cost: O(n log n).
///
/// # Source
///
/// spec 0017-ORAC-001, 0017-ORAC-002.
#[must_use]
pub fn weighted_median<T: Middle>(values: &[(T, u64)]) -> Option<T> {
    let (sorted, total) = sorted(values);
    let twice = |below: u128| below.saturating_mul(2);
    let lower = first(&sorted, |below| twice(below) >= total)?;
    let upper = first(&sorted, |below| twice(below) > total)?;
    Some(if Plant::LowerMedian.is_planted() { lower } else { lower.middle(upper) })
}

/// Returns the quartiles: the smallest value at or below which more than a quarter of all weight lies, and the largest at
/// or above which more than a quarter lies.
///
/// `None` if no weight is positive. Who holds a quarter of the weight and no more sets neither.
///
/// # Source
///
/// spec 0017-ORAC-001.
#[must_use]
pub fn weighted_quartiles<T: Ord + Copy>(values: &[(T, u64)]) -> Option<(T, T)> {
    let (sorted, total) = sorted(values);
    let four_times = |below: u128| below.saturating_mul(4);
    let lower = first(&sorted, |below| four_times(below) > total)?;
    // More than a quarter lies at or above the first value that leaves no more than a quarter above it.
    let upper = first(&sorted, |below| four_times(below) >= total.saturating_mul(3))?;
    Some((lower, upper))
}

/// Returns the values that have weight, ascending, and the sum of their weights.
fn sorted<T: Ord + Copy>(values: &[(T, u64)]) -> (Vec<(T, u64)>, u128) {
    let mut sorted: Vec<(T, u64)> =
        values.iter().copied().filter(|(_, weight)| *weight > 0).collect();
    sorted.sort_unstable_by_key(|(value, _)| *value);
    let total = weight_sum(sorted.iter().map(|(_, weight)| *weight));
    (sorted, total)
}

/// Returns the first of ascending values at or below which there is enough weight.
fn first<T: Copy>(sorted: &[(T, u64)], is_enough: impl Fn(u128) -> bool) -> Option<T> {
    let mut below = 0u128;
    let reaches = |(_, weight): &&(T, u64)| {
        below = below.saturating_add(u128::from(*weight));
        is_enough(below)
    };
    sorted.iter().find(reaches).map(|(value, _)| *value)
}

/// Returns a sum of weights. 64-bit weights in memory cannot exceed 128 bits; the sum saturates where a proof cannot
/// know that.
pub(crate) fn weight_sum(weights: impl Iterator<Item = u64>) -> u128 {
    weights.fold(0, |sum, weight| sum.saturating_add(u128::from(weight)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prices(values: &[(i128, u64)]) -> Vec<(Price, u64)> {
        values.iter().map(|(micros, weight)| (Price::from_micros(*micros), *weight)).collect()
    }

    /// 0017-ORAC-001.
    #[test]
    fn the_median_is_the_middle_of_lower_and_upper_and_pools_equal_values() {
        for (values, median) in [
            (&[][..], None),
            (&[(7, 0)], None),
            (&[(7, 1)], Some(7)),
            (&[(9, 1), (7, 1)], Some(8)),
            (&[(10, 1), (7, 1)], Some(8)),
            (&[(-10, 1), (-7, 1)], Some(-8)),
            (&[(9, 2), (7, 1)], Some(9)),
            (&[(3, 1), (1, 1), (2, 1)], Some(2)),
            (&[(5, 1), (1, 2), (5, 1), (9, 1)], Some(5)),
            (&[(1, 1), (3, 1), (7, 1), (9, 1)], Some(5)),
            (&[(1, 0), (2, 1), (3, 0)], Some(2)),
            (&[(1, u64::MAX), (2, u64::MAX), (3, u64::MAX)], Some(2)),
            (&[(i128::MIN, 1), (i128::MAX, 1)], Some(0)),
        ] {
            let median = median.map(Price::from_micros);
            assert_eq!(weighted_median(&prices(values)), median, "{values:?}");
        }
        assert_eq!(
            weighted_median(&[(Vol::from_points(6_001), 1), (Vol::from_points(6_004), 1)]),
            Some(Vol::from_points(6_002))
        );
    }

    /// 0017-ORAC-001.
    #[test]
    fn a_quarter_of_the_weight_sets_no_quartile_and_one_more_does() {
        for (values, quartiles) in [
            (&[][..], None),
            (&[(4, 1)], Some((4, 4))),
            (&[(1, 1), (4, 3)], Some((4, 4))),
            (&[(4, 3), (9, 1)], Some((4, 4))),
            (&[(1, 101), (4, 299)], Some((1, 4))),
            (&[(4, 299), (9, 101)], Some((4, 9))),
            (&[(1, 3), (2, 3), (3, 3), (4, 3), (5, 3), (6, 3), (7, 3), (8, 3)], Some((3, 6))),
        ] {
            assert_eq!(weighted_quartiles(values), quartiles, "{values:?}");
        }
    }
}
