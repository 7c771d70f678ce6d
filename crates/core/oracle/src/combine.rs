//! From what each source showed to one price: the weighted median over sources, and the spread around it.
//!
//! **Invariant:** the price is a reading or the middle of two, and lies within those of honest sources while the others hold less
//! than half of the live, capped weight. However many err, none is found unless sources with more than half of all listed
//! weight are near it.
//!
//! Deviation from the usual rule: a reading far from the median is not dropped but marked, and keeps its vote. Dropping can
//! hand the majority to the liars: of sources 99.6 (weight 48), 100 (26) and 130 (26) the median is 100; with 130 dropped,
//! it is 99.6.

use crate::median::{weight_sum, weighted_median, weighted_quartiles};
use crate::{Parameters, Reading};
use protocol::{Fault, Plant, SourceId};
use units::{Price, Round};

/// What the sources of one block say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Combined {
    /// Weighted median.
    pub(crate) price: Price,
    /// Lower quartile of the sources' prices and their uncertainties.
    pub(crate) lowest: Price,
    /// Upper quartile.
    pub(crate) highest: Price,
}

/// Returns what the readings say together and marks the outliers among them; `None` unless sources with more than half of
/// the weight of all that are listed show the same, within [`Parameters::source_distance`].
///
/// Cost: O(n log n), at most [`protocol::limits::SOURCES_MAX`] readings.
///
/// Source: spec 0017-ORAC-005…008.
pub(crate) fn combine(
    readings: &mut [Reading],
    weights: &[(SourceId, u32)],
    params: &Parameters,
) -> Result<Option<Combined>, Fault> {
    let caps = capped(readings.iter().map(|reading| weight_of(weights, reading.source)));
    let prices: Vec<(Price, u64)> =
        readings.iter().zip(&caps).map(|(reading, weight)| (reading.price, *weight)).collect();
    let Some(price) = weighted_median(&prices) else { return Ok(None) };
    let at = || Fault::at("oracle: combining sources");
    let band = band(price, &prices, params)?;
    let apart = price.scaled(params.source_distance, Round::Down).map_err(at())?;
    let apart = apart.greater(Price::ZERO);
    let (floor, ceiling) = (price.minus(apart).map_err(at())?, price.plus(apart).map_err(at())?);
    let mut votes = Vec::with_capacity(readings.len().saturating_mul(3));
    let mut agreeing = Vec::with_capacity(readings.len());
    for (reading, weight) in readings.iter_mut().zip(caps) {
        let distance = reading.price.minus(price).and_then(Price::magnitude).map_err(at())?;
        reading.outlier = distance > band;
        if distance <= apart {
            agreeing.push(reading.source);
        }
        let limited = reading.price.greater(floor).lesser(ceiling);
        votes.push((limited.minus(reading.confidence).map_err(at())?, weight));
        votes.push((limited, weight));
        votes.push((limited.plus(reading.confidence).map_err(at())?, weight));
    }
    if !hold_majority(&agreeing, weights) && !Plant::HalvesDecide.is_planted() {
        return Ok(None);
    }
    let quartiles = weighted_quartiles(&votes);
    Ok(quartiles.map(|(lowest, highest)| Combined { price, lowest, highest }))
}

/// Returns how far from the median a reading may lie: a multiple of the median distance, and never less than a share of
/// the price.
fn band(median: Price, prices: &[(Price, u64)], params: &Parameters) -> Result<Price, Fault> {
    let at = || Fault::at("oracle: outlier band");
    let mut distances = Vec::with_capacity(prices.len());
    for (price, weight) in prices {
        let distance = price.minus(median).and_then(Price::magnitude).map_err(at())?;
        distances.push((distance, *weight));
    }
    let deviation = weighted_median(&distances).unwrap_or_default();
    let wide = deviation.scaled(params.outlier_deviations, Round::Down).map_err(at())?;
    let least = median.scaled(params.outlier_floor, Round::Down).map_err(at())?;
    Ok(wide.greater(least).greater(Price::ZERO))
}

/// Returns whether sources hold more than half of the capped weight of all that are listed.
fn hold_majority(sources: &[SourceId], weights: &[(SourceId, u32)]) -> bool {
    let caps = capped(weights.iter().map(|(_, weight)| *weight));
    let all = weight_sum(caps.iter().copied());
    let theirs = weights.iter().zip(&caps).filter(|((source, _), _)| sources.contains(source));
    weight_sum(theirs.map(|(_, cap)| *cap)).saturating_mul(2) > all
}

fn weight_of(weights: &[(SourceId, u32)], source: SourceId) -> u32 {
    weights.iter().find(|(listed, _)| *listed == source).map_or(0, |(_, weight)| *weight)
}

/// Returns twice the weights, cut so that none is more than a third of what is left of all; one or two positive weights
/// become equal. Twice, because the cut may fall on a half.
///
/// With `a ≥ b ≥ …` and `R = sum − a`: nothing is cut if `a ≤ R/2`; the first alone is cut to `R/2` if `b ≤ R/2`; else
/// both are cut to `R − b`, which is at least the third weight.
fn capped(weights: impl Iterator<Item = u32>) -> Vec<u64> {
    let doubled: Vec<u64> = weights.map(|weight| u64::from(weight).saturating_mul(2)).collect();
    let mut sorted: Vec<u64> = doubled.iter().copied().filter(|weight| *weight > 0).collect();
    sorted.sort_unstable_by(|left, right| right.cmp(left));
    let cap = match sorted.as_slice() {
        [] => 0,
        [only] => *only,
        [_, second] => *second,
        [first, second, ..] => {
            let sum = sorted.iter().fold(0u64, |sum, weight| sum.saturating_add(*weight));
            let rest = sum.saturating_sub(*first);
            let half = rest >> 1;
            if *second <= half { half.min(*first) } else { rest.saturating_sub(*second) }
        }
    };
    doubled.into_iter().map(|weight| weight.min(cap)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(source: u16, millis: i128) -> Reading {
        Reading {
            source: SourceId::new(source),
            price: Price::from_micros(millis * 1_000),
            confidence: Price::from_micros(10_000),
            outlier: false,
        }
    }

    fn equal(sources: u16) -> Vec<(SourceId, u32)> {
        (0..sources).map(|source| (SourceId::new(source), 1)).collect()
    }

    /// 0017-ORAC-005.
    #[test]
    fn no_source_weighs_more_than_a_third() {
        for (weights, expected) in [
            (&[][..], &[][..]),
            (&[5], &[10]),
            (&[5, 2], &[4, 4]),
            (&[5, 3, 1], &[2, 2, 2]),
            (&[0, 5, 3, 1], &[0, 2, 2, 2]),
            (&[8, 1, 1, 1], &[3, 2, 2, 2]),
            (&[9, 8, 2, 2], &[8, 8, 4, 4]),
            (&[4, 4, 4], &[8, 8, 8]),
            (&[2, 2, 2, 1], &[4, 4, 4, 2]),
        ] {
            assert_eq!(capped(weights.iter().copied()), expected, "{weights:?}");
        }
    }

    #[test]
    fn dropping_a_far_source_would_leave_the_honest_range_and_keeping_it_does_not() {
        // 0017-ORAC-006. Sources 1 and 2, together 48 of 100, show 99.6; the others are honest.
        let mut readings =
            vec![reading(1, 99_600), reading(2, 99_600), reading(3, 100_000), reading(4, 130_000)];
        let weights: Vec<_> =
            [24, 24, 26, 26].iter().zip(1..).map(|(w, s)| (SourceId::new(s), *w)).collect();
        let params = Parameters::default();
        let combined = combine(&mut readings, &weights, &params).unwrap().unwrap();
        assert_eq!(combined.price, Price::from_micros(100_000_000));
        assert!(readings[3].outlier);
        let kept: Vec<_> = readings.iter().filter(|r| !r.outlier).map(|r| (r.price, 1)).collect();
        assert_eq!(weighted_median(&kept), Some(Price::from_micros(99_600_000)));
    }

    /// 0017-ORAC-007.
    #[test]
    fn sources_without_a_majority_of_the_weight_say_nothing() {
        let params = Parameters::default();
        let mut two = vec![reading(0, 100_000), reading(1, 100_000)];
        assert_eq!(combine(&mut two, &equal(4), &params), Ok(None));
        assert!(combine(&mut two, &equal(3), &params).unwrap().is_some());
    }

    /// 0017-ORAC-007: with the lower median the first two found 70, and 0.5 % of doubt.
    #[test]
    fn two_halves_that_disagree_find_no_index_and_two_that_nearly_agree_their_middle() {
        let params = Parameters::default();
        let found = |listed: u16, millis: &[i128]| {
            let mut readings: Vec<_> =
                millis.iter().zip(0..).map(|(price, source)| reading(source, *price)).collect();
            let combined = combine(&mut readings, &equal(listed), &params).unwrap();
            combined.map(|found| [found.lowest, found.price, found.highest].map(Price::micros))
        };
        assert_eq!(found(4, &[70_000, 70_000, 100_000, 100_000]), None);
        assert_eq!(found(3, &[70_000, 100_000]), None);
        assert_eq!(found(4, &[100_000, 100_000, 70_000]), None, "half of the weight listed");
        assert_eq!(found(4, &[98_000, 98_000, 102_041, 102_041]), None);
        let near = found(4, &[98_000, 98_000, 102_000, 102_000]);
        assert_eq!(near, Some([98_000_000, 100_000_000, 102_000_000]));
        let one_low = found(4, &[70_000, 100_000, 100_000, 100_000]);
        assert_eq!(one_low, Some([99_990_000, 100_000_000, 100_000_000]));
    }

    /// 0017-ORAC-008: doubt was what was left after readings had been moved to within 0.5 %.
    #[test]
    fn disagreement_is_measured_as_far_as_sources_may_be_apart() {
        let params = Parameters::default();
        for (low, lowest) in [(99_000, 99_000_000), (97_000, 98_000_000), (70_000, 98_000_000)] {
            let mut readings: Vec<_> = (0..5).map(|source| reading(source, 100_000)).collect();
            readings[0].price = Price::from_micros(low * 1_000);
            readings[1].price = readings[0].price;
            let combined = combine(&mut readings, &equal(5), &params).unwrap().unwrap();
            assert_eq!(combined.price, Price::from_micros(100_000_000));
            assert_eq!(combined.lowest, Price::from_micros(lowest), "{low}");
            assert!(readings[0].outlier);
        }
    }

    /// 0017-ORAC-006, 0017-ORAC-008.
    #[test]
    fn one_far_source_moves_neither_price_nor_quartiles_beyond_its_neighbours() {
        let params = Parameters::default();
        let mut readings: Vec<_> = (0..5).map(|source| reading(source, 100_000)).collect();
        readings[4].price = Price::from_micros(135_000_000);
        let combined = combine(&mut readings, &equal(5), &params).unwrap().unwrap();
        assert_eq!(combined.price, Price::from_micros(100_000_000));
        assert_eq!(combined.lowest, Price::from_micros(99_990_000));
        assert_eq!(combined.highest, Price::from_micros(100_010_000));
        assert!(readings[4].outlier && !readings[0].outlier);
    }
}
