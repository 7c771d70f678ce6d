//! What a report is made of, block by block: by the demo as it plays, by `report` and `audit` as they replay.
//!
//! **Invariant:** it depends on the log and its scenario alone. Nothing of the clock enters, so whoever replays the log makes the same
//! report, to the byte.

use super::books::{self, Books, Column};
use super::ranges::Ranges;
use super::scenario::Scenario;
use super::trouble::Trouble;
use crate::RunReportError;
use machine::{Outcome, State};
use margin::Risk;
use protocol::{
    Block, Command, Contract, Event, Instrument, InstrumentId, Mode, Receipt, Refusal, Right,
    UnderlyingId,
};
use report::tables::{ExpiryRow, HaltRow};
use report::{HaltedMarket, Interval, Series, format};
use std::collections::BTreeMap;
use units::{BlockTime, Notional, Price, Round};

/// Samples that the heavier series have at least, once there are as many blocks; at most twice as many.
const SAMPLES: usize = if cfg!(test) { 8 } else { 240 };

/// What one underlying shows over time.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) name: String,
    pub(super) venues: BTreeMap<u16, Series>,
    pub(super) index: Series,
    pub(super) mark: Series,
    mode: Mode,
    restricted_since: Option<BlockTime>,
}

/// Sums over all accounts, which cost more than a block.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) height: u64,
    pub(super) time: BlockTime,
    /// Of the accounts that take risk: those that offer are left out.
    pub(super) equity: Notional,
    pub(super) initial: Notional,
    pub(super) maintenance: Notional,
    /// Delta, gamma, vega and theta of those that offer.
    pub(super) greeks: [i128; 4],
    pub(super) funds: Notional,
    pub(super) open_interest: BTreeMap<UnderlyingId, Notional>,
    pub(super) vols: BTreeMap<UnderlyingId, Option<units::Vol>>,
    /// What each group has won, by its place.
    pub(super) results: Vec<i128>,
}

/// What has been counted and seen.
#[derive(Debug)]
pub struct Observer {
    pub(super) scenario: Scenario,
    pub(super) first: BlockTime,
    pub(super) blocks: u64,
    commands: u64,
    fills: u64,
    refused: u64,
    steps: u64,
    calls: u64,
    conserved: bool,
    pub(super) books: Books,
    pub(super) trouble: Trouble,
    pub(super) ranges: Ranges,
    pub(super) underlyings: BTreeMap<UnderlyingId, Watched>,
    pub(super) refusals: BTreeMap<u16, (String, u64)>,
    pub(super) liquidated: Series,
    pub(super) called: Series,
    pub(super) halts: Vec<HaltRow>,
    pub(super) expiries: Vec<ExpiryRow>,
    pub(super) intervals: Vec<Interval>,
    pub(super) names: BTreeMap<InstrumentId, String>,
    pub(super) listed: BTreeMap<InstrumentId, Instrument>,
    pub(super) samples: Vec<Sample>,
    /// A sample is kept of every block whose height it divides.
    stride: u64,
}

impl Observer {
    /// Starts watching a house that has just been founded.
    pub fn found(state: &State, scenario: Scenario) -> Self {
        let mut this = Self {
            scenario,
            first: state.time,
            blocks: 0,
            commands: 0,
            fills: 0,
            refused: 0,
            steps: 0,
            calls: 0,
            conserved: true,
            books: Books::found(state),
            trouble: Trouble::default(),
            ranges: Ranges::default(),
            underlyings: BTreeMap::new(),
            refusals: BTreeMap::new(),
            liquidated: Series::new("liquidation steps"),
            called: Series::new("margin calls"),
            halts: Vec::new(),
            expiries: Vec::new(),
            intervals: Vec::new(),
            names: BTreeMap::new(),
            listed: BTreeMap::new(),
            samples: Vec::new(),
            stride: 1,
        };
        for (id, held) in &state.underlyings {
            let venue = |source: &machine::SourceWeight| {
                let number = source.source.get();
                (number, Series::new(this.scenario.venue(*id, number)))
            };
            let watched = Watched {
                name: held.name.clone(),
                venues: held.sources.iter().map(venue).collect(),
                index: Series::new("index"),
                mark: Series::new("perpetual mark"),
                mode: Mode::Frozen,
                restricted_since: None,
            };
            this.underlyings.insert(*id, watched);
        }
        this.note_markets(state);
        this
    }

    /// Takes in a block that has been applied; returns how many commands it had.
    ///
    /// # Errors
    ///
    /// [`RunReportError`] if the block and the state are not of the run that the observer has seen so far.
    pub fn block(
        &mut self,
        state: &State,
        block: &Block,
        outcome: &Outcome,
    ) -> Result<u64, RunReportError> {
        self.note_markets(state);
        self.blocks += 1;
        let commands = block.transactions.iter().map(|transaction| match &transaction.command {
            Command::MassQuote { quotes, .. } => quotes.len() as u64,
            _ => 1,
        });
        let commands = commands.sum::<u64>();
        self.commands += commands;
        self.conserved &= state.check().is_ok();
        self.receipts(&outcome.receipts);
        self.events(block.time, &outcome.events)?;
        self.modes(state, block.time);
        self.prices(state, block);
        let paid = self.books.take(state, block, outcome)?;
        let names = &self.names;
        let name = |id: InstrumentId| name(names, id);
        self.trouble.take(state, outcome, paid, &name)?;
        self.ranges.take(state, outcome, &name);
        if self.blocks.is_multiple_of(self.stride) {
            let sample = self.sample(state)?;
            self.samples.extend(sample);
            if self.samples.len() >= 2 * SAMPLES {
                self.stride *= 2;
                let stride = self.stride;
                self.samples.retain(|sample| sample.height.is_multiple_of(stride));
            }
        }
        Ok(commands)
    }

    /// Returns how many blocks have been taken in.
    pub const fn blocks(&self) -> u64 {
        self.blocks
    }

    /// Returns how many commands they had.
    pub const fn commands(&self) -> u64 {
        self.commands
    }

    fn note_markets(&mut self, state: &State) {
        for (id, market) in &state.markets {
            if !self.listed.contains_key(id) {
                self.names.insert(*id, name_of(state, &market.instrument));
                self.listed.insert(*id, market.instrument);
            }
        }
    }

    /// Returns the name of a contract.
    pub(super) fn name(&self, id: InstrumentId) -> String {
        name(&self.names, id)
    }

    fn receipts(&mut self, receipts: &[Receipt]) {
        let mut refuse = |refusal: &Refusal| {
            let entry = self.refusals.entry(refusal.code());
            entry.or_insert_with(|| (plain(refusal), 0)).1 += 1;
            self.refused += 1;
        };
        for receipt in receipts {
            match receipt {
                Receipt::Refused(refusal) => refuse(refusal),
                Receipt::Quotes(answers) => {
                    answers.iter().filter_map(|answer| answer.as_ref().err()).for_each(&mut refuse);
                }
                Receipt::Done | Receipt::Order(_) | Receipt::Proposal(_) => {}
            }
        }
    }

    fn events(&mut self, now: BlockTime, events: &[Event]) -> Result<(), RunReportError> {
        let (mut liquidated, mut called) = (0u64, 0u64);
        for event in events {
            match event {
                Event::Filled { .. } => self.fills += 1,
                Event::Liquidated { .. } => liquidated += 1,
                Event::MarginCalled { .. } => called += 1,
                Event::Halted { instrument, fault } => {
                    let (market, reason) = (self.name(*instrument), fault.clone());
                    self.halts.push(HaltRow { market, reason, since: now, until: None });
                }
                Event::Expired { instrument, price, open_interest, .. } => {
                    self.expiry(*instrument, now, *price, *open_interest)?;
                }
                _ => {}
            }
        }
        self.steps += liquidated;
        self.calls += called;
        if liquidated > 0 {
            self.liquidated.push(now, liquidated);
        }
        if called > 0 {
            self.called.push(now, called);
        }
        Ok(())
    }

    fn expiry(
        &mut self,
        id: InstrumentId,
        now: BlockTime,
        settlement: Price,
        lots: units::Lots,
    ) -> Result<(), RunReportError> {
        let Some(instrument) = self.listed.get(&id) else { return Ok(()) };
        let size = instrument.contract_size;
        let per_unit = clearing::payoff(&instrument.contract, settlement)?;
        // A future has paid day by day what an option pays at its end.
        let paid = match instrument.contract {
            Contract::Option { .. } => Some(lots.value(per_unit, size, Round::Down)?),
            Contract::Future { .. } | Contract::Perpetual => None,
        };
        let (instrument, units) = (self.name(id), super::trouble::units_of(lots, size));
        let row = ExpiryRow { instrument, expired_at: now, settlement, lots, units, paid };
        self.expiries.push(row);
        Ok(())
    }

    fn modes(&mut self, state: &State, now: BlockTime) {
        for (id, watched) in &mut self.underlyings {
            let mode = state.mode(*id);
            if mode == watched.mode {
                continue;
            }
            if let Some(since) = watched.restricted_since.take() {
                let text = format!("{} {}", watched.name, mode_name(watched.mode));
                self.intervals.push(Interval::new(since, now, text));
            }
            if mode >= Mode::ReduceOnly {
                watched.restricted_since = Some(now);
            }
            watched.mode = mode;
        }
    }

    /// Returns the restrictions that stand: since when, and in words.
    pub(super) fn restricted(&self) -> impl Iterator<Item = (BlockTime, String)> + '_ {
        self.underlyings.values().filter_map(|watched| {
            let text = format!("{} {}", watched.name, mode_name(watched.mode));
            watched.restricted_since.map(|since| (since, text))
        })
    }

    fn prices(&mut self, state: &State, block: &Block) {
        let now = block.time;
        for (id, watched) in &mut self.underlyings {
            let seen = block.votes.first().map_or(&[][..], |vote| &vote.prices);
            for report in seen.iter().filter(|report| report.underlying == *id) {
                if let Some(series) = watched.venues.get_mut(&report.source.get()) {
                    series.push(now, report.price);
                }
            }
            watched.index.push_optional(now, state.index(*id));
            let mut markets =
                state.markets.values().filter(|held| held.instrument.underlying == *id);
            let perpetual = markets.find(|held| held.instrument.contract == Contract::Perpetual);
            watched.mark.push_optional(now, perpetual.and_then(|held| held.mark));
        }
    }

    /// Takes the sums over all accounts; nothing while there are no matrices.
    fn sample(&self, state: &State) -> Result<Option<Sample>, RunReportError> {
        let Ok(risk) = state.risk() else { return Ok(None) };
        let zero = Notional::ZERO;
        let (mut equity, mut initial, mut maintenance) = (zero, zero, zero);
        let mut greeks = [0i128; 4];
        let mut results = vec![0; self.scenario.groups.len() + 1];
        for (index, account) in state.accounts.iter() {
            let row =
                usize::try_from(index.get()).ok().and_then(|at| self.books.accounts().get(at));
            let cash = row.map_or(0, books::Row::result);
            let group = self.scenario.group(&account.id.owner);
            let at = group.and_then(|group| self.scenario.groups.iter().position(|g| g == group));
            if let Some(sum) = results.get_mut(at.unwrap_or(self.scenario.groups.len())) {
                *sum += cash + books::open_gains(state, index)?;
            }
            if group.is_some_and(|group| group.offers) {
                add_greeks(&mut greeks, state, &risk, index)?;
                continue;
            }
            let requirement = state.required(&risk, index, false)?;
            equity = equity.plus(requirement.equity)?;
            initial = initial.plus(requirement.initial)?;
            maintenance = maintenance.plus(requirement.maintenance)?;
        }
        let mut open_interest = BTreeMap::new();
        let mut vols = BTreeMap::new();
        for id in state.underlyings.keys() {
            let markets =
                || state.markets.values().filter(|held| held.instrument.underlying == *id);
            if markets().next().is_none() {
                continue;
            }
            let index = state.index(*id);
            let mut sum = zero;
            for held in markets().filter(|held| held.mark.is_some()) {
                let (lots, size) = (held.aggregate.open_interest, held.instrument.contract_size);
                if let Some(index) = index {
                    sum = sum.plus(lots.value(index, size, Round::Down)?)?;
                }
            }
            open_interest.insert(*id, sum);
            let near = index.unwrap_or(Price::ZERO);
            let nearest = markets().filter_map(|held| match held.instrument.contract {
                Contract::Option { strike, expires_at, .. } => {
                    Some((strike.minus(near).ok()?.magnitude().ok()?, expires_at, held.vol?))
                }
                _ => None,
            });
            let vol =
                nearest.min_by_key(|(distance, at, _)| (*distance, *at)).map(|(_, _, vol)| vol);
            vols.insert(*id, vol);
        }
        Ok(Some(Sample {
            height: self.blocks,
            time: state.time,
            equity,
            initial,
            maintenance,
            greeks,
            funds: funds(state)?,
            open_interest,
            vols,
            results,
        }))
    }

    /// Returns the samples, that of the last block always among them.
    pub(super) fn samples(&self, state: &State) -> Result<Vec<Sample>, RunReportError> {
        let mut samples = self.samples.clone();
        if samples.last().is_none_or(|last| last.height != self.blocks) {
            samples.extend(self.sample(state)?);
        }
        Ok(samples)
    }

    /// Returns the numbers of the report after the last block taken in.
    pub(super) fn summary(
        &self,
        state: &State,
        root: &str,
    ) -> Result<report::Summary, RunReportError> {
        let halted = self
            .halts
            .iter()
            .map(|halt| HaltedMarket { market: halt.market.clone(), reason: halt.reason.clone() });
        let debts: i128 = self.books.accounts().iter().map(|row| row.of(Column::Debts)).sum();
        Ok(report::Summary {
            blocks: self.blocks,
            commands: self.commands,
            fills: self.fills,
            liquidations: self.steps,
            refusals: self.refused,
            halted_markets: halted.collect(),
            insurance_fund: funds(state)?,
            conservation_ok: self.conserved && state.check().is_ok() && state.house_fault.is_none(),
            margin_calls: self.calls,
            debts_paid: Notional::from_micros(debts),
            state_root: root.to_string(),
            data: self.scenario.data.name.clone(),
            holders: super::winners::holders(self, state)?,
        })
    }
}

/// Returns the dollars in all insurance funds.
fn funds(state: &State) -> Result<Notional, RunReportError> {
    let funds = state.underlyings.keys().map(|id| state.insurance_fund(*id).micros());
    Ok(Notional::from_micros(funds.sum()))
}

fn add_greeks(
    book: &mut [i128; 4],
    state: &State,
    risk: &Risk,
    index: protocol::AccountIndex,
) -> Result<(), RunReportError> {
    for bucket in state.greeks(risk, index)?.by_underlying()? {
        let price = state.index(bucket.underlying).unwrap_or(Price::ZERO);
        let delta = bucket.delta.value(price, Round::Down)?;
        for (sum, value) in book.iter_mut().zip([delta, bucket.gamma, bucket.vega, bucket.theta]) {
            *sum += value.micros();
        }
    }
    Ok(())
}

/// Returns the reason of a refusal without its numbers.
fn plain(refusal: &Refusal) -> String {
    let text = refusal.to_string();
    let cut = [" by ", " 0", " -"].iter().filter_map(|mark| text.find(mark)).min();
    let numbered = text.find(|c: char| c.is_ascii_digit());
    match (cut, numbered) {
        (Some(cut), Some(_)) => text[..cut].to_string(),
        _ => text,
    }
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Normal => "normal",
        Mode::Caution => "caution",
        Mode::ReduceOnly => "reduce only",
        Mode::Frozen => "frozen",
    }
}

fn name(names: &BTreeMap<InstrumentId, String>, id: InstrumentId) -> String {
    names.get(&id).cloned().unwrap_or_else(|| format!("instrument {id}"))
}

/// Returns the name of a contract in reports, such as `BTC put 7000 27 Mar 2020`.
fn name_of(state: &State, instrument: &Instrument) -> String {
    let underlying =
        state.underlyings.get(&instrument.underlying).map_or("?", |held| held.name.as_str());
    let day = |at: BlockTime| format::time(at);
    match instrument.contract {
        Contract::Perpetual => format!("{underlying} perpetual"),
        Contract::Future { expires_at } => format!("{underlying} future {}", day(expires_at)),
        Contract::Option { expires_at, strike, right } => {
            let right = if right == Right::Call { "call" } else { "put" };
            format!("{underlying} {right} {strike} {}", day(expires_at))
        }
    }
}
