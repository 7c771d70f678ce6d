//! What things are worth: robust prices out of reports that may be wrong, late, missing or lies.
//!
//! The protocol, once per underlying and block (rules in `spec/0017-oracle.md`):
//!
//! 1. Every validator reports what it sees at every source. For each source the stake-weighted median over validators
//!    holds if more than two thirds of all stake report it; else the source is stale in this block ([`Reading`]).
//! 2. The weighted median over sources, none heavier than a third, is the index, if sources with more than half of all
//!    weight agree on it. Its speed is limited; its confidence is the spread of the sources and of their own uncertainties.
//! 3. Age, confidence, speed, number of sources and distance from the five-minute average set the
//!    [`Mode`](protocol::Mode). After a gap no price counts until a quorum has reported for several blocks in a row.
//! 4. Marks of perpetuals, forwards of dated contracts and implied vols are medians too, each with a limit that the
//!    index or the parameters set.
//!
//! **Invariant:** if the validators that lie hold less than a third of the stake, every reading lies within what honest
//! validators saw at that source; if the sources that err hold less than half of the live, capped weight, the index before
//! its speed limit lies within the readings of the others.
//!
//! Everything is total: a report that makes no sense counts as no report, and an error is a [`Fault`](protocol::Fault)
//! of this crate (0017-ORAC-020). What it leaves out: who the validators are, what their stake is, and whether a vote is signed (the
//! machine), and removal of arbitrage between implied vols (surface).
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

mod average;
mod ballot;
mod combine;
mod exponential;
mod feed;
mod forward;
mod mark;
mod median;
mod params;
mod reach;
mod report;
mod settlement;
mod vols;

pub use feed::{Feed, Index};
pub use forward::{BasisMarks, BasisVote, Forward};
pub use mark::{PremiumAverage, Quotes, impact_lots, perpetual_mark};
pub use median::{Middle, weighted_median, weighted_quartiles};
pub use params::Parameters;
pub use report::{Reading, Report};
pub use settlement::{SettlementAverage, SettlementWindow, Sight, settlement_range};
pub use vols::{ImpliedVol, VolMarks, VolVote};
