//! The numbers of margin as governance has them: scenarios, moves of vols, offsets, ratios and what the stable coin counts as.
//!
//! **Invariant:** whatever values governance lets through, margin accepts: the bounds there are within those here.

use crate::state::State;
use margin::{
    CalendarOffset, OffsetClass, Parameters, SCENARIOS, STANDARD, Scenario, SpotMove, VolShocks,
};
use protocol::{Mode, ParameterId, UnderlyingId};
use std::collections::BTreeMap;
use units::{Ppm, Price, Vol};

/// The class whose offset is governed; any other keeps all of its losses.
const OFFSETTING: OffsetClass = OffsetClass::new(1);
const HOUR_MS: i128 = 3_600_000;
/// Parts per million in a point of a vol.
const POINT: i128 = 100;

/// The scenarios whose move and weight are governed, by number. The others are the grid of the scan range, and moves of
/// vols alone.
const GOVERNED: [(usize, ParameterId, ParameterId); 9] = [
    (33, ParameterId::Scenario33Move, ParameterId::Scenario33Weight),
    (34, ParameterId::Scenario34Move, ParameterId::Scenario34Weight),
    (35, ParameterId::Scenario35Move, ParameterId::Scenario35Weight),
    (36, ParameterId::Scenario36Move, ParameterId::Scenario36Weight),
    (37, ParameterId::Scenario37Move, ParameterId::Scenario37Weight),
    (38, ParameterId::Scenario38Move, ParameterId::Scenario38Weight),
    (39, ParameterId::Scenario39Move, ParameterId::Scenario39Weight),
    (40, ParameterId::Scenario40Move, ParameterId::Scenario40Weight),
    (41, ParameterId::Scenario41Move, ParameterId::Scenario41Weight),
];

impl State {
    /// Returns the numbers that margin is measured with in this state.
    ///
    /// spec 0019-MARG-002.
    #[must_use]
    pub fn margin_parameters(&self) -> Parameters {
        let share = |parameter| Ppm::from_parts(self.house(parameter));
        let hours = self.house(ParameterId::FundingProvision).saturating_add(HOUR_MS - 1);
        let floor = self.house(ParameterId::VolUpFloor).div_euclid(POINT);
        Parameters {
            scenarios: self.scenario_set(),
            vol: VolShocks {
                up: share(ParameterId::VolUp),
                down: share(ParameterId::VolDown),
                up_floor: Vol::from_points(floor),
                power_near: share(ParameterId::VolPowerNear),
                power_far: share(ParameterId::VolPowerFar),
                skew_cap: share(ParameterId::SkewCap),
                skew_cap_decline: share(ParameterId::SkewCapDecline),
                skew_width: share(ParameterId::SkewWidth),
                skew_width_floor: share(ParameterId::SkewWidthFloor),
                front_up: (share(ParameterId::FrontUpNear), share(ParameterId::FrontUpFar)),
                front_down: (share(ParameterId::FrontDownNear), share(ParameterId::FrontDownFar)),
            },
            calendar: CalendarOffset {
                base: share(ParameterId::CalendarBase),
                slope: share(ParameterId::CalendarSlope),
                cap: share(ParameterId::CalendarCap),
            },
            classes: BTreeMap::from([(OFFSETTING, share(ParameterId::ClassOneKept))]),
            maintenance_ratio: share(ParameterId::MaintenanceRatio),
            buffer_ratio: share(ParameterId::LiquidationBuffer),
            oracle_tolerance: share(ParameterId::OracleTolerance),
            haircut_maintenance_share: share(ParameterId::HaircutMaintenanceShare),
            stable_price: self.stable_price(),
            depeg_free: Price::from_micros(self.house(ParameterId::DepegFree)),
            depeg_slope: share(ParameterId::DepegSlope),
            funding_hours: u16::try_from(hours.div_euclid(HOUR_MS)).unwrap_or(u16::MAX),
            impact: share(ParameterId::Impact),
            ..Parameters::default()
        }
    }

    fn scenario_set(&self) -> [Scenario; SCENARIOS] {
        let mut scenarios = STANDARD;
        for (number, shift, weight) in GOVERNED {
            let Some(scenario) = scenarios.get_mut(number) else { continue };
            let shift = Ppm::from_parts(self.house(shift));
            scenario.spot = match scenario.spot {
                SpotMove::Range(_) => SpotMove::Range(shift),
                SpotMove::Ratio(_) => SpotMove::Ratio(shift),
            };
            scenario.weight = Ppm::from_parts(self.house(weight));
        }
        scenarios
    }

    /// Returns what margin counts the stable coin as worth: the lower end of its price, and no more than is governed
    /// while that is not known.
    ///
    /// spec 0019-MARG-019.
    fn stable_price(&self) -> Price {
        let Some(coin) = self.underlyings.get(&UnderlyingId::STABLE_COIN) else {
            return Price::ONE;
        };
        let unknown = Price::from_micros(self.house(ParameterId::DepegUnknown));
        let index = coin.feed.index();
        let lowest = index.and_then(|index| index.price.minus(index.confidence).ok());
        let price = match (coin.mode, lowest) {
            (Mode::Normal | Mode::Caution, Some(lowest)) => lowest,
            (_, lowest) => lowest.unwrap_or(unknown).lesser(unknown),
        };
        price.greater(Price::from_micros(1)).lesser(Price::ONE)
    }
}
