//! What a validator reports in a block: prices per venue, implied vols per listed option, basis per expiry.

use crate::{InstrumentId, SourceId, UnderlyingId, ValidatorId};
use borsh::{BorshDeserialize, BorshSerialize};
use units::{BlockTime, Price, Vol};

/// One validator's report for one block. Which validator it is, the shell has authenticated.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Vote {
    /// Who reports; its stake is state.
    pub validator: ValidatorId,
    /// Prices seen, ascending by underlying and source, each pair once.
    pub prices: Vec<PriceReport>,
    /// Implied vols, ascending by instrument, each once.
    pub vols: Vec<VolReport>,
    /// Basis of dated contracts, ascending by underlying and expiry, each pair once.
    pub bases: Vec<BasisReport>,
}

/// A price that a validator saw at a venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct PriceReport {
    /// Of what.
    pub underlying: UnderlyingId,
    /// Where.
    pub source: SourceId,
    /// How much.
    pub price: Price,
    /// Half the width of the venue's own uncertainty, at least half its spread.
    pub confidence: Price,
}

/// An implied volatility that a validator derived for a listed option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct VolReport {
    /// Of which option.
    pub instrument: InstrumentId,
    /// Annualised.
    pub vol: Vol,
}

/// The distance of a forward from the index that a validator saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct BasisReport {
    /// Of what.
    pub underlying: UnderlyingId,
    /// For contracts that end then.
    pub expires_at: BlockTime,
    /// Forward − index, signed.
    pub basis: Price,
}
