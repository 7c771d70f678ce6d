//! What an owner has withdrawn within an hour.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::Fault;
use units::{BlockSpan, BlockTime, Notional};

/// What an owner has withdrawn in an hour that began with a withdrawal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Hour {
    since: BlockTime,
    left: Notional,
}

impl Hour {
    /// How long it is, in milliseconds.
    pub const LENGTH: BlockSpan = BlockSpan::from_millis(3_600_000);

    /// Returns the hour with a withdrawal more: the one under way, or a new one if that is over.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a sum or a time leaves its limits.
    ///
    /// spec 0025-BLOCK-042.
    pub fn with(self, now: BlockTime, dollars: Notional) -> Result<Self, Fault> {
        let at = Fault::at("hour of an owner");
        if now.since(self.since).map_err(&at)? < Self::LENGTH {
            return Ok(Self { left: self.left.plus(dollars).map_err(&at)?, ..self });
        }
        Ok(Self { since: now, left: dollars })
    }

    /// Returns the dollars that have left within it.
    pub const fn left(self) -> Notional {
        self.left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_begins_with_a_withdrawal_and_ends_after_an_hour() {
        // 0025-BLOCK-042
        let (at, dollars) = (BlockTime::from_millis, Notional::from_micros);
        let hour = Hour::default().with(at(9_000_000), dollars(5)).unwrap();
        assert_eq!(hour.with(at(12_599_999), dollars(3)).unwrap().left(), dollars(8));
        assert_eq!(hour.with(at(12_600_000), dollars(3)).unwrap().left(), dollars(3));
    }
}
