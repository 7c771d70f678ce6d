//! Minute snapshots of a 15-level book on 17 and 18 April 2021, into the flash crash of that Sunday.

use units::{BlockTime, Notional, Price};

use crate::Dataset;
use crate::csv::{Row, columns};
use crate::decimal::{Excess, Fraction};
use crate::error::MarketError;

/// Levels recorded on each side.
const LEVELS: usize = 15;
/// Columns of levels recorded on each side: distance, size, and what was cancelled, placed and taken there.
const GROUPS: [&str; 5] =
    ["distance", "notional", "cancel_notional", "limit_notional", "market_notional"];

/// One level of depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepthLevel {
    /// Distance from the middle, as a fraction of it; negative below.
    pub distance: Fraction,
    /// Size resting there, in dollars.
    pub notional: Notional,
}

/// One minute of the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookMinute {
    /// When it was recorded.
    pub time: BlockTime,
    /// Midway between best bid and best ask, to the nearest micro-dollar.
    pub midpoint: Price,
    /// Best ask less best bid, to the nearest micro-dollar.
    pub spread: Price,
    /// Dollars bought by aggressors in the minute.
    pub bought: Notional,
    /// Dollars sold by aggressors in the minute.
    pub sold: Notional,
    /// Bids from the best down.
    pub bids: Vec<DepthLevel>,
    /// Asks from the best up.
    pub asks: Vec<DepthLevel>,
}

impl BookMinute {
    /// Returns the dollars resting on both sides, all levels.
    #[must_use = "the sum is the point"]
    pub fn depth(&self) -> Notional {
        let levels = self.bids.iter().chain(&self.asks);
        Notional::from_micros(levels.map(|level| level.notional.micros()).sum())
    }
}

impl Dataset {
    /// Returns the minutes of the Coinbase BTC-USD book, by time.
    ///
    /// The source prints binary fractions in full; all values go to the nearest unit.
    ///
    /// # Errors
    ///
    /// [`MarketError`] if the file is not the one of the manifest or a row is malformed.
    pub fn book_minutes(&self) -> Result<Vec<BookMinute>, MarketError> {
        let mut header = columns("system_time,midpoint,spread,buys,sells");
        for side in ["bids", "asks"] {
            for group in GROUPS {
                header.extend((0..LEVELS).map(|level| format!("{side}_{group}_{level}")));
            }
        }
        let file = "lob_minute/coinbase_btcusd_lob_1m_20210417_18.csv.zst";
        let mut table = self.table(file, header)?;
        let mut minutes = Vec::new();
        while let Some(row) = table.next_row()? {
            minutes.push(book_minute(&row)?);
        }
        Ok(minutes)
    }
}

fn book_minute(row: &Row<'_>) -> Result<BookMinute, MarketError> {
    let bids_at = 5;
    let asks_at = bids_at + GROUPS.len() * LEVELS;
    Ok(BookMinute {
        time: row.utc(0)?,
        midpoint: row.price(1, Excess::Nearest)?,
        spread: row.price(2, Excess::Nearest)?,
        bought: row.notional(3, Excess::Nearest)?,
        sold: row.notional(4, Excess::Nearest)?,
        bids: side(row, bids_at)?,
        asks: side(row, asks_at)?,
    })
}

fn side(row: &Row<'_>, at: usize) -> Result<Vec<DepthLevel>, MarketError> {
    let level = |level| {
        let distance = row.fraction(at + level, Excess::Nearest)?;
        let notional = row.notional(at + LEVELS + level, Excess::Nearest)?;
        Ok(DepthLevel { distance, notional })
    };
    (0..LEVELS).map(level).collect()
}
