//! One directory that holds a chain: the block log, the authenticated state and the snapshots, and
//! the order of steps that makes any crash survivable.
//!
//! ```text
//! DIR/lock         held by the one process that writes
//! DIR/blocks/      the block log: the truth
//! DIR/state/       the authenticated state: rebuilt from a checkpoint and the log
//! DIR/snapshots/   the machine's state, each with the checkpoint that goes with it, and what a peer needs to fetch it
//! ```
//!
//! A block: execute it, [`Store::commit`] its writes (in memory), put the root into its header,
//! [`Store::append`] it (durable), answer the user. A snapshot: make the log durable, make the
//! authenticated state durable, write the snapshot under its name, delete the oldest, let the
//! state forget what no remaining snapshot needs. A restart goes back to the newest snapshot whose
//! checkpoint the state still reaches, or to genesis, and replays the log from there.
//!
//! **Invariant:** whatever step a crash falls between, the restart reaches the roots in the log's
//! headers; the caller compares each, for only it can read a header.

use crate::{
    GenesisHash,
    commitment::{CommitmentError, StateCommitment},
    disk::{DirectoryLock, LockError},
    log::{BlockLog, BlockReader, LogError, LogOptions},
    qmdb::{Checkpoint, QmdbCommitment},
    snapshot::{Snapshot, SnapshotError, Snapshots},
    state_sync::{Fetch, TreeTarget},
};
use state_proof::{KeyBytes, Proof, RecordBytes, RecordDigest, StateRoot};
use std::{
    io::{self, Write},
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

/// How a store is kept.
#[derive(Debug, Clone, Copy)]
pub struct StoreOptions {
    /// How the block log is written.
    pub log: LogOptions,
    /// How many snapshots are kept. The second protects against damage to the first.
    pub snapshots_kept: NonZeroUsize,
    /// How many blocks the log keeps at least; all if `None`. What a snapshot needs is kept in any case.
    pub blocks_kept: Option<u64>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        let two = NonZeroUsize::MIN.saturating_add(1);
        Self { log: LogOptions::default(), snapshots_kept: two, blocks_kept: None }
    }
}

/// Why the store could not be opened or used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory is in use.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The block log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A snapshot could not be written.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The authenticated state failed.
    #[error(transparent)]
    Commitment(#[from] CommitmentError),
    /// Blocks that a snapshot was made after are gone.
    #[error(
        "{dir}: a snapshot at height {snapshot} exists but the block log ends at {log}: acknowledged \
         blocks are lost; restore the log from a copy or from another replica, or move the snapshot \
         away to go on without them",
        log = log.map_or_else(|| "nothing".to_owned(), |height| height.to_string())
    )]
    LogBehindSnapshot {
        /// The store's directory.
        dir: PathBuf,
        /// Height of the snapshot.
        snapshot: u64,
        /// Last height in the log.
        log: Option<u64>,
    },
    /// Blocks are there already.
    #[error(
        "{0} holds blocks already: start without --join, or move its blocks, state and snapshots away"
    )]
    Occupied(PathBuf),
    /// A snapshot was asked for between a block's execution and its append.
    #[error(
        "snapshot asked for at height {committed:?} while the log ends at {logged:?}: append the \
         block first"
    )]
    LogBehindState {
        /// Last committed height.
        committed: Option<u64>,
        /// Last height in the log.
        logged: Option<u64>,
    },
}

impl StoreError {
    /// Returns whether the disk refused: what was acknowledged is kept, and the same may be tried again once it takes it.
    #[must_use]
    pub fn is_of_disk(&self) -> bool {
        match self {
            Self::Lock(LockError::Disk(_))
            | Self::Log(LogError::Disk(_))
            | Self::Snapshot(SnapshotError::Disk(_)) => true,
            Self::Commitment(error) => error.is_of_disk(),
            _ => false,
        }
    }
}

/// A snapshot that a restart had to pass over, and why; for the operator's eyes.
#[derive(Debug)]
pub struct Skipped {
    /// Height of the snapshot.
    pub height: u64,
    /// What was wrong.
    pub reason: StoreError,
}

/// Where a restart begins: load the snapshot, or genesis if there is none, then execute and commit
/// every block that [`Store::replay`] yields.
#[derive(Debug)]
pub struct Resume {
    /// The machine's state to begin from.
    pub snapshot: Option<Snapshot>,
    /// Newer snapshots that could not be used.
    pub skipped: Vec<Skipped>,
}

/// A block and the state after it, as they come from a peer.
#[derive(Debug)]
pub struct Arrived<'a> {
    /// Height of the block.
    pub height: u64,
    /// Root after it, from a header that is trusted.
    pub root: StateRoot,
    /// What the peer says of its authenticated state.
    pub target: TreeTarget,
    /// The block's header, for the log.
    pub header: &'a [u8],
    /// The block itself.
    pub block: &'a [u8],
    /// The machine's state after it.
    pub state: &'a [u8],
}

/// A chain's directory, held by this process.
#[derive(Debug)]
pub struct Store {
    log: BlockLog,
    state: QmdbCommitment,
    snapshots: Snapshots,
    options: StoreOptions,
    /// Dropped last: the files above are closed by then.
    _lock: DirectoryLock,
}

impl Store {
    /// Takes `dir` for this process and finds where to go on from.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the directory is in use, belongs to another chain, or has lost what was
    /// acknowledged. A snapshot or a state that cannot be used is no error: an older one, or
    /// genesis, takes its place, and [`Resume::skipped`] says so.
    pub fn open(
        dir: &Path,
        genesis: &GenesisHash,
        options: StoreOptions,
    ) -> Result<(Self, Resume), StoreError> {
        let lock = DirectoryLock::acquire(dir)?;
        let log = BlockLog::open(&dir.join("blocks"), genesis, options.log)?;
        let snapshots = Snapshots::open(&dir.join("snapshots"), genesis)?;
        let mut resume = Resume { snapshot: None, skipped: Vec::new() };
        let state_dir = dir.join("state");
        let mut state = None;
        for height in snapshots.heights()? {
            let snapshot = match snapshots.read(height) {
                Ok(snapshot) => snapshot,
                Err(error @ SnapshotError::GenesisDiffers { .. }) => return Err(error.into()),
                Err(error) => {
                    resume.skipped.push(Skipped { height, reason: error.into() });
                    continue;
                }
            };
            if log.last_height().is_none_or(|last| last < height) {
                return Err(StoreError::LogBehindSnapshot {
                    dir: dir.to_path_buf(),
                    snapshot: height,
                    log: log.last_height(),
                });
            }
            match QmdbCommitment::open_at(&state_dir, &snapshot.checkpoint) {
                Ok(opened) => {
                    (state, resume.snapshot) = (Some(opened), Some(snapshot));
                    break;
                }
                Err(reason @ CommitmentError::CheckpointAbsent { .. }) => {
                    resume.skipped.push(Skipped { height, reason: reason.into() });
                }
                Err(error) => return Err(error.into()),
            }
        }
        let state = match state {
            Some(state) => state,
            None => QmdbCommitment::create(&state_dir)?,
        };
        Ok((Self { log, state, snapshots, options, _lock: lock }, resume))
    }

    /// Makes a directory without a log one that begins with the block and the state of a peer. The log is written
    /// last: a directory with a block in it is whole.
    ///
    /// # Errors
    ///
    /// [`StoreError::Occupied`] if there are blocks in it already; [`CommitmentError::Untrue`] if the peer's state is
    /// not the one of the root; otherwise what the disk refused.
    pub fn arrive(
        dir: &Path,
        genesis: &GenesisHash,
        options: StoreOptions,
        arrived: Arrived<'_>,
        fetch: Fetch,
    ) -> Result<(), StoreError> {
        let _lock = DirectoryLock::acquire(dir)?;
        let mut log = BlockLog::open(&dir.join("blocks"), genesis, options.log)?;
        if log.last_height().is_some() {
            return Err(StoreError::Occupied(dir.to_path_buf()));
        }
        let snapshots = Snapshots::open(&dir.join("snapshots"), genesis)?;
        snapshots.retain(0)?;
        let Arrived { height, root, target, header, block, state } = arrived;
        let mut tree =
            QmdbCommitment::receive(&dir.join("state"), height, root, target.clone(), fetch)?;
        let checkpoint = tree.checkpoint()?;
        snapshots.write_target(height, &target)?;
        snapshots.write(&checkpoint, |out| out.write_all(state))?;
        log.append(height, header, block)?;
        Ok(log.sync()?)
    }

    /// Reads the blocks that are in the log and not yet in the state: after [`Self::open`], all
    /// that must be executed again. Each is to be committed, and its root compared with its
    /// header's, before the next is asked for.
    ///
    /// # Errors
    ///
    /// [`StoreError::Log`] if the log cannot be read there.
    pub fn replay(&self) -> Result<BlockReader, StoreError> {
        let from = match self.state.height() {
            Some(height) => height.saturating_add(1),
            None => self.log.first_height().unwrap_or(0),
        };
        Ok(self.log.read_from(from)?)
    }

    /// Applies a block's writes to the authenticated state and returns the root for its header.
    /// Nothing is durable yet.
    ///
    /// # Errors
    ///
    /// As [`StateCommitment::commit`].
    pub fn commit(
        &mut self,
        height: u64,
        writes: &[(KeyBytes, Option<RecordBytes>)],
    ) -> Result<StateRoot, StoreError> {
        Ok(self.state.commit(height, writes)?)
    }

    /// Appends a committed block to the log. When this returns, and the log's durability is
    /// [`crate::Durability::EveryBlock`], the block may be acknowledged to the user.
    ///
    /// # Errors
    ///
    /// As [`BlockLog::append`].
    pub fn append(&mut self, height: u64, header: &[u8], block: &[u8]) -> Result<(), StoreError> {
        Ok(self.log.append(height, header, block)?)
    }

    /// Writes a snapshot of the machine's state after the last committed block, deletes the oldest
    /// ones and frees what they alone needed. Returns its height and root.
    ///
    /// # Errors
    ///
    /// [`StoreError::LogBehindState`] if the last committed block has not been appended; otherwise
    /// the failure of one of the steps. The log is then still good, and a restart possible.
    pub fn snapshot(
        &mut self,
        write_state: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Checkpoint, StoreError> {
        let (committed, logged) = (self.state.height(), self.log.last_height());
        if committed.is_none() || committed != logged {
            return Err(StoreError::LogBehindState { committed, logged });
        }
        self.log.sync()?;
        let checkpoint = self.state.checkpoint()?;
        self.snapshots.write_target(checkpoint.height, &self.state.target()?)?;
        self.snapshots.write(&checkpoint, write_state)?;
        self.snapshots.retain(self.options.snapshots_kept.get())?;
        self.forget()?;
        Ok(checkpoint)
    }

    /// Lets the state forget what no snapshot on disk needs. One whose header cannot be read needs
    /// nothing: it can never be gone back to.
    fn forget(&mut self) -> Result<(), StoreError> {
        let mut prunable: Option<u64> = None;
        let heights = self.snapshots.heights()?;
        if let (Some(kept), Some(last), Some(oldest)) =
            (self.options.blocks_kept, self.log.last_height(), heights.last())
        {
            // The header at a snapshot's height is read when the snapshot is gone back to.
            self.log.prune(last.saturating_sub(kept).min(*oldest))?;
        }
        for height in heights {
            if let Ok(header) = self.snapshots.header(height) {
                let needs = header.checkpoint.prunable;
                prunable = Some(prunable.map_or(needs, |least| least.min(needs)));
            }
        }
        match prunable {
            Some(operations) => Ok(self.state.prune(operations)?),
            None => Ok(()),
        }
    }

    /// Returns the root after the last committed block.
    #[must_use]
    pub fn root(&self) -> StateRoot {
        self.state.root()
    }

    /// Returns the first height of the log; `None` while it is empty.
    #[must_use]
    pub fn first_height(&self) -> Option<u64> {
        self.log.first_height()
    }

    /// Returns the last committed height; `None` before the first.
    #[must_use]
    pub fn height(&self) -> Option<u64> {
        self.state.height()
    }

    /// Proves what `key` holds under [`Self::root`].
    ///
    /// # Errors
    ///
    /// As [`StateCommitment::prove`].
    pub fn prove(&self, key: &[u8], record: Option<&[u8]>) -> Result<Proof, StoreError> {
        Ok(self.state.prove(key, record)?)
    }

    /// Returns the digest of the record under `key`, if there is one.
    ///
    /// # Errors
    ///
    /// As [`StateCommitment::record_digest`].
    pub fn record_digest(&self, key: &[u8]) -> Result<Option<RecordDigest>, StoreError> {
        Ok(self.state.record_digest(key)?)
    }

    /// Answers a peer that fetches the authenticated state of a snapshot.
    ///
    /// # Errors
    ///
    /// As [`QmdbCommitment::serve`].
    pub fn serve(&self, request: &[u8]) -> Result<Vec<u8>, StoreError> {
        Ok(self.state.serve(request)?)
    }

    /// Returns the block log, to read it, to sync it, or to see what opening cut off.
    pub fn log(&mut self) -> &mut BlockLog {
        &mut self.log
    }

    /// Returns the snapshots.
    #[must_use]
    pub fn snapshots(&self) -> &Snapshots {
        &self.snapshots
    }
}
