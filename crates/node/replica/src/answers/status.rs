//! How a validator stands, and whether it is to be relied upon.

use crate::answers::node::Node;
use crate::consensus::activity::Activities;
use crate::consensus::health::{self, Oracle, Unready};
use crate::execution::chain::Halt;
use machine::CommitteeRecord;
use protocol::{Header, ValidatorId};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// Blocks that execution may be behind and the validator still be called ready.
const BEHIND_MAX: u64 = 16;

/// How a validator stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Which validator; absent if it neither has a seat nor is to have one.
    pub validator: Option<ValidatorId>,
    /// The epoch of the newest block.
    pub epoch: u64,
    /// Whether it has a seat in that epoch.
    pub seated: bool,
    /// Validators whom it cannot reach: no address is known, or there is no room until it starts again.
    pub unreached: Vec<ValidatorId>,
    /// Validators of the epoch whom it hears, itself left out.
    pub heard: Vec<ValidatorId>,
    /// Validators of the epoch who make a quorum, of how many.
    pub quorum: (usize, usize),
    /// How long it has executed no block.
    pub since_block: Duration,
    /// How prices stand.
    pub oracles: Vec<Oracle>,
    /// The newest header computed.
    pub header: Option<Header>,
    /// The highest block known to be final.
    pub finalised: u64,
    /// Submissions waiting.
    pub waiting: usize,
    /// Their bytes.
    pub waiting_bytes: usize,
    /// Why it goes no further, if so.
    pub halted: Option<Halt>,
    /// Why it signs nothing more, if so.
    pub signing_stopped: Option<String>,
    /// What the engine has done.
    pub activities: Activities,
}

impl Node {
    /// Returns how the validator stands.
    #[must_use]
    pub fn status(&self) -> Status {
        let parts = &self.0;
        let (waiting, waiting_bytes) = parts.waiting.size();
        let guard = parts.guard.lock().unwrap_or_else(PoisonError::into_inner);
        let record = parts.committees.record();
        let me = parts.committees.me();
        let now = Instant::now();
        Status {
            validator: me,
            epoch: record.epoch,
            unreached: parts.committees.missed(),
            heard: self.heard(&record, now),
            quorum: (health::quorum(record.present.len()), record.present.len()),
            since_block: parts.health.since_block(now),
            oracles: parts.health.oracles(),
            seated: record.present.iter().any(|seat| Some(seat.validator) == me),
            header: parts.chain.outcome(parts.chain.height()).map(|(header, _)| header),
            finalised: parts.chain.tip(),
            waiting,
            waiting_bytes,
            halted: parts.chain.halted(),
            signing_stopped: guard.stopped().map(str::to_owned),
            activities: parts.observer.now(),
        }
    }

    /// Returns the validators of the epoch whom this one hears, itself left out.
    fn heard(&self, record: &CommitteeRecord, now: Instant) -> Vec<ValidatorId> {
        let heard = self.0.health.heard(now, self.0.heard_within);
        let mut ids: Vec<ValidatorId> =
            heard.iter().filter_map(|key| self.0.committees.id_of(key)).collect();
        let me = self.0.committees.me();
        ids.retain(|id| Some(*id) != me && record.present.iter().any(|seat| seat.validator == *id));
        ids.sort_unstable();
        ids
    }

    /// Says why this validator is not to be relied upon, if so.
    ///
    /// # Errors
    ///
    /// [`Unready`], the first reason of several.
    pub fn ready(&self) -> Result<(), Unready> {
        let status = self.status();
        if let Some(reason) = status.signing_stopped {
            return Err(Unready::NotSigning(reason));
        }
        let behind = status.finalised.saturating_sub(self.height());
        if behind > BEHIND_MAX {
            return Err(Unready::Behind(behind));
        }
        let (needed, validators) = status.quorum;
        let reached = status.heard.len().saturating_add(usize::from(status.seated));
        let stalled = status.since_block > self.0.stalled_after;
        // One that has just begun has heard nobody yet.
        let listened = self.0.health.since_begun(Instant::now()) > self.0.heard_within;
        match reached < needed && (stalled || listened) {
            true => Err(Unready::Alone { reached, validators, needed }),
            false if stalled => Err(Unready::Stalled(status.since_block)),
            false => Ok(()),
        }
    }
}
