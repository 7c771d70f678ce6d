//! Stage 1 of liquidation: positions are reduced at bounded prices.
//!
//! Why the shortfall cannot grow: maintenance margin is convex (it is a sum of maxima of linear functions), so closing
//! parts `n/h` of several legs that add up to at most the whole of one releases at least the same parts of what closing
//! each leg alone releases, whichever of the orders fill, and however far. The limits leave a loss per lot, against the
//! mark and with the fee, of at most the release per lot; and each order at most the part of equity that it brings of margin.

use protocol::{Fault, InstrumentId};
use units::{Lots, Notional, Num, Ppm, Price, Quantity, Round};

/// How far a liquidation may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// Largest distance of the limit from the mark, as a fraction of the mark.
    pub band: Ppm,
    /// The same of an account without equity, which sells at the cost of others.
    pub band_without_equity: Ppm,
    /// Fee of a liquidation trade on the value traded.
    pub fee: Ppm,
}

impl Parameters {
    /// Returns the parameters of a leg after so many turns in a row that filled nothing of its account: without equity the
    /// band is the fee as often as that and once more, as far as the band of a mark goes.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a number leaves its limits.
    ///
    /// spec 0021-FALL-020.
    pub fn after(failures: u8, fee: Ppm, band: Ppm, mark_band: Ppm) -> Result<Self, Fault> {
        let tries = Num::new(i128::from(failures).saturating_add(1));
        let asked = fee.number().times(tries).map_err(Fault::at("band of a liquidation"))?;
        Ok(Self { band, band_without_equity: Ppm::from_number(asked).lesser(mark_band), fee })
    }

    /// Returns the parameters that hold for an equity. Without any, the fund that is paid the fee pays it, so it counts for
    /// nothing.
    ///
    /// spec 0021-FALL-020.
    pub(crate) fn at(self, equity: Notional) -> Self {
        let band = self.band.lesser(self.band_without_equity);
        match equity > Notional::ZERO {
            true => self,
            false => Self { band, fee: Ppm::ZERO, ..self },
        }
    }
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
    /// Whether nothing of the last order of the house for it was filled.
    pub unfilled: bool,
    /// Turns in a row in which it had no order.
    pub passed: u8,
}

impl Leg {
    /// Returns whether the leg comes after others: nobody took its last order, and that was in the last turn.
    ///
    /// spec 0021-FALL-005.
    pub(crate) const fn is_behind(&self) -> bool {
        self.unfilled && self.passed == 0
    }
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

/// What one order of a block may trade, and lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Lots, of either direction: positive.
    pub lots: Lots,
    /// The most that all of them may lose against the mark, with fees; no bound of its own if `None`.
    pub loss: Option<Notional>,
}

/// Returns what closing a leg releases.
pub(crate) fn release(standing: &Standing, leg: &Leg) -> Result<Notional, Fault> {
    standing.maintenance.minus(leg.maintenance_without).map_err(Fault::at("margin released"))
}

/// Returns the part of an amount that lots are of others.
pub(crate) fn part(
    amount: Notional,
    lots: Lots,
    of: Lots,
    round: Round,
) -> Result<Notional, Fault> {
    let part = amount.number().mul_div(lots.number(), of.number(), round);
    part.map(Notional::from_number).map_err(Fault::at("part of an amount"))
}

/// Returns what lots are worth at the dearest price in the band, rounded up: never nothing.
pub(crate) fn value(leg: &Leg, parameters: &Parameters, lots: Lots) -> Result<Notional, Fault> {
    let dearest = dearest(leg, parameters)?;
    let value = lots.value(dearest.price, leg.contract_size, Round::Up);
    value.map_err(Fault::at("value of a reduction"))
}

/// Returns the order that reduces a leg, or `None` if its release, or its part of what the account may lose, does not pay
/// for fee and slippage.
///
/// # Errors
///
/// [`Fault`] if a number leaves its limits, or more is to be traded than held.
///
/// spec 0021-FALL-006.
pub fn reduction(
    standing: &Standing,
    leg: &Leg,
    parameters: &Parameters,
    share: &Share,
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
    if share.lots <= Lots::ZERO || share.lots > held {
        return Err(Fault::Invariant("a reduction is of a part of what is held"));
    }
    let per_lot = part(release, Lots::from_count(1), held, Round::Down)?;
    let Some(distance) = distance(leg, per_lot, parameters, share)? else {
        return Ok(None);
    };
    order(leg, share.lots, distance).map(Some)
}

/// Returns the order that trades lots of a leg, against it, at a distance from the mark.
pub(crate) fn order(leg: &Leg, count: Lots, distance: Price) -> Result<Reduction, Fault> {
    let at = Fault::at("limit of a reduction");
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
    Ok(Reduction { instrument: leg.instrument, lots, limit })
}

/// What trading a lot may cost.
pub(crate) struct Dearest {
    /// How far the band goes from the mark.
    pub(crate) band: Price,
    /// The dearest price in the band.
    price: Price,
    /// Fee of a lot at the dearest price in the band, with a micro-dollar for its rounding.
    pub(crate) lot: Notional,
    /// The fee and as much again for the distance, which is a tick at least: what a lot that somebody takes has to pay for.
    pub(crate) apart: Notional,
}

/// Returns what trading a lot may cost beside the distance from the mark.
///
/// The band is a tick at least: else what is worth less could be bought back at no price. The fee is charged on the traded
/// price, which is at most the mark plus the band; one micro-dollar covers its rounding up.
///
/// spec 0021-FALL-006.
pub(crate) fn dearest(leg: &Leg, parameters: &Parameters) -> Result<Dearest, Fault> {
    let at = Fault::at("liquidation fee");
    let mark = leg.mark.magnitude().map_err(&at)?;
    let band = mark.scaled(parameters.band, Round::Down).map_err(&at)?.greater(leg.tick);
    let price = mark.plus(band).map_err(&at)?;
    let fee = Lots::from_count(1).value(price, leg.contract_size, Round::Up);
    let fee = fee.and_then(|value| value.fraction_ppm(parameters.fee, Round::Up)).map_err(&at)?;
    let lot = fee.plus(Notional::from_micros(1)).map_err(&at)?;
    let tick = Lots::from_count(1).value(leg.tick, leg.contract_size, Round::Up).map_err(&at)?;
    let apart = lot.plus(lot.greater(tick)).map_err(&at)?;
    Ok(Dearest { band, price, lot, apart })
}

/// Returns how far from the mark a lot may trade: inside the band, and so that loss and fee stay within what a lot releases
/// and what all lots may lose.
///
/// spec 0021-FALL-006.
pub(crate) fn distance(
    leg: &Leg,
    per_lot: Notional,
    parameters: &Parameters,
    share: &Share,
) -> Result<Option<Price>, Fault> {
    let at = Fault::at("liquidation limit");
    let dearest = dearest(leg, parameters)?;
    let most = match share.loss {
        Some(loss) => per_lot.lesser(part(loss, Lots::from_count(1), share.lots, Round::Down)?),
        None => per_lot,
    };
    let room = most.minus(dearest.lot).map_err(&at)?;
    if room < Notional::ZERO {
        return Ok(None);
    }
    let per_unit =
        room.number().mul_div(Quantity::ONE.number(), leg.contract_size.number(), Round::Down);
    Ok(Some(Price::from_number(per_unit.map_err(&at)?).lesser(dearest.band)))
}
