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
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Exact {
    Text(String),
    Whole(i64),
    Inexact(f64),
}

impl Exact {
    pub(crate) fn read<T: FromStr<Err = ParseError>>(&self, place: &str) -> Result<T, WhatIfError> {
        let value = |value: String, reason: String| WhatIfError::Value {
            place: place.to_string(),
            value,
            reason,
        };
        let text = match self {
            Self::Text(text) => text.clone(),
            Self::Whole(whole) => whole.to_string(),
            Self::Inexact(float) => {
                let reason = "is a fraction: write it as text, so that it is exact".to_string();
                return Err(value(float.to_string(), reason));
            }
        };
        text.parse().map_err(|error| {
            let reason = match error {
                ParseError::NotDecimal(_) => "is not a decimal number".to_string(),
                ParseError::TooFine { decimals, .. } => {
                    format!("has more than {decimals} decimals")
                }
                ParseError::OutOfLimits(_) => "is outside the limits of its unit".to_string(),
            };
            value(text, reason)
        })
    }
}

/// What has fields by name: the reader would take them from a list by their place too.
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
    market::utc(text)
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
