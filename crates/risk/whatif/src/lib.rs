//! A portfolio in a file: its margin, its Greeks, the prices at which it is liquidated, and what orders would change.
//!
//! [`Portfolio::parse`] reads markets and holdings, [`Portfolio::assess`] measures them, [`Portfolio::what_if`] measures
//! them before orders, with the orders open, and with all of them filled, and says which of them margin lets in. A [`Batch`]
//! measures many portfolios in the same markets over one set of matrices.
//!
//! **Invariant:** every figure is one of the house's own integers: marks, scenario matrices and requirements are those of
//! `margin`. Numbers in files are exact decimal text; nothing here is a float.
//!
//! Left out: where prices come from. A portfolio file says what the market looks like.

mod assess;
mod batch;
mod entry;
mod fields;
mod file;
mod liquidation;
mod text;

pub use assess::{Assessment, Detail, GreekSums, WhatIf};
pub use batch::Batch;
pub use entry::Entry;
pub use file::{Orders, Portfolio};
pub use liquidation::{Crossing, Liquidation};
pub use text::write_columns;

/// Why a portfolio cannot be read or measured.
#[derive(Debug, thiserror::Error)]
pub enum WhatIfError {
    /// Not JSON, or not of the form of a portfolio.
    #[error("{place}: {error}")]
    Form {
        /// Portfolio or orders, and which field.
        place: String,
        /// What the reader says.
        error: serde_json::Error,
    },
    /// A value that is not of its kind.
    #[error("{place}: '{value}' {reason}")]
    Value {
        /// Where it stands.
        place: String,
        /// The value.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A field that is missing, or has no place there.
    #[error("{place} {reason}")]
    Field {
        /// Which field.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A name that is used but not defined.
    #[error("{place}: there is no {kind} '{name}'; {known}")]
    Unknown {
        /// Where it is used.
        place: String,
        /// Underlying or market.
        kind: &'static str,
        /// The name.
        name: String,
        /// Which are defined.
        known: String,
    },
    /// One portfolio of many.
    #[error("portfolio {number}: {error}")]
    Portfolio {
        /// Its place in the list, from 0.
        number: usize,
        /// What is wrong with it.
        error: Box<WhatIfError>,
    },
    /// A limit of the house.
    #[error("{place}: {fault}")]
    Limits {
        /// What was computed.
        place: &'static str,
        /// What is outside its limits.
        fault: protocol::Fault,
    },
}
