//! How deep the books of each underlying are and how much trades in them, measured with every block and recorded under
//! the root: what impact is charged by.

use crate::state::{Market, State};
use crate::work::Work;
use book::OrderBook;
use borsh::{BorshDeserialize, BorshSerialize};
use margin::{Explanation, Figure};
use protocol::{Contract, Fault, InstrumentId, ParameterId, Side, UnderlyingId};
use std::collections::BTreeMap;
use thresholds::{Liquidity, Seen, Shown, Traded, Yardstick};
use units::{Lots, Notional, Ppm, Price, Round, limits};

/// The depth of an underlying's books and what trades in them; written when it changes.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct LiquidityRecord {
    /// The depths of its markets, fading, each by its share of what trades; absent before there was one.
    pub depth: Option<Notional>,
    /// Lower quartile of the depths kept, whose hash is in the record of the scan ranges.
    pub usual: Option<Notional>,
    /// η for risk held.
    pub hold: Ppm,
    /// What it will be after the hour that is being measured.
    pub announced: Ppm,
    /// What has traded of the underlying.
    pub volume: Traded,
    /// What has traded of its vega.
    pub vega: Traded,
    /// What each of its perpetuals and futures shows, ascending.
    pub markets: Vec<(InstrumentId, Shown)>,
}

/// What impact is charged by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Impact {
    /// η for new risk.
    pub(crate) depth: Ppm,
    /// η for risk held.
    pub(crate) depth_hold: Ppm,
    /// What counts as traded in a day.
    pub(crate) volume: Notional,
    /// What counts as traded of vega.
    pub(crate) vega: Notional,
}

impl Work<'_> {
    /// Measures the depth of every underlying's books as they stand after the auctions, as far as they can be quoted in.
    ///
    /// spec 0031-THRE-014, 0031-THRE-040.
    pub(crate) fn measure_depths(&mut self) {
        for (id, seen) in self.seen() {
            let measured = self.state.volumes(id).and_then(|(volume, _)| {
                let yardstick = self.state.yardstick(id, volume)?;
                let liquidity = self.state.liquidity.entry(id).or_default();
                liquidity.measure(&seen, yardstick, self.elapsed, self.block.time)
            });
            let measured = match measured {
                Ok(measured) => measured,
                Err(fault) => {
                    // 0025-BLOCK-030
                    self.contain(&fault);
                    continue;
                }
            };
            // The hour under way is in the hash of the underlying's own record.
            self.touched.underlyings.insert(id);
            if measured.hour || measured.depth {
                self.touched.liquidity.insert(id);
            }
            if measured.hour {
                self.touched.thresholds.insert(id);
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
            false => liquidity.trade(id, traded, now),
        };
        if noted.is_ok() {
            self.touched.liquidity.insert(underlying);
        }
    }
}

impl State {
    /// Returns the governed least that counts as traded of an underlying in a day.
    fn least_volume(&self, id: UnderlyingId) -> Notional {
        let least = self.parameters.get(Some(id), ParameterId::VolumeDaily);
        Notional::from_micros(i128::from(least))
    }

    /// Returns what counts as traded of an underlying and of its vega in a day.
    ///
    /// spec 0031-THRE-015.
    fn volumes(&self, id: UnderlyingId) -> Result<(Notional, Notional), Fault> {
        let vega = self.parameters.get(Some(id), ParameterId::VegaDaily);
        let (volume, vega) = (self.least_volume(id), Notional::from_micros(i128::from(vega)));
        let Some(held) = self.liquidity.get(&id) else { return Ok((volume, vega)) };
        let daily =
            |traded: Traded| traded.daily(self.time).map_err(Fault::at("what trades in a day"));
        Ok((volume.greater(daily(held.volume())?), vega.greater(daily(held.vega())?)))
    }

    /// Returns what the depth of an underlying's books is measured by beside what it used to be.
    ///
    /// spec 0031-THRE-041.
    fn yardstick(&self, id: UnderlyingId, volume: Notional) -> Result<Yardstick, Fault> {
        let share = |parameter| {
            let dollars = volume.fraction_ppm(self.ppm(id, parameter), Round::Up);
            dollars.map_err(Fault::at("what depth is measured by"))
        };
        Ok(Yardstick {
            least: share(ParameterId::DepthLeast)?,
            most: share(ParameterId::DepthMost)?,
        })
    }

    /// Returns how deep an underlying's books are, and what counts as traded of it and of its vega in a day.
    ///
    /// spec 0031-THRE-011, 0031-THRE-015, 0031-THRE-042.
    pub(crate) fn impact_of(&self, id: UnderlyingId) -> Result<Impact, Fault> {
        let (volume, vega) = self.volumes(id)?;
        let one = Ppm::from_parts(limits::PPM_ONE);
        let (depth, depth_hold) = match self.liquidity.get(&id) {
            Some(held) => (held.factor(self.yardstick(id, volume)?), held.hold()),
            None => (one, one),
        };
        Ok(Impact { depth, depth_hold, volume, vega })
    }

    /// Returns the depth of an underlying's books and the volumes that impact is charged by.
    pub(crate) fn explain_liquidity(
        &self,
        id: UnderlyingId,
        name: &str,
    ) -> Result<Explanation, Fault> {
        let Impact { depth, depth_hold, volume, vega } = self.impact_of(id)?;
        let announced = self.liquidity.get(&id).map_or(depth_hold, Liquidity::announced);
        let share = |label: &str, value| Explanation {
            label: label.into(),
            figure: Figure::Share(value),
            parts: Vec::new(),
        };
        let dollars = |label: &str, value| Explanation {
            label: label.into(),
            figure: Figure::Dollars(value),
            parts: Vec::new(),
        };
        Ok(Explanation {
            label: format!("depth of the books, {name}"),
            figure: Figure::Share(depth),
            parts: vec![
                share("for risk held", depth_hold),
                share("announced for the next step", announced),
                dollars("volume of a day", volume),
                dollars("vega of a day", vega),
            ],
        })
    }

    pub(crate) fn liquidity_record(&self, id: UnderlyingId) -> Option<LiquidityRecord> {
        let held: &Liquidity = self.liquidity.get(&id)?;
        Some(LiquidityRecord {
            depth: held.depth(),
            usual: held.depths().lower_quartile(),
            hold: held.hold(),
            announced: held.announced(),
            volume: held.volume(),
            vega: held.vega(),
            markets: held.markets().to_vec(),
        })
    }
}

/// Returns what stands near the mark of a market, in dollars at the mark, of the side that has less.
fn standing(market: &Market, band: Ppm) -> Notional {
    let Some(mark) = market.mark else { return Notional::ZERO };
    let [bids, asks] = [Side::Buy, Side::Sell].map(|side| market.book.lots_near(side, mark, band));
    let dollars = bids.lesser(asks).value(mark, market.instrument.contract_size, Round::Down);
    dollars.unwrap_or(Notional::ZERO)
}
