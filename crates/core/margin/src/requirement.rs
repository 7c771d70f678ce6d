//! What an account must hold, and what it does hold.

use crate::scenario::ScenarioId;
use units::Notional;

/// The margin of an account beside its equity. Every part is rounded up, equity down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requirement {
    /// Cash, value of positions above their cost, and value of collateral.
    pub equity: Notional,
    /// What the account must hold to add risk, any subset of its open orders filled; never below `maintenance`.
    pub initial: Notional,
    /// What it must hold not to be liquidated.
    pub maintenance: Notional,
    /// What a liquidation restores.
    pub buffer: Notional,
    /// Scan loss of positions and orders over the ranges for new risk.
    pub scan_new: Notional,
    /// Scan loss of positions over the ranges for risk held.
    pub scan_hold: Notional,
    /// Charges in initial margin beside the scan.
    pub charges_initial: Notional,
    /// Charges in maintenance margin beside the scan.
    pub charges_maintenance: Notional,
    /// The scenario in which positions and orders lose most together, over the ranges for new risk; the first of equals.
    pub worst_scenario: ScenarioId,
}

/// Where an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// May add risk.
    Healthy,
    /// May only reduce.
    ReduceOnly,
    /// To be liquidated.
    Liquidatable,
    /// To be taken over: equity below two thirds of maintenance.
    Takeover,
    /// Equity below zero.
    Insolvent,
}

impl Requirement {
    /// Returns where the account stands (0019-MARG-013).
    #[must_use]
    pub fn standing(&self) -> Standing {
        // Equity < ⅔ · maintenance ⇔ 3 · equity < 2 · maintenance.
        let takeover = self
            .equity
            .micros()
            .checked_mul(3)
            .zip(self.maintenance.micros().checked_mul(2))
            .is_some_and(|(held, needed)| held < needed);
        if self.equity < Notional::ZERO {
            Standing::Insolvent
        } else if takeover {
            Standing::Takeover
        } else if self.equity < self.maintenance {
            Standing::Liquidatable
        } else if self.equity < self.initial {
            Standing::ReduceOnly
        } else {
            Standing::Healthy
        }
    }
}

/// What an order would do to initial margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderCheck {
    /// Equity, which an order does not change until it is filled.
    pub equity: Notional,
    /// Initial margin before the order.
    pub before: Notional,
    /// Initial margin with the order open.
    pub after: Notional,
}

/// How an order stands with initial margin (0019-MARG-010).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cover {
    /// Equity covers it, with all orders open.
    Covered,
    /// Equity does not, but the order needs no margin that was not needed before: what it may lose is another question
    /// (0019-MARG-020).
    Closes,
    /// Equity does not, by so much.
    Short(Notional),
}

impl OrderCheck {
    /// Returns how the order stands.
    #[must_use]
    pub fn cover(&self) -> Cover {
        let short = self.after.minus(self.equity).unwrap_or(self.after);
        if short <= Notional::ZERO {
            Cover::Covered
        } else if self.after <= self.before {
            Cover::Closes
        } else {
            Cover::Short(short)
        }
    }
}
