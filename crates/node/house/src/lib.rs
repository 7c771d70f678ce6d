//! One clearing house in one directory: the machine, its authenticated state and its block log, taken block by block. It is
//! what the executor of a validator drives.
//!
//! **Invariant:** the machine, the state root and the last entry of the log are always of the same height; a restart,
//! from whatever the disk holds, reaches the roots in the log or says at which height it does not.
//!
//! **Left out:** where blocks come from. The demo makes them itself; a validator takes them from consensus.

mod contain;
mod error;
mod handout;
mod header;
mod recent;
mod state_sync;

pub use error::HouseError;
pub use handout::Handout;
pub use header::seal;
pub use state_sync::{
    CHUNK_BYTES, MANIFEST_BYTES_MAX, Manifest, Offer, SNAPSHOT_BLOCKS, is_due, snapshot_hash,
};

use book::{Extract, OrderBook as _};
use contain::{Apply, contained};
use machine::{Genesis, Machine, Outcome, StateKey, Write};
use protocol::{
    AccountId, Block, EventExtract, Hash, Header, InstrumentId, OrderId, OutcomeHashes,
    ReceiptExtract, codec, limits,
};
use recent::Recent;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use store::{
    Arrived, BlockReader, Fetch, Proof, Skipped, StateRoot, Store, StoreError, StoreOptions,
};

/// Longest genesis file that is read.
const GENESIS_BYTES_MAX: usize = 16 << 20;
/// Most positions of an account whose Greeks are proved at once: it takes some 40 ms.
pub(crate) const PROVED_POSITIONS_MAX: usize = 512;

/// A clearing house whose state is on disk.
#[derive(Debug)]
pub struct House {
    dir: PathBuf,
    genesis: Hash,
    machine: Machine,
    store: Store,
    last: Header,
    recent: Recent,
    handout: Handout,
    /// What the machine said when it panicked: it is not asked again.
    panicked: Option<String>,
}

/// A house as it comes back from disk.
#[derive(Debug)]
pub struct Reopened {
    /// The house.
    pub house: House,
    /// Snapshots that could not be used.
    pub skipped: Vec<Skipped>,
}

/// A block that has been applied and is in the log.
#[derive(Debug)]
pub struct Applied {
    /// What came out of it.
    pub outcome: Outcome,
    /// What commits to it.
    pub header: Header,
}

impl House {
    /// Founds a house in a directory that does not hold one.
    ///
    /// # Errors
    ///
    /// [`HouseError::Occupied`] if it does; otherwise what the disk or the genesis refused.
    pub fn found(dir: &Path, genesis: &Genesis, options: StoreOptions) -> Result<Self, HouseError> {
        let file = dir.join("genesis");
        if file.exists() {
            return Err(HouseError::Occupied(dir.to_path_buf()));
        }
        durable::create_directory(dir).map_err(|source| unwritable(dir, source))?;
        let bytes = codec::encode(genesis)?;
        durable::put(&file, &bytes).map_err(|source| unwritable(&file, source))?;
        let hash = Hash::of("genesis", &bytes);
        let (store, _) = Store::open(dir, hash.bytes(), options)?;
        Self::begin(dir, genesis, hash, store)
    }

    /// Writes the founding entry of an empty log.
    fn begin(
        dir: &Path,
        genesis: &Genesis,
        hash: Hash,
        mut store: Store,
    ) -> Result<Self, HouseError> {
        let (machine, writes) = Machine::found(genesis)?;
        let root = commit(&mut store, 0, writes)?;
        let last = Header {
            height: machine.state().height,
            time: machine.state().time,
            parent: Hash::default(),
            body: hash,
            receipts: Hash::default(),
            state_root: Hash::new(root.bytes()),
            snapshot: Hash::default(),
        };
        store.append(0, &codec::encode(&last)?, &[])?;
        let (dir, recent) = (dir.to_path_buf(), Recent::default());
        let handout = Handout::new(store.snapshots().clone());
        let panicked = None;
        Ok(Self { dir, genesis: hash, machine, store, last, recent, handout, panicked })
    }

    /// Comes back from disk: the newest usable snapshot, then every block after it again, each root compared. A
    /// directory with a genesis and no block yet is founded.
    ///
    /// # Errors
    ///
    /// [`HouseError::RootDiffers`] if a block of the log leads elsewhere; otherwise what cannot be read.
    pub fn reopen(dir: &Path, options: StoreOptions) -> Result<Reopened, HouseError> {
        let (genesis, hash) = read_genesis(dir)?;
        let (mut store, resume) = Store::open(dir, hash.bytes(), options)?;
        if store.log().last_height().is_none() {
            let house = Self::begin(dir, &genesis, hash, store)?;
            return Ok(Reopened { house, skipped: resume.skipped });
        }
        let mut machine = match resume.snapshot {
            Some(snapshot) => Machine::restore(&snapshot.state).map_err(|source| {
                HouseError::Snapshot { height: snapshot.checkpoint.height, source }
            })?,
            None => {
                if let Some(first) = store.first_height().filter(|first| *first > 0) {
                    return Err(HouseError::Pruned { dir: dir.to_path_buf(), first });
                }
                let (machine, writes) = Machine::found(&genesis)?;
                commit(&mut store, 0, writes)?;
                machine
            }
        };
        let mut last = logged_header(dir, &hash, height_of(machine.state().height.blocks())?)?;
        let mut recent = Recent::default();
        for entry in store.replay()? {
            let entry = entry?;
            let header: Header = codec::decode(&entry.header, limits::BLOCK_BYTES_MAX)?;
            let block: Block = codec::decode(&entry.block, limits::BLOCK_BYTES_MAX)?;
            let outcome = contained(&mut machine, &block, Machine::apply)?;
            let root = commit(&mut store, entry.height, outcome.writes.clone())?;
            let hashes = OutcomeHashes::of(&outcome.receipts, &outcome.events)?;
            let expected = seal(&block, &hashes, last.hash()?, root, snapshot_hash(&machine)?)?;
            if expected != header {
                return Err(HouseError::RootDiffers {
                    height: entry.height,
                    ours: expected.state_root,
                    logged: header.state_root,
                    dir: dir.to_path_buf(),
                });
            }
            recent.push(entry.height, hashes, outcome.events, outcome.receipts);
            last = header;
        }
        let handout = Handout::new(store.snapshots().clone());
        let dir = dir.to_path_buf();
        let panicked = None;
        let house = Self { dir, genesis: hash, machine, store, last, recent, handout, panicked };
        Ok(Reopened { house, skipped: resume.skipped })
    }

    /// Makes a directory that holds no blocks the house of somebody else, as of a block whose header is certified. The
    /// state must be the one that the header's `snapshot` names: [`Manifest::is_of`] and [`Manifest::holds`] say so.
    ///
    /// # Errors
    ///
    /// [`HouseError::Snapshot`] if the bytes are no state of that height; [`StoreError::Occupied`] if there is a house
    /// already; otherwise what the peer or the disk refused.
    pub fn arrive(
        dir: &Path,
        options: StoreOptions,
        (header, block): (&Header, &Block),
        state: &[u8],
        target: store::TreeTarget,
        fetch: Fetch,
    ) -> Result<(), HouseError> {
        let (_, genesis) = read_genesis(dir)?;
        let height = height_of(header.height.blocks())?;
        let machine =
            Machine::restore(state).map_err(|source| HouseError::Snapshot { height, source })?;
        if machine.state().height != header.height || machine.state().time != header.time {
            return Err(HouseError::NotOffered(height));
        }
        let arrived = Arrived {
            height,
            root: StateRoot::from_bytes(*header.state_root.bytes()),
            target,
            header: &codec::encode(header)?,
            block: &codec::encode(block)?,
            state,
        };
        Ok(Store::arrive(dir, genesis.bytes(), options, arrived, fetch)?)
    }

    /// Returns what is handed out to somebody who has no house. It needs this one no longer.
    #[must_use]
    pub fn handout(&self) -> &Handout {
        &self.handout
    }

    /// Answers whoever fetches the authenticated state of an offer.
    ///
    /// # Errors
    ///
    /// What the store refuses.
    pub fn serve_tree(&self, request: &[u8]) -> Result<Vec<u8>, HouseError> {
        Ok(self.store.serve(request)?)
    }

    /// Applies a block, commits the state and appends the block to the log.
    ///
    /// # Errors
    ///
    /// [`HouseError::Block`] if the block does not follow, and nothing has changed; after any other error the house
    /// must be opened again.
    pub fn apply(&mut self, block: &Block) -> Result<Applied, HouseError> {
        self.apply_by(block, Machine::apply)
    }

    fn apply_by(&mut self, block: &Block, apply: Apply) -> Result<Applied, HouseError> {
        if let Some(said) = self.panicked.clone() {
            return Err(HouseError::Panicked { height: block.height, said });
        }
        let body = codec::encode(block)?;
        let outcome = contained(&mut self.machine, block, apply).inspect_err(|error| {
            if let HouseError::Panicked { said, .. } = error {
                self.panicked = Some(said.clone());
            }
        })?;
        let height = height_of(block.height.blocks())?;
        let root = commit(&mut self.store, height, outcome.writes.clone())?;
        let snapshot = snapshot_hash(&self.machine)?;
        let hashes = OutcomeHashes::of(&outcome.receipts, &outcome.events)?;
        let header = seal(block, &hashes, self.last.hash()?, root, snapshot)?;
        self.store.append(height, &codec::encode(&header)?, &body)?;
        let (events, receipts) = (outcome.events.clone(), outcome.receipts.clone());
        self.recent.push(height, hashes, events, receipts);
        self.last = header;
        Ok(Applied { outcome, header })
    }

    /// Writes a snapshot after the last block.
    ///
    /// # Errors
    ///
    /// What the disk refused; the house goes on without the snapshot.
    pub fn snapshot(&mut self) -> Result<(), HouseError> {
        let bytes = self.machine.snapshot()?;
        self.store.snapshot(|out| out.write_all(&bytes))?;
        // Nobody fetches it once the file is gone, and it may be large.
        let heights = self.store.snapshots().heights().map_err(StoreError::from)?;
        self.handout.retain(&heights);
        Ok(())
    }

    /// Forces everything to disk.
    ///
    /// # Errors
    ///
    /// What the disk refused.
    pub fn sync(&mut self) -> Result<(), HouseError> {
        Ok(self.store.log().sync().map_err(StoreError::from)?)
    }

    /// Returns the machine after the last block.
    #[must_use]
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Returns the header of the last block.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.last
    }

    /// Returns the hash of the genesis.
    #[must_use]
    pub fn genesis(&self) -> Hash {
        self.genesis
    }

    /// Returns the bytes of the genesis.
    ///
    /// # Errors
    ///
    /// [`HouseError::NotAHouse`] if they cannot be read.
    pub fn genesis_bytes(&self) -> Result<Vec<u8>, HouseError> {
        let read = fs::read(self.dir.join("genesis"));
        read.map_err(|source| HouseError::NotAHouse { dir: self.dir.clone(), source })
    }

    /// Returns the root after the last block.
    #[must_use]
    pub fn root(&self) -> Hash {
        Hash::new(self.store.root().bytes())
    }

    /// Proves what a key holds after the last block.
    ///
    /// # Errors
    ///
    /// A fault of the machine or of the store.
    pub fn prove(&mut self, key: &StateKey) -> Result<Proof, HouseError> {
        let record = self.machine.record(key)?;
        Ok(self.store.prove(&codec::encode(key)?, record.as_deref())?)
    }

    /// Proves what a market holds after the last block, and returns the part of its book that shows an order, or that the
    /// order is not there; no part if there is no market.
    ///
    /// # Errors
    ///
    /// [`HouseError::BookTooLarge`] if too much would have to be shown; otherwise a fault of the machine or of the store.
    pub fn prove_order(
        &mut self,
        market: InstrumentId,
        order: OrderId,
    ) -> Result<(Proof, Option<Extract>), HouseError> {
        let proof = self.prove(&StateKey::Market(market))?;
        let Some(held) = self.machine.state().markets.get(&market) else {
            return Ok((proof, None));
        };
        let part = held.book.extract(order).ok_or(HouseError::BookTooLarge(market))?;
        Ok((proof, Some(part)))
    }

    /// Proves what an account holds after the last block, and what the markets of its positions do, in the same order:
    /// the Greeks of the account.
    ///
    /// # Errors
    ///
    /// [`HouseError::TooManyPositions`] if too much would have to be shown; otherwise a fault of the machine or of the
    /// store.
    pub fn prove_greeks(&mut self, account: AccountId) -> Result<(Proof, Vec<Proof>), HouseError> {
        let accounts = &self.machine.state().accounts;
        let held = accounts.index(account).and_then(|index| accounts.get(index));
        let markets: Vec<InstrumentId> = held.map_or(Vec::new(), |held| {
            held.positions().iter().map(|(market, _)| *market).collect()
        });
        if markets.len() > PROVED_POSITIONS_MAX {
            return Err(HouseError::TooManyPositions(markets.len()));
        }
        let whole = self.prove(&StateKey::Account(account))?;
        let markets = markets.into_iter().map(|market| self.prove(&StateKey::Market(market)));
        Ok((whole, markets.collect::<Result<_, _>>()?))
    }

    /// Returns the events of a block that name an order, or all if none does.
    ///
    /// # Errors
    ///
    /// [`HouseError::EventsGone`] if the block is not among the newest, or not executed since the last snapshot before
    /// a restart.
    pub fn happened(&self, height: u64, order: OrderId) -> Result<EventExtract, HouseError> {
        self.recent.extract(height, order)
    }

    /// Returns the receipts of some commands of a block, by the place of the first, with what shows that they are theirs.
    ///
    /// # Errors
    ///
    /// [`HouseError::EventsGone`] if the block is not among the newest, or not executed since the last snapshot before
    /// a restart.
    pub fn receipts(
        &self,
        height: u64,
        first: u32,
        count: u16,
    ) -> Result<ReceiptExtract, HouseError> {
        self.recent.receipts(height, first, count)
    }

    /// Keeps what happened and was answered in no more than so many of the newest blocks.
    pub fn keep_receipts(&mut self, blocks: usize) {
        self.recent.keep(blocks);
    }

    /// Returns the headers from a height to the last, ascending; from the first of the log if it has been pruned.
    ///
    /// # Errors
    ///
    /// What of the log cannot be read.
    pub fn headers(&self, from: u64) -> Result<Vec<Header>, HouseError> {
        let from = from.max(self.store.first_height().unwrap_or(0));
        let reader =
            BlockReader::open_from(&self.dir.join("blocks"), Some(self.genesis.bytes()), from)?;
        reader.map(|entry| Ok(codec::decode(&entry?.header, limits::BLOCK_BYTES_MAX)?)).collect()
    }

    /// Returns blocks of the log and their headers from a height on, at most `count` of them, and no more once they
    /// have `bytes` bytes together.
    ///
    /// # Errors
    ///
    /// What of the log cannot be read.
    pub fn blocks(
        &self,
        from: u64,
        count: usize,
        bytes: usize,
    ) -> Result<Vec<(Header, Block)>, HouseError> {
        // The founding entry has no block.
        let from = from.max(1);
        let reader =
            BlockReader::open_from(&self.dir.join("blocks"), Some(self.genesis.bytes()), from)?;
        let (mut blocks, mut read) = (Vec::new(), 0usize);
        for entry in reader.take(count) {
            let entry = entry?;
            let header = codec::decode(&entry.header, limits::BLOCK_BYTES_MAX)?;
            blocks.push((header, codec::decode(&entry.block, limits::BLOCK_BYTES_MAX)?));
            read = read.saturating_add(entry.block.len());
            if read >= bytes {
                break;
            }
        }
        Ok(blocks)
    }
}

/// Returns the genesis of a directory and its hash.
///
/// # Errors
///
/// [`HouseError::NotAHouse`], [`HouseError::Unreadable`] or [`HouseError::GenesisDamaged`].
pub fn read_genesis(dir: &Path) -> Result<(Genesis, Hash), HouseError> {
    let path = dir.join("genesis");
    let bytes = fs::read(&path).map_err(|source| match source.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            HouseError::NotAHouse { dir: dir.to_path_buf(), source }
        }
        // There is one, but not for whoever asks.
        _ => HouseError::Unreadable { path: path.clone(), source },
    })?;
    let genesis = codec::decode(&bytes, GENESIS_BYTES_MAX)
        .map_err(|source| HouseError::GenesisDamaged { path, source })?;
    Ok((genesis, Hash::of("genesis", &bytes)))
}

/// Commits the records of a block and returns the state root.
fn commit(store: &mut Store, height: u64, writes: Vec<Write>) -> Result<StateRoot, HouseError> {
    let writes: Vec<_> = writes.into_iter().map(|write| (write.key, write.record)).collect();
    Ok(store.commit(height, &writes)?)
}

/// Returns the header at a height of the log.
fn logged_header(dir: &Path, genesis: &Hash, height: u64) -> Result<Header, HouseError> {
    let mut reader = BlockReader::open_from(&dir.join("blocks"), Some(genesis.bytes()), height)?;
    let entry = reader.next().ok_or_else(|| HouseError::LogShort(dir.to_path_buf()))??;
    Ok(codec::decode(&entry.header, limits::BLOCK_BYTES_MAX)?)
}

fn height_of(blocks: i128) -> Result<u64, HouseError> {
    u64::try_from(blocks).map_err(|_| HouseError::Height(blocks))
}

fn unwritable(path: &Path, source: std::io::Error) -> HouseError {
    HouseError::Unwritable { path: path.to_path_buf(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::traffic::{Size, Traffic};

    /// Runs blocks into a house, stopped and opened again after each that `stops` names, and returns the last root.
    fn root_of(traffic: &Traffic, name: &str, stops: impl Fn(usize) -> Stop) -> Hash {
        let dir = std::env::temp_dir().join(format!("house-{}-{name}", std::process::id()));
        let options = StoreOptions::default();
        let mut house = House::found(&dir, &traffic.genesis, options).expect("it is new");
        for (number, block) in traffic.opening.iter().chain(&traffic.blocks).enumerate() {
            house.apply(block).expect("the block follows");
            let stop = stops(number);
            if stop == Stop::AfterSnapshot {
                house.snapshot().expect("there is room");
            }
            if stop != Stop::No {
                let before = house.root();
                drop(house);
                let reopened = House::reopen(&dir, options).expect("it comes back");
                assert!(reopened.skipped.is_empty());
                house = reopened.house;
                assert_eq!(house.root(), before);
            }
        }
        let root = house.root();
        drop(house);
        fs::remove_dir_all(dir).expect("it was made above");
        root
    }

    #[test]
    fn a_panic_of_the_machine_ends_the_house_and_not_the_process() {
        // 0025-BLOCK-032
        let traffic = Traffic::generate(Size { accounts: 8, commands: 20, blocks: 4 }, 5);
        let dir = std::env::temp_dir().join(format!("house-{}-panic", std::process::id()));
        let options = StoreOptions::default();
        let mut house = House::found(&dir, &traffic.genesis, options).expect("it is new");
        let mut blocks = traffic.opening.iter().chain(&traffic.blocks);
        house.apply(blocks.next().expect("there is one")).expect("it follows");
        let (before, next) = (house.root(), blocks.next().expect("there are two"));
        let broken: Apply = |_, _| panic!("an index out of bounds");
        let error = house.apply_by(next, broken).expect_err("it panics");
        assert!(matches!(&error, HouseError::Panicked { said, .. } if said.contains("bounds")));
        assert!(error.to_string().contains("goes no further"), "{error}");
        // Nothing is known of the machine now, and nothing has been written.
        let error = house.apply(next).expect_err("it is not asked again");
        assert!(matches!(error, HouseError::Panicked { .. }));
        assert_eq!(house.root(), before);
        drop(house);
        let mut house = House::reopen(&dir, options).expect("it comes back").house;
        assert_eq!(house.root(), before);
        house.apply(next).expect("a program without the fault goes on");
        drop(house);
        fs::remove_dir_all(dir).expect("it was made above");
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Stop {
        No,
        Abrupt,
        AfterSnapshot,
    }

    #[test]
    fn stopping_and_starting_again_anywhere_leads_to_the_same_root() {
        let size = Size { accounts: 40, commands: 200, blocks: 12 };
        let traffic = Traffic::generate(size, 5);
        let root = root_of(&traffic, "straight", |_| Stop::No);
        // Twice in one process, and with every kind of restart.
        assert_eq!(root_of(&traffic, "again", |_| Stop::No), root);
        assert_eq!(
            root_of(&traffic, "abrupt", |number| match number {
                3 | 9 | 15 => Stop::Abrupt,
                6 | 12 => Stop::AfterSnapshot,
                _ => Stop::No,
            }),
            root
        );
        let other = Traffic::generate(size, 6);
        assert_ne!(root_of(&other, "other", |_| Stop::No), root);
    }
}
