//! Why a directory cannot be read as that of a house.

use house::HouseError;
use machine::{BlockError, GenesisError};
use protocol::Fault;
use protocol::codec::{DecodeError, EncodeError};
use std::io;
use std::num::TryFromIntError;
use std::path::PathBuf;
use store::{CommitmentError, LogError, SnapshotError};

/// Why a directory cannot be read as that of a house.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// There is no house in it, or not the one that its log is of.
    #[error(transparent)]
    House(#[from] HouseError),
    /// There is no block log in it.
    #[error("{} has no block log: restore its directory 'blocks' from a copy", .0.display())]
    NoLog(PathBuf),
    /// The operating system refuses something.
    #[error("cannot {doing} {}", path.display())]
    Disk {
        /// What was tried: read, list, open, copy or lock.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// There is no room for links and copies.
    #[error("cannot create {}: set TMPDIR to a directory that can be written", path.display())]
    NoScratch {
        /// The directory for them.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The block log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The directory of snapshots.
    #[error(transparent)]
    Snapshots(#[from] SnapshotError),
    /// The authenticated state.
    #[error(transparent)]
    Commitment(#[from] CommitmentError),
    /// A block or its header cannot be read.
    #[error("block {height} of {} is damaged", dir.display())]
    Damaged {
        /// The block.
        height: u64,
        /// The directory.
        dir: PathBuf,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// A block does not follow the state before it.
    #[error("block {height} does not follow: run `novation audit {}`", dir.display())]
    DoesNotFollow {
        /// The block.
        height: u64,
        /// The directory.
        dir: PathBuf,
        /// Why.
        source: BlockError,
    },
    /// The log ends before a block.
    #[error("there is no block {height}: the log of {} ends at block {last}", dir.display())]
    NoBlock {
        /// The block that was asked for.
        height: u64,
        /// The last one that there is.
        last: u64,
        /// The directory.
        dir: PathBuf,
    },
    /// The genesis founds nothing.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// A fault of the machine while a record is made.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// A key that has no encoding.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A height that no block has.
    #[error(transparent)]
    Height(#[from] TryFromIntError),
}

/// Why a snapshot is of no use, in words that name its file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnusableSnapshot(pub String);
