//! The price histories of the data set, as the thresholds see them.

use market::bars::{BAR, Window};
use market::eight_hours::EIGHT_HOURS;
use market::path::RecordedDay;
use market::{Dataset, MarketError, Underlying};
use units::{BlockSpan, BlockTime, Price, utc};

/// A price at a moment, and how far it went since the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// When the price is known.
    pub time: BlockTime,
    /// The price.
    pub price: Price,
    /// Lowest price since the step before.
    pub low: Price,
    /// Highest price since the step before.
    pub high: Price,
}

/// Prices of one underlying over one span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// What it is, in a few words.
    pub name: String,
    /// Where it comes from.
    pub source: &'static str,
    /// Time between two steps, if none is missing.
    pub every: BlockSpan,
    /// The steps, by time.
    pub steps: Vec<Step>,
}

/// Spans of minute bars: first day, first day outside, ticker.
const MINUTES: [(&str, &str, Underlying); 8] = [
    ("2016-10-07", "2016-10-10", Underlying::Btc),
    ("2017-09-03", "2017-09-05", Underlying::Btc),
    ("2017-09-03", "2017-09-05", Underlying::Eth),
    ("2017-12-17", "2017-12-18", Underlying::Btc),
    ("2018-04-04", "2018-04-07", Underlying::Btc),
    ("2018-04-04", "2018-04-07", Underlying::Eth),
    ("2022-12-13", "2022-12-14", Underlying::Btc),
    ("2022-12-13", "2022-12-14", Underlying::Ada),
];

const MINUTES_SOURCE: &str = "minute trade bars, QuantConnect/Lean";

/// Returns every price history of a data set, the longest first.
///
/// # Errors
///
/// [`MarketError`] if a file is absent, is not the one of the manifest or is malformed.
pub fn histories(data: &Dataset) -> Result<Vec<History>, MarketError> {
    let mut all = Vec::new();
    for underlying in [Underlying::Btc, Underlying::Eth] {
        let steps = data.eight_hour_bars(underlying)?.into_iter().filter_map(|bar| {
            let time = bar.start.after(EIGHT_HOURS).ok()?;
            Some(Step { time, price: bar.close, low: bar.low, high: bar.high })
        });
        all.push(History {
            name: format!("{underlying} 2023 to July 2024, 8-hour bars"),
            source: "8-hour bars of Binance spot, AHA-HH/optimising-funding-rate-arbitrage",
            every: EIGHT_HOURS,
            steps: steps.collect(),
        });
    }
    for (from, to, underlying) in MINUTES {
        let at = |day: &str| utc(&format!("{day}T00:00:00Z")).unwrap_or_default();
        let path = data.prices(underlying, Window { from: at(from), to: at(to) })?;
        let prices = path.minutes.iter().filter_map(|minute| Some((minute.time, minute.median()?)));
        all.push(of_minutes(format!("{underlying} from {from}, minutes"), MINUTES_SOURCE, prices));
    }
    let day = data.scenario(RecordedDay::FlashCrash2021)?;
    if let Some(path) = day.path(Underlying::Btc) {
        let prices = path.minutes.iter().filter_map(|minute| Some((minute.time, minute.median()?)));
        let name = "BTC 17 and 18 April 2021, minutes of the book".to_string();
        all.push(of_minutes(
            name,
            "midpoints of a Coinbase book, TradeMaster-NTU/TradeMaster",
            prices,
        ));
    }
    all.retain(|history| !history.steps.is_empty());
    Ok(all)
}

fn of_minutes(
    name: String,
    source: &'static str,
    prices: impl Iterator<Item = (BlockTime, Price)>,
) -> History {
    let step = |(time, price)| Step { time, price, low: price, high: price };
    History { name, source, every: BAR, steps: prices.map(step).collect() }
}
