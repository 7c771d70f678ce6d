//! Recorded market data, read exactly as its source printed it, and scenarios made of it.
//!
//! | module | reads |
//! |---|---|
//! | [`dataset`] | the directory, its manifest and checksums |
//! | [`orderflow`] | order book messages; rebuilt books; streams of synthetic orders |
//! | [`chain`] | option chains with their forwards |
//! | [`bars`] | minute bars of trades and quotes, several venues |
//! | [`lob`] | minute snapshots of book depth |
//! | [`funding`] | funding rates |
//! | [`eight_hours`] | eight-hour bars, a year and a half |
//! | [`path`] | prices per minute and venue, merged on time; scenarios |
//! | [`embedded`] | scenarios built from published figures, which need no data directory |
//!
//! **Invariant:** no float. Decimal text becomes an integer of its unit, exactly, or rounded where the reader says so.
//! A gap in the data stays a gap: nothing is filled in.
//!
//! Left out: what the prices mean for margin or for the index. That is for those who read them.

pub mod bars;
pub mod chain;
mod csv;
pub mod dataset;
mod decimal;
pub mod eight_hours;
pub mod embedded;
mod error;
pub mod funding;
pub mod lob;
mod names;
pub mod orderflow;
pub mod path;

pub use dataset::{Dataset, default_dir};
pub use decimal::Fraction;
pub use error::MarketError;
pub use names::{BookSide, MarketKind, Underlying, Venue};
pub use path::{PathMinute, PricePath, Scenario};
