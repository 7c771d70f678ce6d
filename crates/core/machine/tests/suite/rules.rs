//! Rules of the spec pages 0011, 0013, 0021, 0023 and 0025 that no other test shows, and today's departures from them.

use super::common::{
    BTC, ETH, HOUR, House, SIGNERS, START, account, deposit, dollars, genesis, long, of, opened,
    order, sign, trader,
};
use governance::CouncilError;
use ledger::Holder;
use machine::{
    CallAuction, Custody, Genesis, GenesisError, Machine, ParameterGenesis, StateKey, Status,
};
use protocol::codec;
use protocol::{
    AssetId, CancelReason, Change, ClientOrderId, Command, Contract, ContractRule, Event,
    InstrumentId, Mode, NewOrder, OrderId, ParameterId, ProposalId, Quote, Receipt, Refusal, Right,
    SelfTrade, Side, TimeInForce, Transaction, UnderlyingId,
};
use random::Random;
use units::{Amount, Lots, Notional, Price, Quantity, limits};

const PERPETUAL: InstrumentId = InstrumentId::new(1);
const STRANGER: u8 = 99;

type Edit = fn(&mut Genesis);

fn pays_out(number: u8, asset: AssetId, amount: Amount) -> Transaction {
    let destination = trader(number);
    of(number, Command::Withdraw { sub: 0, asset, amount, destination })
}

fn quotes(number: u8, count: usize) -> Transaction {
    let quote = Quote {
        instrument: PERPETUAL,
        side: Side::Buy,
        price: Price::from_micros(7_990_000_000),
        lots: Lots::from_count(1),
    };
    of(number, Command::MassQuote { sub: 0, quotes: vec![quote; count] })
}

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
fn the_first_broken_rule_is_reported_in_the_order_of_the_page() {
    // 0025-BLOCK-009, 0025-BLOCK-010: each row breaks its rule and, where it can, those that are reported after it.
    let mut house = opened();
    let buy = |instrument, price, lots| order(1, 9, instrument, Side::Buy, price, lots);
    house.apply(1, vec![order(1, 8, 1, Side::Buy, 7_000_000_000, 1)]);
    let in_use = order(1, 8, 1, Side::Buy, 7_000_000_000, 9_999_999);
    let reduce_only = |price| {
        let order = NewOrder {
            client: ClientOrderId::new(9),
            instrument: PERPETUAL,
            side: Side::Sell,
            price: Price::from_micros(price),
            lots: Lots::from_count(9_999_999),
            time_in_force: TimeInForce::PostOnly,
            reduce_only: true,
            self_trade: SelfTrade::RefuseIncoming,
        };
        of(1, Command::PlaceOrder { sub: 0, order })
    };
    let withdraw = |asset, amount| {
        let asset = AssetId::new(asset);
        pays_out(1, asset, Amount::from_minor(amount))
    };
    let transfer = |amount: i128| {
        let (to, asset) = (account(1), AssetId::DOLLAR);
        of(1, Command::Transfer { sub: 0, to, asset, amount: Amount::from_minor(amount) })
    };
    let over = limits::BALANCE_MICROS_MAX + 1;
    let too_many_lots = limits::LOTS_MAX + 1;
    let unsigned = deposit(1, 77, Amount::from_minor(0));
    let rows = [
        (1, Transaction { sender: trader(1), ..unsigned.clone() }),
        (10, unsigned),
        (11, deposit(1, 0, Amount::from_minor(0))),
        (12, deposit(1, 0, Amount::from_minor(over))),
        (10, withdraw(77, 0)),
        (11, withdraw(0, -1)),
        (12, withdraw(0, over)),
        (14, withdraw(0, limits::BALANCE_MICROS_MAX)),
        (11, transfer(0)),
        (13, transfer(limits::BALANCE_MICROS_MAX)),
        (2, order(STRANGER, 9, 99, Side::Buy, -1, 0)),
        (20, buy(99, -1, 0)),
        (30, buy(3, -1, 0)),
        (31, buy(3, -1, too_many_lots)),
        (32, buy(3, -1, 9_999_999)),
        (33, buy(1, 99_000_000_001, 9_999_999)),
        (34, buy(1, 99_000_000_000, 9_999_999)),
        (35, in_use),
        (39, reduce_only(6_990_000_000)),
        (42, buy(1, 8_000_000_000, 9_999_999)),
        (45, buy(1, 8_000_000_000, 1_999_000)),
        (2, quotes(STRANGER, 257)),
        (3, quotes(1, 257)),
        (50, of(1, Command::CancelOrder { sub: 0, order: OrderId::new(77) })),
        (1, of(1, Command::Pause { instrument: InstrumentId::new(99) })),
        (20, sign(0, Command::Pause { instrument: InstrumentId::new(99) })),
        (
            63,
            sign(0, Command::Approve { proposal: ProposalId::new(1), change: Change::ResumeHouse }),
        ),
    ];
    let (codes, transactions): (Vec<u16>, Vec<_>) = rows.into_iter().unzip();
    let before: Vec<_> = [1, 2, 3].map(|number| (house.cash(number), house.lots(number, 1))).into();
    let outcome = house.apply(1, transactions);
    for (row, (receipt, code)) in outcome.receipts.iter().zip(codes).enumerate() {
        let Receipt::Refused(refusal) = receipt else { panic!("row {row}: {receipt:?}") };
        assert_eq!(refusal.code(), code, "row {row}: {refusal}");
    }
    // 0025-BLOCK-003
    let after: Vec<_> = [1, 2, 3].map(|number| (house.cash(number), house.lots(number, 1))).into();
    assert_eq!((outcome.events.len(), before), (0, after));
}

#[test]
fn records_are_those_that_changed_ascending_and_once() {
    // 0025-BLOCK-016, 0025-BLOCK-015
    let mut house = long();
    let outcome = house.apply(1, vec![deposit(7, 0, dollars(10))]);
    assert!(outcome.writes.windows(2).all(|pair| pair[0].key < pair[1].key));
    for write in &outcome.writes {
        let key: StateKey = codec::decode(&write.key, usize::MAX).unwrap();
        assert_eq!(house.machine.record(&key).unwrap(), write.record, "{key:?}");
    }
    let changed = |key: StateKey| {
        let key = codec::encode(&key).unwrap();
        outcome.writes.iter().any(|write| write.key == key)
    };
    assert!(changed(StateKey::Block) && changed(StateKey::Account(account(7))));
    assert!(!changed(StateKey::Account(account(1))), "nothing of account 1 changed");
    let restored = Machine::restore(&house.machine.snapshot().unwrap()).unwrap();
    assert_eq!(restored.snapshot(), house.machine.snapshot());
}

#[test]
fn whatever_decides_the_future_is_under_the_root() {
    // 0025-BLOCK-016
    type Change = fn(&mut machine::State);
    let mut house = long();
    house.apply(30, Vec::new());
    let base = house.machine.records().unwrap();
    let other = || {
        let mut house = long();
        house.btc += 1_000_000;
        house.apply(30, vec![order(2, 1, 1, Side::Buy, 8_000_000_000, 1)]);
        house.machine.state().clone()
    };
    assert_eq!(
        Machine::restore(&house.machine.snapshot().unwrap()).unwrap().records().unwrap(),
        base
    );
    let changes: [Change; 18] = [
        |state| state.chain.push('x'),
        |state| state.custody = Custody::new(&[trader(1)], 1).unwrap(),
        |state| *state.validators.values_mut().next().unwrap() += 1,
        |state| state.next_order = OrderId::new(77),
        |state| state.variation_due_at = state.time,
        |state| {
            let now = state.time;
            state.outflow = state.outflow.with(now, Notional::from_micros(1)).unwrap().0;
        },
        |state| {
            let (since, until) = (state.time, state.time);
            state.call_auction = Some(CallAuction { since, until });
        },
        |state| state.markets.get_mut(&PERPETUAL).unwrap().last = None,
        |state| state.markets.get_mut(&PERPETUAL).unwrap().forward = None,
        |state| state.markets.get_mut(&PERPETUAL).unwrap().vol_stale = true,
        |state| state.markets.get_mut(&PERPETUAL).unwrap().premium = oracle::PremiumAverage::new(),
        |state| {
            let (id, accrual) = state.accruals.iter().next_back().unwrap();
            assert!(*id != PERPETUAL);
            let accrual = *accrual;
            state.accruals.insert(PERPETUAL, accrual);
        },
        |state| state.underlyings.get_mut(&BTC).unwrap().sources_min = 1,
        |state| state.underlyings.get_mut(&BTC).unwrap().feed = oracle::Feed::new(),
        |state| state.underlyings.get_mut(&BTC).unwrap().vols = oracle::VolMarks::default(),
        |state| state.underlyings.get_mut(&BTC).unwrap().bases = oracle::BasisMarks::default(),
        |state| {
            let now = state.time;
            let held = state.liquidity.get_mut(&BTC).unwrap();
            held.trade(PERPETUAL, Notional::from_micros(1), now).unwrap();
        },
        |state| {
            // A second more of the hour whose average depth will be kept.
            let held = state.liquidity.get_mut(&BTC).unwrap();
            let seen = held.markets().iter().map(|(instrument, shown)| thresholds::Seen {
                instrument: *instrument,
                stands: shown.depth,
                elsewhere: Notional::ZERO,
            });
            let seen: Vec<thresholds::Seen> = seen.collect();
            let yardstick = thresholds::Yardstick { least: Notional::ZERO, most: Notional::ZERO };
            let second = units::BlockSpan::from_millis(1_000);
            drop(held.measure(&seen, yardstick, second, state.time));
        },
    ];
    let with = |state: &machine::State| {
        let machine = Machine::restore(&codec::encode(state).unwrap());
        machine.unwrap().records().unwrap()
    };
    for (number, change) in changes.into_iter().enumerate() {
        let mut state = house.machine.state().clone();
        change(&mut state);
        assert_ne!(with(&state), base, "change {number}");
    }
    assert_ne!(with(&other()), base);
}

#[test]
fn funding_takes_from_the_payer_and_leaves_the_remainder_in_the_fund() {
    // 0011-LEDG-007, 0013-CLEAR-006, 0013-CLEAR-008
    let mut house = long();
    let fund = |house: &House| house.machine.state().insurance_fund(BTC).micros();
    let before = fund(&house);
    // Blocks of 30 s: a longer gap would freeze the underlying. Two seconds have gone.
    for _ in 0..119 {
        let outcome = house.apply(30, Vec::new());
        assert!(!outcome.events.iter().any(|event| matches!(event, Event::Funded { .. })));
    }
    let outcome = house.apply(28, Vec::new());
    let funded = outcome.events.iter().find_map(|event| match event {
        Event::Funded { instrument: PERPETUAL, rate, paid } => Some((rate.parts(), paid.micros())),
        _ => None,
    });
    // Without a premium: 0.00125 % of 60 coins at 8,000, for all of the hour but the 55 micro-dollars a coin of its
    // first two seconds.
    assert_eq!(funded, Some((12_500, 6_000_000 - 60 * 55)));
    assert!((0..2).contains(&(fund(&house) - before)));
}

#[test]
fn funding_is_for_the_time_held_however_often_it_is_exchanged() {
    // 0013-CLEAR-008
    let paid_in_an_hour = |millis| {
        let mut changed = genesis();
        let (underlying, parameter) = (None, ParameterId::VariationInterval);
        changed.parameters.push(ParameterGenesis { underlying, parameter, value: millis });
        let (machine, _) = Machine::found(&changed).unwrap();
        let mut house = House { machine, now: START, ..opened() };
        let money = [(1, 100_000), (3, 10_000_000)];
        house.apply(1, money.map(|(number, held)| deposit(number, 0, dollars(held))).to_vec());
        house.apply(
            1,
            vec![
                order(1, 1, 1, Side::Buy, 8_000_000_000, 1_000),
                order(3, 1, 1, Side::Sell, 8_000_000_000, 1_000),
            ],
        );
        let mut paid = 0;
        for _ in 0..120 {
            for event in house.apply(30, Vec::new()).events {
                if let Event::Funded { paid: more, .. } = event {
                    paid += more.micros();
                }
            }
        }
        paid
    };
    assert_eq!(paid_in_an_hour(3_600_000), 1_000_000);
    let by_the_minute = paid_in_an_hour(60_000);
    assert!((0..=60).contains(&(by_the_minute - 1_000_000)), "{by_the_minute}");
}

#[test]
fn what_a_market_misses_of_funding_it_pays_at_the_next_exchange() {
    // 0013-CLEAR-006, 0013-CLEAR-008
    let mut house = long();
    let paid = |outcome: &machine::Outcome| {
        let paid = outcome.events.iter().filter_map(|event| match event {
            Event::Funded { paid, .. } => Some(paid.micros()),
            _ => None,
        });
        paid.sum::<i128>()
    };
    // Halted over the first exchange, resumed for the second; sold in between, so that two pay for the time they held.
    for _ in 0..60 {
        assert_eq!(paid(&house.apply(30, Vec::new())), 0);
    }
    let mut state = house.machine.state().clone();
    state.markets.get_mut(&PERPETUAL).unwrap().status = Status::Halted { fault: "a test".into() };
    house.machine = Machine::restore(&codec::encode(&state).unwrap()).unwrap();
    let mut total = 0;
    for _ in 0..90 {
        total += paid(&house.apply(30, Vec::new()));
    }
    assert_eq!(total, 0, "halted");
    let mut state = house.machine.state().clone();
    state.markets.get_mut(&PERPETUAL).unwrap().status = Status::Trading;
    house.machine = Machine::restore(&codec::encode(&state).unwrap()).unwrap();
    let trades = vec![
        order(1, 70, 1, Side::Sell, 8_000_000_000, 6_000),
        order(2, 70, 1, Side::Buy, 8_000_000_000, 6_000),
    ];
    house.apply(1, vec![deposit(2, 0, dollars(200_000))]);
    let before = house.cash(3);
    house.apply(1, trades);
    for _ in 0..120 {
        total += paid(&house.apply(30, Vec::new()));
    }
    // Two hours less 45 minutes, in which nobody could trade.
    assert!((total - 7_500_000).abs() < 60 * 200, "{total}");
    assert!((house.cash(3) - before - total).abs() < 1_000, "the short was there all the time");
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
    // 0021-FALL-001
    let mut house = long();
    house.apply(
        1,
        vec![
            order(1, 50, 11, Side::Buy, 190_000_000, 10),
            order(3, 50, 11, Side::Sell, 190_000_000, 10),
        ],
    );
    assert_eq!(house.lots(1, 11), 10);
    for step in 0..60 {
        house.btc -= 20_000_000;
        let bid = (house.btc + 100_000_000) / 500_000 * 500_000;
        let mut block = house.block(5, vec![order(3, 1_000 + step, 1, Side::Buy, bid, 6_000)]);
        for vote in &mut block.votes {
            vote.prices.retain(|report| report.underlying == BTC);
        }
        house.machine.apply(&block).unwrap();
    }
    assert_eq!(house.machine.state().mode(ETH), Mode::Frozen);
    assert!(house.lots(1, 1) < 6_000, "reduced");
    assert_eq!(house.lots(1, 11), 10, "not at a price of five minutes ago");
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
    // 0021-FALL-002
    let mut house = long();
    house.apply(
        1,
        vec![
            order(1, 5, 1, Side::Sell, 9_000_000_000, 10),
            order(1, 6, 11, Side::Buy, 150_000_000, 10),
        ],
    );
    let mut cancelled = Vec::new();
    while !called(&house, 1) {
        house.btc -= 4_000_000;
        let outcome = house.apply(1, Vec::new());
        cancelled.extend(outcome.events.into_iter().filter_map(|event| match event {
            Event::Cancelled { instrument, reason, .. } => Some((instrument, reason)),
            _ => None,
        }));
    }
    // It was not covered any more ten seconds before the call.
    assert_eq!(cancelled, [(InstrumentId::new(11), CancelReason::Uncovered)]);
}

#[test]
fn a_call_without_grace_cancels_what_does_not_fit_the_position() {
    // 0021-FALL-002: from initial margin to below maintenance in one block, in which what is left goes before its liquidation.
    let mut house = long();
    house.apply(
        1,
        vec![
            order(1, 5, 1, Side::Sell, 9_000_000_000, 10),
            order(1, 6, 11, Side::Buy, 150_000_000, 10),
            order(1, 7, 1, Side::Sell, 9_000_000_000, 5_995),
        ],
    );
    house.btc -= 790_000_000;
    assert!(!called(&house, 1));
    let outcome = house.apply(10, Vec::new());
    assert!(called(&house, 1));
    let gone = outcome.events.iter().filter_map(|event| match event {
        Event::Cancelled { instrument, lots, reason, .. } => {
            Some((instrument.get(), lots.count(), *reason))
        }
        _ => None,
    });
    // The order of the house, of which nothing is filled, leaves too.
    let gone = gone.filter(|(_, _, reason)| *reason != CancelReason::Unfilled);
    let (restricted, liquidation) = (CancelReason::Restricted, CancelReason::Liquidation);
    assert_eq!(
        gone.collect::<Vec<_>>(),
        [(1, 5_995, restricted), (11, 10, restricted), (1, 10, liquidation)]
    );
}

#[test]
fn a_refused_command_changes_nothing() {
    // 0025-BLOCK-003
    let mut house = opened();
    house.apply(1, vec![quotes(1, 1)]);
    let outcome = house.apply(1, vec![quotes(1, 257)]);
    assert_eq!(outcome.receipts, [Receipt::Refused(Refusal::TooMany)]);
    assert_eq!(outcome.events, []);
    let most = Amount::from_minor(limits::BALANCE_MICROS_MAX);
    let outcome = house.apply(1, vec![deposit(9, 0, most)]);
    assert_eq!(outcome.receipts, [Receipt::Refused(Refusal::AmountTooLarge)]);
    assert_eq!(outcome.events, []);
    assert_eq!(house.machine.record(&StateKey::Account(account(9))).unwrap(), None);
}

#[test]
fn no_more_than_the_limit_leaves_in_any_hour() {
    // 0025-BLOCK-012
    let mut changed = genesis();
    for (parameter, value) in [
        (ParameterId::WithdrawalLimit, 100_000_000_000),
        (ParameterId::WithdrawalOwnerShare, 1_000_000),
        (ParameterId::WithdrawalFree, 0),
    ] {
        changed.parameters.push(ParameterGenesis { underlying: None, parameter, value });
    }
    let (machine, _) = Machine::found(&changed).unwrap();
    let mut house = House { machine, now: START, ..opened() };
    house.apply(1, vec![deposit(1, 0, dollars(10_000_000))]);
    let mut left: Vec<(i128, i128)> = Vec::new();
    let mut random = Random::new(12);
    for _ in 0..600 {
        let amount = random.between(1, 60);
        let (asset, amount_) = (AssetId::DOLLAR, dollars(1_000 * amount));
        let seconds = random.between(1, 59);
        let withdraw = pays_out(1, asset, amount_);
        let outcome = house.apply(seconds, vec![withdraw]);
        if outcome.receipts[0] == Receipt::Done {
            left.push((house.now, amount));
        }
    }
    assert!(left.len() > 10);
    for (end, _) in &left {
        let hour = left.iter().filter(|(at, _)| at <= end && end - at < HOUR);
        assert!(hour.map(|(_, amount)| amount).sum::<i128>() <= 100);
    }
}

#[test]
fn collateral_leaves_only_at_prices_that_may_liquidate() {
    // 0025-BLOCK-018
    let mut house = long();
    house.apply(1, vec![deposit(2, 1, Amount::from_minor(1_000_000_000))]);
    let (asset, amount, to) = (AssetId::DOLLAR, dollars(10_000), account(2));
    let leave = || {
        vec![
            pays_out(1, asset, amount),
            of(1, Command::Transfer { sub: 0, to, asset, amount }),
            pays_out(2, asset, amount),
            pays_out(2, AssetId::new(1), Amount::from_minor(2_000_000)),
        ]
    };
    for (seconds, mode) in [(11, Mode::ReduceOnly), (70, Mode::Frozen)] {
        let mut block = house.block(seconds, leave());
        block.votes.clear();
        let outcome = house.machine.apply(&block).unwrap();
        assert_eq!(house.machine.state().mode(BTC), mode);
        let forbidden = Receipt::Refused(Refusal::ModeForbids { mode });
        // Who holds no position and owes nothing is never kept.
        assert_eq!(outcome.receipts, [forbidden.clone(), forbidden, Receipt::Done, Receipt::Done]);
    }
}

#[test]
fn new_risk_costs_a_quarter_more_scan_while_the_index_is_in_doubt() {
    // 0019-MARG-002, 0025-BLOCK-018
    let mut house = long();
    let index = house.machine.state().accounts.index(account(1)).unwrap();
    let scans = |house: &House| {
        let risk = house.machine.state().risk().unwrap();
        let required = house.machine.state().required(&risk, index, false).unwrap();
        (required.scan_hold.micros(), required.scan_new.micros())
    };
    let (hold, new) = scans(&house);
    assert_eq!(hold, new);
    let mut block = house.block(1, Vec::new());
    for vote in &mut block.votes {
        for price in &mut vote.prices {
            price.confidence = Price::from_micros(price.price.micros() / 50);
        }
    }
    house.machine.apply(&block).unwrap();
    assert_eq!(house.machine.state().mode(BTC), Mode::Caution);
    let (hold, new) = scans(&house);
    assert!((new - hold * 5 / 4).abs() <= 1_000, "{hold} {new}");
}

#[test]
fn governance_lets_a_halted_house_take_orders_again() {
    // 0025-BLOCK-007, 0023-GOV-005
    let mut house = opened();
    let mut state = house.machine.state().clone();
    state.house_fault = Some("a fault".into());
    house.machine = Machine::restore(&codec::encode(&state).unwrap()).unwrap();
    let change = Change::ResumeHouse;
    house.apply(1, vec![sign(0, Command::Propose { change })]);
    let proposal = ProposalId::new(1);
    house.apply(1, vec![sign(1, Command::Approve { proposal, change })]);
    house.apply(2 * 86_400 - 1, Vec::new());
    assert!(house.machine.state().house_fault.is_some(), "not before the timelock is over");
    house.apply(1, Vec::new());
    assert_eq!(house.machine.state().house_fault, None);
}

#[test]
fn only_a_deposit_opens_an_account() {
    // 0025-BLOCK-008
    let mut house = opened();
    let transfer = |amount| {
        let (to, asset) = (account(8), AssetId::DOLLAR);
        of(1, Command::Transfer { sub: 0, to, asset, amount: dollars(amount) })
    };
    let outcome = house.apply(1, vec![transfer(1)]);
    assert_eq!(outcome.receipts, [Receipt::Refused(Refusal::AccountNotOpen)]);
    // 0025-BLOCK-002: deposits and transfers as they stand in the block.
    let outcome = house.apply(1, vec![transfer(1), deposit(8, 0, dollars(10)), transfer(2)]);
    let closed = Receipt::Refused(Refusal::AccountNotOpen);
    assert_eq!(outcome.receipts, [closed, Receipt::Done, Receipt::Done]);
    assert_eq!(house.cash(8), 12_000_000);
}

#[test]
fn reduce_only_orders_make_room_newest_first_and_quotes_replace_quotes() {
    // 0025-BLOCK-011
    let mut house = long();
    let sell = |client, lots, reduce_only| {
        let order = NewOrder {
            client: ClientOrderId::new(client),
            instrument: PERPETUAL,
            side: Side::Sell,
            price: Price::from_micros(9_000_000_000),
            lots: Lots::from_count(lots),
            time_in_force: TimeInForce::GoodTillCancelled,
            reduce_only,
            self_trade: SelfTrade::RefuseIncoming,
        };
        of(1, Command::PlaceOrder { sub: 0, order })
    };
    let reducing = vec![sell(11, 2_000, true), sell(12, 4_000, true), sell(13, 1, true)];
    let outcome = house.apply(1, reducing);
    assert_eq!(outcome.receipts[2], Receipt::Refused(Refusal::ReduceOnlyWouldIncrease));
    let outcome = house.apply(1, vec![sell(14, 1, false)]);
    let again = house.apply(1, vec![sell(12, 1, false)]).receipts[0].clone();
    assert!(matches!(again, Receipt::Order(_)), "its number is free again");
    let cancelled: Vec<_> = outcome.events.iter().collect();
    let [Event::Cancelled { lots, reason: CancelReason::ReduceOnly, .. }] = cancelled[..] else {
        panic!("the newer goes: {cancelled:?}")
    };
    assert_eq!(lots.count(), 4_000);
    let outcome = house.apply(1, vec![quotes(2, 2)]);
    assert!(matches!(&outcome.receipts[0], Receipt::Quotes(answers) if answers.len() == 2));
    let outcome = house.apply(1, vec![quotes(2, 1)]);
    assert_eq!(outcome.events.len(), 2, "both quotes of that side are replaced");
}

#[test]
fn a_halted_house_takes_no_orders_and_lets_everybody_leave() {
    // 0025-BLOCK-007, 0025-BLOCK-004
    let mut house = opened();
    let resting = house.apply(1, vec![order(2, 1, 1, Side::Buy, 7_000_000_000, 1)]);
    let Receipt::Order(resting) = resting.receipts[0] else { panic!("it rests") };
    let mut state = house.machine.state().clone();
    state.house_fault = Some("a fault".into());
    house.machine = Machine::restore(&codec::encode(&state).unwrap()).unwrap();
    let (asset, amount) = (AssetId::DOLLAR, dollars(10));
    let outcome = house.apply(
        1,
        vec![
            order(1, 1, 1, Side::Buy, 7_000_000_000, 1),
            pays_out(1, asset, amount),
            of(2, Command::CancelOrder { sub: 0, order: resting }),
        ],
    );
    let refused = Receipt::Refused(Refusal::InstrumentHalted);
    assert_eq!(outcome.receipts, [refused, Receipt::Done, Receipt::Done]);
    assert_eq!(house.machine.state().house_fault.as_deref(), Some("a fault"));
}

#[test]
fn a_genesis_that_breaks_a_rule_founds_nothing() {
    // 0025-BLOCK-013, 0013-CLEAR-012, 0023-GOV-002, 0023-GOV-004
    let refuses = |change: Edit| {
        let mut genesis = genesis();
        change(&mut genesis);
        Machine::found(&genesis).err()
    };
    assert_eq!(refuses(|_| ()), None);
    let invalid = |rule| {
        let refusal = Refusal::ContractInvalid { rule };
        Some(GenesisError::Instrument(PERPETUAL, refusal))
    };
    let listed: [(Edit, ContractRule); 6] = [
        (|g| g.instruments[0].tick = Price::ZERO, ContractRule::TickNotPositive),
        (|g| g.instruments[0].contract_size = Quantity::ZERO, ContractRule::SizeOutsideLimits),
        (
            |g| g.instruments[0].contract_size = Quantity::from_nanos(7),
            ContractRule::TickValueInexact,
        ),
        (|g| g.instruments[0].underlying = UnderlyingId::new(9), ContractRule::UnderlyingUnknown),
        (
            |g| g.instruments[0].contract = Contract::Future { expires_at: g.time },
            ContractRule::ExpiresBeforeNow,
        ),
        (
            |g| {
                let (expires_at, strike, right) = (g.time, Price::ZERO, Right::Call);
                g.instruments[0].contract = Contract::Option { expires_at, strike, right };
            },
            ContractRule::StrikeNotPositive,
        ),
    ];
    for (change, rule) in listed {
        assert_eq!(refuses(change), invalid(rule), "{rule:?}");
    }
    let refused: [Edit; 10] = [
        |g| g.chain = "two words".into(),
        |g| g.validators[0].seat.key = g.validators[1].seat.key,
        |g| g.epoch_blocks = 31,
        |g| g.threshold = 4,
        |g| g.validators[0].stake = 0,
        |g| g.validators.swap(0, 1),
        |g| g.underlyings.clear(),
        |g| g.instruments.swap(0, 1),
        |g| g.underlyings[0].sources.clear(),
        |g| g.underlyings[0].insurance_fund = Notional::from_micros(-1),
    ];
    for (rule, change) in refused.into_iter().enumerate() {
        assert!(refuses(change).is_some(), "rule {rule}");
    }
    for sources_min in [4, 5, u8::MAX] {
        // 0017-ORAC-026: of four, three may be needed.
        let mut changed = genesis();
        changed.underlyings[1].sources_min = sources_min;
        let expected = GenesisError::SourcesMin { underlying: ETH, sources: 4, sources_min };
        assert_eq!(Machine::found(&changed).err(), Some(expected));
    }
    let mut doubled = genesis();
    doubled.signers[2] = SIGNERS[0];
    let expected = GenesisError::Council(CouncilError::SignerTwice(SIGNERS[0]));
    assert_eq!(Machine::found(&doubled).err(), Some(expected), "merged, it would found");
    let place = |underlying, value| ParameterGenesis {
        underlying,
        parameter: ParameterId::ScanRange,
        value,
    };
    for (underlying, value) in [(Some(BTC), 119_999), (None, 200_000)] {
        let mut changed = genesis();
        changed.parameters.push(place(underlying, value));
        assert!(matches!(Machine::found(&changed), Err(GenesisError::Parameter(..))));
    }
}
