//! Holds the scan ranges against recorded prices, and says what came out.

use crate::cli::BacktestArgs;
use anyhow::{Context, Result};
use backtest::{Measure, Outcome, SHARE, Verdict, compared, tested, verdict};
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
        "Scan ranges against recorded prices; each is to hold {asked} % of 8-hour moves.\n\
         history: what past returns ask for, from which no margin is taken alone; new risk: with buffer, stress set and floor, for\n\
         initial margin; risk held: follows it by 5 % an hour at most, for maintenance margin."
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
        let places = [("at the close", &measure.close), ("on the way", &measure.on_the_way)];
        for (label, (place, found)) in [measure.range, ""].into_iter().zip(places) {
            writeln!(
                out,
                "  {label:<12} {place:<12} {:>3} of {:>4} moves beyond it; {}",
                found.exceeded,
                measure.trials,
                verdict(found.verdict),
            )?;
            if found.verdict != Verdict::Unknown {
                writeln!(out, "  {:<25} share: {}", "", tested(&found.kupiec))?;
                writeln!(out, "  {:<25} independence: {}", "", tested(&found.independence))?;
            }
        }
    }
    let unknown = |found: &&Measure| found.close.verdict == Verdict::Unknown;
    if let Some(measure) = outcome.measures.first().filter(unknown) {
        writeln!(out, "  {}", tested(&measure.close.kupiec))?;
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
        "  mean range: new risk {}, risk held {}",
        percent(cost.new_risk),
        percent(cost.hold)
    )?;
    writeln!(out, "  {}", compared(cost))?;
    Ok(())
}
