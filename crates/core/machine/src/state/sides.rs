//! The open orders of one account, summed by market and side.

use crate::state::account::OpenOrder;
use protocol::{Fault, InstrumentId, Side};
use units::{Lots, Price};

/// The open orders of an account on one side of one market, summed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SideOrders {
    /// Lots left of all of them.
    pub(crate) lots: Lots,
    /// A limit that none of them is below, and one that none is above: an order that leaves does not move them.
    pub(crate) lowest: Price,
    pub(crate) highest: Price,
    /// How many there are.
    pub(crate) count: u32,
    /// How many are reduce-only.
    pub(crate) reduce_only: u32,
    /// How many the house liquidates with.
    pub(crate) of_house: u32,
}

impl SideOrders {
    fn add(&mut self, open: &OpenOrder) -> Result<(), Fault> {
        let first = self.count == 0;
        self.lots = self.lots.plus(open.lots).map_err(Fault::at("sum of open orders"))?;
        self.lowest = if first { open.price } else { self.lowest.lesser(open.price) };
        self.highest = if first { open.price } else { self.highest.greater(open.price) };
        self.count = self.count.saturating_add(1);
        self.reduce_only = self.reduce_only.saturating_add(u32::from(open.reduce_only));
        self.of_house = self.of_house.saturating_add(u32::from(open.is_of_house()));
        Ok(())
    }
}

/// A market and a side of its book.
type Place = (InstrumentId, Side);

/// The sums of an account, ascending by market and side; none without an order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sides {
    /// Apart from the sums, so that a search reads one line of memory or two.
    places: Vec<Place>,
    sums: Vec<SideOrders>,
}

impl Sides {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Place, SideOrders)> + '_ {
        self.places.iter().copied().zip(self.sums.iter().copied())
    }

    pub(crate) fn get(&self, place: Place) -> Option<&SideOrders> {
        self.sums.get(self.places.binary_search(&place).ok()?)
    }

    pub(crate) fn clear(&mut self) {
        self.places.clear();
        self.sums.clear();
    }

    /// Adds an order to the sum of its side.
    pub(crate) fn add(&mut self, open: &OpenOrder) -> Result<(), Fault> {
        let place = (open.instrument, open.side);
        let at = self.places.binary_search(&place).unwrap_or_else(|at| {
            self.places.insert(at, place);
            self.sums.insert(at, SideOrders::default());
            at
        });
        self.sums.get_mut(at).ok_or(MISSING)?.add(open)
    }

    /// Takes an order of which some lots are left, or none, out of the sum of its side.
    pub(crate) fn leave(&mut self, open: &OpenOrder, left: Lots) -> Result<(), Fault> {
        let at = || Fault::at("sum of open orders");
        let place =
            self.places.binary_search(&(open.instrument, open.side)).map_err(|_| MISSING)?;
        let side = self.sums.get_mut(place).ok_or(MISSING)?;
        let gone = open.lots.minus(left).map_err(at())?;
        side.lots = side.lots.minus(gone).map_err(at())?;
        if left > Lots::ZERO {
            return Ok(());
        }
        side.count = side.count.saturating_sub(1);
        side.reduce_only = side.reduce_only.saturating_sub(u32::from(open.reduce_only));
        side.of_house = side.of_house.saturating_sub(u32::from(open.is_of_house()));
        if side.count == 0 {
            self.places.remove(place);
            self.sums.remove(place);
        }
        Ok(())
    }
}

const MISSING: Fault = Fault::Missing("sum of open orders");
