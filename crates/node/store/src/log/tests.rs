//! Appending to a disk that fails: a full one, a broken one, at every byte.

use super::{
    BlockLog, BlockReader, Durability, LogError, LogOptions,
    writer::{SegmentFile, open_on_disk},
};
use crate::disk::{DiskError, ScratchDirectory};
use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
};

const GENESIS: [u8; 32] = [3; 32];

/// What the failing disk does next; shared with every segment file opened through it.
#[derive(Debug, Clone, Default)]
struct Faults {
    /// Bytes that still fit.
    room: Option<usize>,
    sync_fails: bool,
    truncate_fails: bool,
}

struct FailingFile {
    inner: Box<dyn SegmentFile>,
    faults: Arc<Mutex<Faults>>,
}

impl FailingFile {
    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().expect("not poisoned")
    }
}

impl SegmentFile for FailingFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(room) = self.faults().room else {
            return self.inner.append(bytes);
        };
        let fits = bytes.len().min(room);
        self.faults().room = Some(room - fits);
        self.inner.append(&bytes[..fits])?;
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        if self.faults().truncate_fails {
            return Err(io::Error::other("no longer answers"));
        }
        self.inner.truncate(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.faults().sync_fails {
            return Err(io::Error::other("no longer answers"));
        }
        self.inner.sync()
    }
}

fn open(dir: &ScratchDirectory, options: LogOptions) -> (BlockLog, Arc<Mutex<Faults>>) {
    let faults = Arc::new(Mutex::new(Faults::default()));
    let shared = Arc::clone(&faults);
    let open = move |path: &std::path::Path| -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(FailingFile { inner: open_on_disk(path)?, faults: Arc::clone(&shared) }))
    };
    let log = BlockLog::open_through(dir.path(), &GENESIS, options, Box::new(open));
    (log.expect("opened"), faults)
}

fn scratch() -> ScratchDirectory {
    ScratchDirectory::below(&std::env::temp_dir()).expect("made")
}

fn heights(dir: &ScratchDirectory) -> Vec<u64> {
    BlockReader::open(dir.path(), Some(&GENESIS))
        .expect("opened")
        .map(|entry| entry.expect("whole").height)
        .collect()
}

fn set(faults: &Mutex<Faults>, change: impl FnOnce(&mut Faults)) {
    change(&mut faults.lock().expect("not poisoned"));
}

#[test]
fn a_disk_full_at_any_byte_loses_nothing_acknowledged_and_the_log_goes_on() {
    for room in 0..55 {
        let dir = scratch();
        let (mut log, faults) = open(&dir, LogOptions::default());
        for height in 1..=3 {
            log.append(height, b"header", b"block 123").expect("room");
        }
        set(&faults, |faults| faults.room = Some(room));
        let error = log.append(4, b"header", b"block 123").expect_err("full");
        assert!(matches!(error, LogError::Disk(DiskError::Full { .. })), "{error}");
        assert_eq!(log.durable_height(), Some(3));
        assert_eq!(heights(&dir), [1, 2, 3]);
        set(&faults, |faults| faults.room = None);
        log.append(4, b"header", b"block 123").expect("room again");
        assert_eq!(heights(&dir), [1, 2, 3, 4]);
        drop(log);
        assert_eq!(open(&dir, LogOptions::default()).0.truncated(), None);
    }
}

#[test]
fn a_torn_write_that_cannot_be_taken_back_stops_the_log_until_it_is_reopened() {
    let dir = scratch();
    let (mut log, faults) = open(&dir, LogOptions::default());
    log.append(1, b"header", b"block").expect("room");
    set(&faults, |faults| (faults.room, faults.truncate_fails) = (Some(20), true));
    assert!(matches!(log.append(2, b"header", b"block"), Err(LogError::Disk(_))));
    set(&faults, |faults| (faults.room, faults.truncate_fails) = (None, false));
    assert!(matches!(log.append(2, b"header", b"block"), Err(LogError::Broken)));
    assert!(matches!(log.sync(), Err(LogError::Broken)));
    drop(log);
    let (mut log, _) = open(&dir, LogOptions::default());
    assert_eq!(log.truncated().map(|cut| (cut.bytes, cut.height)), Some((20, 2)));
    log.append(2, b"header", b"block").expect("in order again");
    assert_eq!(heights(&dir), [1, 2]);
}

#[test]
fn a_failed_sync_acknowledges_nothing_and_stops_the_log() {
    let dir = scratch();
    let options = LogOptions { durability: Durability::OnDemand, ..LogOptions::default() };
    let (mut log, faults) = open(&dir, options);
    log.append(1, b"header", b"block").expect("room");
    log.sync().expect("synced");
    log.append(2, b"header", b"block").expect("room");
    set(&faults, |faults| faults.sync_fails = true);
    assert!(matches!(log.sync(), Err(LogError::Disk(DiskError::Io { .. }))));
    set(&faults, |faults| faults.sync_fails = false);
    assert!(matches!(log.append(3, b"header", b"block"), Err(LogError::Broken)));
    assert_eq!(log.durable_height(), Some(1));
}

#[test]
fn an_entry_too_long_is_refused_before_anything_is_written() {
    let dir = scratch();
    let (mut log, _) = open(&dir, LogOptions::default());
    log.append(1, b"header", b"block").expect("room");
    let long = vec![0; super::ENTRY_BYTES_MAX];
    assert!(matches!(
        log.append(2, b"h", &long),
        Err(LogError::TooLong { height: 2, bytes }) if bytes == super::ENTRY_BYTES_MAX + 1
    ));
    log.append(2, b"", &long).expect("the longest allowed");
    assert_eq!(heights(&dir), [1, 2]);
}
