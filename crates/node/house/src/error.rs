//! Why a house could not be founded, opened or taken further.

use machine::{BlockError, GenesisError, SnapshotError};
use protocol::Hash;
use protocol::codec::{DecodeError, EncodeError};
use std::io;
use std::path::PathBuf;
use store::{LogError, StoreError};

/// Why a house could not be founded, opened or taken further.
#[derive(Debug, thiserror::Error)]
pub enum HouseError {
    /// There is a house in the directory already.
    #[error("{0} holds a house already: choose another directory, or remove it")]
    Occupied(PathBuf),
    /// There is no house in the directory.
    #[error(
        "{dir} is not a house: it has no readable file 'genesis' ({source}); `novation demo --out {dir}` makes one"
    )]
    NotAHouse {
        /// The directory.
        dir: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file is there and could not be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {path}: {source}")]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The genesis file is not the encoding of one.
    #[error("{path} is damaged ({source}): restore it from a copy")]
    GenesisDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// The genesis cannot be founded.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The machine's state in a snapshot cannot be read.
    #[error(
        "the snapshot at height {height} is of no use: {source}; move it away to go back to an older one"
    )]
    Snapshot {
        /// Its height.
        height: u64,
        /// Why.
        source: SnapshotError,
    },
    /// The disk, or what is on it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The block log, read by itself.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log has been pruned, and no snapshot can be used.
    #[error(
        "the block log of {dir} begins at block {first} and no snapshot of it can be used: move blocks, state and \
         snapshots away and start with --join"
    )]
    Pruned {
        /// The directory.
        dir: PathBuf,
        /// The first block of the log.
        first: u64,
    },
    /// What was asked for is not there, or no longer.
    #[error("there is no snapshot of block {0} here: ask which is offered")]
    NotOffered(u64),
    /// A book of which too much would have to be shown.
    #[error(
        "more than {most} orders of market {0} would have to be shown: an order at another price, or one that stands, can \
         be proved",
        most = book::ORDERS_SHOWN_MAX
    )]
    BookTooLarge(protocol::InstrumentId),
    /// An account with more positions than are proved at once.
    #[error(
        "the account has {0} positions, and the Greeks of at most {most} are proved at once: ask for its record and those \
         of its markets one by one",
        most = crate::PROVED_POSITIONS_MAX
    )]
    TooManyPositions(usize),
    /// A block whose events are not kept.
    #[error(
        "the events of block {height} are not kept here{}: replay the log, or ask a validator that has them",
        oldest.map_or(String::new(), |oldest| format!("; the oldest that are, are of block {oldest}"))
    )]
    EventsGone {
        /// Which block.
        height: u64,
        /// The oldest whose events are.
        oldest: Option<u64>,
    },
    /// The log ends before the snapshot that was loaded.
    #[error("the block log of {0} ends before its snapshot: restore the log from a copy")]
    LogShort(PathBuf),
    /// A block of the log leads elsewhere.
    #[error(
        "block {height} leads to state root {ours} here but its header says {logged}: the log is not of this program, \
         or the disk is corrupt; run `novation audit {dir}`"
    )]
    RootDiffers {
        /// Which block.
        height: u64,
        /// The root here.
        ours: Hash,
        /// The root in the log.
        logged: Hash,
        /// The directory.
        dir: PathBuf,
    },
    /// The machine panicked in a block, or had done so before.
    #[error(
        "block {height} cannot be executed: the machine failed ({said}); this house goes no further, and neither does \
         another start with this program: keep the directory, and ask for a program that executes the block"
    )]
    Panicked {
        /// Which block.
        height: units::BlockHeight,
        /// What the panic said.
        said: String,
    },
    /// A block that does not follow.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// A block or header that cannot be read.
    #[error("an entry of the block log cannot be read: {0}")]
    Decode(#[from] DecodeError),
    /// A value outside the limits of its encoding.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The machine's own arithmetic failed.
    #[error("internal: {0}")]
    Fault(#[from] protocol::Fault),
    /// A height below zero, which no chain has.
    #[error("a block with height {0}: heights count from zero")]
    Height(i128),
}

impl HouseError {
    /// Returns whether a disk refused to take something: the same may be tried again once it takes it.
    #[must_use]
    pub fn is_of_disk(&self) -> bool {
        match self {
            Self::Store(error) => error.is_of_disk(),
            Self::Log(error) => matches!(error, LogError::Disk(_)),
            Self::Unwritable { .. } => true,
            _ => false,
        }
    }
}
