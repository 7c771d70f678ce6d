//! Variation margin and expiry: turning what a position has gained or lost into cash.

use crate::Position;
use protocol::{Contract, Fault, Right};
use units::{Lots, Notional, Price, Quantity, Round};

/// What settling does to a position and its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// The position afterwards.
    pub position: Position,
    /// Dollars the house pays the account; negative if the account pays.
    pub paid: Notional,
}

/// Settles a position at a price and keeps it open: variation margin.
///
/// Rounding: the value is rounded down, against long and short alike, so that over all accounts the house keeps the
/// remainder.
///
/// # Errors
///
/// [`Fault`] if a number leaves its limits.
///
/// spec 0013-CLEAR-005.
pub fn settle(position: Position, price: Price, contract_size: Quantity) -> Result<Settled, Fault> {
    let at = Fault::at("variation margin");
    let value = position.lots.value(price, contract_size, Round::Down).map_err(&at)?;
    let paid = value.minus(position.cost).map_err(&at)?;
    Ok(Settled { position: Position { cost: value, ..position }, paid })
}

/// Settles a position at its payoff and closes it: expiry.
///
/// Rounding: as [`settle`].
///
/// # Errors
///
/// [`Fault`] if a number leaves its limits.
///
/// spec 0013-CLEAR-009.
pub fn close(position: Position, payoff: Price, contract_size: Quantity) -> Result<Settled, Fault> {
    let Settled { paid, .. } = settle(position, payoff, contract_size)?;
    Ok(Settled { position: Position::default(), paid })
}

/// Returns what one unit of a contract pays at a settlement price; a perpetual pays the price itself.
///
/// # Errors
///
/// [`Fault`] if a number leaves its limits.
///
/// spec 0013-CLEAR-009.
pub fn payoff(contract: &Contract, settlement: Price) -> Result<Price, Fault> {
    let at = Fault::at("payoff");
    match *contract {
        Contract::Perpetual | Contract::Future { .. } => Ok(settlement),
        Contract::Option { strike, right: Right::Call, .. } => {
            settlement.minus(strike).map(|gain| gain.greater(Price::ZERO)).map_err(at)
        }
        Contract::Option { strike, right: Right::Put, .. } => {
            strike.minus(settlement).map(|gain| gain.greater(Price::ZERO)).map_err(at)
        }
    }
}

/// Returns what a lot of a contract pays of which a unit pays so much, rounded down.
///
/// # Errors
///
/// [`Fault`] if a number leaves its limits.
///
/// spec 0013-CLEAR-009.
pub fn payoff_of_lot(payoff: Price, contract_size: Quantity) -> Result<Notional, Fault> {
    let lot = Lots::from_count(1);
    lot.value(payoff, contract_size, Round::Down).map_err(Fault::at("payoff of a lot"))
}

/// Checks what the rounding of a settlement has left with the house: nothing is missing, and of each account no more than a
/// micro-dollar is left.
///
/// # Errors
///
/// [`Fault::Invariant`] if that does not hold.
///
/// spec 0013-CLEAR-010, 0011-LEDG-007.
pub fn check_dust(dust: Notional, accounts: usize) -> Result<(), Fault> {
    let most = Notional::from_micros(i128::try_from(accounts).unwrap_or(i128::MAX));
    if dust < Notional::ZERO || dust > most {
        return Err(Fault::Invariant("settlement dust is below one micro-dollar an account"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use units::BlockTime;

    #[test]
    fn settling_twice_at_one_price_pays_once() {
        // 0013-CLEAR-005
        let size = Quantity::from_nanos(1_000_000);
        let position = Position {
            lots: Lots::from_count(-3),
            cost: Notional::from_micros(-30_000),
            ..Position::default()
        };
        let first = settle(position, Price::from_micros(9_000_500), size).unwrap();
        assert_eq!(first.paid, Notional::from_micros(2_998)); // 30,000 − 27,001.5, value rounded down
        let again = settle(first.position, Price::from_micros(9_000_500), size).unwrap();
        assert_eq!(again.paid, Notional::ZERO);
    }

    #[test]
    fn dust_is_not_negative_and_less_than_a_micro_dollar_each() {
        // 0013-CLEAR-010
        for (dust, accounts, fine) in
            [(0, 0, true), (1, 0, false), (2, 2, true), (3, 2, false), (-1, 2, false)]
        {
            assert_eq!(check_dust(Notional::from_micros(dust), accounts).is_ok(), fine);
        }
    }

    #[test]
    fn what_a_lot_pays_is_rounded_down() {
        // 0013-CLEAR-009
        let half = Quantity::from_nanos(500_000_000);
        assert_eq!(payoff_of_lot(Price::from_micros(3), half), Ok(Notional::from_micros(1)));
        assert_eq!(payoff_of_lot(Price::from_micros(-3), half), Ok(Notional::from_micros(-2)));
    }

    #[test]
    fn a_call_less_a_put_pays_what_a_future_from_the_strike_pays() {
        // 0013-CLEAR-009
        let expires_at = BlockTime::from_millis(1);
        let strike = Price::from_micros(5_000);
        let option = |right| Contract::Option { expires_at, strike, right };
        for micros in [-3_000, 0, 4_999, 5_000, 7_500] {
            let settlement = Price::from_micros(micros);
            let call = payoff(&option(Right::Call), settlement).unwrap();
            let put = payoff(&option(Right::Put), settlement).unwrap();
            assert_eq!(call.minus(put), settlement.minus(strike));
        }
    }
}
