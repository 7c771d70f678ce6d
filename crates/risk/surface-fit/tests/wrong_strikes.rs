//! One wrong strike in a recorded chain: who else is moved. Says so and passes where the data is absent.

use market::Dataset;
use pricing::FineVol;
use protocol::Right;
use std::collections::{BTreeMap, BTreeSet};
use surface::{Repaired, Smile, repair};
use surface_fit::quotes::Quotes;
use surface_fit::vote::middles;
use units::{Price, Round, Vol};

/// Returns the production chains; none where they are absent.
fn recorded() -> Vec<Quotes> {
    let chains = Dataset::recorded().unwrap().map(|data| data.chains().unwrap());
    chains.iter().flatten().map(Quotes::of_chain).collect()
}

type Vols = BTreeMap<Price, Vol>;

/// Returns the vols that options of a chain would be marked at, given votes.
fn marked(quotes: &Quotes, votes: &[Vols]) -> Vec<Vols> {
    let smiles = quotes.expiries.iter().zip(votes).map(|(expiry, vols)| Smile {
        forward: expiry.forward,
        fixed: Price::ZERO,
        variance: expiry.time,
        supports: true,
        silent: BTreeSet::new(),
        vols: vols.clone(),
    });
    vols(&repair(&smiles.collect::<Vec<_>>()))
}

fn vols(points: &[BTreeMap<Price, Repaired>]) -> Vec<Vols> {
    let vols = |points: &BTreeMap<Price, Repaired>| {
        points.iter().map(|(strike, point)| (*strike, point.vol)).collect()
    };
    points.iter().map(vols).collect()
}

/// What becomes of others when one strike is wrong, over all cases.
#[derive(Debug, Default)]
struct Moves {
    cases: usize,
    /// In how many of them others move: one, and more.
    one: usize,
    more: usize,
    /// The most that a price moves, in dollars, rounded down, of those that move alone and of those that do not.
    dollars: [i128; 2],
}

/// Puts every third strike between 70 and 140 % of the forward off by so many points, one at a time.
fn moves(quotes: &Quotes, off: i128, found: &mut Moves) {
    let sound = vols(&middles(quotes).repaired);
    for (place, expiry) in quotes.expiries.iter().enumerate() {
        let share = |strike: Price| strike.micros() * 100 / expiry.forward.micros();
        let near = sound[place].keys().filter(|strike| (70..140).contains(&share(**strike)));
        for strike in near.step_by(3) {
            let vol = sound[place][strike].points() + off;
            if vol < 100 {
                continue;
            }
            let mut wrong = sound.clone();
            wrong[place].insert(*strike, Vol::from_points(vol));
            let mut marked = marked(quotes, &wrong);
            marked[place].insert(*strike, sound[place][strike]);
            let (mut others, mut most) = (0, 0);
            for ((expiry, sound), marked) in quotes.expiries.iter().zip(&sound).zip(&marked) {
                for ((strike, sound), marked) in sound.iter().zip(marked.values()) {
                    let call = |vol: &Vol| {
                        let vol = FineVol::from_vol(*vol).unwrap();
                        expiry.price(*strike, Right::Call, vol, Round::Down).unwrap().micros()
                    };
                    others += usize::from(sound != marked);
                    most = most.max((call(sound) - call(marked)).abs() / 1_000_000);
                }
            }
            found.cases += 1;
            found.one += usize::from(others == 1);
            found.more += usize::from(others > 1);
            let dollars = &mut found.dollars[usize::from(others > 1)];
            *dollars = most.max(*dollars);
        }
    }
}

/// 0018-SURF-007. Low ones hardly do; high ones hold later expiries up.
#[test]
fn a_low_strike_of_a_recorded_chain_moves_no_others_and_a_high_one_few() {
    let recorded = recorded();
    if recorded.is_empty() {
        return;
    }
    let moved = |off: i128| {
        let mut found = Moves::default();
        recorded.iter().for_each(|quotes| moves(quotes, off, &mut found));
        (off, found.cases, found.one, found.more, found.dollars)
    };
    let found = [-2_000, -1_000, -500, -200, 500, 2_000].map(moved);
    let expected = [
        (-2_000, 475, 6, 2, [9, 0]),
        (-1_000, 476, 17, 1, [36, 0]),
        (-500, 476, 15, 1, [22, 0]),
        (-200, 476, 16, 2, [56, 0]),
        (500, 476, 12, 18, [46, 431]),
        (2_000, 476, 7, 33, [18, 431]),
    ];
    assert_eq!(found, expected);
}
