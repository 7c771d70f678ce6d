//! What stands on a price that is lost carries no new risk: neither what is pledged, nor what positions have gained.

use super::common::{BTC, ETH, House, account, deposit, dollars, order};
use machine::Outcome;
use protocol::{Block, CancelReason, Event, Receipt, Refusal, Side, Transaction};
use units::Amount;

/// In billionths.
const BITCOINS: i128 = 1_000_000_000;

/// Applies a block in which nobody reports a price of BTC.
fn silent(house: &mut House, seconds: i128, transactions: Vec<Transaction>) -> Outcome {
    let mut block: Block = house.block(seconds, transactions);
    for vote in &mut block.votes {
        vote.prices.retain(|report| report.underlying != BTC);
        vote.bases.retain(|report| report.underlying != BTC);
    }
    house.machine.apply(&block).expect("the block follows")
}

fn uncovered(outcome: &Outcome) -> usize {
    let cancelled =
        |event: &&Event| matches!(event, Event::Cancelled { reason: CancelReason::Uncovered, .. });
    outcome.events.iter().filter(cancelled).count()
}

fn is_short(receipt: &Receipt) -> bool {
    matches!(receipt, Receipt::Refused(Refusal::MarginShort { .. }))
}

/// Traders 1 and 2 pledge ten bitcoins and bid for ether, of whom 2 has the dollars too; 3 is there to sell.
fn bidding() -> House {
    let mut house = House::new();
    let pledge = Amount::from_minor(10 * BITCOINS);
    let paid = |number, sum| deposit(number, 0, dollars(sum));
    house.apply(
        1,
        vec![deposit(1, 1, pledge), deposit(2, 1, pledge), paid(2, 40_000), paid(3, 400_000)],
    );
    house.apply(
        1,
        [1, 2].map(|number| order(number, 1, 11, Side::Buy, 185_000_000, 15_000)).to_vec(),
    );
    assert_eq!([open(&house, 1), open(&house, 2)], [1, 1]);
    house
}

fn open(house: &House, number: u8) -> usize {
    let state = house.machine.state();
    let index = state.accounts.index(account(number)).expect("open");
    state.accounts.get(index).expect("open").orders().len()
}

#[test]
fn orders_elsewhere_that_stand_on_a_lost_price_leave_and_no_new_one_enters() {
    // 0019-MARG-024
    let mut house = bidding();
    let mut cancelled = Vec::new();
    for second in (5..=90).step_by(5) {
        if uncovered(&silent(&mut house, 5, Vec::new())) > 0 {
            cancelled.push(second);
        }
    }
    // The block before the last had an index that was exactly sixty seconds old.
    assert_eq!(cancelled, [65], "once, when the index is lost");
    assert_eq!([open(&house, 1), open(&house, 2)], [0, 1], "dollars carry on");
    let bid = |number| order(number, 2, 11, Side::Buy, 185_000_000, 1_000);
    let outcome = silent(&mut house, 5, vec![bid(1), bid(2)]);
    assert!(is_short(&outcome.receipts[0]), "{:?}", outcome.receipts[0]);
    assert!(matches!(outcome.receipts[1], Receipt::Order(_)));
    assert!(house.machine.state().index(ETH).is_some());
    for _ in 0..20 {
        house.apply(5, Vec::new());
    }
    let outcome = house.apply(5, vec![order(1, 3, 11, Side::Buy, 185_000_000, 1_000)]);
    assert!(matches!(outcome.receipts[0], Receipt::Order(_)), "{:?}", outcome.receipts[0]);
}

#[test]
fn who_leaves_a_dead_pledge_behind_takes_out_no_more_than_he_brought_in_dollars() {
    // 0019-MARG-024. The pledge of 1 is worth nothing when its price is back; 3 is his other account.
    let mut house = bidding();
    for _ in 0..13 {
        silent(&mut house, 5, Vec::new());
    }
    let before = house.cash(3);
    let bid = order(1, 4, 11, Side::Buy, 197_000_000, 15_000);
    let ask = order(3, 1, 11, Side::Sell, 197_000_000, 15_000);
    let outcome = silent(&mut house, 5, vec![bid, ask]);
    assert!(is_short(&outcome.receipts[0]), "{:?}", outcome.receipts[0]);
    assert_eq!((house.lots(1, 11), house.lots(3, 11)), (0, 0));
    assert_eq!(house.cash(3), before);
}

#[test]
fn who_stands_on_a_lost_price_may_close_near_the_mark_and_no_farther() {
    // 0019-MARG-024
    let mut house = House::new();
    let pledge = Amount::from_minor(10 * BITCOINS);
    house.apply(
        1,
        vec![
            deposit(1, 1, pledge),
            deposit(2, 0, dollars(40_000)),
            deposit(3, 0, dollars(400_000)),
        ],
    );
    house.apply(
        1,
        vec![
            order(1, 1, 11, Side::Buy, 190_000_000, 10_000),
            order(3, 1, 11, Side::Sell, 190_000_000, 10_000),
        ],
    );
    assert_eq!(house.lots(1, 11), 10_000);
    for _ in 0..13 {
        silent(&mut house, 5, Vec::new());
    }
    let far = order(1, 2, 11, Side::Sell, 170_000_000, 10_000);
    let near = order(1, 3, 11, Side::Sell, 187_000_000, 10_000);
    let outcome = silent(&mut house, 5, vec![far, near]);
    assert!(is_short(&outcome.receipts[0]), "{:?}", outcome.receipts[0]);
    assert!(matches!(outcome.receipts[1], Receipt::Order(_)), "{:?}", outcome.receipts[1]);
}
