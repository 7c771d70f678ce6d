//! How wide the margin scenarios are: a range that follows the market at once for new risk, and slowly for risk held.
//!
//! Every hour the index gives a return: how far its averages over minutes have come apart. [`History`] keeps the deviation
//! of the returns and what each was in terms of the deviation before it; [`Thresholds`] turns the two into the range that
//! new risk is margined at, which the hour under way widens too, and lets the range of risk already held follow it within
//! a speed, an hour after the step was announced. So a crash raises what an order must bring before it raises what a
//! position must hold.
//!
//! **Invariant:** a step of the range held is announced an hour before it is taken, is at most the fastest rise or fall,
//! and ends at or above the floor and at or below the range for new risk. No block decides an average. State is of bounded size, and a
//! function of the prices, their times and the parameters alone.
//!
//! [`Liquidity`] keeps how deep books are against what they usually are, and how much trades: what impact is charged by.
//!
//! Left out: what a scenario is and what a range costs an account, which is `margin`; and who may change a parameter.
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

mod depth;
mod dollars;
mod history;
mod hour;
mod liquidity;
mod parameters;
mod range;
mod root;

pub use depth::{Depth, Yardstick};
pub use dollars::{standing, traded, traded_vega};
pub use history::History;
pub use liquidity::{Hour, Liquidity, Measured, Seen, Shown, Traded};
pub use parameters::{Parameters, STRESS, Stress};
pub use range::{Behind, Thresholds};
