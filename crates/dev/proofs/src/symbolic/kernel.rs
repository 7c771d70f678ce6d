//! The division kernel's own files over symbolic words, one at a time: where a file calls another, it meets that
//! file's contract.

use super::words::contracts::{digit, limbs};
use super::words::{Integer, Word};
use symbolic_num::{ArithmeticError, Num, Round};
use symx::Exact;

#[path = "../../../../core/num/src/digit.rs"]
mod digit_itself;
#[path = "../../../../core/num/src/limbs.rs"]
mod limbs_itself;
#[path = "../../../../core/num/src/wide.rs"]
mod wide;

pub(crate) use digit_itself::bring_down;
pub(crate) use limbs_itself::{divide, multiply};

/// Runs the shipped division.
pub(crate) fn mul_div(a: Num, n: Num, d: Num, round: Round) -> Result<Num, ArithmeticError> {
    let integer = |number: Num| Integer::from_exact(number.exact());
    let quotient = wide::mul_div(integer(a), integer(n), integer(d), round)?;
    Ok(Num::from_exact(quotient.exact()))
}

/// Returns the unsigned word that is an input.
pub(crate) const fn word(value: Exact) -> Word {
    Word::from_exact(value)
}

/// Returns a word without its bounds.
pub(crate) fn exact(word: Word) -> Exact {
    word.exact()
}
