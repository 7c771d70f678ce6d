//! What a price costs in each of the ways it is asked for.

use std::hint::black_box;

use divan::{Bencher, counter::ItemsCount};
use pricing::{Deviation, FineVol, Fixing, Forward, Horizon, Strike, Terms};
use units::{BlockSpan, Price, Round};

fn main() {
    divan::main();
}

const WEEK: BlockSpan = BlockSpan::from_millis(604_800_000);

fn vol(percent: i128) -> FineVol {
    FineVol::from_trillionths(percent * 10_000_000_000).expect("within limits")
}

fn dollars(value: i128) -> Price {
    Price::from_micros(value * 1_000_000)
}

fn terms() -> Terms {
    Terms::new(dollars(58_710), dollars(62_000), vol(65), WEEK).expect("within limits")
}

/// Forty-eight scenarios of one instrument: eleven forwards and three volatilities, prepared outside the loop.
#[divan::bench(name = "pricing::scenario_loop")]
fn scenario_loop(bencher: Bencher) {
    let horizon = Horizon::after(WEEK).expect("within limits");
    let forwards: Vec<Forward> = (0..11)
        .map(|step| Forward::new(dollars(58_710 + (step - 5) * 1_879)).expect("within limits"))
        .collect();
    let deviations = [50, 65, 90].map(|percent| Deviation::new(vol(percent), horizon));
    let scenarios: Vec<(Forward, Deviation)> =
        (0..48).map(|index| (forwards[index % 11], deviations[index / 11 % 3])).collect();
    let strike = Strike::new(dollars(62_000)).expect("within limits");
    bencher.counter(ItemsCount::new(48_u32)).bench_local(|| {
        let (scenarios, strike) = (black_box(&scenarios), black_box(strike));
        scenarios.iter().fold(0_i128, |sum, (forward, deviation)| {
            sum ^ pricing::call(*forward, strike, *deviation, Round::Down).micros()
        })
    });
}

/// One price of a billion dollars that is within a tenth of a micro-dollar of a whole number of them: one in ten there, one
/// in 90,000 at a hundred thousand dollars.
#[divan::bench(name = "pricing::next_to_a_whole_number")]
fn next_to_a_whole_number(bencher: Bencher) {
    let vol = FineVol::from_trillionths(650_000_000_009).expect("within limits");
    let terms = Terms::new(dollars(900_000_000), dollars(950_000_000), vol, WEEK);
    let Terms { forward, strike, vol, horizon } = terms.expect("within limits");
    let deviation = Deviation::new(vol, horizon);
    bencher.bench_local(|| pricing::call(black_box(forward), strike, deviation, Round::Down));
}

/// One price from bare inputs: two logarithms, a root, a reciprocal.
#[divan::bench(name = "pricing::price_cold")]
fn price_cold(bencher: Bencher) {
    bencher.bench_local(|| {
        let (forward, strike) = black_box((dollars(58_710), dollars(62_000)));
        let terms = Terms::new(forward, strike, black_box(vol(65)), black_box(WEEK));
        terms.map(|terms| terms.put(Round::Up))
    });
}

/// The deviation of one instrument at one volatility.
#[divan::bench(name = "pricing::deviation")]
fn deviation(bencher: Bencher) {
    let Terms { vol, horizon, .. } = terms();
    bencher.bench_local(|| Deviation::new(black_box(vol), black_box(horizon)));
}

/// The forward of one expiry in one scenario.
#[divan::bench(name = "pricing::forward")]
fn forward(bencher: Bencher) {
    bencher.bench_local(|| Forward::new(black_box(dollars(58_710))));
}

/// The horizon of one expiry, through the settlement average.
#[divan::bench(name = "pricing::fixing")]
fn fixing(bencher: Bencher) {
    let window = BlockSpan::from_millis(1_800_000);
    bencher.bench_local(|| Fixing::new(black_box(WEEK), black_box(window), Price::ZERO));
}

#[divan::bench(name = "pricing::greeks")]
fn greeks(bencher: Bencher) {
    let terms = terms();
    bencher.bench_local(|| black_box(terms).greeks());
}

#[divan::bench(name = "pricing::vol_implied")]
fn vol_implied(bencher: Bencher) {
    let terms = terms();
    let price = terms.call(Round::Down);
    let Terms { forward, strike, horizon, .. } = terms;
    bencher
        .bench_local(|| pricing::vol_implied_by_call(black_box(price), forward, strike, horizon));
}
