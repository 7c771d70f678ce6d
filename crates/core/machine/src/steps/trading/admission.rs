//! Orders: cancels first, then admission of new ones into this block's auctions.

use crate::block::work::{Answer, Work};
use crate::state::account::{Account, OpenOrder, Origin};
use crate::state::market::{Market, Status};
use book::{Entry, OrderBook};
use clearing::Position;
use margin::{PriceBand, SizeLimits, room_to_reduce};
use protocol::{
    AccountId, AccountIndex, Address, CancelReason, Command, Event, Fault, InstrumentId, Mode,
    NewOrder, OrderId, ParameterId, Quote, Receipt, Refusal, SelfTrade, Side, TimeInForce,
    limits as counts,
};
use std::collections::BTreeSet;
use units::Lots;

/// An order as it enters a book, whoever sent it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Incoming {
    pub(crate) open: OpenOrder,
    pub(crate) time_in_force: TimeInForce,
    pub(crate) self_trade: SelfTrade,
}

impl Work<'_> {
    /// Cancels one order.
    pub(crate) fn cancel_order(&mut self, sender: Address, sub: u16, order: OrderId) -> Answer {
        let Some(account) = self.state.accounts.index(AccountId { owner: sender, sub }) else {
            return Ok(Err(Refusal::AccountNotOpen));
        };
        let held = self.state.accounts.get(account).ok_or(Fault::Missing("account"))?;
        if held.orders().get(order).is_some_and(|open| open.is_of_house()) {
            // 0021-FALL-007
            return Ok(Err(Refusal::OrderOfHouse));
        }
        let taken = self.take_out(account, order, CancelReason::Requested)?;
        Ok(if taken { Ok(Receipt::Done) } else { Err(Refusal::OrderUnknown) })
    }

    /// Cancels an account's orders, in one instrument or everywhere.
    pub(crate) fn mass_cancel(
        &mut self,
        sender: Address,
        sub: u16,
        instrument: Option<InstrumentId>,
    ) -> Answer {
        let Some(account) = self.state.accounts.index(AccountId { owner: sender, sub }) else {
            return Ok(Err(Refusal::AccountNotOpen));
        };
        let chosen = |open: &OpenOrder| {
            !open.is_of_house() && instrument.is_none_or(|id| id == open.instrument)
        };
        for order in self.orders_where(account, chosen) {
            self.take_out(account, order, CancelReason::Requested)?;
        }
        Ok(Ok(Receipt::Done))
    }

    /// Cancels the quotes that a mass quote replaces; answers only if it is refused as a whole, or that faults.
    ///
    /// spec 0025-BLOCK-011, 0027-ACC-017.
    pub(crate) fn cancel_quotes(
        &mut self,
        sender: Address,
        sub: u16,
        command: &Command,
    ) -> Option<Answer> {
        let Command::MassQuote { quotes, .. } = command else { return None };
        let account = self.state.accounts.index(AccountId { owner: sender, sub })?;
        if quotes.len() > counts::QUOTES_PER_COMMAND_MAX {
            return Some(Ok(Err(Refusal::TooMany)));
        }
        let replaced: BTreeSet<(InstrumentId, Side)> =
            quotes.iter().map(|quote| (quote.instrument, quote.side)).collect();
        let chosen = |open: &OpenOrder| {
            open.origin == Origin::Quote && replaced.contains(&(open.instrument, open.side))
        };
        let leave = self.orders_where(account, chosen);
        // Counted before anything is cancelled, so that what is refused has changed nothing.
        let refused = match self.would_give_back(account, &leave) {
            Ok(given_back) => self.charge(command, given_back),
            Err(fault) => Some(Err(fault)),
        };
        if refused.is_some() {
            return refused;
        }
        for order in leave {
            if let Err(fault) = self.take_out(account, order, CancelReason::Requested) {
                return Some(Err(fault));
            }
        }
        None
    }

    /// Returns an account's orders that satisfy a condition, ascending.
    pub(crate) fn orders_where(
        &self,
        account: AccountIndex,
        chosen: impl Fn(&OpenOrder) -> bool,
    ) -> Vec<OrderId> {
        let orders = self.state.accounts.get(account).map(|held| held.orders().sorted());
        let orders = orders.into_iter().flatten().filter(|(_, open)| chosen(open));
        orders.map(|(order, _)| order).collect()
    }

    /// Takes an order out of its book; returns whether it was open.
    pub(crate) fn take_out(
        &mut self,
        account: AccountIndex,
        order: OrderId,
        reason: CancelReason,
    ) -> Result<bool, Fault> {
        let Some(open) = self.closed(account, order, reason)? else { return Ok(false) };
        if self.state.waiting_mut().remove(order).is_none() {
            self.state.market_mut(open.instrument)?.book.cancel(order);
        }
        Ok(true)
    }

    /// Notes that an order has left its book, and returns what was open.
    pub(crate) fn closed(
        &mut self,
        account: AccountIndex,
        order: OrderId,
        reason: CancelReason,
    ) -> Result<Option<OpenOrder>, Fault> {
        let Some(open) = self.close_order(account, order)? else { return Ok(None) };
        let OpenOrder { instrument, lots, side, .. } = open;
        self.give_back(account, order, lots);
        if !self.state.waiting.orders().contains_key(&order)
            && let Ok(market) = self.state.market_mut(instrument)
        {
            market.offered.take(side, lots);
        }
        self.events.push(Event::Cancelled { instrument, account, order, lots, reason });
        Ok(Some(open))
    }

    /// Enters a trader's order into this block's auction.
    pub(crate) fn place_order(&mut self, sender: Address, sub: u16, order: &NewOrder) -> Answer {
        let Some(account) = self.state.accounts.index(AccountId { owner: sender, sub }) else {
            return Ok(Err(Refusal::AccountNotOpen));
        };
        let open = OpenOrder {
            instrument: order.instrument,
            side: order.side,
            price: order.price,
            lots: order.lots,
            origin: Origin::Order(order.client),
            reduce_only: order.reduce_only,
        };
        let (time_in_force, self_trade) = (order.time_in_force, order.self_trade);
        let incoming = Incoming { open, time_in_force, self_trade };
        self.enter_as(account, &incoming, None).map(|entered| entered.map(Receipt::Order))
    }

    /// Enters the quotes of a mass quote whose predecessors have been cancelled.
    pub(crate) fn mass_quote(&mut self, sender: Address, sub: u16, quotes: &[Quote]) -> Answer {
        let Some(account) = self.state.accounts.index(AccountId { owner: sender, sub }) else {
            return Ok(Err(Refusal::AccountNotOpen));
        };
        let mut answers = Vec::with_capacity(quotes.len());
        for quote in quotes {
            if quote.lots == Lots::ZERO {
                answers.push(Ok(None));
                continue;
            }
            let open = OpenOrder {
                instrument: quote.instrument,
                side: quote.side,
                price: quote.price,
                lots: quote.lots,
                origin: Origin::Quote,
                reduce_only: false,
            };
            let time_in_force = TimeInForce::PostOnly;
            let incoming = Incoming { open, time_in_force, self_trade: SelfTrade::CancelResting };
            answers.push(self.enter_as(account, &incoming, None)?.map(Some));
        }
        Ok(Ok(Receipt::Quotes(answers)))
    }

    /// Enters an order that the house sends for an account below maintenance margin.
    ///
    /// spec 0021-FALL-007.
    pub(crate) fn enter_liquidation(
        &mut self,
        account: AccountIndex,
        reduction: &waterfall::Reduction,
    ) -> Answer<OrderId> {
        let (side, lots) = match reduction.lots > Lots::ZERO {
            true => (Side::Buy, reduction.lots),
            false => {
                (Side::Sell, reduction.lots.negated().map_err(Fault::at("liquidation order"))?)
            }
        };
        let open = OpenOrder {
            instrument: reduction.instrument,
            side,
            price: reduction.limit,
            lots,
            origin: Origin::Liquidation,
            reduce_only: true,
        };
        let (time_in_force, self_trade) =
            (TimeInForce::ImmediateOrCancel, SelfTrade::CancelResting);
        let incoming = Incoming { open, time_in_force, self_trade };
        let admitted = if self.is_call_auction() {
            self.wait_as_house(account, &incoming)?
        } else {
            let entry = self.entry(account, &incoming, None);
            match self.state.market(open.instrument)?.book.check(&entry, self_trade) {
                Ok(own) => self.admit(account, &incoming, None, own)?,
                Err(refusal) => return Ok(Err(refusal)),
            }
        };
        let bought = self.liquidated.entry(open.instrument).or_default();
        *bought = bought.plus(reduction.lots).map_err(Fault::at("lots liquidated"))?;
        Ok(Ok(admitted))
    }

    /// Checks an order of a trader and admits it, under its number if it has waited; in a call auction it waits.
    ///
    /// spec 0025-BLOCK-009, 0025-BLOCK-010.
    pub(crate) fn enter_as(
        &mut self,
        account: AccountIndex,
        incoming: &Incoming,
        order: Option<OrderId>,
    ) -> Answer<OrderId> {
        // What rests is margined before what comes.
        self.margin_unchecked(account)?;
        let taken_over = self.takeover(account, incoming)?;
        let incoming = taken_over.as_ref().unwrap_or(incoming);
        let open = &incoming.open;
        let Some(held) = self.state.accounts.get(account) else {
            return Ok(Err(Refusal::AccountNotOpen));
        };
        let position = held.position(open.instrument);
        let checked = self.check_market(held, position.lots, open).and_then(|market| {
            if held.pursuit().aside {
                // 0025-BLOCK-030
                return Err(Refusal::InstrumentHalted);
            }
            if taken_over.is_none() {
                self.check_mode(held, position.lots, market, open)?;
            }
            check_price(market, self, open)?;
            check_account(held, &position, open).map(|()| market)
        });
        let market = match checked {
            Ok(market) => market,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let sized = self.check_size(held, position.lots, market, open)?;
        let entry = self.entry(account, incoming, None);
        let booked = check_book(held, market, &entry, incoming.self_trade);
        let roomy = self.check_room(account, open);
        let margined = self.check_margin(account, open)?;
        match (sized, booked, roomy, margined) {
            (Ok(()), Ok(_), Ok(()), Ok(())) if self.is_call_auction() => {
                self.wait(account, incoming).map(Ok)
            }
            (Ok(()), Ok(own), Ok(()), Ok(())) if taken_over.is_some() => {
                let mut incoming = *incoming;
                incoming.open.lots = self.make_room(&incoming)?;
                let order = self.admit(account, &incoming, order, own)?;
                self.note_takeover(account, order, &incoming)?;
                Ok(Ok(order))
            }
            (Ok(()), Ok(own), Ok(()), Ok(())) => self.admit(account, incoming, order, own).map(Ok),
            (sized, booked, roomy, margined) => {
                // Each of them knows refusals before and after those of the others.
                let refused = [sized.err(), booked.err(), roomy.err(), margined.err()];
                let first = refused.into_iter().flatten().min_by_key(Refusal::code);
                first.map(Err).map(Ok).ok_or(Fault::Invariant("a refusal has a code"))?
            }
        }
    }

    /// The market takes orders: after its contract's time, until it is settled, those that fit the position alone.
    fn check_market(
        &self,
        held: &Account,
        lots: Lots,
        open: &OpenOrder,
    ) -> Result<&Market, Refusal> {
        let market = self.state.markets.get(&open.instrument).ok_or(Refusal::InstrumentUnknown)?;
        // 0013-CLEAR-009
        let expires_at = market.instrument.contract.expires_at();
        let is_late = expires_at.is_some_and(|expires_at| expires_at <= self.block.time);
        if is_late && !fits_position(held, lots, open) {
            return Err(Refusal::InstrumentExpired);
        }
        if !market.status.allows_reducing() || self.state.house_fault.is_some() {
            return Err(Refusal::InstrumentHalted);
        }
        let mode = self.state.mode(market.instrument.underlying);
        if mode == Mode::Frozen {
            return Err(Refusal::ModeForbids { mode });
        }
        Ok(market)
    }

    /// Returns an order with the lots that are let in of it because they take over what the house liquidates, where a market may
    /// only reduce and the order does not; nothing of any other.
    ///
    /// spec 0025-BLOCK-047.
    fn takeover(
        &mut self,
        account: AccountIndex,
        incoming: &Incoming,
    ) -> Result<Option<Incoming>, Fault> {
        let open = incoming.open;
        let held = self.state.accounts.get(account);
        let market = self.state.markets.get(&open.instrument);
        let (Some(held), Some(market)) = (held, market) else { return Ok(None) };
        let mode = self.state.mode(market.instrument.underlying);
        if !is_restricted(market, mode)
            || market.status != Status::Trading
            || fits_position(held, held.position(open.instrument).lots, &open)
        {
            return Ok(None);
        }
        let lots = self.takes_over(incoming)?;
        let taken_over = Incoming { open: OpenOrder { lots, ..open }, ..*incoming };
        Ok((lots > Lots::ZERO).then_some(taken_over))
    }

    /// In reduce-only mode, in a contract whose vol or basis is stale, and in a market that is paused, all open orders of a side
    /// fit the position.
    ///
    /// spec 0025-BLOCK-010.
    fn check_mode(
        &self,
        held: &Account,
        lots: Lots,
        market: &Market,
        open: &OpenOrder,
    ) -> Result<(), Refusal> {
        let mode = self.state.mode(market.instrument.underlying);
        let refusal = if market.status == Status::Paused {
            Refusal::InstrumentHalted
        } else if is_restricted(market, mode) {
            Refusal::ModeForbids { mode: mode.max(Mode::ReduceOnly) }
        } else {
            return Ok(());
        };
        if !fits_position(held, lots, open) {
            return Err(refusal);
        }
        Ok(())
    }

    /// Reduce-only orders, and those beside one with which the house liquidates, fit the position beside all other
    /// orders of that side; no position passes its limit.
    fn check_size(
        &self,
        held: &Account,
        lots: Lots,
        market: &Market,
        open: &OpenOrder,
    ) -> Answer<()> {
        let at = Fault::at("size of orders");
        let others = held.side(open.instrument, open.side);
        let total = open.lots.plus(others.lots).map_err(&at)?;
        let limits = SizeLimits {
            must_reduce: open.reduce_only || others.of_house > 0,
            has_room: market.has_room_for(open.side, open.lots),
            position: self.state.position_limit(market.instrument.underlying),
        };
        margin::check_size(lots, open.side, total, limits).map_err(at)
    }

    /// Checks that the owner has room for an order more, and in a call auction that those that wait have.
    ///
    /// spec 0025-BLOCK-043.
    fn check_room(&self, account: AccountIndex, open: &OpenOrder) -> Result<(), Refusal> {
        if self.is_call_auction() {
            self.state.waiting.room(open)?;
        }
        let (here, all) = self.state.accounts.orders_of_owner(account, open.instrument);
        let within =
            here < counts::ORDERS_PER_OWNER_AND_BOOK_MAX && all < counts::ORDERS_PER_OWNER_MAX;
        if within { Ok(()) } else { Err(Refusal::TooManyOrdersOfOwner) }
    }

    fn entry(&self, account: AccountIndex, incoming: &Incoming, order: Option<OrderId>) -> Entry {
        Entry {
            order: order.unwrap_or(self.state.next_order),
            account,
            side: incoming.open.side,
            price: incoming.open.price,
            lots: incoming.open.lots,
            time_in_force: incoming.time_in_force,
            arrived: self.block.height,
        }
    }

    /// Returns the number of the next order, and counts on.
    pub(crate) fn next_order(&mut self) -> Result<OrderId, Fault> {
        let order = self.state.next_order;
        let next = order.get().checked_add(1).ok_or(Fault::Invariant("order ids suffice"))?;
        *self.state.next_order_mut() = OrderId::new(next);
        Ok(order)
    }

    /// Puts an order that its book has just passed into this block's batch; `own`, what it would trade with of its own
    /// account, leaves.
    fn admit(
        &mut self,
        account: AccountIndex,
        incoming: &Incoming,
        order: Option<OrderId>,
        own: Vec<OrderId>,
    ) -> Result<OrderId, Fault> {
        let entry = self.entry(account, incoming, order);
        let open = incoming.open;
        let market = self.state.market_mut(open.instrument)?;
        let admitted = market.book.enter(entry, own)?;
        market.offered.add(open.side, open.lots);
        if order.is_none() {
            self.next_order()?;
        }
        for left in admitted.self_trade_cancels {
            self.closed(left.account, left.order, CancelReason::SelfTrade)?;
        }
        if let Some(left) = admitted.evicted {
            self.closed(left.account, left.order, CancelReason::Evicted)?;
        }
        self.open_order(account, entry.order, open)?;
        self.note_charge(account, entry.order, &open)?;
        self.active.insert(open.instrument);
        self.trim_reduce_only(account, open.instrument, open.side)?;
        Ok(entry.order)
    }

    /// Cancels reduce-only orders, the newest first, until the orders of a side fit the position.
    ///
    /// So whatever fills, and in whatever order, no reduce-only order enlarges a position.
    ///
    /// spec 0025-BLOCK-011.
    pub(crate) fn trim_reduce_only(
        &mut self,
        account: AccountIndex,
        instrument: InstrumentId,
        side: Side,
    ) -> Result<(), Fault> {
        let Some(held) = self.state.accounts.get(account) else { return Ok(()) };
        if held.side(instrument, side).reduce_only == 0 {
            return Ok(());
        }
        let chosen = |open: &OpenOrder| open.reduce_only;
        self.trim(account, (instrument, side), chosen, CancelReason::ReduceOnly)
    }

    /// Cancels the account's orders on every side on which they do not fit the position, the newest first.
    ///
    /// spec 0021-FALL-002.
    pub(crate) fn restrict_account(&mut self, account: AccountIndex) -> Result<(), Fault> {
        let held = self.state.accounts.get(account).ok_or(Fault::Missing("account"))?;
        let sides: Vec<(InstrumentId, Side)> = held.sides().map(|(side, _)| side).collect();
        sides
            .into_iter()
            .try_for_each(|side| self.trim(account, side, |_| true, CancelReason::Restricted))
    }

    /// Cancels the orders in a market's book that do not fit the positions of their accounts, the newest first.
    ///
    /// spec 0025-BLOCK-017.
    pub(crate) fn restrict_market(&mut self, instrument: InstrumentId) -> Result<(), Fault> {
        let resting = self.state.market(instrument)?.book.orders();
        let sides: BTreeSet<(AccountIndex, Side)> =
            resting.map(|open| (open.account, open.side)).collect();
        sides.into_iter().try_for_each(|(account, side)| {
            self.trim(account, (instrument, side), |_| true, CancelReason::Restricted)
        })
    }

    /// Cancels orders of a side of a market, the newest of those chosen first, until all of the side fit the position.
    /// The house's own are not among them.
    fn trim(
        &mut self,
        account: AccountIndex,
        (instrument, side): (InstrumentId, Side),
        chosen: impl Fn(&OpenOrder) -> bool,
        reason: CancelReason,
    ) -> Result<(), Fault> {
        let at = Fault::at("size of orders");
        let Some(held) = self.state.accounts.get(account) else { return Ok(()) };
        let mut total = held.side(instrument, side).lots;
        let room = room_to_reduce(held.position(instrument).lots, side).unwrap_or(Lots::ZERO);
        if total <= room {
            return Ok(());
        }
        let mut open = held.orders().sorted();
        open.retain(|(_, open)| {
            (open.instrument, open.side) == (instrument, side)
                && !open.is_of_house()
                && chosen(open)
        });
        while total > room
            && let Some((order, open)) = open.pop()
        {
            self.take_out(account, order, reason)?;
            total = total.minus(open.lots).map_err(&at)?;
        }
        Ok(())
    }
}

/// Returns whether a market may only reduce: by the mode of its underlying, or because its vol or its basis is stale.
fn is_restricted(market: &Market, mode: Mode) -> bool {
    mode == Mode::ReduceOnly || market.vol_stale || market.basis_stale
}

/// Returns whether an order and all open orders of its side together only reduce a position.
fn fits_position(held: &Account, lots: Lots, open: &OpenOrder) -> bool {
    let total = held.side(open.instrument, open.side).lots.plus(open.lots);
    total.is_ok_and(|total| margin::only_reduces(lots, open.side, total))
}

/// Checks that the book takes an order, and that it meets no order with which the house liquidates the account; returns
/// the account's orders that it meets.
fn check_book(
    held: &Account,
    market: &Market,
    entry: &Entry,
    self_trade: SelfTrade,
) -> Result<Vec<OrderId>, Refusal> {
    let met = market.book.check(entry, self_trade)?;
    let of_house =
        |order: &OrderId| held.orders().get(*order).is_some_and(|open| open.is_of_house());
    if met.iter().any(of_house) { Err(Refusal::SelfTrade) } else { Ok(met) }
}

/// Checks the client's number and what an account may have.
fn check_account(held: &Account, position: &Position, open: &OpenOrder) -> Result<(), Refusal> {
    if let Origin::Order(client) = open.origin
        && held.orders().has_client(client)
    {
        return Err(Refusal::ClientOrderIdInUse);
    }
    if held.orders().len() >= counts::ORDERS_PER_ACCOUNT_MAX {
        return Err(Refusal::TooManyOrders);
    }
    let known = *position != Position::default();
    if !known && held.positions().len() >= counts::POSITIONS_PER_ACCOUNT_MAX {
        return Err(Refusal::TooManyPositions);
    }
    Ok(())
}

/// Checks lots, tick, sign and band of an order.
pub(crate) fn check_price(
    market: &Market,
    work: &Work<'_>,
    open: &OpenOrder,
) -> Result<(), Refusal> {
    let OpenOrder { side, price, lots, .. } = *open;
    let underlying = market.instrument.underlying;
    let band = PriceBand {
        mark: market.mark,
        index: work.state.index(underlying),
        share: work.state.ppm(underlying, ParameterId::PriceBand),
    };
    margin::check_limit(&market.instrument, side, price, lots, band)
}
