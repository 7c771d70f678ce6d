//! Who pays what an account cannot: the insurance funds that answer for it, one after another, and after them the fees.
//!
//! **Invariant:** what is paid and what is not make up the debt; no fund pays more than it has, than it may for the account,
//! or than it may in the day.

use crate::allowance::{Allowance, Fund};
use protocol::{Fault, UnderlyingId};
use units::Notional;

/// A fund that answers for an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answering {
    /// Of which compartment.
    pub id: UnderlyingId,
    /// What it has, and what of it the day allows.
    pub fund: Fund,
    /// What it may still pay for the account.
    pub event: Allowance,
}

/// What one fund pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payment {
    /// The fund of which compartment.
    pub id: UnderlyingId,
    /// How many dollars: more than none.
    pub paid: Notional,
    /// What it may pay for the account afterwards.
    pub event: Allowance,
    /// What it may pay to all accounts afterwards.
    pub day: Allowance,
}

/// Who bears a debt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cover {
    /// What funds pay, in the order in which they answer; those that pay nothing are left out.
    pub payments: Vec<Payment>,
    /// What the fees pay.
    pub fees: Notional,
    /// What funds and fees pay together.
    pub paid: Notional,
    /// What remains owed.
    pub uncovered: Notional,
}

/// Returns who pays a debt: fund after fund as much as is owed, as it has, and as its allowances leave; then the fees as far as
/// they go, which no allowance bounds.
///
/// Shape: each fund stands in the list once, its allowances as of now. Rounding: none.
///
/// # Errors
///
/// [`Fault`] if the debt is negative or a number leaves its limits.
///
/// spec 0021-FALL-010, 0021-FALL-040.
pub fn cover(debt: Notional, funds: &[Answering], fees: Notional) -> Result<Cover, Fault> {
    if debt < Notional::ZERO {
        return Err(Fault::Invariant("a debt is not negative"));
    }
    let at = Fault::at("cover of a debt");
    let (mut uncovered, mut payments) = (debt, Vec::new());
    for Answering { id, fund, event } in funds {
        let paid = uncovered.lesser(event.left()).lesser(fund.payable());
        if paid <= Notional::ZERO {
            continue;
        }
        uncovered = uncovered.minus(paid).map_err(&at)?;
        let (event, day) = (event.spent(paid)?, fund.day.spent(paid)?);
        payments.push(Payment { id: *id, paid, event, day });
    }
    let fees = uncovered.lesser(fees.greater(Notional::ZERO));
    let uncovered = uncovered.minus(fees).map_err(&at)?;
    let paid = debt.minus(uncovered).map_err(&at)?;
    Ok(Cover { payments, fees, paid, uncovered })
}

#[cfg(test)]
mod tests {
    use super::*;
    use units::{BlockTime, Ppm};

    const NOW: BlockTime = BlockTime::from_millis(Allowance::DAY.millis());

    fn dollars(micros: i128) -> Notional {
        Notional::from_micros(micros)
    }

    /// A fund with allowances of so many dollars.
    fn answering(id: u16, balance: i128, event: i128, day: i128) -> Answering {
        let allows = |left| {
            let all = Ppm::from_parts(1_000_000);
            Allowance::default().at(NOW, dollars(left), all).unwrap()
        };
        let fund = Fund { balance: dollars(balance), day: allows(day) };
        Answering { id: UnderlyingId::new(id), fund, event: allows(event) }
    }

    #[test]
    fn a_fund_pays_up_to_its_allowances_and_never_more_than_it_has() {
        // 0021-FALL-010
        for (debt, balance, event, day, paid) in [
            (0, 100, 25, 50, 0),
            (10, 100, 25, 50, 10),
            (40, 100, 25, 50, 25),
            (40, 100, 90, 30, 30),
            (40, 7, 25, 50, 7),
            (40, -5, 25, 50, 0),
        ] {
            let cover = cover(dollars(debt), &[answering(1, balance, event, day)], dollars(0));
            let cover = cover.unwrap();
            assert_eq!(cover.paid, dollars(paid));
            assert_eq!(cover.uncovered, dollars(debt - paid));
            assert_eq!(cover.payments.len(), usize::from(paid > 0));
        }
        assert!(cover(dollars(-1), &[], dollars(9)).is_err());
    }

    #[test]
    fn funds_pay_in_order_and_the_fees_what_is_left() {
        // 0021-FALL-010, 0021-FALL-040
        let funds = [answering(1, 100, 25, 50), answering(2, 0, 9, 9), answering(3, 100, 25, 12)];
        let cover = |debt, fees| cover(dollars(debt), &funds, dollars(fees)).unwrap();
        let paid = |cover: &Cover| {
            cover.payments.iter().map(|each| each.paid.micros()).collect::<Vec<_>>()
        };
        let part = cover(30, 8);
        assert_eq!((paid(&part), part.fees, part.uncovered), (vec![25, 5], dollars(0), dollars(0)));
        let all = cover(50, 8);
        assert_eq!((paid(&all), all.fees, all.uncovered), (vec![25, 12], dollars(8), dollars(5)));
        assert_eq!(all.paid, dollars(45));
        let last = all.payments[1];
        assert_eq!(last.id, UnderlyingId::new(3));
        assert_eq!((last.event.left(), last.day.left()), (dollars(13), dollars(0)));
        assert_eq!(cover(50, -8).fees, dollars(0));
    }
}
