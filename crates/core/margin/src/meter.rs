//! Measures many accounts one after another: the pass over every account in every block.
//!
//! **Invariant:** a reading is what [`crate::required`] says of the same account without its orders.

use crate::account::out_of_limits;
use crate::bounds::GROSS_MEASURED;
use crate::charges::round_up as round_up_charges;
use crate::holdings::Holdings;
use crate::impact::Pressure;
use crate::lanes::{Line, Lows, Matrix, Span, sweep};
use crate::risk::{Risk, Slot};
use crate::scan::{fraction_up, round_up};
use crate::weights::Sums;
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
    /// What of both margins is impact, and the pressure that it is at most the cost of.
    pub(crate) impact: Notional,
    pub(crate) pressure: Pressure,
}

/// Measures accounts on one set of matrices, with memory of its own that it uses again and again.
#[derive(Debug)]
pub struct Meter<'a> {
    risk: &'a Risk,
    /// Lines in the units of their rows, where some rows are not in micro-dollars.
    scaled: Vec<Line>,
    spans: Vec<Span>,
    /// What rounding may hide in each span.
    reserves: Vec<i64>,
    lows: Vec<Lows>,
}

impl<'a> Meter<'a> {
    /// Returns a meter for the accounts of a block.
    #[must_use]
    pub const fn new(risk: &'a Risk) -> Self {
        Self { risk, scaled: Vec::new(), spans: Vec::new(), reserves: Vec::new(), lows: Vec::new() }
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
        let sums = match risk.impacts {
            true => self.lay_out::<true>(holdings)?,
            false => self.lay_out::<false>(holdings)?,
        };
        let lines = holdings.lines();
        let scan_hold = self.scan(risk.matrix_hold(), lines)?;
        let impact = Notional::from_micros(sums.impact);
        let charges = |sum| round_up_charges(sum).plus(impact).map_err(at());
        let charges_maintenance = charges(sums.charges_maintenance)?;
        let floor = fraction_up(scan_hold, risk.maintenance_ratio).map_err(at())?;
        let scan_new = match risk.is_single() {
            true => scan_hold,
            false => self.scan(&risk.new, lines)?.greater(floor),
        };
        let charges_initial = charges(sums.charges_initial)?;
        let maintenance = floor.plus(charges_maintenance).map_err(at())?;
        let buffer = fraction_up(maintenance, risk.buffer_ratio).map_err(at())?;
        let equity = cash.minus(holdings.cost()).map_err(at())?;
        Ok(Reading {
            equity: equity.plus(sums.worth()).map_err(at())?,
            initial: scan_new.plus(charges_initial).map_err(at())?,
            maintenance,
            buffer: maintenance.plus(buffer).map_err(at())?,
            scan_hold,
            gross: i128::from(sums.gross),
            impact,
            pressure: sums.pressure,
        })
    }

    /// Returns the scan over one of the matrices of what has been laid out.
    #[inline(always)]
    fn scan(&mut self, matrix: &Matrix, lines: &[Line]) -> Result<Notional, Fault> {
        self.lows.clear();
        self.lows.resize(self.spans.len(), Lows::HIGHEST);
        let lines = if self.risk.in_micros { lines } else { &self.scaled };
        sweep(self.risk.arch, matrix, lines, &self.spans, &mut self.lows);
        self.sum().map(round_up)
    }

    /// Writes the spans of an account, and sums what is beside the scenarios, with impact or without.
    #[inline(always)]
    fn lay_out<const IMPACTS: bool>(&mut self, holdings: &Holdings) -> Result<Sums, Fault> {
        let missing = || Fault::Missing("margin: row");
        let (risk, lines) = (self.risk, holdings.lines());
        self.spans.clear();
        self.reserves.clear();
        let mut sums = Sums::default();
        let Some(first) = lines.first() else { return Ok(sums) };
        let mut last = (first.slot, risk.weights(first.slot).ok_or_else(missing)?);
        let (mut count, mut reserve, mut strike_lots) = (0u32, 0u64, 0i64);
        for line in lines {
            let weights = risk.weights(line.slot).ok_or_else(missing)?;
            if weights.strike != last.1.strike {
                sums.add_naked(risk.slot(last.0).ok_or_else(missing)?, strike_lots);
                strike_lots = 0;
            }
            if weights.group != last.1.group {
                self.close::<IMPACTS>(last.0, Some(line.slot), count, reserve, &mut sums)?;
                (count, reserve) = (0, 0);
            }
            if IMPACTS {
                sums.expose(weights, line.lots);
            }
            last = (line.slot, weights);
            count = count.wrapping_add(1);
            strike_lots = strike_lots.wrapping_add(i64::from(line.lots));
            reserve = reserve.saturating_add(sums.add(weights, line.lots));
            if weights.graded {
                sums.add_above(risk.slot(line.slot).ok_or_else(missing)?, line.lots);
            }
        }
        sums.add_naked(risk.slot(last.0).ok_or_else(missing)?, strike_lots);
        self.close::<IMPACTS>(last.0, None, count, reserve, &mut sums)?;
        if i128::from(sums.gross) > GROSS_MEASURED {
            return Err(out_of_limits("margin: gross of an account"));
        }
        if !risk.in_micros {
            self.scale(lines)?;
        }
        Ok(sums)
    }

    /// Ends a span before a row of another group, or before nothing.
    #[inline(always)]
    fn close<const IMPACTS: bool>(
        &mut self,
        last: u32,
        next: Option<u32>,
        lines: u32,
        reserve: u64,
        sums: &mut Sums,
    ) -> Result<(), Fault> {
        let missing = || Fault::Missing("margin: row");
        let last = self.risk.slot(last).ok_or_else(missing)?;
        let next = next.and_then(|next| self.risk.slot(next));
        let class = |slot: &Slot| self.risk.underlying(slot.underlying).map(|found| found.class);
        let ends_underlying = next.is_none_or(|next| next.underlying != last.underlying);
        let ends_class = ends_underlying && next.is_none_or(|next| class(next) != class(last));
        self.spans.push(Span { group: last.group, lines, ends_underlying, ends_class });
        self.reserves.push(i64::try_from(reserve).unwrap_or(i64::MAX));
        if IMPACTS && ends_underlying {
            let underlying = self.risk.underlying(last.underlying).ok_or_else(missing)?;
            sums.close_exposures(underlying);
        }
        Ok(())
    }

    /// Writes the lines in the units of their rows.
    fn scale(&mut self, lines: &[Line]) -> Result<(), Fault> {
        self.scaled.clear();
        for line in lines {
            let slot = self.risk.slot(line.slot).ok_or(Fault::Missing("margin: row"))?;
            let lots = slot.scaled(line.lots);
            let lots = lots.ok_or(out_of_limits("margin: lots in units of a row"))?;
            self.scaled.push(Line { slot: line.slot, lots });
        }
        Ok(())
    }

    /// Returns the scan in millionths of micro-dollars.
    #[inline(always)]
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

#[cfg(test)]
mod coherence;
