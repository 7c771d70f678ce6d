//! Both books under the same commands.

use crate::oracle;
use crate::rare::Rare;
use book::{Auction, Entry, FastBook, NaiveBook, Open, OrderBook};
use protocol::{AccountIndex, OrderId, Refusal, SelfTrade, Side, TimeInForce};
use units::{BlockHeight, Lots, Ppm, Price};

/// Micro-dollars in a tick of these tests.
pub(crate) const TICK: i128 = 500_000;

/// What can be done to a book.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Command {
    Place {
        account: AccountIndex,
        side: Side,
        price: Price,
        lots: Lots,
        time_in_force: TimeInForce,
        self_trade: SelfTrade,
    },
    Cancel(OrderId),
    Reduce(OrderId, Lots),
    /// Uncrosses at a reference price and commits.
    Uncross(Price),
    /// Drops the batch.
    Drop,
    /// Ends the block without a trade and restores both books from their states.
    Restore,
    /// Spoils the auction at a fill in one of several ways; no book may take it.
    Forge(usize, u8),
}

pub(crate) struct World {
    pub(crate) naive: NaiveBook,
    pub(crate) fast: FastBook,
    pub(crate) next: u64,
    height: i128,
    pub(crate) rare: Rare,
    side_max: usize,
    /// Numbers that may be open, ascending.
    pub(crate) live: Vec<OrderId>,
}

impl World {
    pub(crate) fn new(side_max: usize) -> Self {
        let tick = Price::from_micros(TICK);
        Self {
            naive: NaiveBook::bounded(tick, side_max),
            fast: FastBook::bounded(tick, side_max),
            next: 1,
            height: 1,
            rare: Rare::default(),
            side_max,
            live: Vec::new(),
        }
    }

    pub(crate) fn apply(&mut self, command: &Command) {
        match *command {
            Command::Place { account, side, price, lots, time_in_force, self_trade } => {
                let entry = Entry {
                    order: OrderId::new(self.next),
                    account,
                    side,
                    price,
                    lots,
                    time_in_force,
                    arrived: BlockHeight::from_blocks(self.height),
                };
                self.next += 1;
                self.place(entry, self_trade);
            }
            Command::Cancel(order) => {
                assert_eq!(self.fast.open(order), self.naive.open(order));
                assert_eq!(self.fast.cancel(order), self.naive.cancel(order));
            }
            Command::Reduce(order, lots) => {
                assert_eq!(self.fast.reduce(order, lots), self.naive.reduce(order, lots));
            }
            Command::Uncross(reference) => self.uncross(reference),
            Command::Drop => self.drop_batch(),
            Command::Restore => {
                self.drop_batch();
                let state = self.naive.state();
                let bytes = protocol::codec::encode(&state).unwrap();
                let decoded = protocol::codec::decode(&bytes, bytes.len()).unwrap();
                assert_eq!(state, decoded);
                // A restored book has the full bound: the small one of the test is not part of the state.
                if self.side_max >= protocol::limits::ORDERS_PER_SIDE_MAX {
                    self.naive = NaiveBook::from_state(&decoded).unwrap();
                    self.fast = FastBook::from_state(&decoded).unwrap();
                } else {
                    assert_eq!(FastBook::from_state(&decoded).unwrap().state(), state);
                }
            }
            Command::Forge(at, kind) => self.forge(at, kind),
        }
        assert_eq!(self.fast.len(), self.naive.len());
        assert_eq!(self.fast.is_empty(), self.naive.is_empty());
        for side in [Side::Buy, Side::Sell] {
            assert_eq!(self.fast.best(side), self.naive.best(side));
        }
    }

    fn place(&mut self, entry: Entry, self_trade: SelfTrade) {
        let check = self.naive.check(&entry, self_trade);
        assert_eq!(self.fast.check(&entry, self_trade), check, "{entry:?}");
        let before = if self.side_max < 100 { self.open() } else { Vec::new() };
        let admitted = self.naive.admit(entry, self_trade).unwrap();
        assert_eq!(self.fast.admit(entry, self_trade).unwrap(), admitted);
        if let Ok(book::Admitted { evicted: Some(evicted), .. }) = &admitted {
            oracle::evicted(&before, evicted, &entry, self.side_max);
            self.rare.evictions += 1;
        }
        match (&check, &admitted) {
            (Ok(own), Ok(admitted)) => {
                let cancelled: Vec<OrderId> =
                    admitted.self_trade_cancels.iter().map(|open| open.order).collect();
                assert_eq!(*own, cancelled, "admit does what check said");
                self.rare.self_trade_cancels += own.len();
            }
            (Err(checked), Err(refused)) => {
                assert_eq!(checked, refused, "admit refuses as check said");
                match refused {
                    Refusal::BookFull => self.rare.book_full += 1,
                    Refusal::PostOnlyWouldCross => self.rare.post_only_refusals += 1,
                    Refusal::SelfTrade => self.rare.self_trade_refusals += 1,
                    _ => self.rare.bad_orders += 1,
                }
            }
            _ => panic!("check said {check:?}, admit answered {admitted:?}"),
        }
        if admitted.is_ok() {
            self.live.push(entry.order);
            // A number in use is a fault, unless the order is refused before.
            let again = self.naive.admit(entry, self_trade);
            assert!(!matches!(again, Ok(Ok(_))));
            assert_eq!(self.fast.admit(entry, self_trade), again);
        }
        let own = self.naive.orders_of(entry.account);
        assert_eq!(self.fast.orders_of(entry.account), own);
        let own = own.into_iter().filter_map(|order| self.fast.open(order));
        oracle::account_does_not_cross_itself(&own.collect::<Vec<Open>>());
    }

    fn uncross(&mut self, reference: Price) {
        let open = self.open();
        let auction = self.naive.uncross(reference).unwrap();
        assert_eq!(self.fast.uncross(reference).unwrap(), auction);
        oracle::check(&open, &auction, reference, self.height, &mut self.rare);
        self.naive.commit(&auction).unwrap();
        self.fast.commit(&auction).unwrap();
        self.height += 1;
        oracle::conserved(&open, &auction, &self.open());
        self.compare();
    }

    fn drop_batch(&mut self) {
        let resting: Vec<Open> = self.open();
        let dropped = self.naive.drop_batch();
        assert_eq!(self.fast.drop_batch(), dropped);
        let arrived = BlockHeight::from_blocks(self.height);
        assert!(dropped.iter().all(|open| open.arrived == arrived));
        let kept = resting.iter().filter(|open| open.arrived != arrived).count();
        assert_eq!(kept, self.naive.len());
        self.rare.dropped += dropped.len();
        self.height += 1;
        self.compare();
    }

    fn compare(&mut self) {
        assert_eq!(self.fast.digest(), self.naive.digest());
        assert_eq!(self.fast.state(), self.naive.state());
        self.naive.state().check().unwrap();
        assert_eq!(self.naive.state().orders.len(), self.naive.len(), "between blocks all stands");
        for side in [Side::Buy, Side::Sell] {
            assert_eq!(self.fast.depth(side, 3), self.naive.depth(side, 3));
            // 0015-BOOK-022
            for micros in [i128::MIN, 97 * TICK, 100 * TICK, 100 * TICK + 1, 103 * TICK, i128::MAX]
            {
                let price = Price::from_micros(micros);
                for band in [-1, 0, 1, 20_000, 1_000_000].map(Ppm::from_parts) {
                    let near = self.fast.lots_near(side, price, band);
                    assert_eq!(near, self.naive.lots_near(side, price, band));
                }
            }
            let all = self
                .naive
                .state()
                .orders
                .iter()
                .filter(|open| open.side == side)
                .fold(Lots::ZERO, |sum, open| sum.plus(open.lots).unwrap());
            // 0015-BOOK-024
            let count = all.count();
            for lots in [-1, 0, 1, 7, count / 2, count, count + 1].map(Lots::from_count) {
                assert_eq!(self.fast.average(side, lots), self.naive.average(side, lots));
            }
            // At the worst price there is, all that has one counts in full.
            let worst = Price::from_micros(if side == Side::Buy { 1 } else { Price::LIMIT });
            let (band, state) = (Ppm::from_parts(1_000_000), self.naive.state());
            let priced = state.orders.iter().filter(|open| open.side == side);
            let is_priced = |open: &&Open| side == Side::Sell || open.price > Price::ZERO;
            let priced = priced.filter(is_priced);
            let priced = priced.fold(Lots::ZERO, |sum, open| sum.plus(open.lots).unwrap());
            assert_eq!(self.fast.lots_near(side, worst, band), priced);
        }
    }

    /// 0015-BOOK-019: an auction that is not this book's changes nothing.
    fn forge(&mut self, at: usize, kind: u8) {
        let reference = Price::from_micros(100 * TICK);
        let mut auction = self.naive.uncross(reference).unwrap();
        let honest = auction.clone();
        spoil(&mut auction, at, kind);
        if auction == honest {
            return;
        }
        let before = (self.naive.state(), self.open());
        assert!(self.naive.commit(&auction).is_err(), "naive took {auction:?} for {honest:?}");
        assert!(self.fast.commit(&auction).is_err(), "fast took {auction:?} for {honest:?}");
        assert_eq!((self.fast.state(), self.open()), before);
        assert_eq!(self.fast.uncross(reference).unwrap(), honest);
        self.rare.forged += 1;
    }

    /// All orders of both books, takers too.
    fn open(&mut self) -> Vec<Open> {
        self.live.retain(|order| self.naive.open(*order).is_some());
        let open = |book: &dyn Fn(OrderId) -> Option<Open>| -> Vec<Open> {
            self.live.iter().filter_map(|order| book(*order)).collect()
        };
        let naive = open(&|order| self.naive.open(order));
        assert_eq!(open(&|order| self.fast.open(order)), naive);
        assert_eq!(naive.len(), self.naive.len());
        naive
    }
}

/// Changes an auction so that it is not the book's, but sums still hold where they can.
fn spoil(auction: &mut Auction, at: usize, kind: u8) {
    let one = Lots::from_count(1);
    let at = at.min(auction.fills.len().saturating_sub(1));
    match kind {
        0 => auction.volume = auction.volume.plus(one).unwrap(),
        1 => auction.price = None,
        2 => auction.fills.iter_mut().skip(at).for_each(|fill| fill.order = OrderId::new(u64::MAX)),
        3 => auction.fills.iter_mut().skip(at).for_each(|fill| fill.left = fill.lots),
        4 => auction.expired.clear(),
        5 => auction.fills.reverse(),
        6 => *auction = Auction::default(),
        _ => trade_one_less(auction),
    }
}

/// Takes one lot of the last buyer's and the last seller's fill, which leaves a bid that meets an ask.
fn trade_one_less(auction: &mut Auction) {
    let one = Lots::from_count(1);
    for side in [Side::Buy, Side::Sell] {
        if let Some(fill) = auction.fills.iter_mut().rfind(|fill| fill.side == side) {
            fill.lots = fill.lots.minus(one).unwrap();
            fill.left = fill.left.plus(one).unwrap();
        }
    }
    if auction.volume > Lots::ZERO {
        auction.volume = auction.volume.minus(one).unwrap();
        auction.fills.retain(|fill| fill.lots > Lots::ZERO);
        auction.price = auction.price.filter(|_| auction.volume > Lots::ZERO);
    }
}
