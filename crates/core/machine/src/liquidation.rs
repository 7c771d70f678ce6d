//! Margins of all accounts, margin calls, liquidation stages 0 and 1, and the insurance fund.

use crate::work::Work;
use ledger::{Holder, Posting};
use margin::Reading;
use protocol::{
    AccountIndex, CancelReason, Event, Fault, InstrumentId, Mode, ParameterId, UnderlyingId,
};
use units::{Lots, Notional};
use waterfall::{Leg, Standing, Step, cover, next_step};

impl Work<'_> {
    /// Margins every account, calls those short of initial margin, and takes one step against each that is below
    /// maintenance: worst first, then by index.
    ///
    /// spec 0021-FALL-001.
    pub(crate) fn liquidations(&mut self) -> Result<(), Fault> {
        let mut meter = self.meter()?;
        let mut short: Vec<(Notional, AccountIndex, Reading)> = Vec::new();
        let accounts: Vec<AccountIndex> =
            self.state.accounts.iter().map(|(index, _)| index).collect();
        for account in accounts {
            let Some(reading) = self.reading(&mut meter, account)? else {
                self.set_called(account, false)?;
                self.cover_debt(account)?;
                continue;
            };
            self.call(account, &reading)?;
            let excess = reading.equity.minus(reading.maintenance);
            let excess = excess.map_err(Fault::at("excess over maintenance margin"))?;
            if excess < Notional::ZERO {
                short.push((excess, account, reading));
            }
        }
        short.sort_by_key(|(excess, account, _)| (*excess, *account));
        for (_, account, reading) in short {
            self.liquidate(account, &reading)?;
        }
        Ok(())
    }

    /// Opens or closes a margin call.
    ///
    /// spec 0021-FALL-002.
    fn call(&mut self, account: AccountIndex, reading: &Reading) -> Result<(), Fault> {
        let short_by = reading.initial.minus(reading.equity);
        let short_by = short_by.map_err(Fault::at("margin call"))?;
        let called = short_by > Notional::ZERO;
        if self.set_called(account, called)? && called {
            self.events.push(Event::MarginCalled { account, short_by });
            self.restrict_account(account)?;
        }
        Ok(())
    }

    /// Notes whether an account is under a margin call; returns whether that is new.
    fn set_called(&mut self, account: AccountIndex, called: bool) -> Result<bool, Fault> {
        let held = self.state.accounts.get_mut(account).ok_or(Fault::Missing("account"))?;
        let changed = held.called != called;
        if changed {
            held.called = called;
            self.touched.accounts.insert(account);
        }
        Ok(changed)
    }

    fn liquidate(&mut self, account: AccountIndex, reading: &Reading) -> Result<(), Fault> {
        // 0021-FALL-003, 0021-FALL-004
        let held = self.state.accounts.get(account).ok_or(Fault::Missing("account"))?;
        let positions: Vec<(InstrumentId, Lots)> =
            held.positions().iter().map(|(id, position)| (*id, position.lots)).collect();
        let frozen = positions.iter().any(|(id, _)| !self.is_liquidable(*id));
        if frozen {
            // No liquidation at a price that is not to be trusted.
            return Ok(());
        }
        let mut standing = Standing {
            equity: reading.equity,
            maintenance: reading.maintenance,
            target: reading.buffer,
            has_orders: !held.orders().is_empty(),
        };
        let mut orders_cancelled = 0u32;
        if standing.has_orders {
            for order in self.orders_where(account, |_| true) {
                self.take_out(account, order, CancelReason::Liquidation)?;
                orders_cancelled = orders_cancelled.saturating_add(1);
            }
            standing.has_orders = false;
        }
        let legs = self.legs(account, &positions)?;
        let first = legs.first().map(|(underlying, _)| *underlying);
        let parameters = waterfall::Parameters {
            band: first
                .map_or(units::Ppm::ZERO, |id| self.state.ppm(id, ParameterId::LiquidationBand)),
            fee: first
                .map_or(units::Ppm::ZERO, |id| self.state.ppm(id, ParameterId::LiquidationFee)),
        };
        let legs: Vec<Leg> = legs.into_iter().map(|(_, leg)| leg).collect();
        let step = next_step(&standing, &legs, &parameters)?;
        let reduction = match step {
            Step::Reduce(reduction) => Some(reduction),
            Step::Healthy | Step::CancelOrders | Step::Stuck => None,
        };
        let entered = match reduction {
            Some(reduction) => self.enter_liquidation(account, &reduction)?.ok().map(|_| reduction),
            None => None,
        };
        self.events.push(Event::Liquidated {
            account,
            equity: reading.equity,
            maintenance: reading.maintenance,
            orders_cancelled,
            instrument: entered.map(|reduction| reduction.instrument),
            lots: entered.map_or(Lots::ZERO, |reduction| reduction.lots),
        });
        Ok(())
    }

    /// Returns whether a position may be liquidated: its market trades and its index is fresh.
    fn is_liquidable(&self, id: InstrumentId) -> bool {
        self.state.markets.get(&id).is_some_and(|market| {
            market.mark.is_some() && self.state.mode(market.instrument.underlying) < Mode::Frozen
        })
    }

    /// Returns the legs that could be reduced: those whose market takes orders.
    fn legs(
        &self,
        account: AccountIndex,
        positions: &[(InstrumentId, Lots)],
    ) -> Result<Vec<(UnderlyingId, Leg)>, Fault> {
        let mut legs = Vec::with_capacity(positions.len());
        for (id, lots) in positions {
            let market = self.state.market(*id)?;
            let (Some(mark), crate::state::Status::Trading) = (market.mark, &market.status) else {
                continue;
            };
            let leg = Leg {
                instrument: *id,
                lots: *lots,
                mark,
                contract_size: market.instrument.contract_size,
                tick: market.instrument.tick,
                maintenance_without: self.maintenance_without(account, *id)?,
            };
            legs.push((market.instrument.underlying, leg));
        }
        Ok(legs)
    }

    /// Pays what an account without positions owes from the insurance funds of the compartments that it was exposed to,
    /// ascending; no other fund answers for it.
    ///
    /// spec 0021-FALL-009…011.
    fn cover_debt(&mut self, account: AccountIndex) -> Result<(), Fault> {
        let at = Fault::at("debt");
        let mut debt = self.state.ledger.cash(account).negated().map_err(&at)?;
        if debt <= Notional::ZERO {
            let held = self.state.accounts.get_mut(account).ok_or(Fault::Missing("account"))?;
            held.acquit();
            return Ok(());
        }
        if self.state.ledger.collateral(account).next().is_some() {
            // Collateral other than dollars still answers for the debt.
            return Ok(());
        }
        let held = self.state.accounts.get(account).ok_or(Fault::Missing("account"))?;
        let funds: Vec<UnderlyingId> = held.exposed().iter().copied().collect();
        let mut paid = Notional::ZERO;
        for fund in funds {
            let cap = self.state.ppm(fund, ParameterId::InsuranceEventCap);
            let covered = cover(debt, self.state.insurance_fund(fund), cap)?;
            if covered.paid > Notional::ZERO {
                let (from, to) = (Holder::Insurance(fund), Holder::Client(account));
                self.post(Posting::dollars(from, to, covered.paid))?;
                paid = paid.plus(covered.paid).map_err(&at)?;
            }
            debt = covered.uncovered;
        }
        if paid > Notional::ZERO {
            self.events.push(Event::DebtCovered { account, amount: paid, uncovered: debt });
        }
        Ok(())
    }
}
