//! What holds for every surface, over tens of thousands of them.

use crate::arbitrage::{calls, most_between, most_within};
use crate::random::{applied, extreme, plausible, wild};
use random::Random;
use surface::Smile;
use units::{BlockSpan, Price, Vol};

/// What rounding may leave of an arbitrage, in micro-dollars.
const LEFT: i128 = 6;

fn each(seed: u64, draw: fn(&mut Random) -> Vec<Smile>, cases: u64, check: fn(u64, &[Smile])) {
    for case in 0..cases {
        let seed = seed.wrapping_add(case);
        check(seed, &draw(&mut Random::new(seed)));
    }
}

/// 0018-SURF-002, 0018-SURF-003.
fn nothing_is_left_to_arbitrage(seed: u64, smiles: &[Smile]) {
    let repaired = applied(smiles);
    for (place, late) in repaired.iter().enumerate() {
        if calls(late).iter().any(|call| call.capped) {
            continue;
        }
        assert!(most_within(late) <= LEFT, "seed {seed:#x}: {} in {late:?}", most_within(late));
        for (other, early) in repaired.iter().enumerate() {
            let is_earlier = (early.variance, other) < (late.variance, place);
            if is_earlier && early.supports && !calls(early).iter().any(|call| call.capped) {
                let most = most_between(early, late);
                assert!(most <= LEFT, "seed {seed:#x}: {most} between {early:?} and {late:?}");
            }
        }
    }
}

/// 0018-SURF-004.
fn repairing_twice_is_repairing_once(seed: u64, smiles: &[Smile]) {
    let once = applied(smiles);
    for (smile, repaired) in once.iter().zip(surface::repair(&once)) {
        let same =
            smile.vols.iter().zip(&repaired).all(|((a, vol), (b, point))| {
                a == b && *vol == point.vol && point.repair.is_none()
            });
        assert!(same, "seed {seed:#x}: {smile:?} became {repaired:?}");
    }
}

#[test]
fn no_plausible_surface_keeps_an_arbitrage() {
    each(0x5e_ed01, plausible, 4_000, nothing_is_left_to_arbitrage);
}

#[test]
fn no_wild_surface_keeps_an_arbitrage() {
    each(0x5e_ed02, wild, 4_000, nothing_is_left_to_arbitrage);
}

#[test]
fn no_extreme_surface_keeps_an_arbitrage() {
    each(0x5e_ed03, extreme, 4_000, nothing_is_left_to_arbitrage);
}

#[test]
fn repairing_twice_is_repairing_once_bit_for_bit() {
    each(0x5e_ed04, plausible, 3_000, repairing_twice_is_repairing_once);
    each(0x5e_ed05, wild, 3_000, repairing_twice_is_repairing_once);
    each(0x5e_ed06, extreme, 6_000, repairing_twice_is_repairing_once);
}

/// The checks above would find something: what is drawn does hold arbitrage of both kinds before the repair.
#[test]
fn surfaces_that_are_drawn_do_hold_arbitrage() {
    let (mut within, mut between) = (0, 0);
    for seed in 0..300 {
        let smiles = plausible(&mut Random::new(seed));
        within += i32::from(smiles.iter().any(|smile| most_within(smile) > LEFT));
        let pairs = smiles.windows(2).filter(|pair| most_between(&pair[0], &pair[1]) > LEFT);
        between += i32::from(pairs.count() > 0);
    }
    assert!(within > 100 && between > 20, "{within} and {between} of 300");
}

/// 0018-SURF-005.
#[test]
fn the_largest_surface_is_repaired() {
    let mut random = Random::new(7);
    let mut smile = wild(&mut random).remove(0);
    let limit = Vol::LIMIT;
    smile.vols = (1..=4_096)
        .map(|step| {
            let vol = Vol::from_points(random.between(0, limit));
            (Price::from_micros(smile.forward.micros() * step / 1_024), vol)
        })
        .collect();
    let once = applied(std::slice::from_ref(&smile));
    assert_eq!(once[0].vols.len(), 4_096);
    repairing_twice_is_repairing_once(7, &once);

    let each_alone: Vec<Smile> = (1..=512)
        .map(|step| Smile {
            variance: BlockSpan::from_millis(step * 1_000_000),
            vols: smile
                .vols
                .iter()
                .skip(usize::try_from(step).unwrap())
                .take(1)
                .map(|(strike, vol)| (*strike, *vol))
                .collect(),
            ..smile.clone()
        })
        .collect();
    repairing_twice_is_repairing_once(8, &each_alone);
}
