//! How long call auctions have suspended liquidation: so long that they end, and that no gains leave meanwhile.
//!
//! **Invariant:** call auctions of any hour of block time last no more than [`Suspension::MOST`] together, and those of any
//! day no more than [`Suspension::MOST_OF_DAY`], however often block time stops.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::AccountIndex;
use std::collections::BTreeSet;
use units::{ArithmeticError, BlockSpan, BlockTime};

/// For how long something has lasted, part by part of a window that slides.
///
/// A part counts until all of it has left the window, so no less is counted than there was in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Lasted {
    /// First block time of a part and what lasted in it, ascending: one more than a window has parts.
    parts: Vec<(BlockTime, BlockSpan)>,
}

impl Lasted {
    /// Counts the time up to now, in parts of such a length, and forgets what has left the window.
    fn count(
        &mut self,
        now: BlockTime,
        span: BlockSpan,
        (part, window): (BlockSpan, BlockSpan),
    ) -> Result<(), ArithmeticError> {
        let kept_for = window.plus(part)?;
        let mut kept = Vec::with_capacity(self.parts.len());
        for (since, span) in &self.parts {
            if now.since(*since)? < kept_for {
                kept.push((*since, *span));
            }
        }
        if span > BlockSpan::ZERO {
            match kept.last_mut() {
                Some((since, sum)) if now.since(*since)? < part => *sum = sum.plus(span)?,
                _ => kept.push((now, span)),
            }
        }
        self.parts = kept;
        Ok(())
    }

    /// Returns what is left of the most.
    fn left_of(&self, most: BlockSpan) -> Result<BlockSpan, ArithmeticError> {
        let sum = self.parts.iter().try_fold(BlockSpan::ZERO, |sum, (_, span)| sum.plus(*span));
        Ok(most.minus(sum?)?.greater(BlockSpan::ZERO))
    }
}

/// For how long call auctions have kept the house from liquidating.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Suspension {
    /// Of the last hour, by the minute.
    hour: Lasted,
    /// Of the last day, by 24 minutes.
    day: Lasted,
    /// Accounts whose positions have ended in the call auction under way.
    ended: BTreeSet<AccountIndex>,
}

impl Suspension {
    /// The longest that nothing is liquidated within an hour: a quarter of it.
    pub const MOST: BlockSpan = BlockSpan::from_millis(900_000);
    /// The longest within a day: an hour.
    pub const MOST_OF_DAY: BlockSpan = BlockSpan::from_millis(3_600_000);
    /// A minute of an hour.
    const HOUR: (BlockSpan, BlockSpan) =
        (BlockSpan::from_millis(60_000), BlockSpan::from_millis(3_600_000));
    /// Twenty-four minutes of a day.
    const DAY: (BlockSpan, BlockSpan) =
        (BlockSpan::from_millis(1_440_000), BlockSpan::from_millis(86_400_000));

    /// Counts the time up to now for which nothing was liquidated, and forgets what is an hour or a day ago.
    pub(crate) fn count(&mut self, now: BlockTime, span: BlockSpan) -> Result<(), ArithmeticError> {
        self.hour.count(now, span, Self::HOUR)?;
        self.day.count(now, span, Self::DAY)
    }

    /// Returns for how much longer nothing may be liquidated.
    pub(crate) fn left(&self) -> Result<BlockSpan, ArithmeticError> {
        Ok(self.hour.left_of(Self::MOST)?.lesser(self.day.left_of(Self::MOST_OF_DAY)?))
    }

    /// Notes that a position of an account has ended or changed in a call auction.
    pub(crate) fn position_ended(&mut self, account: AccountIndex) {
        self.ended.insert(account);
    }

    /// Returns whether a position of an account has ended in the call auction under way.
    pub(crate) fn has_ended(&self, account: AccountIndex) -> bool {
        self.ended.contains(&account)
    }

    /// Notes that the call auction is over.
    pub(crate) fn over(&mut self) {
        self.ended.clear();
    }
}
