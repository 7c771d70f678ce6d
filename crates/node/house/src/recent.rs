//! What happened in the newest blocks, and what was answered in them, for those who ask for proof of it.
//!
//! **Left out:** what happened long ago. The log has the blocks, and a replay of them the events.

use crate::HouseError;
use protocol::{Event, EventExtract, OrderId, OutcomeHashes, Receipt, ReceiptExtract};
use std::collections::VecDeque;

/// Events that are kept: some fifty megabytes.
const EVENTS_KEPT: usize = 1 << 19;
/// Receipts that are kept, each quote of a mass quote counted: some fifty megabytes.
const RECEIPTS_KEPT: usize = 1 << 20;
/// Blocks whose events and receipts are kept, however few they have, unless fewer are wanted.
pub(crate) const BLOCKS_KEPT: usize = 1 << 16;

/// The events and receipts of the newest blocks.
#[derive(Debug)]
pub(crate) struct Recent {
    /// Ascending by height, without a gap.
    blocks: VecDeque<Happened>,
    events: usize,
    receipts: usize,
    blocks_kept: usize,
}

impl Default for Recent {
    fn default() -> Self {
        Self { blocks: VecDeque::new(), events: 0, receipts: 0, blocks_kept: BLOCKS_KEPT }
    }
}

#[derive(Debug)]
struct Happened {
    height: u64,
    hashes: OutcomeHashes,
    events: Vec<Event>,
    receipts: Vec<Receipt>,
}

/// Returns how much room receipts take.
fn weight(receipts: &[Receipt]) -> usize {
    let of = |receipt: &Receipt| match receipt {
        Receipt::Quotes(quotes) => quotes.len().saturating_add(1),
        _ => 1,
    };
    receipts.iter().map(of).sum()
}

impl Recent {
    /// Keeps what came out of a block, and forgets what is too old. The newest block is kept whatever its size.
    pub(crate) fn push(
        &mut self,
        height: u64,
        hashes: OutcomeHashes,
        events: Vec<Event>,
        receipts: Vec<Receipt>,
    ) {
        self.events = self.events.saturating_add(events.len());
        self.receipts = self.receipts.saturating_add(weight(&receipts));
        self.blocks.push_back(Happened { height, hashes, events, receipts });
        self.forget();
    }

    /// Keeps no more than so many blocks from now on.
    pub(crate) fn keep(&mut self, blocks: usize) {
        self.blocks_kept = blocks.clamp(1, BLOCKS_KEPT);
        self.forget();
    }

    fn forget(&mut self) {
        let too_much = |held: &Self| {
            held.events > EVENTS_KEPT
                || held.receipts > RECEIPTS_KEPT
                || held.blocks.len() > held.blocks_kept
        };
        while self.blocks.len() > 1 && too_much(self) {
            if let Some(gone) = self.blocks.pop_front() {
                self.events = self.events.saturating_sub(gone.events.len());
                self.receipts = self.receipts.saturating_sub(weight(&gone.receipts));
            }
        }
    }

    fn find(&self, height: u64) -> Result<&Happened, HouseError> {
        self.blocks.iter().find(|held| held.height == height).ok_or_else(|| {
            HouseError::EventsGone { height, oldest: self.blocks.front().map(|held| held.height) }
        })
    }

    /// Returns the receipts of some commands of a block, by the place of the first, with what shows that they are theirs.
    pub(crate) fn receipts(
        &self,
        height: u64,
        first: u32,
        count: u16,
    ) -> Result<ReceiptExtract, HouseError> {
        let Happened { hashes, receipts, .. } = self.find(height)?;
        Ok(ReceiptExtract::of_commands(hashes.clone(), receipts, first, count))
    }

    /// Returns the events of a block that name an order, with what shows that they are its.
    pub(crate) fn extract(&self, height: u64, order: OrderId) -> Result<EventExtract, HouseError> {
        let Happened { hashes, events, .. } = self.find(height)?;
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
            recent.push(height, OutcomeHashes::default(), many.clone(), Vec::new());
        }
        let gone = recent.extract(1, OrderId::new(1)).expect_err("it gave way");
        assert!(matches!(gone, HouseError::EventsGone { height: 1, oldest: Some(2) }), "{gone}");
        assert!(recent.extract(2, OrderId::new(1)).is_ok());
        let more = vec![Event::CallAuctionEnded; EVENTS_KEPT + 1];
        recent.push(4, OutcomeHashes::default(), more, Vec::new());
        assert!(recent.extract(3, OrderId::new(1)).is_err());
        assert!(recent.extract(4, OrderId::new(1)).is_ok(), "the newest stays");
    }

    #[test]
    fn receipts_are_kept_by_their_room_and_by_as_many_blocks_as_are_wanted() {
        let quotes = || vec![Receipt::Quotes(vec![Ok(None); 255]); RECEIPTS_KEPT / 512];
        let mut recent = Recent::default();
        for height in 1..=3 {
            recent.push(height, OutcomeHashes::default(), Vec::new(), quotes());
        }
        assert!(recent.receipts(1, 0, 1).is_err(), "a quote is a receipt");
        assert!(recent.receipts(2, 0, 1).is_ok_and(|part| part.shown.len() == 1));
        for height in 4..=20 {
            recent.push(height, OutcomeHashes::default(), Vec::new(), vec![Receipt::Done]);
        }
        recent.keep(5);
        assert!(recent.receipts(15, 0, 1).is_err());
        assert!(recent.receipts(16, 0, 1).is_ok());
        recent.push(21, OutcomeHashes::default(), Vec::new(), vec![Receipt::Done]);
        assert!(recent.receipts(16, 0, 1).is_err());
    }
}
