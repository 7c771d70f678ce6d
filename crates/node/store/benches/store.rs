//! What a block costs in the store: the root after 100, 1,000 and 10,000 writes into a state of
//! 100,000 keys, proofs, appends and snapshots.
//!
//! `cargo bench -p store`

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock},
};
use store::{
    BlockLog, Durability, KeyBytes, LogOptions, Proof, QmdbCommitment, RecordBytes, Snapshots,
    StateCommitment,
};

const KEYS: u64 = 100_000;

fn main() {
    divan::main();
}

fn key(number: u64) -> KeyBytes {
    [b"account/".as_slice(), &number.to_be_bytes()].concat()
}

fn record(number: u64, version: u64) -> RecordBytes {
    [number, version].repeat(6).into_iter().flat_map(u64::to_be_bytes).collect()
}

fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

struct State {
    commitment: QmdbCommitment,
    random: u64,
}

impl State {
    fn height(&self) -> u64 {
        self.commitment.height().map_or(1, |height| height + 1)
    }

    fn batch(&mut self, writes: u64) -> Vec<(KeyBytes, Option<RecordBytes>)> {
        let version = self.height();
        (0..writes)
            .map(|_| {
                let number = next(&mut self.random) % KEYS;
                (key(number), Some(record(number, version)))
            })
            .collect()
    }
}

/// A state of [`KEYS`] keys, made once, in memory where the system offers that.
fn state() -> &'static Mutex<State> {
    static STATE: OnceLock<Mutex<State>> = OnceLock::new();
    STATE.get_or_init(|| {
        let mut commitment = QmdbCommitment::temporary(&parent()).expect("opened");
        for (height, from) in (1..).zip((0..KEYS).step_by(10_000)) {
            let writes: Vec<_> = (from..from + 10_000)
                .map(|number| (key(number), Some(record(number, 0))))
                .collect();
            commitment.commit(height, &writes).expect("ok");
        }
        Mutex::new(State { commitment, random: 42 })
    })
}

fn parent() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() }
}

fn scratch(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("novation-bench-{}-{name}", std::process::id()));
    drop(std::fs::remove_dir_all(&dir));
    dir
}

#[divan::bench(name = "store::commit", args = [100, 1_000, 10_000], sample_count = 30, sample_size = 1)]
fn commit(bencher: divan::Bencher<'_, '_>, writes: u64) {
    let state = state();
    bencher
        .counter(divan::counter::ItemsCount::new(writes))
        .with_inputs(|| state.lock().expect("whole").batch(writes))
        .bench_values(|batch| {
            let mut state = state.lock().expect("whole");
            let height = state.height();
            state.commitment.commit(height, &batch).expect("ok")
        });
}

#[divan::bench(name = "store::prove", args = ["present", "absent"])]
fn prove(bencher: divan::Bencher<'_, '_>, kind: &str) {
    let mut state = state().lock().expect("whole");
    let height = state.height();
    state.commitment.commit(height, &[(key(1), Some(record(1, 1)))]).expect("ok");
    let (key, record) =
        if kind == "present" { (key(1), Some(record(1, 1))) } else { (key(KEYS), None) };
    bencher.bench_local(|| state.commitment.prove(&key, record.as_deref()).expect("so"));
}

#[divan::bench(name = "store::verify", args = ["present", "absent"])]
fn verify(bencher: divan::Bencher<'_, '_>, kind: &str) {
    let mut state = state().lock().expect("whole");
    let height = state.height();
    let root = state.commitment.commit(height, &[(key(1), Some(record(1, 1)))]).expect("ok");
    let (key, record) =
        if kind == "present" { (key(1), Some(record(1, 1))) } else { (key(KEYS), None) };
    let bytes = state.commitment.prove(&key, record.as_deref()).expect("so").encode();
    bencher
        .counter(divan::counter::BytesCount::new(bytes.len()))
        .bench_local(|| Proof::decode(&bytes).and_then(|proof| proof.verify(root)).expect("holds"));
}

#[divan::bench(name = "store::append", args = [1_000, 100_000], sample_count = 50, sample_size = 1)]
fn append(bencher: divan::Bencher<'_, '_>, bytes: usize) {
    append_with(bencher, bytes, Durability::OnDemand);
}

#[divan::bench(name = "store::append_durable", args = [1_000, 100_000], sample_count = 50, sample_size = 1)]
fn append_durable(bencher: divan::Bencher<'_, '_>, bytes: usize) {
    append_with(bencher, bytes, Durability::EveryBlock);
}

fn append_with(bencher: divan::Bencher<'_, '_>, bytes: usize, durability: Durability) {
    let dir = scratch("log");
    let options = LogOptions { durability, ..LogOptions::default() };
    let mut log = BlockLog::open(&dir, &[0; 32], options).expect("opened");
    let block = vec![7; bytes];
    let mut height = 0;
    bencher.counter(divan::counter::BytesCount::new(bytes)).bench_local(|| {
        height += 1;
        log.append(height, b"header", &block).expect("appended");
    });
    drop(log);
    std::fs::remove_dir_all(&dir).expect("removed");
}

#[divan::bench(name = "store::snapshot", sample_count = 5, sample_size = 1)]
fn snapshot(bencher: divan::Bencher<'_, '_>) {
    let dir = scratch("snapshots");
    let mut state = state().lock().expect("whole");
    let checkpoint = state.commitment.checkpoint().expect("durable");
    let snapshots = Snapshots::open(&dir, &[0; 32]).expect("opened");
    let bytes: Vec<u8> =
        (0..KEYS).flat_map(|number| record(number, next(&mut state.random))).collect();
    bencher.counter(divan::counter::BytesCount::new(bytes.len())).bench_local(|| {
        snapshots.write(&checkpoint, |out| out.write_all(&bytes)).expect("written")
    });
    std::fs::remove_dir_all(&dir).expect("removed");
}
