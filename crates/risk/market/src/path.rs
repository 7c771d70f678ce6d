//! Prices per minute and venue, merged on time, and the scenarios they make up.
//!
//! A [`Scenario`] is what a run replays: paths of prices, a path of volatility, the events to mark, and a label that
//! says where every part of it comes from.

use units::{BlockTime, Price, Vol, utc};

use crate::Dataset;
use crate::bars::{BAR, Window};
use crate::error::MarketError;
use crate::names::{MarketKind, Underlying, Venue};

/// Prices of one minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathMinute {
    /// When the prices are known: the end of the minute.
    pub time: BlockTime,
    /// Last price at each venue of the path; absent where nothing was printed in the minute.
    pub prices: Vec<Option<Price>>,
}

impl PathMinute {
    /// Returns the lower median of the prices that are there.
    #[must_use]
    pub fn median(&self) -> Option<Price> {
        let mut prices: Vec<_> = self.prices.iter().copied().flatten().collect();
        prices.sort();
        let middle = prices.len().checked_sub(1)? / 2;
        prices.get(middle).copied()
    }
}

/// Prices of one underlying at several venues, minute by minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricePath {
    /// The underlying.
    pub underlying: Underlying,
    /// The venues, in the order of the prices of each minute.
    pub venues: Vec<Venue>,
    /// The minutes in which any venue printed, by time.
    pub minutes: Vec<PathMinute>,
}

impl PricePath {
    /// Returns a path of prices given one by one, merged on time; of two at one time and venue the later one counts.
    #[must_use]
    pub fn merge(
        underlying: Underlying,
        prices: impl IntoIterator<Item = (BlockTime, Venue, Price)>,
    ) -> Self {
        let prices: Vec<_> = prices.into_iter().collect();
        let mut venues: Vec<_> = prices.iter().map(|(_, venue, _)| venue.clone()).collect();
        venues.sort();
        venues.dedup();
        let mut minutes = std::collections::BTreeMap::new();
        for (time, venue, price) in prices {
            let row = minutes.entry(time).or_insert_with(|| vec![None; venues.len()]);
            if let Ok(column) = venues.binary_search(&venue)
                && let Some(cell) = row.get_mut(column)
            {
                *cell = Some(price);
            }
        }
        let minute = |(time, prices)| PathMinute { time, prices };
        Self { underlying, minutes: minutes.into_iter().map(minute).collect(), venues }
    }

    /// Returns the lowest and the highest of the medians, each with its time; `None` for a path without prices.
    #[must_use]
    pub fn extremes(&self) -> Option<[(BlockTime, Price); 2]> {
        let medians =
            || self.minutes.iter().filter_map(|m| m.median().map(|price| (m.time, price)));
        let low = medians().min_by_key(|(_, price)| *price)?;
        let high = medians().max_by_key(|(_, price)| *price)?;
        Some([low, high])
    }
}

/// Where a point of a scenario comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provenance {
    /// Recorded by a market data source.
    Recorded,
    /// A figure that was published, at the time for which it was published.
    Published,
    /// A figure that was published, at a time that was not: the time is an assumption.
    PublishedLevel,
    /// An assumption, said to be one.
    Assumed,
    /// Computed between two points of the other kinds.
    Interpolated,
}

/// An implied volatility at the money at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VolPoint {
    /// The moment.
    pub time: BlockTime,
    /// The volatility.
    pub vol: Vol,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// Something to mark on the time axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioEvent {
    /// When.
    pub time: BlockTime,
    /// What, in a few words.
    pub text: String,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// A source of a scenario and the licence it stands under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribution {
    /// What it gave.
    pub what: String,
    /// Where it is.
    pub origin: String,
    /// The licence stated there, or that single figures are quoted.
    pub licence: String,
}

/// What a run replays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// Short name, for a command line.
    pub name: &'static str,
    /// One line for a report.
    pub title: String,
    /// Whether every price was recorded by a market data source. False: figures published, the rest computed.
    pub recorded: bool,
    /// Sources and licences.
    pub attributions: Vec<Attribution>,
    /// What a reader must know before believing any of it.
    pub caveats: Vec<String>,
    /// Prices, one path for each underlying.
    pub paths: Vec<PricePath>,
    /// Implied volatility at the money by time; empty where the data has none.
    pub volatility: Vec<VolPoint>,
    /// Events by time.
    pub events: Vec<ScenarioEvent>,
}

impl Scenario {
    /// Returns the path of an underlying.
    #[must_use]
    pub fn path(&self, underlying: Underlying) -> Option<&PricePath> {
        self.paths.iter().find(|path| path.underlying == underlying)
    }

    /// Returns the first and the last moment with a price.
    #[must_use]
    pub fn span(&self) -> Option<(BlockTime, BlockTime)> {
        let times = || self.paths.iter().flat_map(|path| path.minutes.iter().map(|m| m.time));
        Some((times().min()?, times().max()?))
    }
}

/// A recorded day worth replaying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordedDay {
    /// 4 September 2017: Coinbase BTC and ETH on the day China banned coin offerings.
    Crash2017,
    /// 13 December 2022: seven markets on the day of a United States inflation figure.
    Inflation2022,
    /// 17 and 18 April 2021: Coinbase BTC, minutes of the book into a flash crash.
    FlashCrash2021,
}

impl RecordedDay {
    /// All recorded days.
    pub const ALL: [Self; 3] = [Self::Crash2017, Self::Inflation2022, Self::FlashCrash2021];

    /// Returns the short name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crash2017 => "crash-2017-09-04",
            Self::Inflation2022 => "inflation-2022-12-13",
            Self::FlashCrash2021 => "flash-crash-2021-04-18",
        }
    }

    /// Returns the title.
    const fn title(self) -> &'static str {
        match self {
            Self::Crash2017 => "4 September 2017, China bans coin offerings: Coinbase BTC and ETH",
            Self::Inflation2022 => {
                "13 December 2022, United States inflation figure: six BTC markets, one ADA"
            }
            Self::FlashCrash2021 => {
                "17 and 18 April 2021, into the flash crash: Coinbase BTC-USD book"
            }
        }
    }

    /// Returns first and last minute, as UTC text.
    const fn bounds(self) -> (&'static str, &'static str) {
        match self {
            Self::Crash2017 => ("2017-09-04T00:00:00Z", "2017-09-05T00:00:00Z"),
            Self::Inflation2022 => ("2022-12-13T00:00:00Z", "2022-12-14T00:00:00Z"),
            Self::FlashCrash2021 => ("2021-04-17T00:00:00Z", "2021-04-19T00:00:00Z"),
        }
    }
}

impl Dataset {
    /// Returns the prices of an underlying inside a window: the close of each trade bar at each venue.
    ///
    /// # Errors
    ///
    /// [`MarketError`] if the file is not the one of the manifest or a row is malformed.
    pub fn prices(&self, underlying: Underlying, window: Window) -> Result<PricePath, MarketError> {
        let bars = self.trade_bars(window)?;
        let prices = bars.into_iter().filter_map(|bar| {
            let known_at = bar.start.after(BAR).ok()?;
            let wanted = Underlying::of_symbol(&bar.venue.symbol) == Some(underlying);
            wanted.then_some((known_at, bar.venue, bar.close))
        });
        Ok(PricePath::merge(underlying, prices))
    }

    /// Returns a recorded day as a scenario.
    ///
    /// # Errors
    ///
    /// [`MarketError`] if a file is not the one of the manifest or a row is malformed.
    pub fn scenario(&self, day: RecordedDay) -> Result<Scenario, MarketError> {
        let (from, to) = day.bounds();
        let window =
            Window { from: utc(from).unwrap_or_default(), to: utc(to).unwrap_or_default() };
        let paths = match day {
            RecordedDay::Crash2017 => {
                vec![self.prices(Underlying::Btc, window)?, self.prices(Underlying::Eth, window)?]
            }
            RecordedDay::Inflation2022 => {
                vec![self.prices(Underlying::Btc, window)?, self.prices(Underlying::Ada, window)?]
            }
            RecordedDay::FlashCrash2021 => vec![self.book_path()?],
        };
        let events = recorded_events(day, &paths);
        Ok(Scenario {
            name: day.name(),
            title: day.title().to_string(),
            recorded: true,
            attributions: vec![attribution(day)],
            caveats: vec![
                "Prices are the source's closes; a minute without a trade has no price."
                    .to_string(),
                "The data has no implied volatility for this day.".to_string(),
            ],
            paths,
            volatility: Vec::new(),
            events,
        })
    }

    /// Returns the midpoints of the recorded book minutes as a path.
    fn book_path(&self) -> Result<PricePath, MarketError> {
        let venue = Venue {
            exchange: "coinbase".to_string(),
            market: MarketKind::Spot,
            symbol: "BTCUSD".to_string(),
        };
        let minutes = self.book_minutes()?.into_iter();
        let prices = minutes.map(|minute| (minute.time, venue.clone(), minute.midpoint));
        Ok(PricePath::merge(Underlying::Btc, prices))
    }
}

fn attribution(day: RecordedDay) -> Attribution {
    let (what, origin, licence) = match day {
        RecordedDay::FlashCrash2021 => (
            "Coinbase BTC-USD 15-level book by the minute",
            "TradeMaster-NTU/TradeMaster, data/order_execution/BTC",
            "Apache-2.0",
        ),
        _ => (
            "minute trade bars",
            "QuantConnect/Lean, Data/crypto and Data/cryptofuture",
            "Apache-2.0",
        ),
    };
    Attribution { what: what.into(), origin: origin.into(), licence: licence.into() }
}

/// Returns the lowest median of each path as an event, and what the day is known for.
fn recorded_events(day: RecordedDay, paths: &[PricePath]) -> Vec<ScenarioEvent> {
    let low = |path: &PricePath| {
        let [(time, price), _] = path.extremes()?;
        let text = format!("{} low {price}", path.underlying);
        Some(ScenarioEvent { time, text, provenance: Provenance::Recorded })
    };
    let mut events: Vec<_> = paths.iter().filter_map(low).collect();
    if let (RecordedDay::Inflation2022, Some(time)) = (day, utc("2022-12-13T13:30:00Z")) {
        let text = "United States inflation figure".to_string();
        events.push(ScenarioEvent { time, text, provenance: Provenance::Published });
    }
    events.sort_by_key(|event| event.time);
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    fn venue(exchange: &str) -> Venue {
        Venue { exchange: exchange.into(), market: MarketKind::Spot, symbol: "BTCUSD".into() }
    }

    fn at(minute: i128) -> BlockTime {
        BlockTime::from_millis(minute * 60_000)
    }

    #[test]
    fn prices_merge_on_time_and_gaps_stay_gaps() {
        let path = PricePath::merge(
            Underlying::Btc,
            [
                (at(2), venue("b"), Price::from_micros(20)),
                (at(1), venue("a"), Price::from_micros(10)),
                (at(2), venue("a"), Price::from_micros(11)),
                (at(2), venue("a"), Price::from_micros(12)),
            ],
        );
        assert_eq!(path.venues, [venue("a"), venue("b")]);
        let row = |minute: usize| &path.minutes[minute];
        assert_eq!(row(0).prices, [Some(Price::from_micros(10)), None]);
        assert_eq!(row(1).prices, [Some(Price::from_micros(12)), Some(Price::from_micros(20))]);
        assert_eq!(row(1).median(), Some(Price::from_micros(12)));
        let [low, high] = path.extremes().unwrap();
        assert_eq!((low.0, high.0), (at(1), at(2)));
    }

    #[test]
    fn an_empty_path_has_neither_median_nor_extremes() {
        let path = PricePath::merge(Underlying::Eth, []);
        assert!(path.extremes().is_none());
        assert_eq!(PathMinute { time: at(0), prices: vec![None] }.median(), None);
    }
}
