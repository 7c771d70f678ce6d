//! Marks of perpetuals, forwards and implied vols.

use crate::market::{START, dollars};
use oracle::{
    BasisMarks, BasisVote, ImpliedVol, Parameters, PremiumAverage, Quotes, VolMarks, VolVote,
    perpetual_mark,
};
use proptest::prelude::*;
use protocol::ValidatorId;
use units::{BlockSpan, BlockTime, Ppb, Ppm, Price, Vol};

const MINUTE: i128 = 60_000;

fn at(millis: i128) -> BlockTime {
    BlockTime::from_millis(START + millis)
}

fn quotes(bid: &str, ask: &str) -> Quotes {
    let read = |text: &str| (!text.is_empty()).then(|| dollars(text));
    Quotes { bid: read(bid), ask: read(ask), external: None }
}

/// Returns a book in which much can be bought and sold at one price.
fn both(price: Price) -> Quotes {
    Quotes { bid: Some(price), ask: Some(price), external: None }
}

/// Returns the premium after a book has shown the same for so many blocks of a second.
fn premium_after(seconds: i128, quotes: &Quotes) -> PremiumAverage {
    let (mut premium, params) = (PremiumAverage::new(), Parameters::default());
    for second in 0..=seconds {
        premium.observe(dollars("100"), quotes, at(second * 1_000), &params).unwrap();
    }
    premium
}

/// 0017-ORAC-014.
#[test]
fn the_price_of_a_book_is_the_index_unless_much_could_be_sold_above_or_bought_below() {
    for (bid, ask, expected) in [
        ("99", "101", "100"),
        ("100.5", "101", "100.5"),
        ("99", "99.5", "99.5"),
        ("99", "", "100"),
        ("", "101", "100"),
        ("102", "", "102"),
        ("", "98", "98"),
        ("102", "98", "102"),
        ("", "", "100"),
    ] {
        assert_eq!(quotes(bid, ask).book(dollars("100")), dollars(expected), "{bid}|{ask}");
    }
}

/// 0017-ORAC-014.
#[test]
fn half_of_a_premium_is_in_the_average_after_one_half_life() {
    let book = quotes("101", "");
    assert_eq!(premium_after(0, &book).fading(), Ok(Ppm::ZERO));
    assert_eq!(premium_after(150, &book).fading(), Ok(Ppm::from_parts(5_000)));
    assert_eq!(premium_after(300, &book).fading(), Ok(Ppm::from_parts(7_500)));
    assert_eq!(premium_after(300, &book).hour(at(300_000)), Ok(Ppm::from_parts(10_000)));
    let third = premium_after(300, &quotes("100.000033", ""));
    assert_eq!(third.hour_ppb(at(300_000)), Ok(Ppb::from_parts(330)));
    assert_eq!(third.hour(at(300_000)), Ok(Ppm::ZERO));
    // Nothing in the book is no premium: it fades away.
    let mut faded = premium_after(300, &book);
    for second in 301..=450 {
        faded
            .observe(dollars("100"), &Quotes::default(), at(second * 1_000), &Parameters::default())
            .unwrap();
    }
    assert!(faded.fading().unwrap() <= Ppm::from_parts(3_751));
}

#[test]
fn one_observation_counts_for_at_most_half_however_long_the_gap() {
    let params = Parameters::default();
    let mut premium = PremiumAverage::new();
    premium.observe(dollars("100"), &quotes("100", ""), at(0), &params).unwrap();
    premium.observe(dollars("100"), &quotes("500", ""), at(8 * 60 * MINUTE), &params).unwrap();
    assert_eq!(premium.fading(), Ok(Ppm::from_parts(15_000)), "half of the band of three percent");
    assert_eq!(premium.hour(at(8 * 60 * MINUTE)), Ok(Ppm::ZERO));
}

/// 0017-ORAC-015.
#[test]
fn a_mark_is_the_median_of_three_within_the_band() {
    let params = Parameters::default();
    let premium = premium_after(150, &quotes("101", ""));
    for (bid, ask, external, mark) in [
        // 0.5 % of average premium, rounded down: 100.499999 is fair.
        ("", "", None, "100"),
        ("100.2", "", None, "100.2"),
        ("102", "", None, "100.499999"),
        ("", "90", None, "100"),
        ("100.9", "102", Some("100.6"), "100.6"),
        ("101", "102", Some("130"), "101"),
        ("120", "121", Some("130"), "103"),
        ("60", "61", Some("60"), "97"),
    ] {
        let mut quotes = quotes(bid, ask);
        quotes.external = external.map(dollars);
        let found = perpetual_mark(dollars("100"), &premium, &quotes, &params).unwrap();
        assert_eq!(found, dollars(mark), "{bid}|{ask}|{external:?}");
    }
}

fn basis_votes(expires_at: BlockTime, bases: &[&str]) -> Vec<BasisVote> {
    let vote = |(basis, validator): (&&str, u16)| BasisVote {
        validator: ValidatorId::new(validator),
        stake: 1,
        expires_at,
        basis: dollars(basis),
    };
    bases.iter().zip(0..).map(vote).collect()
}

fn vote(marks: &mut BasisMarks, votes: &[BasisVote], index: &str, now: i128) {
    marks.update(votes, 3, dollars(index), at(now), &Parameters::default()).unwrap();
}

fn forward(marks: &BasisMarks, index: &str, expiry: i128, now: i128) -> (String, bool) {
    let (index, params) = (dollars(index), Parameters::default());
    let forward = marks.forward(index, at(expiry), at(now), &params).unwrap();
    (forward.price.to_string(), forward.stale)
}

const DAY: i128 = 24 * 60 * MINUTE;

/// 0017-ORAC-016.
#[test]
fn a_forward_is_the_index_and_the_voted_basis_or_what_lies_between() {
    let mut marks = BasisMarks::default();
    let mut votes = basis_votes(at(10 * DAY), &["1", "1", "-90"]);
    votes.extend(basis_votes(at(20 * DAY), &["3", "3.5", "3"]));
    votes.extend(basis_votes(at(30 * DAY), &["9"]));
    vote(&mut marks, &votes, "100", 0);
    for (expiry, price, stale) in [
        (10, "101", false),
        (20, "103", false),
        // Between now and the first expiry, and between two.
        (5, "100.5", false),
        (15, "102", false),
        // One vote of three is no quorum: the rate of the last expiry, and no new risk.
        (30, "104.5", true),
    ] {
        assert_eq!(forward(&marks, "100", expiry * DAY, 0), (price.into(), stale), "{expiry}");
    }
    vote(&mut marks, &basis_votes(at(40 * DAY), &["400", "400", "400"]), "100", MINUTE);
    assert_eq!(
        forward(&marks, "100", 40 * DAY, MINUTE),
        ("150".into(), false),
        "half of the index"
    );
    vote(&mut marks, &[], "100", 40 * DAY);
    assert_eq!(marks, BasisMarks::default(), "what has expired is forgotten");
    assert_eq!(
        forward(&marks, "100", 40 * DAY, 40 * DAY),
        ("100".into(), false),
        "and worth the index"
    );
}

/// 0017-ORAC-016: with no vote for an hour the basis was zero at once.
#[test]
fn a_basis_that_nobody_votes_for_is_held_as_a_rate_and_flagged() {
    let mut marks = BasisMarks::default();
    vote(&mut marks, &basis_votes(at(180 * DAY), &["640", "640", "640"]), "8000", 0);
    for (now, index, price, stale) in [
        (60 * MINUTE, "8000", "8639.851851", false),
        (60 * MINUTE + 1, "8000", "8639.851851", true),
        (90 * DAY, "8000", "8320", true),
        (90 * DAY, "4000", "4160", true),
        (180 * DAY - 1, "8000", "8000", true),
    ] {
        assert_eq!(forward(&marks, index, 180 * DAY, now), (price.into(), stale), "{now}");
    }
}

/// 0017-ORAC-025.
#[test]
fn a_basis_that_is_voted_again_moves_there_step_by_step() {
    let mut marks = BasisMarks::default();
    let expiry = 180 * DAY;
    vote(&mut marks, &basis_votes(at(expiry), &["640", "640", "640"]), "8000", 0);
    // Silence for a day, and a state of things that is new: 40 dollars at once, as after ten seconds, and 4 a second.
    let votes = basis_votes(at(expiry), &["-200", "-200", "-200"]);
    vote(&mut marks, &votes, "8000", DAY);
    assert_eq!(forward(&marks, "8000", expiry, DAY), ("8596.444444".into(), false));
    for second in 1..=198 {
        vote(&mut marks, &votes, "8000", DAY + second * 1_000);
    }
    let near = forward(&marks, "8000", expiry, DAY + 198_000).0;
    assert!(near.starts_with("7804."), "{near}");
    for second in 199..=201 {
        vote(&mut marks, &votes, "8000", DAY + second * 1_000);
    }
    assert_eq!(forward(&marks, "8000", expiry, DAY + 201_000).0, "7800");
}

/// 0017-ORAC-040: 10 % a year of 8,000 for half a year, in the second hour; and what is voted but not yet reached.
#[test]
fn a_basis_is_in_doubt_by_its_age_and_by_what_is_still_to_come() {
    let (mut marks, expiry) = (BasisMarks::default(), 181 * DAY);
    let doubt = |marks: &BasisMarks, expiry: i128, now: i128| {
        let params = Parameters::default();
        let forward = marks.forward(dollars("8000"), at(expiry), at(now), &params).unwrap();
        forward.doubt.to_string()
    };
    // At the vote 180 days are left, less two hours at the last.
    let from = DAY - 120 * MINUTE;
    assert_eq!(doubt(&marks, expiry, from), "394.703197", "nobody has voted");
    vote(&mut marks, &basis_votes(at(expiry), &["640", "640", "640"]), "8000", from);
    for (minutes, value) in [(0, "0"), (60, "0"), (90, "197.283106"), (120, "394.520548")] {
        assert_eq!(doubt(&marks, expiry, from + minutes * MINUTE), value, "{minutes}");
    }
    assert_eq!(doubt(&marks, expiry, 91 * DAY), "197.260274", "half of the time is gone");
    assert_eq!(doubt(&marks, expiry, expiry), "0", "what has ended is worth the index");
    // An expiry before it is as doubtful as it, and one after it by its own time.
    assert_eq!(doubt(&marks, 100 * DAY, DAY), "394.520548");
    assert_eq!(doubt(&marks, expiry + DAY, DAY), "396.712329");
    let votes = basis_votes(at(expiry), &["-200", "-200", "-200"]);
    vote(&mut marks, &votes, "8000", DAY);
    let first = doubt(&marks, expiry, DAY);
    assert!(first.starts_with("799.7"), "{first}");
    for second in 1..=100 {
        vote(&mut marks, &votes, "8000", DAY + second * 1_000);
    }
    let later = doubt(&marks, expiry, DAY + 100_000);
    assert!(later.starts_with("399.7"), "{later}");
    for second in 101..=201 {
        vote(&mut marks, &votes, "8000", DAY + second * 1_000);
    }
    assert_eq!(doubt(&marks, expiry, DAY + 201_000), "0");
}

/// 0017-ORAC-045. A vote moved a basis by a micro-dollar at least, 10 % of an index of ten: 200 times its speed.
#[test]
fn a_basis_keeps_its_rate_and_its_speed_at_every_price() {
    for (index, voted) in [("8000", "800"), ("0.001", "0.0001"), ("0.00001", "0.000001")] {
        let mut marks = BasisMarks::default();
        let expiry = 1_000 * DAY;
        vote(&mut marks, &basis_votes(at(expiry), &["0", "0", "0"]), index, 0);
        let votes = basis_votes(at(expiry), &[voted, voted, voted]);
        let reached = |marks: &BasisMarks, now| {
            let price: Price = forward(marks, index, expiry, now).0.parse().unwrap();
            let index: Price = index.parse().unwrap();
            let whole: Price = voted.parse().unwrap();
            price.minus(index).unwrap() >= whole
        };
        let mut seconds = 0;
        while !reached(&marks, seconds * 1_000) {
            seconds += 1;
            vote(&mut marks, &votes, index, seconds * 1_000);
            assert!(seconds < 1_000, "{index}");
        }
        // A tenth of the index, at 0.05 % of it a second; meanwhile a rate loses a little time to expiry.
        assert_eq!(seconds, 201, "{index}");
    }
}

fn vol_votes(strike: &str, vols: &[i128]) -> Vec<VolVote> {
    let vote = |(vol, validator): (&i128, u16)| VolVote {
        validator: ValidatorId::new(validator),
        stake: 1,
        expires_at: at(EXPIRY),
        strike: dollars(strike),
        vol: Vol::from_points(*vol),
    };
    vols.iter().zip(0..).map(vote).collect()
}

const EXPIRY: i128 = 86_400_000;

fn vol_of(marks: &VolMarks, strike: &str, now: i128) -> Option<ImpliedVol> {
    marks.vol(at(EXPIRY), dollars(strike), at(now), &Parameters::default()).unwrap()
}

/// 0017-ORAC-017.
#[test]
fn a_vol_is_as_voted_or_on_the_line_of_variance_between_its_neighbours() {
    let (mut marks, params) = (VolMarks::default(), Parameters::default());
    let mut votes = vol_votes("100", &[6_000, 6_000, 49_999]);
    votes.extend(vol_votes("400", &[8_000, 8_000, 8_000, 1]));
    votes.extend(vol_votes("900", &[0, 50_001, 7_000]));
    marks.update(&votes, 4, at(0), &params).unwrap();
    assert_eq!(vol_of(&marks, "100", 0), implied(6_000, false, 0));
    // 200 is half way from 100 to 400 in logarithms: √((0.60² + 0.80²)/2) = 0.7071…
    assert_eq!(vol_of(&marks, "200", 0), implied(7_071, true, 1_071 + 354));
    assert_eq!(vol_of(&marks, "50", 0), implied(6_000, true, 300));
    assert_eq!(
        vol_of(&marks, "900", 0),
        implied(8_000, true, 400),
        "one vote of four is no quorum"
    );
    marks.update(&[], 3, at(20 * MINUTE + 1), &params).unwrap();
    assert_eq!(vol_of(&marks, "200", 20 * MINUTE + 1), None);
    // Where all are stale the last one holds, and within half an hour it is in doubt by a quarter.
    for (minutes, doubt) in [(0, 0), (15, 750), (30, 1_500), (60, 1_500)] {
        let now = (20 + minutes) * MINUTE;
        marks.update(&[], 3, at(now + 1), &params).unwrap();
        assert_eq!(vol_of(&marks, "100", now), implied(6_000, true, doubt), "{minutes}");
    }
    marks.update(&[], 3, at(EXPIRY), &params).unwrap();
    assert_eq!(marks, VolMarks::default(), "what has expired is forgotten");
}

fn implied(vol: i128, stale: bool, uncertainty: i128) -> Option<ImpliedVol> {
    let (vol, uncertainty) = (Vol::from_points(vol), Vol::from_points(uncertainty));
    Some(ImpliedVol { vol, stale, uncertainty })
}

/// Votes of one validator, that is all.
fn vols(marks: &mut VolMarks, now: i128, vols: &[(&str, i128)]) {
    let votes = vols.iter().flat_map(|(strike, vol)| vol_votes(strike, &[*vol]));
    marks.update(&votes.collect::<Vec<_>>(), 1, at(now), &Parameters::default()).unwrap();
}

/// 0017-ORAC-027.
#[test]
fn a_vol_whose_votes_stop_moves_with_its_neighbours_and_fades_into_their_line() {
    let mut marks = VolMarks::default();
    vols(&mut marks, 0, &[("100", 7_000), ("200", 6_000), ("400", 7_000)]);
    let mut now = 20 * MINUTE;
    let ends = |marks: &mut VolMarks, now, vol| vols(marks, now, &[("100", vol), ("400", vol)]);
    ends(&mut marks, now, 7_000);
    assert_eq!(vol_of(&marks, "200", now), implied(6_000, false, 0));
    now += 1;
    ends(&mut marks, now, 7_000);
    assert_eq!(vol_of(&marks, "200", now), implied(6_000, true, 1), "the offset is 10 points");
    ends(&mut marks, now + 1, 7_500);
    assert_eq!(vol_of(&marks, "200", now + 1).unwrap().vol, Vol::from_points(6_501));
    // Half an hour later it is on the line: in doubt by the offset that has faded and 5 %.
    let shown = [(10, 6_834, 448), (15, 7_000, 676), (20, 7_167, 907), (30, 7_500, 1_375)];
    for (minutes, vol, doubt) in shown {
        ends(&mut marks, now + minutes * MINUTE, 7_500);
        let found = vol_of(&marks, "200", now + minutes * MINUTE);
        assert_eq!(found, implied(vol, true, doubt), "{minutes}");
    }
}

/// 0017-ORAC-027.
#[test]
fn a_vol_does_not_jump_when_votes_of_its_neighbours_stop_and_when_its_own_return() {
    let mut marks = VolMarks::default();
    let all = [("100", 7_000), ("200", 6_000), ("300", 6_400), ("400", 7_000)];
    vols(&mut marks, 0, &all);
    let seen = |marks: &VolMarks, now| vol_of(marks, "200", now).unwrap().vol.points();
    let (mut last, mut most) = (6_000, 0);
    // The votes of 200 stop, then those of 300, those of 100 at last; then all return, and more of 200 than before.
    for seconds in (10..4 * 3_600).step_by(10) {
        let now = seconds * 1_000;
        let is_voted = |(strike, _): &&(&str, i128)| match *strike {
            "200" => seconds >= 9_000,
            "300" => !(1_000..8_000).contains(&seconds),
            "100" => !(2_500..9_000).contains(&seconds),
            _ => true,
        };
        let mut votes: Vec<(&str, i128)> = all.iter().filter(is_voted).copied().collect();
        votes.iter_mut().filter(|vote| vote.0 == "200").for_each(|vote| vote.1 = 5_500);
        vols(&mut marks, now, &votes);
        most = most.max((seen(&marks, now) - last).abs());
        last = seen(&marks, now);
    }
    assert_eq!((last, most), (5_500, 7), "ten seconds of half an hour, of at most 12 points");
    assert_eq!(vol_of(&marks, "200", 4 * 3_600_000), implied(5_500, false, 0));
}

/// 0017-ORAC-055. With 60 minutes in the place of 30, 4.8 of 10 points of an offset that was gone came back in a block.
#[test]
fn a_time_that_is_changed_changes_nothing_that_is_under_way() {
    let minutes = |stale, fade| Parameters {
        vol_stale_after: BlockSpan::from_millis(stale * MINUTE),
        vol_fade: BlockSpan::from_millis(fade * MINUTE),
        ..Parameters::default()
    };
    let changed = [(20, 30), (20, 60), (20, 15), (40, 30), (60, 60)];
    let ends = [vol_votes("100", &[7_000]), vol_votes("400", &[7_000])].concat();
    let mut all = ends.clone();
    all.extend(vol_votes("200", &[6_000]));
    // The votes of 200 stop; or those of all; or they stop, and return.
    for (silent_at, back_at) in [("200", 900), ("all", 900), ("200", 60)] {
        for changes_at in [25, 35, 51, 65, 80] {
            let mut seen = changed.map(|(stale, fade)| {
                let mut marks = VolMarks::default();
                let found = (0..=120).map(|minute| {
                    let now = at(minute * MINUTE + 1);
                    let params = match minute >= changes_at {
                        true => minutes(stale, fade),
                        false => minutes(20, 30),
                    };
                    let votes: &[VolVote] = match () {
                        () if minute == 0 || minute >= back_at => &all,
                        () if silent_at == "all" => &[],
                        () => &ends,
                    };
                    marks.update(votes, 1, now, &params).unwrap();
                    marks.vol(at(EXPIRY), dollars("200"), now, &params).unwrap()
                });
                found.collect::<Vec<_>>()
            });
            let [first, others @ ..] = &mut seen;
            // What comes back after a change fades by it.
            let same = if back_at > changes_at { back_at.min(121) } else { 121 };
            for (other, times) in others.iter().zip(&changed[1..]) {
                for minute in 0..usize::try_from(same).unwrap() {
                    let (other, first) = (other[minute], first[minute]);
                    assert_eq!(other, first, "{silent_at} {changes_at} {times:?} {minute}");
                }
            }
        }
    }
}

/// 0017-ORAC-017.
#[test]
fn a_validator_votes_once_for_a_strike_though_it_votes_on_call_and_put() {
    let (mut marks, params) = (VolMarks::default(), Parameters::default());
    let mut votes = vol_votes("100", &[5_000, 6_000, 7_000]);
    votes.extend(vol_votes("100", &[5_001]));
    votes.extend(vol_votes("100", &[5_002]));
    marks.update(&votes, 3, at(0), &params).unwrap();
    assert_eq!(vol_of(&marks, "100", 0).unwrap().vol, Vol::from_points(6_000));
    let one = vol_votes("100", &[5_000]);
    let mut twice = one.clone();
    twice.extend(vol_votes("100", &[6_001]));
    let mut marks = VolMarks::default();
    marks.update(&twice, 1, at(0), &params).unwrap();
    assert_eq!(vol_of(&marks, "100", 0).unwrap().vol, Vol::from_points(5_501));
}

proptest! {
    /// 0017-ORAC-015: the book alone moves the mark no farther than the premium's average reaches.
    #[test]
    fn prop_the_mark_lies_within_the_band_and_between_index_and_premium_against_any_book(
        index in 1i128..1_000_000_000_000_000,
        history in 1i128..1_000_000_000_000_000,
        book in 1i128..1_000_000_000_000_000,
        seconds in 0i128..400,
    ) {
        let params = Parameters::default();
        let (index, mut premium) = (Price::from_micros(index), PremiumAverage::new());
        // One price on both sides: as far off as a book can be.
        let shown = |micros| both(Price::from_micros(micros));
        premium.observe(index, &shown(history), at(0), &params).unwrap();
        premium.observe(index, &shown(history), at(seconds * 1_000), &params).unwrap();
        let average = premium.fading().unwrap();
        prop_assert!(average.magnitude().unwrap() <= Ppm::from_parts(15_001));
        let mark = perpetual_mark(index, &premium, &shown(book), &params).unwrap();
        // The average is shown to the nearest millionth and used finer.
        let fair = |parts| {
            let average = average.plus(Ppm::from_parts(parts)).unwrap();
            index.plus(index.scaled(average, units::Round::Down).unwrap()).unwrap()
        };
        prop_assert!(fair(-1).lesser(index) <= mark && mark <= fair(1).greater(index));
    }

    /// 0017-ORAC-014, against floating point.
    #[test]
    #[expect(clippy::disallowed_types, reason = "an independent reference, within one millionth")]
    fn prop_the_fading_average_is_the_textbook_one(
        steps in prop::collection::vec((1i32..150_000, 970_000i32..1_030_000), 1..50),
    ) {
        let (mut premium, params) = (PremiumAverage::new(), Parameters::default());
        let (mut now, mut average) = (0, 0.0f64);
        premium.observe(Price::ONE, &Quotes::default(), at(0), &params).unwrap();
        for (step, book) in steps {
            now += i128::from(step);
            let quotes = both(Price::from_micros(i128::from(book)));
            premium.observe(Price::ONE, &quotes, at(now), &params).unwrap();
            let x = f64::from(book) / 1e6 - 1.0;
            average += (x - average) * (1.0 - (-f64::from(step) / 150_000.0).exp2());
        }
        let found = i32::try_from(premium.fading().unwrap().parts()).unwrap();
        prop_assert!((f64::from(found) - average * 1e6).abs() <= 1.0, "{found} {average}");
    }

    #[test]
    fn prop_an_interpolated_vol_lies_between_its_neighbours_and_rises_with_them(
        a in 100i128..50_000, b in 100i128..50_000,
        below in 1i128..1_000_000_000_000, wide in 2i128..1_000_000_000_000, part in 1i128..1_000_000,
    ) {
        let (mut marks, params) = (VolMarks::default(), Parameters::default());
        let above = below + wide;
        let strike = below + (wide * part / 1_000_000).max(1);
        let vote = |strike, vol| VolVote {
            validator: ValidatorId::new(0), stake: 1, expires_at: at(EXPIRY),
            strike: Price::from_micros(strike), vol: Vol::from_points(vol),
        };
        marks.update(&[vote(below, a), vote(above, b)], 1, at(0), &params).unwrap();
        let found = marks.vol(at(EXPIRY), Price::from_micros(strike), at(0), &params).unwrap().unwrap();
        prop_assert!(Vol::from_points(a.min(b)) <= found.vol);
        prop_assert!(found.vol <= Vol::from_points(a.max(b)));
    }
}
