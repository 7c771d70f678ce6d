//! The pool itself: who waits, and whose turn it is.

use crate::Rejected;
use crate::allowance::{Allowances, Standing};
use crate::sources::{Source, Sources};
use access::{Network, Read};
use protocol::{Address, Grant, Hash, NonceWindow, Signer};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use units::BlockTime;

/// How much may wait, and how much is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most submissions waiting.
    pub count: usize,
    /// Most bytes waiting.
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

/// Place of a submission among those of its owner: the owner's own first, then by nonce.
type Place = (Signer, u64);

#[derive(Debug)]
struct Held {
    name: Hash,
    bytes: Arc<[u8]>,
    commands: usize,
    expires_at: BlockTime,
}

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
    owners: BTreeMap<Address, BTreeMap<Place, Held>>,
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
    count: usize,
    bytes: usize,
}

impl Mempool {
    /// Returns an empty pool of a network.
    #[must_use]
    pub fn new(network: Network, limits: Limits) -> Self {
        Self {
            network,
            limits,
            owners: BTreeMap::new(),
            known: HashMap::new(),
            finalised: VecDeque::new(),
            expiries: BTreeSet::new(),
            nonces: [HashMap::new(), HashMap::new()],
            allowances: Allowances::new(),
            sources: Sources::default(),
            now: BlockTime::from_millis(0),
            turn: 0,
            count: 0,
            bytes: 0,
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
            let (owner, commands) = (read.grant.owner, u64::from(read.grant.count));
            let affords = self.allowances.affords(owner, commands, || standing(owner));
            affords.map_err(|per_block| Rejected::TooFast { per_block })?;
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
            if self.allowances.wants_standing(owner) {
                self.allowances.set_standing(owner, standing(owner));
            }
            self.insert(held, bytes)
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
        let waiting = self.owners.get(&owner).and_then(|held| held.get(&(signer, nonce)));
        if waiting.is_some_and(|waiting| waiting.expires_at >= expires_at) {
            return Err(Rejected::NonceWaiting(nonce));
        }
        if !self.sources.is_heard(source, owner) {
            return Err(Rejected::Muted);
        }
        Ok(())
    }

    /// Keeps a submission whose signature is good.
    fn insert(&mut self, read: Read, bytes: &[u8]) -> Result<Hash, Rejected> {
        let Grant { owner, signer, nonce, expires_at, count, .. } = read.grant;
        // Another of the same request may have come in between.
        if self.known.contains_key(&read.name) {
            return Err(Rejected::Known(read.name));
        }
        let queue = self.owners.get(&owner);
        let replaced = queue.and_then(|queue| queue.get(&(signer, nonce)));
        if replaced.is_some_and(|waiting| waiting.expires_at >= expires_at) {
            return Err(Rejected::NonceWaiting(nonce));
        }
        let waiting = queue.map_or(0, BTreeMap::len);
        if replaced.is_none() && waiting >= self.limits.per_owner {
            return Err(Rejected::OwnerFull(waiting));
        }
        let freed = replaced.map_or(0, |held| held.bytes.len());
        let full = (replaced.is_none() && self.count >= self.limits.count)
            || self.bytes.saturating_add(bytes.len()).saturating_sub(freed) > self.limits.bytes;
        if full {
            return Err(Rejected::Full { count: self.count, bytes: self.bytes });
        }
        let spent = self.allowances.spend(owner, u64::from(count));
        spent.map_err(|per_block| Rejected::TooFast { per_block })?;
        self.remove(owner, (signer, nonce));
        let (name, commands) = (read.name, usize::from(count));
        self.known.insert(name, State::Waiting(owner, signer, nonce));
        self.expiries.insert((expires_at, name));
        let held = Held { name, bytes: bytes.into(), commands, expires_at };
        self.owners.entry(owner).or_default().insert((signer, nonce), held);
        self.count += 1;
        self.bytes += bytes.len();
        Ok(name)
    }

    /// Forgets a submission that waits.
    fn remove(&mut self, owner: Address, place: Place) {
        let Some(queue) = self.owners.get_mut(&owner) else { return };
        let Some(held) = queue.remove(&place) else { return };
        if queue.is_empty() {
            self.owners.remove(&owner);
        }
        self.known.remove(&held.name);
        self.expiries.remove(&(held.expires_at, held.name));
        self.count -= 1;
        self.bytes -= held.bytes.len();
    }

    /// Returns what is to go into the next block, up to a number of bytes and of commands, without the submissions that
    /// the block's unfinalised ancestors hold already. The owners take turns, one submission each; of its own, an owner's
    /// signature comes before those of session keys, and a lower nonce before a higher. They stay in the pool until they
    /// are final.
    ///
    /// spec 0027-ACC-010.
    #[must_use]
    pub fn take(
        &self,
        bytes_max: usize,
        commands_max: usize,
        ancestors: &BTreeSet<Hash>,
    ) -> Vec<Arc<[u8]>> {
        let mut queues: VecDeque<_> = self.owners.values().map(BTreeMap::values).collect();
        let first = self.turn.checked_rem(queues.len()).unwrap_or(0);
        queues.rotate_left(first);
        let (mut taken, mut bytes, mut commands) = (Vec::new(), 0usize, 0usize);
        while let Some(mut queue) = queues.pop_front() {
            let Some(held) = queue.find(|held| !ancestors.contains(&held.name)) else { continue };
            let longer = bytes.saturating_add(held.bytes.len()).saturating_add(4);
            let more = commands.saturating_add(held.commands);
            // What does not fit ends its owner's turns; something shorter of another's may.
            if longer <= bytes_max && more <= commands_max {
                (bytes, commands) = (longer, more);
                taken.push(held.bytes.clone());
                queues.push_back(queue);
            }
        }
        taken
    }

    /// Whether anything waits that the ancestors of the next block do not hold.
    #[must_use]
    pub fn has_more_than(&self, ancestors: &BTreeSet<Hash>) -> bool {
        let mut waiting = self.owners.values().flat_map(BTreeMap::values);
        waiting.any(|held| !ancestors.contains(&held.name))
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
        self.count
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns how many bytes wait.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the network whose submissions wait.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }
}

#[cfg(test)]
mod tests;
