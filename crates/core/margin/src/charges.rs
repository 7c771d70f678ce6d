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
use std::collections::{BTreeMap, BTreeSet};
use units::Notional;

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

/// Dollars gained as an index doubles or as vols rise, and what orders could add and take away, in micro-dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Exposure {
    held: i128,
    up: i128,
    down: i128,
}

impl Exposure {
    fn turned(self, more: i128, turn: Turn) -> Self {
        // Sums of what an account may have fit in 80 bits.
        let more = if turn == Turn::Add { more } else { more.wrapping_neg() };
        match (more < 0) == (turn == Turn::Add) {
            true => Self { down: self.down.wrapping_sub(more), ..self },
            false => Self { up: self.up.wrapping_add(more), ..self },
        }
    }

    fn greatest(self) -> i128 {
        // In magnitude, the one end is the greatest of both if it is the farther.
        let (highest, lowest) =
            (self.held.wrapping_add(self.up), self.held.wrapping_sub(self.down));
        if highest.wrapping_add(lowest) < 0 { lowest } else { highest }
    }
}

/// The exposures of an account to one underlying, and what trading each away would cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Exposures {
    delta: Exposure,
    vega: Exposure,
    impact_delta: Notional,
    impact_vega: Notional,
}

impl Exposures {
    const NONE: Self = Self {
        delta: Exposure { held: 0, up: 0, down: 0 },
        vega: Exposure { held: 0, up: 0, down: 0 },
        impact_delta: Notional::ZERO,
        impact_vega: Notional::ZERO,
    };

    fn with_held(mut self, slot: &Slot, lots: i64) -> Self {
        self.delta.held = self.delta.held.saturating_add(times(lots, slot.delta));
        self.vega.held = self.vega.held.saturating_add(times(lots, slot.vega));
        self
    }

    /// Returns both with their costs.
    fn measured(self, underlying: &Underlying) -> Self {
        let impact_delta = underlying.push.pressure(self.delta.greatest()).cost();
        let impact_vega = underlying.twist.pressure(self.vega.greatest()).cost();
        Self { impact_delta, impact_vega, ..self }
    }

    /// Returns the exposures once an order has joined or left.
    fn turned(self, underlying: &Underlying, slot: &Slot, lots: i64, turn: Turn) -> Self {
        let turned = Self {
            delta: self.delta.turned(times(lots, slot.delta), turn),
            vega: self.vega.turned(times(lots, slot.vega), turn),
            ..self
        };
        turned.measured(underlying)
    }

    /// Returns what an order would add to the costs.
    #[inline(always)]
    fn rise(&self, underlying: &Underlying, slot: &Slot, lots: i64, turn: Turn) -> i128 {
        let delta = self.delta.turned(times(lots, slot.delta), turn).greatest();
        let rise = underlying.push.pressure(delta).cost().micros();
        let rise = rise.wrapping_sub(self.impact_delta.micros());
        if slot.vega == 0 {
            return rise;
        }
        let vega = self.vega.turned(times(lots, slot.vega), turn).greatest();
        let more = underlying.twist.pressure(vega).cost().micros();
        rise.wrapping_add(more).wrapping_sub(self.impact_vega.micros())
    }
}

/// Returns a product of lots and dollars a lot, which fits.
fn times(lots: i64, dollars: i64) -> i128 {
    i128::from(lots).wrapping_mul(i128::from(dollars))
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
    exposures: Vec<(u32, Exposures)>,
    /// Charges of rows and strikes, in 2⁻¹⁶ micro-dollars.
    sum: i128,
    impact: Notional,
}

const fn no_underlying() -> Fault {
    Fault::Missing("margin: underlying")
}

fn found<T>(entries: &[(u32, T)], number: u32) -> Option<&T> {
    let place = entries.binary_search_by_key(&number, |(key, _)| *key).ok();
    place.and_then(|place| entries.get(place)).map(|(_, value)| value)
}

fn find<T: Copy + Default>(entries: &[(u32, T)], number: u32) -> T {
    found(entries, number).copied().unwrap_or_default()
}

/// Keeps an entry under a number; none that says nothing is kept.
fn put<T: Default + PartialEq>(entries: &mut Vec<(u32, T)>, number: u32, value: T) {
    match entries.binary_search_by_key(&number, |(key, _)| *key) {
        Ok(place) if value == T::default() => {
            entries.remove(place);
        }
        Ok(place) => {
            if let Some(entry) = entries.get_mut(place) {
                entry.1 = value;
            }
        }
        Err(place) => entries.insert(place, (number, value)),
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
    impact: Notional,
    sum: i128,
}

/// What the lots of an expiry are charged, each sum rounded up.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct GroupCharges {
    /// For every lot: spread, doubt about the index, funding, a fallen coin, haircut.
    pub(crate) lots: Notional,
    /// For short options that nothing nets: the least for one, and doubt about its vol.
    pub(crate) naked: Notional,
}

impl ChargeBook {
    /// Returns the charges by number of the group, without impact.
    pub(crate) fn by_group(&self, risk: &Risk) -> Result<BTreeMap<u32, GroupCharges>, Fault> {
        let mut sums: BTreeMap<u32, (i128, i128)> = BTreeMap::new();
        let mut counted = BTreeSet::new();
        for (number, range) in &self.rows {
            let slot = risk.slot(*number).ok_or(Fault::Missing("margin: row"))?;
            let charges = self.purpose.charges(slot);
            let (lots, naked) = sums.entry(slot.group).or_default();
            *lots = lots.saturating_add(range.charge(charges));
            if slot.strike != 0 && counted.insert(slot.strike) {
                let strike = find(&self.strikes, slot.strike);
                *naked = naked.saturating_add(strike.charge_naked(charges));
            }
        }
        let rounded = sums.into_iter().map(|(group, (lots, naked))| {
            (group, GroupCharges { lots: round_up(lots), naked: round_up(naked) })
        });
        Ok(rounded.collect())
    }

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
            if risk.impacts {
                let exposures = find(&book.exposures, slot.underlying).with_held(slot, lots);
                put(&mut book.exposures, slot.underlying, exposures);
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
        for (number, exposures) in &mut self.exposures {
            let underlying = risk.underlying(*number).ok_or_else(no_underlying)?;
            *exposures = exposures.measured(underlying);
            let Exposures { impact_delta, impact_vega, .. } = *exposures;
            let impact = sum.plus(impact_delta).and_then(|sum| sum.plus(impact_vega));
            sum = impact.map_err(Fault::at("margin: impact"))?;
        }
        self.impact = sum;
        Ok(())
    }

    /// Returns how many rows have a position or an order.
    pub(crate) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Returns whether a row has a position or an order.
    pub(crate) fn holds(&self, slot: u32) -> bool {
        self.rows.binary_search_by_key(&slot, |(key, _)| *key).is_ok()
    }

    /// Returns what of all charges is impact.
    pub(crate) const fn impact(&self) -> Notional {
        self.impact
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
            impact: Notional::ZERO,
            sum,
        };
        if risk.impacts {
            turned.impact = self.turned_impact(risk, slot, lots, turn)?;
            let total = turned.total.plus(turned.impact);
            turned.total = total.map_err(Fault::at("margin: impact"))?;
        }
        Ok(turned)
    }

    /// Returns what an order makes of impact; apart, so that nothing of it is in the way where there is none.
    #[inline(never)]
    fn turned_impact(
        &self,
        risk: &Risk,
        slot: &Slot,
        lots: i64,
        turn: Turn,
    ) -> Result<Notional, Fault> {
        let underlying = risk.underlying(slot.underlying).ok_or_else(no_underlying)?;
        let before = found(&self.exposures, slot.underlying).unwrap_or(&Exposures::NONE);
        // Costs are below 2⁷³ each.
        let rise = before.rise(underlying, slot, lots, turn);
        Ok(Notional::from_micros(self.impact.micros().wrapping_add(rise)))
    }

    /// Takes over what an order makes of the charges.
    pub(crate) fn apply(
        &mut self,
        risk: &Risk,
        slot: (u32, &Slot),
        lots: i64,
        turn: Turn,
        turned: &Turned,
    ) -> Result<(), Fault> {
        let (number, facts) = slot;
        put(&mut self.rows, number, turned.row);
        if facts.strike != 0 {
            put(&mut self.strikes, facts.strike, turned.strike);
        }
        if risk.impacts {
            let underlying = risk.underlying(facts.underlying).ok_or_else(no_underlying)?;
            let before = find(&self.exposures, facts.underlying);
            let after = before.turned(underlying, facts, lots, turn);
            put(&mut self.exposures, facts.underlying, after);
            self.impact = turned.impact;
        }
        self.sum = turned.sum;
        Ok(())
    }
}
