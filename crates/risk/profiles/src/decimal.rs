//! Decimal text in and out.
//!
//! **Invariant:** what is read is exact: digits, at most eighteen of them behind the point, and nothing else. JSON numbers
//! are refused, since programs disagree on what they mean.

use crate::error::Error;
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use std::fmt;

const DECIMALS: usize = 18;
const SCALE: i128 = 1_000_000_000_000_000_000;
/// Greatest magnitude that is read.
const WHOLE_MAX: i128 = 1_000_000_000_000_000;
/// Significant digits that are written.
const DIGITS: i32 = 12;

/// A number of the input: an exact multiple of 10⁻¹⁸.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Decimal(i128);

impl Decimal {
    pub(crate) const ZERO: Self = Self(0);
    pub(crate) const ONE: Self = Self(SCALE);

    /// Returns `units` multiples of 10⁻¹⁸.
    pub(crate) const fn from_units(units: i128) -> Self {
        Self(units)
    }

    /// Returns a whole number.
    pub(crate) const fn whole(number: i128) -> Self {
        Self(number * SCALE)
    }

    /// Returns `parts` millionths, for defaults.
    pub(crate) const fn ppm(parts: i128) -> Self {
        Self(parts * (SCALE / 1_000_000))
    }

    /// Returns what is left of one.
    pub(crate) const fn rest_of_one(self) -> Self {
        Self(SCALE.saturating_sub(self.0))
    }

    /// Returns the nearest float, or its neighbour.
    pub(crate) fn float(self) -> f64 {
        let (whole, rest) = (self.0 / SCALE, self.0 % SCALE);
        #[expect(
            clippy::cast_precision_loss,
            reason = "research output, see the crate documentation"
        )]
        let float = whole as f64 + rest as f64 / SCALE as f64;
        float
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let (negative, unsigned) =
            text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = match unsigned.split_once('.') {
            Some((_, "")) => return Err("a point without digits"),
            Some(parts) => parts,
            None => (unsigned, ""),
        };
        if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return Err("not a decimal number");
        }
        if fraction.len() > DECIMALS {
            return Err("more than 18 decimals");
        }
        let trimmed = whole.trim_start_matches('0');
        if trimmed.len() > 16 {
            return Err("beyond 1e15");
        }
        let digits = format!("0{trimmed}{fraction:0<DECIMALS$}");
        let magnitude: i128 = digits.parse().map_err(|_| "beyond 1e15")?;
        if magnitude > WHOLE_MAX * SCALE {
            return Err("beyond 1e15");
        }
        Ok(Self(if negative { -magnitude } else { magnitude }))
    }

    /// Checks that the number is within bounds.
    pub(crate) fn within(self, field: &str, least: Self, most: Self) -> Result<(), Error> {
        if self >= least && self <= most {
            return Ok(());
        }
        Err(Error::OutOfRange {
            field: field.to_string(),
            value: self.to_string(),
            least: least.to_string(),
            most: most.to_string(),
        })
    }

    /// Checks that each of the named numbers is from zero to `most`.
    pub(crate) fn all_to(most: Self, numbers: &[(&str, Self)]) -> Result<(), Error> {
        numbers.iter().try_for_each(|(field, number)| number.within(field, Self::ZERO, most))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:0>19}", self.0.unsigned_abs());
        let (whole, fraction) = digits.split_at(digits.len() - DECIMALS);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Decimal;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number as text, such as \"0.05\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Decimal, E> {
                Decimal::parse(text).map_err(|reason| {
                    let shown: String = text.chars().take(64).collect();
                    E::custom(format!("'{shown}': {reason}"))
                })
            }
        }
        deserializer.deserialize_str(Text).map_err(D::Error::custom)
    }
}

/// Returns a result as decimal text with twelve significant digits, and no more than eighteen behind the point.
pub(crate) fn text_of(value: f64) -> Result<String, Error> {
    if !value.is_finite() {
        return Err(Error::NotFinite);
    }
    let scientific = format!("{value:e}");
    let exponent: i32 =
        scientific.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    let decimals = usize::try_from((DIGITS - 1 - exponent).clamp(0, 18)).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text.as_str()
    };
    Ok(if text == "-0" { "0".to_string() } else { text.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_parse_back_and_nothing_else_parses() {
        for text in ["0", "-0.5", "60000", "0.000000000000000001", "1000000000000000"] {
            assert_eq!(Decimal::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "-", ".5", "5.", "+1", "1e3", " 1", "1_0", "NaN", "inf", "1,5", "--1"] {
            assert!(Decimal::parse(text).is_err(), "{text}");
        }
        assert!(Decimal::parse("0.0000000000000000001").is_err());
        assert!(Decimal::parse("1000000000000000.1").is_err());
        assert!(Decimal::parse("99999999999999999999999999999999999999999").is_err());
    }

    #[test]
    fn results_have_twelve_digits_and_no_exponent() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (300_000.000_000_000_06, "300000"),
            (-1.0 / 3.0, "-0.333333333333"),
            (1e20, "100000000000000000000"),
            (1.5e-30, "0"),
            (-1e-30, "0"),
        ] {
            assert_eq!(text_of(value).unwrap(), text);
        }
        assert_eq!(text_of(f64::NAN), Err(Error::NotFinite));
    }
}
