//! The numbers that thresholds are made with, their defaults and their bounds.
//!
//! **Invariant:** [`Parameters::check`] has passed before a number is used.

use protocol::Fault;
use units::{BlockSpan, Ppb, Ppm, limits};

/// The most an underlying has moved within eight hours of a bad day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stress {
    /// The day, and the underlying.
    pub day: &'static str,
    /// The move, either way.
    pub range: Ppm,
    /// Where the figure comes from.
    pub source: &'static str,
}

/// The stress set: days that stay in the range however long ago they were.
///
/// spec 0031-THRE-006.
pub const STRESS: [Stress; 5] = [
    Stress {
        day: "2017-09-04 ETH",
        range: ppm(165_995),
        source: "Coinbase minutes: 285.01 to 332.32 in 6 h 22 min",
    },
    Stress {
        day: "2020-03-12 BTC",
        range: ppm(220_548),
        source: "BTCMEX blog: 7,300 to 5,690 from 10:00 to 11:00",
    },
    Stress {
        day: "2020-03-13 BTC",
        range: ppm(334_828),
        source: "BTCMEX blog and ForexLive: 5,800 at 23:00 to 3,858 at 02:15",
    },
    Stress {
        day: "2024-03-05 ETH",
        range: ppm(154_113),
        source: "Binance 8-hour bar: low against the close before",
    },
    Stress {
        day: "2024-05-20 ETH",
        range: ppm(184_533),
        source: "Binance 8-hour bar: high against the close before",
    },
];

/// All numbers that thresholds are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// Time over which the index is averaged to a level.
    pub average_over: BlockSpan,
    /// Longest time that the index of one block counts for.
    pub block_counts_max: BlockSpan,
    /// Time between two returns.
    pub observe_every: BlockSpan,
    /// Time after which a return counts half in the deviation.
    pub half_life: BlockSpan,
    /// Most returns whose sizes are kept.
    pub kept_max: u16,
    /// Share of the returns kept that the range must hold.
    pub quantile: Ppm,
    /// Time for which the range must hold.
    pub horizon: BlockSpan,
    /// Deviation of a return before there has been one.
    pub deviation_first: Ppb,
    /// What the range of history is multiplied by: room for the range held to catch up.
    pub buffer: Ppm,
    /// Share of the stress set in the range.
    pub stress_share: Ppm,
    /// Range of the stress set.
    pub stress: Ppm,
    /// Least range.
    pub floor: Ppm,
    /// Range at the start, and the least one until enough returns are kept.
    pub initial: Ppm,
    /// Greatest range.
    pub cap: Ppm,
    /// Time between two steps of the range held, and the notice of each.
    pub step_every: BlockSpan,
    /// Most that the range held rises in a step, as a share of itself.
    pub rise_max: Ppm,
    /// Most that the range held falls in a step, as a share of itself.
    pub fall_max: Ppm,
}

const fn ppm(parts: i128) -> Ppm {
    Ppm::from_parts(parts)
}

const HOUR: BlockSpan = BlockSpan::from_millis(3_600_000);
const DAY: BlockSpan = BlockSpan::from_millis(86_400_000);

impl Default for Parameters {
    /// The parameters of 0031-THRE-001.
    fn default() -> Self {
        Self {
            average_over: BlockSpan::from_millis(300_000),
            block_counts_max: BlockSpan::from_millis(15_000),
            observe_every: HOUR,
            half_life: DAY,
            kept_max: Self::KEPT_MAX,
            quantile: ppm(997_000),
            horizon: BlockSpan::from_millis(8 * 3_600_000),
            deviation_first: Ppb::from_parts(10_000_000),
            buffer: ppm(1_250_000),
            stress_share: ppm(250_000),
            stress: stress_range(&STRESS),
            floor: Self::FLOOR,
            initial: ppm(160_000),
            cap: Self::CAP,
            step_every: HOUR,
            rise_max: ppm(50_000),
            fall_max: ppm(10_000),
        }
    }
}

/// Returns the range of a stress set: the widest of it.
const fn stress_range(set: &[Stress]) -> Ppm {
    let mut widest = 0;
    let mut rest = set;
    while let [first, others @ ..] = rest {
        if first.range.parts() > widest {
            widest = first.range.parts();
        }
        rest = others;
    }
    ppm(widest)
}

impl Parameters {
    /// Most returns that may be kept: 180 days of hours.
    pub const KEPT_MAX: u16 = 4_320;
    /// Least range that any parameter may allow.
    pub const FLOOR: Ppm = ppm(120_000);
    /// Greatest range that any parameter may allow.
    pub const CAP: Ppm = ppm(600_000);

    /// Returns the defaults for an underlying whose governed range is `initial`: a quarter less is its floor.
    ///
    /// spec 0031-THRE-007.
    pub fn governed(initial: Ppm) -> Self {
        let initial = initial.greater(Self::FLOOR).lesser(Self::CAP);
        let three_quarters = ppm(initial.parts().saturating_mul(3).div_euclid(4));
        Self { initial, floor: three_quarters.greater(Self::FLOOR), ..Self::default() }
    }

    /// Returns how many returns must be kept before the range may be below the initial one: so many that the quantile
    /// is not merely the largest of them.
    #[must_use]
    pub fn enough(&self) -> usize {
        let beyond = limits::PPM_ONE.saturating_sub(self.quantile.parts()).max(1);
        let least = limits::PPM_ONE.saturating_add(beyond.saturating_sub(1)).div_euclid(beyond);
        usize::try_from(least).unwrap_or(usize::MAX).min(usize::from(self.kept_max))
    }

    /// Checks the bounds that the arithmetic relies on.
    ///
    /// # Errors
    ///
    /// [`Fault::Invariant`] naming the first bound broken.
    ///
    /// spec 0031-THRE-001.
    pub fn check(&self) -> Result<(), Fault> {
        let one = ppm(limits::PPM_ONE);
        let within = |value: Ppm, low: Ppm, high: Ppm| low <= value && value <= high;
        let span = |span: BlockSpan| span > BlockSpan::ZERO && span <= BlockSpan::from_millis(MOST);
        let rules = [
            (
                [self.average_over, self.block_counts_max].into_iter().all(span)
                    && [self.observe_every, self.half_life, self.horizon, self.step_every]
                        .into_iter()
                        .all(span),
                "thresholds: spans are above zero and at most a year",
            ),
            (
                (1..=Self::KEPT_MAX).contains(&self.kept_max),
                "thresholds: one return is kept at least, and half a year of hours at most",
            ),
            (
                within(self.quantile, ppm(500_000), ppm(999_999)),
                "thresholds: the quantile is half or more, and less than all",
            ),
            (
                self.deviation_first > Ppb::ZERO
                    && self.deviation_first <= Ppb::from_parts(limits::PPB_ONE),
                "thresholds: the first deviation is in (0, 1]",
            ),
            (
                within(self.buffer, one, ppm(4_000_000))
                    && within(self.stress_share, Ppm::ZERO, one)
                    && within(self.stress, Ppm::ZERO, one),
                "thresholds: buffer and stress",
            ),
            (
                self.floor >= Self::FLOOR
                    && within(self.initial, self.floor, self.cap)
                    && self.cap <= Self::CAP,
                "thresholds: floor, initial range and cap ascend within 12 % and 60 %",
            ),
            (
                within(self.rise_max, ppm(1_000), one) && within(self.fall_max, ppm(100), one),
                "thresholds: the range held can move",
            ),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, broken)) => Err(Fault::Invariant(broken)),
            None => Ok(()),
        }
    }
}

/// Milliseconds of a year: the longest span of a parameter.
const MOST: i128 = 31_536_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_within_their_own_bounds_whatever_is_governed() {
        // 0031-THRE-001, 0031-THRE-007
        Parameters::default().check().unwrap();
        for (initial, floor) in [
            (0, 120_000),
            (160_000, 120_000),
            (200_000, 150_000),
            (600_000, 450_000),
            (i128::MAX, 450_000),
        ] {
            let parameters = Parameters::governed(ppm(initial));
            parameters.check().unwrap();
            assert_eq!(parameters.floor, ppm(floor), "{initial}");
        }
        assert_eq!(Parameters::default().enough(), 334);
    }

    #[test]
    fn the_stress_range_is_the_worst_of_the_set() {
        // 0031-THRE-006
        assert_eq!(Parameters::default().stress, ppm(334_828));
        assert!(STRESS.iter().all(|stress| stress.range <= Parameters::default().stress));
    }

    #[test]
    fn a_parameter_out_of_bounds_is_named() {
        // 0031-THRE-001
        let base = Parameters::default();
        let broken = [
            Parameters { horizon: BlockSpan::ZERO, ..base },
            Parameters { average_over: BlockSpan::ZERO, ..base },
            Parameters { block_counts_max: BlockSpan::ZERO, ..base },
            Parameters { kept_max: 0, ..base },
            Parameters { kept_max: Parameters::KEPT_MAX + 1, ..base },
            Parameters { quantile: ppm(1_000_000), ..base },
            Parameters { deviation_first: Ppb::ZERO, ..base },
            Parameters { buffer: ppm(999_999), ..base },
            Parameters { floor: ppm(119_999), ..base },
            Parameters { cap: ppm(600_001), ..base },
            Parameters { initial: ppm(100_000), ..base },
            Parameters { rise_max: Ppm::ZERO, ..base },
        ];
        for parameters in broken {
            assert!(parameters.check().is_err(), "{parameters:?}");
        }
    }
}
