//! Sub-accounts of one owner: each is margined, called and liquidated alone.

use super::history::play;
use expect_test::expect;

/// Owner 1 long 60 coins in one sub-account and short 60 in another, which has ten times the money.
const HEDGED_ACROSS: &str = "
    A1 brings 100000
    A1/7 brings 1000000
    A3 brings 10000000
    block
    A1 buys 6000 BTC of A3 at 8000
    block
    A1/7 sells 6000 BTC to A3 at 8000
    block
    check lots A1 BTC = 6000
    check lots A1/7 BTC = -6000
    let long = cash A1
    let short = cash A1/7";

#[test]
fn a_sub_account_is_liquidated_alone_and_the_others_money_is_not_touched() {
    // 0025-BLOCK-008: a hedge elsewhere does not help the long one.
    play(HEDGED_ACROSS).play(
        "each btc -40
         each A3 buys 6000 BTC at index+100
         block 10 x60
         check liquidated A1 > 0
         check liquidated A1/7 = 0
         check lots A1 BTC < 6000
         check lots A1/7 BTC = -6000
         check cash A1/7 >= short",
    );
}

#[test]
fn a_transfer_moves_what_is_free_between_sub_accounts_and_no_more() {
    // 0025-BLOCK-008: the long one needs what it keeps.
    let mut history = play(HEDGED_ACROSS);
    history.play(
        "A1/7 sends 200000 to A1
         A1 sends 290000 to A1/7
         block
         check cash A1 = long+200000
         check cash A1/7 = short-200000",
    );
    expect![[r#"
        4: A1 is refused: margin would be short by 67753.116497 dollars
    "#]]
    .assert_eq(&history.printed);
}
