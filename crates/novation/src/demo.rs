//! `novation demo`: a clearing house in one process takes a market through a crash and reports.

use crate::cli::DemoArgs;
use crate::progress::{Progress, Unit};
use anyhow::Result;
use demo::Settings;
use std::io::Write;

/// Runs the demo to its report.
pub(crate) fn run(args: &DemoArgs, out: &mut dyn Write) -> Result<()> {
    let DemoArgs { seed, out: dir, data, blocks, quiet } = args.clone();
    let mut bar = None;
    let played = demo::run(&Settings { seed, dir, data, blocks }, |block, of| {
        bar.get_or_insert_with(|| Progress::new("playing", of, Unit::Blocks, quiet)).at(block);
    })?;
    drop(bar);
    if !quiet {
        played.write_report(out)?;
    }
    played.write(out)?;
    Ok(())
}
