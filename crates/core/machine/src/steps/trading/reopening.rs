//! Reopening after a gap in block time: one call auction for all markets, long enough for everybody to look.
//!
//! **Invariant:** from a gap until the end of its call auction nothing trades but what the house liquidates against orders
//! that wait, five minutes after the gap and once a minute from then on. Call auctions last a quarter of any hour and an
//! hour of any day at most. An order that waits is an open order of its account, and in no book.

use crate::block::work::Work;
use crate::state::account::OpenOrder;
use crate::state::waiting::{CallAuction, Waiting};
use crate::steps::trading::admission::{Incoming, check_price};
use book::{Auction, Entry, FastBook, OrderBook};
use protocol::{
    AccountIndex, CancelReason, Event, Fault, InstrumentId, OrderId, ParameterId, Refusal, Side,
    TimeInForce,
};
use std::collections::BTreeSet;
use units::{ArithmeticError, BlockHeight, BlockSpan};

/// Height of the first block.
const FIRST: BlockHeight = BlockHeight::from_blocks(1);

impl Work<'_> {
    /// Begins a call auction if block time had a gap, and ends the one under way if its time has come.
    ///
    /// spec 0025-BLOCK-019.
    pub(crate) fn restart(&mut self) -> Result<(), Fault> {
        let at = Fault::at("call auction");
        let now = self.block.time;
        let most = BlockSpan::from_millis(self.state.house(ParameterId::RestartGap));
        // Nobody has traded before the first block.
        let is_gap = self.elapsed > most && self.block.height > FIRST;
        let suspended = self.suspended().map_err(&at)?;
        let suspension = self.state.suspension_mut();
        suspension.count(now, suspended).map_err(&at)?;
        let mut auction = self.state.call_auction.filter(|auction| now < auction.until);
        if is_gap {
            let left = self.state.suspension.left().map_err(&at)?;
            let length = book::reopening_length(self.elapsed, left);
            if length > BlockSpan::ZERO {
                let asked = now.after(length).map_err(&at)?;
                let until = auction.map_or(asked, |before| asked.greater(before.until));
                auction = Some(CallAuction { since: now, until });
                self.events.push(Event::CallAuctionBegun { until });
            }
        }
        if auction.is_none() && self.state.call_auction.is_some() {
            self.events.push(Event::CallAuctionEnded);
        }
        if auction.is_none() {
            self.state.suspension_mut().over();
        }
        self.state.set_call_auction(auction);
        if let Some(auction) = auction {
            let before = now.after(self.elapsed.negated().map_err(&at)?).map_err(&at)?;
            self.house_auctions = auction.liquidates(before, now).map_err(&at)?;
        }
        Ok(())
    }

    /// Returns for how long a call auction has lasted since the last block.
    fn suspended(&self) -> Result<BlockSpan, ArithmeticError> {
        let Some(auction) = self.state.call_auction else { return Ok(BlockSpan::ZERO) };
        let over = self.block.time.since(auction.until)?.greater(BlockSpan::ZERO);
        Ok(self.elapsed.minus(over)?.greater(BlockSpan::ZERO))
    }

    /// Checks that gains may leave an account: not while nothing is liquidated, in the house or of the account.
    ///
    /// In a call auction only who holds a position, or held one that has ended since, can have gained.
    ///
    /// spec 0025-BLOCK-031.
    pub(crate) fn check_suspension(&self, account: AccountIndex) -> Result<(), Refusal> {
        let Some(held) = self.state.accounts.get(account) else {
            return Err(Refusal::AccountNotOpen);
        };
        let gains = !held.positions().is_empty() || self.state.suspension.has_ended(account);
        match held.pursuit().aside || (self.is_call_auction() && gains) {
            true => Err(Refusal::LiquidationSuspended),
            false => Ok(()),
        }
    }

    /// Returns whether orders wait, and nothing trades but by [`liquidates`](Self::liquidates).
    pub(crate) fn is_call_auction(&self) -> bool {
        self.state.call_auction.is_some()
    }

    /// Returns whether the house liquidates in this block.
    ///
    /// spec 0025-BLOCK-055.
    pub(crate) fn liquidates(&self) -> bool {
        !self.is_call_auction() || self.house_auctions
    }

    /// Lets an order of the house wait for the auction of this block.
    pub(crate) fn wait_as_house(
        &mut self,
        account: AccountIndex,
        incoming: &Incoming,
    ) -> Result<OrderId, Fault> {
        let Incoming { open, time_in_force, self_trade } = *incoming;
        let order = self.next_order()?;
        let (instrument, side, price) = (open.instrument, open.side, open.price);
        let waiting = Waiting { account, instrument, side, price, time_in_force, self_trade };
        // First, so that what a fault leaves half open is found and taken back.
        self.state.waiting_mut().insert(order, waiting);
        self.open_order(account, order, open)?;
        self.active.insert(instrument);
        self.trim_reduce_only(account, instrument, side)?;
        Ok(order)
    }

    /// Returns a book of the house's orders on a side of a market and of what waits on the other; none if it has none there.
    ///
    /// What would no longer be let in at its price waits on.
    ///
    /// spec 0025-BLOCK-055.
    pub(crate) fn book_of_house(
        &self,
        id: InstrumentId,
        side: Side,
    ) -> Result<Option<FastBook>, Fault> {
        let market = self.state.market(id)?;
        let open = |order: OrderId, waiting: &Waiting| {
            self.state.accounts.get(waiting.account)?.orders().get(order)
        };
        let mut entries = Vec::new();
        let mut reduced = BTreeSet::new();
        for (order, waiting) in self.state.waiting.side(id, side) {
            if let Some(open) = open(order, waiting).filter(OpenOrder::is_of_house) {
                reduced.insert(waiting.account);
                entries.push((order, waiting, open));
            }
        }
        if entries.is_empty() {
            return Ok(None);
        }
        for (order, waiting) in self.state.waiting.side(id, side.opposite()) {
            let met = !reduced.contains(&waiting.account);
            if let Some(open) = open(order, waiting).filter(|open| met && !open.is_of_house())
                && check_price(market, self, &open).is_ok()
            {
                entries.push((order, waiting, open));
            }
        }
        let mut book = FastBook::new(market.instrument.tick);
        for (order, waiting, open) in entries {
            let entry = Entry {
                order,
                account: waiting.account,
                side: waiting.side,
                price: waiting.price,
                lots: open.lots,
                time_in_force: match open.is_of_house() {
                    true => TimeInForce::ImmediateOrCancel,
                    false => TimeInForce::PostOnly,
                },
                arrived: self.block.height,
            };
            if let Ok(own) = book.check(&entry, waiting.self_trade) {
                book.enter(entry, own)?;
            }
        }
        Ok(Some(book))
    }

    /// Takes out of the waiting room what an auction of the house has filled or closed.
    pub(crate) fn leave_waiting(&mut self, auction: &Auction) {
        let filled = auction.fills.iter().map(|fill| (fill.account, fill.order));
        let expired = auction.expired.iter().map(|left| (left.account, left.order));
        for (account, order) in filled.chain(expired) {
            let held = self.state.accounts.get(account);
            if held.is_none_or(|held| held.orders().get(order).is_none()) {
                self.state.waiting_mut().remove(order);
            }
            // 0025-BLOCK-031
            self.state.suspension_mut().position_ended(account);
        }
    }

    /// Takes out the orders of the house that still wait when the auctions of a block are over.
    pub(crate) fn end_house_auctions(&mut self) -> Result<(), Fault> {
        let waiting = self.state.waiting.orders().iter();
        let left = waiting.filter(|(order, waiting)| {
            let held = self.state.accounts.get(waiting.account);
            held.and_then(|held| held.orders().get(**order)).is_some_and(|open| open.is_of_house())
        });
        let left: Vec<_> = left.map(|(order, waiting)| (waiting.account, *order)).collect();
        for (account, order) in left {
            self.take_out(account, order, CancelReason::Unfilled)?;
        }
        Ok(())
    }

    /// Notes an order that waits; on a full side, the worst of those that do leaves for it.
    pub(crate) fn wait(
        &mut self,
        account: AccountIndex,
        incoming: &Incoming,
    ) -> Result<OrderId, Fault> {
        let Incoming { open, time_in_force, self_trade } = *incoming;
        if let Ok(Some(worst)) = self.state.waiting.room(&open)
            && let Some(left) = self.state.waiting.orders().get(&worst).map(|held| held.account)
        {
            self.take_out(left, worst, CancelReason::Evicted)?;
        }
        let order = self.next_order()?;
        let (instrument, side, price) = (open.instrument, open.side, open.price);
        let waiting = Waiting { account, instrument, side, price, time_in_force, self_trade };
        // First, so that what a fault leaves half open is found and taken back.
        self.state.waiting_mut().insert(order, waiting);
        self.open_order(account, order, open)?;
        self.note_charge(account, order, &open)?;
        self.trim_reduce_only(account, open.instrument, open.side)?;
        Ok(order)
    }

    /// Enters the orders that have waited into the books, ascending, as orders of this block.
    pub(crate) fn enter_waiting(&mut self) {
        if self.is_call_auction() {
            return;
        }
        let waiting: Vec<OrderId> = self.state.waiting.orders().keys().copied().collect();
        for order in waiting {
            // One may have gone with those before it.
            let Some(waited) = self.state.waiting_mut().remove(order) else { continue };
            let account = waited.account;
            if let Err(fault) = self.enter_waited(order, waited) {
                // 0025-BLOCK-030
                self.contain(&fault);
                let taken = self.take_out(account, order, CancelReason::Reopening);
                taken.err().into_iter().for_each(|fault| self.set_aside(account, &fault));
            }
        }
    }

    fn enter_waited(&mut self, order: OrderId, waited: Waiting) -> Result<(), Fault> {
        let Waiting { account, time_in_force, self_trade, .. } = waited;
        let held = self.state.accounts.get(account).ok_or(Fault::Missing("account"))?;
        let open = held.orders().get(order).ok_or(Fault::Missing("order that waited"))?;
        let incoming = Incoming { open, time_in_force, self_trade };
        // Checked as if it came now: out of the account, and in again if it may.
        self.close_order(account, order)?;
        let entered = self.enter_as(account, &incoming, Some(order));
        if !matches!(entered, Ok(Ok(_))) {
            self.give_back(account, order, open.lots);
        }
        if entered?.is_err() {
            let (instrument, lots, reason) = (open.instrument, open.lots, CancelReason::Reopening);
            self.events.push(Event::Cancelled { instrument, account, order, lots, reason });
        }
        Ok(())
    }
}
