//! What `novation report` takes.

use super::directory;
use clap::Args;
use std::path::PathBuf;

/// Of which log, up to where, and where to leave the files.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    novation report ./demo                        report.html, report.txt and report.json again\n  \
    novation report ./devnet/0 --out ./report     of a validator's log\n  \
    novation report ./devnet/0 --to 1000 --out ./report    while it runs\n\n\
    The log is audited as it is replayed; of one that differs, no report is made. The files depend on the log alone, and on\n\
    scenario.json, whose hash the chain's name ends with: who makes them again gets the same bytes, and `novation audit`\n\
    compares them. A log whose beginning is pruned has no report.")]
pub(crate) struct ReportArgs {
    /// Directory with a log: of a demo, or of a validator.
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Directory to write the files to; it is created if it is missing. DIR if absent.
    #[arg(long, value_name = "DIR", value_parser = directory)]
    pub(crate) out: Option<PathBuf>,
    /// The report after this block, though the log goes on or is being written; after the last if absent.
    #[arg(long, value_name = "HEIGHT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) to: Option<u64>,
    /// Neither progress nor the text of the report.
    #[arg(long)]
    pub(crate) quiet: bool,
}
