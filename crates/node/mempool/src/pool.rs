//! The pool itself: who waits, and whose turn it is.

use crate::Rejected;
use crate::allowance::{Allowances, Class, PerBlock, Refusal, Standing};
use crate::queues::{Held, NoRoom, Place, Queues};
use crate::sources::{Source, Sources};
use access::{Network, Read};
use protocol::{Address, Grant, Hash, NonceWindow, Signer};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use units::BlockTime;

/// How much may wait, and how much is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most submissions waiting; a quarter of them of owners who hold little.
    pub count: usize,
    /// Most bytes waiting; a quarter of them of owners who hold little.
    pub bytes: usize,
    /// Most submissions of one owner waiting.
    pub per_owner: usize,
    /// How many submissions of finalised blocks are remembered, so that a late copy is not admitted again.
    pub remembered: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { count: 50_000, bytes: 32 << 20, per_owner: 1_024, remembered: 200_000 }
    }
}

/// Keys whose used nonces are remembered, in each of two generations.
const KEYS_REMEMBERED: usize = 4_096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting(Address, Signer, u64),
    Finalised,
}

/// What is waiting to be ordered.
#[derive(Debug)]
pub struct Mempool {
    network: Network,
    limits: Limits,
    queues: Queues,
    /// What has become of each name.
    known: HashMap<Hash, State>,
    /// Names of finalised submissions, oldest first.
    finalised: VecDeque<Hash>,
    /// What goes when a block is as late.
    expiries: BTreeSet<(BlockTime, Hash)>,
    /// Nonces seen in blocks: of keys seen lately, and of those seen before.
    nonces: [HashMap<(Address, Signer), NonceWindow>; 2],
    allowances: Allowances,
    sources: Sources,
    now: BlockTime,
    /// Whose turn it is first in a block.
    turn: usize,
}

impl Mempool {
    /// Returns an empty pool of a network.
    #[must_use]
    pub fn new(network: Network, limits: Limits) -> Self {
        Self {
            network,
            limits,
            queues: Queues::new(limits.count, limits.bytes),
            known: HashMap::new(),
            finalised: VecDeque::new(),
            expiries: BTreeSet::new(),
            nonces: [HashMap::new(), HashMap::new()],
            allowances: Allowances::default(),
            sources: Sources::default(),
            now: BlockTime::from_millis(0),
            turn: 0,
        }
    }

    /// Admits submissions of a source, in order, and returns the name of each. The signatures are checked at once, unless
    /// one of them is bad; `standing` is asked what an owner is to the house.
    ///
    /// # Errors
    ///
    /// [`Rejected`] for each that is not admitted; the pool is then as it was before it.
    ///
    /// spec 0027-ACC-010, 0027-ACC-011.
    pub fn admit(
        &mut self,
        source: Source,
        submissions: &[impl AsRef<[u8]>],
        mut standing: impl FnMut(Address) -> Standing,
    ) -> Vec<Result<Hash, Rejected>> {
        let read = submissions.iter().map(|bytes| {
            let read = access::read(&self.network, bytes.as_ref())?;
            self.examine(source, &read)?;
            let (owner, spent) = (read.grant.owner, spent(&read, bytes.as_ref()));
            self.allowances.affords(owner, spent, || standing(owner))?;
            Ok(read)
        });
        let mut read: Vec<Result<Read, Rejected>> = read.collect();
        let sound: Vec<&Read> = read.iter().filter_map(|held| held.as_ref().ok()).collect();
        if access::verify(&self.network, sound).is_err() {
            for held in &mut read {
                let Ok(one) = held else { continue };
                let owner = one.grant.owner;
                if !self.sources.is_heard(source, owner) {
                    *held = Err(Rejected::Muted);
                } else if let Err((_, bad)) = access::verify(&self.network, [&*one]) {
                    self.sources.sent_a_bad_one(source, owner);
                    *held = Err(bad.into());
                }
            }
        }
        let mut insert = |(held, bytes): (Result<Read, Rejected>, &[u8])| {
            let held = held?;
            let owner = held.grant.owner;
            self.sources.sent_a_good_one(source, owner);
            let purse = self.allowances.purse(owner, &mut standing).ok_or(Rejected::Stranger)?;
            self.insert(held, bytes, (purse.class, purse.per_block))
        };
        read.into_iter().zip(submissions.iter().map(AsRef::as_ref)).map(&mut insert).collect()
    }

    /// Checks all that is cheap, before a signature is.
    fn examine(&self, source: Source, read: &Read) -> Result<(), Rejected> {
        let Grant { owner, signer, nonce, expires_at, .. } = read.grant;
        if self.known.contains_key(&read.name) {
            return Err(Rejected::Known(read.name));
        }
        if expires_at <= self.now {
            return Err(Rejected::Expired { expires_at, now: self.now });
        }
        let used = |window: &HashMap<(Address, Signer), NonceWindow>| {
            window.get(&(owner, signer)).is_some_and(|window| !window.is_free(nonce))
        };
        if nonce == 0 || self.nonces.iter().any(used) {
            return Err(Rejected::NonceUsed(nonce));
        }
        let waiting = self.queues.get(owner, &(signer, nonce));
        if waiting.is_some_and(|waiting| waiting.expires_at >= expires_at) {
            return Err(Rejected::NonceWaiting(nonce));
        }
        if !self.sources.is_heard(source, owner) {
            return Err(Rejected::Muted);
        }
        Ok(())
    }

    /// Keeps a submission whose signature is good.
    fn insert(
        &mut self,
        read: Read,
        bytes: &[u8],
        standing: (Class, PerBlock),
    ) -> Result<Hash, Rejected> {
        let Grant { owner, signer, nonce, expires_at, count, .. } = read.grant;
        // Another of the same request may have come in between.
        if self.known.contains_key(&read.name) {
            return Err(Rejected::Known(read.name));
        }
        let place = (signer, nonce);
        let replaced = self.queues.get(owner, &place);
        if replaced.is_some_and(|waiting| waiting.expires_at >= expires_at) {
            return Err(Rejected::NonceWaiting(nonce));
        }
        let waiting = self.queues.count_of(owner);
        if replaced.is_none() && waiting >= self.limits.per_owner {
            return Err(Rejected::OwnerFull(waiting));
        }
        // Before anybody gives way: else it would cost nothing to have others put out.
        self.allowances.spend(owner, spent(&read, bytes))?;
        let (gone, room) = self.queues.make_room(owner, &place, bytes.len(), standing);
        for held in gone {
            self.forget(&held);
        }
        room?;
        let (name, commands) = (read.name, usize::from(count));
        self.known.insert(name, State::Waiting(owner, signer, nonce));
        self.expiries.insert((expires_at, name));
        let held = Held { name, bytes: bytes.into(), commands, expires_at };
        self.queues.insert(owner, place, held, standing);
        Ok(name)
    }

    /// Forgets a submission that waits.
    fn remove(&mut self, owner: Address, place: Place) {
        if let Some(held) = self.queues.remove(owner, &place) {
            self.forget(&held);
        }
    }

    /// Forgets what is known of a submission that no longer waits.
    fn forget(&mut self, held: &Held) {
        self.known.remove(&held.name);
        self.expiries.remove(&(held.expires_at, held.name));
    }

    /// Returns what is to go into the next block, up to a number of bytes and of commands, without the submissions that
    /// the block's unfinalised ancestors hold already. The owners take turns, one submission each, first within what each may
    /// send a block; of its own, an owner's signature comes before those of session keys, and a lower nonce before a
    /// higher. They stay in the pool until they are final.
    ///
    /// spec 0027-ACC-010.
    #[must_use]
    pub fn take(
        &self,
        bytes_max: usize,
        commands_max: usize,
        ancestors: &BTreeSet<Hash>,
    ) -> Vec<Arc<[u8]>> {
        self.queues.take(self.turn, (bytes_max, commands_max), ancestors)
    }

    /// Whether anything waits that the ancestors of the next block do not hold.
    #[must_use]
    pub fn has_more_than(&self, ancestors: &BTreeSet<Hash>) -> bool {
        self.queues.all().any(|held| !ancestors.contains(&held.name))
    }

    /// Whether the signature of a submission has been checked here.
    #[must_use]
    pub fn is_genuine(&self, name: &Hash) -> bool {
        self.known.contains_key(name)
    }

    /// Forgets what an executed block held and what has expired by its time, remembers names and nonces for a while, and
    /// renews allowances.
    pub fn included<'a>(
        &mut self,
        time: BlockTime,
        held: impl IntoIterator<Item = (Hash, &'a Grant)>,
    ) {
        for (name, grant) in held {
            self.remove(grant.owner, (grant.signer, grant.nonce));
            self.use_nonce((grant.owner, grant.signer), grant.nonce);
            if self.known.insert(name, State::Finalised) != Some(State::Finalised) {
                self.finalised.push_back(name);
            }
        }
        while self.finalised.len() > self.limits.remembered {
            if let Some(oldest) = self.finalised.pop_front() {
                self.known.remove(&oldest);
            }
        }
        self.now = self.now.max(time);
        while let Some((expires_at, name)) = self.expiries.first().copied() {
            if expires_at > self.now {
                break;
            }
            self.expiries.remove(&(expires_at, name));
            if let Some(State::Waiting(owner, signer, nonce)) = self.known.get(&name).copied() {
                self.remove(owner, (signer, nonce));
            }
        }
        self.turn = self.turn.wrapping_add(1);
        self.allowances.renew();
        self.sources.renew();
    }

    fn use_nonce(&mut self, key: (Address, Signer), nonce: u64) {
        let [recent, before] = &mut self.nonces;
        if !recent.contains_key(&key) {
            let window = before.remove(&key).unwrap_or_default();
            if recent.len() >= KEYS_REMEMBERED {
                *before = std::mem::take(recent);
            }
            recent.insert(key, window);
        }
        if let Some(window) = recent.get_mut(&key) {
            window.take(nonce);
        }
    }

    /// Returns how many submissions wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queues.count()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queues.count() == 0
    }

    /// Returns how many bytes wait.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.queues.bytes()
    }

    /// Returns the network whose submissions wait.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }
}

/// Returns what a submission takes of its owner's allowance.
fn spent(read: &Read, bytes: &[u8]) -> PerBlock {
    let bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    PerBlock { commands: u64::from(read.grant.count), bytes }
}

impl From<Refusal> for Rejected {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Stranger => Self::Stranger,
            Refusal::Spent(PerBlock { commands, bytes }) => {
                Self::TooFast { per_block: commands, bytes }
            }
        }
    }
}

impl From<NoRoom> for Rejected {
    fn from(full: NoRoom) -> Self {
        match full {
            NoRoom::Part { count, bytes } => Self::Full { count, bytes },
            NoRoom::Owner { bytes } => Self::OwnerBytes(bytes),
        }
    }
}

#[cfg(test)]
mod tests;
