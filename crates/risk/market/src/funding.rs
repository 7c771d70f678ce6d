//! Funding rates: what perpetual futures of several exchanges paid or charged, every eight hours.
//!
//! Left out: the bars that come in the same file. Two of its three exchanges label them four hours late.

use units::BlockTime;

use crate::Dataset;
use crate::csv::columns;
use crate::decimal::{Excess, Fraction};
use crate::error::MarketError;
use crate::names::{MarketKind, Underlying, Venue};

/// One funding payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FundingRate {
    /// When it fell due.
    pub time: BlockTime,
    /// The perpetual future.
    pub venue: Venue,
    /// Its underlying.
    pub underlying: Underlying,
    /// What a long position paid, as a fraction of its value, to the nearest billionth; negative if it received.
    pub rate: Fraction,
}

impl Dataset {
    /// Returns the funding rates of 2023 and the first half of 2024, Binance, Bybit and OKX, in the order of the file.
    ///
    /// # Errors
    ///
    /// [`MarketError`] if the file is not the one of the manifest or a row is malformed.
    pub fn funding_rates(&self) -> Result<Vec<FundingRate>, MarketError> {
        let header = "time_utc,venue,asset,symbol,market,open,high,low,close,volume,funding_rate";
        let file = "funding/aha_hh_8h_spot_perp_funding.csv.zst";
        let mut table = self.table(file, columns(header))?;
        let mut rates = Vec::new();
        while let Some(row) = table.next_row()? {
            let assets = [("bitcoin", Underlying::Btc), ("ethereum", Underlying::Eth)];
            let underlying = row.one_of(2, &assets)?;
            // Spot rows have no rate.
            let Some(rate) = row.optional(10, |row| row.fraction(10, Excess::Nearest))? else {
                continue;
            };
            let (exchange, symbol) = (row.text(1).to_string(), row.text(3).to_string());
            let venue = Venue { exchange, market: MarketKind::Perpetual, symbol };
            rates.push(FundingRate { time: row.utc(0)?, venue, underlying, rate });
        }
        Ok(rates)
    }

    /// Returns the few funding rates that accompany the minute bars: December 2020 and 13 December 2022.
    ///
    /// # Errors
    ///
    /// [`MarketError`] if the file is not the one of the manifest or a row is malformed.
    pub fn funding_rates_of_bars(&self) -> Result<Vec<FundingRate>, MarketError> {
        let header = "time_utc,venue,symbol,funding_rate";
        let mut table = self.table("funding/lean_funding.csv.zst", columns(header))?;
        let mut rates = Vec::new();
        while let Some(row) = table.next_row()? {
            let underlying = Underlying::of_symbol(row.text(2))
                .ok_or_else(|| row.malformed(2, "is not a known symbol"))?;
            let (exchange, symbol) = (row.text(1).to_string(), row.text(2).to_string());
            let venue = Venue { exchange, market: MarketKind::Perpetual, symbol };
            let rate = row.fraction(3, Excess::Nearest)?;
            rates.push(FundingRate { time: row.utc(0)?, venue, underlying, rate });
        }
        Ok(rates)
    }
}
