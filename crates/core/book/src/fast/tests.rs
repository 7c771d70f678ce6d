//! What only the inside shows: nothing is left behind, and no bound is too tight.

use super::parts::Order;
use super::{FastBook, NIL};
use crate::{Entry, OrderBook};
use protocol::{AccountIndex, OrderId, SelfTrade, Side, TimeInForce};
use units::{BlockHeight, Lots, Price};

/// A linear congruential generator is random enough to fill a book.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % bound
    }
}

fn entry(number: u64, random: &mut Random) -> Entry {
    let life = random.below(3);
    Entry {
        order: OrderId::new(number),
        account: AccountIndex::new(u32::try_from(random.below(20)).unwrap()),
        side: if random.below(2) == 0 { Side::Buy } else { Side::Sell },
        price: Price::from_micros(90 + i128::from(random.below(20))),
        lots: Lots::from_count(1 + i128::from(random.below(9))),
        time_in_force: match life {
            0 => TimeInForce::GoodTillCancelled,
            1 => TimeInForce::ImmediateOrCancel,
            _ => TimeInForce::PostOnly,
        },
        arrived: BlockHeight::from_blocks(i128::from(number / 50)),
    }
}

/// Follows every link and compares every sum and bound with what it stands for.
fn audit(book: &FastBook) {
    assert!(!book.broken);
    let mut found = 0;
    for side in [Side::Buy, Side::Sell] {
        for (rank, at) in book.ladders.of(side).iter() {
            let level = book.levels.get(at).unwrap();
            let orders: Vec<&Order> = book.level_from(level.first).collect();
            assert!(orders.iter().all(|order| order.rank() == rank && order.level == at));
            assert!(orders.is_sorted_by_key(|order| (order.arrived, order.number)));
            assert_eq!(orders.iter().map(|order| order.size()).sum::<i64>(), level.lots);
            assert_eq!(orders.len(), usize::try_from(level.count).unwrap());
            let last = orders.last().unwrap();
            assert_eq!(book.orders.get(level.last).unwrap().number, last.number);
            found += orders.len();
        }
        for account in 0..20 {
            let Some(at) = book.accounts.get(account) else { continue };
            let own = book.owners.get(at).unwrap().own.of(side);
            let orders: Vec<&Order> = book.own_from(own.first).collect();
            assert!(orders.iter().all(|order| u64::from(order.account) == account));
            assert!(orders.iter().all(|order| own.best <= order.rank() && order.side == side));
        }
    }
    let takers = book.batch.iter().filter_map(|place| book.orders.get(*place));
    let takers: Vec<&Order> = takers.filter(|order| order.is_taker()).collect();
    assert_eq!(takers.len(), book.takers);
    for taker in &takers {
        assert_eq!(taker.level, NIL);
        assert!(*book.takers_best.of(taker.side) <= taker.rank());
    }
    assert_eq!(found + takers.len(), book.len());
    let resting =
        |side| book.orders.values().filter(move |o| o.side == side && o.may_rest()).count();
    assert_eq!((resting(Side::Buy), resting(Side::Sell)), (book.resting.buy, book.resting.sell));
}

#[test]
fn every_link_and_sum_is_right_after_every_command_and_an_empty_book_keeps_nothing() {
    let mut random = Random(1);
    let mut book = FastBook::new(Price::from_micros(1));
    for number in 1..=5_000 {
        let entry = entry(number, &mut random);
        book.admit(entry, SelfTrade::CancelResting).unwrap().ok();
        match random.below(8) {
            0 => drop(book.cancel(OrderId::new(number.saturating_sub(random.below(100))))),
            1 => drop(book.reduce(
                OrderId::new(number.saturating_sub(random.below(100))),
                Lots::from_count(2),
            )),
            _ => {}
        }
        if number % 50 == 49 {
            match random.below(5) {
                0 => drop(book.drop_batch()),
                _ => {
                    let auction = book.uncross(Price::from_micros(100)).unwrap();
                    book.commit(&auction).unwrap();
                }
            }
        }
        audit(&book);
    }
    assert!(book.len() > 20, "{} orders", book.len());
    book.drop_batch();
    let open: Vec<OrderId> = book.orders().map(|open| open.order).collect();
    assert!(open.iter().all(|order| book.cancel(*order).is_some()));
    audit(&book);
    assert_eq!(book.accounts.len(), 0);
    assert_eq!((book.orders.len(), book.levels.len(), book.owners.len()), (0, 0, 0));
    assert_eq!(book.digest(), FastBook::new(Price::from_micros(1)).digest());
}

#[test]
fn orders_that_come_out_of_turn_stand_where_they_belong() {
    let mut random = Random(2);
    let entries: Vec<Entry> = (1..=60)
        .map(|number| Entry {
            side: Side::Buy,
            time_in_force: TimeInForce::PostOnly,
            price: Price::from_micros(100),
            ..entry(number, &mut random)
        })
        .collect();
    let mut in_turn = FastBook::new(Price::from_micros(1));
    let mut reversed = in_turn.clone();
    for (first, last) in entries.iter().zip(entries.iter().rev()) {
        in_turn.admit(*first, SelfTrade::CancelResting).unwrap().unwrap();
        reversed.admit(*last, SelfTrade::CancelResting).unwrap().unwrap();
        audit(&reversed);
    }
    assert_eq!(in_turn.digest(), reversed.digest());
}

#[test]
fn a_link_that_leads_nowhere_stops_trading_and_nothing_else() {
    let mut random = Random(3);
    let mut book = FastBook::new(Price::from_micros(1));
    for number in 1..=10 {
        book.admit(entry(number, &mut random), SelfTrade::CancelResting).unwrap().ok();
    }
    let any = book.orders().next().unwrap();
    let place = book.numbers.get(any.order.get()).unwrap();
    book.orders.get_mut(place).unwrap().own_prev = 77_777;
    assert_eq!(book.cancel(any.order), Some(any));
    assert!(book.uncross(Price::from_micros(100)).is_err());
    assert!(book.commit(&crate::Auction::default()).is_err());
    book.drop_batch();
    assert_eq!(book.len(), 0);
}
