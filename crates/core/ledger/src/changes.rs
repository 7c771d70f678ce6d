//! Postings gathered before they count: a compartment's overlay over the ledger.

use crate::Holder;
use protocol::{AssetId, Fault};
use std::collections::BTreeMap;
use units::{Amount, Notional};

/// An amount on its way; a negative amount goes the other way.
///
/// spec 0011-LEDG-002.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posting {
    /// Who pays.
    pub from: Holder,
    /// Who is paid.
    pub to: Holder,
    /// What.
    pub asset: AssetId,
    /// How much.
    pub amount: Amount,
}

impl Posting {
    /// Returns a posting of dollars.
    #[must_use]
    pub const fn dollars(from: Holder, to: Holder, amount: Notional) -> Self {
        Self { from, to, asset: AssetId::DOLLAR, amount: Amount::from_notional(amount) }
    }
}

/// Net changes of balances that sum to zero for each asset. Dropping it undoes all of them.
///
/// spec 0011-LEDG-003, 0011-LEDG-004.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    net: BTreeMap<(Holder, AssetId), Amount>,
}

impl Changes {
    /// Adds a posting.
    ///
    /// # Errors
    ///
    /// [`Fault::Arithmetic`] if a net change leaves 128 bits.
    pub fn post(&mut self, posting: Posting) -> Result<(), Fault> {
        let outgoing = posting.amount.negated().map_err(Fault::at("posting"))?;
        self.add(posting.from, posting.asset, outgoing)?;
        self.add(posting.to, posting.asset, posting.amount)
    }

    /// Returns the net change of one balance so far.
    pub fn net(&self, holder: Holder, asset: AssetId) -> Amount {
        self.net.get(&(holder, asset)).copied().unwrap_or_default()
    }

    /// Returns every net change, in the order of holder and asset.
    pub fn iter(&self) -> impl Iterator<Item = (Holder, AssetId, Amount)> + '_ {
        self.net.iter().map(|((holder, asset), amount)| (*holder, *asset, *amount))
    }

    fn add(&mut self, holder: Holder, asset: AssetId, amount: Amount) -> Result<(), Fault> {
        let net = self.net.entry((holder, asset)).or_default();
        *net = net.plus(amount).map_err(Fault::at("posting"))?;
        Ok(())
    }
}
