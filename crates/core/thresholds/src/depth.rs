//! How deep a book is against what it usually is: the factor by which a liquidation finds less to trade with.

use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::VecDeque;
use units::{Notional, Num, Ppm, Round, limits};

/// Depths kept: thirty days of hours.
const KEPT_MAX: usize = 720;
/// Fewest with which there is something to compare with: a day.
const ENOUGH: usize = 24;
/// Least factor.
pub(crate) const FACTOR_MIN: i128 = 50_000;

/// Depths in dollars that do not depend on what a book used to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Yardstick {
    /// A book that has less is thin, though it never had more.
    pub least: Notional,
    /// A book that has as much is deep, though it used to have more.
    pub most: Notional,
}

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

    /// Returns how deep a book is: a depth as a share of the lower quartile, of the least if that is more and of the most if
    /// that is less, within 5 % and one; one until there are enough to compare with.
    ///
    /// Rounding: down, so that impact is never below the exact one.
    ///
    /// spec 0031-THRE-011, 0031-THRE-041.
    pub fn factor(&self, now: Notional, yardstick: Yardstick) -> Ppm {
        let one = Num::new(limits::PPM_ONE);
        let usual = self.quartile.filter(|_| self.samples.len() >= ENOUGH);
        let usual = usual.map(|usual| usual.lesser(yardstick.most).greater(yardstick.least));
        let share = usual
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

    const NONE: Yardstick = Yardstick { least: Notional::ZERO, most: Notional::from_micros(MOST) };

    #[test]
    fn a_book_is_compared_with_its_lower_quartile_within_bounds() {
        // 0031-THRE-011
        let mut depth = Depth::default();
        for sample in 1..=24 {
            assert_eq!(depth.factor(dollars(1), NONE), Ppm::from_parts(1_000_000));
            depth.observe(dollars(100 * sample));
        }
        assert_eq!(depth.lower_quartile(), Some(dollars(600)));
        for (now, factor) in
            [(0, 50_000), (29, 50_000), (300, 500_000), (600, 1_000_000), (900, 1_000_000)]
        {
            assert_eq!(depth.factor(dollars(now), NONE), Ppm::from_parts(factor), "{now}");
        }
        assert_eq!(depth.factor(Notional::from_micros(i128::MIN), NONE), Ppm::from_parts(50_000));
        assert_eq!(
            depth.factor(Notional::from_micros(i128::MAX), NONE),
            Ppm::from_parts(1_000_000)
        );
    }

    #[test]
    fn what_is_asked_of_a_book_is_neither_nothing_nor_all_it_ever_had() {
        // 0031-THRE-041. A book that was empty for a quarter of a month was as deep as could be for ever.
        let (mut empty, mut deep) = (Depth::default(), Depth::default());
        for _ in 0..2_000 {
            empty.observe(Notional::ZERO);
            deep.observe(dollars(8_000_000));
        }
        let yardstick = Yardstick { least: dollars(1_000), most: dollars(10_000) };
        for (now, of_empty, of_deep) in
            [(0, 50_000, 50_000), (500, 500_000, 50_000), (5_000, 1_000_000, 500_000)]
        {
            let factors = [&empty, &deep].map(|depth| depth.factor(dollars(now), yardstick));
            assert_eq!(factors, [of_empty, of_deep].map(Ppm::from_parts), "{now}");
        }
        // Governed the wrong way round, the least counts.
        let crossed = Yardstick { least: dollars(10_000), most: dollars(1_000) };
        assert_eq!(deep.factor(dollars(5_000), crossed), Ppm::from_parts(500_000));
        assert_eq!(borsh::to_vec(&empty).unwrap().len(), 4 + 16 * KEPT_MAX + 17);
        assert!(empty.is_sound());
    }
}
