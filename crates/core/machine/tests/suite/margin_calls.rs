//! Margin calls and liquidation: whose turn it is, what an account may still do, and who pays what is missing.

use super::common::{
    BTC, ETH, HOUR, House, START, account, deposit, dollars, genesis, long, of, opened, order,
    quotes,
};
use super::history::play;
use expect_test::expect;
use ledger::Holder;
use machine::Machine;
use protocol::{AssetId, CancelReason, Command, Event, Mode, Receipt, Refusal, Side, Transaction};
use units::{Amount, Notional};

fn called(house: &House, number: u8) -> bool {
    let accounts = &house.machine.state().accounts;
    accounts.get(accounts.index(account(number)).unwrap()).unwrap().called
}

/// Lets the index fall while somebody bids for everything; returns how often account 1 was to be reduced.
fn crash(house: &mut House, steps: u64, mut also: impl FnMut() -> Vec<Transaction>) -> usize {
    let mut reduced = 0;
    for step in 0..steps {
        house.btc -= 40_000_000;
        let bid = (house.btc + 100_000_000) / 500_000 * 500_000;
        let mut transactions = also();
        transactions.push(order(3, 1_000 + step, 1, Side::Buy, bid, 6_000));
        let outcome = house.apply(10, transactions);
        let reduces =
            |event: &&Event| matches!(event, Event::Liquidated { instrument: Some(_), .. });
        reduced += outcome.events.iter().filter(reduces).count();
    }
    reduced
}

#[test]
fn an_account_cannot_take_out_the_order_that_liquidates_it() {
    // 0021-FALL-007, 0025-BLOCK-002
    let mut house = long();
    assert!(crash(&mut house, 22, Vec::new) > 0);
    let left = house.lots(1, 1);
    assert!(left < 6_000, "reduced");
    let everything = || vec![of(1, Command::MassCancel { sub: 0, instrument: None })];
    let quoted = || vec![quotes(1, 1)];
    let bid = |price: i128| move || vec![order(1, 77, 1, Side::Buy, price, 1)];
    let another = || vec![order(1, 78, 1, Side::Sell, 9_990_000_000, 6_000)];
    let dodges: [&dyn Fn() -> Vec<Transaction>; 4] =
        [&everything, &quoted, &bid(7_500_000_000), &another];
    for dodge in dodges {
        let mut house = long();
        assert!(crash(&mut house, 22, dodge) > 0);
        assert_eq!(house.lots(1, 1), left, "as if it had sent nothing");
    }
    // Nor by its number, which anybody can guess.
    let mut house = long();
    let mut refused = 0;
    for step in 0..22 {
        house.btc -= 40_000_000;
        let bid = (house.btc + 100_000_000) / 500_000 * 500_000;
        let next = house.machine.state().next_order;
        let outcome = house.apply(
            10,
            vec![
                of(1, Command::CancelOrder { sub: 0, order: next }),
                order(3, 1_000 + step, 1, Side::Buy, bid, 6_000),
            ],
        );
        refused += usize::from(outcome.receipts[0] == Receipt::Refused(Refusal::OrderOfHouse));
    }
    assert!(refused > 0);
    assert_eq!(house.lots(1, 1), left);
}

#[test]
fn a_margin_call_ends_with_the_last_position() {
    // 0021-FALL-002
    let mut house = long();
    crash(&mut house, 22, Vec::new);
    house.apply(1, vec![of(3, Command::MassCancel { sub: 0, instrument: None })]);
    let due = START + HOUR;
    while house.now < due - 30_000 {
        house.apply(20, Vec::new());
    }
    assert!(called(&house, 1));
    let (price, lots) = (house.btc / 500_000 * 500_000, house.lots(1, 1));
    house.apply(
        (due - house.now) / 1_000 - 1,
        vec![
            order(3, 9_000, 1, Side::Buy, price, lots),
            order(1, 9_000, 1, Side::Sell, price, lots),
        ],
    );
    // Variation margin comes before the measuring, and takes the position out.
    house.apply(1, Vec::new());
    let accounts = &house.machine.state().accounts;
    let held = accounts.get(accounts.index(account(1)).unwrap()).unwrap();
    assert!(held.positions().is_empty());
    assert!(!called(&house, 1), "nothing is left to call for");
}

#[test]
fn the_fund_pays_a_quarter_for_one_account_and_half_in_a_day() {
    // 0021-FALL-009, 0021-FALL-010, 0021-FALL-011
    let mut genesis = genesis();
    genesis.underlyings[0].insurance_fund = Notional::from_micros(40_000_000);
    let (machine, _) = Machine::found(&genesis).unwrap();
    let mut house = House { machine, now: START, ..opened() };
    house.fund(&[(1, 100_000), (3, 10_000_000)]);
    house.sell_sixty(3);
    // Nobody buys until far below what the account can pay.
    for _ in 0..40 {
        house.btc -= 80_000_000;
        house.apply(10, Vec::new());
    }
    let fund = |house: &House| house.machine.state().insurance_fund(BTC).micros();
    let mut paid = Vec::new();
    let mut run = |house: &mut House, first: u64, blocks: u64| {
        let before = paid.len();
        for step in first..first + blocks {
            let bid = house.btc / 500_000 * 500_000;
            let held = fund(house);
            let outcome = house.apply(10, vec![order(3, 100 + step, 1, Side::Buy, bid, 6_000)]);
            for event in &outcome.events {
                if let Event::DebtCovered { uncovered, .. } = event {
                    assert!(*uncovered > Notional::ZERO);
                    // The fees pay beside it (0021-FALL-040).
                    let amount = held - fund(house);
                    paid.extend((amount > 0).then_some((held, amount)));
                }
            }
        }
        paid[before..].to_vec()
    };
    let [(held, amount)] = run(&mut house, 0, 600)[..] else {
        panic!("paid once, not by the block")
    };
    assert_eq!(amount, held / 4, "a quarter of what it had");
    assert!(house.cash(1) < 0);
    let rest = fund(&house);
    house.apply(80_000, Vec::new());
    let [(held, amount)] = run(&mut house, 600, 700)[..] else { panic!("the next day, again") };
    assert_eq!((held, amount), (rest, rest / 4));
    let untouched = Notional::from_micros(1_000_000_000_000);
    assert_eq!(house.machine.state().insurance_fund(ETH), untouched);
}

#[test]
fn a_position_at_a_price_not_to_be_trusted_does_not_shield_the_others() {
    // 0021-FALL-001: it is not reduced at a price of five minutes ago.
    let history = play(
        "A1 brings 100000
         A3 brings 10000000
         block
         A1 buys 6000 BTC of A3 at 8000
         block
         A1 buys 10 ETH of A3 at 190
         block
         check lots A1 ETH = 10
         silent eth
         each btc -20
         each A3 buys 6000 BTC at index+100
         block 5 x60
         check lots A1 BTC < 6000
         check lots A1 ETH = 10",
    );
    assert_eq!(history.house.machine.state().mode(ETH), Mode::Frozen);
}

#[test]
fn collateral_is_sold_for_a_debt_before_a_fund_pays() {
    // 0021-FALL-012
    let mut house = opened();
    house.apply(1, vec![deposit(4, 1, Amount::from_minor(1_000_000_000))]);
    house.apply(
        1,
        vec![
            order(4, 1, 11, Side::Buy, 190_000_000, 15_000),
            order(3, 1, 11, Side::Sell, 190_000_000, 15_000),
        ],
    );
    assert_eq!(house.lots(4, 11), 15_000);
    let (mut sold, mut covered) = (Vec::new(), 0);
    for step in 0..200 {
        // Nobody bids until the loss is more than all that the account has.
        house.eth = (house.eth - 2_000_000).max(110_000_000);
        let bid = house.eth / 500_000 * 500_000;
        let bids = vec![order(3, 100 + step, 11, Side::Buy, bid, 5_000)];
        let outcome =
            house.apply(if step < 50 { 2 } else { 30 }, if step < 45 { Vec::new() } else { bids });
        for event in outcome.events {
            match event {
                Event::CollateralSold { amount, paid, .. } => {
                    assert_eq!(covered, 0);
                    sold.push((amount.minor(), paid.micros()));
                }
                Event::DebtCovered { amount, .. } => covered += amount.micros(),
                _ => {}
            }
        }
    }
    // One coin at 8,000 less half a per cent, for fees first and for the loss in the end.
    let (amounts, paid): (Vec<i128>, Vec<i128>) = sold.iter().copied().unzip();
    assert_eq!(amounts.iter().sum::<i128>(), 1_000_000_000);
    // What is paid is rounded down to what a billionth of a coin is worth.
    let rounded = 8 * i128::try_from(paid.len()).unwrap();
    assert!((7_960_000_000 - paid.iter().sum::<i128>()).abs() <= rounded, "{paid:?}");
    assert!(covered > 0 && house.cash(4) == 0, "{covered}");
    let coins = Holder::Insurance(BTC);
    let held = house.machine.state().ledger.balance(coins, AssetId::new(1));
    assert_eq!(held.minor(), 1_000_000_000, "the fund holds it");
}

#[test]
fn whoever_is_worst_off_for_what_it_holds_is_liquidated_first() {
    // 0021-FALL-001
    let mut house = long();
    house.apply(
        1,
        vec![
            deposit(5, 0, dollars(880)),
            order(5, 1, 1, Side::Buy, 8_000_000_000, 60),
            order(3, 2, 1, Side::Sell, 8_000_000_000, 60),
        ],
    );
    assert_eq!(house.lots(5, 1), 60);
    house.btc -= 1_400_000_000;
    let mut first = None;
    for _ in 0..30 {
        for event in house.apply(1, Vec::new()).events {
            if let Event::Liquidated { account, equity, maintenance, .. } = event {
                let short_by = maintenance.micros() - equity.micros();
                first = Some((account.get(), short_by));
                break;
            }
        }
        if first.is_some() && called(&house, 1) {
            let both: Vec<u32> = house
                .apply(1, Vec::new())
                .events
                .iter()
                .filter_map(|event| match event {
                    Event::Liquidated { account, .. } => Some(account.get()),
                    _ => None,
                })
                .collect();
            if both.len() == 2 {
                assert_eq!(both, [3, 0], "account 5 owes less, but has less of what it needs");
                return;
            }
        }
    }
    panic!("both fall below maintenance margin");
}

#[test]
fn no_set_of_orders_turns_a_position_over_in_reduce_only_mode() {
    // 0025-BLOCK-010, 0025-BLOCK-017
    let mut house = long();
    let before = house.apply(
        1,
        vec![
            order(1, 5, 1, Side::Sell, 9_000_000_000, 4_000),
            order(1, 6, 1, Side::Sell, 9_000_000_000, 1_000),
            order(1, 7, 1, Side::Sell, 9_000_000_000, 2_000),
            order(3, 7, 1, Side::Sell, 9_500_000_000, 1),
        ],
    );
    assert!(before.receipts.iter().all(|receipt| matches!(receipt, Receipt::Order(_))));
    let silent = |house: &mut House, seconds, transactions| {
        let mut block = house.block(seconds, transactions);
        block.votes.clear();
        house.machine.apply(&block).unwrap()
    };
    let mode = Mode::ReduceOnly;
    let forbidden = Receipt::Refused(Refusal::ModeForbids { mode });
    // Quotes stay for ten seconds more, and nothing is added to them.
    for seconds in [11, 9] {
        let outcome =
            silent(&mut house, seconds, vec![order(3, 8, 1, Side::Sell, 8_000_000_000, 1)]);
        assert_eq!(outcome.receipts[0], forbidden);
        let is_cancel = |event: &Event| matches!(event, Event::Cancelled { .. });
        assert!(!outcome.events.iter().any(is_cancel), "{:?}", outcome.events);
    }
    let outcome = silent(
        &mut house,
        1,
        vec![
            order(3, 8, 1, Side::Sell, 8_000_000_000, 1),
            order(1, 8, 1, Side::Sell, 8_000_000_000, 1_000),
            order(1, 9, 1, Side::Sell, 8_000_000_000, 1),
        ],
    );
    let cancelled = outcome.events.iter().filter_map(|event| match event {
        Event::Cancelled { lots, reason, .. } => Some((lots.count(), *reason)),
        _ => None,
    });
    let cancelled: Vec<_> = cancelled.collect();
    let reason = CancelReason::Restricted;
    // The newest of account 1, which no longer fits 6,000 lots; that of account 3, which is short.
    assert_eq!(cancelled, [(2_000, reason), (1, reason)]);
    assert_eq!(outcome.receipts[0], forbidden);
    assert!(matches!(outcome.receipts[1], Receipt::Order(_)));
    assert_eq!(outcome.receipts[2], forbidden);
}

#[test]
fn an_account_under_a_margin_call_keeps_the_orders_that_reduce() {
    // 0021-FALL-002: the other was not covered any more ten seconds before the call.
    let history = play(
        "A1 brings 100000
         A3 brings 10000000
         block
         A1 buys 6000 BTC of A3 at 8000
         block
         A1 sells 10 BTC at 9000
         A1 buys 10 ETH at 150
         block
         show cancelled called
         each btc -4
         block 1 until A1 is called",
    );
    expect![[r#"
        114: cancelled: 10 ETH of A1, Uncovered
        124: called: A1, short by 2084.567573
    "#]]
    .assert_eq(&history.printed);
}

#[test]
fn a_call_without_grace_cancels_what_does_not_fit_the_position() {
    // 0021-FALL-002: from initial margin to below maintenance in one block, in which what is left goes before its liquidation.
    // The order of the house, of which nothing is filled, leaves too.
    let history = play(
        "A1 brings 100000
         A3 brings 10000000
         block
         A1 buys 6000 BTC of A3 at 8000
         block
         A1 sells 10 BTC at 9000
         A1 buys 10 ETH at 150
         A1 sells 5995 BTC at 9000
         block
         show cancelled called
         btc -790
         block 10",
    );
    expect![[r#"
        4: called: A1, short by 17468.341766
        4: cancelled: 5995 BTC of A1, Restricted
        4: cancelled: 10 ETH of A1, Restricted
        4: cancelled: 10 BTC of A1, Liquidation
        4: cancelled: 1285 BTC of A1, Unfilled
    "#]]
    .assert_eq(&history.printed);
}
