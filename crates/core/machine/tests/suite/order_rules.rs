//! What takes which orders away, how many there may be, and what they and withdrawals stand on.

use super::common::{
    BTC, CUSTODIAN, HOUR, House, START, account, arrived, deposit, dollars, long, of, opened,
    order, trader, twin,
};
use super::history::play;
use expect_test::expect;
use machine::{Machine, ParameterGenesis};
use protocol::{
    AccountId, AssetId, Command, Event, InstrumentId, Mode, ParameterId, Quote, Receipt, Refusal,
    Side, Transaction,
};
use units::{Amount, Lots, Price};

fn required(house: &House, number: u8, with_orders: bool) -> margin::Requirement {
    let state = house.machine.state();
    let index = state.accounts.index(account(number)).expect("open");
    state.required(&state.risk().expect("builds"), index, with_orders).expect("measures")
}

/// The open orders of account 1: market, side and limit in dollars.
fn open(house: &House) -> Vec<(u32, Side, i128)> {
    let accounts = &house.machine.state().accounts;
    let held = accounts.get(accounts.index(account(1)).unwrap()).unwrap();
    let shown = held
        .orders()
        .sorted()
        .into_iter()
        .map(|(_, open)| (open.instrument.get(), open.side, open.price.micros() / 1_000_000));
    shown.collect()
}

fn quote(instrument: u32, side: Side, price: i128) -> Quote {
    let (instrument, lots) = (InstrumentId::new(instrument), Lots::from_count(1));
    Quote { instrument, side, price: Price::from_micros(price * 1_000_000), lots }
}

#[test]
fn a_mass_quote_and_a_mass_cancel_take_what_they_name_and_nothing_else() {
    // 0025-BLOCK-011
    let mut house = opened();
    let (buy, sell) = (Side::Buy, Side::Sell);
    let quotes = |quotes| of(1, Command::MassQuote { sub: 0, quotes });
    let cancel = |instrument: Option<u32>| {
        let instrument = instrument.map(InstrumentId::new);
        of(1, Command::MassCancel { sub: 0, instrument })
    };
    house.apply(
        1,
        vec![
            order(1, 1, 1, buy, 7_000_000_000, 1),
            order(1, 2, 11, buy, 150_000_000, 1),
            quotes(vec![quote(1, buy, 7_100), quote(1, sell, 9_000), quote(11, buy, 140)]),
        ],
    );
    assert_eq!(open(&house).len(), 5);
    house.apply(1, vec![quotes(vec![quote(1, buy, 7_200)])]);
    let left = [(1, buy, 7_000), (11, buy, 150), (1, sell, 9_000), (11, buy, 140), (1, buy, 7_200)];
    assert_eq!(open(&house), left, "the quote on that side of that market alone is replaced");
    house.apply(1, vec![cancel(Some(11))]);
    assert_eq!(open(&house), [(1, buy, 7_000), (1, sell, 9_000), (1, buy, 7_200)]);
    house.apply(1, vec![cancel(None)]);
    assert_eq!(open(&house), []);
}

#[test]
fn who_becomes_rich_in_the_block_of_his_liquidation_neither_takes_its_order_out_nor_crowds_it() {
    // 0021-FALL-007: margin refuses nothing to him, so these rules have to.
    let mut house = long();
    for _ in 0..40 {
        house.btc -= 40_000_000;
        let rich = deposit(1, 0, dollars(5_000_000));
        let outcome = twin(&house).apply(10, vec![rich.clone()]);
        let liquidated =
            |event: &Event| matches!(event, Event::Liquidated { instrument: Some(_), .. });
        if !outcome.events.iter().any(liquidated) {
            house.apply(10, Vec::new());
            continue;
        }
        let high = (house.btc + house.btc / 10) / 500_000 * 500_000;
        let outcome = house.apply(
            10,
            vec![
                rich,
                // It would trade with the order of the house, and take it out.
                order(1, 10, 1, Side::Buy, high, 1),
                // It fits the position, but not beside the order of the house.
                order(1, 11, 1, Side::Sell, 9_900_000_000, 6_000),
                order(1, 12, 2, Side::Buy, 7_000_000_000, 1),
            ],
        );
        assert!(outcome.events.iter().any(liquidated));
        let answers = &outcome.receipts[1..];
        assert_eq!(answers[0], Receipt::Refused(Refusal::SelfTrade));
        assert_eq!(answers[1], Receipt::Refused(Refusal::ReduceOnlyWouldIncrease));
        assert!(matches!(answers[2], Receipt::Order(_)), "{answers:?}");
        return;
    }
    panic!("account 1 falls below maintenance margin");
}

#[test]
fn an_account_and_an_owner_have_so_many_open_orders_and_no_more() {
    // 0019-MARG-011, 0025-BLOCK-043
    let mut house = House::new();
    let owner = trader(77);
    let money = |sub| {
        let (account, asset) = (AccountId { owner, sub }, AssetId::DOLLAR);
        let command = Command::Deposit { id: arrived(), account, asset, amount: dollars(10_000) };
        Transaction { sender: CUSTODIAN, command }
    };
    house.apply(1, (0..66).map(money).collect());
    // 64 accounts of 1,024 quotes, 8,192 in each of eight markets: all that an owner may have.
    let quotes = |sub: u16, market: u32, count: i128| {
        let quotes = (0..count).map(|number| Quote {
            price: Price::from_micros(500_000 * (1 + number % 60)),
            ..quote(market, Side::Buy, 1)
        });
        let command = Command::MassQuote { sub, quotes: quotes.collect() };
        Transaction { sender: owner, command }
    };
    let answers = |receipt: &Receipt| match receipt {
        Receipt::Quotes(answers) => answers.clone(),
        other => panic!("{other:?}"),
    };
    for sub in 0..64 {
        let markets = if sub % 2 == 0 { [1, 2, 11, 12] } else { [3, 4, 5, 6] };
        let outcome = house.apply(1, markets.map(|market| quotes(sub, market, 256)).to_vec());
        for receipt in &outcome.receipts {
            assert!(answers(receipt).iter().all(Result::is_ok), "{sub}: {receipt:?}");
        }
        if sub == 0 {
            let one_more = answers(&house.apply(1, vec![quotes(0, 13, 1)]).receipts[0]);
            assert_eq!(one_more, [Err(Refusal::TooManyOrders)], "1,024 of an account");
        }
    }
    let outcome = house.apply(1, vec![quotes(64, 13, 1)]);
    assert_eq!(answers(&outcome.receipts[0]), [Err(Refusal::TooManyOrdersOfOwner)]);
    let (sub, instrument) = (5, Some(InstrumentId::new(3)));
    let cancel = Transaction { sender: owner, command: Command::MassCancel { sub, instrument } };
    let outcome = house.apply(1, vec![cancel, quotes(64, 13, 256), quotes(65, 13, 1)]);
    assert!(answers(&outcome.receipts[1]).iter().all(Result::is_ok));
    assert_eq!(answers(&outcome.receipts[2]), [Err(Refusal::TooManyOrdersOfOwner)]);
}

#[test]
fn an_order_is_margined_with_the_fee_that_it_may_have_to_pay() {
    // 0019-MARG-010
    let initial = |value| {
        let mut house = House::with(|genesis| {
            let (underlying, parameter) = (Some(BTC), ParameterId::TakerFee);
            genesis.parameters.push(ParameterGenesis { underlying, parameter, value });
        });
        house.apply(1, vec![deposit(1, 0, dollars(100_000))]);
        let outcome = house.apply(1, vec![order(1, 1, 1, Side::Buy, 8_000_000_000, 5_000)]);
        assert!(matches!(outcome.receipts[0], Receipt::Order(_)));
        required(&house, 1, true).initial.micros()
    };
    // 400,000 dollars at 0.05 % and at 0.1 %.
    assert_eq!(initial(1_000) - initial(500), 200_000_000);
}

#[test]
fn funding_that_has_accrued_counts_before_it_is_exchanged() {
    // 0013-CLEAR-008, 0019-MARG-016: nothing of 6 dollars an hour is a surprise when it is paid.
    let mut house = long();
    let equity = |house: &House| required(house, 1, false).equity.micros();
    let (first, mut last) = (equity(&house), equity(&house));
    let mut funded = false;
    while house.now < START + HOUR + 60_000 {
        funded |= house
            .apply(30, Vec::new())
            .events
            .iter()
            .any(|event| matches!(event, Event::Funded { .. }));
        let now = equity(&house);
        assert!((0..60_000).contains(&(last - now)), "{last} {now}: half a minute is 5 cents");
        last = now;
    }
    assert!(funded && first - last > 5_900_000, "{first} {last}");
}

/// Applies a block without prices of one underlying.
fn silent(house: &mut House, seconds: i128, sent: Vec<Transaction>) -> machine::Outcome {
    let mut block = house.block(seconds, sent);
    for vote in &mut block.votes {
        vote.prices.retain(|price| price.underlying != BTC);
    }
    house.machine.apply(&block).expect("it follows")
}

#[test]
fn who_has_an_order_or_a_pledge_on_prices_that_may_be_wrong_takes_nothing_out() {
    // 0025-BLOCK-018
    let withdrawal = |number| {
        let (asset, amount, destination) = (AssetId::DOLLAR, dollars(10), trader(number));
        of(number, Command::Withdraw { sub: 0, asset, amount, destination })
    };
    // The bid of account 1 stays for ten seconds; account 2 has none.
    let mut house = opened();
    house.apply(1, vec![order(1, 1, 1, Side::Buy, 7_000_000_000, 1)]);
    let outcome = silent(&mut house, 15, vec![withdrawal(1), withdrawal(2)]);
    assert_eq!((house.machine.state().mode(BTC), open(&house).len()), (Mode::ReduceOnly, 1));
    let forbidden = |mode| Receipt::Refused(Refusal::ModeForbids { mode });
    assert_eq!(outcome.receipts, [forbidden(Mode::ReduceOnly), Receipt::Done]);
    // Both hold ETH alone; coins stand behind what account 1 has.
    let mut house = opened();
    house.apply(1, vec![deposit(1, 1, Amount::from_minor(1_000_000_000))]);
    let trade = |number, side| order(number, 1, 11, side, 190_000_000, 100);
    house.apply(1, vec![trade(1, Side::Buy), trade(2, Side::Sell)]);
    for _ in 0..5 {
        silent(&mut house, 2, Vec::new());
    }
    let outcome = silent(&mut house, 2, vec![withdrawal(1), withdrawal(2)]);
    assert_eq!(house.machine.state().mode(BTC), Mode::ReduceOnly);
    assert_eq!(outcome.receipts, [forbidden(Mode::ReduceOnly), Receipt::Done]);
}

#[test]
fn at_a_frozen_price_nothing_is_sold_and_nothing_exchanged() {
    // 0013-CLEAR-006, 0021-FALL-004, 0025-BLOCK-018: shortly before the hour nothing is heard of the one index any more; the other
    // falls, until the account is far below maintenance margin. What is owed on the one waits.
    let history = play(
        "A1 brings 80000
         A2 brings 10000000
         block
         A1 buys 100000 ETH of A2 at 190
         A1 buys 2500 BTC of A2 at 8000
         block
         check lots A1 BTC = 2500
         btc -40
         block 30 x110
         silent btc
         show variation
         each eth -0.5
         block 2 x160
         block 2 x240
         let needed = maintenance A1
         check equity A1 < needed
         check equity A1 < 0
         check liquidated A1 ETH > 0
         check liquidated A1 BTC = 0",
    );
    assert_eq!(history.house.machine.state().mode(BTC), Mode::Frozen);
    expect![[r#"
        261: variation: ETH, 74500 dollars
    "#]]
    .assert_eq(&history.printed);
}

#[test]
fn a_contract_that_has_ended_leaves_no_order_and_one_that_is_halted_does_not_end() {
    // 0013-CLEAR-009, 0025-BLOCK-006
    let mut house = opened();
    let bid = |market: u32| order(1, market.into(), market, Side::Buy, 7_000_000_000, 1);
    house.apply(1, vec![bid(2), order(1, 12, 12, Side::Buy, 150_000_000, 1)]);
    let future = InstrumentId::new(12);
    let change = protocol::Change::DrillInstrument(future);
    let sign =
        |signer: usize, command| Transaction { sender: super::common::SIGNERS[signer], command };
    let approve = Command::Approve { proposal: protocol::ProposalId::new(1), change };
    house.apply(1, vec![sign(0, Command::Propose { change }), sign(1, approve)]);
    house.apply(1, Vec::new());
    let (mut expired, mut cancelled) = (Vec::new(), 0);
    while house.now < START + 5 * HOUR + 120_000 {
        let in_window = house.now > START + 5 * HOUR - 31 * 60_000;
        for event in house.apply(if in_window { 5 } else { 30 }, Vec::new()).events {
            match event {
                Event::Expired { instrument, .. } => expired.push(instrument.get()),
                Event::Cancelled { reason: protocol::CancelReason::Expiry, .. } => cancelled += 1,
                _ => {}
            }
        }
    }
    assert!(expired.contains(&2) && !expired.contains(&12), "{expired:?}");
    assert_eq!((cancelled, open(&house)), (1, vec![(12, Side::Buy, 150)]));
    assert!(house.machine.state().markets.contains_key(&future));
    assert_eq!(house.machine.state().house_fault, None);
    let bytes = house.machine.snapshot().unwrap();
    assert!(Machine::restore(&bytes).is_ok(), "what is open is in a book");
}
