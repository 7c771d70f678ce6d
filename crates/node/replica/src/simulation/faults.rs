//! What is wrong with one simulated validator, and a bug that all of them may have: fault injection.

use super::lies::Liar;
use crate::consensus::block::Block;
use crate::engine::Runtime;
use crate::execution::chain::Chain;
use crate::execution::execute::Delivery;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;

/// A bug that is switched on, to show that the simulation finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    /// A validator executes a block as soon as it has voted for it, without waiting for a quorum.
    NoQuorum,
}

/// A switched-on bug at its place.
#[derive(Debug, Clone)]
pub(crate) struct Planted {
    plant: Plant,
    deliveries: mpsc::UnboundedSender<Delivery>,
    chain: Arc<Chain>,
}

impl Planted {
    pub(crate) fn voted_for(&self, block: &Block) {
        let next = block.number() == self.chain.height().saturating_add(1);
        if self.plant == Plant::NoQuorum && next {
            // The executor is gone only when the validator is.
            drop(self.deliveries.send((Arc::new(block.clone()), None)));
        }
    }
}

/// What is wrong with a validator; by default nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    pub(crate) plant: Option<Plant>,
    pub(crate) planted: Option<Planted>,
    pub(crate) liar: Option<Arc<Liar>>,
    /// Milliseconds that its clock is ahead.
    pub(crate) skew: Arc<AtomicI64>,
    /// Milliseconds that its disk takes for a block.
    pub(crate) slowness: Arc<AtomicU64>,
}

impl Faults {
    /// Returns these faults with the switched-on bug at its place.
    pub(crate) fn planted_at(
        self,
        deliveries: &mpsc::UnboundedSender<Delivery>,
        chain: &Arc<Chain>,
    ) -> Self {
        let planted =
            |plant| Planted { plant, deliveries: deliveries.clone(), chain: chain.clone() };
        Self { planted: self.plant.map(planted), ..self }
    }

    /// Returns what a clock shows to this validator.
    pub(crate) fn shown(&self, now: SystemTime) -> SystemTime {
        let skew = self.skew.load(Ordering::Relaxed);
        let by = Duration::from_millis(skew.unsigned_abs());
        if skew < 0 { now.checked_sub(by).unwrap_or(SystemTime::UNIX_EPOCH) } else { now + by }
    }

    /// Passes blocks on to the executor no faster than the disk takes them.
    pub(crate) fn slow_down<E: Runtime>(
        &self,
        runtime: E,
        mut inbox: mpsc::UnboundedReceiver<Delivery>,
    ) -> mpsc::UnboundedReceiver<Delivery> {
        let (passed_on, slow_inbox) = mpsc::unbounded_channel();
        let slowness = self.slowness.clone();
        runtime.spawn(move |runtime| async move {
            while let Some(delivery) = inbox.recv().await {
                let millis = slowness.load(Ordering::Relaxed);
                if millis > 0 {
                    runtime.sleep(Duration::from_millis(millis)).await;
                }
                if passed_on.send(delivery).is_err() {
                    return;
                }
            }
        });
        slow_inbox
    }
}
