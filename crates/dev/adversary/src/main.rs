//! `cargo x attack --seeds K|FROM..TO [--guided] [--plant NAME]`: plays the histories of seeds against the machine.
//!
//! What breaks a rule is shrunk and printed with the line that reproduces it; the last line is `<n> histories, <f> broken`.
#![expect(clippy::print_stdout, reason = "a command line tool talks on standard output")]

use adversary::{Coverage, Found, Guide, Nearness, history, run_history};
use std::ops::Range;
use std::process::ExitCode;
use std::time::Instant;

const USAGE: &str =
    "usage: cargo x attack --seeds K|FROM..TO [--guided] [--plant NAME] [--first] [--quiet]";

/// What is asked for.
#[derive(Debug)]
struct Asked {
    seeds: Range<u64>,
    plant: Option<String>,
    /// Whether to end with the first history that breaks a rule.
    first: bool,
    /// Whether to leave out what has been reached.
    quiet: bool,
    /// Whether to change what has reached something new, instead of drawing everything afresh.
    guided: bool,
}

fn main() -> ExitCode {
    let asked = match asked(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let suffix = asked.plant.as_ref().map(|name| format!(" --plant {name}")).unwrap_or_default();
    let suffix = if asked.guided { format!("{suffix} --guided") } else { suffix };
    let started = Instant::now();
    let (mut histories, mut broken) = (0u64, 0u64);
    let (mut coverage, mut nearness) = (Coverage::default(), Nearness::default());
    let mut guide = Guide::default();
    let first = asked.seeds.start;
    for seed in asked.seeds {
        let history = if asked.guided { guide.history(seed) } else { history(seed) };
        let (ran, found) = run_history(&history);
        histories += 1;
        coverage.add(&ran.coverage);
        nearness = nearness.with(ran.nearness);
        if asked.guided {
            guide.learn(&history, &ran);
        }
        let Some(found) = found else { continue };
        broken += 1;
        // What a guided run makes of a seed depends on those before it.
        let from = if asked.guided { first } else { seed };
        show(seed, &found, &format!("{from}..{}{suffix}", seed + 1));
        if asked.first {
            break;
        }
    }
    if !asked.quiet {
        covered(&coverage, &nearness);
    }
    println!("{} s", started.elapsed().as_secs());
    println!("{histories} histories, {broken} broken");
    if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints what has been reached, what has not, and how near it came.
fn covered(coverage: &Coverage, nearness: &Nearness) {
    println!("| what | how often |\n|---|---|");
    for (what, count) in coverage.counts() {
        println!("| {what} | {count} |");
    }
    for (what, reason) in coverage.missing() {
        match reason {
            Some(reason) => println!("| {what} | out of reach: {reason} |"),
            None => println!("| {what} | never |"),
        }
    }
    println!(
        "nearest: {} dollars gained, {} blocks below maintenance margin, {} steps of liquidation and {} events in a block",
        nearness.gain / 1_000_000,
        nearness.waited,
        nearness.steps,
        nearness.events
    );
}

fn show(seed: u64, found: &Found, again: &str) {
    println!("seed {seed}: {:?}: {}", found.breach.rule, found.breach.seen);
    println!("  {:?}", found.history.setup);
    for step in &found.history.steps {
        println!("  {:?} {:?}", step.tick, step.acts);
    }
    println!("reproduce: cargo x attack --seeds {again}");
}

fn asked(mut arguments: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut asked = Asked { seeds: 0..0, plant: None, first: false, quiet: false, guided: false };
    while let Some(name) = arguments.next() {
        match name.as_str() {
            "--first" => {
                asked.first = true;
                continue;
            }
            "--quiet" => {
                asked.quiet = true;
                continue;
            }
            "--guided" => {
                asked.guided = true;
                continue;
            }
            _ => {}
        }
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--seeds" => asked.seeds = seeds(&value).ok_or("--seeds is K or FROM..TO")?,
            "--plant" => asked.plant = Some(value),
            _ => return Err(format!("no option '{name}'")),
        }
    }
    if let Some(name) = &asked.plant {
        plant(name)?;
    }
    if asked.seeds.is_empty() { Err("--seeds says how many".into()) } else { Ok(asked) }
}

fn seeds(text: &str) -> Option<Range<u64>> {
    let (from, to) = text.split_once("..").unwrap_or(("0", text));
    let (from, to) = (from.parse().ok()?, to.parse().ok()?);
    (from < to).then_some(from..to)
}

/// Switches a rule off.
#[cfg(feature = "plant")]
fn plant(name: &str) -> Result<(), String> {
    let names = protocol::Plant::ALL.map(protocol::Plant::name);
    let found = protocol::Plant::ALL.into_iter().find(|plant| plant.name() == name);
    let found =
        found.ok_or_else(|| format!("no plant '{name}': there are {}", names.join(", ")))?;
    protocol::Plant::plant(Some(found));
    Ok(())
}

/// Switches a rule off.
#[cfg(not(feature = "plant"))]
fn plant(_name: &str) -> Result<(), String> {
    Err("this build has no switches: cargo x attack builds with the feature `plant`".into())
}
