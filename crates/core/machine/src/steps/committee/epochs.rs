//! A committee follows another at the beginning of each epoch; seats are given and taken: the validator set changes.
//!
//! **Invariant:** no committee differs from the one before by more seats than that can lose.

use crate::block::work::Work;
use crate::state::committee::{is_too_large, succeed};
use protocol::{Event, Refusal, Seat, ValidatorId, limits};

impl Work<'_> {
    /// Begins an epoch, if this block does, and settles who has a seat in the next one.
    ///
    /// spec 0033-COMM-001, 0033-COMM-002, 0033-COMM-004.
    pub(crate) fn begin_epoch(&mut self) {
        if !self.state.committee.begins_at(self.block.height) {
            return;
        }
        let committee = self.state.committee_mut();
        committee.epoch = committee.epoch.saturating_add(1);
        let next = succeed(&committee.next, &committee.wanted);
        committee.last = std::mem::replace(&mut committee.present, committee.next.clone());
        let before = std::mem::replace(&mut committee.next, next);
        let epoch = committee.epoch.saturating_add(1);
        let left = before.keys().filter(|id| !committee.next.contains_key(id));
        self.events.extend(left.map(|id| Event::Unseated { validator: *id, epoch }));
        let joined = committee.next.keys().filter(|id| !before.contains_key(id));
        self.events.extend(joined.map(|id| Event::Seated { validator: *id, epoch }));
    }

    /// Gives a validator a seat in the committees to come.
    ///
    /// spec 0033-COMM-003, 0033-COMM-005, 0033-COMM-006.
    pub(crate) fn seat_validator(&mut self, seat: Seat, stake: u64) -> Result<(), Refusal> {
        let id = seat.validator;
        let committee = &self.state.committee;
        let of_key = committee.keys.iter().find(|(_, key)| **key == seat.key).map(|(id, _)| *id);
        let known = committee.keys.get(&id);
        if known.is_some_and(|key| *key != seat.key) || of_key.is_some_and(|held| held != id) {
            return Err(Refusal::ValidatorKeyTaken);
        }
        if committee.wanted.contains_key(&id) {
            return Err(Refusal::AlreadySeated);
        }
        if committee.wanted.len() >= limits::VALIDATORS_MAX {
            return Err(Refusal::CommitteeFull);
        }
        let others = self.state.validators.iter().filter(|(held, _)| **held != id);
        let total = others.map(|(_, stake)| *stake).try_fold(stake, u64::checked_add);
        if stake == 0 || total.is_none() {
            return Err(Refusal::StakeInvalid);
        }
        let stakes = committee.wanted.keys().filter_map(|held| self.state.validators.get(held));
        if is_too_large(stake, stakes.copied().chain([stake])) {
            return Err(Refusal::StakeTooLarge);
        }
        let committee = self.state.committee_mut();
        committee.keys.insert(id, seat.key);
        committee.wanted.insert(id, seat);
        self.state.set_stake(id, stake);
        Ok(())
    }

    /// Takes a validator's seat in the committees to come.
    ///
    /// spec 0033-COMM-003, 0033-COMM-006.
    pub(crate) fn unseat_validator(&mut self, id: ValidatorId) -> Result<(), Refusal> {
        let committee = &self.state.committee;
        if !committee.wanted.contains_key(&id) {
            return Err(Refusal::NotSeated);
        }
        if committee.wanted.len() <= limits::SEATS_MIN {
            return Err(Refusal::CommitteeTooSmall);
        }
        self.state.committee_mut().wanted.remove(&id);
        Ok(())
    }
}
