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
        let receipts = receipts.chunks(GROUP).map(receipts_hash);
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

fn receipts_hash(group: &[Receipt]) -> Result<Hash, EncodeError> {
    Ok(Hash::of("receipts", &codec::encode(&group)?))
}

fn group_hash(group: &[Event]) -> Result<Hash, EncodeError> {
    Ok(Hash::of("events", &codec::encode(&group)?))
}

/// Some of the receipts of a block, with the hashes of all.
///
/// spec 0025-BLOCK-020.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ReceiptExtract {
    /// What the header commits to.
    pub hashes: OutcomeHashes,
    /// The place of the first group that is shown.
    pub from: u32,
    /// Groups of receipts, one after the other.
    pub shown: Vec<Vec<Receipt>>,
}

impl ReceiptExtract {
    /// Returns the groups that hold the receipts of some commands of the block, by the place of the first.
    #[must_use]
    pub fn of_commands(
        hashes: OutcomeHashes,
        receipts: &[Receipt],
        first: u32,
        count: u16,
    ) -> Self {
        let (from, groups) = groups_of(first, count);
        let groups = receipts.chunks(GROUP).skip(from).take(groups);
        let shown = groups.map(<[Receipt]>::to_vec).collect();
        Self { hashes, from: u32::try_from(from).unwrap_or(u32::MAX), shown }
    }

    /// Returns the hash of the outcome that these receipts are a part of; `None` if they are a part of none.
    #[must_use]
    pub fn hash(&self) -> Option<Hash> {
        let from = usize::try_from(self.from).ok()?;
        let held = self.hashes.receipts.get(from..)?.get(..self.shown.len())?;
        for (group, held) in self.shown.iter().zip(held) {
            if receipts_hash(group).ok()? != *held {
                return None;
            }
        }
        self.hashes.hash().ok()
    }

    /// Returns the receipts of some commands of the block; `None` unless exactly the groups that hold them are shown.
    #[must_use]
    pub fn of(&self, first: u32, count: u16) -> Option<Vec<&Receipt>> {
        let (from, groups) = groups_of(first, count);
        if usize::try_from(self.from).ok()? != from || self.shown.len() != groups {
            return None;
        }
        let skipped = usize::try_from(first).ok()?.checked_rem(GROUP)?;
        let wanted = self.shown.iter().flatten().skip(skipped).take(usize::from(count));
        let wanted: Vec<&Receipt> = wanted.collect();
        (wanted.len() == usize::from(count)).then_some(wanted)
    }
}

/// Returns the place of the first group that holds receipts of some commands, and the number of such groups.
fn groups_of(first: u32, count: u16) -> (usize, usize) {
    let first = usize::try_from(first).unwrap_or(usize::MAX);
    let end = first.saturating_add(usize::from(count));
    let from = first.checked_div(GROUP).unwrap_or(0);
    (from, end.div_ceil(GROUP).saturating_sub(from))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Refusal;

    fn receipts(count: u64) -> Vec<Receipt> {
        (0..count)
            .map(|at| match at % 3 {
                0 => Receipt::Done,
                1 => Receipt::Order(OrderId::new(at)),
                _ => Receipt::Refused(Refusal::NotPermitted),
            })
            .collect()
    }

    #[test]
    fn receipts_are_shown_with_their_groups_and_no_others() {
        // 0025-BLOCK-020
        let all = receipts(200);
        let hashes = OutcomeHashes::of(&all, &[]).expect("it encodes");
        for (first, count) in [(0u32, 1u16), (63, 2), (64, 64), (60, 140), (199, 1), (5, 0)] {
            let part = ReceiptExtract::of_commands(hashes.clone(), &all, first, count);
            assert_eq!(part.hash(), hashes.hash().ok());
            let at = usize::try_from(first).expect("small");
            let wanted: Vec<&Receipt> = all.iter().skip(at).take(usize::from(count)).collect();
            assert_eq!(part.of(first, count), Some(wanted), "{first} {count}");
        }
        let part = ReceiptExtract::of_commands(hashes.clone(), &all, 64, 10);
        assert_eq!(part.of(0, 10), None, "of commands that are not shown");
        assert_eq!(part.of(70, 60), None, "reaches beyond what is shown");
        let end = ReceiptExtract::of_commands(hashes.clone(), &all, 198, 5);
        assert_eq!(end.of(198, 5), None, "the block has no so many commands");
        let mut moved = part.clone();
        moved.from = 2;
        assert_eq!(moved.hash(), None, "a group in another's place");
        let mut forged = part;
        forged.shown[0][3] = Receipt::Done;
        assert_eq!(forged.hash(), None);
        let mut beyond = end;
        beyond.from = u32::MAX;
        assert_eq!(beyond.hash(), None);
    }
}
