//! Counting what the engine does: views, certificates, and proof of misbehaviour.

use crate::engine::Digest;
use crate::scheme::Guarded;
use commonware_actor::Feedback;
use commonware_consensus::{Reporter, Viewable as _, simplex::types::Activity};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, Default)]
struct Counts {
    view: AtomicU64,
    finalised: AtomicU64,
    skipped: AtomicU64,
    contradictions: AtomicU64,
}

/// What the engine reports, as counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Observer(Arc<Counts>);

/// The counts at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Activities {
    /// The highest view with a certificate.
    pub view: u64,
    /// Views whose finalisation was seen.
    pub finalised: u64,
    /// Views that were skipped.
    pub skipped: u64,
    /// Votes that contradict another vote of the same validator.
    pub contradictions: u64,
}

impl Observer {
    pub(crate) fn now(&self) -> Activities {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Activities {
            view: read(&self.0.view),
            finalised: read(&self.0.finalised),
            skipped: read(&self.0.skipped),
            contradictions: read(&self.0.contradictions),
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
                count(&self.0.finalised);
                self.0.view.fetch_max(certificate.view().get(), Ordering::Relaxed);
            }
            Activity::Nullification(certificate) => {
                count(&self.0.skipped);
                self.0.view.fetch_max(certificate.view().get(), Ordering::Relaxed);
            }
            Activity::ConflictingNotarize(_)
            | Activity::ConflictingFinalize(_)
            | Activity::NullifyFinalize(_) => count(&self.0.contradictions),
            _ => {}
        }
        Feedback::Ok
    }
}
