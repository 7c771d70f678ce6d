//! The language of the house: identifiers, instruments, commands, events, refusals, and their canonical encoding.
//!
//! **Invariant:** a value has exactly one encoding; decoding accepts that and nothing else, so two replicas that read
//! the same bytes hold the same value. `conformance.toml` pins the encodings.
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

mod access;
mod block;
mod change;
pub mod codec;
mod command;
mod event;
mod hex;
mod ids;
mod instrument;
pub mod limits;
mod offence;
mod order;
mod outcome;
mod plant;
mod refusal;
mod seat;
mod vote;

pub use access::{Grant, NonceWindow, Scopes, SessionKey, SessionTerms, Shown, Signer};
pub use block::{Block, Header};
pub use change::{Change, ParameterId};
pub use codec::Hash;
pub use command::{Command, Transaction};
pub use event::{CancelReason, Event, Mode, Receipt};
pub use hex::{HexError, decode_hex, encode_hex};
pub use ids::{
    AccountId, AccountIndex, Address, AssetId, ClientOrderId, DepositId, InstrumentId, OrderId,
    ParseAccountError, ProposalId, SourceId, UnderlyingId, ValidatorId, WithdrawalId,
};
pub use instrument::{Contract, ContractRule, Instrument, Right};
pub use offence::{Offence, OffenceKind};
pub use order::{NewOrder, Quote, SelfTrade, Side, TimeInForce};
pub use outcome::{EventExtract, OutcomeHashes, ReceiptExtract};
pub use plant::Plant;
pub use refusal::Refusal;
pub use seat::{Endpoint, Seat};
pub use vote::{BasisReport, PriceReport, VolReport, Vote};

/// Our bug: books that do not balance. A value, never a panic; the machine halts the compartment that it names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// An arithmetic result that the limits rule out.
    #[error("arithmetic in {place}: {error}")]
    Arithmetic {
        /// Where.
        place: &'static str,
        /// What.
        error: units::ArithmeticError,
    },
    /// An invariant that does not hold.
    #[error("invariant broken: {0}")]
    Invariant(&'static str),
    /// Money created or lost.
    #[error("{asset} not conserved: {before} before, {after} after")]
    NotConserved {
        /// Which asset.
        asset: AssetId,
        /// Total before.
        before: units::Amount,
        /// Total after.
        after: units::Amount,
    },
    /// Something looked up that must be there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A fault that an operator or a test injected into one market.
    #[error("injected: {0}")]
    Injected(&'static str),
}

impl Fault {
    /// Returns a function that turns an arithmetic error at a place into a fault, for `map_err`.
    pub fn at(place: &'static str) -> impl Fn(units::ArithmeticError) -> Self {
        move |error| Self::Arithmetic { place, error }
    }
}
