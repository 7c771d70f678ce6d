//! How much an insurance fund may still pay: for one account within an event, to all accounts within a day.
//!
//! **Invariant:** within a day from when a fund first paid, no more leaves it than its share of what it had then.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::Fault;
use units::{BlockSpan, BlockTime, Notional, Ppm, Round};

/// How much a fund may still pay, for a day from when it first paid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Allowance {
    since: BlockTime,
    left: Notional,
}

impl Allowance {
    /// How long an allowance holds, in milliseconds.
    pub const DAY: BlockSpan = BlockSpan::from_millis(86_400_000);

    /// Returns the allowance that holds at a time: this one, or a new one of a share of what the fund has, if the day is over.
    ///
    /// Rounding: the share down, in favour of the fund.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a number leaves its limits.
    ///
    /// spec 0021-FALL-010.
    pub fn at(self, now: BlockTime, balance: Notional, share: Ppm) -> Result<Self, Fault> {
        let at = Fault::at("allowance of a fund");
        if now.since(self.since).map_err(&at)? < Self::DAY {
            return Ok(self);
        }
        let left = balance.greater(Notional::ZERO).fraction_ppm(share, Round::Down);
        Ok(Self { since: now, left: left.map_err(&at)? })
    }

    /// Returns the allowance once so many dollars of it have been paid.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a number leaves its limits.
    pub fn spent(self, paid: Notional) -> Result<Self, Fault> {
        let left = self.left.minus(paid).map_err(Fault::at("allowance of a fund"))?;
        Ok(Self { left, ..self })
    }

    /// Returns the dollars that may still be paid.
    pub const fn left(self) -> Notional {
        self.left
    }
}

/// An insurance fund, and what of it the day still allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fund {
    /// What it has: below zero, it pays nothing.
    pub balance: Notional,
    /// What it may still pay to all accounts together.
    pub day: Allowance,
}

impl Fund {
    /// Returns the dollars that the fund may pay to all accounts together: no more than it has, and not below zero.
    ///
    /// spec 0021-FALL-010.
    pub fn payable(&self) -> Notional {
        self.day.left().lesser(self.balance).greater(Notional::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_is_renewed_once_its_day_is_over_and_not_before() {
        // 0021-FALL-010
        let dollars = Notional::from_micros;
        let half = Ppm::from_parts(500_000);
        let at = BlockTime::from_millis;
        let day = Allowance::DAY.millis();
        let first = Allowance::default().at(at(day), dollars(101), half).unwrap();
        assert_eq!(first.left(), dollars(50));
        let spent = first.spent(dollars(30)).unwrap();
        assert_eq!(spent.at(at(2 * day - 1), dollars(1_000), half), Ok(spent));
        let renewed = spent.at(at(2 * day), dollars(1_000), half).unwrap();
        assert_eq!(renewed.left(), dollars(500));
        let empty = spent.at(at(2 * day), dollars(-1), half).unwrap();
        assert_eq!(empty.left(), Notional::ZERO);
    }

    #[test]
    fn a_fund_pays_no_more_than_it_has_nor_than_its_day_allows() {
        // 0021-FALL-010
        let dollars = Notional::from_micros;
        let now = BlockTime::from_millis(Allowance::DAY.millis());
        let day = Allowance::default().at(now, dollars(100), Ppm::from_parts(500_000)).unwrap();
        for (balance, payable) in [(100, 50), (20, 20), (0, 0), (-5, 0)] {
            let fund = Fund { balance: dollars(balance), day };
            assert_eq!(fund.payable(), dollars(payable));
        }
    }
}
