//! Black-76 in floats.

use crate::decimal::Decimal;
use crate::portfolio::{Expiry, Right};

/// Seconds in a year of 365 days.
pub(crate) const YEAR: f64 = 31_536_000.0;
/// Length of the settlement window in seconds.
const WINDOW: f64 = 1_800.0;
/// From this deviation on an option is worth all it can be.
const DEVIATION_MAX: f64 = 24.0;

/// The share of observations below `d` standard deviations.
fn normal(d: f64) -> f64 {
    0.5 * libm::erfc(-d / std::f64::consts::SQRT_2)
}

/// Returns the value of an option on a forward, discounted; `deviation` is the vol times the root of the time.
pub(crate) fn value(right: Right, forward: f64, strike: f64, deviation: f64, discount: f64) -> f64 {
    if forward <= 0.0 || deviation <= 0.0 {
        return discount * right.payoff(forward, strike);
    }
    if deviation >= DEVIATION_MAX {
        return discount * if right == Right::Call { forward } else { strike };
    }
    let above = libm::log(forward / strike) / deviation + deviation / 2.0;
    let below = above - deviation;
    discount
        * match right {
            Right::Call => forward * normal(above) - strike * normal(below),
            Right::Put => strike * normal(-below) - forward * normal(-above),
        }
}

/// A forward split into what the settlement average has fixed and what still moves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forward {
    fixed: f64,
    moving: f64,
    /// Years to expiry.
    pub(crate) years: f64,
    /// Seconds to expiry.
    pub(crate) seconds: f64,
    /// exp(−rate · years), never above one.
    pub(crate) discount: f64,
}

impl Forward {
    pub(crate) fn of(expiry: &Expiry) -> Self {
        let seconds = expiry.expires_in_seconds.float();
        let forward = expiry.forward.float();
        let moving = if seconds < WINDOW { forward * seconds / WINDOW } else { forward };
        let fixed = if seconds < WINDOW { forward * (WINDOW - seconds) / WINDOW } else { 0.0 };
        let years = seconds / YEAR;
        let discount = libm::exp(-expiry.rate.max(Decimal::ZERO).float() * years);
        Self { fixed, moving, years, seconds, discount }
    }

    /// Returns the forward of an expiry whose options are not discounted.
    pub(crate) fn undiscounted(expiry: &Expiry) -> Self {
        Self { discount: 1.0, ..Self::of(expiry) }
    }

    /// Returns the forward once what still moves has been multiplied.
    pub(crate) fn shocked(&self, shock: f64) -> f64 {
        self.moving * shock + self.fixed
    }

    /// Returns an option's value at a forward and a vol.
    pub(crate) fn value(&self, right: Right, forward: f64, strike: f64, vol: f64) -> f64 {
        if self.seconds <= 0.0 {
            return right.payoff(forward, strike);
        }
        value(right, forward, strike, vol * libm::sqrt(self.years), self.discount)
    }
}
