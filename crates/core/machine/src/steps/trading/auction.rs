//! The block's auctions, and the clearing of their fills.
//!
//! Each market is uncrossed and cleared over an overlay: fills, positions and postings are values until every check
//! has passed. A fault before that drops the overlay and halts the market; the others never see it.

use crate::block::work::Work;
use crate::state::account::Origin;
use crate::state::market::Market;
use book::{Auction, BookFill, FastBook, OrderBook};
use clearing::{Aggregate, Position, Trade, novate};
use ledger::{Changes, Holder, Posting};
use protocol::{
    AccountIndex, CancelReason, Event, Fault, Instrument, InstrumentId, ParameterId, Side,
};
use std::collections::BTreeMap;
use units::{Lots, Notional, Ppm, Price};

/// What an auction does to everybody's positions and balances, before it counts.
#[derive(Debug)]
struct Overlay {
    changes: Changes,
    positions: BTreeMap<AccountIndex, Position>,
    aggregate: Aggregate,
    events: Vec<Event>,
}

impl Work<'_> {
    /// Uncrosses every market that has a new order, and clears the fills.
    ///
    /// spec 0025-BLOCK-005, 0025-BLOCK-055.
    pub(crate) fn auctions(&mut self) -> Result<(), Fault> {
        let active: Vec<InstrumentId> = self.active.iter().copied().collect();
        self.hold_unchecked();
        for id in active {
            let cleared = match self.is_call_auction() {
                true => self.house_auctions(id),
                false => self.auction(id, None),
            };
            if let Err(fault) = cleared {
                self.halt_market(id, &fault)?;
            }
            self.margin_reduced();
        }
        if self.house_auctions { self.end_house_auctions() } else { Ok(()) }
    }

    /// Uncrosses what the house sells and what it buys, each with what waits on the other side.
    fn house_auctions(&mut self, id: InstrumentId) -> Result<(), Fault> {
        self.check_drill(id)?;
        for side in [Side::Sell, Side::Buy] {
            if let Some(book) = self.book_of_house(id, side)? {
                self.auction(id, Some(&book))?;
            }
        }
        Ok(())
    }

    fn check_drill(&self, id: InstrumentId) -> Result<(), Fault> {
        if self.broken.contains(&id) {
            return Err(Fault::Injected("a drill broke the books of this market"));
        }
        Ok(())
    }

    /// Uncrosses a market's book, or another of orders that wait.
    fn auction(&mut self, id: InstrumentId, called: Option<&FastBook>) -> Result<(), Fault> {
        let market = self.state.market(id)?;
        let reference = market.mark.ok_or(Fault::Missing("mark of a market with orders"))?;
        let auction = called.unwrap_or(&market.book).uncross(reference)?;
        let overlay = match auction.price {
            Some(price) => Some(self.clear(market, &auction, price)?),
            None => None,
        };
        self.check_drill(id)?;
        let prepared = match overlay {
            Some(Overlay { changes, positions, aggregate, events }) => {
                let positions = positions.into_iter().collect();
                Some((self.prepare_positions(id, &changes, aggregate, positions)?, events))
            }
            None => None,
        };
        if called.is_none() {
            // The book commits all or nothing; from there on nothing can fail.
            self.state.market_mut(id)?.book.commit(&auction)?;
        }
        if let Some((prepared, events)) = prepared {
            self.commit_positions(prepared);
            self.events.extend(events);
        }
        if let Some(price) = auction.price {
            self.note_trade(id, auction.volume, price);
        }
        self.settle_orders(id, &auction)?;
        if called.is_some() {
            self.leave_waiting(&auction);
        }
        Ok(())
    }

    /// Novates every fill of an auction.
    ///
    /// spec 0013-CLEAR-004.
    fn clear(&self, market: &Market, auction: &Auction, price: Price) -> Result<Overlay, Fault> {
        let mut overlay = Overlay {
            changes: Changes::default(),
            positions: BTreeMap::new(),
            aggregate: market.aggregate,
            events: Vec::with_capacity(auction.fills.len()),
        };
        for fill in &auction.fills {
            self.clear_fill(&mut overlay, &market.instrument, fill, price)?;
        }
        if overlay.aggregate.net != Lots::ZERO {
            return Err(Fault::Invariant("an auction buys as many lots as it sells"));
        }
        Ok(overlay)
    }

    fn clear_fill(
        &self,
        overlay: &mut Overlay,
        instrument: &Instrument,
        fill: &BookFill,
        price: Price,
    ) -> Result<(), Fault> {
        let held =
            self.state.accounts.get(fill.account).ok_or(Fault::Missing("account of a fill"))?;
        let open = held.orders().get(fill.order).ok_or(Fault::Missing("order of a fill"))?;
        let (fee, earner) = self.fee(instrument, open.origin, fill.aggressor);
        let trade = Trade {
            side: fill.side,
            price,
            lots: fill.lots,
            contract_size: instrument.contract_size,
            pays_premium: instrument.contract.pays_premium(),
            fee,
        };
        let position = overlay.positions.entry(fill.account);
        let position = position.or_insert_with(|| held.position(instrument.id));
        let novated = novate(*position, &trade)?;
        overlay.aggregate = overlay.aggregate.moved(*position, novated.position)?;
        *position = match self.state.accruals.get(&instrument.id) {
            Some(accrual) => accrual.filled(novated.position, fill.side, fill.lots)?,
            None => novated.position,
        };
        let client = Holder::Client(fill.account);
        let clearing = Holder::Clearing(instrument.id);
        if novated.premium != Notional::ZERO {
            overlay.changes.post(Posting::dollars(client, clearing, novated.premium))?;
        }
        overlay.changes.post(Posting::dollars(client, earner, novated.fee))?;
        overlay.events.push(Event::Filled {
            instrument: instrument.id,
            account: fill.account,
            order: fill.order,
            side: fill.side,
            price,
            lots: fill.lots,
            fee: novated.fee,
            aggressor: fill.aggressor,
        });
        Ok(())
    }

    /// Returns the fee of a fill and who earns it.
    ///
    /// spec 0013-CLEAR-003.
    fn fee(&self, instrument: &Instrument, origin: Origin, aggressor: bool) -> (Ppm, Holder) {
        let underlying = instrument.underlying;
        let parameter = match (origin, aggressor) {
            (Origin::Liquidation, _) => {
                let fee = self.state.liquidation_fee(underlying);
                return (fee, Holder::Insurance(underlying));
            }
            (_, true) => ParameterId::TakerFee,
            (_, false) => ParameterId::MakerFee,
        };
        (self.state.ppm(underlying, parameter), Holder::Fees)
    }

    /// Notes which orders of the house were filled, and which were not at all.
    ///
    /// spec 0021-FALL-005, 0021-FALL-022.
    fn note_pursuits(&mut self, id: InstrumentId, auction: &Auction) {
        let filled = auction.fills.iter().map(|fill| (fill.account, fill.order, true));
        let expired = auction.expired.iter().map(|left| (left.account, left.order, false));
        // What was filled in part has expired, too.
        let mut noted: BTreeMap<AccountIndex, bool> = BTreeMap::new();
        for (account, order, filled) in filled.chain(expired) {
            let held = self.state.accounts.get(account);
            let open = held.and_then(|held| held.orders().get(order));
            if open.is_some_and(|open| open.is_of_house()) {
                *noted.entry(account).or_default() |= filled;
            }
        }
        for (account, filled) in noted {
            let Ok(pursuit) = self.state.pursuit_mut(account) else { continue };
            if filled {
                pursuit.failures = 0;
                pursuit.unfilled.remove(&id);
            } else {
                pursuit.unfilled.insert(id);
            }
        }
    }

    /// Writes what is left of every order.
    fn settle_orders(&mut self, id: InstrumentId, auction: &Auction) -> Result<(), Fault> {
        self.note_pursuits(id, auction);
        let market = self.state.market_mut(id)?;
        market.last = auction.price.or(market.last);
        // What waits is not offered in the book.
        if !self.house_auctions {
            auction.fills.iter().for_each(|fill| market.offered.take(fill.side, fill.lots));
        }
        for fill in &auction.fills {
            let held = self.state.accounts.get(fill.account);
            let open = held.and_then(|held| held.orders().get(fill.order));
            if open.is_some_and(|open| open.is_of_house()) {
                self.margins.reduced.insert(fill.account);
            }
            if self.fill_order(fill.account, fill.order, fill.left)?.is_some() {
                // All of it has filled, so all that was counted of it stays counted.
                self.state.take_charge(fill.account, fill.order);
            }
        }
        for left in &auction.expired {
            self.closed(left.account, left.order, CancelReason::Unfilled)?;
        }
        // A fill moves the position that reduce-only orders have to fit.
        let filled: std::collections::BTreeSet<AccountIndex> =
            auction.fills.iter().map(|fill| fill.account).collect();
        for account in filled {
            for side in [Side::Buy, Side::Sell] {
                self.trim_reduce_only(account, id, side)?;
            }
        }
        Ok(())
    }
}
