//! The harnesses over symbols.

#[path = "../harness/mod.rs"]
pub mod harness;
pub(crate) mod kernel;
mod words;
mod world;
