//! The numbers of `report.json` against those of the replay.

use super::Auditor;
use super::difference::{Difference, Stop};
use super::files::root_at;
use crate::archive::Archive;
use anyhow::Context as _;
use report::Summary;
use std::fs;
use std::path::Path;

/// What a figure that differs comes from.
const CAUSE: &str = "report.json was changed after it was written; the log is not affected";

/// Checks every number of a report that the log holds; returns what was checked.
///
/// # Errors
///
/// The first number that differs, by its name.
pub(super) fn check(
    archive: &Archive,
    path: &Path,
    auditor: &Auditor,
    begun: u64,
) -> Result<String, Stop> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
    let text = text.map_err(Stop::Failed)?;
    let told = match Summary::from_json(&text) {
        Ok(told) => told,
        Err(error) => {
            return Err(differs(auditor.height, "form", &error.to_string(), "a report of numbers"));
        }
    };
    if begun > 0 {
        return Ok("not checked: its numbers count from block 1, which was not replayed".into());
    }
    if told.blocks != auditor.height {
        // A report of an earlier block names that block's root.
        let root = root_at(archive, told.blocks).ok().map(|root| root.to_string());
        if root.as_ref() == Some(&told.state_root) {
            let (told, replayed) = (told.blocks, auditor.height);
            return Ok(format!("not checked: it is of block {told}, and {replayed} are replayed"));
        }
        if root.is_none() && told.state_root != auditor.last.state_root.to_string() {
            let told = told.blocks;
            return Ok(format!("not checked: it is of block {told}, which the log does not hold"));
        }
        let (told, replayed) = (told.blocks.to_string(), auditor.height.to_string());
        return Err(differs(auditor.height, "blocks", &told, &replayed));
    }
    let state = auditor.machine.state();
    let root = auditor.last.state_root.to_string();
    let found = auditor.tally.summary(state, &root, told.commands_per_second, &told.data)?;
    for ((name, told), (_, found)) in figures(&told).into_iter().zip(figures(&found)) {
        if told != found {
            return Err(differs(auditor.height, name, &told, &found));
        }
    }
    Ok("each number is the replay's, but commands_per_second and data, which no log holds".into())
}

/// Returns the numbers that a log holds, by their names in the file.
fn figures(summary: &Summary) -> [(&'static str, String); 9] {
    let halted: Vec<_> = summary
        .halted_markets
        .iter()
        .map(|halt| format!("{}: {}", halt.market, halt.reason))
        .collect();
    [
        ("state_root", summary.state_root.clone()),
        ("blocks", summary.blocks.to_string()),
        ("commands", summary.commands.to_string()),
        ("fills", summary.fills.to_string()),
        ("liquidations", summary.liquidations.to_string()),
        ("refusals", summary.refusals.to_string()),
        ("halted_markets", format!("[{}]", halted.join("; "))),
        ("insurance_fund", summary.insurance_fund.to_string()),
        ("conservation_ok", summary.conservation_ok.to_string()),
    ]
}

fn differs(height: u64, figure: &str, told: &str, replay: &str) -> Stop {
    Difference {
        height,
        field: format!("{figure} in report.json"),
        log: told.into(),
        replay: replay.into(),
        cause: CAUSE.into(),
        details: Vec::new(),
    }
    .into()
}
