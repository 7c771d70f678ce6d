//! Every profile that computes in floats against an independent reference in fifty digits, and the proof that each
//! parameter matters to it.

use profiles::{Outcome, Profile, measure};
use serde_json::{Value, json};

const COMPARED: [Profile; 4] =
    [Profile::DerivePmrm2, Profile::DeriveSrm, Profile::Span16, Profile::Linear];

/// Relative error that is allowed, and dollars below which none is looked for.
const RELATIVE: f64 = 1e-9;
const ABSOLUTE: f64 = 1e-8;

struct Case {
    portfolio: String,
    parameters: Value,
    expected: [f64; 5],
}

fn cases(profile: Profile) -> Vec<Case> {
    let vectors: Value = serde_json::from_str(include_str!("vectors.json")).unwrap();
    let name = profile.name();
    let all = vectors["cases"].as_array().unwrap().iter();
    all.filter_map(|case| {
        let figures = case["expected"].get(name)?.as_array()?;
        let mut expected = [0.0; 5];
        for (figure, text) in expected.iter_mut().zip(figures) {
            *figure = text.as_str().unwrap().parse().unwrap();
        }
        let parameters = case.get("params").and_then(|params| params.get(name)).cloned();
        Some(Case {
            portfolio: case["portfolio"].to_string(),
            parameters: parameters.unwrap_or_else(|| json!({})),
            expected,
        })
    })
    .collect()
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

/// The figures of an outcome in the order of the vectors; scenarios as one sum that knows their places.
fn figures(outcome: &Outcome) -> [f64; 5] {
    let places = (1u32..).map(f64::from);
    let mixed = outcome.scenarios.iter().zip(places).map(|(one, place)| number(&one.pnl) * place);
    [
        number(&outcome.initial_margin),
        number(&outcome.maintenance_margin),
        number(&outcome.mark_to_market),
        number(&outcome.worst),
        mixed.sum(),
    ]
}

fn agree(expected: &[f64; 5], found: &[f64; 5]) -> bool {
    let pairs = expected.iter().zip(found);
    pairs.into_iter().all(|(want, have)| (want - have).abs() <= RELATIVE * want.abs() + ABSOLUTE)
}

fn outcome(profile: Profile, case: &Case, parameters: &Value) -> Outcome {
    measure(profile, &case.portfolio, Some(&parameters.to_string())).unwrap()
}

#[test]
fn each_profile_agrees_with_the_reference_to_a_billionth() {
    for profile in COMPARED {
        let cases = cases(profile);
        assert!(cases.len() >= 200, "{} cases for {}", cases.len(), profile.name());
        for (place, case) in cases.iter().enumerate() {
            let found = figures(&outcome(profile, case, &case.parameters));
            assert!(
                agree(&case.expected, &found),
                "{} case {place}: expected {:?}, found {found:?}\n{}\n{}",
                profile.name(),
                case.expected,
                case.portfolio,
                case.parameters,
            );
        }
    }
}

/// Sets the number at a path of names, over whatever is there.
fn set(parameters: &Value, path: &str, text: &str) -> Value {
    let mut all = parameters.as_object().cloned().unwrap_or_default();
    match path.split_once('.') {
        None => all.insert(path.into(), json!(text)),
        Some((group, field)) => {
            let mut inner = all.get(group).and_then(Value::as_object).cloned().unwrap_or_default();
            inner.insert(field.into(), json!(text));
            all.insert(group.into(), Value::Object(inner))
        }
    };
    Value::Object(all)
}

#[test]
fn a_wrong_number_in_any_rule_is_noticed_by_the_vectors() {
    let pmrm = "initial_factor=1.01 maintenance_factor=0.81 vol.up=0.52 vol.down=0.33 vol.up_floor=0.45 \
        vol.power_short=0.31 vol.power_long=0.14 vol.floor_seconds=90000 skew.cap_base=0.26 skew.cap_slope=-0.11 \
        skew.width_floor=0.02 skew.width=4.1 skew.width_a=0.61 skew.width_b=0.02 discount_long.base=0.96 \
        discount_long.rate_multiple=1.1 discount_long.rate_add=0.01 discount_short.base=1.03 \
        discount_short.rate_multiple=1.1 discount_short.rate_add=0.01 basis.up=0.046 basis.down=-0.046 \
        basis.add=0.51 basis.multiple=2.1 contingency.perpetual_maintenance=0.031 \
        contingency.perpetual_initial=0.011 contingency.option_maintenance=0.0031 contingency.option_initial=0.0021 \
        contingency.collateral_maintenance=0.051 contingency.collateral_initial=0.051 oracle.threshold=0.6 \
        oracle.perpetual=1.1 oracle.option=1.1 oracle.collateral=1.1 peg.threshold=0.98 peg.factor=4.1";
    let srm = "perpetual_initial=0.11 perpetual_maintenance=0.066 option_initial=0.16 option_initial_floor=0.131 \
        option_maintenance=0.091 put_initial_over_maintenance=1.06 unpaired_initial=1.21 unpaired_maintenance=1.11 \
        collateral_initial=0.11 collateral_maintenance=0.051";
    let span = "price_scan=0.17 vol_scan=0.11 extreme_multiple=2.1 extreme_cover=0.36 lookahead_seconds=86401 \
        short_option_minimum=0.0031 initial_ratio=1.11";
    for (profile, changes) in
        [(Profile::DerivePmrm2, pmrm), (Profile::DeriveSrm, srm), (Profile::Span16, span)]
    {
        let cases = cases(profile);
        for change in changes.split_whitespace() {
            let (path, text) = change.split_once('=').unwrap();
            let noticed = cases.iter().any(|case| {
                let parameters = set(&case.parameters, path, text);
                !agree(&case.expected, &figures(&outcome(profile, case, &parameters)))
            });
            assert!(noticed, "{}: nothing notices {change}", profile.name());
        }
    }
}

#[test]
fn the_vectors_reach_every_branch() {
    let cases = cases(Profile::DerivePmrm2);
    let (mut basis, mut tail, mut skew, mut doubt, mut depeg) = (0, 0, 0, 0, 0);
    for case in &cases {
        let outcome = outcome(Profile::DerivePmrm2, case, &case.parameters);
        let worst = &outcome.components["worst_scenario"];
        basis += usize::from(worst == "basis");
        tail += usize::from(worst.starts_with("tail"));
        skew += usize::from(worst.starts_with("skew"));
        doubt += usize::from(number(&outcome.components["contingency_oracle"]) > 0.0);
        depeg += usize::from(number(&outcome.components["factor_initial"]) > 1.2);
    }
    for count in [basis, tail, skew, doubt, depeg] {
        assert!(count > 0, "basis {basis}, tail {tail}, skew {skew}, doubt {doubt}, depeg {depeg}");
    }
}
