//! The lots that stand in a book, summed by side: so that no fill brings open interest beyond what can be counted.
//!
//! **Invariant:** when an order enters that could open a position, open interest and the lots of its side of the book are
//! together within the limit of open interest. A fill raises the one by no more than it takes from the other.

use crate::state::market::Market;
use book::{FastBook, OrderBook};
use protocol::Side;
use units::{Lots, limits};

/// Lots in a book, waiting orders not among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Offered {
    buys: Lots,
    sells: Lots,
}

impl Offered {
    /// Returns what stands in a book between two blocks.
    pub(crate) fn of(book: &FastBook) -> Self {
        let mut offered = Self::default();
        book.orders().for_each(|open| offered.add(open.side, open.lots));
        offered
    }

    const fn side(&mut self, side: Side) -> &mut Lots {
        match side {
            Side::Buy => &mut self.buys,
            Side::Sell => &mut self.sells,
        }
    }

    /// Adds lots that have entered. Sums of a book's orders are below 2⁵¹.
    pub(crate) fn add(&mut self, side: Side, lots: Lots) {
        let held = self.side(side);
        *held = held.plus(lots).unwrap_or(*held);
    }

    /// Takes out lots that have left.
    pub(crate) fn take(&mut self, side: Side, lots: Lots) {
        let held = self.side(side);
        *held = held.minus(lots).unwrap_or(*held).greater(Lots::ZERO);
    }
}

impl Market {
    /// Returns whether lots more on a side leave open interest countable, whatever fills.
    ///
    /// spec 0025-BLOCK-033.
    pub(crate) fn has_room_for(&self, side: Side, lots: Lots) -> bool {
        let mut offered = self.offered;
        offered.add(side, lots);
        let reached = self.aggregate.open_interest.plus(*offered.side(side));
        reached.is_ok_and(|reached| reached <= Lots::from_count(limits::OPEN_INTEREST_LOTS_MAX))
    }
}
