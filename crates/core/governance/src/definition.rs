//! What is known of a governed number: unit, scope, bounds, default, the direction that raises risk, and where the default
//! is from.

use crate::table::DEFINITIONS;
use protocol::ParameterId;

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
    /// Where the default comes from.
    pub source: &'static str,
}

impl Definition {
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
}
