//! Collateral sold for a debt: how much of it, and for how many dollars.

use protocol::Fault;
use units::{Amount, Notional, Num, Price, Quantity, Round};

/// Collateral that changes hands, and what is paid for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sale {
    /// In billionths of the asset.
    pub amount: Amount,
    /// In dollars.
    pub paid: Notional,
}

/// Returns what a fund buys: all that is held, or as much as is worth the most that it may pay.
///
/// Rounding: what is sold up, what is paid down, both against the account.
///
/// # Errors
///
/// [`Fault`] if a price is not positive or a number leaves its limits.
///
/// spec 0021-FALL-012.
pub fn sale(held: Amount, price: Price, most: Notional) -> Result<Sale, Fault> {
    let at = Fault::at("sale of collateral");
    let worth = held.quantity().value(price, Round::Down).map_err(&at)?;
    if worth <= most {
        return Ok(Sale { amount: held, paid: worth });
    }
    let amount = needed(most, price)?;
    Ok(Sale { amount, paid: most })
}

/// Returns what a bidder buys: what it asks for, but no more than is held, nor than pays the debt.
///
/// Rounding: what is paid up, in favour of the account; the debt is paid, and by less than a micro-dollar and a
/// billionth's price more than that.
///
/// # Errors
///
/// As [`sale`].
///
/// spec 0021-FALL-042.
pub fn purchase(held: Amount, wanted: Amount, price: Price, debt: Notional) -> Result<Sale, Fault> {
    let amount = held.lesser(wanted).lesser(needed(debt, price)?);
    let paid = amount.quantity().value(price, Round::Up);
    Ok(Sale { amount, paid: paid.map_err(Fault::at("purchase of collateral"))? })
}

/// Returns the least of an asset that is worth a number of dollars at a price.
fn needed(dollars: Notional, price: Price) -> Result<Amount, Fault> {
    let needed = dollars.number().mul_div(Quantity::ONE.number(), price.number(), Round::Up);
    needed.map(Num::raw).map(Amount::from_minor).map_err(Fault::at("sale of collateral"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_sold_than_pays_the_debt() {
        // 0021-FALL-012, 0021-FALL-042
        let coin = Amount::from_minor(1_000_000_000);
        let price = Price::from_micros(7_960_000_000);
        let dollars = |whole: i128| Notional::from_micros(whole * 1_000_000);
        assert_eq!(
            sale(coin, price, dollars(9_000)),
            Ok(Sale { amount: coin, paid: dollars(7_960) })
        );
        let half = Amount::from_minor(500_000_000);
        assert_eq!(
            sale(coin, price, dollars(3_980)),
            Ok(Sale { amount: half, paid: dollars(3_980) })
        );
        let bought = Sale { amount: half, paid: dollars(3_980) };
        assert_eq!(purchase(coin, coin, price, dollars(3_980)), Ok(bought));
        assert_eq!(purchase(coin, half, price, dollars(9_000)), Ok(bought));
        let dust = Amount::from_minor(1);
        let bought = Sale { amount: dust, paid: Notional::from_micros(8) };
        assert_eq!(purchase(coin, dust, price, dollars(9_000)), Ok(bought), "paid rounded up");
    }
}
