//! What a portfolio must hold, how it moves, where it is liquidated; and the same after orders.

use crate::WhatIfError;
use crate::entry::Entry;
use crate::fields::invalid;
use crate::file::{Orders, Portfolio};
use crate::liquidation::{Liquidation, liquidations};
use margin::{Bucket, Parameters, Risk, Standing};
use protocol::{Fault, Side, UnderlyingId};
use serde::Serialize;
use units::{Lots, Notional, Round};

/// Sensitivities to one underlying, all expiries together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GreekSums {
    /// The underlying.
    pub underlying: String,
    /// Units of it that hedge.
    pub delta: String,
    /// Change of the dollar delta for 1 %.
    pub gamma: String,
    /// Change of value for 1 % a year of vol.
    pub vega: String,
    /// Change of value in a day.
    pub theta: String,
}

/// A portfolio measured. Amounts are exact decimal text, in dollars.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assessment {
    /// Cash, positions above their cost, collateral.
    pub equity: String,
    /// What must be held to add risk.
    pub initial_margin: String,
    /// What must be held not to be liquidated.
    pub maintenance_margin: String,
    /// What a liquidation restores.
    pub liquidation_target: String,
    /// Where that leaves the account.
    pub standing: &'static str,
    /// The index at which it is liquidated, by underlying; absent if nobody asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub liquidation: Option<Vec<Liquidation>>,
    /// Sensitivities, by underlying; absent if nobody asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub greeks: Option<Vec<GreekSums>>,
}

/// What is computed beside margin: both cost more than the margin itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Detail {
    /// Sensitivities: one evaluation of each option held.
    pub greeks: bool,
    /// Liquidation prices: margin again at some hundreds of prices of each underlying held.
    pub liquidation: bool,
}

impl Detail {
    /// Everything.
    pub const FULL: Self = Self { greeks: true, liquidation: true };
}

/// A portfolio before and after orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WhatIf {
    /// As it is.
    pub before: Assessment,
    /// With the orders open: initial margin covers whichever of them fill.
    pub with_orders_open: Assessment,
    /// With all of them filled at their limits, fees paid.
    pub after_fills: Assessment,
    /// What margin says to each order as it comes, those before it open.
    pub entries: Vec<Entry>,
}

pub(crate) fn limits(place: &'static str) -> impl Fn(Fault) -> WhatIfError {
    move |fault| WhatIfError::Limits { place, fault }
}

impl Portfolio {
    pub(crate) fn risk(&self) -> Result<Risk, Fault> {
        Risk::build(&Parameters::default(), self.now, &self.underlyings, &self.markets)
    }

    pub(crate) fn held(&self) -> margin::Portfolio<'_> {
        margin::Portfolio {
            cash: self.cash,
            positions: &self.positions,
            collateral: &self.collateral,
            orders: &self.orders,
        }
    }

    /// Returns the portfolio with the markets alone that it holds something in, or has orders in: no other one enters margin.
    fn lean(&self) -> Self {
        let mut lean = self.clone();
        let used = |id| {
            self.positions.iter().any(|held| held.instrument == id)
                || self.orders.iter().any(|order| order.instrument == id)
        };
        lean.markets.retain(|market| used(market.instrument.id));
        lean
    }

    /// Returns the portfolio measured in full, its own open orders included.
    ///
    /// # Errors
    ///
    /// [`WhatIfError::Limits`] if a number is outside the limits of the house.
    pub fn assess(&self) -> Result<Assessment, WhatIfError> {
        self.measure(Detail::FULL)
    }

    /// Returns the portfolio measured, its own open orders included, with as much detail as is asked for.
    ///
    /// # Errors
    ///
    /// [`WhatIfError::Limits`] if a number is outside the limits of the house.
    pub fn measure(&self, detail: Detail) -> Result<Assessment, WhatIfError> {
        let lean = self.lean();
        let risk = lean.risk().map_err(limits("scenario matrices"))?;
        lean.measure_over(&risk, detail)
    }

    /// Measures over matrices that have been made, of these markets or more.
    pub(crate) fn measure_over(
        &self,
        risk: &Risk,
        detail: Detail,
    ) -> Result<Assessment, WhatIfError> {
        let needed =
            margin::required(risk, &self.held()).map_err(|why| self.too_large(risk, why))?;
        let greeks = detail.greeks.then(|| self.sums(risk)).transpose()?;
        let liquidation = detail.liquidation.then(|| liquidations(self)).transpose();
        Ok(Assessment {
            equity: needed.equity.to_string(),
            initial_margin: needed.initial.to_string(),
            maintenance_margin: needed.maintenance.to_string(),
            liquidation_target: needed.buffer.to_string(),
            standing: match needed.standing() {
                Standing::Healthy => "healthy",
                Standing::ReduceOnly => "reduce_only",
                Standing::Liquidatable => "liquidatable",
                Standing::Takeover => "takeover",
                Standing::Insolvent => "insolvent",
            },
            liquidation: liquidation.map_err(limits("liquidation price"))?,
            greeks,
        })
    }

    /// Returns the sensitivities of positions and of the collateral that counts.
    fn sums(&self, risk: &Risk) -> Result<Vec<GreekSums>, WhatIfError> {
        let mut greeks = margin::greeks(risk, &self.positions).map_err(limits("Greeks"))?;
        for (asset, amount) in &self.collateral {
            // What is pledged moves like what is held, as far as it counts.
            let none = Notional::ZERO;
            let counted = risk.counted(*asset, *amount).map_err(limits("collateral"))?;
            let pledged = Bucket {
                underlying: UnderlyingId::new(asset.get()),
                expires_at: None,
                delta: counted,
                gamma: none,
                vega: none,
                theta: none,
            };
            greeks.add(&pledged).map_err(limits("Greeks"))?;
        }
        let sums = greeks.by_underlying().map_err(limits("Greeks"))?;
        let sums = sums.into_iter().map(|sum| GreekSums {
            underlying: self.name_of(sum.underlying),
            delta: sum.delta.to_string(),
            gamma: sum.gamma.to_string(),
            vega: sum.vega.to_string(),
            theta: sum.theta.to_string(),
        });
        Ok(sums.collect())
    }

    /// Returns the portfolio before orders, with them open and with them filled, in full.
    ///
    /// # Errors
    ///
    /// [`WhatIfError::Limits`] if a number is outside the limits of the house.
    pub fn what_if(&self, orders: &Orders) -> Result<WhatIf, WhatIfError> {
        self.what_if_with(orders, Detail::FULL)
    }

    /// Returns the portfolio before orders, with them open and with them filled, with as much detail as is asked for.
    ///
    /// # Errors
    ///
    /// [`WhatIfError::Limits`] if a number is outside the limits of the house.
    pub fn what_if_with(&self, orders: &Orders, detail: Detail) -> Result<WhatIf, WhatIfError> {
        let before = self.measure(detail)?;
        let mut open = self.clone();
        open.orders.extend(&orders.0);
        let mut filled = self.clone();
        for order in &orders.0 {
            filled.fill(order).map_err(|why| {
                let (name, lots) = (self.market_name(order.instrument), order.lots.to_string());
                let reason = format!("are more than the account can hold once they fill: {why}");
                invalid(&format!("order in {name}, lots"), &lots, &reason)
            })?;
        }
        Ok(WhatIf {
            before,
            with_orders_open: open.measure(detail)?,
            after_fills: filled.measure(detail)?,
            entries: self.entries(orders)?,
        })
    }

    /// Fills an order at its limit: the premium of an option and the fee are paid in cash, anything else is settled at
    /// the price.
    fn fill(&mut self, order: &margin::OpenOrder) -> Result<(), Fault> {
        let at = || Fault::at("what-if: a fill");
        let instrument = self.instrument(order.instrument)?.instrument;
        let lots = match order.side {
            Side::Buy => order.lots,
            Side::Sell => order.lots.negated().map_err(at())?,
        };
        // Rounding up is against the account: it pays more, or receives less.
        let value = lots.value(order.price, instrument.contract_size, Round::Up).map_err(at())?;
        let premium = if instrument.contract.pays_premium() { value } else { Notional::ZERO };
        let cost = value.minus(premium).map_err(at())?;
        let paid = premium.plus(order.fee).map_err(at())?;
        self.cash = self.cash.minus(paid).map_err(at())?;
        let held = self.positions.iter_mut().find(|held| held.instrument == order.instrument);
        match held {
            Some(held) => {
                held.lots = held.lots.plus(lots).map_err(at())?;
                held.cost = held.cost.plus(cost).map_err(at())?;
            }
            None => {
                self.positions.push(margin::Position { instrument: order.instrument, lots, cost })
            }
        }
        // What a closed position has gained is cash.
        if let Some(closed) = self.positions.iter().position(|held| held.lots == Lots::ZERO) {
            let closed = self.positions.swap_remove(closed);
            self.cash = self.cash.minus(closed.cost).map_err(at())?;
        }
        Ok(())
    }

    /// Names what margin cannot count: the first position, order or pledge that it cannot even count alone, with the most
    /// that it can; or all of them together.
    fn too_large(&self, risk: &Risk, fault: Fault) -> WhatIfError {
        let counted = |positions: &[margin::Position], orders: &[margin::OpenOrder]| {
            let alone =
                margin::Portfolio { cash: Notional::ZERO, positions, collateral: &[], orders };
            margin::required(risk, &alone).is_ok()
        };
        if let Some(held) = self.positions.iter().find(|held| !counted(&[**held], &[])) {
            let magnitude = held.lots.magnitude().unwrap_or(held.lots);
            let most = greatest(magnitude, |lots| {
                let lots =
                    if held.lots < Lots::ZERO { lots.negated().unwrap_or(lots) } else { lots };
                counted(&[margin::Position { lots, cost: Notional::ZERO, ..*held }], &[])
            });
            let place = format!("position in {}, lots", self.market_name(held.instrument));
            return beyond(&place, held.lots, most);
        }
        if let Some(order) = self.orders.iter().find(|order| !counted(&[], &[**order])) {
            let most = greatest(order.lots, |lots| {
                counted(&[], &[margin::OpenOrder { lots, fee: Notional::ZERO, ..*order }])
            });
            let place = format!("order in {}, lots", self.market_name(order.instrument));
            return beyond(&place, order.lots, most);
        }
        limits("margin of all that is held together")(fault)
    }

    fn market_name(&self, id: protocol::InstrumentId) -> &str {
        let named = self.market_names.iter().find(|(_, held)| **held == id);
        named.map_or("a market", |(name, _)| name.as_str())
    }

    pub(crate) fn name_of(&self, underlying: protocol::UnderlyingId) -> String {
        let at = self.underlyings.iter().position(|held| held.underlying == underlying);
        at.and_then(|at| self.names.get(at)).cloned().unwrap_or_default()
    }
}

/// Returns the most lots below some that pass, for what passes below them if it passes at them.
fn greatest(lots: Lots, passes: impl Fn(Lots) -> bool) -> Lots {
    let (mut low, mut high) = (0, lots.count());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        match passes(Lots::from_count(middle)) {
            true => low = middle,
            false => high = middle,
        }
    }
    Lots::from_count(low)
}

fn beyond(place: &str, lots: Lots, most: Lots) -> WhatIfError {
    let reason = format!("are more than margin counts at these prices: at most {most}");
    invalid(place, &lots.to_string(), &reason)
}
