//! What must hold after every block, recomputed from the state rather than carried along.

use crate::state::State;
use clearing::{Aggregate, Position};
use ledger::Holder;
use protocol::{AssetId, Fault, InstrumentId};
use std::collections::BTreeMap;
use units::Amount;

impl State {
    /// Checks that every asset is conserved, that no more of it has left than came, that the positions of every market sum to its aggregate, that nobody is
    /// long without somebody short, and that costs mirror the clearing balance.
    ///
    /// # Errors
    ///
    /// [`Fault`] with the first that does not hold.
    ///
    /// spec 0025-BLOCK-014.
    pub fn check(&self) -> Result<(), Fault> {
        self.ledger.check()?;
        // 0011-LEDG-009
        let left = |(holder, _, balance)| holder == Holder::Outside && balance > Amount::ZERO;
        if self.ledger.house().any(left) {
            return Err(Fault::Invariant("custody of an asset is not below zero"));
        }
        let mut sums: BTreeMap<InstrumentId, Aggregate> = BTreeMap::new();
        for (_, account) in self.accounts.iter() {
            for (instrument, position) in account.positions() {
                let sum = sums.entry(*instrument).or_default();
                *sum = sum.moved(Position::default(), *position)?;
            }
        }
        for (id, market) in &self.markets {
            let sum = sums.remove(id).unwrap_or_default();
            if sum != market.aggregate {
                return Err(Fault::Invariant("positions of a market sum to its aggregate"));
            }
            let balance = self.ledger.balance(Holder::Clearing(*id), AssetId::DOLLAR);
            market.aggregate.check(balance.notional())?;
        }
        match sums.is_empty() {
            true => Ok(()),
            false => Err(Fault::Invariant("positions are in listed contracts")),
        }
    }
}

#[cfg(test)]
mod tests;
