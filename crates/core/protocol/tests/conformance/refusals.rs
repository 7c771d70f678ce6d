//! The table of refusals: codes unique, ascending in the order of declaration, and written down for users.

use crate::generate::Variants;
use crate::random::Random;
use expect_test::{expect, expect_file};
use protocol::Refusal;
use std::fmt::Write;

/// What the source says of one refusal.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    code: u16,
    name: String,
    message: String,
    meaning: String,
    when: String,
    what_to_do: String,
}

/// Reads the declaration of `Refusal`: the paragraphs of its comment, message, name and code of each variant, in order.
fn declared() -> Vec<Entry> {
    let source = include_str!("../../src/refusal.rs");
    let body = source.split_once("pub enum Refusal {").unwrap().1.split_once("\n}\n").unwrap().0;
    let (mut entries, mut comment, mut message, mut name) = (Vec::new(), String::new(), "", "");
    for line in body.lines() {
        let inner = line.trim();
        let is_variant = line.strip_prefix("    ").is_some_and(|rest| !rest.starts_with(' '));
        if is_variant && let Some(text) = inner.strip_prefix("///") {
            comment.push_str(if text.is_empty() { "\n" } else { text });
        } else if let Some(text) = inner.strip_prefix("#[error(\"") {
            message = text.strip_suffix("\")]").unwrap();
        } else if is_variant {
            let (head, code) = inner.split_once(" = ").map_or((inner, None), |(h, c)| (h, Some(c)));
            name = if head == "}" { name } else { head.trim_end_matches(" {") };
            if let Some(code) = code {
                let mut paragraphs = comment.split('\n').map(str::trim);
                let meaning = paragraphs.next().unwrap_or_default().to_owned();
                let mut after = |title: &str| {
                    let text = paragraphs.next().and_then(|text| text.strip_prefix(title));
                    text.unwrap_or_default().trim().to_owned()
                };
                entries.push(Entry {
                    code: code.trim_end_matches(',').parse().unwrap(),
                    name: name.to_owned(),
                    message: message.to_owned(),
                    meaning,
                    when: after("**When:**"),
                    what_to_do: after("**What to do:**"),
                });
                comment.clear();
            }
        }
    }
    entries
}

#[test]
fn each_refusal_says_what_it_means_when_it_comes_and_what_to_do() {
    for Entry { name, message, meaning, when, what_to_do, .. } in declared() {
        assert!(!message.is_empty() && !message.ends_with('.'), "{name}: {message:?}");
        for text in [&meaning, &when, &what_to_do] {
            assert!(
                text.ends_with('.'),
                "{name} says one of its three not in a sentence: {text:?}"
            );
        }
    }
}

#[test]
fn codes_are_unique_and_ascend_in_order_of_precedence() {
    let entries = declared();
    assert!(entries.windows(2).all(|pair| pair[0].code < pair[1].code), "{entries:?}");
    let values = Refusal::of_each(&mut Random::named("Refusal"));
    let found: Vec<_> = values.iter().map(|value| (value.code(), value.variant())).collect();
    let declared: Vec<_> = entries.iter().map(|entry| (entry.code, entry.name.as_str())).collect();
    assert_eq!(found, declared);
}

/// A code that has been published keeps its meaning: a row is added, or struck out, never changed.
#[test]
fn table_of_codes() {
    let mut table = String::new();
    for entry in declared() {
        writeln!(table, "{:<3} {}", entry.code, entry.name).unwrap();
    }
    expect![[r#"
        1   NotPermitted
        2   AccountNotOpen
        3   TooMany
        10  AssetUnknown
        11  AmountNotPositive
        12  AmountTooLarge
        13  SameAccount
        14  BalanceShort
        15  CustodyShort
        16  WithdrawalLimit
        17  LiquidationSuspended
        18  GainsNotCovered
        19  AmountTooSmall
        20  InstrumentUnknown
        21  InstrumentExpired
        22  InstrumentHalted
        23  ModeForbids
        24  MarkMissing
        30  LotsNotPositive
        31  LotsTooMany
        32  PriceNotPositive
        33  PriceOffTick
        34  PriceOutsideBand
        35  ClientOrderIdInUse
        36  TooManyOrders
        37  TooManyPositions
        38  BookFull
        39  ReduceOnlyWouldIncrease
        40  PostOnlyWouldCross
        41  SelfTrade
        42  PositionLimit
        43  TooManyOrdersOfOwner
        44  CustodiansInvalid
        45  MarginShort
        50  OrderUnknown
        51  OrderOfHouse
        52  NotOutstanding
        53  DepositLimit
        54  NotForSale
        55  NotJailed
        56  StillJailed
        57  ValidatorKeyTaken
        58  AlreadySeated
        59  NotSeated
        60  ParameterUnknown
        61  ValueOutsideBounds
        62  ContractInvalid
        63  ProposalUnknown
        64  ApprovedAlready
        65  TooManyProposals
        66  NotHalted
        67  ValueContradicts
        68  NotApproved
        69  CommitteeFull
        70  SignatureExpired
        71  SignatureTooLong
        72  SessionUnknown
        73  SessionRevoked
        74  SessionExpired
        75  NonceUsed
        76  NonceTooHigh
        77  ShownDiffers
        78  OutOfScope
        79  SessionCap
        80  TooManySessions
        81  SessionTermsInvalid
        82  CommitteeTooSmall
        83  StakeInvalid
        84  StakeTooLarge
        85  SettlementNotDue
        86  SettlementPriceOutside
        88  PauseSpent
        89  StepTooLarge
        90  NotWaited
        93  SignersInvalid
        94  ChangeDiffers
    "#]]
    .assert_eq(&table);
}

/// Regenerated with `UPDATE_EXPECT=1`.
#[test]
fn the_reference_of_refusals_is_fresh() {
    let mut page = String::from(
        "# Refusals\n\n\
         Why a command changed nothing. The first rule broken, in the order of the codes, is the one reported; those from \
         70 to 81,\nwhich say why a signature does not carry the command, come before all others. Codes are stable and never \
         reused.\nWords in braces stand for the refusal's own numbers; names such as `deposit_min` are those of parameters \
         ([spec 0023](../../spec/0023-governance.md)).\n",
    );
    for Entry { code, name, message, meaning, when, what_to_do } in declared() {
        write!(
            page,
            "\n## {code} `{name}`\n\n> {message}\n\n{meaning}\n\n\
             - **When:** {when}\n- **What to do:** {what_to_do}\n"
        )
        .unwrap();
    }
    expect_file!["../../../../../docs/reference/refusals.md"].assert_eq(&page);
}
