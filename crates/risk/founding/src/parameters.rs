//! Governed values in words: a number and its unit, as the tables of governance show them.

use crate::error::{FoundingError, Rule};
use crate::file::{Lines, Text, Values};
use governance::{Definition, Parameters, Scope, Unit};
use machine::ParameterGenesis;
use protocol::{ParameterId, Refusal, UnderlyingId};
use units::{BlockSpan, Lots, Notional, ParseError, Ppb, Ppm};

/// Milliseconds of the units in which a time may be said.
const TIMES: [(&str, i64); 5] =
    [("ms", 1), ("s", 1_000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads the values of a place and returns those that differ from their defaults, in an order in which none contradicts
/// another on the way.
pub(crate) fn read(
    lines: Lines<'_>,
    values: &Values,
    underlying: Option<(UnderlyingId, &str)>,
) -> Result<Vec<ParameterGenesis>, FoundingError> {
    let id = underlying.map(|(id, _)| id);
    let mut waiting = Vec::new();
    for (name, text) in values {
        let field = match underlying {
            Some((_, of)) => format!("{name} of underlying {of}"),
            None => name.get_ref().clone(),
        };
        let refuse =
            |rule| FoundingError::value(lines.at(name), field.as_str(), text.get_ref(), rule);
        let definition = named(name).map_err(refuse)?;
        match (definition.scope, id) {
            (Scope::House, Some(_)) => return Err(refuse(Rule::OfTheHouse)),
            (Scope::Underlying, None) => return Err(refuse(Rule::OfAnUnderlying)),
            _ => {}
        }
        let value = value(definition, text.get_ref()).map_err(refuse)?;
        if value < definition.lowest || value > definition.highest {
            return Err(refuse(outside(definition)));
        }
        if value != definition.default {
            waiting.push((definition.parameter, value, refuse(Rule::Contradicts)));
        }
    }
    ordered(id, waiting)
}

/// Returns values in an order in which each may be set: of two that would contradict a default, the other goes first.
fn ordered(
    underlying: Option<UnderlyingId>,
    mut waiting: Vec<(ParameterId, i64, FoundingError)>,
) -> Result<Vec<ParameterGenesis>, FoundingError> {
    let (mut set, mut ordered) = (Parameters::default(), Vec::new());
    loop {
        let before = waiting.len();
        let mut later = Vec::new();
        for (parameter, value, refusal) in waiting {
            match set.set(underlying, parameter, value) {
                Ok(()) => ordered.push(ParameterGenesis { underlying, parameter, value }),
                Err(Refusal::ValueContradicts) => later.push((parameter, value, refusal)),
                Err(other) => return Err(machine::GenesisError::Parameter(parameter, other).into()),
            }
        }
        waiting = later;
        match waiting.first() {
            None => return Ok(ordered),
            Some((_, _, refusal)) if waiting.len() == before => return Err(refusal.clone()),
            Some(_) => {}
        }
    }
}

fn named(name: &Text) -> Result<&'static Definition, Rule> {
    let all = Definition::all();
    let found = all.iter().find(|definition| definition.name == name.get_ref());
    found.ok_or_else(|| {
        let near = all.iter().map(|known| (alike(known.name, name.get_ref()), known.name));
        let nearest = near.max_by_key(|(alike, _)| *alike).filter(|(alike, _)| *alike >= 4);
        Rule::NoParameter { nearest: nearest.map(|(_, known)| known.to_string()) }
    })
}

/// Returns how many letters two names share at their beginnings and ends.
fn alike(known: &str, given: &str) -> usize {
    let begin = known.bytes().zip(given.bytes()).take_while(|(a, b)| a == b).count();
    let (known, given) = (known.bytes().skip(begin).rev(), given.bytes().skip(begin).rev());
    begin.saturating_add(known.zip(given).take_while(|(a, b)| a == b).count())
}

fn outside(definition: &Definition) -> Rule {
    let lowest = definition.text(definition.lowest);
    let highest = definition.text(definition.highest);
    Rule::Outside { lowest, highest }
}

/// Returns the value of a text, in what its parameter counts.
fn value(definition: &Definition, text: &str) -> Result<i64, Rule> {
    let example = || Rule::Unit { example: definition.text(definition.default) };
    let number = |unit: &str| text.strip_suffix(unit).map(str::trim_end).ok_or_else(example);
    let broken = |decimals: usize| {
        move |error: ParseError| match error {
            ParseError::NotDecimal(_) => example(),
            ParseError::TooFine { .. } => Rule::TooFine { decimals },
            ParseError::OutOfLimits(_) => outside(definition),
        }
    };
    // Of the parser's unit a percent is the hundredth part.
    let percent = |parts: i128, decimals| {
        let whole = parts.rem_euclid(100) == 0;
        if whole { Ok(parts.div_euclid(100)) } else { Err(Rule::TooFine { decimals }) }
    };
    let ppm = |unit| percent(number(unit)?.parse::<Ppm>().map_err(broken(4))?.parts(), 4);
    let wide = match definition.unit {
        Unit::Ppm => ppm("%")?,
        Unit::PpmPerSecond => ppm("% a second")?,
        Unit::PpbPerHour => {
            percent(number("% an hour")?.parse::<Ppb>().map_err(broken(7))?.parts(), 7)?
        }
        Unit::Lots => number("lots")?.parse::<Lots>().map_err(broken(0))?.count(),
        Unit::Micros => number("$")?.parse::<Notional>().map_err(broken(6))?.micros(),
        Unit::Millis => {
            let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
            let unit = text.strip_prefix(digits).unwrap_or_default();
            let unit = TIMES.iter().find(|(name, _)| *name == unit).ok_or_else(example)?;
            let count = digits.trim_end().parse::<BlockSpan>().map_err(broken(0))?.millis();
            count.saturating_mul(i128::from(unit.1))
        }
    };
    // What does not fit is outside any bounds, at the same end.
    Ok(i64::try_from(wide).unwrap_or(if wide < 0 { i64::MIN } else { i64::MAX }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_reads_back_from_the_text_that_governance_shows() {
        for definition in Definition::all() {
            for shown in [definition.lowest, definition.default, definition.highest] {
                let text = definition.text(shown);
                assert_eq!(value(definition, &text), Ok(shown), "{} = {text}", definition.name);
            }
        }
    }

    #[test]
    fn a_time_may_be_said_in_any_unit_that_is_whole() {
        let timelock = Definition::of(ParameterId::Timelock).unwrap();
        for text in ["172800000 ms", "172800 s", "2880 min", "48 h", "2 d", "2d"] {
            assert_eq!(value(timelock, text), Ok(172_800_000), "{text}");
        }
        for text in ["2", "2 days", "0.5 d", "d", "2 D", ""] {
            assert!(value(timelock, text).is_err(), "{text}");
        }
    }
}
