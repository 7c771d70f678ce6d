//! What waits, by owner, and who gives way when there is no more room: fair queueing, round robin between owners, and
//! eviction.
//!
//! Owners who hold little have a quarter of the pool between them, the others the rest. Within a part nobody can be shut
//! out: whoever holds most of it, measured by what it may send a block, gives way to whoever would hold less.
//!
//! **Invariant:** neither part is ever fuller than its limits, and no owner has more waiting than adds up for it.

use crate::allowance::{BURST_BLOCKS, Class, PerBlock};
use protocol::{Address, Hash, Signer};
use std::collections::{BTreeMap, BTreeSet, VecDeque, btree_map};
use std::iter::Peekable;
use std::sync::Arc;
use units::BlockTime;

/// Bytes that a place in the pool counts besides those of the submission.
const PLACE_BYTES: u64 = 512;
/// Part of the pool, and of a block, that is for owners who hold little: one in so many.
const SMALL_PART: usize = 4;

/// Place of a submission among those of its owner: the owner's own first, then by nonce.
pub(crate) type Place = (Signer, u64);

#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) name: Hash,
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) commands: usize,
    pub(crate) expires_at: BlockTime,
}

/// What waits of one owner.
#[derive(Debug)]
struct Queue {
    held: BTreeMap<Place, Held>,
    bytes: usize,
    class: Class,
    per_block: PerBlock,
}

impl Queue {
    /// Returns how much of the room the owner takes by what it may send, with so many submissions and bytes more.
    fn weight(&self, count: usize, bytes: usize) -> u64 {
        weight(self.held.len() + count, self.bytes + bytes, self.per_block)
    }
}

fn weight(count: usize, bytes: usize, per_block: PerBlock) -> u64 {
    let places = PLACE_BYTES.saturating_mul(u64::try_from(count).unwrap_or(u64::MAX));
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    places.saturating_add(bytes).saturating_mul(1 << 16) / per_block.bytes.max(1)
}

/// One part of the pool.
#[derive(Debug, Default)]
struct Part {
    count: usize,
    bytes: usize,
    /// Its owners, the weightiest last.
    owners: BTreeSet<(u64, Address)>,
}

/// Why there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoRoom {
    Part { count: usize, bytes: usize },
    Owner { bytes: usize },
}

/// All queues.
#[derive(Debug)]
pub(crate) struct Queues {
    owners: BTreeMap<Address, Queue>,
    small: Part,
    large: Part,
    count_max: usize,
    bytes_max: usize,
}

impl Queues {
    pub(crate) fn new(count_max: usize, bytes_max: usize) -> Self {
        let (small, large) = (Part::default(), Part::default());
        Self { owners: BTreeMap::new(), small, large, count_max, bytes_max }
    }

    pub(crate) fn count(&self) -> usize {
        self.small.count + self.large.count
    }

    pub(crate) fn bytes(&self) -> usize {
        self.small.bytes + self.large.bytes
    }

    pub(crate) fn get(&self, owner: Address, place: &Place) -> Option<&Held> {
        self.owners.get(&owner)?.held.get(place)
    }

    pub(crate) fn count_of(&self, owner: Address) -> usize {
        self.owners.get(&owner).map_or(0, |queue| queue.held.len())
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Held> {
        self.owners.values().flat_map(|queue| queue.held.values())
    }

    fn part(&mut self, class: Class) -> &mut Part {
        match class {
            Class::Small => &mut self.small,
            Class::Large => &mut self.large,
        }
    }

    /// Returns the most that a part may hold: submissions, and bytes.
    fn limits(&self, class: Class) -> (usize, usize) {
        let (count, bytes) = (self.count_max / SMALL_PART, self.bytes_max / SMALL_PART);
        match class {
            Class::Small => (count, bytes),
            Class::Large => (self.count_max - count, self.bytes_max - bytes),
        }
    }

    /// Changes an owner's queue, and counts it again.
    fn change<T>(&mut self, owner: Address, change: impl FnOnce(&mut Queue) -> T) -> Option<T> {
        let mut queue = self.owners.remove(&owner)?;
        let before = (queue.weight(0, 0), owner);
        let (count, bytes) = (queue.held.len(), queue.bytes);
        let part = self.part(queue.class);
        part.owners.remove(&before);
        part.count -= count;
        part.bytes -= bytes;
        let changed = change(&mut queue);
        if !queue.held.is_empty() {
            let (count, bytes, weight) = (queue.held.len(), queue.bytes, queue.weight(0, 0));
            let part = self.part(queue.class);
            part.owners.insert((weight, owner));
            part.count += count;
            part.bytes += bytes;
            self.owners.insert(owner, queue);
        }
        Some(changed)
    }

    pub(crate) fn remove(&mut self, owner: Address, place: &Place) -> Option<Held> {
        let take = |queue: &mut Queue| {
            let held = queue.held.remove(place)?;
            queue.bytes -= held.bytes.len();
            Some(held)
        };
        self.change(owner, take).flatten()
    }

    /// Makes room for a submission in place of what stands in its place, and returns what has given way.
    pub(crate) fn make_room(
        &mut self,
        owner: Address,
        place: &Place,
        bytes: usize,
        (class, per_block): (Class, PerBlock),
    ) -> (Vec<Held>, Result<(), NoRoom>) {
        let mut gone: Vec<Held> = self.remove(owner, place).into_iter().collect();
        // Its standing may have changed since.
        self.change(owner, |queue| (queue.class, queue.per_block) = (class, per_block));
        let queue = self.owners.get(&owner);
        let (count, waiting) = queue.map_or((0, 0), |queue| (queue.held.len(), queue.bytes));
        let share = usize::try_from(per_block.bytes.saturating_mul(BURST_BLOCKS));
        if waiting.saturating_add(bytes) > share.unwrap_or(usize::MAX) {
            return (gone, Err(NoRoom::Owner { bytes: waiting }));
        }
        let heavy = weight(count + 1, waiting.saturating_add(bytes), per_block);
        let (count_max, bytes_max) = self.limits(class);
        loop {
            let part = self.part(class);
            if part.count < count_max && part.bytes.saturating_add(bytes) <= bytes_max {
                return (gone, Ok(()));
            }
            let weightiest = part.owners.last().copied().filter(|(weight, _)| *weight > heavy);
            let Some((_, other)) = weightiest else {
                let (count, bytes) = (part.count, part.bytes);
                return (gone, Err(NoRoom::Part { count, bytes }));
            };
            // Its last: what it would have had to wait for longest.
            let last = |queue: &mut Queue| {
                let (_, held) = queue.held.pop_last()?;
                queue.bytes -= held.bytes.len();
                Some(held)
            };
            gone.extend(self.change(other, last).flatten());
        }
    }

    /// Adds a submission for which there is room.
    pub(crate) fn insert(
        &mut self,
        owner: Address,
        place: Place,
        held: Held,
        (class, per_block): (Class, PerBlock),
    ) {
        if let btree_map::Entry::Vacant(entry) = self.owners.entry(owner) {
            entry.insert(Queue { held: BTreeMap::new(), bytes: 0, class, per_block });
        }
        self.change(owner, |queue| {
            queue.bytes += held.bytes.len();
            queue.held.insert(place, held);
        });
    }

    /// Returns what goes into a block, beginning with the owner whose turn it is. First those who hold much, up to three
    /// quarters of the block, then the others; each no more than it may send a block. What is then left goes to whoever has
    /// more.
    pub(crate) fn take(
        &self,
        turn: usize,
        (bytes_max, commands_max): (usize, usize),
        ancestors: &BTreeSet<Hash>,
    ) -> Vec<Arc<[u8]>> {
        let mut queues: Vec<Turn<'_>> = self
            .owners
            .values()
            .map(|queue| Turn {
                class: queue.class,
                most: usize::try_from(queue.per_block.bytes).unwrap_or(usize::MAX),
                taken: 0,
                rest: queue.held.values().peekable(),
            })
            .collect();
        let first = turn.checked_rem(queues.len()).unwrap_or(0);
        queues.rotate_left(first);
        let mut draft = Draft { taken: Vec::new(), bytes: 0, commands: 0, ancestors };
        let less = |room: usize| if self.small.count > 0 { room - room / SMALL_PART } else { room };
        let of = |class| move |turn: &Turn<'_>| turn.class == class;
        draft.fill(&mut queues, of(Class::Large), true, (less(bytes_max), less(commands_max)));
        draft.fill(&mut queues, of(Class::Small), true, (bytes_max, commands_max));
        draft.fill(&mut queues, |_| true, false, (bytes_max, commands_max));
        draft.taken
    }
}

/// An owner's turns in a block.
struct Turn<'a> {
    class: Class,
    /// Bytes that it may send a block.
    most: usize,
    taken: usize,
    rest: Peekable<btree_map::Values<'a, Place, Held>>,
}

/// A block that is being filled.
struct Draft<'a> {
    taken: Vec<Arc<[u8]>>,
    bytes: usize,
    commands: usize,
    ancestors: &'a BTreeSet<Hash>,
}

impl Draft<'_> {
    /// Lets some owners take turns, one submission each, until none has one that fits.
    fn fill(
        &mut self,
        queues: &mut [Turn<'_>],
        may: impl Fn(&Turn<'_>) -> bool,
        bounded: bool,
        (bytes_max, commands_max): (usize, usize),
    ) {
        let mut turns: VecDeque<&mut Turn<'_>> =
            queues.iter_mut().filter(|turn| may(turn)).collect();
        while let Some(turn) = turns.pop_front() {
            while turn.rest.next_if(|held| self.ancestors.contains(&held.name)).is_some() {}
            let Some(held) = turn.rest.peek() else { continue };
            let longer = self.bytes.saturating_add(held.bytes.len()).saturating_add(4);
            let more = self.commands.saturating_add(held.commands);
            let own = turn.taken.saturating_add(held.bytes.len());
            // One that is longer than its owner's share of a block is its first.
            let is_due = !bounded || turn.taken == 0 || own <= turn.most;
            // What does not fit ends its owner's turns; something shorter of another's may.
            if is_due && longer <= bytes_max && more <= commands_max {
                (self.bytes, self.commands, turn.taken) = (longer, more, own);
                self.taken.push(held.bytes.clone());
                turn.rest.next();
                turns.push_back(turn);
            }
        }
    }
}
