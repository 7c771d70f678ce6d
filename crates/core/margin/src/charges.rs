//! The charges beside the scan: oracle doubt, funding, spread, collateral haircut, naked short options, impact.
//!
//! All but impact and the haircut beyond its knee are sums over rows and strikes of max(0, linear), so they are
//! sub-additive like the scan. Impact follows the square-root law and is not, nor is a haircut that rises with the size:
//! splitting an account lowers them, so they price liquidity and nothing relies on them (0019-MARG-009).
//!
//! **Invariant:** a charge covers every subset of the open orders: it is taken at the ends of the range of positions
//! that fills can lead to, and is convex in the position, but for what the root of impact is rounded by (0019-MARG-026).

use crate::bounds::CHARGE_BITS;
use crate::impact::{Pressure, Rates};
use crate::risk::{Charges, Risk, Slot, Underlying};
use protocol::Fault;
use std::collections::{BTreeMap, BTreeSet};
use units::Notional;

/// Lots of one row or strike, and what orders could buy and sell of it.
///
/// Lots of a position or an order are 32 bits, and no account has 2³¹ of these: sums fit in 64.
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
        let (buys, sells) = (lots.max(0), lots.min(0).wrapping_neg());
        let turned = match turn {
            Turn::Add => Self {
                lots: self.lots,
                buys: self.buys.wrapping_add(buys),
                sells: self.sells.wrapping_add(sells),
            },
            Turn::TakeOut => Self {
                lots: self.lots,
                buys: self.buys.wrapping_sub(buys),
                sells: self.sells.wrapping_sub(sells),
            },
        };
        (turned.buys >= 0 && turned.sells >= 0).then_some(turned)
    }

    const fn with_held(self, lots: i64) -> Self {
        Self { lots: self.lots.wrapping_add(lots), ..self }
    }

    const fn greatest(self) -> i64 {
        self.lots.wrapping_add(self.buys)
    }

    const fn least(self) -> i64 {
        self.lots.wrapping_sub(self.sells)
    }

    /// Returns the most lots that the range is short.
    fn short(self) -> i64 {
        self.least().wrapping_neg().max(0)
    }

    /// Returns that with one more order.
    #[inline(always)]
    fn short_with(self, lots: i64) -> i64 {
        self.least().wrapping_add(lots.min(0)).wrapping_neg().max(0)
    }

    /// Returns the end that an order for signed lots moves, where it moves it.
    #[inline(always)]
    fn end_with(self, lots: i64) -> i64 {
        let end = if lots < 0 { self.least() } else { self.greatest() };
        end.wrapping_add(lots)
    }
}

/// A range and what it is charged, in 2⁻¹⁶ micro-dollars.
///
/// Lots of a row are below 2⁴², with the most orders that an account may have all in it, and rates below 2⁶³: with what is above a
/// knee, a charge is below 2¹⁰⁶, and thousands of them fit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Entry {
    range: Range,
    charge: i128,
}

impl Entry {
    const NONE: &'static Self = &Self { range: Range { lots: 0, buys: 0, sells: 0 }, charge: 0 };

    /// Returns a range of a row with its charge.
    fn of_row(range: Range, charges: &Charges) -> Self {
        let charge = charges.of(range.greatest()).max(charges.of(range.least()));
        Self { range, charge }
    }

    /// Returns a range of a strike with its charge for naked short options, the same for all rows of the strike.
    fn of_strike(range: Range, charges: &Charges) -> Self {
        Self { range, charge: times(range.short(), charges.naked) }
    }
}

/// Returns a sum of charges in micro-dollars, rounded up.
pub(crate) fn round_up(sum: i128) -> Notional {
    let up = sum.wrapping_add((1 << CHARGE_BITS) - 1);
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

/// The exposures to an index and to its vols.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Pair {
    delta: Exposure,
    vega: Exposure,
}

impl Pair {
    fn with_held(self, [delta, vega]: [i64; 2], lots: i64) -> Self {
        let add = |exposure: Exposure, dollars| Exposure {
            held: exposure.held.saturating_add(times(lots, dollars)),
            ..exposure
        };
        Self { delta: add(self.delta, delta), vega: add(self.vega, vega) }
    }

    fn turned(self, [delta, vega]: [i64; 2], lots: i64, turn: Turn) -> Self {
        Self {
            delta: self.delta.turned(times(lots, delta), turn),
            vega: self.vega.turned(times(lots, vega), turn),
        }
    }

    /// Returns the pressures of both.
    #[inline(always)]
    fn pressures(self, rates: Rates) -> [Pressure; 2] {
        rates.pressures([self.delta.greatest(), self.vega.greatest()])
    }
}

/// The exposures of an account to one underlying, as held and in the stages that look past something, and what trading the
/// greatest away would cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Exposures {
    held: Pair,
    /// By stage; one that is absent is as the one before it.
    later: Vec<(u32, Pair)>,
    impact: Notional,
}

impl Exposures {
    /// Returns where a stage is, or where it would be.
    fn place(&self, stage: u32) -> Result<usize, usize> {
        if stage == 0 { Ok(0) } else { self.later.binary_search_by_key(&stage, |(key, _)| *key) }
    }

    /// Returns the stage before a place among the later ones.
    fn before(&self, place: usize) -> Pair {
        let before = place.checked_sub(1).and_then(|place| self.later.get(place));
        before.map_or(self.held, |(_, pair)| *pair)
    }

    /// Changes every stage by what a lot of a row gains in it.
    fn each(mut self, slot: &Slot, change: impl Fn(Pair, [i64; 2]) -> Pair) -> Self {
        if let Err(place) = self.place(slot.stage) {
            let pair = self.before(place);
            self.later.insert(place, (slot.stage, pair));
        }
        self.held = change(self.held, slot.exposures(0));
        for (stage, pair) in &mut self.later {
            *pair = change(*pair, slot.exposures(*stage));
        }
        self
    }

    fn with_held(self, slot: &Slot, lots: i64) -> Self {
        self.each(slot, |pair, dollars| pair.with_held(dollars, lots))
    }

    /// Returns both with their cost.
    fn measured(mut self, rates: Rates) -> Result<Self, Fault> {
        let later = self.later.iter().map(|(_, pair)| pair.pressures(rates));
        let greatest = later.fold(self.held.pressures(rates), greater);
        self.impact = cost(greatest)?;
        Ok(self)
    }

    /// Returns the exposures once an order has joined or left.
    fn turned(self, rates: Rates, slot: &Slot, lots: i64, turn: Turn) -> Result<Self, Fault> {
        self.each(slot, |pair, dollars| pair.turned(dollars, lots, turn)).measured(rates)
    }

    /// Returns what an order would add to the cost.
    #[inline(always)]
    fn rise(&self, rates: Rates, slot: &Slot, lots: i64, turn: Turn) -> Result<i128, Fault> {
        let with =
            |pair: Pair, stage| pair.turned(slot.exposures(stage), lots, turn).pressures(rates);
        let mut greatest = with(self.held, 0);
        for (stage, pair) in &self.later {
            greatest = greater(greatest, with(*pair, *stage));
        }
        if let Err(place) = self.place(slot.stage) {
            greatest = greater(greatest, with(self.before(place), slot.stage));
        }
        // Costs are below 2⁷³ each.
        Ok(cost(greatest)?.micros().wrapping_sub(self.impact.micros()))
    }
}

/// Returns the greater of each.
fn greater([a, b]: [Pressure; 2], [c, d]: [Pressure; 2]) -> [Pressure; 2] {
    [a.max(c), b.max(d)]
}

/// Returns what two pressures cost.
#[inline(always)]
fn cost([push, twist]: [Pressure; 2]) -> Result<Notional, Fault> {
    push.cost().plus(twist.cost()).map_err(Fault::at("margin: impact"))
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

    pub(crate) const fn rates(self, underlying: &Underlying) -> Rates {
        match self {
            Self::Initial => underlying.new,
            Self::Maintenance => underlying.hold,
        }
    }
}

/// The charges of one account over its positions and open orders.
#[derive(Debug, Clone)]
pub(crate) struct ChargeBook {
    purpose: Purpose,
    /// By row, ascending.
    rows: Vec<(u32, Entry)>,
    /// By strike, ascending.
    strikes: Vec<(u32, Entry)>,
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

/// What one more order makes of the charges.
pub(crate) struct WithOrder {
    /// By how many lots it raises the most that its row can be short.
    pub(crate) shorter: i64,
    /// All charges, rounded up.
    pub(crate) total: Notional,
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
        for (number, row) in &self.rows {
            let slot = risk.slot(*number).ok_or(Fault::Missing("margin: row"))?;
            let (lots, naked) = sums.entry(slot.group).or_default();
            let charges = self.purpose.charges(slot);
            *lots = lots.wrapping_add(Entry::of_row(row.range, charges).charge);
            if slot.strike != 0 && counted.insert(slot.strike) {
                let strike = find(&self.strikes, slot.strike).range;
                *naked = naked.wrapping_add(Entry::of_strike(strike, charges).charge);
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
            let (charges, lots) = (purpose.charges(slot), i64::from(lots));
            let before = find(&book.rows, number);
            let row = Entry::of_row(before.range.with_held(lots), charges);
            put(&mut book.rows, number, row);
            book.sum = book.sum.wrapping_sub(before.charge).wrapping_add(row.charge);
            if slot.strike != 0 {
                let before = find(&book.strikes, slot.strike);
                let strike = Entry::of_strike(before.range.with_held(lots), charges);
                put(&mut book.strikes, slot.strike, strike);
                book.sum = book.sum.wrapping_sub(before.charge).wrapping_add(strike.charge);
            }
            if risk.impacts {
                let before = found(&book.exposures, slot.underlying).cloned().unwrap_or_default();
                let exposures = before.with_held(slot, lots);
                put(&mut book.exposures, slot.underlying, exposures);
            }
        }
        book.impact_all(risk)?;
        Ok(book)
    }

    fn impact_all(&mut self, risk: &Risk) -> Result<(), Fault> {
        let mut sum = Notional::ZERO;
        for (number, exposures) in &mut self.exposures {
            let underlying = risk.underlying(*number).ok_or_else(no_underlying)?;
            *exposures = std::mem::take(exposures).measured(self.purpose.rates(underlying))?;
            sum = sum.plus(exposures.impact).map_err(Fault::at("margin: impact"))?;
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

    /// Returns the signed lots that are held of a row.
    pub(crate) fn held(&self, number: u32) -> i64 {
        find(&self.rows, number).range.lots
    }

    /// Returns all charges without lots that are held of a row, rounded up: of a book without orders.
    pub(crate) fn total_without(
        &self,
        risk: &Risk,
        (number, slot): (u32, &Slot),
        lots: i64,
    ) -> Result<Notional, Fault> {
        let (charges, gone) = (self.purpose.charges(slot), lots.wrapping_neg());
        let row = find(&self.rows, number);
        let rest = Entry::of_row(row.range.with_held(gone), charges);
        let mut sum = self.sum.wrapping_sub(row.charge).wrapping_add(rest.charge);
        if slot.strike != 0 {
            let strike = find(&self.strikes, slot.strike);
            let rest = Entry::of_strike(strike.range.with_held(gone), charges);
            sum = sum.wrapping_sub(strike.charge).wrapping_add(rest.charge);
        }
        let at = || Fault::at("margin: impact");
        let mut impact = self.impact;
        if risk.impacts {
            let underlying = risk.underlying(slot.underlying).ok_or_else(no_underlying)?;
            let before = found(&self.exposures, slot.underlying).cloned().unwrap_or_default();
            impact = impact.minus(before.impact).map_err(at())?;
            let after = before.with_held(slot, gone).measured(self.purpose.rates(underlying))?;
            impact = impact.plus(after.impact).map_err(at())?;
        }
        round_up(sum).plus(impact).map_err(at())
    }

    /// Returns what one more order for signed lots makes of the charges.
    ///
    /// It widens a range at one end, and charges are convex: so the charge is what it was or that of the new end,
    /// whichever is greater.
    #[inline(always)]
    pub(crate) fn with_order(
        &self,
        risk: &Risk,
        (number, slot): (u32, &Slot),
        lots: i64,
    ) -> Result<WithOrder, Fault> {
        let charges = self.purpose.charges(slot);
        let row = found(&self.rows, number).unwrap_or(Entry::NONE);
        let end = charges.of(row.range.end_with(lots));
        let mut sum = self.sum.wrapping_add(end.wrapping_sub(row.charge).max(0));
        if slot.strike != 0 && lots < 0 {
            let strike = found(&self.strikes, slot.strike).unwrap_or(Entry::NONE);
            let naked = times(strike.range.short_with(lots), charges.naked);
            sum = sum.wrapping_add(naked.wrapping_sub(strike.charge).max(0));
        }
        let mut total = round_up(sum);
        if risk.impacts {
            let impact = self.turned_impact(risk, slot, lots, Turn::Add)?;
            total = total.plus(impact).map_err(Fault::at("margin: impact"))?;
        }
        let shorter = row.range.short_with(lots).wrapping_sub(row.range.short());
        Ok(WithOrder { shorter, total })
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
        let none = Exposures::default();
        let before = found(&self.exposures, slot.underlying).unwrap_or(&none);
        let rise = before.rise(self.purpose.rates(underlying), slot, lots, turn)?;
        Ok(Notional::from_micros(self.impact.micros().wrapping_add(rise)))
    }

    /// Adds an order for signed lots, or takes it out; returns by how many lots it changes the most that its row can be
    /// short.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the order was not there to be taken out; nothing has changed then.
    pub(crate) fn turn(
        &mut self,
        risk: &Risk,
        (number, slot): (u32, &Slot),
        lots: i64,
        turn: Turn,
    ) -> Result<i64, Fault> {
        let absent = || Fault::Invariant("an order taken out of margin is in it");
        let charges = self.purpose.charges(slot);
        let before = find(&self.rows, number);
        let row = Entry::of_row(before.range.turned(lots, turn).ok_or_else(absent)?, charges);
        let shorter = row.range.short().saturating_sub(before.range.short());
        let mut sum = self.sum.wrapping_sub(before.charge).wrapping_add(row.charge);
        let mut strike = None;
        if slot.strike != 0 {
            let before = find(&self.strikes, slot.strike);
            let after =
                Entry::of_strike(before.range.turned(lots, turn).ok_or_else(absent)?, charges);
            sum = sum.wrapping_sub(before.charge).wrapping_add(after.charge);
            strike = Some(after);
        }
        if risk.impacts {
            let impact = self.turned_impact(risk, slot, lots, turn)?;
            let underlying = risk.underlying(slot.underlying).ok_or_else(no_underlying)?;
            let before = found(&self.exposures, slot.underlying).cloned().unwrap_or_default();
            let after = before.turned(self.purpose.rates(underlying), slot, lots, turn)?;
            put(&mut self.exposures, slot.underlying, after);
            self.impact = impact;
        }
        if let Some(strike) = strike {
            put(&mut self.strikes, slot.strike, strike);
        }
        put(&mut self.rows, number, row);
        self.sum = sum;
        Ok(shorter)
    }
}
