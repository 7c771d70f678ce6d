//! What a clearing house leaves on disk, and how it comes back: a block log, snapshots of the machine and the
//! authenticated state whose root every header carries.
//!
//! - [`BlockLog`]: every block, in order, checksummed. It is the truth; the other two are rebuilt from it.
//! - [`Snapshots`]: the machine's own bytes at some height, so that a restart need not replay from genesis.
//! - [`StateCommitment`]: one root over all records, and a [`Proof`] that a record is, or is not, under it.
//! - [`Store`]: the three together in one locked directory, with the order of steps that survives a crash.
//!
//! **Invariant:** a block acknowledged as durable is either read back byte for byte, or its loss is a named error; and
//! a restart, from whatever the disk holds, reaches the same roots as no restart.
//!
//! **Left out:** what the bytes mean, for blocks, records and machine state are opaque here; and the checking of a proof,
//! which needs no store (`state-proof`).

mod commitment;
mod disk;
mod log;
mod qmdb;
mod refused;
mod snapshot;
mod state_sync;
mod store;

pub use commitment::{CommitmentError, StateCommitment};
pub use disk::{DirectoryLock, DiskError, LockError};
pub use log::VERSION as LOG_VERSION;
pub use log::{
    BlockLog, BlockReader, Durability, ENTRY_BYTES_MAX, EntryError, LogEntry, LogError, LogOptions,
    Truncated, decode_entry,
};
pub use qmdb::{Checkpoint, QmdbCommitment};
pub use snapshot::VERSION as SNAPSHOT_VERSION;
pub use snapshot::{
    Snapshot, SnapshotError, SnapshotHeader, SnapshotHeaderError, Snapshots, decode_snapshot_header,
};
pub use state_proof::{
    Claim, KEY_BYTES_MAX, KeyBytes, PROOF_BYTES_MAX, PROOF_VERSION, Proof, ProofError,
    RECORD_BYTES_MAX, RecordBytes, RecordDigest, StateRoot, Verified,
};
pub use state_sync::{Fetch, FetchError, TREE_REQUEST_BYTES_MAX, TreeTarget, WitnessError};
pub use store::{Arrived, Resume, Skipped, Store, StoreError, StoreOptions};

/// The hash that names a chain: the first thing every file of a store says, so that two chains never mix.
pub type GenesisHash = [u8; 32];
