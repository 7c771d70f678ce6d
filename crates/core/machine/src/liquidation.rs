//! Margins of all accounts, margin calls, liquidation stages 0 and 1.

use crate::work::Work;
use margin::Reading;
use protocol::{AccountIndex, CancelReason, Event, Fault, InstrumentId, Mode, ParameterId};
use units::{Lots, Notional, Num, Round, limits};
use waterfall::{Leg, Standing, Step, next_step};

impl Work<'_> {
    /// Margins every account, calls those short of initial margin, and takes one step against each that is below
    /// maintenance: worst first, then by index.
    ///
    /// spec 0021-FALL-001.
    pub(crate) fn liquidations(&mut self) -> Result<(), Fault> {
        let mut meter = self.meter()?;
        let mut short: Vec<(i128, AccountIndex, Reading)> = Vec::new();
        let accounts: Vec<AccountIndex> =
            self.state.accounts.iter().map(|(index, _)| index).collect();
        for account in accounts {
            let Some(reading) = self.reading(&mut meter, account)? else {
                self.set_called(account, false)?;
                self.cover_debt(account)?;
                continue;
            };
            self.call(account, &reading)?;
            self.note_equity(account, reading.equity)?;
            if reading.equity < reading.maintenance {
                short.push((health(&reading), account, reading));
            }
        }
        self.measure_uncovered()?;
        if self.is_call_auction() {
            // 0025-BLOCK-019
            return Ok(());
        }
        short.sort_by_key(|(health, account, _)| (*health, *account));
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
        if !positions.is_empty() && !positions.iter().any(|(id, _)| self.is_liquidable(*id)) {
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
        let reduction = match next_step(&standing, &legs)? {
            Step::Reduce(reduction) => Some(reduction),
            Step::Healthy | Step::CancelOrders | Step::Stuck => None,
        };
        if reduction.is_none() {
            self.sell_collateral(account)?;
        }
        let entered = match reduction {
            Some(reduction) => self.enter_liquidation(account, &reduction)?.ok().map(|_| reduction),
            None => None,
        };
        if positions.is_empty() && orders_cancelled == 0 {
            // Collateral alone stood behind a debt; its sale is an event of its own.
            return Ok(());
        }
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

    /// Returns the legs that could be reduced, each with band and fee of its underlying: those whose market takes orders
    /// at a price to be trusted.
    fn legs(
        &self,
        account: AccountIndex,
        positions: &[(InstrumentId, Lots)],
    ) -> Result<Vec<(Leg, waterfall::Parameters)>, Fault> {
        let mut legs = Vec::with_capacity(positions.len());
        for (id, lots) in positions {
            let market = self.state.market(*id)?;
            let (Some(mark), crate::state::Status::Trading) = (market.mark, &market.status) else {
                continue;
            };
            if !self.is_liquidable(*id) {
                continue;
            }
            let underlying = market.instrument.underlying;
            let parameters = waterfall::Parameters {
                band: self.state.ppm(underlying, ParameterId::LiquidationBand),
                fee: self.state.ppm(underlying, ParameterId::LiquidationFee),
            };
            let leg = Leg {
                instrument: *id,
                lots: *lots,
                mark,
                contract_size: market.instrument.contract_size,
                tick: market.instrument.tick,
                maintenance_without: self.maintenance_without(account, *id)?,
            };
            legs.push((leg, parameters));
        }
        Ok(legs)
    }
}

/// Returns equity over maintenance margin in parts per billion, rounded down: what liquidations are ordered by.
fn health(reading: &Reading) -> i128 {
    let (equity, maintenance) = (reading.equity.number(), reading.maintenance.number());
    let ratio = equity.mul_div(Num::new(limits::PPB_ONE), maintenance, Round::Down);
    // Without maintenance margin, or so far below it that no number says it: first.
    ratio.map_or(i128::MIN, Num::raw)
}
