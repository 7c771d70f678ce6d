//! The governed values in force.

use crate::{Definition, Scope};
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{ParameterId, Refusal, UnderlyingId};
use std::collections::BTreeMap;

/// Values that differ from their defaults, by place and parameter; all inside their bounds.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Parameters {
    changed: BTreeMap<(Option<UnderlyingId>, ParameterId), i64>,
}

impl Parameters {
    /// Returns the value of a parameter in a place.
    #[must_use]
    pub fn get(&self, place: Option<UnderlyingId>, parameter: ParameterId) -> i64 {
        let default = || Definition::of(parameter).map_or(0, |definition| definition.default);
        self.changed.get(&(place, parameter)).copied().unwrap_or_else(default)
    }

    /// Checks a new value without setting it.
    ///
    /// # Errors
    ///
    /// [`Refusal::ParameterUnknown`] if the parameter has no such place; [`Refusal::ValueOutsideBounds`];
    /// [`Refusal::ValueContradicts`] if a rule between parameters would break.
    ///
    /// spec 0023-GOV-002, 0023-GOV-003.
    pub fn check(
        &self,
        place: Option<UnderlyingId>,
        parameter: ParameterId,
        value: i64,
    ) -> Result<&'static Definition, Refusal> {
        let definition = Definition::of(parameter).ok_or(Refusal::ParameterUnknown)?;
        if (definition.scope == Scope::Underlying) != place.is_some() {
            return Err(Refusal::ParameterUnknown);
        }
        if value < definition.lowest || value > definition.highest {
            let (lowest, highest) = (definition.lowest, definition.highest);
            return Err(Refusal::ValueOutsideBounds { lowest, highest });
        }
        let with = |other| if other == parameter { value } else { self.get(place, other) };
        let contradicts = match parameter {
            ParameterId::StaleAfter | ParameterId::FrozenAfter => {
                with(ParameterId::StaleAfter) >= with(ParameterId::FrozenAfter)
            }
            ParameterId::LiquidationBand | ParameterId::PriceBand => {
                with(ParameterId::LiquidationBand) > with(ParameterId::PriceBand)
            }
            ParameterId::TakerFee | ParameterId::MakerFee => {
                with(ParameterId::MakerFee) > with(ParameterId::TakerFee)
            }
            ParameterId::VolUnvotedPenalty | ParameterId::VolStalePenalty => {
                with(ParameterId::VolUnvotedPenalty) > with(ParameterId::VolStalePenalty)
            }
            _ => false,
        };
        if contradicts { Err(Refusal::ValueContradicts) } else { Ok(definition) }
    }

    /// Checks a new value, and that it is within one step of the one in force.
    ///
    /// # Errors
    ///
    /// As [`Parameters::check`]; [`Refusal::StepTooLarge`].
    ///
    /// spec 0023-GOV-014.
    pub fn check_step(
        &self,
        place: Option<UnderlyingId>,
        parameter: ParameterId,
        value: i64,
    ) -> Result<&'static Definition, Refusal> {
        let definition = self.check(place, parameter, value)?;
        let (low, high) = definition.step.around(self.get(place, parameter));
        if value < low || value > high {
            let lowest = low.max(definition.lowest);
            let highest = high.min(definition.highest);
            return Err(Refusal::StepTooLarge { lowest, highest });
        }
        Ok(definition)
    }

    /// Makes a change whose time has come, judged again by the value now in force.
    ///
    /// # Errors
    ///
    /// As [`Parameters::check_step`]; [`Refusal::NotWaited`] if it raises risk now and has not waited for the timelock.
    ///
    /// spec 0023-GOV-009, 0023-GOV-014.
    pub fn enact(
        &mut self,
        place: Option<UnderlyingId>,
        parameter: ParameterId,
        value: i64,
        has_waited: bool,
    ) -> Result<(), Refusal> {
        let definition = self.check_step(place, parameter, value)?;
        if !has_waited && definition.raises_risk(self.get(place, parameter), value) {
            return Err(Refusal::NotWaited);
        }
        self.changed.insert((place, parameter), value);
        Ok(())
    }

    /// Sets a value that passes [`Parameters::check`], as at genesis.
    ///
    /// # Errors
    ///
    /// As [`Parameters::check`].
    pub fn set(
        &mut self,
        place: Option<UnderlyingId>,
        parameter: ParameterId,
        value: i64,
    ) -> Result<(), Refusal> {
        self.check(place, parameter, value)?;
        self.changed.insert((place, parameter), value);
        Ok(())
    }

    /// Returns the values set so far, in the order of place and parameter.
    pub fn changed(&self) -> impl Iterator<Item = (Option<UnderlyingId>, ParameterId, i64)> + '_ {
        self.changed.iter().map(|((place, parameter), value)| (*place, *parameter, *value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_leaves_its_bounds_or_its_place() {
        // 0023-GOV-002, 0023-GOV-003
        let mut parameters = Parameters::default();
        let bitcoin = Some(UnderlyingId::new(1));
        let outside = Refusal::ValueOutsideBounds { lowest: 120_000, highest: 600_000 };
        for (place, parameter, value, expected) in [
            (bitcoin, ParameterId::ScanRange, 119_999, Err(outside)),
            (bitcoin, ParameterId::ScanRange, 600_001, Err(outside)),
            (None, ParameterId::ScanRange, 200_000, Err(Refusal::ParameterUnknown)),
            (bitcoin, ParameterId::Timelock, 3_600_000, Err(Refusal::ParameterUnknown)),
            (bitcoin, ParameterId::FrozenAfter, 10_000, Err(Refusal::ValueContradicts)),
            (bitcoin, ParameterId::PriceBand, 79_999, Err(Refusal::ValueContradicts)),
            (bitcoin, ParameterId::MakerFee, 501, Err(Refusal::ValueContradicts)),
            (bitcoin, ParameterId::VolUnvotedPenalty, 250_001, Err(Refusal::ValueContradicts)),
            (bitcoin, ParameterId::ScanRange, 200_000, Ok(())),
        ] {
            assert_eq!(parameters.set(place, parameter, value), expected, "{parameter:?} {value}");
        }
        assert_eq!(parameters.get(bitcoin, ParameterId::ScanRange), 200_000);
        assert_eq!(parameters.get(Some(UnderlyingId::new(2)), ParameterId::ScanRange), 160_000);
    }
}
