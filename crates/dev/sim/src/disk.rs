//! A ledger whose disk is simulated: the machine is the real one, the log is in memory and outlives a crash.
//!
//! The state root is a hash chain over the records that blocks change: equal for equal histories, and nothing else is
//! asked of it here. That the real store comes back from a real disk is for its own tests.

use crate::watch::Watch;
use house::HouseError;
use machine::{CommitteeRecord, Genesis, Machine, StateKey, Write};
use protocol::{Address, Block, Hash, Header, OutcomeHashes, ParameterId, codec};
use replica::{Applied, Executor, ExecutorError, Listed, Standing};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use units::Notional;

/// What a validator's disk holds.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    genesis: Arc<Genesis>,
    log: Arc<Mutex<Vec<(Header, Block)>>>,
    strict: bool,
    /// Whether it takes no more.
    full: Arc<AtomicBool>,
}

impl Disk {
    /// Returns an empty disk. Its ledger lets everybody's submissions in, those of strangers too, as a proposer may that
    /// lies: what the machine refuses is executed like all else.
    pub(crate) fn new(genesis: Arc<Genesis>) -> Self {
        Self { genesis, log: Arc::default(), strict: false, full: Arc::default() }
    }

    /// Returns an empty disk whose ledger says what an owner is to the house.
    pub(crate) fn strict(genesis: Arc<Genesis>) -> Self {
        Self { strict: true, ..Self::new(genesis) }
    }

    /// Forgets the last blocks, as a disk does that was lied to about what is durable.
    pub(crate) fn lose(&self, blocks: usize) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = log.len().saturating_sub(blocks);
        log.truncate(kept);
    }

    /// Takes no more, or takes all again.
    pub(crate) fn fill(&self, full: bool) {
        self.full.store(full, Ordering::Relaxed);
    }

    /// Returns an error if the disk takes no more, as a house gives it.
    fn takes(&self) -> Result<(), HouseError> {
        match self.full.load(Ordering::Relaxed) {
            true => Err(HouseError::Unwritable {
                path: PathBuf::from("blocks"),
                source: io::Error::from(io::ErrorKind::StorageFull),
            }),
            false => Ok(()),
        }
    }

    /// Returns all blocks, with the headers of their outcomes.
    pub(crate) fn log(&self) -> Vec<(Header, Block)> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn height(&self) -> u64 {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).len() as u64
    }

    /// Opens the ledger by replaying the log.
    pub(crate) fn open(&self, index: usize, watch: Watch, wrong_from: Option<u64>) -> SimLedger {
        let (machine, writes) = Machine::found(&self.genesis).expect("the genesis is sound");
        let root = after(Hash::default(), &writes);
        let founding = Header {
            height: machine.state().height,
            time: machine.state().time,
            parent: Hash::default(),
            body: Hash::default(),
            receipts: Hash::default(),
            state_root: root,
            snapshot: Hash::default(),
        };
        let mut ledger = SimLedger {
            machine,
            founding,
            last: founding,
            root,
            disk: self.clone(),
            index,
            watch,
            wrong_from,
        };
        for (header, block) in self.log() {
            let replayed = ledger.execute(&block).expect("it was applied before");
            assert_eq!(replayed.header, header, "a replay of validator {index} leads elsewhere");
        }
        ledger
    }
}

/// The real machine over a simulated disk.
#[derive(Debug)]
pub(crate) struct SimLedger {
    machine: Machine,
    founding: Header,
    last: Header,
    root: Hash,
    disk: Disk,
    index: usize,
    watch: Watch,
    /// From this height on, the machine of this validator computes wrongly.
    wrong_from: Option<u64>,
}

impl SimLedger {
    fn execute(&mut self, block: &Block) -> Result<Applied, ExecutorError> {
        let mut outcome = self.machine.apply(block).map_err(HouseError::from)?;
        if self.wrong_from.is_some_and(|from| block.height.blocks() >= i128::from(from)) {
            spoil(&mut outcome.writes);
        }
        self.root = after(self.root, &outcome.writes);
        let hashes = OutcomeHashes::of(&outcome.receipts, &outcome.events)?;
        self.last = Header {
            height: block.height,
            time: block.time,
            parent: self.last.hash()?,
            body: block.body_hash()?,
            receipts: hashes.hash()?,
            state_root: self.root,
            snapshot: Hash::default(),
        };
        Ok(Applied { header: self.last, writes: outcome.writes })
    }
}

/// The record that a broken machine writes wrongly: the last parameter of the house, which no traffic changes.
pub(crate) const SPOILED: StateKey = StateKey::Parameter(None, ParameterId::Timelock);

/// Writes what no sound machine would.
fn spoil(writes: &mut Vec<Write>) {
    let key = codec::encode(&SPOILED).expect("keys are within limits");
    writes.retain(|write| write.key != key);
    writes.push(Write { key, record: Some(vec![1]) });
    writes.sort_by(|one, other| one.key.cmp(&other.key));
}

/// Returns the root after some writes.
pub(crate) fn after(root: Hash, writes: &[Write]) -> Hash {
    let writes: Vec<_> = writes.iter().map(|write| (&write.key, &write.record)).collect();
    let writes = codec::encode(&writes).expect("records are within limits");
    Hash::of("simulated root", &[root.bytes().as_slice(), &writes].concat())
}

impl Executor for SimLedger {
    fn headers(&self, count: u64) -> Result<Vec<Header>, ExecutorError> {
        let log = self.disk.log.lock().unwrap_or_else(PoisonError::into_inner);
        let headers = std::iter::once(self.founding).chain(log.iter().map(|(header, _)| *header));
        let skipped = (log.len() + 1).saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
        Ok(headers.skip(skipped).collect())
    }

    fn apply(&mut self, block: &Block) -> Result<Applied, ExecutorError> {
        self.disk.takes()?;
        let applied = self.execute(block)?;
        let header = applied.header;
        self.disk.log.lock().unwrap_or_else(PoisonError::into_inner).push((header, block.clone()));
        self.watch.executed(self.index, &header, block);
        self.machine.state().check().map_err(HouseError::from)?;
        Ok(applied)
    }

    fn committee(&self) -> CommitteeRecord {
        self.machine.state().committee.record()
    }

    fn standing(&self, owner: Address) -> Standing {
        let held = self.machine.state().standing(owner);
        match self.disk.strict {
            true => held.map_or(Standing::Stranger, Standing::Holds),
            false => Standing::Holds(held.unwrap_or(Notional::ZERO)),
        }
    }

    fn listed(&self) -> Option<Listed> {
        Some(Listed::of(self.machine.state()))
    }

    fn blocks(
        &self,
        from: u64,
        count: usize,
        _: usize,
    ) -> Result<Vec<(Header, Block)>, ExecutorError> {
        let log = self.disk.log.lock().unwrap_or_else(PoisonError::into_inner);
        let skipped = usize::try_from(from.saturating_sub(1)).unwrap_or(usize::MAX);
        Ok(log.iter().skip(skipped).take(count).cloned().collect())
    }

    fn prove(&mut self, _: &StateKey) -> Result<(Header, Vec<u8>), ExecutorError> {
        Err(ExecutorError::NoProof)
    }

    fn checkpoint(&mut self) -> Result<(), ExecutorError> {
        Ok(())
    }
}
