//! What is owed to the house that nothing in it could pay.

use protocol::{Fault, UnderlyingId};
use std::collections::BTreeMap;
use units::Notional;

/// Returns the part of all debts that neither the funds that answer for them nor the fees could pay.
///
/// Debts in order: each takes from its funds, ascending, what those before it have left; the fees pay last. What a fund
/// may pay in a day is not asked, only what it has: the rest of it is in the house, and stays until it is paid.
///
/// # Errors
///
/// [`Fault`] if a sum leaves its limits.
///
/// spec 0021-FALL-041.
pub fn uncovered<F: IntoIterator<Item = UnderlyingId>>(
    debts: impl IntoIterator<Item = (Notional, F)>,
    mut funds: BTreeMap<UnderlyingId, Notional>,
    fees: Notional,
) -> Result<Notional, Fault> {
    let at = Fault::at("uncovered debts");
    let mut total = Notional::ZERO;
    for (debt, answering) in debts {
        let mut rest = debt.greater(Notional::ZERO);
        for fund in answering {
            let Some(left) = funds.get_mut(&fund) else { continue };
            let paid = rest.lesser(left.greater(Notional::ZERO));
            *left = left.minus(paid).map_err(&at)?;
            rest = rest.minus(paid).map_err(&at)?;
        }
        total = total.plus(rest).map_err(&at)?;
    }
    let paid = total.lesser(fees.greater(Notional::ZERO));
    total.minus(paid).map_err(&at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fund_pays_only_for_those_it_answers_for_and_once() {
        // 0021-FALL-041
        let dollars = Notional::from_micros;
        let fund = UnderlyingId::new;
        let funds = || BTreeMap::from([(fund(1), dollars(100)), (fund(2), dollars(50))]);
        let of = |debts: &[(i128, &[u16])], fees| {
            let debts = debts.iter().map(|(debt, answering)| {
                (dollars(*debt), answering.iter().copied().map(fund).collect::<Vec<_>>())
            });
            uncovered(debts, funds(), dollars(fees)).unwrap().micros()
        };
        assert_eq!(of(&[], 0), 0);
        assert_eq!(of(&[(100, &[1])], 0), 0);
        assert_eq!(of(&[(120, &[1])], 0), 20, "the other fund does not answer");
        assert_eq!(of(&[(120, &[1, 2])], 0), 0);
        assert_eq!(of(&[(60, &[1]), (60, &[1])], 0), 20, "a fund pays once");
        assert_eq!(of(&[(60, &[1]), (60, &[1])], 15), 5);
        assert_eq!(of(&[(7, &[])], 9), 0);
        assert_eq!(of(&[(7, &[])], -9), 7);
    }
}
