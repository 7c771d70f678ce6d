//! The result of an auction: one price, and who trades how much at it.

use crate::Open;
use protocol::{AccountIndex, Fault, OrderId, Side};
use units::{Lots, Price};

/// What a book's orders do to one another in one block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Auction {
    /// The one price; `None` if nothing trades.
    pub price: Option<Price>,
    /// Lots bought, which equal the lots sold.
    pub volume: Lots,
    /// Who trades: buyers, then sellers, each in the order of priority.
    pub fills: Vec<BookFill>,
    /// Immediate-or-cancel orders with the lots that they did not trade, ascending by number.
    pub expired: Vec<Open>,
}

/// An order's part in an auction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookFill {
    /// Which order.
    pub order: OrderId,
    /// Whose.
    pub account: AccountIndex,
    /// Which way.
    pub side: Side,
    /// How many lots; positive.
    pub lots: Lots,
    /// Whether it came in this block and might take: not resting, not post-only.
    pub aggressor: bool,
    /// How many lots of the order are left.
    pub left: Lots,
}

impl BookFill {
    /// Returns the fill of `lots` of an order.
    pub(crate) fn of(open: &Open, lots: Lots, aggressor: bool) -> Result<Self, Fault> {
        let left = open.lots.minus(lots).map_err(Fault::at("lots left by a fill"))?;
        if lots <= Lots::ZERO || left < Lots::ZERO {
            return Err(Fault::Invariant("a fill has between one lot and all of its order's"));
        }
        let Open { order, account, side, .. } = *open;
        Ok(Self { order, account, side, lots, aggressor, left })
    }

    /// Checks that the fill is one of this order.
    pub(crate) fn fits(&self, open: &Open) -> Result<(), Fault> {
        let left = open.lots.minus(self.lots).map_err(Fault::at("lots left by a fill"))?;
        let same = self.account == open.account && self.side == open.side;
        if !same || self.lots <= Lots::ZERO || left != self.left || left < Lots::ZERO {
            return Err(Fault::Invariant("a fill is of an order as it stands in this book"));
        }
        Ok(())
    }
}

impl Auction {
    /// Returns the lots that one side trades.
    pub(crate) fn traded(&self, side: Side) -> Result<Lots, Fault> {
        let mut fills = self.fills.iter().filter(|fill| fill.side == side);
        fills
            .try_fold(Lots::ZERO, |sum, fill| sum.plus(fill.lots))
            .map_err(Fault::at("lots traded in an auction"))
    }

    /// Checks that as much is bought as sold, and that there is a price if and only if something trades.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        // 0015-BOOK-013
        for side in [Side::Buy, Side::Sell] {
            if self.traded(side)? != self.volume {
                return Err(Fault::Invariant("lots bought and lots sold are the auction's volume"));
            }
        }
        if self.price.is_some() != (self.volume > Lots::ZERO) {
            return Err(Fault::Invariant("an auction has a price if and only if it has volume"));
        }
        Ok(())
    }
}
