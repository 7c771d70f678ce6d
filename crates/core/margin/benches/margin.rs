//! The hot paths: the pass over all accounts, the check of an order, a row of the matrix.

#[path = "../tests/support/mod.rs"]
mod support;

use divan::{Bencher, black_box};
use margin::{
    AccountMargin, Ceiling, Holdings, Meter, OpenOrder, OrderCeiling, Position, required,
};
use protocol::Contract;
use support::{BTC, House, NOW, Random, alone, dollars, expiry, of};
use units::{BlockTime, Lots, Ppm};

fn main() {
    divan::main();
}

fn positions(house: &House, count: usize) -> Vec<Position> {
    let mut random = Random::new(7);
    let stride = house.markets.len() / count;
    house
        .markets
        .iter()
        .step_by(stride)
        .take(count)
        .map(|market| Position {
            instrument: market.instrument.id,
            lots: Lots::from_count(random.between(-2_000, 2_000)),
            cost: dollars(0),
        })
        .collect()
}

#[divan::bench(args = [3, 10, 50])]
fn read_account(bencher: Bencher<'_, '_>, count: usize) {
    let house = House::new();
    let risk = house.risk();
    let holdings = Holdings::new(&risk, &positions(&house, count), &[]).unwrap();
    let meter = Meter::new(&risk);
    bencher.bench_local(|| meter.read(black_box(&holdings), dollars(0)));
}

/// A house in which trading away costs something, for deltas and for vegas.
fn with_impact() -> House {
    let mut house = House::new();
    for underlying in &mut house.underlyings {
        underlying.vol_daily = Ppm::from_parts(30_000);
        underlying.volume_daily = dollars(100_000_000);
        underlying.vol_move_daily = Ppm::from_parts(50_000);
        underlying.vega_daily = dollars(20_000_000);
    }
    house
}

#[divan::bench(args = [3, 10, 50])]
fn read_account_with_impact(bencher: Bencher<'_, '_>, count: usize) {
    let house = with_impact();
    let risk = house.risk();
    let holdings = Holdings::new(&risk, &positions(&house, count), &[]).unwrap();
    let meter = Meter::new(&risk);
    bencher.bench_local(|| meter.read(black_box(&holdings), dollars(0)));
}

/// Options of one expiry: every position takes part in every sum.
#[divan::bench]
fn read_ten_options_of_an_expiry(bencher: Bencher<'_, '_>) {
    read_options(bencher, &House::new(), 10, expiry(30));
}

/// Six of them, and six that end within a day and bend at their strikes.
#[divan::bench(args = [30 * 24, 5])]
fn read_six_options_that_end_in_hours(bencher: Bencher<'_, '_>, hours: i128) {
    let ends = BlockTime::from_millis(NOW + hours * 3_600_000);
    read_options(bencher, &House::expiring(), 6, ends);
}

fn read_options(bencher: Bencher<'_, '_>, house: &House, count: usize, ends: BlockTime) {
    let risk = house.risk();
    let options = house.markets.iter().filter(|market| {
        market.instrument.underlying == BTC
            && matches!(market.instrument.contract, Contract::Option { expires_at, .. } if expires_at == ends)
    });
    let mut random = Random::new(7);
    let positions: Vec<Position> = options
        .take(count)
        .map(|market| Position {
            instrument: market.instrument.id,
            lots: Lots::from_count(random.between(-2_000, 2_000)),
            cost: dollars(0),
        })
        .collect();
    let holdings = Holdings::new(&risk, &positions, &[]).unwrap();
    let meter = Meter::new(&risk);
    bencher.bench_local(|| meter.read(black_box(&holdings), dollars(0)));
}

/// What lets most orders in: the account's ceiling with the most that the order could add.
#[divan::bench]
fn check_order_under_the_ceiling(bencher: Bencher<'_, '_>) {
    under_the_ceiling(bencher, &House::new());
}

#[divan::bench]
fn check_order_under_the_ceiling_with_impact(bencher: Bencher<'_, '_>) {
    under_the_ceiling(bencher, &with_impact());
}

fn under_the_ceiling(bencher: Bencher<'_, '_>, house: &House) {
    let risk = house.risk();
    let order = alone(&house.random_order(&mut Random::new(3), Some(40)));
    let holdings = Holdings::new(&risk, &positions(house, 10), &[]).unwrap();
    let reading = Meter::new(&risk).read(&holdings, dollars(10_000_000)).unwrap();
    let ceiling = Ceiling::new(&risk, &reading, &holdings);
    assert!(OrderCeiling::of(&risk, &order).and_then(|more| ceiling.with(more)).is_some());
    bencher.bench_local(|| {
        OrderCeiling::of(&risk, black_box(&order)).and_then(|more| black_box(ceiling).with(more))
    });
}

#[divan::bench(args = [3, 10, 50])]
fn required_from_nothing(bencher: Bencher<'_, '_>, count: usize) {
    let house = House::new();
    let risk = house.risk();
    let positions = positions(&house, count);
    bencher.bench_local(|| required(&risk, black_box(&of(0, &positions))));
}

fn check(bencher: Bencher<'_, '_>, positions: &[Position], order: &OpenOrder, house: &House) {
    let risk = house.risk();
    let account = AccountMargin::new(&risk, &of(1_000_000, positions)).unwrap();
    bencher.bench_local(|| account.check(black_box(order)));
}

#[divan::bench]
fn check_order_of_a_perpetual_account(bencher: Bencher<'_, '_>) {
    let house = House::new();
    let held = positions(&house, house.markets.len()).into_iter().take(1).collect::<Vec<_>>();
    let order = house.random_order(&mut Random::new(3), Some(0));
    check(bencher, &held, &order, &house);
}

#[divan::bench]
fn check_order_across_expiries(bencher: Bencher<'_, '_>) {
    let house = House::new();
    let order = house.random_order(&mut Random::new(3), Some(40));
    check(bencher, &positions(&house, 10), &order, &house);
}

#[divan::bench]
fn add_and_remove_order(bencher: Bencher<'_, '_>) {
    let house = House::new();
    let order = house.random_order(&mut Random::new(3), Some(40));
    let risk = house.risk();
    let portfolio = positions(&house, 10);
    let mut account = AccountMargin::new(&risk, &of(1_000_000, &portfolio)).unwrap();
    bencher.bench_local(|| {
        account.add(black_box(&order)).unwrap();
        account.remove(black_box(&order)).unwrap();
    });
}

#[divan::bench]
fn check_order_across_expiries_with_impact(bencher: Bencher<'_, '_>) {
    let house = with_impact();
    let order = house.random_order(&mut Random::new(3), Some(40));
    check(bencher, &positions(&house, 10), &order, &house);
}

/// One matrix of 92 rows, of which 84 are options.
#[divan::bench]
fn build_matrix_of_92_rows(bencher: Bencher<'_, '_>) {
    let house = House::new();
    bencher.bench_local(|| black_box(&house).risk());
}
