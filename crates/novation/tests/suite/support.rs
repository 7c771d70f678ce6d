//! Running the program, and houses to run it on.

use protocol::{Block, Hash, Header, codec, limits};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use store::{BlockLog, BlockReader, LogEntry, LogOptions, decode_entry};

/// Blocks of the shared house.
pub(crate) const BLOCKS: u64 = 20;

/// What a run of the program has left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Ran {
    /// Checks that it succeeded and complained about nothing.
    pub(crate) fn succeeded(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{}", self.out);
        self.out
    }

    /// Checks that it succeeded and warned in some words.
    pub(crate) fn warned(self, words: &str) -> String {
        assert_eq!(self.code, Some(0), "{}", self.err);
        assert!(self.err.starts_with("warning: ") && self.err.contains(words), "{}", self.err);
        self.out
    }

    /// Checks that it failed with a code and that its words, wherever they went, hold some.
    pub(crate) fn failed(&self, code: i32, words: &[&str]) {
        let said = format!("{}{}", self.out, self.err);
        assert_eq!(self.code, Some(code), "{said}");
        for words in words {
            assert!(said.contains(words), "'{words}' is not in:\n{said}");
        }
        for never in ["panicked", "RUST_BACKTRACE", "Stack backtrace"] {
            assert!(!said.contains(never), "{said}");
        }
    }
}

/// Returns the program, without the data of whoever runs the tests and with its temporary files in memory.
pub(crate) fn novation() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_novation"));
    command.env_remove("NOVATION_DATA");
    if Path::new("/dev/shm").is_dir() {
        command.env("TMPDIR", "/dev/shm");
    }
    command
}

/// Runs the program with arguments separated by spaces; `{}` stands for a path.
pub(crate) fn run(arguments: &str, path: &Path) -> Ran {
    let path = path.to_str().expect("plain text");
    let arguments = arguments.split_whitespace().map(|argument| argument.replace("{}", path));
    novation().args(arguments).output().expect("the program starts").into()
}

/// Returns an empty place for files of a test.
pub(crate) fn place(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if path.is_dir() {
        fs::remove_dir_all(&path).expect("removable");
    }
    fs::create_dir_all(&path).expect("creatable");
    path
}

/// Returns a house after [`BLOCKS`] blocks, made once; nobody may change it.
pub(crate) fn house() -> &'static Path {
    static HOUSE: OnceLock<PathBuf> = OnceLock::new();
    HOUSE.get_or_init(|| {
        let dir = place("shared").join("house");
        run(&format!("demo --seed 5 --blocks {BLOCKS} --quiet --out {{}}"), &dir).succeeded();
        dir
    })
}

/// Returns a copy of the shared house for one test alone.
pub(crate) fn copy(name: &str) -> PathBuf {
    let dir = place(name).join("house");
    copy_tree(house(), &dir);
    dir
}

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

/// Changes a file in place.
pub(crate) fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("readable");
    change(&mut bytes);
    fs::write(path, bytes).expect("writable");
}

/// Returns the one segment of a house's block log.
pub(crate) fn segment(dir: &Path) -> PathBuf {
    dir.join("blocks/blocks-00000000.log")
}

/// Returns the one snapshot of a house.
pub(crate) fn snapshot(dir: &Path) -> PathBuf {
    dir.join(format!("snapshots/snapshot-{BLOCKS:020}.state"))
}

/// Returns the hash of a house's genesis.
pub(crate) fn genesis(dir: &Path) -> Hash {
    Hash::of("genesis", &fs::read(dir.join("genesis")).expect("a genesis"))
}

/// Returns where each entry of the log begins and how long it is.
pub(crate) fn entries(dir: &Path) -> Vec<(usize, usize)> {
    let bytes = fs::read(segment(dir)).expect("a log");
    let genesis = genesis(dir);
    let mut at = 64;
    let mut places = Vec::new();
    while at < bytes.len() {
        let (_, length) = decode_entry(&bytes[at..], genesis.bytes()).expect("an entry");
        places.push((at, length));
        at += length;
    }
    places
}

/// Writes the block log of a house anew, every checksum right, with a block changed: an auditor must not need
/// checksums to see it.
pub(crate) fn forge(dir: &Path, height: u64, change: impl FnOnce(&mut Header, &mut Block)) {
    let genesis = genesis(dir);
    let blocks = dir.join("blocks");
    let reader = BlockReader::open(&blocks, Some(genesis.bytes())).expect("a log");
    let mut entries: Vec<LogEntry> = reader.map(|entry| entry.expect("an entry")).collect();
    let entry = entries.iter_mut().find(|entry| entry.height == height).expect("that block");
    let mut header: Header =
        codec::decode(&entry.header, limits::BLOCK_BYTES_MAX).expect("a header");
    let mut block: Block = codec::decode(&entry.block, limits::BLOCK_BYTES_MAX).expect("a block");
    change(&mut header, &mut block);
    entry.header = codec::encode(&header).expect("a header");
    entry.block = codec::encode(&block).expect("a block");
    fs::remove_dir_all(&blocks).expect("removable");
    let mut log = BlockLog::open(&blocks, genesis.bytes(), LogOptions::default()).expect("a log");
    for entry in &entries {
        log.append(entry.height, &entry.header, &entry.block).expect("appended");
    }
}

/// Returns the root on the last line of an audit or a demo.
pub(crate) fn root_of(out: &str) -> String {
    let at = out.rfind("state root ").expect("a root");
    out[at + "state root ".len()..].trim().to_string()
}
