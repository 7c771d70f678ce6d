//! What is admitted and what is refused: commands, accounts, withdrawals, genesis; and what the records show of it.

use super::common::{
    BTC, ETH, HOUR, House, SIGNERS, START, account, deposit, dollars, genesis, long, of, opened,
    order, quotes, sign, trader,
};
use governance::CouncilError;
use machine::{CallAuction, Custody, Genesis, GenesisError, Machine, ParameterGenesis, StateKey};
use protocol::{
    AssetId, CancelReason, Change, ClientOrderId, Command, Contract, ContractRule, Event,
    InstrumentId, Mode, NewOrder, OrderId, ParameterId, ProposalId, Receipt, Refusal, Right,
    SelfTrade, Side, TimeInForce, Transaction, UnderlyingId, codec,
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
    let (seller, asset, limit) = (Some(account(2)), AssetId::new(1), Price::from_micros(1));
    let amount = Amount::from_minor(limits::BALANCE_MICROS_MAX);
    let purchase = of(1, Command::BuyCollateral { sub: 0, seller, asset, amount, limit });
    let over = limits::BALANCE_MICROS_MAX + 1;
    let too_many_lots = limits::LOTS_MAX + 1;
    let unsigned = deposit(1, 77, Amount::from_minor(0));
    let rows = [
        (1, Transaction { sender: trader(1), ..unsigned.clone() }),
        (40, unsigned),
        (41, deposit(1, 0, Amount::from_minor(0))),
        (42, deposit(1, 0, Amount::from_minor(over))),
        (40, withdraw(77, 0)),
        (41, withdraw(0, -1)),
        (42, withdraw(0, over)),
        (45, withdraw(0, limits::BALANCE_MICROS_MAX)),
        (44, purchase),
        (41, transfer(0)),
        (43, transfer(limits::BALANCE_MICROS_MAX)),
        (2, order(STRANGER, 9, 99, Side::Buy, -1, 0)),
        (70, buy(99, -1, 0)),
        (90, buy(3, -1, 0)),
        (91, buy(3, -1, too_many_lots)),
        (92, buy(3, -1, 9_999_999)),
        (93, buy(1, 99_000_000_001, 9_999_999)),
        (95, buy(1, 99_000_000_000, 9_999_999)),
        (96, in_use),
        (100, reduce_only(6_990_000_000)),
        (103, buy(1, 8_000_000_000, 9_999_999)),
        (105, buy(1, 8_000_000_000, 1_999_000)),
        (2, quotes(STRANGER, 257)),
        (3, quotes(1, 257)),
        (106, of(1, Command::CancelOrder { sub: 0, order: OrderId::new(77) })),
        (1, of(1, Command::Pause { instrument: InstrumentId::new(99) })),
        (70, sign(0, Command::Pause { instrument: InstrumentId::new(99) })),
        (
            153,
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
