//! Who validates: the committees of the last epoch, of this one and of the next, and the one that governance wants.
//!
//! An epoch is a fixed number of blocks. Its first block settles who has a seat in the next one. From one committee to
//! the next no more seats are given than a committee can lose, and no more are taken: one whose newcomers are all
//! absent still decides, and so does one whose leavers have gone early.
//!
//! **Invariant:** a number and its key belong together for ever; a committee never has fewer seats than four, or than
//! it had at genesis if those were fewer.
//!
//! What it leaves out: whether a key is one, which whoever verifies signatures checks, and who has voted.

use crate::state::genesis::Genesis;
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{Seat, ValidatorId, limits};
use std::collections::{BTreeMap, BTreeSet};
use units::BlockHeight;

/// Seats by validator.
type Seats = BTreeMap<ValidatorId, Seat>;

/// Who validates, and when.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Committee {
    pub(crate) epoch: u64,
    epoch_blocks: u64,
    pub(crate) last: Seats,
    pub(crate) present: Seats,
    pub(crate) next: Seats,
    pub(crate) wanted: Seats,
    /// The keys of all that ever had a seat.
    pub(crate) keys: BTreeMap<ValidatorId, [u8; 32]>,
}

/// Who validates, as the state root commits to it. Seats are ascending by validator.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CommitteeRecord {
    /// The epoch of the block after which this holds.
    pub epoch: u64,
    /// Blocks of an epoch.
    pub epoch_blocks: u64,
    /// Who had a seat in the epoch before.
    pub last: Vec<Seat>,
    /// Who has one in this epoch.
    pub present: Vec<Seat>,
    /// Who has one in the next: settled.
    pub next: Vec<Seat>,
    /// Who is to have one after that, as far as one step at a time goes.
    pub wanted: Vec<Seat>,
}

impl Committee {
    pub(crate) fn new(genesis: &Genesis) -> Self {
        let seats: Seats =
            genesis.validators.iter().map(|held| (held.seat.validator, held.seat)).collect();
        Self {
            epoch: 0,
            epoch_blocks: genesis.epoch_blocks,
            last: seats.clone(),
            present: seats.clone(),
            next: seats.clone(),
            keys: seats.iter().map(|(id, seat)| (*id, seat.key)).collect(),
            wanted: seats,
        }
    }

    /// Returns the record.
    ///
    /// spec 0033-COMM-008.
    #[must_use]
    pub fn record(&self) -> CommitteeRecord {
        let seats = |held: &Seats| held.values().copied().collect();
        CommitteeRecord {
            epoch: self.epoch,
            epoch_blocks: self.epoch_blocks,
            last: seats(&self.last),
            present: seats(&self.present),
            next: seats(&self.next),
            wanted: seats(&self.wanted),
        }
    }

    /// Whether a validator has a seat in this epoch.
    #[must_use]
    pub fn is_seated(&self, validator: ValidatorId) -> bool {
        self.present.contains_key(&validator)
    }

    pub(crate) const fn keys(&self) -> &BTreeMap<ValidatorId, [u8; 32]> {
        &self.keys
    }

    /// Whether a block is the first of an epoch. Its height is positive.
    pub(crate) fn begins_at(&self, height: BlockHeight) -> bool {
        height.blocks().checked_rem(i128::from(self.epoch_blocks)) == Some(0)
    }

    /// Whether a decoded committee is one: in the epoch of its height, with seats under their own numbers and keys.
    pub(crate) fn is_sound(
        &self,
        height: BlockHeight,
        stakes: &BTreeMap<ValidatorId, u64>,
    ) -> bool {
        let epoch = height.blocks().checked_div(i128::from(self.epoch_blocks));
        let sets = [&self.last, &self.present, &self.next, &self.wanted];
        let seated = sets.iter().all(|seats| {
            let own = |(id, seat): (&ValidatorId, &Seat)| {
                *id == seat.validator && self.keys.get(id) == Some(&seat.key)
            };
            !seats.is_empty() && seats.len() <= limits::VALIDATORS_MAX && seats.iter().all(own)
        });
        let keys: BTreeSet<&[u8; 32]> = self.keys.values().collect();
        self.epoch_blocks >= limits::EPOCH_BLOCKS_MIN
            && epoch == Some(i128::from(self.epoch))
            && seated
            && keys.len() == self.keys.len()
            && self.keys.keys().eq(stakes.keys())
    }
}

/// Returns whether a stake is a third or more of those of a committee, itself among them. In one of fewer than four that
/// cannot be helped.
///
/// spec 0033-COMM-009.
pub(crate) fn is_too_large(stake: u64, committee: impl Iterator<Item = u64>) -> bool {
    let (mut seats, mut total) = (0usize, 0u128);
    for held in committee {
        seats = seats.saturating_add(1);
        total = total.saturating_add(u128::from(held));
    }
    seats >= limits::SEATS_MIN && u128::from(stake).saturating_mul(3) >= total
}

/// Returns the committee after one: what is wanted, as far as no more seats are given than it can lose, no more taken, by
/// number, and four are left.
///
/// spec 0033-COMM-004.
pub(crate) fn succeed(from: &Seats, wanted: &Seats) -> Seats {
    // Of 3f + 1 validators f may fail; a committee of fewer than four can lose none, but must be able to grow.
    let most = from.len().saturating_sub(1).checked_div(3).unwrap_or(0).max(1);
    let mut next = from.clone();
    for (id, seat) in &mut next {
        if let Some(held) = wanted.get(id) {
            *seat = *held;
        }
    }
    let room = limits::VALIDATORS_MAX.saturating_sub(from.len());
    let given = wanted.iter().filter(|(id, _)| !from.contains_key(id)).take(most.min(room));
    next.extend(given.map(|(id, seat)| (*id, *seat)));
    let leaving = from.keys().filter(|id| !wanted.contains_key(id)).take(most);
    for id in leaving {
        if next.len() > limits::SEATS_MIN {
            next.remove(id);
        }
    }
    next
}
