//! The closed number over terms of a theorem prover: the interface of `num`, for compiling the core a second time.
//!
//! Sums, differences and products are those of the integers, and fail where the shipped ones do: when the result does
//! not fit in 128 bits. A quotient is an unknown integer described by [`contract`], which is what is proved about the
//! shipped division; [`lemmas`] follow from the contract and spare the prover finding them.
//!
//! What it leaves out: [`Num::raw`] of anything but a constant. Code under proof that asks for it panics, and the
//! proof fails.

mod contract;

pub use shipped::{ArithmeticError, Round};

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use symx::{Claim, Exact, Fault, decide, faulty, postulate, same_result};

/// A signed 128-bit integer: any of those that the path allows.
#[derive(Debug, Clone, Copy)]
pub struct Num(Exact);

impl Default for Num {
    fn default() -> Self {
        Self::new(0)
    }
}

impl PartialEq for Num {
    fn eq(&self, other: &Self) -> bool {
        let above = self.0.equals(other.0 + Exact::new(1));
        decide(&self.0.equals(other.0)) || (faulty(Fault::Equality) && decide(&above))
    }
}

impl Eq for Num {}

impl Hash for Num {
    /// Equal numbers have equal hashes: all have the same.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u8(0);
    }
}

impl PartialOrd for Num {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
    fn lt(&self, other: &Self) -> bool {
        match faulty(Fault::Order) {
            true => decide(&self.0.at_most(other.0)),
            false => decide(&self.0.below(other.0)),
        }
    }
    fn le(&self, other: &Self) -> bool {
        match faulty(Fault::Order) {
            true => decide(&self.0.below(other.0)),
            false => decide(&self.0.at_most(other.0)),
        }
    }
    fn gt(&self, other: &Self) -> bool {
        other < self
    }
    fn ge(&self, other: &Self) -> bool {
        other <= self
    }
}

impl Ord for Num {
    fn cmp(&self, other: &Self) -> Ordering {
        if self < other {
            Ordering::Less
        } else if self == other {
            Ordering::Equal
        } else {
            Ordering::Greater
        }
    }
}

impl Num {
    /// Returns the number for a machine integer.
    #[must_use]
    pub const fn new(value: i128) -> Self {
        Self(Exact::new(value))
    }

    /// Returns the machine integer of a constant.
    ///
    /// # Panics
    ///
    /// If the number is not a constant.
    #[must_use]
    pub const fn raw(self) -> i128 {
        match self.0 {
            Exact::Constant(value) => value,
            Exact::Term(_) => panic!("code under proof looks inside a number"),
        }
    }

    /// Returns the number that is an integer known to fit: an input of a harness.
    #[must_use]
    pub const fn from_exact(value: Exact) -> Self {
        Self(value)
    }

    /// Returns the integer without bounds, for specifications.
    #[must_use]
    pub const fn exact(self) -> Exact {
        self.0
    }

    /// Returns `self + other`.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError::Overflow`] if the sum does not fit.
    pub fn plus(self, other: Self) -> Result<Self, ArithmeticError> {
        fitting(self.0 + other.0 + planted(Fault::Sum))
    }

    /// Returns `self − other`.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError::Overflow`] if the difference does not fit.
    pub fn minus(self, other: Self) -> Result<Self, ArithmeticError> {
        fitting(self.0 - other.0 + planted(Fault::Difference))
    }

    /// Returns `self · other`.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError::Overflow`] if the product does not fit.
    pub fn times(self, other: Self) -> Result<Self, ArithmeticError> {
        fitting(self.0 * other.0 + planted(Fault::Product))
    }

    /// Returns `self · factor / divisor` from the exact product, rounded as told.
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
        let (a, n, d) = (self.0, factor.0, divisor.0);
        if decide(&d.at_most(Exact::new(0))) {
            return Err(ArithmeticError::DivisorNotPositive);
        }
        let round = match (faulty(Fault::Rounding), round) {
            (true, Round::Down) => Round::Up,
            (true, Round::Up) => Round::Down,
            (false, round) => round,
        };
        let direction = Exact::new(i128::from(round == Round::Up));
        let quotient = same_result(&[a, n, d, direction], || {
            let q = Exact::unknown("quotient");
            postulate(&contract(a, n, d, q, round));
            for (_, lemma) in lemmas(a, n, d, q) {
                postulate(&lemma);
            }
            q
        });
        fitting(quotient)
    }

    /// Returns the smaller of two numbers.
    #[must_use]
    pub fn lesser(self, other: Self) -> Self {
        Self(if faulty(Fault::Lesser) { self.0 } else { self.0.lesser(other.0) })
    }

    /// Returns the greater of two numbers.
    #[must_use]
    pub fn greater(self, other: Self) -> Self {
        Self(if faulty(Fault::Greater) { self.0 } else { self.0.greater(other.0) })
    }
}

/// Returns what describes the rounded quotient `q` of `a · n / d` for `d > 0`, and only it.
#[must_use]
pub fn contract(a: Exact, n: Exact, d: Exact, q: Exact, round: Round) -> Claim {
    match faulty(Fault::Contract) {
        true => (q * d).at_most(a * n),
        false => contract::contract(a, n, d, q, round),
    }
}

/// Returns consequences of [`contract`], each proved from it.
#[must_use]
pub fn lemmas(a: Exact, n: Exact, d: Exact, q: Exact) -> [(&'static str, Claim); 4] {
    contract::lemmas(a, n, d, q)
}

/// Returns a result if it fits.
fn fitting(value: Exact) -> Result<Num, ArithmeticError> {
    let fits = value.within(Exact::new(i128::MIN), Exact::new(i128::MAX));
    match faulty(Fault::Width) || decide(&fits) {
        true => Ok(Num(value)),
        false => Err(ArithmeticError::Overflow),
    }
}

/// Returns one if the fault is planted, else zero.
fn planted(fault: Fault) -> Exact {
    Exact::new(i128::from(faulty(fault)))
}
