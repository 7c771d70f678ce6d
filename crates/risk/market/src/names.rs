//! The nouns that all readers share: underlyings, venues, kinds of market, sides.

use std::fmt;

/// What a price is the price of, in dollars or a dollar token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Underlying {
    /// Bitcoin.
    Btc,
    /// Ether.
    Eth,
    /// Cardano.
    Ada,
    /// Litecoin.
    Ltc,
}

impl Underlying {
    /// Returns the ticker.
    #[must_use]
    pub const fn ticker(self) -> &'static str {
        match self {
            Self::Btc => "BTC",
            Self::Eth => "ETH",
            Self::Ada => "ADA",
            Self::Ltc => "LTC",
        }
    }

    /// Returns the underlying of a symbol quoted in dollars or in a dollar token, as `BTCUSDT`; `None` for others.
    #[must_use]
    pub fn of_symbol(symbol: &str) -> Option<Self> {
        let base = ["USDT", "BUSD", "USD"].iter().find_map(|quote| symbol.strip_suffix(quote))?;
        Self::of_ticker(base)
    }

    /// Returns the underlying of a ticker, as `BTC`.
    #[must_use]
    pub fn of_ticker(ticker: &str) -> Option<Self> {
        [Self::Btc, Self::Eth, Self::Ada, Self::Ltc].into_iter().find(|u| u.ticker() == ticker)
    }
}

impl fmt::Display for Underlying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.ticker())
    }
}

/// The kind of market that printed a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MarketKind {
    /// Delivery at once.
    Spot,
    /// A perpetual future.
    Perpetual,
}

impl fmt::Display for MarketKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Spot => "spot",
            Self::Perpetual => "perpetual",
        })
    }
}

/// One source of prices: a market of an exchange.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Venue {
    /// The exchange, as its source names it.
    pub exchange: String,
    /// The kind of market.
    pub market: MarketKind,
    /// The symbol, as its source names it.
    pub symbol: String,
}

impl fmt::Display for Venue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} {} {}", self.exchange, self.market, self.symbol))
    }
}

/// A side of an order book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BookSide {
    /// Buyers.
    Bid,
    /// Sellers.
    Ask,
}

impl BookSide {
    /// Returns the other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Bid => Self::Ask,
            Self::Ask => Self::Bid,
        }
    }
}
