//! Shares of notional, in tiers, and more of it where open interest is large.
//!
//! A position's notional is cut into the slices of its market's tiers, and each slice is charged its own share. Open
//! interest between two bounds raises the share for new risk towards one, in the manner of dYdX. Margin is a positive
//! number that equity must reach; positions do not offset each other.

use crate::decimal::Decimal;
use crate::error::Error;
use crate::outcome::{Floats, Outcome};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

const LIST_MAX: usize = 1_000;

/// Positions in many markets.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "fields by name")]
pub(crate) struct Portfolio {
    cash: Decimal,
    positions: Vec<Position>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "fields by name")]
struct Position {
    market: String,
    amount: Decimal,
    price: Decimal,
    #[serde(default = "zero")]
    unrealised: Decimal,
    /// Dollars that are open in the market.
    #[serde(default = "zero")]
    open_interest: Decimal,
}

const fn zero() -> Decimal {
    Decimal::ZERO
}

/// The rules of markets by name, and those of all others.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Parameters {
    others: Rules,
    markets: Vec<MarketRules>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "fields by name")]
struct MarketRules {
    market: String,
    rules: Rules,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Rules {
    tiers: Vec<Tier>,
    open_interest_lower: Decimal,
    open_interest_upper: Decimal,
}

/// The shares of a slice of notional; the last tier has no end.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "fields by name")]
struct Tier {
    #[serde(default)]
    up_to: Option<Decimal>,
    initial: Decimal,
    maintenance: Decimal,
}

impl Default for Rules {
    fn default() -> Self {
        let tier =
            Tier { up_to: None, initial: Decimal::ppm(100_000), maintenance: Decimal::ppm(65_000) };
        Self {
            tiers: vec![tier],
            open_interest_lower: Decimal::ZERO,
            open_interest_upper: Decimal::ZERO,
        }
    }
}

impl Rules {
    fn check(&self) -> Result<(), Error> {
        let Some((last, bounded)) = self.tiers.split_last() else {
            return Err(Error::Missing { what: "tiers".into() });
        };
        if last.up_to.is_some() {
            return Err(Error::Unsupported { what: "the last tier must not end".into() });
        }
        let mut below = Decimal::ZERO;
        for tier in bounded {
            match tier.up_to {
                Some(up_to) if up_to > below => below = up_to,
                _ => return Err(Error::Unsupported { what: "tiers must rise and end".into() }),
            }
        }
        for (number, tier) in self.tiers.iter().enumerate() {
            let field = |name: &str| format!("tier {}: {name}", number + 1);
            tier.initial.within(&field("initial"), Decimal::ZERO, Decimal::ONE)?;
            tier.maintenance.within(&field("maintenance"), Decimal::ZERO, tier.initial)?;
        }
        let (lower, upper) = (self.open_interest_lower, self.open_interest_upper);
        let most = Decimal::whole(1_000_000_000_000_000);
        lower.within("open_interest_lower", Decimal::ZERO, most)?;
        upper.within("open_interest_upper", Decimal::ZERO, most)?;
        if lower >= upper && lower > Decimal::ZERO {
            let what = "open_interest_upper must be above open_interest_lower".into();
            return Err(Error::Unsupported { what });
        }
        Ok(())
    }

    /// Returns how far open interest has come between its bounds, from zero to one.
    fn crowding(&self, open_interest: Decimal) -> f64 {
        let (lower, upper) = (self.open_interest_lower, self.open_interest_upper);
        if upper <= lower {
            return 0.0;
        }
        let range = upper.float() - lower.float();
        ((open_interest.float() - lower.float()) / range).clamp(0.0, 1.0)
    }

    fn margin(&self, notional: f64, crowding: f64) -> (f64, f64) {
        let (mut initial, mut maintenance, mut from) = (0.0, 0.0, 0.0);
        for tier in &self.tiers {
            let to = tier.up_to.map_or(f64::INFINITY, Decimal::float);
            let slice = (notional.min(to) - from).max(0.0);
            let base = tier.initial.float();
            initial += slice * (base + (1.0 - base) * crowding);
            maintenance += slice * tier.maintenance.float();
            from = to;
        }
        (initial, maintenance)
    }
}

/// Returns the margin of a portfolio.
pub(crate) fn measure(portfolio: &Portfolio, parameters: &Parameters) -> Result<Outcome, Error> {
    let lists = [("positions", portfolio.positions.len()), ("markets", parameters.markets.len())];
    if let Some((what, count)) = lists.into_iter().find(|(_, count)| *count > LIST_MAX) {
        return Err(Error::TooMany { what, count, most: LIST_MAX });
    }
    parameters.others.check()?;
    let mut by_name = BTreeMap::new();
    for entry in &parameters.markets {
        entry.rules.check()?;
        if by_name.insert(&entry.market, &entry.rules).is_some() {
            return Err(Error::Duplicate { what: "market", name: entry.market.clone() });
        }
    }
    let mut held = BTreeSet::new();
    let mut sums = Floats { cash: portfolio.cash.float(), ..Floats::default() };
    let mut notional_sum = 0.0;
    for position in &portfolio.positions {
        let name = &position.market;
        if !held.insert(name) {
            return Err(Error::Duplicate { what: "position", name: name.clone() });
        }
        let most = Decimal::whole(1_000_000_000_000);
        position.price.within(
            &format!("'{name}': price"),
            Decimal::from_units(1_000_000_000),
            most,
        )?;
        let most = Decimal::whole(1_000_000_000_000_000);
        let field = format!("'{name}': open_interest");
        position.open_interest.within(&field, Decimal::ZERO, most)?;
        let rules = by_name.get(name).copied().unwrap_or(&parameters.others);
        let notional = position.amount.float().abs() * position.price.float();
        let (initial, maintenance) = rules.margin(notional, rules.crowding(position.open_interest));
        sums.initial_margin += initial;
        sums.maintenance_margin += maintenance;
        sums.mark_to_market += position.unrealised.float();
        sums.components.push((format!("initial {name}"), initial));
        sums.components.push((format!("maintenance {name}"), maintenance));
        notional_sum += notional;
    }
    sums.components.push(("notional".into(), notional_sum));
    sums.requirement = (sums.initial_margin, sums.maintenance_margin);
    sums.outcome()
}
