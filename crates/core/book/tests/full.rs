//! A side that is full: who gives way, and who is never refused.

use book::{Entry, FastBook, NaiveBook, OrderBook};
use protocol::{AccountIndex, OrderId, Refusal, SelfTrade, Side, TimeInForce};
use units::{BlockHeight, Lots, Price};

const TICK: Price = Price::from_micros(1);

fn entry(number: u64, side: Side, price: i128, time_in_force: TimeInForce) -> Entry {
    Entry {
        order: OrderId::new(number),
        account: AccountIndex::new(u32::try_from(number).expect("small")),
        side,
        price: Price::from_micros(price),
        lots: Lots::from_count(1),
        time_in_force,
        arrived: BlockHeight::from_blocks(1),
    }
}

/// Admits an order; returns which one left for it.
fn admit<B: OrderBook>(book: &mut B, entry: Entry) -> Result<Option<u64>, Refusal> {
    match book.admit(entry, SelfTrade::CancelResting) {
        Ok(admitted) => admitted.map(|admitted| admitted.evicted.map(|open| open.order.get())),
        Err(fault) => panic!("{fault}"),
    }
}

fn a_full_side_gives_up_its_worst<B: OrderBook>() {
    let (rests, takes) = (TimeInForce::PostOnly, TimeInForce::ImmediateOrCancel);
    let mut book = B::bounded(TICK, 3);
    for (number, price) in [(1, 100), (2, 90), (3, 90)] {
        assert_eq!(admit(&mut book, entry(number, Side::Buy, price, rests)), Ok(None));
    }
    // No better than the worst, it finds no room; the other side is none of its business.
    assert_eq!(admit(&mut book, entry(4, Side::Buy, 90, rests)), Err(Refusal::BookFull));
    assert_eq!(admit(&mut book, entry(5, Side::Buy, 80, rests)), Err(Refusal::BookFull));
    assert_eq!(admit(&mut book, entry(6, Side::Sell, 200, rests)), Ok(None));
    // What never rests needs no place: so the house's reductions are never refused.
    assert_eq!(admit(&mut book, entry(7, Side::Buy, 1, takes)), Ok(None));
    assert_eq!(admit(&mut book, entry(8, Side::Sell, 300, takes)), Ok(None));
    // Of the worst two, the newer leaves for a better one; then the older; then the best of them stays.
    assert_eq!(admit(&mut book, entry(9, Side::Buy, 91, rests)), Ok(Some(3)));
    assert_eq!(admit(&mut book, entry(10, Side::Buy, 100, rests)), Ok(Some(2)));
    assert_eq!(admit(&mut book, entry(11, Side::Buy, 101, rests)), Ok(Some(9)));
    assert_eq!(admit(&mut book, entry(12, Side::Buy, 100, rests)), Err(Refusal::BookFull));
    assert_eq!(book.depth(Side::Buy, 9).len(), 2);
    assert_eq!(book.len(), 6);
}

#[test]
fn a_full_side_gives_up_its_worst_order_for_a_better_one_and_the_house_needs_no_place() {
    // 0015-BOOK-002, 0015-BOOK-023
    a_full_side_gives_up_its_worst::<NaiveBook>();
    a_full_side_gives_up_its_worst::<FastBook>();
}

fn takers_give_way_to_nobody<B: OrderBook>() {
    let lives = TimeInForce::GoodTillCancelled;
    let mut book = B::bounded(TICK, 2);
    assert_eq!(admit(&mut book, entry(1, Side::Buy, 10, lives)), Ok(None));
    assert_eq!(admit(&mut book, entry(2, Side::Buy, 20, lives)), Ok(None));
    let better = entry(3, Side::Buy, 99, lives);
    assert_eq!(admit(&mut book, better), Err(Refusal::BookFull), "none of them stands yet");
    let auction = book.uncross(Price::from_micros(50)).expect("an auction");
    book.commit(&auction).expect("its own");
    assert_eq!(admit(&mut book, better), Ok(Some(1)), "now they do");
}

#[test]
fn an_order_that_may_still_trade_in_its_block_is_not_driven_out() {
    // 0015-BOOK-023
    takers_give_way_to_nobody::<NaiveBook>();
    takers_give_way_to_nobody::<FastBook>();
}
