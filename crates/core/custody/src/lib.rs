//! How much may enter and leave custody: rate limits of an owner, of the house and of an asset, and what amounts count for.
//!
//! A withdrawal counts within an hour, against what its owner and against what the house may let go; a deposit within a day,
//! against what may be credited of its asset. An owner takes a little of what it has brought, however much others have taken.
//!
//! It is an engine of its own because nobody is in default here: `waterfall` says what funds pay for those who are.
//!
//! **Invariant:** what is counted is never less than what has moved within the time that is counted over.
//!
//! What it leaves out: who attests deposits and payments, which withdrawals are open (machine), balances (ledger), and whether
//! margin lets an amount go.
//!
//! ```
//! use custody::{Hour, Leaving, Limits, Outflow, withdrawal};
//! use units::{BlockTime, Notional, Ppm};
//!
//! let dollars = |whole: i128| Notional::from_micros(whole * 1_000_000);
//! let limits = Limits { house: dollars(1_000), owner_share: Ppm::from_parts(250_000), free: dollars(10) };
//! let leaving = Leaving { now: BlockTime::from_millis(4_000_000), dollars: dollars(200), is_brought: false };
//! let counted = withdrawal(&limits, &Outflow::default(), Hour::default(), &leaving)?.expect("200 of 250");
//! // A hundred more in the same hour are beyond the owner's quarter.
//! let more = Leaving { dollars: dollars(100), ..leaving };
//! assert!(withdrawal(&limits, &counted.house, counted.owner, &more)?.is_err());
//! # Ok::<(), protocol::Fault>(())
//! ```
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

mod amounts;
mod hour;
mod limits;
mod outflow;

pub use amounts::{carried, worth};
pub use hour::Hour;
pub use limits::{Counted, Leaving, Limits, deposit, withdrawal};
pub use outflow::Outflow;
