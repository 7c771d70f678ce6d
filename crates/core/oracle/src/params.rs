//! The numbers that governance may turn, with the defaults of the design.

use units::{BlockSpan, Ppm, Vol};

/// How much the oracle tolerates before it limits, restricts or refuses. Any values are safe to compute with; bounds
/// are `governance`'s affair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// Distance from the median, in median absolute deviations, at which a source is an outlier. Default 5.
    pub outlier_deviations: Ppm,
    /// Distance from the median that is never an outlier, as a share of it. Default 0.5 %.
    pub outlier_floor: Ppm,
    /// Distance from the median, as a share of it, within which sources must lie to agree on an index; doubt about it is
    /// measured as far. Default 2 %.
    pub source_distance: Ppm,
    /// Ratio to the last index at or beyond which, up or down, a report is absurd and not counted. Default 10.
    pub absurd_ratio: Ppm,
    /// Ratio to the reference price at or beyond which, up or down, a report is absurd as long as there is no index.
    /// Below the root of ten, so that a decimal place too many or too few is refused wherever the reference is right to
    /// within the ratio. Default 3.
    pub first_ratio: Ppm,
    /// How long blocks must agree on a price that is absurd beside an index that is lost. Default 10 min.
    pub reseed_after: BlockSpan,
    /// Largest change of the index per second, as a share of it. Default 1 %.
    pub velocity: Ppm,
    /// Fewest sources near the index that leave no doubt of it. Default 4.
    pub sources_min: u8,
    /// Confidence, as a share of the index, above which the mode is caution. Default 0.5 %.
    pub confidence_caution: Ppm,
    /// Distance from the five-minute average, as a share of it, above which the mode is frozen. Default 50 %.
    pub divergence_frozen: Ppm,
    /// Age of the index above which the mode is reduce-only. Default 10 s.
    pub stale_after: BlockSpan,
    /// Age of the index above which the mode is frozen. Default 60 s.
    pub frozen_after: BlockSpan,
    /// Time between two blocks above which the oracle warms up again. Longer than blocks ordinarily take. Default 10 s.
    pub gap_max: BlockSpan,
    /// Blocks in a row with a quorum that end a warm-up. Default 3.
    pub warmup_blocks: u8,
    /// How long a mode lasts after its reason is gone. Default 10 s.
    pub relax_after: BlockSpan,
    /// How long sources must have given reason for doubt before it counts for what is held already. Default 10 s.
    pub doubt_grace: BlockSpan,
    /// The longest time for which one block may move the index. Default 10 s.
    pub catch_up: BlockSpan,
    /// Half-life of the premium's average. Default 150 s.
    pub premium_half_life: BlockSpan,
    /// Largest distance of a perpetual's mark from the index, as a share of it. Default 3 % (10 % beside BTC and ETH).
    pub mark_band: Ppm,
    /// Largest distance of a forward from the index, as a share of it. Default 50 %.
    pub basis_band: Ppm,
    /// Age above which a voted basis is stale. Default 60 min.
    pub basis_stale_after: BlockSpan,
    /// How far a basis that has been stale for twice that age may be off, as a share of the index for a year to expiry. Default 10 %.
    pub basis_stale_penalty: Ppm,
    /// Largest change of a basis per second, as a share of the index. Default 0.05 %.
    pub basis_velocity: Ppm,
    /// The time without votes on a basis for which it may move at once when they return. Default 10 s.
    pub basis_step_max: BlockSpan,
    /// Lowest implied vol that counts as a vote. Default 1 %.
    pub vol_min: Vol,
    /// Highest implied vol that counts as a vote. Default 500 %.
    pub vol_max: Vol,
    /// Age above which an implied vol is stale. Default 20 min.
    pub vol_stale_after: BlockSpan,
    /// Time in which a vol comes to follow its neighbours when its votes are stale, and its votes when they return. Default 30 min.
    pub vol_fade: BlockSpan,
    /// Uncertainty of a vol that lies between others instead of being voted, as a share of it. Default 5 %.
    pub vol_unvoted_penalty: Ppm,
    /// Uncertainty of a vol whose votes are all stale, as a share of it. Default 25 %.
    pub vol_stale_penalty: Ppm,
    /// The part of a settlement window that may be without a fresh index. Default 10 %.
    pub settlement_gaps: Ppm,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            outlier_deviations: Ppm::from_parts(5_000_000),
            outlier_floor: Ppm::from_parts(5_000),
            source_distance: Ppm::from_parts(20_000),
            absurd_ratio: Ppm::from_parts(10_000_000),
            first_ratio: Ppm::from_parts(3_000_000),
            reseed_after: BlockSpan::from_millis(600_000),
            velocity: Ppm::from_parts(10_000),
            sources_min: 4,
            confidence_caution: Ppm::from_parts(5_000),
            divergence_frozen: Ppm::from_parts(500_000),
            stale_after: BlockSpan::from_millis(10_000),
            frozen_after: BlockSpan::from_millis(60_000),
            gap_max: BlockSpan::from_millis(10_000),
            warmup_blocks: 3,
            relax_after: BlockSpan::from_millis(10_000),
            doubt_grace: BlockSpan::from_millis(10_000),
            catch_up: BlockSpan::from_millis(10_000),
            premium_half_life: BlockSpan::from_millis(150_000),
            mark_band: Ppm::from_parts(30_000),
            basis_band: Ppm::from_parts(500_000),
            basis_stale_after: BlockSpan::from_millis(3_600_000),
            basis_stale_penalty: Ppm::from_parts(100_000),
            basis_velocity: Ppm::from_parts(500),
            basis_step_max: BlockSpan::from_millis(10_000),
            vol_min: Vol::from_points(100),
            vol_max: Vol::from_points(50_000),
            vol_stale_after: BlockSpan::from_millis(1_200_000),
            vol_fade: BlockSpan::from_millis(1_800_000),
            vol_unvoted_penalty: Ppm::from_parts(50_000),
            vol_stale_penalty: Ppm::from_parts(250_000),
            settlement_gaps: Ppm::from_parts(100_000),
        }
    }
}
