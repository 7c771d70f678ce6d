//! Exact decimal text: what is written parses back to the same integer, and nothing else parses.

use std::fmt;

/// Why a text is not a value of its unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not an optional minus sign, digits, and optionally a point and digits.
    #[error("'{0}' is not a decimal number")]
    NotDecimal(String),
    /// More decimals than the unit has.
    #[error("'{text}' has more than {decimals} decimals")]
    TooFine {
        /// The text.
        text: String,
        /// The decimals of the unit.
        decimals: usize,
    },
    /// Outside the limits of the unit.
    #[error("'{0}' is outside the limits of its unit")]
    OutOfLimits(String),
}

/// Returns the error of a codec that met a value outside its unit's limits.
pub(crate) fn out_of_limits(unit: &'static str) -> borsh::io::Error {
    borsh::io::Error::new(
        borsh::io::ErrorKind::InvalidData,
        format!("{unit} is outside its limits"),
    )
}

/// Writes `value · 10^−decimals` without trailing zeros.
pub(crate) fn write(f: &mut fmt::Formatter<'_>, value: i128, decimals: usize) -> fmt::Result {
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = decimals.saturating_add(1));
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(decimals));
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    f.pad_integral(value >= 0, "", &format!("{whole}{point}{fraction}"))
}

/// Reads what [`write`] writes; also with zeros behind it, as venues pad what they print.
pub(crate) fn parse(text: &str, decimals: usize, limit: i128) -> Result<i128, ParseError> {
    let not_decimal = || ParseError::NotDecimal(text.chars().take(64).collect());
    let out_of_limits = || ParseError::OutOfLimits(text.chars().take(64).collect());
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return Err(not_decimal()),
        None => (unsigned, ""),
    };
    let digits_only = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits_only {
        return Err(not_decimal());
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > decimals {
        return Err(ParseError::TooFine { text: text.chars().take(64).collect(), decimals });
    }
    let digits = format!("{whole}{fraction:0<decimals$}");
    let magnitude: i128 = digits.parse().map_err(|_| out_of_limits())?;
    if magnitude > limit {
        return Err(out_of_limits());
    }
    if negative { magnitude.checked_neg().ok_or_else(out_of_limits) } else { Ok(magnitude) }
}
