//! Numbers that others have published, the examples of the documentation, and this house's own worked figures.

use profiles::{Error, Outcome, Profile, measure};
use serde_json::{Value, json};

const PORTFOLIO: &str = include_str!("../../../../docs/examples/margin-portfolio.json");
const LINEAR: &str = include_str!("../../../../docs/examples/margin-linear.json");
const LINEAR_PARAMETERS: &str = include_str!("../../../../docs/examples/margin-linear-params.json");
const DOCUMENT: &str = include_str!("../../../../docs/margin-profiles.md");

fn with(market: &Value, positions: &Value) -> String {
    json!({ "cash": "0", "market": market, "positions": positions }).to_string()
}

fn measured(profile: Profile, portfolio: &str) -> Outcome {
    measure(profile, portfolio, None).unwrap()
}

/// Source: derivexyz/lyra-utils `test/math/Black76.t.sol`; rates from its discount factors.
#[test]
fn options_are_worth_what_derive_publishes() {
    for (seconds, rate, vol, forward, strike, call, put) in [
        ("604800", "0", "1", "1500", "1500", 82.805_080_668_634_56, 82.805_080_668_634_56),
        (
            "2592000",
            "0.01",
            "0.25",
            "1000",
            "1200",
            0.137_082_128_426_579_3,
            199.972_766_103_166_72,
        ),
        ("172800", "0.02", "0.75", "1000", "700", 299.967_125_089_526_2, 4.570_846_8e-10),
        ("31536000", "0.02", "5", "1000", "700", 970.034_553_583_819, 675.974_951_591_792_5),
    ] {
        for (right, published) in [("call", call), ("put", put)] {
            let market = json!({ "spot": forward, "expiries": [
                { "id": "e", "expires_in_seconds": seconds, "forward": forward, "rate": rate }] });
            let option = json!({ "expiry": "e", "right": right, "strike": strike, "vol": vol, "amount": "1" });
            let portfolio = with(&market, &json!({ "options": [option] }));
            // The standard manager discounts nothing.
            for profile in [Profile::DerivePmrm2, Profile::Span16] {
                let found: f64 = measured(profile, &portfolio).mark_to_market.parse().unwrap();
                assert!((found - published).abs() <= 1e-9, "{right} {strike}: {found} {published}");
            }
        }
    }
}

/// Source: McMillan, Options as a Strategic Investment, chapter 34: risk arrays of S&P futures.
#[test]
fn scan_risk_of_published_arrays_is_the_published_one() {
    let future = [
        0, 0, 3330, 3330, -3330, -3330, 6670, 6670, -6670, -6670, 10000, 10000, -10000, -10000,
        7000, -7000,
    ];
    let call = [
        460, -610, 2640, 1730, -1270, -2340, 5210, 4540, -2540, -3430, 8060, 7640, -3380, -3990,
        3130, -1500,
    ];
    let array = |amount: &str, gains: [i32; 16]| json!({ "amount": amount, "gains": gains.map(|gain| gain.to_string()).to_vec() });
    for (arrays, published) in [
        (json!([array("1", future)]), "10000"),
        (json!([array("1", call)]), "3990"),
        (json!([array("1", future), array("-1", call)]), "6620"),
    ] {
        let portfolio = with(&json!({ "spot": "1" }), &json!({ "risk_arrays": arrays }));
        let outcome = measured(Profile::Span16, &portfolio);
        assert_eq!(outcome.components["scan_risk"], published);
        assert_eq!(outcome.maintenance_margin, published);
    }
}

/// Source: dydxprotocol/v4-chain `protocol/x/perpetuals/types/liquidity_tier_test.go`.
#[test]
fn open_interest_raises_initial_margin_as_dydx_publishes() {
    for (lower, upper, published) in
        [("0", "0", "100000"), ("1000000000000", "2000000000000", "300000")]
    {
        let portfolio = json!({ "cash": "0", "positions": [
            { "market": "m", "amount": "-500000", "price": "1", "open_interest": "1500000000000" }] });
        let parameters = json!({ "others": { "tiers": [{ "initial": "0.2", "maintenance": "0.1" }],
            "open_interest_lower": lower, "open_interest_upper": upper } });
        let text = parameters.to_string();
        let outcome = measure(Profile::Linear, &portfolio.to_string(), Some(&text)).unwrap();
        assert_eq!(outcome.initial_margin, published);
        assert_eq!(outcome.maintenance_margin, "50000");
    }
}

/// Spec 0019-MARG-006…008: the worked figures of the house.
#[test]
fn the_house_profile_gives_the_figures_of_the_specification() {
    let market = json!({ "spot": "60000", "perpetual": { "price": "60000" } });
    let long = with(&market, &json!({ "perpetual": { "amount": "1" } }));
    let outcome = measured(Profile::Novation, &long);
    assert_eq!(
        (outcome.initial_margin.as_str(), outcome.maintenance_margin.as_str()),
        ("9600", "7680")
    );
    assert_eq!(outcome.worst, "-9600");
    assert_eq!(outcome.scenarios.len(), 48);
    assert_eq!(outcome.scenarios[16].pnl, "0");
    assert_eq!(outcome.components["liquidation_target"], "8832");
}

#[test]
fn the_house_profile_is_the_core_and_its_explanation() {
    let vectors: Value = serde_json::from_str(include_str!("vectors.json")).unwrap();
    let (mut measured, mut beside) = (0, 0);
    for case in vectors["cases"].as_array().unwrap() {
        if case["expected"].get("linear").is_some() {
            continue;
        }
        let Ok(outcome) = measure(Profile::Novation, &case["portfolio"].to_string(), None) else {
            continue;
        };
        measured += 1;
        let part = |name: &str| &outcome.components[&format!("equity above initial margin/{name}")];
        assert_eq!(part("initial margin"), &outcome.initial_margin);
        assert_eq!(part("maintenance margin"), &outcome.maintenance_margin);
        assert_eq!(part("equity"), &outcome.components["equity"]);
        let profits = outcome.scenarios.iter().map(|one| one.pnl.parse::<f64>().unwrap());
        let least = profits.fold(f64::INFINITY, f64::min);
        let worst: f64 = outcome.worst.parse().unwrap();
        // 0019-MARG-040, 042: of the set, or beside it and below all of that but for what is reserved there.
        match outcome.components["worst_scenario"].as_str() {
            "48" | "49" => {
                assert!(worst < least + 0.01, "{worst} {least}");
                beside += 1;
            }
            _ => assert!((least - worst).abs() < 1e-9, "{worst} {least}"),
        }
    }
    assert!(measured >= 100 && beside > 0, "{measured} portfolios, {beside} beside the set");
}

#[test]
fn the_examples_of_the_document_come_out_as_it_says() {
    let mut rows = String::new();
    for profile in Profile::ALL {
        let (portfolio, parameters) = match profile {
            Profile::Linear => (LINEAR, Some(LINEAR_PARAMETERS)),
            _ => (PORTFOLIO, None),
        };
        let outcome = measure(profile, portfolio, parameters).unwrap();
        let Outcome {
            initial_margin, maintenance_margin, mark_to_market, worst, components, ..
        } = &outcome;
        let scenario = &components["worst_scenario"];
        rows.push_str(&format!(
            "| `{}` | {initial_margin} | {maintenance_margin} | {mark_to_market} | {worst} | {scenario} |\n",
            profile.name(),
        ));
    }
    assert!(DOCUMENT.contains(&rows), "the document should have\n{rows}");
}

/// Returns the name of the error that a change to the example causes.
fn refused(profile: Profile, from: &str, to: &str) -> String {
    let changed = PORTFOLIO.replacen(from, to, 1);
    assert_ne!(changed, PORTFOLIO, "{from}");
    let error = measure(profile, &changed, None).unwrap_err().to_string();
    error.split(':').next().unwrap().to_string()
}

#[test]
fn every_bad_input_has_a_name() {
    let pmrm = Profile::DerivePmrm2;
    for (from, to, name) in [
        ("\"cash\": \"20000\"", "\"cash\": 20000", "malformed"),
        ("\"cash\": \"20000\"", "\"cash\": \"2e4\"", "malformed"),
        ("\"cash\": \"20000\"", "\"cash\": \"1\", \"cash\": \"2\"", "malformed"),
        ("\"cash\": \"20000\"", "\"cash\": \"1\", \"colour\": \"red\"", "malformed"),
        ("\"cash\": \"20000\",", "", "malformed"),
        ("{", "[", "malformed"),
        ("\"perpetual\": { \"price\": \"60000\" }", "\"perpetual\": [\"60000\"]", "malformed"),
        ("\"spot\": \"60000\"", "\"spot\": \"-1\"", "out-of-range"),
        ("\"spot\": \"60000\"", "\"spot\": \"0\"", "out-of-range"),
        ("\"0.9\"", "\"1.1\"", "out-of-range"),
        ("\"stable_price\": \"1\"", "\"stable_price\": \"0\"", "out-of-range"),
        ("\"vol\": \"0.62\"", "\"vol\": \"-0.62\"", "out-of-range"),
        ("\"strike\": \"66000\"", "\"strike\": \"0\"", "out-of-range"),
        ("\"perpetual\": { \"price\": \"60000\" },", "", "missing"),
        ("\"expiry\": \"30d\"", "\"expiry\": \"31d\"", "unknown"),
        (
            "\"right\": \"put\", \"strike\": \"54000\"",
            "\"right\": \"put\", \"strike\": \"66000\"",
            "vol-conflict",
        ),
        (
            "\"right\": \"put\", \"strike\": \"54000\", \"vol\": \"0.68\"",
            "\"right\": \"call\", \"strike\": \"66000\", \"vol\": \"0.62\"",
            "duplicate",
        ),
        (
            "\"collateral\"",
            "\"risk_arrays\": [{ \"amount\": \"1\", \"gains\": [] }], \"collateral\"",
            "unsupported",
        ),
    ] {
        assert_eq!(refused(pmrm, from, to), name, "{to}");
    }
    let house = Profile::Novation;
    // A second id for the time of the first, and an option under it.
    let again = PORTFOLIO.replacen(
        "\"expiries\": [",
        "\"expiries\": [{ \"id\": \"again\", \"expires_in_seconds\": \"2592000.0\", \"forward\": \"1\" },",
        1,
    );
    let again = again.replacen("\"expiry\": \"30d\"", "\"expiry\": \"again\"", 1);
    let told = measure(house, &again, None).unwrap_err().to_string();
    assert!(told.starts_with("expiry-conflict: expiries 'again' and '30d'"), "{told}");
    assert_eq!(refused(house, "\"amount\": \"0.5\"", "\"amount\": \"0.5001\""), "not-exact");
    assert_eq!(refused(house, "\"vol\": \"0.62\"", "\"vol\": \"0.62001\""), "not-exact");
    assert_eq!(refused(house, "\"2592000\"", "\"0\""), "not-exact");
    assert_eq!(refused(house, "\"amount\": \"0.5\"", "\"amount\": \"9999999999\""), "out-of-range");
    let arrays = "\"risk_arrays\": [{ \"amount\": \"1\", \"gains\": [] }], \"collateral\"";
    assert_eq!(refused(Profile::Span16, "\"collateral\"", arrays), "unsupported");
    let long = "x".repeat(profiles::TEXT_BYTES_MAX + 1);
    assert!(matches!(measure(pmrm, &long, None), Err(Error::TooLong { .. })));
}

#[test]
fn what_is_wrong_is_named_with_its_place_and_said_once() {
    let said = |profile, from: &str, to: &str| {
        measure(profile, &PORTFOLIO.replacen(from, to, 1), None).unwrap_err().to_string()
    };
    let pmrm = Profile::DerivePmrm2;
    for (from, to, words) in [
        ("\"cash\": \"20000\"", "\"cash\": 20000", "portfolio: cash: invalid type: integer"),
        (
            "\"forward\": \"60500\"",
            "\"forward\": \"x\"",
            "market.expiries[0].forward: 'x': not a decimal",
        ),
        ("\"vol\": \"0.62\"", "\"vol\": \"-0.62\"", "option 1: vol is -0.62"),
        (
            "\"market\": {",
            "\"market\": 1, \"more\": {",
            "market: invalid type: integer `1`, expected fields by name",
        ),
    ] {
        let error = said(pmrm, from, to);
        assert!(error.contains(words), "{error}");
    }
    assert_eq!(
        said(Profile::Novation, "\"vol\": \"0.62\"", "\"vol\": \"0.62001\""),
        "not-exact: vol is 0.62001: it has more than 4 decimals"
    );
    let error = measure(Profile::Linear, PORTFOLIO, None).unwrap_err().to_string();
    assert!(error.contains("unknown field `market`"), "{error}");
}

#[test]
fn collateral_beyond_the_knee_costs_more() {
    // 0019-MARG-008: 60 million of it, 50 beyond the knee, a tenth of that more in initial margin, a twentieth in maintenance.
    let portfolio = r#"{"cash":"0","market":{"spot":"60000"},"positions":{"collateral":[
        {"asset":"BTC","amount":"1000","price":"60000","risk_cancelling":true}]}}"#;
    let found = measure(Profile::Novation, portfolio, None).unwrap();
    // The knee is one of whole lots of six dollars: four dollars less.
    assert_eq!((&*found.initial_margin, &*found.maintenance_margin), ("20600000.4", "13180000.2"));
    let none = measure(Profile::Novation, portfolio, Some(r#"{"haircut_beyond":"0"}"#)).unwrap();
    assert_eq!((&*none.initial_margin, &*none.maintenance_margin), ("15600000", "10680000"));
}

#[test]
fn parameters_outside_their_range_are_refused() {
    for (profile, parameters, name) in [
        (Profile::DerivePmrm2, r#"{"vol":{"up":"-1"}}"#, "out-of-range"),
        (Profile::DerivePmrm2, r#"{"scenarios":[]}"#, "missing"),
        (
            Profile::DerivePmrm2,
            r#"{"scenarios":[{"id":"a","spot":"0.1","vol":"abs","dampening":"1"}]}"#,
            "unsupported",
        ),
        (Profile::DerivePmrm2, r#"{"volume":"1"}"#, "malformed"),
        (Profile::DeriveSrm, r#"{"option_initial":"11"}"#, "out-of-range"),
        (Profile::Span16, r#"{"initial_ratio":"0.5"}"#, "out-of-range"),
        (Profile::DerivePmrm2, r#"{"vol":["9"]}"#, "malformed"),
        (Profile::DerivePmrm2, "[]", "malformed"),
        (Profile::Span16, r#"{"price_scan":"0.6","extreme_multiple":"2"}"#, "unsupported"),
        (Profile::Novation, r#"{"scan_range":"0.11"}"#, "out-of-range"),
        (Profile::Novation, r#"{"scan_range":"0.61"}"#, "out-of-range"),
        (Profile::Novation, r#"{"contract_size":"0"}"#, "out-of-range"),
        (Profile::Novation, r#"{"haircut":"0.6","haircut_beyond":"0.5"}"#, "out-of-range"),
        (
            Profile::DerivePmrm2,
            r#"{"scenarios":[{"id":"basis","spot":"0.1","vol":"none","dampening":"1"}]}"#,
            "unsupported",
        ),
    ] {
        let error = measure(profile, PORTFOLIO, Some(parameters)).unwrap_err().to_string();
        assert_eq!(error.split(':').next(), Some(name), "{parameters}: {error}");
    }
    for (bounds, words) in [
        (
            r#""open_interest_lower":"5","open_interest_upper":"5""#,
            "unsupported: open_interest_upper",
        ),
        (r#""open_interest_lower":"100""#, "unsupported: open_interest_upper must be above"),
        (r#""open_interest_upper":"-100""#, "out-of-range: open_interest_upper is -100"),
    ] {
        let bounds = format!(r#"{{"others":{{{bounds}}}}}"#);
        let error = measure(Profile::Linear, LINEAR, Some(&bounds)).unwrap_err();
        assert!(error.to_string().starts_with(words), "{error}");
    }
    assert!(measure(Profile::Linear, r#"{"cash":"1","positions":[]}"#, None).is_ok());
    for tiers in [
        r#"[]"#,
        r#"[{"up_to":"1","initial":"0.1","maintenance":"0.1"}]"#,
        r#"[{"initial":"0.1","maintenance":"0.1"},{"initial":"0.1","maintenance":"0.1"}]"#,
        r#"[{"initial":"0.1","maintenance":"0.2"}]"#,
    ] {
        let parameters = format!(r#"{{"others":{{"tiers":{tiers}}}}}"#);
        assert!(measure(Profile::Linear, LINEAR, Some(&parameters)).is_err(), "{tiers}");
    }
}
