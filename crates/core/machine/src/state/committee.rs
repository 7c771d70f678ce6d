//! Who validates: the committees of the last epoch, of this one and of the next, and the one that governance wants.
//!
//! An epoch is a fixed number of blocks. Its first block settles who has a seat in the next one; how far a committee may
//! differ from the one before is a rule of `validator_set`.
//!
//! **Invariant:** a number and its key belong together for ever; a committee never has fewer seats than four, or than
//! it had at genesis if those were fewer.
//!
//! What it leaves out: whether a key is one, which whoever verifies signatures checks, and who has voted.

use crate::state::genesis::Genesis;
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{Seat, ValidatorId, limits};
use units::BlockHeight;
use validator_set::{Keys, Seats, Stakes};

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
    pub(crate) keys: Keys,
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

    pub(crate) const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Returns whether a block is the first of an epoch. Its height is positive.
    pub(crate) fn begins_at(&self, height: BlockHeight) -> bool {
        validator_set::begins_at(height, self.epoch_blocks)
    }

    /// Whether a decoded committee is one: in the epoch of its height, with seats under their own numbers and keys.
    pub(crate) fn is_sound(&self, height: BlockHeight, stakes: &Stakes) -> bool {
        let sets = [&self.last, &self.present, &self.next, &self.wanted];
        self.epoch_blocks >= limits::EPOCH_BLOCKS_MIN
            && validator_set::epoch_of(height, self.epoch_blocks) == Some(self.epoch)
            && sets.iter().all(|seats| validator_set::seats_have_keys(seats, &self.keys))
            && validator_set::keys_differ(&self.keys)
            && self.keys.keys().eq(stakes.keys())
    }
}
