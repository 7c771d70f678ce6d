//! Why the demo did not come to its report.

use house::HouseError;
use market::MarketError;
use report::ReportError;
use run_report::{RunReportError, ScenarioError};
use std::io;
use std::path::PathBuf;
use world::WorldError;

/// Why the demo did not come to its report.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Recorded data cannot be read.
    #[error(transparent)]
    Market(#[from] MarketError),
    /// The data is not what the demo plays.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The data has no price of BTC.
    #[error("nothing to play: the scenario has no BTC price")]
    NothingToPlay,
    /// The house cannot be founded there, or stopped.
    #[error(transparent)]
    House(#[from] HouseError),
    /// What is played cannot be written down.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The run cannot be told.
    #[error(transparent)]
    Told(#[from] RunReportError),
    /// The report cannot be written.
    #[error(transparent)]
    Report(#[from] ReportError),
}
