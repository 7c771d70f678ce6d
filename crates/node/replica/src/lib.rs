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

mod activity;
mod block;
mod chain;
mod committee;
mod difference;
mod engine;
mod epochs;
mod evidence;
mod execute;
mod executor;
mod floor;
mod gossip;
mod guard;
mod health;
pub mod keys;
pub mod live;
mod node;
mod payload;
mod propose;
mod report;
mod round;
mod scheme;
#[cfg(feature = "simulation")]
pub mod simulation;
mod sizes;
mod status;
mod steps;
mod submission_index;
mod vote_recovery;
mod waiting;

pub use activity::Activities;
pub use chain::{Executed, Halt};
pub use committee::CommitteeError;
pub use difference::{Difference, Parting};
pub use engine::{StartError, Timeouts};
pub use executor::{Applied, Executor, ExecutorError};
pub use floor::Floor;
pub use guard::{Ballot, GuardError, VoteGuard};
pub use health::{Oracle, Unready};
pub use light::Answer;
pub use mempool::{ClientNetwork, Rejected, Source, Standing};
pub use node::{AnswerFailure, CertifiedHeader, FeedFailure, Node, SubmitFailure};
pub use propose::Pace;
pub use report::{BeyondListed, Listed};
pub use status::Status;
pub use steps::install as install_steps;
