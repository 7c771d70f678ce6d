//! Order statistics under weights: the only way in which reports become one value.
//!
//! **Invariant:** the result is one of the values given, and with bad weight below half it lies within the values of
//! the rest. Leaves out means, because one liar moves a mean as far as it likes.

/// Returns the lower weighted median: the smallest value at or below which half of all weight lies.
///
/// Equal values pool their weights, so the order of the input does not matter. `None` if no weight is positive.
/// If less than half of the weight is bad, the result lies between the smallest and the largest value of the rest.
///
/// Cost: O(n log n).
///
/// # Source
///
/// spec 0017-ORAC-001, 0017-ORAC-002.
#[must_use]
pub fn weighted_median<T: Ord + Copy>(values: &[(T, u64)]) -> Option<T> {
    weighted_quantile(values, 1, 2)
}

/// Returns the smallest value at or below which `numerator / denominator` of all weight lies.
///
/// `None` if no weight is positive or the fraction is above one.
///
/// # Source
///
/// spec 0017-ORAC-001.
#[must_use]
pub fn weighted_quantile<T: Ord + Copy>(
    values: &[(T, u64)],
    numerator: u32,
    denominator: u32,
) -> Option<T> {
    let total = weight_sum(values.iter().map(|(_, weight)| *weight));
    let target = total.checked_mul(u128::from(numerator))?;
    let mut sorted: Vec<(T, u64)> =
        values.iter().copied().filter(|(_, weight)| *weight > 0).collect();
    sorted.sort_unstable_by_key(|(value, _)| *value);
    let mut reached = 0u128;
    for (value, weight) in sorted {
        reached = reached.checked_add(u128::from(weight))?;
        if reached.checked_mul(u128::from(denominator))? >= target {
            return Some(value);
        }
    }
    None
}

/// Returns a sum of weights. 64-bit weights in memory cannot exceed 128 bits; the sum saturates where a proof cannot
/// know that.
pub(crate) fn weight_sum(weights: impl Iterator<Item = u64>) -> u128 {
    weights.fold(0, |sum, weight| sum.saturating_add(u128::from(weight)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 0017-ORAC-001.
    #[test]
    fn the_median_is_the_lower_one_and_pools_equal_values() {
        for (values, median) in [
            (&[][..], None),
            (&[(7, 0)], None),
            (&[(7, 1)], Some(7)),
            (&[(9, 1), (7, 1)], Some(7)),
            (&[(9, 2), (7, 1)], Some(9)),
            (&[(3, 1), (1, 1), (2, 1)], Some(2)),
            (&[(5, 1), (1, 2), (5, 1), (9, 1)], Some(5)),
            (&[(1, 0), (2, 1), (3, 0)], Some(2)),
            (&[(1, u64::MAX), (2, u64::MAX), (3, u64::MAX)], Some(2)),
        ] {
            assert_eq!(weighted_median(values), median, "{values:?}");
        }
    }

    /// 0017-ORAC-001.
    #[test]
    fn quantiles_fall_on_the_first_value_that_reaches_them() {
        let values: Vec<(u32, u64)> = (1..=8).map(|value| (value, 3)).collect();
        assert_eq!(weighted_quantile(&values, 1, 4), Some(2));
        assert_eq!(weighted_quantile(&values, 3, 4), Some(6));
        assert_eq!(weighted_quantile(&values, 1, 1), Some(8));
        assert_eq!(weighted_quantile(&values, 0, 1), Some(1));
        assert_eq!(weighted_quantile(&values, 5, 4), None);
    }
}
