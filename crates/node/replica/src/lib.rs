//! One validator: the consensus engine, and the ledger that executes what it orders.
//!
//! This is the only crate that names the engine, its network and its broadcast. Blocks are ordered first and executed
//! once they are final; each names the newest outcome its proposer knew, so that every finalised block certifies the
//! state of an earlier one (see `docs/adr/0004-order-then-execute.md`).
//!
//! [`live::run`] runs a validator on real sockets and disks. Everything else about it is written against traits of the
//! engine's runtime, so that the simulation runs the same code.
//!
//! **Invariant:** a block is executed only if it is final, and a vote is signed only if it is written down.
//!
//! **Left out:** what a client may ask over HTTP, and what transactions mean.

mod app;
mod block;
mod chain;
mod committee;
mod difference;
mod engine;
mod epochs;
mod evidence;
mod execute;
mod floor;
mod guard;
pub mod keys;
mod ledger;
pub mod live;
mod named;
mod node;
mod observe;
mod payload;
mod pulse;
mod recollect;
mod report;
mod round;
mod scheme;
#[cfg(feature = "simulation")]
pub mod simulation;
mod sizes;
mod spread;
mod status;
mod steps;
mod waiting;

pub use app::Pace;
pub use chain::{Executed, Halt};
pub use committee::CommitteeError;
pub use difference::{Difference, Parting};
pub use engine::{StartError, Timeouts};
pub use floor::Floor;
pub use guard::{Ballot, GuardError, VoteGuard};
pub use ledger::{Applied, Ledger, LedgerError};
pub use light::Answer;
pub use mempool::{ClientNetwork, Rejected, Source, Standing};
pub use node::{AnswerFailure, CertifiedHeader, FeedFailure, Node, SubmitFailure};
pub use observe::Activities;
pub use pulse::{Oracle, Unready};
pub use report::{BeyondListed, Listed};
pub use status::Status;
pub use steps::install as install_steps;
