//! Orders and the one price at which they trade: a call auction per instrument and block.
//!
//! A block first cancels and reduces, then admits new orders into its batch, then uncrosses resting orders and batch
//! together at one price, then commits: what is left rests. Every order of a batch is present when the price is
//! found, so the sequence of transactions inside a block is worth nothing.
//!
//! There are two books. [`NaiveBook`] rescans everything and is the specification in code; [`FastBook`] is what the
//! machine runs. They agree in every answer, every state and every digest.
//!
//! **Invariant:** outside a block no bid is at or above an ask; the lots bought in an auction equal the lots sold; no
//! order trades beyond its price or its lots; no account holds a bid at or above an ask of its own, so nobody ever
//! trades with himself.
//!
//! What it leaves out: money. Margin, position limits, reduce-only and price bands are those of `margin`; the book
//! returns fills.
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

mod auction;
mod book;
mod digest;
mod extract;
mod fast;
mod naive;
mod near;
mod order;
mod reopening;
mod state;

pub use auction::{Auction, BookFill};
pub use book::{Admitted, OrderBook};
pub use extract::{Extract, Found, Node, ORDERS_SHOWN_MAX};
pub use fast::FastBook;
pub use naive::NaiveBook;
pub use order::{Entry, Level, Open};
pub use reopening::reopening_length;
pub use state::BookState;
