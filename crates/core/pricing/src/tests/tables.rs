//! Every cell of every table against the function it stands for.
//!
//! In a cell the table's polynomial interpolates the function at eight Chebyshev nodes, so it is off by at most
//! max|f⁽⁸⁾|·r⁸/(8!·2⁷) with r half the width of a cell, plus one unit for the rounded coefficients. Those are the
//! bounds below; the argument is in spec 0010-PRIC-006. Here each cell is evaluated exactly at 33 points.

use num_bigint::BigInt;

use super::reference::{BITS, Reference, in_units, over, times, whole};
use crate::kernel;
use crate::tables::{
    Cell, DENSITY, DEVIATION_FINE, EXP2, HALVES, LN, LN_2, LN_2_FINE, LOG2_E, ROOT_THIRD, TAIL,
    TRILLIONTH,
};

/// Points per cell, ends included.
const POINTS: i128 = 33;

struct Table<'a> {
    cells: &'a [Cell],
    first: i128,
    /// Cells per unit of the argument.
    per_unit: i128,
    /// Fraction bits of the coefficients.
    bits: u64,
}

impl Table<'_> {
    /// Returns the largest distance between polynomial and function, in thousandths of a unit of the table, and the
    /// largest distance between two neighbours' polynomials where they meet.
    fn worst(&self, function: impl Fn(&BigInt) -> BigInt) -> (BigInt, BigInt) {
        let (mut worst, mut gap, mut end) = (BigInt::ZERO, BigInt::ZERO, None);
        for (index, cell) in (0_i128..).zip(self.cells) {
            for point in 0..POINTS {
                // u = −½ … ½ in 2⁻⁵; the argument is exact in binary.
                let steps = (self.first * self.per_unit + index) * (POINTS - 1) + point;
                let argument = whole(steps) / (self.per_unit * (POINTS - 1));
                let found = exact(cell, point - 16) << (BITS - self.bits - 35);
                let thousandths = |x: &BigInt| (x.magnitude() * 1000_u32) >> (BITS - self.bits);
                worst = worst.max(thousandths(&(&found - function(&argument))).into());
                if let Some(end) = end.take().filter(|_| point == 0) {
                    gap = gap.max(thousandths(&(&found - &end)).into());
                }
                if point == POINTS - 1 {
                    end = Some(found);
                }
            }
        }
        (worst, gap)
    }
}

/// Returns the value of a cell at u = `steps`/32 in units of 2⁻³⁵ of the table's.
fn exact(cell: &Cell, steps: i128) -> BigInt {
    cell.0.iter().rev().enumerate().fold(BigInt::ZERO, |sum, (power, coefficient)| {
        sum * steps + (BigInt::from(*coefficient) << (5 * power))
    })
}

fn assert_within(name: &str, (worst, gap): (BigInt, BigInt), bound_in_thousandths: i128) {
    assert!(worst <= BigInt::from(bound_in_thousandths), "{name}: {worst}");
    assert!(gap <= BigInt::from(2 * bound_in_thousandths), "{name}: {gap}");
}

// 0010-PRIC-006
#[test]
fn every_cell_is_within_the_stated_bound_of_its_function() {
    let reference = Reference::new();
    let tail = Table { cells: &TAIL, first: 0, per_unit: 16, bits: 62 };
    assert_within("tail", tail.worst(|x| reference.probability(&-x)), 12_530);
    let density = Table { cells: &DENSITY, first: 0, per_unit: 16, bits: 62 };
    assert_within("density", density.worst(|x| reference.density(x)), 35_050);
    let ln = Table { cells: &LN, first: 1, per_unit: 64, bits: 62 };
    assert_within("ln", ln.worst(|x| reference.ln(x)), 1_070);
    let exp2 = Table { cells: &EXP2, first: 0, per_unit: 32, bits: 61 };
    let ln_2 = reference.ln(&whole(2));
    assert_within("exp2", exp2.worst(|x| reference.exp(&times(x, &ln_2))), 1_070);
}

#[test]
fn every_constant_is_the_nearest_integer() {
    let reference = Reference::new();
    let ln_2 = reference.ln(&whole(2));
    let third = over(&whole(1), &whole(3 * 31_536_000_000));
    let nearest = |value: &BigInt, bits: u64| -> BigInt { (in_units(value, bits + 1) + 1) >> 1 };
    assert_eq!(nearest(&ln_2, 72), BigInt::from(LN_2));
    assert_eq!(nearest(&over(&whole(1), &ln_2), 62), BigInt::from(LOG2_E));
    assert_eq!(nearest(&super::reference::root(&third), 82), BigInt::from(ROOT_THIRD));
    assert_eq!(nearest(&(whole(1) / 1_000_000_000_000_u64), 103), BigInt::from(TRILLIONTH));
    assert_eq!(nearest(&ln_2, 118), BigInt::from(LN_2_FINE));
    let small = super::reference::root(&third) / 1_000_000_000_000_u64;
    assert_eq!(nearest(&small, 185), BigInt::from(DEVIATION_FINE));
    for (node, (tail, density)) in (0_i128..).zip(&HALVES) {
        let at = whole(node) >> 1;
        assert_eq!(nearest(&reference.probability(&-&at), 118), BigInt::from(*tail));
        assert_eq!(nearest(&reference.density(&at), 118), BigInt::from(*density));
    }
}

/// Returns how far a kernel value in 2⁻ᵇⁱᵗˢ is from the exact one, in thousandths of that unit.
fn off(found: i128, bits: u64, exact: &BigInt) -> BigInt {
    let difference: BigInt = (BigInt::from(found) << (BITS - bits)) - exact;
    (difference * 1000) >> (BITS - bits)
}

fn assert_off(found: i128, bits: u64, exact: &BigInt, thousandths: i128) {
    let off = off(found, bits, exact);
    assert!(off.magnitude() <= BigInt::from(thousandths).magnitude(), "{found}: {off}");
}

// 0010-PRIC-006
#[test]
fn kernel_functions_are_within_their_stated_errors() {
    let reference = Reference::new();
    let mut random = random::Random::new(0x6b65_726e_656c);
    for _ in 0..2_000 {
        let d = random.between(-(10_i64 << 57), 10 << 57);
        let exact = &whole(i128::from(d)) >> 57;
        assert_off(kernel::probability(d).into(), 62, &reference.probability(&exact), 17_000);
        assert_off(kernel::density(d).into(), 62, &reference.density(&exact), 40_000);

        let v = random.magnitude(1 << 62);
        let found = kernel::ln(u64::try_from(v).expect("fits"));
        assert_off(found.into(), 57, &reference.ln(&whole(v)), 700);

        let thirds = random.magnitude(3 * crate::inputs::HORIZON_MILLIS_MAX);
        let exact = super::reference::root(&over(&whole(thirds), &whole(3 * 31_536_000_000)));
        let found = kernel::root_year(u64::try_from(thirds).expect("fits"), 0);
        assert_off(found.into(), 60, &exact, 2_900);

        let x = random.between(-(40_i64 << 57), 40 << 57);
        let (mantissa, power) = kernel::exp(x);
        let shift = u64::try_from(61 - power).expect("exponents stay below 58");
        let exact = reference.exp(&(&whole(i128::from(x)) >> 57));
        // 6 units of the mantissa, and 1.2 units of 2⁻⁵⁷ in the exponent: ×ln 2 × 2 in [1, 2).
        assert_off(mantissa.into(), shift, &exact, 6_000 + 27_000 * 2);
    }
}

#[test]
fn the_ends_of_the_ranges_are_finite_and_exact() {
    assert_eq!(kernel::ln(1), 0);
    assert!((kernel::exp2(0).0 - (1 << 61)).abs() <= 6);
    assert_eq!(kernel::exp2(0).1, 0);
    assert_eq!(kernel::root_year(0, 0), 0);
    assert!((1 << 60) - kernel::root_year(3 * 31_536_000_000, 0) <= 1);
    assert_eq!(kernel::probability(i64::MAX), kernel::ONE);
    assert_eq!(kernel::probability(i64::MIN), 0);
    assert_eq!(kernel::density(i64::MIN), 0);
    let half = kernel::Reciprocal::of(1 << 56);
    assert_eq!(half.divide(1 << 56), (1 << 57) - 1);
    assert!((half.divide(i64::MIN) + (18 << 57)).abs() <= 18 << 1);
    assert_eq!(kernel::Reciprocal::of(0).divide(i64::MAX), 0);
}
