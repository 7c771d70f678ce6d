//! One strike that is wrong among strikes that are not: it is moved, and they are not.

use crate::arbitrage::calls;
use crate::honest::{DAYS, STRIKES, honest, strike_at};
use crate::random::{DAY, applied, plausible};
use random::Random;
use std::collections::BTreeSet;
use surface::{Repair, Smile, repair};
use units::{BlockSpan, Price, Vol};

/// Returns the calls of 30 days around a forward of 100 at 60 %, one of them at another vol.
fn flat(strike: i128, points: i128) -> Smile {
    let vols = (0..9).map(|step| {
        let listed = 80 + 5 * step;
        let vol = if listed == strike { points } else { 6_000 };
        (Price::from_micros(listed * 1_000_000), Vol::from_points(vol))
    });
    Smile {
        forward: Price::from_micros(100_000_000),
        fixed: Price::ZERO,
        variance: BlockSpan::from_millis(30 * DAY),
        supports: true,
        silent: BTreeSet::new(),
        vols: vols.collect(),
    }
}

/// 0018-SURF-007.
#[test]
fn a_strike_that_is_low_is_put_between_its_neighbours_and_moves_none() {
    for strike in [80, 85, 90, 95, 100, 105, 110, 115, 120] {
        let repaired = repair(&[flat(strike, 4_000)]);
        for (listed, point) in &repaired[0] {
            let is_wrong = listed.micros() == strike * 1_000_000;
            let expected = (6_000, is_wrong.then_some(Repair::Raised), is_wrong);
            let found = (point.vol.points(), point.repair, point.contradicted);
            assert_eq!(found, expected, "{strike} wrong, {listed}");
        }
    }
}

/// 0018-SURF-007: both of two strikes side by side.
#[test]
fn two_low_strikes_side_by_side_are_put_between_their_neighbours() {
    let mut smile = flat(100, 4_000);
    smile.vols.insert(Price::from_micros(105_000_000), Vol::from_points(4_500));
    assert_eq!(applied(&[smile])[0], flat(100, 6_000));
}

/// 0018-SURF-015.
#[test]
fn strikes_without_votes_speak_against_none_and_are_put_right_by_those_with_votes() {
    let strikes = |strikes: &[i128]| -> BTreeSet<Price> {
        strikes.iter().map(|strike| Price::from_micros(strike * 1_000_000)).collect()
    };
    let found = |points, silent: &[i128]| {
        let silent = strikes(silent);
        let repaired = repair(&[Smile { silent, ..flat(100, points) }]);
        let point = repaired[0][&Price::from_micros(100_000_000)];
        (point.vol.points(), point.contradicted)
    };
    let others = [80, 85, 90, 95, 105, 110, 115, 120];
    let far = [80, 85, 90, 110, 115, 120];
    for (silent, contradicted) in [(&[][..], true), (&far, true), (&others, false)] {
        assert_eq!(found(9_000, silent).1, contradicted, "high, {silent:?} silent");
    }
    // Low: nothing moves it if nobody else votes; without a vote itself it gives way.
    assert_eq!(found(4_000, &others), (4_000, false));
    assert_eq!(found(4_000, &far), (6_000, true));
    assert_eq!(found(4_000, &[100]), (6_000, true));
}

/// 0018-SURF-007: with two strikes nobody can say which of them is wrong.
#[test]
fn a_vote_that_one_other_speaks_against_is_not_contradicted() {
    let few = |vols: &[(i128, i128)]| {
        let vols = vols
            .iter()
            .map(|(strike, vol)| (Price::from_micros(strike * 1_000_000), Vol::from_points(*vol)));
        let repaired = repair(&[Smile { vols: vols.collect(), ..flat(0, 0) }]);
        let found = repaired[0].values();
        found.map(|point| (point.vol.points(), point.contradicted)).collect::<Vec<_>>()
    };
    assert_eq!(few(&[(100, 5_000), (150, 30_000)]), [(5_000, false), (15_996, false)]);
    let three = [(90, 6_000), (100, 9_000), (110, 6_000)];
    assert_eq!(few(&three), [(6_000, false), (6_990, true), (6_000, false)]);
}

/// 0018-SURF-007, over an honest surface of five expiries: whichever one strike is low by 2 to 40 points.
#[test]
fn one_low_strike_of_an_honest_surface_of_60_000_moves_no_other_by_four_dollars() {
    let smiles = honest(0);
    let (mut moved, mut left) = (0, 0);
    for place in 0..DAYS.len() {
        for strike in (0..STRIKES).map(strike_at) {
            for low in [200, 500, 1_000, 2_000, 4_000] {
                let mut wrong = smiles.clone();
                let vol = wrong[place].vols.get_mut(&strike).unwrap();
                *vol = Vol::from_points((vol.points() - low).max(1));
                let repaired = applied(&wrong);
                for (at, (before, after)) in smiles.iter().zip(&repaired).enumerate() {
                    for (before, after) in calls(before).iter().zip(calls(after)) {
                        let off = (after.price - before.price).abs();
                        if (at, before.strike) != (place, strike.micros()) {
                            moved += i32::from(off > 0);
                            assert!(off < 4_000_000, "{place} {strike} low by {low}: {off}");
                        }
                    }
                }
                let off = |smile: &Smile| smile.vols[&strike].points();
                left += i32::from((off(&repaired[place]) - off(&smiles[place])).abs() > low / 4);
            }
        }
    }
    // What is wrong by less than would be an arbitrage stays wrong.
    assert_eq!((moved, left), (3, 140));
}

/// 0018-SURF-007: any one strike of a drawn surface without arbitrage, wrong by anything.
#[test]
fn one_wrong_strike_of_a_sound_smile_lowers_at_most_one_other() {
    let (mut cases, mut alone) = (0, 0);
    for seed in 0..4_000 {
        let mut random = Random::new(seed);
        let sound = applied(&[plausible(&mut random).swap_remove(0)]).swap_remove(0);
        if sound.vols.len() < 4 {
            continue;
        }
        let last = i128::try_from(sound.vols.len()).unwrap() - 1;
        let chosen = usize::try_from(random.between(0, last)).unwrap();
        let strike = *sound.vols.keys().nth(chosen).unwrap();
        let mut wrong = sound.clone();
        wrong.vols.insert(strike, Vol::from_points(random.between(1, 20_000)));
        let mut repaired = applied(&[wrong]).swap_remove(0);
        repaired.vols.insert(strike, sound.vols[&strike]);
        let others = sound.vols.iter().zip(&repaired.vols).filter(|(a, b)| a != b).count();
        assert!(others <= 1, "seed {seed:#x}: {others} moved");
        cases += 1;
        alone += i32::from(others == 0);
    }
    assert_eq!((cases, alone), (2_787, 2_776));
}
