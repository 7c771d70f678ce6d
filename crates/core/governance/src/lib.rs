//! Who may change what, how far and how soon.
//!
//! A change is proposed by one signer, takes effect after enough signers approve it and, if it raises risk, after a
//! timelock; a proposal that does not get there in time dies. A parameter never leaves the bounds compiled in here,
//! whoever signs, and one change moves it one step.
//!
//! **Invariant:** every value of [`Parameters`] is inside its [`Definition`]; no path writes one without the check.
//!
//! What it leaves out: the effect. It says which changes are due; the machine makes them.
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::integer_division,
        clippy::float_arithmetic,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::let_underscore_must_use,
        clippy::disallowed_types,
        clippy::disallowed_methods,
    )
)]

mod council;
mod definition;
mod parameters;
mod table;

pub use council::{Council, CouncilError, Due, Proposal};
pub use definition::{Definition, Pace, Risk, Scope, Step, Unit};
pub use parameters::Parameters;
