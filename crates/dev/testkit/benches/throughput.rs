//! Accounts a second on one core, for each instruction set in one run; the check of an order; the matrices of a block.
//!
//! `cargo bench -p testkit --bench throughput`; without `--bench` each measurement runs once on little, so that it never
//! rots. Prints JSON lines; `ratio` compares with the line named by `vs`. Times are those of the fastest round, and rounds
//! are shorter than the turns that a busy machine gives to each thread.
#![expect(clippy::print_stdout, reason = "results of a bench")]
#![expect(clippy::cast_precision_loss, reason = "counts of operations are far below 2⁵³")]

#[path = "../../../core/margin/tests/support/mod.rs"]
mod support;

use margin::{AccountMargin, Holdings, InstructionSet, MarketInput, Meter, Position, Risk};
use protocol::{Contract, InstrumentId};
use std::hint::black_box;
use std::time::{Duration, Instant};
use support::{BTC, House, Random, of};
use units::{Lots, Notional};

/// What is measured, in the large or just to see that it runs.
struct Size {
    rounds: u32,
    accounts: usize,
    accounts_of_block: usize,
}

fn main() {
    let measured = std::env::args().any(|argument| argument == "--bench");
    let size = match measured {
        true => Size { rounds: 400, accounts: 500, accounts_of_block: 1_000_000 },
        false => Size { rounds: 1, accounts: 2, accounts_of_block: 4 },
    };
    let house = House::listing(2_000);
    let build = fastest(&size, 1, || drop(black_box(black_box(&house).risk())));
    report("margin::matrices_of_2000_instruments", build, None);
    accounts(&house, &size);
    order_check(&house, &size);
    large_accounts(&size);
    block(&house, &size, build);
}

fn position(random: &mut Random, market: &MarketInput) -> Position {
    Position {
        instrument: market.instrument.id,
        lots: Lots::from_count(
            random.between(1, 2_000) * if random.below(2) == 0 { 1 } else { -1 },
        ),
        cost: Notional::ZERO,
    }
}

/// Returns positions in different instruments among some markets.
fn positions(random: &mut Random, markets: &[&MarketInput], count: usize) -> Vec<Position> {
    let mut chosen: Vec<InstrumentId> = Vec::new();
    let mut held = Vec::new();
    while held.len() < count.min(markets.len()) {
        let place = usize::try_from(random.below(markets.len() as u64)).expect("small");
        let market = markets[place];
        if count >= 100 {
            // Too many to draw: one after another.
            held.push(position(random, markets[held.len()]));
        } else if !chosen.contains(&market.instrument.id) {
            chosen.push(market.instrument.id);
            held.push(position(random, market));
        }
    }
    held
}

/// Returns the places of the options of one expiry among a house's markets.
fn options_of_an_expiry(house: &House) -> Vec<usize> {
    let places = house.markets.iter().enumerate().filter(|(_, market)| {
        let contract = market.instrument.contract;
        market.instrument.underlying == BTC
            && matches!(contract, Contract::Option { expires_at, .. }
                if expires_at == support::expiry(30))
    });
    places.map(|(place, _)| place).collect()
}

fn accounts(house: &House, size: &Size) {
    let everything: Vec<&MarketInput> = house.markets.iter().collect();
    let places = options_of_an_expiry(house);
    let one_expiry: Vec<&MarketInput> =
        places.into_iter().map(|place| &house.markets[place]).collect();
    for (shape, markets, counts) in
        [("one_expiry", &one_expiry, &[1, 10, 100][..]), ("spread", &everything, &[3, 10, 50])]
    {
        for count in counts {
            let mut first = None;
            for set in InstructionSet::available() {
                let risk = house.risk().with_instructions(set).expect("it is available");
                let held: Vec<Holdings> = (0..size.accounts)
                    .map(|seed| positions(&mut Random::new(seed as u64), markets, *count))
                    .map(|held| Holdings::new(&risk, &held, &[]).expect("every market has a row"))
                    .collect();
                let name = format!("margin::account_{shape}/{count}/{set}");
                let each = read_all(&risk, &held, size);
                report(
                    &name,
                    each,
                    first.as_ref().map(|(name, each): &(String, f64)| (&**name, *each)),
                );
                first.get_or_insert((name, each));
            }
        }
    }
}

/// Returns the nanoseconds of one account.
fn read_all(risk: &Risk, held: &[Holdings], size: &Size) -> f64 {
    let meter = Meter::new(risk);
    fastest(size, held.len(), || {
        for holdings in held {
            black_box(meter.read(black_box(holdings), Notional::ZERO).expect("within limits"));
        }
    })
}

fn order_check(house: &House, size: &Size) {
    let mut random = Random::new(11);
    for set in InstructionSet::available() {
        let risk = house.risk().with_instructions(set).expect("it is available");
        for (shape, places, count) in [
            ("perpetual", vec![0], 1),
            ("one_expiry", options_of_an_expiry(house), 10),
            ("spread", (0..house.markets.len()).collect(), 10),
        ] {
            let markets: Vec<&MarketInput> =
                places.iter().map(|place| &house.markets[*place]).collect();
            let held = positions(&mut random, &markets, count);
            let account = AccountMargin::new(&risk, &of(1_000_000, &held)).expect("within limits");
            let orders: Vec<_> = (0..64)
                .map(|_| {
                    let drawn = usize::try_from(random.below(places.len() as u64)).expect("small");
                    house.random_order(&mut random, Some(places[drawn]))
                })
                .collect();
            let each = fastest(size, 10 * orders.len(), || {
                for order in orders.iter().cycle().take(10 * orders.len()) {
                    black_box(account.check(black_box(order)).expect("within limits"));
                }
            });
            report(&format!("margin::order_check/{shape}/{set}"), each, None);
        }
    }
}

/// Positions from one to all there can be: a position costs no more where there are many.
fn large_accounts(size: &Size) {
    let house = House::listing(4_096);
    let risk = house.risk();
    let everything: Vec<&MarketInput> = house.markets.iter().collect();
    let mut first = None;
    for count in [1, 10, 100, 1_000, 4_096] {
        let held = positions(&mut Random::new(3), &everything, count);
        let holdings = Holdings::new(&risk, &held, &[]).expect("every market has a row");
        let times = if size.rounds == 1 { 1 } else { 4_096 / count };
        let held = vec![holdings; times];
        let each = read_all(&risk, &held, size);
        let name = format!("margin::account_of/{count}");
        report(&name, each, first.as_ref().map(|(name, each): &(String, f64)| (&**name, *each)));
        first.get_or_insert((name, each));
    }
}

/// A million accounts of ten positions, from the matrices on: what a block measures.
fn block(house: &House, size: &Size, build: f64) {
    let risk = house.risk();
    let everything: Vec<&MarketInput> = house.markets.iter().collect();
    let held: Vec<Holdings> = (0..size.accounts_of_block)
        .map(|seed| positions(&mut Random::new(seed as u64), &everything, 10))
        .map(|held| Holdings::new(&risk, &held, &[]).expect("every market has a row"))
        .collect();
    let few = Size { rounds: size.rounds.min(3), ..*size };
    let each = read_all(&risk, &held, &few);
    let all = each * held.len() as f64 + build;
    report("margin::block_of_a_million_accounts", all, None);
    let sorted = positions(&mut Random::new(5), &everything, 10);
    let each = fastest(size, 100, || {
        for _ in 0..100 {
            black_box(Holdings::new(&risk, black_box(&sorted), &[]).expect("has rows"));
        }
    });
    report("margin::holdings_sorted/10", each, None);
    let greeks = fastest(size, 100, || {
        for _ in 0..100 {
            black_box(margin::greeks(&risk, black_box(&sorted)).expect("has rows"));
        }
    });
    report("margin::greeks/10", greeks, None);
}

/// Returns the nanoseconds of one of some operations, in the fastest round.
fn fastest(size: &Size, operations: usize, mut run: impl FnMut()) -> f64 {
    let mut best = Duration::MAX;
    for _ in 0..size.rounds {
        let started = Instant::now();
        run();
        best = best.min(started.elapsed());
    }
    best.as_nanos() as f64 / operations as f64
}

fn report(name: &str, nanoseconds: f64, vs: Option<(&str, f64)>) {
    let (vs, ratio) = match vs {
        Some((vs, other)) => (format!("\"{vs}\""), format!("{:.4}", nanoseconds / other)),
        None => ("null".to_owned(), "null".to_owned()),
    };
    let line = format!("\"value\":{nanoseconds:.1},\"unit\":\"ns\",\"vs\":{vs},\"ratio\":{ratio}");
    println!("{{\"name\":\"{name}\",{line}}}");
}
