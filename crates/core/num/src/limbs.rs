//! 128 × 128 → 256-bit multiplication and division of 256 by 128 bits, unsigned.

use super::Word;
use super::digit::bring_down;

/// Returns the high and the low word of `a · b`. Each partial product and each carry fits, so nothing wraps.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "64-bit limbs: every sum and product is below 2^128"
)]
pub(crate) fn multiply(a: Word, b: Word) -> (Word, Word) {
    let ((a1, a0), (b1, b0)) = (halves(a), halves(b));
    let (low, cross_a, cross_b, high) = (a0 * b0, a1 * b0, a0 * b1, a1 * b1);
    let ((low1, low0), (cross_a1, cross_a0), (cross_b1, cross_b0)) =
        (halves(low), halves(cross_a), halves(cross_b));
    let middle = low1 + cross_a0 + cross_b0;
    let (middle1, _) = halves(middle);
    (high + cross_a1 + cross_b1 + middle1, (middle << 64) | low0)
}

/// Returns quotient and remainder of `(high · 2^128 + low) / d`; `high < d`.
pub(crate) fn divide(high: Word, low: Word, d: Word) -> (Word, Word) {
    let mut state = (high, Word::MIN);
    for place in (0..Word::BITS).rev() {
        state = bring_down(state, (low >> place) & Word::from(1u8), d);
    }
    (state.1, state.0)
}

/// Returns the high and the low 64 bits of a word.
fn halves(word: Word) -> (Word, Word) {
    (word >> 64, word & (Word::MAX >> 64))
}
