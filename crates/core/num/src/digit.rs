//! One binary digit of a long division.

use super::Word;

/// Brings down one bit: `(remainder, quotient)` with `remainder < d` before and after.
pub(crate) fn bring_down((remainder, quotient): (Word, Word), bit: Word, d: Word) -> (Word, Word) {
    let carry = remainder >> 127;
    let shifted = (remainder << 1) | bit;
    match carry == Word::from(1u8) || shifted >= d {
        true => (shifted.wrapping_sub(d), (quotient << 1) | Word::from(1u8)),
        false => (shifted, quotient << 1),
    }
}
