//! From what each source showed to one price: the weighted median over sources, and the spread around it.
//!
//! **Invariant:** the price is a reading or the middle of two, and lies within those of honest sources while the others hold less
//! than half of the live, capped weight.
//!
//! Deviation from the usual rule: a reading far from the median is not dropped but moved to the nearest price that is
//! not far, and keeps its vote. Dropping can hand the majority to the liars: of sources 99.6 (weight 48), 100 (26) and
//! 130 (26) the median is 100; with 130 dropped, it is 99.6.

use crate::median::{weight_sum, weighted_median, weighted_quartiles};
use crate::{Parameters, Reading};
use protocol::{Fault, SourceId};
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

/// Returns what the readings say together and marks the outliers among them; `None` if the sources that are live do not
/// hold more than half of the weight of all.
///
/// Cost: O(n log n), at most [`protocol::limits::SOURCES_MAX`] readings.
///
/// Source: spec 0017-ORAC-005…008.
pub(crate) fn combine(
    readings: &mut [Reading],
    weights: &[(SourceId, u32)],
    params: &Parameters,
) -> Result<Option<Combined>, Fault> {
    if !hold_majority(readings, weights) {
        return Ok(None);
    }
    let weights = capped(readings.iter().map(|reading| weight_of(weights, reading.source)));
    let prices: Vec<(Price, u64)> =
        readings.iter().zip(&weights).map(|(reading, weight)| (reading.price, *weight)).collect();
    let Some(price) = weighted_median(&prices) else { return Ok(None) };
    let band = band(price, &prices, params)?;
    let at = || Fault::at("oracle: combining sources");
    let (floor, ceiling) = (price.minus(band).map_err(at())?, price.plus(band).map_err(at())?);
    let mut votes = Vec::with_capacity(readings.len().saturating_mul(3));
    for (reading, weight) in readings.iter_mut().zip(weights) {
        let limited = reading.price.greater(floor).lesser(ceiling);
        reading.outlier = limited != reading.price;
        votes.push((limited.minus(reading.confidence).map_err(at())?, weight));
        votes.push((limited, weight));
        votes.push((limited.plus(reading.confidence).map_err(at())?, weight));
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

/// Returns whether the sources read hold more than half of the capped weight of all that are listed.
fn hold_majority(readings: &[Reading], weights: &[(SourceId, u32)]) -> bool {
    let caps = capped(weights.iter().map(|(_, weight)| *weight));
    let all = weight_sum(caps.iter().copied());
    let is_live = |source: SourceId| readings.iter().any(|reading| reading.source == source);
    let live = weights.iter().zip(&caps).filter(|((source, _), _)| is_live(*source));
    weight_sum(live.map(|(_, cap)| *cap)).saturating_mul(2) > all
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
    fn dropping_a_far_source_would_leave_the_honest_range_and_limiting_it_does_not() {
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
