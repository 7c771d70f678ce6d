//! A house after a crash or a bad disk: what it comes back with, and that it never comes back with something else.

use house::{House, HouseError, Reopened};
use protocol::{Block, Hash};
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use store::StoreOptions;
use testkit::traffic::{Size, Traffic};

/// After how many blocks there is a snapshot.
const SNAPSHOT_AFTER: usize = 4;

/// A directory that is removed when dropped.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("house-recovery-{}-{name}", process::id())))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A house that was stopped, and what it was given.
struct Stopped {
    place: Place,
    blocks: Vec<Block>,
    /// The root after each of its heights, the founding first.
    roots: Vec<Hash>,
    /// Length of the log after each.
    lengths: Vec<u64>,
}

fn log_of(dir: &Path) -> PathBuf {
    dir.join("blocks").join("blocks-00000000.log")
}

/// Runs some blocks, the fewest that leave a snapshot and blocks behind it.
fn stopped(name: &str) -> Stopped {
    let traffic = Traffic::generate(Size { accounts: 8, commands: 20, blocks: 8 }, 7);
    let place = Place::new(name);
    let blocks: Vec<Block> = traffic.opening.into_iter().chain(traffic.blocks).take(8).collect();
    let mut house =
        House::found(&place.0, &traffic.genesis, StoreOptions::default()).expect("it is new");
    let length = |dir: &Path| fs::metadata(log_of(dir)).expect("there is a log").len();
    let (mut roots, mut lengths) = (vec![house.root()], vec![length(&place.0)]);
    for (number, block) in blocks.iter().enumerate() {
        house.apply(block).expect("the block follows");
        if number + 1 == SNAPSHOT_AFTER {
            house.snapshot().expect("there is room");
        }
        house.sync().expect("there is room");
        roots.push(house.root());
        lengths.push(length(&place.0));
    }
    drop(house);
    Stopped { place, blocks, roots, lengths }
}

fn reopen(dir: &Path) -> Result<Reopened, HouseError> {
    House::reopen(dir, StoreOptions::default())
}

fn height(house: &House) -> usize {
    usize::try_from(house.header().height.blocks()).expect("not negative")
}

impl Stopped {
    /// Gives a house all blocks that it lacks; it must end where one ends that never stopped.
    fn goes_on(&self, house: &mut House) {
        for block in &self.blocks[height(house)..] {
            house.apply(block).expect("the block follows");
        }
        assert_eq!(Some(&house.root()), self.roots.last());
    }

    /// Opens the house: it must be as it was at its height, and go on as if nothing had been.
    fn comes_back(&self, told: &str) -> (usize, usize) {
        let Reopened { mut house, skipped } = reopen(&self.place.0).expect(told);
        let at = height(&house);
        assert_eq!(house.root(), self.roots[at], "{told}");
        self.goes_on(&mut house);
        (at, skipped.len())
    }
}

#[test]
fn a_crash_anywhere_in_the_writing_of_a_block_loses_that_block_and_nothing_else() {
    let stopped = stopped("torn");
    let log = log_of(&stopped.place.0);
    let whole = fs::read(&log).expect("readable");
    let [.., begins, ends] = stopped.lengths[..] else { panic!("there are blocks") };
    let (begins, ends) =
        (usize::try_from(begins).expect("short"), usize::try_from(ends).expect("short"));
    assert_eq!(ends, whole.len());
    let last = stopped.blocks.len();
    for cut in [begins, begins + 1, begins + 3, (begins + ends) / 2, ends - 9, ends - 1] {
        fs::write(&log, &whole[..cut]).expect("writable");
        let (at, skipped) = stopped.comes_back(&format!("cut at {cut} of {begins}..{ends}"));
        assert_eq!((at, skipped), (last - 1, 0), "{cut}");
    }
    fs::write(&log, &whole).expect("writable");
    assert_eq!(stopped.comes_back("whole"), (last, 0));
}

#[test]
fn a_log_that_was_changed_before_its_end_is_told_and_leads_to_no_other_root() {
    let stopped = stopped("changed");
    let log = log_of(&stopped.place.0);
    let whole = fs::read(&log).expect("readable");
    // In the block after the snapshot, of which another follows.
    let begins = usize::try_from(stopped.lengths[SNAPSHOT_AFTER]).expect("short");
    let ends = usize::try_from(stopped.lengths[SNAPSHOT_AFTER + 1]).expect("short");
    for at in [begins, begins + 9, (begins + ends) / 2, ends - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(&log, &changed).expect("writable");
        let refused = reopen(&stopped.place.0).expect_err("it was changed");
        assert!(matches!(refused, HouseError::Store(_) | HouseError::Log(_)), "{at}: {refused}");
        assert!(!refused.is_of_disk(), "{at}: a damaged log is not a disk that is full: {refused}");
    }
    fs::write(&log, &whole).expect("writable");
    assert_eq!(stopped.comes_back("whole"), (stopped.blocks.len(), 0));
}

#[test]
fn a_damaged_snapshot_is_passed_over_and_the_blocks_are_executed_from_the_beginning() {
    let stopped = stopped("snapshot");
    let mut damaged = 0;
    for entry in fs::read_dir(stopped.place.0.join("snapshots")).expect("listed") {
        let path = entry.expect("listed").path();
        let mut bytes = fs::read(&path).expect("readable");
        if let Some(middle) = bytes.len().checked_div(2).filter(|at| *at > 0) {
            bytes[middle] ^= 1;
            fs::write(&path, bytes).expect("writable");
            damaged += 1;
        }
    }
    assert!(damaged > 0, "there is a snapshot");
    assert_eq!(stopped.comes_back("from the beginning"), (stopped.blocks.len(), 1));
}

#[test]
fn a_directory_without_its_authenticated_state_makes_it_again() {
    let stopped = stopped("state");
    fs::remove_dir_all(stopped.place.0.join("state")).expect("removable");
    let (at, _) = stopped.comes_back("replayed");
    assert_eq!(at, stopped.blocks.len());
}

#[test]
fn a_genesis_that_is_damaged_or_gone_is_called_that() {
    let stopped = stopped("genesis");
    let file = stopped.place.0.join("genesis");
    let whole = fs::read(&file).expect("readable");
    fs::write(&file, &whole[..whole.len() - 1]).expect("writable");
    let refused = reopen(&stopped.place.0).expect_err("it is cut");
    assert!(
        matches!(&refused, HouseError::GenesisDamaged { path, .. } if *path == file),
        "{refused}"
    );
    fs::remove_file(&file).expect("removable");
    let refused = reopen(&stopped.place.0).expect_err("it is gone");
    assert!(matches!(refused, HouseError::NotAHouse { .. }), "{refused}");
    // Another chain's genesis does not take over the blocks of this one.
    let mut other = Traffic::generate(Size { accounts: 8, commands: 20, blocks: 1 }, 7).genesis;
    other.chain.push('x');
    fs::write(&file, protocol::codec::encode(&other).expect("within limits")).expect("writable");
    reopen(&stopped.place.0).expect_err("the blocks are of another chain");
    fs::write(&file, &whole).expect("writable");
    assert_eq!(stopped.comes_back("whole").0, stopped.blocks.len());
}
