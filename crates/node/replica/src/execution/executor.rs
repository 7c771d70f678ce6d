//! What executes blocks, the executor: a house on disk, or a model of one in a simulation.

use crate::consensus::committee::CommitteeError;
use crate::consensus::health::Oracle;
use crate::proposal::report::Listed;
use book::Extract;
use house::{Handout, House, HouseError};
use light::Subject;
use machine::{CommitteeRecord, StateKey, Write};
use mempool::Standing;
use protocol::codec::EncodeError;
use protocol::{AccountId, Address, Block, EventExtract, Header, InstrumentId, OrderId};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fmt, io};
use units::Notional;

/// Why a ledger could not do as asked. If it was to execute a block, the replica goes no further.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorError {
    /// The house, its machine or its disk.
    #[error(transparent)]
    House(#[from] HouseError),
    /// What the committees are followed by could not be written.
    #[error(transparent)]
    Steps(#[from] io::Error),
    /// The block changes who validates, to what cannot be.
    #[error(transparent)]
    Committee(#[from] CommitteeError),
    /// A value outside the limits of its encoding.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A ledger that only models a house hands out no state.
    #[error("this ledger hands out no state")]
    NoOffer,
    /// It proves neither orders nor Greeks.
    #[error("this ledger proves nothing of orders and accounts")]
    NoProof,
    /// The block is not executed yet, or no longer kept.
    #[error("there is no block {0} here")]
    NoBlock(u64),
    /// The block has fewer submissions.
    #[error("block {height} has no submission in place {place}")]
    NoSubmission {
        /// Which block.
        height: u64,
        /// Which of its submissions, from zero.
        place: u32,
    },
}

impl ExecutorError {
    /// Returns whether a disk refused to take something: the same may be tried again once it takes it.
    #[must_use]
    pub fn is_of_disk(&self) -> bool {
        match self {
            Self::House(error) => error.is_of_disk(),
            // What the system says, and not what could not be encoded.
            Self::Steps(error) => error.raw_os_error().is_some(),
            _ => false,
        }
    }
}

/// A block that was executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// What commits to its outcome.
    pub header: Header,
    /// The records that it changed, ascending by key.
    pub writes: Vec<Write>,
}

/// Executes blocks and keeps what comes out.
pub trait Executor: Send + 'static {
    /// Returns the newest headers, ascending, at most `count` of them.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    fn headers(&self, count: u64) -> Result<Vec<Header>, ExecutorError>;

    /// Executes the next block, durably.
    ///
    /// # Errors
    ///
    /// If the block does not follow, or cannot be kept.
    fn apply(&mut self, block: &Block) -> Result<Applied, ExecutorError>;

    /// Returns who validates, as the newest block shows it.
    fn committee(&self) -> CommitteeRecord;

    /// Returns what may be reported, if the ledger knows.
    fn listed(&self) -> Option<Listed> {
        None
    }

    /// Returns blocks that were executed, from a height on: at most `count`, and no more once they have `bytes` bytes.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    fn blocks(
        &self,
        from: u64,
        count: usize,
        bytes: usize,
    ) -> Result<Vec<(Header, Block)>, ExecutorError>;

    /// Returns the newest header and the encoded proof of a record under its state root.
    ///
    /// # Errors
    ///
    /// If there is no proof.
    fn prove(&mut self, key: &StateKey) -> Result<(Header, Vec<u8>), ExecutorError>;

    /// Returns the newest header, the encoded proof of a market's record, and the part of its book that shows an order, or
    /// that it is not there; no part if there is no market.
    ///
    /// # Errors
    ///
    /// If there is no proof.
    fn prove_order(
        &mut self,
        _market: InstrumentId,
        _order: OrderId,
    ) -> Result<(Header, Vec<u8>, Option<Extract>), ExecutorError> {
        Err(ExecutorError::NoProof)
    }

    /// Returns the newest header, and the proofs of an account's record and of those of the markets it has positions in.
    ///
    /// # Errors
    ///
    /// If there is no proof.
    fn prove_greeks(&mut self, _account: AccountId) -> Result<(Header, Subject), ExecutorError> {
        Err(ExecutorError::NoProof)
    }

    /// Returns the events of a block that name an order, or all if none does.
    ///
    /// # Errors
    ///
    /// If they are not kept.
    fn happened(&self, _height: u64, _order: OrderId) -> Result<EventExtract, ExecutorError> {
        Err(ExecutorError::NoProof)
    }

    /// Returns what became of the commands of the submission in a place of a block.
    ///
    /// # Errors
    ///
    /// If it is not kept.
    fn receipt(&self, _height: u64, _place: u32) -> Result<Subject, ExecutorError> {
        Err(ExecutorError::NoProof)
    }

    /// Returns how prices stand after the newest block.
    fn oracles(&self) -> Vec<Oracle> {
        Vec::new()
    }

    /// Returns what an owner is to the house: it sets how much it may send.
    fn standing(&self, _owner: Address) -> Standing {
        Standing::Holds(Notional::ZERO)
    }

    /// Makes the next start short.
    ///
    /// # Errors
    ///
    /// If it cannot.
    fn checkpoint(&mut self) -> Result<(), ExecutorError>;

    /// Returns the encoded genesis.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn genesis(&self) -> Result<Vec<u8>, ExecutorError> {
        Err(ExecutorError::NoOffer)
    }

    /// Returns what is handed out to somebody who has no state; it is asked without the ledger.
    fn handout(&self) -> Option<Handout> {
        None
    }

    /// Answers whoever fetches the authenticated state of an offer.
    ///
    /// # Errors
    ///
    /// If the request is none, or of a state that is not offered.
    fn serve_tree(&self, _request: &[u8]) -> Result<Vec<u8>, ExecutorError> {
        Err(ExecutorError::NoOffer)
    }
}

impl Executor for House {
    fn headers(&self, count: u64) -> Result<Vec<Header>, ExecutorError> {
        let last = crate::execution::chain::number(self.header());
        Ok(House::headers(self, last.saturating_sub(count.saturating_sub(1)))?)
    }

    fn apply(&mut self, block: &Block) -> Result<Applied, ExecutorError> {
        let applied = House::apply(self, block)?;
        Ok(Applied { header: applied.header, writes: applied.outcome.writes })
    }

    fn committee(&self) -> CommitteeRecord {
        self.machine().state().committee.record()
    }

    fn listed(&self) -> Option<Listed> {
        Some(Listed::of(self.machine().state()))
    }

    fn blocks(
        &self,
        from: u64,
        count: usize,
        bytes: usize,
    ) -> Result<Vec<(Header, Block)>, ExecutorError> {
        Ok(House::blocks(self, from, count, bytes)?)
    }

    fn prove(&mut self, key: &StateKey) -> Result<(Header, Vec<u8>), ExecutorError> {
        let proof = House::prove(self, key)?;
        Ok((*self.header(), proof.encode()))
    }

    fn prove_order(
        &mut self,
        market: InstrumentId,
        order: OrderId,
    ) -> Result<(Header, Vec<u8>, Option<Extract>), ExecutorError> {
        let (proof, book) = House::prove_order(self, market, order)?;
        Ok((*self.header(), proof.encode(), book))
    }

    fn prove_greeks(&mut self, account: AccountId) -> Result<(Header, Subject), ExecutorError> {
        let (account, markets) = House::prove_greeks(self, account)?;
        let markets = markets.iter().map(|proof| proof.encode()).collect();
        Ok((*self.header(), Subject::Greeks { account: account.encode(), markets }))
    }

    fn happened(&self, height: u64, order: OrderId) -> Result<EventExtract, ExecutorError> {
        Ok(House::happened(self, height, order)?)
    }

    fn receipt(&self, height: u64, place: u32) -> Result<Subject, ExecutorError> {
        let held = House::blocks(self, height, 1, usize::MAX)?.into_iter().next();
        let held = held.filter(|(header, _)| header.height.blocks() == i128::from(height));
        let (_, block) = held.ok_or(ExecutorError::NoBlock(height))?;
        let (first, count) = match light::granted(&block, place) {
            Some((first, grant)) => (first, grant.count),
            None => return Err(ExecutorError::NoSubmission { height, place }),
        };
        let receipts = House::receipts(self, height, first, count)?;
        Ok(Subject::Receipt { block: Box::new(block), grant: place, receipts })
    }

    fn oracles(&self) -> Vec<Oracle> {
        crate::consensus::health::oracles(self.machine().state())
    }

    fn standing(&self, owner: Address) -> Standing {
        self.machine().state().standing(owner).map_or(Standing::Stranger, Standing::Holds)
    }

    fn checkpoint(&mut self) -> Result<(), ExecutorError> {
        Ok(self.snapshot()?)
    }

    fn genesis(&self) -> Result<Vec<u8>, ExecutorError> {
        Ok(self.genesis_bytes()?)
    }

    fn handout(&self) -> Option<Handout> {
        Some(House::handout(self).clone())
    }

    fn serve_tree(&self, request: &[u8]) -> Result<Vec<u8>, ExecutorError> {
        Ok(House::serve_tree(self, request)?)
    }
}

/// A ledger shared by the executor, which writes, and those who ask.
#[derive(Clone)]
pub(crate) struct SharedExecutor(Arc<Mutex<Box<dyn Executor>>>);

impl SharedExecutor {
    pub(crate) fn new(ledger: Box<dyn Executor>) -> Self {
        Self(Arc::new(Mutex::new(ledger)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Box<dyn Executor>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SharedExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedExecutor")
    }
}
