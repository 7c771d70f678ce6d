//! How deep a book is against what it usually is: the factor by which a liquidation finds less to trade with.

use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::VecDeque;
use units::{Notional, Num, Ppm, Round, limits};

/// Depths kept: thirty days of hours.
const KEPT_MAX: usize = 720;
/// Least factor.
const FACTOR_MIN: i128 = 50_000;

/// Depths of a book, once an interval that the caller keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Depth {
    /// Oldest first.
    samples: VecDeque<Notional>,
    /// Their lower quartile: found once for each that is added, read with every block.
    quartile: Option<Notional>,
}

impl Depth {
    /// Adds a depth in dollars; one below zero counts as none.
    pub fn observe(&mut self, depth: Notional) {
        self.samples.push_back(bounded(depth));
        while self.samples.len() > KEPT_MAX {
            self.samples.pop_front();
        }
        self.quartile = self.quartile_of_samples();
    }

    /// Returns how many depths are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Returns whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Returns the lower quartile of the depths kept; `None` without any.
    #[must_use]
    pub const fn lower_quartile(&self) -> Option<Notional> {
        self.quartile
    }

    /// Returns whether every figure is within its bounds, as in any that observing has led to.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.samples.len() <= KEPT_MAX
            && self.samples.iter().all(|sample| *sample == bounded(*sample))
            && self.quartile == self.quartile_of_samples()
    }

    fn quartile_of_samples(&self) -> Option<Notional> {
        let mut sorted: Vec<Notional> = self.samples.iter().copied().collect();
        sorted.sort_unstable();
        // The lower quartile of four is the first.
        let place = sorted.len().saturating_sub(1).div_euclid(4);
        sorted.get(place).copied()
    }

    /// Returns η: a depth as a share of the lower quartile, within 5 % and one; one without a quartile above zero.
    ///
    /// Rounding: down, so that impact is never below the exact one.
    ///
    /// spec 0031-THRE-011.
    pub fn factor(&self, now: Notional) -> Ppm {
        let one = Num::new(limits::PPM_ONE);
        let share = self
            .lower_quartile()
            .and_then(|usual| bounded(now).number().mul_div(one, usual.number(), Round::Down).ok());
        Ppm::from_number(share.unwrap_or(one).greater(Num::new(FACTOR_MIN)).lesser(one))
    }
}

/// Returns dollars within nothing and the most that count.
pub(crate) fn bounded(dollars: Notional) -> Notional {
    dollars.greater(Notional::ZERO).lesser(Notional::from_micros(MOST))
}

/// Greatest depth that counts, in micro-dollars: a trillion dollars.
const MOST: i128 = 1_000_000_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn dollars(dollars: i128) -> Notional {
        Notional::from_micros(dollars * 1_000_000)
    }

    #[test]
    fn a_book_is_compared_with_its_lower_quartile_within_bounds() {
        // 0031-THRE-011
        let mut depth = Depth::default();
        assert_eq!(depth.factor(dollars(1)), Ppm::from_parts(1_000_000));
        for sample in 1..=8 {
            depth.observe(dollars(100 * sample));
        }
        assert_eq!(depth.lower_quartile(), Some(dollars(200)));
        for (now, factor) in
            [(0, 50_000), (9, 50_000), (100, 500_000), (200, 1_000_000), (900, 1_000_000)]
        {
            assert_eq!(depth.factor(dollars(now)), Ppm::from_parts(factor), "{now}");
        }
        assert_eq!(depth.factor(Notional::from_micros(i128::MIN)), Ppm::from_parts(50_000));
        assert_eq!(depth.factor(Notional::from_micros(i128::MAX)), Ppm::from_parts(1_000_000));
    }

    #[test]
    fn a_book_that_was_empty_for_a_month_has_nothing_to_be_compared_with() {
        // 0031-THRE-011
        let mut depth = Depth::default();
        (0..2_000).for_each(|_| depth.observe(Notional::ZERO));
        assert_eq!(depth.factor(dollars(1)), Ppm::from_parts(1_000_000));
        assert_eq!(borsh::to_vec(&depth).unwrap().len(), 4 + 16 * KEPT_MAX + 17);
        assert!(depth.is_sound());
    }
}
