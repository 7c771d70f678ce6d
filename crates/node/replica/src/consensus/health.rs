//! Whether the network lives (liveness), as one validator sees it: when a block was last final, whom it hears, how its
//! prices are.
//!
//! **Invariant:** what is shown was seen: a validator is heard if a vote or a certificate of its has come, over its own
//! authenticated link, not long ago.
//!
//! **Left out:** what to do about it. The engine goes on by itself; this is for those who look.

use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{Message, Receiver};
use machine::State;
use protocol::{Mode, UnderlyingId};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use units::{BlockSpan, BlockTime};

/// Peers that are remembered; there are never as many on the links.
const PEERS_MAX: usize = 1_024;

/// How the prices of an underlying stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oracle {
    /// Of what.
    pub underlying: UnderlyingId,
    /// Its name.
    pub name: String,
    /// What is allowed.
    pub mode: Mode,
    /// How much older its index is than the newest block; nothing if there never was one.
    pub age: Option<BlockSpan>,
}

/// Returns how the prices of all underlyings stand.
pub(crate) fn oracles(state: &State) -> Vec<Oracle> {
    let age = |at: BlockTime| BlockSpan::from_millis(state.time.millis() - at.millis());
    let oracles = state.underlyings.iter().map(|(id, held)| Oracle {
        underlying: *id,
        name: held.name.clone(),
        mode: held.mode,
        age: held.feed.index().map(|index| age(index.updated_at)),
    });
    oracles.collect()
}

#[derive(Debug)]
struct Beat {
    begun: Instant,
    /// When a block was last executed; the start, before the first.
    block: Instant,
    heard: BTreeMap<PublicKey, Instant>,
    oracles: Vec<Oracle>,
}

/// What has been seen, shared by those who see it and those who look.
#[derive(Debug)]
pub(crate) struct Health(Mutex<Beat>);

impl Health {
    pub(crate) fn new(now: Instant) -> Self {
        Self(Mutex::new(Beat {
            begun: now,
            block: now,
            heard: BTreeMap::new(),
            oracles: Vec::new(),
        }))
    }

    fn beat(&self) -> MutexGuard<'_, Beat> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn executed(&self, now: Instant, oracles: Vec<Oracle>) {
        let mut beat = self.beat();
        beat.block = now;
        beat.oracles = oracles;
    }

    pub(crate) fn hears(&self, peer: &PublicKey, now: Instant) {
        let mut beat = self.beat();
        if let Some(at) = beat.heard.get_mut(peer) {
            *at = now;
        } else if beat.heard.len() < PEERS_MAX {
            beat.heard.insert(peer.clone(), now);
        }
    }

    /// Returns for how long it has been listened.
    pub(crate) fn since_begun(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.beat().begun)
    }

    /// Returns since when there is no block.
    pub(crate) fn since_block(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.beat().block)
    }

    /// Returns who was heard no longer ago than that.
    pub(crate) fn heard(&self, now: Instant, within: Duration) -> Vec<PublicKey> {
        let beat = self.beat();
        let lately = |at: &Instant| now.saturating_duration_since(*at) <= within;
        beat.heard.iter().filter(|(_, at)| lately(at)).map(|(peer, _)| peer.clone()).collect()
    }

    pub(crate) fn oracles(&self) -> Vec<Oracle> {
        self.beat().oracles.clone()
    }
}

/// A channel on which whoever sends is heard.
#[derive(Debug)]
pub(crate) struct Heard<R> {
    inner: R,
    health: Arc<Health>,
}

impl<R> Heard<R> {
    pub(crate) fn new(inner: R, health: Arc<Health>) -> Self {
        Self { inner, health }
    }
}

impl<R: Receiver<PublicKey = PublicKey>> Receiver for Heard<R> {
    type Error = R::Error;
    type PublicKey = PublicKey;

    async fn recv(&mut self) -> Result<Message<PublicKey>, R::Error> {
        let message = self.inner.recv().await?;
        self.health.hears(&message.0, Instant::now());
        Ok(message)
    }

    fn capacity(&self) -> NonZeroUsize {
        self.inner.capacity()
    }
}

/// Why a validator is not to be relied upon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unready {
    /// It signs nothing more.
    #[error("not signing: {0}")]
    NotSigning(String),
    /// It has not executed what is final.
    #[error("{0} blocks behind")]
    Behind(u64),
    /// Too few validators are heard for a block to become final.
    #[error("{reached} of {validators} validators reached, {needed} needed")]
    Alone {
        /// Who is heard, itself included if it has a seat.
        reached: usize,
        /// Of how many.
        validators: usize,
        /// How many make a quorum.
        needed: usize,
    },
    /// No block has become final for long.
    #[error("no block for {} seconds", .0.as_secs())]
    Stalled(Duration),
}

/// Returns how many of so many validators make a quorum: more than two thirds.
pub(crate) const fn quorum(validators: usize) -> usize {
    validators - validators.saturating_sub(1) / 3
}

#[cfg(test)]
mod tests {
    use super::*;
    use commonware_cryptography::{Signer as _, ed25519::PrivateKey};

    #[test]
    fn who_says_nothing_is_heard_no_longer_and_a_block_ends_the_wait() {
        let begun = Instant::now();
        let later = |seconds| begun + Duration::from_secs(seconds);
        let [one, two] = [1, 2].map(|seed| PrivateKey::from_seed(seed).public_key());
        let health = Health::new(begun);
        health.hears(&one, later(1));
        health.hears(&two, later(8));
        let within = Duration::from_secs(10);
        assert_eq!(health.heard(later(9), within).len(), 2);
        assert_eq!(health.heard(later(12), within), std::slice::from_ref(&two));
        assert_eq!(health.heard(later(19), within), []);
        health.hears(&one, later(20));
        assert_eq!(health.heard(later(20), within), [one]);
        assert_eq!(health.since_block(later(20)), Duration::from_secs(20));
        health.executed(later(21), Vec::new());
        assert_eq!(health.since_block(later(25)), Duration::from_secs(4));
    }

    #[test]
    fn a_quorum_is_more_than_two_thirds() {
        assert_eq!([1, 2, 3, 4, 7, 10, 100].map(quorum), [1, 2, 3, 3, 5, 7, 67]);
    }
}
