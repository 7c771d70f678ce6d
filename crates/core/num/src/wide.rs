//! 128 × 128 → 256-bit multiplication and division by 128 bits, on machine words.
//!
//! Products that fit in 128 bits, which is all of them in ordinary markets, take one hardware multiplication and one
//! division; the others a limb product and a restoring division of 128 steps.

use crate::{ArithmeticError, Round};

/// Returns `a · n / d` from the exact product, rounded as told.
pub(crate) fn mul_div(a: i128, n: i128, d: i128, round: Round) -> Result<i128, ArithmeticError> {
    if d <= 0 {
        return Err(ArithmeticError::DivisorNotPositive);
    }
    match a.checked_mul(n) {
        Some(product) => divide(product, d, round),
        None => divide_wide(a, n, d.unsigned_abs(), round),
    }
}

/// Divides a product that fits; `d > 0`.
fn divide(product: i128, d: i128, round: Round) -> Result<i128, ArithmeticError> {
    let floor = product.checked_div_euclid(d).ok_or(ArithmeticError::Overflow)?;
    let remainder = product.checked_rem_euclid(d).ok_or(ArithmeticError::Overflow)?;
    match round {
        Round::Up if remainder != 0 => floor.checked_add(1).ok_or(ArithmeticError::Overflow),
        Round::Up | Round::Down => Ok(floor),
    }
}

/// Divides a product that needs 256 bits; `d > 0`.
fn divide_wide(a: i128, n: i128, d: u128, round: Round) -> Result<i128, ArithmeticError> {
    let negative = (a < 0) != (n < 0);
    let (high, low) = multiply(a.unsigned_abs(), n.unsigned_abs());
    if high >= d {
        return Err(ArithmeticError::Overflow);
    }
    let (quotient, remainder) = divide_steps(high, low, d);
    let away_from_zero = remainder != 0 && (round == Round::Up) != negative;
    let magnitude = match away_from_zero {
        true => quotient.checked_add(1).ok_or(ArithmeticError::Overflow)?,
        false => quotient,
    };
    match negative {
        false => i128::try_from(magnitude).map_err(|_| ArithmeticError::Overflow),
        true => 0i128.checked_sub_unsigned(magnitude).ok_or(ArithmeticError::Overflow),
    }
}

const HALF: u128 = (1 << 64) - 1;

/// Returns the high and the low word of `a · b`. Each partial product and each carry fits, so nothing wraps.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "64-bit limbs: every sum and product is below 2^128"
)]
fn multiply(a: u128, b: u128) -> (u128, u128) {
    let (a1, a0, b1, b0) = (a >> 64, a & HALF, b >> 64, b & HALF);
    let (low, cross_a, cross_b, high) = (a0 * b0, a1 * b0, a0 * b1, a1 * b1);
    let middle = (low >> 64) + (cross_a & HALF) + (cross_b & HALF);
    (high + (cross_a >> 64) + (cross_b >> 64) + (middle >> 64), (middle << 64) | (low & HALF))
}

/// Returns quotient and remainder of `(high · 2^128 + low) / d`; `high < d`.
fn divide_steps(high: u128, low: u128, d: u128) -> (u128, u128) {
    let mut state = (high, 0u128);
    for bit in (0..128u32).rev() {
        state = divide_step(state, (low >> bit) & 1, d);
    }
    (state.1, state.0)
}

/// Brings down one bit: `(remainder, quotient)` with `remainder < d` before and after.
fn divide_step((remainder, quotient): (u128, u128), bit: u128, d: u128) -> (u128, u128) {
    let carry = remainder >> 127;
    let shifted = (remainder << 1) | bit;
    match carry == 1 || shifted >= d {
        true => (shifted.wrapping_sub(d), (quotient << 1) | 1),
        false => (shifted, quotient << 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_and_wide_division_agree() {
        let mut x: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut next = || {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            x
        };
        for _ in 0..20_000 {
            let a = i128::from(next().cast_signed()) >> (next() % 64);
            let n = i128::from(next().cast_signed()) >> (next() % 64);
            let d = 1 + (i128::from(next()) << (next() % 60));
            for round in [Round::Down, Round::Up] {
                let wide = divide_wide(a, n, d.unsigned_abs(), round);
                assert_eq!(mul_div(a, n, d, round), wide, "{a} {n} {d} {round:?}");
            }
        }
    }

    #[test]
    fn extremes_are_exact_or_refused() {
        let (min, max) = (i128::MIN, i128::MAX);
        assert_eq!(mul_div(max, max, max, Round::Down), Ok(max));
        assert_eq!(mul_div(min, max, max, Round::Down), Ok(min));
        assert_eq!(mul_div(min, min, max, Round::Down), Err(ArithmeticError::Overflow));
        assert_eq!(mul_div(min, 1, 1, Round::Up), Ok(min));
        assert_eq!(mul_div(max, 2, 3, Round::Up), Ok(max / 3 * 2 + 1));
        assert_eq!(mul_div(-max, 2, 3, Round::Down), Ok(-(max / 3 * 2 + 1)));
        assert_eq!(mul_div(5, 1, 0, Round::Down), Err(ArithmeticError::DivisorNotPositive));
        assert_eq!(mul_div(5, 1, -2, Round::Down), Err(ArithmeticError::DivisorNotPositive));
        assert_eq!(mul_div(-7, 1, 2, Round::Down), Ok(-4));
        assert_eq!(mul_div(-7, 1, 2, Round::Up), Ok(-3));
    }
}
