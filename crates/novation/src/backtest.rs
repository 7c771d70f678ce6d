//! Holds the scan ranges against recorded prices, and says what came out.

use crate::cli::BacktestArgs;
use anyhow::{Context, Result};
use std::io::Write;

/// Plays every price history of the data set through the thresholds.
pub(crate) fn run(args: &BacktestArgs, out: &mut dyn Write) -> Result<()> {
    let data = market::Dataset::open(&args.data)?;
    let outcomes = backtest::run(&data)?;
    let mut page = None;
    if let Some(dir) = &args.out {
        let path = dir.join("backtest.html");
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        std::fs::write(&path, backtest::study(&outcomes).page())
            .with_context(|| format!("cannot write {}", path.display()))?;
        page = Some(path);
    }
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &outcomes)?;
        writeln!(out)?;
        return Ok(());
    }
    backtest::write(&outcomes, out)?;
    if let Some(page) = page {
        writeln!(out, "\npage: {}", page.display())?;
    }
    Ok(())
}
