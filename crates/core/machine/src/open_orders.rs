//! The open orders of one account, found by the house's number or by the client's.

use crate::account::{OpenOrder, Origin};
use places::{NIL, Slab, Table};
use protocol::{ClientOrderId, Fault, OrderId};

/// Open orders by number.
#[derive(Debug, Clone, Default)]
pub struct OpenOrders {
    orders: Slab<(OrderId, OpenOrder)>,
    numbers: Table,
    /// The client's numbers of its orders; those of mass quotes and of the house have none.
    clients: Table,
}

impl OpenOrders {
    /// Returns how many orders there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Returns whether there is no order.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Returns an order.
    #[must_use]
    pub fn get(&self, order: OrderId) -> Option<&OpenOrder> {
        self.orders.get(self.numbers.get(order.get())?).map(|(_, open)| open)
    }

    /// Returns whether a client's number is in use.
    #[must_use]
    pub fn has_client(&self, client: ClientOrderId) -> bool {
        self.clients.get(client.get()).is_some()
    }

    /// Returns the orders, of no meaning in their sequence: for what depends on none.
    pub fn values(&self) -> impl Iterator<Item = &OpenOrder> {
        self.orders.values().map(|(_, open)| open)
    }

    /// Returns the orders ascending by number: as they came.
    #[must_use]
    pub fn sorted(&self) -> Vec<(OrderId, OpenOrder)> {
        let mut sorted: Vec<(OrderId, OpenOrder)> = self.orders.values().copied().collect();
        sorted.sort_unstable_by_key(|(order, _)| *order);
        sorted
    }

    /// Adds an order whose numbers are not in use.
    pub(crate) fn insert(&mut self, order: OrderId, open: OpenOrder) -> Result<(), Fault> {
        let client = match open.origin {
            Origin::Order(client) => Some(client),
            Origin::Quote | Origin::Liquidation => None,
        };
        if self.get(order).is_some() || client.is_some_and(|client| self.has_client(client)) {
            return Err(Fault::Invariant("the numbers of an order are used once"));
        }
        let place = self.orders.insert((order, open));
        if place == NIL {
            return Err(Fault::Invariant("an account has a place for every order"));
        }
        self.numbers.insert(order.get(), place);
        if let Some(client) = client {
            self.clients.insert(client.get(), place);
        }
        Ok(())
    }

    /// Returns an order, to change what is left of it.
    pub(crate) fn get_mut(&mut self, order: OrderId) -> Option<&mut OpenOrder> {
        self.orders.get_mut(self.numbers.get(order.get())?).map(|(_, open)| open)
    }

    /// Removes an order.
    pub(crate) fn remove(&mut self, order: OrderId) {
        let removed = self.numbers.remove(order.get()).and_then(|place| self.orders.remove(place));
        if let Some((_, OpenOrder { origin: Origin::Order(client), .. })) = removed {
            self.clients.remove(client.get());
        }
    }
}
