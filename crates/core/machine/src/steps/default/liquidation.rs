//! Margins of all accounts, margin calls, liquidation stages 0 and 1.

use crate::block::work::Work;
use crate::state::pursuit::Pursuit;
use margin::{Meter, Reading};
use protocol::{
    AccountIndex, AssetId, CancelReason, Event, Fault, InstrumentId, Mode, ParameterId, Plant,
};
use std::collections::BTreeMap;
use units::{BlockSpan, Lots, Notional, Ppm};
use waterfall::{
    Candidate, Leg, Levels, Reduction, Standing, Step, next_step, slice_of_pledge, turns,
};

/// Steps of liquidation that a block has room for: a position of an account is one.
const STEPS_MAX: u64 = 8_192;
/// Steps that an account takes beside its positions.
const STEPS_APART: u64 = 4;

/// What the house does about an account in a block.
#[derive(Debug)]
struct Turn {
    orders: Vec<Reduction>,
    /// Whether the next turn is a slice.
    slice_next: bool,
}

impl Work<'_> {
    /// Margins every account, calls those short of initial margin, and takes on those that are below maintenance, as far as
    /// the block has room.
    ///
    /// A fault in what is computed of an account sets that account aside; the others go on. One in the sum of debts halts the
    /// house, and all have their turns.
    ///
    /// spec 0021-FALL-001, 0025-BLOCK-030.
    pub(crate) fn liquidations(&mut self) -> Result<(), Fault> {
        let mut meter = self.meter()?;
        let mut short: Vec<(AccountIndex, Reading)> = Vec::new();
        let accounts: Vec<AccountIndex> =
            self.state.accounts.iter().map(|(index, _)| index).collect();
        for account in accounts {
            match self.measure(&mut meter, account) {
                Ok(Some(reading)) if reading.equity < reading.maintenance => {
                    short.push((account, reading));
                }
                Ok(_) => self.let_go(account),
                Err(fault) => self.set_aside(account, &fault),
            }
        }
        let summed = self.measure_uncovered();
        // 0025-BLOCK-055
        if self.liquidates() {
            self.take_turns(&short);
        }
        summed
    }

    /// Measures an account; one without positions has its debt covered.
    fn measure(
        &mut self,
        meter: &mut Meter<'_>,
        account: AccountIndex,
    ) -> Result<Option<Reading>, Fault> {
        let reading = self.reading(meter, account)?;
        match &reading {
            Some(reading) => {
                self.call(account, reading)?;
                self.note_equity(account, reading.equity)?;
            }
            None => {
                self.end_call(account)?;
                self.cover_debt(account)?;
            }
        }
        Ok(reading)
    }

    /// Takes on those below maintenance margin whose turn it is.
    ///
    /// spec 0021-FALL-022.
    fn take_turns(&mut self, short: &[(AccountIndex, Reading)]) {
        let now = self.block.height;
        let candidate = |(account, reading): &(AccountIndex, Reading)| {
            let held = self.state.accounts.get(*account);
            let positions = held.map_or(0, |held| held.positions().len());
            let pursuit = held.map(|held| held.pursuit());
            Candidate {
                health: waterfall::health(reading.equity, reading.maintenance),
                stake: reading.maintenance,
                steps: u64::try_from(positions).unwrap_or(u64::MAX).saturating_add(STEPS_APART),
                waiting_since: pursuit.and_then(|held| held.waiting_since).unwrap_or(now),
                failures: pursuit.map_or(0, |held| held.failures),
            }
        };
        let candidates: Vec<Candidate> = short.iter().map(candidate).collect();
        let room = if Plant::NoTurns.is_planted() { u64::MAX } else { STEPS_MAX };
        let chosen = turns(&candidates, room);
        let mut waits = vec![true; short.len()];
        chosen.iter().for_each(|place| waits.get_mut(*place).into_iter().for_each(|w| *w = false));
        for ((account, _), waits) in short.iter().zip(waits) {
            let Some(held) = self.state.accounts.get(*account) else { continue };
            let since = held.pursuit().waiting_since;
            let after = waits.then(|| since.unwrap_or(now));
            if since != after
                && let Ok(pursuit) = self.state.pursuit_mut(*account)
            {
                pursuit.waiting_since = after;
            }
        }
        for (account, reading) in chosen.into_iter().filter_map(|place| short.get(place)) {
            match self.liquidate(*account, reading) {
                Ok(()) => self.restore(*account),
                Err(fault) => self.set_aside(*account, &fault),
            }
        }
    }

    /// Lets an account go that is not below maintenance margin; which of its legs nobody wanted is remembered.
    fn let_go(&mut self, account: AccountIndex) {
        self.restore(account);
        let Some(held) = self.state.accounts.get(account) else { return };
        if !held.pursuit().is_over()
            && let Ok(pursuit) = self.state.pursuit_mut(account)
        {
            let unfilled = std::mem::take(&mut pursuit.unfilled);
            *pursuit = Pursuit { unfilled, ..Pursuit::default() };
        }
    }

    /// Sets an account aside whose numbers have a fault: its orders go, and it gives no more until they are sound again.
    ///
    /// spec 0025-BLOCK-030.
    pub(crate) fn set_aside(&mut self, account: AccountIndex, fault: &Fault) {
        let Some(held) = self.state.accounts.get(account) else { return };
        if !held.pursuit().aside
            && let Ok(pursuit) = self.state.pursuit_mut(account)
        {
            pursuit.aside = true;
            self.margins.forget(account);
            self.events.push(Event::AccountSetAside { account, fault: fault.to_string() });
        }
        for order in self.orders_where(account, |open| !open.is_of_house()) {
            // One that cannot be taken out is another fault of the same account, which has been told of.
            drop(self.take_out(account, order, CancelReason::Restricted));
        }
    }

    /// Takes an account that was set aside back in.
    fn restore(&mut self, account: AccountIndex) {
        if self.state.accounts.get(account).is_some_and(|held| held.pursuit().aside)
            && let Ok(pursuit) = self.state.pursuit_mut(account)
        {
            pursuit.aside = false;
            self.events.push(Event::AccountRestored { account });
        }
    }

    /// Opens a margin call once equity has been too low for long enough, and closes it once it is not.
    ///
    /// spec 0021-FALL-002.
    fn call(&mut self, account: AccountIndex, reading: &Reading) -> Result<(), Fault> {
        let Reading { equity, initial, maintenance, .. } = *reading;
        let levels = Levels { equity, initial, maintenance };
        let Some(short_by) = levels.short_by()? else { return self.end_call(account) };
        let now = self.block.time;
        let grace = BlockSpan::from_millis(self.state.house(ParameterId::CallGrace));
        let held = self.state.accounts.get(account).ok_or(Fault::Missing("account"))?;
        let since = held.short_since.unwrap_or(now);
        let short_for = now.since(since).map_err(Fault::at("margin call"))?;
        let is_due = levels.is_due(short_for, grace);
        let begins = is_due && !held.called;
        let called = held.called || begins;
        self.state.set_call(account, called, Some(since))?;
        if begins {
            self.events.push(Event::MarginCalled { account, short_by });
            self.restrict_account(account)?;
        }
        Ok(())
    }

    /// Notes that an account is not short of initial margin.
    fn end_call(&mut self, account: AccountIndex) -> Result<(), Fault> {
        self.state.set_call(account, false, None)
    }

    fn liquidate(&mut self, account: AccountIndex, reading: &Reading) -> Result<(), Fault> {
        // 0021-FALL-001, 0021-FALL-003, 0021-FALL-004
        let held = self.state.accounts.get(account).ok_or(Fault::Missing("account"))?;
        let positions: Vec<(InstrumentId, Lots)> =
            held.positions().iter().map(|(id, position)| (*id, position.lots)).collect();
        if !positions.is_empty() && !positions.iter().any(|(id, _)| self.is_liquidable(*id)) {
            // No liquidation at a price that is not to be trusted; what is owed is known, and so is what a pledge brings.
            return self.sell_collateral(account, &[]);
        }
        let mut orders_cancelled = 0u32;
        for order in self.orders_where(account, |_| true) {
            self.take_out(account, order, CancelReason::Liquidation)?;
            orders_cancelled = orders_cancelled.saturating_add(1);
        }
        let standing = Standing {
            equity: reading.equity,
            maintenance: reading.maintenance,
            target: reading.buffer,
        };
        let legs = self.legs(account, &positions)?;
        let turn = self.turn(account, standing, &positions, &legs)?;
        let mut entered = Vec::with_capacity(turn.orders.len());
        for reduction in turn.orders {
            match self.enter_liquidation(account, &reduction)? {
                Ok(_) => entered.push((Some(reduction.instrument), reduction.lots)),
                Err(refusal) => {
                    let instrument = reduction.instrument;
                    self.events.push(Event::LiquidationRefused { account, instrument, refusal });
                }
            }
        }
        let pursuit = self.state.pursuit_mut(account)?;
        // Until something is filled.
        pursuit.failures = pursuit.failures.saturating_add(1);
        pursuit.slice_next = turn.slice_next;
        pursuit.pass(legs.iter().map(|(leg, _)| leg.instrument), |leg| {
            entered.iter().any(|(ordered, _)| *ordered == Some(leg))
        });
        if positions.is_empty() && orders_cancelled == 0 {
            // Collateral alone stood behind a debt; its sale is an event of its own.
            return Ok(());
        }
        if entered.is_empty() {
            entered.push((None, Lots::ZERO));
        }
        for (instrument, lots) in entered {
            let Reading { equity, maintenance, .. } = *reading;
            self.events.push(Event::Liquidated {
                account,
                equity,
                maintenance,
                orders_cancelled: std::mem::take(&mut orders_cancelled),
                instrument,
                lots,
            });
        }
        Ok(())
    }

    /// Returns what the house orders in a turn: reductions of single legs; of all by the same part, if no leg has one, and
    /// after every turn that left some without. Sells collateral where that does not bring what is missing.
    ///
    /// spec 0021-FALL-004, 0021-FALL-012, 0021-FALL-021.
    fn turn(
        &mut self,
        account: AccountIndex,
        mut standing: Standing,
        positions: &[(InstrumentId, Lots)],
        legs: &[(Leg, waterfall::Parameters)],
    ) -> Result<Turn, Fault> {
        let equity = standing.equity;
        standing.equity = self.equity_to_lose(account, equity, &[])?;
        let (orders, suffices, hedged) = orders_of(next_step(&standing, legs)?);
        let due = self.state.accounts.get(account).is_some_and(|held| held.pursuit().slice_next);
        if hedged && (orders.is_empty() || due) && !Plant::SpreadsStay.is_planted() {
            let sought = self.sought(account, &standing, legs)?;
            standing.equity = self.equity_to_lose(account, equity, &sought)?;
            if !sought.is_empty() || !suffices {
                self.sell_collateral(account, &sought)?;
            }
            let standing = self.after_sale(account, standing)?;
            let slice = self.slice(account, standing, legs)?;
            if !slice.is_empty() {
                return Ok(Turn { orders: slice, slice_next: false });
            }
            if !sought.is_empty() {
                // What stands in for the slice is of the account as it stands once the sale has cost and released.
                let legs = self.legs(account, positions)?;
                let (orders, _, hedged) = orders_of(next_step(&standing, &legs)?);
                return Ok(Turn { orders, slice_next: hedged });
            }
        } else if !suffices {
            self.sell_collateral(account, &[])?;
        }
        Ok(Turn { orders, slice_next: hedged })
    }

    /// Returns for how many dollars each asset that is pledged is to be sold beside a slice; none while nobody takes any of
    /// the legs: so no more than a slice is sold ahead of them.
    ///
    /// spec 0021-FALL-021.
    fn sought(
        &self,
        account: AccountIndex,
        standing: &Standing,
        legs: &[(Leg, waterfall::Parameters)],
    ) -> Result<Vec<(AssetId, Notional)>, Fault> {
        if legs.iter().all(|(leg, _)| leg.unfilled) {
            return Ok(Vec::new());
        }
        let pledges = self.pledges(account)?.into_iter();
        let sought = pledges.map(|(asset, worth)| Ok((asset, slice_of_pledge(standing, worth)?)));
        sought.collect()
    }

    /// Returns what of an account's equity the orders of the house may lose: less what the sale of collateral may cost in
    /// the same block.
    ///
    /// spec 0021-FALL-020.
    fn equity_to_lose(
        &self,
        account: AccountIndex,
        equity: Notional,
        sought: &[(AssetId, Notional)],
    ) -> Result<Notional, Fault> {
        let debt = self.state.ledger.cash(account).negated().map_err(Fault::at("debt"))?;
        let pledged = self.state.ledger.collateral(account);
        let pledged = pledged.filter_map(|(asset, _)| self.state.pledged_on(asset));
        let fee = pledged.map(|id| self.state.liquidation_fee(id)).fold(Ppm::ZERO, Ppm::greater);
        waterfall::equity_to_lose(equity, debt, sought.iter().map(|(_, more)| *more), fee)
    }

    /// Returns how an account stands once collateral has been sold.
    fn after_sale(&self, account: AccountIndex, before: Standing) -> Result<Standing, Fault> {
        before.after_sale(self.maintenance_after(account, |_| Lots::ZERO)?)
    }

    /// Returns the orders that reduce all legs by the same part, where none can be reduced alone; as the account stands once
    /// collateral has been sold beside them.
    ///
    /// spec 0021-FALL-021.
    fn slice(
        &self,
        account: AccountIndex,
        standing: Standing,
        legs: &[(Leg, waterfall::Parameters)],
    ) -> Result<Vec<Reduction>, Fault> {
        let at = Fault::at("slice of a portfolio");
        let pledged = self.pledges(account)?.iter().any(|(_, worth)| *worth > Notional::ZERO);
        if legs.is_empty() || (legs.len() < 2 && !pledged) {
            return Ok(Vec::new());
        }
        let mut closing = BTreeMap::new();
        for (leg, _) in legs {
            closing.insert(leg.instrument, leg.lots.negated().map_err(&at)?);
        }
        let traded =
            |of: &BTreeMap<InstrumentId, Lots>, id| of.get(&id).copied().unwrap_or(Lots::ZERO);
        let without = match pledged {
            true => self.trusted(account)?.1,
            false => self.maintenance_after(account, |id| traded(&closing, id))?,
        };
        let lots = waterfall::slice(&standing, legs, without, pledged)?;
        if lots.is_empty() {
            return Ok(Vec::new());
        }
        for ((leg, _), lots) in legs.iter().zip(&lots) {
            let lots = if leg.lots > Lots::ZERO { lots.negated().map_err(&at)? } else { *lots };
            closing.insert(leg.instrument, lots);
        }
        let after = self.maintenance_after(account, |id| traded(&closing, id))?;
        waterfall::slice_orders(&standing, legs, &lots, after)
    }

    /// Returns whether a position may be liquidated: its market lets the house reduce and its index is fresh.
    fn is_liquidable(&self, id: InstrumentId) -> bool {
        self.state.markets.get(&id).is_some_and(|market| {
            market.is_liquidable() && self.state.mode(market.instrument.underlying) < Mode::Frozen
        })
    }

    /// Returns the legs that could be reduced, each with band and fee of its underlying. What is frozen offsets none of them:
    /// nobody knows the price of such a hedge.
    ///
    /// spec 0021-FALL-004.
    fn legs(
        &self,
        account: AccountIndex,
        positions: &[(InstrumentId, Lots)],
    ) -> Result<Vec<(Leg, waterfall::Parameters)>, Fault> {
        let held = self.state.accounts.get(account).ok_or(Fault::Missing("account"))?;
        let at = Fault::at("margin without a leg");
        let (sums, beyond) = self.maintenance_sums(account)?;
        let mut legs = Vec::with_capacity(positions.len());
        for (id, lots) in positions {
            let market = self.state.market(*id)?;
            let (Some(mark), true) = (market.mark, self.is_liquidable(*id)) else { continue };
            let underlying = market.instrument.underlying;
            let parameters = waterfall::Parameters::after(
                held.pursuit().failures,
                self.state.liquidation_fee(underlying),
                self.state.ppm(underlying, ParameterId::LiquidationBand),
                self.state.ppm(underlying, ParameterId::MarkBand),
            )?;
            let leg = Leg {
                instrument: *id,
                lots: *lots,
                mark,
                contract_size: market.instrument.contract_size,
                tick: market.instrument.tick,
                maintenance_without: sums.without(*id)?.plus(beyond).map_err(&at)?,
                unfilled: held.pursuit().unfilled.contains(id),
                passed: held.pursuit().passed.get(id).copied().unwrap_or(0),
            };
            legs.push((leg, parameters));
        }
        if Plant::LargestLegOnly.is_planted() {
            legs.sort_by_key(|(leg, _)| leg.maintenance_without);
            legs.truncate(1);
        }
        Ok(legs)
    }
}

/// Returns what a step reduces, whether that brings what is missing, and whether some leg has no reduction.
fn orders_of(step: Step) -> (Vec<Reduction>, bool, bool) {
    match step {
        Step::Reduce { reductions, suffices, hedged } => (reductions, suffices, hedged),
        Step::Healthy => (Vec::new(), true, false),
        Step::Stuck => (Vec::new(), false, true),
    }
}
