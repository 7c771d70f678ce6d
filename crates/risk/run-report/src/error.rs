//! Why a run cannot be told.

use protocol::Fault;
use std::num::TryFromIntError;
use units::ArithmeticError;

/// Why a run cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunReportError {
    /// A sum is larger than its unit holds.
    #[error(transparent)]
    Arithmetic(#[from] ArithmeticError),
    /// The house's own arithmetic ends in a fault.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// A count beyond what its place holds.
    #[error(transparent)]
    Count(#[from] TryFromIntError),
    /// A block speaks of what the state before or after it does not have: the two are not of one run.
    #[error("{0}")]
    Absent(&'static str),
}
