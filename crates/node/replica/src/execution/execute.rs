//! Executing finalised blocks, one after the other, and noticing when the network disagrees with the outcome.
//!
//! The engine's marshal delivers finalised blocks in order, at least once, and again after a restart from the last one
//! that was acknowledged. A block is acknowledged once the ledger holds it durably. If the ledger has lost blocks that
//! were acknowledged, they are taken from the marshal's archive, at the start or before the next block.
//!
//! **Invariant:** a block is executed once, after its parent, and only if it is final.

use crate::consensus::block::Block;
use crate::consensus::committee::Committees;
use crate::consensus::evidence::EvidencePool;
use crate::consensus::guard::VoteGuard;
use crate::consensus::health::Health;
use crate::consensus::scheme::Guarded;
use crate::execution::chain::{Chain, Executed, Halt};
use crate::execution::difference::Writings;
use crate::execution::executor::{Applied, Executor, ExecutorError, SharedExecutor};
use crate::execution::steps::Steps;
use crate::execution::submission_index::SubmissionIndex;
use crate::proposal::payload::{self, Payload};
use crate::proposal::waiting::Waiting;
use commonware_actor::Feedback;
use commonware_consensus::{
    Reporter,
    marshal::{Identifier, Update, core::Mailbox, standard::Standard},
    types::Height,
};
use commonware_utils::{Acknowledgement as _, acknowledgement::Exact};
use machine::{CommitteeRecord, StateKey};
use protocol::{ValidatorId, codec};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::{mpsc, watch};

/// A finalised block and the promise to say when it is done.
pub(crate) type Delivery = (Arc<Block>, Option<Exact>);

/// What the marshal reports to. The queue is as long as the marshal's bound on blocks that are not acknowledged.
#[derive(Debug, Clone)]
pub(crate) struct Inbox {
    pub(crate) queue: mpsc::UnboundedSender<Delivery>,
    pub(crate) chain: Arc<Chain>,
}

impl Reporter for Inbox {
    type Activity = Update<Block>;

    fn report(&mut self, update: Update<Block>) -> Feedback {
        match update {
            Update::Tip(_, height, _) => {
                self.chain.saw_tip(height.get());
                Feedback::Ok
            }
            Update::Block(block, done) => {
                match self.queue.send((block.inner_shared(), Some(done))) {
                    Ok(()) => Feedback::Ok,
                    Err(_) => Feedback::Closed,
                }
            }
        }
    }
}

/// Who is told of every change of the committees, and says which of their validators it cannot reach.
pub(crate) type Seated = Box<dyn Fn(&CommitteeRecord) -> Vec<ValidatorId> + Send + Sync>;

/// Executes what is final.
pub(crate) struct Execution {
    pub(crate) ledger: SharedExecutor,
    pub(crate) chain: Arc<Chain>,
    pub(crate) waiting: Arc<Waiting>,
    pub(crate) submissions: Arc<SubmissionIndex>,
    pub(crate) health: Arc<Health>,
    pub(crate) committees: Arc<Committees>,
    /// None where the ledger proves nothing.
    pub(crate) steps: Option<Arc<Steps>>,
    /// Told who validates whenever that changes.
    pub(crate) seated: Seated,
    pub(crate) evidence_pool: Arc<EvidencePool>,
    pub(crate) writings: Arc<Writings>,
    pub(crate) guard: Arc<Mutex<VoteGuard>>,
    pub(crate) marshal: Mailbox<Guarded, Standard<Block>>,
    /// Told how far execution is, once it is known.
    pub(crate) delivered: watch::Sender<Option<u64>>,
    /// Ordered blocks that the engine's archives keep; all if `None`.
    pub(crate) blocks_kept: Option<u64>,
}

impl Execution {
    /// Runs until the engine is gone, or until the replica may go no further.
    pub(crate) async fn run(self, mut inbox: mpsc::UnboundedReceiver<Delivery>) {
        // What was acknowledged is not delivered again, whatever has become of the ledger since.
        let acknowledged = self.marshal.get_processed().await;
        let acknowledged = acknowledged.map_or(0, |held| held.height().get());
        self.remember().await;
        match self.catch_up(acknowledged).await {
            Ok(()) => drop(self.delivered.send_replace(Some(acknowledged))),
            Err(halt) => self.halt(halt),
        }
        while let Some((block, done)) = inbox.recv().await {
            if let Err(halt) = self.deliver(&block).await {
                self.halt(halt);
                // The block is never acknowledged, and the engine waits for that; voting has ended.
                let _unacknowledged = (done, inbox);
                return std::future::pending().await;
            }
            if let Some(done) = done {
                done.acknowledge();
            }
            self.delivered.send_replace(Some(block.number()));
        }
    }

    /// Remembers the submissions of the blocks that the ledger has executed again since its snapshot, as far as the
    /// archive holds them: it has their receipts.
    async fn remember(&self) {
        let newest = self.chain.height();
        for height in newest.saturating_sub(2 * house::SNAPSHOT_BLOCKS)..=newest {
            let held = self.marshal.get_block(Identifier::Height(Height::new(height))).await;
            if let Some(held) = held {
                self.submissions.keep(height, &payload::names(&held.inner().payload));
            }
        }
    }

    /// Signs and executes nothing more.
    fn halt(&self, halt: Halt) {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner).stop(halt.to_string());
        self.chain.stop(halt);
    }

    /// Executes a block, and before it whatever the ledger lacks.
    async fn deliver(&self, block: &Block) -> Result<(), Halt> {
        if let Some(halt) = self.chain.halted() {
            return Err(halt);
        }
        self.catch_up(block.number().saturating_sub(1)).await?;
        if block.number() <= self.chain.height() { Ok(()) } else { self.execute(block) }
    }

    /// Executes what the ledger lacks up to a height, from the marshal's archive.
    async fn catch_up(&self, height: u64) -> Result<(), Halt> {
        let mut next = self.chain.height().saturating_add(1);
        while next <= height {
            let held = self.marshal.get_block(Identifier::Height(Height::new(next))).await;
            let Some(held) = held else {
                let why = "neither the ledger nor the archive holds it: start again from an empty \
                           directory"
                    .to_owned();
                return Err(Halt::Unexecutable { height: next, why });
            };
            self.execute(held.inner())?;
            next = next.saturating_add(1);
        }
        Ok(())
    }

    fn execute(&self, block: &Block) -> Result<(), Halt> {
        self.compare(block)?;
        let height = block.number();
        let unexecutable = |why: String| Halt::Unexecutable { height, why };
        let contents = Payload::read(&block.payload)
            .and_then(|payload| {
                let network = &self.committees.access;
                payload.open(&block.header, network, |name| self.waiting.is_genuine(name))
            })
            .map_err(|error| unexecutable(error.to_string()))?;
        let (Applied { header, writes }, oracles) = {
            let mut ledger = self.ledger.lock();
            let applied =
                ledger.apply(&contents.block).map_err(|error| unfinished(height, &error))?;
            if house::is_due(applied.header.height) {
                ledger.checkpoint().map_err(|error| unfinished(height, &error))?;
                if let Some(kept) = self.blocks_kept {
                    self.marshal.prune(Height::new(height.saturating_sub(kept)));
                }
            }
            self.learn(ledger.as_mut(), height, &applied)
                .map_err(|error| unfinished(height, &error))?;
            (applied, ledger.oracles())
        };
        self.submissions.keep(height, &contents.names);
        self.waiting.executed(height, &contents.block, &contents.names);
        self.writings.keep(height, &writes);
        self.evidence_pool.settled(&contents.block.offences);
        let executed = Executed { order: block.header, block: Arc::new(contents.block), header };
        self.health.executed(Instant::now(), oracles);
        self.chain.push(executed).map_err(|error| unexecutable(error.to_string()))
    }

    /// Takes in who validates from now on, if the block has changed it, and, once an epoch, what proves it.
    fn learn(
        &self,
        ledger: &mut dyn Executor,
        height: u64,
        applied: &Applied,
    ) -> Result<(), ExecutorError> {
        let key = codec::encode(&StateKey::Committee)?;
        if applied.writes.iter().any(|write| write.key == key) {
            let record = ledger.committee();
            self.committees.learn(record.clone())?;
            self.committees.miss((self.seated)(&record));
        }
        match &self.steps {
            Some(steps) => steps.keep_proof(self.committees.epoch_at(height), ledger),
            None => Ok(()),
        }
    }

    /// Compares the outcome that a finalised block names with the one computed here.
    fn compare(&self, block: &Block) -> Result<(), Halt> {
        let Ok(height) = u64::try_from(block.header.executed_height.blocks()) else {
            return Ok(());
        };
        match self.chain.outcome(height) {
            Some((_, ours)) if ours != block.header.executed => Err(Halt::Diverged {
                height,
                ours,
                finalised: block.header.executed,
                named_by: block.number(),
                difference: None,
            }),
            _ => Ok(()),
        }
    }
}

/// Returns why a block goes no further: a disk that does not take it, which may be tried again, is another thing than a block
/// that cannot be executed, which fails again wherever this program starts again.
///
/// spec 0025-BLOCK-032.
fn unfinished(height: u64, error: &ExecutorError) -> Halt {
    let why = error.to_string();
    match error.is_of_disk() {
        true => Halt::Unkept { height, why },
        false => Halt::Unexecutable { height, why },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use house::HouseError;
    use std::io;
    use std::path::PathBuf;
    use store::{CommitmentError, DiskError, LogError, StoreError};

    /// Whether a validator whose ledger fails with an error says that its disk does not take a block, and ends.
    fn is_unkept(error: impl Into<HouseError>) -> bool {
        is_of_disk(ExecutorError::House(error.into()))
    }

    fn is_of_disk(error: ExecutorError) -> bool {
        matches!(unfinished(7, &error), Halt::Unkept { height: 7, .. })
    }

    fn full() -> DiskError {
        DiskError::Full { action: "appending to", path: PathBuf::from("blocks") }
    }

    fn engine(reason: &str, of_disk: bool) -> StoreError {
        StoreError::Commitment(CommitmentError::Engine { reason: reason.into(), of_disk })
    }

    #[test]
    fn a_disk_that_refuses_is_told_from_what_fails_again_after_every_start() {
        // 0025-BLOCK-032
        let source = io::Error::from(io::ErrorKind::StorageFull);
        assert!(is_unkept(HouseError::Unwritable { path: PathBuf::from("steps"), source }));
        // The step of an epoch is written beside the block, and a full disk refuses either.
        assert!(is_of_disk(ExecutorError::Steps(io::Error::from_raw_os_error(28))));
        assert!(!is_of_disk(ExecutorError::Steps(io::Error::other("an entry that is too long"))));
        assert!(is_unkept(LogError::Disk(full())));
        assert!(is_unkept(StoreError::Log(LogError::Disk(full()))));
        assert!(is_unkept(StoreError::Commitment(CommitmentError::Disk(full()))));
        assert!(is_unkept(engine("blob sync failed: File too large (os error 27)", true)));
        let damaged = LogError::Damaged {
            path: PathBuf::from("blocks"),
            offset: 0,
            height: 7,
            what: "checksum".into(),
        };
        assert!(!is_unkept(damaged));
        assert!(!is_unkept(StoreError::LogBehindState { committed: Some(7), logged: Some(6) }));
        let not_next = CommitmentError::HeightNotNext { expected: 7, given: 9 };
        assert!(!is_unkept(StoreError::Commitment(not_next)));
        assert!(!is_unkept(StoreError::Commitment(CommitmentError::RecordTooLong {
            bytes: 1 << 30
        })));
        assert!(!is_unkept(engine("key not found", false)));
    }
}
