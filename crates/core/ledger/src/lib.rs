//! Who holds what: double entry over every asset, with the outside world as one of the holders.
//!
//! A posting moves an amount of one asset from one holder to another. Deposits come from [`Holder::Outside`] and
//! withdrawals go back to it, so the sum over all holders is zero for each asset, always.
//!
//! **Invariant:** for each asset the balances of all holders sum to zero. [`Changes`] keeps it by construction;
//! [`Ledger::check`] recomputes it from the balances.
//!
//! What it leaves out: margin. Whether a client may go without an amount is the machine's question.
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

mod changes;
mod holder;
mod table;
mod transfer;

pub use changes::{Changes, Posting};
pub use holder::Holder;
pub use table::{Ledger, Prepared};
pub use transfer::{Moved, moved};
