//! The main job: a clearing house in one process takes a market through a crash and reports.

pub(crate) mod crowd;
pub(crate) mod flow;
pub(crate) mod listing;
mod quotes;
mod random;
pub(crate) mod tape;

use crate::cli::DemoArgs;
use crate::progress::{Progress, Unit};
use anyhow::{Context, Result, bail};
use crowd::{Crowd, ROLES, Role, attested};
use flow::Flow;
use house::House;
use listing::{Listing, VALIDATORS};
use machine::State;
use market::Dataset;
use market::chain::Chain;
use protocol::{
    BasisReport, Block, Change, Contract, PriceReport, UnderlyingId, ValidatorId, VolReport, Vote,
};
use report::{DataKind, DataLabel, DataSource};
use run_report::{Observer, Scenario, scenario};
use std::io::Write as _;
use std::time::{Duration, Instant};
use store::{Durability, LogOptions, StoreOptions};
use tape::{Tape, Tick};
use units::{BlockHeight, Price, Vol};

/// The underlyings that the demo has contracts on.
pub(crate) const BTC: UnderlyingId = UnderlyingId::new(1);
/// See [`BTC`].
pub(crate) const ETH: UnderlyingId = UnderlyingId::new(2);
/// The stable coin that the house holds its dollars in.
pub(crate) const COIN: UnderlyingId = UnderlyingId::STABLE_COIN;
/// Blocks between two reports of implied vols and bases.
const VOL_BLOCKS: i128 = 5;
/// Blocks between two snapshots.
const SNAPSHOT_BLOCKS: u64 = 500;
/// Block in which a drill breaks the books of one market.
const DRILL_BLOCK: i128 = 600;
/// Block from which one validator reports twice every price, for an hour.
const LIES_FROM: i128 = 700;

/// Everything that a run needs beside the house.
pub(crate) struct Stage {
    pub(crate) tape: Tape,
    pub(crate) listing: Listing,
    pub(crate) flow: Flow,
    label: DataLabel,
    title: String,
}

impl Stage {
    /// Returns what is played, as reports are told.
    fn scenario(&self) -> Scenario {
        let note = |block: i128, text: &str| scenario::Note {
            block: u64::try_from(block).unwrap_or(u64::MAX),
            text: format!(
                "{} {block} {text}",
                if block == DRILL_BLOCK { "In block" } else { "For one hour from block" }
            ),
        };
        let group = |role: Role| scenario::Group {
            first_byte: crowd::address(role, 0).bytes().first().copied().unwrap_or(0),
            name: role.name().into(),
            offers: matches!(role, Role::MarketMaker | Role::Flow),
        };
        let venues = self.tape.venues.iter().map(|(id, names)| (id.get(), names.clone()));
        let events = self.tape.events.iter();
        Scenario {
            title: self.title.clone(),
            data: self.label.clone(),
            venues: venues.collect(),
            events: events.map(|(time, text)| report::Event::new(*time, text.clone())).collect(),
            notes: vec![
                note(
                    DRILL_BLOCK,
                    "a drill breaks the books of one ETH future on purpose: it halts alone, the other markets trade on in the same block.",
                ),
                note(
                    LIES_FROM,
                    "one of four validators reports twice every price; the index does not follow.",
                ),
            ],
            groups: ROLES.iter().map(|(role, _)| group(*role)).chain([group(Role::Flow)]).collect(),
        }
    }

    /// Lets a block be a minute from the beginning: of the seconds of the recorded flow, the first of each minute stays.
    pub(crate) fn by_minutes(mut self) -> Self {
        let mut ticks = std::mem::take(&mut self.tape.ticks);
        let is_second =
            |(one, next): &(&Tick, &Tick)| next.time.millis() - one.time.millis() < tape::MINUTE;
        let seconds = ticks.iter().zip(ticks.iter().skip(1)).take_while(is_second).count();
        let rest = ticks.split_off(seconds);
        self.tape.ticks = ticks.into_iter().step_by(60).chain(rest).collect();
        self
    }
}

/// Runs the demo to its report.
pub(crate) fn run(args: &DemoArgs) -> Result<()> {
    let stage = match &args.data {
        Some(dir) => recorded(&Dataset::open(dir)?, args.seed)?,
        None => embedded()?,
    };
    let scenario = stage.scenario();
    let (file, chain) = scenario.file()?;
    let genesis =
        listing::genesis(&stage.listing, &stage.tape, &chain, &listing::seats(VALIDATORS))?;
    let options = StoreOptions {
        log: LogOptions { durability: Durability::OnDemand, ..LogOptions::default() },
        ..StoreOptions::default()
    };
    let mut house = House::found(&args.out, &genesis, options)?;
    let path = args.out.join(scenario::FILE);
    durable::put(&path, &file).with_context(|| format!("cannot write {}", path.display()))?;
    let mut observer = Observer::found(house.machine().state(), scenario);
    let applying = play(args, stage.tape.ticks.len(), &stage, &mut house, &mut observer)?;
    house.snapshot()?;
    house.sync()?;
    let root = house.root().to_string();
    let report = run_report::make(&observer, house.machine().state(), &root)?;
    report.write(&args.out)?;
    let mut out = std::io::stdout().lock();
    if !args.quiet {
        writeln!(out, "{}", report::text::page(&report))?;
        writeln!(out, "report {}", args.out.join("report.html").display())?;
    }
    let seconds = applying.as_secs_f64().max(1e-3);
    let (blocks, commands) = (observer.blocks(), observer.commands());
    let rate = u32::try_from(commands).map_or(f64::MAX, f64::from) / seconds;
    writeln!(
        out,
        "played {blocks} blocks, {seconds:.1} s of them in machine and store: {rate:.0} commands a second"
    )?;
    writeln!(out, "state root {root}")?;
    Ok(())
}

/// Plays the tape block by block; returns the time spent in the machine and its store.
fn play(
    args: &DemoArgs,
    length: usize,
    stage: &Stage,
    house: &mut House,
    observer: &mut Observer,
) -> Result<Duration> {
    let mut crowd = Crowd::new(args.seed);
    let mut flow_at = stage.flow.seconds_left();
    let mut flow = stage.flow.clone();
    let first = stage.tape.first_price(BTC).context("the scenario has no BTC price")?;
    let blocks =
        args.blocks.map_or(length, |blocks| usize::try_from(blocks).unwrap_or(length).min(length));
    let bar = Progress::new("playing", blocks as u64, Unit::Blocks, args.quiet);
    let mut applying = Duration::ZERO;
    for (number, tick) in (1i128..).zip(stage.tape.ticks.iter().take(blocks)) {
        let state = house.machine().state();
        let mut transactions = Vec::new();
        if number == 1 {
            let arrived = flow.deposits().into_iter().chain(crowd.deposits());
            transactions.extend(attested((1..).zip(arrived)));
        } else {
            transactions.extend(flow.act(state, number - 1..number));
            if flow_at > 0 && number > flow_at {
                transactions.extend(flow.close());
                flow_at = 0;
            }
            transactions.extend(crowd.act(state, number, tick.time));
            transactions.extend(crowd.govern(state, first, drill(state, number)));
        }
        let block = Block {
            height: BlockHeight::from_blocks(number),
            time: tick.time,
            votes: votes(state, &stage.listing, tick, number, VALIDATORS),
            offences: Vec::new(),
            transactions,
            grants: Vec::new(),
        };
        let start = Instant::now();
        let outcome = house.apply(&block)?.outcome;
        let spent = start.elapsed();
        applying += spent;
        observer.block(house.machine().state(), &block, &outcome)?;
        if u64::try_from(number).is_ok_and(|number| number.is_multiple_of(SNAPSHOT_BLOCKS)) {
            house.snapshot()?;
        }
        bar.at(u64::try_from(number)?);
    }
    drop(bar);
    if blocks == 0 {
        bail!("nothing to play: the scenario has no minutes");
    }
    Ok(applying)
}

/// Returns the drill that breaks the books of one dated future, to show that it halts alone: approved in the
/// next block, made in the one after that.
pub(crate) fn drill(state: &State, number: i128) -> Option<Change> {
    if number != DRILL_BLOCK - 2 {
        return None;
    }
    let future = |market: &&machine::Market| {
        market.instrument.underlying == ETH
            && matches!(market.instrument.contract, Contract::Future { .. })
    };
    let instrument = state.markets.values().rev().find(future)?.instrument.id;
    Some(Change::DrillInstrument(instrument))
}

/// Returns what the validators report: all what they see, but the last twice the price for one hour.
pub(crate) fn votes(
    state: &State,
    listing: &Listing,
    tick: &Tick,
    number: i128,
    validators: u16,
) -> Vec<Vote> {
    let lies = (LIES_FROM..LIES_FROM + 60).contains(&number);
    let vote = |validator: u16| {
        let double = lies && validator == validators && validators > 3;
        let mut prices: Vec<PriceReport> = tick
            .prices
            .iter()
            .map(|(underlying, source, price)| {
                let price = if double { Price::from_micros(price.micros() * 2) } else { *price };
                let confidence = Price::from_micros(price.micros() / 10_000);
                PriceReport { underlying: *underlying, source: *source, price, confidence }
            })
            .collect();
        prices.sort_by_key(|seen| (seen.underlying, seen.source));
        let (mut vols, mut bases) = (Vec::new(), Vec::new());
        if number % VOL_BLOCKS == 1 {
            for (instrument, start) in &listing.vols {
                if state.markets.contains_key(instrument) {
                    let points = (start.points() * tick.vol_level / 1_000_000).clamp(500, 50_000);
                    vols.push(VolReport { instrument: *instrument, vol: Vol::from_points(points) });
                }
            }
            for ((underlying, expires_at), basis) in &listing.bases {
                bases.push(BasisReport {
                    underlying: *underlying,
                    expires_at: *expires_at,
                    basis: *basis,
                });
            }
        }
        Vote { validator: ValidatorId::new(validator), prices, vols, bases }
    };
    (1..=validators).map(vote).collect()
}

/// The scenario in the program: published figures of 12 and 13 March 2020, the rest computed.
pub(crate) fn embedded() -> Result<Stage> {
    let scenario = market::embedded::march_2020();
    let tape = tape::of_scenario(&scenario)?.with_coin();
    let from = tape.ticks.first().context("the scenario has no prices")?.time;
    let vol = scenario.volatility.first().map_or(Vol::from_points(7_000), |point| point.vol);
    let mut spots = Vec::new();
    for id in [BTC, ETH] {
        spots.push((id, tape.first_price(id).context("an underlying has no price")?));
    }
    let listing = listing::of_prices(&spots, from, vol)?;
    let label = DataLabel {
        kind: DataKind::Interpolated,
        name: scenario.title.clone(),
        sources: scenario.attributions.iter().map(source).chain([coin_source()]).collect(),
        caveats: scenario.caveats.iter().cloned().chain([COIN_CAVEAT.into()]).collect(),
    };
    Ok(Stage { tape, listing, flow: Flow::default(), label, title: scenario.title })
}

/// Recorded data: order flow, two days of returns, venues, and real option chains.
pub(crate) fn recorded(dataset: &Dataset, seed: u64) -> Result<Stage> {
    let chains = dataset.chains()?;
    let chain = |underlying| -> Result<&Chain> {
        let same_day = |held: &&Chain| {
            held.underlying == underlying
                && units::utc_text(held.taken_at).starts_with("2026-05-21")
        };
        chains.iter().rfind(same_day).context("the data has no option chain of 21 May 2026")
    };
    let chains = [(BTC, chain(market::Underlying::Btc)?), (ETH, chain(market::Underlying::Eth)?)];
    let mut tape = tape::of_recorded_days(dataset, &chains, seed)?;
    let from = tape.ticks.first().context("the recorded days have no prices")?.time;
    let listing = listing::of_chains(&chains, from)?;
    let flow = flow::prepend(dataset, &mut tape)?;
    let tape = tape.with_coin();
    let sources = [
        ("order flow and venue prices of 8 August 2024, Binance", "nkaz001/hftbacktest", "MIT"),
        ("option chains of 21 May 2026, Deribit", "quantmind/quantflow", "BSD-3-Clause"),
        ("minute bars of 4 September 2017 and 13 December 2022", "QuantConnect/Lean", "Apache-2.0"),
        (
            "book minutes of 17 and 18 April 2021, Coinbase",
            "TradeMaster-NTU/TradeMaster",
            "Apache-2.0",
        ),
    ];
    let source = |(what, origin, licence): (&str, &str, &str)| DataSource {
        what: what.into(),
        origin: origin.into(),
        licence: licence.into(),
    };
    let title = "Recorded order flow, chains and crashes".to_string();
    let label = DataLabel {
        kind: DataKind::Recorded,
        name: title.clone(),
        sources: sources.into_iter().map(source).chain([coin_source()]).collect(),
        caveats: vec![
            "The parts were recorded on different days: levels are those of the option chains, returns and order flow are scaled to them.".into(),
            "On 17 and 18 April 2021 only BTC was recorded; ETH follows it one for one, by assumption.".into(),
            "Venues deviate from the median as six markets did on 13 December 2022.".into(),
            "Implied vols start at the quoted ones and rise with the fall from the peak, by assumption.".into(),
            COIN_CAVEAT.into(),
        ],
    };
    Ok(Stage { tape, listing, flow, label, title })
}

/// What is not true of the stable coin's prices.
const COIN_CAVEAT: &str = "The stable coin's venues are invented: it is worth a dollar, but four hours before the end it falls for half an hour \
     to its low of 11 March 2023, and is back an hour later.";

fn coin_source() -> DataSource {
    DataSource {
        what: "low of the stable coin USDC, 0.8774 dollars".into(),
        origin: "CoinMarketCap, 11 March 2023".into(),
        licence: "single figures, quoted".into(),
    }
}

fn source(attribution: &market::path::Attribution) -> DataSource {
    DataSource {
        what: attribution.what.clone(),
        origin: attribution.origin.clone(),
        licence: attribution.licence.clone(),
    }
}
