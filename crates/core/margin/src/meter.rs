//! Measures many accounts one after another: the pass over every account in every block.
//!
//! **Invariant:** a reading is what [`crate::required`] says of the same account without its orders.

use crate::charges::{self, ChargeBook, Purpose};
use crate::holdings::Holdings;
use crate::impact::{Pressure, Rates};
use crate::lanes::{Line, Matrix, Sweep, dispatch};
use crate::risk::Risk;
use crate::scan::{Scan, fraction_up, round_up, stage_after};
use crate::weights::Weighing;
use protocol::Fault;
use units::Notional;

/// What decides whether an account is called or liquidated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Cash, value of positions above their cost, and value of collateral.
    pub equity: Notional,
    /// What the account must hold to add risk.
    pub initial: Notional,
    /// What it must hold not to be liquidated.
    pub maintenance: Notional,
    /// What a liquidation restores.
    pub buffer: Notional,
    /// Scan loss over the ranges for risk held.
    pub scan_hold: Notional,
    /// Σ |lots| · greatest scenario value of a lot, in micro-dollars: what the sums are proved for.
    pub(crate) gross: i128,
    /// What of initial margin is impact, and the pressure that it is at most the cost of.
    pub(crate) impact: Notional,
    pub(crate) pressure: Pressure,
}

/// Measures accounts on one set of matrices.
#[derive(Debug, Clone, Copy)]
pub struct Meter<'a> {
    risk: &'a Risk,
}

/// What a reading is made of.
struct Parts {
    equity: Notional,
    charges_initial: Notional,
    charges_maintenance: Notional,
    scan_hold: Notional,
    scan_new: Notional,
    gross: i128,
    impact: Impact,
}

impl<'a> Meter<'a> {
    /// Returns a meter for the accounts of a block.
    #[must_use]
    pub const fn new(risk: &'a Risk) -> Self {
        Self { risk }
    }

    /// Returns the reading of an account.
    ///
    /// Cost: O(positions × scenarios), no allocation unless the lots are so many that their charges take more than 64 bits.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the holdings were sorted for other matrices, or are more than the sums are proved for.
    pub fn read(&self, holdings: &Holdings, cash: Notional) -> Result<Reading, Fault> {
        let risk = self.risk;
        let Some(sums) = dispatch(risk.arch, Weighing { risk, lines: holdings.lines() })? else {
            return read_wide(risk, holdings, cash);
        };
        let lines = holdings.lines();
        let beside = Beside { soon: sums.soon, basis: sums.basis, bends: sums.bends };
        let scan = |matrix| scan(risk, matrix, lines, beside);
        let scan_hold = scan(risk.matrix_hold())?;
        let scan_new = if risk.is_single() { scan_hold } else { scan(&risk.new)? };
        let (impact, cost_hold) = match risk.impacts {
            true => both_impacts(risk, lines, sums.soon)?,
            false => (Impact::default(), Notional::ZERO),
        };
        let charges = |sum: i64, cost: Notional| {
            charges::round_up(sum.into()).plus(cost).map_err(Fault::at("margin: reading"))
        };
        let equity = cash.minus(holdings.cost()).map_err(Fault::at("margin: reading"))?;
        let worth = Notional::from_micros(sums.worth.into());
        reading(
            risk,
            Parts {
                equity: equity.plus(worth).map_err(Fault::at("margin: reading"))?,
                charges_initial: charges(sums.charges_initial, impact.cost)?,
                charges_maintenance: charges(sums.charges_maintenance, cost_hold)?,
                scan_hold,
                scan_new,
                gross: sums.gross.into(),
                impact,
            },
        )
    }
}

/// What counts of an account beside the set of scenarios.
#[derive(Debug, Clone, Copy)]
struct Beside {
    /// Some stage looks past a line.
    soon: bool,
    /// One moves in the basis scenario.
    basis: bool,
    /// One bends at knots.
    bends: bool,
}

/// Returns the scan over a matrix of lines that were found to be few lots.
#[inline(always)]
fn scan(risk: &Risk, matrix: &Matrix, lines: &[Line], beside: Beside) -> Result<Notional, Fault> {
    let missing = || Fault::Missing("margin: level of a row");
    if beside.soon {
        return scan_stages(risk, matrix, lines, beside.bends).map(round_up).ok_or_else(missing);
    }
    let (keys, bases, paths) = (&*risk.keys, &*risk.bases, &*risk.paths);
    let sum = match beside.basis {
        true => Sweep::<false, true, false> { matrix, lines, keys, bases, paths, stage: 0 }
            .scan(risk.arch),
        false => Sweep::<false, false, false> { matrix, lines, keys, bases, paths, stage: 0 }
            .scan(risk.arch),
    };
    sum.map(round_up).ok_or_else(missing)
}

/// Returns the greatest sum of what is held and of the stages that look past something of it.
#[inline(never)]
fn scan_stages(risk: &Risk, matrix: &Matrix, lines: &[Line], bends: bool) -> Option<i128> {
    let (keys, bases, paths) = (&*risk.keys, &*risk.bases, &*risk.paths);
    let key = |line: &Line| keys.get(usize::try_from(line.slot).ok()?);
    let paths_of = || lines.iter().filter_map(key).filter_map(|key| risk.path(key.group));
    // All that bends has gone in the stage of the last of it to end.
    let bending = lines.iter().filter_map(key).filter(|key| bends && key.bends());
    let bending = bending.filter_map(|key| risk.path(key.group)).map(|path| path.stage).max();
    let held = match bending {
        Some(_) => Sweep::<false, true, true> { matrix, lines, keys, bases, paths, stage: 0 }
            .scan(risk.arch),
        None => Sweep::<false, true, false> { matrix, lines, keys, bases, paths, stage: 0 }
            .scan(risk.arch),
    };
    let (mut greatest, mut stage) = (held?, 0);
    while let Some(next) = stage_after(paths_of(), stage) {
        stage = next;
        let sum = match bending.is_some_and(|last| stage < last) {
            true => Sweep::<true, true, true> { matrix, lines, keys, bases, paths, stage }
                .scan(risk.arch),
            false => Sweep::<true, true, false> { matrix, lines, keys, bases, paths, stage }
                .scan(risk.arch),
        };
        greatest = greatest.max(sum?);
    }
    Some(greatest)
}

/// Returns the reading of an account whose lots are so many that their charges take more than 64 bits.
#[cold]
fn read_wide(risk: &Risk, holdings: &Holdings, cash: Notional) -> Result<Reading, Fault> {
    let (entries, gross) = holdings.entries(risk)?;
    let scan = |matrix| Scan::new(risk, matrix, &entries).map(|scan| round_up(scan.sum()));
    let scan_hold = scan(risk.matrix_hold())?;
    reading(
        risk,
        Parts {
            equity: holdings.equity(risk, cash)?,
            charges_initial: charges_wide(risk, holdings, Purpose::Initial)?,
            charges_maintenance: charges_wide(risk, holdings, Purpose::Maintenance)?,
            scan_hold,
            scan_new: if risk.is_single() { scan_hold } else { scan(&risk.new)? },
            gross,
            impact: Impact::of(risk, Purpose::Initial, holdings.lines(), !risk.soon.is_empty())?,
        },
    )
}

/// Returns the charges of an account in 128 bits, with impact.
fn charges_wide(risk: &Risk, holdings: &Holdings, purpose: Purpose) -> Result<Notional, Fault> {
    let lines = holdings.lines().iter().map(|line| (line.slot, line.lots));
    ChargeBook::new(risk, purpose, lines)?.total()
}

/// Returns the impact of lines in initial margin, and what it costs in maintenance margin; apart, so that nothing of it is in
/// the way where there is none.
#[inline(never)]
fn both_impacts(risk: &Risk, lines: &[Line], soon: bool) -> Result<(Impact, Notional), Fault> {
    let impact = Impact::of(risk, Purpose::Initial, lines, soon)?;
    let cost_hold = match risk.is_alike {
        true => impact.cost,
        false => Impact::of(risk, Purpose::Maintenance, lines, soon)?.cost,
    };
    Ok((impact, cost_hold))
}

/// What trading all exposures of an account away would cost, and all their pressures as one.
#[derive(Debug, Clone, Copy, Default)]
struct Impact {
    cost: Notional,
    pressure: Pressure,
}

impl Impact {
    /// Returns the impact of lines, which are sorted by underlying; none where nothing is charged. `soon` says whether some
    /// stage may look past one.
    fn of(risk: &Risk, purpose: Purpose, lines: &[Line], soon: bool) -> Result<Self, Fault> {
        let mut all = Self::default();
        if !risk.impacts {
            return Ok(all);
        }
        let mut under_way: Option<(u32, [i128; 2], usize)> = None;
        for (place, line) in lines.iter().enumerate() {
            let slot = risk.slot(line.slot).ok_or(Fault::Missing("margin: row"))?;
            let more = times(line.lots, [slot.delta, slot.vega]);
            under_way = match under_way {
                Some((underlying, sums, first)) if underlying == slot.underlying => {
                    Some((underlying, added(sums, more), first))
                }
                last => {
                    let own = lines.get(..place).filter(|_| soon);
                    all = all.with(risk, purpose, last, own)?;
                    Some((slot.underlying, more, place))
                }
            };
        }
        all.with(risk, purpose, under_way, Some(lines).filter(|_| soon))
    }

    /// Adds the exposures to an underlying: to its index and to its vols, each at its greatest of all stages. The lines are
    /// those up to the last of the underlying, where a stage may look past one.
    fn with(
        self,
        risk: &Risk,
        purpose: Purpose,
        exposures: Option<(u32, [i128; 2], usize)>,
        lines: Option<&[Line]>,
    ) -> Result<Self, Fault> {
        let Some((number, sums, first)) = exposures else { return Ok(self) };
        let underlying = risk.underlying(number).ok_or(Fault::Missing("margin: underlying"))?;
        let rates = purpose.rates(underlying);
        let mut pressures = rates.pressures(sums);
        if let Some(own) = lines.and_then(|lines| lines.get(first..)) {
            pressures = later_pressures(risk, rates, own, pressures);
        }
        let [push, twist] = pressures;
        let cost = self.cost.plus(push.cost()).and_then(|cost| cost.plus(twist.cost()));
        Ok(Self {
            cost: cost.map_err(Fault::at("margin: impact"))?,
            pressure: self.pressure.with(push).with(twist),
        })
    }
}

/// Returns the greatest of pressures and of those of the stages that look past a line, all of one underlying.
#[inline(never)]
fn later_pressures(
    risk: &Risk,
    rates: Rates,
    lines: &[Line],
    held: [Pressure; 2],
) -> [Pressure; 2] {
    let slots = || lines.iter().filter_map(|line| Some((line.lots, risk.slot(line.slot)?)));
    let (mut greatest, mut stage) = (held, 0);
    while let Some(next) = slots().map(|(_, slot)| slot.stage).filter(|at| *at > stage).min() {
        stage = next;
        let each = slots().map(|(lots, slot)| times(lots, slot.exposures(stage)));
        let [push, twist] = rates.pressures(each.fold([0; 2], added));
        let [most_push, most_twist] = greatest;
        greatest = [push.max(most_push), twist.max(most_twist)];
    }
    greatest
}

/// Returns what lots gain, as a lot gains; sums of what an account may have fit in 80 bits.
#[inline(always)]
fn times(lots: i32, gained: [i64; 2]) -> [i128; 2] {
    gained.map(|gained| i128::from(lots).wrapping_mul(i128::from(gained)))
}

#[inline(always)]
fn added([a, b]: [i128; 2], [c, d]: [i128; 2]) -> [i128; 2] {
    [a.wrapping_add(c), b.wrapping_add(d)]
}

/// Returns the reading that parts add up to (0019-MARG-007).
#[inline(always)]
fn reading(risk: &Risk, parts: Parts) -> Result<Reading, Fault> {
    let at = || Fault::at("margin: reading");
    let floor = fraction_up(parts.scan_hold, risk.maintenance_ratio).map_err(at())?;
    let maintenance = floor.plus(parts.charges_maintenance).map_err(at())?;
    let buffer = fraction_up(maintenance, risk.buffer_ratio).map_err(at())?;
    let scan = parts.scan_new.greater(floor);
    Ok(Reading {
        equity: parts.equity,
        initial: scan.plus(parts.charges_initial).map_err(at())?,
        maintenance,
        buffer: maintenance.plus(buffer).map_err(at())?,
        scan_hold: parts.scan_hold,
        gross: parts.gross,
        impact: parts.impact.cost,
        pressure: parts.impact.pressure,
    })
}

#[cfg(test)]
mod coherence;
