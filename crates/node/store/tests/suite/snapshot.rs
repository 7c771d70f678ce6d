//! Snapshots: whole or an error, and never a trace of an interrupted one.

use crate::support::{GENESIS, Scratch};
use proptest::prelude::*;
use std::{fs, io, path::PathBuf};
use store::{
    Checkpoint, SnapshotError, SnapshotHeaderError, Snapshots, StateRoot, decode_snapshot_header,
};

fn checkpoint(height: u64) -> Checkpoint {
    Checkpoint { height, root: StateRoot::from_bytes([7; 32]), operations: 90, prunable: 40 }
}

fn write(snapshots: &Snapshots, height: u64, state: &[u8]) -> PathBuf {
    snapshots.write(&checkpoint(height), |out| out.write_all(state)).expect("written")
}

fn state() -> Vec<u8> {
    (0..50_000u32).flat_map(|number| (number / 7).to_be_bytes()).collect()
}

#[test]
fn a_snapshot_comes_back_as_it_was_written_and_smaller_on_disk() {
    let dir = Scratch::new();
    let snapshots = Snapshots::open(dir.path(), &GENESIS).expect("opened");
    for (height, state) in [(1, state()), (2, Vec::new()), (u64::MAX, vec![1])] {
        let path = write(&snapshots, height, &state);
        let read = snapshots.read(height).expect("whole");
        assert_eq!((read.checkpoint, &read.state), (checkpoint(height), &state));
        if height == 1 {
            assert!(fs::metadata(path).expect("there").len() < state.len() as u64 / 4);
        }
    }
    assert_eq!(snapshots.heights().expect("listed"), [u64::MAX, 2, 1]);
    snapshots.retain(2).expect("deleted");
    assert_eq!(snapshots.heights().expect("listed"), [u64::MAX, 2]);
}

#[test]
fn a_snapshot_with_any_byte_changed_or_missing_is_an_error() {
    let dir = Scratch::new();
    let snapshots = Snapshots::open(dir.path(), &GENESIS).expect("opened");
    let path = write(&snapshots, 3, b"some state, some state, some state");
    let whole = fs::read(&path).expect("read");
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 4;
        fs::write(&path, &changed).expect("written");
        snapshots.read(3).expect_err("a changed byte");
        fs::write(&path, &whole[..at]).expect("written");
        snapshots.read(3).expect_err("cut short");
    }
    fs::write(&path, [&whole[..], b"more"].concat()).expect("written");
    assert!(matches!(snapshots.read(3), Err(SnapshotError::LengthDiffers { .. })));
}

#[test]
fn each_fault_has_its_name() {
    let dir = Scratch::new();
    let snapshots = Snapshots::open(dir.path(), &GENESIS).expect("opened");
    let path = write(&snapshots, 3, &state());
    let whole = fs::read(&path).expect("read");

    let mut other_version = whole.clone();
    other_version[11] = 9;
    fs::write(&path, &other_version).expect("written");
    assert!(matches!(
        snapshots.read(3),
        Err(SnapshotError::Header { error: SnapshotHeaderError::VersionUnknown { found: 9 }, .. })
    ));

    fs::write(&path, &whole[..whole.len() - 1]).expect("written");
    assert!(matches!(snapshots.read(3), Err(SnapshotError::LengthDiffers { .. })));

    let mut damaged = whole.clone();
    *damaged.last_mut().expect("long") ^= 1;
    fs::write(&path, &damaged).expect("written");
    assert!(matches!(snapshots.read(3), Err(SnapshotError::Damaged { .. })));

    fs::write(&path, &whole).expect("written");
    let other = Snapshots::open(dir.path(), &[1; 32]).expect("opened");
    assert!(matches!(other.read(3), Err(SnapshotError::GenesisDiffers { .. })));

    fs::rename(&path, path.with_file_name("snapshot-00000000000000000004.state")).expect("renamed");
    assert!(matches!(snapshots.read(4), Err(SnapshotError::Damaged { .. })));
}

#[test]
fn an_interrupted_snapshot_leaves_the_older_ones_and_no_trace() {
    let dir = Scratch::new();
    let snapshots = Snapshots::open(dir.path(), &GENESIS).expect("opened");
    write(&snapshots, 3, b"state");
    let failed = snapshots.write(&checkpoint(4), |out| {
        out.write_all(&state())?;
        Err(io::Error::from(io::ErrorKind::StorageFull))
    });
    let error = failed.expect_err("the disk is full");
    assert!(matches!(error, SnapshotError::Disk(store::DiskError::Full { .. })), "{error}");
    assert_eq!(snapshots.heights().expect("listed"), [3]);
    assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 1);
    fs::write(dir.path().join("snapshot-00000000000000000005.state.unfinished"), b"x").expect("ok");
    let snapshots = Snapshots::open(dir.path(), &GENESIS).expect("opened");
    assert_eq!(snapshots.heights().expect("listed"), [3]);
    assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 1);
}

proptest! {
    #[test]
    fn prop_random_bytes_are_no_snapshot_header(
        bytes in proptest::collection::vec(any::<u8>(), 0..400), prefixed in any::<bool>()
    ) {
        let mut header = if prefixed { b"NVSTATE\0\0\0\0\x01".to_vec() } else { Vec::new() };
        header.extend_from_slice(&bytes);
        prop_assert!(decode_snapshot_header(&header).is_err());
    }
}
