//! One holder's amount to another, refused if the payer is short.

use protocol::Refusal;
use units::{Amount, ArithmeticError, limits};

/// Both balances after a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// The payer's.
    pub payer: Amount,
    /// The receiver's.
    pub receiver: Amount,
}

/// Returns the balances after `amount` has moved from a payer who may not go below `floor`.
///
/// Accepts if and only if the amount is positive, within the limits, and the payer's balance above the floor covers
/// it. Rounding: none.
///
/// # Errors
///
/// [`ArithmeticError`] if a balance leaves 128 bits, which balances within the limits cannot.
///
/// spec 0011-LEDG-006.
pub fn moved(
    payer: Amount,
    receiver: Amount,
    amount: Amount,
    floor: Amount,
) -> Result<Result<Moved, Refusal>, ArithmeticError> {
    // Checks, in the order of `Refusal`.
    if amount <= Amount::ZERO {
        return Ok(Err(Refusal::AmountNotPositive));
    }
    if amount > Amount::from_minor(limits::BALANCE_MICROS_MAX) {
        return Ok(Err(Refusal::AmountTooLarge));
    }
    let left = payer.minus(amount)?;
    if left < floor {
        return Ok(Err(Refusal::BalanceShort { short_by: floor.minus(left)? }));
    }
    Ok(Ok(Moved { payer: left, receiver: receiver.plus(amount)? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_is_refused_in_the_order_of_precedence() {
        // 0011-LEDG-006
        let amount = Amount::from_minor;
        let run = |payer, sum, floor| {
            moved(amount(payer), amount(7), amount(sum), amount(floor)).unwrap()
        };
        assert_eq!(run(10, 0, 0), Err(Refusal::AmountNotPositive));
        assert_eq!(run(-10, -1, 0), Err(Refusal::AmountNotPositive));
        assert_eq!(run(10, limits::BALANCE_MICROS_MAX + 1, 0), Err(Refusal::AmountTooLarge));
        assert_eq!(run(10, 11, 0), Err(Refusal::BalanceShort { short_by: amount(1) }));
        assert_eq!(run(10, 8, 3), Err(Refusal::BalanceShort { short_by: amount(1) }));
        assert_eq!(run(10, 10, 0), Ok(Moved { payer: amount(0), receiver: amount(17) }));
    }
}
