//! One price of the kernel beside one of QuantLib, on the same 20,000 options, in one run.
//!
//! `cargo bench -p testkit --bench quantlib`; without `--bench` the kernel alone runs once, so that it never rots. The
//! peers are the programs in `tools/peers`, which draw the same options: the C++ one, built here, is the fair one; the
//! figures of the Python one include a call from Python. A peer that is not installed is left out and said so.
//!
//! *Cold* is a price from forward, strike, vol and time; *prepared* one from what a scenario loop holds: the kernel's
//! logarithms and deviation, QuantLib's standard deviation. Times are those of the fastest round. Values are compared
//! with both roundings of the kernel.
#![expect(clippy::print_stdout, reason = "results of a bench")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use pricing::{Deviation, FineVol, Forward, Strike, Terms};
use random::Random;
use units::{BlockSpan, Price, Round, Vol};

const SEED: u64 = 76;
const OPTIONS: u32 = 20_000;
const ROUNDS: u32 = 30;
/// Rounds of the Python peer, which needs none to warm up.
const ROUNDS_PYTHON: u32 = 5;

fn main() {
    let measured = std::env::args().any(|argument| argument == "--bench");
    let options = draw();
    let kernel = Kernel::measure(&options, if measured { ROUNDS } else { 1 });
    if !measured {
        eprintln!("peers are left out: they run with --bench");
    }
    let peers = if measured { [cpp(), python()] } else { [None, None] };
    let mut fair = None;
    for peer in peers.iter().flatten() {
        let name = format!("{} {}", peer.name, peer.version);
        report(&format!("{}::cold", peer.name), peer.cold, None);
        report(&format!("{}::prepared", peer.name), peer.prepared, None);
        kernel.compare(&name, &peer.values);
        fair = fair.or(Some(peer));
    }
    let vs = |figure: fn(&Peer) -> f64, kind: &str| {
        fair.map(|peer| (format!("{}::{kind}", peer.name), figure(peer)))
    };
    report("pricing::black76_cold", kernel.cold, vs(|peer| peer.cold, "cold"));
    report("pricing::black76_prepared", kernel.prepared, vs(|peer| peer.prepared, "prepared"));
}

/// One option in the units of the house.
struct Drawn {
    is_call: bool,
    forward: Price,
    strike: Price,
    vol: Vol,
    time: BlockSpan,
}

/// Returns the options that the peers draw: SplitMix64, five numbers each.
fn draw() -> Vec<Drawn> {
    let mut random = Random::new(SEED);
    let mut below = move |bound: u64| i128::from(random.below(bound));
    let mut option = || {
        let forward = 10_000_000_000 + below(100_000_000_000);
        Drawn {
            forward: Price::from_micros(forward),
            strike: Price::from_micros(forward * (500 + below(1_500)) / 1_000),
            vol: Vol::from_points(500 + below(19_500)),
            time: BlockSpan::from_millis(3_600_000 + below(63_072_000_000)),
            is_call: below(2) == 0,
        }
    };
    (0..OPTIONS).map(|_| option()).collect()
}

fn terms(option: &Drawn) -> Terms {
    let vol = FineVol::from_vol(option.vol).expect("within limits");
    Terms::new(option.forward, option.strike, vol, option.time).expect("within limits")
}

fn price(is_call: bool, forward: Forward, strike: Strike, deviation: Deviation) -> Price {
    match is_call {
        true => pricing::call(forward, strike, deviation, Round::Down),
        false => pricing::put(forward, strike, deviation, Round::Down),
    }
}

/// What the kernel takes and finds.
struct Kernel {
    cold: f64,
    prepared: f64,
    /// Value rounded down and up.
    values: Vec<(i128, i128)>,
}

impl Kernel {
    fn measure(options: &[Drawn], rounds: u32) -> Self {
        let mut found = vec![Price::ZERO; options.len()];
        let cold = fastest(rounds, || {
            for (value, option) in found.iter_mut().zip(options) {
                let option = black_box(option);
                let terms = terms(option);
                *value = match option.is_call {
                    true => terms.call(Round::Down),
                    false => terms.put(Round::Down),
                };
            }
        });
        let prepared: Vec<_> = options
            .iter()
            .map(|option| (option.is_call, terms(option)))
            .map(|(is_call, terms)| (is_call, terms.forward, terms.strike, terms.deviation()))
            .collect();
        let mut again = vec![Price::ZERO; options.len()];
        let prepared = fastest(rounds, || {
            for (value, option) in again.iter_mut().zip(&prepared) {
                let (is_call, forward, strike, deviation) = *black_box(option);
                *value = price(is_call, forward, strike, deviation);
            }
        });
        assert_eq!(found, again, "both ways give one value");
        let up = |option: &Drawn| match option.is_call {
            true => terms(option).call(Round::Up),
            false => terms(option).put(Round::Up),
        };
        let down = found.iter().map(|value| value.micros());
        let values = down.zip(options).map(|(down, option)| (down, up(option).micros())).collect();
        Self { cold, prepared, values }
    }

    /// Says how far the values of a peer are, in ten-thousandths of a micro-dollar, and how many of them lie between
    /// both roundings.
    fn compare(&self, name: &str, peer: &[i128]) {
        assert_eq!(self.values.len(), peer.len(), "{name} prices as many options");
        let (mut most, mut outside, mut beyond) = (0, 0_u32, 0);
        for ((down, up), theirs) in self.values.iter().zip(peer) {
            let (low, high) = (theirs - down * 10_000, up * 10_000 - theirs);
            most = most.max(low.abs()).max(high.abs());
            outside += u32::from(low < 0 || high < 0);
            beyond = beyond.max(-low).max(-high);
        }
        eprintln!(
            "{name}: {} values, at most {}.{:04} micro-dollars from either rounding; {outside} outside of both, by at \
             most {}.{:04}",
            peer.len(),
            most / 10_000,
            most % 10_000,
            beyond / 10_000,
            beyond % 10_000,
        );
        assert!(most <= 20_000, "{name} and the kernel differ by more than two micro-dollars");
    }
}

/// Returns the nanoseconds of one option in the fastest round.
fn fastest(rounds: u32, mut price_all: impl FnMut()) -> f64 {
    let round = |_| {
        let start = Instant::now();
        price_all();
        start.elapsed().as_secs_f64() * 1e9 / f64::from(OPTIONS)
    };
    (0..rounds).map(round).fold(f64::INFINITY, f64::min)
}

/// What a peer takes and finds.
struct Peer {
    name: &'static str,
    version: String,
    cold: f64,
    prepared: f64,
    /// In ten-thousandths of a micro-dollar.
    values: Vec<i128>,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

fn cpp() -> Option<Peer> {
    let name = "quantlib_cpp";
    let program = repository().join("target/peers/quantlib");
    std::fs::create_dir_all(program.parent()?).ok()?;
    let mut build = Command::new("g++");
    build.args(["-std=c++17", "-O3"]).arg(repository().join("tools/peers/quantlib.cpp"));
    build.args(["-lQuantLib", "-o"]).arg(&program);
    if let Err(reason) = ran(&mut build) {
        eprintln!(
            "left out: {name}: {reason} (install with: apt-get install g++ libquantlib0-dev)"
        );
        return None;
    }
    peer(name, Command::new(program), ROUNDS, "apt-get install libquantlib0-dev")
}

fn python() -> Option<Peer> {
    let mut program = Command::new("python3");
    program.arg(repository().join("tools/peers/quantlib.py"));
    program.env("PYTHONPATH", repository().join("target/quantlib"));
    let install = "python3 -m pip install --target target/quantlib QuantLib";
    peer("quantlib_python", program, ROUNDS_PYTHON, install)
}

/// Runs a peer, or says why it is left out.
fn peer(name: &'static str, mut program: Command, rounds: u32, install: &str) -> Option<Peer> {
    program.args([SEED.to_string(), OPTIONS.to_string(), rounds.to_string()]);
    match ran(&mut program).and_then(|output| read(name, &output).ok_or("unreadable".to_owned())) {
        Ok(peer) => Some(peer),
        Err(reason) => {
            eprintln!("left out: {name}: {reason} (install with: {install})");
            None
        }
    }
}

/// Returns what a program prints, or the last line of its complaint.
fn ran(program: &mut Command) -> Result<String, String> {
    let output = program.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return String::from_utf8(output.stdout).map_err(|error| error.to_string());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(complaint.lines().last().unwrap_or("it failed and said nothing").to_owned())
}

fn read(name: &'static str, output: &str) -> Option<Peer> {
    let (mut version, mut cold, mut prepared, mut values) = (None, None, None, Vec::new());
    for line in output.lines() {
        let (key, value) = line.split_once(' ')?;
        match key {
            "version" => version = Some(value.to_owned()),
            "cold_ns" => cold = value.parse().ok(),
            "prepared_ns" => prepared = value.parse().ok(),
            "value" => values.push(value.replace('.', "").parse().ok()?),
            _ => return None,
        }
    }
    Some(Peer { name, version: version?, cold: cold?, prepared: prepared?, values })
}

/// Prints a figure as a JSON line.
fn report(name: &str, value: f64, vs: Option<(String, f64)>) {
    let against = match vs {
        Some((vs, other)) => format!("\"vs\":\"{vs}\",\"ratio\":{:.4}", value / other),
        None => "\"vs\":null,\"ratio\":null".to_owned(),
    };
    println!("{{\"name\":\"{name}\",\"value\":{value:.3},\"unit\":\"ns\",{against}}}");
}
