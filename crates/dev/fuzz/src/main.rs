//! `cargo x fuzz [--inputs N] [--seconds N] [--seed N] [--file FILE] [--corpus DIR] [NAME…]`: damaged inputs for every
//! decoder, or for those whose name has one of the words. An input that breaks a promise is written below `target/fuzz`.
#![expect(clippy::print_stdout, reason = "a command line tool talks on standard output")]

use anyhow::{Context, Result, anyhow, bail};
use clap::Parser;
use fuzz::campaign::{self, Failure, Report};
use fuzz::{TARGETS, Target};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Gives damaged inputs to every decoder.
#[derive(Debug, Parser)]
#[command(name = "cargo x fuzz")]
struct Arguments {
    /// Inputs for each cheap target; a costly one gets a share.
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    inputs: u64,
    /// Seconds for each target, however many inputs that is.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Where all randomness comes from: the same seed means the same inputs.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Give this file to the targets, and nothing else.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Write the inputs that the targets begin with below this directory, as libFuzzer reads them, and do nothing else.
    #[arg(long, value_name = "DIR")]
    corpus: Option<PathBuf>,
    /// Words in the names of targets; all targets if absent.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fuzz: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let named = |target: &&'static Target| {
        let names = &arguments.names;
        names.is_empty() || names.iter().any(|name| target.name.contains(name.as_str()))
    };
    let chosen: VecDeque<&'static Target> = TARGETS.iter().filter(named).collect();
    if chosen.is_empty() {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        bail!("no target of that name: {}", names.join(", "));
    }
    if let Some(folder) = &arguments.corpus {
        return chosen.into_iter().try_for_each(|target| write_seeds(target, folder));
    }
    if let Some(file) = &arguments.file {
        let input =
            std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        for target in chosen {
            let answer = campaign::ask(target, &input)
                .map_err(|failure| anyhow!("{}: {}", target.name, failure.message))?;
            println!("{answer:?} by {}", target.name);
        }
        return Ok(());
    }
    campaigns(arguments, chosen)
}

fn write_seeds(target: &Target, folder: &Path) -> Result<()> {
    let folder = folder.join(target.name);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    for (number, seed) in (target.seeds)().iter().enumerate() {
        let file = folder.join(format!("seed-{number:03}"));
        std::fs::write(&file, seed).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// Runs the targets on every core.
fn campaigns(arguments: &Arguments, chosen: VecDeque<&'static Target>) -> Result<()> {
    println!("seed {}", arguments.seed);
    println!("{:16} {:>9} {:>9} {:>9} {:>7}", "target", "inputs", "accepted", "refused", "s");
    let (queue, broken) = (Mutex::new(chosen), Mutex::new(Vec::new()));
    let work = || {
        while let Some(target) = next(&queue) {
            let problem = campaign(arguments, target).err();
            broken.lock().unwrap_or_else(|held| held.into_inner()).extend(problem);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let broken = broken.into_inner().unwrap_or_else(|held| held.into_inner());
    for problem in &broken {
        println!("{problem:#}");
    }
    if broken.is_empty() { Ok(()) } else { bail!("{} targets failed", broken.len()) }
}

fn next(queue: &Mutex<VecDeque<&'static Target>>) -> Option<&'static Target> {
    queue.lock().unwrap_or_else(|held| held.into_inner()).pop_front()
}

fn campaign(arguments: &Arguments, target: &Target) -> Result<()> {
    let started = Instant::now();
    let (inputs, until) = match arguments.seconds {
        Some(seconds) => (u64::MAX, Some(started + Duration::from_secs(seconds))),
        None => ((arguments.inputs / target.cost).max(1), None),
    };
    let Report { accepted, refused } = campaign::run(target, arguments.seed, inputs, until)
        .map_err(|failure| broken(target, &failure))?;
    println!(
        "{:16} {:>9} {accepted:>9} {refused:>9} {:>7.1}",
        target.name,
        accepted + refused,
        started.elapsed().as_secs_f64()
    );
    // A target that always says the same says nothing.
    if accepted == 0 || refused == 0 {
        bail!("{}: {accepted} accepted, {refused} refused: both must occur", target.name);
    }
    Ok(())
}

/// Keeps the input and says how to give it again.
fn broken(target: &Target, failure: &Failure) -> anyhow::Error {
    let folder = Path::new("target/fuzz");
    let file = folder.join(target.name);
    let kept = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&file, &failure.input));
    let again = match kept {
        Ok(()) => format!("cargo x fuzz --file {} {}", file.display(), target.name),
        Err(error) => format!("the input was not kept: {error}: {:02x?}", failure.input),
    };
    anyhow!("{}: {}\nreproduce: {again}", target.name, failure.message)
}
