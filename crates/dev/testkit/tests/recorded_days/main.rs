//! The recorded days through the whole machine: how far index and mark are from what the venues showed, what funding takes, and
//! which modes and margin calls there are without a reason.
//!
//! `cargo test --release -p testkit --test recorded_days -- --nocapture` prints a row of the table of 0017-ORAC-050 for each day. Every
//! test says so and passes where the data is absent.

mod days;
mod house;

use days::Day;
use house::{Lived, live};
use market::{Dataset, Underlying};

/// Prints what a day did, beside what it would have done to a house that knows the middle of the venues at every moment, and
/// returns both.
fn lived(day: &Day, sources_min: u8) -> [Lived; 2] {
    let [here, there] = [false, true].map(|certain| live(day, sources_min, certain));
    let falsely = here.called.difference(&there.called).count();
    eprintln!(
        "{}, {} heard, least {sources_min}, {} s: index off by {:+.2} bp, mean size {:.2}, most {:.2}; caution, reduce-only, frozen \
         though most venues agree {:?} s; {} of {} quotes refused; {} lots of accounts cancelled, {} if the middle is known; {} accounts \
         called, {falsely} falsely; {} liquidated, {} if the middle is known",
        day.name,
        day.heard.len(),
        here.seconds,
        here.index.bias(),
        here.index.mean(),
        here.index.size(1_000),
        here.false_modes,
        here.quotes[1],
        here.quotes[0],
        here.cancelled,
        there.cancelled,
        here.called.len(),
        here.liquidated.len(),
        there.liquidated.len(),
    );
    if day.has_perpetual {
        eprintln!(
            "    mark off the perpetual by {:.2} bp half of the time, {:.2} for 99 %, {:.2} at most; premium {:+.2} bp, at the end \
             taken {:+.2}; longs paid {:+.2} bp, due {:+.2}",
            here.mark.size(500),
            here.mark.size(990),
            here.mark.size(1_000),
            here.premium.bias(),
            here.premium_taken,
            here.funding,
            here.due(),
        );
    }
    [here, there]
}

/// Asserts that a day stopped nobody: the index is the middle of the venues to the micro-dollar, the mode is normal, no quote
/// is refused, and nobody is called or liquidated who would not be if the middle were known.
fn assert_followed(day: &Day, [here, there]: &[Lived; 2]) {
    assert!(here.index.size(1_000) < 1e-3, "{}", day.name);
    assert_eq!(here.false_modes, [0; 3], "{}", day.name);
    assert_eq!(here.quotes[1], 0, "{}", day.name);
    assert!(here.called.is_subset(&there.called), "{}", day.name);
    assert_eq!(here.liquidated, there.liquidated, "{}", day.name);
    assert_eq!(here.cancelled, there.cancelled, "{}", day.name);
}

/// Asserts that the mark is near the perpetual, and that longs pay for the premium that was there.
fn assert_marked(day: &Day, here: &Lived) {
    assert!(here.mark.size(500) < 0.1 && here.mark.size(990) < 3.5, "{}", day.name);
    assert!((here.funding - here.due()).abs() < 0.5, "{}", day.name);
}

#[test]
fn five_venues_of_a_day_are_followed_and_two_that_end_stop_nobody_slow() {
    // 0017-ORAC-050, 0017-ORAC-026
    let Some(data) = Dataset::recorded().unwrap() else { return };
    let day = days::inflation(&data);
    let both = lived(&day, 3);
    assert_followed(&day, &both);
    assert_marked(&day, &both[0]);

    // With a minimum of four, half of the day is doubt: it costs margin, and no more.
    let [here, _] = lived(&day, 4);
    assert!(here.index.size(1_000) < 1e-3);
    assert_eq!((here.false_modes, here.quotes[1]), ([43_010, 0, 0], 0));
    assert!(here.liquidated.is_empty());
    assert_marked(&day, &here);
}

#[test]
fn an_index_of_four_venues_leans_to_neither_side_of_five_slow() {
    // 0017-ORAC-050, 0017-ORAC-001
    let Some(data) = Dataset::recorded().unwrap() else { return };
    let day = days::inflation(&data);
    let (mut lean, mut paid) = (0.0, 0.0);
    for place in 0..5 {
        let day = days::morning_without(&day, place);
        let [here, there] = lived(&day, 3);
        assert!(here.index.bias().abs() < 1.7 && here.index.size(1_000) < 4.5, "{place}");
        assert_eq!((here.false_modes, here.quotes[1]), ([0; 3], 0), "{place}");
        assert!(here.called.is_subset(&there.called), "{place}");
        lean += here.index.bias() / 5.0;
        paid += (here.funding - here.due()) / 5.0;
    }
    eprintln!(
        "index off by {lean:+.2} bp, longs paid {paid:+.2} bp more than due, mean of the five"
    );
    assert!(lean.abs() < 0.3 && paid.abs() < 0.4, "{lean} {paid}");
}

#[test]
fn minutes_of_three_books_are_followed_second_by_second_slow() {
    // 0017-ORAC-050
    let Some(data) = Dataset::recorded().unwrap() else { return };
    for underlying in [Underlying::Btc, Underlying::Eth] {
        let day = days::flow(&data, underlying);
        let both = lived(&day, 2);
        assert_followed(&day, &both);
        let [here, _] = &both;
        // In five minutes a fading average has come most of the way, and what counts is where much could be sold, not the middle.
        assert!(here.mark.size(990) < 3.5, "{underlying}");
        assert!((here.premium_taken - here.premium.bias()).abs() < 0.5, "{underlying}");
    }
}

#[test]
fn crashes_seen_at_one_venue_are_followed_slow() {
    // 0017-ORAC-050
    let Some(data) = Dataset::recorded().unwrap() else { return };
    let days = [days::ban(&data, "BTCUSD"), days::ban(&data, "ETHUSD"), days::crash(&data)];
    for day in days {
        let both = lived(&day, 0);
        assert_followed(&day, &both);
        assert!(!both[0].called.is_empty() && !both[0].liquidated.is_empty(), "{}", day.name);
    }
}
