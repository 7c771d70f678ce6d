//! What must hold of an auction before it is written into the book: nothing is written if it does not.

use super::FastBook;
use super::parts::{Order, Sides, ranks_cross};
use crate::Auction;
use crate::Open;
use crate::state::priority;
use places::NIL;
use protocol::{Fault, OrderId, Side, TimeInForce};
use units::Lots;

/// Checks that the auction names orders of this book as they are, and leaves it uncrossed: 0015-BOOK-019.
pub(super) fn check(book: &FastBook, auction: &Auction) -> Result<(), Fault> {
    let mut left = Left::default();
    let mut last = None;
    for fill in &auction.fills {
        let order = find(book, fill.order).ok_or(Fault::Missing("filled order"))?;
        let open = order.open();
        fill.fits(&open)?;
        let key = Some(priority(&open));
        if last >= key {
            return Err(Fault::Invariant("fills are in the order of priority"));
        }
        last = key;
        left.note(order, fill.left);
    }
    left.takers.sort_unstable();
    check_expired(book, auction, &left)?;
    let bid = left.best(book, Side::Buy);
    let ask = left.best(book, Side::Sell);
    match ranks_cross(bid, ask) {
        false => Ok(()),
        true => Err(Fault::Invariant("no bid rests at or above an ask")),
    }
}

fn find(book: &FastBook, order: OrderId) -> Option<&Order> {
    book.numbers.get(order.get()).and_then(|place| book.orders.get(place))
}

/// Checks that the immediate-or-cancel orders expire with what is left of them.
fn check_expired(book: &FastBook, auction: &Auction, left: &Left) -> Result<(), Fault> {
    // 0015-BOOK-012
    let ascending = auction.expired.is_sorted_by(|left, right| left.order < right.order);
    let as_left = auction.expired.iter().all(|open| {
        find(book, open.order).is_some_and(|order| {
            order.time_in_force == TimeInForce::ImmediateOrCancel
                && open.lots > Lots::ZERO
                && *open == Open { lots: left.of(order), ..order.open() }
        })
    });
    let unfinished = book.immediate().filter(|order| left.of(order) > Lots::ZERO).count();
    match ascending && as_left && unfinished == auction.expired.len() {
        true => Ok(()),
        false => Err(Fault::Invariant("what expires is what the auction left")),
    }
}

/// What the fills leave, as far as it is not in the book.
#[derive(Debug, Default)]
struct Left {
    /// Takers that trade, and their lots left.
    takers: Vec<(OrderId, Lots)>,
    /// Levels, best first, with how many of their orders trade in full.
    levels: Sides<Vec<(u32, u32)>>,
}

impl Left {
    fn note(&mut self, order: &Order, left: Lots) {
        if order.level == NIL {
            self.takers.push((order.number(), left));
            return;
        }
        let finished = u32::from(left == Lots::ZERO);
        let levels = self.levels.of_mut(order.side);
        match levels.last_mut() {
            Some((level, count)) if *level == order.level => {
                *count = count.saturating_add(finished)
            }
            _ => levels.push((order.level, finished)),
        }
    }

    /// Returns what is left of a taker.
    fn of(&self, order: &Order) -> Lots {
        let at = self.takers.binary_search_by_key(&order.number(), |(number, _)| *number);
        let left = at.ok().and_then(|at| self.takers.get(at)).map(|(_, left)| *left);
        left.unwrap_or(Lots::from_count(order.lots.into()))
    }

    /// Returns the best rank that will rest on a side.
    fn best(&self, book: &FastBook, side: Side) -> i64 {
        let mut traded = self.levels.of(side).iter();
        let standing = book.ladders.of(side).iter().find(|(_, at)| {
            let orders = book.levels.get(*at).map(|level| (*at, level.count));
            traded.next().copied() != orders
        });
        let other = side.opposite();
        let opposite = book.ladders.of(other).best().min(*book.takers_best.of(other));
        let takers = book.batch.iter().filter_map(|place| book.orders.get(*place));
        let taker = takers
            .filter(|order| order.is_taker() && order.side == side)
            .filter(|order| order.time_in_force == TimeInForce::GoodTillCancelled)
            .filter(|order| ranks_cross(order.rank(), opposite) && self.of(order) > Lots::ZERO)
            .map(Order::rank)
            .min();
        let standing = standing.map_or(i64::MAX, |(rank, _)| rank);
        taker.map_or(standing, |taker| taker.min(standing))
    }
}
