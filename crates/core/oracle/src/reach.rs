//! How far a price may move in a time, in parts of a micro-dollar: whatever a price is, no speed limit is coarse.

use units::{ArithmeticError, BlockSpan, Num, Ppm, Price};

/// Parts of a micro-dollar in which it is counted: millionths of a price, by milliseconds of a second.
pub(crate) const WHOLE: i128 = 1_000_000_000;

/// Returns how far a price may move at so many parts per million of it a second, in billionths of a micro-dollar: exactly.
///
/// spec 0017-ORAC-009, 0017-ORAC-025.
pub(crate) fn reach(of: Price, speed: Ppm, span: BlockSpan) -> Result<Num, ArithmeticError> {
    of.number().times(speed.number().times(span.number())?)
}
