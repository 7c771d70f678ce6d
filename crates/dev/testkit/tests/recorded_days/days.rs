//! The recorded days, block by block: what each venue shows, and what stands in the book of the perpetual.

use market::bars::{BAR, QuoteBar, TradeBar, Window};
use market::orderflow::{BookRebuild, FlowMarket, FlowReader};
use market::{BookSide, Dataset, MarketKind, Underlying, Venue};
use protocol::Side;
use units::utc;

/// Milliseconds after which a price that a venue has not renewed is none.
const RENEWED: i128 = 120_000;
/// Levels of a recorded book that are quoted on each side.
const LEVELS: usize = 20;
/// Dollars quoted on each side where the recording shows a best price and no depth.
const QUOTED: i128 = 100_000;
const COIN: i128 = 1_000_000_000;

/// A venue's price and half of its spread, in micro-dollars.
pub(crate) type Reading = (i128, i128);

/// What is recorded of one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Moment {
    /// What each venue shows, if anything.
    pub(crate) readings: Vec<Option<Reading>>,
    /// What stands at the perpetual: side, price, and size in billionths of a coin.
    pub(crate) quotes: Vec<(Side, i128, i128)>,
    /// Price of its last trade since the moment before.
    pub(crate) traded: Option<i128>,
}

impl Moment {
    /// Returns the middle of what the venues show: of an even number, midway between the two in the middle.
    pub(crate) fn middle(&self) -> Option<i128> {
        let mut shown: Vec<i128> =
            self.readings.iter().flatten().map(|(price, _)| *price).collect();
        shown.sort_unstable();
        let upper = shown.get(shown.len() / 2)?;
        Some((shown[(shown.len() - 1) / 2] + upper) / 2)
    }

    /// Returns the middle between the best bid and the best offer of the perpetual.
    pub(crate) fn perpetual(&self) -> Option<i128> {
        let at =
            |wanted| self.quotes.iter().filter(move |quote| quote.0 == wanted).map(|quote| quote.1);
        Some((at(Side::Buy).max()? + at(Side::Sell).min()?) / 2)
    }

    /// Returns whether more than half of some venues show prices within half a per cent of the middle.
    pub(crate) fn agrees(&self, venues: &[usize]) -> bool {
        let Some(middle) = self.middle() else { return false };
        let near = |reading: &Reading| (reading.0 - middle).abs() * 200 <= middle;
        let shown = venues.iter().filter_map(|place| self.readings[*place]);
        2 * shown.filter(near).count() > venues.len()
    }
}

/// A recorded day.
#[derive(Debug)]
pub(crate) struct Day {
    pub(crate) name: String,
    /// The venues that the house hears, of those of each moment.
    pub(crate) heard: Vec<usize>,
    /// Whether the quotes are those of a perpetual; else the venue's own stand in.
    pub(crate) has_perpetual: bool,
    pub(crate) starts: i128,
    /// Seconds from one moment to the next.
    pub(crate) every: i128,
    pub(crate) moments: Vec<Moment>,
}

/// Returns the moments of a span of minute bars, ten seconds apart.
fn of_minutes(
    data: &Dataset,
    (from, to): (&str, &str),
    venues: &[Venue],
    perpetual: &Venue,
) -> (i128, Vec<Moment>) {
    let window = Window { from: utc(from).unwrap(), to: utc(to).unwrap() };
    let trades = data.trade_bars(window).unwrap();
    let quotes = data.quote_bars(window).unwrap();
    let known = |start: units::BlockTime| start.millis() + BAR.millis();
    let (starts, ends) = (window.from.millis(), window.to.millis());
    let mut last_trades: Vec<Option<&TradeBar>> = vec![None; venues.len()];
    let mut last_quotes: Vec<Option<&QuoteBar>> = vec![None; venues.len()];
    let place = |venue: &Venue| venues.iter().position(|listed| listed == venue);
    let (mut trades, mut quotes) = (trades.iter().peekable(), quotes.iter().peekable());
    let mut moments = Vec::new();
    for now in (starts..ends).step_by(10_000) {
        let mut moment = Moment::default();
        while let Some(bar) = trades.next_if(|bar| known(bar.start) <= now) {
            if let Some(place) = place(&bar.venue) {
                last_trades[place] = Some(bar);
            }
            if bar.venue == *perpetual {
                moment.traded = Some(bar.close.micros());
            }
        }
        while let Some(bar) = quotes.next_if(|bar| known(bar.start) <= now) {
            if let Some(place) = place(&bar.venue) {
                last_quotes[place] = Some(bar);
            }
        }
        let fresh = |start| known(start) + RENEWED >= now;
        for (trade, quote) in last_trades.iter().zip(&last_quotes) {
            let half = quote.filter(|bar| fresh(bar.start));
            let half = half.map_or(0, |bar| (bar.ask.micros() - bar.bid.micros()) / 2);
            let trade = trade.filter(|bar| fresh(bar.start));
            moment.readings.push(trade.map(|bar| (bar.close.micros(), half)));
        }
        let best = place(perpetual).and_then(|place| last_quotes[place]);
        if let Some(bar) = best.filter(|bar| fresh(bar.start)) {
            moment.quotes = best_quotes(bar.bid.micros(), bar.ask.micros());
        }
        moments.push(moment);
    }
    // The day begins when all venues have shown a price.
    let whole = |moment: &Moment| moment.readings.iter().all(Option::is_some);
    let first = moments.iter().position(whole).expect("each venue is recorded");
    (starts + 10_000 * first as i128, moments.split_off(first))
}

fn best_quotes(bid: i128, ask: i128) -> Vec<(Side, i128, i128)> {
    let size = |price: i128| QUOTED * 1_000_000 * COIN / price;
    vec![(Side::Buy, bid, size(bid)), (Side::Sell, ask, size(ask))]
}

fn venue(exchange: &str, market: MarketKind, symbol: &str) -> Venue {
    Venue { exchange: exchange.into(), market, symbol: symbol.into() }
}

/// Returns 13 December 2022: the closes of five venues, of which two end at noon, and the quotes of one of them, a perpetual.
pub(crate) fn inflation(data: &Dataset) -> Day {
    let perpetual = venue("binance", MarketKind::Perpetual, "BTCUSD");
    let venues = [
        perpetual.clone(),
        venue("binance", MarketKind::Spot, "BTCBUSD"),
        venue("bybit", MarketKind::Spot, "BTCUSDT"),
        venue("bybit", MarketKind::Perpetual, "BTCUSD"),
        venue("bybit", MarketKind::Perpetual, "BTCUSDT"),
    ];
    let span = ("2022-12-13T00:00:00Z", "2022-12-14T00:00:00Z");
    let (starts, moments) = of_minutes(data, span, &venues, &perpetual);
    let (name, heard) = ("13 Dec 2022, BTC".to_string(), (0..5).collect());
    Day { name, heard, has_perpetual: true, starts, every: 10, moments }
}

/// Returns the morning of that day for a house that hears all venues but one.
pub(crate) fn morning_without(day: &Day, place: usize) -> Day {
    Day {
        name: format!("{} until noon, without venue {place}", day.name),
        heard: (0..5).filter(|heard| *heard != place).collect(),
        moments: day.moments.iter().take(12 * 360).cloned().collect(),
        ..*day
    }
}

/// Returns 4 September 2017 at the one venue that is recorded.
pub(crate) fn ban(data: &Dataset, symbol: &str) -> Day {
    let only = venue("coinbase", MarketKind::Spot, symbol);
    let span = ("2017-09-04T00:00:00Z", "2017-09-05T00:00:00Z");
    let (starts, moments) = of_minutes(data, span, std::slice::from_ref(&only), &only);
    let name = format!("4 Sep 2017, {symbol}");
    Day { name, heard: vec![0], has_perpetual: false, starts, every: 10, moments }
}

/// Returns 17 and 18 April 2021 at the one venue that is recorded.
pub(crate) fn crash(data: &Dataset) -> Day {
    let minutes = data.book_minutes().unwrap();
    let starts = minutes.first().unwrap().time.millis();
    let ends = minutes.last().unwrap().time.millis();
    let mut moments = Vec::new();
    for now in (starts..ends).step_by(10_000) {
        let next = minutes.partition_point(|minute| minute.time.millis() <= now);
        let minute = &minutes[next - 1];
        let mut moment = Moment { readings: vec![None], ..Moment::default() };
        if minute.time.millis() + RENEWED >= now {
            let (middle, half) = (minute.midpoint.micros(), minute.spread.micros() / 2);
            moment.readings = vec![Some((middle, half))];
            moment.quotes = best_quotes(middle - half, middle + half);
        }
        moments.push(moment);
    }
    let (name, heard) = ("17 and 18 Apr 2021, BTC".to_string(), vec![0]);
    Day { name, heard, has_perpetual: false, starts, every: 10, moments }
}

/// A recorded order book that is read up to a moment.
struct Followed {
    market: FlowMarket,
    reader: std::iter::Peekable<FlowReader>,
    book: BookRebuild,
    traded: Option<i128>,
    time: i128,
}

impl Followed {
    fn new(data: &Dataset, market: FlowMarket) -> Self {
        let reader = data.order_flow(market).unwrap().peekable();
        Self { market, reader, book: BookRebuild::new(market), traded: None, time: 0 }
    }

    /// Takes in what was recorded up to a moment; whether there is more.
    fn follow(&mut self, now: i128) -> bool {
        self.traded = None;
        let until = |message: &Result<market::orderflow::FlowMessage, _>| {
            message.as_ref().is_ok_and(|message| message.time().millis() <= now)
        };
        while let Some(message) = self.reader.next_if(until) {
            let message = message.unwrap();
            self.time = message.time().millis();
            self.book.apply(&message).unwrap();
            if let market::orderflow::FlowMessage::Trade { price, .. } = message {
                self.traded = Some(price.micros());
            }
        }
        self.reader.peek().is_some()
    }

    fn reading(&self) -> Option<Reading> {
        let best = |side| self.book.best(side).map(|level| level.price.micros());
        let (bid, ask) = (best(BookSide::Bid)?, best(BookSide::Ask)?);
        Some(((bid + ask) / 2, (ask - bid) / 2))
    }

    fn quotes(&self) -> Vec<(Side, i128, i128)> {
        assert!(matches!(self.market, FlowMarket::LinearBtc | FlowMarket::LinearEth), "in coins");
        let bids = self.book.levels(BookSide::Bid).iter().rev().take(LEVELS);
        let asks = self.book.levels(BookSide::Ask).iter().take(LEVELS);
        let bids = bids.map(|(price, size)| (Side::Buy, price.micros(), size.nanos()));
        bids.chain(asks.map(|(price, size)| (Side::Sell, price.micros(), size.nanos()))).collect()
    }
}

/// Returns the minutes of 8 August 2024: spot and two perpetuals of one exchange, second by second.
pub(crate) fn flow(data: &Dataset, underlying: Underlying) -> Day {
    let markets = match underlying {
        Underlying::Btc => [FlowMarket::LinearBtc, FlowMarket::SpotBtc, FlowMarket::InverseBtc],
        _ => [FlowMarket::LinearEth, FlowMarket::SpotEth, FlowMarket::InverseEth],
    };
    let mut venues = markets.map(|market| Followed::new(data, market));
    let first =
        |venue: &mut Followed| venue.reader.peek().unwrap().as_ref().unwrap().time().millis();
    let mut now = venues.iter_mut().map(first).max().unwrap() / 1_000 * 1_000;
    let mut moments = Vec::new();
    let mut starts = None;
    loop {
        now += 1_000;
        if venues.iter_mut().map(|venue| venue.follow(now)).filter(|more| *more).count() < 3 {
            break;
        }
        let readings: Vec<Option<Reading>> = venues.iter().map(Followed::reading).collect();
        if starts.is_none() && readings.iter().any(Option::is_none) {
            continue;
        }
        starts.get_or_insert(now);
        moments.push(Moment { readings, quotes: venues[0].quotes(), traded: venues[0].traded });
    }
    let (name, heard) = (format!("8 Aug 2024, {underlying}"), vec![0, 1, 2]);
    Day { name, heard, has_perpetual: true, starts: starts.unwrap(), every: 1, moments }
}
