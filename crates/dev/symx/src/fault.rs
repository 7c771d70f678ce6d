//! Faults that a suite plants in the symbolic numbers to see its proofs fail.

/// A wrong operation. A proof that still holds with it proves nothing about that operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Sums are one too large.
    Sum,
    /// Differences are one too large.
    Difference,
    /// Products are one too large.
    Product,
    /// Quotients are rounded in the other direction.
    Rounding,
    /// The smaller of two is the first of them.
    Lesser,
    /// The greater of two is the first of them.
    Greater,
    /// `<` means `≤`, and `≤` means `<`.
    Order,
    /// A number equals the next one too.
    Equality,
    /// A result that does not fit is returned as it is.
    Width,
    /// A quotient is bounded on one side only.
    Contract,
    /// Words shift by one place less than told.
    Shift,
}

/// Returns whether the path now explored runs with this fault.
#[must_use]
pub fn faulty(fault: Fault) -> bool {
    crate::path::with(|path| path.fault == Some(fault))
}
