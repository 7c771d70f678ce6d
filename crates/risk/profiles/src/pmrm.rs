//! Portfolio margin in the manner of Derive's second portfolio manager, from its formulas.
//!
//! The portfolio is revalued in every scenario; each expiry's gain is discounted against the account, scenario by scenario.
//! The worst of them, or of every expiry's forward moving on its own, is scaled and charged, and contingencies come on
//! top. Margin is signed as the rule book signs it: the account is covered if it is not below zero.

use crate::black::Forward;
use crate::decimal::Decimal;
use crate::error::Error;
use crate::outcome::{Floats, Outcome, worst_of};
use crate::pmrm_parameters::{Parameters, Scenario, Skew, VolMove, VolShock};
use crate::portfolio::{Group, OptionPosition, Portfolio};
use std::collections::BTreeMap;

/// Thirty days in seconds.
const MONTH: f64 = 2_592_000.0;

/// The options of one expiry, and what they are worth now.
struct Smile<'a> {
    group: Group<'a>,
    forward: Forward,
    now: f64,
}

impl<'a> Smile<'a> {
    fn new(group: Group<'a>) -> Self {
        let forward = Forward::of(group.expiry);
        let mut smile = Self { group, forward, now: 0.0 };
        smile.now = smile.revalued(1.0, |_, vol| vol);
        smile
    }

    /// Returns the value once the forward and each vol have moved.
    fn revalued(&self, shock: f64, moved: impl Fn(f64, f64) -> f64) -> f64 {
        let forward = self.forward.shocked(shock);
        let value = |option: &&OptionPosition| {
            let strike = option.strike.float();
            let vol = moved(strike, option.vol.float());
            option.amount.float() * self.forward.value(option.right, forward, strike, vol)
        };
        self.group.options.iter().map(value).sum()
    }

    /// Returns the gain in a scenario.
    fn profit(&self, parameters: &Parameters, scenario: &Scenario) -> f64 {
        let shock = 1.0 + scenario.spot.float();
        let (vol, seconds) = (&parameters.vol, self.forward.seconds);
        let skew = &parameters.skew;
        let shocked = match scenario.vol {
            VolMove::None => self.revalued(shock, |_, vol| vol),
            VolMove::Up => self.revalued(shock, |_, now| vol_up(vol, seconds, now)),
            VolMove::Down => self.revalued(shock, |_, now| vol_down(vol, seconds, now)),
            VolMove::Linear => self.revalued(shock, |strike, now| {
                let moneyness = libm::log(strike / self.forward.shocked(1.0));
                now * self.skew(skew, skew.cap(), moneyness)
            }),
            VolMove::Abs => self.revalued(shock, |strike, now| {
                let moneyness = libm::log(strike / self.forward.shocked(1.0));
                now * self.skew(skew, skew.abs_cap(), moneyness.abs())
            }),
        };
        let discount = self.static_discount(parameters, shocked);
        let profit = (discount * shocked - self.now) * scenario.dampening.float();
        match scenario.vol {
            // Whichever way the skew moves, each expiry loses.
            VolMove::Linear | VolMove::Abs => -profit.abs(),
            _ => profit,
        }
    }

    /// Returns what a vol is multiplied by at a log-moneyness.
    fn skew(&self, skew: &Skew, (base, slope): (Decimal, Decimal), moneyness: f64) -> f64 {
        let root = libm::sqrt(self.forward.years);
        let cap = base.float() + slope.float() * root;
        let reach = skew.width_a.float() + skew.width_b.float() * root;
        let width = skew.width_floor.float().max(root * skew.width.float() * reach);
        let linear = moneyness * cap / width;
        let bounded = if moneyness >= 0.0 { linear.min(cap) } else { linear.max(-cap) };
        (1.0 + bounded).max(0.0)
    }

    /// Returns what a shocked value is multiplied by: what is owned is worth less, what is owed more.
    fn static_discount(&self, parameters: &Parameters, value: f64) -> f64 {
        let (rate, years) = (self.group.expiry.rate.max(Decimal::ZERO).float(), self.forward.years);
        if value >= 0.0 {
            let owned = &parameters.discount_long;
            owned.base.float() * owned.faded(rate, years)
        } else {
            let owed = &parameters.discount_short;
            (owed.base.float() / owed.faded(rate, years)).min(1.0 / self.forward.discount)
        }
    }

    /// Returns what is lost if this forward moves on its own; never above zero.
    fn basis(&self, parameters: &Parameters) -> f64 {
        let basis = &parameters.basis;
        let moved = |shock: Decimal| self.revalued(1.0 + shock.float(), |_, vol| vol) - self.now;
        let worst = moved(basis.up).min(moved(basis.down)).min(0.0);
        worst * (basis.add.float() + basis.multiple.float() * self.forward.years)
    }

    /// Returns options that are short beyond those that are long, strike by strike, calls and puts together.
    fn naked(&self) -> f64 {
        let mut strikes: BTreeMap<Decimal, f64> = BTreeMap::new();
        for option in &self.group.options {
            *strikes.entry(option.strike).or_default() += option.amount.float();
        }
        strikes.values().map(|net| (-net).max(0.0)).sum()
    }
}

/// Returns (30 days / time)^power.
fn term(vol: &VolShock, seconds: f64) -> f64 {
    let power = if seconds <= MONTH { vol.power_short } else { vol.power_long };
    libm::pow(MONTH / seconds.max(vol.floor_seconds.float()), power.float())
}

fn vol_up(vol: &VolShock, seconds: f64, now: f64) -> f64 {
    (now * (1.0 + vol.up.float() * term(vol, seconds))).max(vol.up_floor.float())
}

fn vol_down(vol: &VolShock, seconds: f64, now: f64) -> f64 {
    now * (1.0 - vol.down.float() * term(vol, seconds)).max(0.0)
}

/// Returns the charge for a feed in doubt.
fn doubt(threshold: Decimal, confidence: Decimal, share: Decimal, notional: f64) -> f64 {
    if confidence >= threshold {
        return 0.0;
    }
    (1.0 - confidence.float()) * share.float() * notional
}

/// Returns the margin of a portfolio.
pub(crate) fn measure(portfolio: &Portfolio, parameters: &Parameters) -> Result<Outcome, Error> {
    portfolio.without_arrays()?;
    parameters.check()?;
    let smiles: Vec<Smile<'_>> = portfolio.groups().into_iter().map(Smile::new).collect();
    let (price, lots, unrealised) = portfolio.perpetual();
    let collateral = &portfolio.positions.collateral;
    let pledged: f64 = collateral.iter().map(|pledge| portfolio.value_of(pledge)).sum();
    let offsetting = collateral.iter().filter(|pledge| pledge.risk_cancelling);
    let linear = lots * price + offsetting.map(|pledge| portfolio.value_of(pledge)).sum::<f64>();
    let mut scenarios = Vec::with_capacity(parameters.scenarios.len());
    for scenario in &parameters.scenarios {
        let options: f64 = smiles.iter().map(|smile| smile.profit(parameters, scenario)).sum();
        let rest = linear * scenario.spot.float() * scenario.dampening.float();
        scenarios.push((scenario.id.clone(), options + rest));
    }
    let basis: f64 = smiles.iter().map(|smile| smile.basis(parameters)).sum();
    let mut worst = worst_of(&scenarios);
    if basis < worst.1 {
        worst = ("basis".into(), basis);
    }
    let charges = charges(portfolio, parameters, &smiles);
    let options: f64 = smiles.iter().map(|smile| smile.now).sum();
    let mark_to_market = options + unrealised + pledged;
    let cash = portfolio.cash.float();
    let stable = portfolio.market.stable_price.float();
    let peg = (parameters.peg.threshold.float() - stable).max(0.0) * parameters.peg.factor.float();
    let factor = parameters.initial_factor.float() + peg;
    let initial_loss = worst.1 * factor - charges.initial - charges.oracle - charges.maintenance;
    let maintenance_loss = worst.1 * parameters.maintenance_factor.float() - charges.maintenance;
    Floats {
        initial_margin: initial_loss + mark_to_market + cash,
        maintenance_margin: maintenance_loss + mark_to_market + cash,
        mark_to_market,
        cash,
        requirement: (-initial_loss, -maintenance_loss),
        scenarios,
        worst,
        components: vec![
            ("basis_contingency".into(), basis),
            ("contingency_maintenance".into(), charges.maintenance),
            ("contingency_initial".into(), charges.initial),
            ("contingency_oracle".into(), charges.oracle),
            ("factor_initial".into(), factor),
            ("value_options".into(), options),
            ("value_collateral".into(), pledged),
        ],
    }
    .outcome()
}

/// Charges besides the scan.
struct Charges {
    maintenance: f64,
    initial: f64,
    oracle: f64,
}

fn charges(portfolio: &Portfolio, parameters: &Parameters, smiles: &[Smile<'_>]) -> Charges {
    let (market, charge) = (&portfolio.market, &parameters.contingency);
    let spot = market.spot.float();
    let perpetual = portfolio.perpetual().1.abs() * spot;
    let naked = smiles.iter().map(Smile::naked).sum::<f64>() * spot;
    let sum = |on_perpetual: Decimal, on_options: Decimal| {
        perpetual * on_perpetual.float() + naked * on_options.float()
    };
    let (mut of_maintenance, mut of_initial) = (0.0, 0.0);
    for pledge in &portfolio.positions.collateral {
        let shares = parameters.haircuts(&pledge.asset);
        let value = portfolio.value_of(pledge);
        of_maintenance += value * shares.maintenance.float();
        of_initial += value * shares.initial.float();
    }
    let oracle = &parameters.oracle;
    let mut in_doubt = 0.0;
    if let Some(feed) = &market.perpetual {
        let confidence = feed.confidence.min(market.spot_confidence);
        in_doubt += doubt(oracle.threshold, confidence, oracle.perpetual, perpetual);
    }
    // Whoever holds a perpetual in doubt holds a portfolio in doubt; that of the stable coin is not asked.
    let held = market.perpetual.as_ref().filter(|_| perpetual != 0.0);
    let portfolio_confidence =
        held.map_or(market.spot_confidence, |feed| feed.confidence.min(market.spot_confidence));
    for smile in smiles {
        let expiry = smile.group.expiry;
        let feeds = [expiry.forward_confidence, expiry.rate_confidence, expiry.vol_confidence];
        let confidence = feeds.into_iter().fold(portfolio_confidence, Ord::min);
        let amounts = smile.group.options.iter().map(|option| option.amount.float().abs());
        let notional = amounts.sum::<f64>() * spot;
        in_doubt += doubt(oracle.threshold, confidence, oracle.option, notional);
    }
    for pledge in &portfolio.positions.collateral {
        let confidence = pledge.confidence.min(market.spot_confidence);
        let value = portfolio.value_of(pledge);
        in_doubt += doubt(oracle.threshold, confidence, oracle.collateral, value);
    }
    Charges {
        maintenance: sum(charge.perpetual_maintenance, charge.option_maintenance) + of_maintenance,
        initial: sum(charge.perpetual_initial, charge.option_initial) + of_initial,
        oracle: in_doubt,
    }
}
