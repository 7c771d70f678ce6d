//! Quotes that rest where new risk is refused: when they leave, and who may trade meanwhile.

use super::common::{BTC, House, genesis, order};
use machine::{Machine, Outcome, ParameterGenesis};
use protocol::{
    Block, CancelReason, Command, Event, Mode, ParameterId, Receipt, Refusal, Side, TimeInForce,
    Transaction,
};

const DOLLAR: i128 = 1_000_000;
const PERPETUAL: u32 = 1;

/// Applies a block in which nobody votes.
fn silent(house: &mut House, seconds: i128, transactions: Vec<Transaction>) -> Outcome {
    let block = house.block(seconds, transactions);
    house.machine.apply(&Block { votes: Vec::new(), ..block }).expect("the block follows")
}

/// Returns how many orders a block has cancelled because they add risk.
fn cleared(outcome: &Outcome) -> usize {
    let is_cleared =
        |event: &&Event| matches!(event, Event::Cancelled { reason: CancelReason::Restricted, .. });
    outcome.events.iter().filter(is_cleared).count()
}

/// A house with a value for BTC, in which account 3, without a position, quotes 700 lots on both sides, and account 4 has money.
fn quoted(parameter: ParameterId, value: i64) -> House {
    let mut genesis = genesis();
    genesis.parameters.push(ParameterGenesis { underlying: Some(BTC), parameter, value });
    let (machine, _) = Machine::found(&genesis).expect("the genesis is sound");
    let mut house = House { machine, ..House::new() };
    house.fund(&[(3, 1_000_000), (4, 1_000_000)]);
    let quotes = [(1, Side::Buy, 7_990), (2, Side::Sell, 8_010)];
    let quotes =
        quotes.map(|(client, side, price)| order(3, client, PERPETUAL, side, price * DOLLAR, 700));
    let outcome = house.apply(1, quotes.to_vec());
    assert!(outcome.receipts.iter().all(|receipt| matches!(receipt, Receipt::Order(_))));
    house
}

#[test]
fn old_quotes_leave_after_twenty_seconds_though_the_underlying_is_frozen_before() {
    // 0025-BLOCK-017. Frozen after 15 seconds, they stayed for ever.
    let mut left = Vec::new();
    for frozen_after in [60_000, 15_000] {
        let mut house = quoted(ParameterId::FrozenAfter, frozen_after);
        let mut leaves = |_: &i128| cleared(&silent(&mut house, 1, Vec::new())) > 0;
        left.push((1..=90).filter(|second| leaves(second)).collect::<Vec<_>>());
    }
    assert_eq!(left, [[21], [21]]);
}

#[test]
fn quotes_that_stood_through_one_long_block_do_not_trade_at_what_it_brings() {
    // 0025-BLOCK-017. An index fifteen seconds old, and a block fifty seconds later, with votes or without: all stayed, and
    // account 4 bought 700 lots at 8,010 of what is worth more.
    for (seconds, votes) in [(50, false), (50, true), (40, true)] {
        let mut house = quoted(ParameterId::StaleAfter, 10_000);
        assert_eq!(cleared(&silent(&mut house, 15, Vec::new())), 0);
        house.btc = 8_400 * DOLLAR;
        let outcome = match votes {
            true => house.apply(seconds, Vec::new()),
            false => silent(&mut house, seconds, Vec::new()),
        };
        assert_eq!(cleared(&outcome), 2, "after {seconds} seconds, votes: {votes}");
        for _ in 0..20 {
            house.apply(1, Vec::new());
        }
        let buys = order(4, 1, PERPETUAL, Side::Buy, 8_010 * DOLLAR, 700);
        assert!(matches!(house.apply(1, vec![buys]).receipts[0], Receipt::Order(_)));
        assert_eq!(house.lots(4, PERPETUAL), 0);
    }
}

#[test]
fn blocks_that_are_slow_and_bring_an_index_cancel_no_quote() {
    // 0025-BLOCK-017
    let mut house = quoted(ParameterId::StaleAfter, 10_000);
    for _ in 0..10 {
        assert_eq!(cleared(&house.apply(30, Vec::new())), 0);
    }
}

/// Returns an order that is gone after the next auction.
fn immediate(number: u8, client: u64, side: Side, price: i128, lots: i128) -> Transaction {
    let mut order = order(number, client, PERPETUAL, side, price, lots);
    if let Command::PlaceOrder { order, .. } = &mut order.command {
        order.time_in_force = TimeInForce::ImmediateOrCancel;
    }
    order
}

/// A house in whose next block, with an index twelve seconds old, the house sells a few lots of account 1. Account 3 offers 1,400
/// lots, 4 and 5 have money and no position, 6 is long of a lot, 7 has money for a few. Returns the price of the offers.
fn liquidating() -> (House, i128) {
    let mut house = House::new();
    house.fund(&[(1, 850), (2, 3_000_000), (3, 9_000_000), (4, 9_000_000), (5, 9_000_000)]);
    house.fund(&[(6, 100_000), (7, 1_000)]);
    let [long, short] = [(1, Side::Buy), (2, Side::Sell)]
        .map(|(number, side)| order(number, 1, PERPETUAL, side, 8_000 * DOLLAR, 60));
    house.apply(1, vec![long, short]);
    let [long, short] = [(6, Side::Buy), (2, Side::Sell)]
        .map(|(number, side)| order(number, 2, PERPETUAL, side, 8_000 * DOLLAR, 1));
    house.apply(1, vec![long, short]);
    assert_eq!((house.lots(1, PERPETUAL), house.lots(6, PERPETUAL)), (60, 1));
    let is_liquidated = |outcome: &Outcome| {
        outcome.events.iter().any(|event| matches!(event, Event::Liquidated { .. }))
    };
    while !is_liquidated(&house.apply(5, Vec::new())) {
        house.btc -= 4 * DOLLAR;
    }
    let offered = house.btc / DOLLAR * DOLLAR + 10 * DOLLAR;
    let outcome = house.apply(1, vec![order(3, 9, PERPETUAL, Side::Sell, offered, 1_400)]);
    assert!(matches!(outcome.receipts[0], Receipt::Order(_)));
    (house, offered)
}

/// Returns how many lots an account has bought in a block.
fn bought(house: &House, number: u8, outcome: &Outcome) -> i128 {
    let index = house.machine.state().accounts.index(super::common::account(number));
    let lots = |event: &Event| match event {
        Event::Filled { account, lots, .. } if Some(*account) == index => Some(lots.count()),
        _ => None,
    };
    outcome.events.iter().filter_map(lots).sum()
}

#[test]
fn one_liquidated_lot_opens_no_old_quote_to_anybody() {
    // 0025-BLOCK-060. A few lots of account 1 are sold; account 4 bought them and the offers of 1,400 with them.
    let (mut house, offered) = liquidating();
    let outcome = silent(&mut house, 12, vec![immediate(4, 1, Side::Buy, offered, 1_400)]);
    assert_eq!(house.machine.state().mode(BTC), Mode::ReduceOnly);
    let forbidden = Receipt::Refused(Refusal::ModeForbids { mode: Mode::ReduceOnly });
    assert_eq!(outcome.receipts, [forbidden], "{} bought", bought(&house, 4, &outcome));
    // Below the offers it takes over what is liquidated, and no lot more.
    let (mut house, offered) = liquidating();
    let before = house.lots(1, PERPETUAL);
    let below = offered - DOLLAR / 2;
    let outcome = silent(&mut house, 12, vec![immediate(4, 1, Side::Buy, below, 1_400)]);
    let sold = before - house.lots(1, PERPETUAL);
    assert!((1..60).contains(&sold), "{sold}");
    assert_eq!(bought(&house, 4, &outcome), sold);
    assert_eq!(house.lots(3, PERPETUAL), 0);
    // So whoever has money for those may send as large an order.
    let (mut house, offered) = liquidating();
    let below = offered - DOLLAR / 2;
    let outcome = silent(&mut house, 12, vec![immediate(7, 1, Side::Buy, below, 1_400)]);
    assert_eq!(bought(&house, 7, &outcome), sold, "{:?}", outcome.receipts);
}

#[test]
fn what_is_liquidated_goes_to_the_best_bids_and_not_to_the_first() {
    // 0025-BLOCK-060, 0025-BLOCK-061. Whoever makes the block may send first.
    let (mut house, offered) = liquidating();
    let before = house.lots(1, PERPETUAL);
    let low = house.btc / DOLLAR * DOLLAR - 100 * DOLLAR;
    let high = offered - DOLLAR;
    let mut bids = vec![immediate(4, 1, Side::Buy, low, 1_400)];
    bids.extend((1..=30).map(|client| immediate(4, 1 + client, Side::Buy, low, 1)));
    bids.push(immediate(5, 1, Side::Buy, high, 1));
    bids.push(immediate(5, 2, Side::Buy, high, 1_400));
    bids.push(immediate(4, 90, Side::Buy, low + DOLLAR, 1_400));
    let outcome = silent(&mut house, 12, bids);
    let sold = before - house.lots(1, PERPETUAL);
    assert!(sold > 1, "{sold}");
    assert_eq!((bought(&house, 5, &outcome), bought(&house, 4, &outcome)), (sold, 0));
    let open = house.machine.state().accounts.iter().map(|(_, held)| held.orders().len());
    assert_eq!(open.sum::<usize>(), 1, "the offer of account 3 alone");
    let forbidden = Receipt::Refused(Refusal::ModeForbids { mode: Mode::ReduceOnly });
    assert_eq!(outcome.receipts.last(), Some(&forbidden), "all is taken over at better prices");
}

#[test]
fn an_old_offer_that_only_reduces_keeps_nobody_from_bidding_for_what_is_liquidated() {
    // 0025-BLOCK-060. A lot offered far below by who is long would let its owner alone bid.
    let (mut house, _) = liquidating();
    let low = house.btc / DOLLAR * DOLLAR - 200 * DOLLAR;
    house.apply(1, vec![order(6, 3, PERPETUAL, Side::Sell, low, 1)]);
    let before = house.lots(1, PERPETUAL);
    let bid = immediate(4, 1, Side::Buy, low + 150 * DOLLAR, 1_400);
    let outcome = silent(&mut house, 12, vec![bid]);
    let sold = before - house.lots(1, PERPETUAL);
    let bought = bought(&house, 4, &outcome);
    assert!(sold > 0 && bought >= sold, "{bought} of {sold} {:?}", outcome.receipts);
}
