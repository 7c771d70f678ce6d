//! `cargo x sim --seeds K [--from S] [--plant NAME]`: runs the histories of K seeds.
//!
//! Each failure is printed with the line that reproduces it; the last line is `<n> seeds, <f> failures`.
#![expect(clippy::print_stdout, reason = "a command line tool talks on standard output")]

use sim::{Drawn, Planting, run};
use std::process::ExitCode;
use std::time::Instant;

/// What is asked for.
#[derive(Debug)]
struct Asked {
    seeds: u64,
    from: u64,
    plant: Option<Planting>,
    plant_name: String,
}

/// Prints the seed of a history that panics.
struct Reproduce(String);

impl Drop for Reproduce {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("reproduce: {}", self.0);
        }
    }
}

fn main() -> ExitCode {
    let asked = match asked(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(error) => {
            eprintln!(
                "{error}\nusage: cargo x sim --seeds K [--from S] [--plant no-quorum|divergence]"
            );
            return ExitCode::from(2);
        }
    };
    let started = Instant::now();
    let (mut failures, mut blocks, mut transactions, mut millis) = (0u64, 0, 0, 0);
    let (mut liars, mut punished) = (0, 0);
    for seed in asked.from..asked.from.saturating_add(asked.seeds) {
        let plant = match asked.plant {
            Some(_) => format!(" --plant {}", asked.plant_name),
            None => String::new(),
        };
        let reproduce = Reproduce(format!("cargo x sim --seeds 1 --from {seed}{plant}"));
        let ran = run(seed, asked.plant);
        (blocks, transactions, millis) =
            (blocks + ran.height, transactions + ran.transactions, millis + ran.millis);
        liars += Drawn::from_seed(seed).liars.len();
        punished += ran.punished;
        if let Some(failure) = ran.failure {
            failures += 1;
            println!("seed {seed} ({}): {failure}", Drawn::from_seed(seed));
            println!("reproduce: {}", reproduce.0);
        }
    }
    let seconds = started.elapsed().as_secs().max(1);
    println!(
        "{blocks} blocks, {transactions} transactions, {liars} liars, {punished} of them punished, {} simulated seconds in {seconds} s: {} seeds an hour",
        millis / 1_000,
        asked.seeds.saturating_mul(3_600) / seconds,
    );
    println!("{} seeds, {failures} failures", asked.seeds);
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn asked(mut arguments: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut asked = Asked { seeds: 0, from: 0, plant: None, plant_name: String::new() };
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        let number = || match value.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => value.parse(),
        };
        match name.as_str() {
            "--seeds" => asked.seeds = number().map_err(|_| "--seeds is a number".to_owned())?,
            "--from" => asked.from = number().map_err(|_| "--from is a number".to_owned())?,
            "--plant" => {
                let plant = Planting::named(&value);
                asked.plant = Some(plant.ok_or_else(|| format!("no plant '{value}'"))?);
                asked.plant_name = value;
            }
            _ => return Err(format!("no option '{name}'")),
        }
    }
    match asked.seeds {
        0 => Err("--seeds says how many".to_owned()),
        _ => Ok(asked),
    }
}
