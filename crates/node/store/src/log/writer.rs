//! Appending to a block log, and bringing its tail in order when it is opened.

use super::{
    LogError,
    format::{SEGMENT_HEADER_BYTES, SegmentHeader, encode_entry},
    reader::{BlockReader, Scan, Segment, Step, segment_name, segments},
};
use crate::{
    GenesisHash,
    disk::{
        DiskError, Named as _, create_directory, remove_unfinished, replace_file, sync_directory,
    },
};
use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    num::NonZeroU32,
    path::{Path, PathBuf},
};

/// When appended blocks are made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Before every append returns.
    EveryBlock,
    /// Before every so-many-th append returns; a crash may lose the blocks since.
    EveryBlocks(NonZeroU32),
    /// Only by [`BlockLog::sync`] and at the end of a segment.
    OnDemand,
}

/// How a log is written.
#[derive(Debug, Clone, Copy)]
pub struct LogOptions {
    /// Size from which on a segment gets no further entry.
    pub segment_bytes: u64,
    /// When blocks are made durable.
    pub durability: Durability,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { segment_bytes: 256 << 20, durability: Durability::EveryBlock }
    }
}

/// A tail that was cut off on opening: a write that never finished, and was never acknowledged as
/// durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truncated {
    /// The segment file.
    pub path: PathBuf,
    /// Where the tail began.
    pub offset: u64,
    /// How long it was.
    pub bytes: u64,
    /// The first height that was not whole.
    pub height: u64,
}

/// A segment file open for writing; apart from the disk, tests write to one that fails.
pub(super) trait SegmentFile: Send {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    fn truncate(&mut self, length: u64) -> io::Result<()>;
    fn sync(&mut self) -> io::Result<()>;
}

impl SegmentFile for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// Opens a segment so that every write goes to its end.
pub(super) fn open_on_disk(path: &Path) -> io::Result<Box<dyn SegmentFile>> {
    Ok(Box::new(OpenOptions::new().append(true).open(path)?))
}

type Opener = Box<dyn Fn(&Path) -> io::Result<Box<dyn SegmentFile>> + Send>;

/// The segment that takes the next entry.
struct Active {
    number: u32,
    path: PathBuf,
    file: Box<dyn SegmentFile>,
    length: u64,
}

/// A block log open for appending. It does not lock its directory: its owner does
/// ([`crate::DirectoryLock`], which [`crate::Store`] takes).
pub struct BlockLog {
    dir: PathBuf,
    genesis: GenesisHash,
    options: LogOptions,
    open: Opener,
    active: Option<Active>,
    first_height: Option<u64>,
    /// The only height that can be appended; any, while there is no segment.
    next_height: Option<u64>,
    /// Every height below is durable.
    durable: u64,
    unsynced: u32,
    broken: bool,
    truncated: Option<Truncated>,
    buffer: Vec<u8>,
}

impl fmt::Debug for BlockLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockLog")
            .field("dir", &self.dir)
            .field("first_height", &self.first_height)
            .field("next_height", &self.next_height)
            .field("durable", &self.durable)
            .finish_non_exhaustive()
    }
}

impl BlockLog {
    /// Opens the log in `dir`, or begins one, checks the last segment entry by entry, and cuts off
    /// a write that never finished ([`Self::truncated`] says so). Earlier segments are checked as
    /// they are read.
    ///
    /// # Errors
    ///
    /// [`LogError`] if the log is another chain's, of another version, or damaged.
    pub fn open(dir: &Path, genesis: &GenesisHash, options: LogOptions) -> Result<Self, LogError> {
        Self::open_through(dir, genesis, options, Box::new(open_on_disk))
    }

    pub(super) fn open_through(
        dir: &Path,
        genesis: &GenesisHash,
        options: LogOptions,
        open: Opener,
    ) -> Result<Self, LogError> {
        create_directory(dir)?;
        remove_unfinished(dir)?;
        let segments = segments(dir, Some(genesis))?;
        let mut this = Self {
            dir: dir.to_path_buf(),
            genesis: *genesis,
            options,
            open,
            active: None,
            first_height: segments.first().map(|segment| segment.header.first_height),
            next_height: None,
            durable: 0,
            unsynced: 0,
            broken: false,
            truncated: None,
            buffer: Vec::new(),
        };
        if let Some(last) = segments.last() {
            this.open_last(last)?;
        }
        Ok(this)
    }

    /// Checks the last segment, cuts off an unfinished tail and makes what is left durable.
    fn open_last(&mut self, last: &Segment) -> Result<(), LogError> {
        let mut scan = Scan::open(last)?;
        let unreadable = loop {
            match scan.step(true)? {
                Step::Entry(_) => {}
                Step::End => break None,
                Step::HeightDiffers(found) => {
                    return Err(scan.damaged(format!("height {found} stands there")));
                }
                Step::Unreadable(error) => break Some(error),
            }
        };
        let path = last.path.clone();
        let mut file = (self.open)(&path).named("opening", &path)?;
        if let Some(error) = unreadable {
            if scan.durable_beyond()? {
                return Err(scan.damaged(error.to_string()));
            }
            file.truncate(scan.offset).named("truncating", &path)?;
            self.truncated = Some(Truncated {
                path: path.clone(),
                offset: scan.offset,
                bytes: scan.length().saturating_sub(scan.offset),
                height: scan.next_height,
            });
        }
        // What an earlier process wrote may not be on disk yet, though it can be read.
        file.sync().named("syncing", &path)?;
        self.next_height = Some(scan.next_height);
        self.durable = scan.next_height;
        self.active = Some(Active { number: last.header.number, path, file, length: scan.offset });
        Ok(())
    }

    /// Appends the block of `height`, durably if [`LogOptions::durability`] says so. The first
    /// height of a new log may be any; then they follow one another.
    ///
    /// # Errors
    ///
    /// [`LogError::Disk`], of which [`DiskError::Full`] is one, leaves the log without the block;
    /// the same block may be appended again. After a failed sync, or a failed write that could not
    /// be undone, every further append is [`LogError::Broken`].
    pub fn append(&mut self, height: u64, header: &[u8], block: &[u8]) -> Result<(), LogError> {
        if self.broken {
            return Err(LogError::Broken);
        }
        if let Some(expected) = self.next_height.filter(|expected| *expected != height) {
            return Err(LogError::HeightNotNext { expected, given: height });
        }
        let durable = if self.first_height.is_none() { height } else { self.durable };
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let encoded = encode_entry(&mut buffer, &self.genesis, height, durable, header, block);
        let appended = match encoded {
            Some(()) => self.append_bytes(height, &buffer),
            None => {
                Err(LogError::TooLong { height, bytes: header.len().saturating_add(block.len()) })
            }
        };
        self.buffer = buffer;
        appended?;
        self.next_height = Some(height.saturating_add(1));
        self.unsynced = self.unsynced.saturating_add(1);
        match self.options.durability {
            Durability::EveryBlock => self.sync(),
            Durability::EveryBlocks(most) if self.unsynced >= most.get() => self.sync(),
            Durability::EveryBlocks(_) | Durability::OnDemand => Ok(()),
        }
    }

    /// Writes one encoded entry to the end of a segment with room for it.
    fn append_bytes(&mut self, height: u64, bytes: &[u8]) -> Result<(), LogError> {
        let full = |active: &Active| active.length >= self.options.segment_bytes;
        if self.active.as_ref().is_none_or(full) {
            self.begin_segment(height)?;
        }
        let Some(active) = self.active.as_mut() else {
            return Err(LogError::Broken);
        };
        if let Err(source) = active.file.append(bytes) {
            // Part of the entry may be there. If it cannot be taken back now, opening the log
            // will; going on would put a whole entry behind a torn one.
            self.broken = active.file.truncate(active.length).is_err();
            return Err(DiskError::new("appending to", &active.path, source).into());
        }
        active.length = active.length.saturating_add(bytes.len() as u64);
        Ok(())
    }

    /// Makes the segment so far durable, then begins the next one, whole or not at all.
    fn begin_segment(&mut self, first_height: u64) -> Result<(), LogError> {
        self.sync()?;
        let number = self.active.as_ref().map_or(0, |active| active.number.saturating_add(1));
        let header = SegmentHeader { number, genesis: self.genesis, first_height };
        let name = segment_name(number);
        replace_file(&self.dir, &name, |file| file.write_all(&header.encode()))?;
        let path = self.dir.join(name);
        let file = (self.open)(&path).named("opening", &path)?;
        if self.first_height.is_none() {
            self.first_height = Some(first_height);
            self.next_height = Some(first_height);
            self.durable = first_height;
        }
        let length = SEGMENT_HEADER_BYTES as u64;
        self.active = Some(Active { number, path, file, length });
        Ok(())
    }

    /// Removes the oldest segments, as long as no block from `height` on is in them. The segment that is written to
    /// stays.
    ///
    /// # Errors
    ///
    /// [`LogError::Disk`] if one cannot be removed; what is left is a log.
    pub fn prune(&mut self, height: u64) -> Result<(), LogError> {
        let segments = segments(&self.dir, Some(&self.genesis))?;
        let mut removed = false;
        for (old, next) in segments.iter().zip(segments.iter().skip(1)) {
            if next.header.first_height > height {
                break;
            }
            fs::remove_file(&old.path).named("removing", &old.path)?;
            self.first_height = Some(next.header.first_height);
            removed = true;
        }
        if removed {
            sync_directory(&self.dir)?;
        }
        Ok(())
    }

    /// Makes every appended block durable.
    ///
    /// # Errors
    ///
    /// [`LogError::Disk`] if the disk refused. What the system then still holds is unknown, so the
    /// log is [`LogError::Broken`] until it is opened again.
    pub fn sync(&mut self) -> Result<(), LogError> {
        if self.broken {
            return Err(LogError::Broken);
        }
        let (Some(active), Some(next_height)) = (self.active.as_mut(), self.next_height) else {
            return Ok(());
        };
        if self.durable == next_height {
            return Ok(());
        }
        if let Err(source) = active.file.sync() {
            self.broken = true;
            return Err(DiskError::new("syncing", &active.path, source).into());
        }
        self.durable = next_height;
        self.unsynced = 0;
        Ok(())
    }

    /// Returns the height of the last block; `None` while there is none.
    #[must_use]
    pub fn last_height(&self) -> Option<u64> {
        self.below(self.next_height?)
    }

    /// Returns the height of the last block known to be on disk; `None` while there is none.
    #[must_use]
    pub fn durable_height(&self) -> Option<u64> {
        self.below(self.durable)
    }

    fn below(&self, next: u64) -> Option<u64> {
        let first = self.first_height?;
        next.checked_sub(1).filter(|height| *height >= first)
    }

    /// Returns the height of the first block, or of the one the log waits for; `None` while it
    /// waits for any.
    #[must_use]
    pub fn first_height(&self) -> Option<u64> {
        self.first_height
    }

    /// Returns the unfinished write that opening cut off, for the operator's eyes.
    #[must_use]
    pub fn truncated(&self) -> Option<&Truncated> {
        self.truncated.as_ref()
    }

    /// Reads the log from `height` on.
    ///
    /// # Errors
    ///
    /// [`LogError::HeightBeforeLog`] if it does not go back that far.
    pub fn read_from(&self, height: u64) -> Result<BlockReader, LogError> {
        BlockReader::open_from(&self.dir, Some(&self.genesis), height)
    }

    /// Reads and checks every entry; returns how many there are.
    ///
    /// # Errors
    ///
    /// [`LogError::Damaged`] names the first that is not as it was written.
    pub fn verify(&self) -> Result<u64, LogError> {
        let entries = BlockReader::open(&self.dir, Some(&self.genesis))?;
        entries.into_iter().try_fold(0u64, |count, entry| entry.map(|_| count.saturating_add(1)))
    }
}
