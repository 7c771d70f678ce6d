//! What is counted in instructions: each gate does its work inside a function of its own, `counted_` and its name.
//!
//! `cargo x gates` runs this program under a counter once for each gate and holds the count against its bar. Alone,
//! `counted NAME` runs one gate and prints the number of operations in it; without a name, all run.
#![expect(clippy::print_stdout, reason = "a gate says how many operations were counted")]

#[path = "../../../../core/margin/tests/support/mod.rs"]
mod support;

use book::{Entry, FastBook, OrderBook as _};
use machine::Machine;
use margin::{AccountMargin, Holdings, Meter, OpenOrder, Portfolio, Position, Risk};
use pricing::{Deviation, FineVol, Forward, Horizon, Strike};
use protocol::{AccountIndex, Block, OrderId, ParameterId, SelfTrade, Side, TimeInForce};
use std::hint::black_box;
use support::House;
use testkit::traffic::{Size, Traffic};
use testkit::votes::Voting;
use units::{BlockHeight, BlockSpan, Lots, Notional, Price, Round};

/// A gate: its name, and what to do. It returns the operations done while counting.
type Gate = (&'static str, fn() -> usize);

const GATES: &[Gate] = &[
    ("pricing", pricing),
    ("margin", margin),
    ("hundred", hundred),
    ("thousands", thousands),
    ("order_check", order_check),
    ("margin_impact", margin_impact),
    ("order_impact", order_impact),
    ("book", book),
    ("machine", machine),
    ("prices", prices),
];

fn main() {
    let named: Vec<String> =
        std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    for (name, run) in GATES {
        if named.is_empty() || named.iter().any(|named| named == name) {
            println!("{name} {}", run());
        }
    }
}

/// Prices of one option in forty-eight scenarios, forwards and deviations being known.
fn pricing() -> usize {
    let dollars = |value: i128| Price::from_micros(value * 1_000_000);
    let horizon = Horizon::after(BlockSpan::from_millis(604_800_000)).expect("within limits");
    let deviations = [50, 65, 90].map(|percent| {
        let vol = FineVol::from_trillionths(percent * 10_000_000_000).expect("within limits");
        Deviation::new(vol, horizon)
    });
    let scenarios = (0..48).map(|index| {
        let forward = Forward::new(dollars(58_710 + (index % 11 - 5) * 1_879));
        let deviation = deviations[usize::try_from(index / 11 % 3).expect("small")];
        (forward.expect("within limits"), deviation)
    });
    let scenarios: Vec<(Forward, Deviation)> = scenarios.collect();
    counted_pricing(&scenarios, Strike::new(dollars(62_000)).expect("within limits"));
    scenarios.len()
}

#[inline(never)]
fn counted_pricing(scenarios: &[(Forward, Deviation)], strike: Strike) {
    let sum = black_box(scenarios).iter().fold(0, |sum, (forward, deviation)| {
        sum ^ pricing::call(*forward, strike, *deviation, Round::Down).micros()
    });
    black_box(sum);
}

/// Returns the matrices of a house of forty-eight markets, and ten positions in it; impact is charged or free.
fn ten_positions(impact: i64) -> (Risk, Vec<Position>) {
    let traffic = Traffic::generate(Size { accounts: 50, commands: 100, blocks: 0 }, 1);
    let machine = traffic.opened();
    let markets = machine.state().markets.keys().step_by(4).take(10);
    let positions = markets.zip(1..).map(|(instrument, number)| Position {
        instrument: *instrument,
        lots: Lots::from_count(if number % 3 == 0 { -100 * number } else { 70 * number }),
        cost: Notional::ZERO,
    });
    let positions = positions.collect();
    let mut state = machine.state().clone();
    state.parameters.set(None, ParameterId::Impact, impact).expect("within its bounds");
    (state.risk().expect("the house has marks"), positions)
}

/// The margin of an account with ten positions in forty-eight scenarios.
fn margin() -> usize {
    let (risk, positions) = ten_positions(0);
    let holdings = Holdings::new(&risk, &positions, &[]).expect("every market has a row");
    let mut meter = Meter::new(&risk);
    counted_margin(&mut meter, &holdings, 1);
    counted_margin(&mut meter, &holdings, 99);
    100
}

/// The same with impact, of two deltas and two vegas.
fn margin_impact() -> usize {
    let (risk, positions) = ten_positions(Y);
    let holdings = Holdings::new(&risk, &positions, &[]).expect("every market has a row");
    counted_margin_impact(&mut Meter::new(&risk), &holdings, 100);
    100
}

/// Y = 1.
const Y: i64 = 1_000_000;

#[inline(never)]
fn counted_margin_impact(meter: &mut Meter<'_>, holdings: &Holdings, times: usize) {
    // One place to read from, so that both gates count the same code.
    counted_margin(meter, holdings, times);
}

#[inline(never)]
fn counted_margin(meter: &mut Meter<'_>, holdings: &Holdings, times: usize) {
    for _ in 0..times {
        black_box(meter.read(black_box(holdings), Notional::ZERO).expect("within limits"));
    }
}

/// A position of an account of a hundred.
fn hundred() -> usize {
    let (risk, holdings) = holdings_of(100);
    counted_hundred(&mut Meter::new(&risk), &holdings);
    100
}

#[inline(never)]
fn counted_hundred(meter: &mut Meter<'_>, holdings: &Holdings) {
    black_box(meter.read(black_box(holdings), Notional::ZERO).expect("within limits"));
}

/// A position of an account of as many as there can be.
fn thousands() -> usize {
    let (risk, holdings) = holdings_of(4_096);
    counted_thousands(&mut Meter::new(&risk), &holdings);
    4_096
}

#[inline(never)]
fn counted_thousands(meter: &mut Meter<'_>, holdings: &Holdings) {
    black_box(meter.read(black_box(holdings), Notional::ZERO).expect("within limits"));
}

/// Returns the matrices of a listing, and a position in each of its first markets.
fn holdings_of(count: usize) -> (Risk, Holdings) {
    let house = House::listing(4_096);
    let risk = house.risk();
    let positions: Vec<Position> = (house.markets.iter().zip(1..).take(count))
        .map(|(market, number)| Position {
            instrument: market.instrument.id,
            lots: Lots::from_count(if number % 3 == 0 { -100 } else { 70 } + number % 50),
            cost: Notional::ZERO,
        })
        .collect();
    let holdings = Holdings::new(&risk, &positions, &[]).expect("every market has a row");
    (risk, holdings)
}

/// The exact check of an order of that account.
fn order_check() -> usize {
    with_order(0, |account, order| counted_order_check(account, order, 100))
}

/// The same with impact.
fn order_impact() -> usize {
    with_order(Y, |account, order| counted_order_impact(account, order, 100))
}

fn with_order(impact: i64, count: impl FnOnce(&AccountMargin<'_>, &OpenOrder)) -> usize {
    let (risk, positions) = ten_positions(impact);
    let cash = Notional::from_micros(1_000_000_000_000);
    let portfolio = Portfolio { cash, positions: &positions, collateral: &[], orders: &[] };
    let account = AccountMargin::new(&risk, &portfolio).expect("within limits");
    let order = OpenOrder {
        instrument: positions.first().expect("ten").instrument,
        side: Side::Buy,
        price: Price::from_micros(64_000_000_000),
        lots: Lots::from_count(10),
        fee: Notional::from_micros(1_000),
    };
    count(&account, &order);
    100
}

#[inline(never)]
fn counted_order_impact(account: &AccountMargin<'_>, order: &OpenOrder, times: usize) {
    counted_order_check(account, order, times);
}

#[inline(never)]
fn counted_order_check(account: &AccountMargin<'_>, order: &OpenOrder, times: usize) {
    for _ in 0..times {
        black_box(account.check(black_box(order)).expect("within limits"));
    }
}

/// Orders placed into a book of ten thousand and cancelled again, with the auction and digest between.
fn book() -> usize {
    let tick = 100_000;
    let entry = |number: u64| {
        let side = if number.is_multiple_of(2) { Side::Buy } else { Side::Sell };
        let away = i128::from(number * 7_919 % 1_000) + 1;
        let ticks = if side == Side::Buy { 600_000 - away } else { 600_000 + away };
        Entry {
            order: OrderId::new(number),
            account: AccountIndex::new(u32::try_from(number % 1_000).expect("small")),
            side,
            price: Price::from_micros(ticks * tick),
            lots: Lots::from_count(i128::from(number % 97) + 1),
            time_in_force: TimeInForce::GoodTillCancelled,
            arrived: BlockHeight::from_blocks(1),
        }
    };
    let mut book = FastBook::new(Price::from_micros(tick));
    let resting: Vec<Entry> = (1..=10_000).map(entry).collect();
    place(&mut book, &resting);
    end(&mut book);
    black_box(book.digest());
    let more: Vec<Entry> = (10_001..=11_000).map(entry).collect();
    counted_book(&mut book, &more);
    2 * more.len()
}

#[inline(never)]
fn counted_book(book: &mut FastBook, entries: &[Entry]) {
    place(book, entries);
    end(book);
    for entry in entries {
        black_box(book.cancel(entry.order));
    }
    black_box(book.digest());
}

fn place(book: &mut FastBook, entries: &[Entry]) {
    for entry in entries {
        book.check(entry, SelfTrade::CancelResting).expect("it rests");
        book.admit(*entry, SelfTrade::CancelResting).expect("no fault").expect("it rests");
    }
}

fn end(book: &mut FastBook) {
    let auction = book.uncross(Price::from_micros(600_000 * 100_000)).expect("no fault");
    book.commit(&auction).expect("no fault");
}

/// Blocks of mixed traffic through the machine.
fn machine() -> usize {
    let size = Size { accounts: 400, commands: 2_000, blocks: 3 };
    let traffic = Traffic::generate(size, 1);
    counted_machine(&mut traffic.opened(), &traffic.blocks);
    traffic.blocks.iter().map(|block| block.transactions.len()).sum()
}

#[inline(never)]
fn counted_machine(machine: &mut Machine, blocks: &[Block]) {
    for block in blocks {
        drop(black_box(machine.apply(block).expect("the block follows")));
    }
}

/// Blocks that bring the votes of a hundred validators on one underlying, and nothing else.
fn prices() -> usize {
    let voting = Voting::generate(100, 4, 1);
    counted_prices(&mut voting.opened(), &voting.blocks);
    let votes = voting.blocks.iter().flat_map(|block| &block.votes);
    votes.map(|vote| vote.prices.len() + vote.bases.len() + vote.vols.len()).sum()
}

#[inline(never)]
fn counted_prices(machine: &mut Machine, blocks: &[Block]) {
    for block in blocks {
        drop(black_box(machine.apply(block).expect("the block follows")));
    }
}
