//! Sixteen scenarios in the manner of SPAN: seven prices with vols up and down, and two extreme prices of which a share
//! is covered.
//!
//! Margin is the worst loss, or the minimum for short options if that is more; a positive number that equity must reach.
//! Contracts may bring a risk array that somebody has published instead of being valued here.

use crate::black::{self, Forward, YEAR};
use crate::decimal::Decimal;
use crate::error::Error;
use crate::outcome::{Floats, Outcome, worst_of};
use crate::portfolio::{OptionPosition, Portfolio};
use serde::Deserialize;

/// How many scenarios there are.
const SCENARIOS: usize = 16;

/// All numbers; see `docs/margin-profiles.md` for where the defaults come from.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Parameters {
    price_scan: Decimal,
    vol_scan: Decimal,
    extreme_multiple: Decimal,
    extreme_cover: Decimal,
    lookahead_seconds: Decimal,
    short_option_minimum: Decimal,
    initial_ratio: Decimal,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            price_scan: Decimal::ppm(160_000),
            vol_scan: Decimal::ppm(100_000),
            extreme_multiple: Decimal::whole(2),
            extreme_cover: Decimal::ppm(350_000),
            lookahead_seconds: Decimal::whole(86_400),
            short_option_minimum: Decimal::ppm(3_000),
            initial_ratio: Decimal::ppm(1_100_000),
        }
    }
}

impl Parameters {
    fn check(&self) -> Result<(), Error> {
        let most = Decimal::whole(10);
        self.initial_ratio.within("initial_ratio", Decimal::ONE, most)?;
        self.lookahead_seconds.within(
            "lookahead_seconds",
            Decimal::ZERO,
            Decimal::whole(864_000),
        )?;
        self.price_scan.within("price_scan", Decimal::ZERO, Decimal::ONE)?;
        self.extreme_cover.within("extreme_cover", Decimal::ZERO, Decimal::ONE)?;
        Decimal::all_to(
            most,
            &[
                ("vol_scan", self.vol_scan),
                ("extreme_multiple", self.extreme_multiple),
                ("short_option_minimum", self.short_option_minimum),
            ],
        )?;
        if self.price_scan.float() * self.extreme_multiple.float() > 1.0 {
            let what = "extreme_multiple times price_scan above 1, a price below zero".into();
            return Err(Error::Unsupported { what });
        }
        Ok(())
    }

    /// Returns the scenarios in their usual order.
    fn scenarios(&self) -> Vec<Scenario> {
        let mut scenarios = Vec::with_capacity(SCENARIOS);
        let (range, vol) = (self.price_scan.float(), self.vol_scan.float());
        let prices = [
            ("0", 0.0),
            ("+1/3", 1.0),
            ("-1/3", -1.0),
            ("+2/3", 2.0),
            ("-2/3", -2.0),
            ("+3/3", 3.0),
            ("-3/3", -3.0),
        ];
        for (name, thirds) in prices {
            for (vol_name, vol) in [("up", vol), ("down", -vol)] {
                let id = format!("price {name} vol {vol_name}");
                scenarios.push(Scenario { id, price: range * thirds / 3.0, vol, cover: 1.0 });
            }
        }
        let (multiple, cover) = (self.extreme_multiple.float(), self.extreme_cover.float());
        for (name, price) in [("+", range * multiple), ("-", -range * multiple)] {
            scenarios.push(Scenario { id: format!("extreme {name}"), price, vol: 0.0, cover });
        }
        scenarios
    }
}

struct Scenario {
    id: String,
    price: f64,
    vol: f64,
    cover: f64,
}

/// Returns the margin of a portfolio.
pub(crate) fn measure(portfolio: &Portfolio, parameters: &Parameters) -> Result<Outcome, Error> {
    parameters.check()?;
    let arrays = &portfolio.positions.risk_arrays;
    if let Some(wrong) = arrays.iter().find(|array| array.gains.len() != SCENARIOS) {
        let what = format!("a risk array of {} gains: there are 16", wrong.gains.len());
        return Err(Error::Unsupported { what });
    }
    let (price, lots, unrealised) = portfolio.perpetual();
    let groups = portfolio.groups();
    let mut scenarios = Vec::with_capacity(SCENARIOS);
    let (mut value, mut shorts) = (0.0, 0.0);
    for option in &portfolio.positions.options {
        shorts += (-option.amount.float()).max(0.0);
    }
    let priced: Vec<(Forward, &OptionPosition, f64)> = groups
        .iter()
        .flat_map(|group| {
            let forward = Forward::of(group.expiry);
            group.options.iter().map(move |option| {
                let (strike, vol) = (option.strike.float(), option.vol.float());
                let now = forward.value(option.right, forward.shocked(1.0), strike, vol);
                (forward, *option, now)
            })
        })
        .collect();
    for (_, option, now) in &priced {
        value += option.amount.float() * now;
    }
    for (number, scenario) in parameters.scenarios().into_iter().enumerate() {
        let mut gain = lots * price * scenario.price;
        for (forward, option, now) in &priced {
            let then = later(forward, option, &scenario, parameters.lookahead_seconds.float());
            gain += option.amount.float() * (then - now);
        }
        gain *= scenario.cover;
        for array in arrays {
            // Published arrays hold the covered share already.
            let published = array.gains.get(number).copied().unwrap_or(Decimal::ZERO);
            gain += array.amount.float() * published.float();
        }
        scenarios.push((scenario.id, gain));
    }
    let pledges = portfolio.positions.collateral.iter();
    let pledged: f64 = pledges.map(|pledge| portfolio.value_of(pledge)).sum();
    let worst = worst_of(&scenarios);
    let scan = (-worst.1).max(0.0);
    let minimum = shorts * portfolio.market.spot.float() * parameters.short_option_minimum.float();
    let maintenance = scan.max(minimum);
    let initial = maintenance * parameters.initial_ratio.float();
    Floats {
        initial_margin: initial,
        maintenance_margin: maintenance,
        mark_to_market: value + unrealised + pledged,
        cash: portfolio.cash.float(),
        requirement: (initial, maintenance),
        scenarios,
        worst,
        components: vec![
            ("scan_risk".into(), scan),
            ("short_option_minimum".into(), minimum),
            ("value_options".into(), value),
            ("value_collateral".into(), pledged),
        ],
    }
    .outcome()
}

/// Returns an option's value in a scenario, once the time that the scenarios look ahead has passed.
fn later(forward: &Forward, option: &OptionPosition, scenario: &Scenario, ahead: f64) -> f64 {
    let moved = forward.shocked((1.0 + scenario.price).max(0.0));
    let strike = option.strike.float();
    let seconds = (forward.seconds - ahead).max(0.0);
    if seconds <= 0.0 {
        return option.right.payoff(moved, strike);
    }
    let vol = (option.vol.float() + scenario.vol).max(0.0);
    let deviation = vol * libm::sqrt(seconds / YEAR);
    black::value(option.right, moved, strike, deviation, forward.discount)
}
