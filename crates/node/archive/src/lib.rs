//! The directory of a house as its auditor sees it: read, and never written.
//!
//! - [`Archive`]: blocks, snapshots and the genesis; the machine after a block, made from them.
//! - [`Last`]: machine and authenticated state after the last block, from which records are proved.
//! - [`Tree`]: an authenticated state that is not the house's own, begun anew or from a copy.
//!
//! **Invariant:** nothing below the directory is created, changed or removed, and no lock is taken, so the house may be
//! running, or on a disk that cannot be written.
//!
//! **Left out:** whether the log is the right one, and whether every root in it is: an audit looks at that.
//!
//! ```no_run
//! use archive::Archive;
//! use std::path::Path;
//!
//! let archive = Archive::open(Path::new("./demo"))?;
//! let machine = archive.machine_at(Some(100))?;
//! println!("{} accounts after block {}", machine.state().accounts.len(), machine.state().height);
//! # Ok::<(), archive::ArchiveError>(())
//! ```

mod error;
mod last;

pub use error::{ArchiveError, UnusableSnapshot};
pub use last::Last;

use machine::{Genesis, Machine};
use protocol::{Block, Hash, codec, limits};
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use store::{
    BlockReader, Checkpoint, CommitmentError, Proof, QmdbCommitment, Snapshot, Snapshots,
    StateCommitment as _,
};

/// A house on disk.
#[derive(Debug)]
pub struct Archive {
    dir: PathBuf,
    /// What it was founded on.
    pub genesis: Genesis,
    /// The hash of that.
    pub hash: Hash,
}

impl Archive {
    /// Opens the directory of a house.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`] if there is no house, or no block log.
    pub fn open(dir: &Path) -> Result<Self, ArchiveError> {
        let (genesis, hash) = house::read_genesis(dir)?;
        let archive = Self { dir: dir.to_path_buf(), genesis, hash };
        if !archive.log_dir().is_dir() {
            return Err(ArchiveError::NoLog(dir.to_path_buf()));
        }
        Ok(archive)
    }

    /// Returns the directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the process that writes here, if one does, by what it wrote into the lock. Nothing is created.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Disk`] if the lock cannot be read.
    pub fn writer(&self) -> Result<Option<String>, ArchiveError> {
        let path = self.dir.join("lock");
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(ArchiveError::Disk { doing: "read", path, source }),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(fs::TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(&path).unwrap_or_default();
                let is_number = !holder.is_empty() && holder.bytes().all(|b| b.is_ascii_digit());
                Ok(Some(if is_number { holder } else { "unknown".into() }))
            }
            Err(fs::TryLockError::Error(source)) => {
                Err(ArchiveError::Disk { doing: "lock", path, source })
            }
        }
    }

    fn log_dir(&self) -> PathBuf {
        self.dir.join("blocks")
    }

    /// Reads the blocks from a height on.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Log`] if the log cannot be opened there.
    pub fn blocks(&self, from: u64) -> Result<BlockReader, ArchiveError> {
        Ok(BlockReader::open_from(&self.log_dir(), Some(self.hash.bytes()), from)?)
    }

    /// Returns the first height of the log; `None` if it holds none.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Log`] if the log cannot be opened.
    pub fn first_height(&self) -> Result<Option<u64>, ArchiveError> {
        Ok(BlockReader::open(&self.log_dir(), Some(self.hash.bytes()))?.first_height())
    }

    /// Returns the authenticated state at a checkpoint, from a copy of the house's own: it must have the root that the
    /// header of that height names, so it need not be trusted.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`] if it cannot be copied, or its files do not lead to the checkpoint.
    pub fn state_at(&self, checkpoint: &Checkpoint) -> Result<Tree, ArchiveError> {
        let scratch = self.copied_state()?;
        let commitment = QmdbCommitment::open_at(&scratch.0, checkpoint)?;
        Ok(Tree { commitment, _scratch: Some(scratch) })
    }

    /// Returns the authenticated state as it was last made durable, from a copy of the house's own.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`] if it cannot be copied, or its files are damaged.
    pub fn state_now(&self) -> Result<Tree, ArchiveError> {
        let scratch = self.copied_state()?;
        let commitment = QmdbCommitment::open(&scratch.0)?;
        Ok(Tree { commitment, _scratch: Some(scratch) })
    }

    fn copied_state(&self) -> Result<LinkDirectory, ArchiveError> {
        let scratch = LinkDirectory::create()?;
        let path = self.dir.join("state");
        copy_directories(&path, &scratch.0).map_err(|source| ArchiveError::Disk {
            doing: "copy",
            path,
            source,
        })?;
        Ok(scratch)
    }

    /// Returns the files of the block log in order, with their lengths.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Disk`] if they cannot be listed.
    pub fn log_files(&self) -> Result<Vec<(PathBuf, u64)>, ArchiveError> {
        let dir = self.log_dir();
        let cannot = |source| unlisted(&dir, source);
        let mut files = Vec::new();
        for entry in fs::read_dir(&dir).map_err(cannot)? {
            let entry = entry.map_err(cannot)?;
            let name = entry.file_name();
            if name
                .to_str()
                .is_some_and(|name| name.starts_with("blocks-") && name.ends_with(".log"))
            {
                files.push((entry.path(), entry.metadata().map_err(cannot)?.len()));
            }
        }
        files.sort();
        Ok(files)
    }

    /// Returns the snapshots.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`] if they cannot be listed, or there is no room for links to them.
    pub fn snapshots(&self) -> Result<SnapshotView, ArchiveError> {
        SnapshotView::open(self.dir.join("snapshots"), &self.hash)
    }

    /// Returns the machine after a block, or after the last: the newest snapshot up to there that can be read, and the
    /// blocks after it again. Roots are not compared; an audit does that.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`] if the log is damaged, ends before the block, or is of another program version.
    pub fn machine_at(&self, height: Option<u64>) -> Result<Machine, ArchiveError> {
        let mut machine = self.restored(height.unwrap_or(u64::MAX))?;
        let reached = |machine: &Machine| u64::try_from(machine.state().height.blocks());
        let from = reached(&machine)?.saturating_add(1);
        for entry in self.blocks(from)? {
            if height.is_some_and(|height| reached(&machine).is_ok_and(|at| at >= height)) {
                break;
            }
            let entry = entry?;
            let dir = || self.dir.clone();
            let height = entry.height;
            let block: Block = codec::decode(&entry.block, limits::BLOCK_BYTES_MAX)
                .map_err(|source| ArchiveError::Damaged { height, dir: dir(), source })?;
            machine.apply(&block).map_err(|source| ArchiveError::DoesNotFollow {
                height,
                dir: dir(),
                source,
            })?;
        }
        let last = reached(&machine)?;
        match height {
            Some(height) if height > last => {
                Err(ArchiveError::NoBlock { height, last, dir: self.dir.clone() })
            }
            _ => Ok(machine),
        }
    }

    /// Returns the machine of the newest usable snapshot up to a height, or of genesis.
    fn restored(&self, height: u64) -> Result<Machine, ArchiveError> {
        let snapshots = self.snapshots()?;
        for at in snapshots.heights()?.into_iter().rev().filter(|at| *at <= height) {
            let machine = snapshots.read(at).ok().map(|snapshot| Machine::restore(&snapshot.state));
            if let Some(Ok(machine)) = machine {
                return Ok(machine);
            }
        }
        Ok(Machine::found(&self.genesis)?.0)
    }
}

/// The snapshots of a house that may be running.
///
/// The store tidies a directory of snapshots when it opens it, which would pull a half-written one from under a
/// running house. So it is shown a directory of links.
#[derive(Debug)]
pub struct SnapshotView {
    dir: PathBuf,
    links: LinkDirectory,
    snapshots: Snapshots,
}

impl SnapshotView {
    fn open(dir: PathBuf, genesis: &Hash) -> Result<Self, ArchiveError> {
        let links = LinkDirectory::create()?;
        if dir.is_dir() {
            let target = dir.canonicalize().map_err(|source| ArchiveError::Disk {
                doing: "open",
                path: dir.clone(),
                source,
            })?;
            let cannot = |source| unlisted(&dir, source);
            for entry in fs::read_dir(&target).map_err(cannot)? {
                let name = entry.map_err(cannot)?.file_name();
                if name.to_str().is_some_and(|name| name.ends_with(".state")) {
                    symlink(target.join(&name), links.0.join(&name)).map_err(cannot)?;
                }
            }
        }
        let snapshots = Snapshots::open(&links.0, genesis.bytes())?;
        Ok(Self { dir, links, snapshots })
    }

    /// Returns the heights that have a snapshot, ascending.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Snapshots`] if they cannot be listed.
    pub fn heights(&self) -> Result<Vec<u64>, ArchiveError> {
        let mut heights = self.snapshots.heights()?;
        heights.reverse();
        Ok(heights)
    }

    /// Reads a snapshot, checking every byte.
    ///
    /// # Errors
    ///
    /// [`UnusableSnapshot`] with what is wrong with it.
    pub fn read(&self, height: u64) -> Result<Snapshot, UnusableSnapshot> {
        self.snapshots.read(height).map_err(|error| {
            let (link, real) = (self.links.0.display().to_string(), self.dir.display().to_string());
            UnusableSnapshot(error.to_string().replace(&link, &real))
        })
    }
}

/// An authenticated state that is not the house's own: begun anew, or a copy.
#[derive(Debug)]
pub struct Tree {
    commitment: QmdbCommitment,
    /// What it was copied to.
    _scratch: Option<LinkDirectory>,
}

impl Tree {
    /// Returns an empty one in a temporary directory.
    ///
    /// # Errors
    ///
    /// [`CommitmentError`] if there is no room for it.
    pub fn temporary() -> Result<Self, CommitmentError> {
        let commitment = QmdbCommitment::temporary(&std::env::temp_dir())?;
        Ok(Self { commitment, _scratch: None })
    }

    /// Returns the height of its last block; `None` before the first.
    #[must_use]
    pub fn height(&self) -> Option<u64> {
        self.commitment.height()
    }

    /// Applies the writes of a block and returns the root after it.
    ///
    /// # Errors
    ///
    /// [`CommitmentError`] if there is no room for it, or the height does not follow.
    pub fn commit(
        &mut self,
        height: u64,
        writes: Vec<machine::Write>,
    ) -> Result<Hash, CommitmentError> {
        let writes: Vec<_> = writes.into_iter().map(|write| (write.key, write.record)).collect();
        Ok(Hash::new(self.commitment.commit(height, &writes)?.bytes()))
    }

    /// Returns the root after the last block.
    #[must_use]
    pub fn root(&self) -> Hash {
        Hash::new(self.commitment.root().bytes())
    }

    /// Proves what a key holds, or that it holds nothing.
    ///
    /// # Errors
    ///
    /// [`CommitmentError`] if the key holds something else.
    pub fn prove(&self, key: &[u8], record: Option<&[u8]>) -> Result<Proof, CommitmentError> {
        self.commitment.prove(key, record)
    }
}

fn unlisted(dir: &Path, source: io::Error) -> ArchiveError {
    ArchiveError::Disk { doing: "list", path: dir.to_path_buf(), source }
}

/// Copies the directories in a directory, with what they hold.
fn copy_directories(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if !entry.file_type()?.is_dir() {
            continue;
        }
        fs::create_dir(&target)?;
        for file in fs::read_dir(entry.path())? {
            let file = file?;
            if file.file_type()?.is_file() {
                fs::copy(file.path(), target.join(file.file_name()))?;
            }
        }
    }
    Ok(())
}

/// A directory of links or copies, removed when dropped.
#[derive(Debug)]
struct LinkDirectory(PathBuf);

impl LinkDirectory {
    fn create() -> Result<Self, ArchiveError> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let name = format!("novation-links-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self(path)),
                // Left by a process of the same number that was killed.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(source) => return Err(ArchiveError::NoScratch { path, source }),
            }
        }
    }
}

impl Drop for LinkDirectory {
    fn drop(&mut self) {
        // Links only; a destructor has nobody to tell.
        drop(fs::remove_dir_all(&self.0));
    }
}
