//! One validator: the consensus engine, and the ledger that executes what it orders.
//!
//! This is the only crate that runs the engine, its network and its broadcast. Blocks are ordered first and executed
//! once they are final; each names the newest outcome its proposer knew, so that every finalised block certifies the
//! state of an earlier one (see `docs/adr/0004-order-then-execute.md`).
//!
//! [`live::run`] runs a validator on real sockets and disks. Everything else about it is written against traits of the
//! engine's runtime, so that the simulation runs the same code.
//!
//! Four rooms: `consensus` orders, `proposal` makes the blocks that it orders, `execution` executes them, `answers` tells of
//! all that. Proposing and executing know each other, since a block names what was executed and what was executed waits no
//! longer; both know `consensus`, which knows neither, and nobody knows `answers` but `engine`, which wires one validator
//! of the four. `cargo x tidy` holds these arrows.
//!
//! **Invariant:** a block is executed only if it is final, and a vote is signed only if it is written down.
//!
//! **Left out:** what a client may ask over HTTP, and what transactions mean.

mod answers;
mod consensus;
mod engine;
mod execution;
pub mod keys;
pub mod live;
mod proposal;
#[cfg(feature = "simulation")]
pub mod simulation;

pub use answers::node::{AnswerFailure, CertifiedHeader, FeedFailure, Node, SubmitFailure};
pub use answers::status::Status;
pub use consensus::activity::Activities;
pub use consensus::committee::CommitteeError;
pub use consensus::floor::Floor;
pub use consensus::guard::{Ballot, GuardError, VoteGuard};
pub use consensus::health::{Oracle, Unready};
pub use engine::{StartError, Timeouts};
pub use execution::chain::{Executed, Halt};
pub use execution::difference::{Difference, Parting};
pub use execution::executor::{Applied, Executor, ExecutorError};
pub use execution::steps::install as install_steps;
pub use light::Answer;
pub use mempool::{ClientNetwork, Rejected, Source, Standing};
pub use proposal::propose::Pace;
pub use proposal::report::{BeyondListed, Listed};
