//! Who holds custody, which deposits they have attested, and which withdrawals they have still to pay.
//!
//! **Invariant:** a deposit is credited once, when so many custodians have attested the same of it as the threshold says,
//! which is more than half of them: so no two claims about one deposit are both credited. Every table here is bounded.
//!
//! **Left out:** balances (`custody`).

use borsh::{BorshDeserialize, BorshSerialize};
use custody::Outflow;
use protocol::{AccountId, Address, AssetId, DepositId, Plant, Refusal, WithdrawalId, limits};
use std::collections::{BTreeMap, BTreeSet};
use units::{Amount, BlockHeight};

/// What a custodian says of a deposit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Claim {
    /// For whom.
    pub account: AccountId,
    /// What.
    pub asset: AssetId,
    /// How much.
    pub amount: Amount,
}

/// A withdrawal that is to be paid.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Withdrawal {
    /// Of whom.
    pub account: AccountId,
    /// What.
    pub asset: AssetId,
    /// How much.
    pub amount: Amount,
    /// Where to.
    pub destination: Address,
    /// The block that brought it.
    pub height: BlockHeight,
    /// The custodians that have attested its payment.
    pub paid: BTreeSet<Address>,
}

/// Custodians, deposits under way and withdrawals to be paid.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Custody {
    custodians: BTreeSet<Address>,
    threshold: u16,
    /// All deposits to here count as credited.
    floor: u64,
    /// Those above it that are.
    credited: BTreeSet<DepositId>,
    /// What is said of deposits that are not.
    attested: BTreeMap<DepositId, BTreeMap<Address, Claim>>,
    /// What has been credited of each asset within a day.
    day: BTreeMap<AssetId, Outflow>,
    last_withdrawal: u64,
    open: BTreeMap<WithdrawalId, Withdrawal>,
    /// How many of them each owner has.
    owners: BTreeMap<Address, u8>,
}

/// Custody, under the root: the withdrawals have records of their own.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CustodyRecord {
    /// Who they are.
    pub custodians: Vec<Address>,
    /// How many of them attest a deposit or a payment.
    pub threshold: u16,
    /// The deposit to which all count as credited.
    pub floor: u64,
    /// Those above it that are credited.
    pub credited: Vec<DepositId>,
    /// Number of the last withdrawal.
    pub last_withdrawal: u64,
    /// Hash of what is said of deposits that are not credited, and of what was credited within a day.
    pub memory: protocol::Hash,
}

impl Custody {
    /// Returns the custody of a new house; `None` if the threshold is not more than half of different custodians, or not
    /// to be reached.
    #[must_use]
    pub fn new(custodians: &[Address], threshold: u16) -> Option<Self> {
        let set: BTreeSet<Address> = custodians.iter().copied().collect();
        let sound = set.len() == custodians.len() && is_sound(&set, threshold);
        sound.then(|| Self { custodians: set, threshold, ..Self::default() })
    }

    /// Returns the custodians and how many of them attest.
    #[must_use]
    pub const fn custodians(&self) -> (&BTreeSet<Address>, u16) {
        (&self.custodians, self.threshold)
    }

    /// Whether an address is a custodian's.
    #[must_use]
    pub fn is_custodian(&self, address: Address) -> bool {
        self.custodians.contains(&address)
    }

    /// Returns the withdrawals that are to be paid, by number.
    #[must_use]
    pub const fn open(&self) -> &BTreeMap<WithdrawalId, Withdrawal> {
        &self.open
    }

    /// Exchanges custodians; what those who go have attested counts no longer.
    ///
    /// spec 0025-BLOCK-045.
    pub(crate) fn change(
        &mut self,
        remove: Option<Address>,
        add: Option<Address>,
        threshold: u16,
    ) -> Result<(), Refusal> {
        let mut after = self.custodians.clone();
        let removed = remove.is_none_or(|gone| after.remove(&gone));
        let added = add.is_none_or(|new| after.insert(new));
        if !removed || !added || !is_sound(&after, threshold) {
            return Err(Refusal::CustodiansInvalid);
        }
        (self.custodians, self.threshold) = (after, threshold);
        if let Some(gone) = remove {
            self.attested.retain(|_, claims| {
                claims.remove(&gone);
                !claims.is_empty()
            });
            for held in self.open.values_mut() {
                held.paid.remove(&gone);
            }
        }
        Ok(())
    }

    /// Whether a deposit has been credited, or counts as credited.
    #[must_use]
    pub fn is_credited(&self, id: DepositId) -> bool {
        id.get() <= self.floor || self.credited.contains(&id)
    }

    /// Returns how many custodians say this of a deposit, once one more does.
    ///
    /// # Errors
    ///
    /// [`Refusal::TooMany`] if that one has attested as many that are not credited as it may.
    ///
    /// spec 0025-BLOCK-044.
    pub(crate) fn agreeing(
        &self,
        custodian: Address,
        id: DepositId,
        claim: &Claim,
    ) -> Result<usize, Refusal> {
        let own = self.attested.values().filter(|claims| claims.contains_key(&custodian));
        let claims = self.attested.get(&id);
        let known = claims.is_some_and(|claims| claims.contains_key(&custodian));
        if !known && own.count() >= limits::ATTESTATIONS_PER_CUSTODIAN_MAX {
            return Err(Refusal::TooMany);
        }
        let others = claims.into_iter().flatten();
        let others = others.filter(|(who, said)| **who != custodian && *said == claim);
        Ok(others.count().saturating_add(1))
    }

    /// Whether so many custodians are enough.
    pub(crate) fn is_enough(&self, count: usize) -> bool {
        count >= usize::from(self.threshold) || Plant::OneCustodian.is_planted()
    }

    /// Notes what a custodian says of a deposit, instead of what it said before; returns whether it said the same.
    pub(crate) fn attest(&mut self, custodian: Address, id: DepositId, claim: Claim) -> bool {
        self.attested.entry(id).or_default().insert(custodian, claim) == Some(claim)
    }

    /// Notes that a deposit is credited: never again.
    ///
    /// spec 0025-BLOCK-044.
    pub(crate) fn credit(&mut self, id: DepositId) {
        self.credited.insert(id);
        if self.credited.len() > limits::DEPOSITS_APART_MAX
            && let Some(lowest) = self.credited.pop_first()
        {
            self.floor = lowest.get();
        }
        while self
            .credited
            .first()
            .is_some_and(|first| Some(first.get()) == self.floor.checked_add(1))
            && let Some(next) = self.credited.pop_first()
        {
            self.floor = next.get();
        }
        let floor = self.floor;
        self.attested.retain(|held, _| held.get() > floor && *held != id);
    }

    /// Returns what has been credited of an asset within a day.
    pub(crate) fn day(&self, asset: AssetId) -> Outflow {
        self.day.get(&asset).cloned().unwrap_or_default()
    }

    pub(crate) fn set_day(&mut self, asset: AssetId, day: Outflow) {
        self.day.insert(asset, day);
    }

    /// Checks that the house, and an owner, may have one withdrawal more to be paid.
    ///
    /// spec 0025-BLOCK-046.
    pub(crate) fn has_room_for(&self, owner: Address) -> bool {
        let own = self.owners.get(&owner).copied().unwrap_or(0);
        self.open.len() < limits::WITHDRAWALS_MAX && own < limits::WITHDRAWALS_PER_OWNER_MAX
    }

    /// Opens a withdrawal, and returns its number; `None` once numbers are used up.
    pub(crate) fn pay(&mut self, withdrawal: Withdrawal) -> Option<WithdrawalId> {
        self.last_withdrawal = self.last_withdrawal.checked_add(1)?;
        let id = WithdrawalId::new(self.last_withdrawal);
        let own = self.owners.entry(withdrawal.account.owner).or_default();
        *own = own.saturating_add(1);
        self.open.insert(id, withdrawal);
        Some(id)
    }

    /// Notes that a custodian attests a payment; returns whether that was the last that was needed.
    ///
    /// spec 0025-BLOCK-046.
    pub(crate) fn attest_payment(
        &mut self,
        custodian: Address,
        id: WithdrawalId,
    ) -> Result<bool, Refusal> {
        let held = self.open.get_mut(&id).ok_or(Refusal::NotOutstanding)?;
        let new = held.paid.insert(custodian);
        if held.paid.len() < usize::from(self.threshold) {
            return if new { Ok(false) } else { Err(Refusal::ApprovedAlready) };
        }
        if let Some(paid) = self.open.remove(&id) {
            let owner = paid.account.owner;
            let left = self.owners.get(&owner).map_or(0, |count| count.saturating_sub(1));
            if left == 0 {
                self.owners.remove(&owner);
            } else {
                self.owners.insert(owner, left);
            }
        }
        Ok(true)
    }

    /// Whether the tables are within their bounds and belong together.
    pub(crate) fn is_sound(&self) -> bool {
        let mut owners: BTreeMap<Address, u8> = BTreeMap::new();
        for held in self.open.values() {
            let own = owners.entry(held.account.owner).or_default();
            *own = own.saturating_add(1);
        }
        let ours = |who: &Address| self.custodians.contains(who);
        let last = self.open.last_key_value().map_or(0, |(id, _)| id.get());
        is_sound(&self.custodians, self.threshold)
            && owners == self.owners
            && last <= self.last_withdrawal
            && self.open.len() <= limits::WITHDRAWALS_MAX
            && self.credited.len() <= limits::DEPOSITS_APART_MAX
            && self.credited.first().is_none_or(|first| first.get() > self.floor)
            && self.attested.iter().all(|(id, claims)| {
                !self.is_credited(*id) && !claims.is_empty() && claims.keys().all(ours)
            })
            && self.open.values().all(|held| held.paid.iter().all(ours))
    }

    /// Returns the record, but for the hash of what it does not name.
    pub(crate) fn record(&self, memory: protocol::Hash) -> CustodyRecord {
        CustodyRecord {
            custodians: self.custodians.iter().copied().collect(),
            threshold: self.threshold,
            floor: self.floor,
            credited: self.credited.iter().copied().collect(),
            last_withdrawal: self.last_withdrawal,
            memory,
        }
    }

    /// Returns what the record has by its hash.
    pub(crate) fn memory(&self) -> impl BorshSerialize + '_ {
        (&self.attested, &self.day)
    }
}

/// Whether so many custodians may have that threshold.
fn is_sound(custodians: &BTreeSet<Address>, threshold: u16) -> bool {
    let (count, threshold) = (custodians.len(), usize::from(threshold));
    let majority = threshold.saturating_mul(2) > count;
    count <= limits::CUSTODIANS_MAX && majority && threshold <= count
}
