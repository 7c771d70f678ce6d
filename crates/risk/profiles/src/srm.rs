//! Standard margin in the manner of Derive's standard manager, from its formulas.
//!
//! Each expiry is charged the lesser of two sums: what each short option needs on its own, or the most that the options
//! of the expiry can lose together at expiry, calls that nothing covers charged in full. Margin is signed as the rule
//! book signs it: the account is covered if it is not below zero.

use crate::black::Forward;
use crate::decimal::Decimal;
use crate::error::Error;
use crate::haircuts::Haircuts;
use crate::outcome::{Floats, Outcome, worst_of};
use crate::portfolio::{Group, OptionPosition, Portfolio, Right};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// All numbers; the defaults are those of the survey in `docs/margin-profiles.md`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Parameters {
    perpetual_initial: Decimal,
    perpetual_maintenance: Decimal,
    option_initial: Decimal,
    option_initial_floor: Decimal,
    option_maintenance: Decimal,
    put_initial_over_maintenance: Decimal,
    unpaired_initial: Decimal,
    unpaired_maintenance: Decimal,
    collateral_initial: Decimal,
    collateral_maintenance: Decimal,
    /// Assets whose collateral is charged otherwise.
    collateral: BTreeMap<String, Haircuts>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            perpetual_initial: Decimal::ppm(100_000),
            perpetual_maintenance: Decimal::ppm(65_000),
            option_initial: Decimal::ppm(150_000),
            option_initial_floor: Decimal::ppm(130_000),
            option_maintenance: Decimal::ppm(90_000),
            put_initial_over_maintenance: Decimal::ppm(1_050_000),
            unpaired_initial: Decimal::ppm(1_200_000),
            unpaired_maintenance: Decimal::ppm(1_100_000),
            collateral_initial: Decimal::ppm(302_500),
            collateral_maintenance: Decimal::ppm(250_000),
            collateral: BTreeMap::from([(
                "ETH".into(),
                Haircuts { initial: Decimal::ppm(250_000), maintenance: Decimal::ppm(200_000) },
            )]),
        }
    }
}

impl Parameters {
    fn check(&self) -> Result<(), Error> {
        Haircuts::check(&self.collateral)?;
        Decimal::all_to(
            Decimal::whole(10),
            &[
                ("perpetual_initial", self.perpetual_initial),
                ("perpetual_maintenance", self.perpetual_maintenance),
                ("option_initial", self.option_initial),
                ("option_initial_floor", self.option_initial_floor),
                ("option_maintenance", self.option_maintenance),
                ("put_initial_over_maintenance", self.put_initial_over_maintenance),
                ("unpaired_initial", self.unpaired_initial),
                ("unpaired_maintenance", self.unpaired_maintenance),
                ("collateral_initial", self.collateral_initial),
                ("collateral_maintenance", self.collateral_maintenance),
            ],
        )
    }

    /// Returns what an asset's collateral is charged.
    fn haircuts(&self, asset: &str) -> Haircuts {
        self.collateral.get(asset).copied().unwrap_or(Haircuts {
            initial: self.collateral_initial,
            maintenance: self.collateral_maintenance,
        })
    }

    /// Returns what one short option needs, in initial and in maintenance margin.
    fn isolated(&self, option: &OptionPosition, spot: f64, mark: f64) -> (f64, f64) {
        let strike = option.strike.float();
        let (initial, floor) = (self.option_initial.float(), self.option_initial_floor.float());
        let share = self.option_maintenance.float();
        let outside = match option.right {
            Right::Call => strike - spot,
            Right::Put => spot - strike,
        };
        let alone = (initial - outside.max(0.0) / spot).max(floor) * spot + mark;
        match option.right {
            Right::Call => (alone, share * spot + mark),
            Right::Put => {
                let maintenance = share * spot.max(mark) + mark;
                (alone.max(self.put_initial_over_maintenance.float() * maintenance), maintenance)
            }
        }
    }
}

/// What one expiry comes to; gains are positive.
#[derive(Debug, Default)]
struct Term {
    value: f64,
    isolated: (f64, f64),
    payoffs: Vec<(String, f64)>,
    max_loss: f64,
    unpaired: f64,
    forward: f64,
}

impl Term {
    fn of(group: &Group<'_>, spot: f64, parameters: &Parameters) -> Self {
        let forward = Forward::undiscounted(group.expiry);
        let now = forward.shocked(1.0);
        let mut term = Self { forward: now, ..Self::default() };
        let mut calls = 0.0;
        let mut prices = BTreeSet::from([Decimal::ZERO]);
        for option in &group.options {
            let amount = option.amount.float();
            let (strike, vol) = (option.strike.float(), option.vol.float());
            let mark = forward.value(option.right, now, strike, vol);
            term.value += amount * mark;
            if amount < 0.0 {
                let (initial, maintenance) = parameters.isolated(option, spot, mark);
                term.isolated.0 += amount * initial;
                term.isolated.1 += amount * maintenance;
            }
            if option.right == Right::Call {
                calls += amount;
            }
            prices.insert(option.strike);
        }
        for price in prices {
            let at = price.float();
            let paid = |option: &&OptionPosition| {
                option.amount.float() * option.right.payoff(at, option.strike.float())
            };
            let paid: f64 = group.options.iter().map(paid).sum();
            term.payoffs.push((format!("{} at {price}", group.expiry.id), paid));
        }
        term.max_loss = worst_of(&term.payoffs).1.min(0.0);
        term.unpaired = (-calls).max(0.0);
        term
    }

    fn margin(&self, isolated: f64, scale: Decimal) -> f64 {
        isolated.max(self.max_loss - self.unpaired * self.forward * scale.float())
    }
}

/// Returns the margin of a portfolio.
pub(crate) fn measure(portfolio: &Portfolio, parameters: &Parameters) -> Result<Outcome, Error> {
    portfolio.without_arrays()?;
    parameters.check()?;
    let spot = portfolio.market.spot.float();
    let groups = portfolio.groups();
    let terms: Vec<Term> = groups.iter().map(|group| Term::of(group, spot, parameters)).collect();
    let (price, lots, unrealised) = portfolio.perpetual();
    let pledges = portfolio.positions.collateral.iter();
    let pledged: f64 = pledges.map(|pledge| portfolio.value_of(pledge)).sum();
    let cash = portfolio.cash.float();
    let options: f64 = terms.iter().map(|term| term.value).sum();
    let mark_to_market = options + unrealised + pledged;
    // The coin's price divides what collateral is marked at, not what it margins.
    let margined = |share: fn(Haircuts) -> Decimal| -> f64 {
        let pledges = portfolio.positions.collateral.iter();
        let worth = pledges.map(|pledge| {
            let left = 1.0 - share(parameters.haircuts(&pledge.asset)).float();
            pledge.amount.float() * pledge.price.float() * left
        });
        worth.sum()
    };
    let net = |options: f64, perpetual: Decimal, collateral: f64| {
        cash + unrealised + options - lots.abs() * price * perpetual.float() + collateral
    };
    let initial: f64 =
        terms.iter().map(|term| term.margin(term.isolated.0, parameters.unpaired_initial)).sum();
    let maintenance: f64 = terms
        .iter()
        .map(|term| term.margin(term.isolated.1, parameters.unpaired_maintenance))
        .sum();
    let components = vec![
        ("options_initial".into(), initial),
        ("options_maintenance".into(), maintenance),
        ("isolated_initial".into(), terms.iter().map(|term| term.isolated.0).sum()),
        ("isolated_maintenance".into(), terms.iter().map(|term| term.isolated.1).sum()),
        ("max_loss".into(), terms.iter().map(|term| term.max_loss).sum()),
        ("unpaired_calls".into(), terms.iter().map(|term| term.unpaired).sum()),
        ("value_options".into(), options),
        ("value_collateral".into(), pledged),
    ];
    let initial = net(initial, parameters.perpetual_initial, margined(|shares| shares.initial));
    let maintenance =
        net(maintenance, parameters.perpetual_maintenance, margined(|shares| shares.maintenance));
    let scenarios: Vec<_> = terms.into_iter().flat_map(|term| term.payoffs).collect();
    Floats {
        initial_margin: initial,
        maintenance_margin: maintenance,
        mark_to_market,
        cash,
        requirement: (mark_to_market + cash - initial, mark_to_market + cash - maintenance),
        worst: worst_of(&scenarios),
        scenarios,
        components,
    }
    .outcome()
}
