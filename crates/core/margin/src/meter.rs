//! Measures many accounts one after another: the pass over every account in every block.
//!
//! **Invariant:** a reading is what [`crate::required`] says of the same account without its orders.

use crate::account::{maintenance, out_of_limits};
use crate::bounds::{CHARGE_BITS, GROSS_MEASURED};
use crate::charges::{ChargeBook, Purpose};
use crate::holdings::Holdings;
use crate::lanes::{Entry, Lows, Span, sweep};
use crate::risk::Risk;
use crate::scan::round_up;
use protocol::Fault;
use units::Notional;

/// What decides whether an account is liquidated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Cash, value of positions above their cost, and value of collateral.
    pub equity: Notional,
    /// Scan loss over the ranges for risk held.
    pub scan_hold: Notional,
    /// What the account must hold not to be liquidated.
    pub maintenance: Notional,
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
#[derive(Debug, Default)]
struct Sums {
    equity: i128,
    gross: i128,
    /// In 2⁻¹⁶ micro-dollars.
    charges: i128,
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
        let sums = self.lay_out(holdings)?;
        self.lows.clear();
        self.lows.resize(self.spans.len(), Lows::HIGHEST);
        let rows = self.risk.rows_hold();
        sweep(self.risk.arch, rows, &self.entries, &self.spans, &mut self.lows);
        let scan_hold = round_up(self.sum()?);
        let charges = if self.risk.impact.parts() == 0 {
            Notional::from_micros(
                sums.charges.saturating_add((1 << CHARGE_BITS) - 1) >> CHARGE_BITS,
            )
        } else {
            let lines = holdings.lines().iter().map(|line| (line.slot, line.lots));
            ChargeBook::new(self.risk, Purpose::Maintenance, lines)?.total()?
        };
        let equity = cash.minus(holdings.cost()).map_err(at())?;
        Ok(Reading {
            equity: equity.plus(Notional::from_micros(sums.equity)).map_err(at())?,
            scan_hold,
            maintenance: maintenance(self.risk, scan_hold, charges)?,
        })
    }

    /// Writes the entries and spans of an account.
    fn lay_out(&mut self, holdings: &Holdings) -> Result<Sums, Fault> {
        self.entries.clear();
        self.spans.clear();
        self.reserves.clear();
        let mut sums = Sums::default();
        let mut span =
            Span { group: u32::MAX, entries: 0, ends_underlying: true, ends_class: true };
        let mut reserve: i64 = 0;
        let mut last = (u32::MAX, u32::MAX);
        let mut strike = (0, 0i64, 0i64);
        for line in holdings.lines() {
            let slot = self.risk.slot(line.slot).ok_or(Fault::Missing("margin: row"))?;
            if slot.group != span.group {
                let class = if slot.underlying == last.0 {
                    last.1
                } else {
                    self.risk.underlying(slot.underlying).map_or(u32::MAX, |found| found.class)
                };
                span.ends_underlying = slot.underlying != last.0;
                span.ends_class = class != last.1;
                self.close(span, reserve);
                last = (slot.underlying, class);
                span = Span { group: slot.group, entries: 0, ..span };
                reserve = 0;
            }
            let scaled = slot.scaled(line.lots);
            let scaled = scaled.ok_or(out_of_limits("margin: lots in units of a row"))?;
            self.entries.push(Entry { slot: line.slot, scaled });
            span.entries = span.entries.saturating_add(1);
            reserve = reserve.saturating_add(slot.reserved(line.lots));
            sums.equity = sums.equity.saturating_add(slot.worth(line.lots)?);
            let size = i128::from(line.lots.unsigned_abs());
            sums.gross = sums.gross.saturating_add(size.wrapping_mul(i128::from(slot.greatest)));
            let charges = &slot.maintenance;
            let rate = if line.lots > 0 { charges.long } else { charges.short };
            sums.charges = sums.charges.saturating_add(size.wrapping_mul(i128::from(rate)));
            if slot.strike != strike.0 {
                sums.charges = sums.charges.saturating_add(naked(strike.1, strike.2));
                strike = (slot.strike, 0, charges.naked);
            }
            strike.1 = strike.1.saturating_add(i64::from(line.lots));
        }
        (span.ends_underlying, span.ends_class) = (true, true);
        self.close(span, reserve);
        sums.charges = sums.charges.saturating_add(naked(strike.1, strike.2));
        if sums.gross > GROSS_MEASURED {
            return Err(out_of_limits("margin: gross of an account"));
        }
        Ok(sums)
    }

    fn close(&mut self, span: Span, reserve: i64) {
        if span.entries > 0 {
            self.spans.push(span);
            self.reserves.push(reserve);
        }
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

fn naked(lots: i64, rate: i64) -> i128 {
    i128::from(lots.saturating_neg().max(0)).wrapping_mul(i128::from(rate))
}
