//! Reading a block log from front to back, one entry in memory at a time.

use super::{
    LogEntry, LogError,
    format::{
        ENTRY_HEADER_BYTES, EntryError, EntryHeader, SEGMENT_HEADER_BYTES, SegmentHeader,
        SegmentHeaderError, VERSION,
    },
};
use crate::{
    GenesisHash,
    disk::{Named as _, file_names},
};
use std::{
    fs::File,
    io::{self, BufReader, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

/// Returns the name of segment `number`.
pub(super) fn segment_name(number: u32) -> String {
    format!("blocks-{number:08}.log")
}

/// A segment file and what it says of itself.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) header: SegmentHeader,
}

/// Finds the segments in `dir`, in order, and checks that they belong together. `genesis` may be
/// left open by whoever only wants to look.
pub(super) fn segments(
    dir: &Path,
    genesis: Option<&GenesisHash>,
) -> Result<Vec<Segment>, LogError> {
    let mut found: Vec<Segment> = Vec::new();
    for name in file_names(dir)? {
        let digits = name.strip_prefix("blocks-").and_then(|rest| rest.strip_suffix(".log"));
        let number = digits.filter(|digits| digits.len() == 8);
        let Some(number) = number.and_then(|digits| digits.parse::<u32>().ok()) else { continue };
        let path = dir.join(&name);
        let header = read_segment_header(&path)?;
        // The oldest segments may have been pruned; none is missing between others.
        let expected = found.last().map_or(number, |last| last.header.number.saturating_add(1));
        if name != segment_name(expected) {
            return Err(LogError::SegmentMissing { path: dir.join(segment_name(expected)) });
        }
        let genesis = genesis.or(found.first().map(|first| &first.header.genesis));
        if let Some(expected) = genesis.filter(|genesis| **genesis != header.genesis) {
            return Err(LogError::GenesisDiffers {
                path,
                found: header.genesis,
                expected: *expected,
            });
        }
        let before = found.last().map_or(header.first_height, |last| last.header.first_height);
        if header.number != expected || header.first_height < before {
            return Err(LogError::Damaged {
                path,
                offset: 0,
                height: header.first_height,
                what: "the segment is not the one its name and place say".to_owned(),
            });
        }
        found.push(Segment { path, header });
    }
    Ok(found)
}

fn read_segment_header(path: &Path) -> Result<SegmentHeader, LogError> {
    let not_a_log = || LogError::NotALog { path: path.to_path_buf() };
    let mut bytes = [0; SEGMENT_HEADER_BYTES];
    let mut file = File::open(path).named("opening", path)?;
    match file.read_exact(&mut bytes) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(not_a_log()),
        Err(error) => return Err(crate::DiskError::new("reading", path, error).into()),
    }
    SegmentHeader::decode(&bytes).map_err(|error| match error {
        SegmentHeaderError::NotASegment => not_a_log(),
        SegmentHeaderError::VersionUnknown(found) => {
            LogError::VersionUnknown { path: path.to_path_buf(), found, known: VERSION }
        }
        SegmentHeaderError::Changed => LogError::Damaged {
            path: path.to_path_buf(),
            offset: 0,
            height: 0,
            what: "the segment's header was changed".to_owned(),
        },
    })
}

/// One segment being read.
#[derive(Debug)]
pub(super) struct Scan {
    path: PathBuf,
    genesis: GenesisHash,
    file: BufReader<File>,
    length: u64,
    /// Where the next entry begins.
    pub(super) offset: u64,
    /// The height that comes next.
    pub(super) next_height: u64,
    /// Where an entry behind the next one could begin at the earliest.
    beyond: u64,
}

/// What stood at the next place of a segment.
#[derive(Debug)]
pub(super) enum Step {
    Entry(LogEntry),
    /// The segment ends here, cleanly.
    End,
    /// Something stands here that is not the next entry.
    Unreadable(EntryError),
    /// A whole entry stands here, of another height.
    HeightDiffers(u64),
}

impl Scan {
    pub(super) fn open(segment: &Segment) -> Result<Self, LogError> {
        let path = &segment.path;
        let mut file = File::open(path).named("opening", path)?;
        let length = file.metadata().named("measuring", path)?.len();
        let offset = SEGMENT_HEADER_BYTES as u64;
        file.seek(SeekFrom::Start(offset)).named("reading", path)?;
        Ok(Self {
            path: path.clone(),
            genesis: segment.header.genesis,
            file: BufReader::with_capacity(1 << 16, file),
            length,
            offset,
            next_height: segment.header.first_height,
            beyond: offset,
        })
    }

    /// Returns the segment's length when it was opened.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Reads the next entry, or with `payload` false only steps over it (it is then empty).
    pub(super) fn step(&mut self, payload: bool) -> Result<Step, LogError> {
        let left = self.length.saturating_sub(self.offset);
        self.beyond = self.offset.saturating_add(1);
        if left == 0 {
            return Ok(Step::End);
        }
        if left < ENTRY_HEADER_BYTES as u64 {
            return Ok(Step::Unreadable(EntryError::CutShort));
        }
        let mut fields = [0; ENTRY_HEADER_BYTES];
        self.file.read_exact(&mut fields).named("reading", &self.path)?;
        let fields = match EntryHeader::decode(&fields, &self.genesis) {
            Ok(fields) => fields,
            Err(error) => return Ok(Step::Unreadable(error)),
        };
        let bytes = fields.payload_bytes();
        let end = self.offset.saturating_add(ENTRY_HEADER_BYTES as u64).saturating_add(bytes);
        self.beyond = end;
        if bytes > left.saturating_sub(ENTRY_HEADER_BYTES as u64) {
            return Ok(Step::Unreadable(EntryError::CutShort));
        }
        if fields.height != self.next_height {
            return Ok(Step::HeightDiffers(fields.height));
        }
        let entry = if payload {
            // The length is checked against the entry's own check, the limit and the file.
            let mut buffer = vec![0; usize::try_from(bytes).unwrap_or(0)];
            self.file.read_exact(&mut buffer).named("reading", &self.path)?;
            match fields.open(&buffer) {
                Ok(entry) => entry,
                Err(error) => return Ok(Step::Unreadable(error)),
            }
        } else {
            let step = i64::try_from(bytes).unwrap_or(i64::MAX);
            self.file.seek_relative(step).named("reading", &self.path)?;
            LogEntry { height: fields.height, header: Vec::new(), block: Vec::new() }
        };
        self.offset = end;
        self.next_height = self.next_height.saturating_add(1);
        Ok(Step::Entry(entry))
    }

    /// Whether, somewhere behind the place where reading stopped, an entry says that the height
    /// expected there was durable: then this is damage and not an unfinished write. Where the
    /// unreadable entry's length is known, its payload is passed over, for users write what is in
    /// it, and might write what looks like an entry.
    pub(super) fn durable_beyond(&self) -> Result<bool, LogError> {
        let mut file = File::open(&self.path).named("opening", &self.path)?;
        file.seek(SeekFrom::Start(self.beyond)).named("reading", &self.path)?;
        let mut window = Vec::new();
        loop {
            let read = file.by_ref().take(1 << 20).read_to_end(&mut window);
            if read.named("reading", &self.path)? == 0 {
                return Ok(false);
            }
            if window.windows(ENTRY_HEADER_BYTES).any(|bytes| self.is_later_entry(bytes)) {
                return Ok(true);
            }
            // An entry's fields may straddle two reads.
            window.drain(..window.len().saturating_sub(ENTRY_HEADER_BYTES - 1));
        }
    }

    fn is_later_entry(&self, bytes: &[u8]) -> bool {
        // Hashing at every byte would be slow; heights that could follow are rare among other
        // bytes.
        let near = |at: usize| -> Option<u64> {
            let number = u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?);
            Some(number.wrapping_sub(self.next_height)).filter(|ahead| *ahead <= self.length)
        };
        // Fields begin with two lengths; then the height, then the durable height.
        if near(8).is_none_or(|ahead| ahead == 0) || near(16).is_none_or(|ahead| ahead == 0) {
            return false;
        }
        bytes.try_into().is_ok_and(|fields| EntryHeader::decode(fields, &self.genesis).is_ok())
    }

    /// Names what is wrong where reading stopped.
    pub(super) fn damaged(&self, what: String) -> LogError {
        LogError::Damaged {
            path: self.path.clone(),
            offset: self.offset,
            height: self.next_height,
            what,
        }
    }
}

/// Reads a log in order, entry by entry, without writing and without a lock: so it also reads the
/// log of a running process, up to the last whole entry.
///
/// As an iterator it ends after the last whole entry or after the first error. At the tail of the
/// last segment, bytes that are not an entry end it silently unless a later entry shows that they
/// were once acknowledged.
#[derive(Debug)]
pub struct BlockReader {
    segments: std::vec::IntoIter<Segment>,
    genesis: Option<GenesisHash>,
    first_height: Option<u64>,
    /// The segment being read.
    scan: Option<Scan>,
}

impl BlockReader {
    /// Opens the log in `dir` from its first block. `genesis` is compared if given.
    ///
    /// # Errors
    ///
    /// [`LogError`] names the segment that is missing, foreign or damaged.
    pub fn open(dir: &Path, genesis: Option<&GenesisHash>) -> Result<Self, LogError> {
        let segments = segments(dir, genesis)?;
        let first = segments.first().map(|segment| segment.header);
        Ok(Self {
            genesis: first.map(|header| header.genesis),
            first_height: first.map(|header| header.first_height),
            segments: segments.into_iter(),
            scan: None,
        })
    }

    /// Opens the log in `dir` so that `height` is the first block read; if the log ends before it,
    /// nothing is.
    ///
    /// # Errors
    ///
    /// [`LogError::HeightBeforeLog`] if the log begins later.
    pub fn open_from(
        dir: &Path,
        genesis: Option<&GenesisHash>,
        height: u64,
    ) -> Result<Self, LogError> {
        let mut this = Self::open(dir, genesis)?;
        let Some(first) = this.first_height else {
            return Ok(this);
        };
        if height < first {
            return Err(LogError::HeightBeforeLog { asked: height, first });
        }
        let before = this
            .segments
            .as_slice()
            .iter()
            .take_while(|segment| segment.header.first_height <= height)
            .count();
        // At least one stays, as the first segment begins at or before `height`.
        this.segments.by_ref().take(before.saturating_sub(1)).for_each(drop);
        while this.upcoming()?.is_some_and(|next| next < height) {
            if this.step(false)?.is_none() {
                break;
            }
        }
        Ok(this)
    }

    /// Returns the genesis hash the log was written for; `None` if it has no segment yet.
    #[must_use]
    pub fn genesis(&self) -> Option<GenesisHash> {
        self.genesis
    }

    /// Returns the height of the first block, where there is a segment.
    #[must_use]
    pub fn first_height(&self) -> Option<u64> {
        self.first_height
    }

    /// Returns the height the next entry must have, opening its segment if need be.
    fn upcoming(&mut self) -> Result<Option<u64>, LogError> {
        if self.scan.is_none() {
            self.scan = self.segments.next().as_ref().map(Scan::open).transpose()?;
        }
        Ok(self.scan.as_ref().map(|scan| scan.next_height))
    }

    /// Returns the next entry, going on to the next segment at the end of one.
    fn step(&mut self, payload: bool) -> Result<Option<LogEntry>, LogError> {
        loop {
            if self.upcoming()?.is_none() {
                return Ok(None);
            }
            let Some(scan) = self.scan.as_mut() else {
                return Ok(None);
            };
            let last = self.segments.as_slice().is_empty();
            let step = scan.step(payload)?;
            let what = match step {
                Step::Entry(entry) => return Ok(Some(entry)),
                Step::End if last => return Ok(None),
                Step::End => {
                    let following = self.segments.as_slice().first();
                    match following.map(|segment| segment.header.first_height) {
                        Some(first) if first != scan.next_height => {
                            format!("the next segment begins at height {first}")
                        }
                        _ => {
                            self.scan = None;
                            continue;
                        }
                    }
                }
                Step::HeightDiffers(found) => format!("height {found} stands there"),
                Step::Unreadable(error) => {
                    if last && !scan.durable_beyond()? {
                        return Ok(None);
                    }
                    error.to_string()
                }
            };
            return Err(scan.damaged(what));
        }
    }
}

impl Iterator for BlockReader {
    type Item = Result<LogEntry, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.step(true).transpose();
        if !matches!(next, Some(Ok(_))) {
            // Whatever stopped it, asking again reads nothing more.
            self.segments = Vec::new().into_iter();
            self.scan = None;
        }
        next
    }
}
