//! Where faults end. Each is injected: a state that no block leads to, in which something of one account, market, underlying
//! or command cannot be computed.

use super::common::{
    BTC, CUSTODIAN, ETH, HOUR, House, START, account, deposit, dollars, genesis, of, order, trader,
};
use machine::{Machine, Outcome, ParameterGenesis, State};
use protocol::{
    AccountId, AccountIndex, AssetId, ClientOrderId, Command, Event, InstrumentId, Mode, NewOrder,
    OrderId, ParameterId, Receipt, Refusal, SelfTrade, Side, TimeInForce, Transaction, codec,
};
use units::{Amount, Lots, Price, Quantity, limits};

const FUTURE: InstrumentId = InstrumentId::new(2);
const FUTURE_ON_ETH: InstrumentId = InstrumentId::new(12);

/// Takes the house on from a state that was changed by hand.
fn edit(house: &mut House, change: impl FnOnce(&mut State)) {
    let mut state = house.machine.state().clone();
    change(&mut state);
    house.machine = Machine::restore(&codec::encode(&state).unwrap()).unwrap();
}

fn withdraw(number: u8) -> Transaction {
    let (asset, amount, destination) = (AssetId::DOLLAR, dollars(10), trader(number));
    of(number, Command::Withdraw { sub: 0, asset, amount, destination })
}

fn index(house: &House, number: u8) -> AccountIndex {
    house.machine.state().accounts.index(account(number)).unwrap()
}

/// Account 5 long 600 lots of the perpetual with little money, and account 3 with much.
fn house_of_five() -> House {
    let mut house = House::new();
    house.apply(1, vec![deposit(5, 0, dollars(9_000)), deposit(3, 0, dollars(90_000_000))]);
    house.apply(
        1,
        vec![
            order(5, 1, 1, Side::Buy, 8_000_000_000, 600),
            order(3, 1, 1, Side::Sell, 8_000_000_000, 600),
        ],
    );
    assert_eq!(house.lots(5, 1), 600);
    house
}

/// Lets the index of BTC fall until account 5 is reduced, and returns all that happened; the house never halts.
fn fall_until_reduced(house: &mut House) -> Vec<Event> {
    let mut all = Vec::new();
    for step in 0..30 {
        house.btc -= 40_000_000;
        let bid = house.btc / 500_000 * 500_000;
        let outcome = house.apply(10, vec![order(3, 1_000 + step, 1, Side::Buy, bid, 600)]);
        all.extend(outcome.events);
        assert_eq!(house.machine.state().house_fault, None);
        if house.lots(5, 1) < 600 {
            return all;
        }
    }
    panic!("account 5 is liquidated whatever there is of the others: {all:?}");
}

fn set_aside(events: &[Event]) -> Vec<AccountIndex> {
    let aside = events.iter().filter_map(|event| match event {
        Event::AccountSetAside { account, .. } => Some(*account),
        _ => None,
    });
    aside.collect()
}

fn contained(outcome: &Outcome) -> usize {
    outcome.events.iter().filter(|event| matches!(event, Event::FaultContained { .. })).count()
}

#[test]
fn an_account_that_cannot_be_measured_is_set_aside_and_the_others_are_liquidated() {
    // 0025-BLOCK-004, 0025-BLOCK-030
    let mut house = house_of_five();
    house.apply(1, vec![deposit(1, 0, dollars(60_000_000)), deposit(4, 0, dollars(60_000_000))]);
    house.apply(
        1,
        vec![
            order(1, 1, 2, Side::Buy, 8_000_000_000, 1_900_000),
            order(4, 1, 2, Side::Sell, 8_000_000_000, 1_900_000),
            order(1, 2, 11, Side::Buy, 150_000_000, 10),
        ],
    );
    assert_eq!(house.lots(1, 2), 1_900_000);
    let size = Quantity::from_nanos(10_000_000);
    // A hundred thousand times the contract: more than the sums of one account are proved for.
    edit(&mut house, |state| {
        let held = state.markets.get_mut(&FUTURE).unwrap();
        held.instrument.contract_size = Quantity::from_nanos(1_000_000_000_000);
    });
    let events = fall_until_reduced(&mut house);
    assert_eq!(set_aside(&events), [index(&house, 1), index(&house, 4)], "once each");
    let state = house.machine.state();
    let held = state.accounts.get(index(&house, 1)).unwrap();
    assert!(held.pursuit().aside && held.orders().is_empty());
    let outcome = house.apply(
        1,
        vec![
            order(1, 3, 11, Side::Buy, 150_000_000, 10),
            withdraw(1),
            deposit(1, 0, dollars(1)),
            order(3, 9_000, 11, Side::Buy, 150_000_000, 10),
            withdraw(3),
        ],
    );
    let [order_, withdrawal, deposit_, other, others] = &outcome.receipts[..] else { panic!() };
    assert_eq!(*order_, Receipt::Refused(Refusal::InstrumentHalted));
    assert_eq!(*withdrawal, Receipt::Refused(Refusal::LiquidationSuspended));
    assert_eq!(*deposit_, Receipt::Done);
    assert!(matches!(other, Receipt::Order(_)));
    assert_eq!(*others, Receipt::Done);
    // Whoever is sound again is taken back in.
    edit(&mut house, |state| {
        state.markets.get_mut(&FUTURE).unwrap().instrument.contract_size = size;
    });
    let outcome = house.apply(1, vec![order(1, 4, 11, Side::Buy, 150_000_000, 10)]);
    let restored = Event::AccountRestored { account: index(&house, 1) };
    assert!(outcome.events.contains(&restored));
    assert!(matches!(outcome.receipts[0], Receipt::Order(_)), "{:?}", outcome.receipts);
}

#[test]
fn an_underlying_without_matrices_is_frozen_and_the_others_go_on() {
    // 0025-BLOCK-004, 0025-BLOCK-030
    let mut house = house_of_five();
    // Account 6 owes what its coins stand for; without a row for them it would look like somebody without collateral.
    let coins = Amount::from_minor(1_000_000_000_000);
    house.apply(1, vec![deposit(6, ETH.get(), coins)]);
    house.apply(
        1,
        vec![
            order(6, 1, 1, Side::Buy, 8_000_000_000, 100),
            order(3, 2, 1, Side::Sell, 8_000_000_000, 100),
        ],
    );
    assert_eq!(house.lots(6, 1), 100);
    edit(&mut house, |state| {
        let held = state.markets.get_mut(&FUTURE_ON_ETH).unwrap();
        held.instrument.contract_size = Quantity::from_nanos(1 << 70);
    });
    let events = fall_until_reduced(&mut house);
    assert_eq!(house.machine.state().mode(ETH), Mode::Frozen);
    assert_eq!(house.machine.state().mode(BTC), Mode::Normal);
    assert_eq!(set_aside(&events), [index(&house, 6)], "who pledges ETH cannot be measured");
    assert_eq!(house.lots(6, 1), 100, "and is not liquidated for that");
    let outcome = house.apply(
        1,
        vec![
            order(3, 9_001, 11, Side::Buy, 190_000_000, 1),
            order(3, 9_002, 2, Side::Buy, house.btc / 500_000 * 500_000, 1),
        ],
    );
    let frozen = Refusal::ModeForbids { mode: Mode::Frozen };
    assert_eq!(outcome.receipts[0], Receipt::Refused(frozen));
    assert!(matches!(outcome.receipts[1], Receipt::Order(_)));
    assert_eq!(contained(&outcome), 1);
    edit(&mut house, |state| {
        let held = state.markets.get_mut(&FUTURE_ON_ETH).unwrap();
        held.instrument.contract_size = Quantity::from_nanos(10_000_000);
    });
    let outcome = house.apply(1, Vec::new());
    assert_eq!(house.machine.state().mode(ETH), Mode::Normal);
    assert!(outcome.events.contains(&Event::AccountRestored { account: index(&house, 6) }));
}

#[test]
fn a_fault_of_one_command_refuses_that_command_only() {
    // 0025-BLOCK-030
    let mut house = house_of_five();
    // There is no number after the next order's, which is found when its book has it.
    edit(&mut house, |state| state.next_order = OrderId::new(u64::MAX));
    let outcome = house.apply(
        1,
        vec![
            order(3, 9_000, 2, Side::Buy, 7_900_000_000, 10),
            deposit(3, 0, dollars(1)),
            withdraw(3),
        ],
    );
    let halted = Receipt::Refused(Refusal::InstrumentHalted);
    assert_eq!(outcome.receipts, [halted, Receipt::Done, Receipt::Done]);
    assert_eq!(contained(&outcome), 1);
    let state = house.machine.state();
    assert_eq!(state.house_fault, None);
    let held = state.accounts.get(index(&house, 3)).unwrap();
    assert!(held.orders().get(OrderId::new(u64::MAX)).is_none());
    let bytes = house.machine.snapshot().unwrap();
    assert!(Machine::restore(&bytes).is_ok(), "no order is half in a book");
}

#[test]
fn a_fault_in_one_liquidation_sets_that_account_aside() {
    // 0025-BLOCK-030
    let mut house = house_of_five();
    house.apply(1, vec![order(3, 2, 1, Side::Buy, 7_000_000_000, 600)]);
    edit(&mut house, |state| state.next_order = OrderId::new(u64::MAX));
    let mut aside = Vec::new();
    for _ in 0..30 {
        house.btc -= 40_000_000;
        aside.extend(set_aside(&house.apply(10, vec![deposit(3, 0, dollars(1))]).events));
        assert_eq!(house.machine.state().house_fault, None);
    }
    assert_eq!(aside, [index(&house, 5)]);
    let number = house.machine.state().next_order;
    edit(&mut house, |state| state.next_order = OrderId::new(number.get() / 2));
    let bid = house.btc / 500_000 * 500_000;
    let outcome = house.apply(1, vec![order(3, 9_001, 1, Side::Buy, bid, 600)]);
    assert!(outcome.events.contains(&Event::AccountRestored { account: index(&house, 5) }));
}

#[test]
fn a_fault_in_the_funding_of_one_market_halts_that_market() {
    // 0025-BLOCK-004, 0025-BLOCK-006
    let mut house = house_of_five();
    house.apply(
        1,
        vec![
            order(5, 2, 11, Side::Buy, 190_000_000, 1),
            order(3, 2, 11, Side::Sell, 190_000_000, 1),
        ],
    );
    let perpetual = InstrumentId::new(11);
    edit(&mut house, |state| {
        state.accruals.remove(&perpetual);
    });
    let (mut halted, mut paid) = (Vec::new(), Vec::new());
    while house.now < START + HOUR {
        house.btc -= 200_000;
        for event in house.apply(60, vec![deposit(3, 0, dollars(1))]).events {
            match event {
                Event::Halted { instrument, .. } => halted.push(instrument),
                Event::VariationPaid { instrument, .. } => paid.push(instrument),
                _ => {}
            }
        }
        assert_eq!(house.machine.state().house_fault, None);
    }
    assert_eq!(halted, [perpetual]);
    assert!(paid.contains(&InstrumentId::new(1)));
    assert!(house.machine.state().custody.is_custodian(CUSTODIAN));
}

#[test]
fn open_interest_that_cannot_be_counted_is_refused_at_the_door() {
    // 0025-BLOCK-033: lots of a billionth of a unit, and orders of as many as may be, from accounts without number.
    let mut founding = genesis();
    let future = founding.instruments.iter_mut().find(|held| held.id == FUTURE).unwrap();
    future.contract_size = Quantity::from_nanos(1);
    // Of which a lot is worth a whole micro-dollar.
    future.tick = Price::from_micros(1_000_000_000);
    let most = limits::LOTS_MAX;
    let parameter = ParameterGenesis {
        underlying: Some(BTC),
        parameter: ParameterId::PositionLimit,
        value: i64::try_from(most).unwrap(),
    };
    founding.parameters.push(parameter);
    let (machine, _) = Machine::found(&founding).unwrap();
    let mut house = House { machine, now: START, btc: 8_000_000_000, eth: 190_000_000 };
    let bid = |sub: u16, lots: i128| {
        let order = NewOrder {
            client: ClientOrderId::new(1),
            instrument: FUTURE,
            side: Side::Buy,
            price: Price::from_micros(8_000_000_000),
            lots: Lots::from_count(lots),
            time_in_force: TimeInForce::GoodTillCancelled,
            reduce_only: false,
            self_trade: SelfTrade::CancelResting,
        };
        Transaction { sender: trader(77), command: Command::PlaceOrder { sub, order } }
    };
    let money = |sub| {
        let account = AccountId { owner: trader(77), sub };
        let (asset, amount) = (AssetId::DOLLAR, dollars(10_000));
        Transaction {
            sender: CUSTODIAN,
            command: Command::Deposit { id: super::common::arrived(), account, asset, amount },
        }
    };
    house.apply(1, (0..514).map(money).collect());
    // 512 orders of 2³¹ − 1 lots are 512 lots short of 2⁴⁰.
    let outcome = house.apply(1, (0..512).map(|sub| bid(sub, most)).collect());
    assert!(outcome.receipts.iter().all(|answer| matches!(answer, Receipt::Order(_))));
    let refused = Receipt::Refused(Refusal::PositionLimit);
    let outcome = house.apply(1, vec![bid(512, 513)]);
    assert_eq!(outcome.receipts, std::slice::from_ref(&refused));
    let bytes = house.machine.snapshot().unwrap();
    house.machine = Machine::restore(&bytes).unwrap();
    let outcome = house.apply(1, vec![bid(512, 513), bid(513, 512)]);
    assert_eq!(outcome.receipts[0], refused, "after a restart too");
    assert!(matches!(outcome.receipts[1], Receipt::Order(_)), "{:?}", outcome.receipts);
    let cancel = Command::MassCancel { sub: 3, instrument: None };
    let outcome = house.apply(1, vec![of(77, cancel), bid(512, 513)]);
    assert!(matches!(outcome.receipts[1], Receipt::Order(_)), "{:?}", outcome.receipts);
}
