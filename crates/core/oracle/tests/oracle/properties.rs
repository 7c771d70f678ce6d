//! What holds for all reports: medians against a slow model, the bound on liars, the speed limit, and totality.

use crate::market::START;
use borsh::BorshDeserialize;
use oracle::{Feed, Parameters, Report, weighted_median, weighted_quartiles};
use proptest::prelude::*;
use protocol::{Mode, SourceId, ValidatorId};
use units::{BlockTime, Ppm, Price};

fn price(micros: i128) -> Price {
    Price::from_micros(micros)
}

/// Returns all values, each written out as often as it weighs, ascending.
fn written_out(values: &[(Price, u64)]) -> Vec<Price> {
    let times = |weight: &u64| usize::try_from(*weight).unwrap();
    let mut all: Vec<Price> = values
        .iter()
        .flat_map(|(value, weight)| std::iter::repeat_n(*value, times(weight)))
        .collect();
    all.sort_unstable();
    all
}

/// Returns the median of values that are written out: the middle of the two in the middle, towards zero.
fn model_median(all: &[Price]) -> Option<Price> {
    let last = all.len().checked_sub(1)?;
    let [lower, upper] = [last / 2, all.len() / 2].map(|place| all[place].micros());
    Some(price((lower + upper) / 2))
}

/// Returns the value with at most a quarter of all below it, and the one with at most a quarter above.
fn model_quartiles(all: &[Price]) -> Option<(Price, Price)> {
    let last = all.len().checked_sub(1)?;
    let quarter = all.len() / 4;
    Some((all[quarter], all[last - quarter]))
}

fn arb_weighted() -> impl Strategy<Value = Vec<(Price, u64)>> {
    prop::collection::vec(((-20i128..20).prop_map(price), 0u64..9), 0..12)
}

proptest! {
    /// 0017-ORAC-001.
    #[test]
    fn prop_median_and_quartiles_are_those_of_all_written_out(values in arb_weighted()) {
        let all = written_out(&values);
        prop_assert_eq!(weighted_median(&values), model_median(&all));
        prop_assert_eq!(weighted_quartiles(&values), model_quartiles(&all));
    }

    /// 0017-ORAC-001: of what is mirrored, the median is mirrored.
    #[test]
    fn prop_a_median_leans_to_neither_side(values in arb_weighted()) {
        let mirror = |value: Price| price(-value.micros());
        let mirrored: Vec<(Price, u64)> = values.iter().map(|(value, weight)| (mirror(*value), *weight)).collect();
        prop_assert_eq!(weighted_median(&mirrored), weighted_median(&values).map(mirror));
        let turned = weighted_quartiles(&values).map(|(lower, upper)| (mirror(upper), mirror(lower)));
        prop_assert_eq!(weighted_quartiles(&mirrored), turned);
    }

    #[test]
    fn prop_the_order_of_the_input_does_not_matter(values in arb_weighted(), turn in 0usize..12) {
        let mut turned = values.clone();
        turned.reverse();
        if !turned.is_empty() {
            let middle = turn % turned.len();
            turned.rotate_left(middle);
        }
        prop_assert_eq!(weighted_median(&values), weighted_median(&turned));
    }

    /// 0017-ORAC-002. Only the order of values decides which two a median is the middle of, so trying every place among the
    /// honest values, for every liar, tries every lie there is; the farthest makes the most of a middle.
    #[test]
    fn prop_no_lie_of_less_than_half_the_weight_leaves_the_honest_range(
        honest in prop::collection::vec(((-20i128..20).prop_map(price), 1u64..9), 1..6),
        liars in prop::collection::vec(1u64..9, 1..4),
    ) {
        let lowest = honest.iter().map(|(value, _)| *value).min().unwrap();
        let highest = honest.iter().map(|(value, _)| *value).max().unwrap();
        let honest_weight: u64 = honest.iter().map(|(_, weight)| *weight).sum();
        let is_minority = liars.iter().sum::<u64>() < honest_weight;
        let around = |value: &Price| [-1, 0, 1].map(|step| price(value.micros() + step));
        let mut lies: Vec<Price> = honest.iter().flat_map(|(value, _)| around(value)).collect();
        lies.extend([Price::LIMIT, -Price::LIMIT].map(price));
        lies.sort_unstable();
        lies.dedup();
        let mut escaped = false;
        let attacks = lies.len().pow(u32::try_from(liars.len()).unwrap());
        for attack in 0..attacks {
            let (mut values, mut rest) = (honest.clone(), attack);
            for weight in &liars {
                values.push((lies[rest % lies.len()], *weight));
                rest /= lies.len();
            }
            let found = weighted_median(&values).unwrap();
            escaped |= found < lowest || highest < found;
        }
        // Tight: with half of the weight or more some lie does leave it.
        prop_assert_eq!(escaped, !is_minority);
    }
}

/// A market under attack: honest readings, which validator and which sources are bad, and what the bad ones say.
#[derive(Debug, Clone)]
struct Attack {
    /// Stakes of the honest validators and of the liars, who hold less than a third of all.
    stakes: Vec<(u64, bool)>,
    /// Weights of the sources; those that err hold less than half of the capped weight, because all weigh the same.
    sources: Vec<bool>,
    /// What each validator reports of each source, around 100 dollars: honest within half a percent.
    honest: Vec<i128>,
    /// Lies, in micro-dollars, taken in turn; `None` is silence.
    lies: Vec<Option<i128>>,
}

fn arb_attack() -> impl Strategy<Value = Attack> {
    let lie = prop_oneof![
        Just(None),
        Just(Some(0)),
        Just(Some(-5)),
        Just(Some(i128::MAX)),
        Just(Some(1_000_000_000_000_000)),
        (99_000_000i128..101_000_000).prop_map(Some),
        (11_000_000i128..900_000_000).prop_map(Some),
    ];
    let stakes = prop::collection::vec(1u64..100, 1..8);
    (
        stakes,
        1usize..8,
        prop::collection::vec(99_500_000i128..100_500_000, 64),
        prop::collection::vec(lie, 1..40),
        any::<u8>(),
    )
        .prop_map(|(honest_stakes, sources, honest, lies, bad)| {
            let honest_stake: u64 = honest_stakes.iter().sum();
            let mut stakes: Vec<(u64, bool)> =
                honest_stakes.into_iter().map(|stake| (stake, true)).collect();
            // Liars together just below a third of all: less than half of the honest stake.
            let lying = (honest_stake - 1) / 2;
            stakes.extend([lying / 2, lying - lying / 2].map(|stake| (stake, false)));
            let most_bad = (sources - 1) / 2;
            let bad = if most_bad == 0 { 0 } else { usize::from(bad) % (most_bad + 1) };
            let sources = (0..sources).map(|source| source >= bad).collect();
            Attack { stakes, sources, honest, lies }
        })
}

impl Attack {
    fn reports(&self) -> Vec<Report> {
        let mut honest = self.honest.iter().cycle();
        let mut lies = self.lies.iter().cycle();
        let mut reports = Vec::new();
        for (validator, (stake, is_honest)) in self.stakes.iter().enumerate() {
            for (source, is_sound) in self.sources.iter().enumerate() {
                let seen = if *is_honest && *is_sound {
                    Some(*honest.next().unwrap())
                } else {
                    *lies.next().unwrap()
                };
                let Some(seen) = seen else { continue };
                reports.push(Report {
                    validator: ValidatorId::new(u16::try_from(validator).unwrap()),
                    stake: *stake,
                    source: SourceId::new(u16::try_from(source).unwrap()),
                    price: price(seen),
                    confidence: price(seen / 1_000),
                });
            }
        }
        reports
    }

    fn weights(&self) -> Vec<(SourceId, u32)> {
        (0..u16::try_from(self.sources.len()).unwrap())
            .map(|source| (SourceId::new(source), 7))
            .collect()
    }

    fn total_stake(&self) -> u64 {
        self.stakes.iter().map(|(stake, _)| *stake).sum()
    }

    /// Returns the lowest and highest price that honest validators reported of sound sources.
    fn honest_range(&self) -> (Price, Price) {
        let is_honest = |report: &&Report| {
            self.stakes[usize::from(report.validator.get())].1
                && self.sources[usize::from(report.source.get())]
        };
        let reports = self.reports();
        let prices = || reports.iter().filter(is_honest).map(|report| report.price);
        (prices().min().unwrap(), prices().max().unwrap())
    }
}

fn at(millis: i128) -> BlockTime {
    BlockTime::from_millis(START + millis)
}

proptest! {
    /// 0017-ORAC-002, 0017-ORAC-007: liars below a third of the stake together with sources below half of the weight.
    #[test]
    fn prop_the_index_lies_within_what_honest_validators_saw_at_sound_sources(attack in arb_attack()) {
        let mut feed = Feed::new();
        let params = Parameters::default();
        let (lowest, highest) = attack.honest_range();
        feed.update(&attack.reports(), attack.total_stake(), &attack.weights(), at(0), &params).unwrap();
        // Sources that err may be silent, but the sound ones hold the majority and honest stake is a quorum.
        let index = *feed.index().expect("honest validators suffice");
        prop_assert!(lowest <= index.price && index.price <= highest, "{:?}", index);
        prop_assert!(index.confidence >= Price::ZERO);
        // The next block starts from there: it stays inside, or comes nearer.
        feed.update(&attack.reports(), attack.total_stake(), &attack.weights(), at(250), &params).unwrap();
        let next = feed.index().unwrap().price;
        prop_assert!(lowest <= next && next <= highest);
    }

    /// 0017-ORAC-003, 0017-ORAC-007: a third of the stake may lie, and any of the honest be silent: there is no index then, or an
    /// honest one, as long as most of the sources that are left are sound.
    #[test]
    fn prop_no_silence_of_the_honest_hands_the_index_to_a_third_of_the_stake(mut attack in arb_attack(), silent in any::<u8>()) {
        let honest: u64 = attack.stakes.iter().filter(|(_, honest)| *honest).map(|(stake, _)| stake).sum();
        attack.stakes.retain(|(_, honest)| *honest);
        attack.stakes.push((honest / 2, false));
        let (lowest, highest) = attack.honest_range();
        let is_silent = |validator: ValidatorId| {
            attack.stakes[usize::from(validator.get())].1 && silent >> (validator.get() % 8) & 1 == 1
        };
        let reports: Vec<Report> = attack.reports().into_iter().filter(|report| !is_silent(report.validator)).collect();
        let mut feed = Feed::new();
        feed.update(&reports, attack.total_stake(), &attack.weights(), at(0), &Parameters::default()).unwrap();
        let erring = feed.readings().iter().filter(|reading| !attack.sources[usize::from(reading.source.get())]);
        if let Some(index) = feed.index().filter(|_| erring.count() * 2 < feed.readings().len()) {
            prop_assert!(lowest <= index.price && index.price <= highest, "{:?}", index);
        }
    }

    /// 0017-ORAC-007: up to half of the sources may err, half exactly among them, and any be silent: there is no index then, or
    /// one near what an honest validator saw at a sound source.
    #[test]
    fn prop_half_of_the_sources_move_the_index_no_farther_than_sources_may_be_apart(
        mut attack in arb_attack(),
        pairs in 1usize..4,
        silent in any::<u8>(),
        apart in 0i128..60_000,
    ) {
        attack.sources = (0..2 * pairs).map(|source| source >= pairs).collect();
        let (lowest, highest) = attack.honest_range();
        let is_heard = |report: &Report| silent >> report.source.get() & 1 == 0;
        let reports: Vec<Report> = attack.reports().into_iter().filter(is_heard).collect();
        let params = Parameters { source_distance: Ppm::from_parts(apart), ..Parameters::default() };
        let mut feed = Feed::new();
        feed.update(&reports, attack.total_stake(), &attack.weights(), at(0), &params).unwrap();
        if let Some(index) = feed.index().map(|index| index.price) {
            let reach = index.scaled(params.source_distance, units::Round::Down).unwrap();
            prop_assert!(index >= lowest.minus(reach).unwrap(), "{index} below {lowest}");
            prop_assert!(index <= highest.plus(reach).unwrap(), "{index} above {highest}");
        }
    }

    /// A second attempt at the same bound: climb from random lies towards the worst index that can be found.
    #[test]
    fn prop_a_search_for_the_worst_lies_ends_at_the_honest_range(mut attack in arb_attack(), upward in any::<bool>()) {
        let (lowest, highest) = attack.honest_range();
        let params = Parameters::default();
        let index = |attack: &Attack| {
            let mut feed = Feed::new();
            feed.update(&attack.reports(), attack.total_stake(), &attack.weights(), at(0), &params).unwrap();
            feed.index().map(|index| index.price)
        };
        let mut worst = index(&attack).unwrap();
        for place in 0..attack.lies.len() {
            let candidates = [lowest, highest].map(|edge| edge.micros()).into_iter();
            for lie in candidates.flat_map(|edge| [edge - 1, edge, edge + 1, edge / 2, edge * 2]).map(Some).chain([None]) {
                let before = std::mem::replace(&mut attack.lies[place], lie);
                let found = index(&attack).unwrap();
                let is_worse = if upward { found > worst } else { found < worst };
                if is_worse { worst = found } else { attack.lies[place] = before }
            }
        }
        prop_assert!(lowest <= worst && worst <= highest, "{worst} outside {lowest} … {highest}");
    }

    /// 0017-ORAC-009.
    #[test]
    fn prop_the_index_never_moves_faster_than_its_speed(
        steps in prop::collection::vec((1i128..9_000, 20i128..500_000_000), 2..40),
    ) {
        let (mut feed, params, mut now) = (Feed::new(), Parameters::default(), 0);
        let weights: Vec<_> = (0..4).map(|source| (SourceId::new(source), 1)).collect();
        for (step, micros) in steps {
            now += step;
            let before = feed.index().copied();
            let reports: Vec<Report> = (0..4).map(|source| Report {
                validator: ValidatorId::new(0), stake: 9, source: SourceId::new(source),
                price: price(micros), confidence: Price::ZERO,
            }).collect();
            feed.update(&reports, 9, &weights, at(now), &params).unwrap();
            let after = *feed.index().unwrap();
            if let Some(before) = before {
                let elapsed = after.updated_at.since(before.updated_at).unwrap().millis();
                let reach = (before.price.micros() * elapsed).div_euclid(100_000) + 1;
                let moved = (after.price.micros() - before.price.micros()).abs();
                prop_assert!(moved <= reach, "{moved} in {elapsed} ms from {}", before.price);
                if after.updated_at == at(now) {
                    prop_assert_eq!(after.clamped, after.price != price(micros));
                }
            }
        }
    }

    /// 0017-ORAC-020: whatever is reported under whatever parameters, there is an answer, and it survives its encoding.
    #[test]
    fn prop_any_reports_under_any_parameters_have_an_answer(
        blocks in prop::collection::vec((0i128..100_000_000, prop::collection::vec(
            (0u16..4, any::<u64>(), 0u16..6, arb_number(), arb_number()), 0..20)), 1..8),
        weights in prop::collection::vec(any::<u32>(), 0..6),
        total in any::<u64>(),
        ratios in prop::array::uniform6(-2_000_000i128..2_000_000_000_000),
        warmup in any::<u8>(),
    ) {
        let params = Parameters {
            outlier_deviations: Ppm::from_parts(ratios[0]),
            outlier_floor: Ppm::from_parts(ratios[1]),
            absurd_ratio: Ppm::from_parts(ratios[2]),
            velocity: Ppm::from_parts(ratios[3]),
            divergence_frozen: Ppm::from_parts(ratios[4]),
            source_distance: Ppm::from_parts(ratios[5]),
            warmup_blocks: warmup,
            ..Parameters::default()
        };
        let weights: Vec<_> =
            weights.into_iter().zip(0..).map(|(weight, source)| (SourceId::new(source), weight)).collect();
        let (mut feed, mut now) = (Feed::new(), 0);
        for (step, reports) in blocks {
            now += step;
            let reports: Vec<Report> = reports.into_iter().map(|(validator, stake, source, seen, width)| Report {
                validator: ValidatorId::new(validator), stake, source: SourceId::new(source),
                price: price(seen), confidence: price(width),
            }).collect();
            let result = feed.update(&reports, total, &weights, at(now), &params);
            prop_assert!(result.is_ok(), "{:?}", result);
            if let Some(index) = feed.index() {
                prop_assert!(index.price > Price::ZERO && index.price.within_limit().is_ok());
                prop_assert!(index.confidence >= Price::ZERO);
            } else {
                prop_assert_eq!(feed.mode(at(now), &params), Mode::Frozen);
            }
            let bytes = borsh::to_vec(&feed).unwrap();
            prop_assert_eq!(&Feed::try_from_slice(&bytes).unwrap(), &feed);
        }
    }

    /// Replicas may hold the same votes in different order, and a validator may repeat itself.
    #[test]
    fn prop_the_order_and_repetition_of_reports_do_not_matter(attack in arb_attack(), turn in 0usize..64) {
        let params = Parameters::default();
        let (mut one, mut other) = (Feed::new(), Feed::new());
        let reports = attack.reports();
        let mut turned = reports.clone();
        turned.reverse();
        turned.rotate_left(turn % reports.len());
        turned.extend_from_slice(&reports);
        one.update(&reports, attack.total_stake(), &attack.weights(), at(0), &params).unwrap();
        other.update(&turned, attack.total_stake(), &attack.weights(), at(0), &params).unwrap();
        prop_assert_eq!(one, other);
    }
}

fn arb_number() -> impl Strategy<Value = i128> {
    prop_oneof![
        any::<i128>(),
        any::<i64>().prop_map(i128::from),
        90_000_000i128..110_000_000,
        -3i128..3,
        Just(1_000_000_000_000_000),
    ]
}
