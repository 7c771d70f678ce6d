//! Level changes and trades as orders: what a matching engine can be driven with.
//!
//! The recordings show levels, not orders. The stream assumes:
//!
//! 1. Growth of a level is one new order behind those that rest there.
//! 2. Shrinkage comes off the newest orders first, because cancels come from the back of a queue more often than not.
//! 3. A trade is an aggressor with the trade's price as its limit, which never rests.
//!
//! A trade takes what the stream's own book holds, which may be less than what it took on the exchange: trades are
//! recorded as they happen, levels ten times a second. The next difference puts right every level that trades touched.
//!
//! **Invariant:** after each difference the orders of the stream add up to the rebuilt book, level by level; no placed
//! order crosses those that rest.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use units::{BlockTime, Lots, Num, Price, Quantity, Round};

use super::{BookRebuild, FlowMessage, FlowReader};
use crate::error::MarketError;
use crate::names::BookSide;

/// Number of an order of the stream, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowOrderId(pub u64);

/// What an action does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionKind {
    /// A new order rests.
    Place,
    /// A resting order loses part of its size and keeps its place.
    Reduce,
    /// A resting order is withdrawn.
    Cancel,
    /// An aggressor takes what rests at its limit or better; what it does not get lapses.
    Take {
        /// What it gets from the orders of this stream, by price and then by age.
        filled: Quantity,
    },
}

/// One action on an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderAction {
    /// When the message behind it was recorded.
    pub time: BlockTime,
    /// The order.
    pub order: FlowOrderId,
    /// Its side; an aggressor on the bid side takes asks.
    pub side: BookSide,
    /// Its price; the limit of an aggressor.
    pub price: Price,
    /// Size placed, taken off, withdrawn or asked for, in the market's size unit.
    pub quantity: Quantity,
    /// What happens.
    pub kind: ActionKind,
}

impl OrderAction {
    /// Returns the size as contracts of `contract_size`, in the market's size unit, rounded as told.
    ///
    /// # Errors
    ///
    /// [`MarketError::Arithmetic`] if the contract size is not above zero.
    pub fn lots(&self, contract_size: Quantity, round: Round) -> Result<Lots, MarketError> {
        let lots = self.quantity.number().mul_div(Num::new(1), contract_size.number(), round);
        lots.map(Lots::from_number).map_err(MarketError::arithmetic("size in contracts"))
    }
}

/// The orders that rest at one price, oldest first.
type Queue = VecDeque<(FlowOrderId, Quantity)>;

/// The actions of a market, in recorded order.
#[derive(Debug)]
pub struct OrderStream {
    reader: FlowReader,
    rebuild: BookRebuild,
    bids: BTreeMap<Price, Queue>,
    asks: BTreeMap<Price, Queue>,
    /// Levels that trades have changed since the last difference.
    touched: BTreeSet<(BookSide, Price)>,
    ready: VecDeque<OrderAction>,
    orders: u64,
    /// Whether an error has ended the stream.
    ended: bool,
}

impl OrderStream {
    /// Returns the actions of recorded messages.
    #[must_use]
    pub fn new(reader: FlowReader) -> Self {
        let rebuild = BookRebuild::new(reader.market());
        Self {
            reader,
            rebuild,
            bids: BTreeMap::new(),
            asks: BTreeMap::new(),
            touched: BTreeSet::new(),
            ready: VecDeque::new(),
            orders: 0,
            ended: false,
        }
    }

    /// Returns the book rebuilt from the differences read so far.
    #[must_use]
    pub const fn rebuilt(&self) -> &BookRebuild {
        &self.rebuild
    }

    /// Returns the sizes of the resting orders of the stream, summed by level.
    #[must_use]
    pub fn resting(&self, side: BookSide) -> BTreeMap<Price, Quantity> {
        let queues = self.queues(side);
        queues.iter().map(|(price, queue)| (*price, total(queue))).collect()
    }

    const fn queues(&self, side: BookSide) -> &BTreeMap<Price, Queue> {
        match side {
            BookSide::Bid => &self.bids,
            BookSide::Ask => &self.asks,
        }
    }

    const fn queues_mut(&mut self, side: BookSide) -> &mut BTreeMap<Price, Queue> {
        match side {
            BookSide::Bid => &mut self.bids,
            BookSide::Ask => &mut self.asks,
        }
    }

    /// Makes the actions of one message ready.
    fn take_in(&mut self, message: &FlowMessage) -> Result<(), MarketError> {
        let time = message.time();
        let changes = self.rebuild.apply(message).map_err(|fault| self.reader.broken(fault))?;
        match *message {
            FlowMessage::Trade { aggressor, price, quantity, .. } => {
                // Before the snapshot there is nothing to take.
                if self.rebuild.is_loaded() {
                    self.trade(time, aggressor, price, quantity);
                }
            }
            FlowMessage::Snapshot { .. } | FlowMessage::Difference { .. } => {
                let changed = changes.iter().map(|change| (change.side, change.price));
                let mut levels = std::mem::take(&mut self.touched);
                levels.extend(changed);
                // All that shrinks goes first: what is left cannot stand in the way of what grows.
                for (side, price) in &levels {
                    self.shrink(time, *side, *price);
                }
                for (side, price) in &levels {
                    self.grow(time, *side, *price);
                }
            }
            FlowMessage::Best { .. } => {}
        }
        Ok(())
    }

    fn next_order(&mut self) -> FlowOrderId {
        self.orders += 1;
        FlowOrderId(self.orders)
    }

    /// Brings a level down to the rebuilt book, newest orders first.
    fn shrink(&mut self, time: BlockTime, side: BookSide, price: Price) {
        let target = self.rebuild.quantity(side, price);
        let queues = match side {
            BookSide::Bid => &mut self.bids,
            BookSide::Ask => &mut self.asks,
        };
        let Some(queue) = queues.get_mut(&price) else { return };
        let mut excess = less(total(queue), target);
        while excess > Quantity::ZERO
            && let Some((order, size)) = queue.pop_back()
        {
            let off = size.lesser(excess);
            excess = less(excess, off);
            let kind = if off < size {
                queue.push_back((order, less(size, off)));
                ActionKind::Reduce
            } else {
                ActionKind::Cancel
            };
            self.ready.push_back(OrderAction { time, order, side, price, quantity: off, kind });
        }
        if queue.is_empty() {
            queues.remove(&price);
        }
    }

    /// Brings a level up to the rebuilt book with one new order.
    fn grow(&mut self, time: BlockTime, side: BookSide, price: Price) {
        let held = self.queues(side).get(&price).map_or(Quantity::ZERO, total);
        let quantity = less(self.rebuild.quantity(side, price), held);
        if quantity > Quantity::ZERO {
            let order = self.next_order();
            self.queues_mut(side).entry(price).or_default().push_back((order, quantity));
            let kind = ActionKind::Place;
            self.ready.push_back(OrderAction { time, order, side, price, quantity, kind });
        }
    }

    /// Matches an aggressor against the resting orders by price and age.
    fn trade(&mut self, time: BlockTime, side: BookSide, limit: Price, quantity: Quantity) {
        let resting = side.opposite();
        let mut open = quantity;
        while open > Quantity::ZERO {
            let queues = self.queues_mut(resting);
            let best = match resting {
                BookSide::Bid => queues.last_entry().filter(|level| *level.key() >= limit),
                BookSide::Ask => queues.first_entry().filter(|level| *level.key() <= limit),
            };
            let Some(mut level) = best else { break };
            let price = *level.key();
            let queue = level.get_mut();
            while open > Quantity::ZERO
                && let Some((order, size)) = queue.pop_front()
            {
                let fill = size.lesser(open);
                open = less(open, fill);
                if fill < size {
                    queue.push_front((order, less(size, fill)));
                }
            }
            if queue.is_empty() {
                level.remove();
            }
            self.touched.insert((resting, price));
        }
        let order = self.next_order();
        let kind = ActionKind::Take { filled: less(quantity, open) };
        self.ready.push_back(OrderAction { time, order, side, price: limit, quantity, kind });
    }
}

impl Iterator for OrderStream {
    type Item = Result<OrderAction, MarketError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && !self.ended {
            let taken = self.reader.next()?.and_then(|message| self.take_in(&message));
            if let Err(error) = taken {
                self.ended = true;
                return Some(Err(error));
            }
        }
        self.ready.pop_front().map(Ok)
    }
}

fn total(queue: &Queue) -> Quantity {
    Quantity::from_nanos(queue.iter().map(|(_, size)| size.nanos()).sum())
}

/// Returns the difference of two sizes. Sizes come from the reader within their limits, so it fits.
fn less(size: Quantity, off: Quantity) -> Quantity {
    Quantity::from_nanos(size.nanos() - off.nanos())
}

#[cfg(test)]
mod tests {
    use super::super::FlowMarket;
    use super::super::reader::sample;
    use super::*;

    fn actions(rows: &str) -> Vec<String> {
        let stream = OrderStream::new(sample(FlowMarket::SpotBtc, rows).unwrap());
        let text = |action: OrderAction| {
            let side = if action.side == BookSide::Bid { "bid" } else { "ask" };
            let OrderAction { order, price, quantity, kind, .. } = action;
            match kind {
                ActionKind::Take { filled } => format!("take {side} {quantity}@{price}: {filled}"),
                _ => format!("{kind:?} {} {side} {quantity}@{price}", order.0),
            }
        };
        stream.map(|action| text(action.unwrap())).collect()
    }

    #[test]
    fn level_changes_become_orders_that_shrink_before_they_grow() {
        let rows = "\
1,,,S,10,10,,b,98,1
1,,,S,10,10,,a,99,2
2,,,D,11,11,,b,98,4
3,,,D,12,12,,b,98,0.5
3,,,D,12,12,,b,99,1
3,,,D,12,12,,a,99,0
3,,,D,12,12,,a,100,1";
        assert_eq!(
            actions(rows),
            [
                "Place 1 bid 1@98",
                "Place 2 ask 2@99",
                "Place 3 bid 3@98",
                "Cancel 3 bid 3@98",
                "Reduce 1 bid 0.5@98",
                "Cancel 2 ask 2@99",
                "Place 4 bid 1@99",
                "Place 5 ask 1@100",
            ]
        );
    }

    #[test]
    fn trades_take_what_rests_and_the_next_difference_puts_levels_right() {
        let rows = "\
1,,,T,1,1,,buy,99,1
1,,,S,10,10,,b,98,1
1,,,S,10,10,,a,99,2
1,,,S,10,10,,a,100,1
2,,,T,2,2,,buy,99,3
3,,,T,3,3,,buy,100,0.25
4,,,D,11,11,,b,98,2";
        assert_eq!(
            actions(rows),
            [
                "Place 1 bid 1@98",
                "Place 2 ask 2@99",
                "Place 3 ask 1@100",
                "take bid 3@99: 2",
                "take bid 0.25@100: 0.25",
                "Place 6 bid 1@98",
                "Place 7 ask 2@99",
                "Place 8 ask 0.25@100",
            ]
        );
    }

    #[test]
    fn sizes_become_whole_contracts_in_the_direction_told() {
        let action = OrderAction {
            time: BlockTime::ZERO,
            order: FlowOrderId(1),
            side: BookSide::Bid,
            price: Price::ONE,
            quantity: Quantity::from_nanos(2_500),
            kind: ActionKind::Place,
        };
        let lot = Quantity::from_nanos(1_000);
        assert_eq!(action.lots(lot, Round::Down).unwrap(), Lots::from_count(2));
        assert_eq!(action.lots(lot, Round::Up).unwrap(), Lots::from_count(3));
        assert!(action.lots(Quantity::ZERO, Round::Up).is_err());
    }

    #[test]
    fn a_gap_ends_the_stream_with_its_place_in_the_file() {
        let rows = "1,,,S,10,10,,b,98,1\n2,,,D,12,12,,b,98,2";
        let stream = OrderStream::new(sample(FlowMarket::SpotBtc, rows).unwrap());
        let error = stream.filter_map(Result::err).next().unwrap().to_string();
        assert_eq!(
            error,
            "sample.csv before line 4: the snapshot ends at update 10, the first difference after it \
             starts at 12"
        );
    }
}
