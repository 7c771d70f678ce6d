//! One block under way: the state being changed, what has been touched, and what has happened.

use crate::block::margins::Margins;
use crate::state::State;
use ledger::{Changes, Holder, Posting};
use protocol::{
    AccountIndex, Address, AssetId, Block, Event, Fault, InstrumentId, OrderId, ParameterId,
    Receipt, Refusal, SessionKey, UnderlyingId, ValidatorId, WithdrawalId,
};
use std::collections::{BTreeMap, BTreeSet};
use units::{BlockSpan, Lots, Notional, Price};

/// The outcome of a command: done, refused, or our bug.
pub(crate) type Answer<T = Receipt> = Result<Result<T, Refusal>, Fault>;

/// Records that the block has changed.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    pub(crate) accounts: BTreeSet<AccountIndex>,
    pub(crate) markets: BTreeSet<InstrumentId>,
    pub(crate) underlyings: BTreeSet<UnderlyingId>,
    pub(crate) thresholds: BTreeSet<UnderlyingId>,
    pub(crate) liquidity: BTreeSet<UnderlyingId>,
    pub(crate) house: BTreeSet<(Holder, AssetId)>,
    pub(crate) parameters: BTreeSet<(Option<UnderlyingId>, ParameterId)>,
    pub(crate) owners: BTreeSet<Address>,
    pub(crate) sessions: BTreeSet<(Address, SessionKey)>,
    pub(crate) validators: BTreeSet<ValidatorId>,
    pub(crate) committee: bool,
    pub(crate) council: bool,
    pub(crate) custody: bool,
    pub(crate) withdrawals: BTreeSet<WithdrawalId>,
}

/// A block under way.
#[derive(Debug)]
pub(crate) struct Work<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) margins: Margins<'a>,
    pub(crate) block: &'a Block,
    /// Time since the last block.
    pub(crate) elapsed: BlockSpan,
    pub(crate) touched: Touched,
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
    /// Applies postings, all or none, and notes whose records they change.
    pub(crate) fn apply(&mut self, changes: &Changes) -> Result<(), Fault> {
        self.state.ledger.apply(changes)?;
        for (holder, asset, _) in changes.iter() {
            self.touch(holder, asset);
        }
        Ok(())
    }

    /// Applies one posting.
    pub(crate) fn post(&mut self, posting: Posting) -> Result<(), Fault> {
        self.state.ledger.post(posting)?;
        self.touch(posting.from, posting.asset);
        self.touch(posting.to, posting.asset);
        Ok(())
    }

    pub(crate) fn touch(&mut self, holder: Holder, asset: AssetId) {
        match holder {
            Holder::Client(account) => {
                self.touched.accounts.insert(account);
                self.margins.forget(account);
            }
            house => drop(self.touched.house.insert((house, asset))),
        }
    }

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
