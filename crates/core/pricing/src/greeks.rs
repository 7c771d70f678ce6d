//! How a value moves with its inputs.
//!
//! **Invariant:** no input makes a figure fail; where one has no finite value it is zero, as stated at [`Greeks`].

use units::{Ppb, Price};

use crate::kernel;
use crate::terms::Terms;

/// Days in a year.
const YEAR_DAYS: i128 = 365;

/// The sensitivities of one option, undiscounted, per unit of the underlying.
///
/// Where volatility or time is zero, `delta` is 0, ½ or 1 by the sign of F − K, and `gamma` and `theta` are zero.
/// Rounding: deltas to the nearest, the rest down. Delta, and the density behind the rest, are known to (1 + 1/s)·2⁻⁵⁴;
/// theta adds F·2⁻⁴³.
///
/// # Source
///
/// spec 0010-PRIC-007.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Greeks {
    /// Units of the underlying that hedge a call: Φ(d+).
    pub delta_call: Ppb,
    /// Units of the underlying that hedge a put: Φ(d+) − 1.
    pub delta_put: Ppb,
    /// Dollar gamma: the change of F·Δ, in micro-dollars, when F moves by 1 %: F·φ(d+) ÷ 100 s.
    pub gamma: Price,
    /// Change of value, in micro-dollars, per 1.00 of volatility (100 points of 1 %): F·φ(d+)·√τ.
    pub vega: Price,
    /// Change of value, in micro-dollars, per year that passes: −F·φ(d+)·σ ÷ 2√τ. Never positive.
    pub theta: Price,
}

impl Greeks {
    /// Returns the Greeks of an option. Cost: two table look-ups and three divisions.
    pub(crate) fn of(terms: Terms) -> Self {
        let deviation = terms.deviation();
        let half = deviation.half();
        let (f, k) = (terms.forward.micros(), terms.strike.micros());
        let d = match terms.forward.log_moneyness(terms.strike) {
            Some(x) if half > 0 => Some(deviation.divide(x).wrapping_add(half)),
            Some(0) => Some(0),
            _ => None,
        };
        let (delta, density) = match d {
            Some(d) => (kernel::probability(d), kernel::density(d)),
            None => (if f > k { kernel::ONE } else { 0 }, 0),
        };
        let (f, density) = (i128::from(f), i128::from(density));
        let (root, vol) = (i128::from(terms.horizon.q60()), i128::from(terms.vol.q60()));
        // φ < 2⁶¹ and √τ < 2⁶⁴: below 2¹²⁵, then 2⁶⁵ in Q62.
        let per_vol = density.wrapping_mul(root) >> 60;
        // σ < 2⁶³ and √τ > 2⁴¹ in Q60: the ratio is below 2⁶⁶ in Q44, times φ below 2¹²⁷, then 2⁶⁵ in Q44.
        let ratio = (vol << 44).checked_div(root).unwrap_or(0);
        let per_year = density.wrapping_mul(ratio) >> 63;
        let billionths = i128::from(delta).wrapping_mul(units::limits::PPB_ONE);
        let delta_call = Ppb::from_parts(billionths.wrapping_add(1 << 61) >> 62);
        Self {
            delta_call,
            delta_put: Ppb::from_parts(delta_call.parts().wrapping_sub(units::limits::PPB_ONE)),
            // F ≤ 2⁵⁰, so the weight F·φ is below 2¹¹¹. It is in Q62 and s in Q57: 100 s is 6 400 halves of s.
            gamma: quotient(f.wrapping_mul(density), i128::from(half).wrapping_mul(6_400)),
            vega: Price::from_micros(f.wrapping_mul(per_vol) >> 62),
            theta: Price::from_micros(f.wrapping_mul(per_year).wrapping_neg() >> 44),
        }
    }

    /// Returns the change of value per 1 % of volatility (one point of 1 %), rounded down.
    pub fn vega_per_point(self) -> Price {
        quotient(self.vega.micros(), 100)
    }

    /// Returns the change of value per day that passes, rounded down.
    pub fn theta_per_day(self) -> Price {
        quotient(self.theta.micros(), YEAR_DAYS)
    }
}

/// Returns `value ÷ divisor` for a positive divisor, rounded down; zero if the divisor is zero.
fn quotient(value: i128, divisor: i128) -> Price {
    Price::from_micros(value.checked_div_euclid(divisor).unwrap_or(0))
}
