//! The index and its mode, block by block.

use crate::market::{Market, dollars};
use expect_test::{Expect, expect};
use protocol::Mode;
use std::fmt::Write;

/// Runs rows of `milliseconds-since-the-last-block price…` (`-`: the source is silent) and prints what each leads to.
fn check(market: &mut Market, rows: &str, expected: Expect) {
    let mut printed = String::new();
    for row in rows.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let words: Vec<&str> = row.split_whitespace().collect();
        market.block(words[0].parse().unwrap(), &words[1..]);
        let index = market.feed.index().map_or("none".to_string(), |index| {
            let held = if index.clamped { " held back" } else { "" };
            format!(
                "{} ± {}, {}/{}{held}",
                index.price, index.confidence, index.outliers, index.sources
            )
        });
        writeln!(printed, "{row:<36} {index:<34} {:?}", market.mode()).unwrap();
    }
    expected.assert_eq(&printed);
}

/// 0017-ORAC-006, 0017-ORAC-010, 0017-ORAC-012.
#[test]
fn table_of_outliers_and_silence() {
    check(
        &mut Market::new(5),
        "0    100 100 100 100 100
         1000 100.1 100 99.9 100 100
         1000 100 100 100 100 135
         1000 100 100 100 70 135
         1000 100 100 100 100 -
         1000 100 100 100 - -
         1000 100 100 - - -
         10000 - - - - -
         1000 - - - - -
         49000 - - - - -
         1000 100 100 100 100 100",
        expect![[r#"
            0    100 100 100 100 100             100 ± 0.01, 0/5                    Normal
            1000 100.1 100 99.9 100 100          100 ± 0.01, 0/5                    Normal
            1000 100 100 100 100 135             100 ± 0.01, 1/5                    Normal
            1000 100 100 100 70 135              100 ± 0.01, 2/5                    Caution
            1000 100 100 100 100 -               100 ± 0.01, 0/4                    Caution
            1000 100 100 100 - -                 100 ± 0.01, 0/3                    Caution
            1000 100 100 - - -                   100 ± 0.01, 0/3                    Caution
            10000 - - - - -                      100 ± 0.01, 0/3                    ReduceOnly
            1000 - - - - -                       100 ± 0.01, 0/3                    ReduceOnly
            49000 - - - - -                      100 ± 0.01, 0/3                    Frozen
            1000 100 100 100 100 100             100 ± 0.01, 0/3                    Frozen
        "#]],
    );
}

/// 0017-ORAC-009. A minute without an index is no allowance for the block that ends it.
#[test]
fn table_of_catching_up() {
    check(
        &mut Market::new(4),
        "0     100 100 100 100
         9000  - - - -
         10000 - - - -
         10000 - - - -
         10000 - - - -
         10000 - - - -
         10000 60 60 60 60
         1000  60 60 60 60
         1000  60 60 60 60",
        expect![[r#"
            0     100 100 100 100                100 ± 0.01, 0/4                    Normal
            9000  - - - -                        100 ± 0.01, 0/4                    Normal
            10000 - - - -                        100 ± 0.01, 0/4                    ReduceOnly
            10000 - - - -                        100 ± 0.01, 0/4                    ReduceOnly
            10000 - - - -                        100 ± 0.01, 0/4                    ReduceOnly
            10000 - - - -                        100 ± 0.01, 0/4                    ReduceOnly
            10000 60 60 60 60                    90 ± 30.006, 0/4 held back         ReduceOnly
            1000  60 60 60 60                    89.1 ± 29.106, 0/4 held back       Caution
            1000  60 60 60 60                    88.209 ± 28.215, 0/4 held back     Caution
        "#]],
    );
}

/// 0017-ORAC-028. What counts for what is held: no speed limit, and doubt only after ten seconds of it.
#[test]
fn doubt_counts_for_what_is_held_once_it_has_stood_for_ten_seconds() {
    let standing = |market: &Market| {
        let (mode, confidence) =
            market.feed.standing(market.now(), &market.params).unwrap().unwrap();
        (market.mode(), mode, confidence.to_string())
    };
    let (caution, normal) = (Mode::Caution, Mode::Normal);
    let mut market = Market::new(4);
    market.block(0, &["100"; 4]);
    market.block(1_000, &["104"; 4]);
    assert_eq!(market.feed.index().unwrap().confidence, dollars("3.0104"));
    assert_eq!(standing(&market), (caution, normal, "0.0104".into()));
    for _ in 0..15 {
        market.block(1_000, &["104"; 4]);
    }
    let apart = ["103", "103", "105", "105"];
    for (blocks, mode, confidence) in [(10, normal, "0.52"), (1, caution, "1")] {
        for _ in 0..blocks {
            market.block(1_000, &apart);
        }
        assert_eq!(standing(&market), (caution, mode, confidence.into()));
    }
    // It lasts as a mode does.
    for (blocks, mode) in [(10, caution), (1, normal)] {
        for _ in 0..blocks {
            market.block(1_000, &["104"; 4]);
        }
        assert_eq!(standing(&market), (mode, mode, "0.0104".into()));
    }
}

/// 0017-ORAC-007, 0017-ORAC-008. One source of four sets no quartile, however low it is; two of four that are far from the others,
/// or one of three that are left, no index.
#[test]
fn table_of_disagreement() {
    check(
        &mut Market::new(4),
        "0     100 100 100 100
         1000  99.9 99.9 100.1 100.1
         9000  70 70 100 100
         1000  70 100 100 -
         1000  70 70 100 100
         9000  70 100 100 100
         9000  98.5 98.5 101.5 101.5
         9000  99 100 101 100
         1000  99 100 101 98.2
         1000  99 100 101 94.1
         1000  99 100 101 60",
        expect![[r#"
            0     100 100 100 100                100 ± 0.01, 0/4                    Normal
            1000  99.9 99.9 100.1 100.1          100 ± 0.1, 0/4                     Normal
            9000  70 70 100 100                  100 ± 0.1, 0/4                     Normal
            1000  70 100 100 -                   100 ± 0.1, 0/4                     Normal
            1000  70 70 100 100                  100 ± 0.1, 0/4                     ReduceOnly
            9000  70 100 100 100                 100 ± 0.01, 1/4                    ReduceOnly
            9000  98.5 98.5 101.5 101.5          100 ± 1.5, 0/4                     Caution
            9000  99 100 101 100                 100 ± 0.01, 0/4                    Caution
            1000  99 100 101 98.2                99.5 ± 0.51, 0/4                   Caution
            1000  99 100 101 94.1                99.5 ± 0.51, 1/4                   Caution
            1000  99 100 101 60                  99.5 ± 0.51, 1/4                   Caution
        "#]],
    );
}

/// 0017-ORAC-009.
#[test]
fn table_of_speed() {
    // One percent a second: 0.2 % in a block of 200 ms, rounded up to what a price can show.
    check(
        &mut Market::new(4),
        "0    0.00005 0.00005 0.00005 0.00005
         200  0.00008 0.00008 0.00008 0.00008
         200  0.00008 0.00008 0.00008 0.00008
         1000 0.00008 0.00008 0.00008 0.00008",
        expect![[r#"
            0    0.00005 0.00005 0.00005 0.00005 0.00005 ± 0, 0/4                   Normal
            200  0.00008 0.00008 0.00008 0.00008 0.00005 ± 0.00003, 0/4 held back   Caution
            200  0.00008 0.00008 0.00008 0.00008 0.00005 ± 0.00003, 0/4 held back   Caution
            1000 0.00008 0.00008 0.00008 0.00008 0.00005 ± 0.00003, 0/4 held back   Caution
        "#]],
    );
    check(
        &mut Market::new(4),
        "0    100 100 100 100
         1000 102 102 102 102
         1000 102 102 102 102
         1000 102 102 102 102
         9000 102 102 102 102
         1000 102 102 102 102
         1000 102 102 102 102",
        expect![[r#"
            0    100 100 100 100                 100 ± 0.01, 0/4                    Normal
            1000 102 102 102 102                 101 ± 1.0102, 0/4 held back        Caution
            1000 102 102 102 102                 102 ± 0.0102, 0/4                  Caution
            1000 102 102 102 102                 102 ± 0.0102, 0/4                  Caution
            9000 102 102 102 102                 102 ± 0.0102, 0/4                  Normal
            1000 102 102 102 102                 102 ± 0.0102, 0/4                  Normal
            1000 102 102 102 102                 102 ± 0.0102, 0/4                  Normal
        "#]],
    );
}

/// 0017-ORAC-011.
#[test]
fn table_of_warm_up() {
    // A gap of more than ten seconds: three quorums in a row, from the start again if one is missed.
    check(
        &mut Market::new(4),
        "0     100 100 100 100
         10000 100 100 100 100
         10001 100.5 100.5 100.5 100.5
         1000  100.5 100.5 100.5 100.5
         1000  - - - -
         1000  100.5 100.5 100.5 100.5
         1000  100.5 100.5 100.5 100.5
         1000  100.5 100.5 100.5 100.5
         10000 100.5 100.5 100.5 100.5
         1000  100.5 100.5 100.5 100.5",
        expect![[r#"
            0     100 100 100 100                100 ± 0.01, 0/4                    Normal
            10000 100 100 100 100                100 ± 0.01, 0/4                    Normal
            10001 100.5 100.5 100.5 100.5        100 ± 0.01, 0/4                    Frozen
            1000  100.5 100.5 100.5 100.5        100 ± 0.01, 0/4                    Frozen
            1000  - - - -                        100 ± 0.01, 0/4                    Frozen
            1000  100.5 100.5 100.5 100.5        100 ± 0.01, 0/4                    Frozen
            1000  100.5 100.5 100.5 100.5        100 ± 0.01, 0/4                    Frozen
            1000  100.5 100.5 100.5 100.5        100.5 ± 0.01005, 0/4               Frozen
            10000 100.5 100.5 100.5 100.5        100.5 ± 0.01005, 0/4               Normal
            1000  100.5 100.5 100.5 100.5        100.5 ± 0.01005, 0/4               Normal
        "#]],
    );
}

/// 0017-ORAC-011.
#[test]
fn table_of_warm_up_after_silence() {
    // Blocks go on, but without a quorum for more than a minute: the same three quorums.
    check(
        &mut Market::new(4),
        "0     100 100 100 100
         10000 - - - -
         10000 - - - -
         10000 - - - -
         10000 - - - -
         10000 - - - -
         10000 - - - -
         1     101 101 101 101
         1000  101 101 101 101
         1000  101 101 101 101
         11000 - - - -",
        expect![[r#"
            0     100 100 100 100                100 ± 0.01, 0/4                    Normal
            10000 - - - -                        100 ± 0.01, 0/4                    Normal
            10000 - - - -                        100 ± 0.01, 0/4                    ReduceOnly
            10000 - - - -                        100 ± 0.01, 0/4                    ReduceOnly
            10000 - - - -                        100 ± 0.01, 0/4                    ReduceOnly
            10000 - - - -                        100 ± 0.01, 0/4                    ReduceOnly
            10000 - - - -                        100 ± 0.01, 0/4                    ReduceOnly
            1     101 101 101 101                100 ± 0.01, 0/4                    Frozen
            1000  101 101 101 101                100 ± 0.01, 0/4                    Frozen
            1000  101 101 101 101                101 ± 0.0101, 0/4                  Frozen
            11000 - - - -                        101 ± 0.0101, 0/4                  Frozen
        "#]],
    );
}

/// 0017-ORAC-011, 0017-ORAC-012.
#[test]
fn table_of_the_first_index() {
    // There is nothing to warm up from, and nothing that lasts from before.
    check(
        &mut Market::new(4),
        "0     - - - -
         1000  100 - - -
         1000  100 100 100 100
         1000  100 100 100 100",
        expect![[r#"
            0     - - - -                        none                               Frozen
            1000  100 - - -                      none                               Frozen
            1000  100 100 100 100                100 ± 0.01, 0/4                    Normal
            1000  100 100 100 100                100 ± 0.01, 0/4                    Normal
        "#]],
    );
}

/// 0017-ORAC-023.
#[test]
fn table_of_a_first_price_beside_a_reference() {
    let mut market = Market::new(4);
    market.feed = oracle::Feed::founded(dollars("100"), 3);
    check(
        &mut market,
        "0     1000 1000 1000 1000
         1000  300 300 300 300
         1000  200 200 200 200
         1000  201 201 201 201
         1000  210 210 210 210
         1000  210 210 210 210
         1000  210 - - -
         1000  210 210 210 210
         1000  211 211 211 211
         1000  212 212 212 212
         1000  212 212 212 212",
        expect![[r#"
            0     1000 1000 1000 1000            none                               Frozen
            1000  300 300 300 300                none                               Frozen
            1000  200 200 200 200                none                               Frozen
            1000  201 201 201 201                none                               Frozen
            1000  210 210 210 210                none                               Frozen
            1000  210 210 210 210                none                               Frozen
            1000  210 - - -                      none                               Frozen
            1000  210 210 210 210                none                               Frozen
            1000  211 211 211 211                none                               Frozen
            1000  212 212 212 212                212 ± 0.0212, 0/4                  Normal
            1000  212 212 212 212                212 ± 0.0212, 0/4                  Normal
        "#]],
    );
}

/// 0017-ORAC-024.
#[test]
fn table_of_an_index_that_is_lost() {
    // Within tenfold the third block sets it, whatever its speed; beyond, ten minutes of blocks that agree.
    check(
        &mut Market::new(4),
        "0     100 100 100 100
         10000 - - - -
         10000 - - - -
         10000 - - - -
         10000 - - - -
         10000 - - - -
         10000 - - - -
         10000 12 12 12 12
         10000 12 12 12 12
         10000 12 12 12 12
         10000 12 12 12 12",
        expect![[r#"
            0     100 100 100 100                100 ± 0.01, 0/4                    Normal
            10000 - - - -                        100 ± 0.01, 0/4                    Normal
            10000 - - - -                        100 ± 0.01, 0/4                    ReduceOnly
            10000 - - - -                        100 ± 0.01, 0/4                    ReduceOnly
            10000 - - - -                        100 ± 0.01, 0/4                    ReduceOnly
            10000 - - - -                        100 ± 0.01, 0/4                    ReduceOnly
            10000 - - - -                        100 ± 0.01, 0/4                    ReduceOnly
            10000 12 12 12 12                    100 ± 0.01, 0/4                    Frozen
            10000 12 12 12 12                    100 ± 0.01, 0/4                    Frozen
            10000 12 12 12 12                    12 ± 0.0012, 0/4                   Frozen
            10000 12 12 12 12                    12 ± 0.0012, 0/4                   Frozen
        "#]],
    );
    let mut market = Market::new(4);
    market.block(0, &["100"; 4]);
    for _ in 0..7 {
        market.block(10_000, &["-"; 4]);
    }
    for block in 0..=60 {
        assert_eq!(market.price(), dollars("100"), "block {block}");
        market.block(10_000, &["10"; 4]);
    }
    assert_eq!((market.price(), market.mode()), (dollars("10"), Mode::Frozen));
    for _ in 0..32 {
        market.block(10_000, &["10"; 4]);
    }
    assert_eq!(market.mode(), Mode::Normal, "once the average of five minutes has followed");
}

#[test]
fn table_of_reports_that_do_not_count() {
    // spec 0017-ORAC-004, beside an index of 100: price, uncertainty, and what is read.
    let mut printed = String::new();
    for (price, confidence) in [
        ("100", "0"),
        ("100", "-0.000001"),
        ("100", "100.5"),
        ("999.999999", "0"),
        ("1000", "0"),
        ("10.000001", "0"),
        ("10", "0"),
        ("0", "0"),
        ("-100", "0"),
    ] {
        let mut market = Market::new(4);
        market.block(0, &["100"; 4]);
        let mut reports = market.reports(&[Some(dollars(price))]);
        reports.iter_mut().for_each(|report| report.confidence = dollars(confidence));
        market.block_of(1_000, &reports);
        let read = market.feed.readings().first();
        let read = read.map(|read| format!("{} ± {}", read.price, read.confidence));
        writeln!(printed, "{price} ± {confidence}: {}", read.unwrap_or("no reading".into()))
            .unwrap();
    }
    expect![[r#"
        100 ± 0: 100 ± 0
        100 ± -0.000001: no reading
        100 ± 100.5: 100 ± 100
        999.999999 ± 0: 999.999999 ± 0
        1000 ± 0: no reading
        10.000001 ± 0: 10.000001 ± 0
        10 ± 0: no reading
        0 ± 0: no reading
        -100 ± 0: no reading
    "#]]
    .assert_eq(&printed);
}

/// 0017-ORAC-013.
#[test]
fn table_of_divergence() {
    // Thirteen times in half an hour is below the speed limit; half again above the five-minute average is not allowed.
    check(
        &mut Market::new(4),
        "0     1 1 1 1
         10000 5 5 5 5
         10000 5 5 5 5
         10000 5 5 5 5
         10000 5 5 5 5
         10000 5 5 5 5
         10000 5 5 5 5
         10000 5 5 5 5
         10000 5 5 5 5
         10000 5 5 5 5
         10000 5 5 5 5
         10000 5 5 5 5
         10000 3 3 3 3
         10000 3 3 3 3
         10000 3 3 3 3
         10000 3 3 3 3
         10000 3 3 3 3
         10000 3 3 3 3
         10000 3 3 3 3
         10000 3 3 3 3
         10000 3 3 3 3",
        expect![[r#"
            0     1 1 1 1                        1 ± 0.0001, 0/4                    Normal
            10000 5 5 5 5                        1.1 ± 3.9005, 0/4 held back        Caution
            10000 5 5 5 5                        1.21 ± 3.7905, 0/4 held back       Caution
            10000 5 5 5 5                        1.331 ± 3.6695, 0/4 held back      Caution
            10000 5 5 5 5                        1.4641 ± 3.5364, 0/4 held back     Caution
            10000 5 5 5 5                        1.61051 ± 3.38999, 0/4 held back   Caution
            10000 5 5 5 5                        1.771561 ± 3.228939, 0/4 held back Caution
            10000 5 5 5 5                        1.948717 ± 3.051783, 0/4 held back Caution
            10000 5 5 5 5                        2.143588 ± 2.856912, 0/4 held back Caution
            10000 5 5 5 5                        2.357947 ± 2.642553, 0/4 held back Frozen
            10000 5 5 5 5                        2.593742 ± 2.406758, 0/4 held back Frozen
            10000 5 5 5 5                        2.853116 ± 2.147384, 0/4 held back Frozen
            10000 3 3 3 3                        3 ± 0.0003, 0/4                    Frozen
            10000 3 3 3 3                        3 ± 0.0003, 0/4                    Frozen
            10000 3 3 3 3                        3 ± 0.0003, 0/4                    Frozen
            10000 3 3 3 3                        3 ± 0.0003, 0/4                    Frozen
            10000 3 3 3 3                        3 ± 0.0003, 0/4                    Normal
            10000 3 3 3 3                        3 ± 0.0003, 0/4                    Normal
            10000 3 3 3 3                        3 ± 0.0003, 0/4                    Normal
            10000 3 3 3 3                        3 ± 0.0003, 0/4                    Normal
            10000 3 3 3 3                        3 ± 0.0003, 0/4                    Normal
        "#]],
    );
}

#[test]
fn blocks_do_not_run_backwards() {
    let mut market = Market::new(4);
    market.block(0, &["100"; 4]);
    let before = market.feed.clone();
    market.millis -= 1;
    let now = market.now();
    let result = market.feed.update(&[], 400, &market.weights, now, &market.params);
    assert!(result.is_err());
    assert_eq!(market.feed, before, "a fault leaves the state as it was");
}

/// 0017-ORAC-045. A block moved the index by a micro-dollar at least: at ten micro-dollars by 10 %, at one by all of it.
#[test]
fn the_speed_limit_is_the_same_at_every_price() {
    let seconds_to_double = |micros: i128, millis: i128| {
        let mut market = Market::new(4);
        let price = |micros: i128| units::Price::from_micros(micros).to_string();
        let (at, twice) = (price(micros), price(2 * micros));
        market.block(0, &[at.as_str(); 4]);
        let mut waited = 0;
        while market.feed.index().unwrap().price.micros() < 2 * micros {
            market.block(millis, &[twice.as_str(); 4]);
            waited += millis;
            assert!(waited < 200_000);
        }
        (waited + 500) / 1_000
    };
    // Doubling at 1 % a second takes 70 seconds, in whole micro-dollars a little more: each takes 1 / (1 % of the price).
    let found = [1, 10, 1_000, 8_000_000_000].map(|micros| seconds_to_double(micros, 1_000));
    assert_eq!(found, [100, 73, 70, 70]);
    assert_eq!([1, 10, 1_000].map(|micros| seconds_to_double(micros, 100)), [100, 72, 69]);
    // What is left is given up when the index has arrived, and no silence saves any up.
    let mut market = Market::new(4);
    market.block(0, &["0.00001"; 4]);
    for _ in 0..9 {
        market.block(1_000, &["0.00002"; 4]);
    }
    market.block(100, &["0.00001"; 4]);
    for _ in 0..9 {
        market.block(1_000, &["0.00002"; 4]);
        assert_eq!(market.feed.index().unwrap().price, dollars("0.00001"));
    }
}
