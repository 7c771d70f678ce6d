//! What prices may be at most off, whoever leans on them: what is true, what was true when there was last an index, a vote or a
//! quote, and nothing else. What vols are before the repair says [`super::vols`].
//!
//! It shares nothing with the machine but the rules: 0017-ORAC-003, 007, 009, 014 … 017, 025, 027 and 0018-SURF-008.

use super::vols::{Times, Voted};
use super::{MILLION, Rule, Verdict, index};
use crate::act::Sources;
use crate::house::{self, MARKETS, UNDERLYINGS, account, side_of, third};
use crate::settlement;
use crate::world::{World, dollars};
use machine::{Market, State};
use margin::{MarketInput, OffsetClass, Portfolio, Position, Risk, Settlement, UnderlyingInput};
use protocol::{Contract, Instrument, InstrumentId, Mode, ParameterId, Side};
use std::collections::BTreeMap;
use units::{BlockSpan, Lots, Notional, Ppb, Ppm, Price, Vol};

/// Billionths: bases, and how far quotes are from an index, are told in so many parts of it.
const BILLION: i128 = 1_000_000_000;
/// Bases are told to so many of these.
const BASIS_DUST: i128 = 20_000;
/// What honest reports are unsure of, as its inverse.
const UNSURE: i128 = 10_000;
/// Half-life of a premium, in milliseconds.
const HALF_LIFE: i128 = 150_000;
/// In a share of a half-life an average moves by no more than seven tenths of that share, and by no less than five.
const FADES: (i128, i128) = (7, 5);
/// What an hour of funding costs without a premium, in billionths.
const INTEREST: i128 = 12_501;
/// Micro-dollars that roundings of a premium come to in a mark.
const ROUNDING: i128 = 4;
/// By how much a repair moves vols that are what is true, in parts per million.
const REPAIRED: i128 = 1_000;
/// An hour, in milliseconds.
const HOUR: i128 = 3_600_000;

/// What a value may be: between the least and the most that was true since it was last seen to be so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    low: i128,
    high: i128,
}

impl Range {
    const fn at(value: i128) -> Self {
        Self { low: value, high: value }
    }

    fn with(self, value: i128) -> Self {
        Self { low: self.low.min(value), high: self.high.max(value) }
    }

    fn holds(self, value: i128) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// How far the average premium of a perpetual may be from nothing, in billionths of the index.
#[derive(Debug, Clone, Copy, Default)]
struct Reach {
    above: i128,
    below: i128,
    observed_at: Option<i128>,
    /// Whether it traded after the last block.
    is_open: bool,
    /// The farthest that a quote has been.
    worst: i128,
}

/// A contract as it would be at what is true, if that differs from how it is.
#[derive(Debug, Clone, Copy)]
struct Fair {
    price: i128,
    forward: Price,
    vol: Vol,
    doubt: Vol,
    settlement: Option<Settlement>,
}

/// What prices may be.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    index: [Option<Range>; 2],
    vols: BTreeMap<InstrumentId, Voted>,
    /// The true vol of everything in the last block.
    vol: i128,
    /// Of each dated contract, in billionths of the index, and the time that was left.
    bases: BTreeMap<InstrumentId, (Range, i128)>,
    reach: [Reach; 2],
    /// Best bid and offer of the market maker in the perpetuals, as they stand after the last block.
    quotes: [Option<(i128, i128)>; 2],
    at: i128,
    fair: BTreeMap<InstrumentId, Fair>,
    /// Prices before the last block.
    before: BTreeMap<InstrumentId, i128>,
}

impl Bounds {
    /// Takes in what a block has made of prices.
    ///
    /// # Errors
    ///
    /// The first price that is farther off than anybody could bring it.
    pub(super) fn look(&mut self, world: &World) -> Verdict {
        let state = world.machine.state();
        let (mut verdict, now) = (Ok(()), world.block_time());
        for side in [0, 1] {
            verdict = verdict.and(self.index(world, side));
        }
        self.votes(world);
        for (id, market) in &state.markets {
            verdict = verdict.and(self.vol(world, *id, market)).and(self.basis(world, *id, market));
        }
        for side in [0, 1] {
            self.premium(state, side, now);
        }
        self.before = self.fair.iter().map(|(id, fair)| (*id, fair.price)).collect();
        self.fair.clear();
        for (id, market) in &state.markets {
            let Some(fair) = self.fair_of(state, *id, market) else { continue };
            let is = market.mark.map_or(0, |mark| mark.micros());
            if verdict.is_ok() && fair.price != is {
                let seen =
                    format!("{id} is marked at {}, not {}", dollars(is), dollars(fair.price));
                verdict = Err((Rule::Leaned, seen));
            }
            self.fair.insert(*id, fair);
        }
        self.quotes = [0, 1].map(|side| quotes(state, side));
        self.at = now;
        verdict
    }

    /// An index lies between what it was and what is so; it is as sure as honest sources agree.
    fn index(&mut self, world: &World, side: usize) -> Verdict {
        let state = world.machine.state();
        let (is, truth) = (index(state, side), world.prices[side]);
        let apart = apart(world);
        // Honest sources lie around the truth as far on one side as on the other: their median is the truth, unless one errs, or
        // liars without whom there is no quorum choose which are heard.
        let whole = world.sources == Sources::SOUND && world.is_quorum;
        let slack = if whole { 0 } else { truth * apart / MILLION } + 1;
        let found = Range { low: truth - slack, high: truth + slack };
        let range = match self.index[side] {
            None => Range::at(is),
            Some(range) => range.with(found.low).with(found.high),
        };
        self.index[side] = Some(if found.holds(is) { Range::at(is) } else { range });
        if is > 0 && !range.holds(is) {
            let seen = format!("an index of {}, which is truly {}", dollars(is), dollars(truth));
            return Err((Rule::Misled, seen));
        }
        let held = state.underlyings.get(&UNDERLYINGS[side]);
        let set = held.and_then(|held| held.feed.index());
        let Some(set) = set.filter(|set| set.updated_at == state.time && !set.clamped) else {
            return Ok(());
        };
        // One source of three has more than a quarter of what is seen, and sets a quartile (0017-ORAC-008).
        let distance = match world.sources {
            Sources { wrong: 0, .. } | Sources { silent: 0, .. } => apart * 2,
            _ => state.ppm(UNDERLYINGS[side], ParameterId::SourceDistance).number().raw(),
        };
        if set.confidence.micros() > is / UNSURE + is * distance / MILLION + 2 {
            let unsure = dollars(set.confidence.micros());
            return Err((Rule::Misled, format!("an index unsure by {unsure}")));
        }
        Ok(())
    }

    /// Takes in what was voted on the vols of options, those of the wings before that of the middle between them.
    fn votes(&mut self, world: &World) {
        let (state, now) = (world.machine.state(), world.block_time());
        self.vol = world.vol;
        let (middles, others): (Vec<_>, Vec<_>) =
            state.markets.iter().partition(|(id, _)| **id == house::MIDDLE);
        for (id, market) in others.into_iter().chain(middles) {
            let Contract::Option { expires_at, .. } = market.instrument.contract else { continue };
            if expires_at.millis() <= now {
                self.vols.remove(id);
                continue;
            }
            let truth = house::smile(*id, world.vol);
            let line = self.wing(*id).and_then(Voted::fresh);
            let span = |parameter| state.span(UNDERLYINGS[side_of(*id)], parameter).millis();
            let times = Times {
                stale_after: span(ParameterId::VolStaleAfter),
                fade: span(ParameterId::VolFade),
            };
            let voted = self.vols.entry(*id).or_insert(Voted::first(truth, now));
            voted.hear(world.heard.contains(id).then_some(truth), line, now, times);
        }
    }

    /// Returns the vol of the strikes beside that of a contract: both are voted alike, and so is the line between them.
    fn wing(&self, id: InstrumentId) -> Option<&Voted> {
        self.vols.get(&house::WING).filter(|_| id == house::MIDDLE)
    }

    /// A vol is what its votes make of it, and the repair moves it no farther than it may.
    fn vol(&self, world: &World, id: InstrumentId, market: &Market) -> Verdict {
        let (Some(held), Some(voted), Some(vol)) =
            (self.vols.get(&id), market.vol_voted, market.vol)
        else {
            return Ok(());
        };
        let (voted, vol) = (voted.points(), vol.points());
        let repaired = self.repaired(world.machine.state(), id, vol).unwrap_or(Range::at(held.is));
        match voted == held.is && repaired.holds(vol) {
            true => Ok(()),
            false => {
                let seen =
                    format!("{id} has a vol of {voted} points, not {}, repaired {vol}", held.is);
                Err((Rule::Misled, seen))
            }
        }
    }

    /// A basis lies within what was true since it last was; without votes it is held, or shrinks with the time that is left.
    fn basis(&mut self, world: &World, id: InstrumentId, market: &Market) -> Verdict {
        let side = side_of(id);
        let is = index(world.machine.state(), side).max(1);
        let Some((forward, expires_at)) =
            market.forward.zip(market.instrument.contract.expires_at())
        else {
            return Ok(());
        };
        let left = expires_at.millis() - world.block_time();
        if left <= 0 {
            self.bases.remove(&id);
            return Ok(());
        }
        let basis = match expires_at.millis() == house::FIRST_EXPIRY {
            true => world.basis / 10,
            false => world.basis,
        };
        let truth = world.prices[side] * basis / MILLION * BILLION / is;
        let part = (forward.micros() - is) * BILLION / is;
        let (range, before) = *self.bases.entry(id).or_insert((Range::at(truth), left));
        let shrunk = |end: i128| end * left / before.max(1);
        let range = range.with(shrunk(range.low)).with(shrunk(range.high)).with(truth);
        let is_true = (part - truth).abs() <= BASIS_DUST;
        self.bases.insert(id, (if is_true { Range::at(part) } else { range }, left));
        match (range.low - BASIS_DUST..=range.high + BASIS_DUST).contains(&part) {
            true => Ok(()),
            false => {
                let basis = dollars(forward.micros() - is);
                Err((Rule::Misled, format!("{id} has a basis of {basis}")))
            }
        }
    }

    /// The book of a perpetual is between the quotes of the market maker, if it has any, as long as anybody may trade.
    fn premium(&mut self, state: &State, side: usize, now: i128) {
        let reach = &mut self.reach[side];
        let id = perpetual(side);
        let Some(market) = state.markets.get(&id) else { return };
        if state.mode(market.instrument.underlying) >= Mode::ReduceOnly
            || state.call_auction.is_some()
        {
            (reach.observed_at, reach.is_open) = (None, false);
            return;
        }
        let is = index(state, side).max(1);
        let most = band(state, side) * (BILLION / MILLION);
        let (above, below) = match self.quotes[side] {
            Some((bid, offer)) => {
                let far = |distance: i128| (distance * BILLION / is + 1).clamp(0, most);
                (far(offer - is), far(is - bid))
            }
            None => (most, most),
        };
        let elapsed = reach.observed_at.map_or(0, |at| (now - at).min(HALF_LIFE));
        let is_open = market.status == machine::Status::Trading;
        let trades = is_open && reach.is_open;
        let faded = |average: i128, observed: i128| {
            let fades = if observed > average { FADES.0 } else { FADES.1 };
            let by = (observed - average) * elapsed * fades / HALF_LIFE / 10;
            // Where it may be that nothing was observed, nothing has faded.
            if observed > average {
                average + by + 1
            } else if trades {
                average + by
            } else {
                average
            }
        };
        reach.above = faded(reach.above, above);
        reach.below = faded(reach.below, below);
        reach.worst = reach.worst.max(above).max(below);
        (reach.observed_at, reach.is_open) = (Some(now), is_open);
    }

    /// Returns a contract at the nearest prices to those that it has that anybody could bring about; `None` before it has any.
    fn fair_of(&self, state: &State, id: InstrumentId, market: &Market) -> Option<Fair> {
        let side = side_of(id);
        let (mark, forward) = (market.mark?.micros(), market.forward?);
        let is = index(state, side);
        let instrument = &market.instrument;
        let right = self.index[side].map_or(is, |range| is.clamp(range.low, range.high));
        let settlement = window(state, instrument);
        let vol = market.vol.unwrap_or(Vol::ZERO);
        let as_it_is =
            Fair { price: mark, forward, vol, doubt: market.vol_uncertainty, settlement };
        if instrument.contract == Contract::Perpetual {
            let reach = self.reach[side];
            let low = right - right * reach.below / BILLION - ROUNDING;
            let high = right + right * reach.above / BILLION + ROUNDING;
            let (price, forward) = (mark.clamp(low, high), Price::from_micros(right));
            return Some(Fair { price, forward, ..as_it_is });
        }
        let basis = self.bases.get(&id).map_or(forward.micros() - is, |(range, _)| {
            let part = (forward.micros() - is) * BILLION / is.max(1);
            match (range.low - BASIS_DUST..=range.high + BASIS_DUST).contains(&part) {
                true => forward.micros() - is,
                false => right * part.clamp(range.low, range.high) / BILLION,
            }
        });
        let (vol, doubt) = self.fair_vol(state, id, market);
        let fair = Fair { forward: Price::from_micros(right + basis), vol, doubt, ..as_it_is };
        if fair.forward == forward && Some(vol) == market.vol.or(Some(Vol::ZERO)) {
            return Some(fair);
        }
        let value = margin::mark_value(instrument, fair.forward, vol, state.time, settlement);
        Some(Fair { price: value.ok()?.micros(), ..fair })
    }

    /// Returns the nearest vol to that of a contract that anybody could bring about, and how far it may be in doubt.
    fn fair_vol(&self, state: &State, id: InstrumentId, market: &Market) -> (Vol, Vol) {
        let (is, doubt) = (market.vol.unwrap_or(Vol::ZERO), market.vol_uncertainty);
        let Some((held, range)) = self.vols.get(&id).zip(self.repaired(state, id, is.points()))
        else {
            return (is, doubt);
        };
        // What has stale votes or an offset is in doubt, whatever is true (0017-ORAC-027).
        let sure = self.all_true(id) && held.is_sure();
        let vol = Vol::from_points(is.points().clamp(range.low, range.high));
        (vol, if sure { Vol::ZERO } else { doubt })
    }

    /// Whether all vols of an underlying are what is true.
    fn all_true(&self, id: InstrumentId) -> bool {
        let mut known = self.vols.iter().filter(|(other, _)| side_of(**other) == side_of(id));
        known.all(|(other, held)| held.is == house::smile(*other, self.vol))
    }

    /// Returns what a vol may be after the repair (0018-SURF-008): where all are what is true, it has next to nothing to do, but
    /// that far outside the strikes what is true is not free of arbitrage. One against which the strikes on both sides speak
    /// is on the line between them, however far that is (0018-SURF-007); only votes speak (0018-SURF-015).
    fn repaired(&self, state: &State, id: InstrumentId, vol: i128) -> Option<Range> {
        let voted = self.vols.get(&id)?.is;
        let most = state.ppm(UNDERLYINGS[side_of(id)], ParameterId::VolRepairMax).number().raw();
        let moved = match self.all_true(id) && is_among_strikes(state, side_of(id)) {
            true => REPAIRED,
            false => most,
        };
        let range = Range {
            low: voted - voted * moved / MILLION - 1,
            high: voted + voted * moved / MILLION + 1,
        };
        let speaks = |wing: &Voted| wing.fresh().is_some() && wing.is == vol && vol > voted;
        let outvoted = self.wing(id).is_some_and(speaks);
        Some(if outvoted { range.with(vol) } else { range })
    }

    /// Returns the price of a contract at what is true.
    pub(super) fn price(&self, id: InstrumentId) -> Option<i128> {
        self.fair.get(&id).map(|fair| fair.price)
    }

    /// Returns the price of a contract before the last block.
    pub(super) fn before(&self, id: InstrumentId) -> Option<i128> {
        self.before.get(&id).copied()
    }

    /// Returns how much more lots are worth at what is true than at their marks.
    pub(super) fn above_marks(&self, state: &State, lots: &BTreeMap<InstrumentId, i128>) -> i128 {
        let difference = |(id, lots): (&InstrumentId, &i128)| {
            let mark = state.markets.get(id)?.mark?.micros();
            Some(lots * (self.fair.get(id)?.price - mark) / 100)
        };
        lots.iter().filter_map(difference).sum()
    }

    /// Returns the most that so many lots pay as funding for the time since a block, in micro-dollars.
    pub(super) fn funding(&self, state: &State, id: InstrumentId, lots: i128, since: i128) -> i128 {
        let side = side_of(id);
        if id != perpetual(side) {
            return 0;
        }
        let rate = self.reach[side].worst / 8 + INTEREST;
        let value = lots.abs() * index(state, side) / 100;
        value * rate / BILLION * (self.at - since) / HOUR + 1
    }

    /// Returns when the last block was.
    pub(super) const fn at(&self) -> i128 {
        self.at
    }

    /// Returns maintenance margin of positions at what is true, in books that are as deep as usual.
    pub(super) fn maintenance(
        &self,
        state: &State,
        lots: &BTreeMap<InstrumentId, i128>,
    ) -> Option<i128> {
        let markets: Vec<MarketInput> = self
            .fair
            .iter()
            .filter_map(|(id, fair)| {
                let market = state.markets.get(id)?;
                Some(MarketInput {
                    instrument: market.instrument,
                    forward: fair.forward,
                    mark: Price::from_micros(fair.price),
                    vol: fair.vol,
                    vol_uncertainty: fair.doubt,
                    basis_doubt: market.basis_doubt,
                    settlement: fair.settlement,
                    funding: Ppb::from_parts(0),
                })
            })
            .collect();
        let underlyings: Option<Vec<UnderlyingInput>> =
            [0, 1].into_iter().map(|side| self.underlying(state, side)).collect();
        let risk =
            Risk::build(&state.margin_parameters(), state.time, &underlyings?, &markets).ok()?;
        let position = |(id, lots): (&InstrumentId, &i128)| Position {
            instrument: *id,
            lots: Lots::from_count(*lots),
            cost: Notional::ZERO,
        };
        let held = lots.iter().filter(|(id, _)| self.fair.contains_key(id));
        let positions: Vec<Position> = held.map(position).collect();
        let portfolio =
            Portfolio { cash: Notional::ZERO, positions: &positions, collateral: &[], orders: &[] };
        margin::required(&risk, &portfolio).ok().map(|needed| needed.maintenance.micros())
    }

    fn underlying(&self, state: &State, side: usize) -> Option<UnderlyingInput> {
        let id = UNDERLYINGS[side];
        let held = state.underlyings.get(&id)?;
        let is = index(state, side);
        let right = self.index[side].map_or(is, |range| is.clamp(range.low, range.high));
        let dollars =
            |parameter| Notional::from_micros(state.parameters.get(Some(id), parameter).into());
        Some(UnderlyingInput {
            underlying: id,
            class: OffsetClass::new(held.class),
            asset: None,
            index: Price::from_micros(right),
            confidence: Price::ZERO,
            scan_hold: held.thresholds.hold(),
            scan_new: held.thresholds.hold(),
            short_option_maintenance: state.ppm(id, ParameterId::ShortOptionMaintenance),
            short_option_initial: state.ppm(id, ParameterId::ShortOptionInitial),
            haircut: Ppm::ZERO,
            haircut_knee: Notional::ZERO,
            haircut_beyond: Ppm::ZERO,
            mark_band: state.ppm(id, ParameterId::MarkBand),
            spread: state.ppm(id, ParameterId::Spread),
            vol_daily: state.ppm(id, ParameterId::VolDaily),
            volume_daily: dollars(ParameterId::VolumeDaily),
            vol_move_daily: state.ppm(id, ParameterId::VolMoveDaily),
            vega_daily: dollars(ParameterId::VegaDaily),
            depth: Ppm::from_parts(MILLION),
            depth_hold: Ppm::from_parts(MILLION),
            fee: Ppm::ZERO,
        })
    }
}

/// Returns whether an index is between the lowest and the highest strike of its options.
fn is_among_strikes(state: &State, side: usize) -> bool {
    let options = state.markets.values().filter(|market| side_of(market.instrument.id) == side);
    let strikes = options.filter_map(|market| match market.instrument.contract {
        Contract::Option { strike, .. } => Some(strike.micros()),
        _ => None,
    });
    let (lowest, highest) =
        strikes.fold((i128::MAX, 0), |(low, high), strike| (low.min(strike), high.max(strike)));
    (lowest..=highest).contains(&index(state, side))
}

/// Returns how far an honest source is from the truth at most, in parts per million.
fn apart(world: &World) -> i128 {
    let about = world.about;
    i128::from(about.apart) * i128::from(about.sources - 1) / 2
}

/// Returns the band of a perpetual's mark, in parts per million.
fn band(state: &State, side: usize) -> i128 {
    state.ppm(UNDERLYINGS[side], ParameterId::MarkBand).number().raw()
}

fn perpetual(side: usize) -> InstrumentId {
    house::market(if side == 0 { 0 } else { MARKETS / 2 })
}

/// Returns the best bid and offer of the market maker in a perpetual.
fn quotes(state: &State, side: usize) -> Option<(i128, i128)> {
    let maker = state.accounts.get(state.accounts.index(account(third::MAKER))?)?;
    let of = |wanted: Side| {
        let open = maker.orders().values();
        open.filter(move |open| open.instrument == perpetual(side) && open.side == wanted)
            .map(|open| open.price.micros())
    };
    of(Side::Buy).max().zip(of(Side::Sell).min())
}

/// Returns how far the average towards a settlement has come, once it has begun.
fn window(state: &State, instrument: &Instrument) -> Option<Settlement> {
    let expires_at = instrument.contract.expires_at()?;
    let held = state.underlyings.get(&instrument.underlying)?;
    let window = held.settlements.get(&expires_at)?.window(state.time).ok()?;
    let begun =
        window.remaining < BlockSpan::from_millis(settlement::WINDOW) || expires_at <= state.time;
    begun.then_some(Settlement { fixed: window.fixed, remaining: window.remaining })
}
