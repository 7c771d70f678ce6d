//! 0015-BOOK-021: a part of a book that shows an order has the digest of the whole, and says nothing that the whole does
//! not say.

use book::{BookState, Extract, FastBook, Found, Node, Open, OrderBook as _};
use protocol::{AccountIndex, Hash, OrderId, Side, TimeInForce};
use units::{BlockHeight, Lots, Price};

const TICK: i128 = 100_000;

/// Returns a book of levels far apart and close together, some with several orders.
fn state() -> BookState {
    let prices = [(Side::Buy, [-1, -2, -64, -65, -5_000]), (Side::Sell, [0, 1, 63, 64, 70_000])];
    let levels =
        prices.iter().flat_map(|(side, ticks)| ticks.iter().map(move |ticks| (*side, *ticks)));
    let orders = levels.enumerate().flat_map(|(at, (side, ticks))| {
        (0..=u64::try_from(at).unwrap() % 3).map(move |nth| Open {
            order: OrderId::new(10 * u64::try_from(at).unwrap() + nth),
            account: AccountIndex::new(7),
            side,
            price: Price::from_micros((600_000 + ticks) * TICK),
            lots: Lots::from_count(5),
            time_in_force: TimeInForce::GoodTillCancelled,
            arrived: BlockHeight::from_blocks(i128::from(nth) + 1),
        })
    });
    BookState { tick: Price::from_micros(TICK), orders: orders.collect() }
}

fn digest(state: &BookState) -> Hash {
    FastBook::from_state(state).unwrap().digest()
}

fn part(state: &BookState, order: OrderId) -> Extract {
    state.extract(order).expect("it is not too large")
}

/// Returns every level, shown or not, of an extract.
fn levels(extract: &mut Extract) -> Vec<&mut Node<Vec<Open>>> {
    let groups = extract.regions.iter_mut().filter_map(shown).flatten();
    groups.filter_map(shown).flatten().collect()
}

fn shown<T>(node: &mut Node<T>) -> Option<&mut T> {
    match node {
        Node::Shown(held) => Some(held),
        Node::Hidden(_) => None,
    }
}

#[test]
fn every_order_is_shown_with_its_level_and_no_other() {
    let state = state();
    for open in &state.orders {
        let mut extract = part(&state, open.order);
        assert_eq!(extract.digest(), Some(digest(&state)), "{open:?}");
        assert_eq!(extract.find(open.order), Found::Standing(*open));
        assert_eq!(levels(&mut extract).into_iter().filter_map(shown).count(), 1);
        let other = state.orders.iter().find(|other| other.price != open.price).unwrap();
        assert_eq!(extract.find(other.order), Found::Unknown, "of what is hidden nothing is said");
    }
}

#[test]
fn the_absence_of_an_order_shows_the_whole_book() {
    let (state, absent) = (state(), OrderId::new(5));
    let mut extract = part(&state, absent);
    assert_eq!(extract.digest(), Some(digest(&state)));
    assert_eq!(extract.find(absent), Found::Absent);
    assert!(levels(&mut extract).into_iter().all(|level| shown(level).is_some()));
    let empty = BookState { tick: state.tick, orders: Vec::new() };
    assert_eq!(part(&empty, absent).digest(), Some(digest(&empty)));
    assert_eq!(part(&empty, absent).find(absent), Found::Absent);
}

#[test]
fn a_book_that_is_too_large_is_not_shown_whole() {
    let open = state().orders[0];
    let count = u64::try_from(book::ORDERS_SHOWN_MAX).unwrap() + 1;
    let order = |number| Open { order: OrderId::new(number), ..open };
    let mut state = BookState { tick: Price::from_micros(TICK), orders: Vec::new() };
    state.orders = (1..=count).map(order).collect();
    assert_eq!(state.extract(OrderId::new(1)), None, "nor is a level");
    let mut book = FastBook::from_state(&state).unwrap();
    let _hashed = book.digest();
    assert_eq!(book.extract(OrderId::new(1)), None);
    assert_eq!(book.extract(OrderId::new(0)), None);
    state.orders.pop();
    assert!(state.extract(OrderId::new(0)).is_some());
}

#[test]
fn an_extract_that_says_anything_else_has_another_digest() {
    let state = state();
    let order = state.orders[4].order;
    let honest = part(&state, order);
    type Lie = fn(&mut Vec<Open>);
    let lies: [Lie; 9] = [
        |orders| orders[0].order = OrderId::new(999),
        |orders| orders[0].account = AccountIndex::new(8),
        |orders| orders[0].lots = Lots::from_count(6),
        |orders| orders[0].arrived = BlockHeight::from_blocks(9),
        |orders| orders[0].time_in_force = TimeInForce::PostOnly,
        |orders| orders.iter_mut().for_each(|open| open.price = Price::from_micros(TICK)),
        |orders| orders.iter_mut().for_each(|open| open.side = Side::Sell),
        |orders| orders.truncate(1),
        |orders| orders.swap(0, 1),
    ];
    for (nth, lie) in lies.into_iter().enumerate() {
        let mut forged = honest.clone();
        let level = levels(&mut forged).into_iter().find_map(shown).unwrap();
        lie(level);
        assert_ne!(forged.digest(), Some(digest(&state)), "lie {nth}");
    }
    let mut other_tick = honest.clone();
    other_tick.tick = Price::from_micros(2 * TICK);
    assert_ne!(other_tick.digest(), Some(digest(&state)));
    let mut less = honest.clone();
    less.regions.pop();
    assert_ne!(less.digest(), Some(digest(&state)));
}

#[test]
fn what_is_part_of_no_book_has_no_digest() {
    let state = state();
    let order = state.orders[4].order;
    let mut empty_level = part(&state, order);
    levels(&mut empty_level).into_iter().find_map(shown).unwrap().clear();
    assert_eq!(empty_level.digest(), None);
    let mut two_prices = part(&state, order);
    levels(&mut two_prices).into_iter().find_map(shown).unwrap()[0].price =
        Price::from_micros(TICK);
    assert_eq!(two_prices.digest(), None);
    let mut empty_group = part(&state, order);
    for region in empty_group.regions.iter_mut().filter_map(shown) {
        region.iter_mut().filter_map(shown).for_each(Vec::clear);
    }
    assert_eq!(empty_group.digest(), None);
    let mut empty_region = part(&state, order);
    empty_region.regions.iter_mut().filter_map(shown).for_each(Vec::clear);
    assert_eq!(empty_region.digest(), None);
}
