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
mod tests {
    use super::*;

    /// Floors of exact values times 2⁶⁰, from sixty digits.
    const DECAYS: [(i128, i128); 7] = [
        (1, 1_152_916_176_990_554_225),
        (250, 1_151_590_366_499_870_341),
        (75_000, 815_238_614_083_298_888),
        (149_999, 576_463_416_123_879_299),
        (150_001, 576_458_088_495_277_112),
        (1_000_000, 11_348_359_941_645_589),
        (8_999_999, 1),
    ];
    const LOGARITHMS: [(i128, i128, i128); 4] = [
        (3, 2, 674_415_846_470_019_193),
        (101, 100, 16_550_525_978_195_695),
        (1_000_001, 1_000_000, 1_663_313_305_574),
        (1_000_000, 7, 19_742_874_163_415_676_618),
    ];

    #[test]
    fn decay_is_a_power_of_two() {
        let half_life = BlockSpan::from_millis(150_000);
        for (millis, exact) in DECAYS {
            let found = decay(BlockSpan::from_millis(millis), half_life).unwrap().raw();
            // One rounding for each term of the series.
            assert!((found - exact).abs() <= TERMS, "{millis} ms: {found} instead of {exact}");
        }
        let long = BlockSpan::from_millis(1 << 47);
        assert_eq!(decay(long, half_life), Ok(Num::new(0)));
        assert_eq!(decay(BlockSpan::ZERO, half_life), Ok(ONE));
        assert_eq!(decay(BlockSpan::from_millis(150_000), half_life), Ok(Num::new(1 << 59)));
        assert_eq!(decay(long, BlockSpan::ZERO), Ok(ONE));
    }

    #[test]
    fn logarithms_are_exact_to_their_last_digit() {
        for (numerator, denominator, exact) in LOGARITHMS {
            let found = log2_ratio(Num::new(numerator), Num::new(denominator)).unwrap().raw();
            // Digits after the fiftieth are cut off, and roundings below them can take one more.
            let short = exact - found;
            assert!((0..2 << (60 - LOG_DIGITS)).contains(&short), "{numerator}: {short} short");
        }
        assert_eq!(log2_ratio(Num::new(2), Num::new(1)), Ok(ONE));
        assert_eq!(log2_ratio(Num::new(1), Num::new(1)), Ok(Num::new(0)));
        assert_eq!(log2_ratio(Num::new(1), Num::new(2)), Ok(Num::new(0)));
        assert_eq!(log2_ratio(Num::new(1), Num::new(0)), Ok(Num::new(0)));
    }
}
