//! Many portfolios in the same markets: the scenario matrices are made once.
//!
//! **Invariant:** each is measured as [`Portfolio::measure`] would measure it alone, to the last digit.

use crate::WhatIfError;
use crate::assess::{Assessment, Detail, limits};
use crate::fields::{Named, elements};
use crate::file::{HoldingFile, Portfolio};
use margin::Risk;

/// Markets, and what their matrices say.
#[derive(Debug)]
pub struct Batch {
    portfolio: Portfolio,
    risk: Risk,
}

impl Batch {
    /// Reads markets from a JSON text in the form of a portfolio; what it holds itself is left out.
    ///
    /// # Errors
    ///
    /// As [`Portfolio::parse`], or [`WhatIfError::Limits`] if a number is outside the limits of the house.
    pub fn parse(markets: &str) -> Result<Self, WhatIfError> {
        let portfolio = Portfolio::parse_markets(markets)?;
        let risk = portfolio.risk().map_err(limits("scenario matrices"))?;
        Ok(Self { portfolio, risk })
    }

    /// Returns what each portfolio of a JSON list must hold: `[{"cash": …, "collateral": …, "positions": …, "orders": …}, …]`.
    ///
    /// # Errors
    ///
    /// [`WhatIfError`] naming the portfolio, by its place in the list from 0, and what is wrong with it.
    pub fn measure(
        &mut self,
        portfolios: &str,
        detail: Detail,
    ) -> Result<Vec<Assessment>, WhatIfError> {
        let files: Vec<Named<HoldingFile>> = elements(portfolios, "portfolios")?;
        let mut found = Vec::with_capacity(files.len());
        for (number, Named(file)) in files.iter().enumerate() {
            let of = |error| WhatIfError::Portfolio { number, error: Box::new(error) };
            self.portfolio.take(file).map_err(of)?;
            found.push(self.portfolio.measure_over(&self.risk, detail).map_err(of)?);
        }
        Ok(found)
    }
}
