//! What to do about an account, and how what is missing is divided among its legs.
//!
//! **Invariant:** the parts of all legs that are ordered out in one block add up to one whole leg at most, which is what
//! convexity of the margin allows to be counted on whichever of the orders fill.

use crate::liquidation::{
    Leg, Parameters, Reduction, Share, Standing, dearest, part, reduction, release,
};
use protocol::Fault;
use units::{Lots, Notional, Num, Round, limits};

/// What to do about an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Equity covers maintenance margin.
    Healthy,
    /// It is reduced.
    Reduce {
        /// One order for each leg, all in one block.
        reductions: Vec<Reduction>,
        /// Whether they bring what is missing if they fill.
        suffices: bool,
        /// Whether there are legs that have no reduction of their own.
        hedged: bool,
    },
    /// Below maintenance margin, and no single leg can be reduced without loss of margin.
    Stuck,
}

/// A leg with a reduction, and what of it is to be traded.
#[derive(Debug, Clone, Copy)]
struct Able<'a> {
    leg: &'a Leg,
    parameters: Parameters,
    held: Lots,
    release: Notional,
    lots: Lots,
}

/// Returns the next step for an account: every leg whose release pays for fee and slippage is reduced, so far that all of
/// them together bring equity to the target.
///
/// # Errors
///
/// [`Fault`] if a number leaves its limits.
///
/// spec 0021-FALL-001, 0021-FALL-004.
pub fn next_step(standing: &Standing, legs: &[(Leg, Parameters)]) -> Result<Step, Fault> {
    if standing.equity >= standing.maintenance {
        return Ok(Step::Healthy);
    }
    let mut able = Vec::new();
    for (leg, parameters) in legs {
        able.extend(able_leg(standing, leg, parameters)?);
    }
    let hedged = able.len() < legs.len();
    let step = reduce(standing, able.clone(), hedged)?;
    if step != Step::Stuck || able.is_empty() || standing.equity <= Notional::ZERO {
        return Ok(step);
    }
    // 0021-FALL-020: equity that pays for no lot is none.
    let broke = Standing { equity: Notional::ZERO, ..*standing };
    able.iter_mut().for_each(|able| able.parameters = able.parameters.at(broke.equity));
    reduce(&broke, able, hedged)
}

/// Returns the orders that reduce legs, so far that all of them together bring equity to the target.
fn reduce(standing: &Standing, mut able: Vec<Able<'_>>, hedged: bool) -> Result<Step, Fault> {
    allot(standing, &mut able)?;
    let losses = losses(standing, &mut able)?;
    let (mut reductions, mut brought) = (Vec::new(), Notional::ZERO);
    for (able, loss) in able.iter().zip(losses) {
        let share = Share { lots: able.lots, loss };
        if share.lots <= Lots::ZERO {
            continue;
        }
        let Some(reduction) = reduction(standing, able.leg, &able.parameters, &share)? else {
            continue;
        };
        let part = part(able.release, able.lots, able.held, Round::Down)?;
        brought = brought.plus(part).map_err(Fault::at("margin released"))?;
        reductions.push(reduction);
    }
    if reductions.is_empty() {
        return Ok(Step::Stuck);
    }
    Ok(Step::Reduce { reductions, suffices: brought >= missing(standing)?, hedged })
}

/// Returns what equity lacks of the target.
pub(crate) fn missing(standing: &Standing) -> Result<Notional, Fault> {
    let target = standing.target.greater(standing.maintenance);
    target.minus(standing.equity).map_err(Fault::at("missing equity"))
}

/// Returns a leg if its release pays for fee and slippage of a lot.
fn able_leg<'a>(
    standing: &Standing,
    leg: &'a Leg,
    parameters: &Parameters,
) -> Result<Option<Able<'a>>, Fault> {
    let release = release(standing, leg)?;
    let held = leg.lots.magnitude().map_err(Fault::at("liquidation"))?;
    if release <= Notional::ZERO || held <= Lots::ZERO {
        return Ok(None);
    }
    let per_lot = part(release, Lots::from_count(1), held, Round::Down)?;
    let able = per_lot >= dearest(leg, &parameters.at(standing.equity))?.lot;
    let (lots, parameters) = (Lots::ZERO, parameters.at(standing.equity));
    Ok(able.then_some(Able { leg, parameters, held, release, lots }))
}

/// Most legs that are reduced in one block, so that what it costs is bounded.
const LEGS_MAX: usize = 128;
/// What is left of the release of a leg in the weights, if its last order was not filled at all.
const UNFILLED_SHARE: Num = Num::new(4);
/// All of one leg, in parts per billion.
const WHOLE: Num = Num::new(limits::PPB_ONE);

/// Divides what is missing among the legs, in proportion to what each releases.
///
/// With `wᵢ` the weight of a leg, its release, and `W` their sum, `wᵢ/W` of leg `i` bring `B = Σ rᵢ·wᵢ/W`: the parts add up
/// to one, so they can be counted on whichever fill. If less is missing than `B`, so much less of each. Legs whose last
/// order was not filled at all count only if the others cannot bring what is missing, and then for a quarter; in the turn
/// after one in which it had no order, a leg comes first.
///
/// spec 0021-FALL-005.
fn allot(standing: &Standing, able: &mut Vec<Able<'_>>) -> Result<(), Fault> {
    let missing = missing(standing)?;
    able.sort_by(|a, b| {
        let first = a.leg.is_behind().cmp(&b.leg.is_behind()).then(b.leg.passed.cmp(&a.leg.passed));
        let largest = first.then(b.release.cmp(&a.release));
        largest.then(a.leg.instrument.cmp(&b.leg.instrument))
    });
    able.truncate(LEGS_MAX);
    let fresh = able.iter().filter(|able| !able.leg.is_behind()).count();
    let fresh_only: Vec<Notional> = brought(able.iter().take(fresh), true)?;
    let suffices = fresh > 0 && sum(&fresh_only)? >= missing;
    let brings = if suffices { fresh_only } else { brought(able.iter(), fresh == 0)? };
    let all = sum(&brings)?;
    let at = Fault::at("lots of a reduction");
    let mut left = WHOLE;
    for (able, brings) in able.iter_mut().zip(brings) {
        let asked = match missing < all {
            true => brings.number().mul_div(missing.number(), all.number(), Round::Up),
            false => Ok(brings.number()),
        };
        let asked = asked.map_err(&at)?;
        let lots = able.held.number().mul_div(asked, able.release.number(), Round::Up);
        let lots = lots.map_err(&at)?.lesser(able.held.number());
        let part = |lots: Num| lots.mul_div(WHOLE, able.held.number(), Round::Up).map_err(&at);
        let lots = match part(lots)? <= left {
            true => lots,
            false => able.held.number().mul_div(left, WHOLE, Round::Down).map_err(&at)?,
        };
        left = left.minus(part(lots)?).map_err(&at)?;
        able.lots = Lots::from_number(lots);
    }
    Ok(())
}

/// Returns what each leg brings, if the weights add up to one whole leg.
fn brought<'a>(
    able: impl Iterator<Item = &'a Able<'a>> + Clone,
    alike: bool,
) -> Result<Vec<Notional>, Fault> {
    let at = Fault::at("weights of a reduction");
    let mut weights = Vec::new();
    let mut all = Num::new(0);
    for able in able.clone() {
        let weight = match able.leg.is_behind() && !alike {
            true => able.release.number().mul_div(Num::new(1), UNFILLED_SHARE, Round::Up),
            false => Ok(able.release.number()),
        };
        let weight = weight.map_err(&at)?;
        all = all.plus(weight).map_err(&at)?;
        weights.push(weight);
    }
    let brings = able.zip(weights).map(|(able, weight)| {
        able.release.number().mul_div(weight, all, Round::Down).map(Notional::from_number)
    });
    brings.collect::<Result<_, _>>().map_err(&at)
}

fn sum(amounts: &[Notional]) -> Result<Notional, Fault> {
    let sum = amounts.iter().try_fold(Notional::ZERO, |sum, more| sum.plus(*more));
    sum.map_err(Fault::at("margin released"))
}

/// Returns the most that each order may lose: of a positive equity the part that the order brings of maintenance margin, or
/// what a lot has to pay for, as long as there is equity; and lowers the lots of those whose part would not pay for fee and
/// distance.
///
/// So where equity pays for all lots, what is left has as much equity for its margin as before, whichever of the orders fill.
/// An account without equity has nothing to lose, so its orders have no bound but the narrower band.
///
/// spec 0021-FALL-020.
fn losses(standing: &Standing, able: &mut [Able<'_>]) -> Result<Vec<Option<Notional>>, Fault> {
    let at = Fault::at("loss of a reduction");
    if standing.equity <= Notional::ZERO {
        return Ok(vec![None; able.len()]);
    }
    let brings = able.iter().map(|able| part(able.release, able.lots, able.held, Round::Down));
    let brings = brings.collect::<Result<Vec<_>, _>>()?;
    let all = standing.maintenance.greater(sum(&brings)?);
    let mut losses = Vec::with_capacity(able.len());
    let mut left = standing.equity;
    for (able, brings) in able.iter_mut().zip(brings) {
        let loss = standing.equity.number().mul_div(brings.number(), all.number(), Round::Down);
        let apart = dearest(able.leg, &able.parameters)?.apart;
        let loss = Notional::from_number(loss.map_err(&at)?).greater(apart).lesser(left);
        let most = loss.number().mul_div(Num::new(1), apart.number(), Round::Down);
        able.lots = able.lots.lesser(Lots::from_number(most.map_err(&at)?));
        if able.lots > Lots::ZERO {
            left = left.minus(loss).map_err(&at)?;
        }
        losses.push(Some(loss));
    }
    Ok(losses)
}

#[cfg(test)]
mod tests;
