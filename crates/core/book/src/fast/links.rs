//! The few places that change how orders, levels and accounts hang together.

use super::FastBook;
use super::parts::{LevelSlot, Order, Owner, ranks_cross};
use crate::Open;
use places::NIL;
use protocol::{AccountIndex, Fault, Side};

impl FastBook {
    /// Stores an order that is neither in a level nor in the batch yet, and returns its place.
    pub(super) fn put_in(&mut self, open: &Open) -> Result<u32, Fault> {
        let outside = |_| Fault::Invariant("an order of a book is inside the limits");
        let order = Order {
            owner: self.owner(open.account),
            number: open.order.get(),
            price: i64::try_from(open.price.micros()).map_err(outside)?,
            arrived: i64::try_from(open.arrived.blocks()).map_err(outside)?,
            lots: u32::try_from(open.lots.count()).map_err(outside)?,
            account: open.account.get(),
            level: NIL,
            prev: NIL,
            next: NIL,
            own_prev: NIL,
            own_next: NIL,
            batch_at: NIL,
            side: open.side,
            time_in_force: open.time_in_force,
        };
        let place = self.orders.insert(order);
        if place == NIL {
            return Err(Fault::Invariant("a book has a place for every order it admits"));
        }
        self.numbers.insert(order.number, place);
        if order.may_rest() {
            let resting = self.resting.of_mut(order.side);
            *resting = resting.saturating_add(1);
        }
        self.own(place, &order);
        Ok(place)
    }

    /// Returns an account's place among the owners, a new one for its first order.
    fn owner(&mut self, account: AccountIndex) -> u32 {
        let account = account.get().into();
        self.accounts.get(account).unwrap_or_else(|| {
            let at = self.owners.insert(Owner::default());
            self.accounts.insert(account, at);
            at
        })
    }

    /// Links an order in front of its account's orders of its side.
    fn own(&mut self, place: u32, order: &Order) {
        let Some(owner) = self.owners.get_mut(order.owner) else {
            self.broken = true;
            return;
        };
        owner.orders = owner.orders.saturating_add(1);
        let own = owner.own.of_mut(order.side);
        own.best = own.best.min(order.rank());
        let next = std::mem::replace(&mut own.first, place);
        self.link(next, |order| order.own_prev = place);
        self.link(place, |order| order.own_next = next);
    }

    /// Links an order into the level of its price, behind those that came before it.
    pub(super) fn stand(&mut self, place: u32) {
        let Some(&order) = self.orders.get(place) else {
            self.broken = true;
            return;
        };
        let ladder = self.ladders.of_mut(order.side);
        let at = *ladder.ranks.entry(order.rank()).or_insert_with(|| {
            ladder.kept.note(order.rank());
            self.levels.insert(LevelSlot {
                price: order.price,
                lots: 0,
                count: 0,
                first: NIL,
                last: NIL,
                hash: None,
            })
        });
        let Some(level) = self.levels.get_mut(at) else {
            self.broken = true;
            return;
        };
        level.lots = level.lots.saturating_add(order.size());
        level.count = level.count.saturating_add(1);
        if level.hash.take().is_some() {
            ladder.kept.note(order.rank());
        }
        // Numbers ascend, so an order finds its place at the end; where they do not, it is looked for.
        let mut prev = level.last;
        while let Some(before) = self.orders.get(prev)
            && (before.arrived, before.number) > (order.arrived, order.number)
        {
            prev = before.prev;
        }
        let next = match self.orders.get(prev) {
            Some(before) => before.next,
            None => level.first,
        };
        if prev == NIL {
            level.first = place;
        }
        if next == NIL {
            level.last = place;
        }
        self.link(prev, |order| order.next = place);
        self.link(next, |order| order.prev = place);
        self.link(place, |order| {
            order.level = at;
            order.prev = prev;
            order.next = next;
        });
    }

    /// Takes an order out of everything and returns it as it was.
    pub(super) fn take_out(&mut self, place: u32) -> Option<Open> {
        let order = self.orders.remove(place)?;
        self.broken |= self.numbers.remove(order.number) != Some(place);
        if order.may_rest() {
            let resting = self.resting.of_mut(order.side);
            *resting = resting.saturating_sub(1);
        }
        if order.is_taker() {
            self.takers = self.takers.saturating_sub(1);
        }
        if order.batch_at != NIL {
            self.leave_batch(order.batch_at);
        }
        if order.level != NIL {
            self.leave_level(&order);
        }
        self.disown(&order);
        Some(order.open())
    }

    /// Changes the lots left of an order.
    pub(super) fn set_lots(&mut self, place: u32, lots: u32) {
        let Some(order) = self.orders.get_mut(place) else {
            self.broken = true;
            return;
        };
        let before = std::mem::replace(&mut order.lots, lots);
        if let Some(level) = self.levels.get_mut(order.level) {
            level.lots = level.lots.saturating_sub(before.into()).saturating_add(lots.into());
            if level.hash.take().is_some() {
                self.ladders.of_mut(order.side).kept.note(order.rank());
            }
        }
    }

    /// Makes the bound on the best rank of an account's orders of a side exact, if an order just admitted crosses it: it
    /// crosses none of the orders any more.
    pub(super) fn tighten(&mut self, owner: u32, side: Side, admitted: i64) {
        let Some(own) = self.owners.get(owner).map(|held| *held.own.of(side)) else { return };
        if !ranks_cross(admitted, own.best) {
            return;
        }
        let best = self.own_from(own.first).map(Order::rank).min().unwrap_or(i64::MAX);
        if let Some(held) = self.owners.get_mut(owner) {
            held.own.of_mut(side).best = best;
        }
    }

    fn leave_batch(&mut self, at: u32) {
        if let Some(place) = self.batch.get_mut(places::index(at)) {
            *place = NIL;
        }
    }

    fn leave_level(&mut self, order: &Order) {
        self.link(order.prev, |prev| prev.next = order.next);
        self.link(order.next, |next| next.prev = order.prev);
        let Some(level) = self.levels.get_mut(order.level) else {
            self.broken = true;
            return;
        };
        level.lots = level.lots.saturating_sub(order.size());
        level.count = level.count.saturating_sub(1);
        let ladder = self.ladders.of_mut(order.side);
        if level.hash.take().is_some() {
            ladder.kept.note(order.rank());
        }
        if order.prev == NIL {
            level.first = order.next;
        }
        if order.next == NIL {
            level.last = order.prev;
        }
        if level.count == 0 {
            self.broken |= level.first != NIL || level.last != NIL || level.lots != 0;
            self.levels.remove(order.level);
            let at = ladder.ranks.remove(&order.rank());
            self.broken |= at != Some(order.level);
        }
    }

    fn disown(&mut self, order: &Order) {
        self.link(order.own_prev, |prev| prev.own_next = order.own_next);
        self.link(order.own_next, |next| next.own_prev = order.own_prev);
        let Some(owner) = self.owners.get_mut(order.owner) else {
            self.broken = true;
            return;
        };
        owner.orders = owner.orders.saturating_sub(1);
        let own = owner.own.of_mut(order.side);
        if order.own_prev == NIL {
            own.first = order.own_next;
        }
        if own.first == NIL {
            own.best = i64::MAX;
        }
        if owner.orders == 0 {
            self.owners.remove(order.owner);
            self.broken |= self.accounts.remove(order.account.into()) != Some(order.owner);
        }
    }

    /// Changes an order that a link leads to; nothing for a link that ends.
    fn link(&mut self, place: u32, change: impl FnOnce(&mut Order)) {
        match self.orders.get_mut(place) {
            Some(order) => change(order),
            None => self.broken |= place != NIL,
        }
    }
}
