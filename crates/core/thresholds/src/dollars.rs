//! What stands in a book and what an auction has traded, in dollars.
//!
//! **Invariant:** at a price that is not negative a figure is never above the exact one, so impact is never below it.

use units::{Lots, Notional, Price, Quantity, Round};

/// Returns what stands near the mark of a market, in dollars at the mark, of the side that has less; nothing if that does not
/// fit.
///
/// Rounding: down.
///
/// spec 0031-THRE-014.
pub fn standing(bids: Lots, asks: Lots, mark: Price, contract_size: Quantity) -> Notional {
    let dollars = bids.lesser(asks).value(mark, contract_size, Round::Down);
    dollars.unwrap_or(Notional::ZERO)
}

/// Returns what lots traded at a price are worth, whatever its sign; `None` if that does not fit.
///
/// Rounding: down.
///
/// spec 0031-THRE-015.
#[must_use]
pub fn traded(lots: Lots, price: Price, contract_size: Quantity) -> Option<Notional> {
    lots.value(price, contract_size, Round::Down).ok()?.magnitude().ok()
}

/// Returns the vega of lots of an option, of which one has so much; `None` if that does not fit.
///
/// spec 0031-THRE-015.
#[must_use]
pub fn traded_vega(lots: Lots, vega: Notional) -> Option<Notional> {
    let sum = vega.number().times(lots.number()).ok()?;
    Notional::from_number(sum).magnitude().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_is_of_the_side_that_has_less_and_rounded_down() {
        // 0031-THRE-014
        let micro = Quantity::from_nanos(1);
        let mark = Price::from_micros(1_999_999_999);
        let stands = |bids, asks| {
            standing(Lots::from_count(bids), Lots::from_count(asks), mark, micro).micros()
        };
        assert_eq!(stands(1, 5), 1);
        assert_eq!(stands(5, 1), 1);
        assert_eq!(stands(0, 5), 0);
    }

    #[test]
    fn a_trade_counts_without_its_sign() {
        // 0031-THRE-015
        let (lots, below) = (Lots::from_count(2), Price::from_micros(-3_000_000));
        let dollars = traded(lots, below, Quantity::ONE).map(Notional::micros);
        assert_eq!(dollars, Some(6_000_000));
        let vega = traded_vega(lots, Notional::from_micros(-7)).map(Notional::micros);
        assert_eq!(vega, Some(14));
        assert_eq!(traded_vega(lots, Notional::from_micros(i128::MAX)), None);
    }
}
