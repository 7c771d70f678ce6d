//! Powers that parameters are made of: the decay of an average, the power law of a volatility shock.

use units::{ArithmeticError, BlockSpan, Ppb, Ppm};

use crate::inputs::within;
use crate::kernel;

/// ln 10⁶ is below 14; no ratio within its limits has a logarithm beyond it, nor the result beyond twice that.
const LOG_MAX: i128 = 28 << kernel::LOG_BITS;

/// Returns `2^(−elapsed/half_life)`: what is left of an old observation.
///
/// Rounding: to the nearest billionth, at most one off (spec 0010-PRIC-011).
///
/// # Errors
///
/// [`ArithmeticError::OutOfLimits`] if `elapsed` is negative, [`ArithmeticError::DivisorNotPositive`] if `half_life`
/// is not positive.
pub fn decay(elapsed: BlockSpan, half_life: BlockSpan) -> Result<Ppb, ArithmeticError> {
    within(elapsed.millis(), 0, BlockSpan::LIMIT)?;
    if half_life <= BlockSpan::ZERO {
        return Err(ArithmeticError::DivisorNotPositive);
    }
    // elapsed < 2⁴⁸, so the numerator is below 2¹⁰⁵.
    let halvings = (elapsed.millis() << kernel::LOG_BITS)
        .checked_div(half_life.millis())
        .ok_or(ArithmeticError::DivisorNotPositive)?;
    if halvings > LOG_MAX.saturating_mul(2) {
        return Ok(Ppb::ZERO);
    }
    let power = kernel::exp2(kernel::low(halvings.saturating_neg()));
    Ok(Ppb::from_parts(times(power, units::limits::PPB_ONE)))
}

/// Returns `base^exponent`.
///
/// Rounding: to the nearest millionth, off by at most one plus 10⁻¹⁵ of the result for exponents up to 10 (spec
/// 0010-PRIC-011).
///
/// # Errors
///
/// [`ArithmeticError::OutOfLimits`] if `base` is not positive, or a ratio or the result is above [`Ppm::LIMIT`].
pub fn power(base: Ppm, exponent: Ppm) -> Result<Ppm, ArithmeticError> {
    within(base.parts(), 1, Ppm::LIMIT)?;
    let exponent = exponent.within_limit()?;
    let parts = u64::try_from(base.parts()).map_err(|_| ArithmeticError::OutOfLimits)?;
    let logarithm = i128::from(kernel::ln(parts)).saturating_sub(i128::from(kernel::ln(1_000_000)));
    // |logarithm| < 2⁶¹ and |exponent| ≤ 10¹² < 2⁴⁰: below 2¹⁰¹.
    let scaled = logarithm
        .saturating_mul(exponent.parts())
        .checked_div(units::limits::PPM_ONE)
        .ok_or(ArithmeticError::DivisorNotPositive)?;
    if scaled > LOG_MAX {
        return Err(ArithmeticError::OutOfLimits);
    }
    if scaled < LOG_MAX.saturating_neg() {
        return Ok(Ppm::ZERO);
    }
    let parts = times(kernel::exp(kernel::low(scaled)), units::limits::PPM_ONE);
    Ppm::from_parts(parts).within_limit()
}

/// Returns `number · 2^power` to the nearest integer, for a power as [`kernel::exp2`] returns it in (−65, 42).
fn times((mantissa, power): (i64, i64), number: i128) -> i128 {
    let down = u32::try_from(61i64.saturating_sub(power)).unwrap_or(0).clamp(1, 126);
    // mantissa < 2⁶² and number ≤ 10⁹ < 2³⁰.
    let product = i128::from(mantissa).saturating_mul(number);
    let half = 1i128.wrapping_shl(down.saturating_sub(1));
    product.saturating_add(half).wrapping_shr(down)
}
