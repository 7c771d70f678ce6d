//! A difference between a log and its replay: where, what both say, and what that may come from.

use archive::ArchiveError;
use machine::{Machine, StateKey};
use std::collections::BTreeSet;
use std::fmt;

/// The first thing that does not agree.
#[derive(Debug)]
pub(crate) struct Difference {
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
pub(crate) enum Stop {
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

impl From<ArchiveError> for Stop {
    fn from(error: ArchiveError) -> Self {
        Self::Failed(error.into())
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
///
/// The record of the block holds hashes of others: if it differs, the next one that does is named too.
pub(super) fn records_that_differ(state: &[u8], replayed: &mut Machine) -> Vec<String> {
    let mut held = match Machine::restore(state) {
        Ok(held) => held,
        Err(error) => return vec![error.to_string()],
    };
    let keys: BTreeSet<StateKey> =
        held.state().keys().into_iter().chain(replayed.state().keys()).collect();
    let mut details = Vec::new();
    for key in keys {
        let (on_disk, replay) = (held.record(&key), replayed.record(&key));
        if on_disk == replay {
            continue;
        }
        let place = if details.is_empty() { "first" } else { "next" };
        let name = records::name(&key);
        details.push(format!("the {place} record that differs is {name}"));
        match (on_disk, replay) {
            (Ok(on_disk), Ok(replay)) => details.extend(lines_that_differ(&key, on_disk, replay)),
            (Err(fault), _) | (_, Err(fault)) => details.push(format!("{name}: {fault}")),
        }
        if key != StateKey::Block {
            break;
        }
    }
    if details.is_empty() {
        let rest = "all records under the state root agree: the difference is in orders, feeds or counters";
        details.push(rest.into());
    }
    details
}

/// Returns the lines that one of two records alone has.
fn lines_that_differ(
    key: &StateKey,
    on_disk: Option<Vec<u8>>,
    replay: Option<Vec<u8>>,
) -> Vec<String> {
    let words = |record: Option<Vec<u8>>| -> Vec<records::Line> {
        record.and_then(|record| records::lines(key, &record).ok()).unwrap_or_default()
    };
    let (on_disk, replay) = (words(on_disk), words(replay));
    let only = |lines: &[records::Line], others: &[records::Line], place: &str| -> Vec<String> {
        let lines = lines.iter().filter(|line| !others.contains(line));
        lines.map(|(name, value)| format!("{place} {name}: {value}")).collect()
    };
    let mut lines = only(&on_disk, &replay, "on disk,");
    lines.extend(only(&replay, &on_disk, "replay, "));
    lines
}
