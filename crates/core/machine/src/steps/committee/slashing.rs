//! Slashing of validators for equivocation, for having signed what they must not have: they lose stake, and their reports
//! count for nothing until governance releases them from jail.
//!
//! What an offence costs is a rule of `validator_set`.

use crate::block::work::Work;
use protocol::{Event, Fault, Offence, ParameterId, Refusal, ValidatorId};
use units::{BlockSpan, Ppm};
use validator_set::{Slashing, Verdict};

impl Work<'_> {
    /// Punishes the offences of the block.
    ///
    /// spec 0029-EVID-002…004.
    pub(crate) fn punish(&mut self) -> Result<(), Fault> {
        for offence in &self.block.offences {
            self.punish_one(*offence)?;
        }
        Ok(())
    }

    fn punish_one(&mut self, offence: Offence) -> Result<(), Fault> {
        let id = offence.validator;
        let held = self.state.offenders.get(&id).copied();
        match validator_set::verdict(offence, held) {
            Verdict::Past => {}
            Verdict::Noted(offender) => self.state.set_offender(id, offender),
            Verdict::Due => {
                let span = BlockSpan::from_millis(self.state.house(ParameterId::JailTime));
                let until = self.block.time.after(span).map_err(Fault::at("jail time"))?;
                let fraction = Ppm::from_parts(self.state.house(ParameterId::SlashFraction));
                let stake = *self.state.validators.get(&id).ok_or(Fault::Missing("validator"))?;
                let Slashing { offender, stake: left, slashed } =
                    validator_set::slash(offence, held, stake, fraction, until);
                self.state.set_offender(id, offender);
                self.state.set_stake(id, left);
                self.events.push(Event::Punished { offence, slashed, jailed_until: until });
            }
        }
        Ok(())
    }

    /// Lets a validator's reports count again.
    ///
    /// spec 0029-EVID-006.
    pub(crate) fn release_validator(&mut self, id: ValidatorId) -> Result<(), Refusal> {
        let mut offender = *self.state.offenders.get(&id).ok_or(Refusal::NotJailed)?;
        offender.release(self.block.time)?;
        self.state.set_offender(id, offender);
        Ok(())
    }
}
