//! The portfolio file.
//!
//! ```json
//! {
//!   "time": "2026-06-01T00:00:00Z",
//!   "underlyings": [{"name": "BTC", "index": "60000"}],
//!   "markets": [
//!     {"name": "BTC-PERP", "underlying": "BTC", "kind": "perpetual", "lot": "0.001"},
//!     {"name": "BTC-70C", "underlying": "BTC", "kind": "call", "lot": "0.001", "strike": "70000",
//!      "expires": "2026-07-01T08:00:00Z", "vol": "0.65"}
//!   ],
//!   "cash": "10000",
//!   "collateral": {"BTC": "0.5"},
//!   "positions": [{"market": "BTC-PERP", "lots": "1000", "entry": "58000"}],
//!   "orders": [{"market": "BTC-70C", "side": "sell", "lots": "500", "price": "1500"}]
//! }
//! ```
//!
//! Numbers are decimal text, or whole JSON numbers. What is left out has the value that the house begins with: scan
//! ranges and haircut are the defaults of governance, a mark is the model's, a forward is what another market says of the expiry, or the
//! index; of a future its mark is one; an entry is the mark.

use crate::WhatIfError;
use crate::fields::{
    Amounts, Exact, Named, given, invalid, named, not_below, optional, parse, time, unfit, within,
};
use governance::Definition;
use margin::{
    MarketInput, OffsetClass, OpenOrder, Position, Settlement, UnderlyingInput, mark_value,
    on_quantum,
};
use protocol::{
    AssetId, Contract, Fault, Instrument, InstrumentId, ParameterId, Right, Side, UnderlyingId,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use units::{BlockSpan, BlockTime, Lots, Notional, Ppb, Ppm, Price, Quantity, Round, Vol, limits};

/// Length of the averaging before expiry: half an hour.
const WINDOW: BlockSpan = BlockSpan::from_millis(1_800_000);
/// Margin counts lots in 32 bits.
const LOTS_MAX: i128 = 0x7FFF_FFFF;
/// Farthest that a forward may be from the index, in parts per million (0017-ORAC-016).
const BASIS_BAND: i128 = 500_000;
/// Least depth of books against the usual one that counts, in parts per million.
const DEPTH_LEAST: i128 = 50_000;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "fields by name")]
struct UnderlyingFile {
    name: String,
    index: Exact,
    #[serde(default, deserialize_with = "given")]
    confidence: Option<Exact>,
    #[serde(default, deserialize_with = "given")]
    class: Option<u16>,
    #[serde(default, deserialize_with = "given")]
    range_new_risk: Option<Exact>,
    #[serde(default, deserialize_with = "given")]
    range_hold: Option<Exact>,
    #[serde(default, deserialize_with = "given")]
    haircut: Option<Exact>,
    #[serde(default, deserialize_with = "given")]
    mark_band: Option<Exact>,
    #[serde(default, deserialize_with = "given")]
    spread: Option<Exact>,
    #[serde(default, deserialize_with = "given")]
    volume: Option<Exact>,
    #[serde(default, deserialize_with = "given")]
    vega_volume: Option<Exact>,
    #[serde(default, deserialize_with = "given")]
    depth: Option<Exact>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Perpetual,
    Future,
    Call,
    Put,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "fields by name")]
struct MarketFile {
    name: String,
    underlying: String,
    kind: Kind,
    lot: Exact,
    #[serde(default, deserialize_with = "given")]
    tick: Option<Exact>,
    #[serde(default, deserialize_with = "given")]
    expires: Option<String>,
    #[serde(default, deserialize_with = "given")]
    strike: Option<Exact>,
    #[serde(default, deserialize_with = "given")]
    forward: Option<Exact>,
    #[serde(default, deserialize_with = "given")]
    vol: Option<Exact>,
    #[serde(default, deserialize_with = "given")]
    mark: Option<Exact>,
    #[serde(default, deserialize_with = "given")]
    average: Option<Exact>,
    #[serde(default, deserialize_with = "given")]
    funding: Option<Exact>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "fields by name")]
struct PositionFile {
    market: String,
    lots: Exact,
    #[serde(default, deserialize_with = "given")]
    entry: Option<Exact>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SideFile {
    Buy,
    Sell,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "fields by name")]
struct OrderFile {
    market: String,
    side: SideFile,
    lots: Exact,
    price: Exact,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "fields by name")]
struct PortfolioFile {
    time: String,
    underlyings: Vec<Named<UnderlyingFile>>,
    markets: Vec<Named<MarketFile>>,
    cash: Exact,
    #[serde(default)]
    collateral: Amounts,
    #[serde(default)]
    positions: Vec<Named<PositionFile>>,
    #[serde(default)]
    orders: Vec<Named<OrderFile>>,
}

/// What an account holds in markets that are said elsewhere.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "fields by name")]
pub(crate) struct HoldingFile {
    cash: Exact,
    #[serde(default)]
    collateral: Amounts,
    #[serde(default)]
    positions: Vec<Named<PositionFile>>,
    #[serde(default)]
    orders: Vec<Named<OrderFile>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "fields by name")]
struct MarketsFile {
    time: String,
    underlyings: Vec<Named<UnderlyingFile>>,
    markets: Vec<Named<MarketFile>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "fields by name")]
struct OrdersFile {
    orders: Vec<Named<OrderFile>>,
}

/// Orders in terms of the house.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orders(pub(crate) Vec<OpenOrder>);

/// Markets and what an account holds in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portfolio {
    pub(crate) now: BlockTime,
    pub(crate) names: Vec<String>,
    pub(crate) underlyings: Vec<UnderlyingInput>,
    pub(crate) markets: Vec<MarketInput>,
    pub(crate) market_names: BTreeMap<String, InstrumentId>,
    pub(crate) cash: Notional,
    pub(crate) collateral: Vec<(AssetId, Quantity)>,
    pub(crate) positions: Vec<Position>,
    pub(crate) orders: Vec<OpenOrder>,
}

impl Portfolio {
    /// Returns the portfolio of a JSON text.
    ///
    /// # Errors
    ///
    /// [`WhatIfError`] naming the place and the value that cannot be read.
    pub fn parse(text: &str) -> Result<Self, WhatIfError> {
        let file: PortfolioFile = parse(text, "portfolio")?;
        let PortfolioFile { time, underlyings, markets, cash, collateral, positions, orders } =
            file;
        let mut portfolio = Self::in_markets(&MarketsFile { time, underlyings, markets })?;
        portfolio.take(&HoldingFile { cash, collateral, positions, orders })?;
        Ok(portfolio)
    }

    /// Returns the empty portfolio in the markets of a JSON text.
    pub(crate) fn parse_markets(text: &str) -> Result<Self, WhatIfError> {
        Self::in_markets(&parse(text, "markets")?)
    }

    fn in_markets(file: &MarketsFile) -> Result<Self, WhatIfError> {
        let forwards = forwards(file)?;
        let mut portfolio = Self {
            now: time("time", &file.time)?,
            names: Vec::new(),
            underlyings: Vec::new(),
            markets: Vec::new(),
            market_names: BTreeMap::new(),
            cash: Notional::ZERO,
            collateral: Vec::new(),
            positions: Vec::new(),
            orders: Vec::new(),
        };
        for (number, Named(given)) in file.underlyings.iter().enumerate() {
            named("an underlying", &given.name)?;
            let number = u16::try_from(number + 1).unwrap_or(u16::MAX);
            if portfolio.names.contains(&given.name) {
                return Err(invalid("underlyings", &given.name, "is there twice"));
            }
            portfolio.underlyings.push(underlying(given, number)?);
            portfolio.names.push(given.name.clone());
        }
        for (number, Named(given)) in file.markets.iter().enumerate() {
            named("a market", &given.name)?;
            let id = InstrumentId::new(u32::try_from(number + 1).unwrap_or(u32::MAX));
            let market = portfolio.market(given, id, &forwards)?;
            portfolio.agrees(&given.name, &market)?;
            portfolio.markets.push(market);
            if portfolio.market_names.insert(given.name.clone(), id).is_some() {
                return Err(invalid("markets", &given.name, "is there twice"));
            }
        }
        Ok(portfolio)
    }

    /// Puts what a file holds in the place of what is held.
    pub(crate) fn take(&mut self, file: &HoldingFile) -> Result<(), WhatIfError> {
        self.cash = file.cash.read("cash")?;
        self.collateral.clear();
        self.positions.clear();
        for (name, amount) in &file.collateral.0 {
            let place = format!("collateral {name}");
            let asset = self.underlying(&place, name)?.asset.unwrap_or_default();
            let amount: Quantity = amount.read(&place)?;
            not_below(Quantity::ZERO, amount, &place)?;
            self.collateral.push((asset, amount));
        }
        for Named(given) in &file.positions {
            let position = self.position(given)?;
            self.positions.push(position);
        }
        self.orders = self.read_orders(&file.orders)?;
        Ok(())
    }

    /// Returns the orders of a JSON text, `{"orders": […]}` as in a portfolio, in this portfolio's markets.
    ///
    /// # Errors
    ///
    /// [`WhatIfError`] naming the place and the value that cannot be read.
    pub fn parse_orders(&self, text: &str) -> Result<Orders, WhatIfError> {
        let file: OrdersFile = parse(text, "orders")?;
        self.read_orders(&file.orders).map(Orders)
    }

    pub(crate) fn instrument(&self, id: InstrumentId) -> Result<&MarketInput, Fault> {
        let market = self.markets.iter().find(|market| market.instrument.id == id);
        market.ok_or(Fault::Missing("market of the portfolio"))
    }

    fn underlying(&self, place: &str, name: &str) -> Result<&UnderlyingInput, WhatIfError> {
        let at = self.names.iter().position(|known| known == name);
        at.and_then(|at| self.underlyings.get(at)).ok_or_else(|| WhatIfError::Unknown {
            place: place.to_string(),
            kind: "underlying",
            name: name.to_string(),
            known: known(&self.names),
        })
    }

    fn named(&self, place: &str, name: &str) -> Result<&MarketInput, WhatIfError> {
        let id = self.market_names.get(name).copied();
        id.and_then(|id| self.instrument(id).ok()).ok_or_else(|| WhatIfError::Unknown {
            place: place.to_string(),
            kind: "market",
            name: name.to_string(),
            known: known(self.market_names.keys()),
        })
    }

    fn instrument_of(
        &self,
        given: &MarketFile,
        id: InstrumentId,
        contract: Contract,
    ) -> Result<Instrument, WhatIfError> {
        let place = |field: &str| format!("market {}, {field}", given.name);
        let on = self.underlying(&place("underlying"), &given.underlying)?;
        let size: Quantity = given.lot.read(&place("lot"))?;
        let largest = Quantity::from_nanos(limits::CONTRACT_SIZE_NANOS_MAX);
        within(Quantity::from_nanos(1), largest, size, &place("lot"))?;
        let least = Price::from_micros(1);
        if let Contract::Option { strike, .. } = contract {
            not_below(least, strike, &place("strike"))?;
        }
        let underlying = on.underlying;
        let mut instrument =
            Instrument { id, underlying, contract, contract_size: size, tick: least };
        instrument.tick = match &given.tick {
            Some(tick) => tick.read(&place("tick"))?,
            None => on_quantum(&instrument, least, Round::Up)
                .map_err(|_| invalid(&place("lot"), &size.to_string(), "has no tick"))?,
        };
        not_below(least, instrument.tick, &place("tick"))?;
        instrument.check().map_err(|refusal| {
            invalid(&place("tick"), &instrument.tick.to_string(), &format!("is refused: {refusal}"))
        })?;
        Ok(instrument)
    }

    /// Checks that a market says of its expiry, and of its strike there, what the markets before it say.
    fn agrees(&self, name: &str, market: &MarketInput) -> Result<(), WhatIfError> {
        let contract = market.instrument.contract;
        let strike = |contract: Contract| match contract {
            Contract::Option { strike, .. } => Some(strike),
            Contract::Perpetual | Contract::Future { .. } => None,
        };
        let Some(expires_at) = contract.expires_at() else { return Ok(()) };
        let beside = self.markets.iter().filter(|other| {
            other.instrument.underlying == market.instrument.underlying
                && other.instrument.contract.expires_at() == Some(expires_at)
        });
        for other in beside {
            let of_strike =
                strike(contract).is_some() && strike(other.instrument.contract) == strike(contract);
            let said = if other.forward != market.forward {
                Some(("forward", other.forward.to_string(), market.forward.to_string()))
            } else if other.settlement != market.settlement {
                Some(("average", "another".into(), "one".into()))
            } else if of_strike && other.vol != market.vol {
                Some(("vol", other.vol.to_string(), market.vol.to_string()))
            } else {
                None
            };
            if let Some((field, theirs, ours)) = said {
                let id = other.instrument.id;
                let named = self.market_names.iter().find(|(_, held)| **held == id);
                let named = named.map_or("another market", |(name, _)| name.as_str());
                let of = if field == "vol" { "strike and expiry" } else { "expiry" };
                let reason =
                    format!("contradicts market {named}, which has {theirs} for the same {of}");
                return Err(invalid(&format!("market {name}, {field}"), &ours, &reason));
            }
        }
        Ok(())
    }

    fn market(
        &self,
        given: &MarketFile,
        id: InstrumentId,
        forwards: &Forwards,
    ) -> Result<MarketInput, WhatIfError> {
        let place = |field: &str| format!("market {}, {field}", given.name);
        let on = self.underlying(&place("underlying"), &given.underlying)?;
        let missing = |field: &str| unfit(&place(field), "must be given for this kind of market");
        let expires_at = || -> Result<BlockTime, WhatIfError> {
            let text = given.expires.as_ref().ok_or_else(|| missing("expires"))?;
            let expires_at = time(&place("expires"), text)?;
            if expires_at <= self.now {
                return Err(invalid(&place("expires"), text, "is not after the portfolio's time"));
            }
            Ok(expires_at)
        };
        let option = |right| -> Result<Contract, WhatIfError> {
            let strike = given.strike.as_ref().ok_or_else(|| missing("strike"))?;
            let strike = strike.read(&place("strike"))?;
            Ok(Contract::Option { expires_at: expires_at()?, strike, right })
        };
        let contract = match given.kind {
            Kind::Perpetual => Contract::Perpetual,
            Kind::Future => Contract::Future { expires_at: expires_at()? },
            Kind::Call => option(Right::Call)?,
            Kind::Put => option(Right::Put)?,
        };
        let instrument = self.instrument_of(given, id, contract)?;
        let refused = [
            ("expires", given.expires.is_some(), matches!(given.kind, Kind::Perpetual)),
            ("forward", given.forward.is_some(), matches!(given.kind, Kind::Perpetual)),
            ("average", given.average.is_some(), matches!(given.kind, Kind::Perpetual)),
            ("strike", given.strike.is_some(), !contract.pays_premium()),
            ("vol", given.vol.is_some(), !contract.pays_premium()),
            ("funding", given.funding.is_some(), !matches!(given.kind, Kind::Perpetual)),
        ];
        if let Some((field, _, _)) = refused.iter().find(|(_, given, foreign)| *given && *foreign) {
            return Err(unfit(&place(field), "is not of this kind of market: leave it out"));
        }
        let mark: Option<Price> = optional(given.mark.as_ref(), &place("mark"))?;
        if let Some(mark) = mark {
            let least = if contract.pays_premium() { 0 } else { 1 };
            not_below(Price::from_micros(least), mark, &place("mark"))?;
        }
        let expiry = contract.expires_at().map(|at| (given.underlying.clone(), at));
        let of_expiry = expiry.and_then(|expiry| forwards.get(&expiry)).copied();
        let forward = stated_forward(given)?.or(of_expiry).unwrap_or(on.index);
        not_below(Price::from_micros(1), forward, &place("forward"))?;
        near(forward, on.index, Ppm::from_parts(BASIS_BAND), &place("forward"))?;
        if let (Some(mark), Kind::Perpetual) = (mark, given.kind) {
            // Its premium over the index is within the band of marks (0017-ORAC-014, 0017-ORAC-015).
            near(mark, on.index, most(ParameterId::MarkBand), &place("mark"))?;
        }
        let settlement = self.settlement(given, contract.expires_at())?;
        let vol: Option<Vol> = optional(given.vol.as_ref(), &place("vol"))?;
        if let Some(vol) = vol {
            not_below(Vol::ZERO, vol, &place("vol"))?;
        }
        let funding = optional(given.funding.as_ref(), &place("funding"))?.unwrap_or(Ppb::ZERO);
        // No house can have a greater rate than governance can allow.
        let most = Definition::of(ParameterId::FundingCap).map_or(0, |held| held.highest);
        let most = Ppb::from_parts(most.into());
        within(most.negated().unwrap_or(most), most, funding, &place("funding"))?;
        if contract.pays_premium() && vol.is_none() {
            return Err(missing("vol"));
        }
        let vol = vol.unwrap_or(Vol::ZERO);
        let model = mark_value(&instrument, forward, vol, self.now, settlement).map_err(|_| {
            let reason = "of a lot does not fit: forward, strike, vol or lot is too large";
            unfit(&format!("market {}, value", given.name), reason)
        })?;
        Ok(MarketInput {
            instrument,
            forward,
            mark: mark.unwrap_or(model),
            vol,
            vol_uncertainty: Vol::ZERO,
            basis_doubt: Price::ZERO,
            settlement,
            funding,
        })
    }

    /// Returns how far the averaging of a settlement price has come: in the last half hour a part of it is fixed, which the
    /// file has to say.
    fn settlement(
        &self,
        given: &MarketFile,
        expires_at: Option<BlockTime>,
    ) -> Result<Option<Settlement>, WhatIfError> {
        let place = format!("market {}, average", given.name);
        let Some(expires_at) = expires_at else { return Ok(None) };
        let fault = |error: units::ArithmeticError| unfit(&place, &error.to_string());
        let remaining = expires_at.since(self.now).map_err(fault)?;
        let average: Option<Price> = optional(given.average.as_ref(), &place)?;
        match (remaining < WINDOW, average) {
            (false, None) => Ok(None),
            (false, Some(_)) => {
                Err(unfit(&place, "counts in the last half hour before expiry alone"))
            }
            (true, None) => Err(unfit(
                &place,
                "must be given in the last half hour before expiry: the mean of the index since it began",
            )),
            (true, Some(average)) => {
                not_below(Price::from_micros(1), average, &place)?;
                let gone = WINDOW.minus(remaining).map_err(fault)?.number();
                let fixed = average.number().mul_div(gone, WINDOW.number(), Round::Down);
                let fixed = Price::from_number(fixed.map_err(fault)?);
                Ok(Some(Settlement { fixed, remaining }))
            }
        }
    }

    fn position(&self, given: &PositionFile) -> Result<Position, WhatIfError> {
        let place = |field: &str| format!("position in {}, {field}", given.market);
        let market = self.named(&place("market"), &given.market)?;
        let id = market.instrument.id;
        if self.positions.iter().any(|held| held.instrument == id) {
            return Err(invalid("positions", &given.market, "is there twice"));
        }
        let lots: Lots = given.lots.read(&place("lots"))?;
        within(Lots::from_count(-LOTS_MAX), Lots::from_count(LOTS_MAX), lots, &place("lots"))?;
        let entry: Option<Price> = optional(given.entry.as_ref(), &place("entry"))?;
        let cost = match (market.instrument.contract.pays_premium(), entry) {
            (true, Some(_)) => {
                let reason = "is of an option, whose premium was paid: leave it out";
                return Err(unfit(&place("entry"), reason));
            }
            (true, None) => Notional::ZERO,
            (false, entry) => {
                if let Some(entry) = entry {
                    not_below(Price::from_micros(1), entry, &place("entry"))?;
                }
                let entry = entry.unwrap_or(market.mark);
                let cost = lots.value(entry, market.instrument.contract_size, Round::Up);
                cost.map_err(|_| {
                    let reason = "makes the lots cost more than an account can hold";
                    invalid(&place("entry"), &entry.to_string(), reason)
                })?
            }
        };
        Ok(Position { instrument: id, lots, cost })
    }

    fn read_orders(&self, given: &[Named<OrderFile>]) -> Result<Vec<OpenOrder>, WhatIfError> {
        given.iter().enumerate().map(|(index, Named(order))| self.order(order, index + 1)).collect()
    }

    fn order(&self, given: &OrderFile, number: usize) -> Result<OpenOrder, WhatIfError> {
        let place = |field: &str| format!("order {number} in {}, {field}", given.market);
        let market = self.named(&place("market"), &given.market)?;
        let lots: Lots = given.lots.read(&place("lots"))?;
        let price: Price = given.price.read(&place("price"))?;
        within(Lots::from_count(1), Lots::from_count(LOTS_MAX), lots, &place("lots"))?;
        not_below(Price::from_micros(1), price, &place("price"))?;
        let tick = market.instrument.tick;
        if price.on_tick(tick, Round::Down).is_ok_and(|nearest| nearest != price) {
            let reason = format!("is not a multiple of the tick, {tick}");
            return Err(invalid(&place("price"), &price.to_string(), &reason));
        }
        let side = match given.side {
            SideFile::Buy => Side::Buy,
            SideFile::Sell => Side::Sell,
        };
        let fee = fee(market, lots, price)
            .map_err(|error| invalid(&place("price"), &price.to_string(), &error.to_string()))?;
        Ok(OpenOrder { instrument: market.instrument.id, side, price, lots, fee })
    }
}

/// The forwards that a file says, by underlying and expiry.
type Forwards = BTreeMap<(String, BlockTime), Price>;

/// Returns the first forward that a file says of each expiry.
fn forwards(file: &MarketsFile) -> Result<Forwards, WhatIfError> {
    let mut forwards = Forwards::new();
    for Named(given) in &file.markets {
        let expires_at = given.expires.as_ref().and_then(|text| units::utc(text));
        if let (Some(expires_at), Some(forward)) = (expires_at, stated_forward(given)?) {
            forwards.entry((given.underlying.clone(), expires_at)).or_insert(forward);
        }
    }
    Ok(forwards)
}

/// Returns the forward that a market says itself. A future is worth its forward, so its mark is one.
fn stated_forward(given: &MarketFile) -> Result<Option<Price>, WhatIfError> {
    let place = |field: &str| format!("market {}, {field}", given.name);
    let of_mark = match given.kind {
        Kind::Future => optional(given.mark.as_ref(), &place("mark"))?,
        Kind::Perpetual | Kind::Call | Kind::Put => None,
    };
    Ok(optional(given.forward.as_ref(), &place("forward"))?.or(of_mark))
}

/// Checks that a price is no farther from the index than any house lets it be.
fn near(price: Price, index: Price, most: Ppm, place: &str) -> Result<(), WhatIfError> {
    let far =
        index.scaled(most, Round::Up).and_then(|far| Ok((index.minus(far)?, index.plus(far)?)));
    let (least, greatest) = far.map_err(|error| unfit(place, &error.to_string()))?;
    if price >= least && price <= greatest {
        return Ok(());
    }
    let reason = format!("is not within {most} of the index, {index}, as in any house it is");
    Err(invalid(place, &price.to_string(), &reason))
}

/// Says which names are defined.
fn known<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
    match names.as_slice() {
        [] => "none is defined".to_string(),
        names => format!("there are {}", names.join(", ")),
    }
}

/// Returns the fee of the side that comes second, for all lots.
fn fee(market: &MarketInput, lots: Lots, price: Price) -> Result<Notional, units::ArithmeticError> {
    let value = lots.value(price, market.instrument.contract_size, Round::Up)?.magnitude()?;
    value.fraction_ppm(default(ParameterId::TakerFee), Round::Up)
}

/// Returns what governance begins with.
pub(crate) fn default(parameter: ParameterId) -> Ppm {
    Ppm::from_parts(default_value(parameter))
}

fn default_value(parameter: ParameterId) -> i128 {
    i128::from(Definition::of(parameter).map_or(0, |definition| definition.default))
}

/// Returns the highest share that governance can allow.
fn most(parameter: ParameterId) -> Ppm {
    let highest = Definition::of(parameter).map_or(0, |held| held.highest);
    Ppm::from_parts(highest.into())
}

fn underlying(given: &UnderlyingFile, number: u16) -> Result<UnderlyingInput, WhatIfError> {
    let place = |field: &str| format!("underlying {}, {field}", given.name);
    let index: Price = given.index.read(&place("index"))?;
    if index <= Price::ZERO {
        return Err(invalid(&place("index"), &index.to_string(), "is not above zero"));
    }
    let ratio = |value: &Option<Exact>, field: &str, parameter| -> Result<Ppm, WhatIfError> {
        Ok(optional(value.as_ref(), &place(field))?.unwrap_or_else(|| default(parameter)))
    };
    // Impact is charged where it is said what trades in a day.
    let traded = |value: &Option<Exact>, field: &str| -> Result<Notional, WhatIfError> {
        let traded = optional(value.as_ref(), &place(field))?.unwrap_or(Notional::ZERO);
        not_below(Notional::ZERO, traded, &place(field))?;
        Ok(traded)
    };
    let one = Ppm::from_parts(limits::PPM_ONE);
    let confidence = optional(given.confidence.as_ref(), &place("confidence"))?;
    let confidence = confidence.unwrap_or(Price::ZERO);
    not_below(Price::ZERO, confidence, &place("confidence"))?;
    let range = |value: &Option<Exact>, field: &str| -> Result<Ppm, WhatIfError> {
        let range = ratio(value, field, ParameterId::ScanRange)?;
        let bounds = Definition::of(ParameterId::ScanRange).map(|held| (held.lowest, held.highest));
        let (least, most) = bounds.unwrap_or_default();
        let (least, most) = (Ppm::from_parts(least.into()), Ppm::from_parts(most.into()));
        within(least, most, range, &place(field))?;
        Ok(range)
    };
    let haircut = ratio(&given.haircut, "haircut", ParameterId::CollateralHaircut)?;
    within(Ppm::ZERO, one, haircut, &place("haircut"))?;
    let mark_band = ratio(&given.mark_band, "mark_band", ParameterId::MarkBand)?;
    within(Ppm::ZERO, most(ParameterId::MarkBand), mark_band, &place("mark_band"))?;
    let spread = optional(given.spread.as_ref(), &place("spread"))?.unwrap_or(Ppm::ZERO);
    within(Ppm::ZERO, one, spread, &place("spread"))?;
    let depth = optional(given.depth.as_ref(), &place("depth"))?.unwrap_or(one);
    within(Ppm::from_parts(DEPTH_LEAST), one, depth, &place("depth"))?;
    Ok(UnderlyingInput {
        underlying: UnderlyingId::new(number),
        class: OffsetClass::new(given.class.unwrap_or(1)),
        asset: Some(AssetId::new(number)),
        index,
        confidence,
        scan_hold: range(&given.range_hold, "range_hold")?,
        scan_new: range(&given.range_new_risk, "range_new_risk")?,
        short_option_maintenance: default(ParameterId::ShortOptionMaintenance),
        short_option_initial: default(ParameterId::ShortOptionInitial),
        haircut,
        haircut_knee: Notional::from_micros(default_value(ParameterId::HaircutKnee)),
        haircut_beyond: default(ParameterId::HaircutBeyond),
        mark_band,
        spread,
        vol_daily: default(ParameterId::VolDaily),
        volume_daily: traded(&given.volume, "volume")?,
        vol_move_daily: default(ParameterId::VolMoveDaily),
        vega_daily: traded(&given.vega_volume, "vega_volume")?,
        depth,
        depth_hold: depth,
        fee: default(ParameterId::TakerFee),
    })
}
