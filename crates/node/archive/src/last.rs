//! The end of a log: the machine and the authenticated state after its last block.

use crate::{Archive, ArchiveError, Tree};
use house::HouseError;
use machine::{Machine, StateKey};
use protocol::{Block, Hash, Header, codec, limits};
use std::error::Error;
use store::Proof;

/// The machine and the authenticated state after the last block of a log.
#[derive(Debug)]
pub struct Last {
    machine: Machine,
    tree: Tree,
    root: Hash,
}

impl Last {
    /// Returns what a log leads to: the newest usable snapshot and every block after it again, each root compared. Says of
    /// each snapshot that is passed over why.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`] if the log is damaged or pruned, or leads to another root than it says.
    pub fn of(archive: &Archive, passed_over: impl FnMut(u64, &str)) -> Result<Self, ArchiveError> {
        let (machine, tree) = begin(archive, passed_over)?;
        let begun = u64::try_from(machine.state().height.blocks())?;
        let root = tree.root();
        let mut last = Self { machine, tree, root };
        for entry in archive.blocks(begun)? {
            let entry = entry?;
            let (height, dir) = (entry.height, || archive.dir().to_path_buf());
            let damaged = |source| ArchiveError::Damaged { height, dir: dir(), source };
            let header: Header =
                codec::decode(&entry.header, limits::BLOCK_BYTES_MAX).map_err(damaged)?;
            if height > begun {
                let block: Block =
                    codec::decode(&entry.block, limits::BLOCK_BYTES_MAX).map_err(damaged)?;
                let outcome = last.machine.apply(&block).map_err(HouseError::Block)?;
                last.root = last.tree.commit(height, outcome.writes)?;
            }
            if last.root != header.state_root {
                let (ours, logged) = (last.root, header.state_root);
                return Err(HouseError::RootDiffers { height, ours, logged, dir: dir() }.into());
            }
        }
        Ok(last)
    }

    /// Returns the machine.
    #[must_use]
    pub const fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Returns the state root.
    #[must_use]
    pub const fn root(&self) -> Hash {
        self.root
    }

    /// Proves what a key holds, or that it holds nothing.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`] if the machine has a fault there.
    pub fn prove(&mut self, key: &StateKey) -> Result<Proof, ArchiveError> {
        let record = self.machine.record(key)?;
        Ok(self.tree.prove(&codec::encode(key)?, record.as_deref())?)
    }
}

fn begin(
    archive: &Archive,
    mut passed_over: impl FnMut(u64, &str),
) -> Result<(Machine, Tree), ArchiveError> {
    let snapshots = archive.snapshots()?;
    for height in snapshots.heights()?.into_iter().rev() {
        let begun = snapshots.read(height).map_err(|error| error.to_string());
        let begun = begun.and_then(|snapshot| {
            let machine = Machine::restore(&snapshot.state).map_err(|error| with_causes(&error))?;
            let tree = archive.state_at(&snapshot.checkpoint);
            Ok((machine, tree.map_err(|error| with_causes(&error))?))
        });
        match begun {
            Ok(begun) => return Ok(begun),
            Err(why) => passed_over(height, &why),
        }
    }
    if let Some(first) = archive.first_height()?.filter(|first| *first > 0) {
        return Err(HouseError::Pruned { dir: archive.dir().to_path_buf(), first }.into());
    }
    let (machine, writes) = Machine::found(&archive.genesis)?;
    let mut tree = Tree::temporary()?;
    tree.commit(0, writes)?;
    Ok((machine, tree))
}

/// Returns an error and its causes in one line.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
