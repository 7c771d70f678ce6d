//! What a repair costs: an honest house, one that is full of arbitrage, and the shapes that cost most.

use divan::{Bencher, counter::ItemsCount};
use std::collections::BTreeSet;
use std::hint::black_box;
use surface::{Smile, repair};
use units::{BlockSpan, Price, Vol};

fn main() {
    divan::main();
}

const FORWARD: i128 = 60_000_000_000;
const DAY: i128 = 86_400_000;

/// Returns `expiries` × `strikes` options; every `wrong`th vol is far off.
fn house(expiries: i128, strikes: i128, wrong: i128) -> Vec<Smile> {
    let vol = |place: i128| {
        let is_wrong = wrong > 0 && place % wrong == 0;
        Vol::from_points(if is_wrong { 6_000 + place * 7_919 % 20_000 } else { 6_000 })
    };
    let smile = |expiry: i128| Smile {
        forward: Price::from_micros(FORWARD),
        fixed: Price::ZERO,
        variance: BlockSpan::from_millis(expiry * DAY),
        supports: true,
        silent: BTreeSet::new(),
        vols: (1..=strikes)
            .map(|step| {
                let strike = FORWARD / 4 + FORWARD * 2 * step / strikes;
                (Price::from_micros(strike), vol(expiry * strikes + step))
            })
            .collect(),
    };
    (1..=expiries).map(smile).collect()
}

fn measure(bencher: Bencher<'_, '_>, smiles: &[Smile]) {
    let options: usize = smiles.iter().map(|smile| smile.vols.len()).sum();
    bencher.counter(ItemsCount::new(options)).bench_local(|| repair(black_box(smiles)));
}

/// Ten expiries of forty strikes, nothing to repair.
#[divan::bench(name = "surface::honest_400")]
fn honest(bencher: Bencher<'_, '_>) {
    measure(bencher, &house(10, 40, 0));
}

/// The same with every third vol wrong.
#[divan::bench(name = "surface::wrong_400")]
fn wrong(bencher: Bencher<'_, '_>) {
    measure(bencher, &house(10, 40, 3));
}

/// One expiry with all options there can be, all of them wrong.
#[divan::bench(name = "surface::one_expiry_4096", sample_count = 20)]
fn one_expiry(bencher: Bencher<'_, '_>) {
    measure(bencher, &house(1, 4_096, 1));
}

/// As many expiries as options: each is held against all before it.
#[divan::bench(name = "surface::expiries_4096", sample_count = 5)]
fn expiries(bencher: Bencher<'_, '_>) {
    measure(bencher, &house(4_096, 1, 0));
}
