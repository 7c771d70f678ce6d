//! Runs every proof, then every canary: a proof with a planted fault, which must fail with a counterexample.
//!
//! `cargo test --release -- [--proofs-only] [--until-refuted] [--list] [WORD…]` runs those whose name has one of the
//! words. The exit code is 0 if all is well, 1 if something was refuted, and 3 if something was only left unproved.
#![expect(clippy::print_stdout, reason = "a test runner talks on standard output")]

use proofs::{shipped, symbolic};
use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use symx::{Fault, Report, Verdict, prove};

/// The theorem prover that the results are claimed for.
const PROVER: &str = "5.4.1.0";

/// A property in both worlds.
#[derive(Clone, Copy)]
struct Property {
    symbolic: &'static symx::Harness<symx::Prover>,
    shipped: fn(&mut symx::concrete::Prover),
}

/// One proof or canary to run.
#[derive(Clone, Copy)]
struct Task {
    property: Property,
    fault: Option<Fault>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&String> = arguments.iter().filter(|word| !word.starts_with("--")).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let properties = match properties() {
        Ok(properties) => properties,
        Err(problem) => {
            println!("{problem}");
            return ExitCode::FAILURE;
        }
    };
    let chosen = properties.into_iter().filter(|property| {
        words.is_empty() || words.iter().any(|word| property.symbolic.name.contains(*word))
    });
    let chosen: Vec<Property> = chosen.collect();
    if has("--list") {
        chosen.iter().for_each(|property| println!("{}: test", property.symbolic.name));
        return ExitCode::SUCCESS;
    }
    println!("prover: {}", symx::version());
    if symx::version() != PROVER {
        println!("expected: {PROVER}");
        return ExitCode::FAILURE;
    }
    let proofs = chosen.iter().map(|&property| Task { property, fault: None });
    let canaries = chosen
        .iter()
        .filter(|_| !has("--proofs-only"))
        .map(|&property| Task { property, fault: Some(property.symbolic.canary) });
    run(proofs.chain(canaries).collect(), has("--until-refuted"))
}

/// Pairs the properties of both worlds and compares their names with the list that the suite must have.
fn properties() -> Result<Vec<Property>, String> {
    let symbolic: Vec<_> = symbolic::harness::ALL.iter().copied().flatten().collect();
    let shipped: Vec<_> = shipped::harness::ALL.iter().copied().flatten().collect();
    let names: Vec<&str> = symbolic.iter().map(|harness| harness.name).collect();
    let expected: Vec<&str> = include_str!("expected.txt").lines().collect();
    if names != expected || shipped.iter().map(|harness| harness.name).ne(names.iter().copied()) {
        return Err(format!(
            "the properties are not those of tests/expected.txt:\n{}",
            names.join("\n")
        ));
    }
    let pair =
        |(symbolic, shipped): (_, &symx::Harness<_>)| Property { symbolic, shipped: shipped.run };
    Ok(symbolic.into_iter().zip(shipped).map(pair).collect())
}

/// How many tasks ended how.
#[derive(Default)]
struct Tally {
    passed: u32,
    failed: u32,
    refuted: bool,
}

/// Runs the tasks on every core and prints what each cost.
fn run(tasks: VecDeque<Task>, until_refuted: bool) -> ExitCode {
    let started = Instant::now();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let queue = Mutex::new(tasks);
    let tally = Mutex::new(Tally::default());
    println!("{:>6} {:>6} {:>6} {:>4} {:>6} {:>6}", "paths", "checks", "calls", "?", "s", "max s");
    let work = || {
        while let Some(task) = queue.lock().expect("no worker panics").pop_front() {
            let report = prove(task.property.symbolic, task.property.shipped, task.fault);
            let good = is_good(task, &report.verdict);
            print_report(task, &report, good);
            let refuted = !good && !matches!(report.verdict, Verdict::Unknown { .. });
            let mut tally = tally.lock().expect("no worker panics");
            *(if good { &mut tally.passed } else { &mut tally.failed }) += 1;
            tally.refuted |= refuted;
            if refuted && until_refuted {
                // Nothing more can change the answer; what another worker still does is not waited for.
                std::process::exit(1);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    let Tally { passed, failed, refuted } = tally.into_inner().expect("no worker panics");
    let word = if failed == 0 { "ok" } else { "FAILED" };
    let elapsed = started.elapsed().as_secs_f64();
    println!("test result: {word}. {passed} passed; {failed} failed; 0 ignored; in {elapsed:.1} s");
    match (failed == 0 && passed > 0, refuted) {
        (true, _) => ExitCode::SUCCESS,
        (false, true) => ExitCode::FAILURE,
        (false, false) => ExitCode::from(3),
    }
}

/// A proof must hold; a canary must be refuted by an example, not merely be left unproved.
fn is_good(task: Task, verdict: &Verdict) -> bool {
    match task.fault {
        None => *verdict == Verdict::Proved,
        Some(_) => matches!(verdict, Verdict::Counterexample { .. }),
    }
}

fn print_report(task: Task, report: &Report, good: bool) {
    let statistics = &report.statistics;
    let seconds = |duration: Duration| duration.as_secs_f64();
    let kind = match task.fault {
        None => "proved".to_owned(),
        Some(fault) => format!("refuted with a wrong {fault:?}"),
    };
    println!(
        "{:>6} {:>6} {:>6} {:>4} {:>6.2} {:>6.2}  {} {}",
        statistics.paths,
        statistics.checks,
        statistics.calls,
        statistics.unknown,
        seconds(report.elapsed),
        seconds(statistics.longest),
        task.property.symbolic.name,
        if good { kind } else { format!("FAILED: not {kind}: {:?}", report.verdict) },
    );
}
