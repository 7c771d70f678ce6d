//! An account's positions and collateral in margin order.

use crate::account::out_of_limits;
use crate::bounds::{BILLION, GROSS_MEASURED};
use crate::input::Position;
use crate::lanes::Line;
use crate::risk::{Risk, Slot};
use protocol::{AssetId, Fault};
use units::{Notional, Quantity};

/// An account's positions and collateral, sorted by the rows of one [`Risk`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holdings {
    lines: Vec<Line>,
    pledges: usize,
    cost: Notional,
}

/// A line as it enters a scan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    /// Lots in the unit of the row.
    pub(crate) line: Line,
    /// What rounding may hide in them.
    pub(crate) reserve: i64,
    /// What they gain in the basis scenario, as their unit falls and as it rises.
    pub(crate) basis: [i64; 2],
}

impl Slot {
    /// Returns lots in the unit of the row, if they fit.
    #[inline]
    pub(crate) fn scaled(&self, lots: i32) -> Option<i32> {
        // 32 bits or more leave nothing of any lots but none.
        let scaled = i64::from(lots).wrapping_shl(self.bits.min(32));
        i32::try_from(scaled).ok()
    }

    /// Returns what a short position may hide by rounding.
    #[inline]
    pub(crate) fn reserved(&self, lots: i32) -> i64 {
        match i64::from(lots).saturating_neg() {
            short @ 1.. => self.reserve.saturating_mul(short),
            _ => 0,
        }
    }

    /// Returns what lots are worth at the mark, rounded down.
    #[inline]
    pub(crate) fn worth(&self, lots: i32) -> i128 {
        // A fraction is below 2³⁰.
        let fractions = i64::from(lots).wrapping_mul(self.fraction).div_euclid(BILLION);
        let whole = i128::from(lots).wrapping_mul(i128::from(self.value));
        whole.wrapping_add(i128::from(fractions))
    }
}

impl Holdings {
    /// Returns the positions and collateral of an account in margin order.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a position's contract has no row, lots do not fit, or collateral is negative.
    pub fn new(
        risk: &Risk,
        positions: &[Position],
        collateral: &[(AssetId, Quantity)],
    ) -> Result<Self, Fault> {
        let mut lines = Vec::with_capacity(positions.len().saturating_add(collateral.len()));
        let mut cost = Notional::ZERO;
        for position in positions {
            let row = risk.row(position.instrument).ok_or(Fault::Missing("margin: row"))?;
            let lots = i32::try_from(position.lots.count());
            let lots = lots.map_err(|_| out_of_limits("margin: lots of a position"))?;
            cost = cost.plus(position.cost).map_err(Fault::at("margin: cost"))?;
            if lots != 0 {
                lines.push(Line { slot: row.0, lots });
            }
        }
        let positions = lines.len();
        for (asset, quantity) in collateral {
            if let Some((slot, lots)) = risk.pledged(*asset, *quantity)?
                && lots != 0
            {
                lines.push(Line { slot, lots });
            }
        }
        let pledges = lines.len().saturating_sub(positions);
        lines.sort_unstable();
        Ok(Self { lines, pledges, cost })
    }

    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Returns what was settled for the positions.
    pub(crate) const fn cost(&self) -> Notional {
        self.cost
    }

    /// Returns how many of the lines are collateral.
    pub(crate) const fn pledges(&self) -> usize {
        self.pledges
    }

    /// Returns the lines as they enter scans, and the gross of them all.
    pub(crate) fn entries(&self, risk: &Risk) -> Result<(Vec<Entry>, i128), Fault> {
        let mut entries = Vec::with_capacity(self.lines.len());
        let mut gross: i128 = 0;
        for line in &self.lines {
            let slot = risk.slot(line.slot).ok_or(Fault::Missing("margin: row"))?;
            let scaled = slot.scaled(line.lots);
            let scaled = scaled.ok_or(out_of_limits("margin: lots in units of a row"))?;
            entries.push(Entry {
                line: Line { slot: line.slot, lots: scaled },
                reserve: slot.reserved(line.lots),
                basis: slot.basis.times(line.lots.into()),
            });
            let size = i128::from(line.lots).saturating_abs();
            gross = gross.saturating_add(size.saturating_mul(i128::from(slot.greatest)));
        }
        if gross > GROSS_MEASURED {
            return Err(out_of_limits("margin: gross of an account"));
        }
        Ok((entries, gross))
    }

    /// Returns cash, plus what the lines are worth, less what was settled for them.
    pub(crate) fn equity(&self, risk: &Risk, cash: Notional) -> Result<Notional, Fault> {
        let at = || Fault::at("margin: equity");
        let mut equity = cash.minus(self.cost).map_err(at())?;
        for line in &self.lines {
            let slot = risk.slot(line.slot).ok_or(Fault::Missing("margin: row"))?;
            let worth = Notional::from_micros(slot.worth(line.lots));
            equity = equity.plus(worth).map_err(at())?;
        }
        Ok(equity)
    }
}
