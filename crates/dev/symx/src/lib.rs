//! Proofs about ordinary Rust by running it on symbols.
//!
//! Code under proof computes with [`Exact`] integers, most of which are terms of the theorem prover Z3. When it asks
//! [`decide`] whether a [`Claim`] holds, the prover says which answers are possible; the run takes one and remembers
//! the other. Running the code again with the remembered answers explores every path, so [`prove`] covers every input
//! in the stated ranges at once, at full width.
//!
//! A harness names its inputs with [`Prover::any`], states what must hold with [`Prover::check`], and marks what it
//! reached with [`Prover::cover`]. The same harness source is compiled again over the shipped numbers with the prover
//! of [`concrete`]: each path's example is run there, and must reach the same labels and yield the same numbers.
//!
//! **Invariant:** an answer "unknown" never lets a claim pass: a branch that cannot be ruled out is taken, a claim
//! that cannot be proved fails. A harness that does not reach exactly its labels fails as vacuous.
//!
//! What it leaves out: loops without a bound, and symbols as indices. The theory is that of integers; machine words
//! are built on it by those who need them.

pub mod concrete;
mod exact;
mod explore;
mod fault;
mod path;
mod prover;

pub use exact::{Claim, Exact, decide, derive, postulate, require, same_result};
pub use explore::{Harness, Report, Verdict, prove};
pub use fault::{Fault, faulty};
pub use path::Statistics;
pub use prover::Prover;

/// Returns the version that the prover's library states.
#[must_use]
pub fn version() -> &'static str {
    z3::full_version()
}
