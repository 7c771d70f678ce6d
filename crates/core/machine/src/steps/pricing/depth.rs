//! How deep the books of each underlying are and how much trades in them, measured with every block and recorded under
//! the root: what impact is charged by.

use crate::block::work::Work;
use crate::state::market::Market;
use book::OrderBook;
use protocol::{Contract, InstrumentId, ParameterId, Side, UnderlyingId};
use std::collections::BTreeMap;
use thresholds::Seen;
use units::{Lots, Notional, Ppm, Price};

impl Work<'_> {
    /// Measures the depth of every underlying's books as they stand after the auctions, as far as they can be quoted in.
    ///
    /// spec 0031-THRE-014, 0031-THRE-040.
    pub(crate) fn measure_depths(&mut self) {
        for (id, seen) in self.seen() {
            let (elapsed, now) = (self.elapsed, self.block.time);
            let measured = self.state.volumes(id).and_then(|(volume, _)| {
                let yardstick = self.state.yardstick(id, volume)?;
                self.state
                    .measure_liquidity(id, |held| held.measure(&seen, yardstick, elapsed, now))
            });
            if let Err(fault) = measured {
                // 0025-BLOCK-030
                self.contain(&fault);
            }
        }
    }

    /// Returns what there is to measure of the perpetuals and futures of each underlying of which some can be quoted in.
    ///
    /// Cost: the levels within the band.
    fn seen(&self) -> BTreeMap<UnderlyingId, Vec<Seen>> {
        let mut seen: BTreeMap<UnderlyingId, Vec<Seen>> = BTreeMap::new();
        let (mut perpetuals, mut open) = (BTreeMap::new(), BTreeMap::new());
        for (id, market) in &self.state.markets {
            let underlying = market.instrument.underlying;
            if market.instrument.contract.pays_premium() {
                continue;
            }
            let is_perpetual = market.instrument.contract == Contract::Perpetual;
            let can_quote = self.can_trade(*id) && !market.basis_stale;
            let band = self.state.ppm(underlying, ParameterId::DepthBand);
            let stands = can_quote.then(|| standing(market, band));
            *perpetuals.entry(underlying).or_insert(false) |= is_perpetual;
            *open.entry(underlying).or_insert(false) |= can_quote;
            let elsewhere = match is_perpetual {
                true => self.state.least_volume(underlying),
                false => Notional::ZERO,
            };
            seen.entry(underlying).or_default().push(Seen { instrument: *id, stands, elsewhere });
        }
        for (underlying, seen) in &mut seen {
            if perpetuals.get(underlying) == Some(&false) {
                let least = self.state.least_volume(*underlying);
                seen.iter_mut().for_each(|seen| seen.elsewhere = least);
            }
        }
        seen.retain(|underlying, _| open.get(underlying) == Some(&true));
        seen
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
            let vega = self.margins.risk.get().and_then(|risk| risk.vega(id));
            vega.and_then(|vega| thresholds::traded_vega(lots, vega))
        } else {
            thresholds::traded(lots, price, instrument.contract_size)
        };
        let Some(traded) = traded else { return };
        drop(self.state.note_trade(underlying, |liquidity| match is_option {
            true => liquidity.trade_vega(traded, now),
            false => liquidity.trade(id, traded, now),
        }));
    }
}

/// Returns what stands near the mark of a market, in dollars at the mark, of the side that has less.
fn standing(market: &Market, band: Ppm) -> Notional {
    let Some(mark) = market.mark else { return Notional::ZERO };
    let [bids, asks] = [Side::Buy, Side::Sell].map(|side| market.book.lots_near(side, mark, band));
    thresholds::standing(bids, asks, mark, market.instrument.contract_size)
}
