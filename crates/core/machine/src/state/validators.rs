//! What is held against validators, and what their reports weigh.

use crate::state::State;
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::ValidatorId;
use validator_set::Offender;

/// A validator that was ever punished, as the state root commits to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ValidatorRecord {
    /// Its stake.
    pub stake: u64,
    /// What is held against it.
    pub offender: Offender,
}

impl State {
    /// Returns the weight of a validator's reports: nothing while it is jailed, or if it has no seat in this epoch.
    ///
    /// spec 0029-EVID-005, 0033-COMM-007.
    #[must_use]
    pub fn reporting_stake(&self, validator: ValidatorId) -> Option<u64> {
        let stake = self.validators.get(&validator).copied()?;
        let is_seated = self.committee.is_seated(validator);
        validator_set::reporting_stake(stake, self.offenders.get(&validator), is_seated)
    }

    /// Returns the weight of the reports of all that have a seat in this epoch, jailed ones among them.
    pub(crate) fn total_stake(&self) -> u64 {
        let seated = self.validators.iter().filter(|(id, _)| self.committee.is_seated(**id));
        seated.map(|(_, stake)| *stake).fold(0, u64::saturating_add)
    }

    pub(crate) fn validator_record(&self, validator: ValidatorId) -> Option<ValidatorRecord> {
        let offender = *self.offenders.get(&validator)?;
        let stake = self.validators.get(&validator).copied().unwrap_or(0);
        Some(ValidatorRecord { stake, offender })
    }
}
