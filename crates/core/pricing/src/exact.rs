//! Which side of a whole micro-dollar a value lies on, where the kernel cannot tell: the same formula in units of 2⁻¹¹⁸.
//!
//! The kernel knows a value to (F + K)·2⁻⁵⁵, which leaves the last micro-dollar open where the value is that close to a
//! whole number of them: once in 90,000 prices of a hundred thousand dollars, once in ten of a billion. Those are
//! computed here, from F, K, σ and τ themselves, some two hundred times slower.
//!
//! # Bounds
//!
//! Sums and products wrap explicitly and divisors are constants or checked, so nothing here can panic. Logarithms to
//! the base two are below 51, quotients at most 18 and deviations at most 66, all less than 2⁷: below 2¹²⁵ in this format.
//! Errors are stated at each function in units of 2⁻¹¹⁸ and added up in spec 0010-PRIC-013.

use crate::tables::{DEVIATION_FINE, HALVES, LN_2_FINE};

/// Fraction bits.
const BITS: u32 = 118;
/// One.
const ONE: i128 = 1 << BITS;
/// Bits of the distance between two entries of the table, ½.
const HALF_BITS: u32 = BITS - 1;
/// Terms of the series around an entry: the next is below a tenth of a unit.
const TERMS: i128 = 30;
/// Largest |x/s| that is told apart: beyond it both tails vanish.
const RATIO_MAX: i128 = 18;
/// Largest deviation that is told apart: beyond forty a call is worth its forward to 10⁻⁸⁰.
const DEVIATION_MAX: i128 = 66 << BITS;
/// The error of a value is at most (F + K) · 2⁶ units. Derived in spec 0010-PRIC-013.
const ERROR_SHIFT: u32 = 6;

/// What a value is made of: F and K in micro-dollars, σ in trillionths, τ in thirds of a millisecond; all positive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inputs {
    pub(crate) forward: u64,
    pub(crate) strike: u64,
    pub(crate) trillionths: u64,
    pub(crate) thirds: u64,
}

/// Where a value lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Below,
    /// Within (F + K)·2⁻¹¹² micro-dollars, on either side.
    Unknown,
    Above,
}

/// Returns on which side of a number of micro-dollars the value of a call lies, the two being less than one apart.
#[cold]
#[inline(never)]
pub(crate) fn side_of(micros: i64, inputs: Inputs) -> Side {
    let s = deviation(inputs.trillionths, inputs.thirds);
    let x = log2(inputs.forward).wrapping_sub(log2(inputs.strike));
    let q = quotient(times(x, LN_2_FINE), s);
    let half = s >> 1;
    let (forward, strike) = (i128::from(inputs.forward), i128::from(inputs.strike));
    // The products do not fit, but the distance does, and it is what is left of them modulo 2¹²⁸.
    let gain = forward.wrapping_mul(probability(q.wrapping_add(half)));
    let paid = strike.wrapping_mul(probability(q.wrapping_sub(half)));
    let distance = gain.wrapping_sub(paid).wrapping_sub(i128::from(micros).wrapping_mul(ONE));
    let error = forward.wrapping_add(strike) << ERROR_SHIFT;
    if distance > error {
        Side::Above
    } else if distance < error.wrapping_neg() {
        Side::Below
    } else {
        Side::Unknown
    }
}

/// Returns a product, rounded towards zero. Error: less than one unit.
fn times(a: i128, b: i128) -> i128 {
    let (low, high) = a.unsigned_abs().carrying_mul(b.unsigned_abs(), 0);
    let magnitude = ((high << (u128::BITS - BITS)) | (low >> BITS)).cast_signed();
    if (a < 0) == (b < 0) { magnitude } else { magnitude.wrapping_neg() }
}

/// Returns the upper half of a product.
fn upper(a: u128, b: u128) -> u128 {
    a.carrying_mul(b, 0).1
}

/// Returns log₂ v for v > 0, a bit a step: where the square of what is left reaches two, the bit is one. Error: it is too
/// low by at most 1.01 units.
pub(crate) fn log2(v: u64) -> i128 {
    let zeros = v.leading_zeros();
    // From one to two, in units of 2⁻¹²⁷.
    let mut left = u128::from(v.wrapping_shl(zeros)) << 64;
    let mut log = i128::from(63u32.wrapping_sub(zeros));
    for _ in 0..BITS {
        let square = upper(left, left);
        let bit = square >> 127;
        left = if bit == 0 { square << 1 } else { square };
        log = (log << 1) | bit.cast_signed();
    }
    log
}

/// Returns σ√τ, kept within 66; above 59 perhaps 66. Error: at most 2⁻¹²² of it and one unit.
pub(crate) fn deviation(trillionths: u64, thirds: u64) -> i128 {
    let wide = u128::from(thirds);
    let shift = wide.leading_zeros() & !1;
    let radicand = wide.wrapping_shl(shift);
    let root = radicand.isqrt();
    // √(r² + e) is r + e/2r, less at most 2⁻⁶⁵ because e ≤ 2r and r ≥ 2⁶³.
    let rest = radicand.wrapping_sub(root.wrapping_mul(root));
    let more = (rest << 61).checked_div(root).unwrap_or(0);
    let root = (root << 62).wrapping_add(more);
    // √thirds in units of 2^−(62 + shift/2), times the constant, times σ with its leading zeros taken off.
    let zeros = trillionths.leading_zeros();
    let vol = u128::from(trillionths.wrapping_shl(zeros)) << 64;
    let product = upper(upper(root, DEVIATION_FINE), vol);
    // The product is above 2¹²²·⁹: where there is nothing to shift, s is above 59.
    let down = (shift >> 1).wrapping_add(zeros).checked_sub(63);
    down.map_or(DEVIATION_MAX, |down| product.wrapping_shr(down).cast_signed().min(DEVIATION_MAX))
}

/// Returns x/s for s > 0, kept within ±18, by long division. Error: less than one unit.
pub(crate) fn quotient(x: i128, s: i128) -> i128 {
    let magnitude = x.saturating_abs();
    let mut quotient = magnitude.checked_div(s).unwrap_or(RATIO_MAX);
    let mut rest = magnitude.checked_rem(s).unwrap_or(0);
    if quotient >= RATIO_MAX {
        quotient = RATIO_MAX << BITS;
    } else {
        for _ in 0..BITS {
            rest <<= 1;
            let fits = rest >= s;
            rest = if fits { rest.wrapping_sub(s) } else { rest };
            quotient = (quotient << 1) | i128::from(fits);
        }
    }
    if x < 0 { quotient.wrapping_neg() } else { quotient }
}

/// Returns Φ(d). Error: at most 44 units.
pub(crate) fn probability(d: i128) -> i128 {
    let tail = tail(d.saturating_abs());
    if d < 0 { tail } else { ONE.wrapping_sub(tail) }
}

/// Returns the probability above d ≥ 0: that at the nearest multiple a of ½, less the integral of the density from there.
///
/// With φ(a + h) = Σ cₖhᵏ, φ′ = −xφ says that k·cₖ = −(a·cₖ₋₁ + cₖ₋₂), and the integral is Σ cₖhᵏ⁺¹/(k + 1).
fn tail(d: i128) -> i128 {
    let node = d.wrapping_add(1 << (HALF_BITS - 1)) >> HALF_BITS;
    let entry = usize::try_from(node).ok().and_then(|node| HALVES.get(node));
    let Some((tail, density)) = entry else { return 0 };
    let step = d.wrapping_sub(node << HALF_BITS);
    let (mut before, mut coefficient) = (0i128, *density);
    let (mut power, mut left) = (step, *tail);
    for k in 1..=TERMS {
        let over = |value: i128| value.checked_div(k).unwrap_or(0);
        left = left.wrapping_sub(over(times(coefficient, power)));
        power = times(power, step);
        let slope = node.wrapping_mul(coefficient) >> 1;
        (before, coefficient) = (coefficient, over(slope.wrapping_add(before)).wrapping_neg());
    }
    left
}
