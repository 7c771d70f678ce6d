//! A committee follows another at the beginning of each epoch; seats are given and taken: the validator set changes. By
//! which rules is in `validator_set`.

use crate::block::work::Work;
use protocol::{Event, Refusal, Seat, ValidatorId};

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
        let next = validator_set::succeed(&committee.next, &committee.wanted);
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
        let (committee, stakes) = (&self.state.committee, &self.state.validators);
        validator_set::check_seat(&seat, stake, &committee.wanted, &committee.keys, stakes)?;
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
        validator_set::check_unseat(id, &self.state.committee.wanted)?;
        self.state.committee_mut().wanted.remove(&id);
        Ok(())
    }
}
