//! Restarts of the whole store: whatever the disk holds after a crash, the roots are those of a
//! run that never stopped.

use crate::support::{Batch, GENESIS, Scratch, copy_tree, history, parent};
use random::Random;
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
};
use store::{
    Checkpoint, LockError, QmdbCommitment, Resume, StateCommitment, StateRoot, Store, StoreError,
    StoreOptions,
};

/// A machine of two lines: its state is the map of records, its blocks are the history's batches.
#[derive(Default)]
struct Machine(BTreeMap<Vec<u8>, Vec<u8>>);

impl Machine {
    fn apply(&mut self, batch: &Batch) {
        for (key, record) in batch {
            match record {
                Some(record) => self.0.insert(key.clone(), record.clone()),
                None => self.0.remove(key),
            };
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (key, record) in &self.0 {
            bytes.extend([u8::try_from(key.len()).expect("short")]);
            bytes.extend(key);
            bytes.extend([u8::try_from(record.len()).expect("short")]);
            bytes.extend(record);
        }
        bytes
    }

    fn decode(mut bytes: &[u8]) -> Self {
        let mut next = || {
            let (length, rest) = bytes.split_first()?;
            let (part, rest) = rest.split_at(usize::from(*length));
            bytes = rest;
            Some(part.to_vec())
        };
        let mut records = BTreeMap::new();
        while let Some(key) = next() {
            records.insert(key, next().expect("a record per key"));
        }
        Self(records)
    }
}

const BLOCKS: usize = 40;

fn expected_roots(history: &[Batch]) -> Vec<StateRoot> {
    let mut state = QmdbCommitment::temporary(&parent()).expect("opened");
    (1..).zip(history).map(|(height, batch)| state.commit(height, batch).expect("ok")).collect()
}

/// A store with its machine, brought up to the end of its log and compared on the way.
struct Node {
    store: Store,
    machine: Machine,
    resumed_at: Option<u64>,
    skipped: usize,
}

impl Node {
    fn open(dir: &Path, history: &[Batch]) -> Self {
        let (mut store, resume) =
            Store::open(dir, &GENESIS, StoreOptions::default()).expect("opened");
        let Resume { snapshot, skipped } = resume;
        let resumed_at = snapshot.as_ref().map(|snapshot| snapshot.checkpoint.height);
        let mut machine =
            snapshot.map_or_else(Machine::default, |snapshot| Machine::decode(&snapshot.state));
        for entry in store.replay().expect("readable") {
            let entry = entry.expect("readable");
            let batch = &history[usize::try_from(entry.height).expect("small") - 1];
            machine.apply(batch);
            let root = store.commit(entry.height, batch).expect("committed");
            assert_eq!(root.bytes().to_vec(), entry.header, "root of block {}", entry.height);
        }
        Self { store, machine, resumed_at, skipped: skipped.len() }
    }

    fn next_height(&self) -> u64 {
        self.store.height().unwrap_or(0) + 1
    }

    /// Executes and appends blocks up to `last`.
    fn run_to(&mut self, history: &[Batch], last: u64) {
        for height in self.next_height()..=last {
            let batch = &history[usize::try_from(height).expect("small") - 1];
            self.machine.apply(batch);
            let root = self.store.commit(height, batch).expect("committed");
            self.store.append(height, &root.bytes(), b"block").expect("appended");
        }
    }

    fn snapshot(&mut self) -> Checkpoint {
        let state = self.machine.encode();
        self.store.snapshot(|out| out.write_all(&state)).expect("written")
    }

    /// Runs to the end and compares the last root and the machine with an undisturbed run's.
    fn finish(mut self, history: &[Batch], expected: &[StateRoot]) {
        self.run_to(history, BLOCKS as u64);
        assert_eq!(self.store.root(), expected[BLOCKS - 1]);
        let mut machine = Machine::default();
        history.iter().for_each(|batch| machine.apply(batch));
        assert_eq!(self.machine.0, machine.0);
    }
}

/// A directory with snapshots at 10 and 20, blocks to 25, and copies of the state's directory as
/// it was durable before each.
fn prepared(history: &[Batch]) -> Scratch {
    let dir = Scratch::new();
    let chain = dir.path().join("chain");
    let mut node = Node::open(&chain, history);
    node.run_to(history, 10);
    copy_tree(&chain.join("state"), &dir.path().join("state-before"));
    node.snapshot();
    copy_tree(&chain.join("state"), &dir.path().join("state-10"));
    node.run_to(history, 20);
    node.snapshot();
    copy_tree(&chain.join("state"), &dir.path().join("state-20"));
    node.run_to(history, 25);
    dir
}

fn replace(dir: &Scratch, with: Option<&str>) {
    let state = dir.path().join("chain/state");
    fs::remove_dir_all(&state).expect("removed");
    if let Some(name) = with {
        copy_tree(&dir.path().join(name), &state);
    }
}

#[test]
fn a_restart_reaches_the_roots_of_no_restart_whatever_the_state_directory_holds() {
    let history = history(BLOCKS);
    let expected = expected_roots(&history);
    // What the state's directory holds after the crash, and where the restart must begin.
    let cases = [
        ("as left", None, Some(20)),
        ("as at the last snapshot", Some(Some("state-20")), Some(20)),
        ("as at the snapshot before", Some(Some("state-10")), Some(10)),
        ("as before any snapshot", Some(Some("state-before")), None),
        ("nothing", Some(None), None),
    ];
    for (name, state, begins) in cases {
        let dir = prepared(&history);
        if let Some(state) = state {
            replace(&dir, state);
        }
        let node = Node::open(&dir.path().join("chain"), &history);
        assert_eq!(node.resumed_at, begins, "{name}");
        assert_eq!(node.next_height(), 26, "{name}");
        node.finish(&history, &expected);
    }
}

#[test]
fn a_damaged_or_deleted_snapshot_falls_back_to_the_one_before_and_then_to_genesis() {
    let history = history(BLOCKS);
    let expected = expected_roots(&history);
    let dir = prepared(&history);
    let chain = dir.path().join("chain");
    for (height, begins) in [(20, Some(10)), (10, None)] {
        let path = chain.join(format!("snapshots/snapshot-{height:020}.state"));
        let mut bytes = fs::read(&path).expect("there");
        *bytes.last_mut().expect("long") ^= 1;
        fs::write(&path, bytes).expect("damaged");
        let node = Node::open(&chain, &history);
        assert_eq!(node.resumed_at, begins);
        assert_eq!(node.skipped, if height == 20 { 1 } else { 2 }, "passed over, and said so");
        assert_eq!(node.next_height(), 26);
    }
    fs::remove_dir_all(chain.join("snapshots")).expect("deleted");
    Node::open(&chain, &history).finish(&history, &expected);
}

/// Stops between any two steps of a block or a snapshot; the disk is what those steps left.
#[test]
fn a_crash_between_any_two_steps_is_survived() {
    let history = history(BLOCKS);
    let expected = expected_roots(&history);
    let steps = [
        "block committed, not appended",
        "block appended",
        "state durable, no snapshot",
        "snapshot unfinished",
        "snapshot written, old ones kept",
        "old ones deleted",
    ];
    for (number, name) in steps.into_iter().enumerate() {
        let dir = prepared(&history);
        let chain = dir.path().join("chain");
        let crashed = dir.path().join("crashed");
        let mut node = Node::open(&chain, &history);
        let batch = &history[25];
        node.machine.apply(batch);
        let root = node.store.commit(26, batch).expect("committed");
        if number >= 1 {
            node.store.append(26, &root.bytes(), b"block").expect("appended");
        }
        if number >= 2 {
            let state = node.machine.encode();
            let written = node.store.snapshot(|out| {
                out.write_all(&state)?;
                if number <= 3 {
                    // The state is durable by now; the snapshot's file has no name yet.
                    copy_tree(&chain, &crashed);
                }
                Ok(())
            });
            written.expect("written");
        }
        if number == 2 {
            let snapshots = crashed.join("snapshots");
            for entry in fs::read_dir(&snapshots).expect("listed") {
                let path = entry.expect("listed").path();
                if path.extension().is_some_and(|extension| extension == "unfinished") {
                    fs::remove_file(path).expect("removed");
                }
            }
        }
        if number == 4 {
            // The state that snapshot 10 needs has been forgotten by now; its file comes back.
            let old = "snapshots/snapshot-00000000000000000010.state";
            fs::copy(prepared(&history).path().join("chain").join(old), chain.join(old))
                .expect("copied");
        }
        if !crashed.exists() {
            copy_tree(&chain, &crashed);
        }
        drop(node);
        let node = Node::open(&crashed, &history);
        let begins = if number >= 4 { 26 } else { 20 };
        assert_eq!(node.resumed_at, Some(begins), "{name}");
        let next = if number >= 1 { 27 } else { 26 };
        assert_eq!(node.next_height(), next, "{name}");
        node.finish(&history, &expected);
    }
}

#[test]
fn many_restarts_with_snapshots_between_change_no_root() {
    let history = history(BLOCKS);
    let expected = expected_roots(&history);
    let dir = Scratch::new();
    for last in (0..BLOCKS as u64).step_by(3) {
        let mut node = Node::open(dir.path(), &history);
        node.run_to(&history, last);
        if last % 2 == 1 {
            node.snapshot();
        }
    }
    Node::open(dir.path(), &history).finish(&history, &expected);
}

#[test]
fn a_log_shorter_than_a_snapshot_is_a_loss_and_is_said() {
    let history = history(BLOCKS);
    let dir = prepared(&history);
    let chain = dir.path().join("chain");
    fs::remove_dir_all(chain.join("blocks")).expect("lost");
    let error = Store::open(&chain, &GENESIS, StoreOptions::default()).expect_err("a loss");
    assert!(
        matches!(error, StoreError::LogBehindSnapshot { snapshot: 20, log: None, .. }),
        "{error}"
    );
}

#[test]
fn two_processes_cannot_hold_one_store() {
    let dir = Scratch::new();
    let first = Store::open(dir.path(), &GENESIS, StoreOptions::default()).expect("free");
    let second = Store::open(dir.path(), &GENESIS, StoreOptions::default());
    assert!(matches!(second, Err(StoreError::Lock(LockError::Held { .. }))));
    drop(first);
    Store::open(dir.path(), &GENESIS, StoreOptions::default()).expect("released");
}

#[test]
fn a_store_of_another_chain_is_refused() {
    let history = history(BLOCKS);
    let dir = prepared(&history);
    let other = Store::open(&dir.path().join("chain"), &[1; 32], StoreOptions::default());
    assert!(matches!(other, Err(StoreError::Log(store::LogError::GenesisDiffers { .. }))));
}

#[test]
fn no_snapshot_is_made_of_a_block_that_is_not_in_the_log() {
    let history = history(BLOCKS);
    let dir = Scratch::new();
    let mut node = Node::open(dir.path(), &history);
    node.store.commit(1, &history[0]).expect("committed");
    let refused = node.store.snapshot(|_| Ok(()));
    assert!(matches!(
        refused,
        Err(StoreError::LogBehindState { committed: Some(1), logged: None })
    ));
}

/// Names the directory in which this process, started by the test below, is to run until killed.
const KILLED_RUNS_IN: &str = "NOVATION_STORE_TEST_KILLED_RUNS_IN";

/// Not a claim but the process that the next test kills; does nothing on its own.
#[test]
fn run_until_killed() {
    let Some(dir) = std::env::var_os(KILLED_RUNS_IN) else {
        return;
    };
    let history = history(BLOCKS);
    let mut node = Node::open(Path::new(&dir), &history);
    let mut out = std::io::stderr();
    for height in node.next_height()..=BLOCKS as u64 {
        node.run_to(&history, height);
        writeln!(out, "acknowledged {height}").expect("the parent listens");
        if height.is_multiple_of(3) {
            node.snapshot();
        }
    }
}

#[test]
fn a_killed_process_loses_nothing_it_acknowledged() {
    let history = history(BLOCKS);
    let expected = expected_roots(&history);
    let dir = Scratch::new();
    let mut random = Random::new(5);
    let mut acknowledged = 0;
    while acknowledged < BLOCKS as u64 {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "restart::run_until_killed", "--nocapture"])
            .env(KILLED_RUNS_IN, dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let wait_for = acknowledged + 1 + random.below(9);
        for line in BufReader::new(child.stderr.take().expect("piped")).lines() {
            let line = line.expect("text");
            if let Some(height) = line.strip_prefix("acknowledged ") {
                acknowledged = height.parse().expect("a height");
            }
            if acknowledged >= wait_for {
                break;
            }
        }
        child.kill().expect("killed or ended");
        child.wait().expect("gone");
        let node = Node::open(dir.path(), &history);
        assert!(node.next_height() > acknowledged, "block {acknowledged} is lost");
        acknowledged = acknowledged.max(node.next_height() - 1);
    }
    Node::open(dir.path(), &history).finish(&history, &expected);
}
