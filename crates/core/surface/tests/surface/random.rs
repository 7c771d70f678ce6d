//! Surfaces drawn from a seed: plausible, absurd, and at the ends of every range.

use std::collections::{BTreeMap, BTreeSet};
use surface::Smile;
use units::{BlockSpan, Price, Vol};

pub(crate) const DAY: i128 = 86_400_000;

/// A generator of our own, so that a seed means the same for ever: splitmix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from `low` to `high`, both included.
    pub(crate) fn within(&mut self, low: i128, high: i128) -> i128 {
        let width = u128::try_from(high - low).unwrap() + 1;
        low + i128::try_from(u128::from(self.next()) % width).unwrap()
    }

    fn pick(&mut self, choices: &[i128]) -> i128 {
        let last = i128::try_from(choices.len()).unwrap() - 1;
        choices[usize::try_from(self.within(0, last)).unwrap()]
    }
}

/// Strikes around a forward with vols near a level, some of them far off.
pub(crate) fn plausible(random: &mut Random) -> Vec<Smile> {
    let spot = random.pick(&[2_000_000, 3_000_000_000, 100_000_000_000]);
    let level = random.within(2_000, 12_000);
    let mut days = 0;
    let expiries = random.within(1, 5);
    let mut smiles = Vec::new();
    for _ in 0..expiries {
        days += random.within(1, 60);
        let forward = spot + spot * random.within(-20, 50) / 1_000;
        let mut vols = BTreeMap::new();
        for _ in 0..random.within(1, 10) {
            let strike = spot * random.within(40, 250) / 100;
            let noise = random.pick(&[0, 10, 100, 1_000]);
            let vol = (level + random.within(-noise, noise)).max(100);
            vols.insert(Price::from_micros(strike), Vol::from_points(vol));
        }
        smiles.push(Smile {
            forward: Price::from_micros(forward),
            fixed: Price::ZERO,
            variance: BlockSpan::from_millis(days * DAY),
            supports: random.within(0, 9) > 0,
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
            *vol = Vol::from_points(random.within(0, 65_535));
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
    for _ in 0..random.within(0, 6) {
        let points = random.within(0, 12);
        let mut chosen = BTreeMap::new();
        for _ in 0..points {
            chosen.insert(
                Price::from_micros(random.pick(&prices)),
                Vol::from_points(random.pick(&vols)),
            );
        }
        smiles.push(Smile {
            forward: Price::from_micros(random.pick(&prices)),
            fixed: Price::from_micros(random.pick(&[
                0,
                0,
                0,
                1,
                50_000_000_000,
                i128::MAX,
                i128::MIN,
            ])),
            variance: BlockSpan::from_millis(random.pick(&spans)),
            supports: random.within(0, 3) > 0,
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
