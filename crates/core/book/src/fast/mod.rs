//! The book that the machine runs: every operation touches the order, its level and its neighbours.
//!
//! Orders live in a slab. An order that stands is linked into its level, by block of arrival and number; a taker of
//! this block is only listed. Each order is also linked to its account's other orders on its side, for self-trade
//! prevention. Levels live in a slab too, under a B-tree of ranks a side: a rank is the price turned so that the best is
//! the lowest.
//!
//! **Invariant:** as of `book`, and: an order is in `numbers`, in its account's list and in exactly one of its level
//! and the takers; a level's lots and count are those of its orders; a level without orders is not in the ladder; the
//! best ranks of takers and of an account's orders are never worse than true.
//!
//! A link that leads nowhere marks the book as broken instead of stopping the program; a broken book does not trade.

mod commit;
mod digest;
mod links;
mod parts;
mod uncross;

use crate::near::Near;
use crate::{
    Admitted, Auction, BookState, Entry, Extract, Level, ORDERS_SHOWN_MAX, Open, OrderBook,
};
use parts::{Ladder, LevelSlot, Order, Owner, Sides, rank_of, ranks_cross};
use places::{NIL, Slab, Table, index};
use protocol::{AccountIndex, Fault, Hash, OrderId, Plant, Refusal, SelfTrade, Side, TimeInForce};
use units::{Lots, Num, Ppm, Price, Round, limits};

/// A book with constant-time orders and auctions that look only at levels that trade.
#[derive(Debug, Clone)]
pub struct FastBook {
    tick: i64,
    side_max: usize,
    orders: Slab<Order>,
    numbers: Table,
    owners: Slab<Owner>,
    accounts: Table,
    levels: Slab<LevelSlot>,
    ladders: Sides<Ladder>,
    /// How many orders there are that may rest, by side.
    resting: Sides<usize>,
    /// This block's orders in the order of admission; [`NIL`] where one has left.
    batch: Vec<u32>,
    /// How many of the batch are takers.
    takers: usize,
    /// The lowest rank of any taker of this block, by side.
    takers_best: Sides<i64>,
    broken: bool,
    /// Room for what is hashed.
    bytes: Vec<u8>,
}

const NO_TAKERS: Sides<i64> = Sides { buy: i64::MAX, sell: i64::MAX };

impl OrderBook for FastBook {
    fn bounded(tick: Price, side_max: usize) -> Self {
        Self {
            tick: i64::try_from(tick.micros()).unwrap_or(0),
            side_max,
            orders: Slab::default(),
            numbers: Table::default(),
            owners: Slab::default(),
            accounts: Table::default(),
            levels: Slab::default(),
            ladders: Sides::default(),
            resting: Sides::default(),
            batch: Vec::new(),
            takers: 0,
            takers_best: NO_TAKERS,
            broken: false,
            bytes: Vec::new(),
        }
    }

    fn cancel(&mut self, order: OrderId) -> Option<Open> {
        let place = self.numbers.get(order.get())?;
        self.take_out(place)
    }

    fn reduce(&mut self, order: OrderId, lots: Lots) -> Option<Open> {
        // 0015-BOOK-005
        let place = self.numbers.get(order.get())?;
        if lots <= Lots::ZERO {
            return self.take_out(place).map(|open| Open { lots: Lots::ZERO, ..open });
        }
        let held = self.orders.get(place)?;
        let lots = u32::try_from(lots.count()).unwrap_or(u32::MAX).min(held.lots);
        self.set_lots(place, lots);
        self.orders.get(place).map(Order::open)
    }

    fn check(&self, entry: &Entry, self_trade: SelfTrade) -> Result<Vec<OrderId>, Refusal> {
        let rank = self.check_entry(entry)?;
        let own = self.own_crossed(entry, rank);
        match self_trade {
            SelfTrade::RefuseIncoming if !own.is_empty() => Err(Refusal::SelfTrade),
            SelfTrade::RefuseIncoming | SelfTrade::CancelResting => Ok(own),
        }
    }

    fn enter(&mut self, entry: Entry, own: Vec<OrderId>) -> Result<Admitted, Fault> {
        if self.numbers.get(entry.order.get()).is_some() {
            return Err(Fault::Invariant("an order's number is used once"));
        }
        let self_trade_cancels = own.into_iter().filter_map(|order| self.cancel(order)).collect();
        // 0015-BOOK-023
        let worst = self.worst(entry.side).filter(|_| self.is_full_for(&entry));
        let evicted = worst.and_then(|place| self.take_out(place));
        let place = self.put_in(&entry.opened())?;
        let held = self.orders.get_mut(place).ok_or(Fault::Missing("order just admitted"))?;
        held.batch_at = u32::try_from(self.batch.len()).unwrap_or(NIL);
        let (side, rank, owner) = (held.side, held.rank(), held.owner);
        self.tighten(owner, side.opposite(), rank);
        self.batch.push(place);
        match entry.time_in_force {
            TimeInForce::PostOnly => self.stand(place),
            TimeInForce::GoodTillCancelled | TimeInForce::ImmediateOrCancel => {
                self.takers = self.takers.saturating_add(1);
                let best = self.takers_best.of_mut(side);
                *best = rank.min(*best);
            }
        }
        self.sound().map(|()| Admitted { self_trade_cancels, evicted })
    }

    fn uncross(&self, reference: Price) -> Result<Auction, Fault> {
        self.sound()?;
        uncross::uncross(self, reference)
    }

    fn commit(&mut self, auction: &Auction) -> Result<(), Fault> {
        self.sound()?;
        auction.check()?;
        commit::check(self, auction)?;
        // From here on the auction is one of this book, or this crate is wrong.
        for fill in &auction.fills {
            if let Some(place) = self.numbers.get(fill.order.get()) {
                match u32::try_from(fill.left.count()) {
                    Ok(0) => drop(self.take_out(place)),
                    Ok(left) => self.set_lots(place, left),
                    Err(_) => self.broken = true,
                }
            }
        }
        for open in &auction.expired {
            self.broken |= self.cancel(open.order) != Some(*open);
        }
        let batch = std::mem::take(&mut self.batch);
        for &place in batch.iter().filter(|place| **place != NIL) {
            let Some(held) = self.orders.get_mut(place) else {
                self.broken = true;
                continue;
            };
            held.batch_at = NIL;
            if held.level == NIL {
                self.stand(place);
            }
        }
        self.batch_ended(batch);
        // 0015-BOOK-014
        self.broken |= ranks_cross(self.ladders.buy.best(), self.ladders.sell.best());
        self.sound()
    }

    fn drop_batch(&mut self) -> Vec<Open> {
        // 0015-BOOK-016
        let batch = std::mem::take(&mut self.batch);
        let places = batch.iter().filter(|place| **place != NIL);
        let mut dropped: Vec<Open> = places.filter_map(|place| self.take_out(*place)).collect();
        dropped.sort_unstable_by_key(|open| open.order);
        self.batch_ended(batch);
        dropped
    }

    fn best(&self, side: Side) -> Option<Price> {
        self.levels(side).next().map(|level| level.price())
    }

    fn depth(&self, side: Side, levels: usize) -> Vec<Level> {
        self.levels(side).take(levels).map(LevelSlot::level).collect()
    }

    fn lots_near(&self, side: Side, price: Price, band: Ppm) -> Lots {
        // 0015-BOOK-022
        let near = Near::new(side, price, band);
        let counted = self
            .levels(side)
            .map(LevelSlot::level)
            .map(|level| near.counted(level.price, level.lots));
        near.lots(counted.take_while(|counted| *counted > 0).fold(0, i128::saturating_add))
    }

    fn average(&self, side: Side, lots: Lots) -> Option<Price> {
        // 0015-BOOK-024
        let (mut left, mut sum) = (lots.count(), Num::new(0));
        for level in self.levels(side).map(LevelSlot::level) {
            if left <= 0 {
                break;
            }
            let taken = Num::new(left.min(level.lots.count()));
            sum = sum.plus(level.price.number().times(taken).ok()?).ok()?;
            left = left.saturating_sub(taken.raw());
        }
        let round = if side == Side::Buy { Round::Down } else { Round::Up };
        let average = sum.mul_div(Num::new(1), lots.number(), round).ok()?;
        (left <= 0).then_some(Price::from_number(average))
    }

    fn open(&self, order: OrderId) -> Option<Open> {
        self.numbers.get(order.get()).and_then(|place| self.orders.get(place)).map(Order::open)
    }

    fn orders_of(&self, account: AccountIndex) -> Vec<OrderId> {
        let owner = self.accounts.get(account.get().into()).and_then(|at| self.owners.get(at));
        let sides = owner.map(|owner| [owner.own.buy, owner.own.sell]);
        let own = sides.into_iter().flatten().flat_map(|side| self.own_from(side.first));
        let mut numbers: Vec<OrderId> = own.map(Order::number).collect();
        numbers.sort_unstable();
        numbers
    }

    fn orders(&self) -> impl Iterator<Item = Open> + '_ {
        let levels = [Side::Buy, Side::Sell].into_iter().flat_map(|side| self.levels(side));
        levels.flat_map(|level| self.level_from(level.first)).map(Order::open)
    }

    fn len(&self) -> usize {
        self.numbers.len()
    }

    fn state(&self) -> BookState {
        BookState { tick: self.tick(), orders: self.orders().collect() }
    }

    fn from_state(state: &BookState) -> Result<Self, Fault> {
        state.check()?;
        let mut book = Self::new(state.tick);
        for open in &state.orders {
            let place = book.put_in(open)?;
            book.stand(place);
        }
        book.sound().map(|()| book)
    }

    fn extract(&self, order: OrderId) -> Option<Extract> {
        // 0015-BOOK-021
        let held = self.numbers.get(order.get()).and_then(|place| self.orders.get(place));
        let level = held.and_then(|held| self.levels.get(held.level));
        if level.map_or(self.len(), |level| index(level.count)) > ORDERS_SHOWN_MAX {
            return None;
        }
        self.extract_kept(order).or_else(|| self.state().extract(order))
    }

    fn digest(&mut self) -> Hash {
        // 0015-BOOK-018
        self.digest_changes()
    }
}

impl FastBook {
    fn tick(&self) -> Price {
        Price::from_micros(self.tick.into())
    }

    fn sound(&self) -> Result<(), Fault> {
        match self.broken {
            false => Ok(()),
            true => Err(Fault::Invariant("every link in a book leads to an order or a level")),
        }
    }

    /// Returns the entry's rank if it is not refused, but for self-trade.
    fn check_entry(&self, entry: &Entry) -> Result<i64, Refusal> {
        // 0015-BOOK-001
        let lots = entry.lots.count();
        if lots <= 0 {
            return Err(Refusal::LotsNotPositive);
        }
        if lots > limits::LOTS_MAX {
            return Err(Refusal::LotsTooMany);
        }
        let price = entry.price.micros();
        let Some(rank) = i64::try_from(price).ok().map(|price| rank_of(entry.side, price)) else {
            // Far outside the limits, where no arithmetic of this book reaches.
            return Err(entry.check(self.tick()).err().unwrap_or(Refusal::PriceOutsideBand));
        };
        if self.tick <= 0 || rank.checked_rem(self.tick) != Some(0) {
            return Err(Refusal::PriceOffTick);
        }
        if price.saturating_abs() > limits::PRICE_MICROS_MAX {
            return Err(Refusal::PriceOutsideBand);
        }
        // 0015-BOOK-002
        if self.is_full_for(entry) {
            let worst = self.worst(entry.side).and_then(|place| self.orders.get(place));
            if worst.is_none_or(|worst| worst.rank() <= rank) || Plant::BooksFill.is_planted() {
                return Err(Refusal::BookFull);
            }
        }
        // 0015-BOOK-003
        let standing = self.ladders.of(entry.side.opposite()).best();
        if entry.time_in_force == TimeInForce::PostOnly && ranks_cross(rank, standing) {
            return Err(Refusal::PostOnlyWouldCross);
        }
        Ok(rank)
    }

    /// Returns whether a side holds as many orders that may rest as it may, and the entry may rest.
    fn is_full_for(&self, entry: &Entry) -> bool {
        entry.time_in_force != TimeInForce::ImmediateOrCancel
            && *self.resting.of(entry.side) >= self.side_max
    }

    /// Returns the place of the last of the orders that stand on a side.
    fn worst(&self, side: Side) -> Option<u32> {
        let (_, at) = self.ladders.of(side).ranks.last_key_value()?;
        self.levels.get(*at).map(|level| level.last)
    }

    /// Returns the account's own orders of the other side that an entry crosses, ascending by number.
    fn own_crossed(&self, entry: &Entry, rank: i64) -> Vec<OrderId> {
        // 0015-BOOK-004
        let other = entry.side.opposite();
        let best = self.ladders.of(other).best().min(*self.takers_best.of(other));
        if !ranks_cross(rank, best) {
            return Vec::new();
        }
        let owner =
            self.accounts.get(entry.account.get().into()).and_then(|at| self.owners.get(at));
        let Some(own) = owner.map(|owner| owner.own.of(other)) else { return Vec::new() };
        if !ranks_cross(rank, own.best) {
            return Vec::new();
        }
        let crossed = self.own_from(own.first).filter(|own| ranks_cross(rank, own.rank()));
        let mut numbers: Vec<OrderId> = crossed.map(Order::number).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Returns the immediate-or-cancel orders of this block.
    fn immediate(&self) -> impl Iterator<Item = &Order> {
        let batch = self.batch.iter().filter_map(|place| self.orders.get(*place));
        batch.filter(|held| held.time_in_force == TimeInForce::ImmediateOrCancel)
    }

    /// Makes ready for the next block, keeping the batch's memory.
    fn batch_ended(&mut self, mut batch: Vec<u32>) {
        batch.clear();
        self.batch = batch;
        self.takers = 0;
        self.takers_best = NO_TAKERS;
    }

    fn levels(&self, side: Side) -> impl Iterator<Item = &LevelSlot> {
        self.ladders.of(side).iter().filter_map(|(_, at)| self.levels.get(at))
    }

    /// Returns the orders of a level from one on.
    fn level_from(&self, first: u32) -> impl Iterator<Item = &Order> {
        let next = |held: &&Order| self.orders.get(held.next);
        std::iter::successors(self.orders.get(first), next)
    }

    /// Returns an account's orders on one side from one on.
    fn own_from(&self, first: u32) -> impl Iterator<Item = &Order> {
        let next = |held: &&Order| self.orders.get(held.own_next);
        std::iter::successors(self.orders.get(first), next)
    }
}

#[cfg(test)]
mod tests;
