//! The fields of a file: exact numbers, fields by name, and what is said of those that are wrong.

use crate::WhatIfError;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::marker::PhantomData;
use std::str::FromStr;
use units::{BlockTime, ParseError};

/// A number as the file has it.
#[derive(Debug, Clone)]
pub(crate) enum Exact {
    Text(String),
    /// A fraction or an exponent, which JSON does not keep as it is written.
    Inexact(f64),
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Exact;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a decimal number as text, such as \"0.05\"")
            }

            fn visit_str<E>(self, text: &str) -> Result<Exact, E> {
                Ok(Exact::Text(text.to_string()))
            }

            fn visit_i64<E>(self, whole: i64) -> Result<Exact, E> {
                Ok(Exact::Text(whole.to_string()))
            }

            fn visit_u64<E>(self, whole: u64) -> Result<Exact, E> {
                Ok(Exact::Text(whole.to_string()))
            }

            fn visit_f64<E>(self, float: f64) -> Result<Exact, E> {
                Ok(Exact::Inexact(float))
            }
        }
        deserializer.deserialize_any(Number)
    }
}

impl Exact {
    pub(crate) fn read<T: FromStr<Err = ParseError>>(&self, place: &str) -> Result<T, WhatIfError> {
        let text = match self {
            Self::Text(text) => text,
            Self::Inexact(float) => {
                let reason =
                    "is not kept by JSON as it is written: write it as text, so that it is exact";
                return Err(invalid(place, &float.to_string(), reason));
            }
        };
        unpadded(text).parse().map_err(|error| {
            let reason = match error {
                ParseError::NotDecimal(_) => "is not a decimal number".to_string(),
                ParseError::TooFine { decimals: 0, .. } => "is not a whole number".to_string(),
                ParseError::TooFine { decimals, .. } => {
                    format!("has more than {decimals} decimals")
                }
                ParseError::OutOfLimits(_) => "is outside the limits of its unit".to_string(),
            };
            invalid(place, text, &reason)
        })
    }
}

/// Returns a decimal without the zeros that venues write behind it.
fn unpadded(text: &str) -> &str {
    let Some((whole, fraction)) = text.split_once('.') else { return text };
    let kept = fraction.trim_end_matches('0').len();
    let digit_ends_whole = whole.ends_with(|last: char| last.is_ascii_digit());
    match kept {
        0 if digit_ends_whole && !fraction.is_empty() => whole,
        0 => text,
        _ => text.get(..whole.len() + 1 + kept).unwrap_or(text),
    }
}

/// Returns the fields that a text says, or where in it something else is said.
pub(crate) fn parse<'de, T: Deserialize<'de>>(
    text: &'de str,
    what: &'static str,
) -> Result<T, WhatIfError> {
    elements(text, what).map(|Named(value)| value)
}

/// Returns what a text says, or where in it something else is said.
pub(crate) fn elements<'de, T: Deserialize<'de>>(
    text: &'de str,
    what: &'static str,
) -> Result<T, WhatIfError> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let form = |place: String, error: serde_json::Error| {
        // What the reader calls a control character is the line break after a text whose quote is missing.
        let open = error.to_string().contains("control character");
        let place_of = format!("line {} column {}", error.line(), error.column());
        let plain =
            || serde_json::Error::custom(format!("a text is not closed by a quote at {place_of}"));
        WhatIfError::Form { place, error: if open { plain() } else { error } }
    };
    let read = serde_path_to_error::deserialize(&mut reader);
    let value = read.map_err(|error: serde_path_to_error::Error<serde_json::Error>| {
        let place = match error.path().to_string().as_str() {
            "." => what.to_string(),
            path => format!("{what}, {path}"),
        };
        form(place, error.into_inner())
    })?;
    reader.end().map_err(|error| form(what.to_string(), error))?;
    Ok(value)
}

/// Checks a name: one that can be written in a line.
pub(crate) fn named(kind: &str, name: &str) -> Result<(), WhatIfError> {
    if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        let reason = format!("is not one line of 1 to {NAME_MAX} characters");
        return Err(invalid(&format!("name of {kind}"), name, &reason));
    }
    Ok(())
}

/// Most characters of a name.
const NAME_MAX: usize = 64;

/// What has fields by name: the decoder would take them from a list by their place too.
#[derive(Debug, Clone)]
pub(crate) struct Named<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Named<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("fields by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Named<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Named)
            }
        }
        deserializer.deserialize_map(Fields(PhantomData))
    }
}

/// Reads a field that may be left out, but is no `null` where it is there.
pub(crate) fn given<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Amounts by name, each once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Amounts(pub(crate) BTreeMap<String, Exact>);

impl<'de> Deserialize<'de> for Amounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Amounts;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("amounts by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Amounts, A::Error> {
                let mut amounts = BTreeMap::new();
                while let Some((name, amount)) = map.next_entry::<String, Exact>()? {
                    if amounts.insert(name.clone(), amount).is_some() {
                        return Err(A::Error::custom(format_args!("'{name}' is there twice")));
                    }
                }
                Ok(Amounts(amounts))
            }
        }
        deserializer.deserialize_map(Names)
    }
}

pub(crate) fn optional<T: FromStr<Err = ParseError>>(
    value: Option<&Exact>,
    place: &str,
) -> Result<Option<T>, WhatIfError> {
    value.map(|value| value.read(place)).transpose()
}

pub(crate) fn time(place: &str, text: &str) -> Result<BlockTime, WhatIfError> {
    units::utc(text)
        .ok_or_else(|| invalid(place, text, "is not a time such as 2026-06-01T00:00:00Z"))
}

pub(crate) fn not_below<T: PartialOrd + Display>(
    least: T,
    value: T,
    place: &str,
) -> Result<(), WhatIfError> {
    if value >= least {
        return Ok(());
    }
    Err(invalid(place, &value.to_string(), &format!("is below {least}")))
}

pub(crate) fn within<T: PartialOrd + Display>(
    least: T,
    most: T,
    value: T,
    place: &str,
) -> Result<(), WhatIfError> {
    if value >= least && value <= most {
        return Ok(());
    }
    Err(invalid(place, &value.to_string(), &format!("is not from {least} to {most}")))
}

pub(crate) fn unfit(place: &str, reason: &str) -> WhatIfError {
    WhatIfError::Field { place: place.into(), reason: reason.into() }
}

pub(crate) fn invalid(place: &str, value: &str, reason: &str) -> WhatIfError {
    WhatIfError::Value { place: place.into(), value: value.into(), reason: reason.into() }
}
