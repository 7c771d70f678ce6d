//! Figures of Derive's two managers, recomputed apart from this project in high precision from the formulas that the sources
//! state: what each feed, rate and coin changes, and what it does not.
//!
//! Sources: derivexyz/v2-core at 7736900, `PMRM_2.sol` (`_arrangePortfolio`), `StandardManager.sol` (`_getMarkToMarket`,
//! `_getBaseMarginAndMtM`), `scripts/config-mainnet.sol`.

use profiles::{Profile, measure};
use serde_json::{Value, json};

/// Discounts as Derive's tests have them, so that a rate matters.
const RATES: &str = r#"{"discount_long":{"rate_multiple":"1","rate_add":"0"},
    "discount_short":{"rate_multiple":"1","rate_add":"0"}}"#;

fn option(amount: &str) -> Value {
    json!([{ "expiry": "y", "right": "call", "strike": "60000", "vol": "0.6", "amount": amount }])
}

fn market(rate: &str, more: Value) -> Value {
    let mut market = json!({ "spot": "60000", "expiries": [
        { "id": "y", "expires_in_seconds": "31536000", "forward": "60000", "rate": rate }] });
    for (name, value) in more.as_object().unwrap() {
        market[name] = value.clone();
    }
    market
}

/// Returns initial and maintenance margin and what is marked.
fn margins(
    profile: Profile,
    market: &Value,
    positions: &Value,
    parameters: Option<&str>,
) -> [f64; 3] {
    let portfolio = json!({ "cash": "0", "market": market, "positions": positions });
    let outcome = measure(profile, &portfolio.to_string(), parameters).unwrap();
    [outcome.initial_margin, outcome.maintenance_margin, outcome.mark_to_market]
        .map(|text| text.parse().unwrap())
}

fn assert_near(found: f64, right: f64) {
    assert!((found - right).abs() < 1e-6 * right.abs().max(1.0), "{found}, not {right}");
}

#[test]
fn the_confidence_of_the_stable_coin_raises_no_margin() {
    let market = market("0", json!({ "stable_confidence": "0.3" }));
    let held = json!({ "options": option("1") });
    let [initial, maintenance, _] = margins(Profile::DerivePmrm2, &market, &held, Some(RATES));
    assert_near(initial, 6_483.168_795);
    assert_near(maintenance, 8_016.409);
}

#[test]
fn a_perpetual_in_doubt_puts_every_expiry_in_doubt_if_it_is_held() {
    let market = market("0", json!({ "perpetual": { "price": "60000", "confidence": "0.3" } }));
    let held = json!({ "options": option("1"), "perpetual": { "amount": "1" } });
    let [initial, ..] = margins(Profile::DerivePmrm2, &market, &held, Some(RATES));
    assert_near(initial, -88_016.831_205);
    let flat = json!({ "options": option("1"), "perpetual": { "amount": "0" } });
    let [initial, ..] = margins(Profile::DerivePmrm2, &market, &flat, Some(RATES));
    assert_near(initial, 6_483.168_795);
}

#[test]
fn a_negative_rate_is_no_rate() {
    for (amount, right) in [("1", 6_483.168_795), ("-1", -26_832.999_759)] {
        for rate in ["-0.05", "0"] {
            let held = json!({ "options": option(amount) });
            let market = market(rate, json!({}));
            let [initial, ..] = margins(Profile::DerivePmrm2, &market, &held, Some(RATES));
            assert_near(initial, right);
        }
    }
}

#[test]
fn the_defaults_are_those_of_the_published_configuration() {
    let held = json!({ "options": option("1") });
    let [initial, ..] = margins(Profile::DerivePmrm2, &market("0", json!({})), &held, None);
    assert_near(initial, 5_524.59);
    let coin = json!({ "collateral": [
        { "asset": "BTC", "amount": "1", "price": "60000", "risk_cancelling": true }] });
    let [initial, maintenance, _] =
        margins(Profile::DeriveSrm, &market("0", json!({})), &coin, None);
    assert_near(initial, 41_850.0);
    assert_near(maintenance, 45_000.0);
    let ether = json!({ "collateral": [
        { "asset": "ETH", "amount": "1", "price": "3000", "risk_cancelling": true }] });
    let [initial, maintenance, _] =
        margins(Profile::DeriveSrm, &market("0", json!({})), &ether, None);
    assert_near(initial, 2_250.0);
    assert_near(maintenance, 2_400.0);
}

#[test]
fn the_standard_manager_discounts_no_option() {
    let held = json!({ "options": option("-1") });
    let found = margins(Profile::DeriveSrm, &market("0.05", json!({})), &held, None);
    for (found, right) in found.into_iter().zip([-23_149.371, -19_549.371, -14_149.371]) {
        assert!((found - right).abs() < 1e-3, "{found}, not {right}");
    }
}

#[test]
fn the_price_of_the_coin_divides_the_mark_of_collateral_and_not_its_margin() {
    let market = market("0", json!({ "stable_price": "0.9" }));
    let held = json!({ "collateral": [
        { "asset": "A", "amount": "1", "price": "60000", "risk_cancelling": true }] });
    let shares = r#"{"collateral_initial":"0.25","collateral_maintenance":"0.2"}"#;
    let [initial, maintenance, marked] = margins(Profile::DeriveSrm, &market, &held, Some(shares));
    assert_near(initial, 45_000.0);
    assert_near(maintenance, 48_000.0);
    assert_near(marked, 60_000.0 / 0.9);
}

#[test]
fn each_asset_may_have_shares_of_its_own_and_each_skew_its_cap() {
    let market = market("0", json!({}));
    let held = json!({ "collateral": [
        { "asset": "A", "amount": "1", "price": "1000", "risk_cancelling": false },
        { "asset": "B", "amount": "1", "price": "1000", "risk_cancelling": false }] });
    let shares = r#"{"collateral":{"B":{"initial":"0.3","maintenance":"0.2"}}}"#;
    // 5 % and 5 % of A, 30 % and 20 % of B.
    let [initial, maintenance, _] = margins(Profile::DerivePmrm2, &market, &held, Some(shares));
    assert_near(initial, 2_000.0 - 100.0 - 500.0);
    assert_near(maintenance, 2_000.0 - 50.0 - 200.0);
    let of = |parameters: &str| {
        let held = json!({ "options": [
            { "expiry": "y", "right": "call", "strike": "90000", "vol": "0.6", "amount": "-1" },
            { "expiry": "y", "right": "call", "strike": "60000", "vol": "0.6", "amount": "1" }] });
        let portfolio = json!({ "cash": "0", "market": market, "positions": held }).to_string();
        let outcome = measure(Profile::DerivePmrm2, &portfolio, Some(parameters)).unwrap();
        let of = |name: &str| {
            let mut scenarios = outcome.scenarios.iter();
            scenarios.find(|one| one.id == name).unwrap().pnl.parse::<f64>().unwrap()
        };
        (of("skew linear"), of("skew abs"))
    };
    let (linear, abs) = of("{}");
    let (linear_then, abs_then) = of(r#"{"skew":{"abs_cap_base":"0.5"}}"#);
    assert_eq!(linear, linear_then);
    assert!((abs - abs_then).abs() > 1.0, "{abs} {abs_then}");
}

#[test]
fn whatever_the_contract_takes_can_be_said() {
    let held = json!({ "options": option("1") });
    for parameters in [
        r#"{"scenarios":[{"id":"a","spot":"0.1","vol":"up","dampening":"5"}]}"#,
        r#"{"vol":{"floor_seconds":"34560000"}}"#,
        r#"{"discount_long":{"base":"0"}}"#,
        r#"{"peg":{"threshold":"100"}}"#,
        r#"{"oracle":{"threshold":"20","option":"20"}}"#,
    ] {
        margins(Profile::DerivePmrm2, &market("0", json!({})), &held, Some(parameters));
    }
}
