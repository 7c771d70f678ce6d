//! The recorded data as its readers give it. Each test says so and passes where the data is absent.
//!
//! Expected numbers are those that the data set's own description states, or were counted by other tools.

use std::collections::{BTreeMap, BTreeSet};

use market::bars::Window;
use market::chain::{ChainFaults, OptionKind};
use market::orderflow::{
    ActionKind, BookRebuild, FlowMarket, FlowMessage, Level, OrderAction, OrderStream, UpdateId,
};
use market::path::RecordedDay;
use market::{BookSide, Dataset, Underlying};
use units::{Price, Round, utc};

fn window(from: &str, to: &str) -> Window {
    Window { from: utc(from).unwrap(), to: utc(to).unwrap() }
}

fn dollars(text: &str) -> Price {
    text.parse().unwrap()
}

#[test]
fn every_listed_file_is_the_one_of_the_manifest() {
    let Some(data) = Dataset::recorded().unwrap() else { return };
    let files: Vec<_> = data.files().map(str::to_string).collect();
    assert!(files.len() >= 20);
    for file in files {
        data.bytes(&file).unwrap();
    }
}

#[test]
fn the_production_chains_hold_2756_options_with_a_forward_each() {
    let Some(data) = Dataset::recorded().unwrap() else { return };
    let chains = data.chains().unwrap();
    let options: Vec<_> = chains.iter().map(|chain| chain.options.len()).collect();
    assert_eq!(options, [377, 429, 403, 387, 292, 868]);
    assert_eq!(options.iter().sum::<usize>(), 2_756);
    let faults: Vec<_> = chains.iter().map(market::chain::Chain::faults).collect();
    assert!(faults.iter().all(|faults| faults.crossed == 0 && faults.without_forward == 0));
    assert_eq!(faults[5], ChainFaults { one_sided: 66, ..ChainFaults::default() });
    assert!(faults[..5].iter().all(|faults| *faults == ChainFaults::default()));
    for chain in &chains {
        assert!(chain.expiries().iter().all(|expiry| *expiry > chain.taken_at));
        assert!(chain.expiries().windows(2).all(|pair| pair[0] < pair[1]));
    }
}

#[test]
fn put_call_parity_holds_in_dollars_within_the_quotes() {
    let Some(data) = Dataset::recorded().unwrap() else { return };
    let mut pairs = 0;
    for chain in data.chains().unwrap() {
        let puts: BTreeMap<_, _> = chain
            .options
            .iter()
            .filter(|option| option.kind == OptionKind::Put)
            .map(|put| ((put.expires_at, put.strike), put))
            .collect();
        for call in chain.options.iter().filter(|option| option.kind == OptionKind::Call) {
            let Some(put) = puts.get(&(call.expires_at, call.strike)) else { continue };
            let (Some(call_bid), Some(call_ask)) = (call.bid, call.ask) else { continue };
            let (Some(put_bid), Some(put_ask)) = (put.bid, put.ask) else { continue };
            let forward = chain.forward(call.expires_at).unwrap().quote.mid();
            let fair = forward.micros() - call.strike.micros();
            // What the description allows besides half spreads: a thousandth of a coin.
            let slack = forward.micros() / 1_000;
            let middle =
                (call_bid.micros() + call_ask.micros() - put_bid.micros() - put_ask.micros()) / 2;
            let half_spreads =
                (call_ask.micros() - call_bid.micros() + put_ask.micros() - put_bid.micros()) / 2;
            assert!((middle - fair).abs() <= half_spreads + slack, "{call:?} {put:?}");
            pairs += 1;
        }
    }
    assert_eq!(pairs, 718);
}

#[test]
fn stated_volatilities_are_given_where_the_source_states_them() {
    let Some(data) = Dataset::recorded().unwrap() else { return };
    let chains = data.chains().unwrap();
    let options = chains.iter().flat_map(|chain| &chain.options);
    let stated: Vec<_> = options.filter_map(|option| option.iv_bid).collect();
    assert_eq!(stated.len(), 1_082);
    assert!(stated.iter().all(|iv| iv.vol(Round::Up).is_some()));
}

#[test]
fn the_test_network_is_read_as_printed() {
    let Some(data) = Dataset::recorded().unwrap() else { return };
    let chains = data.test_network_chains().unwrap();
    let options: Vec<_> = chains.iter().map(|chain| chain.options.len()).collect();
    assert_eq!(options, [269, 271, 275, 276, 229, 239, 205, 240, 284]);
    assert!(chains.iter().all(|chain| chain.underlying == Underlying::Btc));
}

#[test]
fn the_crash_of_2017_is_as_described() {
    let Some(data) = Dataset::recorded().unwrap() else { return };
    let scenario = data.scenario(RecordedDay::Crash2017).unwrap();
    let day = window("2017-09-04T00:00:00Z", "2017-09-05T00:00:00Z");
    let bars = data.trade_bars(day).unwrap();
    for (underlying, open, low) in
        [(Underlying::Btc, "4626.05", "4234.16"), (Underlying::Eth, "353.06", "285")]
    {
        let path = scenario.path(underlying).unwrap();
        assert_eq!((path.venues.len(), path.minutes.len()), (1, 1_440));
        let of = |symbol: &str| Underlying::of_symbol(symbol) == Some(underlying);
        let bars: Vec<_> = bars.iter().filter(|bar| of(&bar.venue.symbol)).collect();
        assert_eq!(bars[0].open, dollars(open));
        let lowest = bars.iter().map(|bar| bar.low).min().unwrap();
        assert_eq!(lowest, dollars(low));
        // The path holds closes, of which none can be below the lowest trade.
        let [(_, lowest_close), _] = path.extremes().unwrap();
        assert!(lowest <= lowest_close && lowest_close.micros() * 100 <= lowest.micros() * 101);
    }
    let quotes = data.quote_bars(day).unwrap();
    assert_eq!(quotes.len(), 1_438 + 1_437);
    assert!(quotes.iter().all(|bar| bar.bid <= bar.mid() && bar.mid() <= bar.ask));
}

#[test]
fn five_venues_agree_on_the_day_of_the_inflation_figure() {
    let Some(data) = Dataset::recorded().unwrap() else { return };
    let scenario = data.scenario(RecordedDay::Inflation2022).unwrap();
    let path = scenario.path(Underlying::Btc).unwrap();
    assert_eq!((path.venues.len(), path.minutes.len()), (5, 1_440));
    let prints: usize = path.minutes.iter().map(|m| m.prices.iter().flatten().count()).sum();
    assert_eq!(prints, 1_439 + 1_440 + 721 + 721 + 1_440);
    for minute in &path.minutes {
        let median = minute.median().unwrap().micros();
        for price in minute.prices.iter().flatten() {
            let apart = (price.micros() - median).abs() * 10_000 / median;
            assert!(apart <= 100, "{} apart by {apart} basis points", minute.time);
        }
    }
    assert_eq!(scenario.path(Underlying::Ada).unwrap().minutes.len(), 1_440);
}

#[test]
fn book_minutes_hold_fifteen_levels_in_order_on_either_side() {
    let Some(data) = Dataset::recorded().unwrap() else { return };
    let minutes = data.book_minutes().unwrap();
    assert_eq!(minutes.len(), 600);
    for minute in &minutes {
        assert_eq!((minute.bids.len(), minute.asks.len()), (15, 15));
        assert!(minute.bids.windows(2).all(|pair| pair[0].distance >= pair[1].distance));
        assert!(minute.asks.windows(2).all(|pair| pair[0].distance <= pair[1].distance));
        assert!(minute.spread >= Price::ZERO && minute.depth().micros() > 0);
    }
    let scenario = data.scenario(RecordedDay::FlashCrash2021).unwrap();
    assert_eq!(scenario.paths[0].minutes.len(), 600);
}

#[test]
fn funding_rates_fall_due_every_eight_hours() {
    let Some(data) = Dataset::recorded().unwrap() else { return };
    let rates = data.funding_rates().unwrap();
    // All but 9,852 spot rows of 29,556, less the periods for which a venue printed nothing.
    assert_eq!(rates.len(), 29_556 - 9_852);
    assert!(rates.iter().all(|rate| rate.time.millis() % (8 * 3_600_000) == 0));
    assert!(rates.iter().all(|rate| rate.rate.billionths().abs() < 20_000_000));
    assert_eq!(data.funding_rates_of_bars().unwrap().len(), 19);
}

/// The best levels after an update, bid first.
type BestLevels = (Option<Level>, Option<Level>);

#[test]
fn rebuilt_books_have_no_gap_never_cross_and_show_the_printed_best_levels_slow() {
    let Some(data) = Dataset::recorded().unwrap() else { return };
    let (mut messages, mut checks) = (0_u64, 0_u64);
    let mut differing = 0;
    for market in FlowMarket::ALL {
        let mut book = BookRebuild::new(market);
        let mut printed: BTreeMap<UpdateId, BestLevels> = BTreeMap::new();
        let mut rebuilt: Vec<(UpdateId, BestLevels)> = Vec::new();
        let mut last_time = None;
        for message in data.order_flow(market).unwrap() {
            let message = message.unwrap();
            messages += 1;
            assert!(Some(message.time()) >= last_time, "{market:?} runs backwards");
            last_time = Some(message.time());
            book.apply(&message).unwrap_or_else(|fault| panic!("{market:?}: {fault}"));
            match message {
                FlowMessage::Best { id, levels, .. } => {
                    let side = |side| levels.iter().find(|level| level.side == side).copied();
                    printed.insert(id, (side(BookSide::Bid), side(BookSide::Ask)));
                }
                FlowMessage::Difference { .. } if book.is_loaded() => {
                    let best = (book.best(BookSide::Bid), book.best(BookSide::Ask));
                    rebuilt.push((book.last_update().unwrap(), best));
                }
                _ => {}
            }
        }
        assert!(book.is_loaded());
        // Changes of a best level are printed, so the print before an update shows the book after it.
        for (update, best) in rebuilt {
            if let Some((_, print)) = printed.range(..=update).next_back() {
                differing += u64::from(best != *print);
                checks += 1;
            }
        }
    }
    eprintln!(
        "{messages} messages, {differing} of {checks} books differ from the print before them"
    );
    assert_eq!(messages, 524_627);
    // The recorder missed two prints of the spot BTC market; every other book is equal in price and size.
    assert_eq!(differing, 2);
}

/// A plain order book that does as it is told: what a matching engine would make of a stream of actions.
#[derive(Default)]
struct PlainBook {
    /// Side, price and size of each resting order.
    orders: BTreeMap<u64, (BookSide, Price, i128)>,
    /// Resting orders by side, price and number; a later order has a higher number.
    queue: BTreeSet<(BookSide, Price, u64)>,
}

impl PlainBook {
    fn best(&self, side: BookSide) -> Option<(Price, u64)> {
        let all = (side, Price::from_micros(i128::MIN), 0)
            ..=(side, Price::from_micros(i128::MAX), u64::MAX);
        let (_, price, _) = match side {
            BookSide::Bid => self.queue.range(all).next_back()?,
            BookSide::Ask => self.queue.range(all).next()?,
        };
        let level = (side, *price, 0)..=(side, *price, u64::MAX);
        self.queue.range(level).next().map(|(_, price, order)| (*price, *order))
    }

    /// Whether an order of a side and price would trade at once.
    fn crosses(&self, side: BookSide, price: Price) -> bool {
        self.best(side.opposite()).is_some_and(|(best, _)| match side {
            BookSide::Bid => price >= best,
            BookSide::Ask => price <= best,
        })
    }

    fn shrink(&mut self, order: u64, by: i128) {
        let (side, price, size) = self.orders.get_mut(&order).unwrap();
        assert!(by <= *size);
        *size -= by;
        if *size == 0 {
            let key = (*side, *price, order);
            self.queue.remove(&key);
            self.orders.remove(&order);
        }
    }

    /// Applies an action; returns what an aggressor got.
    fn apply(&mut self, action: &OrderAction) -> i128 {
        let (order, size) = (action.order.0, action.quantity.nanos());
        match action.kind {
            ActionKind::Place => {
                assert!(!self.crosses(action.side, action.price), "{action:?} crosses");
                assert!(self.orders.insert(order, (action.side, action.price, size)).is_none());
                self.queue.insert((action.side, action.price, order));
            }
            ActionKind::Reduce => {
                self.shrink(order, size);
                assert!(self.orders.contains_key(&order), "{action:?} left nothing");
            }
            ActionKind::Cancel => {
                self.shrink(order, size);
                assert!(!self.orders.contains_key(&order), "{action:?} left something");
            }
            ActionKind::Take { .. } => {
                let mut open = size;
                while open > 0 && self.crosses(action.side, action.price) {
                    let (_, resting) = self.best(action.side.opposite()).unwrap();
                    let fill = open.min(self.orders[&resting].2);
                    self.shrink(resting, fill);
                    open -= fill;
                }
                return size - open;
            }
        }
        0
    }
}

#[test]
fn a_plain_book_driven_by_the_actions_ends_as_the_recorded_book_slow() {
    let Some(data) = Dataset::recorded().unwrap() else { return };
    for market in FlowMarket::ALL {
        let mut stream = OrderStream::new(data.order_flow(market).unwrap());
        let mut book = PlainBook::default();
        let (mut actions, mut taken, mut filled) = (0_u64, 0, 0);
        for action in stream.by_ref() {
            let action = action.unwrap();
            actions += 1;
            assert_eq!(action.price.micros() % market.price_tick().micros(), 0);
            assert_eq!(action.quantity.nanos() % market.size_step().nanos(), 0);
            let got = book.apply(&action);
            if let ActionKind::Take { filled: expected } = action.kind {
                assert_eq!(got, expected.nanos(), "{action:?}");
                taken += action.quantity.nanos();
                filled += got;
            }
        }
        let mut resting: BTreeMap<(BookSide, Price), i128> = BTreeMap::new();
        for (side, price, size) in book.orders.values() {
            *resting.entry((*side, *price)).or_default() += size;
        }
        let mut apart = 0;
        for side in [BookSide::Bid, BookSide::Ask] {
            for (price, size) in stream.rebuilt().levels(side) {
                let held = resting.remove(&(side, *price)).unwrap_or(0);
                apart += usize::from(held != size.nanos());
            }
        }
        // Trades after the last difference have left the orders; the recorded book still shows them.
        assert!(apart <= 3, "{market:?}: {apart} levels differ");
        assert!(resting.is_empty(), "{market:?}: orders where the recorded book has none");
        let share = filled * 100 / taken;
        eprintln!("{market:?}: {actions} actions, aggressors got {share} % of what they took");
        assert!(share >= 80, "{market:?}: {share}");
    }
}
