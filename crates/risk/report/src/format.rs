//! Numbers and times as people read them.

use units::{BlockTime, Lots, Notional, Price};

use crate::model::{Unit, millis};

const DAY_MS: i64 = 86_400_000;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Returns a whole number with its thousands apart: `1,234,567`.
#[must_use]
pub fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// Returns a number of contracts with its thousands apart, signed: `−1,200`.
#[must_use]
pub fn lots(value: Lots) -> String {
    let sign = if value.count() < 0 { "−" } else { "" };
    format!("{sign}{}", grouped(&value.count().unsigned_abs().to_string()))
}

/// Returns dollars to the cent, halves away from zero: `−$1,234.50`.
#[must_use]
pub fn dollars(value: Notional) -> String {
    cents(value.micros())
}

/// Returns dollars to the micro-dollar, with their thousands apart: `−1,234.500000`; nothing at all is `0`.
#[must_use]
pub fn exact(value: Notional) -> String {
    if value == Notional::ZERO {
        return "0".into();
    }
    let micros = value.micros().unsigned_abs();
    let sign = if value < Notional::ZERO { "−" } else { "" };
    format!("{sign}{}.{:06}", grouped(&(micros / 1_000_000).to_string()), micros % 1_000_000)
}

/// Returns a price to the cent, halves away from zero: `$7,913.62`.
#[must_use]
pub fn price(value: Price) -> String {
    cents(value.micros())
}

/// Returns dollars in short, rounded to four digits at most: `$1.234M`.
#[must_use]
pub fn dollars_short(value: Notional) -> String {
    short(value.micros() as f64 / 1e6, &Unit::Dollars)
}

fn cents(micros: i128) -> String {
    let cents = (micros.unsigned_abs() + 5_000) / 10_000;
    let sign = if micros < 0 && cents > 0 { "−" } else { "" };
    format!("{sign}${}.{:02}", grouped(&(cents / 100).to_string()), cents % 100)
}

/// Returns digits with a comma before every third from the end.
fn grouped(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Returns a time as `12 Mar 2020 10:00 UTC`.
#[must_use]
pub fn time(time: BlockTime) -> String {
    moment(millis(time))
}

/// Returns a moment in milliseconds since 1970 as `12 Mar 2020 10:00 UTC`.
pub(crate) fn moment(ms: i64) -> String {
    format!("{} {} UTC", date(ms), clock(ms))
}

/// Returns the date of a moment as `12 Mar 2020`.
pub(crate) fn date(ms: i64) -> String {
    let (year, month, day) = civil(ms.div_euclid(DAY_MS));
    format!("{day} {month} {year}")
}

/// Returns the day of a moment as `12 Mar`.
pub(crate) fn day(ms: i64) -> String {
    let (_, month, day) = civil(ms.div_euclid(DAY_MS));
    format!("{day} {month}")
}

/// Returns the time of day of a moment as `10:00`, with seconds if there are any.
pub(crate) fn clock(ms: i64) -> String {
    let seconds = ms.rem_euclid(DAY_MS) / 1_000;
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let seconds = if second == 0 { String::new() } else { format!(":{second:02}") };
    format!("{hour:02}:{minute:02}{seconds}")
}

/// Returns a span as `44 h`, `1 h 30 min` or `12 s`.
pub(crate) fn span(ms: i64) -> String {
    let (seconds, minutes, hours) = (ms / 1_000, ms / 60_000, ms / 3_600_000);
    match (hours, minutes % 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// Returns year, month and day of a number of days after 1970-01-01.
///
/// # Source
///
/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn civil(days: i64) -> (i64, &'static str, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let name = usize::try_from(month - 1).ok().and_then(|index| MONTHS.get(index));
    (year_of_era + era * 400 + i64::from(month <= 2), name.copied().unwrap_or(""), day)
}

/// Returns the divisor and the letter for numbers of a size, so that about four digits remain.
fn magnitude(size: f64) -> (f64, &'static str) {
    match size {
        size if size >= 1e9 => (1e9, "B"),
        size if size >= 1e6 => (1e6, "M"),
        size if size >= 1e5 => (1e3, "k"),
        _ => (1.0, ""),
    }
}

/// Returns the label of an axis tick; `largest` is the largest magnitude on the axis, `step` the distance of ticks.
pub(crate) fn tick(value: f64, largest: f64, step: f64, unit: &Unit) -> String {
    let scale = if *unit == Unit::Percent { 100.0 } else { 1.0 };
    if value == 0.0 {
        return with_unit(0.0, 0, "", unit);
    }
    let (divisor, letter) = magnitude(largest * scale);
    let decimals = decimals_of(step * scale / divisor);
    with_unit(value * scale / divisor, decimals, letter, unit)
}

/// Returns a number with four digits or so and its unit, for tooltips and text.
#[must_use]
pub fn short(value: f64, unit: &Unit) -> String {
    let scaled = if *unit == Unit::Percent { value * 100.0 } else { value };
    let (divisor, letter) = magnitude(scaled.abs());
    let shown = scaled / divisor;
    let decimals = match shown.abs() {
        _ if matches!(unit, Unit::Count(_)) && letter.is_empty() && shown.fract() == 0.0 => 0,
        size if size >= 1_000.0 && letter.is_empty() => 2,
        size if size >= 1.0 && letter.is_empty() && *unit == Unit::Dollars => 2,
        size if size >= 100.0 => 1,
        size if size >= 10.0 => 2,
        size if size >= 0.1 || size == 0.0 => 3,
        _ => 5,
    };
    with_unit(shown, decimals, letter, unit)
}

fn with_unit(shown: f64, decimals: usize, letter: &str, unit: &Unit) -> String {
    let text = format!("{:.decimals$}", shown.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let point = if fraction.is_empty() { "" } else { "." };
    let zero = text.bytes().all(|byte| byte == b'0' || byte == b'.');
    let sign = if shown < 0.0 && !zero { "−" } else { "" };
    let digits = format!("{}{point}{fraction}{letter}", grouped(whole));
    match unit {
        Unit::Dollars => format!("{sign}${digits}"),
        Unit::Percent => format!("{sign}{digits} %"),
        Unit::Count(_) => format!("{sign}{digits}"),
    }
}

/// Returns how many decimals tell multiples of a step apart.
fn decimals_of(step: f64) -> usize {
    (0..6)
        .find(|decimals| {
            let scaled = step * 10_f64.powi(*decimals);
            (scaled - scaled.round()).abs() < 1e-6 * scaled.abs().max(1e-9)
        })
        .and_then(|decimals| usize::try_from(decimals).ok())
        .unwrap_or(6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_shown_to_the_cent() {
        for (micros, text) in [
            (0, "$0.00"),
            (7_913_620_000, "$7,913.62"),
            (-1_234_567_895_000, "−$1,234,567.90"),
            (-4_999, "$0.00"),
            (5_000, "$0.01"),
        ] {
            assert_eq!(dollars(Notional::from_micros(micros)), text);
        }
        assert_eq!(exact(Notional::from_micros(-1_234_567_890_001)), "−1,234,567.890001");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(123), "123");
    }

    #[test]
    fn axis_labels_have_as_many_decimals_as_their_step() {
        let tick = |value, largest, step| tick(value, largest, step, &Unit::Dollars);
        assert_eq!(tick(7_500.0, 8_000.0, 500.0), "$7,500");
        assert_eq!(tick(2.5e6, 1e7, 2.5e6), "$2.5M");
        assert_eq!(tick(-2.5e8, 5e8, 2.5e8), "−$250M");
        assert_eq!(tick(0.002, 0.004, 0.001), "$0.002");
        assert_eq!(tick(0.0, 2e8, 5e7), "$0");
        assert_eq!(super::tick(1.5, 2.0, 0.25, &Unit::Percent), "150 %");
        assert_eq!(super::tick(0.125, 0.2, 0.025, &Unit::Percent), "12.5 %");
    }

    #[test]
    fn readings_are_short() {
        let lots = Unit::Count("lots".into());
        assert_eq!(short(12.0, &lots), "12");
        assert_eq!(short(1_234_567.0, &lots), "1.235M");
        assert_eq!(short(3_858.0, &Unit::Dollars), "$3,858.00");
        assert_eq!(short(95.87, &Unit::Dollars), "$95.87");
        assert_eq!(short(-0.000_04, &Unit::Dollars), "−$0.00004");
        assert_eq!(short(1.84, &Unit::Percent), "184.0 %");
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(moment(1_584_007_200_000), "12 Mar 2020 10:00 UTC");
        assert_eq!(clock(1_584_007_205_000), "10:00:05");
        assert_eq!(span(44 * 3_600_000), "44 h");
        assert_eq!(span(90 * 60_000), "1 h 30 min");
    }
}
