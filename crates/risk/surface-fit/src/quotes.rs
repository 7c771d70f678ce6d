//! What quotes say about the price of a call at each strike.

use market::chain::{Chain, OptionKind, VolQuote};
use pricing::{Deviation, FineVol, Forward, Horizon, Strike};
use protocol::Right;
use units::{BlockSpan, Price, Round, Vol, utc_text};

/// An option with its dollar quotes at expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// Its strike.
    pub strike: Price,
    /// Call or put.
    pub right: Right,
    /// Best bid, if there is one.
    pub bid: Option<Price>,
    /// Best ask, if there is one.
    pub ask: Option<Price>,
}

/// The options of one expiry.
#[derive(Debug, Clone)]
pub struct Expiry {
    /// When, in words.
    pub name: String,
    /// The forward.
    pub forward: Price,
    /// Time to expiry.
    pub time: BlockSpan,
    /// By rising strike.
    pub options: Vec<Quote>,
}

/// All options of an underlying at one moment, by rising expiry.
#[derive(Debug, Clone)]
pub struct Quotes {
    /// What and when, in words.
    pub name: String,
    /// By rising time.
    pub expiries: Vec<Expiry>,
}

/// What the two-sided quotes of a strike allow a call to cost, in micro-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The strike.
    pub strike: Price,
    /// At least: the highest bid, of the call or of the put by parity.
    pub low: i128,
    /// At most: the lowest ask.
    pub high: i128,
}

impl Quotes {
    /// Returns the quotes of a chain. Options whose expiry has no future, or has passed, are left out.
    #[must_use]
    pub fn of_chain(chain: &Chain) -> Self {
        let mut expiries = Vec::new();
        for expires_at in chain.expiries() {
            let time = expires_at.since(chain.taken_at).unwrap_or(BlockSpan::ZERO);
            let Some(forward) = chain.forward(expires_at) else { continue };
            if time <= BlockSpan::ZERO {
                continue;
            }
            let quote = |option: &market::chain::OptionQuote| Quote {
                strike: option.strike,
                right: right(option.kind),
                bid: option.bid,
                ask: option.ask,
            };
            expiries.push(Expiry {
                name: utc_text(expires_at).chars().take(10).collect(),
                forward: forward.quote.mid(),
                time,
                options: chain.options_of(expires_at).map(quote).collect(),
            });
        }
        let taken_at: String = utc_text(chain.taken_at).chars().take(16).collect();
        Self { name: format!("{} {taken_at}", chain.underlying), expiries }
    }

    /// Returns the quotes of options that are quoted in vols.
    #[must_use]
    pub fn of_vols(name: &str, rows: &[VolQuote]) -> Self {
        let mut expiries: Vec<Expiry> = Vec::new();
        for row in rows {
            if expiries.last().is_none_or(|last| last.name != row.tenor) {
                expiries.push(Expiry {
                    name: row.tenor.clone(),
                    forward: row.forward,
                    time: row.time,
                    options: Vec::new(),
                });
            }
            let Some(expiry) = expiries.last_mut() else { continue };
            let right = right(row.kind);
            let price = |vol: market::Fraction, round| {
                let trillionths = i128::from(vol.billionths()) * 1_000;
                let vol = FineVol::from_trillionths(trillionths).ok()?;
                expiry.price(row.strike, right, vol, round)
            };
            let (bid, ask) = (price(row.iv_bid, Round::Down), price(row.iv_ask, Round::Up));
            expiry.options.push(Quote { strike: row.strike, right, bid, ask });
        }
        Self { name: name.to_string(), expiries }
    }
}

impl Expiry {
    /// Returns the value of an option at a vol.
    #[must_use]
    pub fn price(&self, strike: Price, right: Right, vol: FineVol, round: Round) -> Option<Price> {
        let (forward, strike) = (Forward::new(self.forward).ok()?, Strike::new(strike).ok()?);
        let deviation = Deviation::new(vol, Horizon::after(self.time).ok()?);
        Some(match right {
            Right::Call => pricing::call(forward, strike, deviation, round),
            Right::Put => pricing::put(forward, strike, deviation, round),
        })
    }

    /// Returns the vol of a call's price, rounded as told; `None` if it has none.
    #[must_use]
    pub fn vol(&self, strike: Price, call: i128, round: Round) -> Option<Vol> {
        let (forward, strike) = (Forward::new(self.forward).ok()?, Strike::new(strike).ok()?);
        let horizon = Horizon::after(self.time).ok()?;
        let vol = pricing::vol_implied_by_call(Price::from_micros(call), forward, strike, horizon)?;
        Some(vol.vol(round))
    }

    /// Whether a vol values an option within its spread.
    #[must_use]
    pub fn reprices(&self, quote: &Quote, vol: Vol) -> bool {
        let Ok(vol) = FineVol::from_vol(vol) else { return false };
        let price = |round| self.price(quote.strike, quote.right, vol, round);
        let (below, above) = (price(Round::Down), price(Round::Up));
        let over_bid = quote.bid.is_none_or(|bid| above.is_some_and(|price| price >= bid));
        over_bid && quote.ask.is_none_or(|ask| below.is_some_and(|price| price <= ask))
    }

    /// Returns the bounds of each strike that has an option quoted on both sides, rising.
    #[must_use]
    pub fn bounds(&self) -> Vec<Bounds> {
        let mut bounds: Vec<Bounds> = Vec::new();
        for quote in &self.options {
            let (Some(bid), Some(ask)) = (quote.bid, quote.ask) else { continue };
            let forward = self.forward.micros();
            let carried = match quote.right {
                Right::Call => 0,
                Right::Put => forward - quote.strike.micros(),
            };
            let intrinsic = (forward - quote.strike.micros()).max(0);
            let (low, high) = (bid.micros() + carried, ask.micros() + carried);
            let (low, high) = (low.max(intrinsic), high.min(forward));
            match bounds.last_mut().filter(|last| last.strike == quote.strike) {
                Some(last) => (last.low, last.high) = (last.low.max(low), last.high.min(high)),
                None => bounds.push(Bounds { strike: quote.strike, low, high }),
            }
        }
        bounds
    }
}

const fn right(kind: OptionKind) -> Right {
    match kind {
        OptionKind::Call => Right::Call,
        OptionKind::Put => Right::Put,
    }
}
