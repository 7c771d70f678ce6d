//! The margin of one account through a block: measured once, then kept up to date as orders come and go.
//!
//! An order filled at its limit changes each scenario by a known amount, so the worst subset of fills in a scenario is
//! the sum of the amounts that are losses. That sum is kept beside the positions, and an order costs one pass over the
//! scenarios, however many are open (0019-MARG-010).
//!
//! **Invariant:** the initial margin reported covers every subset of the open orders, each filled in whole or in part at
//! its limit; adding an order never lowers it, and removing one restores what was.

use crate::bounds::{BILLION, GROSS_ADMITTED, GROSS_MEASURED};
use crate::charges::{ChargeBook, Purpose, Turn};
use crate::holdings::Holdings;
use crate::input::{OpenOrder, Portfolio};
use crate::lanes::{Matrix, OrderLine};
use crate::requirement::{OrderCheck, Requirement};
use crate::risk::{Risk, Slot};
use crate::scan::{Path, Scan, fraction_up, round_up};
use crate::scenario::ScenarioId;
use protocol::{Fault, Refusal, Side, limits as counts};
use units::{ArithmeticError, Notional, Price, limits};

/// An order in the terms of its row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prepared<'a> {
    pub(crate) slot: u32,
    pub(crate) facts: &'a Slot,
    pub(crate) path: &'a Path,
    /// Signed: a sale is negative.
    pub(crate) lots: i64,
    pub(crate) new: OrderLine<'a>,
    /// The same over the ranges for risk held, where they differ.
    pub(crate) hold: Option<OrderLine<'a>>,
    pub(crate) gross: i128,
    /// What filling costs beside the scenarios, as it is paid.
    pub(crate) cost: i64,
}

impl<'a> Prepared<'a> {
    /// Returns an order in the terms of its row.
    #[inline(always)]
    pub(crate) fn of(risk: &'a Risk, order: &OpenOrder) -> Result<Self, Refusal> {
        let number = risk.row(order.instrument).ok_or(Refusal::InstrumentUnknown)?.0;
        let unknown = || Refusal::InstrumentUnknown;
        let facts = risk.slot(number).ok_or_else(unknown)?;
        let count = i32::try_from(order.lots.count()).map_err(|_| Refusal::LotsTooMany)?;
        if count <= 0 {
            return Err(Refusal::LotsNotPositive);
        }
        let lots = if order.side == Side::Buy { count } else { count.saturating_neg() };
        let scaled = facts.scaled(lots).ok_or(Refusal::LotsTooMany)?;
        let paid = fill_cost(facts, order, lots).ok_or(Refusal::LotsTooMany)?;
        let cost = kept_whole(facts, paid).ok_or(Refusal::LotsTooMany)?;
        let path = risk.path(facts.group).ok_or_else(unknown)?;
        let row_new = risk.row_new(number).ok_or_else(unknown)?;
        let late_of = |matrix: &'a Matrix| {
            // A stage that looks past it is at or after its own.
            matrix.row_at(number, path, path.stage).ok_or_else(unknown)
        };
        let late = if path.stage == 0 { row_new } else { late_of(&risk.new)? };
        let (unit, basis) = (facts.unit, facts.basis.times(i64::from(lots)));
        let bends = facts.bends;
        let mut hold = None;
        if let Some(matrix) = &risk.hold {
            // Maintenance takes a share of the scan for risk held, and a cost is to count whole.
            let cost = stretched(cost, risk.maintenance_ratio.parts());
            let cost = cost.ok_or(Refusal::LotsTooMany)?;
            let row = matrix.row(number).ok_or_else(unknown)?;
            let late = if path.stage == 0 { row } else { late_of(matrix)? };
            hold = Some(OrderLine { row, late, scaled, cost, unit, basis, slot: number, bends });
        }
        // Products and magnitudes of machine words fit in two.
        let value = i128::from(lots).wrapping_abs().wrapping_mul(i128::from(facts.greatest));
        Ok(Self {
            slot: number,
            facts,
            path,
            lots: i64::from(lots),
            new: OrderLine { row: row_new, late, scaled, cost, unit, basis, slot: number, bends },
            hold,
            gross: value.wrapping_add(i128::from(cost).wrapping_abs()),
            cost: paid,
        })
    }

    /// Returns what so many more short lots add to the reserve for rounding: only short positions need one.
    pub(crate) const fn reserve(&self, shorter: i64) -> i64 {
        shorter.saturating_mul(self.facts.reserve)
    }
}

/// The margin of one account, kept up to date as its open orders change.
#[derive(Debug, Clone)]
pub struct AccountMargin<'a> {
    risk: &'a Risk,
    equity: Notional,
    /// What of it new risk does not count.
    left_out: Notional,
    maintenance: Notional,
    scan_hold: Notional,
    charges_maintenance: Notional,
    new: Scan<'a>,
    /// The same over the ranges for risk held, where they differ.
    hold: Option<Scan<'a>>,
    charges: ChargeBook,
    /// Initial margin over positions and orders: what the parts above add up to.
    initial: Notional,
    /// Of positions, collateral and orders.
    gross: i128,
    /// Rows of collateral, which are not positions.
    pledges: usize,
    orders: usize,
}

impl<'a> AccountMargin<'a> {
    /// Measures an account.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the account holds something that has no row, or more than the sums of margin are proved for: neither
    /// can have been admitted.
    pub fn new(risk: &'a Risk, portfolio: &Portfolio<'_>) -> Result<Self, Fault> {
        let holdings = Holdings::new(risk, portfolio.positions, portfolio.collateral)?;
        let (entries, gross) = holdings.entries(risk)?;
        let lines = || holdings.lines().iter().map(|line| (line.slot, line.lots));
        let new = Scan::new(risk, &risk.new, &entries)?;
        let hold = if risk.is_single() {
            None
        } else {
            Some(Scan::new(risk, risk.matrix_hold(), &entries)?)
        };
        let scan_hold = round_up(hold.as_ref().map_or(new.sum(), Scan::sum));
        let charges_maintenance = ChargeBook::new(risk, Purpose::Maintenance, lines())?.total()?;
        let mut account = Self {
            risk,
            equity: holdings.equity(risk, portfolio.cash)?,
            left_out: Notional::ZERO,
            maintenance: maintenance(risk, scan_hold, charges_maintenance)?,
            scan_hold,
            charges_maintenance,
            new,
            hold,
            charges: ChargeBook::new(risk, Purpose::Initial, lines())?,
            initial: Notional::ZERO,
            gross,
            pledges: holdings.pledges(),
            orders: 0,
        };
        account.initial = account.sum()?;
        for order in portfolio.orders {
            let prepared = Prepared::of(risk, order).map_err(|_| UNADMITTED)?;
            account.turn(&prepared, Turn::Add)?;
        }
        if account.gross > GROSS_MEASURED {
            return Err(UNADMITTED);
        }
        Ok(account)
    }

    /// Leaves out of equity what new risk does not count (0019-MARG-024).
    ///
    /// # Errors
    ///
    /// [`Fault`] if what is left does not fit.
    pub fn leaving_out(self, left_out: Notional) -> Result<Self, Fault> {
        let counted = self.equity.minus(left_out).map_err(Fault::at("margin: equity left out"))?;
        Ok(Self { equity: counted, left_out, ..self })
    }

    /// Returns what an order would do to initial margin, without adding it.
    ///
    /// Cost: one pass over the scenarios, no allocation.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if the contract has no row, the lots are not positive, or the account would have more than it may.
    #[inline]
    pub fn check(&self, order: &OpenOrder) -> Result<OrderCheck, Refusal> {
        let prepared = self.admit(order)?;
        let arch = self.risk.arch;
        let slot = (prepared.slot, prepared.facts);
        let too_many = |_| Refusal::LotsTooMany;
        let charges = self.charges.with_order(self.risk, slot, prepared.lots).map_err(too_many)?;
        let more = prepared.reserve(charges.shorter);
        let new = self.new.sum_with(arch, prepared.path, &prepared.new, more);
        let hold = self.hold.as_ref().zip(prepared.hold.as_ref());
        let hold = hold.map(|(hold, order)| hold.sum_with(arch, prepared.path, order, more));
        Ok(OrderCheck {
            equity: self.equity,
            before: self.initial,
            after: initial(self.risk, new, hold, charges.total).map_err(too_many)?,
        })
    }

    /// Adds an order.
    ///
    /// # Errors
    ///
    /// As [`Self::check`]; nothing has changed then. Whether equity covers the order is for the caller to have checked.
    pub fn add(&mut self, order: &OpenOrder) -> Result<(), Refusal> {
        let prepared = self.admit(order)?;
        self.turn(&prepared, Turn::Add).map_err(|_| Refusal::LotsTooMany)
    }

    /// Removes an order that was added, in whole: to keep what is left of one, add it again with fewer lots.
    ///
    /// # Errors
    ///
    /// [`Fault`] if no such order is there.
    pub fn remove(&mut self, order: &OpenOrder) -> Result<(), Fault> {
        let prepared = Prepared::of(self.risk, order).map_err(|_| UNADMITTED)?;
        self.turn(&prepared, Turn::TakeOut)
    }

    /// Returns what the account must hold.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a sum does not fit, which the bounds rule out.
    pub fn requirement(&self) -> Result<Requirement, Fault> {
        let at = || Fault::at("margin: requirement");
        let buffer = fraction_up(self.maintenance, self.risk.buffer_ratio);
        Ok(Requirement {
            equity: self.equity.plus(self.left_out).map_err(at())?,
            initial: self.initial,
            maintenance: self.maintenance,
            buffer: self.maintenance.plus(buffer.map_err(at())?).map_err(at())?,
            scan_new: round_up(self.new.sum()),
            scan_hold: self.scan_hold,
            charges_initial: self.charges.total()?,
            charges_maintenance: self.charges_maintenance,
            worst_scenario: self.worst_scenario(),
        })
    }

    /// Returns the account's equity, as far as new risk counts it.
    pub const fn equity(&self) -> Notional {
        self.equity
    }

    /// Returns initial margin over positions and open orders.
    pub const fn initial(&self) -> Notional {
        self.initial
    }

    /// Adds up initial margin.
    fn sum(&self) -> Result<Notional, Fault> {
        let hold = self.hold.as_ref().map(Scan::sum);
        initial(self.risk, self.new.sum(), hold, self.charges.total()?)
    }

    /// Returns the scenario with the lowest sum over everything; the first of equals.
    fn worst_scenario(&self) -> ScenarioId {
        let total = self.new.total();
        let mut worst = (i64::MAX, 0);
        for (number, sum) in total.sums.0.iter().flatten().enumerate() {
            if *sum < worst.0 {
                worst = (*sum, number);
            }
        }
        ScenarioId::worst(worst, total.basis, total.bent)
    }

    /// Checks that an order may be added, and prepares it.
    #[inline(always)]
    fn admit(&self, order: &OpenOrder) -> Result<Prepared<'a>, Refusal> {
        let prepared = Prepared::of(self.risk, order)?;
        if self.orders >= counts::ORDERS_PER_ACCOUNT_MAX {
            return Err(Refusal::TooManyOrders);
        }
        let positions = self.charges.rows().saturating_sub(self.pledges);
        if positions >= counts::POSITIONS_PER_ACCOUNT_MAX && !self.charges.holds(prepared.slot) {
            return Err(Refusal::TooManyPositions);
        }
        // Either is below 2¹⁰⁰.
        if self.gross.wrapping_add(prepared.gross) > GROSS_ADMITTED {
            return Err(Refusal::LotsTooMany);
        }
        Ok(prepared)
    }

    fn turn(&mut self, prepared: &Prepared<'a>, turn: Turn) -> Result<(), Fault> {
        let slot = (prepared.slot, prepared.facts);
        let shorter = self.charges.turn(self.risk, slot, prepared.lots, turn)?;
        let more = prepared.reserve(shorter);
        let (arch, take_out) = (self.risk.arch, turn == Turn::TakeOut);
        self.new.apply(arch, prepared.path, &prepared.new, more, take_out);
        if let Some((hold, order)) = self.hold.as_mut().zip(prepared.hold.as_ref()) {
            hold.apply(arch, prepared.path, order, more, take_out);
        }
        (self.gross, self.orders) = if take_out {
            (self.gross.saturating_sub(prepared.gross), self.orders.saturating_sub(1))
        } else {
            (self.gross.saturating_add(prepared.gross), self.orders.saturating_add(1))
        };
        self.initial = self.sum()?;
        Ok(())
    }
}

/// A position or order that no entry check can have let in.
pub(crate) const UNADMITTED: Fault =
    Fault::Invariant("margin: the account is within the bounds of its sums");

/// Returns what filling an order costs beside the scenarios: the distance from limit to mark, and the fee. Rounded up.
#[inline(always)]
fn fill_cost(facts: &Slot, order: &OpenOrder, lots: i32) -> Option<i64> {
    let paid = paid(facts, order.price, i64::from(lots))?;
    paid.checked_add(i64::try_from(order.fee.micros()).ok()?)
}

/// Returns a cost divided by what the scan keeps of a loss in every scenario, so that it counts once. Rounded up.
#[inline(always)]
fn kept_whole(facts: &Slot, cost: i64) -> Option<i64> {
    if i128::from(facts.kept) == limits::PPM_ONE {
        return Some(cost);
    }
    stretched(cost, i128::from(facts.kept))
}

/// Returns a cost divided by a positive share in parts per million, rounded up.
pub(crate) fn stretched(cost: i64, share: i128) -> Option<i64> {
    let parts = i128::from(cost).wrapping_mul(limits::PPM_ONE);
    i64::try_from(divided_up(parts, share)?).ok()
}

/// Returns what signed lots cost at a price above what they are worth at the mark, rounded up.
#[inline(always)]
pub(crate) fn paid(facts: &Slot, price: Price, lots: i64) -> Option<i64> {
    let distance = i64::try_from(price.micros().checked_sub(facts.mark.micros())?).ok()?;
    let size = facts.size.nanos();
    // Limits and marks are mostly on a tick, whose value is whole: then one short division does.
    let short = i64::try_from(size).ok().and_then(|size| distance.checked_mul(size));
    if let Some(nanos) = short
        && nanos.rem_euclid(BILLION) == 0
    {
        return nanos.div_euclid(BILLION).checked_mul(lots);
    }
    let nanos = i128::from(distance).checked_mul(size)?.checked_mul(i128::from(lots))?;
    i64::try_from(divided_up(nanos, limits::PPB_ONE)?).ok()
}

/// Returns a quotient by a positive divisor, rounded up.
#[inline(always)]
fn divided_up(value: i128, divisor: i128) -> Option<i128> {
    let short = i64::try_from(value).ok().zip(i64::try_from(divisor).ok());
    if let Some((value, divisor)) = short {
        // The same quotient, in one short division.
        return value.checked_neg()?.checked_div_euclid(divisor)?.checked_neg().map(i128::from);
    }
    value.checked_neg()?.checked_div_euclid(divisor)?.checked_neg()
}

/// Returns maintenance margin (0019-MARG-007).
pub(crate) fn maintenance(
    risk: &Risk,
    scan_hold: Notional,
    charges: Notional,
) -> Result<Notional, Fault> {
    let at = || Fault::at("margin: maintenance");
    let scan = fraction_up(scan_hold, risk.maintenance_ratio).map_err(at())?;
    scan.plus(charges).map_err(at())
}

/// Returns initial margin: the scan for new risk, but not less than maintenance asks of the scan for risk held.
#[inline(always)]
fn initial(
    risk: &Risk,
    new: i128,
    hold: Option<i128>,
    charges: Notional,
) -> Result<Notional, Fault> {
    let at = || Fault::at("margin: initial");
    let mut scan = round_up(new);
    if let Some(hold) = hold {
        let floor = fraction_up(round_up(hold), risk.maintenance_ratio);
        scan = scan.greater(floor.map_err(at())?);
    }
    scan.plus(charges).map_err(at())
}

/// Returns what an account must hold, and what it does hold.
///
/// Shape: positions × scenarios → micro-dollars. Rounding: margin up, equity down. Cost: O(positions × scenarios).
///
/// # Errors
///
/// As [`AccountMargin::new`].
///
/// # Source
///
/// spec 0019-MARG-006 … 010.
pub fn required(risk: &Risk, portfolio: &Portfolio<'_>) -> Result<Requirement, Fault> {
    AccountMargin::new(risk, portfolio)?.requirement()
}

/// Says that a number is outside its limits.
pub(crate) const fn out_of_limits(place: &'static str) -> Fault {
    Fault::Arithmetic { place, error: ArithmeticError::OutOfLimits }
}
