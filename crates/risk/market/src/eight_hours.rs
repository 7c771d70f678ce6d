//! Eight-hour bars of Binance spot markets, one and a half years of them: the longest price history of the data set.
//!
//! Left out: the bars of the other exchanges in the same file, which are labelled four hours late.

use units::{BlockSpan, BlockTime, Price};

use crate::Dataset;
use crate::csv::columns;
use crate::decimal::Excess;
use crate::error::MarketError;
use crate::names::Underlying;

/// The length of a bar.
pub const EIGHT_HOURS: BlockSpan = BlockSpan::from_millis(8 * 3_600_000);

/// Trades of eight hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EightHourBar {
    /// Start.
    pub start: BlockTime,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price, known eight hours after the start.
    pub close: Price,
}

impl Dataset {
    /// Returns the eight-hour bars of an underlying at Binance spot, in the order of the file, which is that of time.
    ///
    /// # Errors
    ///
    /// [`MarketError`] if the file is not the one of the manifest or a row is malformed.
    pub fn eight_hour_bars(
        &self,
        underlying: Underlying,
    ) -> Result<Vec<EightHourBar>, MarketError> {
        let header = "time_utc,venue,asset,symbol,market,open,high,low,close,volume,funding_rate";
        let file = "funding/aha_hh_8h_spot_perp_funding.csv.zst";
        let mut table = self.table(file, columns(header))?;
        let mut bars: Vec<EightHourBar> = Vec::new();
        while let Some(row) = table.next_row()? {
            let assets = [("bitcoin", Underlying::Btc), ("ethereum", Underlying::Eth)];
            let wanted = row.one_of(2, &assets)? == underlying;
            if !wanted || row.text(1) != "binance" || row.text(4) != "spot" {
                continue;
            }
            let price = |column| row.price(column, Excess::Nearest);
            let (start, high, low, close) = (row.utc(0)?, price(6)?, price(7)?, price(8)?);
            if low <= Price::ZERO || low > close || close > high {
                return Err(row.malformed(8, "is not within low and high, above zero"));
            }
            if bars.last().is_some_and(|last| last.start >= start) {
                return Err(row.malformed(0, "is not after the bar before"));
            }
            bars.push(EightHourBar { start, high, low, close });
        }
        Ok(bars)
    }
}
