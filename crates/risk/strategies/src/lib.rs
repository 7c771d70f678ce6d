//! Textbook strategies on a recorded option chain: what portfolio margin asks for them, and for their legs held apart.
//!
//! [`compare`] takes a chain and returns each [`Strategy`] at strikes that the chain quotes, measured: its requirement, those of
//! its legs, and the tree of intermediates behind it.
//!
//! **Invariant:** every price is one of the chain: forwards and options at the middle of their quotes, each option at
//! the vol that its own quotes imply. Parameters are those that governance begins with.
//!
//! # Example
//!
//! ```no_run
//! let chains = market::Dataset::open("data")?.chains()?;
//! for compared in strategies::compare(&chains[0])? {
//!     let (initial, _) = compared.offset()?;
//!     println!("{}: {initial} $ less initial margin held together", compared.strategy.name);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;

pub use error::StrategyError;

use governance::Definition;
use margin::{
    Explanation, MarketInput, OffsetClass, Parameters, Portfolio, Position, Requirement, Risk,
    UnderlyingInput,
};
use market::chain::{Chain, OptionKind, OptionQuote};
use pricing::{Forward, Horizon, Strike, vol_implied_by_call, vol_implied_by_put};
use protocol::{AssetId, Contract, Instrument, InstrumentId, ParameterId, Right, UnderlyingId};
use units::{BlockTime, Lots, Notional, Ppm, Price, Quantity, Round, Vol, limits};

const UNDERLYING: UnderlyingId = UnderlyingId::new(1);
const COIN: AssetId = AssetId::new(1);
const DAY_MS: i128 = 86_400_000;
/// Days to the near expiry and to the far one, roughly: the chain has what it has.
const NEAR_DAYS: i128 = 28;
const FAR_DAYS: i128 = 91;

/// What a leg holds: lots of a contract, or coins.
#[derive(Debug, Clone)]
pub enum Held {
    /// A market as margin reads it, and lots of it; negative if sold.
    Lots(Box<MarketInput>, i128),
    /// Coins pledged.
    Coins(Quantity),
}

/// Some legs under a name.
#[derive(Debug)]
pub struct Strategy {
    /// What traders call it.
    pub name: &'static str,
    /// What it does, and why its legs offset each other.
    pub what: &'static str,
    /// What it holds.
    pub legs: Vec<Held>,
}

/// A strategy's margin beside that of its legs.
#[derive(Debug)]
pub struct Compared {
    /// What was measured.
    pub strategy: Strategy,
    /// What each leg needs alone, in the order of the legs.
    pub apart: Vec<Requirement>,
    /// What they need in one account.
    pub together: Requirement,
    /// The intermediates behind [`Self::together`].
    pub explanation: Explanation,
}

/// Returns the strategies on a chain, measured.
///
/// # Errors
///
/// [`StrategyError::NoExpiry`] or [`StrategyError::NoOption`] if the chain does not quote what they are made of.
pub fn compare(chain: &Chain) -> Result<Vec<Compared>, StrategyError> {
    let strategies = strategies(chain)?;
    let mut markets: Vec<MarketInput> = Vec::new();
    for held in strategies.iter().flat_map(|strategy| &strategy.legs) {
        match held {
            Held::Lots(market, _) if !markets.contains(&**market) => markets.push(**market),
            _ => {}
        }
    }
    let underlying = underlying(chain)?;
    let risk = Risk::build(&Parameters::default(), chain.taken_at, &[underlying], &markets)?;
    let measured = strategies.into_iter().map(|strategy| {
        let apart = strategy.legs.iter().map(|leg| measure(&risk, std::slice::from_ref(leg)));
        let apart = apart
            .map(|measured| measured.map(|(requirement, _)| requirement))
            .collect::<Result<_, StrategyError>>()?;
        let (together, explanation) = measure(&risk, &strategy.legs)?;
        Ok(Compared { strategy, apart, together, explanation })
    });
    measured.collect()
}

/// Returns the margin of legs in one account that has paid and received their premiums.
fn measure(risk: &Risk, legs: &[Held]) -> Result<(Requirement, Explanation), StrategyError> {
    let (mut cash, mut positions, mut collateral) = (Notional::ZERO, Vec::new(), Vec::new());
    for leg in legs {
        match leg {
            Held::Lots(market, lots) => {
                let lots = Lots::from_count(*lots);
                let paid = lots.value(market.mark, market.instrument.contract_size, Round::Up)?;
                cash = cash.minus(paid)?;
                positions.push(Position {
                    instrument: market.instrument.id,
                    lots,
                    cost: Notional::ZERO,
                });
            }
            Held::Coins(quantity) => collateral.push((COIN, *quantity)),
        }
    }
    let portfolio = Portfolio { cash, positions: &positions, collateral: &collateral, orders: &[] };
    Ok((margin::required(risk, &portfolio)?, margin::explain(risk, &portfolio)?))
}

/// Returns the four strategies at the strikes that the chain quotes.
fn strategies(chain: &Chain) -> Result<Vec<Strategy>, StrategyError> {
    let near = expiry(chain, NEAR_DAYS, None)?;
    let far = expiry(chain, FAR_DAYS, Some(near))?;
    let forward = chain
        .forward(near)
        .ok_or(StrategyError::Absent("the chain has no future of its near expiry"))?
        .quote
        .mid();
    let at = |percent: i128| Price::from_micros(forward.micros() * percent / 100);
    let market =
        |number, expires_at, strike, right| market(chain, number, expires_at, strike, right);
    let one = |kind, percent| strike(chain, at(percent), &[(near, kind)]);
    let pair = [(near, OptionKind::Call), (near, OptionKind::Put)];
    let (low, high) = (one(OptionKind::Put, 90)?, one(OptionKind::Call, 110)?);
    let money = strike(chain, at(100), &[(near, OptionKind::Call), (far, OptionKind::Call)])?;
    let (under, over) = (strike(chain, at(95), &pair)?, strike(chain, at(105), &pair)?);
    if under >= over {
        return Err(StrategyError::Absent("the chain quotes calls and puts at one strike only"));
    }
    Ok(vec![
        Strategy {
            name: "Short strangle",
            what: "sells a put below the market and a call above it: both cannot end in the money",
            legs: vec![
                Held::Lots(Box::new(market(1, near, low, Right::Put)?), -1),
                Held::Lots(Box::new(market(2, near, high, Right::Call)?), -1),
            ],
        },
        Strategy {
            name: "Covered call",
            what: "pledges a coin and sells a call on it: the coin gains what the call loses",
            legs: vec![
                Held::Coins(Quantity::ONE),
                Held::Lots(Box::new(market(2, near, high, Right::Call)?), -1),
            ],
        },
        Strategy {
            name: "Calendar spread",
            what: "sells a near call and buys a far one of the same strike",
            legs: vec![
                Held::Lots(Box::new(market(3, near, money, Right::Call)?), -1),
                Held::Lots(Box::new(market(4, far, money, Right::Call)?), 1),
            ],
        },
        Strategy {
            name: "Box",
            what: "buys a call and sells a put, and the reverse at a higher strike: worth the distance, whatever happens",
            legs: vec![
                Held::Lots(Box::new(market(5, near, under, Right::Call)?), 1),
                Held::Lots(Box::new(market(6, near, under, Right::Put)?), -1),
                Held::Lots(Box::new(market(7, near, over, Right::Call)?), -1),
                Held::Lots(Box::new(market(8, near, over, Right::Put)?), 1),
            ],
        },
    ])
}

/// Returns the expiry with a future that is closest to some days away, and later than another.
fn expiry(chain: &Chain, days: i128, after: Option<BlockTime>) -> Result<BlockTime, StrategyError> {
    let with_future = chain.expiries().into_iter().filter(|at| chain.forward(*at).is_some());
    let later = with_future.filter(|at| after.is_none_or(|after| *at > after));
    let wanted = chain.taken_at.millis() + days * DAY_MS;
    later.min_by_key(|at| (at.millis() - wanted).abs()).ok_or(StrategyError::NoExpiry { days })
}

/// Returns the strike closest to a price at which all of some options have a vol.
fn strike(
    chain: &Chain,
    price: Price,
    options: &[(BlockTime, OptionKind)],
) -> Result<Price, StrategyError> {
    let quoted = |strike: Price, expires_at: BlockTime, kind: OptionKind| {
        let mut options = chain.options_of(expires_at);
        options.any(|held| held.strike == strike && held.kind == kind && vol(chain, held).is_some())
    };
    let strikes = chain.options.iter().map(|held| held.strike);
    strikes
        .filter(|strike| options.iter().all(|(at, kind)| quoted(*strike, *at, *kind)))
        .min_by_key(|strike| (strike.micros() - price.micros()).abs())
        .ok_or(StrategyError::NoOption { price })
}

/// Returns the vol that the middle of an option's quotes implies, if it has both quotes and they allow one.
fn vol(chain: &Chain, quote: &OptionQuote) -> Option<Vol> {
    let middle = Price::from_micros(quote.bid?.plus(quote.ask?).ok()?.micros() / 2);
    let forward = Forward::new(chain.forward(quote.expires_at)?.quote.mid()).ok()?;
    let strike = Strike::new(quote.strike).ok()?;
    let horizon = Horizon::after(quote.expires_at.since(chain.taken_at).ok()?).ok()?;
    let fine = match quote.kind {
        OptionKind::Call => vol_implied_by_call(middle, forward, strike, horizon),
        OptionKind::Put => vol_implied_by_put(middle, forward, strike, horizon),
    };
    Some(fine?.vol(Round::Down))
}

/// Returns an option of the chain as margin reads it.
fn market(
    chain: &Chain,
    number: u32,
    expires_at: BlockTime,
    strike: Price,
    right: Right,
) -> Result<MarketInput, StrategyError> {
    let kind = match right {
        Right::Call => OptionKind::Call,
        Right::Put => OptionKind::Put,
    };
    let quote =
        chain.options_of(expires_at).find(|held| held.strike == strike && held.kind == kind);
    let quote = quote.ok_or(StrategyError::Absent("a strike that was chosen is quoted"))?;
    let vol =
        vol(chain, quote).ok_or(StrategyError::Absent("a strike that was chosen has a vol"))?;
    let forward = chain
        .forward(expires_at)
        .ok_or(StrategyError::Absent("an expiry that was chosen has a future"))?
        .quote
        .mid();
    let instrument = Instrument {
        id: InstrumentId::new(number),
        underlying: UNDERLYING,
        contract: Contract::Option { expires_at, strike, right },
        contract_size: Quantity::ONE,
        tick: Price::from_micros(500_000),
    };
    let mark = margin::mark_value(&instrument, forward, vol, chain.taken_at, None)?;
    Ok(MarketInput {
        instrument,
        forward,
        mark,
        vol,
        vol_uncertainty: Vol::ZERO,
        basis_doubt: Price::ZERO,
        settlement: None,
        funding: units::Ppb::ZERO,
    })
}

/// Returns the underlying of the chain with the parameters that governance begins with.
fn underlying(chain: &Chain) -> Result<UnderlyingInput, StrategyError> {
    let value = |parameter| -> Result<i128, StrategyError> {
        let definition =
            Definition::of(parameter).ok_or(StrategyError::Absent("every parameter is defined"))?;
        Ok(i128::from(definition.default))
    };
    let given = |parameter| value(parameter).map(Ppm::from_parts);
    let index = chain.spot.mid();
    let scan = given(ParameterId::ScanRange)?;
    Ok(UnderlyingInput {
        underlying: UNDERLYING,
        class: OffsetClass::new(1),
        asset: Some(COIN),
        index,
        confidence: chain.spot.ask.minus(index)?,
        scan_hold: scan,
        scan_new: scan,
        short_option_maintenance: given(ParameterId::ShortOptionMaintenance)?,
        short_option_initial: given(ParameterId::ShortOptionInitial)?,
        haircut: given(ParameterId::CollateralHaircut)?,
        haircut_knee: Notional::from_micros(value(ParameterId::HaircutKnee)?),
        haircut_beyond: given(ParameterId::HaircutBeyond)?,
        mark_band: given(ParameterId::MarkBand)?,
        spread: Ppm::ZERO,
        vol_daily: Ppm::ZERO,
        volume_daily: Notional::ZERO,
        vol_move_daily: Ppm::ZERO,
        vega_daily: Notional::ZERO,
        depth: Ppm::from_parts(limits::PPM_ONE),
        depth_hold: Ppm::from_parts(limits::PPM_ONE),
        fee: given(ParameterId::TakerFee)?,
    })
}

impl Compared {
    /// Returns the sum of the legs' initial and maintenance margins.
    ///
    /// # Errors
    ///
    /// [`StrategyError::Arithmetic`] if a sum is beyond what dollars hold.
    pub fn apart(&self) -> Result<(Notional, Notional), StrategyError> {
        let (mut initial, mut maintenance) = (Notional::ZERO, Notional::ZERO);
        for leg in &self.apart {
            initial = initial.plus(leg.initial)?;
            maintenance = maintenance.plus(leg.maintenance)?;
        }
        Ok((initial, maintenance))
    }

    /// Returns by how much both margins are lower for holding the legs together.
    ///
    /// # Errors
    ///
    /// [`StrategyError::Arithmetic`] if a sum is beyond what dollars hold.
    pub fn offset(&self) -> Result<(Notional, Notional), StrategyError> {
        let (initial, maintenance) = self.apart()?;
        Ok((initial.minus(self.together.initial)?, maintenance.minus(self.together.maintenance)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::chain::{ChainSource, DollarQuote};
    use market::{Dataset, Underlying};
    use pricing::{Deviation, FineVol};
    use std::path::{Path, PathBuf};

    /// A chain at one vol with a spread of nothing, so that only the margin formula is looked at.
    fn chain() -> Chain {
        let taken_at = BlockTime::from_millis(1_780_000_000_000);
        let dollars = |dollars: i128| Price::from_micros(dollars * 1_000_000);
        let quote = DollarQuote { bid: dollars(60_000), ask: dollars(60_000) };
        let expiries =
            [28, 91].map(|days| BlockTime::from_millis(taken_at.millis() + days * DAY_MS));
        let mut options = Vec::new();
        for expires_at in expiries {
            for (strike, kind) in
                (40..=80).step_by(2).flat_map(|k| [(k, OptionKind::Call), (k, OptionKind::Put)])
            {
                let strike = dollars(strike * 1_000);
                let (forward, level) =
                    (Forward::new(quote.bid).unwrap(), Strike::new(strike).unwrap());
                let horizon = Horizon::after(expires_at.since(taken_at).unwrap()).unwrap();
                let deviation =
                    Deviation::new(FineVol::from_vol(Vol::from_points(6_000)).unwrap(), horizon);
                let price = match kind {
                    OptionKind::Call => pricing::call(forward, level, deviation, Round::Up),
                    OptionKind::Put => pricing::put(forward, level, deviation, Round::Up),
                };
                options.push(OptionQuote {
                    expires_at,
                    strike,
                    kind,
                    bid_coin: None,
                    ask_coin: None,
                    bid: Some(price),
                    ask: Some(price),
                    iv_bid: None,
                    iv_ask: None,
                    open_interest: None,
                });
            }
        }
        options.sort_by_key(|option| (option.expires_at, option.strike, option.kind));
        Chain {
            taken_at,
            underlying: Underlying::Btc,
            source: ChainSource::Production,
            source_object: "test".into(),
            spot: quote,
            forwards: expiries
                .map(|expires_at| market::chain::Forward { expires_at, quote })
                .to_vec(),
            options,
        }
    }

    #[test]
    fn legs_held_together_need_less_than_held_apart() {
        for compared in compare(&chain()).unwrap() {
            let (initial, maintenance) = compared.offset().unwrap();
            let name = compared.strategy.name;
            assert!(
                initial > Notional::ZERO && maintenance > Notional::ZERO,
                "{name}: {initial} {maintenance}"
            );
        }
    }

    #[test]
    fn a_box_needs_next_to_nothing() {
        let compared = compare(&chain()).unwrap();
        let boxed = compared.iter().find(|compared| compared.strategy.name == "Box").unwrap();
        // The strikes are six thousand dollars apart.
        assert!(
            boxed.together.initial < Notional::from_micros(60_000_000),
            "{}",
            boxed.together.initial
        );
    }

    #[test]
    fn the_tree_ends_at_the_figures_of_the_requirement() {
        for compared in compare(&chain()).unwrap() {
            let figure = |label| compared.explanation.dollars_of(label);
            assert_eq!(figure("initial margin"), Some(compared.together.initial));
            assert_eq!(figure("maintenance margin"), Some(compared.together.maintenance));
        }
    }

    #[test]
    fn strategies_are_offset_on_every_recorded_chain_that_quotes_them() {
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data");
        let data = std::env::var_os("NOVATION_DATA").map_or(beside, PathBuf::from);
        let Ok(dataset) = Dataset::open(&data) else {
            eprintln!("data absent: {}", data.display());
            return;
        };
        let mut quoting = 0;
        for chain in dataset.chains().unwrap() {
            let name = format!("{} of {}", chain.underlying, units::utc_text(chain.taken_at));
            let strategies = match compare(&chain) {
                Ok(strategies) => strategies,
                // Three chains hold options out of the money only, so that no strike has both a call and a put.
                Err(error) => {
                    eprintln!("{name}: {error}");
                    assert!(error.to_string().contains("quotes no suitable option"), "{error}");
                    continue;
                }
            };
            quoting += 1;
            for compared in &strategies {
                let (apart, offset) = (compared.apart().unwrap(), compared.offset().unwrap());
                eprintln!(
                    "{name}: {}: apart {}, together {}, offset {} ‰",
                    compared.strategy.name,
                    apart.0,
                    compared.together.initial,
                    offset.0.micros() * 1_000 / apart.0.micros()
                );
                assert!(offset.0 > Notional::ZERO && offset.1 > Notional::ZERO);
            }
            let boxed = strategies.last().unwrap();
            assert!(boxed.together.initial.micros() * 100 < boxed.apart().unwrap().0.micros());
        }
        assert_eq!(quoting, 3);
    }

    #[test]
    fn a_chain_without_two_sided_quotes_is_named() {
        let mut chain = chain();
        chain.options.iter_mut().for_each(|option| option.bid = None);
        let error = compare(&chain).unwrap_err().to_string();
        assert!(error.contains("quotes no suitable option"), "{error}");
    }
}
