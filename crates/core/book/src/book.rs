//! What a book does, whichever way it is built.

use crate::{Auction, BookState, Entry, Extract, Level, Open};
use protocol::{AccountIndex, Fault, Hash, OrderId, Refusal, SelfTrade, Side};
use units::{Lots, Ppm, Price};

/// An order has entered this block's batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// The account's own orders that left the book for it, ascending by number.
    pub self_trade_cancels: Vec<Open>,
    /// The worst order of a full side, which left for it.
    pub evicted: Option<Open>,
}

/// A book of one instrument.
///
/// A block calls, in this order: [`cancel`](Self::cancel) and [`reduce`](Self::reduce), [`check`](Self::check) and
/// [`enter`](Self::enter) or [`admit`](Self::admit), which is both, [`uncross`](Self::uncross), then [`commit`](Self::commit) or
/// [`drop_batch`](Self::drop_batch). Orders *stand* if they rest or are post-only orders of this block; the other
/// orders of this block are *takers*. [`best`](Self::best), [`depth`](Self::depth), [`orders`](Self::orders),
/// [`state`](Self::state) and [`digest`](Self::digest) see what stands, which is everything between blocks;
/// [`open`](Self::open), [`orders_of`](Self::orders_of) and [`len`](Self::len) see takers too.
///
/// # Source
///
/// spec 0015-BOOK-001…020.
pub trait OrderBook: Sized {
    /// Returns an empty book of at most [`protocol::limits::ORDERS_PER_SIDE_MAX`] orders a side.
    fn new(tick: Price) -> Self {
        Self::bounded(tick, protocol::limits::ORDERS_PER_SIDE_MAX)
    }

    /// Returns an empty book of at most `side_max` orders a side, those not counted that never rest.
    fn bounded(tick: Price, side_max: usize) -> Self;

    /// Takes an order out of the book and returns it as it was; `None` if it is not there.
    fn cancel(&mut self, order: OrderId) -> Option<Open>;

    /// Shrinks an order to at most `lots`, keeping its place, and returns it as it now is; `None` if it is not there.
    /// At zero or fewer it leaves the book.
    fn reduce(&mut self, order: OrderId, lots: Lots) -> Option<Open>;

    /// Returns the account's own orders that would leave the book if the entry were admitted, ascending by number.
    ///
    /// # Errors
    ///
    /// The [`Refusal`] that [`admit`](Self::admit) would answer, the first in the order of the codes.
    fn check(&self, entry: &Entry, self_trade: SelfTrade) -> Result<Vec<OrderId>, Refusal>;

    /// Puts an order into this block's batch, or refuses it and changes nothing. It is never refused if
    /// [`check`](Self::check) has just passed.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the number is in use.
    fn admit(
        &mut self,
        entry: Entry,
        self_trade: SelfTrade,
    ) -> Result<Result<Admitted, Refusal>, Fault> {
        match self.check(&entry, self_trade) {
            Ok(own) => self.enter(entry, own).map(Ok),
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// Puts an order that [`check`](Self::check) has just passed into this block's batch, and takes out those of the
    /// account's orders that `check` has named, and the worst order of a full side.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the number is in use.
    fn enter(&mut self, entry: Entry, own: Vec<OrderId>) -> Result<Admitted, Fault>;

    /// Returns the auction of all orders in the book: most volume, then least surplus, then closest to `reference`,
    /// then lowest price; lots by price, then block of arrival, then pro rata by largest remainder.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the result breaks an invariant of its own.
    fn uncross(&self, reference: Price) -> Result<Auction, Fault>;

    /// Applies the auction that [`uncross`](Self::uncross) has just returned; what is left of the batch rests.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the auction is not one of this book; nothing is changed.
    fn commit(&mut self, auction: &Auction) -> Result<(), Fault>;

    /// Takes this block's batch out of the book and returns it, ascending by number; cancels stay cancelled.
    fn drop_batch(&mut self) -> Vec<Open>;

    /// Returns the best price at which an order stands.
    fn best(&self, side: Side) -> Option<Price>;

    /// Returns the best levels that stand, best first, at most `levels` of them.
    fn depth(&self, side: Side, levels: usize) -> Vec<Level>;

    /// Returns the lots that stand on a side within a band around a price, each counted by how near it is: in full at the
    /// price or better, as nothing at the edge of the band. Rounding: down.
    ///
    /// Cost: the levels that it counts.
    fn lots_near(&self, side: Side, price: Price, band: Ppm) -> Lots;

    /// Returns the average price at which lots could be traded against what stands on a side, rounded against whoever
    /// trades: down against bids, up against asks; `None` if fewer stand, or none are asked for.
    ///
    /// Cost: the levels that it counts.
    fn average(&self, side: Side, lots: Lots) -> Option<Price>;

    /// Returns an open order.
    fn open(&self, order: OrderId) -> Option<Open>;

    /// Returns the numbers of an account's open orders, ascending.
    fn orders_of(&self, account: AccountIndex) -> Vec<OrderId>;

    /// Returns the orders that stand in canonical order: bids then asks, best price first, then by block of arrival,
    /// then by number.
    fn orders(&self) -> impl Iterator<Item = Open> + '_;

    /// Returns how many orders are open.
    fn len(&self) -> usize;

    /// Returns whether no order is open.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns what stands, to be encoded.
    fn state(&self) -> BookState;

    /// Returns the book of a state.
    ///
    /// # Errors
    ///
    /// [`Fault`] if no book can have that state.
    fn from_state(state: &BookState) -> Result<Self, Fault>;

    /// Returns the part of the book that shows an order, or the whole of it if the order does not stand. Nothing if more
    /// than [`ORDERS_SHOWN_MAX`](crate::ORDERS_SHOWN_MAX) orders would have to be shown.
    ///
    /// Cost: after [`digest`](Self::digest), for an order that stands, its level and the nodes beside the way to it;
    /// otherwise the whole book.
    fn extract(&self, order: OrderId) -> Option<Extract> {
        self.state().extract(order)
    }

    /// Returns the hash of what stands: the same for equal contents, whatever brought them about.
    fn digest(&mut self) -> Hash;
}
