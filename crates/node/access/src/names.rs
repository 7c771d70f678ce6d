//! How the machine's numbers read in signed text: exact decimals, and contracts by name.
//!
//! **Invariant:** two different values never read the same.

use protocol::{Contract, Right};
use units::BlockTime;

const DAY_MS: i128 = 86_400_000;
const EIGHT_MS: i128 = 8 * 3_600_000;
const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// Returns a number of units of ten to the minus `places` as a decimal without trailing zeros.
pub(crate) fn decimal(value: i128, places: u32) -> String {
    let one = 10u128.pow(places);
    let (sign, value) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
    let (whole, rest) = (value / one, value % one);
    if rest == 0 {
        return format!("{sign}{whole}");
    }
    let rest = format!("{rest:0width$}", width = places as usize);
    format!("{sign}{whole}.{}", rest.trim_end_matches('0'))
}

/// Returns the name of a contract on an underlying, as `BTC_USDC-27NOV26-90000-C`.
#[must_use]
pub fn contract_name(underlying: &str, contract: &Contract) -> String {
    let pair = format!("{underlying}_USDC");
    match contract {
        Contract::Perpetual => format!("{pair}-PERPETUAL"),
        Contract::Future { expires_at } => format!("{pair}-{}", day(*expires_at)),
        Contract::Option { expires_at, strike, right } => {
            let right = match right {
                Right::Call => "C",
                Right::Put => "P",
            };
            format!("{pair}-{}-{}-{right}", day(*expires_at), decimal(strike.micros(), 6))
        }
    }
}

/// Returns a day as `27NOV26`; with the milliseconds since midnight if it is not eight o'clock.
fn day(time: BlockTime) -> String {
    let (days, into) = (time.millis().div_euclid(DAY_MS), time.millis().rem_euclid(DAY_MS));
    let (year, month, day) = civil(days);
    let year = match year {
        2000..=2099 => format!("{:02}", year - 2000),
        // At least four places, so that no other year reads as one of this century.
        _ => format!("{year:04}"),
    };
    let month = usize::try_from(month).ok().and_then(|month| MONTHS.get(month - 1));
    let suffix = if into == EIGHT_MS { String::new() } else { format!("T{into}") };
    format!("{day}{}{year}{suffix}", month.unwrap_or(&"?"))
}

/// Returns year, month and day of a number of days since 1970, by counting whole years and months.
fn civil(days: i128) -> (i128, i128, i128) {
    let leap = |year: i128| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let cycle = days.div_euclid(146_097);
    let (mut year, mut left) = (1970 + cycle * 400, days.rem_euclid(146_097));
    while left >= 365 + i128::from(leap(year)) {
        left -= 365 + i128::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + i128::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    (year, month, left + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use units::Price;

    #[test]
    fn decimals_are_exact_and_have_one_form() {
        for (value, text) in [
            (0, "0"),
            (1, "0.000001"),
            (1_200_000_000, "1200"),
            (100_000, "0.1"),
            (-1_500_000, "-1.5"),
        ] {
            assert_eq!(decimal(value, 6), text);
        }
    }

    #[test]
    fn contracts_are_named_as_venues_name_them() {
        let expires_at = BlockTime::from_millis(1_795_766_400_000);
        let strike = Price::from_micros(90_000_000_000);
        let option = Contract::Option { expires_at, strike, right: Right::Call };
        assert_eq!(contract_name("BTC", &option), "BTC_USDC-27NOV26-90000-C");
        assert_eq!(contract_name("ETH", &Contract::Perpetual), "ETH_USDC-PERPETUAL");
        let future = |millis| Contract::Future { expires_at: BlockTime::from_millis(millis) };
        assert_eq!(contract_name("BTC", &future(1_709_193_600_000)), "BTC_USDC-29FEB24");
        assert_eq!(contract_name("BTC", &future(1_709_193_600_001)), "BTC_USDC-29FEB24T28800001");
        assert_eq!(contract_name("BTC", &future(4_102_473_600_000)), "BTC_USDC-1JAN2100");
        let year_26 = 1_795_766_400_000 - 5 * 146_097 * 86_400_000;
        assert_eq!(contract_name("BTC", &future(year_26)), "BTC_USDC-27NOV0026");
    }
}
