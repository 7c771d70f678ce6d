//! A listed contract with its book and its sums.

use crate::state::offered::Offered;
use book::FastBook;
use borsh::{BorshDeserialize, BorshSerialize};
use clearing::Aggregate;
use margin::UnitGreeks;
use oracle::PremiumAverage;
use protocol::{Address, Instrument};
use std::collections::BTreeMap;
use units::{BlockTime, Ppb, Price, Vol};

/// Whether a market takes orders.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Status {
    /// It does.
    Trading,
    /// Governance has paused it: it takes what reduces.
    Paused,
    /// Its own books did not balance.
    Halted {
        /// Why, as the fault describes itself.
        fault: String,
    },
}

impl Status {
    /// Returns whether positions are reduced and exchanged there: by their accounts, and by the house.
    #[must_use]
    pub const fn allows_reducing(&self) -> bool {
        matches!(self, Self::Trading | Self::Paused)
    }
}

/// What is remembered of the pauses of a market.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Pause {
    /// When the pause under way lapses; absent if there is none, or a change has to end it.
    pub until: Option<BlockTime>,
    /// From when on a signer may pause the market again, for those who may not yet.
    pub spent: BTreeMap<Address, BlockTime>,
}

/// A listed contract with its book and its sums.
#[derive(Debug, Clone)]
pub struct Market {
    /// The contract.
    pub instrument: Instrument,
    /// Its orders.
    pub book: FastBook,
    /// Whether it takes orders.
    pub status: Status,
    /// Its pauses by one signer.
    pub pause: Pause,
    /// Price at which positions are valued; absent until the oracle allows one.
    pub mark: Option<Price>,
    /// Forward to its expiry; the index for a perpetual.
    pub forward: Option<Price>,
    /// Implied vol of the repaired surface; options only.
    pub vol: Option<Vol>,
    /// The vol as voted, or as it lies between votes: what the repair started from.
    pub vol_voted: Option<Vol>,
    /// How far above the vol the true one may be, because it was moved or not voted lately.
    pub vol_uncertainty: Vol,
    /// Whether the vol has no vote that is fresh and to be believed: the market may only reduce.
    pub vol_stale: bool,
    /// Whether no vote behind the forward is fresh: the market may only reduce.
    pub basis_stale: bool,
    /// How far the forward may be off against other contracts of the underlying.
    pub basis_doubt: Price,
    /// How the value of a unit moves; absent until there is a forward, and for options a vol.
    pub greeks: Option<UnitGreeks>,
    /// Price of the last auction that traded.
    pub last: Option<Price>,
    /// Sums over all positions.
    pub aggregate: Aggregate,
    /// Perpetuals: average premium that the mark follows.
    pub premium: PremiumAverage,
    /// Perpetuals: hourly rate at which funding accrues.
    pub funding_rate: Ppb,
    /// Lots in its book.
    pub(crate) offered: Offered,
}

impl Market {
    /// Returns whether the house may reduce positions in it: whoever stops the trading of accounts does not stop that, unless
    /// the market's own books did not balance.
    #[must_use]
    pub const fn is_liquidable(&self) -> bool {
        self.mark.is_some() && matches!(self.status, Status::Trading | Status::Paused)
    }
}
