//! The running hour: what the index was on average over minutes, and how far such averages have come apart.
//!
//! **Invariant:** a block counts for the time since the one before it and no longer than a bound, so none decides an
//! average alone, also after a stop. The low is rounded down and the high up, so the hour is never narrower than it was.

use crate::parameters::Parameters;
use borsh::{BorshDeserialize, BorshSerialize};
use units::{ArithmeticError, BlockSpan, BlockTime, Num, Ppb, Price, Round, limits};

/// An hour counts as at most the whole price.
pub(crate) const RETURN_MAX: i128 = limits::PPB_ONE;

/// An average of the index, rounded down and up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level {
    low: Price,
    high: Price,
}

/// The levels of an hour: the one that it began with, the lowest and the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Levels {
    from: Price,
    low: Price,
    high: Price,
}

/// An hour under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Hour {
    /// When the index was last taken.
    seen_at: Option<BlockTime>,
    /// The time that counts in the average under way.
    counted: BlockSpan,
    /// The index times the time it counts for, in micro-dollars times milliseconds.
    sum: i128,
    /// The averages so far; absent before there was one.
    levels: Option<Levels>,
}

impl Hour {
    /// Takes the index at a time; returns the average that it has made whole. A price that is not above zero, or outside its
    /// limits, begins all anew.
    ///
    /// spec 0031-THRE-002, 0031-THRE-017.
    pub(crate) fn take(
        &mut self,
        index: Price,
        now: BlockTime,
        parameters: &Parameters,
    ) -> Result<Option<Level>, ArithmeticError> {
        let now = now.within_limit()?;
        if index <= Price::ZERO || index.within_limit().is_err() {
            *self = Self { seen_at: Some(now), ..Self::default() };
            return Ok(None);
        }
        let most = parameters.block_counts_max;
        let counts = match self.seen_at {
            Some(before) => now.since(before)?.greater(BlockSpan::ZERO).lesser(most),
            None => most,
        };
        let counted = self.counted.plus(counts)?;
        let sum = Num::new(self.sum).plus(index.number().times(counts.number())?)?;
        let (seen_at, levels) = (Some(now), self.levels);
        if counted < parameters.average_over {
            *self = Self { seen_at, counted, sum: sum.raw(), levels };
            return Ok(None);
        }
        let average =
            |round| sum.mul_div(Num::new(1), counted.number(), round).map(Price::from_number);
        let level = Level { low: average(Round::Down)?, high: average(Round::Up)? };
        *self = Self { seen_at, levels, ..Self::default() };
        Ok(Some(level))
    }

    /// Begins an hour at a level.
    pub(crate) fn begin(&mut self, Level { low, high }: Level) {
        self.levels = Some(Levels { from: low, low, high });
    }

    /// Returns how far apart the levels of the hour are with one more, as a share of the one that it began with; `None` if
    /// none has begun.
    ///
    /// Rounding: up.
    ///
    /// spec 0031-THRE-002.
    pub(crate) fn widen(&mut self, level: Level) -> Result<Option<Ppb>, ArithmeticError> {
        let Some(Levels { from, low, high }) = self.levels else { return Ok(None) };
        let (low, high) = (low.lesser(level.low), high.greater(level.high));
        self.levels = Some(Levels { from, low, high });
        let one = Num::new(limits::PPB_ONE);
        let moved = high.minus(low)?.number().mul_div(one, from.number(), Round::Up);
        // A quotient that does not fit is above the most.
        Ok(Some(Ppb::from_number(moved.unwrap_or(one).lesser(Num::new(RETURN_MAX)))))
    }

    /// Returns whether every figure is within its bounds, as in any hour that prices have made.
    pub(crate) fn is_sound(&self) -> bool {
        let price = |price: Price| price > Price::ZERO && price.within_limit().is_ok();
        let most = limits::PRICE_MICROS_MAX.saturating_mul(self.counted.millis());
        self.counted >= BlockSpan::ZERO
            && self.counted.within_limit().is_ok()
            && self.seen_at.is_none_or(|at| at.within_limit().is_ok())
            && (0..=most).contains(&self.sum)
            && self.levels.is_none_or(|Levels { from, low, high }| {
                price(low) && price(high) && low <= from && from <= high
            })
    }
}
