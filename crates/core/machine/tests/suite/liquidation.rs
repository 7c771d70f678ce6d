//! What the house does about accounts below maintenance margin, and what nobody can make of it.

use super::common::{
    BTC, CUSTODIAN, HOUR, House, START, account, deposit, dollars, genesis, long_on, of, order,
    trader,
};
use super::history::play;
use expect_test::expect;
use ledger::Holder;
use machine::{Machine, Outcome};
use margin::Requirement;
use protocol::{
    AccountId, AssetId, CancelReason, ClientOrderId, Command, Contract, Event, Instrument,
    InstrumentId, Mode, NewOrder, Receipt, Right, SelfTrade, Side, TimeInForce, Transaction,
};
use std::collections::{BTreeMap, BTreeSet};
use units::{Amount, BlockTime, Lots, Notional, Price, Quantity};

fn withdraw(number: u8, amount: i128) -> Transaction {
    let (asset, amount) = (AssetId::DOLLAR, dollars(amount));
    let destination = trader(number);
    of(number, Command::Withdraw { sub: 0, asset, amount, destination })
}

fn required(house: &House, number: u8) -> Requirement {
    let state = house.machine.state();
    let index = state.accounts.index(account(number)).unwrap();
    state.required(&state.risk().unwrap(), index, false).unwrap()
}

/// Returns equity in whole dollars.
fn equity(house: &House, number: u8) -> i128 {
    required(house, number).equity.micros().div_euclid(1_000_000)
}

fn tick(price: i128) -> i128 {
    price / 500_000 * 500_000
}

/// Returns where the house sent orders for an account, and for how many lots.
fn sent(outcome: &Outcome, house: &House, number: u8) -> Vec<(u32, i128)> {
    let index = house.machine.state().accounts.index(account(number)).unwrap();
    let sent = outcome.events.iter().filter_map(|event| match event {
        Event::Liquidated { account, instrument: Some(id), lots, .. } if *account == index => {
            Some((id.get(), lots.count()))
        }
        _ => None,
    });
    sent.collect()
}

fn debts_covered(outcome: &Outcome) -> bool {
    outcome.events.iter().any(|event| matches!(event, Event::DebtCovered { .. }))
}

/// Lets account 1 withdraw all but its initial margin, and fifty dollars.
fn bring_to_initial_margin(house: &mut House) {
    let free = required(house, 1);
    let free = free.equity.minus(free.initial).unwrap().micros() / 1_000_000 - 50;
    assert_eq!(house.apply(1, vec![withdraw(1, free)]).receipts, [Receipt::Done]);
}

/// Accounts 1 and 2 trade 6,000 lots of the perpetual, and other lots of another contract against them.
fn spread(other: u32, lots: i128, price: i128) -> House {
    spread_in(House::new(), other, lots, price)
}

fn spread_in(mut house: House, other: u32, lots: i128, price: i128) -> House {
    let money = [(1, 200_000), (2, 200_000), (3, 10_000_000)];
    house.apply(1, money.map(|(number, held)| deposit(number, 0, dollars(held))).to_vec());
    house.sell_sixty(2);
    house.apply(
        1,
        vec![
            order(1, 2, other, Side::Sell, price, lots),
            order(2, 2, other, Side::Buy, price, lots),
        ],
    );
    assert_eq!((house.lots(1, 1), house.lots(1, other)), (6_000, -lots));
    house
}

#[test]
fn a_leg_that_nobody_bids_for_shields_no_other() {
    // 0021-FALL-004, 0021-FALL-005: a deep bid for the perpetual in every block, none for the future, whose release is larger.
    let history = play(
        "A1 brings 120000
         A3 brings 10000000
         block
         A1 buys 3500 BTC of A3 at 8000
         A1 buys 3600 BTC-F of A3 at 8000
         block
         always equity A1 > 0
         each btc -40
         each A3 buys 6000 BTC at index+100
         block 10 until A1 is liquidated
         check liquidated A1 BTC > 0
         check liquidated A1 BTC-F > 0
         check lots A1 BTC < 3500
         each btc -40
         each A3 buys 6000 BTC at index+100
         block 10 x40
         check lots A1 BTC < 600
         check lots A1 BTC-F = 3600",
    );
    let state = history.house.machine.state();
    let held = state.accounts.get(state.accounts.index(account(1)).unwrap()).unwrap();
    assert_eq!(held.pursuit().unfilled, BTreeSet::from([InstrumentId::new(2)]));
    let bytes = history.house.machine.snapshot().unwrap();
    assert_eq!(Machine::restore(&bytes).unwrap().snapshot().unwrap(), bytes);
}

#[test]
fn a_pair_is_wound_down_while_it_has_equity() {
    // 0021-FALL-021: 60 BTC long, and ETH of equal worth short.
    play(
        "A1 brings 200000
         A2 brings 200000
         A3 brings 10000000
         block
         A1 buys 6000 BTC of A2 at 8000
         block
         A1 sells 252600 ETH to A2 at 190
         block
         A1 withdraws 100000
         A2 withdraws 100000
         block
         always equity A1 >= 0
         each btc -12
         each eth +0.285
         each A3 buys 6000 BTC at index
         each A3 sells 252600 ETH at index+0.5
         block 10 x160
         check liquidated A1 BTC > 0
         check liquidated A1 ETH > 0
         check lots A1 BTC < 4000
         check lots A1 ETH > -100000",
    );
}

#[test]
fn a_calendar_spread_is_wound_down_while_it_has_equity() {
    // 0021-FALL-021, more than a day before expiry: later more than its tenth is asked of a spread (0019-MARG-023).
    let life = 40 * HOUR;
    let mut house = spread_in(House::living(life), 2, 6_000, 8_000_000_000);
    let free = required(&house, 1);
    let free = free.equity.minus(free.initial).unwrap().micros() / 1_000_000 - 50;
    assert_eq!(house.apply(1, vec![withdraw(1, free)]).receipts, [Receipt::Done]);
    let (mut slices, mut least) = (0, i128::MAX);
    for step in 0..120i128 {
        // The basis rises by a tenth of a per cent with every block.
        let (basis, bid) = (8_000_000 * (step + 1), tick(house.btc));
        let step = u64::try_from(step).unwrap();
        let mut block = house.block(
            10,
            vec![
                order(3, 10_000 + step, 1, Side::Buy, bid, 6_000),
                order(3, 20_000 + step, 2, Side::Sell, bid + basis, 6_000),
            ],
        );
        for basis_of in block.votes.iter_mut().flat_map(|vote| &mut vote.bases) {
            if basis_of.underlying == BTC {
                basis_of.basis = Price::from_micros(basis);
                basis_of.expires_at = BlockTime::from_millis(START + life);
            }
        }
        let outcome = house.machine.apply(&block).unwrap();
        let sent = sent(&outcome, &house, 1);
        if let [(1, sold), (2, bought)] = sent[..] {
            slices += 1;
            assert!(
                sold == -bought && bought <= 600,
                "the same part of both, a tenth at most: {sent:?}"
            );
        }
        least = least.min(equity(&house, 1));
    }
    assert!(slices > 0);
    assert!(least > 0, "{least}");
    let left = (house.lots(1, 1), house.lots(1, 2));
    assert!(left.0 < 1_600 && left.0 == -left.1, "{left:?}");
}

#[test]
fn a_leg_that_hardly_trades_keeps_no_spread_from_being_wound_down() {
    // 0021-FALL-021: beside the spread a short leg elsewhere has a release of its own; of it nothing trades, or a lot in
    // every block, which an accomplice sells so that the house goes on trying there.
    for lots_a_block in [0, 1] {
        let life = 40 * HOUR;
        let mut house = spread_in(House::living(life), 2, 6_000, 8_000_000_000);
        house.apply(
            1,
            vec![
                order(1, 3, 11, Side::Sell, 190_000_000, 2_000),
                order(2, 3, 11, Side::Buy, 190_000_000, 2_000),
            ],
        );
        bring_to_initial_margin(&mut house);
        let mut sides = BTreeSet::new();
        for step in 0..120i128 {
            let (basis, bid) = (4_000_000 * (step + 1), tick(house.btc));
            let step = u64::try_from(step).unwrap();
            let mut orders = vec![
                order(3, 10_000 + step, 1, Side::Buy, bid, 6_000),
                order(3, 20_000 + step, 2, Side::Sell, bid + basis, 6_000),
            ];
            if lots_a_block > 0 {
                let ask = tick(house.eth) + 500_000;
                orders.push(order(3, 30_000 + step, 11, Side::Sell, ask, lots_a_block));
            }
            let mut block = house.block(10, orders);
            for basis_of in block.votes.iter_mut().flat_map(|vote| &mut vote.bases) {
                if basis_of.underlying == BTC {
                    basis_of.basis = Price::from_micros(basis);
                    basis_of.expires_at = BlockTime::from_millis(START + life);
                }
            }
            let outcome = house.machine.apply(&block).unwrap();
            sides.insert(
                sent(&outcome, &house, 1).into_iter().map(|(id, _)| id).collect::<Vec<_>>(),
            );
            assert!(equity(&house, 1) > 0, "{lots_a_block}, {step}");
        }
        assert!(sides.contains(&vec![11]) && sides.contains(&vec![1, 2, 11]), "{sides:?}");
        assert!(house.lots(1, 1) < 3_000, "{lots_a_block}: {}", house.lots(1, 1));
    }
}

#[test]
fn some_cents_of_equity_keep_no_large_position() {
    // 0021-FALL-020: 48,000 dollars beside cents, with a bid within what a fund pays for.
    let mut house = long_on(80_000);
    for _ in 0..60 {
        let left = required(&house, 1).equity.micros();
        // 60 coins: to a quarter of a dollar, by moves within the band of a block.
        let step = ((left - 250_000) / 60).clamp(-30_000_000, 30_000_000);
        house.btc -= step;
        house.apply(10, Vec::new());
    }
    let left = required(&house, 1).equity.micros();
    assert!((1..400_000).contains(&left), "{left}");
    let mark = house.machine.state().markets[&InstrumentId::new(1)].mark.unwrap().micros();
    let outcome = house.apply(1, vec![order(3, 50, 1, Side::Buy, tick(mark), 6_000)]);
    assert_eq!(sent(&outcome, &house, 1), [(1, -6_000)]);
    assert_eq!(house.lots(1, 1), 0);
}

#[test]
fn who_owns_the_only_bid_gets_no_more_than_the_equity_of_the_account() {
    // 0021-FALL-020: a calendar spread that loses its hedge in the settlement window, and a bid eight per cent below.
    let mut house = spread(2, 6_000, 8_000_000_000);
    house.fund(&[(4, 2_000_000)]);
    bring_to_initial_margin(&mut house);
    let put_in = equity(&house, 1);
    while house.now < START + 5 * HOUR - 31 * 60_000 {
        house.apply(30, Vec::new());
    }
    let (mut number, mut least) = (0, i128::MAX);
    while house.now < START + 5 * HOUR + 60_000 {
        let bid = tick(house.btc * 9_203 / 10_000);
        number += 1;
        let cancel = of(4, Command::MassCancel { sub: 0, instrument: None });
        let outcome = house.apply(30, vec![cancel, order(4, number, 1, Side::Buy, bid, 6_000)]);
        assert!(!debts_covered(&outcome));
        least = least.min(equity(&house, 1));
    }
    assert!(least >= 0, "the orders of the house left a debt: {least}");
    assert!(equity(&house, 4) <= 2_000_000 + put_in, "{}", equity(&house, 4));
    assert_eq!(
        house.machine.state().insurance_fund(BTC).micros().min(1_000_000_000_000),
        1_000_000_000_000
    );
}

#[test]
fn an_account_without_equity_is_not_sold_far_below_the_mark() {
    // 0021-FALL-020: the only bid is five per cent below the mark, however long it waits, and then two and a half.
    let history = play(
        "A1 brings 80000
         A3 brings 10000000
         block
         A1 buys 6000 BTC of A3 at 8000
         block
         each btc -30
         block 10 x60
         check equity A1 < 0
         A3 buys 6000 BTC at mark-5%
         block
         let sent = liquidated A1
         block 1 x19
         check liquidated A1 = sent+19
         show liquidated
         block
         check lots A1 BTC = 6000
         show
         A3 buys 6000 BTC at mark-2.5%
         block
         check lots A1 BTC < 6000",
    );
    expect![[r#"
        83: liquidated: the house sends -6000 BTC of A1
    "#]]
    .assert_eq(&history.printed);
}

/// A house with many options, and sub-accounts of trader 77 that have sold one lot of each.
fn writers(options: u32, holders: u16, money: i128) -> House {
    let mut founding = genesis();
    let expires_at = BlockTime::from_millis(START + 5 * HOUR);
    for number in 0..options {
        let strike = Price::from_micros((6_000 + 10 * i128::from(number)) * 1_000_000);
        let right = if number % 2 == 0 { Right::Call } else { Right::Put };
        founding.instruments.push(Instrument {
            id: InstrumentId::new(100 + number),
            underlying: BTC,
            contract: Contract::Option { expires_at, strike, right },
            contract_size: Quantity::from_nanos(10_000_000),
            tick: Price::from_micros(500_000),
        });
    }
    let (machine, _) = Machine::found(&founding).unwrap();
    let mut house = House { machine, now: START, btc: 8_000_000_000, eth: 190_000_000 };
    let owner = trader(77);
    let mut opening = vec![deposit(3, 0, dollars(100_000_000))];
    opening.extend((0..holders).map(|sub| {
        let (asset, amount) = (AssetId::DOLLAR, dollars(money));
        let command = Command::Deposit {
            id: super::common::arrived(),
            account: AccountId { owner, sub },
            asset,
            amount,
        };
        Transaction { sender: CUSTODIAN, command }
    }));
    house.apply(1, opening);
    let mut orders = Vec::new();
    for number in 0..options {
        let instrument = InstrumentId::new(100 + number);
        let mark = house.machine.state().markets[&instrument].mark.unwrap().micros();
        let price = Price::from_micros(tick(mark) + 500_000);
        orders.extend((0..holders).map(|sub| {
            let order = NewOrder {
                client: ClientOrderId::new(number.into()),
                instrument,
                side: Side::Sell,
                price,
                lots: Lots::from_count(1),
                time_in_force: TimeInForce::GoodTillCancelled,
                reduce_only: false,
                self_trade: SelfTrade::CancelResting,
            };
            Transaction { sender: owner, command: Command::PlaceOrder { sub, order } }
        }));
        let (client, lots) = (u64::from(number), i128::from(holders));
        orders.push(order(3, client, 100 + number, Side::Buy, price.micros(), lots));
        if number % 64 == 63 || number + 1 == options {
            house.apply(1, std::mem::take(&mut orders));
        }
    }
    house
}

#[test]
fn a_block_takes_on_no_more_than_it_has_room_for_and_nobody_is_left_out() {
    // 0021-FALL-022: 44 accounts of 200 legs are more steps than a block has, and nobody bids for any of them.
    let (options, holders) = (200, 44);
    let mut house = writers(options, holders, 4_000);
    let positions = |house: &House, sub| {
        let accounts = &house.machine.state().accounts;
        let index = accounts.index(AccountId { owner: trader(77), sub }).unwrap();
        accounts.get(index).unwrap().positions().len()
    };
    assert!((0..holders).all(|sub| positions(&house, sub) == 200));
    for sub in 0..holders {
        let state = house.machine.state();
        let index = state.accounts.index(AccountId { owner: trader(77), sub }).unwrap();
        let held = state.required(&state.risk().unwrap(), index, false).unwrap();
        let free = held.equity.minus(held.initial).unwrap().micros() / 1_000_000 - 1;
        let (asset, amount, destination) = (AssetId::DOLLAR, dollars(free), trader(77));
        let command = Command::Withdraw { sub, asset, amount, destination };
        // Paid at once, since an owner has a few that are to be paid at most.
        let id = protocol::WithdrawalId::new(u64::from(sub) + 1);
        let paid = Transaction { sender: CUSTODIAN, command: Command::AttestPayment { id } };
        let outcome = house.apply(1, vec![of(77, command), paid]);
        assert_eq!(outcome.receipts, [Receipt::Done, Receipt::Done]);
    }
    // One with a single position that is bid for, below maintenance in the same block.
    house.fund(&[(1, 7_740)]);
    house.apply(
        1,
        vec![
            order(1, 1, 1, Side::Sell, 8_000_000_000, 600),
            order(3, 9_001, 1, Side::Buy, 8_000_000_000, 600),
        ],
    );
    assert_eq!(house.lots(1, 1), -600);
    let taken_on = |outcome: &Outcome| {
        let mut by: BTreeMap<u32, u32> = BTreeMap::new();
        for event in &outcome.events {
            if let Event::Liquidated { account, .. } = event {
                *by.entry(account.get()).or_default() += 1;
            }
        }
        by
    };
    let mut all = BTreeSet::new();
    let mut crowded = 0;
    for step in 0..60 {
        house.btc += 20_000_000;
        let ask = tick(house.btc);
        let outcome = house.apply(10, vec![order(3, 9_100 + step, 1, Side::Sell, ask, 600)]);
        let by = taken_on(&outcome);
        // 204 steps each: 40 of them are 8,160.
        assert!(by.len() <= 43, "{}", by.len());
        crowded += usize::from(by.len() >= 39);
        all.extend(by.into_keys());
        if crowded >= 3 && house.lots(1, 1) > -600 {
            break;
        }
    }
    assert!(crowded >= 3, "all of them are below maintenance margin");
    assert_eq!(all.len(), usize::from(holders) + 1, "everybody has had a turn");
    assert!(house.lots(1, 1) > -600, "and the one that is bid for was reduced");
}

#[test]
fn what_the_house_does_first_is_to_take_the_accounts_orders_out() {
    // 0021-FALL-003, 0021-FALL-007, 0013-CLEAR-003
    let mut house = long_on(100_000);
    // Far above the market; it fits the position, so a margin call leaves it.
    house.apply(1, vec![order(1, 2, 1, Side::Sell, 9_900_000_000, 100)]);
    let fund = |house: &House| {
        let state = house.machine.state();
        let fees = state.ledger.balance(Holder::Fees, AssetId::DOLLAR).notional();
        (state.insurance_fund(BTC), fees)
    };
    for step in 0..40 {
        house.btc -= 40_000_000;
        let before = fund(&house);
        let bid = tick(house.btc);
        let outcome = house.apply(10, vec![order(3, 100 + step, 1, Side::Buy, bid, 6_000)]);
        if sent(&outcome, &house, 1).is_empty() {
            continue;
        }
        let cancelled = |event: &Event| {
            matches!(event, Event::Cancelled { reason: CancelReason::Liquidation, lots, .. }
                if lots.count() == 100)
        };
        assert!(outcome.events.iter().any(cancelled), "{:?}", outcome.events);
        let cancelled =
            |event: &Event| matches!(event, Event::Liquidated { orders_cancelled: 1, .. });
        assert!(outcome.events.iter().any(cancelled));
        let index = house.machine.state().accounts.index(account(1)).unwrap();
        let mut paid = [Notional::ZERO; 2];
        for event in &outcome.events {
            if let Event::Filled { account, fee, .. } = event {
                let of = &mut paid[usize::from(*account != index)];
                *of = of.plus(*fee).unwrap();
            }
        }
        assert!(paid[0] > Notional::ZERO, "the order of the house is filled");
        let after = fund(&house);
        assert_eq!(after.0.minus(before.0), Ok(paid[0]), "its fee is the fund's");
        assert_eq!(after.1.minus(before.1), Ok(paid[1]), "the others' is not");
        return;
    }
    panic!("account 1 falls below maintenance margin");
}

#[test]
fn a_halted_market_is_no_leg() {
    // 0021-FALL-004, 0025-BLOCK-006
    play(
        "A1 brings 120000
         A3 brings 10000000
         block
         A1 buys 3500 BTC of A3 at 8000
         A1 buys 3600 BTC-F of A3 at 8000
         block
         drill BTC-F
         block
         each btc -40
         block 10 x40
         check liquidated A1 BTC > 0
         check liquidated A1 BTC-F = 0",
    );
}

/// Applies a block in which nobody reports what BTC is worth.
fn without_btc(house: &mut House, orders: Vec<Transaction>) -> Outcome {
    let mut block = house.block(10, orders);
    for vote in &mut block.votes {
        vote.prices.retain(|report| report.underlying != BTC);
    }
    house.machine.apply(&block).unwrap()
}

/// Freezes BTC; nothing else of it moves any more.
fn freeze_btc(house: &mut House) {
    for _ in 0..8 {
        without_btc(house, Vec::new());
    }
    assert_eq!(house.machine.state().mode(BTC), Mode::Frozen);
}

/// Account 1 long 80,000 dollars of BTC and short 39,900 of ether, against account 3; with initial margin.
fn long_and_short() -> House {
    let mut house = House::new();
    house.fund(&[(1, 60_000), (3, 10_000_000)]);
    house.apply(
        1,
        vec![
            order(1, 1, 1, Side::Buy, 8_000_000_000, 1_000),
            order(3, 1, 1, Side::Sell, 8_000_000_000, 1_000),
            order(1, 2, 11, Side::Sell, 190_000_000, 21_000),
            order(3, 2, 11, Side::Buy, 190_000_000, 21_000),
        ],
    );
    assert_eq!((house.lots(1, 1), house.lots(1, 11)), (1_000, -21_000));
    bring_to_initial_margin(&mut house);
    house
}

#[test]
fn a_frozen_leg_is_no_hedge_that_keeps_another_from_being_reduced() {
    // 0021-FALL-004: 80,000 dollars long and 40,000 short. With what BTC offsets of it, closing the short releases nothing.
    play(
        "A1 brings 60000
         A3 brings 10000000
         block
         A1 buys 1000 BTC of A3 at 8000
         A1 sells 21000 ETH to A3 at 190
         block
         A1 withdraws free-50
         block
         silent btc
         block 10 x8
         each eth +0.5
         each A3 cancels
         each A3 sells 21000 ETH at index+0.5
         block 10 x60
         check liquidated A1 BTC = 0
         check liquidated A1 ETH > 0
         check lots A1 BTC = 1000
         check lots A1 ETH > -6000
         check equity A1 > 0
         heard btc
         each btc -20
         each A3 buys 1000 BTC at index
         block 10 x30
         check lots A1 BTC < 1000",
    );
}

#[test]
fn legs_that_hedge_each_other_are_sliced_beside_a_frozen_one() {
    // 0021-FALL-004, 0021-FALL-021: a spread on ETH, of which neither leg has a release of its own.
    let mut house = long_and_short();
    house.apply(
        1,
        vec![
            deposit(1, 0, dollars(30_000)),
            order(1, 3, 12, Side::Buy, 190_000_000, 21_000),
            order(3, 3, 12, Side::Sell, 190_000_000, 21_000),
        ],
    );
    assert_eq!(house.lots(1, 12), 21_000);
    bring_to_initial_margin(&mut house);
    freeze_btc(&mut house);
    let mut pairs = 0;
    for step in 0..60i128 {
        let (basis, ask) = (-600_000 * (step + 1), tick(house.eth) + 500_000);
        let step = u64::try_from(step).unwrap();
        let mut block = house.block(
            10,
            vec![
                order(3, 10_000 + step, 11, Side::Sell, ask, 21_000),
                order(3, 20_000 + step, 12, Side::Buy, tick(house.eth + basis), 21_000),
            ],
        );
        for vote in &mut block.votes {
            vote.prices.retain(|report| report.underlying != BTC);
            let of_eth = vote.bases.iter_mut().filter(|held| held.underlying != BTC);
            of_eth.for_each(|held| held.basis = Price::from_micros(basis));
        }
        let outcome = house.machine.apply(&block).unwrap();
        let sent = sent(&outcome, &house, 1);
        pairs += usize::from(matches!(sent[..], [(11, bought), (12, sold)] if bought == -sold));
    }
    assert!(pairs > 0);
    assert_eq!(house.lots(1, 1), 1_000);
    assert!(house.lots(1, 12) < 10_000, "{}", house.lots(1, 12));
}

#[test]
fn a_frozen_leg_shields_no_collateral_behind_a_debt() {
    // 0021-FALL-001, 0021-FALL-012: what it owes is known, and so is what its ether brings.
    let mut house = House::new();
    let ether = Amount::from_minor(80_000_000_000);
    house.apply(1, vec![deposit(1, 2, ether), deposit(3, 0, dollars(10_000_000))]);
    house.apply(
        1,
        vec![
            order(1, 1, 1, Side::Buy, 8_000_000_000, 700),
            order(3, 1, 1, Side::Sell, 8_000_000_000, 700),
            order(1, 2, 1, Side::Sell, 9_000_000_000, 100),
        ],
    );
    for _ in 0..370 {
        house.btc = (house.btc - 10_000_000).max(7_700_000_000);
        house.apply(10, Vec::new());
    }
    let owed = -house.cash(1);
    assert!(owed > 1_500_000_000, "{owed}");
    freeze_btc(&mut house);
    assert_eq!(-house.cash(1), owed, "nothing is sold while margin is covered");
    let mut paid = 0;
    for _ in 0..60 {
        house.eth -= 1_000_000;
        let outcome = without_btc(&mut house, Vec::new());
        assert_eq!(sent(&outcome, &house, 1), []);
        for event in &outcome.events {
            if let Event::CollateralSold { paid: more, .. } = event {
                paid += more.micros();
            }
            let touched = matches!(event, Event::Liquidated { .. } | Event::AccountSetAside { .. });
            assert!(!touched, "{event:?}");
        }
    }
    assert_eq!((paid, house.cash(1).min(0), house.lots(1, 1)), (owed, 0, 700));
    let state = house.machine.state();
    let held = state.accounts.get(state.accounts.index(account(1)).unwrap()).unwrap();
    assert_eq!((held.orders().len(), held.pursuit().failures), (1, 0), "its order closes");
}

#[test]
fn who_bids_for_his_own_account_leaves_as_much_equity_for_the_margin_of_the_rest() {
    // 0021-FALL-020: 24,000 dollars behind 6,000 lots of 72, and a bid six and a half per cent below the mark: at such a price some of
    // the lots would take with them what stands behind the others.
    let mut house = long_on(100_000);
    while equity(&house, 1) >= 24_000 {
        house.btc -= 20_000_000;
        house.apply(10, Vec::new());
    }
    let share = |house: &House| {
        let needed = required(house, 1);
        needed.equity.micros() * 1_000 / needed.maintenance.micros()
    };
    let (first, mut client) = (share(&house), 100);
    let mut bid = |house: &mut House, ppm: i128| {
        client += 1;
        let price = tick(house.btc * (1_000_000 - ppm) / 1_000_000);
        let cancel = of(3, Command::MassCancel { sub: 0, instrument: None });
        house.apply(10, vec![cancel, order(3, client, 1, Side::Buy, price, 6_000)]);
    };
    for _ in 0..10 {
        bid(&mut house, 65_000);
        assert!(share(&house) >= first - 1, "{} of {first} thousandths", share(&house));
    }
    assert_eq!(house.lots(1, 1), 6_000);
    bid(&mut house, 40_000);
    assert!(house.lots(1, 1) < 3_000, "{}", house.lots(1, 1));
    assert!(share(&house) >= first, "{} of {first} thousandths", share(&house));
}
