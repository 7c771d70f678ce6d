//! The store as its user sees it: one test binary, for each link with the tree's engine is slow.

mod commitment;
mod log;
mod proof;
mod restart;
mod snapshot;
mod support;
