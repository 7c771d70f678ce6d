//! The mark of a perpetual and the average of its premium over the index, from which funding follows.
//!
//! **Invariant:** the mark is within a band of the index, and neither the perpetual's own book nor any other single
//! input moves it alone beyond what two others say.

use crate::Parameters;
use crate::average::WindowAverage;
use crate::exponential::{ONE, decay};
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::Fault;
use units::{
    ArithmeticError, BlockSpan, BlockTime, Lots, Notional, Num, Ppb, Ppm, Price, Quantity, Round,
};

/// Parts of a premium's inner scale in one: 10⁻¹², a million times finer than [`Ppm`].
const PARTS: i128 = 1_000_000_000_000;
/// Inner parts in one [`Ppm`].
const PARTS_PER_PPM: i128 = 1_000_000;
/// Half of them, to round to the nearest.
const HALF_A_PPM: i128 = 500_000;
/// Inner parts in one [`Ppb`].
const PARTS_PER_PPB: i128 = 1_000;
/// Half of them.
const HALF_A_PPB: i128 = 500;
/// Buckets of the hour over which funding averages.
const HOUR_BUCKETS: u8 = 60;
/// All of them.
const HOUR: BlockSpan = BlockSpan::from_millis(3_600_000);
/// Length of each.
const HOUR_BUCKET: BlockSpan = BlockSpan::from_millis(60_000);

/// What a perpetual's own market and others show; each may be absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quotes {
    /// Average price at which the impact notional could be sold to what stands in the house's book.
    pub bid: Option<Price>,
    /// Average price at which it could be bought.
    pub ask: Option<Price>,
    /// Weighted median of the same perpetual elsewhere.
    pub external: Option<Price>,
}

impl Quotes {
    /// Returns the price of the house's own book: the index, unless so much could be sold above it, or bought below it.
    ///
    /// What nobody could trade at moves nothing: neither a print nor a quote of a lot, however far off. A book that is
    /// crossed is read from its bid.
    pub fn book(&self, index: Price) -> Price {
        let bought = self.ask.map_or(index, |ask| index.lesser(ask));
        self.bid.map_or(bought, |bid| bought.greater(bid))
    }
}

/// Returns how many lots the impact notional buys at the index: no fewer than are worth it, and one at least. A lot worth
/// less than a micro-dollar counts as worth one.
///
/// Rounding: up; the value of a lot down.
///
/// spec 0017-ORAC-014.
///
/// # Errors
///
/// [`ArithmeticError`] if they are beyond what lots may be.
pub fn impact_lots(
    index: Price,
    contract_size: Quantity,
    impact: Notional,
) -> Result<Lots, ArithmeticError> {
    let lot = Lots::from_count(1).value(index, contract_size, Round::Down)?;
    let lot = lot.greater(Notional::from_micros(1)).number();
    let lots = impact.number().mul_div(Num::new(1), lot, Round::Up)?;
    Ok(Lots::from_number(lots.greater(Num::new(1))))
}

/// The premium of a perpetual over its index: a fading average for the mark, an hour's average for funding.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PremiumAverage {
    /// In inner parts.
    fading: i128,
    observed_at: Option<BlockTime>,
    hour: WindowAverage,
    /// Since when nothing could trade; `None` while it can.
    stopped_at: Option<BlockTime>,
    /// Time without trade that the hour leaves out.
    left_out: BlockSpan,
}

impl Default for PremiumAverage {
    fn default() -> Self {
        Self::new()
    }
}

impl PremiumAverage {
    /// Returns an average that has observed nothing: a premium of zero.
    #[must_use]
    pub fn new() -> Self {
        let hour = WindowAverage::new(HOUR_BUCKET, HOUR_BUCKETS);
        let left_out = BlockSpan::ZERO;
        Self { fading: 0, observed_at: None, hour, stopped_at: None, left_out }
    }

    /// Observes the book of one block beside the index. A book without depth has no premium; none counts for more than
    /// the mark's band, and however long the last one is ago, it counts for at most one half of the fading average.
    ///
    /// # Errors
    ///
    /// [`Fault`] if prices or times are outside their limits.
    ///
    /// # Source
    ///
    /// spec 0017-ORAC-014.
    pub fn observe(
        &mut self,
        index: Price,
        quotes: &Quotes,
        now: BlockTime,
        params: &Parameters,
    ) -> Result<(), Fault> {
        let at = || Fault::at("oracle: premium");
        let premium = premium(quotes.book(index), index, params).map_err(at())?;
        let elapsed = match self.observed_at.filter(|_| self.stopped_at.is_none()) {
            Some(last) => now.since(last).map_err(at())?.lesser(params.premium_half_life),
            None => BlockSpan::ZERO,
        };
        self.fading = faded(Num::new(self.fading), premium, elapsed, params).map_err(at())?.raw();
        self.resume(now).map_err(at())?;
        self.observed_at = Some(now);
        let clock = self.clock(now).map_err(at())?;
        self.hour.record(premium.raw(), clock)
    }

    /// Notes that nothing can trade: there is no premium to observe, and the hour stands still since the last one.
    ///
    /// # Source
    ///
    /// spec 0017-ORAC-014.
    pub fn stop(&mut self, now: BlockTime) {
        if self.stopped_at.is_none() {
            self.stopped_at = Some(self.observed_at.unwrap_or(now));
        }
    }

    /// Leaves the time without trade out of the hour; after an hour of it, forgets what was before.
    fn resume(&mut self, now: BlockTime) -> Result<(), ArithmeticError> {
        let Some(stopped_at) = self.stopped_at.take() else { return Ok(()) };
        let stopped_for = now.since(stopped_at)?;
        if stopped_for >= HOUR {
            self.hour = WindowAverage::new(HOUR_BUCKET, HOUR_BUCKETS);
            self.left_out = BlockSpan::ZERO;
        } else {
            self.left_out = self.left_out.plus(stopped_for)?;
        }
        Ok(())
    }

    /// Returns the time by the clock that stands while nothing can trade.
    fn clock(&self, now: BlockTime) -> Result<BlockTime, ArithmeticError> {
        let until = self.stopped_at.unwrap_or(now).number();
        until.minus(self.left_out.number()).map(BlockTime::from_number)
    }

    /// Returns the average over the last hour of trade in inner parts.
    fn hour_parts(&self, now: BlockTime) -> Result<i128, Fault> {
        let clock = self.clock(now).map_err(Fault::at("oracle: hour of premiums"))?;
        Ok(self.hour.average(clock)?.unwrap_or_default())
    }

    /// Returns the fading average of the premium, rounded to the nearest.
    ///
    /// # Errors
    ///
    /// [`Fault`] never: the average is within the mark's band.
    pub fn fading(&self) -> Result<Ppm, Fault> {
        in_ppm(self.fading)
    }

    /// Returns the time-weighted average of the premium over the last hour, rounded to the nearest, so that funding leans
    /// to neither side; zero before the first.
    ///
    /// # Errors
    ///
    /// [`Fault`] if an area does not fit.
    pub fn hour(&self, now: BlockTime) -> Result<Ppm, Fault> {
        in_ppm(self.hour_parts(now)?)
    }

    /// Returns what [`PremiumAverage::hour`] returns, a thousand times finer, for funding rates.
    ///
    /// # Errors
    ///
    /// [`Fault`] if an area does not fit.
    pub fn hour_ppb(&self, now: BlockTime) -> Result<Ppb, Fault> {
        let parts = Num::new(self.hour_parts(now)?);
        let nearest = parts
            .plus(Num::new(HALF_A_PPB))
            .and_then(|parts| parts.mul_div(Num::new(1), Num::new(PARTS_PER_PPB), Round::Down));
        nearest.map(Ppb::from_number).map_err(Fault::at("oracle: premium in parts per billion"))
    }

    /// Returns the index with the fading premium on it, rounded down.
    fn fair(&self, index: Price) -> Result<Price, ArithmeticError> {
        let over = index.number().mul_div(Num::new(self.fading), Num::new(PARTS), Round::Down)?;
        index.plus(Price::from_number(over))
    }
}

/// Returns the mark of a perpetual: the median of the index with its fading premium, the house's book, and the same
/// perpetual elsewhere, within a band around the index.
///
/// Without other sources the index stands in for them. So the book alone never moves the
/// mark farther than the average premium reaches. Rounding: down.
///
/// # Errors
///
/// [`Fault`] if prices are outside their limits.
///
/// # Source
///
/// spec 0017-ORAC-015.
pub fn perpetual_mark(
    index: Price,
    premium: &PremiumAverage,
    quotes: &Quotes,
    params: &Parameters,
) -> Result<Price, Fault> {
    let at = || Fault::at("oracle: perpetual mark");
    let fair = premium.fair(index).map_err(at())?;
    let book = quotes.book(index);
    let elsewhere = quotes.external.unwrap_or(index);
    let median = fair.lesser(book).greater(fair.greater(book).lesser(elsewhere));
    let band = index.scaled(params.mark_band, Round::Down).map_err(at())?.greater(Price::ZERO);
    let lowest = index.minus(band).map_err(at())?.greater(Price::from_micros(1));
    Ok(median.greater(lowest).lesser(index.plus(band).map_err(at())?))
}

/// Returns `(book − index) / index` in inner parts, within the mark's band; zero if there is no index.
fn premium(book: Price, index: Price, params: &Parameters) -> Result<Num, ArithmeticError> {
    if index <= Price::ZERO {
        return Ok(Num::new(0));
    }
    let distance = book.minus(index)?;
    let exact = distance.number().mul_div(Num::new(PARTS), index.number(), Round::Down)?;
    let band = params.mark_band.number().times(Num::new(PARTS_PER_PPM))?.greater(Num::new(0));
    Ok(exact.greater(Num::new(0).minus(band)?).lesser(band))
}

/// Returns `x + (average − x)·2^(−elapsed/half-life)`.
fn faded(
    average: Num,
    x: Num,
    elapsed: BlockSpan,
    params: &Parameters,
) -> Result<Num, ArithmeticError> {
    let kept = decay(elapsed, params.premium_half_life)?;
    x.plus(average.minus(x)?.mul_div(kept, ONE, Round::Down)?)
}

/// Returns inner parts in [`Ppm`], rounded to the nearest, halves up.
fn in_ppm(parts: i128) -> Result<Ppm, Fault> {
    let nearest = Num::new(parts)
        .plus(Num::new(HALF_A_PPM))
        .and_then(|parts| parts.mul_div(Num::new(1), Num::new(PARTS_PER_PPM), Round::Down));
    nearest.map(Ppm::from_number).map_err(Fault::at("oracle: premium in parts per million"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_impact_notional_buys_whole_lots_and_one_at_least() {
        // 0017-ORAC-014
        let lots = |index, size, impact| {
            let index = Price::from_micros(index);
            let (size, impact) = (Quantity::from_nanos(size), Notional::from_micros(impact));
            impact_lots(index, size, impact).map(Lots::count)
        };
        let (dollar, one) = (1_000_000, 1_000_000_000);
        assert_eq!(lots(100 * dollar, one, 1_000 * dollar), Ok(10));
        assert_eq!(lots(100 * dollar, one, 1_001 * dollar), Ok(11), "no fewer than are worth it");
        assert_eq!(lots(100 * dollar, one, 1), Ok(1));
        assert_eq!(lots(1, 1, 5), Ok(5), "a lot worth less than a micro-dollar counts as one");
    }
}
