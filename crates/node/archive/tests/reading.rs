//! A house that runs, as somebody reads it who may not touch it.

use archive::{Archive, ArchiveError, Last};
use house::House;
use machine::StateKey;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use store::{StateRoot, StoreOptions};
use testkit::traffic::{Size, Traffic};

/// A directory that goes when the test does.
struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn place(name: &str) -> Place {
    let name = format!("archive-{}-{name}", std::process::id());
    Place(std::env::temp_dir().join(name))
}

/// Returns a running house, with a snapshot of block 3.
fn running(dir: &Path) -> House {
    let traffic = Traffic::generate(Size { accounts: 8, commands: 8, blocks: 6 }, 11);
    let mut house =
        House::found(dir, &traffic.genesis, StoreOptions::default()).expect("it is new");
    for (number, block) in (1..).zip(traffic.opening.iter().chain(&traffic.blocks)).take(6) {
        house.apply(block).expect("the block follows");
        if number == 3 {
            house.snapshot().expect("there is room");
        }
    }
    house.sync().expect("there is room");
    house
}

/// Returns every file below a directory, with its length and when it was written.
fn files(dir: &Path) -> BTreeMap<PathBuf, (u64, SystemTime)> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            let metadata = fs::metadata(&path).expect("a file");
            files.insert(path, (metadata.len(), metadata.modified().expect("a time")));
        }
    }
    files
}

#[test]
fn what_a_running_house_holds_is_read_and_proved_without_a_trace() {
    let place = place("running");
    let house = running(&place.0);
    let before = files(&place.0);
    let archive = Archive::open(&place.0).expect("a house");
    assert!(archive.writer().expect("readable").is_some(), "the house runs");

    let mut last =
        Last::of(&archive, |height, why| panic!("snapshot {height}: {why}")).expect("whole");
    assert_eq!(last.root(), house.root());
    let proof = last.prove(&StateKey::Block).expect("there is a block");
    proof.verify(StateRoot::from_bytes(*house.root().bytes())).expect("it leads to the root");

    assert_eq!(archive.snapshots().expect("readable").heights().expect("listed"), [3]);
    let height = |at| archive.machine_at(at).expect("a block").state().height.blocks();
    assert_eq!((height(Some(2)), height(Some(5)), height(None)), (2, 5, 6));
    assert!(matches!(
        archive.machine_at(Some(7)),
        Err(ArchiveError::NoBlock { height: 7, last: 6, .. })
    ));
    assert_eq!(files(&place.0), before);
}

#[test]
fn a_snapshot_that_is_damaged_is_passed_over_and_named_by_its_own_path() {
    let place = place("damaged");
    let root = running(&place.0).root();
    let snapshots = place.0.join("snapshots");
    let state = fs::read_dir(&snapshots)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.extension().is_some_and(|ending| ending == "state"))
        .expect("a snapshot");
    let mut bytes = fs::read(&state).expect("a file");
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(&state, bytes).expect("there is room");

    let mut passed = Vec::new();
    let archive = Archive::open(&place.0).expect("a house");
    let last = Last::of(&archive, |height, why| passed.push((height, why.to_owned())));
    assert_eq!(last.expect("the log is whole").root(), root);
    let [(3, why)] = passed.as_slice() else { panic!("{passed:?}") };
    assert!(why.contains(&state.display().to_string()), "{why}");
}

#[test]
fn a_directory_without_a_log_is_told_so() {
    let place = place("empty");
    drop(running(&place.0));
    fs::remove_dir_all(place.0.join("blocks")).expect("it was there");
    let said = Archive::open(&place.0).unwrap_err().to_string();
    assert!(
        said.ends_with("has no block log: restore its directory 'blocks' from a copy"),
        "{said}"
    );
}
