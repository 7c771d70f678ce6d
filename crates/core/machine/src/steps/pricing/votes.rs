//! From votes to prices: index, forwards, vols, marks and modes of every underlying.

use crate::block::work::Work;
use crate::state::market::Market;
use crate::state::underlying::Underlying;
use crate::state::valuation::valued_on;
use crate::steps::pricing::surface::vols;
use book::OrderBook;
use oracle::{BasisVote, Quotes, Report, SettlementAverage, Sight, VolVote, perpetual_mark};
use protocol::{
    Contract, Event, Fault, InstrumentId, Mode, ParameterId, Plant, Side, SourceId, UnderlyingId,
};
use std::collections::{BTreeMap, BTreeSet};
use surface::Marked;
use units::{BlockSpan, BlockTime, Notional, Price};

/// How long resting orders that add risk stay once an index is stale or a vol is flagged.
///
/// spec 0025-BLOCK-017.
const QUOTES_STAY: BlockSpan = BlockSpan::from_millis(10_000);

/// The reports of one block about one underlying.
#[derive(Debug, Default)]
struct Reports {
    prices: Vec<Report>,
    bases: Vec<BasisVote>,
    vols: Vec<VolVote>,
}

impl Work<'_> {
    /// Updates every index and mode from the block's votes, then every mark.
    ///
    /// A fault in one underlying freezes that underlying alone.
    ///
    /// spec 0025-BLOCK-004.
    pub(crate) fn oracle(&mut self) -> Result<(), Fault> {
        let mut reports = self.reports();
        let total_stake = self.state.total_stake();
        let ids: Vec<UnderlyingId> = self.state.underlyings.keys().copied().collect();
        let last = self.block.time.number().minus(self.elapsed.number());
        let last = last.map(BlockTime::from_number).map_err(Fault::at("time of the last block"))?;
        for id in ids {
            let reports = reports.remove(&id).unwrap_or_default();
            let params = self.oracle_parameters(id);
            let before = self.state.mode(id);
            let priced = self.price(id, &reports, total_stake, last, &params);
            let underlying = self.state.underlying_mut(id)?;
            let cleared = priced.unwrap_or_else(|_| {
                underlying.mode = Mode::Frozen;
                Vec::new()
            });
            let mode = underlying.mode;
            if mode != before {
                self.events.push(Event::ModeChanged { underlying: id, mode });
            }
            for market in cleared {
                if let Err(fault) = self.restrict_market(market) {
                    self.halt_market(market, &fault)?;
                }
            }
        }
        Ok(())
    }

    /// Sets index, mode, ranges and marks of an underlying, and returns the markets in whose books only what reduces may rest,
    /// ascending.
    fn price(
        &mut self,
        id: UnderlyingId,
        reports: &Reports,
        total_stake: u64,
        last: BlockTime,
        params: &oracle::Parameters,
    ) -> Result<Vec<InstrumentId>, Fault> {
        let stay = params.stale_after.plus(QUOTES_STAY).map_err(Fault::at("quotes that stay"))?;
        let now = self.block.time;
        // Had the index been stale already, quotes stood on it until now, though this block may set it again.
        let was_old =
            self.is_older(id, last, params.stale_after)? && self.is_older(id, now, stay)?;
        self.update_underlying(id, reports, total_stake, params)?;
        self.move_ranges(id)?;
        self.mark_markets(id, params)?;
        // In a call auction nobody meets what rests, and who has left it there has minutes to look.
        let is_old = !self.is_call_auction() && (was_old || self.is_older(id, now, stay)?);
        let flagged =
            &self.state.underlyings.get(&id).ok_or(Fault::Missing("underlying"))?.vols_flagged;
        let mut cleared = Vec::new();
        for market in self.markets_of(id) {
            let flagged = flagged.get(&market).map(|since| now.since(*since)).transpose();
            let flagged = flagged.map_err(Fault::at("how long a vol is flagged"))?;
            let is_flagged = flagged.is_some_and(|flagged| flagged > QUOTES_STAY);
            if is_old || is_flagged || self.state.market(market)?.basis_stale {
                cleared.push(market);
            }
        }
        Ok(cleared)
    }

    /// Returns whether the index of an underlying is older than a time.
    fn is_older(&self, id: UnderlyingId, now: BlockTime, than: BlockSpan) -> Result<bool, Fault> {
        let underlying = self.state.underlyings.get(&id).ok_or(Fault::Missing("underlying"))?;
        Ok(underlying.feed.age(now)?.is_some_and(|age| age > than))
    }

    /// Sorts the block's votes by underlying. Votes of strangers and of jailed validators count for nothing, and so do
    /// those on what is not listed: no stake makes the oracle remember more.
    fn reports(&self) -> BTreeMap<UnderlyingId, Reports> {
        let listed: BTreeSet<(UnderlyingId, BlockTime)> = self
            .state
            .markets
            .values()
            .filter_map(|market| {
                let expires_at = market.instrument.contract.expires_at()?;
                Some((market.instrument.underlying, expires_at))
            })
            .collect();
        let mut sorted: BTreeMap<UnderlyingId, Reports> = BTreeMap::new();
        for vote in &self.block.votes {
            let validator = vote.validator;
            let Some(stake) = self.state.reporting_stake(validator) else { continue };
            for seen in &vote.prices {
                let (source, price, confidence) = (seen.source, seen.price, seen.confidence);
                let report = Report { validator, stake, source, price, confidence };
                sorted.entry(seen.underlying).or_default().prices.push(report);
            }
            let bases = vote.bases.iter();
            for seen in bases.filter(|seen| listed.contains(&(seen.underlying, seen.expires_at))) {
                let (expires_at, basis) = (seen.expires_at, seen.basis);
                let basis = BasisVote { validator, stake, expires_at, basis };
                sorted.entry(seen.underlying).or_default().bases.push(basis);
            }
            for seen in &vote.vols {
                let market = self.state.markets.get(&seen.instrument);
                let Some(instrument) = market.map(|market| market.instrument) else { continue };
                let Contract::Option { expires_at, strike, .. } = instrument.contract else {
                    continue;
                };
                let vote = VolVote { validator, stake, expires_at, strike, vol: seen.vol };
                sorted.entry(instrument.underlying).or_default().vols.push(vote);
            }
        }
        sorted
    }

    /// Returns the oracle's parameters for an underlying: those governed here, the others at their defaults.
    ///
    /// spec 0023-GOV-012.
    pub(crate) fn oracle_parameters(&self, id: UnderlyingId) -> oracle::Parameters {
        let sources_min = self.state.underlyings.get(&id).map_or(u8::MAX, |held| held.sources_min);
        oracle::Parameters {
            sources_min,
            source_distance: self.state.ppm(id, ParameterId::SourceDistance),
            velocity: self.state.ppm(id, ParameterId::IndexVelocity),
            stale_after: self.state.span(id, ParameterId::StaleAfter),
            frozen_after: self.state.span(id, ParameterId::FrozenAfter),
            gap_max: self.state.span(id, ParameterId::GapMax),
            doubt_grace: BlockSpan::from_millis(self.state.house(ParameterId::CallGrace)),
            mark_band: self.state.ppm(id, ParameterId::MarkBand),
            basis_stale_penalty: self.state.ppm(id, ParameterId::BasisStalePenalty),
            vol_stale_after: self.state.span(id, ParameterId::VolStaleAfter),
            vol_fade: self.state.span(id, ParameterId::VolFade),
            vol_unvoted_penalty: self.state.ppm(id, ParameterId::VolUnvotedPenalty),
            vol_stale_penalty: self.state.ppm(id, ParameterId::VolStalePenalty),
            settlement_gaps: self.state.ppm(id, ParameterId::SettlementGaps),
            ..oracle::Parameters::default()
        }
    }

    fn update_underlying(
        &mut self,
        id: UnderlyingId,
        reports: &Reports,
        total_stake: u64,
        params: &oracle::Parameters,
    ) -> Result<(), Fault> {
        let now = self.block.time;
        let underlying = self.state.underlying_mut(id)?;
        let weights: Vec<(SourceId, u32)> =
            underlying.sources.iter().map(|held| (held.source, held.weight)).collect();
        underlying.feed.update(&reports.prices, total_stake, &weights, now, params)?;
        match underlying.feed.index().map(|index| index.price) {
            Some(index) => {
                underlying.bases.update(&reports.bases, total_stake, index, now, params)?;
            }
            // Without an index there is no rate.
            None => underlying.bases.forget(now),
        }
        underlying.vols.update(&reports.vols, total_stake, now, params)?;
        underlying.mode = underlying.feed.mode(now, params);
        Ok(())
    }

    /// Marks every market on an underlying, and feeds the averages towards its expiries.
    fn mark_markets(&mut self, id: UnderlyingId, params: &oracle::Parameters) -> Result<(), Fault> {
        let Some(index) = self.state.index(id) else { return Ok(()) };
        let now = self.block.time;
        let ids = self.markets_of(id);
        let underlying = self.state.underlyings.get(&id).ok_or(Fault::Missing("underlying"))?;
        let sight = match Plant::StaleSettles.is_planted() {
            true => Sight::Fresh(index),
            false => underlying.feed.sight(now, params)?,
        };
        for instrument in &ids {
            if let Some(expires_at) =
                self.state.market(*instrument)?.instrument.contract.expires_at()
            {
                average(self.state.underlying_mut(id)?, expires_at, sight, now, params)?;
            }
        }
        let underlying = self.state.underlyings.get(&id).ok_or(Fault::Missing("underlying"))?;
        let impact = self.state.parameters.get(Some(id), ParameterId::ImpactNotional);
        let impact = Notional::from_micros(impact.into());
        let repair_max = self.state.ppm(id, ParameterId::VolRepairMax);
        let vols = vols(underlying, &self.state.markets, &ids, index, now, params, repair_max)?;
        let open: Vec<bool> = ids
            .iter()
            .map(|instrument| self.can_trade(*instrument) || Plant::StopsCount.is_planted())
            .collect();
        for (instrument, trades) in ids.iter().zip(open) {
            let (market, underlying) = self.state.market_on(*instrument)?;
            mark(market, underlying, &vols, (index, now), (trades, impact), params)?;
        }
        let underlying = self.state.underlyings.get(&id).ok_or(Fault::Missing("underlying"))?;
        let flagged = ids
            .iter()
            .filter(|id| self.state.markets.get(id).is_some_and(|market| market.vol_stale));
        let since = |id: &InstrumentId| {
            let since = underlying.vols_flagged.get(id).copied().unwrap_or(now);
            (*id, since)
        };
        let flagged = flagged.map(since).collect();
        self.state.underlying_mut(id)?.vols_flagged = flagged;
        Ok(())
    }
}

/// Records what the block has shown of the index in the average towards an expiry whose window opens soon, has opened, or
/// goes on after expiry.
///
/// spec 0017-ORAC-018.
fn average(
    underlying: &mut Underlying,
    expires_at: BlockTime,
    sight: Sight,
    now: BlockTime,
    params: &oracle::Parameters,
) -> Result<(), Fault> {
    let left = expires_at.since(now).map_err(Fault::at("time to expiry"))?;
    // One window ahead of the window, so that the price that holds when it opens is known.
    let window = SettlementAverage::WINDOW;
    if left > window.plus(window).map_err(Fault::at("settlement window"))? {
        return Ok(());
    }
    let settlements = underlying.settlements.entry(expires_at);
    let average = settlements.or_insert_with(|| SettlementAverage::new(expires_at, window));
    average.record(sight, now, params)
}

/// Sets forward, vol, mark and Greeks of a market.
fn mark(
    market: &mut Market,
    underlying: &Underlying,
    vols: &BTreeMap<(BlockTime, Price), Marked>,
    (index, now): (Price, BlockTime),
    (trades, impact): (bool, Notional),
    params: &oracle::Parameters,
) -> Result<(), Fault> {
    (market.forward, market.basis_stale, market.basis_doubt) =
        match market.instrument.contract.expires_at() {
            Some(expires_at) => {
                let forward = underlying.bases.forward(index, expires_at, now, params)?;
                (Some(forward.price), forward.stale, forward.doubt)
            }
            None => (Some(index), false, Price::ZERO),
        };
    let instrument = market.instrument;
    if let Contract::Option { expires_at, strike, .. } = instrument.contract {
        let found = vols.get(&(expires_at, strike));
        market.vol_stale = found.is_none_or(|found| found.stale);
        if let Some(found) = found {
            market.vol = Some(found.vol);
            market.vol_voted = Some(found.voted);
            market.vol_uncertainty = found.uncertainty;
        }
    }
    let on = valued_on(market, underlying, now)?;
    let raw = match instrument.contract {
        Contract::Perpetual => {
            let quotes = quotes(market, index, impact)?;
            match trades {
                true => market.premium.observe(index, &quotes, now, params)?,
                false => market.premium.stop(now),
            }
            Some(perpetual_mark(index, &market.premium, &quotes, params)?)
        }
        Contract::Future { .. } | Contract::Option { .. } => {
            on.map(|on| on.mark(&instrument, now)).transpose()?
        }
    };
    market.mark = raw.or(market.mark);
    market.greeks = on.map(|on| on.greeks(&instrument.contract, now)).transpose()?;
    Ok(())
}

/// Returns at what average prices an order worth the impact notional at the index could be traded against what stands.
///
/// spec 0017-ORAC-014.
fn quotes(market: &Market, index: Price, impact: Notional) -> Result<Quotes, Fault> {
    let lots = oracle::impact_lots(index, market.instrument.contract_size, impact);
    let lots = lots.map_err(Fault::at("impact prices"))?;
    let print = market.last.filter(|_| Plant::PrintsCount.is_planted());
    let average = |side| print.or_else(|| market.book.average(side, lots));
    Ok(Quotes { bid: average(Side::Buy), ask: average(Side::Sell), external: None })
}

/// Returns the ids of the markets among `instruments` that end at `expires_at`.
pub(crate) fn ending_at(
    markets: &BTreeMap<InstrumentId, Market>,
    now: BlockTime,
) -> Vec<InstrumentId> {
    let ended = |market: &Market| {
        market.instrument.contract.expires_at().is_some_and(|expires_at| expires_at <= now)
    };
    markets.iter().filter(|(_, market)| ended(market)).map(|(id, _)| *id).collect()
}
