//! How the value of positions moves with forward, vol and time: per underlying and expiry.
//!
//! Left out: any use in margin, which reads scenarios only.

use crate::input::Position;
use crate::risk::{Risk, Slot, Terms};
use crate::valuation::{WINDOW, strike_left};
use pricing::{FineVol, Forward, Horizon, Strike};
use protocol::{Contract, Fault, Right, UnderlyingId};
use units::{BlockTime, Lots, Notional, Num, Ppb, Price, Quantity, Round, limits};

/// The sensitivities of positions in one underlying and expiry. Each position's part is rounded down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// On what.
    pub underlying: UnderlyingId,
    /// Until when; `None` for perpetuals, and for the sum over expiries.
    pub expires_at: Option<BlockTime>,
    /// Units of the underlying that hedge.
    pub delta: Quantity,
    /// Change of the dollar delta when the forward moves by 1 %.
    pub gamma: Notional,
    /// Change of value when vols rise by 1 % a year.
    pub vega: Notional,
    /// Change of value when a day passes.
    pub theta: Notional,
}

/// The sensitivities of a set of positions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Greeks {
    /// One for each underlying and expiry, in the order of classes, underlyings and expiries.
    pub buckets: Vec<Bucket>,
}

impl Bucket {
    const fn empty(underlying: UnderlyingId, expires_at: Option<BlockTime>) -> Self {
        Self {
            underlying,
            expires_at,
            delta: Quantity::ZERO,
            gamma: Notional::ZERO,
            vega: Notional::ZERO,
            theta: Notional::ZERO,
        }
    }

    fn add(&mut self, more: &Self) -> Result<(), Fault> {
        let at = || Fault::at("margin: greeks");
        self.delta = self.delta.plus(more.delta).map_err(at())?;
        self.gamma = self.gamma.plus(more.gamma).map_err(at())?;
        self.vega = self.vega.plus(more.vega).map_err(at())?;
        self.theta = self.theta.plus(more.theta).map_err(at())?;
        Ok(())
    }
}

impl Greeks {
    /// Returns the sums over expiries, one for each underlying, in order.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a sum does not fit.
    pub fn by_underlying(&self) -> Result<Vec<Bucket>, Fault> {
        let mut sums: Vec<Bucket> = Vec::new();
        for bucket in &self.buckets {
            match sums.last_mut().filter(|sum| sum.underlying == bucket.underlying) {
                Some(sum) => sum.add(bucket)?,
                None => sums.push(Bucket { expires_at: None, ..*bucket }),
            }
        }
        Ok(sums)
    }
}

/// Returns the sensitivities of positions: of one account, or of any sum of accounts.
///
/// # Errors
///
/// [`Fault`] if a contract has no row or a figure does not fit.
///
/// # Source
///
/// spec 0019-MARG-014.
pub fn greeks(risk: &Risk, positions: &[Position]) -> Result<Greeks, Fault> {
    let mut parts = Vec::with_capacity(positions.len());
    for position in positions {
        let row = risk.row(position.instrument).ok_or(Fault::Missing("margin: row"))?;
        parts.push((row, position.lots));
    }
    parts.sort_by_key(|(row, _)| *row);
    let mut greeks = Greeks::default();
    let mut last = None;
    for (row, lots) in parts {
        let missing = || Fault::Missing("margin: row");
        let slot = risk.slot(row.0).ok_or_else(missing)?;
        let place = usize::try_from(row.0).unwrap_or(usize::MAX);
        let terms = risk.terms.get(place).ok_or_else(missing)?;
        let group = risk.group(slot.group).ok_or_else(missing)?;
        let underlying = risk.underlying(slot.underlying).ok_or_else(missing)?.input.underlying;
        if last != Some(slot.group) {
            greeks.buckets.push(Bucket::empty(underlying, group.expires_at));
            last = Some(slot.group);
        }
        let part = greeks_of(slot, terms, lots)?;
        if let Some(bucket) = greeks.buckets.last_mut() {
            bucket.add(&part)?;
        }
    }
    Ok(greeks)
}

fn greeks_of(slot: &Slot, terms: &Terms, lots: Lots) -> Result<Bucket, Fault> {
    let at = || Fault::at("margin: greeks of a position");
    let value = |price: Price| lots.value(price, slot.size, Round::Down).map_err(at());
    let mut bucket = Bucket::empty(UnderlyingId::default(), None);
    let mut delta = Ppb::from_parts(limits::PPB_ONE);
    if let Some(Contract::Option { strike, right, .. }) = terms.contract {
        let expiry = &terms.expiry;
        let greeks = pricing::Terms {
            forward: Forward::new(expiry.moving.greater(Price::ZERO)).map_err(at())?,
            strike: Strike::new(strike_left(strike, expiry)?).map_err(at())?,
            vol: FineVol::from_vol(terms.vol).map_err(at())?,
            horizon: Horizon::after(expiry.variance).map_err(at())?,
        }
        .greeks();
        delta = if right == Right::Call { greeks.delta_call } else { greeks.delta_put };
        bucket.gamma = value(greeks.gamma)?;
        bucket.vega = value(greeks.vega_per_point())?;
        bucket.theta = value(greeks.theta_per_day())?;
    }
    // Inside the settlement window only the open part of it still moves.
    let moving = delta.number().mul_div(terms.expiry.open.number(), WINDOW.number(), Round::Down);
    let units = lots.number().times(slot.size.number()).map_err(at())?;
    let hedged = units.mul_div(moving.map_err(at())?, Num::new(limits::PPB_ONE), Round::Down);
    bucket.delta = Quantity::from_number(hedged.map_err(at())?);
    Ok(bucket)
}
