//! A bound on an account's initial margin that is cheap to keep: most orders of most accounts need no more to be let in.
//!
//! Whatever an account holds, an order fills at its limit or not at all, so it adds to the scan at most the greatest
//! loss of its own lots, and to the charges at most its own charge: both are sums of max(0, linear). The ceiling is
//! initial margin over positions plus what each open order could add. Where equity covers the ceiling, it covers initial
//! margin; where it does not, [`AccountMargin`](crate::AccountMargin) says what initial margin is.
//!
//! Impact alone grows faster than what is held, so what an order adds to it depends on the rest. It is kept apart, as the sum of
//! all pressures: what that costs is no less than what they cost in each market (0019-MARG-017).
//!
//! **Invariant:** never below the initial margin that [`AccountMargin`](crate::AccountMargin) reports for the same
//! account and orders, and no order is let in that it would refuse.

use crate::account::paid;
use crate::bounds::{GROSS_ADMITTED, STRETCH_BITS};
use crate::charges;
use crate::holdings::Holdings;
use crate::impact::Pressure;
use crate::input::SideOrders;
use crate::meter::Reading;
use crate::risk::{Risk, Slot};
use crate::scan::round_up;
use protocol::{Fault, Side, limits as counts};
use units::{Lots, Notional, Price};

/// What open orders could add to initial margin, whatever the account holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderCeiling {
    /// Impact aside.
    margin: Notional,
    gross: i128,
    pressure: Pressure,
}

impl OrderCeiling {
    /// Returns the most that all orders on one side of a market could add, each filled at its own limit, or one order;
    /// `None` where that takes the rest of the account to say, or where an order is one to refuse.
    ///
    /// None costs more than at the side's worst limit, and none saves more than at its best; what rounding may add to
    /// each is added for each.
    #[must_use]
    pub fn of(risk: &Risk, orders: &SideOrders) -> Option<Self> {
        let SideOrders { instrument, side, lowest, highest, count, .. } = *orders;
        let facts = risk.slot(risk.row(instrument)?.0)?;
        let lots = size(orders.lots)?;
        let fee = fees(facts, lowest.magnitude().ok()?.greater(highest.magnitude().ok()?), lots)?;
        let rounded = i64::from(count).checked_mul(ROUNDINGS)?;
        let (worst, best) = match side {
            Side::Buy => (highest, lowest),
            Side::Sell => (lowest, highest),
        };
        let paid = |price| paid(facts, price, signed(side, lots));
        let (worst, best) = (paid(worst)?, paid(best)?);
        let apart = worst.checked_abs()?.checked_add(best.checked_abs()?)?;
        let apart = apart.checked_add(fee)?.checked_add(rounded)?;
        Self::bound(facts, side, lots, Cost { paid: worst.checked_add(fee)?, rounded, apart })
    }

    /// Returns the ceiling of lots that cost something beside the scenarios.
    fn bound(facts: &Slot, side: Side, lots: i64, cost: Cost) -> Option<Self> {
        let fits = i32::try_from(lots).ok().and_then(|lots| facts.scaled(lots));
        if facts.kept <= 0 || fits.is_none() {
            return None;
        }
        let short = if side == Side::Sell { lots } else { 0 };
        let moved = lots.checked_mul(facts.greatest)?;
        // A cost counts whole, but for the rounding as it is divided by what is kept, in either matrix; a fraction of
        // the scan for risk held is rounded twice more. A limit far enough from the mark leaves no loss, but what is
        // reserved and rounded stays.
        let times = |a: i64, b: i64| i128::from(a).wrapping_mul(i128::from(b));
        let roundings = facts.kept.saturating_mul(2).saturating_add(2 * MILLION);
        let lost = times(moved, facts.kept).wrapping_add(times(cost.paid, MILLION));
        let reserved = times(short.checked_mul(facts.reserve)?, facts.kept);
        let scan = lost
            .max(0)
            .wrapping_add(reserved)
            .wrapping_add(times(cost.rounded, MILLION))
            .wrapping_add(i128::from(roundings));
        let rate = facts.initial.long.max(facts.initial.short);
        let charge = times(lots, rate).wrapping_add(times(short, facts.initial.naked));
        let margin = round_up(scan).plus(charges::round_up(charge)).ok()?;
        let apart = times(cost.apart, facts.stretch) >> STRETCH_BITS;
        let gross = i128::from(moved).checked_add(apart)?.checked_add(1)?;
        let pressure = facts.pressure.times(lots.unsigned_abs());
        Some(Self { margin, gross, pressure })
    }
}

/// What filling all orders of a side costs beside the scenarios.
struct Cost {
    /// At the side's worst limit, with fees; negative if that is better than the mark.
    paid: i64,
    /// What rounding may add, to all of them.
    rounded: i64,
    /// The most that it is in magnitude, at any of the limits.
    apart: i64,
}

/// Returns a positive number of lots.
fn size(lots: Lots) -> Option<i64> {
    i64::try_from(lots.count()).ok().filter(|lots| *lots > 0)
}

const fn signed(side: Side, lots: i64) -> i64 {
    match side {
        Side::Buy => lots,
        Side::Sell => lots.saturating_neg(),
    }
}

/// Returns no less than the fees of lots at a price of this magnitude, but for what rounding adds to each order's.
fn fees(facts: &Slot, price: Price, lots: i64) -> Option<i64> {
    let nanos = price.micros().checked_mul(facts.size.nanos())?;
    let nanos = u64::try_from(nanos).ok()?;
    let value = i64::try_from(nanos.div_euclid(BILLION)).ok()?.checked_add(1)?.checked_mul(lots)?;
    let parts = u64::try_from(i128::from(value).checked_mul(i128::from(facts.fee))?).ok()?;
    i64::try_from(parts.div_euclid(1_000_000)).ok()?.checked_add(1)
}

const BILLION: u64 = 1_000_000_000;
const MILLION: i64 = 1_000_000;

/// Roundings in the cost of filling an order, of a micro-dollar at most: the value, the fee, the distance from the mark,
/// and two shares of their sum.
const ROUNDINGS: i64 = 6;

/// A bound on the initial margin of an account with its open orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceiling {
    equity: Notional,
    /// Impact aside, but for what may be rounded in it.
    initial: Notional,
    gross: i128,
    pressure: Pressure,
    /// Positions, pledges and orders: no fewer than the rows that the account has.
    rows: usize,
    /// Rows that there are.
    rows_listed: usize,
}

impl Ceiling {
    /// Returns the ceiling of an account without orders.
    #[must_use]
    pub fn new(risk: &Risk, reading: &Reading, holdings: &Holdings) -> Self {
        // A delta and a vega of each underlying are rounded apart.
        let apart = i128::try_from(risk.underlyings.len()).unwrap_or(i128::MAX).saturating_mul(2);
        let roundings = if risk.impacts { apart } else { 0 };
        let rest = reading.initial.micros().saturating_sub(reading.impact.micros());
        Self {
            equity: reading.equity,
            initial: Notional::from_micros(rest.saturating_add(roundings)),
            gross: reading.gross,
            pressure: reading.pressure,
            rows: holdings.lines().len(),
            rows_listed: risk.rows(),
        }
    }

    /// Leaves out of equity what new risk does not count (0019-MARG-024).
    ///
    /// # Errors
    ///
    /// [`Fault`] if what is left does not fit.
    pub fn leaving_out(self, left_out: Notional) -> Result<Self, Fault> {
        let equity = self.equity.minus(left_out).map_err(Fault::at("margin: equity left out"))?;
        Ok(Self { equity, ..self })
    }

    /// Returns the ceiling with one more order, if equity covers it and no bound on what an account may have is near. It
    /// stays a ceiling when an order leaves.
    #[must_use]
    pub fn with(self, order: OrderCeiling) -> Option<Self> {
        let added = Self {
            initial: self.initial.plus(order.margin).ok()?,
            gross: self.gross.checked_add(order.gross)?,
            pressure: self.pressure.with(order.pressure),
            rows: self.rows.checked_add(1)?,
            ..self
        };
        let room = added.initial.plus(added.pressure.cost()).ok()? <= added.equity
            && added.gross <= GROSS_ADMITTED
            && added.rows.min(self.rows_listed) <= counts::POSITIONS_PER_ACCOUNT_MAX;
        room.then_some(added)
    }
}
