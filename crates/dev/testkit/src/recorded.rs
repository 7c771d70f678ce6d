//! A recorded market cut into blocks, and the orders that bring a book to it.
//!
//! A recording shows levels and trades. Each block first brings every level to what the exchange showed at the block's
//! end: cancels come off the newest orders, growth is one new post-only order. Then each trade of the block is sent as
//! an immediate-or-cancel order at its price. What the trades take is put right at the next block, with the levels that
//! changed.
//!
//! **Invariant:** before the trades of a block, the book is the exchange's at the block's end, level by level.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use book::{Auction, Entry, OrderBook};
use market::orderflow::{BookRebuild, FlowFault, FlowMarket, FlowMessage, FlowReader};
use market::{BookSide, MarketError};
use protocol::{AccountIndex, OrderId, SelfTrade, Side, TimeInForce};
use units::{BlockHeight, BlockSpan, BlockTime, Lots, Price, Quantity, limits};

/// Why a recording ends early.
#[derive(Debug, thiserror::Error)]
pub enum RecordedError {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] MarketError),
    /// It does not continue itself.
    #[error(transparent)]
    Broken(#[from] FlowFault),
}

/// Accounts that quote; accounts from here on take.
const MAKERS: u64 = 200;
const TAKERS: u64 = 1_000;

/// A trade as an order: the aggressor's side, its price and its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Take {
    /// The aggressor's side.
    pub side: Side,
    /// The price of the trade.
    pub price: Price,
    /// Its size.
    pub lots: Lots,
}

/// What a market did in one block.
#[derive(Debug, Clone, Default)]
pub struct RecordedBlock {
    /// Levels that changed.
    pub levels: BTreeSet<(Side, Price)>,
    /// Trades in recorded order.
    pub takes: Vec<Take>,
}

/// A market's recording, block by block.
#[derive(Debug)]
pub struct RecordedBlocks {
    market: FlowMarket,
    reader: FlowReader,
    rebuild: BookRebuild,
    span: BlockSpan,
    /// The first message of the next block.
    waiting: Option<FlowMessage>,
}

impl RecordedBlocks {
    /// Returns the blocks of a recording, each `span` long.
    #[must_use]
    pub fn new(reader: FlowReader, span: BlockSpan) -> Self {
        let market = reader.market();
        Self { market, rebuild: BookRebuild::new(market), reader, span, waiting: None }
    }

    /// Returns the exchange's book at the end of the last block.
    #[must_use]
    pub const fn rebuilt(&self) -> &BookRebuild {
        &self.rebuild
    }

    /// Returns the lots of a level at the end of the last block.
    pub fn lots(&self, side: Side, price: Price) -> Lots {
        let side = match side {
            Side::Buy => BookSide::Bid,
            Side::Sell => BookSide::Ask,
        };
        lots(self.market, self.rebuild.quantity(side, price))
    }

    /// Returns the next block; `None` at the end. Blocks without a message are left out.
    ///
    /// # Errors
    ///
    /// [`RecordedError`] if the recording cannot be read or does not continue itself.
    pub fn next_block(&mut self) -> Result<Option<RecordedBlock>, RecordedError> {
        let Some(first) = self.waiting.take().map(Ok).or_else(|| self.reader.next()).transpose()?
        else {
            return Ok(None);
        };
        let number = self.number(first.time());
        let mut block = RecordedBlock::default();
        self.take_in(&first, &mut block)?;
        while let Some(message) = self.reader.next().transpose()? {
            if self.number(message.time()) != number {
                self.waiting = Some(message);
                break;
            }
            self.take_in(&message, &mut block)?;
        }
        Ok(Some(block))
    }

    fn number(&self, time: BlockTime) -> i128 {
        time.millis() / self.span.millis()
    }

    fn take_in(
        &mut self,
        message: &FlowMessage,
        block: &mut RecordedBlock,
    ) -> Result<(), FlowFault> {
        let changes = self.rebuild.apply(message)?;
        block.levels.extend(changes.iter().map(|change| (side(change.side), change.price)));
        if let FlowMessage::Trade { aggressor, price, quantity, .. } = *message
            && self.rebuild.is_loaded()
        {
            let lots = lots(self.market, quantity);
            block.takes.push(Take { side: side(aggressor), price, lots });
        }
        Ok(())
    }
}

const fn side(side: BookSide) -> Side {
    match side {
        BookSide::Bid => Side::Buy,
        BookSide::Ask => Side::Sell,
    }
}

/// Returns a size in steps of the market: a lot of the book is a step of the exchange.
fn lots(market: FlowMarket, size: Quantity) -> Lots {
    Lots::from_count(size.nanos() / market.size_step().nanos())
}

/// One call of a book.
#[derive(Debug, Clone, Copy)]
enum Call {
    Cancel(OrderId),
    Reduce(OrderId, Lots),
    Admit(Entry),
}

/// What a replay has done.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// Blocks, each with an auction.
    pub blocks: u64,
    /// Orders cancelled or reduced.
    pub cancels: u64,
    /// Post-only orders placed.
    pub quotes: u64,
    /// Immediate-or-cancel orders sent.
    pub takes: u64,
    /// Blocks in which something traded.
    pub trades: u64,
    /// Lots sent to take, and lots that they traded with one another or with quotes.
    pub asked: i128,
    /// See `asked`.
    pub taken: i128,
}

/// A book that follows a recorded market.
#[derive(Debug)]
pub struct Follower<B> {
    /// The book.
    pub book: B,
    /// What has been done.
    pub counts: Counts,
    /// Orders of each level, oldest first.
    levels: BTreeMap<(Side, Price), Vec<OrderId>>,
    prices: BTreeMap<OrderId, Price>,
    /// Levels that trades have changed since the last block.
    traded: BTreeSet<(Side, Price)>,
    next: u64,
    height: BlockHeight,
}

impl<B: OrderBook> Follower<B> {
    /// Returns an empty book with the market's tick.
    #[must_use]
    pub fn new(market: FlowMarket) -> Self {
        Self {
            book: B::new(market.price_tick()),
            counts: Counts::default(),
            levels: BTreeMap::new(),
            prices: BTreeMap::new(),
            traded: BTreeSet::new(),
            next: 1,
            height: BlockHeight::from_blocks(1),
        }
    }

    /// Brings the book to the exchange's at the end of the block; the trades are still to come.
    ///
    /// Returns the time that the book itself has taken.
    ///
    /// # Panics
    ///
    /// If the book refuses an order or does not know one.
    pub fn follow(&mut self, block: &RecordedBlock, exchange: &RecordedBlocks) -> Duration {
        let changed: Vec<_> = self.traded.union(&block.levels).copied().collect();
        self.traded.clear();
        let mut calls = Vec::new();
        for (side, price) in &changed {
            self.shrink(*side, *price, exchange.lots(*side, *price), &mut calls);
        }
        for (side, price) in &changed {
            self.grow(*side, *price, exchange.lots(*side, *price), &mut calls);
        }
        self.call(&calls)
    }

    /// Sends the block's trades, uncrosses and commits.
    ///
    /// Returns the auction and the time that the book itself has taken.
    ///
    /// # Panics
    ///
    /// If the book refuses an order or faults.
    pub fn trade(&mut self, block: &RecordedBlock, reference: Price) -> (Auction, Duration) {
        let takes = block.takes.iter().filter(|take| take.lots > Lots::ZERO);
        let account = |number: u64| number % TAKERS + MAKERS;
        let mut calls = Vec::new();
        for take in takes {
            self.counts.asked += take.lots.count();
            let Take { side, price, lots } = *take;
            calls.push(self.entry(side, price, lots, TimeInForce::ImmediateOrCancel, account));
        }
        let mut spent = self.call(&calls);
        let begun = Instant::now();
        let auction = self.book.uncross(reference).expect("the auction holds its invariants");
        self.book.commit(&auction).expect("the book takes its own auction");
        spent += begun.elapsed();
        self.note(&auction);
        (auction, spent)
    }

    fn shrink(&mut self, side: Side, price: Price, target: Lots, calls: &mut Vec<Call>) {
        let Some(orders) = self.levels.get_mut(&(side, price)) else { return };
        orders.retain(|order| self.book.open(*order).is_some());
        let size = |order: &OrderId| self.book.open(*order).map_or(0, |open| open.lots.count());
        let mut excess = orders.iter().map(size).sum::<i128>() - target.count();
        while excess > 0
            && let Some(order) = orders.pop()
        {
            let lots = size(&order);
            if lots > excess {
                orders.push(order);
                calls.push(Call::Reduce(order, Lots::from_count(lots - excess)));
            } else {
                self.prices.remove(&order);
                calls.push(Call::Cancel(order));
            }
            excess -= lots;
        }
    }

    fn grow(&mut self, side: Side, price: Price, target: Lots, calls: &mut Vec<Call>) {
        let orders = self.levels.get(&(side, price)).into_iter().flatten();
        let held: i128 =
            orders.filter_map(|order| self.book.open(*order)).map(|open| open.lots.count()).sum();
        let mut missing = target.count() - held;
        while missing > 0 {
            let lots = missing.min(limits::LOTS_MAX);
            missing -= lots;
            let order = OrderId::new(self.next);
            let entry =
                self.entry(side, price, Lots::from_count(lots), TimeInForce::PostOnly, |number| {
                    number % MAKERS
                });
            self.levels.entry((side, price)).or_default().push(order);
            self.prices.insert(order, price);
            calls.push(entry);
        }
    }

    fn entry(
        &mut self,
        side: Side,
        price: Price,
        lots: Lots,
        time_in_force: TimeInForce,
        account: impl Fn(u64) -> u64,
    ) -> Call {
        let (order, arrived) = (OrderId::new(self.next), self.height);
        let account = u32::try_from(account(self.next)).expect("an account has a small number");
        let account = AccountIndex::new(account);
        self.next += 1;
        Call::Admit(Entry { order, account, side, price, lots, time_in_force, arrived })
    }

    fn call(&mut self, calls: &[Call]) -> Duration {
        let begun = Instant::now();
        for call in calls {
            match *call {
                Call::Cancel(order) => {
                    self.book.cancel(order).expect("the order is open");
                    self.counts.cancels += 1;
                }
                Call::Reduce(order, lots) => {
                    self.book.reduce(order, lots).expect("the order is open");
                    self.counts.cancels += 1;
                }
                Call::Admit(entry) => {
                    let checked = self.book.check(&entry, SelfTrade::CancelResting);
                    let admitted = self.book.admit(entry, SelfTrade::CancelResting);
                    let admitted = admitted.expect("a new number");
                    assert!(checked.is_ok() && admitted.is_ok(), "{entry:?}: {admitted:?}");
                    match entry.time_in_force {
                        TimeInForce::PostOnly => self.counts.quotes += 1,
                        _ => self.counts.takes += 1,
                    }
                }
            }
        }
        begun.elapsed()
    }

    fn note(&mut self, auction: &Auction) {
        self.counts.blocks += 1;
        self.counts.trades += u64::from(auction.price.is_some());
        for fill in &auction.fills {
            match self.prices.get(&fill.order) {
                Some(price) => drop(self.traded.insert((fill.side, *price))),
                None => self.counts.taken += fill.lots.count(),
            }
        }
        self.height = self.height.next().expect("heights do not end");
    }
}
