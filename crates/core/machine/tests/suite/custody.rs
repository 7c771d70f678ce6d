//! What leaves the house: never more than is in custody, no gains while debts are uncovered, an owner's share of an hour,
//! and collateral that anybody may buy.

use super::common::{
    BTC, ETH, House, START, account, deposit, dollars, genesis, of, order, trader,
};
use super::history::play;
use expect_test::expect;
use ledger::{Holder, Posting};
use machine::{Genesis, Machine, ParameterGenesis};
use protocol::{
    AccountId, AssetId, Command, Event, Mode, ParameterId, Receipt, Refusal, Side, Transaction,
};
use random::Random;
use std::collections::BTreeMap;
use units::{Amount, Notional, Price};

const COIN: AssetId = AssetId::new(1);
/// Ten coins.
const TEN: i128 = 10_000_000_000;
const ETHER: AssetId = AssetId::new(2);

/// A house with other funds, in dollars, and other values.
fn house(fund: i128, changed: &[(ParameterId, i64)]) -> House {
    let mut genesis: Genesis = genesis();
    for underlying in &mut genesis.underlyings {
        underlying.insurance_fund = Notional::from_micros(fund * 1_000_000);
    }
    let values = changed.iter();
    genesis.parameters.extend(values.map(|(parameter, value)| ParameterGenesis {
        underlying: None,
        parameter: *parameter,
        value: *value,
    }));
    let (machine, _) = Machine::found(&genesis).expect("the genesis is sound");
    House { machine, now: START, btc: 8_000_000_000, eth: 190_000_000 }
}

fn withdraw(number: u8, asset: AssetId, amount: Amount) -> Transaction {
    let destination = trader(number);
    of(number, Command::Withdraw { sub: 0, asset, amount, destination })
}

fn transfer(from: u8, to: u8, asset: AssetId, amount: Amount) -> Transaction {
    of(from, Command::Transfer { sub: 0, to: account(to), asset, amount })
}

fn buy(number: u8, seller: Option<AccountId>, amount: i128, limit: i128) -> Transaction {
    let (amount, limit) = (Amount::from_minor(amount), Price::from_micros(limit));
    of(number, Command::BuyCollateral { sub: 0, seller, asset: COIN, amount, limit })
}

fn refused(receipt: &Receipt) -> Refusal {
    match receipt {
        Receipt::Refused(refusal) => *refusal,
        other => panic!("{other:?} is no refusal"),
    }
}

fn tick(price: i128) -> i128 {
    price / 500_000 * 500_000
}

fn ceiling(dividend: i128, divisor: i128) -> i128 {
    (dividend + divisor - 1) / divisor
}

fn custody(house: &House, asset: AssetId) -> i128 {
    -house.machine.state().ledger.balance(Holder::Outside, asset).minor()
}

fn fund(house: &House, asset: AssetId) -> i128 {
    house.machine.state().ledger.balance(Holder::Insurance(BTC), asset).minor()
}

fn coins(house: &House, number: u8) -> i128 {
    let state = house.machine.state();
    let index = state.accounts.index(account(number)).expect("open");
    state.ledger.balance(Holder::Client(index), COIN).minor()
}

fn brought(house: &House, number: u8, asset: AssetId) -> i128 {
    let accounts = &house.machine.state().accounts;
    let index = accounts.index(account(number)).expect("open");
    accounts.get(index).expect("open").brought(asset).minor()
}

/// Accounts 1 and 2 bring 100,000 dollars each, 4 a thousand; 1 is long 60 coins of 2 and loses all and more, with nobody
/// to buy; then both close, and there is no fund.
const BANKRUPT: &str = "
    fund 0
    A1 brings 100000
    A2 brings 100000
    A4 brings 1000
    block
    A1 buys 6000 BTC of A2 at 8000
    block
    each btc -32
    block 40 x100
    each A2 buys 6000 BTC at index
    block 10 x10
    A2 cancels
    block 10
    block 10 x370
    check lots A1 BTC = 0
    check lots A2 BTC = 0
    check cash A1 < 0
    check cash A2 > 200000
    let debt = cash A1";

#[test]
fn while_a_debt_is_uncovered_winners_take_out_what_they_brought_and_no_more() {
    // 0011-LEDG-009, 0025-BLOCK-041: in one piece, in pieces, by way of another account, with which what was brought goes along.
    let mut history = play(BANKRUPT);
    history.play(
        "let all = cash A2
         A2 withdraws all
         A2 withdraws 200000
         A2 sends all to A4
         A4 withdraws 150000
         A4 withdraws 101000
         A4 withdraws 0.000001
         block 10
         check cash A2 = 0
         check custody = 100000
         A1 brings -debt
         block 10
         let held = custody
         A4 withdraws 90000
         block 10
         check custody = held-90000",
    );
    expect![[r#"
        105: A2 is refused: margin would be short by 55198.58193 dollars
        106: A2 is refused: margin would be short by 55198.58193 dollars
        107: A2 is refused: margin would be short by 55198.58193 dollars
        108: A2 is refused: margin would be short by 55198.58193 dollars
        109: A2 is refused: margin would be short by 55198.58193 dollars
        110: A2 is refused: margin would be short by 55198.58193 dollars
        111: A2 is refused: margin would be short by 55198.58193 dollars
        112: A2 is refused: margin would be short by 55198.58193 dollars
        484: A2 is refused: custody is short by 90621330040 minor units
        484: A2 is refused: gains do not leave while debts are uncovered: at most 100000000000 minor units
        484: A4 is refused: gains do not leave while debts are uncovered: at most 101000000000 minor units
        484: A4 is refused: gains do not leave while debts are uncovered: at most 0 minor units
    "#]]
    .assert_eq(&history.printed);
    assert_eq!(history.house.machine.state().house_fault, None);
}

#[test]
fn custody_is_never_below_zero() {
    // 0011-LEDG-009: coins stand behind the debt, so no gain is held back; but they are no dollars.
    let mut house = house(0, &[]);
    let ten = Amount::from_minor(TEN);
    house.apply(1, vec![deposit(1, 1, ten), deposit(2, 0, dollars(60_000))]);
    house.apply(
        1,
        vec![
            order(1, 1, 1, Side::Buy, 8_000_000_000, 2_000),
            order(2, 1, 1, Side::Sell, 8_000_000_000, 2_000),
        ],
    );
    assert_eq!(house.lots(1, 1), 2_000);
    for _ in 0..60 {
        house.btc -= 8_000_000;
        house.apply(10, vec![]);
    }
    let (price, lots) = (tick(house.btc), 2_000);
    house.apply(
        10,
        vec![order(2, 2, 1, Side::Buy, price, lots), order(1, 2, 1, Side::Sell, price, lots)],
    );
    for _ in 0..370 {
        house.apply(10, vec![]);
    }
    let (held, owed) = (house.cash(2), house.cash(1));
    assert!(owed < 0 && held > 60_000_000_000, "{owed} {held}");
    let outcome = house.apply(10, vec![withdraw(2, AssetId::DOLLAR, Amount::from_minor(held))]);
    let fees = house.machine.state().ledger.balance(Holder::Fees, AssetId::DOLLAR).minor();
    let short_by = Amount::from_minor(held - 60_000_000_000);
    assert_eq!(refused(&outcome.receipts[0]), Refusal::CustodyShort { short_by });
    assert!(fees >= 0 && custody(&house, AssetId::DOLLAR) == 60_000_000_000);
    // The same as an invariant.
    let mut state = house.machine.state().clone();
    assert_eq!(state.check(), Ok(()));
    let winner = Holder::Client(state.accounts.index(account(2)).unwrap());
    let taken = Notional::from_micros(60_000_000_001);
    state.ledger.post(Posting::dollars(winner, Holder::Outside, taken)).unwrap();
    assert!(state.check().is_err(), "more has left than came");
}

#[test]
fn gains_stay_while_the_markets_reopen() {
    // 0025-BLOCK-041
    let history = play(
        "A1 brings 100000
         A2 brings 100000
         block
         A1 buys 1000 BTC of A2 at 8000
         block
         each btc -8
         block 10 x10
         A1 sells 1000 BTC to A2 at index
         block 10
         block 10 x370
         check cash A2 > 100000
         let all = cash A2
         A2 withdraws all
         block 91
         check cash A2 = all
         block 10 x70
         A2 withdraws all
         block 10
         check cash A2 = 0",
    );
    expect![[r#"
        384: A2 is refused: gains do not leave while debts are uncovered: at most 100000000000 minor units
    "#]]
    .assert_eq(&history.printed);
}

/// Ten coins of account 1 behind a debt of about 32,000 dollars, no position, no fund.
fn pledged() -> House {
    let mut house = house(0, &[]);
    pledge(&mut house);
    house
}

/// Returns the dollars that a fund has paid for collateral.
fn sold(event: &Event) -> i128 {
    match event {
        Event::CollateralSold { paid, .. } => paid.micros(),
        _ => 0,
    }
}

/// The same in a house of one's own.
fn pledge(house: &mut House) {
    let ten = Amount::from_minor(TEN);
    house.apply(1, vec![deposit(1, 1, ten), deposit(2, 0, dollars(500_000))]);
    let (buys, sells) = (Side::Buy, Side::Sell);
    let open = |price, lots, first, second, client| {
        vec![order(1, client, 1, first, price, lots), order(2, client, 1, second, price, lots)]
    };
    house.apply(1, open(8_000_000_000, 2_000, buys, sells, 1));
    assert_eq!(house.lots(1, 1), 2_000);
    for _ in 0..160 {
        house.btc -= 8_000_000;
        house.apply(10, vec![]);
    }
    let (price, lots) = (tick(house.btc), house.lots(1, 1));
    house.apply(10, open(price, lots, sells, buys, 2));
    for _ in 0..370 {
        house.apply(10, vec![]);
    }
    assert_eq!(house.lots(1, 1), 0);
    assert!(house.cash(1) < -20_000_000_000, "{}", house.cash(1));
}

#[test]
fn collateral_behind_a_debt_is_bought_by_whoever_bids_when_the_fund_is_empty() {
    // 0021-FALL-042
    let mut house = pledged();
    let (debt, held, seller) = (-house.cash(1), coins(&house, 1), Some(account(1)));
    let price = house.btc * 995 / 1_000;
    house.apply(10, vec![deposit(5, 0, dollars(50_000)), deposit(6, 0, dollars(100))]);
    let outcome = house.apply(
        10,
        vec![
            buy(5, seller, held, price - 1),
            buy(1, seller, held, price),
            buy(6, seller, held, price),
            buy(5, Some(account(2)), held, price),
            buy(5, seller, held, price),
            buy(2, seller, held, price),
        ],
    );
    let answers: Vec<Option<Refusal>> = outcome
        .receipts
        .iter()
        .map(|receipt| (*receipt != Receipt::Done).then(|| refused(receipt)))
        .collect();
    assert_eq!(answers[0], Some(Refusal::NotForSale), "below the price");
    assert_eq!(answers[1], Some(Refusal::SameAccount));
    assert!(matches!(answers[2], Some(Refusal::BalanceShort { .. })));
    assert_eq!(answers[3], Some(Refusal::NotForSale), "who owes nothing sells nothing");
    assert_eq!(answers[4], None);
    assert_eq!(answers[5], Some(Refusal::NotForSale), "nothing is owed any more");
    // The debt is paid, to a billionth of a coin, and no more is sold than that takes.
    assert!((0..=10).contains(&house.cash(1)), "{}", house.cash(1));
    let bought = coins(&house, 5);
    assert_eq!(bought, ceiling(debt * 1_000_000_000, price));
    assert_eq!(held - coins(&house, 1), bought);
    assert_eq!(brought(&house, 5, COIN), bought, "brought as dollars, held as coins");
    // A coin bought with what was brought leaves.
    let outcome = house.apply(10, vec![withdraw(5, COIN, Amount::from_minor(bought))]);
    assert_eq!(outcome.receipts, [Receipt::Done]);
}

#[test]
fn a_fund_buys_collateral_for_no_more_than_its_day_allows() {
    // 0021-FALL-010, 0021-FALL-012: half of 10,000 dollars, for ten coins behind a debt of some 32,000.
    let mut house = house(10_000, &[]);
    pledge(&mut house);
    let before = fund(&house, AssetId::DOLLAR);
    let paid = |house: &mut House, seconds| {
        house.apply(seconds, vec![]).events.iter().map(sold).sum::<i128>()
    };
    let mut bought = 0;
    for step in 0..300 {
        if step < 155 {
            house.btc -= 24_000_000;
        }
        bought += paid(&mut house, 10);
    }
    assert!(bought > before * 49 / 100 && bought <= before / 2, "{bought} of {before}");
    assert!(house.cash(1) < -20_000_000_000, "much is still owed: {}", house.cash(1));
    // A day later half of what is left.
    let (left, mut more) = (fund(&house, AssetId::DOLLAR), 0);
    for _ in 0..1_500 {
        more += paid(&mut house, 60);
    }
    assert!(more > left * 49 / 100 && more <= left / 2, "{more} of {left}");
}

/// Account 1 has ten coins and is short of eighteen in the perpetual; the index rises until it is below maintenance margin,
/// within the hour, so that it owes nothing yet.
fn hedged_with_coins(fund: i128) -> House {
    let mut house = house(fund, &[]);
    let ten = Amount::from_minor(TEN);
    let money = [(2, 500_000), (3, 5_000_000), (4, 500_000)];
    house.apply(1, vec![deposit(1, 1, ten)]);
    house.apply(1, money.map(|(number, held)| deposit(number, 0, dollars(held))).to_vec());
    house.apply(
        1,
        vec![
            order(1, 1, 1, Side::Sell, 8_000_000_000, 1_800),
            order(2, 1, 1, Side::Buy, 8_000_000_000, 1_800),
        ],
    );
    assert_eq!(house.lots(1, 1), -1_800);
    while !is_below_maintenance(&house, 1) {
        house.btc += 40_000_000;
        house.apply(10, vec![]);
    }
    assert_eq!(house.lots(1, 1), -1_800);
    house
}

fn is_below_maintenance(house: &House, number: u8) -> bool {
    let state = house.machine.state();
    let index = state.accounts.index(account(number)).unwrap();
    let needed = state.required(&state.risk().unwrap(), index, false).unwrap();
    needed.equity < needed.maintenance
}

/// One that sells the perpetual at the mark in every block.
fn offer(house: &House, client: u64) -> Transaction {
    order(3, client, 1, Side::Sell, tick(house.btc), 2_000)
}

#[test]
fn coins_and_the_position_that_they_hedge_are_wound_down_together() {
    // 0021-FALL-021, 0021-FALL-012: closing the whole position would leave ten coins alone, which need more.
    let mut house = hedged_with_coins(1_000_000);
    let mut blocks = 0;
    while is_below_maintenance(&house, 1) {
        let client = 10 + blocks;
        let offer = offer(&house, client);
        house.apply(10, vec![offer]);
        blocks += 1;
        assert!(blocks <= 5, "{} lots, {} coins", house.lots(1, 1), coins(&house, 1));
    }
    let (closed, sold) = (1_800 + house.lots(1, 1), TEN - coins(&house, 1));
    assert!(closed > 0 && sold > 0, "{closed} lots, {sold} coins");
    assert_eq!(fund(&house, COIN), sold);
    // Of both the same part, but for one slice.
    let apart = closed * 10_000_000 / 18 - sold / 10;
    assert!(apart.abs() <= TEN / 100, "{closed} lots, {sold} coins");
}

#[test]
fn no_more_than_a_slice_of_coins_is_sold_ahead_of_a_position_that_nobody_takes() {
    // 0021-FALL-021
    let mut house = hedged_with_coins(1_000_000);
    for _ in 0..40 {
        house.apply(10, vec![]);
    }
    assert_eq!(house.lots(1, 1), -1_800);
    let left = coins(&house, 1);
    assert!((TEN * 9 / 10..TEN).contains(&left), "{left}");
}

#[test]
fn a_slice_of_coins_is_for_sale_to_anybody_though_nothing_is_owed() {
    // 0021-FALL-042: the fund is empty.
    let mut house = hedged_with_coins(0);
    let seller = Some(account(1));
    let mut client = 10;
    while is_below_maintenance(&house, 1) {
        client += 1;
        let (offer, bid) = (offer(&house, client), buy(4, seller, TEN, house.btc));
        let outcome = house.apply(10, vec![offer, bid]);
        let bought = outcome.receipts[1] == Receipt::Done;
        let sells = coins(&house, 1) < TEN * 9 / 10;
        assert!(client < 20 && (bought || sells), "{:?}", outcome.receipts);
    }
    assert!(house.lots(1, 1) > -1_800);
    let (left, price) = (coins(&house, 1), house.btc * 995 / 1_000);
    assert_eq!(coins(&house, 4), TEN - left);
    let paid = 500_000_000_000 - house.cash(4);
    assert!(paid >= (TEN - left) * price / 1_000_000_000 && house.cash(1) <= paid);
    assert_eq!(fund(&house, COIN), 0);
}

#[test]
fn coins_of_a_fund_are_sold_for_dollars_at_the_index() {
    // 0021-FALL-043
    let mut house = house(1_000_000, &[]);
    let one = Amount::from_minor(1_000_000_000);
    house.apply(1, vec![deposit(4, 1, one), deposit(3, 0, dollars(10_000_000))]);
    house.apply(1, vec![deposit(5, 0, dollars(50_000))]);
    house.apply(
        1,
        vec![
            order(4, 1, 11, Side::Buy, 190_000_000, 15_000),
            order(3, 1, 11, Side::Sell, 190_000_000, 15_000),
        ],
    );
    for step in 0..200 {
        house.eth = (house.eth - 2_000_000).max(110_000_000);
        let bids = vec![order(3, 100 + step, 11, Side::Buy, tick(house.eth), 5_000)];
        house.apply(if step < 50 { 2 } else { 30 }, if step < 45 { Vec::new() } else { bids });
    }
    let held = fund(&house, COIN);
    assert!(held > 0, "the fund has bought");
    let nothing = house.apply(10, vec![buy(5, Some(account(4)), 1, house.btc)]);
    assert_eq!(refused(&nothing.receipts[0]), Refusal::NotForSale);
    // Not while the index is in doubt.
    let mut block = house.block(10, vec![buy(5, None, held, house.btc)]);
    for price in block.votes.iter_mut().flat_map(|vote| &mut vote.prices) {
        price.confidence = Price::from_micros(price.price.micros() / 50);
    }
    let outcome = house.machine.apply(&block).unwrap();
    assert_eq!(house.machine.state().mode(BTC), Mode::Caution);
    assert_eq!(refused(&outcome.receipts[0]), Refusal::NotForSale);
    while house.machine.state().mode(BTC) != Mode::Normal {
        house.apply(10, Vec::new());
    }
    let dollars_before = fund(&house, AssetId::DOLLAR);
    let below = buy(5, None, held, house.btc - 1);
    let outcome = house.apply(10, vec![below, buy(5, None, held, house.btc)]);
    assert_eq!(refused(&outcome.receipts[0]), Refusal::NotForSale);
    assert_eq!(outcome.receipts[1], Receipt::Done);
    assert_eq!((fund(&house, COIN), coins(&house, 5)), (0, held));
    let paid = ceiling(held * house.btc, 1_000_000_000);
    assert_eq!(fund(&house, AssetId::DOLLAR) - dollars_before, paid);
}

#[test]
fn dust_of_a_silent_asset_keeps_no_debt_from_being_covered() {
    // 0021-FALL-044
    let mut house = house(1_000_000, &[]);
    house.apply(1, vec![deposit(1, 0, dollars(90_000)), deposit(3, 0, dollars(10_000_000))]);
    house.apply(1, vec![deposit(1, 2, Amount::from_minor(1))]);
    let (buys, sells) = (Side::Buy, Side::Sell);
    house.apply(
        1,
        vec![
            order(1, 1, 1, buys, 8_000_000_000, 5_000),
            order(3, 1, 1, sells, 8_000_000_000, 5_000),
        ],
    );
    assert_eq!(house.lots(1, 1), 5_000);
    let mut paid = 0;
    for step in 0..500 {
        house.btc = (house.btc - 100_000_000).max(5_000_000_000);
        let bid = order(3, 100 + step, 1, Side::Buy, tick(house.btc), 6_000);
        let transactions = if step < 40 { vec![] } else { vec![bid] };
        let mut block = house.block(10, transactions);
        for vote in &mut block.votes {
            vote.prices.retain(|report| report.underlying == BTC);
        }
        for event in house.machine.apply(&block).unwrap().events {
            if let Event::DebtCovered { amount, .. } = event {
                paid += amount.micros();
            }
        }
    }
    assert_eq!(house.machine.state().mode(ETH), Mode::Frozen);
    assert_eq!(house.lots(1, 1), 0);
    assert!(paid > 1_000_000_000, "{paid}");
    // All but what the dust was last worth, a part of a micro-dollar rounded up.
    assert!((-1..=0).contains(&house.cash(1)), "{}", house.cash(1));
    let ether = house.machine.state().accounts.index(account(1)).unwrap();
    assert_eq!(house.machine.state().ledger.balance(Holder::Client(ether), ETHER).minor(), 1);
}

#[test]
fn one_owner_takes_its_share_of_an_hour_and_everybody_a_little_of_its_own() {
    // 0025-BLOCK-012, 0025-BLOCK-042
    let free = 20_000_000;
    let limit = 1_000_000_000;
    let values = [(ParameterId::WithdrawalLimit, limit), (ParameterId::WithdrawalFree, free)];
    let mut house = house(0, &values);
    let money = (1..=6).map(|number| deposit(number, 0, dollars(10_000)));
    house.apply(1, money.collect());
    let dollar = AssetId::DOLLAR;
    let exceeded = |by| Refusal::WithdrawalLimit { exceeded_by: Notional::from_micros(by) };
    let out = house.apply(1, vec![withdraw(1, dollar, dollars(251))]);
    assert_eq!(refused(&out.receipts[0]), exceeded(1_000_000), "a quarter of 1,000");
    let out = house.apply(1, (1..=4).map(|n| withdraw(n, dollar, dollars(250))).collect());
    assert_eq!(out.receipts, vec![Receipt::Done; 4]);
    // The hour is used up; a little of what one has brought leaves all the same.
    let out = house.apply(
        1,
        vec![
            withdraw(5, dollar, dollars(21)),
            withdraw(5, dollar, dollars(20)),
            withdraw(5, dollar, Amount::from_minor(1)),
            withdraw(1, dollar, Amount::from_minor(1)),
        ],
    );
    assert_eq!(refused(&out.receipts[0]), exceeded(21_000_000));
    assert_eq!(out.receipts[1], Receipt::Done);
    assert_eq!(refused(&out.receipts[2]), exceeded(20_000_001));
    assert_eq!(refused(&out.receipts[3]), exceeded(20_000_001));
    // What others have given is not one's own.
    house.apply(3_700, vec![]);
    for _ in 0..70 {
        house.apply(10, vec![]);
    }
    let out = house.apply(1, vec![withdraw(1, dollar, dollars(250))]);
    assert_eq!(out.receipts, [Receipt::Done], "another hour");
}

#[test]
fn the_fees_pay_what_the_funds_do_not() {
    // 0021-FALL-040
    let mut house = play(BANKRUPT).house;
    let state = house.machine.state();
    assert_eq!(state.ledger.balance(Holder::Fees, AssetId::DOLLAR), Amount::ZERO, "all spent");
    let debt = house.cash(1);
    // New fees are paid to the debt in the next block.
    let trade = vec![
        order(2, 500, 1, Side::Buy, tick(house.btc), 10),
        order(4, 500, 1, Side::Sell, tick(house.btc), 10),
    ];
    let outcome = house.apply(10, trade);
    let fees = outcome.events.iter().filter_map(|event| match event {
        Event::Filled { fee, .. } => Some(fee.micros()),
        _ => None,
    });
    let fees: i128 = fees.sum();
    assert!(fees > 0);
    house.apply(10, vec![]);
    assert_eq!(house.cash(1), debt + fees);
}

#[test]
fn the_day_of_a_fund_is_spent_by_all_debtors_together() {
    // 0021-FALL-010: three debtors, each of whom alone could have a quarter.
    let mut house = house(40_000, &[]);
    house.fund(&[(1, 50_000), (2, 50_000), (3, 10_000_000), (4, 50_000)]);
    let mut orders = vec![order(3, 1, 1, Side::Sell, 8_000_000_000, 9_000)];
    orders.extend([1, 2, 4].map(|n| order(n, 1, 1, Side::Buy, 8_000_000_000, 3_000)));
    house.apply(1, orders);
    for _ in 0..50 {
        house.btc -= 80_000_000;
        house.apply(10, vec![]);
    }
    let before = fund(&house, AssetId::DOLLAR);
    let mut covered: BTreeMap<u32, i128> = BTreeMap::new();
    for step in 0..600 {
        let bid = order(3, 100 + step, 1, Side::Buy, tick(house.btc), 9_000);
        for event in house.apply(10, vec![bid]).events {
            if let Event::DebtCovered { account, amount, .. } = event {
                *covered.entry(account.get()).or_default() += amount.micros();
            }
        }
    }
    assert_eq!(covered.len(), 3, "{covered:?}");
    let paid = before - fund(&house, AssetId::DOLLAR);
    // Fees of liquidations come in meanwhile; the half is of what it had when it first paid.
    assert!(paid <= 20_000_000_000, "{paid}");
    assert!(paid > 15_000_000_000, "{paid}");
}

#[test]
fn a_fund_answers_no_longer_for_an_account_that_was_even() {
    // 0021-FALL-009
    let mut house = house(1_000_000, &[]);
    house.apply(1, vec![deposit(1, 0, dollars(90_000)), deposit(3, 0, dollars(10_000_000))]);
    let pair = |instrument, client, price, lots, first, second| {
        vec![
            order(1, client, instrument, first, price, lots),
            order(3, client, instrument, second, price, lots),
        ]
    };
    house.apply(1, pair(11, 1, 190_000_000, 10, Side::Buy, Side::Sell));
    house.apply(1, pair(11, 2, 190_000_000, 10, Side::Sell, Side::Buy));
    for _ in 0..370 {
        house.apply(10, vec![]);
    }
    let index = house.machine.state().accounts.index(account(1)).unwrap();
    assert!(house.machine.state().accounts.get(index).unwrap().exposed().is_empty());
    house.apply(1, pair(1, 3, 8_000_000_000, 5_000, Side::Buy, Side::Sell));
    let ether = house.machine.state().insurance_fund(ETH);
    for step in 0..500 {
        house.btc = (house.btc - 100_000_000).max(5_000_000_000);
        let bid = order(3, 100 + step, 1, Side::Buy, tick(house.btc), 6_000);
        house.apply(10, if step < 40 { vec![] } else { vec![bid] });
    }
    assert!(house.cash(1) == 0 && fund(&house, AssetId::DOLLAR) < 1_000_000_000_000);
    assert_eq!(house.machine.state().insurance_fund(ETH), ether, "it was even with ETH");
}

/// What the accounts of a history have brought, kept by a model of three lines.
#[derive(Debug, Default)]
struct Model {
    brought: BTreeMap<u8, i128>,
}

impl Model {
    fn take(&mut self, number: u8, amount: i128) -> i128 {
        let held = self.brought.entry(number).or_default();
        let taken = amount.min(*held);
        *held -= taken;
        taken
    }
}

/// Debts that nothing stands behind, but for what the fees pay, from the margins of all accounts after a block without commands.
///
/// None if the block's liquidations trade: then its end is not what withdrawals of the block were held against.
fn uncovered(house: &mut House, seconds: i128) -> Option<i128> {
    let bytes = house.machine.snapshot().expect("it can be written");
    let mut probe =
        House { machine: Machine::restore(&bytes).expect("and read"), ..*house_of(house) };
    let block = probe.block(seconds, vec![]);
    let outcome = probe.machine.apply(&block).expect("the block follows");
    if outcome.events.iter().any(|event| matches!(event, Event::Filled { .. })) {
        return None;
    }
    let state = probe.machine.state();
    let risk = state.risk().expect("matrices");
    let debts = state.accounts.iter().map(|(index, _)| {
        let equity = state.required(&risk, index, false).expect("measured").equity.micros();
        (-equity).max(0)
    });
    let debts: i128 = debts.sum();
    let fees = state.ledger.balance(Holder::Fees, AssetId::DOLLAR).minor();
    // What liquidations have paid into the fund, pays too.
    Some((debts - fees - fund(&probe, AssetId::DOLLAR)).max(0))
}

/// The clock and the prices of a house, with a machine to be replaced.
fn house_of(house: &House) -> Box<House> {
    let (machine, _) = Machine::found(&genesis()).expect("sound");
    Box::new(House { machine, now: house.now, btc: house.btc, eth: house.eth })
}

#[test]
fn no_set_of_accounts_takes_out_more_than_it_brought_plus_what_is_covered() {
    // 0011-LEDG-009, 0025-BLOCK-041: random histories of six accounts that trade with each other, without a fund.
    let (mut stopped, mut gained) = (0, 0);
    for seed in 0..16 {
        let mut random = Random::new(0xC057 + seed);
        let mut house = house(0, &[(ParameterId::VariationInterval, 60_000)]);
        let mut model = Model::default();
        house.apply(1, (1..=6).map(|n| deposit(n, 0, dollars(20_000))).collect());
        model.brought = (1..=6).map(|n| (n, 20_000_000_000)).collect();
        let mut client = 0;
        for _ in 0..150 {
            // A market that leaps now and then leaves debts.
            let moved = match random.below(20) {
                0 => house.btc * [-19, 19][usize::from(random.below(2) == 0)] / 100,
                _ => random.between(-100, 100) * 1_000_000,
            };
            house.btc = (house.btc + moved).clamp(2_000_000_000, 20_000_000_000);
            let seconds = random.between(20, 50);
            let mut transactions = Vec::new();
            let price = tick(house.btc);
            let somebody = |random: &mut Random| 1 + u8::try_from(random.below(6)).unwrap();
            if random.below(3) > 0 {
                // Somebody closes, or opens, with somebody else.
                client += 1;
                let (one, other) = (somebody(&mut random), somebody(&mut random));
                let held = house.lots(one, 1);
                let closes = held != 0 && random.below(4) == 0;
                let lots = if closes { -held } else { random.between(-1_200, 1_200) };
                let sides = [Side::Buy, Side::Sell];
                let [first, second] = if lots > 0 { sides } else { [sides[1], sides[0]] };
                transactions.push(order(one, client, 1, first, price, lots.abs().max(1)));
                transactions.push(order(other, client, 1, second, price, lots.abs().max(1)));
            }
            for _ in 0..3 {
                let (number, other) = (somebody(&mut random), somebody(&mut random));
                let held = house.cash(number).max(1);
                let more = random.between(1, 1_000_000_000);
                let part = (brought(&house, number, AssetId::DOLLAR) + more).min(held);
                let part = Amount::from_minor(part);
                transactions.push(match random.below(8) {
                    0 => deposit(number, 0, dollars(random.between(1, 2_000))),
                    1 => transfer(number, other, AssetId::DOLLAR, Amount::from_minor(more)),
                    2..=4 => withdraw(number, AssetId::DOLLAR, Amount::from_minor(more)),
                    _ => withdraw(number, AssetId::DOLLAR, part),
                });
            }
            let open = uncovered(&mut house, seconds);
            let outcome = house.apply(seconds, transactions.clone());
            for (transaction, receipt) in transactions.iter().zip(&outcome.receipts) {
                let number = transaction.sender.bytes()[0];
                let stops = matches!(receipt, Receipt::Refused(Refusal::GainsNotCovered { .. }));
                stopped += u32::from(stops);
                if *receipt != Receipt::Done {
                    continue;
                }
                match transaction.command {
                    Command::Deposit { account, amount, .. } => {
                        *model.brought.entry(account.owner.bytes()[0]).or_default() +=
                            amount.minor();
                    }
                    Command::Transfer { to, amount, .. } => {
                        let moved = model.take(number, amount.minor());
                        *model.brought.entry(to.owner.bytes()[0]).or_default() += moved;
                    }
                    Command::Withdraw { amount, .. } => {
                        let gain = amount.minor() - model.take(number, amount.minor());
                        gained += u32::from(gain > 0);
                        let open = open.unwrap_or(0);
                        assert!(gain == 0 || open == 0, "seed {seed}: {gain} beside {open}");
                    }
                    _ => {}
                }
            }
            assert!(custody(&house, AssetId::DOLLAR) >= 0);
            assert_eq!(house.machine.state().house_fault, None);
            for (number, amount) in &model.brought {
                assert_eq!(brought(&house, *number, AssetId::DOLLAR), *amount);
            }
        }
    }
    assert!(stopped > 20 && gained > 20, "both happen: {stopped} {gained}");
}
