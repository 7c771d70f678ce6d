//! How fast this machine is at the moment: what the other benches' figures are to be read against.
//!
//! `cargo bench -p testkit --bench speed`; without `--bench` each measurement runs once on little, so that it never rots.
//! Virtual processors share cores, caches and memory with strangers, and their speed changes by half from minute to minute.
#![expect(clippy::print_stdout, reason = "results of a bench")]

use std::hint::black_box;
use std::time::Instant;

/// Lines of memory in the chains: what fits into a second-level cache, and what fits into none.
const CHAINS: [(&str, usize); 2] =
    [("speed::load_of_256_KiB", 1 << 12), ("speed::load_of_64_MiB", 1 << 20)];
const ROUNDS: usize = 5;
/// Words in a line of memory.
const LINE: usize = 16;
/// Knuth's multiplier.
const FACTOR: u64 = 6_364_136_223_846_793_005;

fn main() {
    let measured = std::env::args().any(|argument| argument == "--bench");
    let steps: u32 = if measured { 20_000_000 } else { 1_000 };
    let chained = fastest(|| (0..steps).fold(1, |x, _| black_box(next(x))));
    report("speed::multiply_and_add", chained / f64::from(steps));
    for (name, lines) in CHAINS {
        let chain = chain(if measured { lines } else { 1 << 6 });
        let loads = steps / 10;
        let nanos =
            fastest(|| (0..loads).fold(0, |at, _| chain.get(at as usize).map_or(0, |at| *at)));
        report(name, nanos / f64::from(loads));
    }
}

/// One step that waits for the one before: a multiplication and an addition.
fn next(x: u64) -> u64 {
    x.wrapping_mul(FACTOR).wrapping_add(1)
}

/// Returns a chain through every line of some memory, in no order that a processor could foresee.
fn chain(lines: usize) -> Vec<u32> {
    let place = |line: usize| u32::try_from(line * LINE).expect("a few mebibytes");
    let mut order: Vec<usize> = (0..lines).collect();
    let mut random = 1;
    for last in (1..lines).rev() {
        random = next(random);
        let pick = usize::try_from(random >> 33).expect("31 bits") % (last + 1);
        order.swap(last, pick);
    }
    let mut chain = vec![0; lines * LINE];
    for (at, line) in order.iter().enumerate() {
        chain[line * LINE] = place(order[(at + 1) % lines]);
    }
    chain
}

/// Returns the nanoseconds of the fastest of some rounds.
fn fastest<T>(mut run: impl FnMut() -> T) -> f64 {
    let rounds = (0..ROUNDS).map(|_| {
        let started = Instant::now();
        black_box(run());
        started.elapsed().as_secs_f64() * 1e9
    });
    rounds.fold(f64::INFINITY, f64::min)
}

fn report(name: &str, nanos: f64) {
    println!(
        "{{\"name\":\"{name}\",\"value\":{nanos:.2},\"unit\":\"ns\",\"vs\":null,\"ratio\":null}}"
    );
}
