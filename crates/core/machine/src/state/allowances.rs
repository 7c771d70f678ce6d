//! How much may be paid or taken out within a time: of a fund, of an owner, of the house.
//!
//! **Invariant:** what is counted is never less than what has left within the time that is counted over.

use crate::state::State;
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{AccountIndex, Fault, ParameterId, UnderlyingId};
use units::{ArithmeticError, BlockSpan, BlockTime, Notional};
use waterfall::{Answering, Fund};

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

impl State {
    /// Returns what the fund of an underlying may pay today to all accounts together, in micro-dollars: no more than it has.
    ///
    /// # Errors
    ///
    /// [`Fault`] if there is no such underlying.
    ///
    /// spec 0021-FALL-010.
    pub fn fund_pays(&self, fund: UnderlyingId) -> Result<Notional, Fault> {
        self.fund(fund, self.time).map(|fund| fund.payable())
    }

    /// Returns the insurance fund of an underlying, and what of it the day of a time still allows.
    pub(crate) fn fund(&self, fund: UnderlyingId, now: BlockTime) -> Result<Fund, Fault> {
        let held = self.underlyings.get(&fund).ok_or(Fault::Missing("underlying"))?;
        let share = self.ppm(fund, ParameterId::InsuranceDayCap);
        let balance = self.insurance_fund(fund);
        Ok(Fund { balance, day: held.payable.at(now, balance, share)? })
    }

    /// Returns the funds that answer for an account, ascending, each with what it may still pay for it.
    ///
    /// spec 0021-FALL-009, 0021-FALL-010.
    pub(crate) fn answering(
        &self,
        account: AccountIndex,
        now: BlockTime,
    ) -> Result<Vec<Answering>, Fault> {
        let held = self.accounts.get(account).ok_or(Fault::Missing("account"))?;
        let answering = held.exposed().iter().map(|(id, event)| {
            let fund = self.fund(*id, now)?;
            let share = self.ppm(*id, ParameterId::InsuranceEventCap);
            Ok(Answering { id: *id, fund, event: event.at(now, fund.balance, share)? })
        });
        answering.collect()
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
