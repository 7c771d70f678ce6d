//! What an audit says of every file of a directory: how it was checked, or that it was not.

use super::Auditor;
use super::difference::{Stop, same};
use anyhow::{Context, Result};
use archive::Archive;
use protocol::{Hash, Header, codec, limits};
use run_report::scenario;
use serde::Serialize;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::Path;
use store::TreeTarget;

/// Files that a house, a node or the demo leaves beside what is audited, and what they are.
const BESIDE: [(&str, &str); 13] = [
    ("engine", "what consensus keeps"),
    ("feed.sock", "the operator's socket"),
    ("floor", "where the node began to follow"),
    ("joining", "a state is being taken over"),
    ("lock", "held by a running house"),
    ("log", "what the node said"),
    ("network.toml", "the list of validators"),
    ("node.toml", "the node's configuration"),
    ("pid", "the node's process"),
    ("reporter.key", "a secret key"),
    ("steps", "proofs of committees, for clients"),
    ("validator.key", "a secret key"),
    ("votes", "what this validator has signed"),
];

/// What was checked of something, or why nothing was.
#[derive(Debug, Clone)]
pub(super) enum Check {
    Done(String),
    Left(String),
}

/// What is said of a file.
#[derive(Debug, Serialize)]
pub(super) struct FileTold {
    name: String,
    checked: bool,
    what: String,
}

impl FileTold {
    fn new(name: impl Into<String>, check: Check) -> Self {
        let (checked, what) = match check {
            Check::Done(what) => (true, what),
            Check::Left(what) => (false, what),
        };
        Self { name: name.into(), checked, what }
    }
}

impl fmt::Display for FileTold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = if self.checked { "" } else { "not checked: " };
        write!(f, "file       {}: {not}{}", self.name, self.what)
    }
}

/// Checks what stands beside the log and the snapshots, and says of every file what was checked.
///
/// # Errors
///
/// The first difference.
pub(super) fn told(
    archive: &Archive,
    auditor: &Auditor,
    begun: u64,
    reports: &[(&str, Check)],
) -> Result<Vec<FileTold>, Stop> {
    let mut lines = Vec::new();
    for name in names(archive.dir())? {
        let path = archive.dir().join(&name);
        match name.as_str() {
            "genesis" => {
                lines.push(line("genesis", "its hash names the chain in every entry and snapshot"))
            }
            "blocks" => lines.extend(blocks(&path, auditor, begun)?),
            "snapshots" => lines.extend(snapshots(archive, &path, auditor, begun)?),
            scenario::FILE if scenario::is_named(&archive.genesis) => {
                lines.push(line(&name, "its hash is the one that the chain's name ends with"))
            }
            "state" => lines.push(FileTold::new("state/", state(archive, auditor, begun)?)),
            other => {
                if let Some((_, check)) = reports.iter().find(|(name, _)| *name == other) {
                    lines.push(FileTold::new(other, check.clone()));
                    continue;
                }
                let known = BESIDE.iter().find(|(name, _)| *name == other);
                let what = known.map_or("unknown to this program", |(_, what)| what);
                let slash = if path.is_dir() { "/" } else { "" };
                lines.push(unchecked(&format!("{other}{slash}"), what));
            }
        }
    }
    Ok(lines)
}

fn line(name: &str, what: &str) -> FileTold {
    FileTold::new(name, Check::Done(what.into()))
}

fn unchecked(name: &str, what: &str) -> FileTold {
    FileTold::new(name, Check::Left(what.into()))
}

/// Returns the names in a directory, ascending.
fn names(dir: &Path) -> Result<Vec<String>> {
    let cannot = || format!("cannot list {}", dir.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).with_context(cannot)? {
        names.push(entry.with_context(cannot)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn blocks(dir: &Path, auditor: &Auditor, begun: u64) -> Result<Vec<FileTold>> {
    let replayed = format!("replayed, blocks {begun} to {}", auditor.height);
    let told = names(dir)?.into_iter().map(|name| {
        let shown = format!("blocks/{name}");
        match name.starts_with("blocks-") && has_ending(&name, "log") {
            true => line(&shown, &replayed),
            false => unchecked(&shown, "no segment of a log"),
        }
    });
    Ok(told.collect())
}

fn snapshots(
    archive: &Archive,
    dir: &Path,
    auditor: &Auditor,
    begun: u64,
) -> Result<Vec<FileTold>, Stop> {
    let mut lines = Vec::new();
    for name in names(dir)? {
        let shown = format!("snapshots/{name}");
        let height = |ending: &str| -> Option<u64> {
            name.strip_prefix("snapshot-")?.strip_suffix(ending)?.parse().ok()
        };
        lines.push(match (height(".state"), height(".tree")) {
            (Some(at), _) if auditor.verified.contains(&at) => {
                line(&shown, "equal to the replayed state, byte for byte")
            }
            (Some(at), _) if begun > 0 && at == begun => line(&shown, "what the replay began with"),
            (None, Some(at)) if (begun..=auditor.height).contains(&at) => {
                tree(archive, &dir.join(&name), at)?;
                line(&shown, &format!("leads to the state root of block {at}"))
            }
            (Some(at), _) | (_, Some(at)) => {
                unchecked(&shown, &format!("block {at} is not among those replayed"))
            }
            (None, None) => unchecked(&shown, "no snapshot"),
        });
    }
    Ok(lines)
}

fn has_ending(name: &str, ending: &str) -> bool {
    Path::new(name).extension() == Some(OsStr::new(ending))
}

/// Checks that what a peer needs to fetch a state leads to the root in the log.
fn tree(archive: &Archive, path: &Path, height: u64) -> Result<(), Stop> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let root = root_at(archive, height)?;
    let told = match TreeTarget::decode(&bytes).map(|target| target.root(height)) {
        Some(Ok(root)) => Hash::new(root.bytes()).to_string(),
        Some(Err(error)) => error.to_string(),
        None => "not a tree's target".into(),
    };
    let cause = "the snapshot's file beside it, for peers, was changed or cut short after it was written; the log is \
                 not affected";
    same(height, "root in the snapshot's tree file", told, root.to_string(), cause)?;
    Ok(())
}

/// Checks that the authenticated state, as it was last made durable, has the root that the log has for its height.
fn state(archive: &Archive, auditor: &Auditor, begun: u64) -> Result<Check, Stop> {
    let copied = match archive.state_now() {
        Ok(copied) => copied,
        Err(error) => {
            let error = anyhow::Error::from(error);
            return Ok(Check::Left(format!(
                "it cannot be opened ({error:#}); a running house may be writing it, or the disk is failing"
            )));
        }
    };
    let Some(height) = copied.height() else {
        return Ok(Check::Left("it holds no block yet".into()));
    };
    if !(begun..=auditor.height).contains(&height) {
        return Ok(Check::Left(format!(
            "it stands at block {height}, which is not among those replayed"
        )));
    }
    let told = copied.root();
    let cause = "the authenticated state was changed after it was written, or is another house's; the log is not affected";
    same(height, "root of the stored state", told, root_at(archive, height)?, cause)?;
    Ok(Check::Done(format!("opened from a copy: its root after block {height} is the log's")))
}

/// Returns the state root in the log at a height that was replayed.
pub(super) fn root_at(archive: &Archive, height: u64) -> Result<Hash> {
    let entry = archive.blocks(height)?.next().context("a block that was replayed is gone")??;
    let header: Header = codec::decode(&entry.header, limits::BLOCK_BYTES_MAX)?;
    Ok(header.state_root)
}
