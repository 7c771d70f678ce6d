//! What was played, as whoever founded the chain says: the name of the data, its sources and caveats, venues, events, who is who.
//!
//! It lies beside the log as `scenario.json`, and the chain's name ends with its hash, so that nobody says otherwise
//! later. Whether it is true, no log can tell.
//!
//! Left out: networks. What nobody has described is called what its validators reported.

use machine::Genesis;
use protocol::{Address, Hash, UnderlyingId};
use report::{DataKind, DataLabel, Event};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Its file.
pub const FILE: &str = "scenario.json";
/// What the names of chains that have one begin with.
const PREFIX: &str = "novation-demo-";
/// Bytes of its hash in a chain's name, as many as such a name has room for.
const HASH_BYTES: usize = 9;

/// Why what was played cannot be known.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file that the chain's name speaks of is not there.
    #[error("{} is missing, whose hash the chain's name {chain} ends with: restore it from a copy", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
        /// The chain's name.
        chain: String,
    },
    /// The operating system refused to read the file.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not the one that the chain was founded on.
    #[error("{} was changed: it is that of a chain {found}, and this one is {chain}", path.display())]
    Changed {
        /// Which.
        path: PathBuf,
        /// The name of the chain that the file would found.
        found: String,
        /// The chain's name.
        chain: String,
    },
    /// The file has the right hash, and does not have the form of a scenario.
    #[error("{} is no scenario", path.display())]
    NotOne {
        /// Which.
        path: PathBuf,
        /// What the reader says.
        source: serde_json::Error,
    },
    /// The scenario has no JSON form.
    #[error("the scenario has no JSON form")]
    Form(#[source] serde_json::Error),
}

/// What was played.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// In a few words.
    pub title: String,
    /// What the data is.
    pub data: DataLabel,
    /// Names of the venues of each underlying, in the order of their numbers.
    pub venues: Vec<(u16, Vec<String>)>,
    /// What to mark on charts.
    pub events: Vec<Event>,
    /// What is to be known of a run that comes to a block.
    pub notes: Vec<Note>,
    /// Who is who.
    pub groups: Vec<Group>,
}

/// What is to be known of a run that comes to a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The first block that it is told of.
    pub block: u64,
    /// A sentence.
    pub text: String,
}

/// Accounts of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// First byte of their owners' addresses.
    pub first_byte: u8,
    /// What one of them is called.
    pub name: String,
    /// Whether they offer what others trade with: their capital would flatten everybody else's lines.
    pub offers: bool,
}

impl Scenario {
    /// Returns its file, and the name of the chain that is founded on it.
    ///
    /// # Errors
    ///
    /// [`ScenarioError::Form`] if it has no JSON form.
    pub fn file(&self) -> Result<(Vec<u8>, String), ScenarioError> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(ScenarioError::Form)?;
        bytes.push(b'\n');
        let chain = chain(&bytes);
        Ok((bytes, chain))
    }

    /// Returns what was played in a house's directory.
    ///
    /// # Errors
    ///
    /// If the file is missing or is not the one that the chain's name ends with.
    pub fn read(genesis: &Genesis, dir: &Path) -> Result<Self, ScenarioError> {
        let chain = &genesis.chain;
        if !is_named(genesis) {
            return Ok(Self::reported(chain));
        }
        let path = dir.join(FILE);
        match fs::read(&path) {
            Ok(bytes) => Self::of(&bytes, chain, path),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(ScenarioError::Missing { path, chain: chain.clone() })
            }
            Err(source) => Err(ScenarioError::Unreadable { path, source }),
        }
    }

    fn of(bytes: &[u8], name: &str, path: PathBuf) -> Result<Self, ScenarioError> {
        let found = chain(bytes);
        if found != name {
            return Err(ScenarioError::Changed { path, found, chain: name.to_string() });
        }
        serde_json::from_slice(bytes).map_err(|source| ScenarioError::NotOne { path, source })
    }

    /// Returns what is known of a chain that nobody has described.
    pub fn reported(chain: &str) -> Self {
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
    pub fn group(&self, owner: &Address) -> Option<&Group> {
        let first = owner.bytes().first()?;
        self.groups.iter().find(|group| group.first_byte == *first)
    }

    /// Returns the name of a venue.
    pub fn venue(&self, underlying: UnderlyingId, number: u16) -> String {
        let names =
            self.venues.iter().find(|(id, _)| *id == underlying.get()).map(|(_, names)| names);
        let at = usize::from(number.saturating_sub(1));
        let name = names.and_then(|names| names.get(at)).cloned();
        name.unwrap_or_else(|| format!("source {number}"))
    }
}

/// Returns whether a chain's name says that there is a scenario.
pub fn is_named(genesis: &Genesis) -> bool {
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
