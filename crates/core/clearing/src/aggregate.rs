//! What all positions in a contract sum to, kept beside them and compared with them.

use crate::Position;
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::Fault;
use units::{Lots, Notional};

/// Sums over every account's position in one contract.
///
/// spec 0013-CLEAR-011.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Aggregate {
    /// Long minus short: zero outside a transition.
    pub net: Lots,
    /// Lots held long.
    pub open_interest: Lots,
    /// Sum of costs.
    pub cost: Notional,
}

impl Aggregate {
    /// Returns the sums after one account's position has changed.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a sum leaves its limits.
    pub fn moved(self, before: Position, after: Position) -> Result<Self, Fault> {
        let at = Fault::at("aggregate of positions");
        let long = |position: Position| position.lots.greater(Lots::ZERO);
        let net = self.net.plus(after.lots).and_then(|sum| sum.minus(before.lots));
        let open = self.open_interest.plus(long(after)).and_then(|sum| sum.minus(long(before)));
        let cost = self.cost.plus(after.cost).and_then(|sum| sum.minus(before.cost));
        Ok(Self {
            net: net.map_err(&at)?,
            open_interest: open.and_then(Lots::within_limit).map_err(&at)?,
            cost: cost.map_err(&at)?,
        })
    }

    /// Checks what must hold between transitions: nobody is long without somebody short, and the clearing balance
    /// mirrors the costs.
    ///
    /// # Errors
    ///
    /// [`Fault::Invariant`] with what does not hold.
    pub fn check(&self, clearing_balance: Notional) -> Result<(), Fault> {
        if self.net != Lots::ZERO {
            return Err(Fault::Invariant("lots of a contract sum to zero"));
        }
        let sum = self.cost.plus(clearing_balance).map_err(Fault::at("clearing balance"))?;
        if sum != Notional::ZERO {
            return Err(Fault::Invariant(
                "costs and the clearing balance of a contract sum to zero",
            ));
        }
        Ok(())
    }
}
