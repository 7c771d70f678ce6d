//! What tests and benches of several crates share: recorded markets as blocks of orders, and traffic
//! and votes from a seed.
//!
//! **Invariant:** nothing that ships depends on it.

pub mod recorded;
pub mod traffic;
pub mod votes;
