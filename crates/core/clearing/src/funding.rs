//! Funding: what ties a perpetual to its index.

use protocol::Fault;
use units::{Lots, Notional, Num, Ppb, Price, Quantity, Round};

/// The numbers behind a funding rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FundingTerms {
    /// Average premium of the perpetual over its index in the last hour, as a fraction of the index.
    pub premium: Ppb,
    /// Rate at no premium.
    pub interest: Ppb,
    /// Largest rate, either sign; not negative.
    pub cap: Ppb,
}

/// Returns the hourly rate that longs pay shorts: an eighth of the premium plus interest, inside ± the cap.
///
/// Rounding: the eighth is rounded down.
///
/// # Errors
///
/// [`Fault`] if a number leaves its limits.
///
/// spec 0013-CLEAR-007.
pub fn funding_rate(terms: &FundingTerms) -> Result<Ppb, Fault> {
    let at = Fault::at("funding rate");
    let eighth = terms.premium.number().mul_div(Num::new(1), Num::new(8), Round::Down);
    let rate = Ppb::from_number(eighth.map_err(&at)?).plus(terms.interest).map_err(&at)?;
    let lowest = terms.cap.negated().map_err(&at)?;
    Ok(rate.lesser(terms.cap).greater(lowest))
}

/// Returns the dollars an account receives for what has accrued on a unit; negative if it pays.
///
/// Shape: lots × units per lot × micro-dollars per unit → micro-dollars. Rounding: down, so the payer pays the
/// rounded-up amount, the receiver gets the rounded-down one, and the difference stays with the house.
///
/// # Errors
///
/// [`Fault`] if a number leaves its limits.
///
/// spec 0013-CLEAR-008, 0011-LEDG-007.
pub fn funding_payment(
    lots: Lots,
    contract_size: Quantity,
    accrued: Price,
) -> Result<Notional, Fault> {
    let paid = lots.negated().and_then(|owed| owed.value(accrued, contract_size, Round::Down));
    paid.map_err(Fault::at("funding payment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longs_pay_shorts_and_the_house_keeps_the_remainder() {
        // 0013-CLEAR-008, 0011-LEDG-007
        let size = Quantity::from_nanos(1_000_000);
        // 0.00125 % of 58,710.21 dollars.
        let accrued = Price::from_micros(733_877);
        let long = funding_payment(Lots::from_count(7), size, accrued).unwrap();
        let short = funding_payment(Lots::from_count(-7), size, accrued).unwrap();
        assert_eq!(long, Notional::from_micros(-5_138)); // 5,137.14 paid, rounded up
        assert_eq!(short, Notional::from_micros(5_137));
    }

    #[test]
    fn the_rate_is_an_eighth_of_the_premium_plus_interest_inside_the_cap() {
        // 0013-CLEAR-007
        let terms = |premium| FundingTerms {
            premium: Ppb::from_parts(premium),
            interest: Ppb::from_parts(12_500),
            cap: Ppb::from_parts(4_000_000),
        };
        for (premium, rate) in [
            (0, 12_500),
            (800_000, 112_500),
            (-9, 12_498),
            (90_000_000, 4_000_000),
            (-90_000_000, -4_000_000),
        ] {
            assert_eq!(funding_rate(&terms(premium)), Ok(Ppb::from_parts(rate)));
        }
    }
}
