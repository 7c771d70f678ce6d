//! Parts of a book and of a block's events, from which a client sees what became of its order.

use crate::Answer;
use crate::codec::canonical;
use crate::generate::Generate;
use crate::random::Random;
use book::{BookState, Extract, FastBook, Found, Open, OrderBook as _};
use protocol::codec::{decode, encode};
use protocol::{
    AccountIndex, Event, EventExtract, Hash, OrderId, OutcomeHashes, Receipt, Side, TimeInForce,
    limits,
};
use std::sync::OnceLock;
use units::{BlockHeight, Lots, Price};

/// Orders of the book; some levels have several.
const ORDERS: u64 = 48;
/// Events of the block: more than two groups.
const EVENTS: usize = 150;
/// Of what a trader may ask.
const ASKED: std::ops::Range<u64> = 0..2 * ORDERS;

struct Book {
    state: BookState,
    digest: Hash,
}

fn book() -> &'static Book {
    static BOOK: OnceLock<Book> = OnceLock::new();
    BOOK.get_or_init(|| {
        let order = |number: u64| {
            let side = if number < ORDERS / 2 { Side::Buy } else { Side::Sell };
            let far = i128::from(number % (ORDERS / 2) / 3);
            let ticks = match side {
                Side::Buy => 6_000 - far * far * far,
                Side::Sell => 6_001 + far * far * far,
            };
            Open {
                order: OrderId::new(2 * number),
                account: AccountIndex::new(7),
                side,
                price: Price::from_micros(ticks * 1_000_000),
                lots: Lots::from_count(5),
                time_in_force: TimeInForce::GoodTillCancelled,
                arrived: BlockHeight::from_blocks(i128::from(number % 3) + 1),
            }
        };
        let tick = Price::from_micros(1_000_000);
        let state = BookState { tick, orders: (0..ORDERS).map(order).collect() };
        let mut book = FastBook::from_state(&state).expect("it is a book");
        Book { state, digest: book.digest() }
    })
}

/// A part has one encoding, and whatever it is, it shows nothing of the book that is not so.
pub(crate) fn book_part(bytes: &[u8]) -> Answer {
    if let Ok(part) = decode::<Extract>(bytes, limits::BLOCK_BYTES_MAX)
        && part.digest() == Some(book().digest)
    {
        let held = &book().state.orders;
        for order in ASKED.map(OrderId::new) {
            let stands = held.iter().find(|open| open.order == order);
            match part.find(order) {
                Found::Standing(open) => assert_eq!(Some(&open), stands),
                Found::Absent => assert_eq!(stands, None),
                Found::Unknown => {}
            }
        }
    }
    canonical::<Extract>(bytes)
}

pub(crate) fn book_parts() -> Vec<Vec<u8>> {
    let part = |order| {
        let part = book().state.extract(OrderId::new(order)).expect("it is small");
        assert_eq!(part.digest(), Some(book().digest));
        encode(&part).expect("it is inside its limits")
    };
    ASKED.map(part).collect()
}

struct Outcome {
    events: Vec<Event>,
    hashes: OutcomeHashes,
    hash: Hash,
}

fn outcome() -> &'static Outcome {
    static OUTCOME: OnceLock<Outcome> = OnceLock::new();
    OUTCOME.get_or_init(|| {
        let mut random = Random::named("Outcome");
        let events: Vec<Event> = (0..EVENTS).map(|_| Event::generate(&mut random)).collect();
        let receipts: Vec<Receipt> = (0..EVENTS).map(|_| Receipt::generate(&mut random)).collect();
        let hashes = OutcomeHashes::of(&receipts, &events).expect("they are inside their limits");
        let hash = hashes.hash().expect("it is inside its limits");
        Outcome { events, hashes, hash }
    })
}

/// A part has one encoding, and whatever it is, it shows nothing that did not happen and hides nothing as not happened.
pub(crate) fn event_part(bytes: &[u8]) -> Answer {
    if let Ok(part) = decode::<EventExtract>(bytes, limits::BLOCK_BYTES_MAX)
        && part.hash() == Some(outcome().hash)
    {
        for order in orders_with_events() {
            let happened = outcome().events.iter().filter(|event| event.order() == Some(order));
            let happened: Vec<&Event> = happened.collect();
            if let Some(shown) = part.happened_to(order) {
                assert!(shown.iter().all(|event| happened.contains(event)));
                assert_eq!(shown.is_empty(), happened.is_empty());
            }
        }
    }
    canonical::<EventExtract>(bytes)
}

pub(crate) fn event_parts() -> Vec<Vec<u8>> {
    let Outcome { events, hashes, .. } = outcome();
    let part = |order| {
        let part = EventExtract::of_order(hashes.clone(), events, order);
        assert_eq!(part.hash(), Some(outcome().hash));
        encode(&part).expect("it is inside its limits")
    };
    orders_with_events().map(part).collect()
}

/// Returns the orders to which something happened, and one to which nothing did.
fn orders_with_events() -> impl Iterator<Item = OrderId> {
    let none = OrderId::new(u64::MAX);
    outcome().events.iter().filter_map(Event::order).chain([none])
}
