//! The specification in code: one map of orders, rescanned for every answer.

use crate::digest::{Tier, book_hash, level_hash, parent};
use crate::near::Near;
use crate::order::crosses;
use crate::state::{priority, rank_of};
use crate::{Admitted, Auction, BookFill, BookState, Entry, Level, Open, OrderBook};
use protocol::{AccountIndex, Fault, Hash, OrderId, Refusal, SelfTrade, Side, TimeInForce};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use units::{Lots, Num, Ppm, Price, Round};

/// A book that is obviously right and linear in everything.
#[derive(Debug, Clone)]
pub struct NaiveBook {
    tick: Price,
    side_max: usize,
    orders: BTreeMap<OrderId, Held>,
}

/// An order, and whether it came in this block.
#[derive(Debug, Clone, Copy)]
struct Held {
    open: Open,
    batched: bool,
}

impl Held {
    /// Resting, or post-only.
    fn stands(&self) -> bool {
        !self.is_taker()
    }

    /// Of this block and free to take.
    fn is_taker(&self) -> bool {
        self.batched && self.open.time_in_force != TimeInForce::PostOnly
    }
}

impl OrderBook for NaiveBook {
    fn bounded(tick: Price, side_max: usize) -> Self {
        Self { tick, side_max, orders: BTreeMap::new() }
    }

    fn cancel(&mut self, order: OrderId) -> Option<Open> {
        self.orders.remove(&order).map(|held| held.open)
    }

    fn reduce(&mut self, order: OrderId, lots: Lots) -> Option<Open> {
        // 0015-BOOK-005
        let held = self.orders.get_mut(&order)?;
        held.open.lots = held.open.lots.lesser(lots).greater(Lots::ZERO);
        let open = held.open;
        if open.lots == Lots::ZERO {
            self.orders.remove(&order);
        }
        Some(open)
    }

    fn check(&self, entry: &Entry, self_trade: SelfTrade) -> Result<Vec<OrderId>, Refusal> {
        entry.check(self.tick)?;
        // 0015-BOOK-002
        let rank = |open: &Open| rank_of(open.side, open.price);
        let better = |worst: Open| rank_of(entry.side, entry.price) < rank(&worst);
        if self.is_full_for(entry) && !self.worst(entry.side).is_some_and(better) {
            return Err(Refusal::BookFull);
        }
        let crossed: Vec<&Held> = self
            .orders
            .values()
            .filter(|held| held.open.side == entry.side.opposite())
            .filter(|held| crosses(entry.side, entry.price, held.open.price))
            .collect();
        // 0015-BOOK-003
        if entry.time_in_force == TimeInForce::PostOnly && crossed.iter().any(|held| held.stands())
        {
            return Err(Refusal::PostOnlyWouldCross);
        }
        // 0015-BOOK-004
        let own = crossed.iter().filter(|held| held.open.account == entry.account);
        let own: Vec<OrderId> = own.map(|held| held.open.order).collect();
        match self_trade {
            SelfTrade::RefuseIncoming if !own.is_empty() => Err(Refusal::SelfTrade),
            SelfTrade::RefuseIncoming | SelfTrade::CancelResting => Ok(own),
        }
    }

    fn enter(&mut self, entry: Entry, own: Vec<OrderId>) -> Result<Admitted, Fault> {
        if self.orders.contains_key(&entry.order) {
            return Err(Fault::Invariant("an order's number is used once"));
        }
        let self_trade_cancels = own.into_iter().filter_map(|order| self.cancel(order)).collect();
        // 0015-BOOK-023
        let worst = self.worst(entry.side).filter(|_| self.is_full_for(&entry));
        let evicted = worst.and_then(|worst| self.cancel(worst.order));
        self.orders.insert(entry.order, Held { open: entry.opened(), batched: true });
        Ok(Admitted { self_trade_cancels, evicted })
    }

    fn uncross(&self, reference: Price) -> Result<Auction, Fault> {
        let mut auction = Auction::default();
        if let Some((price, volume)) = self.clearing(reference)? {
            auction.price = Some(price);
            auction.volume = volume;
            for side in [Side::Buy, Side::Sell] {
                auction.fills.extend(self.allocate(side, price, volume)?);
            }
        }
        // 0015-BOOK-012
        for held in self.orders.values() {
            if held.open.time_in_force == TimeInForce::ImmediateOrCancel {
                let fill = auction.fills.iter().find(|fill| fill.order == held.open.order);
                let left = fill.map_or(held.open.lots, |fill| fill.left);
                if left > Lots::ZERO {
                    auction.expired.push(Open { lots: left, ..held.open });
                }
            }
        }
        auction.check()?;
        Ok(auction)
    }

    fn commit(&mut self, auction: &Auction) -> Result<(), Fault> {
        // 0015-BOOK-019
        auction.check()?;
        let filled = auction.fills.iter().map(|fill| self.open(fill.order));
        let filled: Option<Vec<Open>> = filled.collect();
        let filled = filled.ok_or(Fault::Missing("filled order"))?;
        if !filled.is_sorted_by(|left, right| priority(left) < priority(right)) {
            return Err(Fault::Invariant("fills are in the order of priority"));
        }
        let mut after = self.clone();
        for fill in &auction.fills {
            let held = after.orders.get_mut(&fill.order).ok_or(Fault::Missing("filled order"))?;
            fill.fits(&held.open)?;
            held.open.lots = fill.left;
            if fill.left == Lots::ZERO {
                after.orders.remove(&fill.order);
            }
        }
        for open in &auction.expired {
            if after.cancel(open.order) != Some(*open) {
                return Err(Fault::Invariant("what expires is what the auction left"));
            }
        }
        after.orders.values_mut().for_each(|held| held.batched = false);
        after.state().check()?; // 0015-BOOK-014
        *self = after;
        Ok(())
    }

    fn drop_batch(&mut self) -> Vec<Open> {
        // 0015-BOOK-016
        let batch = self.orders.extract_if(.., |_, held| held.batched);
        batch.map(|(_, held)| held.open).collect()
    }

    fn best(&self, side: Side) -> Option<Price> {
        let standing = self.orders.values().filter(|held| held.stands() && held.open.side == side);
        standing.map(|held| held.open).min_by_key(priority).map(|open| open.price)
    }

    fn depth(&self, side: Side, levels: usize) -> Vec<Level> {
        let level = |open: &[Open]| {
            let price = open.first()?.price;
            let lots = open.iter().try_fold(Lots::ZERO, |sum, open| sum.plus(open.lots)).ok()?;
            Some(Level { price, lots, orders: open.len() })
        };
        let orders: Vec<Open> = self.orders().filter(|open| open.side == side).collect();
        orders
            .chunk_by(|left, right| left.price == right.price)
            .take(levels)
            .filter_map(level)
            .collect()
    }

    fn lots_near(&self, side: Side, price: Price, band: Ppm) -> Lots {
        let near = Near::new(side, price, band);
        let counted =
            |sum: i128, open: Open| sum.saturating_add(near.counted(open.price, open.lots));
        near.lots(self.orders().filter(|open| open.side == side).fold(0, counted))
    }

    fn average(&self, side: Side, lots: Lots) -> Option<Price> {
        let (mut counted, mut worth) = (Lots::ZERO, Num::new(0));
        for open in self.orders().filter(|open| open.side == side) {
            let taken = open.lots.lesser(lots.minus(counted).ok()?).number();
            counted = counted.plus(Lots::from_number(taken)).ok()?;
            worth = worth.plus(open.price.number().times(taken).ok()?).ok()?;
        }
        let round = if side == Side::Buy { Round::Down } else { Round::Up };
        let average = worth.mul_div(Num::new(1), lots.number(), round).ok()?;
        (counted == lots).then_some(Price::from_number(average))
    }

    fn open(&self, order: OrderId) -> Option<Open> {
        self.orders.get(&order).map(|held| held.open)
    }

    fn orders_of(&self, account: AccountIndex) -> Vec<OrderId> {
        let own = self.orders.values().filter(|held| held.open.account == account);
        own.map(|held| held.open.order).collect()
    }

    fn orders(&self) -> impl Iterator<Item = Open> + '_ {
        let standing = self.orders.values().filter(|held| held.stands());
        let mut orders: Vec<Open> = standing.map(|held| held.open).collect();
        orders.sort_by_key(priority);
        orders.into_iter()
    }

    fn len(&self) -> usize {
        self.orders.len()
    }

    fn state(&self) -> BookState {
        BookState { tick: self.tick, orders: self.orders().collect() }
    }

    fn from_state(state: &BookState) -> Result<Self, Fault> {
        state.check()?;
        let held = |open: &Open| (open.order, Held { open: *open, batched: false });
        let orders = state.orders.iter().map(held).collect();
        Ok(Self { orders, ..Self::new(state.tick) })
    }

    fn digest(&mut self) -> Hash {
        // 0015-BOOK-018
        let regions = [Side::Buy, Side::Sell].map(|side| {
            let groups = parents(&self.level_hashes(side), Tier::Group);
            parents(&groups, Tier::Region)
        });
        book_hash(self.tick, regions.into_iter().flatten().map(|(_, hash)| hash))
    }
}

impl NaiveBook {
    /// Returns whether a side holds as many orders that may rest as it may, and the entry may rest.
    fn is_full_for(&self, entry: &Entry) -> bool {
        let rests = |life| life != TimeInForce::ImmediateOrCancel;
        let of_side = self.orders.values().filter(|held| held.open.side == entry.side);
        let resting = of_side.filter(|held| rests(held.open.time_in_force)).count();
        rests(entry.time_in_force) && resting >= self.side_max
    }

    /// Returns the last of the orders that stand on a side.
    fn worst(&self, side: Side) -> Option<Open> {
        let standing = self.orders.values().filter(|held| held.stands() && held.open.side == side);
        standing.map(|held| held.open).max_by_key(priority)
    }

    /// Returns the hashes of a side's levels with their ranks, best first.
    fn level_hashes(&self, side: Side) -> Vec<(i64, Hash)> {
        let orders: Vec<Open> = self.orders().filter(|open| open.side == side).collect();
        let levels = orders.chunk_by(|left, right| left.price == right.price);
        let hashed = levels.filter_map(|level| {
            let price = level.first()?.price;
            let ticks = price.micros().checked_div_euclid(self.tick.micros())?;
            let rank = match side {
                Side::Buy => ticks.checked_neg()?,
                Side::Sell => ticks,
            };
            let hash = level_hash(side, price, level.iter().copied(), &mut Vec::new());
            Some((i64::try_from(rank).ok()?, hash))
        });
        hashed.collect()
    }

    /// Returns the auction's price and volume, from a look at every price that could be it.
    fn clearing(&self, reference: Price) -> Result<Option<(Price, Lots)>, Fault> {
        let at = Fault::at("clearing price");
        // Demand and supply change at an order's price or the tick beside it, so on every stretch of equal prices the
        // ends are here; the price closest to the reference is an end or next to the reference.
        let mut prices = vec![
            reference.on_tick(self.tick, Round::Down).map_err(&at)?,
            reference.on_tick(self.tick, Round::Up).map_err(&at)?,
        ];
        for held in self.orders.values() {
            let price = held.open.price;
            prices.push(price);
            prices.push(price.minus(self.tick).map_err(&at)?);
            prices.push(price.plus(self.tick).map_err(&at)?);
        }
        // Above every bid nobody buys, below every ask nobody sells.
        let of_side = |side| self.orders.values().filter(move |held| held.open.side == side);
        let bid = of_side(Side::Buy).map(|held| held.open.price).max();
        let ask = of_side(Side::Sell).map(|held| held.open.price).min();
        let (Some(bid), Some(ask)) = (bid, ask) else { return Ok(None) };
        prices.retain(|price| ask <= *price && *price <= bid);
        let mut best = None;
        for price in prices {
            let demand = self.executable(Side::Buy, price)?;
            let supply = self.executable(Side::Sell, price)?;
            let volume = demand.lesser(supply);
            if volume > Lots::ZERO {
                let surplus = demand.minus(supply).and_then(Lots::magnitude).map_err(&at)?;
                let distance = price.minus(reference).and_then(Price::magnitude).map_err(&at)?;
                // 0015-BOOK-006…009
                let key = (Reverse(volume), surplus, distance, price);
                best = best.into_iter().chain([key]).min();
            }
        }
        Ok(best.map(|(volume, _, _, price)| (price, volume.0)))
    }

    /// Returns the lots of a side that accept a price.
    fn executable(&self, side: Side, price: Price) -> Result<Lots, Fault> {
        self.accepting(side, price)
            .try_fold(Lots::ZERO, |sum, held| sum.plus(held.open.lots))
            .map_err(Fault::at("executable lots"))
    }

    fn accepting(&self, side: Side, price: Price) -> impl Iterator<Item = &Held> {
        let same_side = self.orders.values().filter(move |held| held.open.side == side);
        same_side.filter(move |held| crosses(side, held.open.price, price))
    }

    /// Returns the fills of one side: the volume goes by price, then block of arrival, then pro rata.
    fn allocate(&self, side: Side, price: Price, volume: Lots) -> Result<Vec<BookFill>, Fault> {
        let at = Fault::at("allocation");
        let mut orders: Vec<&Held> = self.accepting(side, price).collect();
        orders.sort_by_key(|held| priority(&held.open));
        let mut fills = Vec::new();
        let mut left = volume;
        let equals =
            |a: &&Held, b: &&Held| (a.open.price, a.open.arrived) == (b.open.price, b.open.arrived);
        // 0015-BOOK-010
        for group in orders.chunk_by(equals) {
            let lots = group.iter().try_fold(Lots::ZERO, |sum, held| sum.plus(held.open.lots));
            let lots = lots.map_err(&at)?;
            let given = lots.lesser(left);
            for (held, share) in group.iter().zip(shares(group, given, lots)?) {
                if share > Lots::ZERO {
                    fills.push(BookFill::of(&held.open, share, held.is_taker())?);
                }
            }
            left = left.minus(given).map_err(&at)?;
        }
        match left == Lots::ZERO {
            true => Ok(fills),
            false => Err(Fault::Invariant("the orders that accept a price hold its volume")),
        }
    }
}

/// Returns the nodes of the next tier with their hashes, both in rising order.
fn parents(nodes: &[(i64, Hash)], tier: Tier) -> Vec<(i64, Hash)> {
    let siblings = nodes.chunk_by(|(left, _), (right, _)| parent(*left) == parent(*right));
    let hashed = siblings.filter_map(|siblings| {
        let (first, _) = siblings.first()?;
        let children = siblings.iter().map(|(_, hash)| *hash);
        Some((parent(*first), tier.hash(children, &mut Vec::new())))
    });
    hashed.collect()
}

/// Returns what each order of a group gets of `given` lots out of `total`: its share rounded down, and the rest one by
/// one to the largest remainders, the lower number first.
fn shares(group: &[&Held], given: Lots, total: Lots) -> Result<Vec<Lots>, Fault> {
    // 0015-BOOK-011
    let at = Fault::at("pro-rata share");
    let mut shares = Vec::new();
    let mut remainders = Vec::new();
    let mut rest = given;
    for (place, held) in group.iter().enumerate() {
        let share = held.open.lots.share(given, total, Round::Down).map_err(&at)?;
        let exact = held.open.lots.number().times(given.number()).map_err(&at)?;
        let whole = share.number().times(total.number()).map_err(&at)?;
        remainders.push((Reverse(exact.minus(whole).map_err(&at)?), held.open.order, place));
        rest = rest.minus(share).map_err(&at)?;
        shares.push(share);
    }
    remainders.sort();
    for (_, _, place) in remainders {
        if rest > Lots::ZERO
            && let Some(share) = shares.get_mut(place)
        {
            *share = share.plus(Lots::from_count(1)).map_err(&at)?;
            rest = rest.minus(Lots::from_count(1)).map_err(&at)?;
        }
    }
    Ok(shares)
}
