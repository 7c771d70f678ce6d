//! The functions behind Black-76, on bare integers.
//!
//! Formats: a logarithm, `d` or `s` is an `i64` in units of 2⁻⁵⁷ ("Q57"); a probability or density is an `i64` in
//! units of 2⁻⁶² ("Q62"); √τ is a `u64` in units of 2⁻⁶⁰ ("Q60").
//!
//! # Bounds
//!
//! Sums and products wrap explicitly, so nothing here can panic; that nothing wraps either follows from the ranges
//! below, which the constructors of [`inputs`](crate::inputs) guarantee.
//!
//! * `polynomial`: |u| ≤ ½, so every partial sum is bounded by the sum of the absolute coefficients of the cell and
//!   one unit per product; `TABLES_FIT` states at compile time that this is below 2⁶³ in every cell.
//! * `ln`: v < 2⁶³, so the result is below 43.7 · 2⁵⁷ < 2⁶³ and its Q72 form below 2⁷⁸.
//! * `Reciprocal`: see there.
//! * `root_year`: the root is below 2⁶⁴ and the factor below 2⁶⁴, so the product is below 2¹²⁸.
//!
//! The errors of each function are stated at the function and added up in spec 0010-PRIC-005.

use crate::tables::{Cell, DENSITY, EXP2, LN, LN_2, LOG2_E, ROOT_THIRD, TAIL};

/// One, as a probability.
pub(crate) const ONE: i64 = 1 << 62;
/// Fraction bits of logarithms, of `d` and of `s`.
pub(crate) const LOG_BITS: u32 = 57;
/// Largest |x/s| that is told apart: beyond it both tails vanish in Q62.
const RATIO_MAX: u64 = 18;

const _: () = assert!(TABLES_FIT);
const TABLES_FIT: bool = fit(&TAIL) && fit(&DENSITY) && fit(&LN) && fit(&EXP2);

/// Returns whether no partial sum of any cell can leave 64 bits.
#[expect(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    reason = "evaluated at compile time, where a failure is a failed build"
)]
const fn fit(cells: &[Cell]) -> bool {
    let mut cell = 0;
    while cell < cells.len() {
        let mut bound: u128 = 10;
        let mut power = 0;
        while power < 8 {
            bound += cells[cell].0[power].unsigned_abs() as u128;
            power += 1;
        }
        if bound >= 1 << 63 {
            return false;
        }
        cell += 1;
    }
    true
}

/// Returns the low 64 bits.
#[inline]
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "every caller states why the value fits"
)]
pub(crate) const fn low(value: i128) -> i64 {
    value as i64
}

/// Returns the upper half of a product: `a·b` for b in units of 2⁻⁶⁴, rounded down.
#[inline(always)]
fn scaled(a: i64, b: i64) -> i64 {
    low(i128::from(a).wrapping_mul(i128::from(b)) >> 64)
}

/// Returns the value of a cell at `u`, in units of 2⁻⁶⁴, by Estrin's scheme: pairs, then pairs of pairs.
///
/// Error of the evaluation: in (−4, 1) units of the table. Each product rounds down by less than one unit; those of
/// the higher pairs reach the sum times u² ≤ ¼ or less, and the rounding of u² and u⁴ counts below a quarter unit.
#[inline(always)]
fn polynomial(cell: &Cell, u: i64) -> i64 {
    let [c0, c1, c2, c3, c4, c5, c6, c7] = cell.0;
    let square = scaled(u, u);
    let first = c0.wrapping_add(scaled(c1, u));
    let second = c2.wrapping_add(scaled(c3, u));
    let third = c4.wrapping_add(scaled(c5, u));
    let fourth = c6.wrapping_add(scaled(c7, u));
    let low = first.wrapping_add(scaled(second, square));
    let high = third.wrapping_add(scaled(fourth, square));
    low.wrapping_add(scaled(high, scaled(square, square)))
}

/// Returns the cell and the position in it, in units of 2⁻⁶⁴ from its middle, of an argument with `INSIDE` bits to a
/// cell.
#[inline(always)]
fn locate<const INSIDE: u32>(argument: u64) -> (usize, i64) {
    let index = argument.wrapping_shr(INSIDE);
    let rest = argument.wrapping_shl(64u32.wrapping_sub(INSIDE));
    (usize::try_from(index).unwrap_or(usize::MAX), rest.wrapping_sub(1 << 63).cast_signed())
}

/// Returns ln v in Q57 for 0 < v < 2⁶³. Error: at most 0.7 units.
pub(crate) fn ln(v: u64) -> i64 {
    let zeros = v.leading_zeros();
    let mantissa = v.wrapping_shl(zeros).wrapping_shl(1);
    let exponent = i128::from(63u32.wrapping_sub(zeros));
    // The leading one is gone; the 64 bits left are the fraction, the upper six of them the cell.
    let (index, u) = locate::<58>(mantissa);
    let fraction = LN.get(index).map_or(0, |cell| polynomial(cell, u));
    let sum = exponent.wrapping_mul(LN_2).wrapping_add(i128::from(fraction) << 10);
    low(sum.wrapping_add(1 << 14) >> 15)
}

/// Returns 2^y for y in Q57 as a mantissa from 1 to 2 in Q61 and an exponent. Error: at most 6 units of the mantissa.
pub(crate) fn exp2(y: i64) -> (i64, i64) {
    let fraction = (y & ((1 << LOG_BITS) - 1)).cast_unsigned();
    let (index, u) = locate::<{ LOG_BITS - 5 }>(fraction);
    (EXP2.get(index).map_or(0, |cell| polynomial(cell, u)), y >> LOG_BITS)
}

/// Returns eˣ for x in Q57, |x| < 44 · 2⁵⁷, in the form of [`exp2`]. Error: as `exp2` after an error of 1.2 units in y.
pub(crate) fn exp(x: i64) -> (i64, i64) {
    exp2(low(i128::from(x).wrapping_mul(LOG2_E) >> 62))
}

/// Returns a function of the tables over [0, 9) by sixteenths at |d|, which is in Q57; zero beyond.
#[inline(always)]
fn by_sixteenths(table: &[Cell; 144], magnitude: u64) -> i64 {
    let (index, u) = locate::<{ LOG_BITS - 4 }>(magnitude);
    table.get(index).map_or(0, |cell| polynomial(cell, u))
}

/// Returns Φ(d) in Q62 for d in Q57. Error: at most 17 units.
#[inline(always)]
pub(crate) fn probability(d: i64) -> i64 {
    let tail = by_sixteenths(&TAIL, d.unsigned_abs());
    if d < 0 { tail } else { ONE.wrapping_sub(tail) }
}

/// Returns φ(d) in Q62 for d in Q57. Error: at most 40 units.
#[inline]
pub(crate) fn density(d: i64) -> i64 {
    by_sixteenths(&DENSITY, d.unsigned_abs())
}

/// Returns √(t/year), doubled up to eight times, in Q60 for a time in thirds of a millisecond; the most that fits if it is
/// more. Relative error: at most 1.6 · 2⁻⁶³, then rounded down.
pub(crate) fn root_year(thirds: u64, doublings: u32) -> u64 {
    if thirds == 0 {
        return 0;
    }
    let wide = u128::from(thirds);
    let shift = wide.leading_zeros() & !1;
    let root = wide.wrapping_shl(shift).isqrt();
    let product = root.wrapping_mul(u128::from(ROOT_THIRD));
    let down = (shift >> 1).wrapping_add(22).wrapping_sub(doublings);
    u64::try_from(product.wrapping_shr(down)).unwrap_or(u64::MAX)
}

/// The reciprocal of a standard deviation, ready to divide logarithms.
///
/// With s = m·2⁻ᶻ and m in [2⁶³, 2⁶⁴), the mantissa is 2¹²⁶/m < 2⁶³, and x/s is `(x·2ᶻ⁻⁶ · mantissa) ≫ 63`. Since |x| is
/// kept within 18 s, |x·2ᶻ⁻⁶| < 2⁶³ and the quotient is within ±18·2⁵⁷. Where z < 6 the mantissa takes the shift instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Reciprocal {
    mantissa: i64,
    up: u32,
    /// 18 s, or the largest number if that is less.
    most: i64,
}

impl Reciprocal {
    /// Returns the reciprocal of 0 < s < 2⁶³; of zero, something that divides everything to zero.
    pub(crate) fn of(s: u64) -> Self {
        let zeros = s.leading_zeros();
        let exact = (1u128 << 126).checked_div(u128::from(s.wrapping_shl(zeros))).unwrap_or(0);
        let mantissa = i64::try_from(exact).unwrap_or(i64::MAX);
        let most = i64::try_from(s.saturating_mul(RATIO_MAX)).unwrap_or(i64::MAX);
        let down = 6u32.saturating_sub(zeros);
        Self { mantissa: mantissa.wrapping_shr(down), up: zeros.saturating_sub(6), most }
    }

    /// Returns x/s in Q57 for x in Q57, kept within ±18. Error: at most 2⁻⁵⁶ of the value plus one unit.
    #[inline(always)]
    pub(crate) fn divide(self, x: i64) -> i64 {
        let kept = x.min(self.most).max(self.most.wrapping_neg());
        let product =
            i128::from(kept.wrapping_shl(self.up)).wrapping_mul(i128::from(self.mantissa));
        low(product >> 63)
    }
}
