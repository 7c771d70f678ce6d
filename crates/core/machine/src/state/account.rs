//! Accounts: names, positions and open orders.

use crate::state::open_orders::OpenOrders;
use crate::state::pursuit::Pursuit;
use crate::state::sides::{SideOrders, Sides};
use borsh::io::{Error, ErrorKind, Read, Write};
use borsh::{BorshDeserialize, BorshSerialize};
use clearing::Position;
use places::Table;
use protocol::{
    AccountId, AccountIndex, Address, AssetId, ClientOrderId, Fault, InstrumentId, OrderId, Side,
    UnderlyingId,
};
use sessions::Charge;
use std::collections::BTreeMap;
use units::{Amount, BlockTime, Lots, Price};
use waterfall::Allowance;

/// Who sent an order, and so what rules it is under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Origin {
    /// A trader's order.
    Order(ClientOrderId),
    /// One side of a mass quote.
    Quote,
    /// The house reducing an account below maintenance margin.
    Liquidation,
}

/// An order of an account that is in a book or in this block's batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OpenOrder {
    /// Where.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// The limit.
    pub price: Price,
    /// Lots left.
    pub lots: Lots,
    /// Who sent it.
    pub origin: Origin,
    /// Whether it may only bring the position towards zero.
    pub reduce_only: bool,
}

impl OpenOrder {
    /// Returns whether the house liquidates with it: then nothing that the account sends takes it out.
    #[must_use]
    pub fn is_of_house(&self) -> bool {
        self.origin == Origin::Liquidation
    }
}

/// One account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its name.
    pub id: AccountId,
    /// Positions that are not zero, ascending by instrument.
    positions: Vec<(InstrumentId, Position)>,
    orders: OpenOrders,
    /// What was counted of its open orders against the caps of the session keys that sent them.
    charges: BTreeMap<OrderId, Charge>,
    /// Its open orders by market and side: what `orders` adds up to.
    sides: Sides,
    /// Compartments that it has been exposed to since it last owed nothing and held nothing: their funds answer for it,
    /// each with what it may still pay at this event.
    exposed: BTreeMap<UnderlyingId, Allowance>,
    /// What it has brought and not taken out, ascending by asset, none of zero: deposits, less withdrawals, and what came
    /// and went with transfers and exchanges.
    brought: Vec<(AssetId, Amount)>,
    /// Whether the account is under a margin call.
    pub called: bool,
    /// The block since which its equity has been below initial margin.
    pub(crate) short_since: Option<BlockTime>,
    /// What the house remembers of its attempts to reduce it.
    pub(crate) pursuit: Pursuit,
    /// Its owner's place among the owners.
    owner: usize,
}

impl Account {
    /// Returns an account that holds nothing.
    #[must_use]
    pub fn new(id: AccountId) -> Self {
        Self {
            id,
            positions: Vec::new(),
            orders: OpenOrders::default(),
            charges: BTreeMap::new(),
            sides: Sides::default(),
            exposed: BTreeMap::new(),
            brought: Vec::new(),
            called: false,
            short_since: None,
            pursuit: Pursuit::default(),
            owner: 0,
        }
    }

    /// Returns what the house remembers of its attempts to reduce the account.
    #[must_use]
    pub const fn pursuit(&self) -> &Pursuit {
        &self.pursuit
    }

    /// Returns the position in an instrument; zero if there is none.
    #[must_use]
    pub fn position(&self, instrument: InstrumentId) -> Position {
        let found = self.positions.binary_search_by_key(&instrument, |(held, _)| *held);
        found.ok().and_then(|at| self.positions.get(at)).map_or(Position::default(), |(_, p)| *p)
    }

    /// Returns the positions that are not zero, ascending by instrument.
    #[must_use]
    pub fn positions(&self) -> &[(InstrumentId, Position)] {
        &self.positions
    }

    /// Returns the open orders.
    #[must_use]
    pub const fn orders(&self) -> &OpenOrders {
        &self.orders
    }

    /// Returns what was counted of an open order against the cap of the session key that sent it, if it was.
    ///
    /// spec 0027-ACC-017.
    #[must_use]
    pub fn charge(&self, order: OrderId) -> Option<Charge> {
        self.charges.get(&order).copied()
    }

    /// Returns the compartments whose insurance funds answer for the account, with what they may still pay.
    ///
    /// spec 0021-FALL-009.
    #[must_use]
    pub const fn exposed(&self) -> &BTreeMap<UnderlyingId, Allowance> {
        &self.exposed
    }

    /// Returns what the account has brought of an asset and not taken out.
    ///
    /// spec 0025-BLOCK-041.
    pub fn brought(&self, asset: AssetId) -> Amount {
        let found = self.brought.binary_search_by_key(&asset, |(held, _)| *held);
        found.ok().and_then(|at| self.brought.get(at)).map_or(Amount::ZERO, |(_, amount)| *amount)
    }

    /// Returns all that the account has brought and not taken out, ascending by asset.
    pub fn all_brought(&self) -> &[(AssetId, Amount)] {
        &self.brought
    }

    pub(crate) fn bring(&mut self, asset: AssetId, amount: Amount) -> Result<(), Fault> {
        let sum = self.brought(asset).plus(amount).map_err(Fault::at("what was brought"))?;
        self.set_brought(asset, sum);
        Ok(())
    }

    /// Takes some of what was brought out of it, as much as there is, and returns how much.
    pub(crate) fn take_brought(&mut self, asset: AssetId, amount: Amount) -> Result<Amount, Fault> {
        let brought = self.brought(asset);
        let taken = brought.lesser(amount);
        self.set_brought(asset, brought.minus(taken).map_err(Fault::at("what was brought"))?);
        Ok(taken)
    }

    fn set_brought(&mut self, asset: AssetId, amount: Amount) {
        let found = self.brought.binary_search_by_key(&asset, |(held, _)| *held);
        match (found, amount == Amount::ZERO) {
            (Ok(at), true) => drop(self.brought.remove(at)),
            (Ok(at), false) => {
                if let Some((_, held)) = self.brought.get_mut(at) {
                    *held = amount;
                }
            }
            (Err(_), true) => {}
            (Err(at), false) => self.brought.insert(at, (asset, amount)),
        }
    }

    pub(crate) fn expose(&mut self, underlying: UnderlyingId) {
        self.exposed.entry(underlying).or_default();
    }

    /// Notes what the fund of a compartment may still pay for the account.
    pub(crate) fn set_allowance(&mut self, fund: UnderlyingId, allowance: Allowance) {
        self.exposed.insert(fund, allowance);
    }

    /// Forgets past exposure, once the account holds nothing and owes nothing; returns whether there was any.
    pub(crate) fn acquit(&mut self) -> bool {
        !std::mem::take(&mut self.exposed).is_empty()
    }

    pub(crate) fn set_position(&mut self, instrument: InstrumentId, position: Position) {
        let found = self.positions.binary_search_by_key(&instrument, |(held, _)| *held);
        match (found, position == Position::default()) {
            (Ok(at), true) => {
                self.positions.remove(at);
                self.pursuit.unfilled.remove(&instrument);
                self.pursuit.passed.remove(&instrument);
            }
            (Ok(at), false) => {
                if let Some((_, held)) = self.positions.get_mut(at) {
                    *held = position;
                }
            }
            (Err(_), true) => {}
            (Err(at), false) => self.positions.insert(at, (instrument, position)),
        }
    }

    /// Returns the markets and sides on which the account has open orders, ascending, with their sums.
    pub(crate) fn sides(&self) -> impl Iterator<Item = ((InstrumentId, Side), SideOrders)> + '_ {
        self.sides.iter()
    }

    /// Returns the sum of the open orders on one side of a market.
    pub(crate) fn side(&self, instrument: InstrumentId, side: Side) -> SideOrders {
        self.sides.get((instrument, side)).copied().unwrap_or_default()
    }

    /// Sums the open orders again, so that the bounds on their limits are the limits themselves.
    pub(crate) fn sum_again(&mut self) -> Result<(), Fault> {
        self.sides.clear();
        for open in self.orders.values() {
            self.sides.add(&open)?;
        }
        Ok(())
    }

    /// Adds an order that has entered a book.
    fn open_order(&mut self, order: OrderId, open: OpenOrder) -> Result<(), Fault> {
        self.orders.insert(order, open)?;
        self.sides.add(&open)
    }

    /// Sets the lots left of an order; at zero it is closed and returned.
    fn leave(&mut self, order: OrderId, lots: Lots) -> Result<Option<OpenOrder>, Fault> {
        let Some(open) = self.orders.get(order) else { return Ok(None) };
        self.sides.leave(&open, lots)?;
        if lots > Lots::ZERO {
            return self.orders.set_lots(order, lots).map(|()| None);
        }
        self.orders.remove(order);
        Ok(Some(open))
    }

    fn image(&self) -> AccountImage {
        AccountImage {
            id: self.id,
            positions: self.positions.clone(),
            orders: self.orders.sorted().into_iter().collect(),
            charges: self.charges.clone(),
            exposed: self.exposed.clone(),
            brought: self.brought.clone(),
            called: self.called,
            short_since: self.short_since,
            pursuit: self.pursuit.clone(),
        }
    }
}

/// Equal if they are written alike.
impl PartialEq for Account {
    fn eq(&self, other: &Self) -> bool {
        self.image() == other.image()
    }
}

impl Eq for Account {}

/// An account as it is written: what can be summed again is not.
#[derive(Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct AccountImage {
    id: AccountId,
    positions: Vec<(InstrumentId, Position)>,
    orders: BTreeMap<OrderId, OpenOrder>,
    charges: BTreeMap<OrderId, Charge>,
    exposed: BTreeMap<UnderlyingId, Allowance>,
    brought: Vec<(AssetId, Amount)>,
    called: bool,
    short_since: Option<BlockTime>,
    pursuit: Pursuit,
}

impl BorshSerialize for Account {
    fn serialize<W: Write>(&self, writer: &mut W) -> borsh::io::Result<()> {
        self.image().serialize(writer)
    }
}

impl BorshDeserialize for Account {
    fn deserialize_reader<R: Read>(reader: &mut R) -> borsh::io::Result<Self> {
        let image = AccountImage::deserialize_reader(reader)?;
        let mut account = Self::new(image.id);
        (account.positions, account.exposed) = (image.positions, image.exposed);
        (account.called, account.short_since) = (image.called, image.short_since);
        let sound = image.brought.is_sorted_by(|(a, _), (b, _)| a < b)
            && image.brought.iter().all(|(_, amount)| *amount > Amount::ZERO);
        if !sound {
            return Err(Error::new(ErrorKind::InvalidData, "what was brought is out of order"));
        }
        let charged = |(order, charge): (&OrderId, &Charge)| {
            image.orders.get(order).is_some_and(|open| charge.is_sound(open.lots))
        };
        if !image.charges.iter().all(charged) {
            return Err(Error::new(ErrorKind::InvalidData, "what was counted is of no open order"));
        }
        account.charges = image.charges;
        account.brought = image.brought;
        account.pursuit = image.pursuit;
        for (order, open) in image.orders {
            let opened = account.open_order(order, open);
            opened.map_err(|fault| Error::new(ErrorKind::InvalidData, fault.to_string()))?;
        }
        Ok(account)
    }
}

/// The open orders of all accounts of one owner.
#[derive(Debug, Clone, Default)]
struct OwnerOrders {
    all: u32,
    /// By instrument, ascending; none of zero.
    books: Vec<(InstrumentId, u32)>,
}

impl OwnerOrders {
    fn of(&self, instrument: InstrumentId) -> u32 {
        let found = self.books.binary_search_by_key(&instrument, |(held, _)| *held);
        found.ok().and_then(|at| self.books.get(at)).map_or(0, |(_, count)| *count)
    }

    fn add(&mut self, instrument: InstrumentId, more: u32) {
        self.all = self.all.saturating_add(more);
        match self.books.binary_search_by_key(&instrument, |(held, _)| *held) {
            Ok(at) => {
                if let Some((_, count)) = self.books.get_mut(at) {
                    *count = count.saturating_add(more);
                }
            }
            Err(at) => self.books.insert(at, (instrument, more)),
        }
    }

    fn remove(&mut self, instrument: InstrumentId) {
        self.all = self.all.saturating_sub(1);
        let Ok(at) = self.books.binary_search_by_key(&instrument, |(held, _)| *held) else {
            return;
        };
        if let Some((_, count)) = self.books.get_mut(at) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.books.remove(at);
            }
        }
    }
}

/// All accounts, by index.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    indices: BTreeMap<AccountId, AccountIndex>,
    /// The accounts by a digest of their names; of those that share one, the first.
    digests: Table,
    list: Vec<Account>,
    /// What the accounts of each owner add up to: not written, but summed again.
    owners: Vec<OwnerOrders>,
}

impl Accounts {
    /// Returns the index of an account.
    #[must_use]
    pub fn index(&self, id: AccountId) -> Option<AccountIndex> {
        let index = AccountIndex::new(self.digests.get(digest(id))?);
        match self.get(index) {
            Some(found) if found.id == id => Some(index),
            // Somebody has taken great pains to find two names with one digest.
            _ => self.indices.get(&id).copied(),
        }
    }

    /// Returns an account.
    #[must_use]
    pub fn get(&self, index: AccountIndex) -> Option<&Account> {
        self.list.get(usize::try_from(index.get()).ok()?)
    }

    pub(crate) fn get_mut(&mut self, index: AccountIndex) -> Option<&mut Account> {
        self.list.get_mut(usize::try_from(index.get()).ok()?)
    }

    /// Returns the accounts of an owner, ascending by sub-account.
    pub fn of_owner(&self, owner: Address) -> impl Iterator<Item = AccountIndex> + '_ {
        let of = |sub| AccountId { owner, sub };
        self.indices.range(of(0)..=of(u16::MAX)).map(|(_, index)| *index)
    }

    /// Returns every account, ascending by index.
    pub fn iter(&self) -> impl Iterator<Item = (AccountIndex, &Account)> + '_ {
        (0u32..).map(AccountIndex::new).zip(self.list.iter())
    }

    /// Returns the number of accounts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Returns whether there is no account.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds an account under the index that the ledger gave it.
    pub(crate) fn open(&mut self, id: AccountId, index: AccountIndex) {
        self.push(index, Account::new(id));
    }

    /// Returns how many orders the accounts of an account's owner have open, in a book and in all.
    #[must_use]
    pub fn orders_of_owner(&self, index: AccountIndex, instrument: InstrumentId) -> (u32, u32) {
        let owner = self.get(index).and_then(|account| self.owners.get(account.owner));
        owner.map_or((0, 0), |owner| (owner.of(instrument), owner.all))
    }

    /// Adds an order that has entered a book, or waits.
    pub(crate) fn open_order(
        &mut self,
        index: AccountIndex,
        order: OrderId,
        open: OpenOrder,
    ) -> Result<(), Fault> {
        let held = self.get_mut(index).ok_or(Fault::Missing("account"))?;
        held.open_order(order, open)?;
        let owner = held.owner;
        let owner = self.owners.get_mut(owner).ok_or(Fault::Missing("owner of an account"))?;
        owner.add(open.instrument, 1);
        Ok(())
    }

    /// Sets the lots left of an order; at zero it is closed and returned.
    pub(crate) fn leave(
        &mut self,
        index: AccountIndex,
        order: OrderId,
        lots: Lots,
    ) -> Result<Option<OpenOrder>, Fault> {
        let held = self.get_mut(index).ok_or(Fault::Missing("account"))?;
        let Some(closed) = held.leave(order, lots)? else { return Ok(None) };
        let owner = held.owner;
        let owner = self.owners.get_mut(owner).ok_or(Fault::Missing("owner of an account"))?;
        owner.remove(closed.instrument);
        Ok(Some(closed))
    }

    /// Notes what was counted of an open order against the cap of a session key.
    pub(crate) fn set_charge(
        &mut self,
        index: AccountIndex,
        order: OrderId,
        charge: Charge,
    ) -> Result<(), Fault> {
        let held = self.get_mut(index).ok_or(Fault::Missing("account"))?;
        held.charges.insert(order, charge);
        Ok(())
    }

    /// Forgets what was counted of an order, and returns it with the owner of the account.
    pub(crate) fn take_charge(
        &mut self,
        index: AccountIndex,
        order: OrderId,
    ) -> Option<(Address, Charge)> {
        let held = self.get_mut(index)?;
        Some((held.id.owner, held.charges.remove(&order)?))
    }

    fn push(&mut self, index: AccountIndex, mut account: Account) {
        let sibling = self.of_owner(account.id.owner).next().and_then(|index| self.get(index));
        account.owner = sibling.map_or(self.owners.len(), |sibling| sibling.owner);
        if account.owner == self.owners.len() {
            self.owners.push(OwnerOrders::default());
        }
        if let Some(owner) = self.owners.get_mut(account.owner) {
            for ((instrument, _), side) in account.sides() {
                owner.add(instrument, side.count);
            }
        }
        let digest = digest(account.id);
        if self.digests.get(digest).is_none() {
            self.digests.insert(digest, index.get());
        }
        self.indices.insert(account.id, index);
        self.list.push(account);
    }
}

/// Returns a number for a name, another for nearly every name.
fn digest(id: AccountId) -> u64 {
    let words = id.owner.bytes().chunks(8);
    let word = |bytes: &[u8]| bytes.iter().fold(0_u64, |word, byte| (word << 8) | u64::from(*byte));
    words.fold(u64::from(id.sub), |digest, bytes| digest.rotate_left(16) ^ word(bytes))
}

impl PartialEq for Accounts {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list
    }
}

impl Eq for Accounts {}

/// Accounts are written with their names beside, ascending.
impl BorshSerialize for Accounts {
    fn serialize<W: Write>(&self, writer: &mut W) -> borsh::io::Result<()> {
        self.indices.serialize(writer)?;
        self.list.serialize(writer)
    }
}

impl BorshDeserialize for Accounts {
    fn deserialize_reader<R: Read>(reader: &mut R) -> borsh::io::Result<Self> {
        let indices = BTreeMap::<AccountId, AccountIndex>::deserialize_reader(reader)?;
        let mut accounts = Self::default();
        for (index, account) in (0u32..).zip(Vec::<Account>::deserialize_reader(reader)?) {
            accounts.push(AccountIndex::new(index), account);
        }
        match accounts.indices == indices {
            true => Ok(accounts),
            false => Err(Error::new(ErrorKind::InvalidData, "names and accounts do not agree")),
        }
    }
}
