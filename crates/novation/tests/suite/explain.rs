//! Explanations of margins.

use crate::support::{house, novation, run};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Returns dollars as printed, in micro-dollars.
fn micros(value: &Value) -> i128 {
    let text = value.as_str().expect("dollars");
    text.parse::<units::Notional>().expect("dollars").micros()
}

#[test]
fn a_margin_is_explained_as_a_tree_that_adds_up() {
    let out = run("explain margin 0 --dir {}", house()).succeeded();
    for words in [
        "after block 20",
        "How to read this",
        "equity",
        "initial margin",
        "worst scenario",
        "standing: ",
    ] {
        assert!(out.contains(words), "'{words}' is not in:\n{out}");
    }
    let out = run("explain margin #0 --dir {} --height 20 --json", house()).succeeded();
    let value: Value = serde_json::from_str(&out).expect("JSON");
    let tree = &value["explanation"];
    let part = |label: &str| {
        let parts = tree["parts"].as_array().expect("parts");
        micros(&parts.iter().find(|part| part["label"] == label).expect("that part")["dollars"])
    };
    assert_eq!(micros(&tree["dollars"]), part("equity") - part("initial margin"));
    assert!(part("initial margin") >= part("maintenance margin"));
}

#[test]
fn a_margin_is_explained_at_a_height() {
    let out = run("explain margin 0 --dir {} --height 2", house()).succeeded();
    assert!(out.contains("after block 2,"), "{out}");
    run("explain margin 0 --dir {} --height 0", house())
        .failed(1, &["there is no account #0 after block 0"]);
    run("explain margin 0 --dir {} --height 21", house())
        .failed(1, &["there is no block 21", "ends at block 20"]);
    run("explain margin 4000000 --dir {}", house()).failed(1, &["there is no account #4000000"]);
    let stranger = format!("explain margin 0x{}/0 --dir {{}}", "ee".repeat(20));
    run(&stranger, house()).failed(1, &["is not open", "no deposit"]);
}

#[test]
fn strategies_on_a_recorded_chain_are_offset_and_a_box_needs_nothing() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("NOVATION_DATA").map_or(beside, PathBuf::from);
    if !data.join("MANIFEST.csv").is_file() {
        eprintln!(
            "data absent: {} holds no MANIFEST.csv; strategies are not compared",
            data.display()
        );
        return;
    }
    let out = run("explain strategies --data {} --json", &data).succeeded();
    let value: Value = serde_json::from_str(&out).expect("JSON");
    let strategies = value["strategies"].as_array().expect("strategies");
    let names: Vec<_> =
        strategies.iter().filter_map(|strategy| strategy["name"].as_str()).collect();
    assert_eq!(names, ["Short strangle", "Covered call", "Calendar spread", "Box"]);
    for strategy in strategies {
        for margin in ["initial", "maintenance"] {
            let of = |kind: &str| micros(&strategy[kind][margin]);
            assert!(of("offset") > 0 && of("together") > 0, "{strategy}");
            assert_eq!(of("offset"), of("apart") - of("together"), "{strategy}");
        }
        let together = &strategy["together"];
        assert!(micros(&together["initial"]) >= micros(&together["maintenance"]), "{strategy}");
    }
    let share = |number: usize, kind: &str| {
        let strategy: &Value = &strategies[number];
        micros(&strategy[kind]["initial"]) * 1_000 / micros(&strategy["apart"]["initial"])
    };
    // One leg of the strangle can lose at a time, the coin covers the call, and two expiries offset in part; the box
    // is worth the same in every scenario, up to the differences between the vols quoted: below 0.1 % of its legs.
    assert!(share(0, "offset") > 250 && share(1, "offset") > 250 && share(2, "offset") > 500);
    assert_eq!(share(3, "together"), 0, "{}", strategies[3]);
    let text = run("explain strategies --data {}", &data).succeeded();
    assert!(text.contains("legs held apart") && text.contains("offset"), "{text}");
}

#[test]
fn absent_data_is_said_plainly() {
    let absent = Path::new("/nonexistent/data");
    for command in
        ["explain strategies --data {}", "demo --quiet --out /nonexistent/house --data {}"]
    {
        run(command, absent).failed(1, &["no market data in /nonexistent/data", "--data"]);
    }
    let ran = novation().args(["explain", "strategies"]).env("NOVATION_DATA", absent).output();
    crate::support::Ran::from(ran.expect("started"))
        .failed(1, &["no market data in /nonexistent/data"]);
}
