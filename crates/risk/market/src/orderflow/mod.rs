//! Order book messages of six markets on 8 August 2024, the books they rebuild, and order streams made of them.
//!
//! [`FlowReader`] gives messages in the order in which they were recorded. [`BookRebuild`] applies them by these rules:
//!
//! 1. Load the snapshot; its id is the last update that it contains.
//! 2. Apply each difference whose last id is above the snapshot's, those recorded before the snapshot included.
//! 3. The first such difference must not leave out an update after the snapshot.
//! 4. Each later one must continue the one before.
//!
//! On futures a difference names the last update before it; on spot its own first update is the next number.
//!
//! [`OrderStream`] turns the messages into placed, reduced and cancelled orders and aggressors, fit to drive a book.
//!
//! Times are the recorder's: they never run backwards within a file, unlike those of the exchange across message kinds.

mod actions;
mod reader;
mod rebuild;

use std::fmt;

use units::{Price, Quantity};

pub use actions::{ActionKind, FlowOrderId, OrderAction, OrderStream};
pub use reader::{FlowMessage, FlowReader, Level};
pub use rebuild::{BookRebuild, FlowFault, LevelChange};

use crate::names::Underlying;

/// Number of an update to an order book, or of a trade, as the exchange counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UpdateId(pub u64);

impl fmt::Display for UpdateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What one unit of a recorded size is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SizeUnit {
    /// One coin of the underlying.
    Coin,
    /// One contract that is worth this many dollars, whatever the price.
    Dollars(Price),
}

/// A recorded market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlowMarket {
    /// Binance spot BTCUSDT.
    SpotBtc,
    /// Binance spot ETHUSDT.
    SpotEth,
    /// Binance perpetual BTCUSDT, margined in dollar tokens.
    LinearBtc,
    /// Binance perpetual ETHUSDT, margined in dollar tokens.
    LinearEth,
    /// Binance perpetual BTCUSD, margined in coin.
    InverseBtc,
    /// Binance perpetual ETHUSD, margined in coin.
    InverseEth,
}

impl FlowMarket {
    /// All recorded markets.
    pub const ALL: [Self; 6] = [
        Self::SpotBtc,
        Self::SpotEth,
        Self::LinearBtc,
        Self::LinearEth,
        Self::InverseBtc,
        Self::InverseEth,
    ];

    /// Returns the file, relative to the data directory.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::SpotBtc => "orderflow/binance_spot_btcusdt_20240808.csv.zst",
            Self::SpotEth => "orderflow/binance_spot_ethusdt_20240808.csv.zst",
            Self::LinearBtc => "orderflow/binance_usdm_btcusdt_20240808.csv.zst",
            Self::LinearEth => "orderflow/binance_usdm_ethusdt_20240808.csv.zst",
            Self::InverseBtc => "orderflow/binance_coinm_btcusd_perp_20240808.csv.zst",
            Self::InverseEth => "orderflow/binance_coinm_ethusd_perp_20240808.csv.zst",
        }
    }

    /// Returns what the market trades.
    #[must_use]
    pub const fn underlying(self) -> Underlying {
        match self {
            Self::SpotBtc | Self::LinearBtc | Self::InverseBtc => Underlying::Btc,
            Self::SpotEth | Self::LinearEth | Self::InverseEth => Underlying::Eth,
        }
    }

    /// Returns the step of prices.
    pub const fn price_tick(self) -> Price {
        Price::from_micros(match self {
            Self::LinearBtc | Self::InverseBtc => 100_000,
            _ => 10_000,
        })
    }

    /// Returns the step of sizes, in the unit of [`FlowMarket::size_unit`].
    pub const fn size_step(self) -> Quantity {
        Quantity::from_nanos(match self {
            Self::SpotBtc => 1_000,
            Self::SpotEth => 10_000,
            Self::LinearBtc | Self::LinearEth => 1_000_000,
            Self::InverseBtc | Self::InverseEth => 1_000_000_000,
        })
    }

    /// Returns what one unit of a recorded size is.
    #[must_use]
    pub const fn size_unit(self) -> SizeUnit {
        match self {
            Self::InverseBtc => SizeUnit::Dollars(Price::from_micros(100_000_000)),
            Self::InverseEth => SizeUnit::Dollars(Price::from_micros(10_000_000)),
            _ => SizeUnit::Coin,
        }
    }

    /// Whether a difference names the one before it; on spot its first id follows instead.
    const fn names_previous(self) -> bool {
        !matches!(self, Self::SpotBtc | Self::SpotEth)
    }
}
