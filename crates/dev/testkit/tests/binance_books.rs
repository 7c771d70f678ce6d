//! Six recorded order books of one exchange, run through the book: five to eleven minutes of 8 August 2024 each.
//!
//! The test says so and passes where the data is absent.

use std::time::Duration;

use book::{FastBook, Level, NaiveBook, OrderBook};
use market::orderflow::FlowMarket;
use market::{BookSide, Dataset};
use protocol::Side;
use testkit::recorded::{Follower, RecordedBlock, RecordedBlocks};
use units::{BlockSpan, Price};

const SIDES: [(Side, BookSide); 2] = [(Side::Buy, BookSide::Bid), (Side::Sell, BookSide::Ask)];
const SPAN: BlockSpan = BlockSpan::from_millis(100);

/// Returns the price between the best bid and the best ask of the exchange.
fn middle(exchange: &RecordedBlocks) -> Price {
    let best = |side| exchange.rebuilt().best(side).map_or(0, |level| level.price.micros());
    Price::from_micros((best(BookSide::Bid) + best(BookSide::Ask)) / 2)
}

fn assert_uncrossed(book: &impl OrderBook) {
    let (bid, ask) = (book.best(Side::Buy), book.best(Side::Sell));
    assert!(bid.is_none() || ask.is_none() || bid < ask, "crossed: {bid:?} and {ask:?}");
}

/// Checks that the book stands as the exchange showed it, level by level.
fn assert_as_exchange(book: &impl OrderBook, exchange: &RecordedBlocks) {
    for (side, recorded) in SIDES {
        let levels = exchange.rebuilt().levels(recorded);
        let depth = book.depth(side, usize::MAX);
        assert_eq!(depth.len(), levels.len());
        for Level { price, lots, .. } in depth {
            assert_eq!(lots, exchange.lots(side, price), "at {price}");
        }
    }
}

#[test]
fn six_recorded_books_run_without_a_crossed_book_slow() {
    let Some(data) = Dataset::recorded().unwrap() else { return };
    let (mut calls, mut spent) = (0, Duration::ZERO);
    for market in FlowMarket::ALL {
        let mut exchange = RecordedBlocks::new(data.order_flow(market).unwrap(), SPAN);
        let mut follower = Follower::<FastBook>::new(market);
        let mut time = Duration::ZERO;
        while let Some(block) = exchange.next_block().unwrap() {
            time += follower.follow(&block, &exchange);
            assert_uncrossed(&follower.book);
            for (side, recorded) in SIDES {
                let best = exchange.rebuilt().best(recorded).map(|level| level.price);
                assert_eq!(follower.book.best(side), best, "{}", market.file());
            }
            time += follower.trade(&block, middle(&exchange)).1;
            assert_uncrossed(&follower.book);
        }
        time += follower.follow(&RecordedBlock::default(), &exchange);
        assert_as_exchange(&follower.book, &exchange);

        let counts = follower.counts;
        let commands = counts.cancels + counts.quotes + counts.takes;
        let state = follower.book.state();
        eprintln!(
            "{}: {} blocks, {} cancels, {} quotes, {} takes, {} auctions with a trade, {} of {} lots taken, {} orders \
             rest, {} ns a command",
            market.file(),
            counts.blocks,
            counts.cancels,
            counts.quotes,
            counts.takes,
            counts.trades,
            counts.taken,
            counts.asked,
            state.orders.len(),
            time.as_nanos() / u128::from(commands.max(1)),
        );
        assert!(counts.trades > 100 && counts.quotes > 10_000, "{counts:?}");
        let mut restored = FastBook::from_state(&state).unwrap();
        assert_eq!(restored.digest(), follower.book.digest());
        (calls, spent) = (calls + commands, spent + time);
    }
    let per_second = u128::from(calls) * 1_000_000_000 / spent.as_nanos().max(1);
    eprintln!("0 crossed books; {calls} commands, {per_second} a second with their auctions");
}

#[test]
fn the_naive_book_agrees_on_the_beginning_of_every_recording() {
    let Some(data) = Dataset::recorded().unwrap() else { return };
    for market in FlowMarket::ALL {
        let mut exchange = RecordedBlocks::new(data.order_flow(market).unwrap(), SPAN);
        let mut fast = Follower::<FastBook>::new(market);
        let mut naive = Follower::<NaiveBook>::new(market);
        let mut trades = 0;
        while trades < 10
            && let Some(block) = exchange.next_block().unwrap()
        {
            fast.follow(&block, &exchange);
            naive.follow(&block, &exchange);
            let reference = middle(&exchange);
            let auction = fast.trade(&block, reference).0;
            assert_eq!(auction, naive.trade(&block, reference).0);
            assert_eq!(fast.book.digest(), naive.book.digest());
            trades += u32::from(auction.price.is_some());
        }
        assert_eq!(trades, 10);
    }
}
