//! Why the sums of [`crate::lanes`] fit in sixty-four bits (0019-MARG-011).
//!
//! The gross of an account is Σ |lots| · greatest |value of a lot|, in the scenarios, of its bend, and where it bends, over
//! positions, collateral and open orders, plus what filling the orders costs beside the scenarios. Every partial sum in every scenario is below it. New
//! positions and orders are admitted up to [`GROSS_ADMITTED`]; since marks move after that, a measurement accepts up to
//! [`GROSS_MEASURED`], and above it is a fault.
//!
//! A row's power of two is the least that keeps its scenario values and its bend below 2²⁸, so the greatest is at least 2²⁷
//! where it is not one. Lots times the power of two are then below gross ÷ 2²⁷ and fit in an `i32` up to a gross of 2⁵⁸.

/// Most micro-dollars of gross that an order may bring an account to: 18 billion dollars.
pub(crate) const GROSS_ADMITTED: i128 = 1 << 54;
/// Most that is measured. What orders cost counts at most twice in a scan, so sums stay below 2⁶².
pub(crate) const GROSS_MEASURED: i128 = 1 << 61;
/// Most of a sum of charges or values in 64 bits: where it could be more, it is added up in 128. A margin's charges are
/// three such sums: of rows, of naked short options, and above knees.
pub(crate) const SUMS_NARROW: u64 = 1 << 61;
/// Bits of the greatest scenario value in a row.
pub(crate) const VALUE_BITS: u32 = 28;
/// Bits of the charges per lot below the micro-dollar.
pub(crate) const CHARGE_BITS: u32 = 16;
/// Units of a quantity in one, and nano-micro-dollars in a micro-dollar.
pub(crate) const BILLION: i64 = 1_000_000_000;
/// Bits below one of the reciprocal of what a scan keeps.
pub(crate) const STRETCH_BITS: u32 = 10;

const _: () = assert!(3 * SUMS_NARROW < 1 << 63);
const _: () = assert!(2 * GROSS_MEASURED < 1 << 63);
const _: () = assert!(GROSS_ADMITTED << 7 == GROSS_MEASURED);
