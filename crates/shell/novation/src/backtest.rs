//! Holds the scan ranges against recorded prices, and says what came out.

use crate::cli::BacktestArgs;
use anyhow::{Context, Result};
use backtest::{Outcome, SHARE, Verdict, tested, verdict};
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
    let asked = (1.0 - SHARE) * 100.0;
    writeln!(
        out,
        "Scan ranges against recorded prices; each is to hold {asked} % of 8-hour moves."
    )?;
    for outcome in &outcomes {
        write_outcome(outcome, out)?;
    }
    if let Some(page) = page {
        writeln!(out, "\npage: {}", page.display())?;
    }
    Ok(())
}

fn write_outcome(outcome: &Outcome, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "\n{}: {} to {}", outcome.name, outcome.from, outcome.to)?;
    let percent = |share: f64| format!("{:.2} %", share * 100.0);
    writeln!(out, "  largest move within 8 hours {}", percent(outcome.largest_move))?;
    for measure in &outcome.measures {
        writeln!(
            out,
            "  {:<12} {:>3} of {:>4} moves beyond it; {}",
            measure.range,
            measure.exceeded,
            measure.trials,
            verdict(measure.verdict),
        )?;
        if measure.verdict != Verdict::Unknown {
            writeln!(out, "  {:<12} share: {}", "", tested(&measure.kupiec))?;
            writeln!(out, "  {:<12} independence: {}", "", tested(&measure.independence))?;
        }
    }
    if let Some(measure) = outcome.measures.first().filter(|m| m.verdict == Verdict::Unknown) {
        writeln!(out, "  {}", tested(&measure.kupiec))?;
    }
    let (new, hold, cost) = (&outcome.rise_new_risk, &outcome.rise_hold, &outcome.cost);
    writeln!(
        out,
        "  rises at most: risk held {} in an hour, {} in a day; new risk {} and {}",
        percent(hold.hour),
        percent(hold.day),
        percent(new.hour),
        percent(new.day)
    )?;
    writeln!(
        out,
        "  mean range: new risk {}, risk held {}; static {}; static as high as the peak {}",
        percent(cost.new_risk),
        percent(cost.hold),
        percent(cost.fixed),
        percent(cost.fixed_at_peak)
    )?;
    Ok(())
}
