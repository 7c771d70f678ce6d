//! A book rebuilt from its snapshot and differences, with every rule of continuity checked.

use std::collections::BTreeMap;

use units::{Price, Quantity};

use super::{FlowMarket, FlowMessage, Level, UpdateId};
use crate::names::BookSide;

/// Why messages do not make a book.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlowFault {
    /// No difference covers the update after the snapshot.
    #[error(
        "the snapshot ends at update {snapshot}, the first difference after it starts at {first}"
    )]
    SnapshotNotContinued {
        /// Last update of the snapshot.
        snapshot: UpdateId,
        /// First update of the difference.
        first: UpdateId,
    },
    /// Updates are missing between two differences.
    #[error("update {expected} should follow, {found} does")]
    SequenceGap {
        /// The update that was due.
        expected: UpdateId,
        /// The update that came.
        found: UpdateId,
    },
    /// A second snapshot, which the recordings do not have.
    #[error("a second snapshot, at update {0}")]
    SecondSnapshot(UpdateId),
    /// A bid at or above an ask.
    #[error("book crossed at update {id}: bid {bid}, ask {ask}")]
    Crossed {
        /// The update after which it is crossed.
        id: UpdateId,
        /// Best bid.
        bid: Price,
        /// Best ask.
        ask: Price,
    },
}

/// A level before and after a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelChange {
    /// The side.
    pub side: BookSide,
    /// The price.
    pub price: Price,
    /// Size before; zero if there was no level.
    pub before: Quantity,
    /// Size after; zero if there is no level.
    pub after: Quantity,
}

/// A difference that waits for the snapshot.
#[derive(Debug, Clone)]
struct Waiting {
    first: UpdateId,
    last: UpdateId,
    previous: Option<UpdateId>,
    levels: Vec<Level>,
}

/// A book as it stands after the messages applied so far.
#[derive(Debug, Clone)]
pub struct BookRebuild {
    market: FlowMarket,
    bids: BTreeMap<Price, Quantity>,
    asks: BTreeMap<Price, Quantity>,
    waiting: Vec<Waiting>,
    snapshot: Option<UpdateId>,
    /// The last update of the difference applied last.
    last: Option<UpdateId>,
}

impl BookRebuild {
    /// Returns an empty book that waits for its snapshot.
    #[must_use]
    pub fn new(market: FlowMarket) -> Self {
        let (bids, asks, waiting) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        Self { market, bids, asks, waiting, snapshot: None, last: None }
    }

    /// Whether the snapshot has been applied.
    #[must_use]
    pub const fn is_loaded(&self) -> bool {
        self.snapshot.is_some()
    }

    /// Returns the last update that the book contains.
    #[must_use]
    pub fn last_update(&self) -> Option<UpdateId> {
        self.last.or(self.snapshot)
    }

    /// Returns the levels of a side with their sizes, by rising price.
    #[must_use]
    pub const fn levels(&self, side: BookSide) -> &BTreeMap<Price, Quantity> {
        match side {
            BookSide::Bid => &self.bids,
            BookSide::Ask => &self.asks,
        }
    }

    /// Returns the size at a price; zero if there is no level.
    pub fn quantity(&self, side: BookSide, price: Price) -> Quantity {
        self.levels(side).get(&price).copied().unwrap_or(Quantity::ZERO)
    }

    /// Returns the best level of a side.
    #[must_use]
    pub fn best(&self, side: BookSide) -> Option<Level> {
        let level = match side {
            BookSide::Bid => self.bids.last_key_value(),
            BookSide::Ask => self.asks.first_key_value(),
        };
        level.map(|(price, quantity)| Level { side, price: *price, quantity: *quantity })
    }

    /// Returns the levels that a message changed; empty while the book waits for its snapshot.
    ///
    /// Trades and best levels change nothing: the differences contain their effect.
    ///
    /// # Errors
    ///
    /// [`FlowFault`] if the message does not continue those before it, or leaves the book crossed.
    pub fn apply(&mut self, message: &FlowMessage) -> Result<Vec<LevelChange>, FlowFault> {
        match message {
            FlowMessage::Best { .. } | FlowMessage::Trade { .. } => Ok(Vec::new()),
            FlowMessage::Snapshot { id, levels, .. } => self.load(*id, levels),
            FlowMessage::Difference { first, last, previous, levels, .. } => {
                if self.snapshot.is_none() {
                    let waiting = Waiting {
                        first: *first,
                        last: *last,
                        previous: *previous,
                        levels: levels.clone(),
                    };
                    self.waiting.push(waiting);
                    return Ok(Vec::new());
                }
                let mut changes = Vec::new();
                self.advance(*first, *last, *previous, levels, &mut changes)?;
                Ok(changes)
            }
        }
    }

    /// Loads the snapshot and the differences that waited for it.
    fn load(&mut self, id: UpdateId, levels: &[Level]) -> Result<Vec<LevelChange>, FlowFault> {
        if self.snapshot.is_some() {
            return Err(FlowFault::SecondSnapshot(id));
        }
        self.snapshot = Some(id);
        let mut changes = Vec::new();
        self.set(levels, &mut changes);
        for waiting in std::mem::take(&mut self.waiting) {
            let Waiting { first, last, previous, levels } = waiting;
            self.advance(first, last, previous, &levels, &mut changes)?;
        }
        self.check_uncrossed(self.last.unwrap_or(id))?;
        Ok(changes)
    }

    /// Applies a difference if the book does not contain it yet.
    fn advance(
        &mut self,
        first: UpdateId,
        last: UpdateId,
        previous: Option<UpdateId>,
        levels: &[Level],
        changes: &mut Vec<LevelChange>,
    ) -> Result<(), FlowFault> {
        let Some(snapshot) = self.snapshot else { return Ok(()) };
        if last <= snapshot {
            return Ok(());
        }
        match self.last {
            None => {
                // Futures share their numbers among symbols, so only the message before says what is missing.
                let before = previous.unwrap_or(UpdateId(first.0.saturating_sub(1)));
                if before > snapshot {
                    return Err(FlowFault::SnapshotNotContinued { snapshot, first });
                }
            }
            Some(applied) if self.market.names_previous() => {
                let found = previous.unwrap_or(first);
                if found != applied {
                    return Err(FlowFault::SequenceGap { expected: applied, found });
                }
            }
            Some(applied) => {
                // Nothing follows the largest number.
                if first.0.checked_sub(1) != Some(applied.0) {
                    let expected = UpdateId(applied.0.saturating_add(1));
                    return Err(FlowFault::SequenceGap { expected, found: first });
                }
            }
        }
        self.last = Some(last);
        self.set(levels, changes);
        self.check_uncrossed(last)
    }

    fn set(&mut self, levels: &[Level], changes: &mut Vec<LevelChange>) {
        for level in levels {
            let book = match level.side {
                BookSide::Bid => &mut self.bids,
                BookSide::Ask => &mut self.asks,
            };
            let before = if level.quantity == Quantity::ZERO {
                book.remove(&level.price)
            } else {
                book.insert(level.price, level.quantity)
            };
            let before = before.unwrap_or(Quantity::ZERO);
            if before != level.quantity {
                let Level { side, price, quantity: after } = *level;
                changes.push(LevelChange { side, price, before, after });
            }
        }
    }

    fn check_uncrossed(&self, id: UpdateId) -> Result<(), FlowFault> {
        match (self.best(BookSide::Bid), self.best(BookSide::Ask)) {
            (Some(bid), Some(ask)) if bid.price >= ask.price => {
                Err(FlowFault::Crossed { id, bid: bid.price, ask: ask.price })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reader::sample;
    use super::*;

    fn messages(market: FlowMarket, rows: &str) -> Vec<FlowMessage> {
        sample(market, rows).unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// Returns the best bid and ask after all rows, or the first fault.
    fn rebuilt(market: FlowMarket, rows: &str) -> Result<String, FlowFault> {
        let mut book = BookRebuild::new(market);
        for message in messages(market, rows) {
            book.apply(&message)?;
        }
        let text = |side| {
            let best = book.best(side);
            best.map_or("none".into(), |level| format!("{}@{}", level.quantity, level.price))
        };
        Ok(format!("{} {}", text(BookSide::Bid), text(BookSide::Ask)))
    }

    #[test]
    fn differences_recorded_before_the_snapshot_apply_after_it() {
        let rows = "\
1,,,D,8,9,,b,100.5,5
1,,,D,10,11,,b,100,3
2,,,S,10,10,,b,98,1
2,,,S,10,10,,a,101,2
3,,,D,12,12,,a,101,0
3,,,D,12,12,,a,102,4";
        // The difference that ends at 9 is in the snapshot already: its level at 100.5 must not appear.
        assert_eq!(rebuilt(FlowMarket::SpotBtc, rows).unwrap(), "3@100 4@102");
    }

    #[test]
    fn a_missing_update_is_a_sequence_gap() {
        let spot = "1,,,S,10,10,,b,98,1\n2,,,D,11,12,,b,98,2\n3,,,D,14,15,,b,98,3";
        assert_eq!(
            rebuilt(FlowMarket::SpotBtc, spot),
            Err(FlowFault::SequenceGap { expected: UpdateId(13), found: UpdateId(14) })
        );
        let linear = "1,,,S,10,10,,b,98,1\n2,,,D,9,12,8,b,98,2\n3,,,D,20,21,11,b,98,3";
        assert_eq!(
            rebuilt(FlowMarket::LinearBtc, linear),
            Err(FlowFault::SequenceGap { expected: UpdateId(12), found: UpdateId(11) })
        );
        let late = "1,,,S,10,10,,b,98,1\n2,,,D,12,12,,b,98,2";
        assert_eq!(
            rebuilt(FlowMarket::SpotBtc, late),
            Err(FlowFault::SnapshotNotContinued { snapshot: UpdateId(10), first: UpdateId(12) })
        );
    }

    #[test]
    fn a_crossed_book_and_a_second_snapshot_are_faults() {
        let crossed = "1,,,S,10,10,,b,98,1\n1,,,S,10,10,,a,99,1\n2,,,D,11,11,,b,99,2";
        assert!(matches!(
            rebuilt(FlowMarket::SpotBtc, crossed),
            Err(FlowFault::Crossed { id: UpdateId(11), .. })
        ));
        let twice = "1,,,S,10,10,,b,98,1\n2,,,S,11,11,,b,98,1";
        assert_eq!(
            rebuilt(FlowMarket::SpotBtc, twice),
            Err(FlowFault::SecondSnapshot(UpdateId(11)))
        );
    }
}
