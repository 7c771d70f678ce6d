//! A bound on an account's initial margin that is cheap to keep: most orders of most accounts need no more to be let in.
//!
//! Whatever an account holds, an order fills at its limit or not at all, so it adds to the scan at most the greatest
//! loss of its own lots, and to the charges at most its own charge: both are sums of max(0, linear). The ceiling is
//! initial margin over positions plus what each open order could add. Where equity covers the ceiling, it covers initial
//! margin; where it does not, [`AccountMargin`](crate::AccountMargin) says what initial margin is.
//!
//! **Invariant:** never below the initial margin that [`AccountMargin`](crate::AccountMargin) reports for the same
//! account and orders, and no order is let in that it would refuse.

use crate::account::Prepared;
use crate::bounds::GROSS_ADMITTED;
use crate::charges;
use crate::holdings::Holdings;
use crate::input::{OpenOrder, SideOrders};
use crate::meter::Reading;
use crate::risk::Risk;
use crate::scan::round_up;
use protocol::{Side, limits as counts};
use units::{Notional, Price, Round, limits};

/// What an open order could add to initial margin, whatever the account holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderCeiling {
    margin: Notional,
    gross: i128,
}

impl OrderCeiling {
    /// Returns the most that an order could add; `None` where that takes the rest of the account to say, or where the
    /// order is one to refuse.
    #[must_use]
    pub fn of(risk: &Risk, order: &OpenOrder) -> Option<Self> {
        if risk.impact.parts() != 0 {
            // Impact grows faster than the position, so what an order adds depends on what is there.
            return None;
        }
        let prepared = Prepared::of(risk, order).ok()?;
        let facts = prepared.facts;
        let size = i128::from(prepared.lots).checked_abs()?;
        let short = if order.side == Side::Sell { size } else { 0 };
        let reserve = short.checked_mul(i128::from(facts.reserve))?;
        let lost = size.checked_mul(i128::from(facts.greatest))?.checked_add(reserve)?;
        // What the scan keeps of a loss in every scenario.
        let scan = |cost: i64| {
            let loss = lost.checked_add(i128::from(cost.max(0)))?;
            Some(round_up(loss.checked_mul(i128::from(facts.kept))?))
        };
        let mut margin = scan(prepared.new.cost)?;
        if !risk.is_single() {
            let hold = scan(prepared.hold.cost)?;
            let floor = hold.fraction_ppm(risk.maintenance_ratio, Round::Up).ok()?;
            margin = margin.greater(floor);
        }
        let rate = i128::from(facts.initial.long.max(facts.initial.short));
        let naked = short.checked_mul(i128::from(facts.initial.naked))?;
        let charge = size.checked_mul(rate)?.checked_add(naked)?;
        let margin = margin.plus(charges::round_up(charge)).ok()?;
        Some(Self { margin, gross: prepared.gross })
    }

    /// Returns the most that all orders on one side of a market could add, each filled at its own limit.
    ///
    /// None costs more than at the side's worst limit, and none saves more than at its best; what rounding may add to
    /// each is added for each. So this is never below the sum of [`Self::of`] but for roundings of that sum.
    #[must_use]
    pub fn of_side(risk: &Risk, orders: &SideOrders) -> Option<Self> {
        let row = risk.row(orders.instrument)?.0;
        let mark = risk.slot(row)?.mark;
        let roundings = i128::from(orders.count).checked_mul(ROUNDINGS)?;
        let fee = orders.fee.plus(Notional::from_micros(roundings)).ok()?;
        let at = |price: Price| {
            let SideOrders { instrument, side, lots, .. } = *orders;
            Self::of(risk, &OpenOrder { instrument, side, price, lots, fee })
        };
        let (worst, best) = match orders.side {
            Side::Buy => (orders.highest.greater(mark), orders.lowest),
            Side::Sell => (orders.lowest.lesser(mark), orders.highest),
        };
        let (worst, best) = (at(worst)?, at(best)?);
        // A saving is counted less the fee; the fee that it hides is in what it adds at the worst limit.
        let hidden = fee.micros().checked_mul(limits::PPM_ONE)?;
        let kept = i128::from(risk.slot(row)?.kept.max(1));
        let hidden = hidden.checked_div_euclid(kept)?.checked_add(1)?.checked_mul(2)?;
        let gross = worst.gross.max(best.gross).checked_add(hidden)?;
        Some(Self { margin: worst.margin, gross })
    }
}

/// Roundings in the cost of filling an order, of a micro-dollar at most: the value, the fee, the distance from the mark,
/// and two shares of their sum.
const ROUNDINGS: i128 = 6;

/// A bound on the initial margin of an account with its open orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceiling {
    equity: Notional,
    initial: Notional,
    gross: i128,
    /// Positions, pledges and orders: no fewer than the rows that the account has.
    rows: usize,
    /// Rows that there are.
    rows_listed: usize,
}

impl Ceiling {
    /// Returns the ceiling of an account without orders.
    #[must_use]
    pub fn new(risk: &Risk, reading: &Reading, holdings: &Holdings) -> Self {
        Self {
            equity: reading.equity,
            initial: reading.initial,
            gross: reading.gross,
            rows: holdings.lines().len(),
            rows_listed: risk.rows(),
        }
    }

    /// Returns the ceiling with one more order, if equity covers it and no bound on what an account may have is near. It
    /// stays a ceiling when an order leaves.
    #[must_use]
    pub fn with(self, order: OrderCeiling) -> Option<Self> {
        let added = Self {
            initial: self.initial.plus(order.margin).ok()?,
            gross: self.gross.checked_add(order.gross)?,
            rows: self.rows.checked_add(1)?,
            ..self
        };
        let room = added.initial <= added.equity
            && added.gross <= GROSS_ADMITTED
            && added.rows.min(self.rows_listed) <= counts::POSITIONS_PER_ACCOUNT_MAX;
        room.then_some(added)
    }
}
