//! Why there is nothing to play.

use market::MarketError;
use market::orderflow::FlowFault;
use std::num::TryFromIntError;
use units::ArithmeticError;

/// Why there is nothing to play.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// Recorded data cannot be read.
    #[error(transparent)]
    Market(#[from] MarketError),
    /// Recorded orders do not follow from one another.
    #[error(transparent)]
    Flow(#[from] FlowFault),
    /// Prices lead to a number that its unit does not hold.
    #[error(transparent)]
    Arithmetic(#[from] ArithmeticError),
    /// More accounts than addresses have numbers.
    #[error(transparent)]
    Count(#[from] TryFromIntError),
    /// The data lacks what the demo plays.
    #[error("{0}")]
    Absent(&'static str),
}
