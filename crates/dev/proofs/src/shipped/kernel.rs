//! The division kernel as it ships.

use num::{ArithmeticError, Num, Round};
use symx::concrete::Exact;

#[path = "../../../../core/num/src/digit.rs"]
mod digit;
#[path = "../../../../core/num/src/limbs.rs"]
mod limbs;

pub(crate) use digit::bring_down;
pub(crate) use limbs::{divide, multiply};

/// The unsigned word.
type Word = u128;

/// Calls the shipped number.
pub(crate) fn mul_div(a: Num, n: Num, d: Num, round: Round) -> Result<Num, ArithmeticError> {
    a.mul_div(n, d, round)
}

/// Returns the unsigned word that is an input.
pub(crate) fn word(value: Exact) -> Word {
    value.word()
}

/// Returns a word without its bounds.
pub(crate) fn exact(word: Word) -> Exact {
    Exact::from_word(word)
}
