//! What is right by rules that neither book uses.

use crate::rare::Rare;
use crate::world::TICK;
use book::{Auction, BookFill, Entry, Open};
use protocol::{Side, TimeInForce};
use std::collections::BTreeMap;
use units::Price;

/// Lots of a side that accept a price.
fn accepting(open: &[Open], side: Side, price: i128) -> i128 {
    let accepts = |open: &&Open| match side {
        Side::Buy => open.price.micros() >= price,
        Side::Sell => open.price.micros() <= price,
    };
    open.iter().filter(|open| open.side == side).filter(accepts).map(|open| open.lots.count()).sum()
}

/// Checks that the worst order of a full side has left, and for a better one.
pub(crate) fn evicted(before: &[Open], evicted: &Open, entry: &Entry, side_max: usize) {
    // 0015-BOOK-002, 0015-BOOK-023
    let of_side = before.iter().filter(|open| open.side == entry.side);
    let resting = of_side.filter(|open| open.time_in_force != TimeInForce::ImmediateOrCancel);
    let resting: Vec<&Open> = resting.collect();
    assert!(resting.len() >= side_max);
    let better = |one: Price, other: Price| match entry.side {
        Side::Buy => one > other,
        Side::Sell => one < other,
    };
    assert!(better(entry.price, evicted.price));
    let stands =
        |open: &Open| open.arrived < entry.arrived || open.time_in_force == TimeInForce::PostOnly;
    assert!(stands(evicted), "no taker of this block");
    for other in resting.into_iter().filter(|open| stands(open)) {
        assert!(!better(evicted.price, other.price));
        let newest = (evicted.arrived, evicted.order) >= (other.arrived, other.order);
        assert!(other.price != evicted.price || newest);
    }
}

/// Checks an auction of all open orders and counts what it shows.
pub(crate) fn check(
    open: &[Open],
    auction: &Auction,
    reference: Price,
    height: i128,
    rare: &mut Rare,
) {
    check_price(open, auction, reference.micros(), rare);
    let by_number: BTreeMap<_, _> = open.iter().map(|open| (open.order, open)).collect();
    let mut sides = BTreeMap::new();
    for fill in &auction.fills {
        let order = by_number[&fill.order];
        // 0015-BOOK-013: no order trades beyond its price or its lots.
        let price = auction.price.expect("fills have a price");
        match fill.side {
            Side::Buy => assert!(price <= order.price),
            Side::Sell => assert!(price >= order.price),
        }
        assert_eq!((fill.account, fill.side), (order.account, order.side));
        assert_eq!(fill.lots.count() + fill.left.count(), order.lots.count());
        assert!(fill.lots.count() > 0 && fill.left.count() >= 0);
        // 0015-BOOK-015
        let came_now = order.arrived.blocks() == height;
        let makes = order.time_in_force == TimeInForce::PostOnly;
        assert_eq!(fill.aggressor, came_now && !makes);
        rare.post_only_filled += usize::from(came_now && makes);
        rare.extreme_sizes += usize::from(order.lots.count() == units::limits::LOTS_MAX);
        // 0015-BOOK-004: nobody is on both sides.
        assert_eq!(*sides.entry(fill.account).or_insert(fill.side), fill.side);
    }
    // What stands never trades with what stands, so it trades on one side only.
    let makers = auction.fills.iter().filter(|fill| !fill.aggressor);
    let maker_sides: Vec<Side> = makers.map(|fill| fill.side).collect();
    assert!(maker_sides.iter().all(|side| Some(side) == maker_sides.first()));
    for side in [Side::Buy, Side::Sell] {
        check_allocation(open, auction, side, rare);
    }
    for expired in &auction.expired {
        let whole = expired.lots == by_number[&expired.order].lots;
        rare.expired_whole += usize::from(whole);
        rare.expired_part += usize::from(!whole);
    }
}

/// Compares the price with every price on tick at which anything could trade.
fn check_price(open: &[Open], auction: &Auction, reference: i128, rare: &mut Rare) {
    let prices = open.iter().map(|open| open.price.micros());
    let (low, high) = (prices.clone().min().unwrap_or(0), prices.max().unwrap_or(0));
    let mut all = Vec::new();
    let mut price = low;
    while price <= high {
        let buys = accepting(open, Side::Buy, price);
        let sells = accepting(open, Side::Sell, price);
        if buys.min(sells) > 0 {
            all.push((price, buys.min(sells), buys - sells));
        }
        price += TICK;
    }
    // 0015-BOOK-006
    let most = all.iter().map(|(_, volume, _)| *volume).max();
    assert_eq!(most.unwrap_or(0), auction.volume.count());
    all.retain(|(_, volume, _)| Some(*volume) == most);
    let count = all.len();
    // 0015-BOOK-007
    let least = all.iter().map(|(_, _, surplus)| surplus.abs()).min();
    all.retain(|(_, _, surplus)| Some(surplus.abs()) == least);
    rare.surplus_decided += usize::from(all.len() < count);
    let positive = all.iter().any(|(_, _, surplus)| *surplus > 0);
    rare.surplus_two_sided += usize::from(positive && all.iter().any(|(_, _, s)| *s < 0));
    // 0015-BOOK-008
    let count = all.len();
    let closest = all.iter().map(|(price, ..)| (price - reference).abs()).min();
    all.retain(|(price, ..)| Some((price - reference).abs()) == closest);
    rare.reference_decided += usize::from(all.len() < count);
    // 0015-BOOK-009
    rare.lower_decided += usize::from(all.len() > 1);
    let price = all.first().map(|(price, ..)| *price);
    assert_eq!(auction.price.map(Price::micros), price);
    rare.trades += usize::from(price.is_some());
    let of_order = open.iter().any(|open| Some(open.price.micros()) == price);
    rare.price_between_orders += usize::from(price.is_some() && !of_order);
}

/// Checks one side's fills group by group: an order gets nothing while a better or earlier one wants more, and equals
/// get what their size gives them, to a lot.
fn check_allocation(open: &[Open], auction: &Auction, side: Side, rare: &mut Rare) {
    let fills: BTreeMap<_, &BookFill> =
        auction.fills.iter().map(|fill| (fill.order, fill)).collect();
    let mut groups: BTreeMap<(i128, i128), Vec<&Open>> = BTreeMap::new();
    for order in open.iter().filter(|open| open.side == side) {
        let rank = match side {
            Side::Buy => -order.price.micros(),
            Side::Sell => order.price.micros(),
        };
        groups.entry((rank, order.arrived.blocks())).or_default().push(order);
    }
    let mut wants_more = None;
    let mut ranks = std::collections::BTreeSet::new();
    let traded = |order: &Open| fills.get(&order.order).map_or(0, |fill| fill.lots.count());
    for ((rank, _), group) in &groups {
        let wanted: i128 = group.iter().map(|order| order.lots.count()).sum();
        let got: i128 = group.iter().map(|order| traded(order)).sum();
        if got > 0 {
            // 0015-BOOK-010
            assert_eq!(
                wants_more, None,
                "a worse or later order trades before a better or earlier"
            );
            ranks.insert(*rank);
        }
        if got > 0 && got < wanted {
            let same_price = groups.range((*rank, i128::MIN)..=(*rank, i128::MAX));
            rare.earlier_block_first += usize::from(same_price.count() > 1);
            check_pro_rata(group, got, wanted, &traded, rare);
        }
        if got < wanted && wants_more.is_none() {
            wants_more = Some(*rank);
        }
    }
    rare.swept_levels += usize::from(ranks.len() > 1);
}

fn check_pro_rata(
    group: &[&Open],
    got: i128,
    wanted: i128,
    traded: &impl Fn(&Open) -> i128,
    rare: &mut Rare,
) {
    // 0015-BOOK-011
    let exact = |order: &Open| (order.lots.count() * got) / wanted;
    let remainder = |order: &Open| (order.lots.count() * got) % wanted;
    let odd: Vec<&&Open> = group.iter().filter(|order| traded(order) == exact(order) + 1).collect();
    let even: Vec<&&Open> = group.iter().filter(|order| traded(order) == exact(order)).collect();
    assert_eq!(odd.len() + even.len(), group.len(), "a share is within a lot of its exact value");
    for winner in &odd {
        for loser in &even {
            let (won, lost) = (remainder(winner), remainder(loser));
            assert!(won > lost || (won == lost && winner.order < loser.order));
            rare.remainder_ties += usize::from(won == lost);
        }
    }
    rare.pro_rata += usize::from(group.len() > 1);
    rare.shared_nothing += group.iter().filter(|order| traded(order) == 0).count();
    let makers = group.iter().filter(|order| order.time_in_force == TimeInForce::PostOnly).count();
    rare.makers_and_takers_shared += usize::from(makers > 0 && makers < group.len());
}

/// Checks that the orders afterwards are the orders before, less what traded and expired.
pub(crate) fn conserved(before: &[Open], auction: &Auction, after: &[Open]) {
    let mut expected: BTreeMap<_, Open> = before.iter().map(|open| (open.order, *open)).collect();
    for fill in &auction.fills {
        let open = expected.get_mut(&fill.order).expect("a fill is of an open order");
        open.lots = open.lots.minus(fill.lots).unwrap();
    }
    for open in &auction.expired {
        assert_eq!(expected.remove(&open.order), Some(*open));
    }
    expected.retain(|_, open| open.lots.count() > 0);
    assert_eq!(after, expected.into_values().collect::<Vec<_>>());
    // 0015-BOOK-012, 0015-BOOK-014
    assert!(after.iter().all(|open| open.time_in_force != TimeInForce::ImmediateOrCancel));
    let prices = |side| after.iter().filter(move |open| open.side == side).map(|open| open.price);
    let bid = prices(Side::Buy).max();
    assert!(bid.is_none() || prices(Side::Sell).all(|ask| Some(ask) > bid), "the book is crossed");
}

/// 0015-BOOK-004: an account's bids are all below its asks, in the batch too.
pub(crate) fn account_does_not_cross_itself(own: &[Open]) {
    let prices = |side| own.iter().filter(move |open| open.side == side).map(|open| open.price);
    let bid = prices(Side::Buy).max();
    assert!(bid.is_none() || prices(Side::Sell).all(|ask| Some(ask) > bid));
}
