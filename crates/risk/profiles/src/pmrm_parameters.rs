//! The numbers of portfolio margin in the manner of Derive, their defaults and their ranges.
//!
//! Defaults are those of the survey in `docs/margin-profiles.md`, which also says which of them nobody has published.

use crate::decimal::Decimal;
use crate::error::Error;
use crate::haircuts::Haircuts;
use serde::{Deserialize, Deserializer};
use std::collections::{BTreeMap, BTreeSet};

/// Most scenarios that are measured.
const SCENARIOS_MAX: usize = 256;

/// All numbers.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Parameters {
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) initial_factor: Decimal,
    pub(crate) maintenance_factor: Decimal,
    pub(crate) vol: VolShock,
    pub(crate) skew: Skew,
    #[serde(deserialize_with = "discount_long")]
    pub(crate) discount_long: StaticDiscount,
    #[serde(deserialize_with = "discount_short")]
    pub(crate) discount_short: StaticDiscount,
    pub(crate) basis: Basis,
    pub(crate) contingency: Contingency,
    /// Assets whose collateral is charged otherwise than `contingency` says.
    pub(crate) collateral: BTreeMap<String, Haircuts>,
    pub(crate) oracle: Oracle,
    pub(crate) peg: Peg,
}

/// A scenario: moves, and the share of its gain that counts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "fields by name")]
pub(crate) struct Scenario {
    pub(crate) id: String,
    pub(crate) spot: Decimal,
    pub(crate) vol: VolMove,
    pub(crate) dampening: Decimal,
}

/// How vols move in a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum VolMove {
    Up,
    None,
    Down,
    Linear,
    Abs,
}

/// How far vols move.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct VolShock {
    pub(crate) up: Decimal,
    pub(crate) down: Decimal,
    pub(crate) up_floor: Decimal,
    pub(crate) power_short: Decimal,
    pub(crate) power_long: Decimal,
    pub(crate) floor_seconds: Decimal,
}

/// How the skew moves: the cap is `base + slope·√τ`, reached at `max(floor, √τ·width·(a + b·√τ))`. The absolute skew has the
/// same cap unless it is given one.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Skew {
    pub(crate) cap_base: Decimal,
    pub(crate) cap_slope: Decimal,
    pub(crate) abs_cap_base: Option<Decimal>,
    pub(crate) abs_cap_slope: Option<Decimal>,
    pub(crate) width_floor: Decimal,
    pub(crate) width: Decimal,
    pub(crate) width_a: Decimal,
    pub(crate) width_b: Decimal,
}

/// What a shocked value is multiplied by: `base·exp(∓τ·(rate·multiple + add))`.
#[derive(Debug, Clone)]
pub(crate) struct StaticDiscount {
    pub(crate) base: Decimal,
    pub(crate) rate_multiple: Decimal,
    pub(crate) rate_add: Decimal,
}

/// A static discount of which only a part may be said.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct StaticDiscountPart {
    base: Option<Decimal>,
    rate_multiple: Option<Decimal>,
    rate_add: Option<Decimal>,
}

fn discount_long<'de, D: Deserializer<'de>>(from: D) -> Result<StaticDiscount, D::Error> {
    StaticDiscountPart::deserialize(from).map(|part| StaticDiscount::LONG.overridden(&part))
}

fn discount_short<'de, D: Deserializer<'de>>(from: D) -> Result<StaticDiscount, D::Error> {
    StaticDiscountPart::deserialize(from).map(|part| StaticDiscount::SHORT.overridden(&part))
}

/// Each expiry's forward moving on its own.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Basis {
    pub(crate) up: Decimal,
    pub(crate) down: Decimal,
    pub(crate) add: Decimal,
    pub(crate) multiple: Decimal,
}

/// Charges besides the scan, as shares of spot or of value; the initial ones come on top.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Contingency {
    pub(crate) perpetual_maintenance: Decimal,
    pub(crate) perpetual_initial: Decimal,
    pub(crate) option_maintenance: Decimal,
    pub(crate) option_initial: Decimal,
    pub(crate) collateral_maintenance: Decimal,
    pub(crate) collateral_initial: Decimal,
}

/// The charge for feeds that are in doubt.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Oracle {
    pub(crate) threshold: Decimal,
    pub(crate) perpetual: Decimal,
    pub(crate) option: Decimal,
    pub(crate) collateral: Decimal,
}

/// The charge for a stable coin below its peg.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Peg {
    pub(crate) threshold: Decimal,
    pub(crate) factor: Decimal,
}

const fn ppm(parts: i128) -> Decimal {
    Decimal::ppm(parts)
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            scenarios: standard(),
            initial_factor: Decimal::ONE,
            maintenance_factor: ppm(800_000),
            vol: VolShock::default(),
            skew: Skew::default(),
            discount_long: StaticDiscount::LONG,
            discount_short: StaticDiscount::SHORT,
            basis: Basis::default(),
            contingency: Contingency::default(),
            collateral: BTreeMap::new(),
            oracle: Oracle::default(),
            peg: Peg::default(),
        }
    }
}

impl StaticDiscount {
    const LONG: Self =
        Self { base: ppm(950_000), rate_multiple: Decimal::ZERO, rate_add: ppm(160_000) };
    const SHORT: Self = Self { base: ppm(1_040_000), ..Self::LONG };

    fn overridden(&self, part: &StaticDiscountPart) -> Self {
        Self {
            base: part.base.unwrap_or(self.base),
            rate_multiple: part.rate_multiple.unwrap_or(self.rate_multiple),
            rate_add: part.rate_add.unwrap_or(self.rate_add),
        }
    }

    /// Returns exp(−τ·(rate·multiple + add)).
    pub(crate) fn faded(&self, rate: f64, years: f64) -> f64 {
        libm::exp(-years * (rate * self.rate_multiple.float() + self.rate_add.float()))
    }

    fn check(&self, name: &str) -> Result<(), Error> {
        let ten = Decimal::whole(10);
        let field = |part: &str| format!("{name}.{part}");
        self.base.within(&field("base"), Decimal::ZERO, ten)?;
        self.rate_multiple.within(&field("rate_multiple"), Decimal::whole(-10), ten)?;
        self.rate_add.within(&field("rate_add"), Decimal::whole(-10), ten)
    }
}

impl Default for VolShock {
    fn default() -> Self {
        Self {
            up: ppm(500_000),
            down: ppm(300_000),
            up_floor: ppm(400_000),
            power_short: ppm(300_000),
            power_long: ppm(130_000),
            floor_seconds: Decimal::whole(86_400),
        }
    }
}

impl Default for Skew {
    fn default() -> Self {
        Self {
            cap_base: ppm(250_000),
            cap_slope: ppm(-100_000),
            abs_cap_base: None,
            abs_cap_slope: None,
            width_floor: ppm(10_000),
            width: Decimal::whole(4),
            width_a: ppm(600_000),
            width_b: Decimal::ZERO,
        }
    }
}

impl Default for Basis {
    fn default() -> Self {
        Self { up: ppm(45_000), down: ppm(-45_000), add: ppm(500_000), multiple: Decimal::whole(2) }
    }
}

impl Default for Contingency {
    fn default() -> Self {
        Self {
            perpetual_maintenance: ppm(30_000),
            perpetual_initial: ppm(10_000),
            option_maintenance: ppm(3_000),
            option_initial: ppm(2_000),
            collateral_maintenance: ppm(50_000),
            collateral_initial: ppm(50_000),
        }
    }
}

impl Default for Oracle {
    fn default() -> Self {
        let whole = Decimal::ONE;
        Self { threshold: ppm(550_000), perpetual: whole, option: whole, collateral: whole }
    }
}

impl Default for Peg {
    fn default() -> Self {
        Self { threshold: ppm(990_000), factor: Decimal::whole(4) }
    }
}

/// Returns the thirty-three scenarios: twenty-three regular ones, eight dampened tails, two moves of the skew.
fn standard() -> Vec<Scenario> {
    use VolMove::{Abs, Down, Linear, None, Up};
    let mut scenarios = Vec::with_capacity(33);
    let mut add = |id: String, spot: Decimal, vol: VolMove, dampening: i128| {
        scenarios.push(Scenario { id, spot, vol, dampening: Decimal::from_units(dampening) });
    };
    // In units of 10⁻¹⁸, because the smallest weights are finer than a millionth.
    let weight = |millionths: i128| millionths * 1_000_000_000_000;
    let whole = weight(1_000_000);
    for spot in [180_000, 135_000, 90_000, 45_000, 0, -45_000, -90_000, -135_000, -180_000] {
        let spot = ppm(spot);
        let extreme = spot == ppm(180_000) || spot == ppm(-180_000);
        let moves: &[(VolMove, &str)] =
            if extreme { &[(Up, "up")] } else { &[(Up, "up"), (None, "none"), (Down, "down")] };
        for (vol, name) in moves {
            add(format!("spot {spot} vol {name}"), spot, *vol, whole);
        }
    }
    for (spot, dampening) in [
        (-660_000, 210_000),
        (-330_000, 420_000),
        (500_000, 277_200),
        (1_000_000, 138_600),
        (2_000_000, 69_300),
        (3_000_000, 46_200),
        (4_000_000, 34_650),
        (5_000_000, 27_720),
    ] {
        add(format!("tail {}", ppm(spot)), ppm(spot), Up, weight(dampening));
    }
    add("skew linear".into(), Decimal::ZERO, Linear, whole);
    add("skew abs".into(), Decimal::ZERO, Abs, whole);
    scenarios
}

impl Skew {
    /// Returns base and slope of the cap.
    pub(crate) const fn cap(&self) -> (Decimal, Decimal) {
        (self.cap_base, self.cap_slope)
    }

    /// Returns base and slope of the cap of the absolute skew.
    pub(crate) fn abs_cap(&self) -> (Decimal, Decimal) {
        let (base, slope) = self.cap();
        (self.abs_cap_base.unwrap_or(base), self.abs_cap_slope.unwrap_or(slope))
    }
}

impl Parameters {
    /// Returns what an asset's collateral is charged.
    pub(crate) fn haircuts(&self, asset: &str) -> Haircuts {
        self.collateral.get(asset).copied().unwrap_or(Haircuts {
            initial: self.contingency.collateral_initial,
            maintenance: self.contingency.collateral_maintenance,
        })
    }

    /// Checks ranges, names, and that nothing but the skew moves with the skew.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let count = self.scenarios.len();
        if count > SCENARIOS_MAX {
            return Err(Error::TooMany { what: "scenarios", count, most: SCENARIOS_MAX });
        }
        if count == 0 {
            return Err(Error::Missing { what: "scenarios".into() });
        }
        let mut names = BTreeSet::new();
        for Scenario { id, spot, vol, dampening } in &self.scenarios {
            if id == "basis" {
                let what = "scenario 'basis': the name is that of the basis contingency".into();
                return Err(Error::Unsupported { what });
            }
            if !names.insert(id) {
                return Err(Error::Duplicate { what: "scenario", name: id.clone() });
            }
            spot.within(
                &format!("scenario '{id}': spot"),
                Decimal::whole(-1),
                Decimal::whole(100),
            )?;
            dampening.within(
                &format!("scenario '{id}': dampening"),
                Decimal::ZERO,
                Decimal::whole(1_000),
            )?;
            if matches!(vol, VolMove::Linear | VolMove::Abs) && *spot != Decimal::ZERO {
                let what = format!("scenario '{id}' moves spot and skew together");
                return Err(Error::Unsupported { what });
            }
        }
        self.basis.up.within("basis.up", Decimal::whole(-1), Decimal::whole(100))?;
        self.basis.down.within("basis.down", Decimal::whole(-1), Decimal::whole(100))?;
        let skew = &self.skew;
        for (field, slope) in
            [("skew.cap_slope", skew.cap().1), ("skew.abs_cap_slope", skew.abs_cap().1)]
        {
            slope.within(field, Decimal::whole(-10), Decimal::whole(10))?;
        }
        skew.width_b.within("skew.width_b", Decimal::whole(-100), Decimal::whole(100))?;
        skew.width_floor.within("skew.width_floor", Decimal::ppm(1), Decimal::whole(100))?;
        self.vol.floor_seconds.within(
            "vol.floor_seconds",
            Decimal::ONE,
            Decimal::whole(34_560_000),
        )?;
        Decimal::all_to(
            Decimal::whole(1_000),
            &[
                ("initial_factor", self.initial_factor),
                ("maintenance_factor", self.maintenance_factor),
                ("vol.up", self.vol.up),
                ("vol.down", self.vol.down),
                ("vol.up_floor", self.vol.up_floor),
                ("skew.cap_base", skew.cap_base),
                ("skew.abs_cap_base", skew.abs_cap().0),
                ("skew.width", skew.width),
                ("skew.width_a", skew.width_a),
                ("basis.add", self.basis.add),
                ("basis.multiple", self.basis.multiple),
                ("peg.factor", self.peg.factor),
            ],
        )?;
        self.check_shares()
    }

    fn check_shares(&self) -> Result<(), Error> {
        let (charge, oracle) = (&self.contingency, &self.oracle);
        self.discount_long.check("discount_long")?;
        self.discount_short.check("discount_short")?;
        Haircuts::check(&self.collateral)?;
        Decimal::all_to(
            Decimal::whole(1_000),
            &[
                ("oracle.threshold", oracle.threshold),
                ("oracle.perpetual", oracle.perpetual),
                ("oracle.option", oracle.option),
                ("oracle.collateral", oracle.collateral),
                ("peg.threshold", self.peg.threshold),
            ],
        )?;
        Decimal::all_to(
            Decimal::whole(10),
            &[
                ("vol.power_short", self.vol.power_short),
                ("vol.power_long", self.vol.power_long),
                ("contingency.perpetual_maintenance", charge.perpetual_maintenance),
                ("contingency.perpetual_initial", charge.perpetual_initial),
                ("contingency.option_maintenance", charge.option_maintenance),
                ("contingency.option_initial", charge.option_initial),
                ("contingency.collateral_maintenance", charge.collateral_maintenance),
                ("contingency.collateral_initial", charge.collateral_initial),
            ],
        )
    }
}
