//! The SVI smile, `w(k) = a + b(ρ(k − m) + √((k − m)² + σ²))`: total variance at log-moneyness `k = ln(K/F)`.
//!
//! For readers of published parameters; no rule of consensus evaluates it.

use units::ArithmeticError;

use crate::inputs::{FineVol, Forward, Horizon, Strike, within};
use crate::kernel;

/// Parameters are integers in units of 10⁻¹⁵.
const UNIT: i128 = 1_000_000_000_000_000;
/// Largest parameter, either sign: ten.
const PARAMETER_MAX: i128 = 10 * UNIT;

/// The parameters of a smile, each in units of 2⁻⁵⁷.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub struct Svi {
    level: i128,
    slope: i128,
    tilt: i128,
    centre: i128,
    curvature: i128,
}

impl Svi {
    /// Prepares the smile of parameters `[a, b, ρ, m, σ]` in units of 10⁻¹⁵.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError::OutOfLimits`] if a parameter is above ten in magnitude, |ρ| > 1, or b or σ is negative.
    pub fn from_quadrillionths(parameters: [i128; 5]) -> Result<Self, ArithmeticError> {
        let [a, b, rho, m, sigma] = parameters;
        within(a, -PARAMETER_MAX, PARAMETER_MAX)?;
        within(b, 0, PARAMETER_MAX)?;
        within(rho, -UNIT, UNIT)?;
        within(m, -PARAMETER_MAX, PARAMETER_MAX)?;
        within(sigma, 0, PARAMETER_MAX)?;
        // A parameter is below 2⁵⁴, so the shifted one is below 2¹¹¹.
        let [level, slope, tilt, centre, curvature] = parameters
            .map(|value| (value << kernel::LOG_BITS).checked_div(UNIT).unwrap_or_default());
        Ok(Self { level, slope, tilt, centre, curvature })
    }

    /// Returns the volatility of a strike, to the nearest trillionth for a total variance known to 2⁻⁴⁸ (spec
    /// 0010-PRIC-012).
    ///
    /// # Errors
    ///
    /// [`ArithmeticError::OutOfLimits`] if the forward or the strike is not positive, the total variance is negative,
    /// or the volatility is above its limit; [`ArithmeticError::DivisorNotPositive`] if the horizon is zero.
    pub fn vol(
        self,
        forward: Forward,
        strike: Strike,
        horizon: Horizon,
    ) -> Result<FineVol, ArithmeticError> {
        let x = forward.log_moneyness(strike).ok_or(ArithmeticError::OutOfLimits)?;
        let variance = self.variance(i128::from(x).wrapping_neg());
        let variance = u128::try_from(variance).map_err(|_| ArithmeticError::OutOfLimits)?;
        // w < 2⁶⁷ in Q57; up to 2¹²⁸ in Q118, whose root is in Q59.
        let root = variance.checked_mul(1 << 61).ok_or(ArithmeticError::OutOfLimits)?.isqrt();
        let root = i128::try_from(root).map_err(|_| ArithmeticError::OutOfLimits)?;
        let horizon = i128::from(horizon.q60());
        // √w < 2⁶⁴ in Q59, 10¹² < 2⁴⁰ and two for Q60: below 2¹⁰⁶ with the half.
        let trillionths = root
            .wrapping_mul(2_000_000_000_000)
            .wrapping_add(horizon >> 1)
            .checked_div(horizon)
            .ok_or(ArithmeticError::DivisorNotPositive)?;
        FineVol::from_trillionths(trillionths)
    }

    /// Returns the total variance in Q57 at log-moneyness `k` in Q57.
    fn variance(self, k: i128) -> i128 {
        // |k| < 35 and |m| ≤ 10: below 2⁶³ in Q57, so the squares are below 2¹²⁶ and their sum below 2¹²⁷.
        let offset = k.wrapping_sub(self.centre);
        let squares =
            offset.wrapping_mul(offset).wrapping_add(self.curvature.wrapping_mul(self.curvature));
        let root = squares.isqrt();
        // ρ·offset < 2¹²⁰; then b < 2⁶¹ in Q57 times a sum below 2⁶⁴.
        let tilted = self.tilt.wrapping_mul(offset) >> kernel::LOG_BITS;
        let slope = self.slope.wrapping_mul(tilted.wrapping_add(root)) >> kernel::LOG_BITS;
        self.level.wrapping_add(slope)
    }
}
