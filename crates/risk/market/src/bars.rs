//! Minute bars of trades and of quotes, from several venues.
//!
//! A bar is named by its start; its close is known a minute later. A minute without a trade has no trade bar.

use units::{BlockSpan, BlockTime, Price, Quantity};

use crate::Dataset;
use crate::csv::{Row, columns};
use crate::decimal::Excess;
use crate::error::MarketError;
use crate::names::{MarketKind, Venue};

/// The length of a bar.
pub const BAR: BlockSpan = BlockSpan::from_millis(60_000);

/// Trades of one minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TradeBar {
    /// Start of the minute.
    pub start: BlockTime,
    /// Where it traded.
    pub venue: Venue,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Size traded, in the venue's unit: coins, or contracts where the future is margined in coin.
    pub volume: Quantity,
}

/// Best bid and ask of one minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteBar {
    /// Start of the minute.
    pub start: BlockTime,
    /// Where it was quoted.
    pub venue: Venue,
    /// Last best bid.
    pub bid: Price,
    /// Lowest best bid.
    pub bid_low: Price,
    /// Size of the last best bid.
    pub bid_size: Quantity,
    /// Last best ask.
    pub ask: Price,
    /// Highest best ask.
    pub ask_high: Price,
    /// Size of the last best ask.
    pub ask_size: Quantity,
}

impl QuoteBar {
    /// Returns the price midway between the last bid and ask, floored to a micro-dollar.
    pub fn mid(&self) -> Price {
        Price::from_micros((self.bid.micros() + self.ask.micros()).div_euclid(2))
    }
}

/// A span of time: from the first moment up to, not including, the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First moment inside.
    pub from: BlockTime,
    /// First moment outside.
    pub to: BlockTime,
}

impl Window {
    /// Whether a moment is inside.
    #[must_use]
    pub fn contains(&self, time: BlockTime) -> bool {
        self.from <= time && time < self.to
    }
}

impl Dataset {
    /// Returns the trade bars that start inside a window, by time and then in the order of the file.
    ///
    /// Prices have at most six decimals and are exact. Volumes go to the nearest billionth.
    ///
    /// # Errors
    ///
    /// [`MarketError`] if the file is not the one of the manifest or a row is malformed.
    pub fn trade_bars(&self, window: Window) -> Result<Vec<TradeBar>, MarketError> {
        let header = "time_utc,time_ms,venue,market,symbol,open,high,low,close,volume";
        let file = "multivenue/lean_minute_trades.csv.zst";
        let mut table = self.table(file, columns(header))?;
        let mut bars = Vec::new();
        while let Some(row) = table.next_row()? {
            let bar = trade_bar(&row)?;
            if window.contains(bar.start) {
                bars.push(bar);
            }
        }
        bars.sort_by_key(|bar| bar.start);
        Ok(bars)
    }

    /// Returns the quote bars that start inside a window, by time and then in the order of the file.
    ///
    /// # Errors
    ///
    /// [`MarketError`] if the file is not the one of the manifest or a row is malformed.
    pub fn quote_bars(&self, window: Window) -> Result<Vec<QuoteBar>, MarketError> {
        let header = "time_utc,time_ms,venue,market,symbol,bid_open,bid_high,bid_low,bid_close,bid_size,\
                      ask_open,ask_high,ask_low,ask_close,ask_size";
        let file = "multivenue/lean_minute_quotes.csv.zst";
        let mut table = self.table(file, columns(header))?;
        let mut bars = Vec::new();
        while let Some(row) = table.next_row()? {
            let bar = quote_bar(&row)?;
            if window.contains(bar.start) {
                bars.push(bar);
            }
        }
        bars.sort_by_key(|bar| bar.start);
        Ok(bars)
    }
}

/// Returns the start and the venue of a bar, which all bar files keep in the same columns.
fn heading(row: &Row<'_>) -> Result<(BlockTime, Venue), MarketError> {
    let start = row.utc(0)?;
    if u64::try_from(start.millis()).ok() != Some(row.integer(1)?) {
        return Err(row.malformed(1, "is not the time of column time_utc"));
    }
    let market = row.one_of(3, &[("spot", MarketKind::Spot), ("perp", MarketKind::Perpetual)])?;
    let (exchange, symbol) = (row.text(2).to_string(), row.text(4).to_string());
    Ok((start, Venue { exchange, market, symbol }))
}

fn positive(row: &Row<'_>, column: usize) -> Result<Price, MarketError> {
    let price = row.price(column, Excess::Refuse)?;
    if price <= Price::ZERO { Err(row.malformed(column, "is not above zero")) } else { Ok(price) }
}

fn trade_bar(row: &Row<'_>) -> Result<TradeBar, MarketError> {
    let (start, venue) = heading(row)?;
    let [open, high, low, close] =
        [positive(row, 5)?, positive(row, 6)?, positive(row, 7)?, positive(row, 8)?];
    if high < open.greater(close) || low > open.lesser(close) {
        return Err(row.malformed(6, "and low do not span open and close"));
    }
    let volume = row.quantity(9, Excess::Nearest)?;
    Ok(TradeBar { start, venue, open, high, low, close, volume })
}

fn quote_bar(row: &Row<'_>) -> Result<QuoteBar, MarketError> {
    let (start, venue) = heading(row)?;
    let (bid, ask) = (positive(row, 8)?, positive(row, 13)?);
    if ask < bid {
        return Err(row.malformed(13, "is below bid_close"));
    }
    Ok(QuoteBar {
        start,
        venue,
        bid,
        bid_low: positive(row, 7)?,
        bid_size: row.quantity(9, Excess::Nearest)?,
        ask,
        ask_high: positive(row, 11)?,
        ask_size: row.quantity(14, Excess::Nearest)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csv::Table;

    const HEADER: &str = "time_utc,time_ms,venue,market,symbol,open,high,low,close,volume";

    fn read(row: &str) -> Result<TradeBar, MarketError> {
        let text = format!("{HEADER}\n{row}\n");
        let mut table = Table::open("bars.csv", text.into_bytes(), columns(HEADER))?;
        trade_bar(&table.next_row()?.unwrap())
    }

    #[test]
    fn a_bar_is_read_exactly() {
        let row = "2016-10-07T00:00:00Z,1475798400000,coinbase,spot,BTCUSD,611.78,611.91,611.78,611.9,8.880099999999999";
        let bar = read(row).unwrap();
        assert_eq!(bar.high, Price::from_micros(611_910_000));
        assert_eq!(bar.volume, Quantity::from_nanos(8_880_100_000));
        assert_eq!(bar.venue.to_string(), "coinbase spot BTCUSD");
    }

    #[test]
    fn bars_that_contradict_themselves_are_refused() {
        for (row, says) in [
            ("2016-10-07T00:00:00Z,1475798400001,c,spot,B,1,1,1,1,1", "column time_ms"),
            ("2016-10-07T00:00:00Z,1475798400000,c,swap,B,1,1,1,1,1", "none of spot, perp"),
            ("2016-10-07T00:00:00Z,1475798400000,c,spot,B,1,1,1,2,1", "do not span"),
            ("2016-10-07T00:00:00Z,1475798400000,c,spot,B,1,1,0,1,1", "not above zero"),
            ("2016-10-07T00:00:00Z,1475798400000,c,spot,B,1,1,1,1,x", "column volume"),
        ] {
            let error = read(row).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
