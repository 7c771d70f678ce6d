//! Scenario portfolio margin: what an account must hold so that its positions and orders can be carried to the next
//! block, and closed if its owner cannot.
//!
//! Each block [`Risk::build`] values every contract in forty-eight scenarios, once. An account is then a sum over its
//! positions, scenario by scenario, and its loss the worst of those sums: see [`required`]. Beside them stands one in which what
//! may move by itself does so against the account.
//!
//! **Invariant:** margin is monotone in positions' losses, sub-additive (splitting an account never lowers the sum) and
//! never below what exact arithmetic would ask. It reads nothing but its arguments.
//!
//! Left out: where marks and vols come from, how thresholds move with the market, and what happens to an account that
//! is short.
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

#[cfg(test)]
extern crate self as margin;

mod account;
mod admission;
mod basis;
mod bounds;
mod build;
mod ceiling;
mod charges;
mod closing;
mod counted;
mod explain;
mod greeks;
mod holdings;
mod impact;
mod input;
mod lanes;
mod mark;
mod matrix;
mod meter;
mod parameters;
mod requirement;
mod risk;
mod scan;
mod scenario;
mod stages;
mod strikes;
mod sums;
mod valuation;
mod weights;

pub use account::{AccountMargin, required};
pub use admission::{
    PriceBand, SizeLimits, check_limit, check_size, is_within, only_reduces, reach, room_to_reduce,
};
pub use ceiling::{Ceiling, OrderCeiling};
pub use closing::{ClosingCheck, ClosingMargin};
pub use counted::{equity_on, gained_over_index};
pub use explain::{Explanation, Figure, basis_profit, explain, scenario_profits, strike_profit};
pub use greeks::{Bucket, Greeks, UnitGreeks, greeks};
pub use holdings::Holdings;
pub use input::{
    MarketInput, OffsetClass, OpenOrder, Portfolio, Position, Settlement, SideOrders,
    UnderlyingInput,
};
pub use lanes::InstructionSet;
pub use mark::{MovingPart, mark_value, moving_part, on_quantum};
pub use meter::{Meter, Reading};
pub use parameters::{CalendarOffset, Parameters, VolShocks};
pub use requirement::{Cover, OrderCheck, Requirement, Standing};
pub use risk::{Risk, RowIndex};
pub use scenario::{SCENARIOS, STANDARD, Scenario, ScenarioId, SpotMove, VolMove};
pub use sums::Sums;
