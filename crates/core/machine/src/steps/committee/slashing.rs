//! Slashing of validators for equivocation, for having signed what they must not have: they lose stake, and their reports
//! count for nothing until governance releases them from jail.
//!
//! **Invariant:** one offence is punished once: of a validator only rounds above all that were held against it count.
//!
//! What it leaves out: signatures, which the shell verifies; and seats. A jailed validator keeps its own, and still
//! votes, until governance takes it.

use crate::block::work::Work;
use crate::state::validators::Offender;
use protocol::{Event, Fault, Offence, ParameterId, Refusal, ValidatorId};
use units::BlockSpan;

/// A million parts are the whole.
const WHOLE: u64 = 1_000_000;

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
        if held.is_some_and(|held| offence.round <= held.last.round) {
            return Ok(());
        }
        if let Some(held) = held.filter(|held| held.jailed_until.is_some()) {
            // It is punished already; what it did before is never held against it again.
            self.state.set_offender(id, Offender { last: offence, ..held });
            return Ok(());
        }
        let span = BlockSpan::from_millis(self.state.house(ParameterId::JailTime));
        let jailed_until = self.block.time.after(span).map_err(Fault::at("jail time"))?;
        let parts = u64::try_from(self.state.house(ParameterId::SlashFraction)).unwrap_or(WHOLE);
        let stake = *self.state.validators.get(&id).ok_or(Fault::Missing("validator"))?;
        let slashed = slashed(stake, parts);
        self.state.set_stake(id, stake.saturating_sub(slashed));
        let before = held.map_or((0, 0), |held| (held.punished, held.slashed));
        let offender = Offender {
            last: offence,
            punished: before.0.saturating_add(1),
            slashed: before.1.saturating_add(slashed),
            jailed_until: Some(jailed_until),
        };
        self.state.set_offender(id, offender);
        self.events.push(Event::Punished { offence, slashed, jailed_until });
        Ok(())
    }

    /// Lets a validator's reports count again.
    ///
    /// spec 0029-EVID-006.
    pub(crate) fn release_validator(&mut self, id: ValidatorId) -> Result<(), Refusal> {
        let offender = *self.state.offenders.get(&id).ok_or(Refusal::NotJailed)?;
        let until = offender.jailed_until.ok_or(Refusal::NotJailed)?;
        if self.block.time < until {
            return Err(Refusal::StillJailed { until });
        }
        self.state.set_offender(id, Offender { jailed_until: None, ..offender });
        Ok(())
    }
}

/// Returns the stake that is lost: a fraction in parts per million, rounded up, never more than there is.
fn slashed(stake: u64, parts: u64) -> u64 {
    let lost = u128::from(stake).saturating_mul(u128::from(parts.min(WHOLE)));
    let lost = lost.div_ceil(u128::from(WHOLE));
    u64::try_from(lost).unwrap_or(stake).min(stake)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_is_rounded_against_the_offender_and_never_exceeds_its_stake() {
        // 0029-EVID-003
        assert_eq!(slashed(1_000_000, 50_000), 50_000);
        assert_eq!(slashed(1_001, 50_000), 51);
        assert_eq!(slashed(1, 50_000), 1);
        assert_eq!(slashed(0, 1_000_000), 0);
        assert_eq!(slashed(7, 0), 0);
        assert_eq!(slashed(u64::MAX, 1_000_000), u64::MAX);
        assert_eq!(slashed(u64::MAX, u64::MAX), u64::MAX);
    }
}
