//! Liars below a third of the stake: what the repair makes of medians that they have pushed.

use crate::random::{DAY, applied};
use oracle::weighted_median;
use pricing::{Forward, Horizon, Strike, Svi};
use random::Random;
use std::collections::{BTreeMap, BTreeSet};
use surface::Smile;
use units::{BlockSpan, Price, Round, Vol};

pub(crate) const DAYS: [i128; 5] = [2, 7, 30, 90, 180];
pub(crate) const FORWARD: i128 = 60_000_000_000;
pub(crate) const STRIKES: i128 = 15;

pub(crate) fn strike_at(step: i128) -> Price {
    Price::from_micros(FORWARD * (65 + 5 * step) / 100)
}

/// Returns a smile without arbitrage, its total variance at each strike `lift` parts in a thousand above the base: total
/// variance of the month's `a + b(ρ(k − m) + √((k − m)² + σ²))`, growing with the square root of time in its slope.
fn honest_vol(days: i128, strike: i128, lift: i128) -> Vol {
    let time = BlockSpan::from_millis(days * DAY);
    let per_year = |value: i128| value * days / 365 * (1_000 + lift) / 1_000;
    let one: i128 = 1_000_000_000_000_000;
    let slope = 120 * one / 1_000 * (days * 100).isqrt() / 1_910 * (1_000 + lift) / 1_000;
    let parameters = [per_year(300 * one / 1_000), slope, -200 * one / 1_000, 0, 300 * one / 1_000];
    let svi = Svi::from_quadrillionths(parameters).unwrap();
    let forward = Forward::new(Price::from_micros(FORWARD)).unwrap();
    let strike = Strike::new(Price::from_micros(strike)).unwrap();
    svi.vol(forward, strike, Horizon::after(time).unwrap()).unwrap().vol(Round::Down)
}

/// 0018-SURF-006.
#[test]
fn liars_below_a_third_cannot_push_the_repaired_vols_out_of_the_honest_range() {
    for seed in 0..150 {
        let mut random = Random::new(seed);
        let mut smiles = Vec::new();
        let mut ranges = Vec::new();
        for days in DAYS {
            let (mut vols, mut range) = (BTreeMap::new(), Vec::new());
            for step in 0..STRIKES {
                let strike = strike_at(step).micros();
                let lifts = [0, 10, 20, 30, 40];
                let mut votes: Vec<(Vol, u64)> =
                    lifts.map(|lift| (honest_vol(days, strike, lift), 100)).to_vec();
                range.push((votes[0].0, votes[4].0));
                // Two liars of 124 each: below a third of 748.
                for _ in 0..2 {
                    let lie = random.between(0, 2);
                    let lie = [1, 65_535, random.between(1, 65_535)][usize::try_from(lie).unwrap()];
                    votes.push((Vol::from_points(lie), 124));
                }
                vols.insert(Price::from_micros(strike), weighted_median(&votes).unwrap());
            }
            ranges.push(range);
            smiles.push(Smile {
                forward: Price::from_micros(FORWARD),
                fixed: Price::ZERO,
                variance: BlockSpan::from_millis(days * DAY),
                supports: true,
                silent: BTreeSet::new(),
                vols,
            });
        }
        for (smile, range) in applied(&smiles).iter().zip(&ranges) {
            for ((strike, vol), (low, high)) in smile.vols.iter().zip(range) {
                let slack = Vol::from_points(1);
                let inside = low.minus(slack).unwrap() <= *vol && *vol <= high.plus(slack).unwrap();
                assert!(inside, "seed {seed}: {vol} at {strike} is not from {low} to {high}");
            }
        }
    }
}

/// Returns a surface without arbitrage.
pub(crate) fn honest(lift: i128) -> [Smile; 5] {
    DAYS.map(|days| Smile {
        forward: Price::from_micros(FORWARD),
        fixed: Price::ZERO,
        variance: BlockSpan::from_millis(days * DAY),
        supports: true,
        silent: BTreeSet::new(),
        vols: (0..STRIKES)
            .map(strike_at)
            .map(|strike| (strike, honest_vol(days, strike.micros(), lift)))
            .collect(),
    })
}

/// What the test above calls honest is a surface that the repair leaves alone.
#[test]
fn an_honest_surface_is_left_as_it_is() {
    for lift in [0, 20, 40] {
        let smiles = honest(lift);
        assert_eq!(applied(&smiles), smiles, "lift {lift}");
    }
}
