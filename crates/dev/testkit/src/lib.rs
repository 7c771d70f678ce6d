//! What tests of several crates share: recorded markets as blocks of orders.
//!
//! **Invariant:** nothing that ships depends on it.

pub mod recorded;
