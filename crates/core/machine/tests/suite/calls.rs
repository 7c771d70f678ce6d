//! Margin calls: after how long, for what, and what an account can do until then.

use super::common::{BTC, House, account, deposit, dollars, long_on, order};
use super::history::play;
use expect_test::expect;
use machine::Outcome;
use protocol::{CancelReason, Event, Mode, Receipt, Refusal, Side};
use units::{Notional, Price};

const DOLLAR: i128 = 1_000_000;
const MAKERS: std::ops::Range<u8> = 10..30;

fn called(house: &House, number: u8) -> bool {
    let accounts = &house.machine.state().accounts;
    accounts.get(accounts.index(account(number)).expect("open")).expect("open").called
}

/// Lots of an account's open orders on a side.
fn resting(house: &House, number: u8, side: Side) -> i128 {
    let accounts = &house.machine.state().accounts;
    let held = accounts.get(accounts.index(account(number)).expect("open")).expect("open");
    let orders = held.orders().values().filter(|open| open.side == side);
    orders.map(|open| open.lots.count()).sum()
}

fn bids(house: &House) -> i128 {
    MAKERS.map(|number| resting(house, number, Side::Buy)).sum()
}

/// Equity, and initial and maintenance margin without orders, for new risk.
fn required(house: &House, number: u8) -> (Notional, Notional, Notional) {
    let state = house.machine.state();
    let index = state.accounts.index(account(number)).expect("open");
    let needed = state.required(&state.risk().expect("builds"), index, false).expect("measures");
    (needed.equity, needed.initial, needed.maintenance)
}

fn calls(outcome: &Outcome) -> usize {
    outcome.events.iter().filter(|event| matches!(event, Event::MarginCalled { .. })).count()
}

fn cancelled(outcome: &Outcome) -> Vec<(i128, CancelReason)> {
    let cancelled = outcome.events.iter().filter_map(|event| match event {
        Event::Cancelled { lots, reason, .. } => Some((lots.count(), *reason)),
        _ => None,
    });
    cancelled.collect()
}

/// Account 1 long 6,000 lots with 3,000 dollars more than initial margin, and an offer of ten of them.
fn with_offer() -> House {
    let mut house = long_on(80_000);
    house.apply(1, vec![order(1, 5, 1, Side::Sell, 9_000 * DOLLAR, 10)]);
    house
}

#[test]
fn a_call_comes_after_ten_seconds_of_block_time_below_initial_margin() {
    // 0021-FALL-002
    for step in [1, 5, 10] {
        let mut house = with_offer();
        house.btc -= 70 * DOLLAR;
        house.apply(1, Vec::new());
        let (equity, initial, maintenance) = required(&house, 1);
        assert!(maintenance < equity && equity < initial);
        let mut seconds = 0;
        while !called(&house, 1) {
            let outcome = house.apply(step, Vec::new());
            seconds += step;
            assert_eq!(calls(&outcome) == 1, called(&house, 1));
        }
        assert_eq!((seconds, resting(&house, 1, Side::Sell)), (10, 10));
    }
}

#[test]
fn nine_seconds_below_initial_margin_call_nobody_and_are_forgotten() {
    // 0021-FALL-002
    let mut house = with_offer();
    for _ in 0..5 {
        house.btc -= 70 * DOLLAR;
        let short: usize = (0..9).map(|_| calls(&house.apply(1, Vec::new()))).sum();
        house.btc += 70 * DOLLAR;
        assert_eq!((short, calls(&house.apply(1, Vec::new()))), (0, 0));
    }
}

#[test]
fn below_maintenance_margin_the_call_comes_at_once() {
    // 0021-FALL-002
    let mut house = with_offer();
    house.btc -= 400 * DOLLAR;
    let outcome = house.apply(10, Vec::new());
    assert_eq!((calls(&outcome), resting(&house, 1, Side::Sell)), (1, 0));
}

#[test]
fn the_grace_lets_in_no_order_and_leaves_none_that_raises_initial_margin() {
    // 0021-FALL-002, 0019-MARG-020, 0019-MARG-021
    let history = play(
        "A1 brings 80000
         A3 brings 10000000
         block
         A1 buys 6000 BTC of A3 at 8000
         block
         A1 sells 10 BTC at 9000
         A1 buys 10 BTC at 7000
         block
         show cancelled called
         btc -70
         block
         A1 buys 1 BTC at 7900
         block",
    );
    expect![[r#"
        4: cancelled: 10 BTC of A1, Uncovered
        5: A1 is refused: margin would be short by 1284.584995 dollars
    "#]]
    .assert_eq(&history.printed);
}

/// Twenty makers, each long 3,000 lots with 65,000 dollars, of which 38,400 are initial margin, and a bid of 1,000 lots.
fn makers() -> House {
    let mut house = House::new();
    let mut brought = vec![deposit(2, 0, dollars(5_000_000))];
    brought.extend(MAKERS.map(|number| deposit(number, 0, dollars(65_000))));
    house.apply(1, brought);
    let mut trades = vec![order(2, 1, 1, Side::Sell, 8_000 * DOLLAR, 60_000)];
    trades.extend(MAKERS.map(|number| order(number, 1, 1, Side::Buy, 8_000 * DOLLAR, 3_000)));
    house.apply(1, trades);
    let bid = |number| (7_200 + 10 * i128::from(number)) * DOLLAR;
    let quotes = MAKERS.map(|number| order(number, 2, 1, Side::Buy, bid(number), 1_000));
    house.apply(1, quotes.collect());
    for _ in 0..15 {
        house.apply(1, Vec::new());
    }
    assert_eq!(bids(&house), 20_000);
    house
}

fn mode(house: &House) -> Mode {
    house.machine.state().mode(BTC)
}

/// Applies blocks of a second in which two of four sources are so many dollars above the others.
fn disagree(house: &mut House, seconds: i128, apart: i128) {
    for _ in 0..seconds {
        let mut block = house.block(1, Vec::new());
        let prices = block.votes.iter_mut().flat_map(|vote| &mut vote.prices);
        for seen in prices.filter(|seen| seen.underlying == BTC && seen.source.get() > 2) {
            seen.price = Price::from_micros(seen.price.micros() + apart * DOLLAR);
        }
        house.machine.apply(&block).expect("it follows");
    }
}

#[test]
fn a_gap_that_the_index_follows_slowly_leaves_the_bids_that_are_covered() {
    // 0017-ORAC-028, 0019-MARG-027
    let mut house = makers();
    house.btc -= 400 * DOLLAR;
    for second in 0..20 {
        let bid = order(10, 9, 1, Side::Buy, 7_500 * DOLLAR, 1_000);
        let outcome = house.apply(1, if second == 0 { vec![bid] } else { Vec::new() });
        if second == 0 {
            // What is asked for new risk is more than there is.
            let (equity, initial, _) = required(&house, 10);
            assert_eq!((equity.micros() / DOLLAR, initial.micros() / DOLLAR), (62_479, 56_804));
            assert!(matches!(outcome.receipts[0], Receipt::Refused(Refusal::MarginShort { .. })));
        }
        assert_eq!((calls(&outcome), cancelled(&outcome)), (0, Vec::new()));
    }
    assert_eq!((bids(&house), mode(&house)), (20_000, Mode::Normal));
}

#[test]
fn a_gap_of_more_than_half_the_range_counts_at_once() {
    // 0019-MARG-027
    let mut house = makers();
    house.btc -= 900 * DOLLAR;
    let outcome = house.apply(1, Vec::new());
    assert_eq!((cancelled(&outcome).len(), bids(&house)), (20, 0));
}

#[test]
fn doubt_of_nine_seconds_cancels_nothing_and_of_eleven_what_it_does_not_cover() {
    // 0017-ORAC-028, 0019-MARG-027
    for (seconds, left) in [(9, 20_000), (11, 0)] {
        let mut house = makers();
        house.btc -= 250 * DOLLAR;
        house.apply(10, Vec::new());
        for _ in 0..15 {
            house.apply(1, Vec::new());
        }
        disagree(&mut house, seconds, 120);
        assert_eq!(mode(&house), Mode::Caution);
        house.apply(1, Vec::new());
        assert_eq!(bids(&house), left);
    }
}
