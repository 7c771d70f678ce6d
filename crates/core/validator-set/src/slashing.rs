//! What an offence costs: stake, and the weight of the offender's reports until governance releases it from jail.
//!
//! **Invariant:** one offence is punished once: of a validator only rounds above all that were held against it count.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{Offence, Refusal};
use units::{BlockTime, Ppm};

/// A million parts are the whole.
const WHOLE: u64 = 1_000_000;

/// What is held against a validator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Offender {
    /// The last offence.
    pub last: Offence,
    /// How many were punished.
    pub punished: u32,
    /// Stake lost in all.
    pub slashed: u64,
    /// When it may be released; absent if it is free.
    pub jailed_until: Option<BlockTime>,
}

impl Offender {
    /// Lets its reports count again.
    ///
    /// spec 0029-EVID-006.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotJailed`], or [`Refusal::StillJailed`] before its time is over.
    pub fn release(&mut self, now: BlockTime) -> Result<(), Refusal> {
        let until = self.jailed_until.ok_or(Refusal::NotJailed)?;
        if now < until {
            return Err(Refusal::StillJailed { until });
        }
        self.jailed_until = None;
        Ok(())
    }
}

/// What is to be done about an offence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: it, or a later one, was held against the validator before.
    Past,
    /// It is noted and costs nothing: the validator is in jail already, and what it did before is never held against it again.
    Noted(Offender),
    /// It costs stake: see [`slash`].
    Due,
}

/// Returns what is to be done about an offence of a validator against which something, or nothing, is held.
///
/// spec 0029-EVID-002, 0029-EVID-004.
#[must_use]
pub fn verdict(offence: Offence, held: Option<Offender>) -> Verdict {
    match held {
        Some(held) if offence.round <= held.last.round => Verdict::Past,
        Some(held) if held.jailed_until.is_some() => {
            Verdict::Noted(Offender { last: offence, ..held })
        }
        _ => Verdict::Due,
    }
}

/// What an offence has cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slashing {
    /// What is held against the validator from now on.
    pub offender: Offender,
    /// Stake that it has left.
    pub stake: u64,
    /// Stake that it has lost.
    pub slashed: u64,
}

/// Returns what an offence that is [due](Verdict::Due) costs a validator with a stake: a fraction of it, and jail.
///
/// Rounding: up, never more than there is.
///
/// spec 0029-EVID-003.
#[must_use]
pub fn slash(
    offence: Offence,
    held: Option<Offender>,
    stake: u64,
    fraction: Ppm,
    jailed_until: BlockTime,
) -> Slashing {
    let slashed = lost(stake, u64::try_from(fraction.parts()).unwrap_or(WHOLE));
    let (punished, before) = held.map_or((0, 0), |held| (held.punished, held.slashed));
    let offender = Offender {
        last: offence,
        punished: punished.saturating_add(1),
        slashed: before.saturating_add(slashed),
        jailed_until: Some(jailed_until),
    };
    Slashing { offender, stake: stake.saturating_sub(slashed), slashed }
}

/// Returns the stake that is lost: a fraction in parts per million, rounded up, never more than there is.
fn lost(stake: u64, parts: u64) -> u64 {
    let lost = u128::from(stake).saturating_mul(u128::from(parts.min(WHOLE)));
    let lost = lost.div_ceil(u128::from(WHOLE));
    u64::try_from(lost).unwrap_or(stake).min(stake)
}

/// Returns the weight of a validator's reports: its stake; none while it is jailed, or without a seat in this epoch.
///
/// spec 0029-EVID-005, 0033-COMM-007.
#[must_use]
pub fn reporting_stake(stake: u64, held: Option<&Offender>, is_seated: bool) -> Option<u64> {
    let is_free = held.is_none_or(|held| held.jailed_until.is_none());
    (is_free && is_seated).then_some(stake)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{OffenceKind, ValidatorId};

    const UNTIL: BlockTime = BlockTime::from_millis(1_000);

    fn offence(round: u64) -> Offence {
        Offence { validator: ValidatorId::new(1), round, kind: OffenceKind::TwoBlocks }
    }

    fn punished(round: u64, held: Option<Offender>, stake: u64) -> Slashing {
        slash(offence(round), held, stake, Ppm::from_parts(50_000), UNTIL)
    }

    #[test]
    fn a_slash_is_rounded_against_the_offender_and_never_exceeds_its_stake() {
        // 0029-EVID-003
        assert_eq!(lost(1_000_000, 50_000), 50_000);
        assert_eq!(lost(1_001, 50_000), 51);
        assert_eq!(lost(1, 50_000), 1);
        assert_eq!(lost(0, 1_000_000), 0);
        assert_eq!(lost(7, 0), 0);
        assert_eq!(lost(u64::MAX, 1_000_000), u64::MAX);
        assert_eq!(lost(u64::MAX, u64::MAX), u64::MAX);
    }

    #[test]
    fn one_offence_is_punished_once_and_none_while_in_jail() {
        // 0029-EVID-002, 0029-EVID-004
        assert_eq!(verdict(offence(5), None), Verdict::Due);
        let mut held = punished(5, None, 100).offender;
        assert_eq!(verdict(offence(5), Some(held)), Verdict::Past);
        assert_eq!(verdict(offence(4), Some(held)), Verdict::Past);
        let noted = Offender { last: offence(6), ..held };
        assert_eq!(verdict(offence(6), Some(held)), Verdict::Noted(noted));
        held.release(UNTIL).expect("its time is over");
        assert_eq!(verdict(offence(6), Some(held)), Verdict::Due);
    }

    #[test]
    fn what_is_lost_adds_up_and_is_taken_from_the_stake() {
        // 0029-EVID-003
        let first = punished(5, None, 1_001);
        assert_eq!((first.slashed, first.stake), (51, 950));
        let second = punished(6, Some(first.offender), first.stake);
        assert_eq!((second.slashed, second.stake), (48, 902));
        assert_eq!((second.offender.punished, second.offender.slashed), (2, 99));
    }

    #[test]
    fn reports_of_the_jailed_and_of_the_unseated_weigh_nothing() {
        // 0029-EVID-005, 0029-EVID-006, 0033-COMM-007
        let mut held = punished(5, None, 100).offender;
        assert_eq!(reporting_stake(95, Some(&held), true), None);
        assert_eq!(reporting_stake(95, None, true), Some(95));
        assert_eq!(reporting_stake(95, None, false), None);
        let early = BlockTime::from_millis(999);
        assert_eq!(held.release(early), Err(Refusal::StillJailed { until: UNTIL }));
        assert_eq!(held.release(UNTIL), Ok(()));
        assert_eq!(held.release(UNTIL), Err(Refusal::NotJailed));
        assert_eq!(reporting_stake(95, Some(&held), true), Some(95));
    }
}
