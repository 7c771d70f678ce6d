//! What the house remembers of its attempts to reduce an account: how far a liquidation is.
//!
//! **Invariant:** what is remembered of contracts is of positions that are held; of an account that is not below maintenance
//! margin nothing else is remembered, but whether it is set aside.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::InstrumentId;
use std::collections::{BTreeMap, BTreeSet};
use units::BlockHeight;

/// What the house remembers of its attempts to reduce an account.
///
/// spec 0021-FALL-005, 0021-FALL-021, 0021-FALL-022, 0025-BLOCK-030.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Pursuit {
    /// Contracts of which the last order of the house was not filled at all.
    pub unfilled: BTreeSet<InstrumentId>,
    /// Contracts that had no order in its last turn, and for how many turns in a row.
    pub passed: BTreeMap<InstrumentId, u8>,
    /// Turns in a row in which nothing was filled.
    pub failures: u8,
    /// Whether its next turn reduces all legs by the same part: the last one left legs without an order.
    pub slice_next: bool,
    /// The block since which it waits for a turn.
    pub waiting_since: Option<BlockHeight>,
    /// Whether a fault has set the account aside: it takes no orders, and nothing leaves it.
    pub aside: bool,
}

impl Pursuit {
    /// Returns whether nothing is remembered but which of its legs nobody wanted.
    pub(crate) fn is_over(&self) -> bool {
        let Self { unfilled: _, passed, failures, slice_next, waiting_since, aside } = self;
        passed.is_empty() && *failures == 0 && !slice_next && waiting_since.is_none() && !aside
    }

    /// Notes which of the legs had no order in a turn.
    ///
    /// spec 0021-FALL-005.
    pub(crate) fn pass(
        &mut self,
        legs: impl Iterator<Item = InstrumentId>,
        ordered: impl Fn(InstrumentId) -> bool,
    ) {
        let before = std::mem::take(&mut self.passed);
        for leg in legs.filter(|leg| !ordered(*leg)) {
            let turns = before.get(&leg).map_or(0, |turns| *turns);
            self.passed.insert(leg, turns.saturating_add(1));
        }
    }
}
