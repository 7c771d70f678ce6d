//! Counting what the engine does: views and certificates; and taking down evidence of votes that contradict each other.

use crate::consensus::committee::Committees;
use crate::consensus::evidence::{Evidence, EvidencePool};
use crate::consensus::round;
use crate::consensus::scheme::Guarded;
use crate::engine::Digest;
use commonware_actor::Feedback;
use commonware_consensus::{Reporter, simplex::types::Activity};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, Default)]
struct Counts {
    round: AtomicU64,
    finalised: AtomicU64,
    skipped: AtomicU64,
    contradictions: AtomicU64,
}

/// What the engine reports, as counts and evidence.
#[derive(Debug, Clone)]
pub(crate) struct Observer {
    counts: Arc<Counts>,
    committees: Arc<Committees>,
    evidence_pool: Arc<EvidencePool>,
}

/// The counts at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Activities {
    /// The highest round with a certificate: epoch · 2³² + view.
    pub round: u64,
    /// Views whose finalisation was seen.
    pub finalised: u64,
    /// Views that were skipped.
    pub skipped: u64,
    /// Votes that contradict another vote of the same validator.
    pub contradictions: u64,
}

impl Observer {
    pub(crate) fn new(committees: Arc<Committees>, evidence_pool: Arc<EvidencePool>) -> Self {
        Self { counts: Arc::default(), committees, evidence_pool }
    }

    pub(crate) fn now(&self) -> Activities {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Activities {
            round: read(&self.counts.round),
            finalised: read(&self.counts.finalised),
            skipped: read(&self.counts.skipped),
            contradictions: read(&self.counts.contradictions),
        }
    }
}

impl Reporter for Observer {
    type Activity = Activity<Guarded, Digest>;

    fn report(&mut self, activity: Self::Activity) -> Feedback {
        let count = |count: &AtomicU64| {
            count.fetch_add(1, Ordering::Relaxed);
        };
        match activity {
            Activity::Finalization(certificate) => {
                count(&self.counts.finalised);
                self.counts.round.fetch_max(round::number(certificate.round()), Ordering::Relaxed);
            }
            Activity::Nullification(certificate) => {
                count(&self.counts.skipped);
                self.counts.round.fetch_max(round::number(certificate.round()), Ordering::Relaxed);
            }
            activity => {
                // The engine compares votes before it verifies them.
                let evidence = Evidence::reported(&activity, &self.committees)
                    .filter(|evidence| evidence.is_proved(&self.committees));
                if let Some(evidence) = evidence {
                    count(&self.counts.contradictions);
                    self.evidence_pool.accuse(evidence);
                }
            }
        }
        Feedback::Ok
    }
}
