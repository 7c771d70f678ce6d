//! The scan ranges held against recorded prices: do they cover, how fast do they move, what do they cost.
//!
//! [`run`] plays every price history of the data set through the thresholds of the house, hour by hour, and counts.
//! [`Study::page`](report::Study::page) of [`study`] shows it.
//!
//! **Invariant:** the ranges come from the integers that the house itself computes; floats only count and test them.
//! A history too short for a test gets none, and the result says so.
//!
//! Left out: positions. A range is held against a move of the index, which is what a position in one contract would
//! lose; what netting and orders do to it is `margin`'s.

pub mod coverage;
mod page;
mod replay;
mod series;
mod text;

pub use page::study;
pub use replay::{Cost, Coverage, Drawn, Measure, Outcome, Rise, SHARE, Tested, Verdict, replay};
pub use series::{History, Step, histories};
pub use text::write;

/// Why a back-test could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BacktestError {
    /// The data cannot be read.
    #[error(transparent)]
    Market(#[from] market::MarketError),
    /// The thresholds have left their own bounds: a bug of ours.
    #[error("the thresholds failed on {history}: {fault}")]
    Thresholds {
        /// The history.
        history: String,
        /// What they said.
        fault: protocol::Fault,
    },
}

/// Returns what came out for every history of a data set.
///
/// # Errors
///
/// [`BacktestError::Market`] if a file is absent, is not the one of the manifest or is malformed.
pub fn run(data: &market::Dataset) -> Result<Vec<Outcome>, BacktestError> {
    histories(data)?.iter().map(replay).collect()
}
