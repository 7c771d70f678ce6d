//! One block under way: the state behind its door, and what has happened.

use crate::block::door::Guarded;
use crate::block::margins::Margins;
use protocol::{
    AccountIndex, Address, AssetId, Block, Event, Fault, InstrumentId, OrderId, Receipt, Refusal,
    SessionKey, UnderlyingId,
};
use std::collections::{BTreeMap, BTreeSet};
use units::{BlockSpan, Lots, Notional, Price};

/// The outcome of a command: done, refused, or our bug.
pub(crate) type Answer<T = Receipt> = Result<Result<T, Refusal>, Fault>;

/// A block under way.
#[derive(Debug)]
pub(crate) struct Work<'a> {
    pub(crate) state: Guarded<'a>,
    pub(crate) margins: Margins<'a>,
    pub(crate) block: &'a Block,
    /// Time since the last block.
    pub(crate) elapsed: BlockSpan,
    pub(crate) events: Vec<Event>,
    /// Whether the house liquidates in this block though a call auction is under way.
    pub(crate) house_auctions: bool,
    /// Markets with a new order in this block.
    pub(crate) active: BTreeSet<InstrumentId>,
    /// Markets whose books a drill breaks in this block.
    pub(crate) broken: BTreeSet<InstrumentId>,
    /// Lots that the house's liquidations buy in this block, less those that they sell, by market.
    pub(crate) liquidated: BTreeMap<InstrumentId, Lots>,
    /// The orders of accounts that take that over where a market may only reduce.
    pub(crate) takeovers: BTreeMap<InstrumentId, Takeovers>,
    /// Collateral for sale in this block, of accounts below maintenance margin whose reductions do not bring what is missing:
    /// for how many dollars at least, though less is owed.
    pub(crate) for_sale: BTreeMap<(AccountIndex, AssetId), Notional>,
    /// Debts that nothing of their accounts' own stands behind, as the pass over all accounts finds them.
    pub(crate) debts: Vec<(AccountIndex, Notional)>,
    /// What nothing in the house could pay of them; nothing known before that pass is over.
    pub(crate) uncovered: Option<Notional>,
    /// The session key with a cap that the command under way is by.
    pub(crate) payer: Option<Payer>,
}

impl Work<'_> {
    /// Returns the markets on an underlying, ascending.
    pub(crate) fn markets_of(&self, underlying: UnderlyingId) -> Vec<InstrumentId> {
        let markets = self.state.markets.iter();
        let on = markets.filter(|(_, market)| market.instrument.underlying == underlying);
        on.map(|(id, _)| *id).collect()
    }
}

/// A session key with a cap, while a command of it is under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Payer {
    pub(crate) owner: Address,
    pub(crate) key: SessionKey,
    /// What has been counted for the command, and for none of its orders yet.
    pub(crate) pending: Notional,
}

impl Payer {
    pub(crate) const fn new(owner: Address, key: SessionKey) -> Self {
        Self { owner, key, pending: Notional::ZERO }
    }
}

/// The orders of a block and market that take over what the house liquidates there.
#[derive(Debug)]
pub(crate) struct Takeovers {
    /// Lots that the house's orders lack.
    pub(crate) lacking: Lots,
    /// The best limit on the other side of the resting orders that could open a position.
    pub(crate) quoted: Option<Price>,
    /// Lots that have entered.
    pub(crate) entered: Lots,
    /// What has entered, the best limit first, then the first.
    pub(crate) orders: BTreeMap<(i128, OrderId), (AccountIndex, Lots)>,
}
