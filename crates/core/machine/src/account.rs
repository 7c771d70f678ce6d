//! Accounts: names, positions and open orders.

use borsh::{BorshDeserialize, BorshSerialize};
use clearing::Position;
use protocol::{AccountId, AccountIndex, ClientOrderId, InstrumentId, OrderId, Side, UnderlyingId};
use std::collections::{BTreeMap, BTreeSet};
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

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Account {
    /// Its name.
    pub id: AccountId,
    /// Positions that are not zero, ascending by instrument.
    positions: Vec<(InstrumentId, Position)>,
    /// Open orders.
    orders: BTreeMap<OrderId, OpenOrder>,
    /// The client's numbers of its open orders.
    clients: BTreeMap<ClientOrderId, OrderId>,
    /// Compartments that it has been exposed to since it last owed nothing and held nothing: their funds answer for it.
    exposed: BTreeSet<UnderlyingId>,
    /// Whether the account is under a margin call.
    pub called: bool,
}

impl Account {
    /// Returns an account that holds nothing.
    #[must_use]
    pub fn new(id: AccountId) -> Self {
        let (orders, clients, exposed) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Self { id, positions: Vec::new(), orders, clients, exposed, called: false }
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

    /// Returns the compartments whose insurance funds answer for the account.
    #[must_use]
    pub const fn exposed(&self) -> &BTreeSet<UnderlyingId> {
        &self.exposed
    }

    pub(crate) fn expose(&mut self, underlying: UnderlyingId) {
        self.exposed.insert(underlying);
    }

    /// Forgets past exposure, once the account holds nothing and owes nothing.
    pub(crate) fn acquit(&mut self) {
        self.exposed.clear();
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

    pub(crate) fn open_order(&mut self, order: OrderId, open: OpenOrder) {
        if let Origin::Order(client) = open.origin {
            self.clients.insert(client, order);
        }
        self.orders.insert(order, open);
    }

    /// Sets the lots left of an order; at zero it is closed and returned.
    pub(crate) fn leave(&mut self, order: OrderId, lots: Lots) -> Option<OpenOrder> {
        if lots > Lots::ZERO {
            if let Some(open) = self.orders.get_mut(&order) {
                open.lots = lots;
            }
            return None;
        }
        let closed = self.orders.remove(&order)?;
        if let Origin::Order(client) = closed.origin {
            self.clients.remove(&client);
        }
        Some(closed)
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
