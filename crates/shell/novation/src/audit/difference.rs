//! A difference between a log and its replay: where, what both say, and what that may come from.

use crate::records;
use machine::{Machine, StateKey};
use std::collections::BTreeSet;
use std::fmt;

/// The first thing that does not agree.
#[derive(Debug)]
pub(super) struct Difference {
    /// The block.
    pub(super) height: u64,
    /// What differs.
    pub(super) field: String,
    /// What the directory says.
    pub(super) log: String,
    /// What the replay says.
    pub(super) replay: String,
    /// What it most likely comes from.
    pub(super) cause: String,
    /// What else is known.
    pub(super) details: Vec<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "block {} differs: {}", self.height, self.field)?;
        writeln!(f, "  on disk  {}", self.log)?;
        writeln!(f, "  replay   {}", self.replay)?;
        writeln!(f, "  cause    {}", self.cause)?;
        self.details.iter().try_for_each(|detail| writeln!(f, "  detail   {detail}"))
    }
}

/// Why an audit ends early.
#[derive(Debug)]
pub(super) enum Stop {
    /// Something differs.
    Differs(Box<Difference>),
    /// The audit itself could not go on.
    Failed(anyhow::Error),
}

impl From<Difference> for Stop {
    fn from(difference: Difference) -> Self {
        Self::Differs(Box::new(difference))
    }
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// Checks that the log and the replay say the same.
#[expect(clippy::result_large_err, reason = "an audit makes one difference, and then ends")]
pub(super) fn same<T: PartialEq + fmt::Display>(
    height: u64,
    field: &'static str,
    log: T,
    replay: T,
    cause: &str,
) -> Result<(), Difference> {
    if log == replay {
        return Ok(());
    }
    let (log, replay) = (log.to_string(), replay.to_string());
    let (field, cause) = (field.into(), cause.into());
    Err(Difference { height, field, log, replay, cause, details: Vec::new() })
}

/// Names the first record in which a state on disk and the replayed one differ, and the lines that do.
pub(super) fn records_that_differ(state: &[u8], replayed: &mut Machine) -> Vec<String> {
    let mut held = match Machine::restore(state) {
        Ok(held) => held,
        Err(error) => return vec![error.to_string()],
    };
    let keys: BTreeSet<StateKey> =
        records::keys(held.state()).into_iter().chain(records::keys(replayed.state())).collect();
    for key in keys {
        let (on_disk, replay) = (held.record(&key), replayed.record(&key));
        if on_disk == replay {
            continue;
        }
        let words = |record: &Option<Vec<u8>>| -> Vec<records::Line> {
            record.as_ref().and_then(|record| records::lines(&key, record).ok()).unwrap_or_default()
        };
        let (Ok(on_disk), Ok(replay)) = (on_disk, replay) else {
            return vec![format!("{} cannot be encoded", records::name(&key))];
        };
        let (on_disk, replay) = (words(&on_disk), words(&replay));
        let mut details = vec![format!("the first record that differs is {}", records::name(&key))];
        let only =
            |lines: &[records::Line], others: &[records::Line], place: &str| -> Vec<String> {
                let lines = lines.iter().filter(|line| !others.contains(line));
                lines.map(|(name, value)| format!("{place} {name}: {value}")).collect()
            };
        details.extend(only(&on_disk, &replay, "on disk,"));
        details.extend(only(&replay, &on_disk, "replay, "));
        return details;
    }
    vec![
        "all records under the state root agree: the difference is in orders, feeds or counters"
            .into(),
    ]
}
