//! Orders that open where a market may only reduce: they take over what the house liquidates, and nothing else.
//!
//! **Invariant:** none reaches a resting order that could open a position. In a block and market they compete by their limits
//! for as many lots as the house's orders lack: an order is out once those with better limits, or as good ones that came before,
//! are as many lots, so together they are less than twice as many.
//!
//! What it leaves out: call auctions, in which nothing meets them but the house.

use crate::block::work::{Takeovers, Work};
use crate::steps::trading::admission::Incoming;
use book::OrderBook;
use margin::room_to_reduce;
use protocol::{AccountIndex, CancelReason, Fault, InstrumentId, OrderId, Side, TimeInForce};
use std::collections::BTreeMap;
use units::{Lots, Price, limits};

/// Returns a limit turned so that a lower rank is better.
const fn rank(side: Side, price: Price) -> i128 {
    match side {
        Side::Buy => price.micros().saturating_neg(),
        Side::Sell => price.micros(),
    }
}

impl Takeovers {
    /// Returns whether an order with a limit finds a lot: some are left, or taken at a worse limit.
    fn has_room(&self, rank: i128) -> bool {
        let worst = self.orders.last_key_value().map(|((worst, _), _)| *worst);
        self.entered < self.lacking || worst.is_some_and(|worst| rank < worst)
    }
}

impl Work<'_> {
    /// Returns as many lots of an order as may take over what the house liquidates; none if it may not.
    ///
    /// spec 0025-BLOCK-047, 0025-BLOCK-060.
    pub(crate) fn takes_over(&mut self, incoming: &Incoming) -> Result<Lots, Fault> {
        let open = incoming.open;
        let bought = self.liquidated.get(&open.instrument).copied().unwrap_or(Lots::ZERO);
        let lacking = match open.side {
            Side::Buy => bought.negated().map_err(Fault::at("lots that liquidations lack"))?,
            Side::Sell => bought,
        };
        let is_countable = open.lots <= Lots::from_count(limits::LOTS_MAX);
        let is_gone = incoming.time_in_force == TimeInForce::ImmediateOrCancel;
        if lacking <= Lots::ZERO || !is_countable || !is_gone {
            return Ok(Lots::ZERO);
        }
        if self.is_call_auction() {
            return Ok(open.lots);
        }
        if !self.takeovers.contains_key(&open.instrument) {
            let quoted = self.best_that_opens(open.instrument, open.side.opposite())?;
            let (entered, orders) = (Lots::ZERO, BTreeMap::new());
            self.takeovers.insert(open.instrument, Takeovers { lacking, quoted, entered, orders });
        }
        let takeovers = self.takeovers.get(&open.instrument).ok_or(MISSING)?;
        let reaches = takeovers.quoted.is_some_and(|quoted| match open.side {
            Side::Buy => open.price >= quoted,
            Side::Sell => open.price <= quoted,
        });
        let may = !reaches && takeovers.has_room(rank(open.side, open.price));
        Ok(if may { open.lots.lesser(lacking) } else { Lots::ZERO })
    }

    /// Returns the best limit on a side among resting orders of accounts whose orders there do not fit their position.
    fn best_that_opens(&self, id: InstrumentId, side: Side) -> Result<Option<Price>, Fault> {
        let market = self.state.market(id)?;
        let mut best: Option<Price> = None;
        for open in market.book.orders().filter(|open| open.side == side) {
            let Some(held) = self.state.accounts.get(open.account) else { continue };
            let room = room_to_reduce(held.position(id).lots, side).unwrap_or(Lots::ZERO);
            let opens = held.side(id, side).lots > room;
            if opens && best.is_none_or(|best| rank(side, open.price) < rank(side, best)) {
                best = Some(open.price);
            }
        }
        Ok(best)
    }

    /// Makes room for an order that takes over, which is about to enter: those with worse limits give way that would be beyond
    /// what is lacking. Returns as many of its lots as there are then left.
    ///
    /// spec 0025-BLOCK-061.
    pub(crate) fn make_room(&mut self, incoming: &Incoming) -> Result<Lots, Fault> {
        let at = Fault::at("lots taken over");
        let open = incoming.open;
        let own = rank(open.side, open.price);
        let takeovers = self.takeovers.get_mut(&open.instrument).ok_or(MISSING)?;
        let mut gone = Vec::new();
        let lots = loop {
            let left = takeovers.lacking.minus(takeovers.entered).map_err(&at)?;
            let lots = open.lots.lesser(left);
            if lots == open.lots {
                break lots;
            }
            let Some(((worst, order), (account, held))) =
                takeovers.orders.last_key_value().map(|(key, held)| (*key, *held))
            else {
                break lots;
            };
            if worst <= own {
                break lots;
            }
            // Beside what is better it would still be met in part, if the new order does not take all that is left then.
            let freed = left.plus(held).map_err(&at)?;
            if open.lots < freed {
                break open.lots;
            }
            takeovers.orders.pop_last();
            takeovers.entered = takeovers.entered.minus(held).map_err(&at)?;
            gone.push((account, order));
        };
        for (account, order) in gone {
            self.take_out(account, order, CancelReason::Evicted)?;
        }
        Ok(lots.greater(Lots::ZERO))
    }

    /// Notes an order that has entered and takes over.
    pub(crate) fn note_takeover(
        &mut self,
        account: AccountIndex,
        order: OrderId,
        incoming: &Incoming,
    ) -> Result<(), Fault> {
        let open = incoming.open;
        let takeovers = self.takeovers.get_mut(&open.instrument).ok_or(MISSING)?;
        let key = (rank(open.side, open.price), order);
        takeovers.orders.insert(key, (account, open.lots));
        takeovers.entered =
            takeovers.entered.plus(open.lots).map_err(Fault::at("lots taken over"))?;
        Ok(())
    }
}

const MISSING: Fault = Fault::Missing("orders that take over");
