//! What a header says of receipts and events: hashes of groups of them, so that one event can be shown without the
//! others.

use crate::codec::{self, EncodeError};
use crate::{Event, Hash, OrderId, Receipt};
use borsh::{BorshDeserialize, BorshSerialize};

/// Receipts, and events, of one hash.
const GROUP: usize = 64;

/// The hashes of all that came out of a block.
///
/// spec 0025-BLOCK-020.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OutcomeHashes {
    /// Of sixty-four receipts each, in the order of the commands.
    pub receipts: Vec<Hash>,
    /// Of sixty-four events each, in the order in which they happened.
    pub events: Vec<Hash>,
}

impl OutcomeHashes {
    /// Hashes receipts and events.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if a number is outside the limits of its unit.
    pub fn of(receipts: &[Receipt], events: &[Event]) -> Result<Self, EncodeError> {
        let receipts =
            receipts.chunks(GROUP).map(|group| Ok(Hash::of("receipts", &codec::encode(&group)?)));
        let events = events.chunks(GROUP).map(group_hash);
        Ok(Self {
            receipts: receipts.collect::<Result<_, EncodeError>>()?,
            events: events.collect::<Result<_, EncodeError>>()?,
        })
    }

    /// Returns the hash that the header carries.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] never: there are no numbers in it.
    pub fn hash(&self) -> Result<Hash, EncodeError> {
        Ok(Hash::of("outcome", &codec::encode(self)?))
    }
}

fn group_hash(group: &[Event]) -> Result<Hash, EncodeError> {
    Ok(Hash::of("events", &codec::encode(&group)?))
}

/// Some of the events of a block, with the hashes of all.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct EventExtract {
    /// What the header commits to.
    pub hashes: OutcomeHashes,
    /// Groups of events, ascending by their place among the hashes.
    pub shown: Vec<(u32, Vec<Event>)>,
}

impl EventExtract {
    /// Returns the groups of events that name an order; all of them if none does.
    #[must_use]
    pub fn of_order(hashes: OutcomeHashes, events: &[Event], order: OrderId) -> Self {
        let names = |group: &[Event]| group.iter().any(|event| event.order() == Some(order));
        let found = events.chunks(GROUP).any(names);
        let shown = (0..)
            .zip(events.chunks(GROUP))
            .filter(|(_, group)| !found || names(group))
            .map(|(place, group)| (place, group.to_vec()))
            .collect();
        Self { hashes, shown }
    }

    /// Returns the hash of the outcome that these events are a part of; `None` if they are a part of none.
    #[must_use]
    pub fn hash(&self) -> Option<Hash> {
        if !self.shown.is_sorted_by(|(a, _), (b, _)| a < b) {
            return None;
        }
        for (place, group) in &self.shown {
            let held = self.hashes.events.get(usize::try_from(*place).ok()?)?;
            if group_hash(group).ok()? != *held {
                return None;
            }
        }
        self.hashes.hash().ok()
    }

    /// Returns what is shown to have happened to an order; `None` if nothing is, and not all events are shown.
    #[must_use]
    pub fn happened_to(&self, order: OrderId) -> Option<Vec<&Event>> {
        let shown = self.shown.iter().flat_map(|(_, group)| group);
        let named: Vec<&Event> = shown.filter(|event| event.order() == Some(order)).collect();
        let all = self.shown.len() == self.hashes.events.len();
        (all || !named.is_empty()).then_some(named)
    }
}
