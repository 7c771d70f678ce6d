//! `novation report`: makes the report of a run again, from any directory with a log.

use crate::Verdict;
use crate::audit::{self, Replayed, Stop};
use crate::cli::ReportArgs;
use anyhow::{Context, Result, bail};
use archive::Archive;
use run_report::Scenario;
use std::io::Write;
use std::path::Path;

/// Replays a log and makes its report again.
pub(crate) fn run(args: &ReportArgs, out: &mut dyn Write) -> Result<Verdict> {
    is_a_log(&args.dir)?;
    let archive = Archive::open(&args.dir)?;
    let scenario = Scenario::read(&archive.genesis, archive.dir())?;
    if let Some(first) = archive.first_height()?.filter(|first| *first > 0) {
        bail!(
            "the log of {} begins at block {first}: what came before is pruned, and a report counts from block 1. Make it where \
             'archive = true' has kept all",
            args.dir.display()
        );
    }
    if let (None, Some(writer)) = (args.to, archive.writer()?) {
        bail!(
            "the log of {} is being written by process {writer}: stop it first, or name a block with --to",
            args.dir.display()
        );
    }
    let replayed = match audit::replay(&archive, args.to, args.quiet, scenario) {
        Ok(replayed) => replayed,
        Err(Stop::Differs(difference)) => {
            write!(out, "{difference}")?;
            return Ok(Verdict::Differs);
        }
        Err(Stop::Failed(error)) => return Err(error),
    };
    let Replayed { report, root, height, tail } = replayed;
    if let (None, Some(tail)) = (args.to, tail) {
        bail!("{tail}: make the report with --to {height}");
    }
    let target = args.out.as_ref().unwrap_or(&args.dir);
    let written = report.write(target)?;
    if !args.quiet {
        writeln!(out, "{}", report::text::page(&report))?;
    }
    writeln!(out, "report {}", written.html.display())?;
    writeln!(out, "state root {root}")?;
    Ok(Verdict::Holds)
}

/// Says what a directory is that has no log, but whose parts have.
fn is_a_log(dir: &Path) -> Result<()> {
    if !dir.join("genesis").is_file() && dir.join("0").join("genesis").is_file() {
        let one = dir.join("0");
        bail!(
            "{} is that of a network: name one of its validators, as {}",
            dir.display(),
            one.display()
        );
    }
    std::fs::metadata(dir).map(drop).with_context(|| format!("cannot open {}", dir.display()))
}
