//! Novation: one account's fill against the house.

use crate::Position;
use protocol::{Fault, Side};
use units::{Lots, Notional, Ppm, Price, Quantity, Round};

/// A fill as the auction reports it, with the contract's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// Which way the account traded.
    pub side: Side,
    /// At the auction's one price.
    pub price: Price,
    /// How many contracts; positive.
    pub lots: Lots,
    /// Units of the underlying in one lot.
    pub contract_size: Quantity,
    /// Whether the value is paid now, as for options.
    pub pays_premium: bool,
    /// Fee on the value traded; not negative.
    pub fee: Ppm,
}

/// What a fill does to the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Novated {
    /// The position afterwards.
    pub position: Position,
    /// Value bought, negative if sold: exact.
    pub value: Notional,
    /// Dollars the account pays to the house now: the premium, or nothing.
    pub premium: Notional,
    /// Dollars the account pays as a fee.
    pub fee: Notional,
}

/// Returns what a fill does to a position.
///
/// The value is exact, or the fill is a fault: listing guarantees that one lot at one tick is a whole number of
/// micro-dollars. The fee is rounded up. Since buyers and sellers fill at one price and equal lots, values and
/// premiums of an auction sum to zero.
///
/// # Errors
///
/// [`Fault`] if the lots or the fee are negative, lots are zero, the value is inexact, or a number leaves its limits.
///
/// spec 0013-CLEAR-001…003.
pub fn novate(position: Position, trade: &Trade) -> Result<Novated, Fault> {
    if trade.lots <= Lots::ZERO {
        return Err(Fault::Invariant("a fill has positive lots"));
    }
    if trade.fee < Ppm::ZERO {
        return Err(Fault::Invariant("a fee is not negative"));
    }
    let at = Fault::at("novation");
    let lots = match trade.side {
        Side::Buy => trade.lots,
        Side::Sell => trade.lots.negated().map_err(&at)?,
    };
    let value = lots.value(trade.price, trade.contract_size, Round::Down).map_err(&at)?;
    if value != lots.value(trade.price, trade.contract_size, Round::Up).map_err(&at)? {
        return Err(Fault::Invariant("the value of a fill is exact"));
    }
    let size = value.magnitude().map_err(&at)?;
    let fee = size.fraction_ppm(trade.fee, Round::Up).map_err(&at)?;
    let (premium, cost) = match trade.pays_premium {
        true => (value, position.cost),
        false => (Notional::ZERO, position.cost.plus(value).map_err(&at)?),
    };
    let lots = position.lots.plus(lots).and_then(Lots::within_limit).map_err(&at)?;
    Ok(Novated { position: Position { lots, cost, ..position }, value, premium, fee })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERPETUAL: Trade = Trade {
        side: Side::Buy,
        price: Price::from_micros(58_710_200_000),
        lots: Lots::from_count(25),
        contract_size: Quantity::from_nanos(1_000_000),
        pays_premium: false,
        fee: Ppm::from_parts(500),
    };

    #[test]
    fn a_future_carries_its_cost_and_an_option_pays_its_premium() {
        // 0013-CLEAR-002, 0013-CLEAR-003
        let bought = novate(Position::default(), &PERPETUAL).unwrap();
        assert_eq!(bought.position.lots, Lots::from_count(25));
        assert_eq!(bought.position.cost, Notional::from_micros(1_467_755_000));
        assert_eq!(bought.premium, Notional::ZERO);
        assert_eq!(bought.fee, Notional::from_micros(733_878)); // 733,877.5 rounded up

        let option = Trade { side: Side::Sell, pays_premium: true, ..PERPETUAL };
        let sold = novate(Position::default(), &option).unwrap();
        assert_eq!(sold.position, Position { lots: Lots::from_count(-25), ..Position::default() });
        assert_eq!(sold.premium, Notional::from_micros(-1_467_755_000));
        assert_eq!(sold.fee, bought.fee);
    }

    #[test]
    fn buying_and_selling_at_one_price_leaves_nothing() {
        // 0013-CLEAR-004
        let bought = novate(Position::default(), &PERPETUAL).unwrap();
        let sold = novate(bought.position, &Trade { side: Side::Sell, ..PERPETUAL }).unwrap();
        assert_eq!(sold.position, Position::default());
        assert_eq!(sold.value.plus(bought.value), Ok(Notional::ZERO));
    }

    #[test]
    fn an_inexact_value_is_a_fault() {
        // 0013-CLEAR-001
        let trade = Trade {
            contract_size: Quantity::from_nanos(7),
            price: Price::from_micros(3),
            ..PERPETUAL
        };
        assert!(matches!(novate(Position::default(), &trade), Err(Fault::Invariant(_))));
    }
}
