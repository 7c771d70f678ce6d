//! What happened in the newest blocks, for those who ask for proof of it.
//!
//! **Left out:** what happened long ago. The log has the blocks, and a replay of them the events.

use crate::HouseError;
use protocol::{Event, EventExtract, OrderId, OutcomeHashes};
use std::collections::VecDeque;

/// Events that are kept: some fifty megabytes.
const EVENTS_KEPT: usize = 1 << 19;
/// Blocks whose events are kept, however few they have.
const BLOCKS_KEPT: usize = 1 << 16;

/// The events of the newest blocks.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    /// Ascending by height, without a gap.
    blocks: VecDeque<Happened>,
    events: usize,
}

#[derive(Debug)]
struct Happened {
    height: u64,
    hashes: OutcomeHashes,
    events: Vec<Event>,
}

impl Recent {
    /// Keeps what came out of a block, and forgets what is too old. The newest block is kept whatever its size.
    pub(crate) fn push(&mut self, height: u64, hashes: OutcomeHashes, events: Vec<Event>) {
        self.events = self.events.saturating_add(events.len());
        self.blocks.push_back(Happened { height, hashes, events });
        while self.blocks.len() > 1
            && (self.events > EVENTS_KEPT || self.blocks.len() > BLOCKS_KEPT)
        {
            let gone = self.blocks.pop_front().map_or(0, |gone| gone.events.len());
            self.events = self.events.saturating_sub(gone);
        }
    }

    /// Returns the events of a block that name an order, with what shows that they are its.
    pub(crate) fn extract(&self, height: u64, order: OrderId) -> Result<EventExtract, HouseError> {
        let held = self.blocks.iter().find(|held| held.height == height);
        let Some(Happened { hashes, events, .. }) = held else {
            let oldest = self.blocks.front().map(|oldest| oldest.height);
            return Err(HouseError::EventsGone { height, oldest });
        };
        Ok(EventExtract::of_order(hashes.clone(), events, order))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_blocks_give_way_to_new_ones_and_say_so() {
        let mut recent = Recent::default();
        let many = vec![Event::CallAuctionEnded; EVENTS_KEPT / 2];
        for height in 1..=3 {
            recent.push(height, OutcomeHashes::default(), many.clone());
        }
        let gone = recent.extract(1, OrderId::new(1)).expect_err("it gave way");
        assert!(matches!(gone, HouseError::EventsGone { height: 1, oldest: Some(2) }), "{gone}");
        assert!(recent.extract(2, OrderId::new(1)).is_ok());
        recent.push(4, OutcomeHashes::default(), vec![Event::CallAuctionEnded; EVENTS_KEPT + 1]);
        assert!(recent.extract(3, OrderId::new(1)).is_err());
        assert!(recent.extract(4, OrderId::new(1)).is_ok(), "the newest stays");
    }
}
