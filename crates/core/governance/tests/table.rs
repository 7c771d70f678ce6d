//! The table of values in the specification is the one that is kept (0023-GOV-001).

use governance::{Definition, Pace, Parameters, Risk, Scope, Unit};
use protocol::{ParameterId, Refusal, UnderlyingId};

const SPEC: &str = include_str!("../../../../spec/0023-governance.md");

fn number(cell: &str) -> i64 {
    match cell {
        "10¹⁸" => 1_000_000_000_000_000_000,
        _ => cell.replace(',', "").replace('−', "-").parse().unwrap(),
    }
}

/// Returns the rows of the table of 0023-GOV-001 as cells.
fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    let table =
        SPEC.split("**0023-GOV-001**").nth(1).unwrap().split("**0023-GOV-002**").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
}

#[test]
fn every_value_has_the_unit_bounds_and_default_that_the_specification_gives() {
    let defined = Definition::all();
    assert_eq!(rows().count(), defined.len(), "a value is missing from the table or the code");
    for (cells, definition) in rows().zip(defined) {
        let [name, place, unit, lowest, default, highest, waits, other, share, least, source] =
            cells[..]
        else {
            panic!("{cells:?}");
        };
        assert_eq!(name, format!("`{}`", definition.name));
        let scope = match place {
            "house" => Scope::House,
            "underlying" => Scope::Underlying,
            _ => panic!("{name}: {place}"),
        };
        let unit = match unit {
            "ppm" => Unit::Ppm,
            "ppm a second" => Unit::PpmPerSecond,
            "ppb an hour" => Unit::PpbPerHour,
            "ms" => Unit::Millis,
            "lots" => Unit::Lots,
            "µ$" => Unit::Micros,
            _ => panic!("{name}: {unit}"),
        };
        let risk = match waits {
            "raised" => Risk::WhenRaised,
            "lowered" => Risk::WhenLowered,
            "changed" => Risk::Always,
            _ => panic!("{name}: {waits}"),
        };
        let pace = match (other, risk) {
            ("at once", Risk::WhenRaised | Risk::WhenLowered) | ("—", Risk::Always) => {
                Pace::AtOnce
            }
            ("an hour", Risk::WhenRaised | Risk::WhenLowered) | ("turn", Risk::Always) => {
                Pace::Noticed
            }
            _ => panic!("{name}: {other}"),
        };
        assert_eq!(
            (scope, unit, risk, pace),
            (definition.scope, definition.unit, definition.risk, definition.pace),
            "{name}"
        );
        let step = [number(share), number(least)];
        assert_eq!(step, [definition.step.share, definition.step.least], "{name}");
        let numbers = [lowest, default, highest].map(number);
        assert_eq!(numbers, [definition.lowest, definition.default, definition.highest], "{name}");
        assert!(!source.is_empty(), "{name}");
    }
}

#[test]
fn no_signature_takes_a_value_outside_the_bounds_of_the_table() {
    // 0023-GOV-002
    for definition in Definition::all() {
        let place = (definition.scope == Scope::Underlying).then_some(UnderlyingId::new(1));
        let (lowest, highest) = (definition.lowest, definition.highest);
        let set = |value| Parameters::default().set(place, definition.parameter, value);
        let outside = Err(Refusal::ValueOutsideBounds { lowest, highest });
        assert_eq!(set(lowest - 1), outside, "{}", definition.name);
        assert_eq!(set(highest + 1), outside, "{}", definition.name);
        for value in [lowest, definition.default, highest] {
            let taken = set(value);
            // Some ends contradict the default of another value.
            assert!(
                matches!(taken, Ok(()) | Err(Refusal::ValueContradicts)),
                "{}",
                definition.name
            );
        }
        let elsewhere = if place.is_some() { None } else { Some(UnderlyingId::new(1)) };
        let misplaced = Parameters::default().set(elsewhere, definition.parameter, lowest);
        assert_eq!(misplaced, Err(Refusal::ParameterUnknown), "{}", definition.name);
    }
    assert_eq!(ParameterId::ScanRange, Definition::all()[0].parameter);
}
