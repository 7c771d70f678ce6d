//! Accounts: names, positions and open orders.

use crate::insurance::Allowance;
use borsh::io::{Error, ErrorKind, Read, Write};
use borsh::{BorshDeserialize, BorshSerialize};
use clearing::Position;
use protocol::{
    AccountId, AccountIndex, Address, ClientOrderId, Fault, InstrumentId, OrderId, Side,
    UnderlyingId,
};
use std::collections::btree_map::{BTreeMap, Entry};
use units::{Lots, Price};

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

/// The open orders of an account on one side of one market, summed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SideOrders {
    /// Lots left of all of them.
    pub(crate) lots: Lots,
    /// How many are reduce-only.
    pub(crate) reduce_only: usize,
    /// How many the house liquidates with.
    pub(crate) of_house: usize,
    count: usize,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub id: AccountId,
    /// Positions that are not zero, ascending by instrument.
    positions: Vec<(InstrumentId, Position)>,
    /// Open orders.
    orders: BTreeMap<OrderId, OpenOrder>,
    /// The client's numbers of its open orders.
    clients: BTreeMap<ClientOrderId, OrderId>,
    /// Its open orders by market and side: what `orders` adds up to.
    sides: BTreeMap<(InstrumentId, Side), SideOrders>,
    /// Compartments that it has been exposed to since it last owed nothing and held nothing: their funds answer for it,
    /// each with what it may still pay at this event.
    exposed: BTreeMap<UnderlyingId, Allowance>,
    /// Whether the account is under a margin call.
    pub called: bool,
}

impl Account {
    /// Returns an account that holds nothing.
    #[must_use]
    pub fn new(id: AccountId) -> Self {
        Self {
            id,
            positions: Vec::new(),
            orders: BTreeMap::new(),
            clients: BTreeMap::new(),
            sides: BTreeMap::new(),
            exposed: BTreeMap::new(),
            called: false,
        }
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

    /// Returns the open orders, ascending.
    #[must_use]
    pub const fn orders(&self) -> &BTreeMap<OrderId, OpenOrder> {
        &self.orders
    }

    /// Returns whether the client's number is in use.
    #[must_use]
    pub fn has_client(&self, client: ClientOrderId) -> bool {
        self.clients.contains_key(&client)
    }

    /// Returns the compartments whose insurance funds answer for the account, with what they may still pay.
    ///
    /// spec 0021-FALL-009.
    #[must_use]
    pub const fn exposed(&self) -> &BTreeMap<UnderlyingId, Allowance> {
        &self.exposed
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
            (Ok(at), true) => drop(self.positions.remove(at)),
            (Ok(at), false) => {
                if let Some((_, held)) = self.positions.get_mut(at) {
                    *held = position;
                }
            }
            (Err(_), true) => {}
            (Err(at), false) => self.positions.insert(at, (instrument, position)),
        }
    }

    /// Returns the markets and sides on which the account has open orders, ascending.
    pub(crate) fn sides(&self) -> impl Iterator<Item = (InstrumentId, Side)> + '_ {
        self.sides.keys().copied()
    }

    /// Returns the sum of the open orders on one side of a market.
    pub(crate) fn side(&self, instrument: InstrumentId, side: Side) -> SideOrders {
        self.sides.get(&(instrument, side)).copied().unwrap_or_default()
    }

    /// Adds an order that has entered a book.
    pub(crate) fn open_order(&mut self, order: OrderId, open: OpenOrder) -> Result<(), Fault> {
        let side = self.sides.entry((open.instrument, open.side)).or_default();
        side.lots = side.lots.plus(open.lots).map_err(Fault::at("sum of open orders"))?;
        side.count = side.count.saturating_add(1);
        side.reduce_only = side.reduce_only.saturating_add(usize::from(open.reduce_only));
        side.of_house = side.of_house.saturating_add(usize::from(open.is_of_house()));
        if let Origin::Order(client) = open.origin {
            self.clients.insert(client, order);
        }
        self.orders.insert(order, open);
        Ok(())
    }

    /// Sets the lots left of an order; at zero it is closed and returned.
    pub(crate) fn leave(&mut self, order: OrderId, lots: Lots) -> Result<Option<OpenOrder>, Fault> {
        let at = || Fault::at("sum of open orders");
        let Entry::Occupied(mut entry) = self.orders.entry(order) else { return Ok(None) };
        let open = *entry.get();
        let key = (open.instrument, open.side);
        let side = self.sides.get_mut(&key).ok_or(Fault::Missing("sum of open orders"))?;
        let gone = open.lots.minus(lots).map_err(at())?;
        side.lots = side.lots.minus(gone).map_err(at())?;
        if lots > Lots::ZERO {
            entry.get_mut().lots = lots;
            return Ok(None);
        }
        side.count = side.count.saturating_sub(1);
        side.reduce_only = side.reduce_only.saturating_sub(usize::from(open.reduce_only));
        side.of_house = side.of_house.saturating_sub(usize::from(open.is_of_house()));
        if side.count == 0 {
            self.sides.remove(&key);
        }
        entry.remove();
        if let Origin::Order(client) = open.origin {
            self.clients.remove(&client);
        }
        Ok(Some(open))
    }
}

/// An account as it is written: what can be summed again is not.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
struct AccountImage {
    id: AccountId,
    positions: Vec<(InstrumentId, Position)>,
    orders: BTreeMap<OrderId, OpenOrder>,
    exposed: BTreeMap<UnderlyingId, Allowance>,
    called: bool,
}

impl BorshSerialize for Account {
    fn serialize<W: Write>(&self, writer: &mut W) -> borsh::io::Result<()> {
        let (positions, orders) = (self.positions.clone(), self.orders.clone());
        let (id, exposed, called) = (self.id, self.exposed.clone(), self.called);
        AccountImage { id, positions, orders, exposed, called }.serialize(writer)
    }
}

impl BorshDeserialize for Account {
    fn deserialize_reader<R: Read>(reader: &mut R) -> borsh::io::Result<Self> {
        let image = AccountImage::deserialize_reader(reader)?;
        let mut account = Self::new(image.id);
        (account.positions, account.exposed) = (image.positions, image.exposed);
        account.called = image.called;
        for (order, open) in image.orders {
            let opened = account.open_order(order, open);
            opened.map_err(|fault| Error::new(ErrorKind::InvalidData, fault.to_string()))?;
        }
        Ok(account)
    }
}

/// All accounts, by index.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Accounts {
    indices: BTreeMap<AccountId, AccountIndex>,
    list: Vec<Account>,
}

impl Accounts {
    /// Returns the index of an account.
    #[must_use]
    pub fn index(&self, id: AccountId) -> Option<AccountIndex> {
        self.indices.get(&id).copied()
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
        self.indices.insert(id, index);
        self.list.push(Account::new(id));
    }
}
