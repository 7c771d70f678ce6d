//! Sub-accounts of one owner: each is margined, called and liquidated alone.

use super::common::{House, deposit, dollars, order, trader};
use protocol::{
    AccountId, AccountIndex, AssetId, Command, Event, InstrumentId, Receipt, Side, Transaction,
};

const OTHER: u16 = 7;

fn sub(number: u16) -> AccountId {
    AccountId { owner: trader(1), sub: number }
}

fn index(house: &House, account: AccountId) -> AccountIndex {
    house.machine.state().accounts.index(account).expect("open")
}

fn cash(house: &House, account: AccountId) -> i128 {
    house.machine.state().ledger.cash(index(house, account)).micros()
}

fn lots(house: &House, account: AccountId) -> i128 {
    let held = house.machine.state().accounts.get(index(house, account)).expect("open");
    held.position(InstrumentId::new(1)).lots.count()
}

/// Owner 1 long 60 coins in one sub-account and short 60 in another, which has ten times the money.
fn hedged_across() -> House {
    let mut house = House::new();
    let money = |account, held| Transaction {
        sender: super::common::CUSTODIAN,
        command: Command::Deposit {
            id: super::common::arrived(),
            account,
            asset: AssetId::DOLLAR,
            amount: dollars(held),
        },
    };
    house.apply(
        1,
        vec![
            money(sub(0), 100_000),
            money(sub(OTHER), 1_000_000),
            deposit(3, 0, dollars(10_000_000)),
        ],
    );
    for (number, mine, theirs) in [(0, Side::Buy, Side::Sell), (OTHER, Side::Sell, Side::Buy)] {
        let mut ours = order(1, 1, 1, mine, 8_000_000_000, 6_000);
        if let Command::PlaceOrder { sub, .. } = &mut ours.command {
            *sub = number;
        }
        house.apply(1, vec![ours, order(3, number.into(), 1, theirs, 8_000_000_000, 6_000)]);
    }
    assert_eq!((lots(&house, sub(0)), lots(&house, sub(OTHER))), (6_000, -6_000));
    house
}

#[test]
fn a_sub_account_is_liquidated_alone_and_the_others_money_is_not_touched() {
    // 0025-BLOCK-008
    let mut house = hedged_across();
    let (long, short) = (index(&house, sub(0)), index(&house, sub(OTHER)));
    let before = cash(&house, sub(OTHER));
    let mut liquidated = Vec::new();
    for step in 0..60 {
        house.btc -= 40_000_000;
        let bid = (house.btc + 100_000_000) / 500_000 * 500_000;
        let outcome = house.apply(10, vec![order(3, 1_000 + step, 1, Side::Buy, bid, 6_000)]);
        liquidated.extend(outcome.events.into_iter().filter_map(|event| match event {
            Event::Liquidated { account, .. } => Some(account),
            _ => None,
        }));
    }
    assert!(liquidated.contains(&long), "a hedge elsewhere does not help it");
    assert!(!liquidated.contains(&short));
    assert!(lots(&house, sub(0)) < 6_000);
    assert_eq!(lots(&house, sub(OTHER)), -6_000, "it keeps what it holds");
    assert!(cash(&house, sub(OTHER)) >= before, "nothing is taken from it");
}

#[test]
fn a_transfer_moves_what_is_free_between_sub_accounts_and_no_more() {
    // 0025-BLOCK-008
    let mut house = hedged_across();
    let before = [0, OTHER].map(|number| cash(&house, sub(number)));
    let transfer = |from, to, held| Transaction {
        sender: trader(1),
        command: Command::Transfer {
            sub: from,
            to: sub(to),
            asset: AssetId::DOLLAR,
            amount: dollars(held),
        },
    };
    let outcome = house.apply(1, vec![transfer(OTHER, 0, 200_000), transfer(0, OTHER, 290_000)]);
    assert_eq!(outcome.receipts[0], Receipt::Done);
    assert!(matches!(outcome.receipts[1], Receipt::Refused(_)), "the long needs what it keeps");
    let moved = 200_000_000_000;
    let after = [0, OTHER].map(|number| cash(&house, sub(number)));
    assert_eq!(after, [before[0] + moved, before[1] - moved]);
}
