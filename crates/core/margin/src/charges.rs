//! The charges beside the scan: oracle doubt, funding, spread, collateral haircut, naked short options, impact.
//!
//! All but impact and the haircut beyond its knee are sums over rows and strikes of max(0, linear), so they are
//! sub-additive like the scan. Impact follows the square-root law and is not, nor is a haircut that rises with the size:
//! splitting an account lowers them, so they price liquidity and nothing relies on them (0019-MARG-009).
//!
//! **Invariant:** a charge covers every subset of the open orders: it is taken at the ends of the range of positions
//! that fills can lead to, and is convex in the position.

use crate::bounds::CHARGE_BITS;
use crate::risk::{Charges, Risk, Slot, Underlying};
use protocol::Fault;
use units::{ArithmeticError, Notional, Num, Round, limits};

/// Lots of one row or strike, and what orders could buy and sell of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Range {
    lots: i64,
    buys: i64,
    sells: i64,
}

/// What an order does to a set of orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It joins them.
    Add,
    /// It leaves them.
    TakeOut,
}

impl Range {
    /// Returns the range once an order for signed lots has joined or left; `None` if it was not there to leave.
    fn turned(self, lots: i64, turn: Turn) -> Option<Self> {
        let (buys, sells) = (lots.max(0), lots.min(0).saturating_neg());
        let turned = match turn {
            Turn::Add => Self {
                lots: self.lots,
                buys: self.buys.saturating_add(buys),
                sells: self.sells.saturating_add(sells),
            },
            Turn::TakeOut => Self {
                lots: self.lots,
                buys: self.buys.saturating_sub(buys),
                sells: self.sells.saturating_sub(sells),
            },
        };
        (turned.buys >= 0 && turned.sells >= 0).then_some(turned)
    }

    const fn greatest(self) -> i64 {
        self.lots.saturating_add(self.buys)
    }

    const fn least(self) -> i64 {
        self.lots.saturating_sub(self.sells)
    }

    /// Returns the most lots that the range is short.
    fn short(self) -> i64 {
        self.least().saturating_neg().max(0)
    }

    /// Returns the charge of a row over the range, in 2⁻¹⁶ micro-dollars.
    #[inline(always)]
    fn charge(self, charges: &Charges) -> i128 {
        charges.of(self.greatest()).max(charges.of(self.least()))
    }

    /// Returns the charge for naked short options of a strike over the range, in 2⁻¹⁶ micro-dollars.
    fn charge_naked(self, charges: &Charges) -> i128 {
        i128::from(self.short()).wrapping_mul(i128::from(charges.naked))
    }
}

/// Returns a sum of charges in micro-dollars, rounded up.
pub(crate) fn round_up(sum: i128) -> Notional {
    let up = sum.saturating_add((1 << CHARGE_BITS) - 1);
    Notional::from_micros(up >> CHARGE_BITS)
}

/// Dollars gained as an index doubles, and what orders could add and take away, in micro-dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Exposure {
    delta: i128,
    up: i128,
    down: i128,
}

impl Exposure {
    fn turned(self, delta: i128, turn: Turn) -> Self {
        let (up, down) = (delta.max(0), delta.min(0).saturating_neg());
        match turn {
            Turn::Add => Self {
                delta: self.delta,
                up: self.up.saturating_add(up),
                down: self.down.saturating_add(down),
            },
            Turn::TakeOut => Self {
                delta: self.delta,
                up: self.up.saturating_sub(up),
                down: self.down.saturating_sub(down),
            },
        }
    }

    fn greatest(self) -> i128 {
        let highest = self.delta.saturating_add(self.up).saturating_abs();
        let lowest = self.delta.saturating_sub(self.down).saturating_abs();
        highest.max(lowest)
    }

    /// Returns what trading the exposure away would move the price against the account: ⅔ · Y · σ · Δ · √(Δ ÷ volume).
    fn impact(self, risk: &Risk, underlying: &Underlying) -> Result<Notional, Fault> {
        let volume = underlying.input.volume_daily;
        let exposure = self.greatest();
        if risk.impact.parts() == 0 || volume <= Notional::ZERO || exposure == 0 {
            return Ok(Notional::ZERO);
        }
        impact(exposure, risk, underlying).map_err(Fault::at("margin: impact"))
    }
}

fn impact(
    exposure: i128,
    risk: &Risk,
    underlying: &Underlying,
) -> Result<Notional, ArithmeticError> {
    const ROOT_BITS: u32 = 20;
    let exposure = Num::new(exposure);
    let ratio = exposure.mul_div(
        Num::new(1 << (2 * ROOT_BITS)),
        underlying.input.volume_daily.number(),
        Round::Up,
    )?;
    let root = Num::new(ratio.raw().isqrt().saturating_add(1));
    let million = Num::new(limits::PPM_ONE);
    exposure
        .mul_div(root, Num::new(1 << ROOT_BITS), Round::Up)?
        .mul_div(risk.impact.number(), million, Round::Up)?
        .mul_div(underlying.input.vol_daily.number(), million, Round::Up)?
        .mul_div(Num::new(2), Num::new(3), Round::Up)
        .map(Notional::from_number)
}

/// Which margin a charge is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Initial,
    Maintenance,
}

impl Purpose {
    pub(crate) const fn charges(self, slot: &Slot) -> &Charges {
        match self {
            Self::Initial => &slot.initial,
            Self::Maintenance => &slot.maintenance,
        }
    }
}

/// The charges of one account over its positions and open orders.
#[derive(Debug, Clone)]
pub(crate) struct ChargeBook {
    purpose: Purpose,
    /// By row, ascending.
    rows: Vec<(u32, Range)>,
    /// By strike, ascending.
    strikes: Vec<(u32, Range)>,
    /// By underlying, ascending; kept only where impact is charged.
    exposures: Vec<(u32, Exposure, Notional)>,
    /// Charges of rows and strikes, in 2⁻¹⁶ micro-dollars.
    sum: i128,
    impact: Notional,
}

fn find<T: Copy + Default>(entries: &[(u32, T)], number: u32) -> T {
    let place = entries.binary_search_by_key(&number, |(key, _)| *key).ok();
    place.and_then(|place| entries.get(place)).map_or_else(T::default, |(_, value)| *value)
}

fn put(entries: &mut Vec<(u32, Range)>, number: u32, range: Range) {
    match entries.binary_search_by_key(&number, |(key, _)| *key) {
        Ok(place) if range == Range::default() => {
            entries.remove(place);
        }
        Ok(place) => {
            if let Some(entry) = entries.get_mut(place) {
                entry.1 = range;
            }
        }
        Err(place) => entries.insert(place, (number, range)),
    }
}

/// What an order makes of the charges.
pub(crate) struct Turned {
    /// By how many lots it changes the most that its row can be short.
    pub(crate) shorter: i64,
    /// All charges, rounded up.
    pub(crate) total: Notional,
    row: Range,
    strike: Range,
    exposure: Exposure,
    impact: Notional,
    sum: i128,
}

impl ChargeBook {
    /// Returns the charges of positions, given as rows and lots.
    pub(crate) fn new(
        risk: &Risk,
        purpose: Purpose,
        positions: impl Iterator<Item = (u32, i32)>,
    ) -> Result<Self, Fault> {
        let mut book = Self {
            purpose,
            rows: Vec::new(),
            strikes: Vec::new(),
            exposures: Vec::new(),
            sum: 0,
            impact: Notional::ZERO,
        };
        for (number, lots) in positions {
            let slot = risk.slot(number).ok_or(Fault::Missing("margin: row"))?;
            let lots = i64::from(lots);
            let mut row = find(&book.rows, number);
            row.lots = row.lots.saturating_add(lots);
            put(&mut book.rows, number, row);
            if slot.strike != 0 {
                let mut strike = find(&book.strikes, slot.strike);
                strike.lots = strike.lots.saturating_add(lots);
                put(&mut book.strikes, slot.strike, strike);
            }
            if risk.impact.parts() != 0 {
                let (mut exposure, _) = book.exposure(slot.underlying);
                let delta = i128::from(lots).saturating_mul(i128::from(slot.delta));
                exposure.delta = exposure.delta.saturating_add(delta);
                book.put_exposure(slot.underlying, exposure, Notional::ZERO);
            }
        }
        book.sum = book.sum_of(risk)?;
        book.impact_all(risk)?;
        Ok(book)
    }

    fn sum_of(&self, risk: &Risk) -> Result<i128, Fault> {
        let mut sum: i128 = 0;
        // A strike's charge is that of any of its rows: they have the same size and underlying.
        let mut strike = 0;
        for (number, range) in &self.rows {
            let slot = risk.slot(*number).ok_or(Fault::Missing("margin: row"))?;
            let charges = self.purpose.charges(slot);
            sum = sum.saturating_add(range.charge(charges));
            if slot.strike != 0 && slot.strike != strike {
                strike = slot.strike;
                sum = sum.saturating_add(find(&self.strikes, strike).charge_naked(charges));
            }
        }
        Ok(sum)
    }

    fn impact_all(&mut self, risk: &Risk) -> Result<(), Fault> {
        let mut sum = Notional::ZERO;
        for (number, exposure, impact) in &mut self.exposures {
            let underlying =
                risk.underlying(*number).ok_or(Fault::Missing("margin: underlying"))?;
            *impact = exposure.impact(risk, underlying)?;
            sum = sum.plus(*impact).map_err(Fault::at("margin: impact"))?;
        }
        self.impact = sum;
        Ok(())
    }

    fn exposure(&self, underlying: u32) -> (Exposure, Notional) {
        let place = self.exposures.binary_search_by_key(&underlying, |(key, _, _)| *key).ok();
        place
            .and_then(|place| self.exposures.get(place))
            .map_or((Exposure::default(), Notional::ZERO), |(_, exposure, impact)| {
                (*exposure, *impact)
            })
    }

    fn put_exposure(&mut self, underlying: u32, exposure: Exposure, impact: Notional) {
        match self.exposures.binary_search_by_key(&underlying, |(key, _, _)| *key) {
            Ok(place) => {
                if let Some(entry) = self.exposures.get_mut(place) {
                    *entry = (underlying, exposure, impact);
                }
            }
            Err(place) => self.exposures.insert(place, (underlying, exposure, impact)),
        }
    }

    /// Returns how many rows have a position or an order.
    pub(crate) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Returns whether a row has a position or an order.
    pub(crate) fn holds(&self, slot: u32) -> bool {
        self.rows.binary_search_by_key(&slot, |(key, _)| *key).is_ok()
    }

    /// Returns all charges, rounded up.
    pub(crate) fn total(&self) -> Result<Notional, Fault> {
        round_up(self.sum).plus(self.impact).map_err(Fault::at("margin: charges"))
    }

    /// Returns what an order for signed lots makes of the charges.
    #[inline(always)]
    pub(crate) fn turned(
        &self,
        risk: &Risk,
        (number, slot): (u32, &Slot),
        lots: i64,
        turn: Turn,
    ) -> Result<Turned, Fault> {
        let absent = Fault::Invariant("an order taken out of margin is in it");
        let charges = self.purpose.charges(slot);
        let row = find(&self.rows, number);
        let strike =
            if slot.strike == 0 { Range::default() } else { find(&self.strikes, slot.strike) };
        let (Some(row_after), Some(strike_after)) = (
            row.turned(lots, turn),
            if slot.strike == 0 { Some(strike) } else { strike.turned(lots, turn) },
        ) else {
            return Err(absent);
        };
        let sum = self
            .sum
            .saturating_sub(row.charge(charges))
            .saturating_add(row_after.charge(charges))
            .saturating_sub(strike.charge_naked(charges))
            .saturating_add(strike_after.charge_naked(charges));
        let mut turned = Turned {
            shorter: row_after.short().saturating_sub(row.short()),
            total: round_up(sum),
            row: row_after,
            strike: strike_after,
            exposure: Exposure::default(),
            impact: Notional::ZERO,
            sum,
        };
        if risk.impact.parts() != 0 {
            let at = || Fault::at("margin: impact");
            let underlying = risk.underlying(slot.underlying);
            let underlying = underlying.ok_or(Fault::Missing("margin: underlying"))?;
            let (exposure, before) = self.exposure(slot.underlying);
            let delta = i128::from(lots).saturating_mul(i128::from(slot.delta));
            turned.exposure = exposure.turned(delta, turn);
            turned.impact = turned.exposure.impact(risk, underlying)?;
            let rest = self.impact.minus(before).map_err(at())?;
            let all = rest.plus(turned.impact).map_err(at())?;
            turned.total = turned.total.plus(all).map_err(at())?;
        }
        Ok(turned)
    }

    /// Takes over what an order makes of the charges.
    pub(crate) fn apply(
        &mut self,
        risk: &Risk,
        slot: (u32, &Slot),
        turned: &Turned,
    ) -> Result<(), Fault> {
        let (number, facts) = slot;
        put(&mut self.rows, number, turned.row);
        if facts.strike != 0 {
            put(&mut self.strikes, facts.strike, turned.strike);
        }
        if risk.impact.parts() != 0 {
            let (_, before) = self.exposure(facts.underlying);
            self.put_exposure(facts.underlying, turned.exposure, turned.impact);
            let at = || Fault::at("margin: impact");
            let rest = self.impact.minus(before).map_err(at())?;
            self.impact = rest.plus(turned.impact).map_err(at())?;
        }
        self.sum = turned.sum;
        Ok(())
    }
}
