//! What the fast book is made of: orders, levels, ladders and the accounts that own orders.

use super::digest::Kept;
use crate::{Level, Open};
use places::{NIL, index};
use protocol::{AccountIndex, Hash, OrderId, Side, TimeInForce};
use std::collections::BTreeMap;
use units::{BlockHeight, Lots, Price};

/// An order: one line of memory.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Order {
    pub(super) number: u64,
    pub(super) price: i64,
    pub(super) arrived: i64,
    pub(super) lots: u32,
    pub(super) account: u32,
    /// The account's place among the owners.
    pub(super) owner: u32,
    /// Its level, [`NIL`] for a taker.
    pub(super) level: u32,
    /// Its neighbours in the level.
    pub(super) prev: u32,
    pub(super) next: u32,
    /// Its neighbours among the account's orders of its side.
    pub(super) own_prev: u32,
    pub(super) own_next: u32,
    /// Where it is in the batch, [`NIL`] if it rests.
    pub(super) batch_at: u32,
    pub(super) side: Side,
    pub(super) time_in_force: TimeInForce,
}

const _: () = assert!(size_of::<Option<Order>>() == 64);

impl Order {
    pub(super) fn open(&self) -> Open {
        Open {
            order: self.number(),
            account: AccountIndex::new(self.account),
            side: self.side,
            price: Price::from_micros(self.price.into()),
            lots: Lots::from_count(self.lots.into()),
            time_in_force: self.time_in_force,
            arrived: BlockHeight::from_blocks(self.arrived.into()),
        }
    }

    /// Returns the lots as they add up.
    pub(super) fn size(&self) -> i64 {
        self.lots.into()
    }

    pub(super) const fn number(&self) -> OrderId {
        OrderId::new(self.number)
    }

    pub(super) const fn rank(&self) -> i64 {
        rank_of(self.side, self.price)
    }

    /// Whether it rests if the auction does not fill it.
    pub(super) fn may_rest(&self) -> bool {
        self.time_in_force != TimeInForce::ImmediateOrCancel
    }

    pub(super) fn is_taker(&self) -> bool {
        self.batch_at != NIL && self.time_in_force != TimeInForce::PostOnly
    }
}

/// All standing orders at one price.
#[derive(Debug, Clone, Copy)]
pub(super) struct LevelSlot {
    pub(super) price: i64,
    pub(super) lots: i64,
    pub(super) count: u32,
    pub(super) first: u32,
    pub(super) last: u32,
    /// Its hash, until it changes.
    pub(super) hash: Option<Hash>,
}

impl LevelSlot {
    pub(super) fn price(&self) -> Price {
        Price::from_micros(self.price.into())
    }

    pub(super) fn level(&self) -> Level {
        let lots = Lots::from_count(self.lots.into());
        Level { price: self.price(), lots, orders: index(self.count) }
    }
}

/// The levels of one side, best first.
#[derive(Debug, Clone, Default)]
pub(super) struct Ladder {
    pub(super) ranks: BTreeMap<i64, u32>,
    pub(super) kept: Kept,
}

impl Ladder {
    /// Returns the lowest rank; [`i64::MAX`] for an empty side, which crosses nothing.
    pub(super) fn best(&self) -> i64 {
        self.ranks.first_key_value().map_or(i64::MAX, |(rank, _)| *rank)
    }

    /// Returns the levels' ranks and places, best first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, u32)> {
        self.ranks.iter().map(|(rank, at)| (*rank, *at))
    }
}

/// An account with orders in this book.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Owner {
    /// How many orders.
    pub(super) orders: u32,
    pub(super) own: Sides<OwnSide>,
}

/// An account's orders on one side.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnSide {
    pub(super) first: u32,
    /// A rank that none of the orders is better than.
    pub(super) best: i64,
}

impl Default for OwnSide {
    fn default() -> Self {
        Self { first: NIL, best: i64::MAX }
    }
}

/// One of something for each side.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sides<T> {
    pub(super) buy: T,
    pub(super) sell: T,
}

impl<T> Sides<T> {
    pub(super) const fn of(&self, side: Side) -> &T {
        match side {
            Side::Buy => &self.buy,
            Side::Sell => &self.sell,
        }
    }

    pub(super) const fn of_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Buy => &mut self.buy,
            Side::Sell => &mut self.sell,
        }
    }
}

/// Returns a price turned so that a lower rank is better.
pub(super) const fn rank_of(side: Side, price: i64) -> i64 {
    match side {
        Side::Buy => price.saturating_neg(),
        Side::Sell => price,
    }
}

/// Returns whether orders of opposite sides with these ranks could trade; the rank of an empty side never does.
pub(super) const fn ranks_cross(rank: i64, other: i64) -> bool {
    rank.saturating_add(other) <= 0
}
