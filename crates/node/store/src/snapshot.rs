//! Snapshots of the machine's own state, in files `snapshot-00000000000000000042.state`.
//!
//! Layout, integers big-endian; the body is the state's bytes in one zstd frame:
//!
//! ```text
//! magic "NVSTATE\0" · version u32 · genesis 32 · height u64 · root 32
//! · tree operations u64 · tree prunable u64 · state bytes u64 · body bytes u64
//! · SHA-256 of the body 32 · SHA-256 of all before 32 · body
//! ```
//!
//! **Invariant:** a file under a snapshot's name was written whole; if what it holds was changed
//! since, reading it is an error that says so.
//!
//! **Left out:** whether the state is the right one. The machine it is loaded into must reach the
//! roots in the headers that follow.

use crate::{
    GenesisHash,
    disk::{DiskError, Named as _, create_directory, file_names, replace_file, sync_directory},
    qmdb::Checkpoint,
    state_sync::TreeTarget,
};
use sha2::{Digest as _, Sha256};
use state_proof::StateRoot;
use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Seek as _, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

const MAGIC: &[u8; 8] = b"NVSTATE\0";
/// The layout described above.
pub const VERSION: u32 = 1;
/// Length of a snapshot's header.
const HEADER_BYTES: usize = 8 + 4 + 32 + 8 + 32 + 8 + 8 + 8 + 8 + 32 + 32;
/// Most bytes of state one snapshot may hold; more is a bug or an attack on memory.
const STATE_BYTES_MAX: u64 = 32 << 30;
/// Fast, and within a few percent of the slower levels on records of integers.
const COMPRESSION_LEVEL: i32 = 3;

/// What a snapshot says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotHeader {
    /// The chain it belongs to.
    pub genesis: GenesisHash,
    /// The authenticated state that goes with it, its height and its root.
    pub checkpoint: Checkpoint,
    /// Length of the state.
    pub state_bytes: u64,
    /// Length of the state as compressed.
    pub body_bytes: u64,
    body_hash: [u8; 32],
}

/// The machine's state at a height.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The authenticated state that goes with it, its height and its root.
    pub checkpoint: Checkpoint,
    /// The state, as the machine encoded it.
    pub state: Vec<u8>,
}

/// Why bytes are not a snapshot's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotHeaderError {
    /// They do not begin like one, or end within it.
    #[error("not a snapshot")]
    NotASnapshot,
    /// A layout this build does not know.
    #[error("snapshot version {found}, this build reads {VERSION}")]
    VersionUnknown {
        /// The version found.
        found: u32,
    },
    /// They were changed after they were written.
    #[error("the snapshot's header was changed")]
    Changed,
    /// It claims an impossible size.
    #[error("the snapshot claims more than {STATE_BYTES_MAX} bytes of state")]
    TooLong,
}

/// Why a snapshot could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The disk refused; an unfinished snapshot is removed and older ones are kept.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The header is not one this build can use.
    #[error("{path}: {error}; delete it to start from an older snapshot or from genesis")]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong with its header.
        error: SnapshotHeaderError,
    },
    /// It belongs to another chain.
    #[error("{path} belongs to another genesis: use this chain's directory, or delete the file")]
    GenesisDiffers {
        /// The file.
        path: PathBuf,
    },
    /// The file ends too early or goes on too long.
    #[error(
        "{path} has {found} bytes where {expected} belong: delete it to start from an older \
         snapshot or from genesis"
    )]
    LengthDiffers {
        /// The file.
        path: PathBuf,
        /// The length it should have.
        expected: u64,
        /// The length it has.
        found: u64,
    },
    /// The body was changed after it was written.
    #[error(
        "{path} is damaged ({what}): delete it to start from an older snapshot or from genesis"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What shows it.
        what: &'static str,
    },
}

impl SnapshotHeader {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&self.genesis);
        bytes.extend_from_slice(&self.checkpoint.height.to_be_bytes());
        bytes.extend_from_slice(&self.checkpoint.root.bytes());
        bytes.extend_from_slice(&self.checkpoint.operations.to_be_bytes());
        bytes.extend_from_slice(&self.checkpoint.prunable.to_be_bytes());
        bytes.extend_from_slice(&self.state_bytes.to_be_bytes());
        bytes.extend_from_slice(&self.body_bytes.to_be_bytes());
        bytes.extend_from_slice(&self.body_hash);
        let hash: [u8; 32] = Sha256::digest(&bytes).into();
        bytes.extend_from_slice(&hash);
        bytes
    }
}

/// Reads the header that a snapshot's bytes begin with.
///
/// # Errors
///
/// [`SnapshotHeaderError`] says why they do not.
pub fn decode_snapshot_header(bytes: &[u8]) -> Result<SnapshotHeader, SnapshotHeaderError> {
    let mut rest = bytes;
    if &take::<8>(&mut rest)? != MAGIC {
        return Err(SnapshotHeaderError::NotASnapshot);
    }
    let found = u32::from_be_bytes(take(&mut rest)?);
    if found != VERSION {
        return Err(SnapshotHeaderError::VersionUnknown { found });
    }
    let genesis = take(&mut rest)?;
    let checkpoint = Checkpoint {
        height: u64::from_be_bytes(take(&mut rest)?),
        root: StateRoot::from_bytes(take(&mut rest)?),
        operations: u64::from_be_bytes(take(&mut rest)?),
        prunable: u64::from_be_bytes(take(&mut rest)?),
    };
    let state_bytes = u64::from_be_bytes(take(&mut rest)?);
    let body_bytes = u64::from_be_bytes(take(&mut rest)?);
    let body_hash = take(&mut rest)?;
    let hashed = bytes.get(..HEADER_BYTES - 32).ok_or(SnapshotHeaderError::NotASnapshot)?;
    let hash: [u8; 32] = Sha256::digest(hashed).into();
    if take::<32>(&mut rest)? != hash {
        return Err(SnapshotHeaderError::Changed);
    }
    if state_bytes > STATE_BYTES_MAX || body_bytes > STATE_BYTES_MAX {
        return Err(SnapshotHeaderError::TooLong);
    }
    Ok(SnapshotHeader { genesis, checkpoint, state_bytes, body_bytes, body_hash })
}

/// Takes a fixed number of bytes off the front.
fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], SnapshotHeaderError> {
    let (head, tail) = rest.split_first_chunk().ok_or(SnapshotHeaderError::NotASnapshot)?;
    *rest = tail;
    Ok(*head)
}

/// The directory of a chain's snapshots.
#[derive(Debug, Clone)]
pub struct Snapshots {
    dir: PathBuf,
    genesis: GenesisHash,
}

impl Snapshots {
    /// Opens the directory, creating it where missing.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Disk`] if it cannot be used.
    pub fn open(dir: &Path, genesis: &GenesisHash) -> Result<Self, SnapshotError> {
        create_directory(dir)?;
        crate::disk::remove_unfinished(dir)?;
        Ok(Self { dir: dir.to_path_buf(), genesis: *genesis })
    }

    /// Writes a snapshot, durably, and returns its path. `write_state` streams the state; it is
    /// compressed on the way, so no second copy is held.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Disk`] if the disk refused; no snapshot then appears.
    pub fn write(
        &self,
        checkpoint: &Checkpoint,
        write_state: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<PathBuf, SnapshotError> {
        let name = file_name(checkpoint.height);
        replace_file(&self.dir, &name, |file| {
            file.write_all(&[0; HEADER_BYTES])?;
            let (state_bytes, body_bytes, body_hash) = compress(file, write_state)?;
            let header = SnapshotHeader {
                genesis: self.genesis,
                checkpoint: *checkpoint,
                state_bytes,
                body_bytes,
                body_hash,
            };
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&header.encode())
        })?;
        Ok(self.dir.join(name))
    }

    /// Returns an empty file on the disk of the snapshots that has no name, and is gone once it is closed.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Disk`] if the disk refused.
    pub fn scratch(&self) -> Result<File, SnapshotError> {
        let path = self.dir.join(scratch_name());
        let file = File::options().read(true).write(true).create_new(true).open(&path);
        let file = file.named("creating", &path)?;
        fs::remove_file(&path).named("removing", &path)?;
        Ok(file)
    }

    /// Writes what a peer must know to fetch the authenticated state of a snapshot, durably.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Disk`] if the disk refused.
    pub fn write_target(&self, height: u64, target: &TreeTarget) -> Result<(), SnapshotError> {
        replace_file(&self.dir, &target_name(height), |file| file.write_all(&target.encode()))?;
        Ok(())
    }

    /// Returns what was written by [`Self::write_target`]; `None` if there is none that can be read.
    #[must_use]
    pub fn target(&self, height: u64) -> Option<TreeTarget> {
        let file = File::open(self.dir.join(target_name(height))).ok()?;
        let mut bytes = Vec::new();
        file.take(1 << 10).read_to_end(&mut bytes).ok()?;
        TreeTarget::decode(&bytes)
    }

    /// Lists the heights that have a snapshot file, the newest first, without opening any.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Disk`] if the directory cannot be listed.
    pub fn heights(&self) -> Result<Vec<u64>, SnapshotError> {
        let mut heights: Vec<u64> = file_names(&self.dir)?
            .iter()
            .filter_map(|name| {
                let height =
                    name.strip_prefix("snapshot-")?.strip_suffix(".state")?.parse().ok()?;
                (file_name(height) == *name).then_some(height)
            })
            .collect();
        heights.sort_unstable_by(|left, right| right.cmp(left));
        Ok(heights)
    }

    /// Reads the header of the snapshot at `height`.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`] says what is wrong with it.
    pub fn header(&self, height: u64) -> Result<SnapshotHeader, SnapshotError> {
        let path = self.dir.join(file_name(height));
        let file = File::open(&path).named("opening", &path)?;
        self.read_header(&path, &file, height)
    }

    /// Reads the snapshot at `height`, checking every byte of it.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`] says what is wrong with it.
    pub fn read(&self, height: u64) -> Result<Snapshot, SnapshotError> {
        let path = self.dir.join(file_name(height));
        let damaged = |what| SnapshotError::Damaged { path: path.clone(), what };
        let file = File::open(&path).named("opening", &path)?;
        let header = self.read_header(&path, &file, height)?;

        // The body is hashed before it is decompressed: only what was written reaches zstd.
        let mut hasher = Counted::new(io::sink());
        io::copy(&mut BufReader::with_capacity(1 << 20, &file), &mut hasher)
            .named("reading", &path)?;
        if <[u8; 32]>::from(hasher.hasher.finalize()) != header.body_hash {
            return Err(damaged("the body does not match its hash"));
        }

        let mut body = &file;
        body.seek(SeekFrom::Start(HEADER_BYTES as u64)).named("reading", &path)?;
        // One byte more than promised is enough to see a longer state.
        let mut state = Vec::new();
        zstd::Decoder::new(body)
            .and_then(|decoder| {
                decoder.take(header.state_bytes.saturating_add(1)).read_to_end(&mut state)
            })
            .map_err(|_| damaged("the body does not decompress"))?;
        if state.len() as u64 != header.state_bytes {
            return Err(damaged("the state does not have the promised length"));
        }
        Ok(Snapshot { checkpoint: header.checkpoint, state })
    }

    /// Reads and checks the header, and leaves the file at the body.
    fn read_header(
        &self,
        path: &Path,
        file: &File,
        height: u64,
    ) -> Result<SnapshotHeader, SnapshotError> {
        let path = path.to_path_buf();
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        file.take(HEADER_BYTES as u64).read_to_end(&mut bytes).named("reading", &path)?;
        let header = match decode_snapshot_header(&bytes) {
            Ok(header) => header,
            Err(error) => return Err(SnapshotError::Header { path, error }),
        };
        if header.genesis != self.genesis {
            return Err(SnapshotError::GenesisDiffers { path });
        }
        if header.checkpoint.height != height {
            return Err(SnapshotError::Damaged { path, what: "its name says another height" });
        }
        let expected = (HEADER_BYTES as u64).saturating_add(header.body_bytes);
        let found = file.metadata().named("measuring", &path)?.len();
        if found != expected {
            return Err(SnapshotError::LengthDiffers { path, expected, found });
        }
        // A short read above would have failed to decode, so the file stands at the body.
        Ok(header)
    }

    /// Deletes all but the newest `keep` snapshots, damaged or not.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Disk`] if one cannot be deleted.
    pub fn retain(&self, keep: usize) -> Result<(), SnapshotError> {
        let heights = self.heights()?;
        let old = heights.get(keep..).unwrap_or_default();
        for height in old {
            let path = self.dir.join(file_name(*height));
            fs::remove_file(&path).named("removing", &path)?;
            // Of no use without the state, and there may be none.
            drop(fs::remove_file(self.dir.join(target_name(*height))));
        }
        if !old.is_empty() {
            sync_directory(&self.dir)?;
        }
        Ok(())
    }
}

/// Returns a name that no file has yet; if the process ends before it is removed, the next start removes it.
fn scratch_name() -> String {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    format!("scratch-{}-{number}.unfinished", std::process::id())
}

/// Returns the name of the snapshot at `height`, so that names sort by height.
fn file_name(height: u64) -> String {
    format!("snapshot-{height:020}.state")
}

/// Returns the name of the file beside it that says how to fetch the authenticated state.
fn target_name(height: u64) -> String {
    format!("snapshot-{height:020}.tree")
}

/// Compresses a state into `file`; returns its length, the body's length and the body's hash.
fn compress(
    file: &mut File,
    write_state: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<(u64, u64, [u8; 32])> {
    let body = Counted::new(BufWriter::with_capacity(1 << 20, file));
    let mut state = Counted::new(zstd::Encoder::new(body, COMPRESSION_LEVEL)?);
    write_state(&mut state)?;
    let state_bytes = state.bytes;
    let mut body = state.inner.finish()?;
    body.flush()?;
    Ok((state_bytes, body.bytes, body.hasher.finalize().into()))
}

/// Counts and hashes what is written through it.
struct Counted<W> {
    inner: W,
    bytes: u64,
    hasher: Sha256,
}

impl<W> Counted<W> {
    fn new(inner: W) -> Self {
        Self { inner, bytes: 0, hasher: Sha256::new() }
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        let taken = bytes.get(..written).unwrap_or(bytes);
        self.hasher.update(taken);
        self.bytes = self.bytes.saturating_add(taken.len() as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
