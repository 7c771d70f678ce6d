//! What margin asks over the day before something expires, and while its settlement price is averaged.

mod support;

use margin::{Explanation, OpenOrder, Risk, explain, required};
use protocol::{InstrumentId, Right, Side};
use support::legs::{
    HOUR, Leg, MINUTE, ONE_BTC, TWENTY_ETH, WINDOW, house, measured, positions, scan,
};
use support::{BTC, ETH, House, Random, dollars, of, price};
use units::{Lots, Notional, Ppm};

/// Returns the scan of what is held, without looking past anything.
fn held(listed: &[(protocol::UnderlyingId, Leg)], lots: &[i128]) -> i128 {
    let tree = explained(&house(listed), lots);
    let scan = part(&tree, "scan for risk held").unwrap();
    part(scan, "as it is held").unwrap_or(scan).clone().figure_micros()
}

trait Micros {
    fn figure_micros(&self) -> i128;
}

impl Micros for Explanation {
    fn figure_micros(&self) -> i128 {
        self.dollars_of(&self.label).unwrap().micros()
    }
}

fn explained(house: &House, lots: &[i128]) -> Explanation {
    explain(&house.risk(), &of(0, &positions(lots))).unwrap()
}

fn part<'a>(tree: &'a Explanation, label: &str) -> Option<&'a Explanation> {
    match tree.label == label {
        true => Some(tree),
        false => tree.parts.iter().find_map(|below| part(below, label)),
    }
}

/// Times to expiry from two days down to a second: every five minutes, and every ten seconds at the end.
fn times() -> impl Iterator<Item = i128> {
    let early = (0..560).map(|step| 48 * HOUR - step * 5 * MINUTE);
    let late = (0..480).map(|step| 80 * MINUTE - step * 10_000);
    early.chain(late).chain([1_000])
}

#[test]
fn the_margin_of_a_calendar_spread_rises_over_a_day_to_that_of_the_leg_that_remains() {
    // 0019-MARG-023: 0.05 · w + 0.95 · (1 − w) + 0.05 of a leg's 9,600 dollars, and what φ of the future is above 5 %.
    let naked = scan(&[(BTC, Leg::Perpetual)], &[ONE_BTC]);
    assert_eq!(naked, 9_600_000_000);
    for (hours, left) in [(18, 750_000), (12, 500_000), (6, 250_000), (1, 41_666), (0, 0)] {
        let remaining = hours * HOUR + WINDOW;
        let legs = [(BTC, Leg::Perpetual), (BTC, Leg::Future(remaining))];
        let found = scan(&legs, &[ONE_BTC, -ONE_BTC]);
        let kept = 50_000 + (remaining * 300_000 + 31_535_999_999) / 31_536_000_000;
        let expected =
            (9_600 * (kept * left + 950_000 * (1_000_000 - left))) / 1_000_000 + 9_600 * 50_000;
        // A micro-dollar that rounding may hide in each short lot.
        assert!((found - expected).abs() < 2 * ONE_BTC, "{hours} hours: {found}, not {expected}");
    }
    let mut last = None;
    for left in times() {
        let legs = [(BTC, Leg::Perpetual), (BTC, Leg::Future(left))];
        let now = scan(&legs, &[ONE_BTC, -ONE_BTC]);
        if let Some((before, at)) = last {
            // Never by more than a 24th of a naked leg in an hour, and never down but for φ, which falls by 0.03 a year.
            let most = naked * (at - left) / (24 * HOUR) + 2 * ONE_BTC;
            assert!(now <= before + most, "{left} ms to expiry: {before}, then {now}");
            assert!(now + 50_000 >= before, "{left} ms to expiry: {before}, then {now}");
        }
        last = Some((now, left));
    }
    // When the future has gone, the perpetual needs what the spread needed.
    let (at_the_end, _) = last.unwrap();
    assert!((at_the_end - naked).abs() <= 2 * ONE_BTC, "{at_the_end}");
}

#[test]
fn a_position_that_expires_alone_needs_what_it_did() {
    // 0019-MARG-023: what fades out is no hedge of anything.
    for left in [30 * HOUR, 20 * HOUR, 3 * HOUR, WINDOW, 10 * MINUTE, MINUTE] {
        let option = |strike, right| (BTC, Leg::Option(left, strike, right));
        let legs = [
            (BTC, Leg::Future(left)),
            option(60_000, Right::Call),
            option(57_000, Right::Put),
            option(66_000, Right::Call),
        ];
        let mut random = Random::new(0x0a10_4e00);
        for _ in 0..40 {
            let lots: Vec<i128> = legs.iter().map(|_| random.between(-900, 900)).collect();
            let (now, plain) = (scan(&legs, &lots), held(&legs, &lots));
            // A micro-dollar of rounding for each lot.
            let slack: i128 = lots.iter().map(|lots| lots.abs()).sum();
            assert!((plain..=plain + slack).contains(&now), "{left}: {now}, not {plain}");
        }
    }
    let (perpetual, never) = ([(BTC, Leg::Perpetual)], [ONE_BTC]);
    assert_eq!(scan(&perpetual, &never), held(&perpetual, &never));
}

#[test]
fn a_box_needs_no_more_on_its_last_day() {
    for left in [40 * HOUR, 20 * HOUR, 2 * HOUR, WINDOW] {
        let option = |strike, right| (BTC, Leg::Option(left, strike, right));
        let legs = [
            option(57_000, Right::Call),
            option(57_000, Right::Put),
            option(63_000, Right::Call),
            option(63_000, Right::Put),
        ];
        let needed = scan(&legs, &[ONE_BTC, -ONE_BTC, -ONE_BTC, ONE_BTC]);
        assert!(needed < 20_000, "{needed} micro-dollars of rounding");
    }
}

#[test]
fn a_covered_call_becomes_what_it_covers() {
    // A call far in the money covers a perpetual as a future does.
    let naked = scan(&[(BTC, Leg::Perpetual)], &[ONE_BTC]);
    let covered = |left| {
        let legs = [(BTC, Leg::Perpetual), (BTC, Leg::Option(left, 30_000, Right::Call))];
        scan(&legs, &[ONE_BTC, -ONE_BTC])
    };
    let (early, noon, late) = (covered(40 * HOUR), covered(12 * HOUR + WINDOW), covered(WINDOW));
    assert!(early < naked / 3, "{early}");
    assert!((naked * 45 / 100..naked * 65 / 100).contains(&noon), "{noon}");
    assert!((late - naked).abs() < 5 * ONE_BTC, "{late}");
}

#[test]
fn of_several_expiries_of_a_day_each_is_looked_past_in_turn() {
    // A spread between two futures: past the first, the second remains, and not what is left of it.
    let naked = scan(&[(BTC, Leg::Future(17 * HOUR))], &[ONE_BTC]);
    let legs = |left| [(BTC, Leg::Future(left)), (BTC, Leg::Future(left + 12 * HOUR))];
    let spread = |left| scan(&legs(left), &[-ONE_BTC, ONE_BTC]);
    assert!((spread(WINDOW) - naked).abs() < naked / 1_000, "{} {naked}", spread(WINDOW));
    let mut last: Option<(i128, i128)> = None;
    for left in times() {
        let now = spread(left);
        if let Some((before, at)) = last {
            let most = naked * (at - left) / (24 * HOUR) + 4 * ONE_BTC;
            assert!(now <= before + most, "{left} ms to expiry: {before}, then {now}");
        }
        last = Some((now, left));
    }
    // And a box of two expiries, of which both are near.
    let house = house(&legs(5 * HOUR));
    let tree = explained(&house, &[-ONE_BTC, ONE_BTC]);
    let scan = part(&tree, "scan for risk held").unwrap();
    assert_eq!(scan.parts.len(), 3, "as it is held, past the first, past both:\n{tree}");
    assert_eq!(scan.parts[0].label, "as it is held");
    let greatest = scan.parts.iter().map(Micros::figure_micros).max();
    assert_eq!(Some(scan.figure_micros()), greatest);
    assert_eq!(greatest, Some(scan.parts[1].figure_micros()), "past the first:\n{tree}");
}

#[test]
fn underlyings_of_a_class_are_looked_past_together() {
    // Ether covers half of bitcoin's future, and is no less covered when that has gone than it is alone.
    let ether = scan(&[(ETH, Leg::Perpetual)], &[-TWENTY_ETH]);
    let pair = |left| {
        let legs = [(BTC, Leg::Future(left)), (ETH, Leg::Perpetual)];
        scan(&legs, &[ONE_BTC, -TWENTY_ETH])
    };
    let (early, late) = (pair(40 * HOUR), pair(WINDOW));
    assert!((early - ether).abs() < ether / 100, "{early} {ether}");
    assert!((late - ether).abs() < ether / 100, "{late} {ether}");
    // Three bitcoin against forty ether: what remains is more than what is held needs.
    let legs = |left| [(BTC, Leg::Future(left)), (BTC, Leg::Perpetual), (ETH, Leg::Perpetual)];
    let lots = [-3 * ONE_BTC, 3 * ONE_BTC, -2 * TWENTY_ETH];
    let rest = scan(&legs(WINDOW)[1..], &lots[1..]);
    assert!((scan(&legs(WINDOW), &lots) - rest).abs() < 8_000);
}

#[test]
fn margin_is_never_below_that_of_what_remains_when_the_window_opens() {
    // 0019-MARG-023, for accounts of every kind: when the window opens, and all through it.
    let mut random = Random::new(0x00ff_1ed5);
    for case in 0..400 {
        let left = [WINDOW, 20 * MINUTE, 5 * MINUTE][case % 3];
        let option = |strike, right| (BTC, Leg::Option(left, strike, right));
        let far = |strike, right| (BTC, Leg::Option(200 * HOUR, strike, right));
        let legs = [
            (BTC, Leg::Future(left)),
            option(60_000, Right::Call),
            option(58_000, Right::Put),
            (BTC, Leg::Perpetual),
            (BTC, Leg::Future(300 * HOUR)),
            far(61_000, Right::Call),
            far(55_000, Right::Put),
            (ETH, Leg::Perpetual),
        ];
        let lots: Vec<i128> = legs.iter().map(|_| random.between(-800, 800)).collect();
        let rest: Vec<i128> = [&[0; 3][..], &lots[3..]].concat();
        let house = house(&legs);
        let (all, rest) = (measured(&house, &lots), measured(&house, &rest));
        for (all, rest) in [(all.scan_new, rest.scan_new), (all.scan_hold, rest.scan_hold)] {
            assert!(all >= rest, "case {case}: {all} with what expires, {rest} without");
        }
        assert!(all.maintenance >= rest.maintenance);
    }
}

#[test]
fn margin_moves_little_by_little_whatever_expires() {
    // Of futures, whose values do not move as time passes: no step of five minutes adds more than its part of a day of what
    // all that expires needs alone, and none does in the window.
    let mut random = Random::new(0x0057_ea4d);
    for _ in 0..25 {
        let lots: Vec<i128> = (0..5).map(|_| random.between(-1_500, 1_500)).collect();
        let legs = |left: i128| {
            [
                (BTC, Leg::Future(left)),
                (ETH, Leg::Future(left)),
                (BTC, Leg::Perpetual),
                (ETH, Leg::Perpetual),
                (BTC, Leg::Future(left + 300 * HOUR)),
            ]
        };
        let alone: i128 = (0..2)
            .map(|leg| {
                let only: Vec<i128> =
                    (0..5).map(|place| if place == leg { lots[place] } else { 0 }).collect();
                scan(&legs(25 * HOUR), &only)
            })
            .sum();
        let mut last: Option<(i128, i128)> = None;
        for left in times().step_by(3) {
            let now = scan(&legs(left), &lots);
            if let Some((before, at)) = last {
                let most = alone * (at - left) / (24 * HOUR) + 10_000;
                assert!(now <= before + most, "{lots:?}, {left} ms: {before}, then {now}");
            }
            last = Some((now, left));
        }
    }
}

#[test]
fn impact_is_that_of_what_remains_too() {
    // 0019-MARG-009, 023: a spread's delta is none, but that of the leg that remains is whole.
    let thin = |legs: &[(protocol::UnderlyingId, Leg)]| {
        let mut house = house(legs);
        for underlying in &mut house.underlyings {
            underlying.vol_daily = Ppm::from_parts(30_000);
            underlying.volume_daily = dollars(6_000_000);
        }
        house
    };
    let of_leg = measured(&thin(&[(BTC, Leg::Perpetual)]), &[ONE_BTC]).charges_maintenance;
    assert!((119..=121).contains(&(of_leg.micros() / 1_000_000)), "{of_leg}");
    let mut last = Notional::ZERO;
    for (left, share) in
        [(40 * HOUR, 0), (12 * HOUR + WINDOW, 353), (WINDOW, 1_000), (MINUTE, 1_000)]
    {
        let legs = [(BTC, Leg::Perpetual), (BTC, Leg::Future(left))];
        let charged = measured(&thin(&legs), &[ONE_BTC, -ONE_BTC]).charges_maintenance;
        // Half of it is a share of ½^1.5.
        let expected = of_leg.micros() * share / 1_000;
        assert!((charged.micros() - expected).abs() < 200_000, "{left}: {charged}, {expected}");
        assert!(charged >= last);
        last = charged;
    }
}

#[test]
fn an_order_that_unwinds_a_spread_on_its_last_day_needs_no_margin() {
    // Closing both legs, or the one that remains, is free all day.
    for left in [20 * HOUR, 6 * HOUR, WINDOW] {
        let house = house(&[(BTC, Leg::Perpetual), (BTC, Leg::Future(left))]);
        let risk = house.risk();
        let held = positions(&[ONE_BTC, -ONE_BTC]);
        let sell = |lots| OpenOrder {
            instrument: InstrumentId::new(1),
            side: Side::Sell,
            price: price(60_000),
            lots: Lots::from_count(lots),
            fee: Notional::ZERO,
        };
        let before = required(&risk, &of(0, &held)).unwrap().initial;
        let one = required(&risk, &of(0, &positions(&[ONE_BTC - 200, -ONE_BTC]))).unwrap().initial;
        let late = left <= 6 * HOUR;
        assert_eq!(one < before, late, "{left}: {before}, then {one}");
        let account = margin::AccountMargin::new(&risk, &of(0, &held)).unwrap();
        let check = account.check(&sell(200)).unwrap();
        assert!(check.after >= check.before);
    }
}

#[test]
fn a_house_without_expiries_of_the_day_has_no_stage() {
    let legs = [(BTC, Leg::Perpetual), (BTC, Leg::Future(25 * HOUR))];
    let risk: Risk = house(&legs).risk();
    let held = positions(&[ONE_BTC, -ONE_BTC]);
    let tree = explain(&risk, &of(0, &held)).unwrap();
    assert!(part(&tree, "as it is held").is_none(), "{tree}");
}
