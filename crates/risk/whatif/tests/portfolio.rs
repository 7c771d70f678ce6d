//! A portfolio as its owner writes it: margins by hand, liquidation prices that are the first, errors that name places.

use whatif::{Batch, Detail, Portfolio, WhatIfError};

fn with(markets: &str, rest: &str) -> String {
    format!(
        r#"{{"time": "2026-06-01T00:00:00Z",
            "underlyings": [{{"name": "BTC", "index": "60000"}}, {{"name": "ETH", "index": 3000}}],
            "markets": [
              {{"name": "BTC-PERP", "underlying": "BTC", "kind": "perpetual", "lot": "0.001"}},
              {{"name": "ETH-PERP", "underlying": "ETH", "kind": "perpetual", "lot": "0.01"}}{markets}],
            {rest}}}"#
    )
}

const CALL: &str = r#",
    {"name": "BTC-70C", "underlying": "BTC", "kind": "call", "lot": "0.001", "strike": "70000",
     "expires": "2026-07-01T08:00:00Z", "vol": "0.65"}"#;

fn parse(markets: &str, rest: &str) -> Portfolio {
    Portfolio::parse(&with(markets, rest)).unwrap()
}

fn micros(text: &str) -> i128 {
    text.parse::<units::Notional>().unwrap().micros()
}

#[test]
fn a_perpetual_is_liquidated_where_paper_and_pencil_say() {
    // Long 1 BTC from 60,000 with 20,000: equity 20,000 + (P − 60,000); maintenance 0.8 · 0.16 · P = 0.128 · P. They meet at
    // P = 40,000 / 0.872 = 45,871.559633…, but for the micro-dollars that rounding reserves.
    let long = parse(
        "",
        r#""cash": "20000", "positions": [{"market": "BTC-PERP", "lots": "1000", "entry": "60000"}]"#,
    );
    let found = long.assess().unwrap();
    assert_eq!((found.equity.as_str(), found.standing), ("20000", "healthy"));
    assert!((micros(&found.initial_margin) - 9_600_000_000).abs() < 3_000);
    let [at] = found.liquidation.as_deref().unwrap() else { panic!("one underlying is held") };
    let below: units::Price = at.below.as_ref().unwrap().index.parse().unwrap();
    assert!((below.micros() - 45_871_559_633).abs() < 3_000, "{below}");
    assert_eq!(at.above, None);
    // Short: 20,000 + (60,000 − P) = 0.128 · P at P = 80,000 / 1.128.
    let short = parse(
        "",
        r#""cash": "20000", "positions": [{"market": "BTC-PERP", "lots": "-1000", "entry": "60000"}]"#,
    );
    let found = short.assess().unwrap();
    let [at] = found.liquidation.as_deref().unwrap() else { panic!("one underlying is held") };
    let above: units::Price = at.above.as_ref().unwrap().index.parse().unwrap();
    assert!((above.micros() - 70_921_985_815).abs() < 3_000, "{above}");
    assert_eq!(at.below, None);
    assert_eq!(at.above.as_ref().unwrap().change, "0.182034");
}

#[test]
fn impact_is_charged_where_the_file_says_what_trades() {
    // 0019-MARG-009: ⅔ · 3 % · 60,000 · √(60,000 / 6,000,000) = 120, and twice that at a quarter of the depth.
    let text = with(
        "",
        r#""cash": "20000", "positions": [{"market": "BTC-PERP", "lots": "1000", "entry": "60000"}]"#,
    );
    for (said, impact) in
        [(r#""volume": "6000000""#, 120), (r#""volume": "6000000", "depth": "0.25""#, 240)]
    {
        let text = text.replace(r#""index": "60000""#, &format!(r#""index": "60000", {said}"#));
        let found = Portfolio::parse(&text).unwrap().assess().unwrap();
        let above = micros(&found.initial_margin) - (9_600 + impact) * 1_000_000;
        assert!((0..20_000).contains(&above), "{above}");
    }
}

#[test]
fn a_price_found_is_liquidatable_and_a_micro_dollar_nearer_is_not() {
    let rest = |index: &str| {
        format!(
            r#""cash": "9000", "collateral": {{"ETH": "1"}},
               "positions": [{{"market": "BTC-PERP", "lots": "300", "entry": "{index}"}},
                             {{"market": "BTC-70C", "lots": "-900"}}]"#
        )
    };
    let portfolio = parse(CALL, &rest("60000"));
    let found = portfolio.assess().unwrap();
    assert_eq!(found.liquidation.as_ref().unwrap().len(), 2, "BTC is held, ETH is pledged");
    let at = found.liquidation.as_deref().unwrap()[0]
        .above
        .clone()
        .expect("short calls are liquidated above");
    let edge: units::Price = at.index.parse().unwrap();
    let standing = |micros: i128| {
        let index = units::Price::from_micros(micros).to_string();
        let text = with(CALL, &rest("60000"))
            .replace(r#""index": "60000""#, &format!(r#""index": "{index}""#));
        Portfolio::parse(&text).unwrap().assess().unwrap().standing
    };
    assert_eq!(standing(edge.micros()), "liquidatable");
    assert_eq!(standing(edge.micros() - 1), "reduce_only");
}

#[test]
fn orders_open_raise_initial_margin_and_filled_move_positions() {
    let portfolio =
        parse(CALL, r#""cash": "30000", "positions": [{"market": "BTC-PERP", "lots": "1000"}]"#);
    let text = r#"{"orders": [{"market": "BTC-PERP", "side": "sell", "lots": "1000", "price": "60000"},
                              {"market": "BTC-70C", "side": "sell", "lots": "500", "price": "1500"}]}"#;
    let orders = portfolio.parse_orders(text).unwrap();
    let found = portfolio.what_if(&orders).unwrap();
    let (before, open, after) = (&found.before, &found.with_orders_open, &found.after_fills);
    assert_eq!(
        before.maintenance_margin, open.maintenance_margin,
        "orders do not count in maintenance"
    );
    assert!(micros(&open.initial_margin) >= micros(&before.initial_margin));
    // Closed at its mark; half a coin of calls sold for 750; fees of 30 and 0.375.
    let mark = micros(&portfolio.assess().unwrap().equity);
    let sold = micros(&after.equity);
    assert!(sold < mark + 750_000_000 - 30_375_000, "{sold}: calls are now owed at their mark");
    assert_eq!(before.greeks.as_deref().unwrap()[0].delta, "1");
    assert!(
        after.greeks.as_deref().unwrap()[0].delta.starts_with("-0."),
        "{}",
        after.greeks.as_deref().unwrap()[0].delta
    );
}

#[test]
fn closing_pays_out_what_the_position_gained() {
    let portfolio = parse(
        "",
        r#""cash": "30000", "positions": [{"market": "BTC-PERP", "lots": "1000", "entry": "50000"}]"#,
    );
    let text =
        r#"{"orders": [{"market": "BTC-PERP", "side": "sell", "lots": "1000", "price": "60000"}]}"#;
    let found = portfolio.what_if(&portfolio.parse_orders(text).unwrap()).unwrap();
    assert_eq!(found.before.equity, "40000");
    assert_eq!(found.after_fills.equity, "39970", "ten thousand gained, thirty paid in fees");
    assert_eq!(
        (found.after_fills.initial_margin.as_str(), found.after_fills.standing),
        ("0", "healthy")
    );
    assert!(found.after_fills.liquidation.as_ref().unwrap().is_empty());
}

#[test]
fn each_order_is_said_to_enter_or_why_margin_refuses_it() {
    // 0019-MARG-010, 0019-MARG-020
    let said = |cash: &str, orders: &str| -> Vec<Option<String>> {
        let held = r#"[{"market": "BTC-PERP", "lots": "1000", "entry": "60000"}]"#;
        let portfolio = parse("", &format!(r#""cash": "{cash}", "positions": {held}"#));
        let orders = portfolio.parse_orders(&format!(r#"{{"orders": [{orders}]}}"#)).unwrap();
        let entries = portfolio.what_if(&orders).unwrap().entries;
        entries.into_iter().map(|entry| entry.refused).collect()
    };
    let sell = |lots: &str, price: &str| {
        format!(r#"{{"market": "BTC-PERP", "side": "sell", "lots": "{lots}", "price": "{price}"}}"#)
    };
    // Initial margin is 9,600 dollars, maintenance 7,680. A bid too far to lose needs nothing yet.
    let far = r#"{"market": "BTC-PERP", "side": "buy", "lots": "1000", "price": "40000"}"#;
    assert_eq!(said("10000", far), [None]);
    let near = r#"{"market": "BTC-PERP", "side": "buy", "lots": "1000", "price": "60000"}"#;
    assert!(said("10000", near)[0].as_deref().is_some_and(|why| why.contains("9230")));
    // Under a call all that is left may be given away, and no more; twice the position is no closing.
    assert_eq!(said("9000", &sell("1000", "51500")), [None]);
    assert!(said("9000", &sell("1000", "50500"))[0].is_some(), "9,500 dollars off the mark");
    let both = [sell("1000", "60000"), sell("1000", "60000")].join(",");
    let both = said("9000", &both);
    assert!(both[0].is_none() && both[1].is_some());
    // Below maintenance, 8 % off the mark at most, and what there is.
    assert_eq!(said("7000", &sell("1000", "56000")), [None]);
    assert!(said("7000", &sell("100", "55000"))[0].is_some());
    assert!(said("2000", &sell("1000", "57000"))[0].is_some());
}

#[test]
fn what_cannot_be_read_is_named_with_its_place() {
    let says = |text: &str| Portfolio::parse(text).unwrap_err().to_string();
    for (markets, rest, expected) in [
        (
            "",
            r#""cash": 0.5"#,
            "cash: '0.5' is not kept by JSON as it is written: write it as text",
        ),
        (
            "",
            r#""cash": null"#,
            "portfolio, cash: invalid type: null, expected a decimal number as text",
        ),
        (
            "",
            r#""cash": "1", "positions": [{"market": "BTC-PERP", "lots": true}]"#,
            "portfolio, positions[0].lots: invalid type: boolean",
        ),
        (
            "",
            r#""cash": "1", "positions": [{"market": "BTC-PERP", "lots": "0.5"}]"#,
            "lots: '0.5' is not a whole number",
        ),
        (
            "",
            r#""cash": "1", "positions": [{"market": "BTC-PERP", "lots": "-2147483648"}]"#,
            "position in BTC-PERP, lots: '-2147483648' is not from -2147483647 to 2147483647",
        ),
        ("", r#""cash": "ten""#, "cash: 'ten'"),
        (
            "",
            r#""cash": "1", "positions": [{"market": "X", "lots": 1}]"#,
            "there is no market 'X'; there are BTC-PERP, ETH-PERP",
        ),
        (
            "",
            r#""cash": "1", "collateral": {"DOGE": "1"}"#,
            "collateral DOGE: there is no underlying 'DOGE'",
        ),
        (
            "",
            r#""cash": "1", "orders": [{"market": "BTC-PERP", "side": "buy", "lots": -1, "price": "1"}]"#,
            "lots: '-1' is not from 1 to 2147483647",
        ),
        (
            r#", {"name": "F", "underlying": "BTC", "kind": "future", "lot": "0.001"}"#,
            r#""cash": "1""#,
            "market F, expires",
        ),
        (
            "",
            r#""cash": "1", "positions": [{"market": "BTC-PERP", "lots": 1}, {"market": "BTC-PERP", "lots": 2}]"#,
            "is there twice",
        ),
        (
            CALL,
            r#""cash": "1", "positions": [{"market": "BTC-70C", "lots": 1, "entry": "3"}]"#,
            "leave it out",
        ),
        ("", r#""cash": "1", "unknown": 1"#, "unknown field `unknown`"),
        ("", r#""cash": "1", "positions": [["BTC-PERP", "1"]]"#, "expected fields by name"),
        (
            "",
            r#""cash": "1", "orders": [["BTC-PERP", "buy", "1", "1"]]"#,
            "expected fields by name",
        ),
        (r#", ["M", "BTC", "perpetual", "1"]"#, r#""cash": "1""#, "expected fields by name"),
        ("", r#""cash": "1e3""#, "cash: '1e3' is not a decimal number"),
        ("", r#""cash": "0.0000001""#, "cash: '0.0000001' has more than 6 decimals"),
        ("", r#""cash": "1", "collateral": {"BTC": "1", "BTC": "2"}"#, "'BTC' is there twice"),
        ("", r#""cash": "1", "collateral": {"BTC": "-1"}"#, "collateral BTC: '-1' is below 0"),
        (
            "",
            r#""cash": "1", "positions": [{"market": "BTC-PERP", "lots": 1, "entry": "-5"}]"#,
            "entry: '-5' is below",
        ),
        (
            CALL,
            r#""cash": "1", "orders": [{"market": "BTC-70C", "side": "buy", "lots": 1, "price": "0"}]"#,
            "price: '0' is below",
        ),
        (
            r#", {"name": "T", "underlying": "BTC", "kind": "perpetual", "lot": "1", "tick": "10"}"#,
            r#""cash": "1", "orders": [{"market": "T", "side": "buy", "lots": 1, "price": "5"}]"#,
            "'5' is not a multiple of the tick, 10",
        ),
    ] {
        let said = says(&with(markets, rest));
        assert!(said.contains(expected), "{said}");
    }
    for (fields, expected) in [
        (r#""kind": "perpetual", "strike": "9""#, "market M, strike is not of this kind of market"),
        (
            r#""kind": "future", "expires": "2026-07-01T08:00:00Z", "forward": "0""#,
            "market M, forward: '0' is below",
        ),
        (
            r#""kind": "future", "expires": "2026-06-01T00:29:59Z""#,
            "market M, average must be given in the last half hour",
        ),
        (
            r#""kind": "future", "expires": "2026-06-01T00:30:00Z", "average": "60000""#,
            "counts in the last half hour before expiry alone",
        ),
        (
            r#""kind": "perpetual", "funding": "100""#,
            "market M, funding: '100' is not from -0.02 to 0.02",
        ),
    ] {
        let market = format!(r#", {{"name": "M", "underlying": "BTC", "lot": "1", {fields}}}"#);
        let said = says(&with(&market, r#""cash": "1""#));
        assert!(said.contains(expected), "{said}");
    }
    for (field, value, expected) in [
        ("haircut", "x", "haircut: 'x' is not a decimal number"),
        ("range_hold", "0.05", "range_hold: '0.05' is not from 0.12 to 0.6"),
        ("range_new_risk", "16", "range_new_risk: '16' is not from 0.12 to 0.6"),
        ("confidence", "-1", "confidence: '-1' is below 0"),
        ("spread", "2", "spread: '2' is not from 0 to 1"),
        ("haircut", "1.1", "haircut: '1.1' is not from 0 to 1"),
        ("depth", "0.01", "depth: '0.01' is not from 0.05 to 1"),
        ("volume", "-1", "volume: '-1' is below 0"),
    ] {
        let text = with("", r#""cash": "1""#);
        let with_field = format!(r#""index": "60000", "{field}": "{value}""#);
        let said = says(&text.replace(r#""index": "60000""#, &with_field));
        assert!(said.contains(expected), "{said}");
    }
    for (name, lot, expected) in [
        ("M", "0", "market M, lot: '0' is not from 0.000000001 to 1000"),
        ("M", "1001", "market M, lot: '1001' is not from 0.000000001 to 1000"),
        ("", "1", "name of a market: '' is not one line of 1 to 64 characters"),
        ("a\\nb", "1", "is not one line of 1 to 64 characters"),
    ] {
        let market = format!(
            r#", {{"name": "{name}", "underlying": "BTC", "kind": "perpetual", "lot": "{lot}"}}"#
        );
        let said = says(&with(&market, r#""cash": "1""#));
        assert!(said.contains(expected), "{said}");
    }
    let empty = r#"{"time": "2026-06-01T00:00:00Z", "cash": "1", "underlyings": [],
        "markets": [{"name": "M", "underlying": "BTC", "kind": "perpetual", "lot": "1"}]}"#;
    assert!(says(empty).contains("there is no underlying 'BTC'; none is defined"));
    let twice = with("", r#""cash": "1""#)
        .replace(r#""name": "ETH", "index""#, r#""name": "BTC", "index""#);
    assert!(says(&twice).contains("underlyings: 'BTC' is there twice"));
    assert!(matches!(Portfolio::parse("{"), Err(WhatIfError::Form { .. })));
}

fn assessed(markets: &str, rest: &str) -> whatif::Assessment {
    parse(markets, rest).assess().unwrap()
}

#[test]
fn in_the_last_half_hour_the_part_that_is_fixed_does_not_move() {
    // 0019-MARG-005: ten minutes are left, so a third of the settlement price moves, and a third of that time counts.
    let dated = |kind: &str, lots: &str| {
        let market = format!(
            r#", {{"name": "D", "underlying": "BTC", "lot": "0.001", {kind},
                "expires": "2026-06-01T00:10:00Z", "average": "60000"}}"#
        );
        let held =
            format!(r#""cash": "20000", "positions": [{{"market": "D", "lots": "{lots}"}}]"#);
        assessed(&market, &held)
    };
    let future = dated(r#""kind": "future""#, "1000");
    assert_eq!(future.greeks.as_deref().unwrap()[0].delta, "0.333333333");
    // 16 % of 20,000, kept by a future of no time to expiry.
    assert!((micros(&future.initial_margin) - 3_200_000_000).abs() < 2_000_000);
    let call = dated(r#""kind": "call", "strike": "60000", "vol": "0.6""#, "1000");
    // 20,000 · 0.6 · √(200 s) · 0.3989: what is left of an average of ten minutes.
    let value = micros(&call.equity) - 20_000_000_000;
    assert!((value - 12_056_000).abs() < 20_000, "{value}");
    assert!(micros(&call.greeks.as_deref().unwrap()[0].gamma) > 0);
}

#[test]
fn a_future_with_a_mark_and_no_forward_has_its_mark_as_one() {
    let margin = |field: &str| {
        let market = format!(
            r#", {{"name": "F", "underlying": "BTC", "kind": "future", "lot": "0.001", "{field}": "63000",
                "expires": "2026-12-25T08:00:00Z"}}"#
        );
        assessed(
            &market,
            r#""cash": "10000", "positions": [{"market": "F", "lots": "-1000", "entry": "63000"}]"#,
        )
    };
    assert_eq!(margin("mark"), margin("forward"));
}

#[test]
fn collateral_is_in_the_delta_of_its_underlying() {
    let covered = assessed(
        CALL,
        r#""cash": "0", "collateral": {"BTC": "1", "ETH": "2"}, "positions": [{"market": "BTC-70C", "lots": "-1000"}]"#,
    );
    let delta = |at: usize| {
        covered.greeks.as_deref().unwrap()[at].delta.parse::<units::Quantity>().unwrap().nanos()
    };
    assert!(
        (700_000_000..1_000_000_000).contains(&delta(0)),
        "{}",
        covered.greeks.as_deref().unwrap()[0].delta
    );
    assert_eq!(delta(1), 2_000_000_000);
}

#[test]
fn many_portfolios_over_one_set_of_matrices_are_each_what_they_are_alone() {
    let holdings = [
        r#""cash": "10000", "positions": [{"market": "BTC-70C", "lots": "-500"}]"#,
        r#""cash": "-5.5", "collateral": {"ETH": "2"}, "positions": [{"market": "BTC-PERP", "lots": "7", "entry": "1"}]"#,
        r#""cash": "0""#,
        r#""cash": "9000", "orders": [{"market": "ETH-PERP", "side": "buy", "lots": "500", "price": "3000"}]"#,
    ];
    let list: Vec<_> = holdings.iter().map(|holding| format!("{{{holding}}}")).collect();
    let list = format!("[{}]", list.join(","));
    let markets = with(CALL, "").replace("],\n            }", "]}");
    for detail in [Detail::default(), Detail::FULL] {
        let mut batch = Batch::parse(&markets).unwrap();
        let many = batch.measure(&list, detail).unwrap();
        for (holding, found) in holdings.iter().zip(&many) {
            assert_eq!(&parse(CALL, holding).measure(detail).unwrap(), found, "{holding}");
        }
        assert_eq!((many.len(), many[0].liquidation.is_some()), (4, detail.liquidation));
    }
    let wrong = r#"[{"cash": 1}, {"cash": 1, "positions": [{"market": "X", "lots": 1}]}]"#;
    let error = Batch::parse(&markets).unwrap().measure(wrong, Detail::FULL).unwrap_err();
    assert!(error.to_string().starts_with("portfolio 1: position in X"), "{error}");
}

#[test]
fn markets_that_nothing_is_held_in_change_no_figure() {
    let rest = r#""cash": "50000", "positions": [{"market": "BTC-PERP", "lots": "700", "entry": "59000"}]"#;
    assert_eq!(parse("", rest).assess().unwrap(), parse(CALL, rest).assess().unwrap());
}

#[test]
fn zeros_that_venues_write_behind_a_number_change_nothing() {
    let padded = r#""cash": "10000.00000000", "positions": [{"market": "BTC-PERP", "lots": "100.0", "entry": "58000.100000000"}]"#;
    let plain = r#""cash": "10000", "positions": [{"market": "BTC-PERP", "lots": "100", "entry": "58000.1"}]"#;
    assert_eq!(parse("", padded), parse("", plain));
    let long = CALL.replace("0.001", "0.001000000000000000");
    assert_eq!(parse(&long, plain), parse(CALL, plain));
    for wrong in ["1.", ".0", "-.0", "1.0000001000", "1.0x0", "."] {
        let rest = format!(r#""cash": "{wrong}""#);
        assert!(Portfolio::parse(&with("", &rest)).is_err(), "{wrong}");
    }
}

#[test]
fn a_quote_that_is_missing_is_called_that() {
    let error = Portfolio::parse("{\"time\": \"2026\n\"}").unwrap_err().to_string();
    assert!(error.contains("a text is not closed by a quote at line 2 column 0"), "{error}");
}

#[test]
fn what_contradicts_itself_is_refused_with_both_markets() {
    let says = |text: &str| Portfolio::parse(text).unwrap_err().to_string();
    let option = |name: &str, kind: &str, more: &str| {
        format!(
            r#", {{"name": "{name}", "underlying": "BTC", "kind": "{kind}", "lot": "0.001", "strike": "70000",
                  "expires": "2026-07-01T08:00:00Z", {more}}}"#
        )
    };
    let future = |more: &str| {
        format!(
            r#", {{"name": "F", "underlying": "BTC", "kind": "future", "lot": "0.001",
                  "expires": "2026-07-01T08:00:00Z", {more}}}"#
        )
    };
    let call = option("C", "call", r#""vol": "0.65""#);
    for (markets, expected) in [
        (
            call.clone() + &option("P", "put", r#""vol": "1.5""#),
            "market P, vol: '1.5' contradicts market C, which has 0.65 for the same strike and expiry",
        ),
        (
            option("C", "call", r#""vol": "0.65", "forward": "61000""#)
                + &option("P", "put", r#""vol": "0.65", "forward": "62000""#),
            "market P, forward: '62000' contradicts market C, which has 61000 for the same expiry",
        ),
        (
            call.clone()
                + &future(r#""mark": "61000""#)
                + &option("P", "put", r#""vol": "0.65", "forward": "60000""#),
            "market P, forward: '60000' contradicts market C, which has 61000 for the same expiry",
        ),
    ] {
        let said = says(&with(&markets, r#""cash": "1""#));
        assert!(said.contains(expected), "{said}");
    }
    // One that says no forward has that of its expiry, whoever says it.
    let alone = option("C", "call", r#""vol": "0.65", "forward": "61000""#);
    let held = r#""cash": "9000", "positions": [{"market": "C", "lots": "100"}]"#;
    let beside = assessed(&(call + &future(r#""mark": "61000""#)), held);
    assert_eq!(beside, assessed(&alone, held));
}

#[test]
fn a_price_that_no_house_could_have_is_refused() {
    let says = |text: &str| Portfolio::parse(text).unwrap_err().to_string();
    for (fields, expected) in [
        (
            r#""kind": "perpetual", "mark": "1""#,
            "market M, mark: '1' is not within 0.2 of the index, 60000",
        ),
        (
            r#""kind": "future", "expires": "2026-07-01T08:00:00Z", "forward": "1""#,
            "market M, forward: '1' is not within 0.5 of the index, 60000",
        ),
        (
            r#""kind": "future", "expires": "2026-07-01T08:00:00Z", "mark": "90000.000001""#,
            "market M, forward: '90000.000001' is not within 0.5 of the index, 60000",
        ),
    ] {
        let market = format!(r#", {{"name": "M", "underlying": "BTC", "lot": "1", {fields}}}"#);
        let said = says(&with(&market, r#""cash": "1""#));
        assert!(said.contains(expected), "{said}");
    }
    for mark in ["48000", "72000"] {
        let market = format!(
            r#", {{"name": "M", "underlying": "BTC", "lot": "1", "kind": "perpetual", "mark": "{mark}"}}"#
        );
        parse(&market, r#""cash": "1""#);
    }
}

#[test]
fn a_field_that_is_null_is_not_one_that_is_left_out() {
    let says = |text: &str| Portfolio::parse(text).unwrap_err().to_string();
    for (field, place) in [
        (r#""forward": null"#, "portfolio, markets[2].forward: invalid type: null"),
        (r#""mark": null"#, "portfolio, markets[2].mark: invalid type: null"),
        (r#""strike": null"#, "portfolio, markets[2].strike: invalid type: null"),
        (r#""expires": null"#, "portfolio, markets[2].expires: invalid type: null"),
    ] {
        let market = format!(
            r#", {{"name": "M", "underlying": "BTC", "lot": "1", "kind": "perpetual", {field}}}"#
        );
        let said = says(&with(&market, r#""cash": "1""#));
        assert!(said.contains(place), "{said}");
    }
    let entry = r#""cash": "1", "positions": [{"market": "BTC-PERP", "lots": "1", "entry": null}]"#;
    let said = says(&with("", entry));
    assert!(said.contains("portfolio, positions[0].entry: invalid type: null"), "{said}");
    let class = with("", r#""cash": "1""#)
        .replace(r#""index": "60000""#, r#""index": "60000", "class": null"#);
    assert!(says(&class).contains("underlyings[0].class: invalid type: null"), "{}", says(&class));
}

#[test]
fn what_is_too_large_for_margin_is_named_with_the_most_that_is_not() {
    let large = r#", {"name": "M", "underlying": "BTC", "lot": "1000", "kind": "perpetual"}"#;
    let says = |rest: &str| parse(large, rest).assess().unwrap_err().to_string();
    let held =
        |lots: i128| format!(r#""cash": "1", "positions": [{{"market": "M", "lots": "{lots}"}}]"#);
    let beside = held(-100_000).replace("[{", r#"[{"market": "BTC-PERP", "lots": "1"}, {"#);
    let said = says(&beside);
    let at_most = said.strip_prefix(
        "position in M, lots: '-100000' are more than margin counts at these prices: at most ",
    );
    let most: i128 = at_most.expect(&said).parse().expect("a number");
    let margin = Detail { greeks: false, liquidation: false };
    parse(large, &held(-most)).measure(margin).expect("the most can be counted");
    assert!(says(&held(-most - 1)).starts_with("position in M, lots"));
    let order = r#""cash": "1", "orders": [{"market": "M", "side": "buy", "lots": "100000", "price": "50000"}]"#;
    assert!(
        says(order).starts_with("order in M, lots: '100000' are more than margin counts"),
        "{}",
        says(order)
    );
}
