//! In which block each of the newest submissions stands, by its name: a transaction index, by transaction hash.
//!
//! **Left out:** what became of it: the ledger has the receipts, and forgets them sooner or later than this.

use protocol::Hash;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Names that are kept: some hundred megabytes.
const NAMES_KEPT: usize = 1 << 20;

#[derive(Debug, Default)]
struct Places {
    /// Height, and place among the submissions of the block.
    by_name: BTreeMap<Hash, (u64, u32)>,
    /// The names of each block, ascending by height.
    blocks: VecDeque<(u64, Vec<Hash>)>,
}

/// The places of the newest submissions.
#[derive(Debug, Default)]
pub(crate) struct SubmissionIndex(Mutex<Places>);

impl SubmissionIndex {
    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers the submissions of a block, and forgets those of the oldest if they are too many.
    pub(crate) fn keep(&self, height: u64, names: &[Hash]) {
        let mut places = self.places();
        if places.blocks.back().is_some_and(|(last, _)| *last >= height) {
            return;
        }
        // The first time counts: whatever stands in a later block again was refused there.
        for (place, name) in (0..).zip(names) {
            places.by_name.entry(*name).or_insert((height, place));
        }
        places.blocks.push_back((height, names.to_vec()));
        while places.by_name.len() > NAMES_KEPT && places.blocks.len() > 1 {
            let Some((gone, names)) = places.blocks.pop_front() else { break };
            for name in names {
                if places.by_name.get(&name).is_some_and(|(height, _)| *height == gone) {
                    places.by_name.remove(&name);
                }
            }
        }
    }

    /// Returns the height of the block in which a submission stands, and its place among those of the block.
    pub(crate) fn find(&self, name: &Hash) -> Option<(u64, u32)> {
        self.places().by_name.get(name).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: u32) -> Hash {
        Hash::of("test", &number.to_be_bytes())
    }

    #[test]
    fn a_submission_is_found_where_it_stood_first_until_it_is_too_old() {
        let index = SubmissionIndex::default();
        index.keep(5, &[name(1), name(2)]);
        index.keep(6, &[name(3), name(1)]);
        index.keep(6, &[name(9)]);
        assert_eq!(index.find(&name(2)), Some((5, 1)));
        assert_eq!(index.find(&name(1)), Some((5, 0)), "not where it was handed in again");
        assert_eq!(index.find(&name(9)), None, "a block comes once");
        let many: Vec<Hash> =
            (10..10 + u32::try_from(NAMES_KEPT).expect("fits")).map(name).collect();
        index.keep(7, &many);
        assert_eq!((index.find(&name(2)), index.find(&name(3))), (None, None));
        assert_eq!(index.find(&name(11)), Some((7, 1)), "the newest stays");
    }
}
