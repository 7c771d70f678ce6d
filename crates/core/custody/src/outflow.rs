//! What has moved within a window that slides: a rate limit by parts of an hour or a day.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::Fault;
use units::{BlockSpan, BlockTime, Notional};

/// Dollars that have left in the last hour, minute by minute, or have come within a day, by 24 minutes.
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
    /// [`Fault`] if a sum or a time leaves its limits.
    ///
    /// spec 0025-BLOCK-012.
    pub fn with(&self, now: BlockTime, dollars: Notional) -> Result<(Self, Notional), Fault> {
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
    ) -> Result<(Self, Notional), Fault> {
        self.within(now, dollars, (Self::PART_OF_DAY, Self::DAY))
    }

    fn within(
        &self,
        now: BlockTime,
        dollars: Notional,
        (part, window): (BlockSpan, BlockSpan),
    ) -> Result<(Self, Notional), Fault> {
        let at = Fault::at("outflow");
        let (mut minutes, mut total) = (Vec::with_capacity(self.minutes.len()), dollars);
        for (since, left) in &self.minutes {
            if now.since(*since).map_err(&at)? < window {
                total = total.plus(*left).map_err(&at)?;
                minutes.push((*since, *left));
            }
        }
        match minutes.last_mut() {
            Some((since, left)) if now.since(*since).map_err(&at)? < part => {
                *left = left.plus(dollars).map_err(&at)?;
            }
            _ => minutes.push((now, dollars)),
        }
        Ok((Self { minutes }, total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_counts_until_all_of_it_is_an_hour_ago() {
        // 0025-BLOCK-012
        let (at, dollars) = (BlockTime::from_millis, Notional::from_micros);
        let (first, _) = Outflow::default().with(at(0), dollars(5)).unwrap();
        let (second, total) = first.with(at(59_999), dollars(3)).unwrap();
        assert_eq!(total, dollars(8));
        assert_eq!(second.minutes.len(), 1, "one minute");
        // What left at the minute's end is an hour ago only now, and the minute with it.
        assert_eq!(second.with(at(3_659_999), dollars(1)).unwrap().1, dollars(9));
        assert_eq!(second.with(at(3_660_000), dollars(1)).unwrap().1, dollars(1));
    }

    #[test]
    fn an_hour_has_sixty_one_minutes_at_most_and_a_day_as_many_parts() {
        // 0025-BLOCK-012, 0025-BLOCK-044
        let (mut hour, mut day) = (Outflow::default(), Outflow::default());
        for step in 0..5_000 {
            let now = BlockTime::from_millis(step * 30_001);
            hour = hour.with(now, Notional::from_micros(1)).unwrap().0;
            day = day.within_a_day(now, Notional::from_micros(1)).unwrap().0;
            assert!(hour.minutes.len() <= 61 && day.minutes.len() <= 61);
        }
    }
}
