//! The call auction by which markets reopen, and the orders that wait for its end.

use crate::state::account::OpenOrder;
use borsh::io::{Read, Write};
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{
    AccountIndex, InstrumentId, OrderId, Refusal, SelfTrade, Side, TimeInForce, limits as counts,
};
use std::collections::{BTreeMap, BTreeSet};
use units::{ArithmeticError, BlockTime, Num, Price, Round};

/// The call auction by which the markets reopen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CallAuction {
    /// Block time of the last gap.
    pub since: BlockTime,
    /// From when on the markets trade again.
    pub until: BlockTime,
}

impl CallAuction {
    /// How often the house liquidates in it.
    const EVERY: Num = Num::new(60_000);
    /// After how many times that first.
    const NOTICE: Num = Num::new(5);

    /// Returns whether the house liquidates in a block: in the first one of each minute after the gap, from the fifth on.
    pub(crate) fn liquidates(
        self,
        before: BlockTime,
        now: BlockTime,
    ) -> Result<bool, ArithmeticError> {
        let minutes = |at: BlockTime| {
            at.since(self.since)?.number().mul_div(Num::new(1), Self::EVERY, Round::Down)
        };
        let minute = minutes(now)?;
        Ok(minute >= Self::NOTICE && minute > minutes(before)?)
    }
}

/// An order that waits, as far as it is not in its account's list of open orders, and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Waiting {
    /// Whose it is.
    pub account: AccountIndex,
    /// Where.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// The limit.
    pub price: Price,
    /// How long it lives once it is in a book.
    pub time_in_force: TimeInForce,
    /// What happens when it meets the account's own.
    pub self_trade: SelfTrade,
}

impl Waiting {
    /// Returns the place of an order among those that wait on its side: the worst price last, then the newest.
    const fn place(&self, order: OrderId) -> (i128, OrderId) {
        (rank(self.side, self.price), order)
    }
}

/// Returns a price turned so that a lower rank is better.
const fn rank(side: Side, price: Price) -> i128 {
    match side {
        Side::Buy => price.micros().saturating_neg(),
        Side::Sell => price.micros(),
    }
}

/// Orders that wait, by number, and by market and side.
///
/// **Invariant:** no side of a market has more than [`counts::WAITING_PER_SIDE_MAX`] of traders; those of the house are gone
/// at the end of the block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WaitingRoom {
    orders: BTreeMap<OrderId, Waiting>,
    sides: BTreeMap<(InstrumentId, Side), BTreeSet<(i128, OrderId)>>,
}

impl WaitingRoom {
    /// Returns how many orders wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    /// Returns whether none does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// Returns the orders that wait, by number.
    #[must_use]
    pub const fn orders(&self) -> &BTreeMap<OrderId, Waiting> {
        &self.orders
    }

    /// Returns the order that leaves for a new one: the worst of a full side; none if there is room.
    ///
    /// spec 0025-BLOCK-043.
    pub(crate) fn room(&self, open: &OpenOrder) -> Result<Option<OrderId>, Refusal> {
        let Some(side) = self.sides.get(&(open.instrument, open.side)) else { return Ok(None) };
        if side.len() < counts::WAITING_PER_SIDE_MAX {
            return Ok(None);
        }
        match side.last() {
            Some((worst, order)) if rank(open.side, open.price) < *worst => Ok(Some(*order)),
            _ => Err(Refusal::BookFull),
        }
    }

    /// Returns what waits on a side of a market, best price first, then by number.
    pub(crate) fn side(
        &self,
        id: InstrumentId,
        side: Side,
    ) -> impl Iterator<Item = (OrderId, &Waiting)> {
        let side = self.sides.get(&(id, side)).into_iter().flatten();
        side.filter_map(|(_, order)| Some((*order, self.orders.get(order)?)))
    }

    pub(crate) fn insert(&mut self, order: OrderId, waiting: Waiting) {
        let side = self.sides.entry((waiting.instrument, waiting.side)).or_default();
        side.insert(waiting.place(order));
        self.orders.insert(order, waiting);
    }

    pub(crate) fn remove(&mut self, order: OrderId) -> Option<Waiting> {
        let waiting = self.orders.remove(&order)?;
        let key = (waiting.instrument, waiting.side);
        if let Some(side) = self.sides.get_mut(&key) {
            side.remove(&waiting.place(order));
            if side.is_empty() {
                self.sides.remove(&key);
            }
        }
        Some(waiting)
    }
}

/// Written by number; the sides are found again.
impl BorshSerialize for WaitingRoom {
    fn serialize<W: Write>(&self, writer: &mut W) -> borsh::io::Result<()> {
        self.orders.serialize(writer)
    }
}

impl BorshDeserialize for WaitingRoom {
    fn deserialize_reader<R: Read>(reader: &mut R) -> borsh::io::Result<Self> {
        let mut room = Self::default();
        for (order, waiting) in BTreeMap::<OrderId, Waiting>::deserialize_reader(reader)? {
            room.insert(order, waiting);
        }
        Ok(room)
    }
}
