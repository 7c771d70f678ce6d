//! What a command counts for against the cap of a day.
//!
//! **Invariant:** what an order counts for is at least what its owner can lose by its fills at the marks of the block that
//! counts it: a buyer pays no more than the limit, and a seller gives away no more than what is sold is worth.

use protocol::{Instrument, Side};
use units::{Amount, ArithmeticError, Lots, Notional, Price, Round};

/// What of an order counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// Buy or sell.
    pub side: Side,
    /// Its limit.
    pub price: Price,
    /// Its size.
    pub lots: Lots,
    /// Whether it can only end what is held.
    pub reduce_only: bool,
}

/// The prices of a market in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quoted {
    /// The mark, if there is one.
    pub mark: Option<Price>,
    /// The index of the underlying, if there is one.
    pub index: Option<Price>,
}

/// Returns what an order in an instrument counts for, in dollars.
///
/// Rounding: up.
///
/// spec 0027-ACC-014.
///
/// # Errors
///
/// [`ArithmeticError`] if it is beyond what a figure may be.
pub fn order_value(
    order: &Order,
    instrument: &Instrument,
    quoted: Quoted,
) -> Result<Notional, ArithmeticError> {
    let price = order_price(order, instrument, quoted)?;
    order.lots.value(price, instrument.contract_size, Round::Up)?.magnitude()
}

/// Returns the price at which an order is counted: a buy at its limit; a sale at the greatest of limit, mark and, unless
/// it can only end an option that is held, the index of the underlying.
///
/// spec 0027-ACC-014.
fn order_price(
    order: &Order,
    instrument: &Instrument,
    quoted: Quoted,
) -> Result<Price, ArithmeticError> {
    let limit = order.price.magnitude()?;
    if order.side == Side::Buy {
        return Ok(limit);
    }
    let ends = order.reduce_only && instrument.contract.pays_premium();
    let index = quoted.index.filter(|_| !ends).unwrap_or(Price::ZERO).magnitude()?;
    let mark = quoted.mark.unwrap_or(Price::ZERO).magnitude()?;
    Ok(limit.greater(mark).greater(index))
}

/// Returns what buying an amount of collateral at a limit at most counts for, in dollars.
///
/// Rounding: up.
///
/// # Errors
///
/// [`ArithmeticError`] if amount, limit or value are beyond what a figure may be.
pub fn collateral_value(amount: Amount, limit: Price) -> Result<Notional, ArithmeticError> {
    let (amount, limit) = (amount.within_limit()?, limit.within_limit()?);
    amount.quantity().value(limit, Round::Up)?.magnitude()
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Contract, InstrumentId, Right, UnderlyingId};
    use units::{BlockTime, Quantity};

    fn price(dollars: i128) -> Price {
        Price::from_micros(dollars * 1_000_000)
    }

    fn instrument(contract: Contract) -> Instrument {
        Instrument {
            id: InstrumentId::new(1),
            underlying: UnderlyingId::new(1),
            contract,
            contract_size: Quantity::ONE,
            tick: price(1),
        }
    }

    fn call() -> Instrument {
        let (expires_at, strike) = (BlockTime::from_millis(1), price(100));
        instrument(Contract::Option { expires_at, strike, right: Right::Call })
    }

    /// Returns the dollars for which an order of two lots at 10 counts, at a mark of 12 and an index of 100.
    fn counts(side: Side, reduce_only: bool, instrument: &Instrument) -> i128 {
        let order = Order { side, price: price(10), lots: Lots::from_count(2), reduce_only };
        let quoted = Quoted { mark: Some(price(12)), index: Some(price(100)) };
        let value = order_value(&order, instrument, quoted).expect("within limits");
        value.micros() / 1_000_000
    }

    #[test]
    fn a_buy_counts_at_its_limit_and_a_sale_at_the_most_that_it_gives_away() {
        // 0027-ACC-014
        let perpetual = instrument(Contract::Perpetual);
        assert_eq!(counts(Side::Buy, false, &perpetual), 20);
        assert_eq!(counts(Side::Sell, false, &perpetual), 200);
        assert_eq!(counts(Side::Sell, true, &perpetual), 200);
        assert_eq!(counts(Side::Buy, false, &call()), 20);
        assert_eq!(counts(Side::Sell, false, &call()), 200);
        assert_eq!(counts(Side::Sell, true, &call()), 24, "it gives away the option alone");
    }

    #[test]
    fn without_mark_and_index_an_order_counts_at_its_limit() {
        let order = Order {
            side: Side::Sell,
            price: price(-10),
            lots: Lots::from_count(1),
            reduce_only: false,
        };
        let quoted = Quoted { mark: None, index: None };
        let value = order_value(&order, &instrument(Contract::Perpetual), quoted);
        assert_eq!(value.map(Notional::micros), Ok(10_000_000), "a limit below zero, too");
    }

    #[test]
    fn bought_collateral_counts_at_the_limit_rounded_up() {
        let limit = Price::from_micros(1);
        let value = |amount| collateral_value(Amount::from_number(units::Num::new(amount)), limit);
        assert!(value(1).is_ok_and(|value| value.micros() == 1));
        assert!(value(0).is_ok_and(|value| value.micros() == 0));
        assert!(value(i128::MAX).is_err());
    }
}
