//! The open orders of one account, found by the house's number or by the client's.

use crate::state::account::{OpenOrder, Origin};
use places::{NIL, Slab, Table};
use protocol::{ClientOrderId, Fault, InstrumentId, OrderId, Side};
use units::{Lots, Price};

/// An order as it is kept: 48 bytes, where its numbers as they are computed with would take eighty.
#[derive(Debug, Clone, Copy)]
struct Kept {
    order: OrderId,
    price: i64,
    origin: Origin,
    lots: u32,
    instrument: InstrumentId,
    side: Side,
    reduce_only: bool,
}

impl Kept {
    fn new(order: OrderId, open: &OpenOrder) -> Result<Self, Fault> {
        let outside = |_| Fault::Invariant("an open order is inside the limits");
        let OpenOrder { instrument, side, origin, reduce_only, .. } = *open;
        let price = i64::try_from(open.price.micros()).map_err(outside)?;
        let lots = u32::try_from(open.lots.count()).map_err(outside)?;
        Ok(Self { order, price, origin, lots, instrument, side, reduce_only })
    }

    fn open(&self) -> OpenOrder {
        let Self { instrument, side, origin, reduce_only, .. } = *self;
        let price = Price::from_micros(i128::from(self.price));
        let lots = Lots::from_count(i128::from(self.lots));
        OpenOrder { instrument, side, price, lots, origin, reduce_only }
    }
}

/// Open orders by number.
#[derive(Debug, Clone, Default)]
pub struct OpenOrders {
    orders: Slab<Kept>,
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
    pub fn get(&self, order: OrderId) -> Option<OpenOrder> {
        self.orders.get(self.numbers.get(order.get())?).map(Kept::open)
    }

    /// Returns whether a client's number is in use.
    #[must_use]
    pub fn has_client(&self, client: ClientOrderId) -> bool {
        self.clients.get(client.get()).is_some()
    }

    /// Returns the orders, of no meaning in their sequence: for what depends on none.
    pub fn values(&self) -> impl Iterator<Item = OpenOrder> {
        self.orders.values().map(Kept::open)
    }

    /// Returns the orders ascending by number: as they came.
    #[must_use]
    pub fn sorted(&self) -> Vec<(OrderId, OpenOrder)> {
        let orders = self.orders.values().map(|kept| (kept.order, kept.open()));
        let mut sorted: Vec<(OrderId, OpenOrder)> = orders.collect();
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
        let place = self.orders.insert(Kept::new(order, &open)?);
        if place == NIL {
            return Err(Fault::Invariant("an account has a place for every order"));
        }
        self.numbers.insert(order.get(), place);
        if let Some(client) = client {
            self.clients.insert(client.get(), place);
        }
        Ok(())
    }

    /// Sets the lots left of an order.
    pub(crate) fn set_lots(&mut self, order: OrderId, lots: Lots) -> Result<(), Fault> {
        let missing = || Fault::Missing("open order");
        let place = self.numbers.get(order.get()).ok_or_else(missing)?;
        let kept = self.orders.get_mut(place).ok_or_else(missing)?;
        let outside = |_| Fault::Invariant("an open order is inside the limits");
        kept.lots = u32::try_from(lots.count()).map_err(outside)?;
        Ok(())
    }

    /// Removes an order.
    pub(crate) fn remove(&mut self, order: OrderId) {
        let removed = self.numbers.remove(order.get()).and_then(|place| self.orders.remove(place));
        if let Some(Kept { origin: Origin::Order(client), .. }) = removed {
            self.clients.remove(client.get());
        }
    }
}

const _: () = assert!(size_of::<Option<Kept>>() == 48);
