//! Option values and Greeks in fixed point: mathematics only.
//!
//! The model is Black-76, undiscounted: with `x = ln F − ln K`, `s = σ√τ` and `d± = x/s ± s/2`, a call is worth
//! `F·Φ(d+) − K·Φ(d−)` and a put `C − (F − K)`. A year has 365 days.
//!
//! | made from | type | cost, once per |
//! |---|---|---|
//! | forward price | [`Forward`] | expiry and scenario |
//! | strike | [`Strike`] | instrument |
//! | time to expiry, or the state of the settlement average | [`Horizon`], [`Fixing`] | expiry |
//! | volatility and horizon | [`Deviation`] | instrument and volatility |
//!
//! [`call`] and [`put`] take these four and cost two table look-ups and four multiplications; a scenario loop builds
//! the four outside and calls them inside. [`Terms`] is the same for callers that price one option.
//!
//! **Invariant:** a value rounded down or up is the whole number of micro-dollars below or above the exact one, for every
//! input the constructors accept (spec 0010-PRIC-003); put–call parity holds to the last micro-dollar; nothing panics.
//!
//! Left out: what a price is used for, smiles other than [`Svi`], and every rule about which volatility applies.
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

mod black;
mod discount;
mod exact;
mod fixing;
mod greeks;
mod growth;
mod implied;
mod inputs;
mod kernel;
mod svi;
mod tables;
mod terms;
#[cfg(test)]
mod tests;

pub use black::{call, put};
pub use discount::Discount;
pub use fixing::Fixing;
pub use greeks::Greeks;
pub use growth::{decay, power};
pub use implied::{
    vol_determined_by_call, vol_determined_by_put, vol_implied_by_call, vol_implied_by_put,
};
pub use inputs::{Deviation, FineVol, Forward, Horizon, MovedVol, Strike};
pub use svi::Svi;
pub use terms::Terms;
