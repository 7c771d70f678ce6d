//! Writes the proof of a record, for somebody who has nothing but a state root.
//!
//! **Invariant:** nothing below the directory is written and no lock is taken: the house may be running, or on a disk that
//! cannot be written.

use crate::archive::{Archive, Tree};
use crate::cli::ProveArgs;
use anyhow::{Context, Result};
use client::refuse_other_files;
use house::HouseError;
use machine::{Machine, StateKey};
use protocol::{Block, Hash, Header, codec, limits};
use std::fs;
use std::io::{self, Write};
use store::Proof;

/// Proves the record from a copy of the house's state, and writes the file.
pub(crate) fn run(args: &ProveArgs, out: &mut dyn Write) -> Result<()> {
    refuse_other_files(&args.proof)?;
    let mut last = Last::of(&Archive::open(&args.dir)?)?;
    let key = records::key(args.kind, &args.names, &records::underlyings(last.machine.state()))?;
    let proof = last.prove(&key)?;
    let bytes = proof.encode();
    if let Err(error) = fs::write(&args.proof, &bytes) {
        // Half a proof is worth nothing; if it cannot be removed, `verify` refuses it. A device stays.
        if fs::metadata(&args.proof).is_ok_and(|metadata| metadata.is_file()) {
            drop(fs::remove_file(&args.proof));
        }
        return Err(error).with_context(|| format!("cannot write {}", args.proof.display()));
    }
    let (name, file, root) = (records::name(&key), args.proof.display(), last.root);
    writeln!(out, "proved     {name}, after block {}", proof.height())?;
    writeln!(out, "written    {} bytes to {file}", bytes.len())?;
    writeln!(out, "check it   novation verify {file} --root {root}")?;
    Ok(())
}

/// The machine and the authenticated state after the last block of a log.
struct Last {
    machine: Machine,
    tree: Tree,
    root: Hash,
}

impl Last {
    /// Returns what the log leads to: the newest usable snapshot and every block after it again, each root compared.
    fn of(archive: &Archive) -> Result<Self> {
        let (machine, tree) = Self::begin(archive)?;
        let begun = u64::try_from(machine.state().height.blocks())?;
        let root = tree.root();
        let mut last = Self { machine, tree, root };
        for entry in archive.blocks(begun)? {
            let entry = entry?;
            let cannot =
                || format!("block {} of {} is damaged", entry.height, archive.dir().display());
            let header: Header =
                codec::decode(&entry.header, limits::BLOCK_BYTES_MAX).with_context(cannot)?;
            if entry.height > begun {
                let block: Block =
                    codec::decode(&entry.block, limits::BLOCK_BYTES_MAX).with_context(cannot)?;
                let outcome = last.machine.apply(&block).map_err(HouseError::Block)?;
                last.root = last.tree.commit(entry.height, outcome.writes)?;
            }
            if last.root != header.state_root {
                let (height, ours, logged) = (entry.height, last.root, header.state_root);
                let dir = archive.dir().to_path_buf();
                return Err(HouseError::RootDiffers { height, ours, logged, dir }.into());
            }
        }
        Ok(last)
    }

    fn begin(archive: &Archive) -> Result<(Machine, Tree)> {
        let snapshots = archive.snapshots()?;
        for height in snapshots.heights()?.into_iter().rev() {
            let begun = snapshots.read(height).map_err(anyhow::Error::msg).and_then(|snapshot| {
                let machine = Machine::restore(&snapshot.state)?;
                Ok((machine, Tree::Copied(archive.state_at(&snapshot.checkpoint)?)))
            });
            match begun {
                Ok(begun) => return Ok(begun),
                // Standard error may be closed; the proof does not depend on it.
                Err(why) => {
                    drop(writeln!(io::stderr(), "note: snapshot {height} was passed over: {why:#}"))
                }
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

    fn prove(&mut self, key: &StateKey) -> Result<Proof> {
        let record = self.machine.record(key)?;
        Ok(self.tree.prove(&codec::encode(key)?, record.as_deref())?)
    }
}
