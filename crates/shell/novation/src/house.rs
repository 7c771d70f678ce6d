//! One clearing house in one process: the machine, its authenticated state and its block log in one directory.

use anyhow::{Context, Result, bail};
use machine::{Genesis, Machine, Outcome, StateKey};
use protocol::{Block, Hash, Header, codec, limits};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use store::{Proof, Skipped, StateRoot, Store, StoreOptions};

/// Longest genesis file that is read.
const GENESIS_BYTES_MAX: usize = 16 << 20;

/// A clearing house whose state is on disk.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) machine: Machine,
    store: Store,
    parent: Hash,
}

/// A house as it comes back from disk.
#[derive(Debug)]
pub(crate) struct Reopened {
    pub(crate) house: House,
    /// Snapshots that could not be used.
    pub(crate) skipped: Vec<Skipped>,
}

impl House {
    /// Founds a house in a directory that does not hold one.
    pub(crate) fn found(dir: &Path, genesis: &Genesis, options: StoreOptions) -> Result<Self> {
        let file = dir.join("genesis");
        if file.exists() {
            bail!("{} holds a house already: choose another --out, or remove it", dir.display());
        }
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let bytes = codec::encode(genesis)?;
        let hash = Hash::of("genesis", &bytes);
        let (machine, writes) = Machine::found(genesis)?;
        let (mut store, _) = Store::open(dir, hash.bytes(), options)?;
        let root = commit(&mut store, 0, writes)?;
        let header = Header {
            height: machine.state().height,
            time: machine.state().time,
            parent: Hash::default(),
            body: hash,
            receipts: Hash::default(),
            state_root: Hash::new(root.bytes()),
        };
        write_durably(&file, &bytes)?;
        store.append(0, &codec::encode(&header)?, &[])?;
        Ok(Self { machine, store, parent: hash_of(&header)? })
    }

    /// Comes back from disk: the newest usable snapshot, then every block after it again, each root compared.
    pub(crate) fn reopen(dir: &Path, options: StoreOptions) -> Result<Reopened> {
        let (genesis, hash) = read_genesis(dir)?;
        let (mut store, resume) = Store::open(dir, hash.bytes(), options)?;
        let mut machine = match resume.snapshot {
            Some(snapshot) => Machine::restore(&snapshot.state).with_context(|| {
                format!("the snapshot at height {} is of no use", snapshot.checkpoint.height)
            })?,
            None => {
                let (machine, writes) = Machine::found(&genesis)?;
                commit(&mut store, 0, writes)?;
                machine
            }
        };
        let mut parent = last_header(dir, &hash, machine.state().height.blocks())?;
        let reader = store.replay()?;
        for entry in reader {
            let entry = entry?;
            let header: Header = codec::decode(&entry.header, limits::BLOCK_BYTES_MAX)?;
            let block: Block = codec::decode(&entry.block, limits::BLOCK_BYTES_MAX)?;
            let outcome = machine.apply(&block)?;
            let expected = seal(
                &block,
                &outcome,
                parent,
                commit(&mut store, entry.height, outcome.writes.clone())?,
            )?;
            if expected != header {
                bail!(
                    "block {} leads to state root {} here but its header says {}: the log is not of this program, \
                     or the disk is corrupt; run `novation audit {}`",
                    entry.height,
                    expected.state_root,
                    header.state_root,
                    dir.display(),
                );
            }
            parent = hash_of(&header)?;
        }
        Ok(Reopened { house: Self { machine, store, parent }, skipped: resume.skipped })
    }

    /// Applies a block, commits the state and appends the block to the log.
    pub(crate) fn apply(&mut self, block: &Block) -> Result<Outcome> {
        let body = codec::encode(block)?;
        let outcome = self.machine.apply(block)?;
        let height = u64::try_from(block.height.blocks())?;
        let root = commit(&mut self.store, height, outcome.writes.clone())?;
        let header = seal(block, &outcome, self.parent, root)?;
        self.store.append(height, &codec::encode(&header)?, &body)?;
        self.parent = hash_of(&header)?;
        Ok(outcome)
    }

    /// Writes a snapshot after the last block.
    pub(crate) fn snapshot(&mut self) -> Result<()> {
        let bytes = self.machine.snapshot()?;
        self.store.snapshot(|out| out.write_all(&bytes))?;
        Ok(())
    }

    /// Forces everything to disk.
    pub(crate) fn sync(&mut self) -> Result<()> {
        Ok(self.store.log().sync()?)
    }

    /// Returns the root after the last block.
    pub(crate) fn root(&self) -> Hash {
        Hash::new(self.store.root().bytes())
    }

    /// Proves what a key holds after the last block.
    pub(crate) fn prove(&mut self, key: &StateKey) -> Result<Proof> {
        let record = self.machine.record(key)?;
        Ok(self.store.prove(&codec::encode(key)?, record.as_deref())?)
    }
}

/// Returns the genesis of a directory and its hash.
pub(crate) fn read_genesis(dir: &Path) -> Result<(Genesis, Hash)> {
    let file = dir.join("genesis");
    let bytes = fs::read(&file).with_context(|| {
        format!("{} is not a house: it has no readable file 'genesis'; `novation demo --out {}` makes one", dir.display(), dir.display())
    })?;
    let genesis = codec::decode(&bytes, GENESIS_BYTES_MAX)
        .with_context(|| format!("{} is damaged: restore it from a copy", file.display()))?;
    Ok((genesis, Hash::of("genesis", &bytes)))
}

/// Commits the records of a block and returns the state root.
pub(crate) fn commit(
    store: &mut Store,
    height: u64,
    writes: Vec<machine::Write>,
) -> Result<StateRoot> {
    let writes: Vec<_> = writes.into_iter().map(|write| (write.key, write.record)).collect();
    Ok(store.commit(height, &writes)?)
}

/// Returns the header of a block with its outcome and root.
pub(crate) fn seal(
    block: &Block,
    outcome: &Outcome,
    parent: Hash,
    root: StateRoot,
) -> Result<Header> {
    let receipts = codec::encode(&(&outcome.receipts, &outcome.events))?;
    Ok(Header {
        height: block.height,
        time: block.time,
        parent,
        body: Hash::of("body", &codec::encode(&(&block.votes, &block.transactions))?),
        receipts: Hash::of("receipts", &receipts),
        state_root: Hash::new(root.bytes()),
    })
}

/// Returns the hash by which a child names its parent.
pub(crate) fn hash_of(header: &Header) -> Result<Hash> {
    Ok(Hash::of("header", &codec::encode(header)?))
}

/// Returns the hash of the header at a height of the log.
fn last_header(dir: &Path, genesis: &Hash, height: i128) -> Result<Hash> {
    let height = u64::try_from(height)?;
    let mut reader =
        store::BlockReader::open_from(&dir.join("blocks"), Some(genesis.bytes()), height)?;
    let entry = reader.next().context("the block log ends before the snapshot")??;
    hash_of(&codec::decode(&entry.header, limits::BLOCK_BYTES_MAX)?)
}

/// Writes a file that is either absent or whole.
fn write_durably(path: &Path, bytes: &[u8]) -> Result<()> {
    let staged = path.with_extension("new");
    let mut file =
        fs::File::create(&staged).with_context(|| format!("cannot write {}", staged.display()))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write {}", staged.display()))?;
    fs::rename(&staged, path).with_context(|| format!("cannot write {}", path.display()))
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
