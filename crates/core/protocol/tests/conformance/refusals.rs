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

/// Reads the blocks of codes out of the comment of `Refusal`: first code, last code, and what they are about.
fn blocks() -> Vec<(u16, u16, &'static str)> {
    let source = include_str!("../../src/refusal.rs");
    let rows = source.lines().filter_map(|line| line.strip_prefix("/// | ")?.strip_suffix(" |"));
    let row = |row: &'static str| {
        let (codes, about) = row.split_once(" | ")?;
        let (first, last) = codes.split_once('–')?;
        Some((first.parse().ok()?, last.parse().ok()?, about))
    };
    rows.filter_map(row).collect()
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

#[test]
fn each_area_has_a_block_of_codes_with_room_for_as_many_more() {
    let (entries, blocks) = (declared(), blocks());
    assert!(blocks.windows(2).all(|pair| pair[0].1 < pair[1].0), "{blocks:?}");
    let mut placed = 0;
    for (first, last, about) in blocks {
        let used = entries.iter().filter(|entry| (first..=last).contains(&entry.code)).count();
        let room = usize::from(last - first + 1) - used;
        assert!(used > 0 && room >= used, "{about}: {used} used, {room} left");
        placed += used;
    }
    assert_eq!(placed, entries.len(), "each code lies in a block");
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
        10  SignatureExpired
        11  SignatureTooLong
        12  SessionUnknown
        13  SessionRevoked
        14  SessionExpired
        15  NonceUsed
        16  NonceTooHigh
        17  ShownDiffers
        18  OutOfScope
        19  SessionCap
        20  TooManySessions
        21  SessionTermsInvalid
        40  AssetUnknown
        41  AmountNotPositive
        42  AmountTooLarge
        43  SameAccount
        44  NotForSale
        45  BalanceShort
        46  CustodyShort
        47  WithdrawalLimit
        48  LiquidationSuspended
        49  GainsNotCovered
        50  AmountTooSmall
        70  InstrumentUnknown
        71  InstrumentExpired
        72  InstrumentHalted
        73  ModeForbids
        90  LotsNotPositive
        91  LotsTooMany
        92  PriceNotPositive
        93  PriceOffTick
        94  MarkMissing
        95  PriceOutsideBand
        96  ClientOrderIdInUse
        97  TooManyOrders
        98  TooManyPositions
        99  BookFull
        100 ReduceOnlyWouldIncrease
        101 PostOnlyWouldCross
        102 SelfTrade
        103 PositionLimit
        104 TooManyOrdersOfOwner
        105 MarginShort
        106 OrderUnknown
        107 OrderOfHouse
        130 NotOutstanding
        131 DepositLimit
        132 CustodiansInvalid
        150 ParameterUnknown
        151 ValueOutsideBounds
        152 ContractInvalid
        153 ProposalUnknown
        154 ApprovedAlready
        155 TooManyProposals
        156 NotHalted
        157 ValueContradicts
        158 NotApproved
        159 StepTooLarge
        160 NotWaited
        161 SignersInvalid
        162 ChangeDiffers
        163 PauseSpent
        164 SettlementNotDue
        165 SettlementPriceOutside
        200 ValidatorKeyTaken
        201 AlreadySeated
        202 CommitteeFull
        203 StakeInvalid
        204 StakeTooLarge
        205 NotSeated
        206 CommitteeTooSmall
        207 NotJailed
        208 StillJailed
    "#]]
    .assert_eq(&table);
}

/// Regenerated with `UPDATE_EXPECT=1`.
#[test]
fn the_reference_of_refusals_is_fresh() {
    let mut page = String::from(
        "# Refusals\n\n\
         Why a command changed nothing. The first rule broken, in the order of the codes, is the one reported; what is wrong \
         with a signature\ncomes before what is wrong with the command that it carries, and what is asked of each command in \
         which order says\n[0025-BLOCK-009](../../spec/0025-block.md). Codes are stable and never reused. Words in braces stand \
         for the refusal's own numbers;\nnames such as `deposit_min` are those of parameters \
         ([0023](../../spec/0023-governance.md)).\n",
    );
    let blocks = blocks();
    for Entry { code, name, message, meaning, when, what_to_do } in declared() {
        if let Some((first, last, about)) = blocks.iter().find(|block| block.0 == code) {
            writeln!(page, "\n## {first}–{last}: {about}").unwrap();
        }
        write!(
            page,
            "\n### {code} `{name}`\n\n> {message}\n\n{meaning}\n\n\
             - **When:** {when}\n- **What to do:** {what_to_do}\n"
        )
        .unwrap();
    }
    expect_file!["../../../../../docs/reference/refusals.md"].assert_eq(&page);
}
