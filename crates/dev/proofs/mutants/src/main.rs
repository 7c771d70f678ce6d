//! Breaks the proved code in every small way that costs money; each break must break a proof.
//!
//! `cargo run --release -p mutants [-- WORD…]` copies the sources below `target/mutants`, puts every mutant into them
//! behind a switch, builds the proofs once and runs them once for each mutant, in both worlds at once, as a real
//! mistake would be. A mutant is dead if a proof is refuted; one that the prover cannot decide, or that outlasts its
//! time, is alive. Those alive must stand in `docs/proofs-mutants.md` with a class and a reason.
//!
//! **Invariant:** before any mutant runs, the proofs hold with none switched on.
#![expect(clippy::print_stdout, reason = "a command line tool talks on standard output")]

mod judge;
mod mutate;
mod signatures;
mod tree;

use anyhow::{Context, Result, anyhow, bail};
use mutate::Mutant;
use std::io::Read;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How long the proofs of one mutant may take; the slowest that die need a sixth of it on an idle machine.
const LIMIT: Duration = Duration::from_secs(600);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("mutants: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> Result<()> {
    let tree = tree::Tree::copy()?;
    let mutants = tree.mutate()?;
    println!("{} mutants", mutants.len());
    let suite = tree.build()?;
    for family in tree::FAMILIES {
        let fate = prove(&suite, 0, family.words)?;
        if fate != Fate::Alive {
            bail!("the proofs of {} without a mutant: {fate:?}", family.folder);
        }
    }
    let chosen: Vec<&Mutant> = mutants
        .iter()
        .filter(|mutant| words.is_empty() || words.iter().any(|word| mutant.name.contains(word)))
        .collect();
    let mut alive = Vec::new();
    for mutant in &chosen {
        let started = Instant::now();
        let fate = prove(&suite, mutant.number, mutant.words)?;
        println!("{fate:?} in {:.1} s: {}", started.elapsed().as_secs_f64(), mutant.name);
        if fate != Fate::Dead {
            alive.push(mutant.name.clone());
        }
    }
    println!("{} of {} dead", chosen.len() - alive.len(), chosen.len());
    judge::judge(&alive, chosen.len(), words.is_empty())
}

/// What became of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// A proof was refuted.
    Dead,
    /// Every proof held.
    Alive,
    /// The prover gave up on a proof, and refuted none.
    Undecided,
    /// The proofs did not end in time.
    TimedOut,
}

/// Runs some proofs with one mutant switched on.
fn prove(suite: &Path, number: u32, words: &[&str]) -> Result<Fate> {
    let mut child = Command::new(suite)
        .args(["--proofs-only", "--until-refuted"])
        .args(words)
        .env("MUTANT", number.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("the proofs start")?;
    // What they print ends when they do, so that the wait has a limit without asking again and again.
    let mut output = child.stdout.take().context("the proofs have an output")?;
    let (ends, ended) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        let read = output.read_to_string(&mut text);
        // Nobody listens any more once the limit has passed.
        let _sent = ends.send(());
        read.map(|_| text)
    });
    let in_time = ended.recv_timeout(LIMIT).is_ok();
    if !in_time {
        child.kill()?;
    }
    let status = child.wait()?;
    let text = reader.join().map_err(|_| anyhow!("the reader of the proofs panicked"))??;
    match status.code() {
        _ if !in_time => Ok(Fate::TimedOut),
        Some(0) => Ok(Fate::Alive),
        Some(1) => Ok(Fate::Dead),
        Some(3) => Ok(Fate::Undecided),
        code => bail!("the proofs ended with {code:?}: {text}"),
    }
}
