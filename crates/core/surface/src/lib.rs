//! The vol surface without arbitrage but for rounding: what voted vols become before anything is marked at them.
//!
//! Vols are voted strike by strike, and a median of each may leave a set of prices that no market could show: a
//! butterfly with a negative price, or a later option worth less than an earlier one. [`repair()`] removes both:
//!
//! 1. Vols become prices of calls, undiscounted, whole micro-dollars.
//! 2. Within an expiry, a vote that others speak against, because they would all have to be lowered to it, gets the vol on
//!    the line between those next to it.
//! 3. Within an expiry, a price above the greatest convex curve that never rises, through (0, F) and below all prices, is
//!    lowered to it: no butterfly and no vertical spread has a negative price.
//! 4. From the nearest expiry on, a price below what an earlier expiry supports at the same K/F is raised to it.
//! 5. A price that has moved becomes the vol, in hundredths of a percent, that is the least to reach it.
//!
//! **Invariant:** lowering one point each of the vols that were moved gives prices at or below a surface that no portfolio
//! can arbitrage, and the vols themselves give prices at or above it; and repairing twice is repairing once, bit for bit.
//! So what can be earned at the vols themselves is what a point of vol is worth, no less: dollars for a long option on a
//! dear coin.
//!
//! What it leaves out: who votes and what is stale (`oracle`), how far a mark follows (`machine`), and what is valued at the
//! vols (`margin`).
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

mod curve;
mod envelope;
mod marked;
mod outvoted;
mod repair;
mod support;

pub use marked::{Marked, Voted, marked};
pub use repair::{Repair, Repaired, Smile, repair, repair_trusting};
