//! The deterministic state machine: a block goes in; receipts, events and changed records come out.
//!
//! Engines compute values; this crate alone knows them all and writes. [`Machine::apply`] reads as the order of one
//! block. Markets are compartments: each is cleared over an overlay that counts only when every check has passed.
//!
//! **Invariant:** equal states and equal blocks give equal states, receipts, events and records, on any machine, at any
//! optimisation, after any restart.
//!
//! What it leaves out: roots, disks, the checking of signatures. It returns the records that a block has changed; a shell commits them.
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

// For the house of the suite, which tests of what is private here use, too.
#[cfg(test)]
extern crate self as machine;

mod block;
#[cfg(test)]
#[path = "../tests/suite/common.rs"]
#[expect(dead_code, reason = "the suite uses more of it")]
mod common;
mod found;
mod state;
mod steps;

pub use state::State;
pub use state::account::{Account, Accounts, OpenOrder, Origin};
pub use state::accrual::Accrual;
pub use state::committee::{Committee, CommitteeRecord};
pub use state::custody::{Claim, Custody, CustodyRecord, Withdrawal};
pub use state::genesis::{
    Genesis, GenesisError, ParameterGenesis, SourceWeight, UnderlyingGenesis, ValidatorGenesis,
};
pub use state::keys::{Keys, OwnerKeys, OwnerRecord};
pub use state::liquidity::LiquidityRecord;
pub use state::market::{Market, Pause, Status};
pub use state::open_orders::OpenOrders;
pub use state::pursuit::Pursuit;
pub use state::ranges::ThresholdsRecord;
pub use state::records::{
    AccountRecord, BlockRecord, FundingRecord, MarketRecord, StateKey, UnderlyingRecord, Write,
};
pub use state::suspension::Suspension;
pub use state::underlying::Underlying;
pub use state::validators::ValidatorRecord;
pub use state::waiting::{CallAuction, Waiting, WaitingRoom};

use protocol::codec::{self, DecodeError, EncodeError};
use protocol::{Event, Fault, Receipt};
use units::{BlockHeight, BlockTime};

/// Why a block cannot be applied: it does not follow the state. The state is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// Not the next height.
    #[error("height {found}, but the next block is {expected}")]
    Height {
        /// The next height.
        expected: BlockHeight,
        /// The block's.
        found: BlockHeight,
    },
    /// No heights are left.
    #[error("there is no height after this one")]
    HeightsExhausted,
    /// Not later than the last block.
    #[error("time {found} ms, but the last block was at {after} ms")]
    Time {
        /// The last block's time.
        after: BlockTime,
        /// The block's.
        found: BlockTime,
    },
    /// More transactions than a block may hold.
    #[error("{0} transactions are too many for a block")]
    TooManyTransactions(usize),
    /// Votes by strangers, doubled or out of order.
    #[error("votes must be by validators, ascending, one each")]
    Votes,
    /// Grants that do not cover the transactions of their owners, or leave some without one in a signed house.
    #[error("every transaction must stand under a grant of its sender")]
    Grants,
    /// Offences of strangers, doubled or out of order.
    #[error("offences must be of validators, ascending, one each")]
    Offences,
}

/// Why a snapshot cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Not the encoding of a state.
    #[error("the snapshot is not a state: {0}")]
    Decode(#[from] DecodeError),
    /// A state whose tables do not belong together.
    #[error("the snapshot is not consistent: {0}")]
    Inconsistent(Fault),
}

/// What a block has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// One answer for each transaction.
    pub receipts: Vec<Receipt>,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// Changed records, ascending by key, each once.
    pub writes: Vec<Write>,
}

/// The house.
#[derive(Debug)]
pub struct Machine {
    state: State,
}

impl Machine {
    /// Returns the state.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Returns the whole state as bytes.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if a number is outside its limits, which no applied block leads to.
    pub fn snapshot(&self) -> Result<Vec<u8>, EncodeError> {
        codec::encode(&self.state)
    }

    /// Returns the encoded record under a key of the state root; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`Fault::Invariant`] if it cannot be encoded.
    pub fn record(&mut self, key: &StateKey) -> Result<Option<Vec<u8>>, Fault> {
        self.state.record(key)
    }

    /// Returns every record of the state, ascending by key: the root over them is the root of the state, so a state from a
    /// stranger is the one that a root commits to if they agree.
    ///
    /// # Errors
    ///
    /// [`Fault::Invariant`] if one cannot be encoded.
    ///
    /// spec 0025-BLOCK-016.
    pub fn records(&mut self) -> Result<Vec<Write>, Fault> {
        let keys = self.state.keys();
        match self.state.writes(&keys) {
            (records, None) => Ok(records),
            (_, Some(fault)) => Err(fault),
        }
    }

    /// Returns the machine whose state was written by [`Machine::snapshot`].
    ///
    /// # Errors
    ///
    /// [`SnapshotError`] if the bytes are not a state, or its tables do not belong together.
    ///
    /// spec 0025-BLOCK-015.
    pub fn restore(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let state: State = codec::decode(bytes, usize::MAX)?;
        state::snapshot::consistent(&state).map_err(SnapshotError::Inconsistent)?;
        Ok(Self { state })
    }
}
