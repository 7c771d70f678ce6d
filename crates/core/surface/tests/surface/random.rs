//! Surfaces drawn from a seed: plausible, absurd, and at the ends of every range.

use random::Random;
use std::collections::{BTreeMap, BTreeSet};
use surface::Smile;
use units::{BlockSpan, Price, Vol};

pub(crate) const DAY: i128 = 86_400_000;

/// Strikes around a forward with vols near a level, some of them far off.
pub(crate) fn plausible(random: &mut Random) -> Vec<Smile> {
    let spot = *random.one(&[2_000_000, 3_000_000_000, 100_000_000_000]);
    let level = random.between(2_000, 12_000);
    let mut days = 0;
    let expiries = random.between(1, 5);
    let mut smiles = Vec::new();
    for _ in 0..expiries {
        days += random.between(1, 60);
        let forward = spot + spot * random.between(-20, 50) / 1_000;
        let mut vols = BTreeMap::new();
        for _ in 0..random.between(1, 10) {
            let strike = spot * random.between(40, 250) / 100;
            let noise = *random.one(&[0, 10, 100, 1_000]);
            let vol = (level + random.between(-noise, noise)).max(100);
            vols.insert(Price::from_micros(strike), Vol::from_points(vol));
        }
        smiles.push(Smile {
            forward: Price::from_micros(forward),
            fixed: Price::ZERO,
            variance: BlockSpan::from_millis(days * DAY),
            supports: random.between(0, 9) > 0,
            silent: BTreeSet::new(),
            vols,
        });
    }
    smiles
}

/// Any vols at any strikes.
pub(crate) fn wild(random: &mut Random) -> Vec<Smile> {
    let mut smiles = plausible(random);
    for smile in &mut smiles {
        for vol in smile.vols.values_mut() {
            *vol = Vol::from_points(random.between(0, 65_535));
        }
    }
    smiles
}

/// The ends of all ranges, and past them.
pub(crate) fn extreme(random: &mut Random) -> Vec<Smile> {
    let prices = [
        -1_000_000_000_000_000,
        -1,
        0,
        1,
        2,
        1_000,
        1_000_000,
        99_999_999_999,
        100_000_000_000,
        100_000_000_001,
        999_999_999_999_999,
        1_000_000_000_000_000,
        1_000_000_000_000_001,
        i128::MAX,
        i128::MIN,
    ];
    let vols = [-1, 0, 1, 2, 99, 100, 6_000, 50_000, 65_534, 65_535, 65_536, i128::MAX, i128::MIN];
    let spans =
        [i128::MIN, -1, 0, 1, 2, 600_000, DAY, 365 * DAY, 36_500 * DAY, 36_501 * DAY, i128::MAX];
    let mut smiles = Vec::new();
    for _ in 0..random.between(0, 6) {
        let points = random.between(0, 12);
        let mut chosen = BTreeMap::new();
        for _ in 0..points {
            chosen.insert(
                Price::from_micros(*random.one(&prices)),
                Vol::from_points(*random.one(&vols)),
            );
        }
        smiles.push(Smile {
            forward: Price::from_micros(*random.one(&prices)),
            fixed: Price::from_micros(*random.one(&[
                0,
                0,
                0,
                1,
                50_000_000_000,
                i128::MAX,
                i128::MIN,
            ])),
            variance: BlockSpan::from_millis(*random.one(&spans)),
            supports: random.between(0, 3) > 0,
            silent: BTreeSet::new(),
            vols: chosen,
        });
    }
    smiles
}

/// Returns the smiles with the vols of their repair.
pub(crate) fn applied(smiles: &[Smile]) -> Vec<Smile> {
    let repaired = surface::repair(smiles);
    assert_eq!(repaired.len(), smiles.len());
    let apply = |(smile, repaired): (&Smile, &BTreeMap<Price, surface::Repaired>)| Smile {
        vols: repaired.iter().map(|(strike, point)| (*strike, point.vol)).collect(),
        ..smile.clone()
    };
    smiles.iter().zip(&repaired).map(apply).collect()
}
