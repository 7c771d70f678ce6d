//! `novation margin`: what it prints, what it reads, and what it refuses.

use crate::support::{novation, place, run};
use std::fs::{self, File};
use std::path::Path;

fn examples() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/examples"))
}

#[test]
fn every_profile_measures_its_example() {
    let fields = [
        "initial_margin",
        "maintenance_margin",
        "mark_to_market",
        "scenarios",
        "worst",
        "components",
    ];
    for (profile, file, initial) in [
        ("novation", "margin-portfolio.json", "4622.102164"),
        ("derive-pmrm2", "margin-portfolio.json", "26672.094222"),
        ("derive-srm", "margin-portfolio.json", "15416.3347648"),
        ("span16", "margin-portfolio.json", "2111.45924997"),
        ("linear", "margin-linear.json", "66000"),
    ] {
        let arguments = format!("margin --profile {profile} --portfolio {{}}/{file}");
        let printed = run(&arguments, examples()).succeeded();
        let outcome: serde_json::Value = serde_json::from_str(&printed).expect("JSON");
        let mut named: Vec<_> = outcome.as_object().expect("an object").keys().collect();
        named.sort();
        let mut expected: Vec<_> = fields.iter().collect();
        expected.sort();
        assert_eq!(named, expected);
        assert_eq!(outcome["initial_margin"], initial, "{profile}");
    }
}

#[test]
fn a_portfolio_may_come_through_a_pipe_and_parameters_from_a_file() {
    let file = File::open(examples().join("margin-linear.json")).expect("an example");
    let parameters = examples().join("margin-linear-params.json");
    let ran = novation()
        .args(["margin", "--profile", "linear", "--portfolio", "-", "--params"])
        .arg(parameters)
        .stdin(file)
        .output()
        .expect("the program starts");
    assert!(ran.status.success());
    assert!(String::from_utf8_lossy(&ran.stdout).contains("\"initial_margin\": \"323500\""));
}

#[test]
fn a_bad_portfolio_is_an_error_with_a_name() {
    let place = place("margin");
    fs::write(place.join("numbers"), r#"{"cash":1,"positions":[]}"#).expect("written");
    fs::write(place.join("bytes"), [0xff, 0xfe]).expect("written");
    for (arguments, code, words) in [
        ("margin --profile linear --portfolio {}/numbers", 1, "error: malformed: portfolio"),
        ("margin --profile linear --portfolio {}/bytes", 1, "cannot read"),
        ("margin --profile linear --portfolio {}/absent", 1, "cannot read"),
        ("margin --profile tarot --portfolio {}/numbers", 2, "invalid value 'tarot'"),
        ("margin --profile linear", 2, "--portfolio"),
    ] {
        run(arguments, &place).failed(code, &[words]);
    }
}
