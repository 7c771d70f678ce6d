//! The outcomes as text for a terminal.

use crate::page::{compared, tested, verdict};
use crate::replay::{Measure, Outcome, SHARE, Verdict};
use std::io::{self, Write};

/// Writes what was found of every history.
///
/// # Errors
///
/// What the writer says.
pub fn write(outcomes: &[Outcome], out: &mut dyn Write) -> io::Result<()> {
    let asked = (1.0 - SHARE) * 100.0;
    writeln!(
        out,
        "Scan ranges against recorded prices; each is to hold {asked} % of 8-hour moves.\n\
         history: what past returns ask for, from which no margin is taken alone; new risk: with buffer, stress set and floor, for\n\
         initial margin; risk held: follows it by 5 % an hour at most, for maintenance margin."
    )?;
    outcomes.iter().try_for_each(|outcome| write_outcome(outcome, out))
}

fn write_outcome(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
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
