//! The demo alone: a program that is built from what a house in one process needs, before a network's crates are.
//!
//! Results go to standard output, progress and errors to standard error. Exit codes: 0 done, 1 failed, 2 a command line that
//! makes no sense.

use clap::Parser;
use demo::{Played, Settings};
use std::error::Error;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

/// Blocks between two words of how far it has come.
const TOLD_EVERY: u64 = 60;

/// Takes a market through a crash in one clearing house, and reports: what `novation demo` does.
#[derive(Debug, Parser)]
#[command(name = "demo", version)]
struct Arguments {
    /// Seed of everything random: traders, their orders, delays and faults.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Directory to leave the house in; it is created if it is missing.
    #[arg(long, value_name = "DIR", default_value = "./demo")]
    out: PathBuf,
    /// Directory of recorded market data, the one that holds MANIFEST.csv.
    #[arg(long, value_name = "DIR", env = "NOVATION_DATA")]
    data: Option<PathBuf>,
    /// Stop after this many blocks; all of the scenario if absent.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..))]
    blocks: Option<u64>,
    /// The state root, and no report or progress.
    #[arg(long)]
    quiet: bool,
}

fn main() -> ExitCode {
    let Arguments { seed, out: dir, data, blocks, quiet } = Arguments::parse();
    let shown = !quiet && io::stderr().is_terminal();
    let played = demo::run(&Settings { seed, dir, data, blocks }, |block, of| {
        if shown && (block.is_multiple_of(TOLD_EVERY) || block == of) {
            let end = if block == of { "\n" } else { "" };
            // Standard error may be closed; the result does not depend on it.
            drop(write!(io::stderr(), "\rplaying block {block} of {of}{end}"));
        }
    });
    match played {
        Ok(played) => print(&played, quiet),
        Err(error) => {
            drop(writeln!(io::stderr(), "error: {}", sentence(&error)));
            ExitCode::FAILURE
        }
    }
}

/// Prints what came out; a reader who has gone away has seen enough.
fn print(played: &Played, quiet: bool) -> ExitCode {
    let mut out = io::stdout().lock();
    let report = if quiet { Ok(()) } else { played.write_report(&mut out) };
    match report.and_then(|()| played.write(&mut out)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Returns an error and those causes that it does not say itself.
fn sentence(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}
