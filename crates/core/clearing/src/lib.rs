//! What a trade becomes: positions against the house, variation margin, funding, expiry.
//!
//! Every fill is novated: the house stands between buyer and seller, so a fill has one account and the house in it.
//! A future or perpetual carries the cost at which it was last settled and exchanges the difference in cash; an
//! option's premium is paid when it trades.
//!
//! **Invariant:** for each contract the lots of all accounts sum to zero, and the costs of all positions plus the
//! house's clearing balance sum to zero; what rounding leaves with the house is not negative and less than one
//! micro-dollar an account.
//!
//! What it leaves out: who may trade (margin) and where balances are (ledger). It returns values.
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

mod aggregate;
mod fill;
mod funding;
mod settlement;

pub use aggregate::Aggregate;
pub use fill::{Novated, Trade, novate};
pub use funding::{FundingTerms, funding_payment, funding_rate};
pub use settlement::{Settled, check_dust, close, payoff, payoff_of_lot, settle};

use borsh::{BorshDeserialize, BorshSerialize};
use units::{Lots, Notional};

/// An account's holding of one contract.
///
/// spec 0013-CLEAR-001, 0013-CLEAR-011.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Position {
    /// Contracts held; short is negative.
    pub lots: Lots,
    /// Value at which the position was last settled in cash, signed like the lots; zero for options.
    pub cost: Notional,
    /// Perpetuals: funding accrued before its fills, which it does not owe; until the next exchange.
    pub funded: Notional,
}
