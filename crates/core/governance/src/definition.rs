//! What is known of a governed number: unit, scope, bounds, default, the direction that raises risk, and where the default
//! is from.

use crate::table::DEFINITIONS;
use protocol::ParameterId;
use units::{Notional, Ppb, Ppm, limits};

/// What a parameter's integer counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Parts per million.
    Ppm,
    /// Parts per million per second.
    PpmPerSecond,
    /// Parts per billion per hour.
    PpbPerHour,
    /// Milliseconds.
    Millis,
    /// Contracts.
    Lots,
    /// Micro-dollars.
    Micros,
}

/// Where a parameter applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One value for the house.
    House,
    /// One value for each underlying.
    Underlying,
}

/// Which direction of change needs the timelock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Risk {
    /// A higher value.
    WhenRaised,
    /// A lower value.
    WhenLowered,
    /// Either.
    Always,
}

/// How soon a change that does not need the timelock takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// At once.
    AtOnce,
    /// After an hour: it enters maintenance margin, and one such change takes effect in an hour.
    Noticed,
}

/// How far one change moves a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Up to this share more in parts per million, or down to what it is as much more than.
    pub share: i64,
    /// And at least so far.
    pub least: i64,
}

impl Step {
    /// Returns the lowest and the highest value that one change may lead to, whatever the bounds.
    ///
    /// Rounding: towards the value.
    ///
    /// spec 0023-GOV-014.
    #[must_use]
    pub fn around(&self, value: i64) -> (i64, i64) {
        let size = i128::from(value).saturating_abs();
        let (one, least) = (limits::PPM_ONE, i128::from(self.least));
        let more = one.saturating_add(i128::from(self.share));
        let raised = size.saturating_mul(more).div_euclid(one);
        let lowered = size.saturating_mul(one).saturating_add(more.saturating_sub(1));
        let lowered = lowered.checked_div_euclid(more).unwrap_or(size);
        let furthest = raised.max(size.saturating_add(least));
        let nearest = lowered.min(size.saturating_sub(least));
        let narrow = |wide: i128, end: i64| i64::try_from(wide).unwrap_or(end);
        if value < 0 {
            let negated = |wide: i128| wide.saturating_neg();
            (narrow(negated(furthest), i64::MIN), narrow(negated(nearest), i64::MAX))
        } else {
            (narrow(nearest, i64::MIN), narrow(furthest, i64::MAX))
        }
    }
}

/// What is known of a parameter at compile time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// Which.
    pub parameter: ParameterId,
    /// Its name in reports and commands.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Its scope.
    pub scope: Scope,
    /// Lowest value that any signature can set.
    pub lowest: i64,
    /// Highest value that any signature can set.
    pub highest: i64,
    /// Value at genesis.
    pub default: i64,
    /// Direction that raises risk.
    pub risk: Risk,
    /// How soon a change in the other direction takes effect.
    pub pace: Pace,
    /// How far one change moves it.
    pub step: Step,
    /// Where the default comes from.
    pub source: &'static str,
}

impl Definition {
    /// Returns a value of the parameter with its unit, exactly.
    #[must_use]
    pub fn text(&self, value: i64) -> String {
        let wide = i128::from(value);
        // Percent is the unit times one hundred.
        let percent = wide.saturating_mul(100);
        match self.unit {
            Unit::Ppm => format!("{} %", Ppm::from_parts(percent)),
            Unit::PpmPerSecond => format!("{} % a second", Ppm::from_parts(percent)),
            Unit::PpbPerHour => format!("{} % an hour", Ppb::from_parts(percent)),
            Unit::Millis => format!("{value} ms"),
            Unit::Lots => format!("{value} lots"),
            Unit::Micros => format!("{} $", Notional::from_micros(wide)),
        }
    }

    /// Returns every definition, ascending by parameter.
    #[must_use]
    pub const fn all() -> &'static [Self] {
        &DEFINITIONS
    }

    /// Returns the definition of a parameter.
    #[must_use]
    pub fn of(parameter: ParameterId) -> Option<&'static Self> {
        let found = DEFINITIONS.binary_search_by_key(&parameter, |definition| definition.parameter);
        found.ok().and_then(|place| DEFINITIONS.get(place))
    }

    /// Returns whether replacing `before` by `after` raises risk.
    #[must_use]
    pub const fn raises_risk(&self, before: i64, after: i64) -> bool {
        match self.risk {
            Risk::WhenRaised => after > before,
            Risk::WhenLowered => after < before,
            Risk::Always => after != before,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_inside_its_bounds_and_every_parameter_is_defined_once() {
        // 0023-GOV-001
        for pair in DEFINITIONS.windows(2) {
            assert!(pair[0].parameter < pair[1].parameter);
        }
        for definition in &DEFINITIONS {
            assert!(definition.lowest <= definition.default, "{}", definition.name);
            assert!(definition.default <= definition.highest, "{}", definition.name);
            assert_eq!(Definition::of(definition.parameter), Some(definition));
        }
    }

    #[test]
    fn a_step_is_a_share_of_the_value_or_the_least_and_leads_away_from_zero() {
        // 0023-GOV-014
        let twice = Step { share: 1_000_000, least: 0 };
        assert_eq!(twice.around(160_000), (80_000, 320_000));
        let slow = Step { share: 50_000, least: 500 };
        assert_eq!(slow.around(800_000), (761_905, 840_000));
        assert_eq!(slow.around(0), (-500, 500));
        assert_eq!(slow.around(1_000), (500, 1_500));
        let move_of_spot = Step { share: 25_000, least: 0 };
        assert_eq!(move_of_spot.around(-1_500_000), (-1_537_500, -1_463_415));
        for value in [i64::MIN, i64::MAX, 0, 1, -1] {
            let (low, high) = twice.around(value);
            assert!(low <= value && value <= high);
        }
    }

    #[test]
    fn no_change_leads_from_a_default_to_a_bound() {
        // 0023-GOV-014
        for definition in &DEFINITIONS {
            let (low, high) = definition.step.around(definition.default);
            let free = |end: i64| end != definition.default;
            assert!(!free(definition.lowest) || low > definition.lowest, "{}", definition.name);
            assert!(!free(definition.highest) || high < definition.highest, "{}", definition.name);
            // And none is stuck at one.
            assert!(definition.step.around(definition.lowest).1 > definition.lowest);
            assert!(definition.step.around(definition.highest).0 < definition.highest);
        }
    }
}
