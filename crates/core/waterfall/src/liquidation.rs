//! Stages 0 and 1 of liquidation: cancel, then reduce one position at a bounded price.
//!
//! Why the shortfall cannot grow: maintenance margin is convex along a position (it is a maximum of linear functions),
//! so closing a part `n/q` of a leg releases at least `n/q` of what closing the whole leg releases. The limit leaves a
//! loss per lot, against the mark and with the fee, of at most the release per lot.

use protocol::{Fault, InstrumentId};
use units::{Lots, Notional, Num, Ppm, Price, Quantity, Round};

/// How far a liquidation may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// Largest distance of the limit from the mark, as a fraction of the mark.
    pub band: Ppm,
    /// Fee of a liquidation trade on the value traded.
    pub fee: Ppm,
}

/// What an account has and what it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Equity.
    pub equity: Notional,
    /// Maintenance margin.
    pub maintenance: Notional,
    /// What equity should reach before the house lets go; at least maintenance.
    pub target: Notional,
    /// Whether the account has orders that could add risk.
    pub has_orders: bool,
}

/// A position that could be reduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg {
    /// Which contract.
    pub instrument: InstrumentId,
    /// Lots held, signed.
    pub lots: Lots,
    /// Its mark.
    pub mark: Price,
    /// Units of the underlying in one lot.
    pub contract_size: Quantity,
    /// Order prices are multiples of this.
    pub tick: Price,
    /// Maintenance margin of the account without this leg.
    pub maintenance_without: Notional,
}

/// An order that brings a position towards zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reduction {
    /// Which contract.
    pub instrument: InstrumentId,
    /// Lots to trade, signed against the position.
    pub lots: Lots,
    /// The worst price.
    pub limit: Price,
}

/// What to do about an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Equity covers maintenance margin.
    Healthy,
    /// Stage 0.
    CancelOrders,
    /// Stage 1.
    Reduce(Reduction),
    /// Below maintenance margin, and no single leg can be reduced without loss of margin.
    Stuck,
}

/// Returns the next step for an account: the leg whose release is largest is reduced, the first of equals. Each leg goes
/// as far as the parameters beside it allow.
///
/// # Errors
///
/// [`Fault`] if a number leaves its limits.
///
/// spec 0021-FALL-001, 0021-FALL-003, 0021-FALL-004.
pub fn next_step(standing: &Standing, legs: &[(Leg, Parameters)]) -> Result<Step, Fault> {
    if standing.equity >= standing.maintenance {
        return Ok(Step::Healthy);
    }
    if standing.has_orders {
        return Ok(Step::CancelOrders);
    }
    let mut best: Option<(Notional, Reduction)> = None;
    for (leg, parameters) in legs {
        let release = release(standing, leg)?;
        let better = best.is_none_or(|(largest, _)| release > largest);
        if better && let Some(reduction) = reduction(standing, leg, parameters)? {
            best = Some((release, reduction));
        }
    }
    Ok(best.map_or(Step::Stuck, |(_, reduction)| Step::Reduce(reduction)))
}

/// Returns what closing a leg releases.
fn release(standing: &Standing, leg: &Leg) -> Result<Notional, Fault> {
    standing.maintenance.minus(leg.maintenance_without).map_err(Fault::at("margin released"))
}

/// Returns the order that reduces a leg, or `None` if its release does not pay for fee and slippage.
///
/// Lots: the share of the position that the missing equity is of the release, rounded up, at most the position.
///
/// # Errors
///
/// [`Fault`] if a number leaves its limits.
///
/// spec 0021-FALL-005.
pub fn reduction(
    standing: &Standing,
    leg: &Leg,
    parameters: &Parameters,
) -> Result<Option<Reduction>, Fault> {
    let at = Fault::at("liquidation");
    if standing.equity >= standing.maintenance {
        return Err(Fault::Invariant("only an account below maintenance margin is liquidated"));
    }
    let release = release(standing, leg)?;
    let held = leg.lots.magnitude().map_err(&at)?;
    if release <= Notional::ZERO || held <= Lots::ZERO {
        return Ok(None);
    }
    let Some(distance) = distance(leg, release, held, parameters)? else {
        return Ok(None);
    };
    let missing = standing.target.greater(standing.maintenance).minus(standing.equity);
    let count = held.number().mul_div(missing.map_err(&at)?.number(), release.number(), Round::Up);
    let count = count.map(Lots::from_number).map_err(&at)?.lesser(held);
    let (lots, limit) = match leg.lots > Lots::ZERO {
        true => {
            let limit = leg.mark.minus(distance).and_then(|p| p.on_tick(leg.tick, Round::Up));
            (count.negated().map_err(&at)?, limit.map_err(&at)?)
        }
        false => {
            let limit = leg.mark.plus(distance).and_then(|p| p.on_tick(leg.tick, Round::Down));
            (count, limit.map_err(&at)?)
        }
    };
    Ok(Some(Reduction { instrument: leg.instrument, lots, limit }))
}

/// Returns how far from the mark a lot may trade: inside the band, and so that loss and fee stay within the release.
///
/// spec 0021-FALL-006.
fn distance(
    leg: &Leg,
    release: Notional,
    held: Lots,
    parameters: &Parameters,
) -> Result<Option<Price>, Fault> {
    let at = Fault::at("liquidation limit");
    let mark = leg.mark.magnitude().map_err(&at)?;
    let band = mark.scaled(parameters.band, Round::Down).map_err(&at)?;
    // The fee is charged on the traded price, which is at most the mark plus the band; one micro-dollar covers its
    // rounding up.
    let dearest = mark.plus(band).map_err(&at)?;
    let fee = Lots::from_count(1).value(dearest, leg.contract_size, Round::Up);
    let fee = fee.and_then(|value| value.fraction_ppm(parameters.fee, Round::Up)).map_err(&at)?;
    let one = Notional::from_micros(1);
    let per_lot = release.number().mul_div(Num::new(1), held.number(), Round::Down);
    let per_lot = Notional::from_number(per_lot.map_err(&at)?);
    let room = per_lot.minus(fee).and_then(|room| room.minus(one)).map_err(&at)?;
    if room < Notional::ZERO {
        return Ok(None);
    }
    let per_unit =
        room.number().mul_div(Quantity::ONE.number(), leg.contract_size.number(), Round::Down);
    Ok(Some(Price::from_number(per_unit.map_err(&at)?).lesser(band)))
}

/// Returns the change of equity, against the mark, when `lots` of a reduction fill at a price: loss and fee.
///
/// # Errors
///
/// [`Fault`] if a number leaves its limits.
///
/// spec 0021-FALL-008.
pub fn filled(
    leg: &Leg,
    lots: Lots,
    price: Price,
    parameters: &Parameters,
) -> Result<Notional, Fault> {
    let at = Fault::at("liquidation fill");
    let edge = leg.mark.minus(price).map_err(&at)?;
    let gain = lots.value(edge, leg.contract_size, Round::Down).map_err(&at)?;
    let value = lots.value(price, leg.contract_size, Round::Down).and_then(Notional::magnitude);
    let fee = value.and_then(|value| value.fraction_ppm(parameters.fee, Round::Up)).map_err(&at)?;
    gain.minus(fee).map_err(&at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETERS: Parameters =
        Parameters { band: Ppm::from_parts(50_000), fee: Ppm::from_parts(5_000) };

    fn leg(lots: i128, maintenance_without: i128) -> Leg {
        Leg {
            instrument: InstrumentId::new(1),
            lots: Lots::from_count(lots),
            mark: Price::from_micros(5_000_000_000),
            contract_size: Quantity::from_nanos(1_000_000),
            tick: Price::from_micros(500_000),
            maintenance_without: Notional::from_micros(maintenance_without),
        }
    }

    fn standing(equity: i128) -> Standing {
        Standing {
            equity: Notional::from_micros(equity),
            maintenance: Notional::from_micros(60_000_000),
            target: Notional::from_micros(69_000_000),
            has_orders: false,
        }
    }

    #[test]
    fn the_healthy_are_left_alone() {
        // 0021-FALL-001, 0021-FALL-003
        let legs = [(leg(100, 0), PARAMETERS)];
        assert_eq!(next_step(&standing(60_000_000), &legs), Ok(Step::Healthy));
        let orders = Standing { has_orders: true, ..standing(59_999_999) };
        assert_eq!(next_step(&orders, &legs), Ok(Step::CancelOrders));
    }

    #[test]
    fn a_long_is_sold_down_just_enough_inside_the_band() {
        // 0021-FALL-005, 0021-FALL-006
        let Ok(Step::Reduce(reduction)) =
            next_step(&standing(50_000_000), &[(leg(100, 0), PARAMETERS)])
        else {
            panic!("an unhealthy account is reduced")
        };
        // 19 of 60 dollars are missing: 31.67 of 100 lots, rounded up.
        assert_eq!(reduction.lots, Lots::from_count(-32));
        // 5 % below 5,000 dollars.
        assert_eq!(reduction.limit, Price::from_micros(4_750_000_000));
    }

    #[test]
    fn a_leg_that_hedges_is_not_touched() {
        // 0021-FALL-004
        let hedge = (leg(100, 80_000_000), PARAMETERS);
        assert_eq!(next_step(&standing(10), &[hedge]), Ok(Step::Stuck));
        let legs = [hedge, (leg(-40, 20_000_000), PARAMETERS)];
        let Ok(Step::Reduce(reduction)) = next_step(&standing(10), &legs) else {
            panic!("the other leg is reduced")
        };
        assert_eq!(reduction.lots, Lots::from_count(40));
    }
}
