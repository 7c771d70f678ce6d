//! An order on its way in, and an order that is open.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{AccountIndex, OrderId, Refusal, Side, TimeInForce};
use units::{BlockHeight, Lots, Price, Round, limits};

/// An order that the machine offers to a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Its number, never given before.
    pub order: OrderId,
    /// Whose it is.
    pub account: AccountIndex,
    /// Which way.
    pub side: Side,
    /// The limit.
    pub price: Price,
    /// How many contracts.
    pub lots: Lots,
    /// How long it lives, and whether it may take.
    pub time_in_force: TimeInForce,
    /// The block that brought it.
    pub arrived: BlockHeight,
}

/// An order in a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Open {
    /// Its number.
    pub order: OrderId,
    /// Whose it is.
    pub account: AccountIndex,
    /// Which way.
    pub side: Side,
    /// The limit.
    pub price: Price,
    /// How many contracts are left.
    pub lots: Lots,
    /// How long it lives, and whether it might take when it came.
    pub time_in_force: TimeInForce,
    /// The block that brought it.
    pub arrived: BlockHeight,
}

/// All orders of one side at one price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// The price.
    pub price: Price,
    /// Sum of the lots left.
    pub lots: Lots,
    /// How many orders.
    pub orders: usize,
}

impl Entry {
    /// Checks what can be said of an entry without looking at the book, in the order of the codes.
    pub(crate) fn check(&self, tick: Price) -> Result<(), Refusal> {
        // 0015-BOOK-001
        if self.lots <= Lots::ZERO {
            return Err(Refusal::LotsNotPositive);
        }
        if self.lots > Lots::from_count(limits::LOTS_MAX) {
            return Err(Refusal::LotsTooMany);
        }
        if self.price.on_tick(tick, Round::Down) != Ok(self.price) {
            return Err(Refusal::PriceOffTick);
        }
        self.price.within_limit().map(drop).map_err(|_| Refusal::PriceOutsideBand)
    }

    /// Returns the entry as an open order.
    pub(crate) const fn opened(self) -> Open {
        Open {
            order: self.order,
            account: self.account,
            side: self.side,
            price: self.price,
            lots: self.lots,
            time_in_force: self.time_in_force,
            arrived: self.arrived,
        }
    }
}

/// Returns whether an order of `side` at `price` could trade with one of the other side at `other`.
pub(crate) fn crosses(side: Side, price: Price, other: Price) -> bool {
    match side {
        Side::Buy => price >= other,
        Side::Sell => price <= other,
    }
}
