//! The append-only log of blocks, in segment files `blocks-00000000.log`, `blocks-00000001.log`, …
//!
//! **Invariant:** an entry that was acknowledged as durable is read back byte for byte, or reading
//! fails with an error that names the file, the offset and the height. Only bytes that no
//! acknowledgement covered are ever cut off.
//!
//! **Limit:** if the very last entry of the log was acknowledged and the disk then lost or changed
//! it, it looks like a write that never finished, and is cut off. A snapshot or a root from beyond
//! it shows the loss ([`crate::StoreError::LogBehindSnapshot`]).

mod format;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

pub use format::{ENTRY_BYTES_MAX, EntryError, LogEntry, VERSION, decode_entry};
pub use reader::BlockReader;
pub use writer::{BlockLog, Durability, LogOptions, Truncated};

use crate::{GenesisHash, disk::DiskError};
use std::path::PathBuf;

/// Why the block log could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The disk refused. What was acknowledged before is kept, and appending may be tried again.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A file named like a segment is none.
    #[error("{path} is not a block log: restore it from a copy, or name another directory")]
    NotALog {
        /// The file.
        path: PathBuf,
    },
    /// A layout this build does not know.
    #[error(
        "{path} has block log version {found}, this build reads {known}: use a build that reads it"
    )]
    VersionUnknown {
        /// The file.
        path: PathBuf,
        /// The version found.
        found: u32,
        /// The version this build reads.
        known: u32,
    },
    /// The log belongs to another chain.
    #[error(
        "{path} belongs to genesis {found}, not {expected}: use this chain's directory or genesis",
        found = hex(.found), expected = hex(.expected)
    )]
    GenesisDiffers {
        /// The file.
        path: PathBuf,
        /// The genesis hash found.
        found: GenesisHash,
        /// The genesis hash asked for.
        expected: GenesisHash,
    },
    /// Bytes that were acknowledged have changed or gone.
    #[error(
        "{path} is damaged at byte {offset}, height {height}: {what}; restore the file from a copy \
         or from another replica"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damaged part begins.
        offset: u64,
        /// The height that should stand there.
        height: u64,
        /// What is wrong with it.
        what: String,
    },
    /// A segment in the middle is not there.
    #[error("{path} is missing: restore it from a copy or from another replica")]
    SegmentMissing {
        /// The file.
        path: PathBuf,
    },
    /// Blocks are appended one after the other.
    #[error(
        "height {given} appended where {expected} comes next: append each block once, in order"
    )]
    HeightNotNext {
        /// The only height that can be appended now.
        expected: u64,
        /// The height given.
        given: u64,
    },
    /// The log does not go back that far.
    #[error(
        "height {asked} asked for, the log begins at {first}: use an archive that reaches back"
    )]
    HeightBeforeLog {
        /// The height asked for.
        asked: u64,
        /// The first height in the log.
        first: u64,
    },
    /// A block beyond [`ENTRY_BYTES_MAX`].
    #[error("block {height} has {bytes} bytes, at most {ENTRY_BYTES_MAX} fit: make smaller blocks")]
    TooLong {
        /// The height given.
        height: u64,
        /// Header and block together.
        bytes: usize,
    },
    /// An earlier failure left it open what is on disk.
    #[error(
        "the log refuses to go on after a failed write or sync: restart, which checks its tail"
    )]
    Broken,
}

/// Writes a hash as people compare it.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
