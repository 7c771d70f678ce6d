//! What happens to contracts as time passes: listing, variation margin, funding, expiry.

use crate::block::work::{Answer, Work};
use crate::state::market::{Market, Pause, Status};
use crate::state::offered::Offered;
use crate::steps::pricing::votes::ending_at;
use book::{FastBook, OrderBook};
use clearing::{Aggregate, Position, check_dust, close, payoff, payoff_of_lot, settle};
use ledger::{Changes, Holder, Posting};
use oracle::PremiumAverage;
use protocol::{
    AccountIndex, AssetId, CancelReason, ContractRule, Event, Fault, Instrument, InstrumentId,
    Mode, ParameterId, Refusal, UnderlyingId, limits as counts,
};
use units::{Amount, BlockSpan, BlockTime, Notional, Ppb, Price, Vol};

impl Market {
    /// Returns a market that has just been listed.
    pub(crate) fn listed(instrument: Instrument) -> Self {
        Self {
            instrument,
            book: FastBook::new(instrument.tick),
            status: Status::Trading,
            pause: Pause::default(),
            mark: None,
            forward: None,
            vol: None,
            vol_voted: None,
            vol_uncertainty: Vol::ZERO,
            vol_stale: false,
            basis_stale: false,
            basis_doubt: Price::ZERO,
            greeks: None,
            last: None,
            aggregate: Aggregate::default(),
            premium: PremiumAverage::new(),
            funding_rate: Ppb::ZERO,
            offered: Offered::default(),
        }
    }
}

impl Work<'_> {
    /// Lists a contract.
    ///
    /// spec 0013-CLEAR-012.
    pub(crate) fn list(&mut self, instrument: Instrument) -> Answer<()> {
        let refuse = |rule| Ok(Err(Refusal::ContractInvalid { rule }));
        if let Err(refusal) = instrument.check() {
            return Ok(Err(refusal));
        }
        if instrument.contract.expires_at().is_some_and(|expires_at| expires_at <= self.block.time)
        {
            return refuse(ContractRule::ExpiresBeforeNow);
        }
        if !self.state.underlyings.contains_key(&instrument.underlying) {
            return refuse(ContractRule::UnderlyingUnknown);
        }
        if self.state.markets.contains_key(&instrument.id) {
            return refuse(ContractRule::NumberInUse);
        }
        if self.state.markets.len() >= counts::INSTRUMENTS_MAX {
            return Ok(Err(Refusal::TooMany));
        }
        self.state.list(instrument);
        Ok(Ok(()))
    }

    /// Exchanges variation margin and funding in every market, if the interval is over.
    ///
    /// Markets whose price is not to be trusted wait for the next interval: nothing is lost by waiting.
    ///
    /// spec 0013-CLEAR-006.
    pub(crate) fn exchange_margin(&mut self) -> Result<(), Fault> {
        let now = self.block.time;
        if now < self.state.variation_due_at {
            return Ok(());
        }
        let interval = BlockSpan::from_millis(self.state.house(ParameterId::VariationInterval));
        let due_at = now.after(interval).map_err(Fault::at("variation margin"))?;
        self.state.set_variation_due_at(due_at);
        let ids: Vec<InstrumentId> = self.state.markets.keys().copied().collect();
        for id in ids {
            let market = self.state.market(id)?;
            let trusted = self.state.mode(market.instrument.underlying) < Mode::Frozen;
            let (Some(mark), true) = (market.mark, trusted && market.status.allows_reducing())
            else {
                continue;
            };
            let exchanged = self.exchange_in(id, mark);
            if let Err(fault) = exchanged {
                self.halt(id, &fault)?;
            }
        }
        Ok(())
    }

    fn exchange_in(&mut self, id: InstrumentId, mark: Price) -> Result<(), Fault> {
        let contract = self.state.market(id)?.instrument.contract;
        if contract.pays_premium() {
            return Ok(());
        }
        self.pay_variation(id, mark)?;
        self.pay_funding(id)
    }

    /// Returns every account with a position in a market.
    pub(crate) fn holders(&self, id: InstrumentId) -> Vec<(AccountIndex, Position)> {
        let position = |index, account: &crate::Account| {
            let position = account.position(id);
            (position != Position::default()).then_some((index, position))
        };
        self.state.accounts.iter().filter_map(|(index, held)| position(index, held)).collect()
    }

    fn pay_variation(&mut self, id: InstrumentId, mark: Price) -> Result<(), Fault> {
        let market = self.state.market(id)?;
        let size = market.instrument.contract_size;
        let mut aggregate = market.aggregate;
        let (mut changes, mut after, mut paid) = (Changes::default(), Vec::new(), Notional::ZERO);
        for (account, position) in self.holders(id) {
            let settled = settle(position, mark, size)?;
            aggregate = aggregate.moved(position, settled.position)?;
            let (house, client) = (Holder::Clearing(id), Holder::Client(account));
            changes.post(Posting::dollars(house, client, settled.paid))?;
            let lost = settled.paid.negated().map(|lost| lost.greater(Notional::ZERO));
            paid = lost.and_then(|lost| paid.plus(lost)).map_err(Fault::at("variation paid"))?;
            after.push((account, settled.position));
        }
        let prepared = self.prepare_positions(id, &changes, aggregate, after)?;
        self.commit_positions(prepared);
        if paid > Notional::ZERO {
            self.events.push(Event::VariationPaid { instrument: id, paid });
        }
        Ok(())
    }

    /// Returns the clearing balance of a market after changes.
    pub(crate) fn clearing_balance(
        &self,
        id: InstrumentId,
        changes: &Changes,
    ) -> Result<Notional, Fault> {
        let (clearing, dollar) = (Holder::Clearing(id), AssetId::DOLLAR);
        let balance = self.state.ledger.balance(clearing, dollar);
        let after = balance.plus(changes.net(clearing, dollar));
        after.map(Amount::notional).map_err(Fault::at("clearing balance"))
    }

    /// Settles and removes every contract that ends with this block.
    ///
    /// spec 0013-CLEAR-009.
    pub(crate) fn expire(&mut self) -> Result<(), Fault> {
        for id in ending_at(&self.state.markets, self.block.time) {
            if let Err(fault) = self.expire_one(id) {
                self.halt(id, &fault)?;
            }
        }
        self.forget_settled()
    }

    /// Lets a contract that cannot be settled yet do nothing but shrink, from the first block after its expiry on.
    ///
    /// spec 0013-CLEAR-009.
    fn postpone(&mut self, id: InstrumentId) -> Result<(), Fault> {
        let Instrument { underlying, contract, .. } = self.state.market(id)?.instrument;
        let Some(expires_at) = contract.expires_at() else { return Ok(()) };
        let late = self.block.time.since(expires_at).map_err(Fault::at("time since expiry"))?;
        if late >= self.elapsed {
            // Not the first block after it.
            return Ok(());
        }
        let postponed = Event::SettlementPostponed { underlying, expires_at };
        if !self.events.contains(&postponed) {
            self.events.push(postponed);
        }
        self.restrict_market(id)
    }

    fn expire_one(&mut self, id: InstrumentId) -> Result<(), Fault> {
        let market = self.state.market(id)?;
        if matches!(market.status, Status::Halted { .. }) {
            // Governance resumes it; then it settles at the price that was averaged.
            return Ok(());
        }
        let Instrument { underlying, contract, .. } = market.instrument;
        let (now, expires_at) = (self.block.time, contract.expires_at());
        let held = self.state.underlyings.get(&underlying);
        let average = held.zip(expires_at).and_then(|(held, at)| held.settlements.get(&at));
        match average.map(|average| average.settled(now)).transpose()?.flatten() {
            Some(price) => self.expire_market(id, price),
            // Too little of the window was fresh: the average goes on.
            None => self.postpone(id),
        }
    }

    /// Puts a price in the place of what a settlement still waits for, if it has waited long and no prices come.
    ///
    /// spec 0013-CLEAR-013.
    pub(crate) fn settle_at(
        &mut self,
        id: UnderlyingId,
        expires_at: BlockTime,
        price: Price,
    ) -> Answer<()> {
        let (now, params) = (self.block.time, self.oracle_parameters(id));
        let wait = self.state.span(id, ParameterId::SettlementWait);
        let due_at = expires_at.after(wait);
        let band = self.state.ppm(id, ParameterId::SettlementBand);
        let (index, mode) = (self.state.index(id), self.state.mode(id));
        let held = self.state.underlyings.get(&id);
        let average = held.and_then(|held| held.settlements.get(&expires_at));
        let (Some(average), Some(index)) = (average, index) else {
            return Ok(Err(Refusal::SettlementNotDue));
        };
        let early = due_at.is_ok_and(|due_at| now < due_at);
        if early || mode < Mode::Frozen || average.settled(now)?.is_some() {
            return Ok(Err(Refusal::SettlementNotDue));
        }
        let (lowest, highest) = oracle::settlement_range(index, band)?;
        if price < lowest || price > highest {
            return Ok(Err(Refusal::SettlementPriceOutside { lowest, highest }));
        }
        let average = self.state.underlying_mut(id)?.settlements.get_mut(&expires_at);
        average.ok_or(Fault::Missing("average of an expiry"))?.give(price, now, &params)?;
        Ok(Ok(()))
    }

    fn expire_market(&mut self, id: InstrumentId, price: Price) -> Result<(), Fault> {
        let market = self.state.market(id)?;
        let Instrument { underlying, contract, contract_size, .. } = market.instrument;
        let open_interest = market.aggregate.open_interest;
        let per_unit = payoff(&contract, price)?;
        let mut aggregate = market.aggregate;
        let (mut changes, mut after) = (Changes::default(), Vec::new());
        for (account, position) in self.holders(id) {
            let closed = close(position, per_unit, contract_size)?;
            aggregate = aggregate.moved(position, closed.position)?;
            let (house, client) = (Holder::Clearing(id), Holder::Client(account));
            changes.post(Posting::dollars(house, client, closed.paid))?;
            after.push((account, closed.position));
        }
        let ended: Vec<AccountIndex> = match self.is_call_auction() {
            true => after.iter().map(|(account, _)| *account).collect(),
            false => Vec::new(),
        };
        // 0013-CLEAR-010, 0011-LEDG-007
        // What rounding has left with the house goes to the insurance fund; nothing may be missing.
        let clearing = Holder::Clearing(id);
        let dust = self.clearing_balance(id, &changes)?;
        check_dust(dust, after.len())?;
        changes.post(Posting::dollars(clearing, Holder::Insurance(underlying), dust))?;
        let prepared = self.prepare_positions(id, &changes, aggregate, after)?;
        self.commit_positions(prepared);
        // 0025-BLOCK-031
        let suspension = self.state.suspension_mut();
        ended.into_iter().for_each(|account| suspension.position_ended(account));
        self.cancel_book(id, CancelReason::Expiry)?;
        let payoff = payoff_of_lot(per_unit, contract_size)?;
        self.events.push(Event::Expired { instrument: id, price, payoff, open_interest });
        self.state.delist(id);
        // A drill of this block has come too late.
        self.active.remove(&id);
        Ok(())
    }

    /// Drops the averages of expiries at which no contract is left.
    fn forget_settled(&mut self) -> Result<(), Fault> {
        let now = self.block.time;
        let ids: Vec<_> = self.state.underlyings.keys().copied().collect();
        for id in ids {
            let waiting: Vec<_> = self
                .markets_of(id)
                .into_iter()
                .filter_map(|id| self.state.markets.get(&id)?.instrument.contract.expires_at())
                .collect();
            let underlying = self.state.underlying_mut(id)?;
            underlying.settlements.retain(|at, _| *at > now || waiting.contains(at));
        }
        Ok(())
    }

    /// Cancels every order of a market.
    fn cancel_book(&mut self, id: InstrumentId, reason: CancelReason) -> Result<(), Fault> {
        let market = self.state.market_mut(id)?;
        let mut open = market.book.drop_batch();
        let resting: Vec<_> = market.book.orders().collect();
        for order in resting {
            market.book.cancel(order.order);
            open.push(order);
        }
        for order in open {
            self.closed(order.account, order.order, reason)?;
        }
        let waiting: Vec<_> = self
            .state
            .waiting
            .orders()
            .iter()
            .map(|(order, waited)| (waited.account, *order))
            .collect();
        for (account, order) in waiting {
            let held = self.state.accounts.get(account).ok_or(Fault::Missing("account"))?;
            if held.orders().get(order).is_some_and(|open| open.instrument == id) {
                self.take_out(account, order, reason)?;
            }
        }
        Ok(())
    }

    /// Halts one market: drops what this block brought to it, and says why.
    ///
    /// spec 0025-BLOCK-006.
    pub(crate) fn halt(&mut self, id: InstrumentId, fault: &Fault) -> Result<(), Fault> {
        let market = self.state.market_mut(id)?;
        let fault = fault.to_string();
        market.status = Status::Halted { fault: fault.clone() };
        let dropped = market.book.drop_batch();
        for order in dropped {
            self.closed(order.account, order.order, CancelReason::Halt)?;
        }
        self.active.remove(&id);
        self.events.push(Event::Halted { instrument: id, fault });
        Ok(())
    }
}
