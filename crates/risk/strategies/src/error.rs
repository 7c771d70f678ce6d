//! Why a chain has no strategies.

use protocol::Fault;
use units::{ArithmeticError, Price};

/// Why a chain has no strategies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StrategyError {
    /// No expiry is near enough to what is wanted, or none has a future.
    #[error("the chain has no expiry with a future about {days} days away")]
    NoExpiry {
        /// How far away it should be.
        days: i128,
    },
    /// No strike has all that a strategy holds at it.
    #[error("the chain quotes no suitable option near {price} $")]
    NoOption {
        /// Where it was looked for.
        price: Price,
    },
    /// Something else that the chain lacks.
    #[error("{0}")]
    Absent(&'static str),
    /// A number beyond what its unit holds.
    #[error(transparent)]
    Arithmetic(#[from] ArithmeticError),
    /// Margin ends in a fault.
    #[error(transparent)]
    Fault(#[from] Fault),
}
