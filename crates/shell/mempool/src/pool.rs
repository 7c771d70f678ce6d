//! The pool itself: first come, first served.

use crate::{Rejected, open};
use protocol::Hash;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// How much may wait, and how much is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most submissions waiting.
    pub count: usize,
    /// Most bytes waiting.
    pub bytes: usize,
    /// How many submissions of finalised blocks are remembered, so that a late copy is not admitted again.
    pub remembered: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { count: 50_000, bytes: 32 << 20, remembered: 200_000 }
    }
}

/// What is waiting to be ordered.
#[derive(Debug)]
pub struct Mempool {
    limits: Limits,
    /// By order of arrival.
    waiting: VecDeque<(Hash, Arc<[u8]>)>,
    /// What has become of each name.
    known: HashMap<Hash, State>,
    /// Names of finalised submissions, oldest first.
    finalised: VecDeque<Hash>,
    bytes: usize,
    gone: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Finalised,
}

impl Mempool {
    /// Returns an empty pool.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            waiting: VecDeque::new(),
            known: HashMap::new(),
            finalised: VecDeque::new(),
            bytes: 0,
            gone: 0,
        }
    }

    /// Admits a submission and returns its name.
    ///
    /// # Errors
    ///
    /// [`Rejected`]; the pool is then unchanged.
    pub fn admit(&mut self, bytes: &[u8]) -> Result<Hash, Rejected> {
        let opened = open(bytes)?;
        if self.known.contains_key(&opened.name) {
            return Err(Rejected::Known(opened.name));
        }
        let full = self.len() >= self.limits.count
            || self.bytes.saturating_add(bytes.len()) > self.limits.bytes;
        if full {
            return Err(Rejected::Full { count: self.len(), bytes: self.bytes });
        }
        self.known.insert(opened.name, State::Waiting);
        self.waiting.push_back((opened.name, bytes.into()));
        self.bytes += bytes.len();
        Ok(opened.name)
    }

    /// Returns what is to go into the next block: the oldest, up to a number of bytes and of submissions, without those
    /// that the block's unfinalised ancestors hold already. They stay in the pool until they are final.
    #[must_use]
    pub fn take(
        &self,
        bytes_max: usize,
        count_max: usize,
        ancestors: &BTreeSet<Hash>,
    ) -> Vec<Arc<[u8]>> {
        let mut taken = Vec::new();
        let mut bytes = 0usize;
        for (name, submission) in &self.waiting {
            if self.known.get(name) != Some(&State::Waiting) || ancestors.contains(name) {
                continue;
            }
            bytes = bytes.saturating_add(submission.len()).saturating_add(4);
            if bytes > bytes_max || taken.len() >= count_max {
                break;
            }
            taken.push(submission.clone());
        }
        taken
    }

    /// Whether anything waits that the ancestors of the next block do not hold.
    #[must_use]
    pub fn has_more_than(&self, ancestors: &BTreeSet<Hash>) -> bool {
        self.waiting.iter().any(|(name, _)| {
            self.known.get(name) == Some(&State::Waiting) && !ancestors.contains(name)
        })
    }

    /// Forgets what a finalised block held, and remembers the names for a while.
    pub fn included(&mut self, names: impl IntoIterator<Item = Hash>) {
        for name in names {
            match self.known.insert(name, State::Finalised) {
                Some(State::Finalised) => continue,
                Some(State::Waiting) => self.gone += 1,
                None => {}
            }
            self.finalised.push_back(name);
        }
        while self.finalised.len() > self.limits.remembered {
            if let Some(oldest) = self.finalised.pop_front() {
                self.known.remove(&oldest);
            }
        }
        self.clean();
    }

    /// Removes from the queue what is final.
    fn clean(&mut self) {
        if self.gone == 0 {
            return;
        }
        let known = &self.known;
        self.waiting.retain(|(name, _)| known.get(name) == Some(&State::Waiting));
        self.bytes = self.waiting.iter().map(|(_, submission)| submission.len()).sum();
        self.gone = 0;
    }

    /// Returns how many submissions wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Returns how many bytes wait.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SUBMISSION_BYTES_MAX, Submission};
    use protocol::{Address, Command, Transaction, codec};

    fn submission(nonce: u64) -> Vec<u8> {
        let command = Command::MassCancel { sub: 0, instrument: None };
        let transaction = Transaction { sender: Address::new([7; 20]), command };
        codec::encode(&Submission { nonce, transaction }).expect("encodable")
    }

    fn pool(count: usize) -> Mempool {
        Mempool::new(Limits { count, bytes: 1 << 20, remembered: 4 })
    }

    #[test]
    fn a_submission_is_admitted_once_until_it_is_forgotten() {
        let mut pool = pool(10);
        let name = pool.admit(&submission(1)).expect("new");
        assert_eq!(pool.admit(&submission(1)), Err(Rejected::Known(name)));
        pool.included([name]);
        assert!(pool.is_empty() && pool.bytes() == 0);
        assert_eq!(pool.admit(&submission(1)), Err(Rejected::Known(name)), "a late copy");
        pool.included((10..14).map(|nonce| crate::name_of(&submission(nonce))));
        assert_eq!(pool.admit(&submission(1)), Ok(name), "no longer remembered");
    }

    #[test]
    fn what_unfinalised_ancestors_hold_is_not_taken_again_and_comes_back_if_they_fail() {
        let mut pool = pool(10);
        let names: Vec<_> =
            (0..3).map(|nonce| pool.admit(&submission(nonce)).expect("new")).collect();
        let ancestors = BTreeSet::from([names[0], names[1]]);
        assert_eq!(pool.take(usize::MAX, 10, &ancestors).len(), 1);
        assert_eq!(pool.take(usize::MAX, 10, &BTreeSet::new()).len(), 3);
        assert!(!pool.has_more_than(&names.into_iter().collect()));
    }

    #[test]
    fn the_oldest_are_taken_first_within_bytes_and_count() {
        let mut pool = pool(10);
        for nonce in 0..5 {
            pool.admit(&submission(nonce)).expect("new");
        }
        let length = submission(0).len() + 4;
        let taken = pool.take(length * 2, 10, &BTreeSet::new());
        assert_eq!(
            taken.iter().map(|held| held.to_vec()).collect::<Vec<_>>(),
            [submission(0), submission(1)]
        );
        assert_eq!(pool.take(usize::MAX, 1, &BTreeSet::new()).len(), 1);
    }

    #[test]
    fn a_full_pool_and_malformed_bytes_change_nothing() {
        let mut pool = pool(2);
        pool.admit(&submission(0)).expect("new");
        pool.admit(&submission(1)).expect("new");
        assert!(matches!(pool.admit(&submission(2)), Err(Rejected::Full { count: 2, .. })));
        assert!(matches!(pool.admit(b"x"), Err(Rejected::Malformed(_))));
        let long = vec![0; SUBMISSION_BYTES_MAX + 1];
        assert!(matches!(pool.admit(&long), Err(Rejected::TooLong { .. })));
        assert_eq!(pool.len(), 2);
    }
}
