//! The margin of this house, exactly: the portfolio is listed in a house of one underlying and measured by the core.
//!
//! **Invariant:** every number reaches the core unrounded, or is refused as not exact; only the part of a forward that the
//! settlement average has fixed is rounded, down, to a micro-dollar.
//!
//! Left out: rates, stable coins and confidences, which the core does not know; the width of the oracle is a parameter.

use crate::decimal::Decimal;
use crate::error::Error;
use crate::outcome::{Outcome, ScenarioProfit};
use crate::portfolio::{Expiry, Portfolio, Right};
use margin::{
    Explanation, Figure, MarketInput, OffsetClass, Position, Risk, ScenarioId, Settlement,
    UnderlyingInput,
};
use protocol::{AssetId, Contract, Instrument, InstrumentId, UnderlyingId};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::str::FromStr;
use units::{
    BlockSpan, BlockTime, Lots, Notional, Num, ParseError, Ppb, Ppm, Price, Quantity, Round, Vol,
    limits,
};

/// When the portfolio is measured; any time will do, because only spans count.
const NOW: i128 = 1_700_000_000_000;
const WINDOW_MILLIS: i128 = 1_800_000;
const UNDERLYING: UnderlyingId = UnderlyingId::new(1);
const ASSET: AssetId = AssetId::new(1);

/// What the house knows of the underlying besides the portfolio's market.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Parameters {
    contract_size: Decimal,
    scan_range: Decimal,
    oracle_width: Decimal,
    short_option_maintenance: Decimal,
    short_option_initial: Decimal,
    haircut: Decimal,
    haircut_knee: Decimal,
    haircut_beyond: Decimal,
    mark_band: Decimal,
    spread: Decimal,
    funding_rate: Decimal,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            contract_size: Decimal::ppm(1_000),
            scan_range: Decimal::ppm(160_000),
            oracle_width: Decimal::ZERO,
            short_option_maintenance: Decimal::ppm(3_000),
            short_option_initial: Decimal::ppm(2_000),
            haircut: Decimal::ppm(100_000),
            haircut_knee: Decimal::whole(10_000_000),
            haircut_beyond: Decimal::ppm(100_000),
            mark_band: Decimal::ppm(30_000),
            spread: Decimal::ZERO,
            funding_rate: Decimal::ZERO,
        }
    }
}

impl Parameters {
    fn underlying(&self, index: Price) -> Result<UnderlyingInput, Error> {
        Decimal::all_to(
            Decimal::ONE,
            &[
                ("short_option_maintenance", self.short_option_maintenance),
                ("short_option_initial", self.short_option_initial),
                ("haircut", self.haircut),
                ("haircut_beyond", self.haircut_beyond),
                ("mark_band", self.mark_band),
                ("spread", self.spread),
            ],
        )?;
        // More than all of it cannot be taken off.
        let rest = self.haircut.rest_of_one();
        self.haircut_beyond.within("haircut_beyond, beside haircut,", Decimal::ZERO, rest)?;
        let range = [120_000, 600_000].map(Decimal::ppm);
        self.scan_range.within("scan_range", range[0], range[1])?;
        let most = Decimal::whole(1_000_000_000_000);
        self.haircut_knee.within("haircut_knee", Decimal::ZERO, most)?;
        let width = Decimal::whole(1_000_000_000);
        self.oracle_width.within("oracle_width", Decimal::ZERO, width)?;
        self.funding_rate.within("funding_rate", Decimal::whole(-1), Decimal::ONE)?;
        let scan: Ppm = exact("scan_range", self.scan_range)?;
        Ok(UnderlyingInput {
            underlying: UNDERLYING,
            class: OffsetClass::new(0),
            asset: Some(ASSET),
            index,
            confidence: exact("oracle_width", self.oracle_width)?,
            scan_hold: scan,
            scan_new: scan,
            short_option_maintenance: exact(
                "short_option_maintenance",
                self.short_option_maintenance,
            )?,
            short_option_initial: exact("short_option_initial", self.short_option_initial)?,
            haircut: exact("haircut", self.haircut)?,
            haircut_knee: exact("haircut_knee", self.haircut_knee)?,
            haircut_beyond: exact("haircut_beyond", self.haircut_beyond)?,
            mark_band: exact("mark_band", self.mark_band)?,
            spread: exact("spread", self.spread)?,
            vol_daily: Ppm::ZERO,
            volume_daily: Notional::ZERO,
            vol_move_daily: Ppm::ZERO,
            vega_daily: Notional::ZERO,
            depth: Ppm::from_parts(limits::PPM_ONE),
            depth_hold: Ppm::from_parts(limits::PPM_ONE),
            fee: Ppm::ZERO,
        })
    }
}

/// Returns a number in a unit of the house.
fn exact<T: FromStr<Err = ParseError>>(field: &'static str, number: Decimal) -> Result<T, Error> {
    let value = number.to_string();
    value.parse().map_err(|error| {
        let reason = match error {
            ParseError::NotDecimal(_) => "it is not a decimal number".to_string(),
            ParseError::TooFine { decimals, .. } => format!("it has more than {decimals} decimals"),
            ParseError::OutOfLimits(_) => "it is outside the limits of its unit".to_string(),
        };
        Error::NotExact { field, value, reason }
    })
}

/// A house with one underlying, and an account in it.
struct House {
    size: Quantity,
    markets: Vec<MarketInput>,
    positions: Vec<Position>,
}

impl House {
    /// Returns the lots that an amount is.
    fn lots(&self, amount: Decimal) -> Result<Lots, Error> {
        let nanos: Quantity = exact("amount", amount)?;
        let size = self.size.nanos();
        if nanos.nanos() % size != 0 {
            return Err(Error::NotExact {
                field: "amount",
                value: amount.to_string(),
                reason: format!("not a whole number of lots of {}", self.size),
            });
        }
        let lots = nanos.nanos() / size;
        // The core counts lots in 32 bits.
        if i32::try_from(lots).is_err() {
            let most = Decimal::whole(i128::from(i32::MAX)).to_string();
            let least = format!("-{most}");
            return Err(Error::OutOfRange {
                field: format!("amount, in lots of {},", self.size),
                value: lots.to_string(),
                least,
                most,
            });
        }
        Ok(Lots::from_count(lots))
    }

    fn instrument(&self, contract: Contract) -> Result<Instrument, Error> {
        let number = u32::try_from(self.markets.len()).map_err(|_| Error::NotFinite)?;
        Ok(Instrument {
            id: InstrumentId::new(number),
            underlying: UNDERLYING,
            contract,
            contract_size: self.size,
            tick: Price::from_micros(1),
        })
    }

    fn hold(&mut self, market: MarketInput, lots: Lots, cost: Notional) {
        let instrument = market.instrument.id;
        self.markets.push(market);
        self.positions.push(Position { instrument, lots, cost });
    }
}

/// Returns the contracts of a portfolio as a house would list them.
fn listed(portfolio: &Portfolio, parameters: &Parameters, index: Price) -> Result<House, Error> {
    let size: Quantity = exact("contract_size", parameters.contract_size)?;
    parameters.contract_size.within(
        "contract_size",
        Decimal::from_units(1_000_000_000),
        Decimal::whole(1_000_000),
    )?;
    let mut house = House { size, markets: Vec::new(), positions: Vec::new() };
    if let (Some(feed), Some(held)) = (&portfolio.market.perpetual, &portfolio.positions.perpetual)
    {
        let instrument = house.instrument(Contract::Perpetual)?;
        let mark = exact("market.perpetual.price", feed.price)?;
        let lots = house.lots(held.amount)?;
        let unrealised: Notional = exact("unrealised", held.unrealised)?;
        let worth = lots.value(mark, size, Round::Down).map_err(overflow)?;
        let cost = worth.minus(unrealised).map_err(overflow)?;
        let funding: Ppb = exact("funding_rate", parameters.funding_rate)?;
        let vol = Vol::from_points(0);
        let market = MarketInput {
            instrument,
            forward: index,
            mark,
            vol,
            vol_uncertainty: vol,
            basis_doubt: Price::ZERO,
            settlement: None,
            funding,
        };
        house.hold(market, lots, cost);
    }
    let mut times = BTreeMap::new();
    for group in portfolio.groups() {
        // Two at one time would have two forwards, and one strike two vols: the house has one of each.
        let id = &group.expiry.id;
        let first = *times.entry(group.expiry.expires_in_seconds).or_insert(id);
        if first != id {
            let (first, second) = (first.clone(), id.clone());
            return Err(Error::ExpiryConflict { first, second });
        }
        let forward: Price = exact("forward", group.expiry.forward)?;
        let (expires_at, settlement) = ends(group.expiry, forward)?;
        for option in group.options {
            let right = match option.right {
                Right::Call => protocol::Right::Call,
                Right::Put => protocol::Right::Put,
            };
            let strike = exact("strike", option.strike)?;
            let instrument = house.instrument(Contract::Option { expires_at, strike, right })?;
            let vol = exact("vol", option.vol)?;
            let now = BlockTime::from_millis(NOW);
            let mark = margin::mark_value(&instrument, forward, vol, now, settlement)?;
            let market = MarketInput {
                instrument,
                forward,
                mark,
                vol,
                vol_uncertainty: Vol::from_points(0),
                basis_doubt: Price::ZERO,
                settlement,
                funding: Ppb::ZERO,
            };
            let lots = house.lots(option.amount)?;
            house.hold(market, lots, Notional::ZERO);
        }
    }
    Ok(house)
}

fn overflow(_: units::ArithmeticError) -> Error {
    Error::NotFinite
}

/// Returns when an expiry is, and how far its settlement average has come.
fn ends(expiry: &Expiry, forward: Price) -> Result<(BlockTime, Option<Settlement>), Error> {
    let seconds: Price = exact("expires_in_seconds", expiry.expires_in_seconds)?;
    let millis = seconds.micros() / 1_000;
    if seconds.micros() % 1_000 != 0 || millis == 0 {
        return Err(Error::NotExact {
            field: "expires_in_seconds",
            value: expiry.expires_in_seconds.to_string(),
            reason: "the house lists contracts that end in whole milliseconds after now".into(),
        });
    }
    let passed = WINDOW_MILLIS - millis;
    let settlement = if passed > 0 {
        let (passed, window) = (Num::new(passed), Num::new(WINDOW_MILLIS));
        let fixed = forward.number().mul_div(passed, window, Round::Down).map_err(overflow)?;
        let fixed = Price::from_number(fixed);
        Some(Settlement { fixed, remaining: BlockSpan::from_millis(millis) })
    } else {
        None
    };
    Ok((BlockTime::from_millis(NOW + millis), settlement))
}

/// Returns what is pledged of the underlying.
fn pledged(portfolio: &Portfolio) -> Result<Quantity, Error> {
    let mut quantity = Quantity::ZERO;
    for pledge in &portfolio.positions.collateral {
        if !pledge.risk_cancelling || pledge.price != portfolio.market.spot {
            let asset = &pledge.asset;
            let what = format!("collateral '{asset}' must be the underlying, at the price of spot");
            return Err(Error::Unsupported { what });
        }
        let more: Quantity = exact("collateral: amount", pledge.amount)?;
        quantity = quantity.plus(more).map_err(overflow)?;
    }
    Ok(quantity)
}

/// Returns the margin of a portfolio.
pub(crate) fn measure(portfolio: &Portfolio, parameters: &Parameters) -> Result<Outcome, Error> {
    portfolio.without_arrays()?;
    let index: Price = exact("market.spot", portfolio.market.spot)?;
    let underlying = parameters.underlying(index)?;
    let house = listed(portfolio, parameters, index)?;
    let core = margin::Parameters::default();
    let now = BlockTime::from_millis(NOW);
    let risk = Risk::build(&core, now, &[underlying], &house.markets)?;
    let cash: Notional = exact("cash", portfolio.cash)?;
    let quantity = pledged(portfolio)?;
    let collateral = if quantity == Quantity::ZERO { vec![] } else { vec![(ASSET, quantity)] };
    let account = margin::Portfolio {
        cash,
        positions: &house.positions,
        collateral: &collateral,
        orders: &[],
    };
    let required = margin::required(&risk, &account)?;
    let profits = margin::scenario_profits(&risk, &account)?;
    let mut components = BTreeMap::new();
    flatten(&margin::explain(&risk, &account)?, "", &mut components);
    let text = |value: Notional| value.to_string();
    components.insert("equity".into(), text(required.equity));
    components.insert("requirement_initial".into(), text(required.initial));
    components.insert("requirement_maintenance".into(), text(required.maintenance));
    components.insert("liquidation_target".into(), text(required.buffer));
    components.insert("worst_scenario".into(), required.worst_scenario.to_string());
    let place = usize::from(required.worst_scenario.get());
    // A scenario beside the set is the worst where none of the set is.
    let worst = match profits.get(place) {
        Some(profit) => *profit,
        None if required.worst_scenario == ScenarioId::STRIKE => {
            margin::strike_profit(&risk, &account)?.unwrap_or_default()
        }
        None => margin::basis_profit(&risk, &account)?,
    };
    Ok(Outcome {
        initial_margin: text(required.initial),
        maintenance_margin: text(required.maintenance),
        mark_to_market: text(required.equity.minus(cash).map_err(overflow)?),
        worst: text(worst),
        scenarios: profits
            .iter()
            .enumerate()
            .map(|(number, pnl)| ScenarioProfit { id: number.to_string(), pnl: text(*pnl) })
            .collect(),
        components,
    })
}

/// Adds the figures of an explanation, each under the labels that lead to it.
fn flatten(part: &Explanation, above: &str, components: &mut BTreeMap<String, String>) {
    let path =
        if above.is_empty() { part.label.clone() } else { format!("{above}/{}", part.label) };
    let figure = match part.figure {
        Figure::Dollars(dollars) => dollars.to_string(),
        Figure::Share(share) => share.to_string(),
        Figure::Scenario(scenario) => scenario.to_string(),
    };
    for inner in &part.parts {
        flatten(inner, &path, components);
    }
    components.insert(path, figure);
}
