//! The report of a run, made from its log: by the demo as it plays, by `novation report` and `novation audit` as they replay.
//!
//! An [`Observer`] is shown every block beside the state after it; [`make`] turns what it has seen into a
//! [`report::RunReport`]. What the log cannot say, whose data was played and who is who, stands in a [`Scenario`].
//!
//! **Invariant:** there is one way from a log to a report. Whoever replays the log gets the same three files, to the byte.
//!
//! Left out: logs whose beginning is pruned. What accounts brought stands there.
//!
//! # Example
//!
//! ```
//! use machine::{Genesis, Machine};
//! use protocol::Block;
//! use run_report::{Observer, RunReportError, Scenario};
//!
//! /// Tells a log from its first block on.
//! fn told(genesis: &Genesis, log: &[Block]) -> Result<report::RunReport, Box<dyn std::error::Error>> {
//!     let (mut machine, _) = Machine::found(genesis)?;
//!     let mut observer = Observer::found(machine.state(), Scenario::reported(&genesis.chain));
//!     for block in log {
//!         let outcome = machine.apply(block)?;
//!         observer.block(machine.state(), block, &outcome)?;
//!     }
//!     Ok(run_report::make(&observer, machine.state(), "0x00")?)
//! }
//! ```

mod books;
mod defaults;
mod error;
mod observer;
mod page;
mod ranges;
pub mod scenario;
#[cfg(test)]
mod tests;
mod trouble;
mod winners;

pub use error::RunReportError;
pub use observer::Observer;
pub use page::make;
pub use scenario::{Scenario, ScenarioError};
