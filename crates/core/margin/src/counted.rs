//! What of an account's equity does not count: for new risk, what stands on prices that are lost; for what leaves, what marks say
//! above the index.
//!
//! **Invariant:** never below zero: what an account has lost stays lost, what it has gained may not be there.

use crate::input::Portfolio;
use crate::risk::{Risk, Slot};
use protocol::{Fault, UnderlyingId};
use std::collections::BTreeMap;
use units::{Notional, Round};

/// Returns what of an account's equity stands on underlyings, in micro-dollars: of each that is `chosen`, what the positions
/// are worth at their marks above what was settled for them, and what is pledged at its index, where both together are more
/// than nothing. Rounded up.
///
/// Cost: O(positions).
///
/// # Errors
///
/// [`Fault`] if the account holds something that has no row, or a sum does not fit.
///
/// # Source
///
/// spec 0019-MARG-024.
pub fn equity_on(
    risk: &Risk,
    portfolio: &Portfolio<'_>,
    chosen: impl Fn(UnderlyingId) -> bool,
) -> Result<Notional, Fault> {
    let at = || Fault::at("margin: equity on an underlying");
    let mut worth: BTreeMap<UnderlyingId, Notional> = BTreeMap::new();
    let mut add = |slot: &Slot, lots: i32, cost: Notional| -> Result<(), Fault> {
        let underlying = risk.underlying(slot.underlying);
        let id = underlying.ok_or(Fault::Missing("margin: underlying"))?.input.underlying;
        if !chosen(id) {
            return Ok(());
        }
        // A lot's worth is rounded down to a micro-dollar.
        let gained = Notional::from_micros(slot.worth(lots).saturating_add(1));
        let gained = gained.minus(cost).map_err(at())?;
        let sum = worth.entry(id).or_insert(Notional::ZERO);
        *sum = sum.plus(gained).map_err(at())?;
        Ok(())
    };
    let missing = || Fault::Missing("margin: row");
    for position in portfolio.positions {
        let row = risk.row(position.instrument).ok_or_else(missing)?;
        let lots = i32::try_from(position.lots.count()).map_err(|_| missing())?;
        add(risk.slot(row.0).ok_or_else(missing)?, lots, position.cost)?;
    }
    for (asset, quantity) in portfolio.collateral {
        if let Some((row, lots)) = risk.pledged(*asset, *quantity)? {
            add(risk.slot(row).ok_or_else(missing)?, lots, Notional::ZERO)?;
        }
    }
    let mut gained = worth.into_values().filter(|sum| *sum > Notional::ZERO);
    gained.try_fold(Notional::ZERO, Notional::plus).map_err(at())
}

/// Returns by how much the marks of perpetuals make an account richer than their index does, in micro-dollars: the sum over its
/// perpetuals of lots times the distance of mark from index, where that is more than nothing. Rounded up.
///
/// Cost: O(positions).
///
/// # Errors
///
/// [`Fault`] if the account holds something that has no row, or a sum does not fit.
///
/// # Source
///
/// spec 0019-MARG-025.
pub fn gained_over_index(risk: &Risk, portfolio: &Portfolio<'_>) -> Result<Notional, Fault> {
    let at = || Fault::at("margin: gain over the index");
    let missing = || Fault::Missing("margin: row");
    let mut gained = Notional::ZERO;
    for position in portfolio.positions {
        let row = risk.row(position.instrument).ok_or_else(missing)?;
        let slot = risk.slot(row.0).ok_or_else(missing)?;
        let group = usize::try_from(slot.group).ok().and_then(|group| risk.groups.get(group));
        if group.ok_or_else(missing)?.expires_at.is_some() {
            continue;
        }
        let underlying = risk.underlying(slot.underlying).ok_or_else(missing)?;
        let above = slot.mark.minus(underlying.input.index).map_err(at())?;
        let more = position.lots.value(above, slot.size, Round::Up).map_err(at())?;
        gained = gained.plus(more).map_err(at())?;
    }
    Ok(gained.greater(Notional::ZERO))
}
