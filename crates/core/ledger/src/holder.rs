//! The parties to a posting.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{AccountIndex, InstrumentId, UnderlyingId};
use std::fmt;

/// A party that holds balances.
///
/// spec 0011-LEDG-001.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum Holder {
    /// A trader's account.
    Client(AccountIndex),
    /// The insurance fund of one compartment.
    Insurance(UnderlyingId),
    /// The house as central counterparty in one contract: variation margin passes through it.
    Clearing(InstrumentId),
    /// Trading fees earned.
    Fees,
    /// The world beyond custody; its balance is minus what is in custody.
    Outside,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(index) => write!(f, "account {index}"),
            Self::Insurance(underlying) => write!(f, "insurance fund {underlying}"),
            Self::Clearing(instrument) => write!(f, "clearing {instrument}"),
            Self::Fees => f.write_str("fees"),
            Self::Outside => f.write_str("outside"),
        }
    }
}
