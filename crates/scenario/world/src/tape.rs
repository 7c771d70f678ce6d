//! What happens outside: for each block a time and the price of each underlying at each venue.

use crate::WorldError;
use crate::random::Random;
use crate::{BTC, COIN, ETH};
use market::chain::Chain;
use market::path::{Provenance, RecordedDay};
use market::{Dataset, Scenario, Underlying};
use protocol::{SourceId, UnderlyingId};
use units::{BlockTime, Price};

/// Milliseconds between two blocks.
pub const MINUTE: i128 = 60_000;
/// Venues that a path of one venue is spread over.
const SPREAD_SOURCES: u16 = 5;

/// Venues of the stable coin.
const COIN_SOURCES: u16 = 4;
/// A dollar, in micro-dollars.
const PAR: i128 = 1_000_000;
/// What the coin falls to: the low of USDC on 11 March 2023.
const COIN_LOW: i128 = 877_400;
/// How long before the end the coin begins to fall, how long it falls, and how long it rises again, in milliseconds.
const COIN_FALLS: [i128; 3] = [240 * MINUTE, 30 * MINUTE, 60 * MINUTE];

/// The outside world at one block.
#[derive(Debug, Clone)]
pub struct Tick {
    /// The block's time.
    pub time: BlockTime,
    /// Prices by underlying and venue; a venue that is silent is absent.
    pub prices: Vec<(UnderlyingId, SourceId, Price)>,
    /// Level of implied vols, as a multiple of the start in parts per million.
    pub vol_level: i128,
}

/// Everything that happens outside.
#[derive(Debug, Default)]
pub struct Tape {
    /// Ascending by time.
    pub ticks: Vec<Tick>,
    /// Venue names by underlying, in the order of their numbers.
    pub venues: Vec<(UnderlyingId, Vec<String>)>,
    /// What to mark on the time axis.
    pub events: Vec<(BlockTime, String)>,
}

impl Tape {
    /// Returns the number of venues of an underlying.
    pub fn sources(&self, id: UnderlyingId) -> u16 {
        let venues = self.venues.iter().find(|(underlying, _)| *underlying == id);
        venues.map_or(0, |(_, names)| u16::try_from(names.len()).unwrap_or(u16::MAX))
    }

    /// Returns the first price of an underlying.
    pub fn first_price(&self, id: UnderlyingId) -> Option<Price> {
        let mut prices = self.ticks.iter().flat_map(|tick| tick.prices.iter());
        prices.find(|(underlying, _, _)| *underlying == id).map(|(_, _, price)| *price)
    }
}

impl Tape {
    /// Adds the stable coin that the house holds its dollars in: worth a dollar, but for an hour and a half near the end.
    pub(crate) fn with_coin(mut self) -> Self {
        let end = self.ticks.last().map_or(0, |tick| tick.time.millis());
        let [before, falls, rises] = COIN_FALLS;
        let begins = end - before;
        for tick in &mut self.ticks {
            let price = match tick.time.millis() - begins {
                into @ 0.. if into < falls => PAR - (PAR - COIN_LOW) * into / falls,
                into @ 0.. if into < falls + rises => {
                    COIN_LOW + (PAR - COIN_LOW) * (into - falls) / rises
                }
                _ => PAR,
            };
            tick.prices.extend((1..=COIN_SOURCES).map(|number| {
                // A hundredth of a cent from one venue to the next.
                let price = price + 100 * (i128::from(number) - 2);
                (COIN, SourceId::new(number), Price::from_micros(price))
            }));
        }
        let names = (1..=COIN_SOURCES).map(|number| format!("coin venue {number}"));
        self.venues.push((COIN, names.collect()));
        let text = "stable coin begins to fall to 87.74 cents (invented)".to_string();
        if self.ticks.first().is_some_and(|tick| tick.time.millis() <= begins) {
            self.events.push((BlockTime::from_millis(begins), text));
        }
        self
    }
}

/// Returns the tape of a scenario as it stands: its venues, its minutes, its vols.
pub(crate) fn of_scenario(scenario: &Scenario) -> Result<Tape, WorldError> {
    let mut tape = Tape::default();
    let (from, to) = scenario.span().ok_or(WorldError::Absent("the scenario has no prices"))?;
    let level = |time: BlockTime| -> i128 {
        let first = scenario.volatility.first().map_or(1, |point| point.vol.points().max(1));
        let now = scenario.volatility.iter().take_while(|point| point.time <= time).last();
        now.map_or(1_000_000, |point| point.vol.points() * 1_000_000 / first)
    };
    let pairs = [(BTC, Underlying::Btc), (ETH, Underlying::Eth)];
    for (id, underlying) in pairs {
        let path = scenario
            .path(underlying)
            .ok_or(WorldError::Absent("the scenario lacks an underlying"))?;
        let names = path.venues.iter().map(|venue| format!("{} {}", venue.exchange, venue.symbol));
        tape.venues.push((id, names.collect()));
    }
    let mut time = from;
    while time <= to {
        let mut prices = Vec::new();
        for (id, underlying) in pairs {
            let path = scenario
                .path(underlying)
                .ok_or(WorldError::Absent("the scenario lacks an underlying"))?;
            let at = path.minutes.binary_search_by_key(&time, |minute| minute.time);
            let minute = at.ok().and_then(|at| path.minutes.get(at));
            for (number, price) in (1u16..).zip(minute.map_or(&[][..], |minute| &minute.prices)) {
                prices.extend(price.map(|price| (id, SourceId::new(number), price)));
            }
        }
        tape.ticks.push(Tick { time, prices, vol_level: level(time) });
        time = BlockTime::from_millis(time.millis() + MINUTE);
    }
    for event in &scenario.events {
        let mark = match event.provenance {
            Provenance::Recorded | Provenance::Published => "",
            Provenance::PublishedLevel => " (time assumed)",
            Provenance::Assumed => " (assumed)",
            Provenance::Interpolated => " (computed)",
        };
        tape.events.push((event.time, format!("{}{mark}", event.text)));
    }
    Ok(tape)
}

/// A recorded price path as ratios to its first price, in parts per billion, minute by minute; gaps filled forward.
fn ratios(scenario: &Scenario, underlying: Underlying) -> Result<Vec<i128>, WorldError> {
    let path = scenario
        .path(underlying)
        .ok_or(WorldError::Absent("the recorded day lacks an underlying"))?;
    let first = path.minutes.iter().find_map(|minute| Some((minute.time, minute.median()?)));
    let (start, first) = first.ok_or(WorldError::Absent("the recorded day has no prices"))?;
    let last = path.minutes.last().map_or(start, |minute| minute.time);
    let (mut ratios, mut ratio, mut at) = (Vec::new(), 1_000_000_000, 0usize);
    let mut time = start;
    while time <= last {
        while let Some(minute) = path.minutes.get(at).filter(|minute| minute.time <= time) {
            if let Some(median) = minute.median() {
                ratio = median.micros() * 1_000_000_000 / first.micros().max(1);
            }
            at += 1;
        }
        ratios.push(ratio);
        time = BlockTime::from_millis(time.millis() + MINUTE);
    }
    Ok(ratios)
}

/// Deviations of each venue from the median, minute by minute, in parts per billion, recorded on 13 December 2022.
fn deviations(scenario: &Scenario) -> Result<Vec<Vec<i128>>, WorldError> {
    let path =
        scenario.path(Underlying::Btc).ok_or(WorldError::Absent("the recorded day lacks BTC"))?;
    let deviation = |price: Option<Price>, median: Price| {
        price.map_or(0, |price| {
            (price.micros() - median.micros()) * 1_000_000_000 / median.micros().max(1)
        })
    };
    let rows = path.minutes.iter().filter_map(|minute| {
        let median = minute.median()?;
        Some(minute.prices.iter().map(|price| deviation(*price, median)).collect())
    });
    let rows: Vec<Vec<i128>> = rows.collect();
    if rows.is_empty() {
        return Err(WorldError::Absent("the recorded day of several venues has no prices"));
    }
    Ok(rows)
}

/// Returns the tape of recorded days, one after the other, as returns on the spot prices of real chains.
///
/// The levels are those of the chains; the returns are those of 4 September 2017 (BTC and ETH) and of 17 and 18 April
/// 2021 (BTC; ETH follows it one for one); venues deviate from the median as six of them did on 13 December 2022.
pub(crate) fn of_recorded_days(
    dataset: &Dataset,
    chains: &[(UnderlyingId, &Chain)],
    seed: u64,
) -> Result<Tape, WorldError> {
    let crash = dataset.scenario(RecordedDay::Crash2017)?;
    let flash = dataset.scenario(RecordedDay::FlashCrash2021)?;
    let spread = deviations(&dataset.scenario(RecordedDay::Inflation2022)?)?;
    let mut random = Random::new(seed, 0x7A9E);
    let start = chains
        .iter()
        .map(|(_, chain)| chain.taken_at)
        .max()
        .ok_or(WorldError::Absent("no chains"))?;
    let start = (start.millis().div_euclid(MINUTE) + 1) * MINUTE;
    let acts = [
        (
            "returns of 4 September 2017",
            ratios(&crash, Underlying::Btc)?,
            ratios(&crash, Underlying::Eth)?,
        ),
        (
            "returns of 17 and 18 April 2021",
            ratios(&flash, Underlying::Btc)?,
            ratios(&flash, Underlying::Btc)?,
        ),
    ];
    let names = (1..=SPREAD_SOURCES).map(|number| format!("venue {number}")).collect::<Vec<_>>();
    let mut tape = Tape { venues: vec![(BTC, names.clone()), (ETH, names)], ..Tape::default() };
    let mut levels: Vec<(UnderlyingId, i128)> =
        chains.iter().map(|(id, chain)| (*id, chain.spot.mid().micros())).collect();
    let mut time = start;
    let mut peak = 0i128;
    for (title, btc, eth) in acts {
        tape.events.push((BlockTime::from_millis(time), title.to_string()));
        let base = levels.clone();
        for (btc, eth) in btc
            .iter()
            .zip(eth.iter().chain(std::iter::repeat(eth.last().unwrap_or(&1_000_000_000))))
        {
            let mut prices = Vec::new();
            for ((id, level), (_, now)) in base.iter().zip(levels.iter_mut()) {
                let ratio = if *id == BTC { *btc } else { *eth };
                *now = level * ratio / 1_000_000_000;
                let row =
                    usize::try_from((time / MINUTE).rem_euclid(spread.len() as i128)).unwrap_or(0);
                for number in 1..=SPREAD_SOURCES {
                    let column = usize::from(number - 1);
                    let deviation =
                        spread.get(row).and_then(|row| row.get(column)).copied().unwrap_or(0);
                    let noise = random.between(-20_000, 20_000);
                    let price = *now + *now / 1_000_000 * (deviation + noise) / 1_000;
                    prices.push((
                        *id,
                        SourceId::new(number),
                        Price::from_micros(price / 1_000 * 1_000),
                    ));
                }
            }
            let bitcoin = levels.first().map_or(1, |(_, level)| *level);
            peak = peak.max(bitcoin);
            // Vols rise with the fall from the peak: ten per cent down, half as much again; at most threefold.
            let fall = (peak - bitcoin) * 1_000_000 / peak.max(1);
            let vol_level = (1_000_000 + fall * 5).min(3_000_000);
            tape.ticks.push(Tick { time: BlockTime::from_millis(time), prices, vol_level });
            time += MINUTE;
        }
    }
    Ok(tape)
}
