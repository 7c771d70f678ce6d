//! Thresholds against a slow model in floats, and what holds whatever the prices.
#![expect(
    clippy::disallowed_types,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the model is the formulas as they are written, in floats"
)]

mod blocks;

use random::Random;
use thresholds::{Parameters, Thresholds};
use units::{BlockSpan, BlockTime, Ppm, Price};

const HOUR: i128 = 3_600_000;
const START: i128 = 1_584_000_000_000;

/// Returns a number within ±1,000, of mean zero, with a peak in the middle.
fn noise(random: &mut Random) -> i128 {
    (0..4).map(|_| i128::from(random.below(501)) - 250).sum()
}

/// Returns a walk whose steps are sometimes three times as wide.
fn walk(seed: u64, hours: usize) -> Vec<Price> {
    let mut random = Random::new(seed);
    let mut micros = 8_000_000_000i128;
    let mut wild = 1;
    let step = |_| {
        if random.one_in(200) {
            wild = 4 - wild;
        }
        micros += micros * noise(&mut random) * wild / 50_000;
        micros = micros.max(1_000_000);
        Price::from_micros(micros)
    };
    (0..hours).map(step).collect()
}

fn at(hour: usize) -> BlockTime {
    BlockTime::from_millis(START + i128::try_from(hour).unwrap() * HOUR)
}

fn ppm(parts: i128) -> Ppm {
    Ppm::from_parts(parts)
}

/// Returns the parameters of a house whose levels are the index itself, for prices that are hours apart.
fn hourly() -> Parameters {
    Parameters { average_over: BlockSpan::from_millis(1), ..Parameters::default() }
}

/// The formulas as they are written down, over the whole history each time, in floats.
mod model {
    pub(super) fn deviation(moves: &[f64]) -> f64 {
        let kept = 0.5_f64.powf(1.0 / 24.0);
        moves.iter().fold(1e-4, |variance, r| kept * variance + (1.0 - kept) * r * r).sqrt()
    }

    pub(super) fn history(moves: &[f64], window: usize) -> f64 {
        let size = |index: usize| moves[index].abs() / deviation(&moves[..index]).max(1e-4);
        let first = moves.len().saturating_sub(window);
        let mut sizes: Vec<f64> = (first..moves.len()).map(size).collect();
        sizes.sort_by(f64::total_cmp);
        let rank = (0.997 * sizes.len() as f64 - 1e-9).ceil() as usize;
        sizes[rank - 1] * deviation(moves).max(1e-4) * 8.0_f64.sqrt()
    }

    pub(super) fn target(history: f64, least: f64) -> f64 {
        f64::max(1.25 * history, 0.75 * history + 0.25 * 0.334_828).clamp(least, 0.6)
    }
}

fn as_f64(parts: Ppm) -> f64 {
    parts.parts() as f64 / 1e6
}

#[test]
fn ranges_are_those_of_a_slow_model_rounded_up() {
    // 0031-THRE-002…005
    for seed in [1, 2, 3] {
        let parameters = Parameters { kept_max: 400, ..hourly() };
        let mut thresholds = Thresholds::new(&parameters).unwrap();
        let (mut moves, mut last) = (Vec::new(), None::<f64>);
        let mut wide = 0;
        for (hour, price) in walk(seed, 700).into_iter().enumerate() {
            assert!(thresholds.advance(price, at(hour), &parameters).unwrap());
            let price = price.micros() as f64;
            moves.extend(last.map(|last| (price / last - 1.0).min(1.0)));
            last = Some(price);
            if moves.is_empty() || hour % 7 != 0 {
                continue;
            }
            let history = model::history(&moves, 400);
            let found = thresholds.behind();
            // A few millionths, each a rounding up; decay is known to a billionth.
            let above = as_f64(found.history) - history;
            assert!(above < 2e-6 + 2e-6 * history, "{seed} {hour}: {above}");
            assert!(above > -1e-7 * history, "{seed} {hour}: {above}");
            let least = if moves.len() < 334 { 0.16 } else { 0.12 };
            let target = model::target(history, least);
            assert!(
                (as_f64(thresholds.target()) - target).abs() < 4e-6 + 3e-6 * target,
                "{seed} {hour}"
            );
            wide += usize::from(0.2 < target && target < 0.6);
        }
        assert!(wide > 5, "seed {seed} has hours of wide ranges within the cap: {wide}");
    }
}

#[test]
fn new_risk_widens_at_once_and_risk_held_after_an_hours_notice_by_five_percent_an_hour() {
    // 0031-THRE-008, 0031-THRE-009
    let parameters = hourly();
    let mut thresholds = Thresholds::new(&parameters).unwrap();
    let calm = Price::from_micros(8_000_000_000);
    for hour in 0..48 {
        thresholds.advance(calm, at(hour), &parameters).unwrap();
    }
    assert_eq!((thresholds.new_risk(), thresholds.hold()), (ppm(160_000), ppm(160_000)));
    let crashed = Price::from_micros(6_000_000_000);
    let mut seen = Vec::new();
    for hour in 48..53 {
        thresholds.advance(crashed, at(hour), &parameters).unwrap();
        seen.push((thresholds.hold().parts(), thresholds.announced().parts()));
    }
    assert_eq!(thresholds.new_risk(), ppm(600_000));
    let expected = [
        (160_000, 168_000),
        (168_000, 176_400),
        (176_400, 185_220),
        (185_220, 194_481),
        (194_481, 204_205),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_range_held_falls_by_one_percent_an_hour_and_no_further_than_the_floor() {
    // 0031-THRE-009, 0031-THRE-010
    let parameters = hourly();
    let mut thresholds = Thresholds::new(&parameters).unwrap();
    let mut micros = 8_000_000_000;
    for hour in 0..400 {
        micros += if hour % 2 == 0 { 8_000_000 } else { -8_000_000 };
        thresholds.advance(Price::from_micros(micros), at(hour), &parameters).unwrap();
    }
    // A tenth of a percent an hour asks for less than the floor, and there have been enough hours to believe it.
    assert_eq!(thresholds.target(), ppm(120_000));
    assert_eq!(thresholds.hold(), ppm(120_000));
    assert_eq!(thresholds.new_risk(), ppm(120_000));
}

#[test]
fn within_the_hour_only_new_risk_moves_and_a_long_silence_is_one_step() {
    // 0031-THRE-010, 0031-THRE-018
    let parameters = hourly();
    let mut thresholds = Thresholds::new(&parameters).unwrap();
    let (high, low) = (Price::from_micros(8_000_000_000), Price::from_micros(5_000_000_000));
    assert!(thresholds.advance(high, at(0), &parameters).unwrap());
    let within = |millis| BlockTime::from_millis(START + millis);
    assert!(!thresholds.advance(high, within(HOUR - 2), &parameters).unwrap());
    assert!(thresholds.advance(low, within(HOUR - 1), &parameters).unwrap());
    assert_eq!((thresholds.running(), thresholds.new_risk()), (ppm(600_000), ppm(600_000)));
    assert_eq!((thresholds.target(), thresholds.announced()), (ppm(160_000), ppm(160_000)));
    assert!(thresholds.advance(low, at(1), &parameters).unwrap());
    let announced = thresholds.announced();
    assert!(thresholds.advance(low, at(500), &parameters).unwrap());
    assert_eq!(thresholds.hold(), announced);
    assert_eq!(announced, ppm(168_000));
}

#[test]
fn state_is_bounded_after_any_length_of_history() {
    // 0031-THRE-012
    let parameters = hourly();
    let mut thresholds = Thresholds::new(&parameters).unwrap();
    for (hour, price) in walk(9, 4_600).into_iter().enumerate() {
        // The quantile costs a sort: sparse in the first half.
        if hour > 4_300 || hour % 64 == 0 {
            thresholds.advance(price, at(hour), &parameters).unwrap();
        }
    }
    let many = Parameters { kept_max: 64, ..parameters };
    let mut small = Thresholds::new(&many).unwrap();
    let mut size = 0;
    for (hour, price) in walk(9, 300).into_iter().enumerate() {
        small.advance(price, at(hour), &many).unwrap();
        let now = borsh::to_vec(&small).unwrap().len();
        assert!(hour < 66 || now == size, "hour {hour}: {now} bytes");
        size = now;
    }
    assert!(borsh::to_vec(&thresholds).unwrap().len() < 18_000);
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    /// Prices such as no market makes, beside those that one does.
    fn arb_price() -> impl Strategy<Value = Price> {
        prop_oneof![
            6 => (4_000_000_000i128..9_000_000_000).prop_map(Price::from_micros),
            1 => (-5i128..5).prop_map(Price::from_micros),
            1 => any::<i64>().prop_map(|micros| Price::from_micros(i128::from(micros))),
            1 => any::<i128>().prop_map(Price::from_micros),
        ]
    }

    fn arb_parameters() -> impl Strategy<Value = Parameters> {
        let ranges = (120_000i128..=600_000, 120_000i128..=600_000, 120_000i128..=600_000);
        let speeds = (1_000i128..=1_000_000, 100i128..=1_000_000);
        let quantile = 500_000i128..=999_999;
        let kinds = (quantile, 1u16..60, any::<bool>());
        (ranges, speeds, kinds).prop_map(|(ranges, speeds, (quantile, kept_max, averaged))| {
            let mut ranges = [ranges.0, ranges.1, ranges.2];
            ranges.sort_unstable();
            let [floor, initial, cap] = ranges.map(ppm);
            let (rise_max, fall_max) = (ppm(speeds.0), ppm(speeds.1));
            let quantile = ppm(quantile);
            let base = if averaged { Parameters::default() } else { hourly() };
            Parameters { kept_max, quantile, floor, initial, cap, rise_max, fall_max, ..base }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(192))]

        /// 0031-THRE-008…010, 0031-THRE-012: whatever the prices and the pauses between them.
        #[test]
        fn prop_no_prices_break_a_speed_limit_a_bound_or_the_order_of_the_ranges(
            parameters in arb_parameters(),
            prices in prop::collection::vec((arb_price(), 1i128..3 * HOUR), 1..90),
        ) {
            let mut thresholds = Thresholds::new(&parameters).unwrap();
            let mut now = START;
            let (mut held_at, mut announced_at) = (now, now);
            for (price, pause) in prices {
                now += pause;
                let before = thresholds.clone();
                let time = BlockTime::from_millis(now);
                let changed = thresholds.advance(price, time, &parameters).unwrap();
                let shown = |held: &Thresholds| {
                    let ranges = [held.target(), held.running(), held.hold(), held.announced()];
                    (ranges, held.behind(), held.history().clone(), held.step_at())
                };
                prop_assert!(changed || shown(&thresholds) == shown(&before));
                let (old, new) = (before.hold().parts(), thresholds.hold().parts());
                prop_assert!(new * 1_000_000 <= old * (1_000_000 + parameters.rise_max.parts()));
                prop_assert!(new * 1_000_000 >= old * (1_000_000 - parameters.fall_max.parts()));
                if old != new {
                    prop_assert_eq!(thresholds.hold(), before.announced());
                    prop_assert!(held_at == START || now - held_at >= HOUR);
                    prop_assert!(now - announced_at >= HOUR, "noticed {} ms ago", now - announced_at);
                    held_at = now;
                }
                if before.announced() != thresholds.announced() {
                    announced_at = now;
                }
                for range in [thresholds.hold(), thresholds.new_risk(), thresholds.announced()] {
                    prop_assert!(parameters.floor <= range && range <= parameters.cap);
                }
                prop_assert!(thresholds.hold() <= thresholds.new_risk());
                prop_assert!(thresholds.announced() <= thresholds.new_risk());
                prop_assert!(thresholds.is_sound());
            }
        }

        /// 0031-THRE-012
        #[test]
        fn prop_a_snapshot_goes_on_as_its_original_does(
            parameters in arb_parameters(),
            prices in prop::collection::vec(arb_price(), 2..60),
            cut in 0usize..60,
        ) {
            let mut original = Thresholds::new(&parameters).unwrap();
            let mut restored = original.clone();
            for (hour, price) in prices.into_iter().enumerate() {
                if hour == cut {
                    let bytes = borsh::to_vec(&original).unwrap();
                    restored = borsh::from_slice(&bytes).unwrap();
                }
                original.advance(price, at(hour), &parameters).unwrap();
                restored.advance(price, at(hour), &parameters).unwrap();
                prop_assert_eq!(borsh::to_vec(&original).unwrap(), borsh::to_vec(&restored).unwrap());
            }
        }

        /// 0031-THRE-005: a wider return never narrows the target.
        #[test]
        fn prop_a_larger_move_never_asks_for_less(
            prices in prop::collection::vec(7_900_000_000i128..8_100_000_000, 2..50),
            small in 0i128..2_000_000_000,
            more in 0i128..2_000_000_000,
        ) {
            let parameters = hourly();
            let mut calm = Thresholds::new(&parameters).unwrap();
            for (hour, micros) in prices.iter().enumerate() {
                calm.advance(Price::from_micros(*micros), at(hour), &parameters).unwrap();
            }
            let mut wild = calm.clone();
            let last = prices.last().copied().unwrap_or_default();
            let fall = |by: i128| Price::from_micros(last - by);
            calm.advance(fall(small), at(prices.len()), &parameters).unwrap();
            wild.advance(fall(small + more), at(prices.len()), &parameters).unwrap();
            prop_assert!(calm.target() <= wild.target() && calm.running() <= wild.running());
        }
    }

    #[test]
    fn times_at_the_end_of_the_world_are_a_fault_and_change_nothing() {
        let parameters = hourly();
        let mut thresholds = Thresholds::new(&parameters).unwrap();
        let before = thresholds.clone();
        let never = BlockTime::from_millis(i128::MAX);
        assert!(thresholds.advance(Price::ONE, never, &parameters).is_err());
        assert_eq!(thresholds, before);
        let broken = Parameters { step_every: BlockSpan::ZERO, ..parameters };
        assert!(thresholds.advance(Price::ONE, at(0), &broken).is_err());
        assert_eq!(thresholds, before);
    }
}
