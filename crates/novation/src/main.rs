//! The `novation` program: one clearing house on one machine, and the tools of those who do not trust it.
//!
//! Results go to standard output, progress and errors to standard error. Exit codes: 0 done, 1 failed or something
//! differs, 2 a command line that makes no sense.

mod audit;
mod backtest;
mod cli;
mod demo;
mod devnet;
mod explain;
mod input;
mod margin_cmd;
mod network;
mod progress;
mod prove;
mod reports;
mod strategies;
mod surfaces;
mod verify;
mod whatif;

use clap::Parser as _;
use cli::{Cli, Command, Explained};
use std::io::{self, Write as _};
use std::process::ExitCode;

/// What a check has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// All as it should be.
    Holds,
    /// Not so; what differs has been printed.
    Differs,
}

/// Exit code of a program whose reader has gone away, as shells count it.
const BROKEN_PIPE: u8 = 141;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help that nobody reads to the end is no failure.
            drop(error.print());
            return u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
        }
    };
    match run(&cli) {
        Ok(Verdict::Holds) => ExitCode::SUCCESS,
        Ok(Verdict::Differs) => ExitCode::FAILURE,
        Err(error) if is_broken_pipe(&error) => ExitCode::from(BROKEN_PIPE),
        Err(error) => {
            // There is nowhere left to complain to if standard error is closed.
            drop(writeln!(io::stderr().lock(), "error: {}", sentence(&error)));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<Verdict> {
    let mut out = io::stdout();
    let verdict = match &cli.command {
        Command::Demo(args) => demo::run(args, &mut out).map(|()| Verdict::Holds)?,
        Command::Audit(args) => audit::run(args, &mut out)?,
        Command::Report(args) => reports::run(args, &mut out)?,
        Command::Prove(args) => prove::run(args, &mut out).map(|()| Verdict::Holds)?,
        Command::Verify(args) => verify::run(args, &mut out)?,
        Command::Explain(args) => match &args.what {
            Explained::Margin(args) => explain::run(args, &mut out),
            Explained::Strategies(args) => strategies::run(args, &mut out),
        }
        .map(|()| Verdict::Holds)?,
        Command::Margin(args) => margin_cmd::run(args, &mut out).map(|()| Verdict::Holds)?,
        Command::Surface(args) => surfaces::run(args, &mut out)?,
        Command::Backtest(args) => backtest::run(args, &mut out).map(|()| Verdict::Holds)?,
        Command::Whatif(args) => whatif::run(args, &mut out).map(|()| Verdict::Holds)?,
        Command::Devnet(args) => devnet::run(args, &mut out)?,
        Command::Init(args) => network::found::run(args, &mut out).map(|()| Verdict::Holds)?,
        Command::Genesis(args) => network::genesis::run(args, &mut out).map(|()| Verdict::Holds)?,
        Command::Node(args) => network::node::run(args)?,
        Command::Keys(args) => network::keys::run(args, &mut out).map(|()| Verdict::Holds)?,
        Command::Feed(args) => network::feed::run(args, &mut out)?,
        Command::Govern(args) => network::govern::run(args, &mut out)?,
        Command::Ask(args) => network::ask::run(args, &mut out)?,
    };
    out.flush()?;
    Ok(verdict)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = |cause: &(dyn std::error::Error + 'static)| {
        let written = cause.downcast_ref().and_then(serde_json::Error::io_error_kind);
        written.or_else(|| cause.downcast_ref().map(io::Error::kind))
    };
    error.chain().any(|cause| kind(cause) == Some(io::ErrorKind::BrokenPipe))
}

/// Returns an error and its causes in one sentence, each said once: many errors repeat their cause.
fn sentence(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.contains(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    one_line(&text)
}

/// Returns a text in one line of bounded length: it may quote what somebody else wrote.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == LINE_MAX {
            line.push('…');
            break;
        }
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// Most characters of an error.
const LINE_MAX: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn a_cause_that_its_error_repeats_is_said_once() {
        let error = anyhow::anyhow!("no space").context("writing a: no space").context("no house");
        assert_eq!(sentence(&error), "no house: writing a: no space");
    }

    #[test]
    fn what_others_wrote_is_quoted_in_one_line() {
        let error = anyhow::anyhow!("'a\n\u{1b}[31mb' is no name");
        assert_eq!(sentence(&error), "'a\\n\\u{1b}[31mb' is no name");
        assert_eq!(sentence(&anyhow::anyhow!("é".repeat(3_000))).chars().count(), LINE_MAX + 1);
    }

    #[test]
    fn a_broken_pipe_is_found_below_its_context() {
        let broken = io::Error::from(io::ErrorKind::BrokenPipe);
        let error = Err::<(), _>(broken).context("cannot print").unwrap_err();
        assert!(is_broken_pipe(&error));
        let broken = io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(is_broken_pipe(&serde_json::Error::io(broken).into()), "as JSON");
        assert!(!is_broken_pipe(&anyhow::anyhow!("broken pipe")));
    }
}
