//! What returns have been: their deviation, and the size of each in terms of the deviation before it.
//!
//! With `r` a return and `v` the variance: `z = |r| / √v`, then `v ← λ·v + (1 − λ)·r²`. The quantile of the `z` times
//! today's deviation is the range that history says must hold: filtered historical simulation.
//!
//! **Invariant:** every rounding is up, so the range is never below the exact one; every figure has a bound, so no
//! sequence of prices can leave the integers.

use crate::hour::RETURN_MAX;
use crate::parameters::Parameters;
use crate::root::root_up;
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::Fault;
use std::collections::VecDeque;
use units::{ArithmeticError, Num, Ppb, Ppm, Round, limits};

/// Greatest variance, in 10⁻¹⁸: that of such returns.
const VARIANCE_MAX: i128 = 1_000_000_000_000_000_000;
/// A deviation counts as at least a hundredth of a percent: a price that stood still does not make the next move endless.
const DEVIATION_MIN: i128 = 100_000;
/// A return counts as at most a thousand deviations.
const SIZE_MAX: i128 = 1_000_000_000;

/// The deviation of returns and their sizes in terms of it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct History {
    /// In 10⁻¹⁸.
    variance: i128,
    /// Sizes in millionths of a deviation, oldest first.
    sizes: VecDeque<u32>,
}

impl History {
    /// Returns a history without a return.
    #[must_use]
    pub fn new(parameters: &Parameters) -> Self {
        let first = parameters.deviation_first.parts().clamp(1, RETURN_MAX);
        Self { variance: first.saturating_mul(first), sizes: VecDeque::new() }
    }

    /// Returns how many returns are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    /// Returns whether there has been no return.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// Returns the deviation of a return, rounded up.
    pub fn deviation(&self) -> Ppb {
        Ppb::from_parts(root_up(self.variance).max(DEVIATION_MIN))
    }

    /// Adds a return: how far an hour has gone.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a parameter is out of bounds.
    ///
    /// spec 0031-THRE-003.
    pub fn observe(&mut self, moved: Ppb, parameters: &Parameters) -> Result<(), Fault> {
        self.add(moved, parameters).map_err(Fault::at("thresholds: a return"))
    }

    fn add(&mut self, moved: Ppb, parameters: &Parameters) -> Result<(), ArithmeticError> {
        let one = Num::new(limits::PPB_ONE);
        let kept = pricing::decay(parameters.observe_every, parameters.half_life)?.number();
        let moved = moved.greater(Ppb::ZERO).number().lesser(Num::new(RETURN_MAX));
        let size =
            moved.mul_div(Num::new(limits::PPM_ONE), self.deviation().number(), Round::Up)?;
        let size = size.lesser(Num::new(SIZE_MAX));
        self.sizes.push_back(u32::try_from(size.raw()).unwrap_or(u32::MAX));
        while self.sizes.len() > usize::from(parameters.kept_max) {
            self.sizes.pop_front();
        }
        let old = Num::new(self.variance).times(kept)?;
        let new = moved.times(moved)?.times(one.minus(kept)?)?;
        let variance = old.plus(new)?.mul_div(Num::new(1), one, Round::Up)?;
        self.variance = variance.raw().clamp(0, VARIANCE_MAX);
        Ok(())
    }

    /// Returns the size that the wanted share of the returns kept does not exceed, in deviations; zero without returns.
    ///
    /// Cost: O(n log n) for n returns kept.
    ///
    /// spec 0031-THRE-004.
    pub fn quantile(&self, parameters: &Parameters) -> Ppm {
        let mut sorted: Vec<u32> = self.sizes.iter().copied().collect();
        sorted.sort_unstable();
        let count = i128::try_from(sorted.len()).unwrap_or(i128::MAX);
        // The rank is rounded up: at least that share lies at or below it.
        let one = limits::PPM_ONE;
        let rank =
            count.saturating_mul(parameters.quantile.parts()).saturating_add(one.saturating_sub(1));
        let place = usize::try_from(rank.div_euclid(one).saturating_sub(1)).unwrap_or(0);
        Ppm::from_parts(sorted.get(place).map_or(0, |size| i128::from(*size)))
    }

    /// Returns the range that history says must hold over the horizon: quantile · deviation · √(horizon / interval).
    ///
    /// Rounding: up. At most 10 (a thousand percent).
    ///
    /// # Errors
    ///
    /// [`Fault`] if a parameter is out of bounds.
    ///
    /// spec 0031-THRE-004.
    pub fn range(&self, parameters: &Parameters) -> Result<Ppm, Fault> {
        let at = Fault::at("thresholds: range of history");
        let deviation = self.deviation().number();
        let variance = deviation.times(deviation).map_err(&at)?;
        let horizon = parameters.horizon.number();
        let wide = variance.mul_div(horizon, parameters.observe_every.number(), Round::Up);
        let deviation = Num::new(root_up(wide.map_err(&at)?.raw()));
        let quantile = self.quantile(parameters).number();
        let range = quantile.mul_div(deviation, Num::new(limits::PPB_ONE), Round::Up);
        Ok(Ppm::from_number(range.map_err(&at)?).lesser(Ppm::from_parts(RANGE_MAX)))
    }

    /// Returns whether every figure is within its bounds, as in any history that prices have made.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.sizes.len() <= usize::from(Parameters::KEPT_MAX)
            && self.sizes.iter().all(|size| i128::from(*size) <= SIZE_MAX)
            && (0..=VARIANCE_MAX).contains(&self.variance)
    }
}

/// Ten, in millionths: far above any cap.
const RANGE_MAX: i128 = 10_000_000;
