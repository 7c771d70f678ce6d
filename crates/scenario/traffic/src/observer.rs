//! A house that believes nobody: it applies every block itself and compares what the validators say came out.

use crate::TrafficError;
use machine::{Genesis, Machine, Outcome, State};
use protocol::{Block, Hash, Header, OutcomeHashes, codec};
use store::{QmdbCommitment, StateCommitment as _};

/// A block as the observer has seen it.
#[derive(Debug)]
pub struct Seen {
    /// Transactions in it.
    pub transactions: usize,
    /// Reports of validators in it.
    pub reports: usize,
    /// What came of it.
    pub outcome: Outcome,
}

/// The observer's own machine and state.
#[derive(Debug)]
pub struct Observer {
    machine: Machine,
    commitment: QmdbCommitment,
    last: Header,
}

impl Observer {
    /// Founds the observer's house, in a temporary directory.
    ///
    /// # Errors
    ///
    /// [`TrafficError::Genesis`] or [`TrafficError::Commitment`] if it cannot be.
    pub fn found(genesis: &Genesis) -> Result<Self, TrafficError> {
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

    /// Returns the state after the last block.
    #[must_use]
    pub fn state(&self) -> &State {
        self.machine.state()
    }

    /// Returns the last block's height.
    #[must_use]
    pub fn height(&self) -> u64 {
        u64::try_from(self.machine.state().height.blocks()).unwrap_or(0)
    }

    /// Returns the root after the last block.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.last.state_root
    }

    /// Applies the next block and compares its header.
    ///
    /// # Errors
    ///
    /// [`TrafficError::Differs`] if a replay comes to another header, [`TrafficError::Block`] if the block does not follow.
    pub fn apply(&mut self, told: &Header, block: &Block) -> Result<Seen, TrafficError> {
        let outcome = self.machine.apply(block)?;
        let height = self.height();
        let writes: Vec<_> =
            outcome.writes.iter().map(|write| (write.key.clone(), write.record.clone())).collect();
        let root = self.commitment.commit(height, &writes)?;
        let header = house::seal(
            block,
            &OutcomeHashes::of(&outcome.receipts, &outcome.events)?,
            self.last.hash()?,
            root,
            house::snapshot_hash(&self.machine)?,
        )?;
        if header != *told {
            return Err(TrafficError::Differs {
                height,
                replayed: header.state_root,
                told: told.state_root,
            });
        }
        self.machine.state().check().map_err(TrafficError::Unbalanced)?;
        self.last = header;
        Ok(Seen { transactions: block.transactions.len(), reports: block.votes.len(), outcome })
    }
}
