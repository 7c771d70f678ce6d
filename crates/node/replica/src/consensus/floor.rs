//! Where a validator's engine begins that has taken its state from a peer (state sync): at a certificate, and not at the
//! genesis.
//!
//! **Left out:** what may be signed from there on. The peer may be as old as it likes; that is asked of all validators
//! (`vote_recovery`).

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::codec;
use std::fs;
use std::io;
use std::path::Path;

/// Longest file.
const FLOOR_BYTES_MAX: usize = 64 << 10;

/// Where an engine begins.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Floor {
    /// The certificate of the last ordered block that is taken as done.
    pub certificate: Vec<u8>,
}

impl Floor {
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
        durable::put(path, &bytes)
    }
}
