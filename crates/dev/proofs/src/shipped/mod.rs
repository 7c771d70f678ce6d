//! The harnesses over the shipped numbers.

#[path = "../harness/mod.rs"]
pub mod harness;
pub(crate) mod kernel;
mod world;
