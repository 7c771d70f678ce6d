//! What orders, auctions and digests of the fast book cost. Each item is one order placed, cancelled or traded.

use book::{Entry, FastBook, OrderBook};
use divan::Bencher;
use divan::counter::ItemsCount;
use protocol::{AccountIndex, OrderId, SelfTrade, Side, TimeInForce};
use units::{BlockHeight, Lots, Price};

const TICK: i128 = 100_000;
const MIDDLE: i128 = 600_000;
const ACCOUNTS: u64 = 1_000;

fn main() {
    divan::main();
}

/// A book with its next number, height and random state.
#[derive(Clone)]
struct Market {
    book: FastBook,
    next: u64,
    height: i128,
    random: u64,
    live: Vec<OrderId>,
}

impl Market {
    /// Returns a market with that many resting orders, most of them near the best.
    fn of(orders: usize) -> Self {
        let book = FastBook::new(Price::from_micros(TICK));
        let mut market = Self { book, next: 1, height: 1, random: 7, live: Vec::new() };
        while market.live.len() < orders {
            (0..1_000).for_each(|_| market.quote());
            market.end();
        }
        market
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.random >> 33) % bound
    }

    fn entry(&mut self, ticks_behind: i128, lots: u64, time_in_force: TimeInForce) -> Entry {
        let side = if self.below(2) == 0 { Side::Buy } else { Side::Sell };
        let ticks = match side {
            Side::Buy => MIDDLE - ticks_behind,
            Side::Sell => MIDDLE + ticks_behind,
        };
        self.next += 1;
        Entry {
            order: OrderId::new(self.next),
            account: AccountIndex::new(u32::try_from(self.below(ACCOUNTS)).unwrap()),
            side,
            price: Price::from_micros(ticks * TICK),
            lots: Lots::from_count((1 + self.below(lots)).into()),
            time_in_force,
            arrived: BlockHeight::from_blocks(self.height),
        }
    }

    /// Places a post-only order somewhere in the nearest thousand levels, denser towards the best.
    fn quote(&mut self) {
        let behind = 1 + self.below(1_000).min(self.below(1_000));
        let entry = self.entry(behind.into(), 100, TimeInForce::PostOnly);
        self.book.check(&entry, SelfTrade::CancelResting).unwrap();
        self.book.admit(entry, SelfTrade::CancelResting).unwrap().unwrap();
        self.live.push(entry.order);
    }

    /// Cancels some order, old or new.
    fn cancel(&mut self) {
        let at = usize::try_from(self.below(self.live.len() as u64)).unwrap();
        let order = self.live.swap_remove(at);
        divan::black_box(self.book.cancel(order));
    }

    /// Sends an order that crosses the best few levels.
    fn take(&mut self, time_in_force: TimeInForce) {
        let through = self.below(12);
        let entry = self.entry(-i128::from(through), 200, time_in_force);
        let checked = self.book.check(&entry, SelfTrade::CancelResting);
        let admitted = self.book.admit(entry, SelfTrade::CancelResting).unwrap();
        assert_eq!(checked.is_ok(), admitted.is_ok());
    }

    fn end(&mut self) {
        let auction = self.book.uncross(Price::from_micros(MIDDLE * TICK)).unwrap();
        self.book.commit(&auction).unwrap();
        self.height += 1;
    }
}

/// A block of a thousand cancels and a thousand new quotes, committed without a trade.
#[divan::bench(args = [1_000, 10_000, 100_000])]
fn place_cancel(bencher: Bencher, orders: usize) {
    let mut market = Market::of(orders);
    bencher.counter(ItemsCount::new(2_000_usize)).bench_local(|| {
        (0..1_000).for_each(|_| market.cancel());
        (0..1_000).for_each(|_| market.quote());
        market.end();
    });
}

/// The auction alone, of two hundred takers: it must not depend on how much rests.
#[divan::bench(args = [1_000, 10_000, 100_000])]
fn uncross(bencher: Bencher, orders: usize) {
    let mut market = Market::of(orders);
    for _ in 0..100 {
        market.take(TimeInForce::ImmediateOrCancel);
        market.take(TimeInForce::GoodTillCancelled);
    }
    let reference = Price::from_micros(MIDDLE * TICK);
    bencher
        .counter(ItemsCount::new(200_usize))
        .bench_local(|| market.book.uncross(divan::black_box(reference)).unwrap());
}

/// A block of 400 cancels, 500 quotes and 100 takers with its auction, commit and digest.
#[divan::bench(args = [1_000, 10_000, 100_000])]
fn mixed_block(bencher: Bencher, orders: usize) {
    let mut market = Market::of(orders);
    bencher.counter(ItemsCount::new(1_000_usize)).bench_local(|| {
        (0..400).for_each(|_| market.cancel());
        (0..500).for_each(|_| market.quote());
        (0..100).for_each(|_| market.take(TimeInForce::ImmediateOrCancel));
        market.end();
        market.book.digest()
    });
}

/// The digest after a hundred orders changed.
#[divan::bench(args = [1_000, 10_000, 100_000])]
fn digest(bencher: Bencher, orders: usize) {
    let mut market = Market::of(orders);
    market.book.digest();
    bencher.bench_local(|| {
        (0..100).for_each(|_| market.cancel());
        (0..100).for_each(|_| market.quote());
        market.end();
        market.book.digest()
    });
}

/// The fastest way from a book to its copy: what an overlay of a whole market would cost.
#[divan::bench(args = [1_000, 10_000, 100_000])]
fn restore(bencher: Bencher, orders: usize) {
    let state = Market::of(orders).book.state();
    bencher
        .counter(ItemsCount::new(state.orders.len()))
        .bench_local(|| FastBook::from_state(divan::black_box(&state)).unwrap());
}
