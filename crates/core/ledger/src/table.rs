//! The balances themselves.

use crate::{Changes, Holder, Posting};
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{AccountIndex, AssetId, Fault};
use std::collections::BTreeMap;
use units::{Amount, Notional};

/// Balances that changes lead to, every check passed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Prepared {
    after: Vec<(Holder, AssetId, Amount)>,
}

impl Prepared {
    /// Returns the balances, in the order of holder and asset.
    pub fn iter(&self) -> impl Iterator<Item = (Holder, AssetId, Amount)> + '_ {
        self.after.iter().copied()
    }
}

/// Balances of all holders in all assets.
///
/// spec 0011-LEDG-008.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Ledger {
    /// By account index: dollars, which every command reads, apart from the rest.
    dollars: Vec<Amount>,
    /// Everything else that is not zero.
    others: BTreeMap<(Holder, AssetId), Amount>,
}

impl Ledger {
    /// Makes room for one more client and returns its index; `None` when indices are used up.
    ///
    /// spec 0011-LEDG-001.
    pub fn open(&mut self) -> Option<AccountIndex> {
        let index = u32::try_from(self.dollars.len()).ok()?;
        self.dollars.push(Amount::ZERO);
        Some(AccountIndex::new(index))
    }

    /// Returns a balance; zero for a holder never seen.
    pub fn balance(&self, holder: Holder, asset: AssetId) -> Amount {
        match (holder, asset) {
            (Holder::Client(client), AssetId::DOLLAR) => self.cash_slot(client).unwrap_or_default(),
            key => self.others.get(&key).copied().unwrap_or_default(),
        }
    }

    /// Returns a client's dollars.
    pub fn cash(&self, client: AccountIndex) -> Notional {
        self.cash_slot(client).unwrap_or_default().notional()
    }

    /// Returns a client's balances other than dollars, ascending by asset.
    pub fn collateral(&self, client: AccountIndex) -> impl Iterator<Item = (AssetId, Amount)> + '_ {
        let holder = Holder::Client(client);
        let range = (holder, AssetId::new(0))..=(holder, AssetId::new(u16::MAX));
        self.others.range(range).map(|((_, asset), amount)| (*asset, *amount))
    }

    /// Returns the balances of the house and the outside, in the order of holder and asset.
    pub fn house(&self) -> impl Iterator<Item = (Holder, AssetId, Amount)> + '_ {
        let first = (Holder::Insurance(protocol::UnderlyingId::new(0)), AssetId::new(0));
        self.others.range(first..).map(|((holder, asset), amount)| (*holder, *asset, *amount))
    }

    /// Applies one posting.
    ///
    /// # Errors
    ///
    /// As [`Ledger::apply`].
    pub fn post(&mut self, posting: Posting) -> Result<(), Fault> {
        let mut changes = Changes::default();
        changes.post(posting)?;
        self.apply(&changes)
    }

    /// Applies all changes, or none.
    ///
    /// # Errors
    ///
    /// As [`Ledger::prepare`].
    pub fn apply(&mut self, changes: &Changes) -> Result<(), Fault> {
        let prepared = self.prepare(changes)?;
        self.commit(prepared);
        Ok(())
    }

    /// Returns the balances after all changes, for [`Ledger::commit`].
    ///
    /// # Errors
    ///
    /// [`Fault`] if the changes do not sum to zero for each asset, name a client that is not open, or take a balance
    /// over the limit.
    ///
    /// spec 0011-LEDG-003…005.
    pub fn prepare(&self, changes: &Changes) -> Result<Prepared, Fault> {
        let mut after = Vec::new();
        let mut sums: BTreeMap<AssetId, Amount> = BTreeMap::new();
        for (holder, asset, net) in changes.iter() {
            if let Holder::Client(client) = holder
                && self.cash_slot(client).is_none()
            {
                return Err(Fault::Missing("client of a posting"));
            }
            let balance = self.balance(holder, asset).plus(net).and_then(Amount::within_limit);
            after.push((holder, asset, balance.map_err(Fault::at("balance"))?));
            let sum = sums.entry(asset).or_default();
            *sum = sum.plus(net).map_err(Fault::at("sum of postings"))?;
        }
        match sums.into_iter().find(|(_, sum)| *sum != Amount::ZERO) {
            Some((asset, after)) => Err(Fault::NotConserved { asset, before: Amount::ZERO, after }),
            None => Ok(Prepared { after }),
        }
    }

    /// Writes prepared balances; cannot fail. They must be of this ledger as it is.
    pub fn commit(&mut self, prepared: Prepared) {
        for (holder, asset, balance) in prepared.after {
            self.set(holder, asset, balance);
        }
    }

    /// Recomputes the sum over all holders of every asset.
    ///
    /// # Errors
    ///
    /// [`Fault::NotConserved`] with the first asset that does not sum to zero.
    ///
    /// spec 0011-LEDG-003.
    pub fn check(&self) -> Result<(), Fault> {
        let mut sums: BTreeMap<AssetId, Amount> = BTreeMap::new();
        let dollars = self.dollars.iter().map(|amount| (AssetId::DOLLAR, *amount));
        let others = self.others.iter().map(|((_, asset), amount)| (*asset, *amount));
        for (asset, amount) in dollars.chain(others) {
            let sum = sums.entry(asset).or_default();
            *sum = sum.plus(amount).map_err(Fault::at("sum of balances"))?;
        }
        match sums.into_iter().find(|(_, sum)| *sum != Amount::ZERO) {
            Some((asset, after)) => Err(Fault::NotConserved { asset, before: Amount::ZERO, after }),
            None => Ok(()),
        }
    }

    fn cash_slot(&self, client: AccountIndex) -> Option<Amount> {
        self.dollars.get(usize::try_from(client.get()).ok()?).copied()
    }

    fn set(&mut self, holder: Holder, asset: AssetId, balance: Amount) {
        let slot = match (holder, asset) {
            (Holder::Client(client), AssetId::DOLLAR) => {
                usize::try_from(client.get()).ok().and_then(|index| self.dollars.get_mut(index))
            }
            _ => None,
        };
        match slot {
            Some(slot) => *slot = balance,
            None if balance == Amount::ZERO => drop(self.others.remove(&(holder, asset))),
            None => drop(self.others.insert((holder, asset), balance)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::UnderlyingId;

    fn posting(from: Holder, to: Holder, micros: i128) -> Posting {
        Posting::dollars(from, to, Notional::from_micros(micros))
    }

    #[test]
    fn a_deposit_leaves_the_sum_over_all_holders_at_zero() {
        // 0011-LEDG-001…003
        let mut ledger = Ledger::default();
        let client = Holder::Client(ledger.open().unwrap());
        ledger.post(posting(Holder::Outside, client, 5)).unwrap();
        assert_eq!(ledger.balance(client, AssetId::DOLLAR), Amount::from_minor(5));
        assert_eq!(ledger.balance(Holder::Outside, AssetId::DOLLAR), Amount::from_minor(-5));
        assert_eq!(ledger.check(), Ok(()));
    }

    #[test]
    fn changes_apply_all_or_none() {
        // 0011-LEDG-004
        let mut ledger = Ledger::default();
        let client = Holder::Client(ledger.open().unwrap());
        let stranger = Holder::Client(AccountIndex::new(9));
        let before = ledger.clone();
        let mut changes = Changes::default();
        changes.post(posting(Holder::Outside, client, 5)).unwrap();
        changes.post(posting(client, stranger, 1)).unwrap();
        assert_eq!(ledger.apply(&changes), Err(Fault::Missing("client of a posting")));
        assert_eq!(ledger, before);
    }

    #[test]
    fn a_balance_never_passes_its_limit() {
        // 0011-LEDG-005
        let mut ledger = Ledger::default();
        let fund = Holder::Insurance(UnderlyingId::new(1));
        let over = units::limits::BALANCE_MICROS_MAX + 1;
        assert!(ledger.post(posting(Holder::Outside, fund, over)).is_err());
        assert_eq!(ledger, Ledger::default());
    }

    #[test]
    fn collateral_is_listed_by_asset_and_zero_balances_vanish() {
        // 0011-LEDG-008
        let mut ledger = Ledger::default();
        let index = ledger.open().unwrap();
        let client = Holder::Client(index);
        for (asset, minor) in [(2, 7), (1, 3), (1, -3)] {
            let amount = Amount::from_minor(minor);
            let asset = AssetId::new(asset);
            ledger.post(Posting { from: Holder::Outside, to: client, asset, amount }).unwrap();
        }
        let held: Vec<_> = ledger.collateral(index).collect();
        assert_eq!(held, [(AssetId::new(2), Amount::from_minor(7))]);
        assert_eq!(ledger.house().count(), 1);
    }
}
