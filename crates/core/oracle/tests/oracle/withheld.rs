//! What a validator gains who can withhold a report on which the quorum hangs, in the half hour that a settlement averages.

use oracle::{Parameters, SettlementAverage, Sight};
use random::Random;
use units::{BlockSpan, BlockTime, Price};

const EXPIRY: i128 = 1_700_000_000_000;
const SEED: u64 = 0x5E77_1E17;

/// Returns a thousand times a number of mean zero and deviation one, nearly normal.
fn normal(random: &mut Random) -> i128 {
    (0..12).map(|_| i128::from(random.below(1_001)) - 500).sum()
}

/// Prices of the seconds of a path from 8,000 dollars, for a deviation of a second in billionths.
fn path(random: &mut Random, deviation: i128, seconds: usize) -> Vec<i128> {
    let mut price = 8_000_000_000;
    let mut step = |_| {
        price += price * deviation * normal(random) / 1_000_000_000_000;
        price
    };
    (0..seconds).map(&mut step).collect()
}

/// Returns what a path settles at if only some of its seconds set the index, and that is fresh for so many.
fn settled(path: &[i128], fresh: i128, mut shows: impl FnMut(i128, i128) -> bool) -> i128 {
    let stale_after = BlockSpan::from_millis(fresh * 1_000);
    let params = Parameters { stale_after, ..Parameters::default() };
    let at = |second: i128| BlockTime::from_millis(EXPIRY + second * 1_000);
    let mut average = SettlementAverage::new(at(0), SettlementAverage::WINDOW);
    for (second, price) in (-1_800..).zip(path) {
        let sight = match shows(second, *price) {
            true => Sight::Fresh(Price::from_micros(*price)),
            false => Sight::Unseen,
        };
        average.record(sight, at(second), &params).unwrap();
        if let Some(price) = average.settled(at(second)).unwrap() {
            return price.micros();
        }
    }
    panic!("the path is too short to settle")
}

/// Shows a price that is not below the last, and any once the last has counted for so long.
fn higher(longest: i128) -> impl FnMut(i128, i128) -> bool {
    let mut last: Option<(i128, i128)> = None;
    move |second, price| {
        let shows = last.is_none_or(|(at, shown)| price >= shown || second - at >= longest);
        if shows {
            last = Some((second, price));
        }
        shows
    }
}

/// Does so, too, and shows nothing below the average of what it has shown while gaps cost nothing.
fn higher_or_none(longest: i128, gaps: i128) -> impl FnMut(i128, i128) -> bool {
    let (mut last, mut left, mut sum, mut count): (Option<(i128, i128)>, _, _, _) =
        (None, gaps, 0, 0);
    move |second, price| {
        let (due, better) =
            last.map_or((true, true), |(at, shown)| (second - at >= longest, price >= shown));
        let is_low = count > 0 && price * count < sum;
        if due && !better && is_low && left > 0 {
            left -= 1;
            return false;
        }
        if better || due {
            last = Some((second, price));
        }
        if let Some((_, shown)) = last {
            (sum, count) = (sum + shown, count + 1);
        }
        better || due
    }
}

#[test]
fn a_report_withheld_moves_a_settlement_by_little_and_only_for_as_long_as_prices_stay_fresh() {
    // 0017-ORAC-046. An index that counted for 55 seconds without a new one gave three times as much.
    eprintln!("seed {SEED:#x}");
    for (vol, deviation, most) in [(60, 106_842, 200), (150, 267_105, 500)] {
        let mut random = Random::new(SEED);
        let mut gains = [0; 3];
        for _ in 0..500 {
            let path = path(&mut random, deviation, 3_600);
            let honest = settled(&path, 10, |_, _| true);
            let found = [
                settled(&path, 10, higher(10)),
                settled(&path, 10, higher_or_none(10, 180)),
                settled(&path, 55, higher(55)),
            ];
            for (gain, found) in gains.iter_mut().zip(found) {
                *gain += (found - honest) * 1_000_000 / honest;
            }
        }
        let [held, dropped, long] = gains.map(|gain| gain / 500);
        eprintln!("{vol} %: {held} ppm by holding, {dropped} with gaps, {long} with 55 seconds");
        assert!((0..most).contains(&held) && (0..most).contains(&dropped));
        assert!(long > 2 * held);
    }
}
