//! Assessments as a table for a terminal.

use crate::assess::{Assessment, GreekSums};
use std::io::{self, Write};

/// Writes assessments side by side under their names, one figure a line.
///
/// # Errors
///
/// What the writer says.
pub fn write_columns(columns: &[(&str, &Assessment)], out: &mut dyn Write) -> io::Result<()> {
    let rows = rows(columns);
    let widest = |of: &mut dyn Iterator<Item = &String>, least: usize| {
        of.map(|text| text.chars().count()).max().unwrap_or(0).max(least)
    };
    let label_width = widest(&mut rows.iter().map(|(label, _)| label), 32);
    let width = widest(&mut rows.iter().flat_map(|(_, fields)| fields), 21);
    for (label, fields) in &rows {
        write!(out, "{label:<label_width$}")?;
        for field in fields {
            write!(out, "  {field:>width$}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// One of the sums of Greeks.
type Field = fn(&GreekSums) -> &String;

/// Returns a label and a field for each assessment, line by line.
fn rows(columns: &[(&str, &Assessment)]) -> Vec<(String, Vec<String>)> {
    let of = |field: &dyn Fn(&Assessment) -> String| -> Vec<String> {
        columns.iter().map(|(_, found)| field(found)).collect()
    };
    let names = columns.iter().map(|(name, _)| (*name).to_string()).collect();
    let mut rows = vec![
        (String::new(), names),
        ("equity".into(), of(&|found| found.equity.clone())),
        ("initial margin".into(), of(&|found| found.initial_margin.clone())),
        ("maintenance margin".into(), of(&|found| found.maintenance_margin.clone())),
        ("standing".into(), of(&|found| found.standing.to_string())),
    ];
    let mut underlyings: Vec<&str> = Vec::new();
    for name in columns
        .iter()
        .flat_map(|(_, found)| found.liquidation.iter().flatten())
        .map(|at| &at.underlying)
    {
        if !underlyings.contains(&name.as_str()) {
            underlyings.push(name);
        }
    }
    for name in underlyings {
        let price = |found: &Assessment, above: bool| {
            let at = found.liquidation.iter().flatten().find(|at| at.underlying == name);
            at.map_or_else(String::new, |at| {
                match (at.now, if above { &at.above } else { &at.below }) {
                    (true, _) => "now".into(),
                    (false, Some(crossing)) => crossing.index.clone(),
                    (false, None) => "none".into(),
                }
            })
        };
        rows.push((format!("{name}: liquidated at or below"), of(&|found| price(found, false))));
        rows.push((format!("{name}: liquidated at or above"), of(&|found| price(found, true))));
        let greek = |found: &Assessment, field: Field| {
            let sums = found.greeks.iter().flatten().find(|sums| sums.underlying == name);
            sums.map_or_else(String::new, |sums| field(sums).clone())
        };
        let greeks: [(&str, Field); 4] = [
            ("delta, in units", |sums| &sums.delta),
            ("gamma, $ of delta for 1 %", |sums| &sums.gamma),
            ("vega, $ for 1 % of vol", |sums| &sums.vega),
            ("theta, $ a day", |sums| &sums.theta),
        ];
        for (label, field) in greeks {
            rows.push((format!("{name}: {label}"), of(&|found| greek(found, field))));
        }
    }
    rows
}
