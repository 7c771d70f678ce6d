//! One clearing house in one directory: the machine, its authenticated state and its block log, taken block by block.
//!
//! **Invariant:** the machine, the state root and the last entry of the log are always of the same height; a restart,
//! from whatever the disk holds, reaches the roots in the log or says at which height it does not.
//!
//! **Left out:** where blocks come from. The demo makes them itself; a validator takes them from consensus.

mod error;
mod header;

pub use error::HouseError;
pub use header::seal;

use machine::{Genesis, Machine, Outcome, StateKey, Write};
use protocol::{Block, Hash, Header, codec, limits};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use store::{BlockReader, Proof, Skipped, StateRoot, Store, StoreError, StoreOptions};

/// Longest genesis file that is read.
const GENESIS_BYTES_MAX: usize = 16 << 20;

/// A clearing house whose state is on disk.
#[derive(Debug)]
pub struct House {
    dir: PathBuf,
    genesis: Hash,
    machine: Machine,
    store: Store,
    last: Header,
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
        fs::create_dir_all(dir).map_err(|source| unwritable(dir, source))?;
        let bytes = codec::encode(genesis)?;
        write_durably(&file, &bytes).map_err(|source| unwritable(&file, source))?;
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
        };
        store.append(0, &codec::encode(&last)?, &[])?;
        Ok(Self { dir: dir.to_path_buf(), genesis: hash, machine, store, last })
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
                let (machine, writes) = Machine::found(&genesis)?;
                commit(&mut store, 0, writes)?;
                machine
            }
        };
        let mut last = logged_header(dir, &hash, height_of(machine.state().height.blocks())?)?;
        for entry in store.replay()? {
            let entry = entry?;
            let header: Header = codec::decode(&entry.header, limits::BLOCK_BYTES_MAX)?;
            let block: Block = codec::decode(&entry.block, limits::BLOCK_BYTES_MAX)?;
            let outcome = machine.apply(&block)?;
            let root = commit(&mut store, entry.height, outcome.writes.clone())?;
            let expected = seal(&block, &outcome, last.hash()?, root)?;
            if expected != header {
                return Err(HouseError::RootDiffers {
                    height: entry.height,
                    ours: expected.state_root,
                    logged: header.state_root,
                    dir: dir.to_path_buf(),
                });
            }
            last = header;
        }
        let house = Self { dir: dir.to_path_buf(), genesis: hash, machine, store, last };
        Ok(Reopened { house, skipped: resume.skipped })
    }

    /// Applies a block, commits the state and appends the block to the log.
    ///
    /// # Errors
    ///
    /// [`HouseError::Block`] if the block does not follow, and nothing has changed; after any other error the house
    /// must be opened again.
    pub fn apply(&mut self, block: &Block) -> Result<Applied, HouseError> {
        let body = codec::encode(block)?;
        let outcome = self.machine.apply(block)?;
        let height = height_of(block.height.blocks())?;
        let root = commit(&mut self.store, height, outcome.writes.clone())?;
        let header = seal(block, &outcome, self.last.hash()?, root)?;
        self.store.append(height, &codec::encode(&header)?, &body)?;
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

    /// Returns the headers from a height to the last, ascending.
    ///
    /// # Errors
    ///
    /// What of the log cannot be read.
    pub fn headers(&self, from: u64) -> Result<Vec<Header>, HouseError> {
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
/// [`HouseError::NotAHouse`] or [`HouseError::GenesisDamaged`].
pub fn read_genesis(dir: &Path) -> Result<(Genesis, Hash), HouseError> {
    let path = dir.join("genesis");
    let bytes = fs::read(&path)
        .map_err(|source| HouseError::NotAHouse { dir: dir.to_path_buf(), source })?;
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

/// Writes a file that is either absent or whole.
fn write_durably(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let staged = path.with_extension("new");
    let mut file = fs::File::create(&staged)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&staged, path)
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
