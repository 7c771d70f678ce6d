//! What this replica knows of the chain: the outcomes it has computed, and whether it may go on.
//!
//! Execution writes, voting and answering read. Everything is bounded: old outcomes are in the ledger's log.

use crate::execution::difference::Difference;
use light::ConsensusHeader;
use protocol::codec::EncodeError;
use protocol::{Block, Hash, Header};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// Outcomes kept in memory: more than a proposer may lag behind, and enough for those who follow the chain.
const OUTCOMES_KEPT: usize = 1_024;
/// Blocks kept whole in memory, for those who follow the chain.
const BLOCKS_KEPT: usize = 64;

/// A finalised block with its outcome.
#[derive(Debug, Clone)]
pub struct Executed {
    /// What the validators signed.
    pub order: ConsensusHeader,
    /// What the machine was given.
    pub block: Arc<Block>,
    /// What commits to the outcome.
    pub header: Header,
}

/// Why a replica goes no further.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// The validators finalised another outcome than this replica computed.
    #[error(
        "DIVERGED at height {height}: the outcome here is {ours}, the finalised one {finalised} (named by block {named_by}): \
         this validator signs nothing more; keep its directory, run `novation audit` on it, and start again from an \
         empty one{}",
        difference.as_ref().map_or(String::new(), |difference| format!("\n{difference}"))
    )]
    Diverged {
        /// At which height.
        height: u64,
        /// The hash of the header here.
        ours: Hash,
        /// The hash that the network agreed on.
        finalised: Hash,
        /// The finalised block that names it.
        named_by: u64,
        /// Where the two part, once the others have been asked.
        difference: Option<Box<Difference>>,
    },
    /// The consensus engine of an epoch cannot begin.
    #[error("the consensus engine has stopped: {why}; this validator signs nothing more")]
    EngineStopped {
        /// Why.
        why: String,
    },
    /// A finalised block whose outcome the disk does not take.
    #[error("finalised block {height} cannot be kept: {why}; nothing more is signed")]
    Unkept {
        /// At which height.
        height: u64,
        /// Why.
        why: String,
    },
    /// A finalised block that this program cannot execute.
    #[error(
        "finalised block {height} cannot be executed: {why}; this validator signs nothing more"
    )]
    Unexecutable {
        /// At which height.
        height: u64,
        /// Why.
        why: String,
    },
}

#[derive(Debug, Default)]
struct Known {
    outcomes: BTreeMap<u64, (Header, Hash)>,
    blocks: BTreeMap<u64, Executed>,
    tip: u64,
}

/// The shared view of the chain.
#[derive(Debug)]
pub(crate) struct Chain {
    known: Mutex<Known>,
    executed: watch::Sender<u64>,
    halt: watch::Sender<Option<Halt>>,
}

impl Chain {
    /// Starts from the headers of a ledger, ascending; the last is the newest.
    pub(crate) fn new(headers: &[Header]) -> Result<Self, EncodeError> {
        let mut known = Known::default();
        let mut last = 0;
        for header in headers {
            last = number(header);
            known.outcomes.insert(last, (*header, header.hash()?));
        }
        known.tip = last;
        Ok(Self {
            known: Mutex::new(known),
            executed: watch::Sender::new(last),
            halt: watch::Sender::new(None),
        })
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the outcome of a height, if it is remembered.
    pub(crate) fn outcome(&self, height: u64) -> Option<(Header, Hash)> {
        self.known().outcomes.get(&height).copied()
    }

    /// Returns the newest height executed, and its outcome.
    pub(crate) fn newest(&self) -> Option<(u64, Hash)> {
        let known = self.known();
        known.outcomes.last_key_value().map(|(height, (_, hash))| (*height, *hash))
    }

    /// Returns the oldest height whose outcome is remembered.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.known().outcomes.first_key_value().map(|(height, _)| *height)
    }

    pub(crate) fn height(&self) -> u64 {
        *self.executed.borrow()
    }

    /// Returns the highest block known to be final, executed or not.
    pub(crate) fn tip(&self) -> u64 {
        self.known().tip
    }

    pub(crate) fn saw_tip(&self, height: u64) {
        let mut known = self.known();
        known.tip = known.tip.max(height);
    }

    /// Returns a finalised block, if it is remembered whole.
    pub(crate) fn block(&self, height: u64) -> Option<Executed> {
        self.known().blocks.get(&height).cloned()
    }

    /// Remembers a block that was executed.
    pub(crate) fn push(&self, executed: Executed) -> Result<(), EncodeError> {
        let height = number(&executed.header);
        let hash = executed.header.hash()?;
        {
            let mut known = self.known();
            known.outcomes.insert(height, (executed.header, hash));
            known.blocks.insert(height, executed);
            known.tip = known.tip.max(height);
            while known.outcomes.len() > OUTCOMES_KEPT {
                known.outcomes.pop_first();
            }
            while known.blocks.len() > BLOCKS_KEPT {
                known.blocks.pop_first();
            }
        }
        self.executed.send_replace(height);
        Ok(())
    }

    /// Waits until a height has been executed.
    pub(crate) async fn reached(&self, height: u64) {
        let mut executed = self.executed.subscribe();
        // The sender lives as long as `self`.
        drop(executed.wait_for(|at| *at >= height).await);
    }

    /// Goes no further; the first reason stays.
    pub(crate) fn stop(&self, halt: Halt) {
        self.halt.send_if_modified(|held| {
            let first = held.is_none();
            held.get_or_insert(halt);
            first
        });
    }

    /// Adds to the reason where this replica and the others part.
    pub(crate) fn explain(&self, found: Difference) {
        self.halt.send_if_modified(|held| match held {
            Some(Halt::Diverged { difference: difference @ None, .. }) => {
                *difference = Some(Box::new(found));
                true
            }
            _ => false,
        });
    }

    /// Waits until it is known where this replica and the others part.
    pub(crate) async fn explained(&self) -> Option<Difference> {
        let mut halt = self.halt.subscribe();
        let known =
            |halt: &Option<Halt>| matches!(halt, Some(Halt::Diverged { difference: Some(_), .. }));
        match &*halt.wait_for(known).await.ok()? {
            Some(Halt::Diverged { difference, .. }) => difference.as_deref().cloned(),
            _ => None,
        }
    }

    pub(crate) fn halted(&self) -> Option<Halt> {
        self.halt.borrow().clone()
    }

    /// Waits until the replica goes no further, and returns why.
    pub(crate) async fn halts(&self) -> Option<Halt> {
        let mut halt = self.halt.subscribe();
        halt.wait_for(Option::is_some).await.ok().and_then(|halt| halt.clone())
    }
}

/// Returns the height of a header as the engine counts.
pub(crate) fn number(header: &Header) -> u64 {
    u64::try_from(header.height.blocks()).unwrap_or(0)
}
