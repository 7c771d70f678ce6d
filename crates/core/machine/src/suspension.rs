//! How long nothing has been liquidated: so long that it ends, and that no gains leave meanwhile.
//!
//! **Invariant:** call auctions of any hour of block time last no more than [`Suspension::MOST`] together, however often
//! block time stops.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::AccountIndex;
use std::collections::BTreeSet;
use units::{ArithmeticError, BlockSpan, BlockTime};

/// For how long call auctions have kept the house from liquidating, minute by minute.
///
/// A minute counts until all of it is an hour ago, so no less is counted than there was in an hour.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Suspension {
    /// First block time of a minute and for how long nothing was liquidated since, ascending: at most sixty-one.
    minutes: Vec<(BlockTime, BlockSpan)>,
    /// Accounts whose positions have ended in the call auction under way.
    ended: BTreeSet<AccountIndex>,
}

impl Suspension {
    /// The longest that nothing is liquidated within an hour: a quarter of it.
    pub const MOST: BlockSpan = BlockSpan::from_millis(900_000);
    const MINUTE: BlockSpan = BlockSpan::from_millis(60_000);
    const WINDOW: BlockSpan = BlockSpan::from_millis(3_660_000);

    /// Counts the time up to now for which nothing was liquidated, and forgets what is an hour ago.
    pub(crate) fn count(&mut self, now: BlockTime, span: BlockSpan) -> Result<(), ArithmeticError> {
        let mut kept = Vec::with_capacity(self.minutes.len());
        for (since, span) in &self.minutes {
            if now.since(*since)? < Self::WINDOW {
                kept.push((*since, *span));
            }
        }
        if span > BlockSpan::ZERO {
            match kept.last_mut() {
                Some((since, sum)) if now.since(*since)? < Self::MINUTE => *sum = sum.plus(span)?,
                _ => kept.push((now, span)),
            }
        }
        self.minutes = kept;
        Ok(())
    }

    /// Returns for how much longer nothing may be liquidated.
    pub(crate) fn left(&self) -> Result<BlockSpan, ArithmeticError> {
        let sum = self.minutes.iter().try_fold(BlockSpan::ZERO, |sum, (_, span)| sum.plus(*span));
        Ok(Self::MOST.minus(sum?)?.greater(BlockSpan::ZERO))
    }

    /// Notes that a position of an account has ended in a call auction.
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
