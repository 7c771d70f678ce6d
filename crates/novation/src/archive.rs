//! The directory of a house as its auditor sees it: read, and never written.
//!
//! **Invariant:** nothing below the directory is created, changed or removed, and no lock is taken, so the house may be
//! running, or on a disk that cannot be written.

use anyhow::{Context, Result, bail};
use machine::{Genesis, Machine};
use protocol::{Block, Hash, codec, limits};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use store::{
    BlockReader, Checkpoint, CommitmentError, Proof, QmdbCommitment, Snapshot, Snapshots,
    StateCommitment as _,
};

/// A house on disk.
#[derive(Debug)]
pub(crate) struct Archive {
    dir: PathBuf,
    /// What it was founded on.
    pub(crate) genesis: Genesis,
    /// The hash of that.
    pub(crate) hash: Hash,
}

impl Archive {
    /// Opens the directory of a house.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        let (genesis, hash) = house::read_genesis(dir)?;
        let archive = Self { dir: dir.to_path_buf(), genesis, hash };
        if !archive.log_dir().is_dir() {
            bail!("{} has no block log: restore its directory 'blocks' from a copy", dir.display());
        }
        Ok(archive)
    }

    /// Returns the directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the process that writes here, if one does, by what it wrote into the lock. Nothing is created.
    pub(crate) fn writer(&self) -> Result<Option<String>> {
        let path = self.dir.join("lock");
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(fs::TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(&path).unwrap_or_default();
                let is_number = !holder.is_empty() && holder.bytes().all(|b| b.is_ascii_digit());
                Ok(Some(if is_number { holder } else { "unknown".into() }))
            }
            Err(fs::TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", path.display()))
            }
        }
    }

    fn log_dir(&self) -> PathBuf {
        self.dir.join("blocks")
    }

    /// Reads the blocks from a height on.
    pub(crate) fn blocks(&self, from: u64) -> Result<BlockReader> {
        Ok(BlockReader::open_from(&self.log_dir(), Some(self.hash.bytes()), from)?)
    }

    /// Returns the first height of the log; `None` if it holds none.
    pub(crate) fn first_height(&self) -> Result<Option<u64>> {
        Ok(BlockReader::open(&self.log_dir(), Some(self.hash.bytes()))?.first_height())
    }

    /// Returns the authenticated state at a checkpoint, from a copy of the house's own: it must have the root that the
    /// header of that height names, so it need not be trusted.
    pub(crate) fn state_at(&self, checkpoint: &Checkpoint) -> Result<CopiedState> {
        let scratch = self.copied_state()?;
        let commitment = QmdbCommitment::open_at(&scratch.0, checkpoint)?;
        Ok(CopiedState { commitment, _scratch: scratch })
    }

    /// Returns the authenticated state as it was last made durable, from a copy of the house's own.
    pub(crate) fn state_now(&self) -> Result<CopiedState> {
        let scratch = self.copied_state()?;
        let commitment = QmdbCommitment::open(&scratch.0)?;
        Ok(CopiedState { commitment, _scratch: scratch })
    }

    fn copied_state(&self) -> Result<LinkDirectory> {
        let scratch = LinkDirectory::create()?;
        let from = self.dir.join("state");
        copy_directories(&from, &scratch.0)
            .with_context(|| format!("cannot copy {}", from.display()))?;
        Ok(scratch)
    }

    /// Returns the files of the block log in order, with their lengths.
    pub(crate) fn log_files(&self) -> Result<Vec<(PathBuf, u64)>> {
        let dir = self.log_dir();
        let cannot = || format!("cannot list {}", dir.display());
        let mut files = Vec::new();
        for entry in fs::read_dir(&dir).with_context(cannot)? {
            let entry = entry.with_context(cannot)?;
            let name = entry.file_name();
            if name
                .to_str()
                .is_some_and(|name| name.starts_with("blocks-") && name.ends_with(".log"))
            {
                files.push((entry.path(), entry.metadata().with_context(cannot)?.len()));
            }
        }
        files.sort();
        Ok(files)
    }

    /// Returns the snapshots.
    pub(crate) fn snapshots(&self) -> Result<SnapshotView> {
        SnapshotView::open(self.dir.join("snapshots"), &self.hash)
    }

    /// Returns the machine after a block, or after the last: the newest snapshot up to there that can be read, and the
    /// blocks after it again. Roots are not compared; an audit does that.
    pub(crate) fn machine_at(&self, height: Option<u64>) -> Result<Machine> {
        let mut machine = self.restored(height.unwrap_or(u64::MAX))?;
        let reached = |machine: &Machine| u64::try_from(machine.state().height.blocks());
        let from = reached(&machine)?.saturating_add(1);
        for entry in self.blocks(from)? {
            if height.is_some_and(|height| reached(&machine).is_ok_and(|at| at >= height)) {
                break;
            }
            let entry = entry?;
            let block: Block =
                codec::decode(&entry.block, limits::BLOCK_BYTES_MAX).with_context(|| {
                    format!("block {} of {} is damaged", entry.height, self.dir.display())
                })?;
            machine.apply(&block).with_context(|| {
                format!(
                    "block {} does not follow: run `novation audit {}`",
                    entry.height,
                    self.dir.display()
                )
            })?;
        }
        let last = reached(&machine)?;
        match height {
            Some(height) if height > last => {
                bail!(
                    "there is no block {height}: the log of {} ends at block {last}",
                    self.dir.display()
                )
            }
            _ => Ok(machine),
        }
    }

    /// Returns the machine of the newest usable snapshot up to a height, or of genesis.
    fn restored(&self, height: u64) -> Result<Machine> {
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
pub(crate) struct SnapshotView {
    dir: PathBuf,
    links: LinkDirectory,
    snapshots: Snapshots,
}

impl SnapshotView {
    fn open(dir: PathBuf, genesis: &Hash) -> Result<Self> {
        let links = LinkDirectory::create()?;
        if dir.is_dir() {
            let target =
                dir.canonicalize().with_context(|| format!("cannot open {}", dir.display()))?;
            let cannot = || format!("cannot list {}", dir.display());
            for entry in fs::read_dir(&target).with_context(cannot)? {
                let name = entry.with_context(cannot)?.file_name();
                if name.to_str().is_some_and(|name| name.ends_with(".state")) {
                    symlink(target.join(&name), links.0.join(&name)).with_context(cannot)?;
                }
            }
        }
        let snapshots = Snapshots::open(&links.0, genesis.bytes())?;
        Ok(Self { dir, links, snapshots })
    }

    /// Returns the heights that have a snapshot, ascending.
    pub(crate) fn heights(&self) -> Result<Vec<u64>> {
        let mut heights = self.snapshots.heights()?;
        heights.reverse();
        Ok(heights)
    }

    /// Reads a snapshot, checking every byte; in words what is wrong with it.
    pub(crate) fn read(&self, height: u64) -> Result<Snapshot, String> {
        self.snapshots.read(height).map_err(|error| {
            let (link, real) = (self.links.0.display().to_string(), self.dir.display().to_string());
            error.to_string().replace(&link, &real)
        })
    }
}

/// An authenticated state in a directory of its own, removed when dropped.
#[derive(Debug)]
pub(crate) struct CopiedState {
    pub(crate) commitment: QmdbCommitment,
    _scratch: LinkDirectory,
}

/// An authenticated state that is not the house's own: begun anew, or a copy.
#[derive(Debug)]
pub(crate) enum Tree {
    New(QmdbCommitment),
    Copied(CopiedState),
}

impl Tree {
    /// Returns an empty one in a temporary directory.
    pub(crate) fn temporary() -> Result<Self, CommitmentError> {
        QmdbCommitment::temporary(&std::env::temp_dir()).map(Self::New)
    }

    fn commitment(&self) -> &QmdbCommitment {
        match self {
            Self::New(commitment) => commitment,
            Self::Copied(copied) => &copied.commitment,
        }
    }

    /// Applies the writes of a block and returns the root after it.
    pub(crate) fn commit(
        &mut self,
        height: u64,
        writes: Vec<machine::Write>,
    ) -> Result<Hash, CommitmentError> {
        let writes: Vec<_> = writes.into_iter().map(|write| (write.key, write.record)).collect();
        let commitment = match self {
            Self::New(commitment) => commitment,
            Self::Copied(copied) => &mut copied.commitment,
        };
        Ok(Hash::new(commitment.commit(height, &writes)?.bytes()))
    }

    /// Returns the root after the last block.
    pub(crate) fn root(&self) -> Hash {
        Hash::new(self.commitment().root().bytes())
    }

    /// Proves what a key holds, or that it holds nothing.
    pub(crate) fn prove(
        &self,
        key: &[u8],
        record: Option<&[u8]>,
    ) -> Result<Proof, CommitmentError> {
        self.commitment().prove(key, record)
    }
}

/// Copies the directories in a directory, with what they hold.
fn copy_directories(from: &Path, to: &Path) -> std::io::Result<()> {
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
    fn create() -> Result<Self> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let name = format!("novation-links-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self(path)),
                // Left by a process of the same number that was killed.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => {
                    let advice = "set TMPDIR to a directory that can be written";
                    let what = format!("cannot create {}: {advice}", path.display());
                    return Err(error).context(what);
                }
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
