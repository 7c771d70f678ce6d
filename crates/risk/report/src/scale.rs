//! Axes: where the ticks go and where a number lands.

/// Span of time between two ticks, in milliseconds, from which an axis chooses.
const TIME_STEPS: [i64; 17] = [
    1_000,
    5_000,
    15_000,
    60_000,
    2 * 60_000,
    5 * 60_000,
    10 * 60_000,
    15 * 60_000,
    30 * 60_000,
    3_600_000,
    2 * 3_600_000,
    3 * 3_600_000,
    6 * 3_600_000,
    12 * 3_600_000,
    24 * 3_600_000,
    7 * 24 * 3_600_000,
    28 * 24 * 3_600_000,
];

/// A range of numbers laid on a range of pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) at_low: f64,
    pub(crate) at_high: f64,
}

impl Scale {
    /// Returns where a number lands.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let width = self.high - self.low;
        let share = if width == 0.0 { 0.5 } else { (value - self.low) / width };
        self.at_low + share * (self.at_high - self.at_low)
    }
}

/// Ticks of a value axis: a round step, and its multiples that enclose the numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ticks {
    pub(crate) step: f64,
    pub(crate) values: Vec<f64>,
}

/// Returns ticks that enclose a range in about `wanted` steps of 1, 2, 2.5 or 5 times a power of ten.
pub(crate) fn ticks(low: f64, high: f64, wanted: u32) -> Ticks {
    let (low, high) = if high > low {
        (low, high)
    } else {
        // A flat line gets room on both sides.
        let room = if low == 0.0 { 1.0 } else { low.abs() * 0.01 };
        (low - room, high + room)
    };
    let rough = (high - low) / f64::from(wanted.max(1));
    let power = 10_f64.powf(rough.log10().floor());
    let multiple =
        [1.0, 2.0, 2.5, 5.0].into_iter().find(|m| m * power >= rough * 0.999).unwrap_or(10.0);
    let step = multiple * power;
    let first = (low / step + 1e-9).floor();
    let last = (high / step - 1e-9).ceil();
    let mut values = Vec::new();
    let mut index = first;
    while index <= last && values.len() < 32 {
        values.push(index * step);
        index += 1.0;
    }
    Ticks { step, values }
}

/// Returns the moments of the time ticks of a range and their distance, at most `most` of them.
pub(crate) fn time_ticks(from: i64, to: i64, most: i64) -> (i64, Vec<i64>) {
    let step = step_for((to - from).max(1), most);
    let first = from.div_euclid(step) * step;
    let inside = |moment: &i64| *moment >= from && *moment <= to;
    let last = (to - first) / step;
    (step, (0..=last).map(|index| first + index * step).filter(inside).collect())
}

/// Returns the shortest round span that divides a length into at most `most` parts.
pub(crate) fn step_for(length: i64, most: i64) -> i64 {
    let fits = |step: &&i64| length / **step <= most;
    TIME_STEPS.iter().find(fits).copied().unwrap_or_else(|| length / most.max(1) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_enclose_the_range_in_round_steps() {
        for (low, high, step, first, last) in [
            (3_858.0, 7_913.62, 1_000.0, 3_000.0, 8_000.0),
            (0.0, 0.0, 0.5, -1.0, 1.0),
            (0.0, 1.84, 0.5, 0.0, 2.0),
            (-12.0, 88.0, 20.0, -20.0, 100.0),
            (100.0, 100.0, 0.5, 99.0, 101.0),
        ] {
            let ticks = ticks(low, high, 5);
            assert_eq!(ticks.step, step, "{low} {high}");
            assert!((ticks.values[0] - first).abs() < 1e-9, "{ticks:?}");
            assert!((ticks.values[ticks.values.len() - 1] - last).abs() < 1e-9, "{ticks:?}");
        }
    }

    #[test]
    fn time_ticks_are_round_and_inside() {
        let from = 1_583_971_200_000;
        let (step, moments) = time_ticks(from, from + 44 * 3_600_000, 12);
        assert_eq!(step, 6 * 3_600_000);
        assert_eq!(moments.len(), 8);
        assert!(moments.iter().all(|moment| moment % step == 0 && *moment >= from));
        assert_eq!(time_ticks(5, 5, 10).1, Vec::<i64>::new());
    }

    #[test]
    fn a_number_lands_in_proportion() {
        let scale = Scale { low: 0.0, high: 10.0, at_low: 100.0, at_high: 0.0 };
        assert_eq!(scale.at(2.5), 75.0);
        assert_eq!(Scale { low: 1.0, high: 1.0, at_low: 0.0, at_high: 10.0 }.at(1.0), 5.0);
    }
}
