//! The demo's world: what a market looks like from outside, and everybody who trades in it.
//!
//! A [`Stage`] is a [`Tape`] of prices, minute by minute, the contracts that are [listed](Listing), and a recorded order flow,
//! if there is one. The [`Crowd`](crowd::Crowd) acts on what it sees of a house; [`votes`] are what validators report of it.
//!
//! **Invariant:** everything is a function of the seed, the data and the machine's state, in integers: two runs of one seed
//! send the same commands on any machine.
//!
//! Left out: houses. Who plays makes blocks of what comes from here, alone or with other validators.
//!
//! # Example
//!
//! ```
//! let stage = world::embedded()?;
//! let seats = world::listing::seats(world::listing::VALIDATORS);
//! let genesis = world::listing::genesis(&stage.listing, &stage.tape, "example", &seats)?;
//! let (machine, _) = machine::Machine::found(&genesis)?;
//! let tick = stage.tape.ticks.first().ok_or("the tape has ticks")?;
//! let votes = world::votes(machine.state(), &stage.listing, tick, 1, world::listing::VALIDATORS);
//! assert_eq!(votes.len(), usize::from(world::listing::VALIDATORS));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod crowd;
mod error;
pub mod flow;
pub mod listing;
mod quotes;
mod random;
pub mod tape;

pub use error::WorldError;

use crowd::{ROLES, Role};
use flow::Flow;
use listing::Listing;
use machine::State;
use market::Dataset;
use market::chain::Chain;
use protocol::{
    BasisReport, Change, Contract, PriceReport, UnderlyingId, ValidatorId, VolReport, Vote,
};
use report::{DataKind, DataLabel, DataSource};
use run_report::{Scenario, scenario};
use tape::{Tape, Tick};
use units::{Price, Vol};

/// The underlyings that the demo has contracts on.
pub const BTC: UnderlyingId = UnderlyingId::new(1);
/// See [`BTC`].
pub const ETH: UnderlyingId = UnderlyingId::new(2);
/// The stable coin that the house holds its dollars in.
pub const COIN: UnderlyingId = UnderlyingId::STABLE_COIN;
/// Blocks between two reports of implied vols and bases.
const VOL_BLOCKS: i128 = 5;
/// Block in which a drill breaks the books of one market.
const DRILL_BLOCK: i128 = 600;
/// Block from which one validator reports twice every price, for an hour.
const LIES_FROM: i128 = 700;

/// Everything that a run needs beside the house.
#[derive(Debug)]
pub struct Stage {
    /// What happens outside.
    pub tape: Tape,
    /// What can be traded.
    pub listing: Listing,
    /// Recorded orders; empty where none were recorded.
    pub flow: Flow,
    label: DataLabel,
    title: String,
}

impl Stage {
    /// Returns what is played, as reports are told.
    #[must_use]
    pub fn scenario(&self) -> Scenario {
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
    #[must_use]
    pub fn by_minutes(mut self) -> Self {
        let mut ticks = std::mem::take(&mut self.tape.ticks);
        let is_second =
            |(one, next): &(&Tick, &Tick)| next.time.millis() - one.time.millis() < tape::MINUTE;
        let seconds = ticks.iter().zip(ticks.iter().skip(1)).take_while(is_second).count();
        let rest = ticks.split_off(seconds);
        self.tape.ticks = ticks.into_iter().step_by(60).chain(rest).collect();
        self
    }
}

/// Returns the drill that breaks the books of one dated future, to show that it halts alone: approved in the
/// next block, made in the one after that.
pub fn drill(state: &State, number: i128) -> Option<Change> {
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
pub fn votes(
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

/// Returns the scenario in the program: published figures of 12 and 13 March 2020, the rest computed.
///
/// # Errors
///
/// [`WorldError::Absent`] if the scenario lacks what the demo plays.
pub fn embedded() -> Result<Stage, WorldError> {
    let scenario = market::embedded::march_2020();
    let tape = tape::of_scenario(&scenario)?.with_coin();
    let from = tape.ticks.first().ok_or(WorldError::Absent("the scenario has no prices"))?.time;
    let vol = scenario.volatility.first().map_or(Vol::from_points(7_000), |point| point.vol);
    let mut spots = Vec::new();
    for id in [BTC, ETH] {
        spots.push((
            id,
            tape.first_price(id).ok_or(WorldError::Absent("an underlying has no price"))?,
        ));
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

/// Returns what was recorded: order flow, two days of returns, venues, and real option chains.
///
/// # Errors
///
/// [`WorldError::Market`] if the data cannot be read, [`WorldError::Absent`] if it is not the data that the demo plays.
pub fn recorded(dataset: &Dataset, seed: u64) -> Result<Stage, WorldError> {
    let chains = dataset.chains()?;
    let chain = |underlying| -> Result<&Chain, WorldError> {
        let same_day = |held: &&Chain| {
            held.underlying == underlying
                && units::utc_text(held.taken_at).starts_with("2026-05-21")
        };
        chains
            .iter()
            .rfind(same_day)
            .ok_or(WorldError::Absent("the data has no option chain of 21 May 2026"))
    };
    let chains = [(BTC, chain(market::Underlying::Btc)?), (ETH, chain(market::Underlying::Eth)?)];
    let mut tape = tape::of_recorded_days(dataset, &chains, seed)?;
    let from =
        tape.ticks.first().ok_or(WorldError::Absent("the recorded days have no prices"))?.time;
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
