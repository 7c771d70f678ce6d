//! What amounts of an asset count for: in dollars, and of what was brought.

use protocol::Fault;
use units::{Amount, Notional, Price, Round};

/// Returns what an amount of an asset counts for that enters or leaves, at its index.
///
/// Shape: billionths × micro-dollars per unit → micro-dollars. Rounding: up.
///
/// # Errors
///
/// [`Fault`] if the worth leaves its limits.
///
/// spec 0025-BLOCK-012.
pub fn worth(amount: Amount, index: Price) -> Result<Notional, Fault> {
    amount.quantity().value(index, Round::Up).map_err(Fault::at("value of a withdrawal"))
}

/// Returns what counts as brought of what was got for an amount of which a part was brought: the same part of it.
///
/// Rounding: down, so no more is brought than came.
///
/// # Errors
///
/// [`Fault`] if nothing was given or the part leaves its limits.
///
/// spec 0025-BLOCK-041.
pub fn carried(brought: Amount, given: Amount, got: Amount) -> Result<Amount, Fault> {
    let part = got.number().mul_div(brought.number(), given.number(), Round::Down);
    part.map(Amount::from_number).map_err(Fault::at("share of what was brought"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worth_is_rounded_up_and_what_is_carried_down() {
        // 0025-BLOCK-012, 0025-BLOCK-041
        let amount = Amount::from_minor;
        let index = Price::from_micros(1_500_000);
        assert_eq!(worth(amount(1), index), Ok(Notional::from_micros(1)));
        assert_eq!(worth(amount(2_000_000_000), index), Ok(Notional::from_micros(3_000_000)));
        assert_eq!(carried(amount(1), amount(3), amount(100)), Ok(amount(33)));
        assert_eq!(carried(amount(3), amount(3), amount(100)), Ok(amount(100)));
        assert!(carried(amount(1), amount(0), amount(100)).is_err());
    }
}
