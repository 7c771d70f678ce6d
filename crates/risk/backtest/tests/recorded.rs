//! The recorded data through the thresholds, and a made-up history whose outcome is known.

use backtest::{History, Outcome, Step, Verdict, replay, run, study};
use random::Random;
use units::{BlockSpan, BlockTime, Price};

const HOUR: i128 = 3_600_000;

/// Returns eight-hour steps whose moves are near normal with a deviation of `ppm`, and one that jumps at `jump_at`.
fn made(ppm: i128, steps: i128, jump_at: &[i128]) -> History {
    let (mut random, mut micros) = (Random::new(7), 1_000_000_000_000i128);
    let step = |i: i128| {
        // A sum of twelve uniform numbers less six has deviation one.
        let normal: i128 =
            (0..12).map(|_| i128::from(random.below(1_000_001))).sum::<i128>() - 6_000_000;
        micros += micros * normal / 1_000_000 * ppm / 1_000_000;
        if jump_at.contains(&i) {
            micros = micros * 60 / 100;
        }
        let price = Price::from_micros(micros);
        Step { time: BlockTime::from_millis(i * 8 * HOUR), price, low: price, high: price }
    };
    History {
        name: "made up".into(),
        source: "a seed, in a test",
        every: BlockSpan::from_millis(8 * HOUR),
        steps: (1..=steps).map(step).collect(),
    }
}

#[test]
fn normal_moves_are_covered_as_often_as_asked_and_ranges_move_no_faster_than_they_may() {
    // 0031-THRE-004, 0031-THRE-009
    let outcome = replay(&made(15_000, 2_400, &[])).unwrap();
    let history = &outcome.measures[0];
    assert_eq!(history.range, "history");
    assert_eq!(history.close.verdict, Verdict::Covers, "{history:?}");
    assert!(outcome.rise_hold.hour <= 0.05 + 1e-9, "{:?}", outcome.rise_hold);
    assert!(outcome.rise_hold.day <= 1.05f64.powi(24) - 1.0 + 1e-9);
    assert!((0.12..=0.6).contains(&outcome.cost.new_risk));
}

#[test]
fn moves_that_no_range_foresaw_are_found_and_their_cluster_too() {
    let days = [900, 901, 902, 903, 1_500, 1_501, 1_502, 1_503, 1_504, 2_000, 2_001, 2_002, 2_003];
    let outcome = replay(&made(10_000, 2_400, &days)).unwrap();
    let fixed = outcome.measures.iter().find(|measure| measure.range == "static 16 %").unwrap();
    let close = &fixed.close;
    assert_eq!((close.exceeded, close.verdict), (13, Verdict::FallsShort));
    assert!(matches!(close.independence, backtest::Tested::Fails(_)), "{close:?}");
    assert_eq!(fixed.on_the_way, *close, "no price is beyond the closes");
}

#[test]
fn a_price_on_the_way_is_held_against_the_range_too() {
    let mut history = made(10_000, 2_400, &[]);
    for step in history.steps.iter_mut().skip(900).step_by(100) {
        step.low = Price::from_micros(step.price.micros() * 2 / 5);
    }
    let outcome = replay(&history).unwrap();
    let fixed = outcome.measures.iter().find(|measure| measure.range == "static 16 %").unwrap();
    assert_eq!((fixed.close.exceeded, fixed.on_the_way.exceeded), (0, 15));
    assert_eq!(fixed.on_the_way.verdict, Verdict::FallsShort);
    assert!(fixed.on_the_way.worst_excess > 0.4 && fixed.close.worst_excess <= 0.0, "{fixed:?}");
    let page = study(&[outcome]).page();
    assert!(page.contains("On the way there, falls short: "), "the page says so");
}

#[test]
fn a_short_history_is_not_tested_and_says_why() {
    let outcome = replay(&made(10_000, 40, &[])).unwrap();
    assert!(outcome.measures.iter().all(|measure| measure.close.verdict == Verdict::Unknown));
    let page = study(&[outcome]).page();
    assert!(page.contains("history ends before the warm-up does"), "the page says so");
}

#[test]
fn recorded_histories_are_all_replayed_and_the_stress_set_is_what_they_say() {
    // 0031-THRE-006
    let Some(data) = market::Dataset::recorded().unwrap() else { return };
    let outcomes = run(&data).unwrap();
    assert_eq!(outcomes.len(), 11);
    assert!(outcomes[0].steps > 1_600 && outcomes[1].steps > 1_600);
    let largest = |name: &str| {
        let found = outcomes.iter().find(|outcome| outcome.name.starts_with(name));
        found.unwrap_or_else(|| panic!("{name}")).largest_move
    };
    let stress = |day: &str| {
        let found = thresholds::STRESS.iter().find(|stress| stress.day == day);
        found.unwrap_or_else(|| panic!("{day}")).range.parts() as f64 / 1e6
    };
    assert!((stress("2024-05-20 ETH") - largest("ETH 2023")).abs() < 1e-6);
    // From an hour on; the set's is from the minute.
    assert!(largest("ETH from 2017-09-03") <= stress("2017-09-04 ETH") + 1e-6);
    assert!(outcomes.iter().all(|outcome| outcome.rise_hold.hour <= 0.05 + 1e-9));
    let page = study(&outcomes).page();
    for outcome in &outcomes {
        assert!(page.contains(&outcome.name), "{}", outcome.name);
    }
    ranges_of_the_whole_hour(&outcomes);
}

/// The table of spec 0031, "Why the whole hour", and what it costs.
fn ranges_of_the_whole_hour(outcomes: &[Outcome]) {
    let of = |name: &str, range: &str| {
        let found = outcomes.iter().find(|outcome| outcome.name.starts_with(name));
        let measures = found.map_or(&[][..], |outcome| &outcome.measures);
        let found = measures.iter().find(|measure| measure.range == range);
        found.unwrap_or_else(|| panic!("{name} {range}"))
    };
    // Closes beyond a range, and prices on the way: no more than the table says.
    for (name, range, closes, on_the_way) in [
        ("BTC 2023", "history", 1, 2),
        ("ETH 2023", "history", 2, 6),
        ("BTC 2023", "new risk", 0, 0),
        ("ETH 2023", "new risk", 1, 1),
    ] {
        let measure = of(name, range);
        let (close, way) = (&measure.close, &measure.on_the_way);
        assert!(close.exceeded <= closes && way.exceeded <= on_the_way, "{name} {measure:?}");
        let falls_short = [close.verdict, way.verdict].contains(&Verdict::FallsShort);
        assert!(!falls_short, "{name} {measure:?}");
    }
    assert!(of("ETH 2023", "new risk").on_the_way.worst_excess < 0.029_25);
    // Mean ranges in hundredths of a per cent are no more than these, which are rounded.
    for (name, range, mean) in [
        ("BTC 2023", "new risk", 1_835),
        ("BTC 2023", "risk held", 1_779),
        ("ETH 2023", "new risk", 1_806),
        ("ETH 2023", "risk held", 1_753),
        ("BTC from 2017-09-03", "new risk", 1_606),
        ("ETH from 2017-09-03", "new risk", 1_871),
        ("BTC from 2018-04", "new risk", 1_645),
        ("ETH from 2018-04", "new risk", 1_707),
    ] {
        let found = of(name, range).mean * 1e4;
        assert!(found <= f64::from(mean) + 0.5, "{name} {range} {found}");
    }
}
