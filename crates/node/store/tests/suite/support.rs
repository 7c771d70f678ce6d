//! What the tests share: directories that vanish, a generator whose seeds outlive every
//! dependency, and batches of writes.

use random::Random;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};
use store::{GenesisHash, KeyBytes, RecordBytes};

pub(crate) const GENESIS: GenesisHash = [0x5a; 32];

/// Where directories are made: in memory where the system offers that, for the tree's engine
/// flushes the whole file system whenever it starts.
pub(crate) fn parent() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}

/// A directory removed when dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let path = parent().join(format!("novation-store-test-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Copies a directory tree: the disk as a crash would leave it at this moment.
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("created");
    for entry in fs::read_dir(from).expect("listed") {
        let entry = entry.expect("listed");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("known").is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

pub(crate) type Batch = Vec<(KeyBytes, Option<RecordBytes>)>;

pub(crate) fn key(number: u64) -> KeyBytes {
    format!("account/{number}").into_bytes()
}

/// The writes of one block: a few keys out of sixty, some removed.
pub(crate) fn batch(random: &mut Random) -> Batch {
    let writes = random.below(20);
    (0..writes)
        .map(|_| {
            let record = (random.below(4) > 0).then(|| random.word().to_be_bytes().to_vec());
            (key(random.below(60)), record)
        })
        .collect()
}

/// The writes of blocks 1, 2, …: always the same ones.
pub(crate) fn history(blocks: usize) -> Vec<Batch> {
    let mut random = Random::new(0x0b10_c5ee_d000_0001);
    (0..blocks).map(|_| batch(&mut random)).collect()
}
