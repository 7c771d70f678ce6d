//! Who may write a row of the state, and what it costs.

use super::common::{CUSTODIAN, House, account, deposit, dollars, trader};
use protocol::{AccountId, AssetId, Command, Receipt, Refusal, Transaction, limits};
use units::{Amount, Notional};

#[test]
fn an_account_is_opened_by_no_less_than_pays_for_its_row() {
    // 0025-BLOCK-040
    let mut house = House::new();
    let least = Notional::from_micros(10_000_000);
    let small = Receipt::Refused(Refusal::AmountTooSmall { least });
    let cent = Amount::from_minor(10_000);
    house.apply(1, vec![]);
    let outcome = house.apply(
        1,
        vec![
            deposit(1, 0, Amount::from_minor(9_999_999)),
            deposit(1, 0, dollars(10)),
            deposit(1, 0, cent),
            // A coin of 8,000 dollars: ten dollars are 1,250,000 billionths of it.
            deposit(2, 1, Amount::from_minor(1_249_999)),
            deposit(2, 1, Amount::from_minor(1_250_000)),
        ],
    );
    let done = || Receipt::Done;
    assert_eq!(outcome.receipts, [small.clone(), done(), done(), small, done()]);
    assert_eq!(house.cash(1), 10_010_000, "an account that is open takes anything");
}

#[test]
fn an_owner_has_a_bounded_number_of_accounts() {
    // 0025-BLOCK-040
    let mut house = House::new();
    house.apply(1, vec![]);
    let most = u16::try_from(limits::ACCOUNTS_PER_OWNER_MAX).unwrap();
    let open = |owner: u8, sub: u16| Transaction {
        sender: CUSTODIAN,
        command: Command::Deposit {
            account: AccountId { owner: trader(owner), sub },
            asset: AssetId::DOLLAR,
            amount: dollars(10),
        },
    };
    let mut all: Vec<Transaction> = (0..=most).map(|sub| open(1, sub)).collect();
    all.push(open(1, 0));
    all.push(open(2, 0));
    let outcome = house.apply(1, all);
    let refused: Vec<usize> = (0..outcome.receipts.len())
        .filter(|at| outcome.receipts[*at] == Receipt::Refused(Refusal::TooMany))
        .collect();
    assert_eq!(refused, [usize::from(most)]);
    assert!(house.machine.state().accounts.index(account(2)).is_some(), "others have room");
}
