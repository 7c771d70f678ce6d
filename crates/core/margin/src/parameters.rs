//! The governed numbers of margin, their defaults and their bounds.
//!
//! **Invariant:** [`Parameters::check`] has passed before a number is used. Its bounds keep every coefficient of a loss
//! in the margin formula non-negative, which is what makes margin monotone and sub-additive.

use crate::input::OffsetClass;
use crate::scenario::{SCENARIOS, STANDARD, Scenario, SpotMove};
use protocol::Fault;
use std::collections::BTreeMap;
use units::{Ppm, Price, Vol, limits};

/// How implied vols move in the scenarios.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VolShocks {
    /// Relative rise of a thirty-day vol.
    pub up: Ppm,
    /// Relative fall of a thirty-day vol.
    pub down: Ppm,
    /// A vol that rises, rises at least to this.
    pub up_floor: Vol,
    /// Exponent of 30 days / time to expiry for expiries within thirty days.
    pub power_near: Ppm,
    /// The same for later ones.
    pub power_far: Ppm,
    /// Largest relative skew move, at expiry.
    pub skew_cap: Ppm,
    /// Decline of that cap with the square root of the years to expiry.
    pub skew_cap_decline: Ppm,
    /// Log-moneyness at which the cap is reached, as a multiple of the square root of the years to expiry.
    pub skew_width: Ppm,
    /// Smallest such log-moneyness.
    pub skew_width_floor: Ppm,
    /// Factors of near vols, then far vols, when the front rises.
    pub front_up: (Ppm, Ppm),
    /// Factors of near vols, then far vols, when the front falls.
    pub front_down: (Ppm, Ppm),
}

/// The share of losses that calendar spreads keep: φ = clamp(base + slope · years to expiry, base, cap).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CalendarOffset {
    /// φ of perpetuals and collateral, and the least φ.
    pub base: Ppm,
    /// Rise in a year.
    pub slope: Ppm,
    /// The greatest φ.
    pub cap: Ppm,
}

/// All governed numbers of margin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    /// The scenarios.
    pub scenarios: [Scenario; SCENARIOS],
    /// Least scan range.
    pub scan_floor: Ppm,
    /// Greatest scan range.
    pub scan_cap: Ppm,
    /// Moves of the vols.
    pub vol: VolShocks,
    /// Offsets across expiries.
    pub calendar: CalendarOffset,
    /// ψ of each class: the share of its losses that are not offset across underlyings. A class not listed keeps all.
    pub classes: BTreeMap<OffsetClass, Ppm>,
    /// Maintenance margin as a share of the scan.
    pub maintenance_ratio: Ppm,
    /// Margin that a liquidation restores above maintenance, as a share of it.
    pub buffer_ratio: Ppm,
    /// Oracle uncertainty, as a share of the index, that costs nothing.
    pub oracle_tolerance: Ppm,
    /// Share of a collateral haircut that counts in maintenance margin.
    pub haircut_maintenance_share: Ppm,
    /// Price of the stable coin that dollars are held in.
    pub stable_price: Price,
    /// Price of the coin down to which nothing is charged.
    pub depeg_free: Price,
    /// Initial margin's charge for a fall below that, as a multiple of the fall and a share of the scan range.
    pub depeg_slope: Ppm,
    /// Hours of funding at the present rate that initial margin provides for.
    pub funding_hours: u16,
    /// Y of the square-root law: the move, in daily standard deviations, of trading a day's volume.
    pub impact: Ppm,
}

const fn ppm(parts: i128) -> Ppm {
    Ppm::from_parts(parts)
}

impl Default for Parameters {
    /// The parameters of 0019-MARG-002.
    fn default() -> Self {
        Self {
            scenarios: STANDARD,
            scan_floor: ppm(120_000),
            scan_cap: ppm(600_000),
            vol: VolShocks {
                up: ppm(500_000),
                down: ppm(250_000),
                up_floor: Vol::from_points(4_500),
                power_near: ppm(300_000),
                power_far: ppm(130_000),
                skew_cap: ppm(250_000),
                skew_cap_decline: ppm(100_000),
                skew_width: ppm(2_400_000),
                skew_width_floor: ppm(10_000),
                front_up: (ppm(1_200_000), ppm(900_000)),
                front_down: (ppm(850_000), ppm(1_100_000)),
            },
            calendar: CalendarOffset { base: ppm(50_000), slope: ppm(300_000), cap: ppm(400_000) },
            classes: BTreeMap::from([(OffsetClass::new(1), ppm(500_000))]),
            maintenance_ratio: ppm(800_000),
            buffer_ratio: ppm(150_000),
            oracle_tolerance: ppm(2_500),
            haircut_maintenance_share: ppm(500_000),
            stable_price: Price::ONE,
            depeg_free: Price::from_micros(990_000),
            depeg_slope: ppm(4_000_000),
            funding_hours: 8,
            impact: ONE,
        }
    }
}

/// Greatest relative move of a vol, and factor of one.
pub(crate) const VOL_MOVE_MAX: Ppm = ppm(10_000_000);
/// Least ψ of a class: offsets across underlyings never exceed 80 %.
const CLASS_KEPT_MIN: Ppm = ppm(200_000);
/// A week.
const FUNDING_HOURS_MAX: u16 = 168;
const ONE: Ppm = ppm(limits::PPM_ONE);

impl Parameters {
    /// Checks the bounds that the margin formula relies on (0019-MARG-003).
    ///
    /// # Errors
    ///
    /// [`Fault::Invariant`] naming the first bound broken: governance has let through what it must not.
    pub fn check(&self) -> Result<(), Fault> {
        let within = |value: Ppm, lowest: Ppm, highest: Ppm| value >= lowest && value <= highest;
        let vol = &self.vol;
        let calendar = &self.calendar;
        let rules = [
            (
                self.scenarios.iter().all(|scenario| {
                    within(scenario.weight, ppm(1), ONE)
                        && match scenario.spot {
                            SpotMove::Range(share) => {
                                within(share, ppm(-2_000_000), ppm(2_000_000))
                            }
                            SpotMove::Ratio(ratio) => within(ratio, ppm(-990_000), ppm(4_000_000)),
                        }
                }),
                "scenario weights and moves",
            ),
            (
                self.scan_floor > Ppm::ZERO && within(self.scan_cap, self.scan_floor, ONE),
                "scan range bounds",
            ),
            (
                [vol.up, vol.skew_width, vol.skew_width_floor]
                    .iter()
                    .all(|value| within(*value, ppm(1), VOL_MOVE_MAX))
                    && vol.up_floor >= Vol::ZERO
                    && vol.up_floor <= Vol::from_points(Vol::LIMIT)
                    && [
                        vol.down,
                        vol.power_near,
                        vol.power_far,
                        vol.skew_cap,
                        vol.skew_cap_decline,
                    ]
                    .iter()
                    .all(|value| within(*value, Ppm::ZERO, ONE))
                    && [vol.front_up.0, vol.front_up.1, vol.front_down.0, vol.front_down.1]
                        .iter()
                        .all(|value| within(*value, ppm(100_000), VOL_MOVE_MAX)),
                "vol moves",
            ),
            (
                within(calendar.base, ppm(1), calendar.cap)
                    && within(calendar.slope, Ppm::ZERO, ONE)
                    && within(calendar.cap, calendar.base, ONE),
                "calendar offsets",
            ),
            (
                calendar.base <= CLASS_KEPT_MIN
                    && self.classes.values().all(|kept| within(*kept, CLASS_KEPT_MIN, ONE)),
                "class offsets",
            ),
            (
                within(self.maintenance_ratio, ppm(500_000), ONE)
                    && within(self.buffer_ratio, Ppm::ZERO, ONE),
                "maintenance ratio and buffer",
            ),
            (
                within(self.oracle_tolerance, Ppm::ZERO, ONE)
                    && within(self.haircut_maintenance_share, Ppm::ZERO, ONE)
                    && self.funding_hours <= FUNDING_HOURS_MAX
                    && within(self.impact, Ppm::ZERO, ppm(10_000_000)),
                "add-ons",
            ),
            (
                self.stable_price > Price::ZERO
                    && self.stable_price <= Price::ONE
                    && self.depeg_free > Price::ZERO
                    && self.depeg_free <= Price::ONE
                    && within(self.depeg_slope, Ppm::ZERO, ppm(10_000_000)),
                "stable coin",
            ),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, name)) => Err(Fault::Invariant(name)),
            None => Ok(()),
        }
    }

    /// Returns what the stable coin's fall adds to initial margin, as a share of the scan range: slope · (free − price).
    pub(crate) fn depeg(&self) -> Ppm {
        // Prices below a dollar: millionths of it.
        let fallen = self.depeg_free.micros().saturating_sub(self.stable_price.micros()).max(0);
        let share = fallen.saturating_mul(self.depeg_slope.parts());
        Ppm::from_parts(
            share.saturating_add(limits::PPM_ONE.saturating_sub(1)).div_euclid(limits::PPM_ONE),
        )
    }

    /// Returns ψ of a class.
    pub(crate) fn class_kept(&self, class: OffsetClass) -> Ppm {
        self.classes.get(&class).copied().unwrap_or(ONE)
    }
}
