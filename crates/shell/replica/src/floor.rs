//! Where a validator's engine begins that has taken its state from a peer: at a certificate, and not at the genesis.
//!
//! **Invariant:** a validator that cannot know what it signed before signs nothing in a round in which it may have: every
//! vote it can have signed was for a view at most one behind the certificates that the others held then, so it stays
//! silent for a while past the certificate at which it begins.

use crate::guard::SILENT_VIEWS;
use borsh::{BorshDeserialize, BorshSerialize};
use light::OrderHeader;
use protocol::codec;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// Longest file.
const FLOOR_BYTES_MAX: usize = 64 << 10;

/// Where an engine begins.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Floor {
    /// The certificate of the last ordered block that is taken as done.
    pub certificate: Vec<u8>,
    /// Nothing below this round is signed; zero if the validator knows its votes.
    pub silent_until: u64,
}

impl Floor {
    /// Returns the floor at an ordered block with its certificate. `knows_its_votes` says whether the validator still
    /// has the file of all that it signed.
    #[must_use]
    pub fn at(order: &OrderHeader, certificate: Vec<u8>, knows_its_votes: bool) -> Self {
        let silent_until =
            if knows_its_votes { 0 } else { order.round.saturating_add(SILENT_VIEWS) };
        Self { certificate, silent_until }
    }

    /// Reads a file; `None` if there is none.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is not a floor.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        codec::decode(&bytes, FLOOR_BYTES_MAX)
            .map(Some)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let bytes = codec::encode(self).map_err(|error| io::Error::other(error.to_string()))?;
        let staged = path.with_extension("new");
        let mut file = File::create(&staged)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&staged, path)?;
        match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
            _ => Ok(()),
        }
    }
}
