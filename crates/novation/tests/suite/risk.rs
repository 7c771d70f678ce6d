//! What portfolios need, and how ranges did on recorded prices.

use crate::support::{novation, place, run};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

const PORTFOLIO: &str = r#"{
  "time": "2026-06-01T00:00:00Z",
  "underlyings": [{"name": "BTC", "index": "60000"}],
  "markets": [{"name": "PERP", "underlying": "BTC", "kind": "perpetual", "lot": "0.001"}],
  "cash": "20000",
  "positions": [{"market": "PERP", "lots": "1000"}]
}"#;

/// Returns where recorded data is, or says that it is absent.
fn recorded() -> Option<PathBuf> {
    let data = market::default_dir();
    let present = data.join("MANIFEST.csv").is_file();
    if !present {
        eprintln!("data absent: {}", data.display());
    }
    present.then_some(data)
}

#[test]
fn a_portfolio_is_measured_and_orders_are_tried_on_it() {
    let place = place("whatif");
    fs::write(place.join("book.json"), PORTFOLIO).expect("writable");
    let orders =
        r#"{"orders": [{"market": "PERP", "side": "sell", "lots": "400", "price": "60000"}]}"#;
    fs::write(place.join("orders.json"), orders).expect("writable");
    let out = run("whatif --portfolio {}/book.json", &place).succeeded();
    for words in ["equity", "20000", "healthy", "BTC: liquidated at or below", "45871.559", "none"]
    {
        assert!(out.contains(words), "'{words}' is not in:\n{out}");
    }
    let out = run("whatif --portfolio {}/book.json --orders {}/orders.json --json", &place);
    let found: Value = serde_json::from_str(&out.succeeded()).expect("JSON");
    assert_eq!(found["before"]["greeks"][0]["delta"], "1");
    assert_eq!(found["after_fills"]["greeks"][0]["delta"], "0.6");
    assert_eq!(found["after_fills"]["equity"], "19988");
    let file = fs::File::open(place.join("book.json")).expect("it was written");
    let piped = novation().args(["whatif", "--portfolio", "-"]).stdin(file).output();
    let piped = crate::support::Ran::from(piped.expect("the program starts")).succeeded();
    assert_eq!(piped, run("whatif --portfolio {}/book.json", &place).succeeded());
    let out = run("whatif --portfolio {}/book.json --orders {}/orders.json", &place).succeeded();
    assert!(out.lines().next().is_some_and(|line| line.contains("all filled")), "{out}");
}

#[test]
fn a_portfolio_that_cannot_be_read_is_named_with_the_place() {
    let place = place("whatif-bad");
    fs::write(place.join("book.json"), PORTFOLIO.replace("\"20000\"", "20000.5"))
        .expect("writable");
    run("whatif --portfolio {}/book.json", &place)
        .failed(1, &["book.json", "cash", "so that it is exact", "20000.5"]);
    run("whatif --portfolio {}/none.json", &place).failed(1, &["cannot read", "none.json"]);
    run("whatif", &place).failed(2, &["--portfolio"]);
    run("whatif --portfolio - --orders -", &place).failed(1, &["both", "standard input"]);
}

#[test]
fn ranges_are_held_against_recorded_prices_and_absent_data_is_said_plainly() {
    let place = place("backtest");
    run("backtest --data {}/nowhere", &place).failed(1, &["no market data in", "--data DIR"]);
    let Some(data) = recorded() else { return };
    let ran = novation().arg("backtest").arg("--data").arg(&data).arg("--out").arg(&place).output();
    let out = crate::support::Ran::from(ran.expect("the program starts")).succeeded();
    for words in ["history", "risk held", "share: ", "not tested: ", "backtest.html"] {
        assert!(out.contains(words), "'{words}' is not in:\n{out}");
    }
    let page = fs::read_to_string(place.join("backtest.html")).expect("a page");
    assert!(page.contains("<svg") && !page.contains("src=") && page.ends_with("</html>\n"));
}

#[test]
fn surfaces_of_recorded_chains_are_drawn_and_what_they_miss_is_named() {
    let place = place("surface");
    run("surface --data {}/nowhere", &place).failed(1, &["no market data in", "--data DIR"]);
    let Some(data) = recorded() else { return };
    let surface = |out: &str| {
        let out = place.join(out);
        let ran = novation().arg("surface").arg("--data").arg(&data).arg("--out").arg(out).output();
        crate::support::Ran::from(ran.expect("the program starts"))
    };
    let out = surface("page.html").succeeded();
    let page = fs::read_to_string(place.join("page.html")).expect("a page");
    assert!(page.contains("<svg") && page.ends_with("</html>\n"));
    let why = "call and put have no price in common at this forward";
    let named = |text: &str| text.matches(why).count();
    assert!(named(&out) > 0 && named(&page) == named(&out), "{} {}", named(&page), named(&out));
    fs::write(place.join("notes.html"), "mine").expect("writable");
    surface("notes.html").failed(1, &["notes.html exists and is no page of surfaces"]);
    assert_eq!(fs::read_to_string(place.join("notes.html")).expect("it is left alone"), "mine");
}
