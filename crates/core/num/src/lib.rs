//! The closed number: the only integer that money, prices and positions are made of.
//!
//! Every operation is total: it returns a value or an [`ArithmeticError`], never wraps and never panics. Every
//! division names its rounding. The package `num-symbolic` has the same interface over terms of a theorem prover;
//! Cargo compiles the crates above a second time against it, so what is proved is the shipped source.
//!
//! **Invariant:** nothing above `units` sees the integer inside. It leaves by [`Num::raw`], which is for codecs, text
//! and kernels that state their own bounds.
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::integer_division,
        clippy::float_arithmetic,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::let_underscore_must_use,
        clippy::disallowed_types,
        clippy::disallowed_methods,
    )
)]

mod digit;
mod limbs;
mod wide;

use std::cmp::Ordering;

/// The signed machine word of the division kernel.
type Integer = i128;
/// The unsigned machine word of the division kernel.
type Word = u128;

/// Which way a division falls. There is no default: the caller says who bears the remainder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// To −∞: what an account is owed.
    Down,
    /// To +∞: what an account owes.
    Up,
}

/// Why an operation has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ArithmeticError {
    /// The exact result does not fit in 128 bits.
    #[error("the result does not fit in 128 bits")]
    Overflow,
    /// The divisor is zero or negative.
    #[error("the divisor is not positive")]
    DivisorNotPositive,
    /// The value is outside the limits of its unit.
    #[error("the value is outside the limits of its unit")]
    OutOfLimits,
}

/// A signed 128-bit integer with total, checked operations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Num(i128);

impl PartialOrd for Num {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Num {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl Num {
    /// Returns the number for a machine integer.
    #[must_use]
    pub const fn new(value: i128) -> Self {
        Self(value)
    }

    /// Returns the machine integer, for codecs, text and bounded kernels.
    #[must_use]
    pub const fn raw(self) -> i128 {
        self.0
    }

    /// Returns `self + other`.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError::Overflow`] if the sum does not fit.
    pub fn plus(self, other: Self) -> Result<Self, ArithmeticError> {
        self.0.checked_add(other.0).map(Self).ok_or(ArithmeticError::Overflow)
    }

    /// Returns `self − other`.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError::Overflow`] if the difference does not fit.
    pub fn minus(self, other: Self) -> Result<Self, ArithmeticError> {
        self.0.checked_sub(other.0).map(Self).ok_or(ArithmeticError::Overflow)
    }

    /// Returns `self · other`.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError::Overflow`] if the product does not fit.
    pub fn times(self, other: Self) -> Result<Self, ArithmeticError> {
        self.0.checked_mul(other.0).map(Self).ok_or(ArithmeticError::Overflow)
    }

    /// Returns `self · factor / divisor` from the exact 256-bit product, rounded as told.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError::DivisorNotPositive`] if `divisor ≤ 0`; [`ArithmeticError::Overflow`] if the rounded quotient
    /// does not fit.
    pub fn mul_div(
        self,
        factor: Self,
        divisor: Self,
        round: Round,
    ) -> Result<Self, ArithmeticError> {
        wide::mul_div(self.0, factor.0, divisor.0, round).map(Self)
    }

    /// Returns the smaller of two numbers, in one step for a prover.
    #[must_use]
    pub fn lesser(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }

    /// Returns the greater of two numbers, in one step for a prover.
    #[must_use]
    pub fn greater(self, other: Self) -> Self {
        Self(self.0.max(other.0))
    }
}

#[cfg(test)]
mod tests;
