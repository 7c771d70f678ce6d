//! Proposing and judging blocks.
//!
//! A proposer names the newest outcome it has computed and adds what waits. A validator votes for a block if, and only
//! if,
//!
//! 1. its leader, height and parent are those of the round;
//! 2. its time follows from the parent's by the network's clock;
//! 3. the outcome that it names is at most [`LAG_MAX`] blocks old, and is the validator's own: a validator that has not
//!    computed it yet waits, for a vote on trust would let one liar have a false root finalised;
//! 4. its payload opens: reports and evidence are signed by those whom they name, no report is longer than its share, and
//!    every submission opens.
//!
//! Whether a proposer has left out a report that it had, nobody can judge: it may not have arrived. Of f + 1 proposers in a
//! row one is honest, and all reports that it has fit into its block.
//!
//! **Invariant:** a finalised block names an outcome that more than a third of all validators, at least one of them
//! honest, computed themselves before it was voted for.

use crate::consensus::block::Block;
use crate::consensus::committee::Committees;
use crate::consensus::evidence::EvidencePool;
use crate::consensus::round;
use crate::consensus::scheme::Guarded;
use crate::engine::{Digest, Runtime};
use crate::execution::chain::Chain;
use crate::proposal::payload::{self, Payload};
use crate::proposal::waiting::Waiting;
use commonware_consensus::{Application, marshal::ancestry::Ancestry, simplex::types::Context};
use commonware_cryptography::{Digested, Digestible as _, ed25519::PublicKey};
use futures::{FutureExt as _, StreamExt as _, future::Either, future::select};
use light::{Clock, ConsensusHeader};
use protocol::{Hash, limits};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use units::{BlockHeight, BlockTime};

/// Blocks that the outcome named in a block may lie behind it. A proposer that has fallen further behind waits.
pub(crate) const LAG_MAX: u64 = 16;

/// How long a proposer waits for something to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Longest wait for a first submission or report; the block is empty then. Less than the engine's leader timeout.
    pub idle_max: Duration,
    /// Longest wait for the reports of all validators, once one has come, or the parent had some.
    pub gather: Duration,
}

/// The application that the engine asks.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) committees: Arc<Committees>,
    pub(crate) chain: Arc<Chain>,
    pub(crate) waiting: Arc<Waiting>,
    pub(crate) evidence_pool: Arc<EvidencePool>,
    pub(crate) pace: Pace,
    #[cfg(feature = "simulation")]
    pub(crate) faults: crate::simulation::Faults,
}

/// Returns the time of a clock as blocks count it.
pub(crate) fn block_time(now: SystemTime) -> BlockTime {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    BlockTime::from_millis(i128::try_from(since.as_millis()).unwrap_or(i128::MAX))
}

/// What a judge says of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Valid,
    Never,
    /// Its time has not come yet.
    Early(Duration),
}

impl App {
    /// Returns the time on this validator's clock.
    fn now<E: Runtime>(&self, runtime: &E) -> SystemTime {
        let now = runtime.current();
        #[cfg(feature = "simulation")]
        let now = self.faults.shown(now);
        now
    }

    /// Returns the time of a child proposed now.
    fn time_after(&self, parent: BlockTime, now: SystemTime) -> BlockTime {
        match self.committees.anchor.clock {
            Clock::Wall { .. } => {
                BlockTime::from_millis((parent.millis() + 1).max(block_time(now).millis()))
            }
            Clock::Step { span } => BlockTime::from_millis(parent.millis() + span.millis()),
        }
    }

    fn judge_time(&self, parent: BlockTime, time: BlockTime, now: SystemTime) -> Verdict {
        match self.committees.anchor.clock {
            Clock::Step { span } if time.millis() == parent.millis() + span.millis() => {
                Verdict::Valid
            }
            Clock::Step { .. } => Verdict::Never,
            Clock::Wall { .. } if time <= parent => Verdict::Never,
            Clock::Wall { drift_max } => {
                let ahead = time.millis() - block_time(now).millis() - drift_max.millis();
                match u64::try_from(ahead) {
                    Ok(ahead) if ahead > 0 => Verdict::Early(Duration::from_millis(ahead)),
                    _ => Verdict::Valid,
                }
            }
        }
    }

    /// Checks all that needs neither a wait nor this replica's own outcomes.
    fn is_well_formed(
        &self,
        context: &Context<Digest, PublicKey>,
        block: &Block,
        parent: &Block,
    ) -> bool {
        let header = &block.header;
        let leader = self.committees.id_of(&context.leader);
        let named = u64::try_from(header.executed_height.blocks()).ok();
        let lag = named.and_then(|named| block.number().checked_sub(named));
        let in_place = leader == Some(header.proposer)
            && header.round == round::number(context.round)
            && header.parent == Hash::new(parent.digest().0)
            && block.number() == parent.number().saturating_add(1)
            && header.executed_height >= parent.header.executed_height
            && lag.is_some_and(|lag| (1..=LAG_MAX).contains(&lag));
        let network = &self.committees.access;
        let opened = Payload::read(&block.payload)
            .ok()
            .filter(|payload| in_place && payload.check(header, &self.committees).is_ok());
        let opened = opened.and_then(|payload| {
            payload.open(header, network, |name| self.waiting.is_genuine(name)).ok()
        });
        if let Some(contents) = &opened {
            self.waiting.checked(&contents.names);
        }
        opened.is_some()
    }

    /// Waits until this replica has the outcome that a block names, and says whether it is the same.
    async fn agrees(&self, header: &ConsensusHeader) -> bool {
        let Ok(named) = u64::try_from(header.executed_height.blocks()) else { return false };
        self.chain.reached(named).await;
        self.chain.outcome(named).is_some_and(|(_, hash)| hash == header.executed)
    }

    /// Waits until there is something to say, or for as long as the pace allows.
    async fn wait_for_traffic<E: Runtime>(
        &self,
        runtime: &E,
        height: u64,
        parent_had_reports: bool,
        ancestors: &BTreeSet<Hash>,
    ) {
        let mut changes = self.waiting.changes();
        let idle_until = runtime.current() + self.pace.idle_max;
        let mut gather_until = None;
        let validators = self.committees.at(height).map_or(0, |committee| committee.len());
        loop {
            let reports = self.waiting.reports_count(height);
            if reports >= validators {
                return;
            }
            let traffic = self.waiting.has_more_than(ancestors);
            if traffic && reports == 0 && !parent_had_reports {
                return;
            }
            if (traffic || reports > 0) && gather_until.is_none() {
                gather_until = Some(runtime.current() + self.pace.gather);
            }
            let until = gather_until.map_or(idle_until, |until| until.min(idle_until));
            if runtime.current() >= until {
                return;
            }
            let arrival = changes.changed().map(drop).boxed();
            if let Either::Right(_) = select(arrival, runtime.sleep_until(until).boxed()).await {
                return;
            }
        }
    }

    /// Returns the names of the submissions in a block and its ancestors that are not executed yet.
    async fn unexecuted(
        &self,
        parent: &Block,
        mut ancestry: impl Ancestry<Block>,
    ) -> BTreeSet<Hash> {
        let mut names: BTreeSet<Hash> = payload::names(&parent.payload).into_iter().collect();
        let mut height = parent.number();
        while height > self.chain.height().saturating_add(1) {
            let Some(ancestor) = ancestry.next().await else { break };
            height = ancestor.inner().number();
            names.extend(payload::names(&ancestor.inner().payload));
        }
        names
    }
}

impl<E: Runtime> Application<E> for App {
    type SigningScheme = Guarded;
    type Context = Context<Digest, PublicKey>;
    type Block = Block;
    type Input = ();

    async fn propose(
        &mut self,
        (runtime, context): (E, Self::Context),
        mut ancestry: impl Ancestry<Block>,
        (): (),
    ) -> Option<Digested<Block>> {
        let parent = ancestry.next().await?;
        let parent = parent.inner();
        let height = parent.number().checked_add(1)?;
        let known = u64::try_from(parent.header.executed_height.blocks()).unwrap_or(0);
        self.chain.reached(known.max(height.saturating_sub(LAG_MAX))).await;
        if self.chain.halted().is_some() {
            return None;
        }
        let ancestors = self.unexecuted(parent, ancestry).await;
        let had_reports =
            Payload::read(&parent.payload).is_ok_and(|payload| !payload.reports.is_empty());
        self.wait_for_traffic(&runtime, height, had_reports, &ancestors).await;

        let reports = self.waiting.reports(height);
        let evidence = self.evidence_pool.pieces(round::number(context.round));
        let payload = Payload::gather(reports, evidence, |room| {
            let commands = limits::TRANSACTIONS_PER_BLOCK_MAX;
            let taken = self.waiting.take(room, commands, &ancestors);
            taken.iter().map(|held| held.to_vec()).collect()
        });
        let payload = payload.ok()?;
        let (executed_height, executed) =
            self.chain.newest().filter(|(newest, _)| *newest < height).or_else(|| {
                let before = height.checked_sub(1)?;
                self.chain.outcome(before).map(|(_, hash)| (before, hash))
            })?;
        let header = ConsensusHeader {
            round: round::number(context.round),
            proposer: self.committees.me()?,
            parent: Hash::new(parent.digest().0),
            height: BlockHeight::from_blocks(i128::from(height)),
            time: self.time_after(parent.header.time, self.now(&runtime)),
            executed_height: BlockHeight::from_blocks(i128::from(executed_height)),
            executed,
            payload: Hash::default(),
        };
        let block = Block::new(header, payload).ok()?;
        #[cfg(feature = "simulation")]
        let block = match &self.faults.liar {
            Some(liar) => liar.proposes(block, parent),
            None => block,
        };
        let digest = block.digest();
        Some(Digested::precomputed(block, digest))
    }

    async fn verify(
        &mut self,
        (runtime, context): (E, Self::Context),
        mut ancestry: impl Ancestry<Block>,
    ) -> bool {
        let (Some(block), Some(parent)) = (ancestry.next().await, ancestry.next().await) else {
            return false;
        };
        let (block, parent) = (block.inner(), parent.inner());
        if !self.is_well_formed(&context, block, parent) {
            return false;
        }
        loop {
            match self.judge_time(parent.header.time, block.header.time, self.now(&runtime)) {
                Verdict::Valid => break,
                Verdict::Never => return false,
                Verdict::Early(ahead) => runtime.sleep(ahead).await,
            }
        }
        let agrees = self.agrees(&block.header).await;
        #[cfg(feature = "simulation")]
        if agrees && let Some(planted) = &self.faults.planted {
            planted.voted_for(block);
        }
        agrees
    }
}
