//! How much may be paid or taken out within a time: of a fund, of an owner, of the house.
//!
//! **Invariant:** what is counted is never less than what has left within the time that is counted over.

use crate::state::State;
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{Fault, ParameterId, UnderlyingId};
use units::{ArithmeticError, BlockSpan, BlockTime, Notional, Ppm, Round};

/// What an owner has withdrawn in an hour that began with a withdrawal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Hour {
    since: BlockTime,
    pub(crate) left: Notional,
}

impl Hour {
    const LENGTH: BlockSpan = BlockSpan::from_millis(3_600_000);

    /// Returns the hour with a withdrawal more: the one under way, or a new one if that is over.
    pub(crate) fn with(self, now: BlockTime, dollars: Notional) -> Result<Self, ArithmeticError> {
        if now.since(self.since)? < Self::LENGTH {
            return Ok(Self { left: self.left.plus(dollars)?, ..self });
        }
        Ok(Self { since: now, left: dollars })
    }
}

/// How much a fund may still pay, for a day from when it first paid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Allowance {
    since: BlockTime,
    pub(crate) left: Notional,
}

impl Allowance {
    const DAY: BlockSpan = BlockSpan::from_millis(86_400_000);

    /// Returns the allowance that holds at a time: a new one of a share of the fund if the day is over.
    pub(crate) fn at(
        self,
        now: BlockTime,
        fund: Notional,
        share: Ppm,
    ) -> Result<Self, ArithmeticError> {
        if now.since(self.since)? < Self::DAY {
            return Ok(self);
        }
        let left = fund.greater(Notional::ZERO).fraction_ppm(share, Round::Down)?;
        Ok(Self { since: now, left })
    }

    pub(crate) fn spent(self, paid: Notional) -> Result<Self, ArithmeticError> {
        Ok(Self { left: self.left.minus(paid)?, ..self })
    }
}

impl State {
    /// Returns what the fund of an underlying may pay today to all accounts together, in micro-dollars: no more than it has.
    ///
    /// # Errors
    ///
    /// [`Fault`] if there is no such underlying.
    ///
    /// spec 0021-FALL-010.
    pub fn fund_pays(&self, fund: UnderlyingId) -> Result<Notional, Fault> {
        let allowance = self.day_allowance(fund, self.time)?;
        Ok(allowance.left.lesser(self.insurance_fund(fund)).greater(Notional::ZERO))
    }

    /// Returns what a fund may still pay to all accounts together.
    pub(crate) fn day_allowance(
        &self,
        fund: UnderlyingId,
        now: BlockTime,
    ) -> Result<Allowance, Fault> {
        let held = self.underlyings.get(&fund).ok_or(Fault::Missing("underlying"))?;
        let share = self.ppm(fund, ParameterId::InsuranceDayCap);
        let balance = self.insurance_fund(fund);
        held.payable.at(now, balance, share).map_err(Fault::at("day of a fund"))
    }
}

/// Dollars that have left in the last hour, minute by minute.
///
/// A minute counts until all of it is an hour ago, so what is counted is never less than what has left in an hour.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Outflow {
    /// First block time of a minute and what has left since, ascending: at most sixty-one.
    minutes: Vec<(BlockTime, Notional)>,
}

impl Outflow {
    const MINUTE: BlockSpan = BlockSpan::from_millis(60_000);
    const WINDOW: BlockSpan = BlockSpan::from_millis(3_660_000);
    const PART_OF_DAY: BlockSpan = BlockSpan::from_millis(1_440_000);
    const DAY: BlockSpan = BlockSpan::from_millis(87_840_000);

    /// Returns the outflow with a withdrawal more, and what has then left within the hour.
    ///
    /// # Errors
    ///
    /// [`ArithmeticError`] if a sum or a time leaves its limits.
    ///
    /// spec 0025-BLOCK-012.
    pub fn with(
        &self,
        now: BlockTime,
        dollars: Notional,
    ) -> Result<(Self, Notional), ArithmeticError> {
        self.within(now, dollars, (Self::MINUTE, Self::WINDOW))
    }

    /// Returns the same for a day, in parts of twenty-four minutes.
    ///
    /// # Errors
    ///
    /// As [`Outflow::with`].
    ///
    /// spec 0025-BLOCK-044.
    pub fn within_a_day(
        &self,
        now: BlockTime,
        dollars: Notional,
    ) -> Result<(Self, Notional), ArithmeticError> {
        self.within(now, dollars, (Self::PART_OF_DAY, Self::DAY))
    }

    fn within(
        &self,
        now: BlockTime,
        dollars: Notional,
        (part, window): (BlockSpan, BlockSpan),
    ) -> Result<(Self, Notional), ArithmeticError> {
        let (mut minutes, mut total) = (Vec::with_capacity(self.minutes.len()), dollars);
        for (since, left) in &self.minutes {
            if now.since(*since)? < window {
                total = total.plus(*left)?;
                minutes.push((*since, *left));
            }
        }
        match minutes.last_mut() {
            Some((since, left)) if now.since(*since)? < part => *left = left.plus(dollars)?,
            _ => minutes.push((now, dollars)),
        }
        Ok((Self { minutes }, total))
    }
}
