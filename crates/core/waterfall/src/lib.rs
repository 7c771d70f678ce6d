//! What the house does about an account that is short of margin, and who pays if it cannot.
//!
//! Stage 0 cancels the account's orders, which the machine does before it asks here. Stage 1 reduces its positions, all in one
//! block, by the smallest amount that is
//! expected to restore maintenance margin plus a buffer, at limits that keep the shortfall from growing; legs that hedge one
//! another, by the same part of each. Collateral behind a debt is sold to the fund at whose index it is pledged. What an account
//! owes when nothing is left of it, the insurance funds that answer for it pay, one after another, each as far as its allowances
//! for the account and for the day go; after them the fees.
//!
//! **Invariant:** only an account below maintenance margin is touched; a reduction never flips or enlarges a position;
//! reductions filled at their limits or better never make the shortfall grow, nor take equity below zero.
//!
//! What it leaves out: how the numbers come about (margin) and how the order trades (book).
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

mod allowance;
#[cfg(test)]
mod fills;
mod insurance;
mod liquidation;
mod margin_call;
mod plan;
mod sale;
mod slice;
mod turns;
mod uncovered;

pub use allowance::{Allowance, Fund};
pub use insurance::{Answering, Cover, Payment, cover};
pub use liquidation::{Leg, Parameters, Reduction, Share, Standing, reduction};
pub use margin_call::Levels;
pub use plan::{Step, next_step};
pub use sale::{
    Buyer, Disposal, Pledge, Sale, Sold, beyond, equity_to_lose, proceeds, purchase, sale_price,
    sales,
};
pub use slice::{slice, slice_of_pledge, slice_orders};
pub use turns::{Candidate, health, turns};
pub use uncovered::uncovered;
