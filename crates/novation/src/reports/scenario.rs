//! What was played, as whoever founded the chain says: the name of the data, its sources and caveats, venues, events, who is who.
//!
//! It lies beside the log as `scenario.json`, and the chain's name ends with its hash, so that nobody says otherwise
//! later. Whether it is true, no log can tell.
//!
//! Left out: networks. What nobody has described is called what its validators reported.

use crate::archive::Archive;
use anyhow::{Context, Result, bail};
use machine::Genesis;
use protocol::{Address, Hash, UnderlyingId};
use report::{DataKind, DataLabel, Event};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Its file.
pub(crate) const FILE: &str = "scenario.json";
/// What the names of chains that have one begin with.
const PREFIX: &str = "novation-demo-";
/// Bytes of its hash in a chain's name, as many as such a name has room for.
const HASH_BYTES: usize = 9;

/// What was played.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scenario {
    /// In a few words.
    pub(crate) title: String,
    /// What the data is.
    pub(crate) data: DataLabel,
    /// Names of the venues of each underlying, in the order of their numbers.
    pub(crate) venues: Vec<(u16, Vec<String>)>,
    /// What to mark on charts.
    pub(crate) events: Vec<Event>,
    /// What is to be known of a run that comes to a block.
    pub(crate) notes: Vec<Note>,
    /// Who is who.
    pub(crate) groups: Vec<Group>,
}

/// What is to be known of a run that comes to a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) block: u64,
    pub(crate) text: String,
}

/// Accounts of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Group {
    /// First byte of their owners' addresses.
    pub(crate) first_byte: u8,
    /// What one of them is called.
    pub(crate) name: String,
    /// Whether they offer what others trade with: their capital would flatten everybody else's lines.
    pub(crate) offers: bool,
}

impl Scenario {
    /// Returns its file, and the name of the chain that is founded on it.
    pub(crate) fn file(&self) -> Result<(Vec<u8>, String)> {
        let mut bytes = serde_json::to_vec_pretty(self).context("a scenario has a JSON form")?;
        bytes.push(b'\n');
        let chain = chain(&bytes);
        Ok((bytes, chain))
    }

    /// Returns what was played in a house's directory.
    ///
    /// # Errors
    ///
    /// If the file is missing or is not the one that the chain's name ends with.
    pub(crate) fn read(archive: &Archive) -> Result<Self> {
        let name = &archive.genesis.chain;
        if !is_named(&archive.genesis) {
            return Ok(Self::reported(name));
        }
        let path = archive.dir().join(FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                bail!(
                    "{} is missing, whose hash the chain's name {name} ends with: restore it from a copy",
                    path.display()
                )
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        Self::of(&bytes, name, &path)
    }

    fn of(bytes: &[u8], name: &str, path: &Path) -> Result<Self> {
        let found = chain(bytes);
        if found != name {
            bail!(
                "{} was changed: it is that of a chain {found}, and this one is {name}",
                path.display()
            );
        }
        serde_json::from_slice(bytes).with_context(|| format!("{} is no scenario", path.display()))
    }

    /// Returns what is known of a chain that nobody has described.
    pub(super) fn reported(chain: &str) -> Self {
        let data = DataLabel {
            kind: DataKind::Reported,
            name: format!("prices that the validators of {chain} reported"),
            sources: Vec::new(),
            caveats: Vec::new(),
        };
        let (title, groups) = (chain.to_string(), Vec::new());
        Self { title, data, venues: Vec::new(), events: Vec::new(), notes: Vec::new(), groups }
    }

    /// Returns the kind of an account by its owner.
    pub(crate) fn group(&self, owner: &Address) -> Option<&Group> {
        let first = owner.bytes().first()?;
        self.groups.iter().find(|group| group.first_byte == *first)
    }

    /// Returns the name of a venue.
    pub(crate) fn venue(&self, underlying: UnderlyingId, number: u16) -> String {
        let names =
            self.venues.iter().find(|(id, _)| *id == underlying.get()).map(|(_, names)| names);
        let at = usize::from(number.saturating_sub(1));
        let name = names.and_then(|names| names.get(at)).cloned();
        name.unwrap_or_else(|| format!("source {number}"))
    }
}

/// Returns whether a chain's name says that there is a scenario.
pub(crate) fn is_named(genesis: &Genesis) -> bool {
    let hash = genesis.chain.strip_prefix(PREFIX);
    hash.is_some_and(|hash| {
        hash.len() == 2 * HASH_BYTES && hash.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

/// Returns the name of the chain that is founded on a scenario's file.
fn chain(bytes: &[u8]) -> String {
    let hash = Hash::of("scenario", bytes);
    let digits: Vec<_> =
        hash.bytes().iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect();
    format!("{PREFIX}{}", digits.concat())
}
