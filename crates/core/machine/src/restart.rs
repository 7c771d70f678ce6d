//! Reopening after a gap in block time: one call auction for all markets, long enough for everybody to look.
//!
//! **Invariant:** from a gap until the end of its call auction nothing trades and nothing is liquidated, for a quarter of any
//! hour at most. An order that waits is an open order of its account, and in no book.

use crate::orders::Incoming;
use crate::work::Work;
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{
    AccountIndex, CancelReason, Event, Fault, OrderId, ParameterId, Refusal, SelfTrade, TimeInForce,
};
use units::{ArithmeticError, BlockHeight, BlockSpan, Num, Round};

/// Height of the first block.
const FIRST: BlockHeight = BlockHeight::from_blocks(1);

/// What an account's list of open orders does not say of one that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Waiting {
    /// Whose it is.
    pub account: AccountIndex,
    /// How long it lives once it is in a book.
    pub time_in_force: TimeInForce,
    /// What happens when it meets the account's own.
    pub self_trade: SelfTrade,
}

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
        let suspension = &mut self.state.suspension;
        suspension.count(now, suspended).map_err(&at)?;
        let mut until = self.state.call_auction.filter(|until| now < *until);
        if is_gap {
            let left = suspension.left().map_err(&at)?;
            let length = self.elapsed.number().mul_div(Num::new(20), Num::new(3), Round::Up);
            let length = length.map_or(left, BlockSpan::from_number).lesser(left);
            if length > BlockSpan::ZERO {
                let asked = now.after(length).map_err(&at)?;
                let begun = until.map_or(asked, |before| asked.greater(before));
                until = Some(begun);
                self.events.push(Event::CallAuctionBegun { until: begun });
            }
        }
        if until.is_none() && self.state.call_auction.is_some() {
            self.events.push(Event::CallAuctionEnded);
        }
        if until.is_none() {
            self.state.suspension.over();
        }
        self.state.call_auction = until;
        Ok(())
    }

    /// Returns for how long a call auction has lasted since the last block.
    fn suspended(&self) -> Result<BlockSpan, ArithmeticError> {
        let Some(until) = self.state.call_auction else { return Ok(BlockSpan::ZERO) };
        let over = self.block.time.since(until)?.greater(BlockSpan::ZERO);
        Ok(self.elapsed.minus(over)?.greater(BlockSpan::ZERO))
    }

    /// Checks that gains may leave an account: not while nothing is liquidated, in the house or of the account.
    ///
    /// In a call auction nothing trades, so only who holds a position, or held one that has ended since, can have gained.
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

    /// Returns whether orders wait and nothing trades.
    pub(crate) const fn is_call_auction(&self) -> bool {
        self.state.call_auction.is_some()
    }

    /// Notes an order that waits.
    pub(crate) fn wait(
        &mut self,
        account: AccountIndex,
        incoming: &Incoming,
    ) -> Result<OrderId, Fault> {
        let order = self.next_order()?;
        let Incoming { open, time_in_force, self_trade } = *incoming;
        let held = self.state.accounts.get_mut(account).ok_or(Fault::Missing("account"))?;
        held.open_order(order, open)?;
        self.state.waiting.insert(order, Waiting { account, time_in_force, self_trade });
        self.order_opened(account, &open)?;
        self.trim_reduce_only(account, open.instrument, open.side)?;
        Ok(order)
    }

    /// Enters the orders that have waited into the books, ascending, as orders of this block.
    pub(crate) fn enter_waiting(&mut self) {
        if self.is_call_auction() {
            return;
        }
        let waiting: Vec<OrderId> = self.state.waiting.keys().copied().collect();
        for order in waiting {
            // One may have gone with those before it.
            let Some(waited) = self.state.waiting.remove(&order) else { continue };
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
        let Waiting { account, time_in_force, self_trade } = waited;
        let held = self.state.accounts.get(account).ok_or(Fault::Missing("account"))?;
        let open = held.orders().get(order).ok_or(Fault::Missing("order that waited"))?;
        let incoming = Incoming { open, time_in_force, self_trade };
        // Checked as if it came now: out of the account, and in again if it may.
        let held = self.state.accounts.get_mut(account).ok_or(Fault::Missing("account"))?;
        held.leave(order, units::Lots::ZERO)?;
        self.order_closed(account, &open);
        if self.enter_as(account, &incoming, Some(order))?.is_err() {
            let (instrument, lots, reason) = (open.instrument, open.lots, CancelReason::Reopening);
            self.touched.markets.insert(instrument);
            self.events.push(Event::Cancelled { instrument, account, order, lots, reason });
        }
        Ok(())
    }
}
