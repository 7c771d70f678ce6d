//! The block log: nothing acknowledged is lost, nothing else is kept, and damage has a name.

use crate::support::{GENESIS, Scratch};
use proptest::prelude::*;
use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    num::NonZeroU32,
    path::{Path, PathBuf},
};
use store::{BlockLog, BlockReader, Durability, LogEntry, LogError, LogOptions};

/// Length of a segment's header and of an entry's fields.
const SEGMENT: usize = 64;
const FIELDS: usize = 40;

fn block(height: u64) -> LogEntry {
    let header = format!("header {height}").into_bytes();
    LogEntry { height, header, block: format!("block number {height}").into_bytes() }
}

fn open(dir: &Path) -> Result<BlockLog, LogError> {
    BlockLog::open(dir, &GENESIS, LogOptions::default())
}

/// Writes blocks `first..=last` and returns the first segment's file.
fn write(dir: &Path, options: LogOptions, first: u64, last: u64) -> PathBuf {
    let mut log = BlockLog::open(dir, &GENESIS, options).expect("opened");
    for height in first..=last {
        let LogEntry { header, block, .. } = block(height);
        log.append(height, &header, &block).expect("appended");
    }
    dir.join("blocks-00000000.log")
}

fn read(dir: &Path) -> Result<Vec<LogEntry>, LogError> {
    BlockReader::open(dir, Some(&GENESIS))?.collect()
}

fn blocks(first: u64, last: u64) -> Vec<LogEntry> {
    (first..=last).map(block).collect()
}

fn small_segments() -> LogOptions {
    LogOptions { segment_bytes: 300, ..LogOptions::default() }
}

#[test]
fn blocks_come_back_as_they_were_appended_across_segments_and_restarts() {
    let dir = Scratch::new();
    write(dir.path(), small_segments(), 1, 10);
    write(dir.path(), small_segments(), 11, 25);
    assert!(dir.path().join("blocks-00000003.log").exists(), "several segments");
    assert_eq!(read(dir.path()).expect("read"), blocks(1, 25));
    let log = open(dir.path()).expect("opened");
    assert_eq!((log.first_height(), log.last_height()), (Some(1), Some(25)));
    assert_eq!(log.verify().expect("whole"), 25);
    for from in 1..=27 {
        let rest: Result<Vec<_>, _> = log.read_from(from).expect("there").collect();
        assert_eq!(rest.expect("read"), blocks(from, 25), "from {from}");
    }
    assert!(matches!(log.read_from(0), Err(LogError::HeightBeforeLog { asked: 0, first: 1 })));
}

#[test]
fn heights_follow_one_another() {
    let dir = Scratch::new();
    let mut log = open(dir.path()).expect("opened");
    assert_eq!((log.last_height(), log.durable_height()), (None, None));
    log.append(4, b"h", b"b").expect("the first may be any");
    for height in [3, 4, 6] {
        assert!(matches!(
            log.append(height, b"h", b"b"),
            Err(LogError::HeightNotNext { expected: 5, .. })
        ));
    }
    log.append(5, b"", b"").expect("empty blocks are blocks");
    assert_eq!((log.last_height(), log.durable_height()), (Some(5), Some(5)));
}

#[test]
fn durability_is_what_the_options_say() {
    let dir = Scratch::new();
    let durability = Durability::EveryBlocks(NonZeroU32::new(3).expect("positive"));
    let options = LogOptions { durability, ..LogOptions::default() };
    let mut log = BlockLog::open(dir.path(), &GENESIS, options).expect("opened");
    let durable: Vec<_> = (1..=7)
        .map(|height| {
            log.append(height, b"", b"").expect("appended");
            log.durable_height()
        })
        .collect();
    assert_eq!(durable, [None, None, Some(3), Some(3), Some(3), Some(6), Some(6)]);
    log.sync().expect("synced");
    assert_eq!(log.durable_height(), Some(7));
}

/// A crash in the middle of the last write, at every byte of it.
#[test]
fn a_tail_torn_at_any_byte_is_cut_off_and_the_log_goes_on() {
    let dir = Scratch::new();
    let path = write(dir.path(), LogOptions::default(), 1, 5);
    let whole = fs::read(&path).expect("read");
    let last = FIELDS + block(5).header.len() + block(5).block.len();
    for length in whole.len() - last..whole.len() {
        fs::write(&path, &whole[..length]).expect("torn");
        assert_eq!(read(dir.path()).expect("readable"), blocks(1, 4), "torn at {length}");
        let log = open(dir.path()).expect("opened");
        let cut = log.truncated().map(|cut| (cut.offset, cut.height));
        let start = whole.len() - last;
        let torn = length > start;
        assert_eq!(cut, torn.then(|| (u64::try_from(start).expect("small"), 5)));
        drop(log);
        write(dir.path(), LogOptions::default(), 5, 6);
        assert_eq!(read(dir.path()).expect("read"), blocks(1, 6));
    }
}

/// A crash may also leave the file at its full length with parts of the last write missing.
#[test]
fn a_tail_with_holes_is_cut_off() {
    let dir = Scratch::new();
    let path = write(dir.path(), LogOptions::default(), 1, 5);
    let whole = fs::read(&path).expect("read");
    let last = FIELDS + block(5).header.len() + block(5).block.len();
    for hole in whole.len() - last..whole.len() {
        let mut holed = whole.clone();
        holed[hole..].fill(0);
        if holed == whole {
            continue;
        }
        fs::write(&path, &holed).expect("torn");
        let log = open(dir.path()).expect("opened");
        assert_eq!(log.last_height(), Some(4), "hole at {hole}");
    }
}

/// With lax durability several blocks may be torn at once, in any order; none was acknowledged.
#[test]
fn several_unacknowledged_blocks_torn_at_once_are_cut_off() {
    let dir = Scratch::new();
    let options = LogOptions { durability: Durability::OnDemand, ..LogOptions::default() };
    let path = {
        let path = write(dir.path(), options, 1, 3);
        write(dir.path(), options, 4, 9);
        path
    };
    let mut bytes = fs::read(&path).expect("read");
    let entry = FIELDS + block(1).header.len() + block(1).block.len();
    bytes[SEGMENT + 5 * entry + 3] ^= 1; // Height 6, appended since the last opening.
    fs::write(&path, &bytes).expect("written");
    let log = open(dir.path()).expect("opened");
    assert_eq!(log.last_height(), Some(5));
}

/// Users choose what is in a block. Nothing they put there makes a torn block look acknowledged.
#[test]
fn a_torn_block_full_of_entries_is_cut_off_like_any_other() {
    let dir = Scratch::new();
    let path = write(dir.path(), LogOptions::default(), 1, 9);
    let entries = fs::read(&path).expect("read")[SEGMENT..].to_vec();
    fs::remove_file(&path).expect("removed");
    let mut log = open(dir.path()).expect("opened");
    log.append(1, b"header", b"block").expect("appended");
    let start = fs::metadata(&path).expect("there").len();
    log.append(2, b"header", &entries).expect("appended");
    drop(log);
    let whole = fs::read(&path).expect("read");
    let mut holed = whole.clone();
    *holed.last_mut().expect("long") ^= 1;
    for torn in [&whole[..whole.len() - 1], &holed] {
        fs::write(&path, torn).expect("torn");
        let log = open(dir.path()).expect("opened");
        assert_eq!(log.truncated().map(|cut| (cut.offset, cut.height)), Some((start, 2)));
    }
}

#[test]
fn damage_before_the_tail_names_file_offset_and_height_and_nothing_is_cut() {
    let dir = Scratch::new();
    let path = write(dir.path(), LogOptions::default(), 1, 5);
    let whole = fs::read(&path).expect("read");
    let entry = FIELDS + block(1).header.len() + block(1).block.len();
    for at in SEGMENT..SEGMENT + 4 * entry {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x40;
        fs::write(&path, &damaged).expect("damaged");
        let height = 1 + u64::try_from((at - SEGMENT) / entry).expect("small");
        let start = u64::try_from(SEGMENT).expect("small")
            + (height - 1) * u64::try_from(entry).expect("small");
        for result in [open(dir.path()).map(drop), read(dir.path()).map(drop)] {
            let error = result.expect_err("damaged");
            let named = matches!(
                &error,
                LogError::Damaged { path: named, offset, height: found, .. }
                    if *named == path && *offset == start && *found == height
            );
            assert!(named, "byte {at}: {error}");
        }
        assert_eq!(fs::read(&path).expect("read"), damaged, "nothing was cut");
    }
}

#[test]
fn damage_in_an_earlier_segment_is_named_when_read() {
    let dir = Scratch::new();
    let path = write(dir.path(), small_segments(), 1, 25);
    let mut bytes = fs::read(&path).expect("read");
    let end = bytes.len() - 1;
    bytes[end] ^= 1;
    fs::write(&path, &bytes).expect("damaged");
    let log = open(dir.path()).expect("only the last segment is checked on opening");
    assert!(matches!(log.verify(), Err(LogError::Damaged { .. })));
    fs::write(&path, &bytes[..end]).expect("cut short");
    assert!(matches!(log.verify(), Err(LogError::Damaged { .. })));
}

#[test]
fn a_missing_segment_is_named() {
    let dir = Scratch::new();
    write(dir.path(), small_segments(), 1, 25);
    let missing = dir.path().join("blocks-00000001.log");
    fs::remove_file(&missing).expect("removed");
    assert!(matches!(
        open(dir.path()),
        Err(LogError::SegmentMissing { path }) if path == missing
    ));
}

#[test]
fn a_log_of_another_chain_version_or_kind_is_refused_by_name() {
    let dir = Scratch::new();
    let path = write(dir.path(), LogOptions::default(), 1, 2);
    let other = BlockLog::open(dir.path(), &[1; 32], LogOptions::default());
    let error = other.expect_err("another chain");
    assert!(matches!(error, LogError::GenesisDiffers { found: GENESIS, .. }));
    assert!(error.to_string().contains(&"5a".repeat(32)), "{error}");
    let reader = BlockReader::open(dir.path(), None).expect("who only looks need not know it");
    assert_eq!(reader.genesis(), Some(GENESIS));

    let mut bytes = fs::read(&path).expect("read");
    bytes[11] = 9;
    fs::write(&path, &bytes).expect("written");
    assert!(matches!(open(dir.path()), Err(LogError::VersionUnknown { found: 9, .. })));
    fs::write(&path, b"not a log").expect("written");
    assert!(matches!(open(dir.path()), Err(LogError::NotALog { .. })));
}

#[test]
fn a_segment_whose_creation_was_interrupted_leaves_no_trace() {
    let dir = Scratch::new();
    write(dir.path(), LogOptions::default(), 1, 2);
    let unfinished = dir.path().join("blocks-00000001.log.unfinished");
    fs::write(&unfinished, b"NVBL").expect("written");
    assert_eq!(read(dir.path()).expect("read"), blocks(1, 2));
    open(dir.path()).expect("opened");
    assert!(!unfinished.exists());
}

#[test]
fn a_reader_sees_a_running_log_up_to_its_last_whole_block() {
    let dir = Scratch::new();
    let path = write(dir.path(), LogOptions::default(), 1, 3);
    let mut file = OpenOptions::new().append(true).open(path).expect("opened");
    file.write_all(&[0, 0, 0, 9]).expect("a write under way");
    assert_eq!(read(dir.path()).expect("read"), blocks(1, 3));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever happens to one byte, a reader gets a prefix of what was written, or an error.
    #[test]
    fn prop_a_changed_byte_never_yields_a_changed_block(
        at in any::<proptest::sample::Index>(), bit in 0u8..8
    ) {
        let dir = Scratch::new();
        let path = write(dir.path(), LogOptions::default(), 1, 6);
        let mut bytes = fs::read(&path).expect("read");
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        fs::write(&path, &bytes).expect("written");
        if let Ok(entries) = read(dir.path()) {
            prop_assert!(entries.len() >= 5, "{} of 6 blocks", entries.len());
            prop_assert_eq!(&entries[..], &blocks(1, 6)[..entries.len()]);
        }
    }
}
