//! A book's contents as a value: the encoded state and what makes it consistent.

use crate::Open;
use crate::order::crosses;
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{Fault, OrderId, Side, TimeInForce, limits};
use std::collections::BTreeSet;
use units::{Lots, Price, Round};

/// The orders that stand in a book.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BookState {
    /// Prices are multiples of this.
    pub tick: Price,
    /// In canonical order: bids then asks, best price first, then by block of arrival, then by number.
    pub orders: Vec<Open>,
}

impl BookState {
    /// Checks that a book can have these contents.
    ///
    /// # Errors
    ///
    /// [`Fault`] with the first broken rule.
    pub fn check(&self) -> Result<(), Fault> {
        // 0015-BOOK-017
        if self.tick <= Price::ZERO || self.tick.within_limit().is_err() {
            return Err(Fault::Invariant("a book's tick is positive"));
        }
        let of_side = |side| self.orders.iter().filter(move |order| order.side == side).count();
        if of_side(Side::Buy).max(of_side(Side::Sell)) > limits::ORDERS_PER_SIDE_MAX {
            return Err(Fault::Invariant("a side of a book holds no more orders than its limit"));
        }
        self.orders.iter().try_for_each(|order| self.check_order(order))?;
        if !self.orders.is_sorted_by(|left, right| priority(left) < priority(right)) {
            return Err(Fault::Invariant("a book's orders are in canonical order"));
        }
        let numbers: BTreeSet<OrderId> = self.orders.iter().map(|order| order.order).collect();
        if numbers.len() != self.orders.len() {
            return Err(Fault::Invariant("an order is in a book once"));
        }
        let best = |side| self.orders.iter().find(|order| order.side == side);
        match (best(Side::Buy), best(Side::Sell)) {
            (Some(bid), Some(ask)) if crosses(Side::Buy, bid.price, ask.price) => {
                Err(Fault::Invariant("no bid rests at or above an ask"))
            }
            _ => Ok(()),
        }
    }

    fn check_order(&self, order: &Open) -> Result<(), Fault> {
        let most = Lots::from_count(units::limits::LOTS_MAX);
        if order.lots <= Lots::ZERO || order.lots > most {
            return Err(Fault::Invariant("a resting order has lots"));
        }
        let on_tick = order.price.on_tick(self.tick, Round::Down) == Ok(order.price);
        if !on_tick || order.price.within_limit().is_err() {
            return Err(Fault::Invariant("a resting order is on tick"));
        }
        if order.time_in_force == TimeInForce::ImmediateOrCancel {
            return Err(Fault::Invariant("an immediate-or-cancel order never rests"));
        }
        Ok(())
    }
}

/// Returns the place of an order in the canonical order: side, price from the best, block of arrival, number.
pub(crate) fn priority(open: &Open) -> impl Ord + use<> {
    (open.side, rank_of(open.side, open.price), open.arrived, open.order)
}

/// Returns a price turned so that a lower rank is better.
pub(crate) fn rank_of(side: Side, price: Price) -> i128 {
    match side {
        Side::Buy => price.micros().saturating_neg(),
        Side::Sell => price.micros(),
    }
}
