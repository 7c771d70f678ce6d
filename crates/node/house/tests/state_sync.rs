//! A house that begins with the state of another: what it takes, and what no peer can make it take.

use house::{CHUNK_BYTES, House, HouseError, Offer, SNAPSHOT_BLOCKS};
use protocol::{Block, Header, codec};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use store::{Fetch, StoreOptions};
use testkit::traffic::{Size, Traffic};

/// Blocks after the snapshot.
const AFTER: u32 = 7;

/// A running house past its first snapshot, and the blocks that it was given.
struct Source {
    dir: PathBuf,
    house: Arc<Mutex<House>>,
    blocks: Vec<(Header, Block)>,
    genesis: Vec<u8>,
    /// How many requests for the tree the last transfer has sent.
    answers: Arc<AtomicUsize>,
}

impl Drop for Source {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.dir));
    }
}

fn place(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("house-transfer-{}-{name}", std::process::id()))
}

impl Source {
    fn new(name: &str) -> Self {
        Self::with_snapshots(name, 1)
    }

    fn with_snapshots(name: &str, snapshots: u32) -> Self {
        let blocks = u32::try_from(SNAPSHOT_BLOCKS).expect("small") * snapshots + AFTER;
        let traffic = Traffic::generate(Size { accounts: 60, commands: 40, blocks }, 11);
        let dir = place(name);
        let options = StoreOptions::default();
        let mut house = House::found(&dir, &traffic.genesis, options).expect("it is new");
        let mut applied = Vec::new();
        let given: Vec<&Block> = traffic.opening.iter().chain(&traffic.blocks).collect();
        for block in given.into_iter().take(usize::try_from(blocks).expect("small")) {
            let header = house.apply(block).expect("the block follows").header;
            applied.push((header, block.clone()));
            if house::is_due(header.height) {
                house.snapshot().expect("there is room");
            }
        }
        let genesis = codec::encode(&traffic.genesis).expect("within limits");
        Self {
            dir,
            house: Arc::new(Mutex::new(house)),
            blocks: applied,
            genesis,
            answers: Arc::default(),
        }
    }

    fn offer(&self) -> Offer {
        let offer = self.house.lock().expect("whole").handout().offer();
        offer.expect("readable").expect("one is due")
    }

    /// Returns the block that the offer is of.
    fn certified(&self, offer: &Offer) -> &(Header, Block) {
        let found = self.blocks.iter().find(|(header, _)| header.height == offer.manifest.height);
        found.expect("applied")
    }

    fn state(&self, offer: &Offer) -> Vec<u8> {
        let height = u64::try_from(offer.manifest.height.blocks()).expect("positive");
        let handout = self.house.lock().expect("whole").handout().clone();
        let chunks = 0..offer.manifest.chunks.len();
        chunks.flat_map(|index| handout.chunk(height, index).expect("offered")).collect()
    }

    /// Gives a house the blocks that it lacks; each must lead to the same header.
    fn goes_on(&self, house: &mut House) {
        let begun = house.header().height;
        for (expected, block) in self.blocks.iter().filter(|(held, _)| held.height > begun) {
            assert_eq!(house.apply(block).expect("it follows").header, *expected);
        }
    }

    /// Carries requests for the tree, and changes the answer of a number if that is said.
    fn fetch(&self, damaged: Option<usize>) -> Fetch {
        let house = self.house.clone();
        let answers = self.answers.clone();
        answers.store(0, Ordering::Relaxed);
        Box::new(move |request| {
            let mut answer = house.lock().expect("whole").serve_tree(request)?;
            let count = answers.fetch_add(1, Ordering::Relaxed);
            if damaged.is_some_and(|from| count >= from) {
                let at = answer.len() / 2;
                answer[at] ^= 1;
            }
            Ok(answer)
        })
    }
}

/// Makes a directory with what a network is founded on.
fn prepare(source: &Source, dir: &Path) {
    fs::create_dir_all(dir).expect("creatable");
    fs::write(dir.join("genesis"), &source.genesis).expect("writable");
}

/// Takes over a house as somebody who has checked manifest and chunks would.
fn arrive(
    source: &Source,
    dir: &Path,
    offer: &Offer,
    header: &Header,
    fetch: Fetch,
) -> Result<(), HouseError> {
    prepare(source, dir);
    let state = source.state(offer);
    let (_, block) = source.certified(offer);
    let options = StoreOptions::default();
    House::arrive(dir, options, (header, block), &state, offer.target.clone(), fetch)
}

#[test]
fn a_house_that_began_with_anothers_state_goes_on_to_the_same_headers() {
    let source = Source::new("whole");
    let offer = source.offer();
    let (header, _) = *source.certified(&offer);
    assert!(offer.manifest.is_of(&header));
    let dir = place("whole-joined");
    arrive(&source, &dir, &offer, &header, source.fetch(None)).expect("it is true");

    let options = StoreOptions::default();
    let mut joined = House::reopen(&dir, options).expect("whole").house;
    assert_eq!(joined.header(), &header);
    let later = source.blocks.iter().filter(|(held, _)| held.height > header.height);
    let mut count = 0;
    for (expected, block) in later {
        assert_eq!(joined.apply(block).expect("it follows").header, *expected);
        count += 1;
        if count == AFTER / 2 {
            drop(joined);
            joined = House::reopen(&dir, options).expect("whole").house;
        }
    }
    assert_eq!(count, AFTER);
    // Its own state is what the other holds, so it can be asked in turn.
    let other = source.house.lock().expect("whole");
    let bytes = |house: &House| house.machine().snapshot().expect("within limits");
    assert_eq!(bytes(&joined), bytes(&other));
    assert_eq!(joined.handout().offer().expect("readable"), Some(offer.clone()));
    drop(joined);
    drop(other);
    let again = arrive(&source, &dir, &offer, &header, source.fetch(None));
    assert!(again.is_err_and(|error| error.to_string().contains("holds blocks already")));
    fs::remove_dir_all(dir).expect("it was made above");
}

#[test]
fn whoever_asks_for_two_snapshots_in_turn_has_each_read_once_and_keeps_no_block_waiting() {
    let source = Source::with_snapshots("turns", 2);
    let handout = source.house.lock().expect("whole").handout().clone();
    // Blocks are applied under this lock: nothing that is handed out may need it.
    let mut busy = source.house.lock().expect("whole");
    let newest = handout.offer().expect("readable").expect("one is due");
    let heights = [SNAPSHOT_BLOCKS, 2 * SNAPSHOT_BLOCKS];
    assert_eq!(newest.manifest.height.blocks(), i128::from(heights[1]));
    for _ in 0..50 {
        for height in heights {
            let first = handout.chunk(height, 0).expect("offered");
            assert!(!first.is_empty());
        }
        assert_eq!(handout.offer().expect("readable"), Some(newest.clone()));
    }
    assert_eq!(handout.reads(), 2);
    let chunks = newest.manifest.chunks.len();
    for index in 0..chunks {
        let chunk = handout.chunk(heights[1], index).expect("offered");
        assert!(newest.manifest.holds(index, &chunk), "chunk {index}");
    }
    for behind in [chunks, usize::MAX] {
        assert_eq!(handout.chunk(heights[1], behind).expect("offered"), Vec::<u8>::new());
    }
    // One that a header does not name is not offered, nor one that is not there: neither is read.
    busy.snapshot().expect("there is room");
    let last = u64::try_from(busy.header().height.blocks()).expect("positive");
    for other in [last, 300, u64::MAX] {
        let refused = handout.chunk(other, 0).expect_err("not offered");
        assert!(matches!(refused, HouseError::NotOffered(height) if height == other));
    }
    assert_eq!(handout.reads(), 2);
    // Nor is anything left on disk.
    let names = fs::read_dir(source.dir.join("snapshots")).expect("readable");
    let names = names.map(|entry| entry.expect("readable").file_name());
    assert!(names.into_iter().all(|name| name.to_string_lossy().starts_with("snapshot-")));
}

#[test]
fn no_byte_of_a_chunk_can_change_unseen() {
    let source = Source::new("chunks");
    let offer = source.offer();
    let state = source.state(&offer);
    let whole: Vec<&[u8]> = state.chunks(CHUNK_BYTES).collect();
    assert!(whole.iter().enumerate().all(|(index, chunk)| offer.manifest.holds(index, chunk)));
    let last = whole.last().expect("not empty");
    for at in (0..last.len()).step_by(97) {
        let mut changed = last.to_vec();
        changed[at] ^= 0x10;
        assert!(!offer.manifest.holds(whole.len() - 1, &changed), "byte {at}");
    }
    assert!(!offer.manifest.holds(whole.len() - 1, &last[1..]));
    assert!(!offer.manifest.holds(whole.len(), last));
}

#[test]
fn a_peer_that_lies_about_the_authenticated_state_is_found_out_and_leaves_no_house() {
    let source = Source::new("liar");
    let offer = source.offer();
    let (header, _) = *source.certified(&offer);
    let refused = |name: &str, offer: &Offer, header: &Header, fetch: Fetch| {
        let dir = place(name);
        let error = arrive(&source, &dir, offer, header, fetch).expect_err(name);
        // What is left is no house: it can be joined again, and founds itself if it is not.
        let blocks = store::BlockReader::open(&dir.join("blocks"), None).expect("readable");
        assert_eq!(blocks.count(), 0);
        fs::remove_dir_all(dir).expect("it was made above");
        error.to_string()
    };
    let dir = place("liar-honest");
    arrive(&source, &dir, &offer, &header, source.fetch(None)).expect("it is true");
    fs::remove_dir_all(dir).expect("it was made above");
    let answers = source.answers.load(Ordering::Relaxed);
    assert!(answers > 0, "the tree is asked for");
    for from in 0..answers {
        let said = refused(
            &format!("liar-tree-{from}-of-{answers}"),
            &offer,
            &header,
            source.fetch(Some(from)),
        );
        assert!(said.contains("cannot be used"), "{said}");
    }
    // Another root than the certified one, at any byte of what is offered.
    let encoded = offer.target.encode();
    let boundary = offer.target.boundary;
    for at in 0..encoded.len() {
        let mut changed = encoded.clone();
        changed[at] ^= 1;
        let Some(target) = store::TreeTarget::decode(&changed) else { continue };
        let offer = Offer { target, ..offer.clone() };
        if offer.target.boundary != boundary {
            // Where the log is cut is no lie if nothing is missing that the root commits to.
            let dir = place("liar-cut");
            if arrive(&source, &dir, &offer, &header, source.fetch(None)).is_ok() {
                let mut joined = House::reopen(&dir, StoreOptions::default()).expect("whole").house;
                source.goes_on(&mut joined);
            }
            fs::remove_dir_all(dir).expect("it was made above");
            continue;
        }
        // Sizes are not part of the witness: what is fetched for them does not hold.
        let said = refused(&format!("liar-target-{at}"), &offer, &header, source.fetch(None));
        assert!(said.contains("cannot be used"), "byte {at}: {said}");
    }
    let elsewhere = Header { state_root: header.parent, ..header };
    let said = refused("liar-root", &offer, &elsewhere, source.fetch(None));
    assert!(said.contains("does not lead to the certified root"), "{said}");
    let silent: Fetch = Box::new(|_| Err("gone".into()));
    assert!(refused("liar-gone", &offer, &header, silent).contains("gone"));
}
