//! Open orders are margined in every block, and what an order may lose is bounded: whoever trades with himself, or lets
//! orders rest while marks move, takes out no more than he brought.

use super::common::{
    BTC, CUSTODIAN, House, START, account, deposit, dollars, genesis, of, order, trader, twin,
};
use machine::{Genesis, Machine, ParameterGenesis};
use protocol::{
    AccountId, Address, AssetId, CancelReason, Command, Event, InstrumentId, Mode, ParameterId,
    Quote, Receipt, Refusal, Side, Transaction,
};
use units::{Amount, Lots, Notional, Price};

const TICK: i128 = 500_000;

fn founded(genesis: &Genesis) -> House {
    let (machine, _) = Machine::found(genesis).expect("the genesis is sound");
    House { machine, now: START, btc: 8_000_000_000, eth: 190_000_000 }
}

fn withdraw(number: u8, amount: Amount) -> Transaction {
    of(
        number,
        Command::Withdraw { sub: 0, asset: AssetId::DOLLAR, amount, destination: trader(number) },
    )
}

fn tick(price: i128) -> i128 {
    price.div_euclid(TICK) * TICK
}

fn mark(house: &House, instrument: u32) -> i128 {
    let market = &house.machine.state().markets[&InstrumentId::new(instrument)];
    market.mark.expect("it has a mark").micros()
}

fn fund(house: &House) -> i128 {
    house.machine.state().insurance_fund(BTC).micros()
}

/// Equity, maintenance margin and initial margin, with the account's orders.
fn required(house: &House, number: u8) -> margin::Requirement {
    let state = house.machine.state();
    let index = state.accounts.index(account(number)).expect("open");
    state.required(&state.risk().expect("builds"), index, true).expect("measures")
}

fn open_orders(house: &House, number: u8) -> usize {
    let state = house.machine.state();
    let index = state.accounts.index(account(number)).expect("open");
    state.accounts.get(index).expect("open").orders().len()
}

fn is_short(receipt: &Receipt) -> bool {
    matches!(receipt, Receipt::Refused(Refusal::MarginShort { .. }))
}

fn uncovered(outcome: &machine::Outcome) -> usize {
    let cancelled =
        |event: &&Event| matches!(event, Event::Cancelled { reason: CancelReason::Uncovered, .. });
    outcome.events.iter().filter(cancelled).count()
}

/// Lets a coalition wait until nothing is left open or owed, and returns the dollars of its accounts in micros.
fn settled(house: &mut House, accounts: &[u8]) -> i128 {
    for _ in 0..370 {
        house.apply(10, Vec::new());
    }
    accounts.iter().map(|number| house.cash(*number)).sum()
}

#[test]
fn an_order_that_the_market_has_passed_by_is_cancelled_and_never_fills() {
    // 0019-MARG-021, 0019-MARG-022
    let mut house = House::new();
    house.fund(&[(1, 80_000), (2, 120_000)]);
    // A bid at the mark for 480,000 dollars in a market that nobody else trades.
    let outcome = house.apply(1, vec![order(1, 1, 2, Side::Buy, 8_000_000_000, 6_000)]);
    assert!(matches!(outcome.receipts[0], Receipt::Order(_)));
    let mut cancelled = 0;
    for _ in 0..200 {
        house.btc -= 16_000_000;
        let outcome = house.apply(10, Vec::new());
        cancelled += uncovered(&outcome);
        let needed = required(&house, 1);
        assert!(needed.initial <= needed.equity, "what rests is covered");
    }
    assert_eq!((cancelled, open_orders(&house, 1)), (1, 0));
    house.apply(10, vec![order(2, 1, 2, Side::Sell, 8_000_000_000, 6_000)]);
    assert_eq!((house.lots(1, 2), house.lots(2, 2)), (0, 0));
    let before = fund(&house);
    assert_eq!(settled(&mut house, &[1, 2]), 200_000_000_000, "the coalition has what it brought");
    assert_eq!(fund(&house), before);
}

#[test]
fn orders_are_margined_beside_positions_that_alone_are_covered() {
    // 0019-MARG-021
    let mut house = House::new();
    house.fund(&[(1, 90_000), (2, 400_000)]);
    house.apply(
        1,
        vec![
            order(1, 1, 1, Side::Buy, 8_000_000_000, 10),
            order(2, 1, 1, Side::Sell, 8_000_000_000, 10),
            order(1, 2, 2, Side::Buy, 8_000_000_000, 6_000),
        ],
    );
    assert_eq!((house.lots(1, 1), open_orders(&house, 1)), (10, 1));
    let mut cancelled = 0;
    for _ in 0..160 {
        house.btc -= 16_000_000;
        cancelled += uncovered(&house.apply(10, Vec::new()));
        let needed = required(&house, 1);
        assert!(needed.initial <= needed.equity, "{needed:?}");
    }
    assert_eq!((cancelled, open_orders(&house, 1)), (1, 0));
}

#[test]
fn a_bid_that_needs_nothing_while_it_is_far_is_gone_before_it_can_fill() {
    // 0019-MARG-021, 0019-MARG-022
    for (money, price, lots, seconds) in
        [(600, 6_710_000_000, 4_000, 4), (10, 6_600_000_000, 100, 2)]
    {
        let mut house = House::new();
        house.apply(
            1,
            vec![
                deposit(1, 0, dollars(money)),
                deposit(4, 0, dollars(200_000)),
                deposit(3, 0, dollars(50_000_000)),
            ],
        );
        let outcome = house.apply(1, vec![order(1, 1, 1, Side::Buy, price, lots)]);
        assert!(matches!(outcome.receipts[0], Receipt::Order(_)), "farther than a range off");
        for _ in 0..12 {
            house.btc -= 100_000_000;
            house.apply(2, Vec::new());
        }
        // Through the bid in one block, by as much as an index may move in that time.
        house.btc = 6_550_000_000;
        let outcome =
            house.apply(seconds, vec![order(4, 1, 1, Side::Sell, price - 20 * TICK, lots)]);
        assert!(!outcome.events.iter().any(|event| matches!(event, Event::Filled { .. })));
        assert_eq!((house.lots(1, 1), open_orders(&house, 1)), (0, 0));
        let before = fund(&house);
        assert_eq!(settled(&mut house, &[1, 4]), (money + 200_000) * 1_000_000);
        assert_eq!(fund(&house), before);
    }
}

/// Account 1 long and account 2 short 60 coins of each other, 80,000 and 200,000 dollars brought; the index then falls
/// until account 1 is short of initial margin, or of maintenance margin too.
fn called(below_maintenance: bool) -> House {
    let mut house = House::new();
    house.fund(&[(1, 80_000), (2, 200_000)]);
    house.sell_sixty(2);
    for _ in 0..28 {
        house.btc -= 10_000_000;
        house.apply(10, Vec::new());
    }
    while below_maintenance && required(&house, 1).equity >= required(&house, 1).maintenance {
        house.btc -= 10_000_000;
        house.apply(10, Vec::new());
    }
    let needed = required(&house, 1);
    assert!(needed.equity < needed.initial);
    assert_eq!(needed.equity < needed.maintenance, below_maintenance);
    house
}

#[test]
fn an_account_under_a_call_gives_nothing_away_that_it_has_not() {
    // 0019-MARG-020
    let mut house = called(false);
    let needed = required(&house, 1);
    let paid_in = 280_000_000_000;
    // A percent farther off the mark each time: what enters leaves the account its maintenance margin.
    let (mut refused, mut client) = (0, 10);
    for percent in (1..=28).rev() {
        client += 1;
        let price = tick(mark(&house, 1) * (100 - percent) / 100) + TICK;
        let outcome = house.apply(1, vec![order(1, client, 1, Side::Sell, price, 6_000)]);
        let loss = (mark(&house, 1) - price) * 60;
        let covered = loss + loss / 1_000 < needed.equity.micros();
        match outcome.receipts[0] {
            Receipt::Order(order) => {
                assert!(covered, "{percent} % off");
                house.apply(1, vec![of(1, Command::CancelOrder { sub: 0, order })]);
            }
            Receipt::Refused(Refusal::MarginShort { short_by }) => {
                refused += 1;
                assert!(short_by > Notional::ZERO);
                assert!(loss > needed.maintenance.micros() * 9 / 10, "{percent} % off");
            }
            ref other => panic!("{other:?}"),
        }
    }
    assert!(refused > 10 && refused < 28, "{refused}");
    // The farthest that enters, to the accomplice: no debt, and nothing that was not brought.
    let price = tick(mark(&house, 1) * 88 / 100) + TICK;
    house.apply(
        1,
        vec![order(1, 100, 1, Side::Sell, price, 6_000), order(2, 100, 1, Side::Buy, price, 6_000)],
    );
    assert_eq!((house.lots(1, 1), house.lots(2, 1)), (0, 0));
    assert!(required(&house, 1).equity > Notional::ZERO);
    let before = fund(&house);
    let out = settled(&mut house, &[1, 2]);
    assert!(out <= paid_in && fund(&house) >= before, "{out}");
}

/// What becomes of an order of account 1 in the next block, of a house like the one given.
fn attempt(house: &House, side: Side, price: i128, lots: i128) -> Receipt {
    let mut again = twin(house);
    again.apply(1, vec![order(1, 100, 1, side, price, lots)]).receipts[0].clone()
}

#[test]
fn an_account_below_maintenance_closes_near_the_mark_and_within_what_it_has() {
    // 0019-MARG-020
    let mut house = called(true);
    let off = |house: &House, parts: i128| tick(mark(house, 1) * (10_000 - parts) / 10_000) + TICK;
    // The band of a liquidation is eight percent; the house itself sells a part.
    let sell = |house: &House, parts, lots| attempt(house, Side::Sell, off(house, parts), lots);
    assert!(matches!(sell(&house, 0, 3_000), Receipt::Order(_)));
    assert!(matches!(sell(&house, 780, 3_000), Receipt::Order(_)));
    assert!(is_short(&sell(&house, 820, 3_000)));
    assert!(is_short(&sell(&house, 820, 1)));
    // The house does nothing in a call auction, and the index goes on falling: what the account may give away is what it has.
    house.apply(100, Vec::new());
    for _ in 0..15 {
        house.apply(1, Vec::new());
    }
    while required(&house, 1).equity > Notional::from_micros(2_000_000_000) {
        house.btc -= 10_000_000;
        house.apply(5, Vec::new());
    }
    assert!(house.machine.state().call_auction.is_some());
    let equity = required(&house, 1).equity;
    assert!(equity > Notional::ZERO);
    assert!(matches!(sell(&house, 0, 6_000), Receipt::Order(_)), "{equity} pay the fee");
    assert!(matches!(sell(&house, 300, 200), Receipt::Order(_)), "3 % of 13,000 dollars");
    assert!(is_short(&sell(&house, 300, 6_000)), "3 % of all are more than {equity}");
    // In debt it closes at the mark or better, and its fee too has to come from there.
    while required(&house, 1).equity >= Notional::ZERO {
        house.btc -= 30_000_000;
        house.apply(5, Vec::new());
    }
    assert!(house.machine.state().call_auction.is_some());
    assert!(is_short(&sell(&house, 1, 100)));
    assert!(is_short(&sell(&house, 0, 100)), "the fee would be a debt");
    assert!(matches!(sell(&house, -20, 100), Receipt::Order(_)));
}

#[test]
fn orders_that_close_are_margined_together_in_their_block() {
    // 0019-MARG-020
    let house = called(false);
    let mut second = 0;
    for percent in 10..=28 {
        let price = tick(mark(&house, 1) * (100 - percent) / 100) + TICK;
        let half = |client| order(1, client, 1, Side::Sell, price, 3_000);
        let receipts = twin(&house).apply(1, vec![half(100), half(101)]).receipts;
        let alone = attempt(&house, Side::Sell, price, 3_000);
        assert_eq!(matches!(alone, Receipt::Order(_)), matches!(receipts[0], Receipt::Order(_)));
        second += i32::from(matches!(receipts[0], Receipt::Order(_)) && is_short(&receipts[1]));
    }
    assert!(second > 0, "each of them alone is let in, and not both");
}

#[test]
fn no_account_makes_a_debt_when_the_range_for_new_risk_jumps() {
    // 0019-MARG-020: margin for new risk hides more than the account has.
    let mut house = House::new();
    house.apply(
        1,
        vec![
            deposit(1, 0, dollars(80_000)),
            deposit(2, 0, dollars(300_000)),
            deposit(3, 0, dollars(1_000)),
        ],
    );
    for step in 0..60 {
        house.btc += 40_000_000 * if step % 2 == 0 { 1 } else { -1 };
        house.apply(59, Vec::new());
    }
    house.apply(
        1,
        vec![
            order(1, 1, 1, Side::Buy, 8_000_000_000, 5_000),
            order(2, 1, 1, Side::Sell, 8_000_000_000, 5_000),
        ],
    );
    for hour in 0..4 {
        for _ in 0..60 {
            house.btc += 9_000_000 * if hour % 2 == 0 { 1 } else { -1 };
            house.apply(60, Vec::new());
        }
    }
    assert!(house.lots(1, 1) > 3_000);
    let (before, mut refused) = (fund(&house), 0);
    for percent in [28, 26, 24, 22, 20] {
        let price = tick(mark(&house, 1) * (100 - percent) / 100) + TICK;
        let lots = house.lots(1, 1);
        let client = 2_000 + u64::try_from(percent).expect("small");
        let outcome = house.apply(
            10,
            vec![
                order(1, client, 1, Side::Sell, price, lots),
                order(2, client, 1, Side::Buy, price, lots),
            ],
        );
        refused += usize::from(is_short(&outcome.receipts[0]));
        assert!(required(&house, 1).equity >= Notional::ZERO);
        house.apply(1, vec![of(2, Command::MassCancel { sub: 0, instrument: None })]);
    }
    assert!(refused >= 3, "{refused}");
    let out = settled(&mut house, &[1, 2]);
    assert!(out <= 380_000_000_000 && fund(&house) >= before, "{out}");
}

#[test]
fn what_waits_for_a_call_auction_is_margined_while_it_waits_and_after_a_restart() {
    // 0019-MARG-021, 0025-BLOCK-019
    let mut house = House::new();
    let deposits = [(1, 80_000), (3, 10_000_000)];
    house.apply(1, deposits.map(|(number, held)| deposit(number, 0, dollars(held))).to_vec());
    house.apply(1, vec![order(1, 1, 2, Side::Buy, 8_000_000_000, 3_000)]);
    let outcome = house.apply(100, Vec::new());
    let began = |event: &Event| matches!(event, Event::CallAuctionBegun { .. });
    assert!(outcome.events.iter().any(began));
    for _ in 0..15 {
        house.apply(1, Vec::new());
    }
    assert_eq!(house.machine.state().mode(BTC), Mode::Normal);
    house.apply(1, vec![order(1, 2, 1, Side::Buy, 8_000_000_000, 2_900)]);
    assert_eq!((open_orders(&house, 1), house.machine.state().waiting.len()), (2, 1));
    // Both books and queue: nothing trades, and nothing uncovered stays, the newest first.
    let mut left = Vec::new();
    while house
        .machine
        .state()
        .call_auction
        .is_some_and(|auction| house.now + 10_000 < auction.until.millis())
    {
        house.btc = (house.btc - 40_000_000).max(6_200_000_000);
        let block = house.block(10, Vec::new());
        let mut again = twin(&house);
        let outcome = house.machine.apply(&block).expect("it follows");
        assert_eq!(again.machine.apply(&block).expect("it follows"), outcome);
        left.extend(outcome.events.iter().filter_map(|event| match event {
            Event::Cancelled { instrument, reason, .. } => Some((instrument.get(), *reason)),
            _ => None,
        }));
        let needed = required(&house, 1);
        assert!(needed.initial <= needed.equity, "{needed:?}");
    }
    assert_eq!(left, [(1, CancelReason::Uncovered), (2, CancelReason::Uncovered)]);
    assert!(house.machine.state().waiting.is_empty());
}

#[test]
fn an_order_in_a_frozen_market_is_margined_at_the_last_mark() {
    // 0019-MARG-021
    let mut house = House::new();
    house.fund(&[(1, 80_000), (2, 10_000_000)]);
    house.apply(
        1,
        vec![
            order(1, 1, 11, Side::Buy, 190_000_000, 100_000),
            order(2, 1, 11, Side::Sell, 190_000_000, 100_000),
            order(1, 2, 1, Side::Buy, 8_000_000_000, 2_500),
            order(2, 2, 1, Side::Sell, 8_000_000_000, 2_500),
        ],
    );
    // A sale that nobody takes, at 15 % below the mark, while there is enough for it.
    let outcome = house.apply(1, vec![order(1, 3, 1, Side::Sell, 6_800_000_000, 2_500)]);
    assert!(matches!(outcome.receipts[0], Receipt::Order(_)));
    assert_eq!((house.lots(1, 1), house.lots(1, 11), open_orders(&house, 1)), (2_500, 100_000, 1));
    // Nothing is heard of the one index; the other falls.
    for _ in 0..160 {
        house.eth -= 250_000;
        let mut block = house.block(2, Vec::new());
        for vote in &mut block.votes {
            vote.prices.retain(|price| price.underlying != BTC);
        }
        let cancelled = uncovered(&house.machine.apply(&block).expect("it follows"));
        let needed = required(&house, 1);
        if cancelled > 0 {
            assert_eq!(house.machine.state().mode(BTC), Mode::Frozen);
            assert!(needed.equity >= needed.maintenance && needed.equity < needed.initial);
            assert_eq!(open_orders(&house, 1), 0);
            return;
        }
    }
    panic!("a sale that would leave less than maintenance margin stays");
}

#[test]
fn the_oldest_orders_stay_and_so_does_what_needs_no_margin() {
    // 0019-MARG-021
    // Before the range for new risk has seen the fall, and once it has.
    for (seconds, newest_first) in [(2, vec![2, 1]), (10, vec![2, 1, 0])] {
        let mut house = House::new();
        house.fund(&[(1, 100_000), (2, 10_000_000)]);
        house.apply(
            1,
            vec![
                order(1, 1, 1, Side::Buy, 8_000_000_000, 1_000),
                order(2, 1, 1, Side::Sell, 8_000_000_000, 1_000),
            ],
        );
        let placed = house.apply(
            1,
            vec![
                order(1, 2, 2, Side::Buy, 7_990_000_000, 2_000),
                order(1, 3, 2, Side::Buy, 7_980_000_000, 2_000),
                order(1, 4, 2, Side::Buy, 7_970_000_000, 2_000),
                order(1, 5, 1, Side::Sell, 9_000_000_000, 1_000),
            ],
        );
        assert!(placed.receipts.iter().all(|receipt| matches!(receipt, Receipt::Order(_))));
        let mut gone = Vec::new();
        for _ in 0..110 {
            house.btc -= 10_000_000;
            gone.extend(house.apply(seconds, Vec::new()).events.into_iter().filter_map(|event| {
                match event {
                    Event::Cancelled { order, reason: CancelReason::Uncovered, .. } => Some(order),
                    _ => None,
                }
            }));
        }
        let Receipt::Order(oldest) = placed.receipts[0] else { panic!("placed") };
        let numbers: Vec<u64> = gone.iter().map(|order| order.get() - oldest.get()).collect();
        assert_eq!(numbers, newest_first, "{seconds}: the newest of the bids first");
        let left = 4 - newest_first.len();
        assert_eq!(open_orders(&house, 1), left, "{seconds}: the sale needs nothing");
    }
}

#[test]
fn a_withdrawal_or_transfer_leaves_open_orders_covered() {
    // 0025-BLOCK-012
    let mut house = House::new();
    house.fund(&[(1, 100_000), (2, 1_000)]);
    house.apply(1, vec![order(1, 1, 1, Side::Buy, 8_000_000_000, 6_000)]);
    let (asset, amount) = (AssetId::DOLLAR, dollars(50_000));
    let transfer = Command::Transfer { sub: 0, to: account(2), asset, amount };
    let outcome = house.apply(1, vec![withdraw(1, amount), of(1, transfer)]);
    assert!(outcome.receipts.iter().all(is_short), "{:?}", outcome.receipts);
    let outcome = house.apply(1, vec![withdraw(1, dollars(20_000))]);
    assert_eq!(outcome.receipts, [Receipt::Done]);
}

#[test]
fn orders_of_one_block_are_margined_together() {
    // 0019-MARG-010
    let mut house = House::new();
    house.fund(&[(1, 100_000), (3, 10_000_000)]);
    let outcome = house.apply(
        1,
        vec![
            order(1, 1, 1, Side::Buy, 8_000_000_000, 6_500),
            order(1, 2, 11, Side::Buy, 190_000_000, 250_000),
            order(1, 3, 11, Side::Buy, 190_000_000, 250_000),
            order(1, 4, 1, Side::Buy, 8_000_000_000, 6_500),
        ],
    );
    assert!(outcome.receipts[1..].iter().all(is_short), "{:?}", outcome.receipts);
    // And where the ceiling says no and the exact margin yes: a hedge once, and no more of it.
    house.apply(
        1,
        vec![
            order(3, 1, 1, Side::Sell, 8_000_000_000, 6_500),
            order(1, 5, 1, Side::Buy, 8_000_000_000, 1),
        ],
    );
    let hedge = |client| order(1, client, 2, Side::Sell, 8_000_000_000, 6_000);
    let outcome = house.apply(1, vec![hedge(6), hedge(7), hedge(8), hedge(9)]);
    assert!(matches!(outcome.receipts[0], Receipt::Order(_)), "{:?}", outcome.receipts);
    assert!(outcome.receipts[2..].iter().all(is_short), "{:?}", outcome.receipts);
}

#[test]
fn what_is_withdrawn_margins_no_order_of_the_same_block() {
    // 0025-BLOCK-010, 0025-BLOCK-012
    let mut house = House::new();
    house.fund(&[(1, 100_000), (3, 10_000_000)]);
    house.apply(
        1,
        vec![
            order(1, 1, 1, Side::Buy, 8_000_000_000, 10),
            order(3, 1, 1, Side::Sell, 8_000_000_000, 10),
        ],
    );
    let outcome = house.apply(
        1,
        vec![withdraw(1, dollars(99_000)), order(1, 2, 1, Side::Buy, 8_000_000_000, 5_000)],
    );
    assert_eq!(outcome.receipts[0], Receipt::Done);
    assert!(is_short(&outcome.receipts[1]), "{:?}", outcome.receipts);
}

#[test]
fn an_order_that_raises_margin_by_cents_is_refused_without_them() {
    // 0019-MARG-010
    let mut house = House::new();
    house.fund(&[(1, 100)]);
    house.apply(1, vec![withdraw(1, Amount::from_minor(99_900_000))]);
    let ether = |client| order(1, client, 11, Side::Buy, 190_000_000, 1);
    let outcome = house.apply(1, vec![ether(1)]);
    let Receipt::Refused(Refusal::MarginShort { short_by }) = outcome.receipts[0] else {
        panic!("sixteen percent of 1.90 dollars are missing: {outcome:?}")
    };
    assert!(short_by < Notional::from_micros(1_000_000) && short_by > Notional::ZERO);
    house.apply(1, vec![deposit(1, 0, Amount::from_notional(short_by))]);
    let outcome = house.apply(1, vec![ether(2), ether(3)]);
    assert!(matches!(outcome.receipts[0], Receipt::Order(_)));
    assert!(is_short(&outcome.receipts[1]));
}

#[test]
fn a_sale_below_the_band_is_refused() {
    // 0025-BLOCK-010
    let mut house = House::new();
    house.fund(&[(1, 1_000_000)]);
    let least = tick(mark(&house, 1) - house.btc * 3 / 10 + TICK - 1);
    let outcome = house.apply(
        1,
        vec![
            order(1, 1, 1, Side::Sell, least - TICK, 1),
            order(1, 2, 1, Side::Sell, least + TICK, 1),
        ],
    );
    assert_eq!(outcome.receipts[0], Receipt::Refused(Refusal::PriceOutsideBand));
    assert!(matches!(outcome.receipts[1], Receipt::Order(_)), "{:?}", outcome.receipts);
}

#[test]
fn the_position_limit_counts_the_other_open_orders_of_the_side() {
    // 0025-BLOCK-010
    let mut founding = genesis();
    let underlying = Some(BTC);
    let parameter = ParameterId::PositionLimit;
    founding.parameters.push(ParameterGenesis { underlying, parameter, value: 1_000 });
    let mut house = founded(&founding);
    house.fund(&[(1, 10_000_000)]);
    for side in [Side::Buy, Side::Sell] {
        let client = if side == Side::Buy { 1 } else { 10 };
        let price = if side == Side::Buy { 7_900_000_000 } else { 8_100_000_000 };
        let outcome = house.apply(1, vec![order(1, client, 1, side, price, 600)]);
        assert!(matches!(outcome.receipts[0], Receipt::Order(_)));
        let outcome = house.apply(
            1,
            vec![
                order(1, client + 1, 1, side, price, 401),
                order(1, client + 2, 1, side, price, 400),
            ],
        );
        assert_eq!(outcome.receipts[0], Receipt::Refused(Refusal::PositionLimit));
        assert!(matches!(outcome.receipts[1], Receipt::Order(_)));
    }
}

#[test]
fn an_account_that_a_block_has_no_time_for_does_not_fill() {
    // 0019-MARG-021, 0019-MARG-022
    const CROWD: u16 = 520;
    let mut house = House::new();
    // Each of an owner of its own: the accounts of one have a bounded number of orders.
    let crowd = |number: u16| {
        let mut owner = [77; 20];
        owner[..2].copy_from_slice(&number.to_be_bytes());
        Address::new(owner)
    };
    let mut deposits = vec![deposit(1, 0, dollars(80_000)), deposit(2, 0, dollars(10_000_000))];
    deposits.extend((0..CROWD).map(|sub| Transaction {
        sender: CUSTODIAN,
        command: Command::Deposit {
            id: super::common::arrived(),
            account: AccountId { owner: crowd(sub), sub: 0 },
            asset: AssetId::DOLLAR,
            amount: dollars(4_000),
        },
    }));
    house.apply(1, deposits);
    // Bids and offers of which only one side can lose, though the ceiling counts both.
    let quote = |instrument: u32, side: Side, rank: i128| {
        let mark = if instrument < 10 { 8_000_000_000 } else { 190_000_000 };
        let off = TICK * (1 + rank);
        let price = if side == Side::Buy { mark - off } else { mark + off };
        Quote {
            instrument: InstrumentId::new(instrument),
            side,
            price: Price::from_micros(price),
            lots: Lots::from_count(1),
        }
    };
    let quotes = |sub, market, side| Transaction {
        sender: crowd(sub),
        command: Command::MassQuote {
            sub: 0,
            quotes: (0..256).map(|rank| quote(market, side, rank)).collect(),
        },
    };
    for (market, side) in [(2, Side::Buy), (2, Side::Sell), (12, Side::Buy), (12, Side::Sell)] {
        let all = (0..CROWD).map(|sub| quotes(sub, market, side)).collect();
        let outcome = house.apply(1, all);
        let entered = outcome.receipts.iter().map(|receipt| match receipt {
            Receipt::Quotes(quotes) => quotes.iter().filter(|quote| quote.is_ok()).count(),
            other => panic!("{other:?}"),
        });
        assert_eq!(entered.sum::<usize>(), 256 * usize::from(CROWD));
    }
    // Nobody trades: who is left out of one block has his turn in another.
    assert_eq!(uncovered(&house.apply(1, Vec::new())), 0);
    let (mut filled, mut left) = (0, 0);
    for round in 0..3 {
        let bid = order(1, round, 1, Side::Buy, tick(house.btc), 5_500);
        assert!(matches!(house.apply(1, vec![bid]).receipts[0], Receipt::Order(_)));
        // The market falls through the bid, and the other side of it sells into it in the same block.
        let limit = tick(house.btc) - 100 * TICK;
        house.btc -= house.btc / 10;
        let outcome = house.apply(20, vec![order(2, round, 1, Side::Sell, limit, 5_500)]);
        filled +=
            outcome.events.iter().filter(|event| matches!(event, Event::Filled { .. })).count();
        assert_eq!((house.lots(1, 1), open_orders(&house, 1)), (0, 0));
        // In a market of the crowd: of whom twice 256 are margined, the others leave this auction and no other book.
        let sale = order(2, 10 + round, 12, Side::Sell, 400_000_000, 1);
        left += uncovered(&house.apply(1, vec![sale]));
    }
    assert_eq!(filled, 0);
    assert!(left > 1_000, "only {left} orders left an auction");
}

#[test]
fn what_the_house_has_sold_is_counted_before_the_next_market_trades() {
    // 0019-MARG-020, 0019-MARG-022
    let mut house = House::new();
    house.fund(&[(1, 90_000), (2, 300_000), (3, 10_000_000)]);
    for (market, lots) in [(1, 5_000), (2, 1_000)] {
        let (buy, sell) = (u64::from(market), u64::from(market));
        house.apply(
            1,
            vec![
                order(1, buy, market, Side::Buy, 8_000_000_000, lots),
                order(2, sell, market, Side::Sell, 8_000_000_000, lots),
            ],
        );
        assert_eq!(house.lots(1, market), lots);
    }
    while required(&house, 1).equity > Notional::from_micros(9_000_000_000) {
        house.btc -= 10_000_000;
        house.apply(5, Vec::new());
    }
    assert!(required(&house, 1).equity > Notional::from_micros(7_000_000_000));
    // The house may sell for all that there is, and does so just below the mark; then comes the account's own sale, at 7 %.
    let bid = tick(mark(&house, 1) * 993 / 1_000);
    let limit = tick(mark(&house, 2) * 930 / 1_000) + TICK;
    let outcome = house.apply(
        1,
        vec![
            order(3, 1, 1, Side::Buy, bid, 6_000),
            order(2, 10, 2, Side::Buy, limit, 1_000),
            order(1, 10, 2, Side::Sell, limit, 1_000),
        ],
    );
    assert!(house.lots(1, 1) < 5_000, "the house has sold");
    let own = match outcome.receipts[2] {
        Receipt::Order(order) => Some(order),
        _ => None,
    };
    let fills = outcome.events.iter().filter(|event| match event {
        Event::Filled { order, .. } => Some(*order) == own,
        _ => false,
    });
    assert_eq!(fills.count(), 0, "{outcome:?}");
}
