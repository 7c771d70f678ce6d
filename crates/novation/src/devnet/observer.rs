//! A house that believes nobody: it applies every block itself and compares what the validators say came out.

use super::fleet::Told;
use anyhow::{Context, Result, bail};
use machine::{Genesis, Machine, Outcome, State};
use protocol::{Hash, Header, OutcomeHashes, codec};
use store::{QmdbCommitment, StateCommitment as _};

/// A block as the observer has seen it.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) transactions: usize,
    pub(super) reports: usize,
    pub(super) outcome: Outcome,
}

/// The observer's own machine and state.
#[derive(Debug)]
pub(super) struct Observer {
    machine: Machine,
    commitment: QmdbCommitment,
    last: Header,
}

impl Observer {
    /// Founds the observer's house, in a temporary directory.
    pub(super) fn found(genesis: &Genesis) -> Result<Self> {
        let (machine, writes) = Machine::found(genesis)?;
        let mut commitment = QmdbCommitment::temporary(&std::env::temp_dir())?;
        let writes: Vec<_> = writes.into_iter().map(|write| (write.key, write.record)).collect();
        let root = commitment.commit(0, &writes)?;
        let last = Header {
            height: machine.state().height,
            time: machine.state().time,
            parent: Hash::default(),
            body: Hash::of("genesis", &codec::encode(genesis)?),
            receipts: Hash::default(),
            state_root: Hash::new(root.bytes()),
            snapshot: Hash::default(),
        };
        Ok(Self { machine, commitment, last })
    }

    pub(super) fn state(&self) -> &State {
        self.machine.state()
    }

    pub(super) fn height(&self) -> u64 {
        u64::try_from(self.machine.state().height.blocks()).unwrap_or(0)
    }

    pub(super) fn root(&self) -> Hash {
        self.last.state_root
    }

    /// Applies the next block and compares its header.
    pub(super) fn apply(&mut self, told: &Told) -> Result<Seen> {
        let outcome = self.machine.apply(&told.block)?;
        let height = self.height();
        let writes: Vec<_> =
            outcome.writes.iter().map(|write| (write.key.clone(), write.record.clone())).collect();
        let root = self.commitment.commit(height, &writes)?;
        let header = house::seal(
            &told.block,
            &OutcomeHashes::of(&outcome.receipts, &outcome.events)?,
            self.last.hash()?,
            root,
            house::snapshot_hash(&self.machine)?,
        )?;
        if header != told.header {
            bail!(
                "block {height} leads to state root {} in a replay, but a validator says {}",
                header.state_root,
                told.header.state_root
            );
        }
        self.machine.state().check().context("the books of a finalised block do not balance")?;
        self.last = header;
        Ok(Seen {
            transactions: told.block.transactions.len(),
            reports: told.block.votes.len(),
            outcome,
        })
    }
}
