//! Decimal text to integers, with the fate of excess digits stated by the caller.

use std::fmt;

use units::{Notional, Price, Quantity, Round, Vol};

/// What happens to digits that are finer than the unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Excess {
    /// The text is refused unless they are zeros.
    Refuse,
    /// The value goes to the nearest unit; halves go away from zero.
    Nearest,
}

/// A signed fraction in billionths: implied volatilities and funding rates as their sources print them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[must_use]
pub struct Fraction(i64);

impl Fraction {
    /// One, in billionths.
    const ONE: i128 = 1_000_000_000;

    /// Returns the fraction of a whole number of billionths.
    pub const fn from_billionths(billionths: i64) -> Self {
        Self(billionths)
    }

    /// Returns the whole number of billionths.
    #[must_use]
    pub const fn billionths(self) -> i64 {
        self.0
    }

    /// Returns the fraction as a volatility, rounded as told; `None` outside the limits of a volatility.
    #[must_use]
    pub fn vol(self, round: Round) -> Option<Vol> {
        // A volatility counts in 1e-4, which is 100,000 billionths.
        let step = Self::ONE / 10_000;
        let billionths = i128::from(self.0);
        let points = match round {
            Round::Down => billionths.div_euclid(step),
            Round::Up => billionths.checked_add(step - 1)?.div_euclid(step),
        };
        let vol = Vol::from_points(points).within_limit().ok()?;
        (vol >= Vol::ZERO).then_some(vol)
    }
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Billionths are also what a quantity counts in, so its exact text serves.
        fmt::Display::fmt(&Quantity::from_nanos(i128::from(self.0)), f)
    }
}

/// Returns the price that a text states.
pub(crate) fn price(text: &str, excess: Excess) -> Result<Price, String> {
    let value = Price::from_micros(scaled(text, 6, excess)?);
    value.within_limit().map_err(|_| "is outside the limits of a price".to_string())
}

/// Returns the quantity that a text states.
pub(crate) fn quantity(text: &str, excess: Excess) -> Result<Quantity, String> {
    let value = Quantity::from_nanos(scaled(text, 9, excess)?);
    value.within_limit().map_err(|_| "is outside the limits of a quantity".to_string())
}

/// Returns the notional that a text states.
pub(crate) fn notional(text: &str, excess: Excess) -> Result<Notional, String> {
    let value = Notional::from_micros(scaled(text, 6, excess)?);
    value.within_limit().map_err(|_| "is outside the limits of a notional".to_string())
}

/// Returns the fraction that a text states.
pub(crate) fn fraction(text: &str, excess: Excess) -> Result<Fraction, String> {
    let billionths = scaled(text, 9, excess)?;
    i64::try_from(billionths).map(Fraction).map_err(|_| "is too large a fraction".to_string())
}

/// Returns `text · 10^decimals` as an integer.
///
/// Accepts `-12.5`, `0.000`, `1e-7` and `-1.609e-05`: what the sources print. Rounding: as `excess` says.
fn scaled(text: &str, decimals: i32, excess: Excess) -> Result<i128, String> {
    let not_decimal = || "is not a decimal number".to_string();
    let too_large = || "has too many digits".to_string();
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse().map_err(|_| not_decimal())?),
        None => (unsigned, 0_i32),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits_only = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    let point_without_digits = mantissa.contains('.') && fraction.is_empty();
    if whole.is_empty() || point_without_digits || !digits_only {
        return Err(not_decimal());
    }
    let mut value: i128 = 0;
    for digit in whole.bytes().chain(fraction.bytes()).map(|byte| i128::from(byte - b'0')) {
        value = value.checked_mul(10).and_then(|v| v.checked_add(digit)).ok_or_else(too_large)?;
    }
    let printed = i32::try_from(fraction.len()).map_err(|_| too_large())?;
    let shift = exponent.checked_add(decimals - printed).ok_or_else(too_large)?;
    let places = shift.unsigned_abs();
    let magnitude =
        if shift >= 0 { raised(value, places) } else { lowered(value, places, excess)? }
            .ok_or_else(too_large)?;
    Ok(if negative { -magnitude } else { magnitude })
}

/// Returns `value · 10^places`, or nothing if it does not fit.
fn raised(value: i128, places: u32) -> Option<i128> {
    if value == 0 {
        return Some(0);
    }
    10_i128.checked_pow(places).and_then(|power| power.checked_mul(value))
}

/// Returns `value / 10^places` for a value that is not negative, the remainder treated as told.
fn lowered(value: i128, places: u32, excess: Excess) -> Result<Option<i128>, String> {
    let divisor = 10_i128.checked_pow(places);
    // A divisor beyond 128 bits leaves nothing of the value but its excess.
    let (quotient, remainder) = divisor.map_or((0, value), |d| (value / d, value % d));
    match excess {
        Excess::Refuse if remainder != 0 => Err("is finer than its unit".to_string()),
        Excess::Refuse => Ok(Some(quotient)),
        Excess::Nearest => {
            let up = divisor.is_some_and(|d| remainder >= d - remainder);
            Ok(quotient.checked_add(i128::from(up)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_text_becomes_the_integer_of_its_unit() {
        for (text, nanos) in [
            ("0", 0),
            ("0.00000000", 0),
            ("61837.63000000", 61_837_630_000_000),
            ("-0.5", -500_000_000),
            ("1e-7", 100),
            ("-1.609e-05", -16_090),
            ("2.5E2", 250_000_000_000),
            ("0e99", 0),
        ] {
            assert_eq!(scaled(text, 9, Excess::Refuse), Ok(nanos), "{text}");
        }
    }

    #[test]
    fn excess_digits_are_refused_or_go_to_the_nearest_unit() {
        assert_eq!(scaled("8.880099999999999", 9, Excess::Nearest), Ok(8_880_100_000));
        assert_eq!(scaled("0.0000000005", 9, Excess::Nearest), Ok(1));
        assert_eq!(scaled("-0.0000000005", 9, Excess::Nearest), Ok(-1));
        assert_eq!(scaled("0.00000000049", 9, Excess::Nearest), Ok(0));
        assert_eq!(scaled("1e-60", 9, Excess::Nearest), Ok(0));
        assert_eq!(scaled("1.000000001e-2147483648", 9, Excess::Nearest), Ok(0));
        assert!(scaled("8.880099999999999", 9, Excess::Refuse).is_err());
        assert!(scaled("1e-60", 9, Excess::Refuse).is_err());
        assert_eq!(scaled("8.8800000000000", 9, Excess::Refuse), Ok(8_880_000_000));
    }

    #[test]
    fn text_that_is_no_number_or_does_not_fit_is_refused() {
        for text in
            ["", "-", ".", "1.", ".5", "+1", "1,0", " 1", "0x1", "1e", "1e1.5", "nan", "--1"]
        {
            assert!(scaled(text, 6, Excess::Nearest).is_err(), "{text}");
        }
        assert!(scaled(&"9".repeat(60), 6, Excess::Nearest).is_err());
        assert!(scaled("1e60", 6, Excess::Nearest).is_err());
        assert!(price("1000000001", Excess::Refuse).is_err());
    }

    #[test]
    fn a_fraction_becomes_a_volatility_in_the_direction_told() {
        let iv = fraction("0.5375622", Excess::Refuse).unwrap();
        assert_eq!(iv.to_string(), "0.5375622");
        assert_eq!(iv.vol(Round::Down), Some(Vol::from_points(5_375)));
        assert_eq!(iv.vol(Round::Up), Some(Vol::from_points(5_376)));
        assert_eq!(fraction("-0.1", Excess::Refuse).unwrap().vol(Round::Down), None);
        assert_eq!(fraction("7", Excess::Refuse).unwrap().vol(Round::Down), None);
    }
}
