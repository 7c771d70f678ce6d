//! Numbers from outside, `cases/vectors.json` beside the recorded data: which of its rows the house is held to, by what
//! test, and which not, and why.
//!
//! Rows named `incident_replay` in that file are figures of a position before and after: they hold the arithmetic of clearing to what
//! was reported, and replay no course of events. How the machine meets such events is held by its own tests, and the oracle's `attacks`.
//!
//! Rows of one crate stand in the tests of that crate; those of several stand here. The list is held against the file
//! where there is one; the test says so and passes where it is absent.

use std::path::{Path, PathBuf};

use clearing::{Position, Trade, novate, settle};
use market::Dataset;
use protocol::{Side, UnderlyingId};
use serde_json::Value;
use units::{BlockTime, Lots, Notional, Ppm, Price, Quantity};
use waterfall::{Allowance, Answering, Fund, cover};

/// Where a row stands.
enum Row {
    /// In this file, from the root of the repository, with the figures that the row expects.
    In(&'static str),
    /// Nowhere, for a reason.
    LeftOut(&'static str),
}

use Row::{In, LeftOut};

const PRICING: Row = In("crates/core/pricing/src/tests/vectors.rs");
const SPAN: Row = In("crates/core/margin/tests/span.rs");
const HERE: Row = In("crates/dev/testkit/tests/printed_elsewhere.rs");

/// Every row: its family, its name, and where it stands.
const ROWS: &[(&str, &str, Row)] = &[
    ("option_price", "haug-price-1", PRICING),
    ("option_price", "haug-price-2", PRICING),
    ("option_price", "haug-price-3", PRICING),
    ("option_price", "black76-1", PRICING),
    ("option_price", "black76-2", PRICING),
    ("option_price", "black76-3", PRICING),
    ("option_price", "black76-4", PRICING),
    ("greek", "haug-delta-call", PRICING),
    ("greek", "haug-delta-put", PRICING),
    ("greek", "haug-gamma-call", PRICING),
    ("greek", "haug-vega-put", PRICING),
    ("greek", "haug-theta-put", PRICING),
    ("vol_surface", "svi-surface", PRICING),
    ("span", "span16-long-future", SPAN),
    ("span", "span16-long-call", SPAN),
    ("span", "span16-covered-write", SPAN),
    ("funding", "vega-perp-twap-027", In("crates/core/oracle/src/average.rs")),
    ("incident_replay", "dydx-isolated-halt-2025-10-10", HERE),
    ("incident_replay", "hyperliquid-jelly-2025-03-26", HERE),
    ("incident_replay", "mango-2022-10-11", HERE),
    (
        "default_waterfall",
        "vega-loss-social-1",
        LeftOut("the house does not share losses among winners: its waterfall ends at the fund"),
    ),
    (
        "degradation",
        "vega-block-time-auction-003",
        LeftOut("every block is an auction: there is no continuous trading to suspend"),
    ),
    (
        "dynamic_margin",
        "dydx-oimf-1",
        LeftOut("margin does not depend on open interest: the scan range follows the index"),
    ),
    (
        "dynamic_margin",
        "dydx-oimf-2",
        LeftOut("margin does not depend on open interest: the scan range follows the index"),
    ),
    (
        "incident_replay",
        "aave-capo-2026-03-10",
        LeftOut("no asset is priced by a capped rate: the index is a median of venues"),
    ),
    (
        "adl_benchmark",
        "hyperliquid-adl-2025-10-10",
        LeftOut("the house does not close positions of winners, and the fills are not recorded"),
    ),
];

/// Returns the path of a file of the repository.
fn of_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..").join(path)
}

/// Returns the numbers in a value, however deep.
fn numbers(value: &Value, found: &mut Vec<f64>) {
    match value {
        Value::Number(number) => found.extend(number.as_f64()),
        Value::Array(values) => values.iter().for_each(|value| numbers(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| numbers(value, found)),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[test]
fn every_row_from_outside_stands_in_a_test_or_is_left_out_for_a_reason() {
    let Some(data) = Dataset::recorded().unwrap() else { return };
    let path = data.dir().join("../cases/vectors.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("data absent: {}", path.display());
        return;
    };
    let vectors: Value = serde_json::from_str(&text).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    let (mut tested, mut left_out) = (0, 0);
    for case in cases {
        let (family, id) = (case["area"].as_str().unwrap(), case["id"].as_str().unwrap());
        assert!(ROWS.iter().any(|(known, ..)| *known == family), "family {family} is not listed");
        let row = ROWS.iter().find(|(known, row, _)| (*known, *row) == (family, id));
        let (.., row) = row.unwrap_or_else(|| panic!("row {id} of {family} is not listed"));
        let file = match row {
            In(file) => file,
            LeftOut(reason) => {
                eprintln!("left out: {family} {id}: {reason}");
                left_out += 1;
                continue;
            }
        };
        let test = std::fs::read_to_string(of_repository(file)).unwrap();
        // The list itself is no test.
        let test = test.split_once("const COIN").map_or(&*test, |(_, tests)| tests);
        assert!(test.contains(id), "{id} is not in {file}");
        let mut expected = Vec::new();
        numbers(&case["expected"], &mut expected);
        assert!(!expected.is_empty(), "{id} expects nothing");
        let digits = test.replace('_', "");
        for number in expected {
            // As printed, or in micro-dollars.
            let forms = [format!("{number}"), format!("{:.0}", number * 1e6)];
            let stands = forms.iter().any(|form| digits.contains(form));
            assert!(stands, "{id} expects {number}, which is not in {file}");
        }
        tested += 1;
    }
    eprintln!("{} rows: {tested} in tests, {left_out} left out", cases.len());
    assert_eq!(cases.len(), ROWS.len(), "a row is listed that is not in the file");
}

const COIN: Quantity = Quantity::ONE;

fn dollars(dollars: i128) -> Notional {
    Notional::from_micros(dollars * 1_000_000)
}

/// Returns what a position pays or gains that is opened at one price and settled at another.
fn gain(lots: i128, opened: Price, settled: Price) -> Notional {
    let side = if lots > 0 { Side::Buy } else { Side::Sell };
    let trade = trade(side, opened, lots.abs());
    settle(novate(Position::default(), &trade).unwrap().position, settled, COIN).unwrap().paid
}

fn trade(side: Side, price: Price, lots: i128) -> Trade {
    let (lots, fee) = (Lots::from_count(lots), Ppm::ZERO);
    Trade { side, price, lots, contract_size: COIN, pays_premium: false, fee }
}

/// dydx-isolated-halt-2025-10-10, from dydxprotocol/v4-chain at 2c4fc538: the short is bankrupt at the price at which
/// it buys back, the winner's gain is more than the market's pool holds, and the chain stood still for eight hours
/// because the pool paid before the fund did.
#[test]
fn a_winner_is_paid_in_full_where_the_loser_is_bankrupt_and_the_fund_bears_the_difference() {
    let (carl, alice, fund) = (dollars(49), dollars(100), dollars(100_000));
    let held = |lots| Position { lots: Lots::from_count(lots), ..Position::default() };
    let price = Price::from_micros(100_000_000);
    let after = |lots, side, cash: Notional| {
        let novated = novate(held(lots), &trade(side, price, 1)).unwrap();
        let settled = settle(novated.position, price, COIN).unwrap();
        assert_eq!(settled.position, Position::default());
        cash.plus(settled.paid).unwrap()
    };
    let (carl_owes, alice_has) = (after(-1, Side::Buy, carl), after(1, Side::Sell, alice));
    assert_eq!((carl_owes, alice_has), (dollars(-51), dollars(200)));
    let now = BlockTime::from_millis(Allowance::DAY.millis());
    let all = Allowance::default().at(now, fund, Ppm::from_parts(1_000_000)).unwrap();
    let answering =
        Answering { id: UnderlyingId::new(1), fund: Fund { balance: fund, day: all }, event: all };
    let covered = cover(carl_owes.negated().unwrap(), &[answering], dollars(0)).unwrap();
    assert_eq!((covered.paid, covered.uncovered), (dollars(51), dollars(0)));
    let carl_has = carl_owes.plus(covered.paid).unwrap();
    let fund_has = fund.minus(covered.paid).unwrap();
    assert_eq!((carl_has, fund_has), (dollars(0), dollars(99_949)));
    // Nothing is made or lost.
    let sum = |parts: [Notional; 3]| parts.map(Notional::micros).iter().sum::<i128>();
    assert_eq!(sum([carl, alice, fund]), sum([carl_has, alice_has, fund_has]));
}

/// hyperliquid-jelly-2025-03-26: a short of 430 million coins, of which the backstop took over 398 million.
#[test]
fn lots_times_the_move_of_a_short_is_the_loss_that_was_reported() {
    let (opened, peak) = (Price::from_micros(9_500), Price::from_micros(37_555));
    let notional = gain(-430_000_000, opened, Price::ZERO);
    assert_eq!(notional, dollars(4_085_000));
    let lost = gain(-398_000_000, opened, peak).negated().unwrap();
    within_one_percent(lost, dollars(11_170_000));
}

/// mango-2022-10-11: a long of 483 million coins marked up from 0.0382 to 0.91 dollars.
#[test]
fn lots_times_the_move_of_a_long_is_the_gain_that_was_reported() {
    let (opened, peak) = (Price::from_micros(38_200), Price::from_micros(910_000));
    let notional = gain(483_000_000, opened, Price::ZERO).negated().unwrap();
    within_one_percent(notional, dollars(18_450_000));
    within_one_percent(gain(483_000_000, opened, peak), dollars(421_100_000));
}

fn within_one_percent(found: Notional, reported: Notional) {
    let off = (found.micros() - reported.micros()).abs();
    assert!(off * 100 <= reported.micros(), "{found} is not {reported}");
}
