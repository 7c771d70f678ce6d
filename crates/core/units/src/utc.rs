//! UTC text to block times and back, for people: consensus knows milliseconds alone.
//!
//! **Invariant:** what [`utc_text`] writes, [`utc`] reads back, and whatever text comes in, nothing overflows.

use crate::BlockTime;

/// Milliseconds in a day.
const DAY_MS: i64 = 86_400_000;

/// Returns the time of a UTC text such as `2020-03-12T10:00:00Z`, floored to a millisecond; `None` if it is not one.
///
/// A space may stand for `T`, `+00:00` for `Z`, and a fraction of a second may follow the seconds.
#[must_use]
pub fn utc(text: &str) -> Option<BlockTime> {
    let body = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?;
    let (date, clock) = body.split_once(['T', ' '])?;
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let [year, month, day] = three(date, '-')?;
    let [hour, minute, second] = three(whole, ':')?;
    let in_range = (1..=12).contains(&month) && hour < 24 && minute < 60 && second < 60;
    if !in_range || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let millis: i64 = format!("{:0<3}", fraction.get(..3).unwrap_or(fraction)).parse().ok()?;
    let seconds = hour.checked_mul(3_600)?.checked_add(minute.checked_mul(60)?)?;
    let seconds = seconds.checked_add(second)?;
    let days = days_from_civil(year, month, day).checked_mul(DAY_MS)?;
    let total = days.checked_add(seconds.checked_mul(1_000)?)?.checked_add(millis)?;
    Some(BlockTime::from_millis(i128::from(total)))
}

/// Returns the UTC text of a time to the second, as `2020-03-12T10:00:00Z`. Rounding: down.
#[must_use]
pub fn utc_text(time: BlockTime) -> String {
    let millis = i64::try_from(time.millis()).unwrap_or(0);
    let (year, month, day) = civil_from_days(millis.div_euclid(DAY_MS));
    let seconds = millis.rem_euclid(DAY_MS).div_euclid(1_000);
    let (hour, minute) = (seconds.div_euclid(3_600), seconds.div_euclid(60).rem_euclid(60));
    let second = seconds.rem_euclid(60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Returns the three numbers of a text such as `2020-03-12`.
fn three(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator).map(|part| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse::<i64>().ok()).flatten()
    });
    let numbers @ [first, ..] = [parts.next()??, parts.next()??, parts.next()??];
    (parts.next().is_none() && first <= 9_999).then_some(numbers)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let by = |years: i64| year.rem_euclid(years) == 0;
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if by(4) && (!by(100) || by(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Returns the days from 1970-01-01 to a date of the Gregorian calendar.
///
/// # Source
///
/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year.saturating_sub(1) } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted = month.saturating_add(9).rem_euclid(12);
    let day_of_year = shifted.saturating_mul(153).saturating_add(2).div_euclid(5);
    let day_of_year = day_of_year.saturating_add(day).saturating_sub(1);
    year_of_era
        .saturating_mul(365)
        .saturating_add(year_of_era.div_euclid(4))
        .saturating_sub(year_of_era.div_euclid(100))
        .saturating_add(day_of_year)
        .saturating_add(era.saturating_mul(146_097))
        .saturating_sub(719_468)
}

/// Returns the date that lies a number of days after 1970-01-01; the inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = day_of_era
        .saturating_sub(day_of_era.div_euclid(1_460))
        .saturating_add(day_of_era.div_euclid(36_524))
        .saturating_sub(day_of_era.div_euclid(146_096))
        .div_euclid(365);
    let day_of_year = day_of_era
        .saturating_sub(year_of_era.saturating_mul(365))
        .saturating_sub(year_of_era.div_euclid(4))
        .saturating_add(year_of_era.div_euclid(100));
    let shifted = day_of_year.saturating_mul(5).saturating_add(2).div_euclid(153);
    let first = shifted.saturating_mul(153).saturating_add(2).div_euclid(5);
    let day = day_of_year.saturating_sub(first).saturating_add(1);
    let month = if shifted < 10 { shifted.saturating_add(3) } else { shifted.saturating_sub(9) };
    let year = year_of_era.saturating_add(era.saturating_mul(400));
    (year.saturating_add(i64::from(month <= 2)), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utc_text_is_read_to_the_millisecond() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2020-03-12T00:00:00Z", 1_583_971_200_000),
            ("2017-09-03T00:01:00Z", 1_504_396_860_000),
            ("2021-04-17 17:22:00.172344+00:00", 1_618_680_120_172),
            ("2024-02-29T23:59:59.9Z", 1_709_251_199_900),
        ] {
            assert_eq!(utc(text), Some(BlockTime::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn text_that_is_no_utc_time_is_refused() {
        for text in [
            "",
            "2020-03-12",
            "2020-03-12T00:00:00",
            "2020-03-12T00:00:00+01:00",
            "2020-13-12T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2020-03-12T24:00:00Z",
            "2020-03-12T00:00:00.Z",
            "2020-3x-12T00:00:00Z",
            "2020-03-12T-1:00:00Z",
        ] {
            assert_eq!(utc(text), None, "{text}");
        }
    }

    #[test]
    fn text_of_a_time_reads_back() {
        for text in ["2020-03-12T10:00:00Z", "2000-02-29T23:59:59Z", "1999-12-31T00:00:01Z"] {
            assert_eq!(utc_text(utc(text).unwrap()), text);
        }
    }
}
