//! The insurance fund of a compartment: the first money after the defaulter's own.

use protocol::Fault;
use units::{Notional, Ppm, Round};

/// Who bears a debt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cover {
    /// What the fund pays.
    pub paid: Notional,
    /// What remains owed.
    pub uncovered: Notional,
}

/// Returns how much of a debt the fund pays: at most its balance times the cap of one event.
///
/// Rounding: the cap is rounded down, in favour of the fund.
///
/// # Errors
///
/// [`Fault`] if the debt is negative or a number leaves its limits.
///
/// spec 0021-FALL-010.
pub fn cover(debt: Notional, fund: Notional, event_cap: Ppm) -> Result<Cover, Fault> {
    if debt < Notional::ZERO {
        return Err(Fault::Invariant("a debt is not negative"));
    }
    let at = Fault::at("insurance cover");
    let available =
        fund.greater(Notional::ZERO).fraction_ppm(event_cap, Round::Down).map_err(&at)?;
    let paid = debt.lesser(available.greater(Notional::ZERO).lesser(fund.greater(Notional::ZERO)));
    Ok(Cover { paid, uncovered: debt.minus(paid).map_err(&at)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fund_pays_up_to_its_cap_and_never_more_than_it_has() {
        // 0021-FALL-010
        let dollars = Notional::from_micros;
        let quarter = Ppm::from_parts(250_000);
        for (debt, fund, paid) in
            [(0, 100, 0), (10, 100, 10), (40, 100, 25), (40, 0, 0), (40, -5, 0)]
        {
            let cover = cover(dollars(debt), dollars(fund), quarter).unwrap();
            assert_eq!(cover.paid, dollars(paid));
            assert_eq!(cover.paid.plus(cover.uncovered), Ok(dollars(debt)));
        }
        let all = cover(dollars(99), dollars(7), Ppm::from_parts(9_000_000)).unwrap();
        assert_eq!(all.paid, dollars(7));
    }
}
