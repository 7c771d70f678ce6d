//! The index at which an account is liquidated: the first price on each side at which equity is below maintenance.
//!
//! Everything on the underlying moves with its index: marks of perpetuals, forwards and collateral in proportion, options
//! by the model at their vols. A mark that is off the model stays as far off it, a perpetual's in proportion. Other
//! underlyings stand still, and so does time.
//!
//! The search goes outward from the index in steps of a four-hundredth of it, to −99 % and +400 %, and halves the first
//! step at whose end the account is liquidatable down to a micro-dollar. **Invariant:** at the price found the account is
//! liquidatable and a micro-dollar nearer to the index it is not; at every step nearer, it is not. A fall below
//! maintenance that begins and ends inside one step is not seen, nor one at prices that the house does not have.

use crate::file::Portfolio;
use margin::{MarketInput, UnderlyingInput, mark_value, required};
use protocol::{Contract, Fault};
use serde::Serialize;
use units::{Price, Round};

/// Steps in the index itself.
const STEPS: i128 = 400;
/// Farthest step down: −99 %.
const DOWN: i128 = 396;
/// Farthest step up: +400 %.
const UP: i128 = 1_600;

/// A price at which the account is liquidated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Crossing {
    /// The index, in dollars.
    pub index: String,
    /// Its move from where it is, as a share, rounded away from zero to a millionth.
    pub change: String,
}

/// Where an account is liquidated as one index moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Liquidation {
    /// The underlying.
    pub underlying: String,
    /// Its index.
    pub index: String,
    /// Whether it is liquidatable as it stands; there is no crossing then.
    pub now: bool,
    /// The first price below; none to −99 % if absent.
    pub below: Option<Crossing>,
    /// The first price above; none to +400 % if absent.
    pub above: Option<Crossing>,
}

/// Returns where an account is liquidated, for each underlying it holds something on.
pub(crate) fn liquidations(portfolio: &Portfolio) -> Result<Vec<Liquidation>, Fault> {
    let mut found = Vec::new();
    for (at, underlying) in portfolio.underlyings.iter().enumerate() {
        let on = |market: &MarketInput| market.instrument.underlying == underlying.underlying;
        let positions = portfolio.positions.iter();
        let mut markets = positions.map(|held| portfolio.instrument(held.instrument));
        let held = markets.any(|market| market.is_ok_and(on))
            || portfolio.collateral.iter().any(|(asset, _)| underlying.asset == Some(*asset));
        if !held {
            continue;
        }
        let now = liquidatable(portfolio, at, underlying.index)?;
        let side = |steps: i128, sign: i128| -> Result<Option<Crossing>, Fault> {
            if now { Ok(None) } else { crossing(portfolio, at, underlying, steps, sign) }
        };
        found.push(Liquidation {
            underlying: portfolio.name_of(underlying.underlying),
            index: underlying.index.to_string(),
            now,
            below: side(DOWN, -1)?,
            above: side(UP, 1)?,
        });
    }
    Ok(found)
}

fn crossing(
    portfolio: &Portfolio,
    at: usize,
    underlying: &UnderlyingInput,
    steps: i128,
    sign: i128,
) -> Result<Option<Crossing>, Fault> {
    let index = underlying.index.micros();
    let price = |step: i128| index + sign * (index * step).div_euclid(STEPS);
    let mut safe = index;
    for step in 1..=steps {
        let there = price(step);
        let found = match liquidatable(portfolio, at, Price::from_micros(there)) {
            // So far out, a price or a sum is beyond the limits of the house.
            Err(Fault::Arithmetic { .. }) => return Ok(None),
            found => found?,
        };
        if there == safe || !found {
            safe = there;
            continue;
        }
        let mut beyond = there;
        while (beyond - safe).abs() > 1 {
            let middle = safe + (beyond - safe) / 2;
            if liquidatable(portfolio, at, Price::from_micros(middle))? {
                beyond = middle;
            } else {
                safe = middle;
            }
        }
        let parts = (beyond - index).abs() * 1_000_000;
        let change = sign * (parts + index - 1).div_euclid(index);
        return Ok(Some(Crossing {
            index: Price::from_micros(beyond).to_string(),
            change: units::Ppm::from_parts(change).to_string(),
        }));
    }
    Ok(None)
}

/// Returns whether equity is below maintenance with one index at a price.
fn liquidatable(portfolio: &Portfolio, at: usize, price: Price) -> Result<bool, Fault> {
    let moved = portfolio.moved(at, price)?;
    let needed = required(&moved.risk()?, &moved.held())?;
    Ok(needed.equity < needed.maintenance)
}

impl Portfolio {
    /// Returns the portfolio with one index at a price, and without orders, which maintenance does not count.
    pub(crate) fn moved(&self, at: usize, price: Price) -> Result<Self, Fault> {
        let fault = || Fault::at("what-if: a moved index");
        let mut moved = self.clone();
        moved.orders.clear();
        let underlying = moved.underlyings.get_mut(at).ok_or(Fault::Missing("underlying"))?;
        let before = underlying.index;
        underlying.index = price;
        let id = underlying.underlying;
        for market in &mut moved.markets {
            if market.instrument.underlying != id || price == before {
                continue;
            }
            let scaled = |value: Price, round| {
                let moved = value.number().mul_div(price.number(), before.number(), round);
                moved.map(Price::from_number).map_err(fault())
            };
            let model = |forward| {
                let MarketInput { instrument, vol, settlement, .. } = &*market;
                mark_value(instrument, forward, *vol, self.now, *settlement)
            };
            let forward = scaled(market.forward, Round::Down)?;
            let mut off = market.mark.minus(model(market.forward)?).map_err(fault())?;
            if market.instrument.contract == Contract::Perpetual {
                // What a perpetual is above its index is a share of it.
                off = scaled(off, Round::Down)?;
            }
            market.mark = model(forward)?.plus(off).map_err(fault())?.greater(Price::ZERO);
            market.forward = forward;
        }
        Ok(moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn perpetual(index: &str, lot: &str, rest: &str) -> Portfolio {
        let text = format!(
            r#"{{"time": "2026-06-01T00:00:00Z", "underlyings": [{{"name": "BTC", "index": "{index}"}}],
                "markets": [{{"name": "P", "underlying": "BTC", "kind": "perpetual", "lot": "{lot}"}}], {rest}}}"#
        );
        Portfolio::parse(&text).expect("a portfolio")
    }

    #[test]
    fn a_price_found_is_one_also_when_the_file_says_it_though_a_lot_has_a_coarse_tick() {
        let rest = r#""cash": "14000.01", "positions": [{"market": "P", "lots": "-1000000", "entry": "55000"}]"#;
        let found = liquidations(&perpetual("60000", "0.000001", rest)).expect("a price");
        let above = found[0].above.clone().expect("a short is liquidated above");
        assert!(liquidations(&perpetual(&above.index, "0.000001", rest)).expect("it is")[0].now);
    }

    #[test]
    fn a_search_ends_where_prices_do() {
        let rest = r#""cash": "10000000000", "positions": [{"market": "P", "lots": "-5"}]"#;
        let found = liquidations(&perpetual("210000000", "0.001", rest)).expect("it is measured");
        assert_eq!((found[0].now, &found[0].above), (false, &None));
    }

    #[test]
    fn a_mark_off_the_model_moves_as_the_model_does_and_never_below_zero() {
        let portfolio = |mark: &str| {
            let text = r#"{"time": "2026-06-01T00:00:00Z", "cash": "1",
                "underlyings": [{"name": "BTC", "index": "60000"}],
                "markets": [{"name": "C", "underlying": "BTC", "kind": "call", "lot": "0.001", "strike": "70000",
                    "expires": "2026-07-01T08:00:00Z", "vol": "0.65""#;
            Portfolio::parse(&format!("{text}{mark}}}]}}")).expect("a portfolio")
        };
        let mark = |portfolio: &Portfolio| portfolio.markets[0].mark.micros();
        let (model, off) = (portfolio(""), portfolio(r#", "mark": "3000""#));
        let apart = mark(&off) - mark(&model);
        assert!(apart > 1_000_000_000, "{apart}");
        for micros in [1_000_000, 30_000_000_000, 60_000_000_001, 90_000_000_000] {
            let at = Price::from_micros(micros);
            let [model, off] = [&model, &off].map(|it| mark(&it.moved(0, at).expect("it moves")));
            assert_eq!(off - model, apart, "{micros}");
        }
        let cheap = portfolio(r#", "mark": "0""#);
        assert_eq!(mark(&cheap.moved(0, Price::from_micros(1_000_000)).expect("it moves")), 0);
    }
}
