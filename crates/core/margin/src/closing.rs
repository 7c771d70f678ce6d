//! What orders that need no more initial margin may lose: maintenance margin over positions and open orders.
//!
//! An order that closes gains in the scenarios that decide, so initial margin does not see what it gives away. Here it
//! is seen: filled at its limit, whatever else fills, it must leave an account that has its maintenance margin with it,
//! and one that has not no shorter of it, nor in debt (0019-MARG-020).
//!
//! **Invariant:** after any fills, maintenance margin and what they cost are together at most the maintenance margin
//! reported with the orders open.

use crate::account::{Prepared, UNADMITTED, maintenance, stretched};
use crate::charges::{ChargeBook, Purpose, Turn};
use crate::holdings::Holdings;
use crate::input::{OpenOrder, Portfolio};
use crate::lanes::OrderLine;
use crate::risk::Risk;
use crate::scan::{Scan, round_up};
use protocol::{Fault, Refusal};
use units::Notional;

/// What an order would do to maintenance margin over positions and orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClosingCheck {
    /// Equity, which an order does not change until it is filled.
    pub equity: Notional,
    /// What of it an order far from the mark does not count.
    pub left_out: Notional,
    /// Maintenance margin of the positions alone.
    pub held: Notional,
    /// The same over the open orders, without the order.
    pub before: Notional,
    /// With it.
    pub after: Notional,
    /// What the account's own orders, and this one, cost against the mark and in fees, those that cost anything.
    pub costs: Notional,
    /// What the orders of the house cost beside them.
    pub costs_of_house: Notional,
}

impl ClosingCheck {
    /// Returns by how much equity is short of what lets an order in that needs no more initial margin; zero if it may
    /// enter. `near`: its limit is no farther from the mark than that of a liquidation may be.
    ///
    /// spec 0019-MARG-020.
    pub fn short_by(&self, near: bool) -> Notional {
        let left_out = if near { Notional::ZERO } else { self.left_out };
        let counted = self.equity.minus(left_out).unwrap_or(Notional::ZERO);
        let short = self.after.minus(counted).unwrap_or(self.after);
        let reduces = self.equity < self.held && self.after <= self.before;
        let left = self.equity.minus(self.costs_of_house).unwrap_or(Notional::ZERO);
        let pays = self.costs <= left.greater(Notional::ZERO);
        if short <= Notional::ZERO || (reduces && near && pays) { Notional::ZERO } else { short }
    }
}

/// Maintenance margin of one account over its positions and open orders, kept up to date as orders come and go.
#[derive(Debug, Clone)]
pub struct ClosingMargin<'a> {
    risk: &'a Risk,
    equity: Notional,
    left_out: Notional,
    held: Notional,
    scan: Scan<'a>,
    charges: ChargeBook,
    with_orders: Notional,
    costs: Notional,
    costs_of_house: Notional,
}

impl<'a> ClosingMargin<'a> {
    /// Measures an account; its orders in the portfolio are those of the house, whose costs leave less for its own.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the account holds something that has no row, or more than the sums of margin are proved for.
    pub fn new(risk: &'a Risk, portfolio: &Portfolio<'_>) -> Result<Self, Fault> {
        let holdings = Holdings::new(risk, portfolio.positions, portfolio.collateral)?;
        let (entries, _) = holdings.entries(risk)?;
        let lines = holdings.lines().iter().map(|line| (line.slot, line.lots));
        let scan = Scan::new(risk, risk.matrix_hold(), &entries)?;
        let charges = ChargeBook::new(risk, Purpose::Maintenance, lines)?;
        let held = maintenance(risk, round_up(scan.sum()), charges.total()?)?;
        let mut account = Self {
            risk,
            equity: holdings.equity(risk, portfolio.cash)?,
            left_out: Notional::ZERO,
            held,
            scan,
            charges,
            with_orders: held,
            costs: Notional::ZERO,
            costs_of_house: Notional::ZERO,
        };
        for order in portfolio.orders {
            let prepared = Prepared::of(risk, order).map_err(|_| UNADMITTED)?;
            let sum = account.costs_of_house.plus(costs(&prepared));
            account.costs_of_house = sum.map_err(Fault::at("costs of orders of the house"))?;
            account.turn(&prepared, Turn::Add)?;
        }
        Ok(account)
    }

    /// Leaves out of equity what an order far from the mark does not count (0019-MARG-024).
    #[must_use]
    pub fn leaving_out(self, left_out: Notional) -> Self {
        Self { left_out, ..self }
    }

    /// Returns what an order of the account would do, without adding it.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if the contract has no row or the lots are not positive or too many.
    pub fn check(&self, order: &OpenOrder) -> Result<ClosingCheck, Refusal> {
        let too_many = |_| Refusal::LotsTooMany;
        let prepared = Prepared::of(self.risk, order)?;
        let line = self.line(&prepared).ok_or(Refusal::LotsTooMany)?;
        let slot = (prepared.slot, prepared.facts);
        let charges = self.charges.with_order(self.risk, slot, prepared.lots).map_err(too_many)?;
        let more = prepared.reserve(charges.shorter);
        let scan = self.scan.sum_with(self.risk.arch, prepared.path, &line, more);
        Ok(ClosingCheck {
            equity: self.equity,
            left_out: self.left_out,
            held: self.held,
            before: self.with_orders,
            after: maintenance(self.risk, round_up(scan), charges.total).map_err(too_many)?,
            costs: self.costs.plus(costs(&prepared)).map_err(|_| Refusal::LotsTooMany)?,
            costs_of_house: self.costs_of_house,
        })
    }

    /// Adds an order of the account.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a sum does not fit, which the bounds of admission rule out.
    pub fn add(&mut self, order: &OpenOrder) -> Result<(), Fault> {
        let prepared = Prepared::of(self.risk, order).map_err(|_| UNADMITTED)?;
        self.costs = self.costs.plus(costs(&prepared)).map_err(Fault::at("costs of orders"))?;
        self.turn(&prepared, Turn::Add)
    }

    /// Removes an order of the account that was added, in whole.
    ///
    /// # Errors
    ///
    /// [`Fault`] if no such order is there.
    pub fn remove(&mut self, order: &OpenOrder) -> Result<(), Fault> {
        let prepared = Prepared::of(self.risk, order).map_err(|_| UNADMITTED)?;
        self.costs = self.costs.minus(costs(&prepared)).map_err(Fault::at("costs of orders"))?;
        self.turn(&prepared, Turn::TakeOut)
    }

    /// Returns an order as it counts over the ranges for risk held: its cost whole, of which maintenance takes a share.
    fn line(&self, prepared: &Prepared<'a>) -> Option<OrderLine<'a>> {
        if prepared.hold.is_some() {
            return prepared.hold;
        }
        let cost = stretched(prepared.new.cost, self.risk.maintenance_ratio.parts())?;
        Some(OrderLine { cost, ..prepared.new })
    }

    fn turn(&mut self, prepared: &Prepared<'a>, turn: Turn) -> Result<(), Fault> {
        let line = self.line(prepared).ok_or(UNADMITTED)?;
        let slot = (prepared.slot, prepared.facts);
        let shorter = self.charges.turn(self.risk, slot, prepared.lots, turn)?;
        let more = prepared.reserve(shorter);
        let take_out = turn == Turn::TakeOut;
        self.scan.apply(self.risk.arch, prepared.path, &line, more, take_out);
        let charges = self.charges.total()?;
        self.with_orders = maintenance(self.risk, round_up(self.scan.sum()), charges)?;
        Ok(())
    }
}

/// Returns what filling an order costs, if anything.
fn costs(prepared: &Prepared<'_>) -> Notional {
    Notional::from_micros(i128::from(prepared.cost.max(0)))
}
