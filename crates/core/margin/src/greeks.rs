//! How the value of positions moves with forward, vol and time: per unit of a contract, and per underlying and expiry.
//!
//! **Invariant:** the Greeks of positions are those of a unit, times the size and number of lots, rounded down once a
//! position: whoever has the Greeks of a unit needs no option pricing.
//!
//! Left out: any use in margin, which reads scenarios only.

use crate::input::{Position, Settlement};
use crate::risk::{Risk, Terms};
use crate::valuation::{Expiry, WINDOW, strike_left};
use borsh::{BorshDeserialize, BorshSerialize};
use pricing::{FineVol, Forward, Horizon, Strike};
use protocol::{Contract, Fault, Instrument, Right, UnderlyingId};
use units::{BlockTime, Lots, Notional, Num, Ppb, Price, Quantity, Round, Vol, limits};

/// The sensitivities of one unit of the underlying in a contract, long. Each is rounded down, and is no further from zero
/// than a price can be: gamma and theta have no bound of their own as an option at its strike ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct UnitGreeks {
    /// Units of the underlying that hedge it.
    pub delta: Ppb,
    /// Change of the dollar delta when the forward moves by 1 %.
    pub gamma: Price,
    /// Change of value when vols rise by 1 % a year.
    pub vega: Price,
    /// Change of value when a day passes.
    pub theta: Price,
}

impl UnitGreeks {
    /// Returns the sensitivities of a contract at a forward, vol and time.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a price, vol or time is outside its limits.
    ///
    /// # Source
    ///
    /// spec 0019-MARG-014.
    pub fn new(
        contract: &Contract,
        forward: Price,
        vol: Vol,
        now: BlockTime,
        settlement: Option<Settlement>,
    ) -> Result<Self, Fault> {
        let expiry = Expiry::new(forward, contract.expires_at(), now, settlement)?;
        Self::of(&Terms { contract: Some(*contract), expiry, vol })
    }

    fn of(terms: &Terms) -> Result<Self, Fault> {
        let at = || Fault::at("margin: greeks of a contract");
        let (expiry, none) = (&terms.expiry, Price::ZERO);
        let one = Ppb::from_parts(limits::PPB_ONE);
        let mut unit = Self { delta: one, gamma: none, vega: none, theta: none };
        if let Some(Contract::Option { strike, right, .. }) = terms.contract {
            let greeks = pricing::Terms {
                forward: Forward::new(expiry.moving.greater(Price::ZERO)).map_err(at())?,
                strike: Strike::new(strike_left(strike, expiry)?).map_err(at())?,
                vol: FineVol::from_vol(terms.vol).map_err(at())?,
                horizon: Horizon::after(expiry.variance).map_err(at())?,
            }
            .greeks();
            unit = Self {
                delta: if right == Right::Call { greeks.delta_call } else { greeks.delta_put },
                gamma: bounded(greeks.gamma),
                vega: bounded(greeks.vega_per_point()),
                theta: bounded(greeks.theta_per_day()),
            };
        }
        // Inside the settlement window only the open part of it still moves.
        let moving =
            unit.delta.number().mul_div(expiry.open.number(), WINDOW.number(), Round::Down);
        unit.delta = Ppb::from_number(moving.map_err(at())?);
        Ok(unit)
    }

    /// Returns the sensitivities of some lots, short ones negative, rounded down.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a figure does not fit.
    pub fn bucket(&self, instrument: &Instrument, lots: Lots) -> Result<Bucket, Fault> {
        let (size, expires_at) = (instrument.contract_size, instrument.contract.expires_at());
        self.of_lots(instrument.underlying, expires_at, size, lots)
    }

    fn of_lots(
        &self,
        underlying: UnderlyingId,
        expires_at: Option<BlockTime>,
        size: Quantity,
        lots: Lots,
    ) -> Result<Bucket, Fault> {
        let at = || Fault::at("margin: greeks of a position");
        let value = |price: Price| lots.value(price, size, Round::Down).map_err(at());
        let units = lots.number().times(size.number()).map_err(at())?;
        let one = Num::new(limits::PPB_ONE);
        let hedged = units.mul_div(self.delta.number(), one, Round::Down).map_err(at())?;
        Ok(Bucket {
            underlying,
            expires_at,
            delta: Quantity::from_number(hedged),
            gamma: value(self.gamma)?,
            vega: value(self.vega)?,
            theta: value(self.theta)?,
        })
    }
}

fn bounded(price: Price) -> Price {
    let limit = Price::LIMIT;
    Price::from_micros(price.micros().clamp(limit.saturating_neg(), limit))
}

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
    /// One for each underlying and expiry, ascending; perpetuals come before what expires.
    pub buckets: Vec<Bucket>,
}

impl Bucket {
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
    /// Adds a position to the sums.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a sum does not fit.
    pub fn add(&mut self, part: &Bucket) -> Result<(), Fault> {
        let key = (part.underlying, part.expires_at);
        let found =
            self.buckets.binary_search_by_key(&key, |held| (held.underlying, held.expires_at));
        match found {
            Ok(at) => self.buckets.get_mut(at).map_or(Ok(()), |held| held.add(part)),
            Err(at) => {
                self.buckets.insert(at, *part);
                Ok(())
            }
        }
    }

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
    let mut greeks = Greeks::default();
    for position in positions {
        let missing = || Fault::Missing("margin: row");
        let row = risk.row(position.instrument).ok_or_else(missing)?;
        let slot = risk.slot(row.0).ok_or_else(missing)?;
        let place = usize::try_from(row.0).unwrap_or(usize::MAX);
        let terms = risk.terms.get(place).ok_or_else(missing)?;
        let group = risk.group(slot.group).ok_or_else(missing)?;
        let underlying = risk.underlying(slot.underlying).ok_or_else(missing)?.input.underlying;
        let unit = UnitGreeks::of(terms)?;
        greeks.add(&unit.of_lots(underlying, group.expires_at, slot.size, position.lots)?)?;
    }
    Ok(greeks)
}
