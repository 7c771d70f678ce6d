//! Measures many accounts one after another: the pass over every account in every block.
//!
//! **Invariant:** a reading is what [`crate::required`] says of the same account without its orders.

use crate::account::out_of_limits;
use crate::bounds::GROSS_MEASURED;
use crate::charges::{ChargeBook, Purpose};
use crate::holdings::Holdings;
use crate::lanes::{Entry, Lows, Matrix, Span, sweep};
use crate::risk::{Risk, Slot};
use crate::scan::{fraction_up, round_up};
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
}

/// Measures accounts on one set of matrices, with memory of its own that it uses again and again.
#[derive(Debug)]
pub struct Meter<'a> {
    risk: &'a Risk,
    entries: Vec<Entry>,
    spans: Vec<Span>,
    /// What rounding may hide in each span.
    reserves: Vec<i64>,
    lows: Vec<Lows>,
}

/// Sums over the positions of an account, beside the scenarios.
///
/// There are at most 2³² positions of at most 2³¹ lots, and rates and values of a lot fit in 64 bits: sums stay below
/// 2¹²⁶ and do not wrap.
#[derive(Debug, Default)]
struct Sums {
    equity: i128,
    gross: u64,
    /// In 2⁻¹⁶ micro-dollars.
    charges_initial: i128,
    charges_maintenance: i128,
}

impl Sums {
    /// Adds what some lots of a row are worth, and their charges for both margins.
    #[inline(always)]
    fn add(&mut self, slot: &Slot, lots: i32) {
        // Lots in the unit of the row fit in 32 bits and its values in 28: their product in 60.
        let magnitude = u64::from(lots.unsigned_abs());
        let moved = magnitude.wrapping_mul(slot.greatest.unsigned_abs());
        self.gross = self.gross.saturating_add(moved);
        self.equity = self.equity.wrapping_add(slot.worth(lots));
        let lots = i64::from(lots);
        self.charges_initial = self.charges_initial.wrapping_add(slot.initial.of(lots));
        self.charges_maintenance = self.charges_maintenance.wrapping_add(slot.maintenance.of(lots));
    }

    /// Adds the charges for the naked short options of a strike, which are the same for all of its rows.
    #[inline(always)]
    fn add_naked(&mut self, slot: &Slot, lots: i64) {
        if lots < 0 {
            let naked = lots.saturating_neg();
            let charge = |rate: i64| i128::from(naked).wrapping_mul(i128::from(rate));
            self.charges_initial = self.charges_initial.wrapping_add(charge(slot.initial.naked));
            self.charges_maintenance =
                self.charges_maintenance.wrapping_add(charge(slot.maintenance.naked));
        }
    }
}

impl<'a> Meter<'a> {
    /// Returns a meter for the accounts of a block.
    #[must_use]
    pub const fn new(risk: &'a Risk) -> Self {
        Self {
            risk,
            entries: Vec::new(),
            spans: Vec::new(),
            reserves: Vec::new(),
            lows: Vec::new(),
        }
    }

    /// Returns the reading of an account.
    ///
    /// Cost: O(positions × scenarios), no allocation once the meter is warm.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the holdings were sorted for other matrices, or are more than the sums are proved for.
    pub fn read(&mut self, holdings: &Holdings, cash: Notional) -> Result<Reading, Fault> {
        let at = || Fault::at("margin: reading");
        let risk = self.risk;
        let sums = self.lay_out(holdings)?;
        let scan_hold = self.scan(risk.matrix_hold())?;
        let charges = |sum, purpose| charges(risk, holdings, sum, purpose);
        let charges_maintenance = charges(sums.charges_maintenance, Purpose::Maintenance)?;
        let floor = fraction_up(scan_hold, risk.maintenance_ratio).map_err(at())?;
        let scan_new = match risk.is_single() {
            true => scan_hold,
            false => self.scan(&risk.new)?.greater(floor),
        };
        let charges_initial = charges(sums.charges_initial, Purpose::Initial)?;
        let maintenance = floor.plus(charges_maintenance).map_err(at())?;
        let buffer = fraction_up(maintenance, risk.buffer_ratio).map_err(at())?;
        let equity = cash.minus(holdings.cost()).map_err(at())?;
        Ok(Reading {
            equity: equity.plus(Notional::from_micros(sums.equity)).map_err(at())?,
            initial: scan_new.plus(charges_initial).map_err(at())?,
            maintenance,
            buffer: maintenance.plus(buffer).map_err(at())?,
            scan_hold,
            gross: i128::from(sums.gross),
        })
    }

    /// Returns the scan over one of the matrices of what has been laid out.
    fn scan(&mut self, matrix: &Matrix) -> Result<Notional, Fault> {
        self.lows.clear();
        self.lows.resize(self.spans.len(), Lows::HIGHEST);
        sweep(self.risk.arch, matrix, &self.entries, &self.spans, &mut self.lows);
        self.sum().map(round_up)
    }

    /// Writes the entries and spans of an account.
    fn lay_out(&mut self, holdings: &Holdings) -> Result<Sums, Fault> {
        let missing = || Fault::Missing("margin: row");
        let lines = holdings.lines();
        self.entries.clear();
        self.entries.resize(lines.len(), Entry::default());
        self.spans.clear();
        self.reserves.clear();
        let mut sums = Sums::default();
        let Some(first) = lines.first() else { return Ok(sums) };
        let mut last = self.risk.slot(first.slot).ok_or_else(missing)?;
        let (mut entries, mut reserve, mut strike_lots) = (0u32, 0i64, 0i64);
        for (line, entry) in lines.iter().zip(&mut self.entries) {
            let slot = self.risk.slot(line.slot).ok_or_else(missing)?;
            if slot.strike != last.strike {
                sums.add_naked(last, strike_lots);
                strike_lots = 0;
            }
            if slot.group != last.group {
                let class =
                    |slot: &Slot| self.risk.underlying(slot.underlying).map(|found| found.class);
                self.spans.push(Span {
                    group: last.group,
                    entries,
                    ends_underlying: slot.underlying != last.underlying,
                    ends_class: slot.underlying != last.underlying && class(slot) != class(last),
                });
                self.reserves.push(reserve);
                (entries, reserve) = (0, 0);
            }
            last = slot;
            let scaled = slot.scaled(line.lots);
            let scaled = scaled.ok_or(out_of_limits("margin: lots in units of a row"))?;
            *entry = Entry { slot: line.slot, scaled };
            entries = entries.saturating_add(1);
            reserve = reserve.saturating_add(slot.reserved(line.lots));
            strike_lots = strike_lots.saturating_add(i64::from(line.lots));
            sums.add(slot, line.lots);
        }
        sums.add_naked(last, strike_lots);
        self.spans.push(Span {
            group: last.group,
            entries,
            ends_underlying: true,
            ends_class: true,
        });
        self.reserves.push(reserve);
        if i128::from(sums.gross) > GROSS_MEASURED {
            return Err(out_of_limits("margin: gross of an account"));
        }
        Ok(sums)
    }

    /// Returns the scan in millionths of micro-dollars.
    fn sum(&self) -> Result<i128, Fault> {
        let missing = || Fault::Missing("margin: level of a row");
        let mut sum: i128 = 0;
        let (mut underlying_reserve, mut class_reserve) = (0i64, 0i64);
        for ((span, low), reserve) in self.spans.iter().zip(&self.lows).zip(&self.reserves) {
            let group = self.risk.group(span.group).ok_or_else(missing)?;
            sum = sum.wrapping_add(kept(group.kept, *reserve, low.group));
            underlying_reserve = underlying_reserve.saturating_add(*reserve);
            if !span.ends_underlying {
                continue;
            }
            let underlying = self.risk.underlying(group.underlying).ok_or_else(missing)?;
            sum = sum.wrapping_add(kept(underlying.kept, underlying_reserve, low.underlying));
            class_reserve = class_reserve.saturating_add(underlying_reserve);
            underlying_reserve = 0;
            if span.ends_class {
                let class = self.risk.class(underlying.class).ok_or_else(missing)?;
                sum = sum.wrapping_add(kept(class.kept, class_reserve, low.class));
                class_reserve = 0;
            }
        }
        Ok(sum)
    }
}

/// Returns the share of a loss that counts, in millionths of micro-dollars.
fn kept(share: i64, reserve: i64, low: i64) -> i128 {
    i128::from(share).wrapping_mul(i128::from(reserve.saturating_sub(low).max(0)))
}

/// Returns a sum of charges, which impact is not in, as the charges of an account.
fn charges(
    risk: &Risk,
    holdings: &Holdings,
    sum: i128,
    purpose: Purpose,
) -> Result<Notional, Fault> {
    if risk.impact.parts() == 0 {
        return Ok(crate::charges::round_up(sum));
    }
    let lines = holdings.lines().iter().map(|line| (line.slot, line.lots));
    ChargeBook::new(risk, purpose, lines)?.total()
}

#[cfg(test)]
mod coherence;
