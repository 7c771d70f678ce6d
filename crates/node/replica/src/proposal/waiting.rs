//! What waits for the next block: submissions of clients, in the mempool, and reports of validators.

use crate::consensus::committee::Report;
use crate::execution::executor::SharedExecutor;
use access::Network;
use mempool::{Limits, Mempool, Rejected, Source};
use protocol::{Block, Hash, ValidatorId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// Heights ahead of the executed one for which reports are kept: as far as another may have executed more, and reports
/// ahead of that.
const HEIGHTS_AHEAD: u64 = 24;
/// Submissions that are admitted in one go, while nothing else can be done with the pool.
const ADMITTED_AT_ONCE: usize = 64;
/// Names of submissions that are remembered as genuine because they stand in a block that was voted for.
const CHECKED_MAX: usize = 400_000;

#[derive(Debug)]
struct Pools {
    submissions: Mempool,
    /// Submissions in proposed blocks whose signatures have been checked.
    checked: BTreeSet<Hash>,
    reports: BTreeMap<u64, BTreeMap<ValidatorId, Report>>,
    /// Reports below are of no use any more.
    floor: u64,
}

/// What waits, shared by those who bring it and the proposer.
#[derive(Debug)]
pub(crate) struct Waiting {
    pools: Mutex<Pools>,
    changes: watch::Sender<u64>,
    ledger: SharedExecutor,
}

impl Waiting {
    pub(crate) fn new(
        network: Network,
        limits: Limits,
        executed: u64,
        ledger: SharedExecutor,
    ) -> Self {
        let pools = Pools {
            submissions: Mempool::new(network, limits),
            checked: BTreeSet::new(),
            reports: BTreeMap::new(),
            floor: executed + 1,
        };
        Self { pools: Mutex::new(pools), changes: watch::Sender::new(0), ledger }
    }

    fn pools(&self) -> std::sync::MutexGuard<'_, Pools> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Returns a receiver that is told of every arrival.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Admits submissions of a source.
    pub(crate) fn admit(
        &self,
        source: Source,
        submissions: &[Vec<u8>],
    ) -> Vec<Result<Hash, Rejected>> {
        let mut answers = Vec::with_capacity(submissions.len());
        for some in submissions.chunks(ADMITTED_AT_ONCE) {
            let standing = |owner| self.ledger.lock().standing(owner);
            answers.extend(self.pools().submissions.admit(source, some, standing));
        }
        if answers.iter().any(Result::is_ok) {
            self.changed();
        }
        answers
    }

    /// Whether the signature of a submission has been checked here.
    pub(crate) fn is_genuine(&self, name: &Hash) -> bool {
        let pools = self.pools();
        pools.submissions.is_genuine(name) || pools.checked.contains(name)
    }

    /// Remembers submissions whose signatures have been checked, until they are executed.
    pub(crate) fn checked(&self, names: &[Hash]) {
        let mut pools = self.pools();
        if pools.checked.len() >= CHECKED_MAX {
            pools.checked.clear();
        }
        pools.checked.extend(names);
    }

    /// Keeps a genuine report, the first of its validator for its height; whether it is new.
    pub(crate) fn report(&self, report: Report) -> bool {
        let Ok(height) = u64::try_from(report.height.blocks()) else { return false };
        let mut pools = self.pools();
        if !(pools.floor..pools.floor.saturating_add(HEIGHTS_AHEAD)).contains(&height) {
            return false;
        }
        let held = pools.reports.entry(height).or_default();
        let fresh = !held.contains_key(&report.vote.validator);
        if fresh {
            held.insert(report.vote.validator, report);
        }
        drop(pools);
        if fresh {
            self.changed();
        }
        fresh
    }

    /// Whether a report could be of use and is not there yet: what is cheap to know before its signature is checked.
    pub(crate) fn wants(&self, report: &Report) -> bool {
        let Ok(height) = u64::try_from(report.height.blocks()) else { return false };
        let pools = self.pools();
        (pools.floor..pools.floor.saturating_add(HEIGHTS_AHEAD)).contains(&height)
            && !pools
                .reports
                .get(&height)
                .is_some_and(|held| held.contains_key(&report.vote.validator))
    }

    pub(crate) fn reports(&self, height: u64) -> Vec<Report> {
        let pools = self.pools();
        pools.reports.get(&height).map(|held| held.values().cloned().collect()).unwrap_or_default()
    }

    pub(crate) fn reports_count(&self, height: u64) -> usize {
        self.pools().reports.get(&height).map_or(0, BTreeMap::len)
    }

    pub(crate) fn take(
        &self,
        bytes: usize,
        count: usize,
        ancestors: &BTreeSet<Hash>,
    ) -> Vec<Arc<[u8]>> {
        self.pools().submissions.take(bytes, count, ancestors)
    }

    pub(crate) fn has_more_than(&self, ancestors: &BTreeSet<Hash>) -> bool {
        self.pools().submissions.has_more_than(ancestors)
    }

    /// Forgets what an executed block held.
    pub(crate) fn executed(&self, height: u64, block: &Block, names: &[Hash]) {
        let mut pools = self.pools();
        pools.submissions.included(block.time, names.iter().copied().zip(&block.grants));
        for name in names {
            pools.checked.remove(name);
        }
        pools.floor = height.saturating_add(1);
        pools.reports = pools.reports.split_off(&height.saturating_add(1));
    }

    /// Returns how many submissions wait, and their bytes.
    pub(crate) fn size(&self) -> (usize, usize) {
        let pools = self.pools();
        (pools.submissions.len(), pools.submissions.bytes())
    }
}
