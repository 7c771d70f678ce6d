//! A path of prices through given points: integers and a seeded generator, the same on every machine.
//!
//! Between two points the path wanders by midpoint displacement: the middle of a stretch is the mean of its ends, moved
//! at random by an amount that shrinks with the square root of the length, as it does in a random walk.
//!
//! **Invariant:** the path passes through every point and stays inside the range of the two points around it, so that a
//! published low is the low, and at its own time.

use units::{BlockTime, Price};

use crate::path::Provenance;

/// A point that a path passes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// When.
    pub time: BlockTime,
    /// The price.
    pub price: Price,
    /// Where the figure comes from.
    pub provenance: Provenance,
    /// The source, in a few words.
    pub source: &'static str,
}

/// Milliseconds in a minute.
const MINUTE_MS: i128 = 60_000;
/// Displacement of the middle of a stretch of one minute, in millionths of the price.
const DISPLACEMENT_PPM: i128 = 700;
/// Further displacement where anchors lie far apart: this part of their distance for the middle of the whole stretch.
const DISPLACEMENT_OF_RANGE: i128 = 4;

/// A generator of random numbers that outlives every library: SplitMix64.
///
/// # Source
///
/// Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014, figure 17.
#[derive(Debug, Clone)]
pub(super) struct Seeded(u64);

impl Seeded {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from `−bound` to `bound`.
    pub(super) fn within(&mut self, bound: i128) -> i128 {
        let width = bound.max(0) * 2 + 1;
        i128::from(self.next()).rem_euclid(width) - bound.max(0)
    }
}

/// Returns a price for each minute from the first anchor to the last.
pub(super) fn bridge(anchors: &[Anchor], seed: u64) -> Vec<(BlockTime, Price)> {
    let mut random = Seeded::new(seed);
    let mut path = Vec::new();
    for pair in anchors.windows(2) {
        let [from, to] = pair else { continue };
        let minutes = (to.time.millis() - from.time.millis()) / MINUTE_MS;
        let length = usize::try_from(minutes).unwrap_or(0);
        let mut stretch = vec![from.price.micros(); length + 1];
        if let Some(end) = stretch.last_mut() {
            *end = to.price.micros();
        }
        wander(&mut stretch, &mut random);
        // The last point of a stretch is the first of the next.
        path.extend(stretch.iter().take(length).zip(0_i128..).map(|(micros, minute)| {
            let time = from.time.millis() + minute * MINUTE_MS;
            (BlockTime::from_millis(time), to_cents(*micros))
        }));
    }
    path.extend(anchors.last().map(|last| (last.time, last.price)));
    path
}

/// Fills a stretch whose ends are set.
fn wander(stretch: &mut [i128], random: &mut Seeded) {
    let (Some(&first), Some(&last)) = (stretch.first(), stretch.last()) else { return };
    let (low, high) = (first.min(last), first.max(last));
    let whole = i128::try_from(stretch.len() - 1).unwrap_or(1).max(1);
    let mut open = vec![(0, stretch.len() - 1)];
    while let Some((left, right)) = open.pop() {
        if right - left < 2 {
            continue;
        }
        let middle = left + (right - left) / 2;
        let span = i128::try_from(right - left).unwrap_or(1);
        let at = |index: usize| i128::try_from(index).unwrap_or(0);
        // The mean of the ends, weighted because a stretch of odd length has no middle.
        let weighted =
            stretch[left] * (at(right) - at(middle)) + stretch[right] * (at(middle) - at(left));
        let straight = weighted.div_euclid(span);
        let of_price = straight * DISPLACEMENT_PPM / 1_000_000 * root(span);
        // Ten thousandths of sqrt(span / whole), the share of a random walk's width that a part of it has.
        let share = root(span * 100_000_000 / whole);
        let bound = of_price + (high - low) * share / (10_000 * DISPLACEMENT_OF_RANGE);
        let moved = straight + random.within(bound);
        stretch[middle] = reflected(moved, low, high);
        open.push((middle, right));
        open.push((left, middle));
    }
}

/// Returns a value brought back inside a range by reflection at its ends.
fn reflected(value: i128, low: i128, high: i128) -> i128 {
    let inside = if value < low {
        2 * low - value
    } else if value > high {
        2 * high - value
    } else {
        value
    };
    // A range narrower than the displacement leaves the value outside once more. The ends belong to the anchors.
    let edge = (high - low) / 100;
    inside.clamp(low + edge, high - edge)
}

/// Returns the integer square root of a number that is not negative, rounded down.
fn root(value: i128) -> i128 {
    let mut root = 0;
    while (root + 1) * (root + 1) <= value {
        root += 1;
    }
    root
}

/// Returns a price floored to a cent, as venues print it.
pub(super) fn to_cents(micros: i128) -> Price {
    Price::from_micros(micros.div_euclid(10_000) * 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anchors(points: &[(i128, i128)]) -> Vec<Anchor> {
        let anchor = |&(minute, dollars): &(i128, i128)| Anchor {
            time: BlockTime::from_millis(minute * MINUTE_MS),
            price: Price::from_micros(dollars * 1_000_000),
            provenance: Provenance::Assumed,
            source: "test",
        };
        points.iter().map(anchor).collect()
    }

    #[test]
    fn the_path_meets_every_anchor_and_stays_between_them() {
        for seed in 0..50 {
            let anchors =
                anchors(&[(0, 7_900), (600, 7_300), (661, 5_690), (900, 6_000), (901, 6_001)]);
            let path = bridge(&anchors, seed);
            assert_eq!(path.len(), 902);
            for pair in anchors.windows(2) {
                let (low, high) =
                    (pair[0].price.lesser(pair[1].price), pair[0].price.greater(pair[1].price));
                let inside = |(time, _): &&(BlockTime, Price)| {
                    pair[0].time <= *time && *time <= pair[1].time
                };
                for (time, price) in path.iter().filter(inside) {
                    assert!(low <= *price && *price <= high, "{time} {price}");
                }
                assert!(path.contains(&(pair[0].time, pair[0].price)));
            }
        }
    }

    #[test]
    fn the_path_depends_on_the_seed_and_on_nothing_else() {
        let anchors = anchors(&[(0, 100), (500, 90)]);
        assert_eq!(bridge(&anchors, 1), bridge(&anchors, 1));
        assert_ne!(bridge(&anchors, 1), bridge(&anchors, 2));
    }

    #[test]
    fn the_generator_gives_the_published_numbers() {
        // First outputs for seed 1234567, as the reference implementation gives them.
        let mut random = Seeded::new(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn roots_are_rounded_down() {
        assert_eq!([0, 1, 2, 3, 4, 99, 100].map(root), [0, 1, 1, 1, 2, 9, 10]);
    }
}
