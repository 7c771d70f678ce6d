//! How deep the books of each underlying are and how much trades in them, measured with every block and recorded under
//! the root: what impact is charged by.

use crate::state::{Market, State};
use crate::work::Work;
use book::OrderBook;
use borsh::{BorshDeserialize, BorshSerialize};
use margin::{Explanation, Figure};
use protocol::{Fault, Instrument, InstrumentId, Mode, ParameterId, Side, UnderlyingId};
use std::collections::BTreeMap;
use thresholds::{Liquidity, Traded};
use units::{BlockTime, Lots, Notional, Ppm, Price, Round, limits};

/// The depth of an underlying's books and what trades in them; written when it changes.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct LiquidityRecord {
    /// The depths measured, fading; absent before there was one.
    pub depth: Option<Notional>,
    /// Lower quartile of the depths kept, whose hash is in the record of the scan ranges.
    pub usual: Option<Notional>,
    /// When the next depth is kept.
    pub sample_at: BlockTime,
    /// What has traded of the underlying.
    pub volume: Traded,
    /// What has traded of its vega.
    pub vega: Traded,
}

impl Work<'_> {
    /// Measures the depth of every underlying's books as they stand after the auctions, but for those that only reduce or are
    /// frozen, and while markets wait to reopen.
    ///
    /// spec 0031-THRE-014.
    pub(crate) fn measure_depths(&mut self) {
        if self.is_call_auction() {
            return;
        }
        for (id, [bids, asks]) in self.state.resting() {
            if self.state.mode(id) >= Mode::ReduceOnly {
                continue;
            }
            let depth = bids.lesser(asks);
            let liquidity = self.state.liquidity.entry(id).or_default();
            let before = liquidity.depth();
            let sampled = match liquidity.measure(depth, self.elapsed, self.block.time) {
                Ok(sampled) => sampled,
                Err(fault) => {
                    // 0025-BLOCK-030
                    self.contain(&fault);
                    continue;
                }
            };
            let changed = liquidity.depth() != before;
            if sampled || changed {
                self.touched.liquidity.insert(id);
            }
            if sampled {
                self.touched.thresholds.insert(id);
            }
        }
    }

    /// Notes what an auction has traded. It changes no balance, so a figure that does not fit is not counted.
    ///
    /// spec 0031-THRE-015.
    pub(crate) fn note_trade(&mut self, id: InstrumentId, lots: Lots, price: Price) {
        let now = self.block.time;
        let Some(market) = self.state.markets.get(&id) else { return };
        let Market { instrument, .. } = market;
        let underlying = instrument.underlying;
        let is_option = instrument.contract.pays_premium();
        let traded = if is_option {
            let risk = self.margins.risk.get();
            let vega = risk.and_then(|risk| risk.vega(id));
            vega.and_then(|vega| vega.number().times(lots.number()).ok()).map(Notional::from_number)
        } else {
            lots.value(price, instrument.contract_size, Round::Down).ok()
        };
        let Some(traded) = traded.and_then(|traded| traded.magnitude().ok()) else { return };
        let liquidity = self.state.liquidity.entry(underlying).or_default();
        let noted = match is_option {
            true => liquidity.trade_vega(traded, now),
            false => liquidity.trade(traded, now),
        };
        if noted.is_ok() {
            self.touched.liquidity.insert(underlying);
        }
    }
}

impl State {
    /// Returns the bids and the asks that rest within the governed band around the marks of perpetuals and futures, by
    /// underlying, in dollars at those marks.
    ///
    /// Cost: the levels within the band.
    fn resting(&self) -> BTreeMap<UnderlyingId, [Notional; 2]> {
        let mut sums: BTreeMap<UnderlyingId, [Notional; 2]> = BTreeMap::new();
        for market in self.markets.values() {
            let Instrument { underlying, contract, .. } = market.instrument;
            if contract.pays_premium() {
                continue;
            }
            let [bids, asks] = resting(market, self.ppm(underlying, ParameterId::DepthBand));
            let sum = sums.entry(underlying).or_insert([Notional::ZERO; 2]);
            let plus = |a: Notional, b| a.plus(b).unwrap_or(a);
            let [held_bids, held_asks] = *sum;
            *sum = [plus(held_bids, bids), plus(held_asks, asks)];
        }
        sums
    }

    /// Returns how deep an underlying's books are, and what counts as traded of it and of its vega in a day.
    ///
    /// spec 0031-THRE-015.
    pub(crate) fn liquidity_of(
        &self,
        id: UnderlyingId,
    ) -> Result<(Ppm, Notional, Notional), Fault> {
        let least =
            |parameter| Notional::from_micros(i128::from(self.parameters.get(Some(id), parameter)));
        let (volume, vega) = (least(ParameterId::VolumeDaily), least(ParameterId::VegaDaily));
        let Some(held) = self.liquidity.get(&id) else {
            return Ok((Ppm::from_parts(limits::PPM_ONE), volume, vega));
        };
        let daily =
            |traded: Traded| traded.daily(self.time).map_err(Fault::at("what trades in a day"));
        let volume = volume.greater(daily(held.volume())?);
        Ok((held.factor(), volume, vega.greater(daily(held.vega())?)))
    }

    /// Returns the depth of an underlying's books and the volumes that impact is charged by.
    pub(crate) fn explain_liquidity(
        &self,
        id: UnderlyingId,
        name: &str,
    ) -> Result<Explanation, Fault> {
        let (depth, volume, vega) = self.liquidity_of(id)?;
        let dollars = |label: &str, value| Explanation {
            label: label.into(),
            figure: Figure::Dollars(value),
            parts: Vec::new(),
        };
        Ok(Explanation {
            label: format!("depth of the books, {name}"),
            figure: Figure::Share(depth),
            parts: vec![dollars("volume of a day", volume), dollars("vega of a day", vega)],
        })
    }

    pub(crate) fn liquidity_record(&self, id: UnderlyingId) -> Option<LiquidityRecord> {
        let held: &Liquidity = self.liquidity.get(&id)?;
        Some(LiquidityRecord {
            depth: held.depth(),
            usual: held.depths().lower_quartile(),
            sample_at: held.sample_at(),
            volume: held.volume(),
            vega: held.vega(),
        })
    }
}

/// Returns the bids and asks of a market that is not halted, within a band around its mark, in dollars at the mark.
fn resting(market: &Market, band: Ppm) -> [Notional; 2] {
    let (Some(mark), true) = (market.mark, market.status.allows_reducing()) else {
        return [Notional::ZERO; 2];
    };
    let one = Ppm::from_parts(limits::PPM_ONE);
    let dollars = |side, ratio: Ppm, round| {
        let furthest = mark.scaled(ratio, round).ok()?;
        let lots = market.book.lots_within(side, furthest);
        lots.value(mark, market.instrument.contract_size, Round::Down).ok()
    };
    let lowest = one.minus(band).unwrap_or(one);
    let highest = one.plus(band).unwrap_or(one);
    let none = Notional::ZERO;
    [
        dollars(Side::Buy, lowest, Round::Up).unwrap_or(none),
        dollars(Side::Sell, highest, Round::Down).unwrap_or(none),
    ]
}
