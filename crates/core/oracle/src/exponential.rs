//! Powers and logarithms to base two in integers, for averages that fade and for interpolation between strikes.
//!
//! Fractions are in units of 2⁻⁶⁰. Errors are below 10⁻¹⁵, and the same on every machine; nothing here decides who pays.

use units::{ArithmeticError, BlockSpan, Num, Round};

/// One, in units of 2⁻⁶⁰.
pub(crate) const ONE: Num = Num::new(1 << 60);
/// ln 2, in units of 2⁻⁶⁰.
const LN_2: Num = Num::new(799_144_290_325_165_979);
/// Terms of e^−y for y ≤ ln 2 until they are below 2⁻⁶⁰.
const TERMS: i128 = 20;
/// Binary digits of a logarithm after the point.
const LOG_DIGITS: u32 = 50;

/// Returns 2^(−elapsed / half-life), from `ONE` for no time down to zero; `ONE` if either is not positive.
///
/// The whole half-lives are a shift; the rest is the series of e^(−f·ln 2), f < 1.
pub(crate) fn decay(elapsed: BlockSpan, half_life: BlockSpan) -> Result<Num, ArithmeticError> {
    if elapsed <= BlockSpan::ZERO || half_life <= BlockSpan::ZERO {
        return Ok(ONE);
    }
    let whole = elapsed.number().mul_div(Num::new(1), half_life.number(), Round::Down)?;
    if whole > Num::new(60) {
        return Ok(Num::new(0));
    }
    let rest = elapsed.number().minus(whole.times(half_life.number())?)?;
    let exponent = rest.mul_div(LN_2, half_life.number(), Round::Down)?;
    let (mut sum, mut term) = (ONE, ONE);
    for k in 1..=TERMS {
        term = term.mul_div(exponent, ONE.times(Num::new(k))?, Round::Down)?;
        sum = if k & 1 == 1 { sum.minus(term)? } else { sum.plus(term)? };
    }
    let halves = u32::try_from(whole.raw()).map_err(|_| ArithmeticError::Overflow)?;
    sum.mul_div(Num::new(1), Num::new(1i128.checked_shl(halves).unwrap_or(i128::MAX)), Round::Down)
}

/// Returns log₂(numerator / denominator) for `numerator ≥ denominator > 0`, rounded down; zero for anything else.
///
/// Digit by digit: squaring a number in [1, 2) doubles its logarithm, and the carry is the next digit.
pub(crate) fn log2_ratio(numerator: Num, denominator: Num) -> Result<Num, ArithmeticError> {
    if denominator <= Num::new(0) || numerator < denominator {
        return Ok(Num::new(0));
    }
    let two = ONE.plus(ONE)?;
    let mut ratio = numerator.mul_div(ONE, denominator, Round::Down)?;
    let mut log = Num::new(0);
    for _ in 0..128 {
        if ratio < two {
            break;
        }
        ratio = ratio.mul_div(Num::new(1), Num::new(2), Round::Down)?;
        log = log.plus(ONE)?;
    }
    let mut digit = ONE;
    for _ in 0..LOG_DIGITS {
        digit = digit.mul_div(Num::new(1), Num::new(2), Round::Down)?;
        ratio = ratio.mul_div(ratio, ONE, Round::Down)?;
        if ratio >= two {
            ratio = ratio.mul_div(Num::new(1), Num::new(2), Round::Down)?;
            log = log.plus(digit)?;
        }
    }
    Ok(log)
}

/// Returns the largest integer whose square is at most `value`; zero for what is not positive.
pub(crate) fn square_root(value: Num) -> Num {
    Num::new(value.raw().max(0).isqrt())
}

#[cfg(test)]
#[expect(
    clippy::disallowed_types,
    clippy::cast_precision_loss,
    reason = "an independent reference in floating point; each test says how far it may differ"
)]
mod tests {
    use super::*;

    fn as_float(value: Num) -> f64 {
        value.raw() as f64 / ONE.raw() as f64
    }

    #[test]
    fn decay_is_a_power_of_two() {
        let half_life = BlockSpan::from_millis(150_000);
        for millis in [0, 1, 250, 75_000, 149_999, 150_000, 150_001, 1_000_000, 8_999_999] {
            let exact = (-(millis as f64) / 150_000.0).exp2();
            let found = as_float(decay(BlockSpan::from_millis(millis), half_life).unwrap());
            assert!((found - exact).abs() < 1e-15, "{millis} ms: {found} instead of {exact}");
        }
        let long = BlockSpan::from_millis(1 << 47);
        assert_eq!(decay(long, half_life), Ok(Num::new(0)));
        assert_eq!(decay(BlockSpan::from_millis(150_000), half_life), Ok(Num::new(1 << 59)));
        assert_eq!(decay(long, BlockSpan::ZERO), Ok(ONE));
    }

    #[test]
    fn logarithms_agree_with_floating_point() {
        for (numerator, denominator) in [(1, 1), (2, 1), (3, 2), (101, 100), (1_000_000, 7)] {
            let exact = (numerator as f64 / denominator as f64).log2();
            let found = as_float(log2_ratio(Num::new(numerator), Num::new(denominator)).unwrap());
            assert!((found - exact).abs() < 1e-13, "{numerator}/{denominator}: {found} {exact}");
        }
        assert_eq!(log2_ratio(Num::new(1), Num::new(2)), Ok(Num::new(0)));
        assert_eq!(log2_ratio(Num::new(1), Num::new(0)), Ok(Num::new(0)));
    }
}
