//! The auction: two walks from the best levels inward until bids and asks no longer meet.
//!
//! Matching level against level from the best trades the greatest volume that any one price allows. It ends with the
//! last bid level `b` and the last ask level `a` that trade, `a ≤ b`: every price in `a ..= b` has that volume, and
//! none outside. What is left of the last levels, or comes next on a side, decides where in `a ..= b` the surplus is
//! least. So the price needs the levels that trade and two more a side, however deep the book is.

use super::FastBook;
use super::parts::{LevelSlot, Order, rank_of, ranks_cross};
use crate::{Auction, BookFill, Open};
use places::NIL;
use protocol::{Fault, Side};
use std::cmp::{Ordering, Reverse};
use std::iter::Peekable;
use units::{Lots, Price};

/// Returns the auction of what stands and the takers.
pub(super) fn uncross(book: &FastBook, reference: Price) -> Result<Auction, Fault> {
    let mut auction = Auction::default();
    if book.takers == 0 {
        // What stands never crosses: 0015-BOOK-003, 0015-BOOK-014.
        return Ok(auction);
    }
    let buyers = crossing_takers(book, Side::Buy);
    let sellers = crossing_takers(book, Side::Sell);
    let bids = || walk(book, Side::Buy, &buyers);
    let asks = || walk(book, Side::Sell, &sellers);
    let matched = Match::of(bids(), asks());
    if matched.volume > 0 {
        let volume = matched.volume;
        let prices = matched.prices(book.tick);
        let prices = prices.ok_or(Fault::Invariant("some prices have the greatest volume"))?;
        let price = prices.closest(reference, book.tick)?;
        auction.price = Some(Price::from_micros(price.into()));
        auction.volume = Lots::from_count(volume.into());
        allocate(bids(), volume, price, &mut auction.fills)?;
        allocate(asks(), volume, price, &mut auction.fills)?;
    }
    auction.expired = expired(book, &auction.fills);
    auction.check()?;
    Ok(auction)
}

/// A taker that might trade, with what it is sorted by.
#[derive(Debug, Clone, Copy)]
struct Taker {
    rank: i64,
    arrived: i64,
    number: u64,
    lots: i64,
    place: u32,
}

/// Returns a side's takers that cross anything, in the order of priority.
fn crossing_takers(book: &FastBook, side: Side) -> Vec<Taker> {
    let other = side.opposite();
    let best = book.ladders.of(other).best().min(*book.takers_best.of(other));
    let mut takers = Vec::new();
    if !ranks_cross(*book.takers_best.of(side), best) {
        return takers;
    }
    for &place in &book.batch {
        let Some(order) = book.orders.get(place) else { continue };
        if order.is_taker() && order.side == side && ranks_cross(order.rank(), best) {
            let Order { arrived, number, .. } = *order;
            let (rank, lots) = (order.rank(), order.size());
            takers.push(Taker { rank, arrived, number, lots, place });
        }
    }
    takers.sort_unstable_by_key(|taker| (taker.rank, taker.arrived, taker.number));
    takers
}

/// A side of the book, level by level from the best, takers and standing orders together.
struct Walk<'a, I: Iterator<Item = (i64, &'a LevelSlot)>> {
    book: &'a FastBook,
    side: Side,
    standing: Peekable<I>,
    takers: &'a [Taker],
}

/// All orders of a side at one price.
#[derive(Debug, Clone, Copy)]
struct Step<'a> {
    rank: i64,
    lots: i64,
    /// The first standing order, [`NIL`] if there is none.
    first: u32,
    takers: &'a [Taker],
}

/// Returns the walk of one side.
fn walk<'a>(
    book: &'a FastBook,
    side: Side,
    takers: &'a [Taker],
) -> Walk<'a, impl Iterator<Item = (i64, &'a LevelSlot)>> {
    let levels = book.ladders.of(side).iter();
    let standing = levels.filter_map(|(rank, at)| Some((rank, book.levels.get(at)?)));
    Walk { book, side, standing: standing.peekable(), takers }
}

impl<'a, I: Iterator<Item = (i64, &'a LevelSlot)>> Iterator for Walk<'a, I> {
    type Item = Step<'a>;

    fn next(&mut self) -> Option<Step<'a>> {
        let taker = self.takers.first().map(|taker| taker.rank);
        let standing = self.standing.peek().map(|(rank, _)| *rank);
        let rank = taker.into_iter().chain(standing).min()?;
        let count = self.takers.iter().take_while(|taker| taker.rank == rank).count();
        let (takers, later) = self.takers.split_at_checked(count)?;
        self.takers = later;
        let level = self.standing.next_if(|(standing, _)| *standing == rank);
        let (lots, first) = level.map_or((0, NIL), |(_, level)| (level.lots, level.first));
        let lots = takers.iter().fold(lots, |sum, taker| sum.saturating_add(taker.lots));
        Some(Step { rank, lots, first, takers })
    }
}

impl<'a> Step<'a> {
    /// Returns the orders by block of arrival and number.
    fn orders(&self, book: &'a FastBook) -> impl Iterator<Item = &'a Order> + use<'a> {
        let mut standing = book.level_from(self.first).peekable();
        let mut takers =
            self.takers.iter().filter_map(|taker| book.orders.get(taker.place)).peekable();
        let key = |order: &Order| (order.arrived, order.number);
        std::iter::from_fn(move || match (standing.peek(), takers.peek()) {
            (Some(stands), Some(taker)) if key(taker) < key(stands) => takers.next(),
            (Some(_), _) => standing.next(),
            (None, _) => takers.next(),
        })
    }
}

/// A level that is being matched.
#[derive(Debug, Clone, Copy)]
struct Front {
    rank: i64,
    lots: i64,
    left: i64,
}

impl Front {
    fn of(step: Step<'_>) -> Self {
        Self { rank: step.rank, lots: step.lots, left: step.lots }
    }

    const fn price(&self, side: Side) -> i64 {
        rank_of(side, self.rank) // turned twice, a price is itself
    }

    const fn is_begun(&self) -> bool {
        self.left < self.lots
    }
}

/// The two sides matched level by level until they no longer cross.
struct Match<B, A> {
    bids: B,
    asks: A,
    /// The best level not used up, if any.
    bid: Option<Front>,
    ask: Option<Front>,
    /// The lowest bid and the highest ask that trade.
    last: Option<(i64, i64)>,
    volume: i64,
}

impl<'a, B: Iterator<Item = Step<'a>>, A: Iterator<Item = Step<'a>>> Match<B, A> {
    fn of(mut bids: B, mut asks: A) -> Self {
        let mut bid = bids.next().map(Front::of);
        let mut ask = asks.next().map(Front::of);
        let mut last = None;
        let mut volume = 0_i64;
        while let (Some(buy), Some(sell)) = (&mut bid, &mut ask)
            && ranks_cross(buy.rank, sell.rank)
        {
            let lots = buy.left.min(sell.left);
            volume = volume.saturating_add(lots);
            buy.left = buy.left.saturating_sub(lots);
            sell.left = sell.left.saturating_sub(lots);
            last = Some((buy.price(Side::Buy), sell.price(Side::Sell)));
            let (bid_done, ask_done) = (buy.left == 0, sell.left == 0);
            if bid_done {
                bid = bids.next().map(Front::of);
            }
            if ask_done {
                ask = asks.next().map(Front::of);
            }
        }
        Self { bids, asks, bid, ask, last, volume }
    }

    /// Returns the prices of greatest volume and least surplus.
    fn prices(mut self, tick: i64) -> Option<Prices> {
        // 0015-BOOK-006: these have the greatest volume.
        let (high, low) = self.last?;
        let all = Prices { low, high };
        // 0015-BOOK-007: buyers are left over at and below the best bid left, sellers at and above the best ask left.
        if self.bid.is_some_and(|bid| bid.is_begun()) {
            let next = self.bids.next().map(Front::of);
            return Some(all.above(next, tick));
        }
        if self.ask.is_some_and(|ask| ask.is_begun()) {
            let next = self.asks.next().map(Front::of);
            return Some(all.below(next, tick));
        }
        let between = all.above(self.bid, tick).below(self.ask, tick);
        if between.low <= between.high {
            return Some(between);
        }
        // No tick lies between the bid and the ask left: there is a surplus on either side.
        let (bid, ask) = (self.bid?, self.ask?);
        let beneath = all.above(self.bids.next().map(Front::of), tick);
        let beneath = Prices { high: bid.price(Side::Buy), ..beneath };
        let beyond = all.below(self.asks.next().map(Front::of), tick);
        let beyond = Prices { low: ask.price(Side::Sell), ..beyond };
        Some(match bid.lots.cmp(&ask.lots) {
            Ordering::Less => beneath,
            Ordering::Greater => beyond,
            Ordering::Equal => Prices { low: beneath.low, high: beyond.high },
        })
    }
}

/// A range of prices, both ends on tick and in it.
#[derive(Debug, Clone, Copy)]
struct Prices {
    low: i64,
    high: i64,
}

impl Prices {
    /// Returns the part above a bid.
    fn above(self, bid: Option<Front>, tick: i64) -> Self {
        let above = bid.map(|bid| bid.price(Side::Buy).saturating_add(tick));
        Self { low: above.map_or(self.low, |above| above.max(self.low)), ..self }
    }

    /// Returns the part below an ask.
    fn below(self, ask: Option<Front>, tick: i64) -> Self {
        let below = ask.map(|ask| ask.price(Side::Sell).saturating_sub(tick));
        Self { high: below.map_or(self.high, |below| below.min(self.high)), ..self }
    }

    /// Returns the price on tick that is closest to the reference, the lower of two.
    fn closest(self, reference: Price, tick: i64) -> Result<i64, Fault> {
        // 0015-BOOK-008, 0015-BOOK-009
        let reference = reference.micros().clamp(self.low.into(), self.high.into());
        let over = reference.checked_rem_euclid(tick.into());
        let over = over.ok_or(Fault::Invariant("a book's tick is positive"))?;
        let lower = reference.saturating_sub(over);
        let closest = match over.saturating_mul(2) > tick.into() {
            true => lower.saturating_add(tick.into()),
            false => lower,
        };
        i64::try_from(closest).map_err(|_| Fault::Invariant("an auction's price is that of orders"))
    }
}

/// Gives the volume to a side's orders: by price, then block of arrival, then pro rata.
fn allocate<'a, I: Iterator<Item = (i64, &'a LevelSlot)>>(
    walk: Walk<'a, I>,
    volume: i64,
    price: i64,
    fills: &mut Vec<BookFill>,
) -> Result<(), Fault> {
    // 0015-BOOK-010
    let Walk { book, side, .. } = walk;
    let worst = rank_of(side, price);
    let mut left = volume;
    let mut group = Vec::new();
    for step in walk {
        if left == 0 {
            break;
        }
        if step.rank > worst {
            return Err(Fault::Invariant("no order trades beyond its price"));
        }
        let mut orders = step.orders(book).peekable();
        if step.lots <= left {
            orders.try_for_each(|order| fill(order, order.size(), fills))?;
            left = left.saturating_sub(step.lots);
            continue;
        }
        while left > 0
            && let Some(first) = orders.next()
        {
            group.clear();
            group.push(first);
            while let Some(equal) = orders.next_if(|order| order.arrived == first.arrived) {
                group.push(equal);
            }
            let lots = group.iter().fold(0_i64, |sum, order| sum.saturating_add(order.size()));
            if lots <= left {
                group.iter().try_for_each(|order| fill(order, order.size(), fills))?;
            } else {
                pro_rata(&group, left, lots, fills)?;
            }
            left = left.saturating_sub(lots).max(0);
        }
    }
    match left {
        0 => Ok(()),
        _ => Err(Fault::Invariant("the levels that trade hold the volume")),
    }
}

/// Shares `given` lots among orders that hold `total`: each its part rounded down, what is left one by one to the
/// largest remainders, the lower number first.
fn pro_rata(
    group: &[&Order],
    given: i64,
    total: i64,
    fills: &mut Vec<BookFill>,
) -> Result<(), Fault> {
    // 0015-BOOK-011
    let mut shares = Vec::with_capacity(group.len());
    let mut rest = given;
    for (at, order) in group.iter().enumerate() {
        let exact = i128::from(order.lots).saturating_mul(given.into());
        let share = exact.checked_div(total.into()).and_then(|share| i64::try_from(share).ok());
        let share = share.ok_or(Fault::Invariant("a share is less than its order"))?;
        let remainder = exact.saturating_sub(i128::from(share).saturating_mul(total.into()));
        rest = rest.saturating_sub(share);
        shares.push((Reverse(remainder), order.number, at, share));
    }
    let rest = usize::try_from(rest).ok().filter(|rest| *rest < group.len());
    let rest = rest.ok_or(Fault::Invariant("fewer lots are left over than orders share them"))?;
    shares.select_nth_unstable_by_key(rest, |(remainder, number, ..)| (*remainder, *number));
    shares.iter_mut().take(rest).for_each(|(.., share)| *share = share.saturating_add(1));
    shares.sort_unstable_by_key(|(_, _, at, _)| *at);
    for (order, (.., share)) in group.iter().zip(shares) {
        if share > 0 {
            fill(order, share, fills)?;
        }
    }
    Ok(())
}

fn fill(order: &Order, lots: i64, fills: &mut Vec<BookFill>) -> Result<(), Fault> {
    // 0015-BOOK-015
    fills.push(BookFill::of(&order.open(), Lots::from_count(lots.into()), order.is_taker())?);
    Ok(())
}

/// Returns the immediate-or-cancel orders with what the fills leave of them, ascending by number.
fn expired(book: &FastBook, fills: &[BookFill]) -> Vec<Open> {
    // 0015-BOOK-012
    let mut expired: Vec<Open> = book.immediate().map(Order::open).collect();
    expired.sort_unstable_by_key(|open| open.order);
    for fill in fills.iter().filter(|fill| fill.aggressor) {
        let at = expired.binary_search_by_key(&fill.order, |open| open.order);
        if let Some(open) = at.ok().and_then(|at| expired.get_mut(at)) {
            open.lots = fill.left;
        }
    }
    expired.retain(|open| open.lots > Lots::ZERO);
    expired
}
