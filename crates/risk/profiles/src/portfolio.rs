//! The portfolio format that all profiles but the linear one share: one underlying, its expiries, options, a perpetual
//! and collateral.
//!
//! **Invariant:** after [`Portfolio::check`] every name resolves, no name occurs twice, and every number is in its range.

use crate::decimal::Decimal;
use crate::error::Error;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Most options, and most of anything else.
const POSITIONS_MAX: usize = 10_000;
const LIST_MAX: usize = 1_000;

/// Prices are from a billionth to a trillion.
const PRICE_MIN: Decimal = Decimal::from_units(1_000_000_000);
const PRICE_MAX: Decimal = Decimal::whole(1_000_000_000_000);

/// A portfolio and the market it is measured in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "fields by name")]
pub(crate) struct Portfolio {
    pub(crate) cash: Decimal,
    pub(crate) market: Market,
    pub(crate) positions: Positions,
}

/// The market of one underlying.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "fields by name")]
pub(crate) struct Market {
    pub(crate) spot: Decimal,
    #[serde(default = "one")]
    pub(crate) spot_confidence: Decimal,
    #[serde(default = "one")]
    pub(crate) stable_price: Decimal,
    #[serde(default = "one")]
    pub(crate) stable_confidence: Decimal,
    #[serde(default)]
    pub(crate) perpetual: Option<PerpetualMarket>,
    #[serde(default)]
    pub(crate) expiries: Vec<Expiry>,
}

/// The market of the perpetual.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "fields by name")]
pub(crate) struct PerpetualMarket {
    pub(crate) price: Decimal,
    #[serde(default = "one")]
    pub(crate) confidence: Decimal,
}

/// The market of one expiry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "fields by name")]
pub(crate) struct Expiry {
    pub(crate) id: String,
    pub(crate) expires_in_seconds: Decimal,
    pub(crate) forward: Decimal,
    #[serde(default = "zero")]
    pub(crate) rate: Decimal,
    #[serde(default = "one")]
    pub(crate) forward_confidence: Decimal,
    #[serde(default = "one")]
    pub(crate) rate_confidence: Decimal,
    #[serde(default = "one")]
    pub(crate) vol_confidence: Decimal,
}

/// What is held.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Positions {
    pub(crate) options: Vec<OptionPosition>,
    pub(crate) perpetual: Option<PerpetualPosition>,
    pub(crate) collateral: Vec<Collateral>,
    pub(crate) risk_arrays: Vec<RiskArray>,
}

/// Options of one kind.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "fields by name")]
pub(crate) struct OptionPosition {
    pub(crate) expiry: String,
    pub(crate) right: Right,
    pub(crate) strike: Decimal,
    pub(crate) vol: Decimal,
    pub(crate) amount: Decimal,
}

/// Call or put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Right {
    Call,
    Put,
}

impl Right {
    /// Returns what is paid at expiry.
    pub(crate) fn payoff(self, price: f64, strike: f64) -> f64 {
        match self {
            Self::Call => (price - strike).max(0.0),
            Self::Put => (strike - price).max(0.0),
        }
    }
}

/// The perpetual position.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "fields by name")]
pub(crate) struct PerpetualPosition {
    pub(crate) amount: Decimal,
    /// Profit that has not been settled into cash.
    #[serde(default = "zero")]
    pub(crate) unrealised: Decimal,
}

/// A pledged asset.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "fields by name")]
pub(crate) struct Collateral {
    pub(crate) asset: String,
    pub(crate) amount: Decimal,
    pub(crate) price: Decimal,
    #[serde(default = "one")]
    pub(crate) confidence: Decimal,
    /// Whether it is the underlying, so that it offsets positions.
    pub(crate) risk_cancelling: bool,
}

/// Contracts whose gains in the sixteen scenarios somebody has published.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "fields by name")]
pub(crate) struct RiskArray {
    pub(crate) amount: Decimal,
    pub(crate) gains: Vec<Decimal>,
}

const fn one() -> Decimal {
    Decimal::ONE
}

const fn zero() -> Decimal {
    Decimal::ZERO
}

/// An expiry with the options of it.
#[derive(Debug)]
pub(crate) struct Group<'a> {
    pub(crate) expiry: &'a Expiry,
    pub(crate) options: Vec<&'a OptionPosition>,
}

impl Portfolio {
    /// Returns the expiries in which there are options, in the order of the market.
    pub(crate) fn groups(&self) -> Vec<Group<'_>> {
        let mut options: BTreeMap<&str, Vec<&OptionPosition>> = BTreeMap::new();
        for option in &self.positions.options {
            options.entry(&option.expiry).or_default().push(option);
        }
        let held = self.market.expiries.iter().filter_map(|expiry| {
            options.remove(expiry.id.as_str()).map(|options| Group { expiry, options })
        });
        held.collect()
    }

    /// Returns the value of collateral in the stable coin.
    pub(crate) fn value_of(&self, collateral: &Collateral) -> f64 {
        collateral.amount.float() * collateral.price.float() / self.market.stable_price.float()
    }

    /// Returns the perpetual: its price, the lots, and profit that has not been settled.
    pub(crate) fn perpetual(&self) -> (f64, f64, f64) {
        match (&self.market.perpetual, &self.positions.perpetual) {
            (Some(market), Some(held)) => {
                (market.price.float(), held.amount.float(), held.unrealised.float())
            }
            _ => (0.0, 0.0, 0.0),
        }
    }

    /// Refuses published risk arrays, which only one profile can use.
    pub(crate) fn without_arrays(&self) -> Result<(), Error> {
        if self.positions.risk_arrays.is_empty() {
            return Ok(());
        }
        Err(Error::Unsupported { what: "risk_arrays are for span16".into() })
    }

    /// Checks names, ranges and counts.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let (market, positions) = (&self.market, &self.positions);
        for (what, count, most) in [
            ("options", positions.options.len(), POSITIONS_MAX),
            ("expiries", market.expiries.len(), LIST_MAX),
            ("collateral", positions.collateral.len(), LIST_MAX),
            ("risk_arrays", positions.risk_arrays.len(), LIST_MAX),
        ] {
            if count > most {
                return Err(Error::TooMany { what, count, most });
            }
        }
        market.spot.within("market.spot", PRICE_MIN, PRICE_MAX)?;
        market.stable_price.within(
            "market.stable_price",
            Decimal::ppm(1_000),
            Decimal::whole(1_000),
        )?;
        Decimal::all_to(
            Decimal::ONE,
            &[
                ("market.spot_confidence", market.spot_confidence),
                ("market.stable_confidence", market.stable_confidence),
            ],
        )?;
        if let Some(perpetual) = &market.perpetual {
            perpetual.price.within("market.perpetual.price", PRICE_MIN, PRICE_MAX)?;
            perpetual.confidence.within(
                "market.perpetual.confidence",
                Decimal::ZERO,
                Decimal::ONE,
            )?;
        } else if positions.perpetual.is_some() {
            return Err(Error::Missing { what: "market.perpetual, which a position is in".into() });
        }
        self.check_expiries()?;
        self.check_options()?;
        self.check_collateral()
    }

    fn check_expiries(&self) -> Result<(), Error> {
        let mut names = BTreeSet::new();
        for expiry in &self.market.expiries {
            let id = &expiry.id;
            if !names.insert(id) {
                return Err(Error::Duplicate { what: "expiry", name: id.clone() });
            }
            let field = |name: &str| format!("expiry '{id}': {name}");
            let century = Decimal::whole(3_153_600_000);
            expiry.expires_in_seconds.within(
                &field("expires_in_seconds"),
                Decimal::ZERO,
                century,
            )?;
            expiry.forward.within(&field("forward"), PRICE_MIN, PRICE_MAX)?;
            expiry.rate.within(&field("rate"), Decimal::whole(-10), Decimal::whole(10))?;
            Decimal::all_to(
                Decimal::ONE,
                &[
                    (&field("forward_confidence"), expiry.forward_confidence),
                    (&field("rate_confidence"), expiry.rate_confidence),
                    (&field("vol_confidence"), expiry.vol_confidence),
                ],
            )?;
        }
        Ok(())
    }

    fn check_options(&self) -> Result<(), Error> {
        let expiries: BTreeSet<_> = self.market.expiries.iter().map(|expiry| &expiry.id).collect();
        let (mut held, mut vols) = (BTreeSet::new(), BTreeMap::new());
        for (number, option) in self.positions.options.iter().enumerate() {
            let field = |name: &str| format!("option {}: {name}", number + 1);
            let (expiry, strike) = (&option.expiry, option.strike);
            if !expiries.contains(expiry) {
                return Err(Error::Unknown { what: "expiry", name: expiry.clone() });
            }
            strike.within(&field("strike"), PRICE_MIN, PRICE_MAX)?;
            option.vol.within(&field("vol"), Decimal::ZERO, Decimal::whole(10_000))?;
            if !held.insert((expiry, strike, option.right)) {
                let name = format!("{expiry} {strike} {:?}", option.right).to_lowercase();
                return Err(Error::Duplicate { what: "option", name });
            }
            if *vols.entry((expiry, strike)).or_insert(option.vol) != option.vol {
                let (expiry, strike) = (expiry.clone(), strike.to_string());
                return Err(Error::VolConflict { expiry, strike });
            }
        }
        Ok(())
    }

    fn check_collateral(&self) -> Result<(), Error> {
        let mut names = BTreeSet::new();
        for collateral in &self.positions.collateral {
            let asset = &collateral.asset;
            if !names.insert(asset) {
                return Err(Error::Duplicate { what: "collateral", name: asset.clone() });
            }
            let field = |name: &str| format!("collateral '{asset}': {name}");
            let most = Decimal::whole(1_000_000_000_000_000);
            collateral.amount.within(&field("amount"), Decimal::ZERO, most)?;
            collateral.price.within(&field("price"), PRICE_MIN, PRICE_MAX)?;
            collateral.confidence.within(&field("confidence"), Decimal::ZERO, Decimal::ONE)?;
        }
        Ok(())
    }
}
