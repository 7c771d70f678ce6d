//! Signs, rounding and overflow of `a · n / d`, on machine words.
//!
//! Products that fit in 128 bits, which is all of them in ordinary markets, take one hardware multiplication and one
//! division; the others a limb product and a long division of 128 steps.
//!
//! This file, `limbs` and `digit` name their words [`Integer`] and [`Word`] and use the inherent operations of
//! `i128` and `u128` only, so that a prover can compile the same files over its own words, one file at a time.

use super::limbs;
use super::{ArithmeticError, Integer, Round, Word};

/// Returns `a · n / d` from the exact product, rounded as told.
pub(crate) fn mul_div(
    a: Integer,
    n: Integer,
    d: Integer,
    round: Round,
) -> Result<Integer, ArithmeticError> {
    if !d.is_positive() {
        return Err(ArithmeticError::DivisorNotPositive);
    }
    match a.checked_mul(n) {
        Some(product) => divide(product, d, round),
        None => divide_wide(a, n, d.unsigned_abs(), round),
    }
}

/// Divides a product that fits; `d > 0`.
fn divide(product: Integer, d: Integer, round: Round) -> Result<Integer, ArithmeticError> {
    let floor = product.checked_div_euclid(d).ok_or(ArithmeticError::Overflow)?;
    let remainder = product.checked_rem_euclid(d).ok_or(ArithmeticError::Overflow)?;
    match round {
        Round::Up if remainder.is_positive() => {
            floor.checked_add(Integer::from(1u8)).ok_or(ArithmeticError::Overflow)
        }
        Round::Up | Round::Down => Ok(floor),
    }
}

/// Divides a product that needs 256 bits; `d > 0`.
pub(crate) fn divide_wide(
    a: Integer,
    n: Integer,
    d: Word,
    round: Round,
) -> Result<Integer, ArithmeticError> {
    let negative = a.is_negative() != n.is_negative();
    let (high, low) = limbs::multiply(a.unsigned_abs(), n.unsigned_abs());
    if high >= d {
        return Err(ArithmeticError::Overflow);
    }
    let (quotient, remainder) = limbs::divide(high, low, d);
    let away_from_zero = remainder != Word::MIN && (round == Round::Up) != negative;
    let magnitude = match away_from_zero {
        true => quotient.checked_add(Word::from(1u8)).ok_or(ArithmeticError::Overflow)?,
        false => quotient,
    };
    match negative {
        false => Integer::try_from(magnitude).map_err(|_| ArithmeticError::Overflow),
        true => Integer::from(0u8).checked_sub_unsigned(magnitude).ok_or(ArithmeticError::Overflow),
    }
}
