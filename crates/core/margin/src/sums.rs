//! What an account must hold without one of its positions, from the sums of all of them: how a liquidation learns what
//! closing a leg releases, at the cost of the leg and not of the account.
//!
//! **Invariant:** what is said is what [`crate::required`] says of the account without the position, to the unit.

use crate::account::maintenance;
use crate::charges::{ChargeBook, Purpose};
use crate::holdings::{Entry, Holdings};
use crate::lanes::Line;
use crate::risk::Risk;
use crate::scan::{Scan, round_up};
use protocol::{Fault, InstrumentId};
use units::Notional;

/// The maintenance margin of an account without its orders, with the sums that it is made of.
#[derive(Debug, Clone)]
pub struct Sums<'a> {
    risk: &'a Risk,
    scan: Scan<'a>,
    charges: ChargeBook,
}

impl<'a> Sums<'a> {
    /// Returns the sums over positions and collateral.
    ///
    /// Cost: O(positions × scenarios).
    ///
    /// # Errors
    ///
    /// [`Fault`] if the holdings were sorted for other matrices, or are more than the sums are proved for.
    pub fn new(risk: &'a Risk, holdings: &Holdings) -> Result<Self, Fault> {
        let (entries, _) = holdings.entries(risk)?;
        let lines = holdings.lines().iter().map(|line| (line.slot, line.lots));
        Ok(Self {
            risk,
            scan: Scan::new(risk, risk.matrix_hold(), &entries)?,
            charges: ChargeBook::new(risk, Purpose::Maintenance, lines)?,
        })
    }

    /// Returns the maintenance margin of all of it.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a sum does not fit, which the bounds rule out.
    pub fn maintenance(&self) -> Result<Notional, Fault> {
        maintenance(self.risk, round_up(self.scan.sum()), self.charges.total()?)
    }

    /// Returns the maintenance margin without the position in a contract.
    ///
    /// Cost: O(scenarios), no allocation.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the contract has no row.
    ///
    /// # Source
    ///
    /// spec 0021-FALL-004.
    pub fn without(&self, instrument: InstrumentId) -> Result<Notional, Fault> {
        let missing = || Fault::Missing("margin: row");
        let number = self.risk.row(instrument).ok_or_else(missing)?.0;
        let slot = self.risk.slot(number).ok_or_else(missing)?;
        let path = self.risk.path(slot.group).ok_or_else(missing)?;
        let row_at = |stage| self.risk.matrix_hold().row_at(number, path, stage);
        let rows = [row_at(0).ok_or_else(missing)?, row_at(path.stage).ok_or_else(missing)?];
        let lots = self.charges.held(number);
        let held = i32::try_from(lots).map_err(|_| missing())?;
        let scaled = slot.scaled(held).ok_or_else(missing)?;
        let gone = Entry {
            line: Line { slot: number, lots: scaled },
            reserve: slot.reserved(held),
            basis: slot.basis.times(lots),
        };
        let scan = self.scan.sum_without(path, rows, slot.unit, &gone);
        let charges = self.charges.total_without(self.risk, (number, slot), lots)?;
        maintenance(self.risk, round_up(scan), charges)
    }
}
