//! The end of a block log: what stands behind the last whole entry.

use super::difference::{Difference, Stop};
use anyhow::{Context, Result};
use archive::Archive;
use std::fmt;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use store::{ENTRY_BYTES_MAX, EntryError, LogEntry, decode_entry};

/// Bytes in front of the entries of a segment, and in front of the payload of an entry: the block log's layout.
const SEGMENT_FRAME: u64 = 64;
const ENTRY_FRAME: u64 = 40;

/// How long a log was when the audit began, and how much of it has been read.
#[derive(Debug)]
pub(super) struct Measure {
    files: Vec<(PathBuf, u64)>,
    done: u64,
}

/// A write that never finished.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    offset: u64,
    bytes: u64,
    height: u64,
}

impl fmt::Display for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the last {} bytes of {} (from byte {}) are the beginning of block {}, whose writing never finished, or \
             is going on; the house cuts them off when it is opened",
            self.bytes,
            self.path.display(),
            self.offset,
            self.height
        )
    }
}

impl Measure {
    /// Measures the log of a house.
    pub(super) fn of(archive: &Archive) -> Result<Self> {
        let files = archive.log_files()?;
        let frames = u64::try_from(files.len()).unwrap_or(u64::MAX).saturating_mul(SEGMENT_FRAME);
        Ok(Self { files, done: frames })
    }

    /// Returns the length of the log.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|(_, bytes)| *bytes).fold(0, u64::saturating_add)
    }

    /// Returns how many bytes have been read.
    pub(super) fn done(&self) -> u64 {
        self.done
    }

    /// Counts an entry as read.
    pub(super) fn passed(&mut self, entry: &LogEntry) {
        let payload = entry.header.len().saturating_add(entry.block.len());
        let payload = u64::try_from(payload).unwrap_or(u64::MAX);
        self.done = self.done.saturating_add(ENTRY_FRAME).saturating_add(payload);
    }

    /// Says what stands behind the last entry read, the one of block `height`; nothing if the log ends there.
    pub(super) fn tail(&self, archive: &Archive, height: u64) -> Result<Option<Tail>, Stop> {
        let bytes = self.bytes().saturating_sub(self.done);
        let Some((path, length)) = self.files.last().filter(|_| bytes > 0) else {
            return Ok(None);
        };
        let offset = length.saturating_sub(bytes);
        let cannot = || format!("cannot read {}", path.display());
        let mut file = File::open(path).with_context(cannot)?;
        file.seek(SeekFrom::Start(offset)).with_context(cannot)?;
        let longest =
            ENTRY_FRAME.saturating_add(u64::try_from(ENTRY_BYTES_MAX).unwrap_or(u64::MAX));
        let mut left = Vec::new();
        file.take(longest.min(bytes)).read_to_end(&mut left).with_context(cannot)?;
        let height = height.saturating_add(1);
        let (path, zeros) = (path.clone(), left.iter().all(|byte| *byte == 0));
        match decode_entry(&left, archive.hash.bytes()) {
            Err(EntryError::CutShort) => Ok(Some(Tail { path, offset, bytes, height })),
            // A file that was made longer before its bytes arrived.
            Err(_) if zeros => Ok(Some(Tail { path, offset, bytes, height })),
            // Written by a running house since the reader stopped.
            Ok(_) => Ok(None),
            Err(error) => Err(Difference {
                height,
                field: "entry in the block log".into(),
                log: format!("{error} ({bytes} bytes from byte {offset} of {})", path.display()),
                replay: "an entry that matches its checksum, or an end".into(),
                cause: "the file was changed after it was written, or the machine lost power while writing; if the block \
                        was acknowledged, restore the log from a copy"
                    .into(),
                details: Vec::new(),
            }
            .into()),
        }
    }
}
