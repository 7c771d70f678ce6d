//! The surfaces of recorded chains, made in three ways, beside the quotes that they were made of.

use crate::quotes::Quotes;
use crate::svi::Svi;
use crate::vote::{Built, Exception, Reason, fitted, middles, smiles_fitted};
use market::{Dataset, MarketError};
use protocol::Right;
use std::io::{self, Write};

/// A chain with three surfaces made of it.
#[derive(Debug)]
pub struct Compared {
    /// What was quoted.
    pub quotes: Quotes,
    /// Whether its quotes are such that a surface must fit them.
    pub production: bool,
    /// Of the middles of the spreads.
    pub middles: Built,
    /// Of votes that stay within the spreads.
    pub fitted: Built,
    /// Of smiles of five parameters.
    pub smiles: Built,
    /// Those smiles.
    pub svi: Vec<Option<Svi>>,
}

impl Compared {
    /// Returns the surfaces of some quotes.
    #[must_use]
    pub fn of(quotes: Quotes, production: bool) -> Self {
        let (smiles, svi) = smiles_fitted(&quotes);
        let (middles, fitted) = (middles(&quotes), fitted(&quotes));
        Self { quotes, production, middles, fitted, smiles, svi }
    }

    /// Returns whether all options are valued within their spread, where they must be.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        !self.production || self.fitted.exceptions.is_empty()
    }
}

/// Returns the surfaces of every chain of a data set: those of production, one quoted in vols, those of a test network.
///
/// # Errors
///
/// [`MarketError`] if a file is absent, is not the one of the manifest or is malformed.
pub fn compare(dataset: &Dataset) -> Result<Vec<Compared>, MarketError> {
    let mut all = Vec::new();
    for chain in &dataset.chains()? {
        all.push(Compared::of(Quotes::of_chain(chain), true));
    }
    let quoted_in_vols = Quotes::of_vols("BTC 2021-10-21", &dataset.vol_quotes()?);
    all.push(Compared::of(quoted_in_vols, true));
    for chain in &dataset.test_network_chains()? {
        let mut quotes = Quotes::of_chain(chain);
        quotes.name.push_str(" test");
        all.push(Compared::of(quotes, false));
    }
    Ok(all)
}

/// Writes a table of some chains, and below it what lies outside its spread, and why.
///
/// # Errors
///
/// What the writer says.
pub fn write(all: &[Compared], out: &mut dyn Write) -> io::Result<()> {
    table(all, out)?;
    all.iter().try_for_each(|compared| exceptions(compared, out))
}

/// Returns how many options a surface values within their spread.
pub(crate) fn within(built: &Built) -> usize {
    built.two_sided - built.exceptions.len()
}

/// Returns the right of an option, and why no surface values it within its spread.
pub(crate) const fn told(exception: &Exception) -> (&'static str, &'static str) {
    let right = match exception.right {
        Right::Call => "call",
        Right::Put => "put",
    };
    let reason = match exception.reason {
        Reason::Parity => "call and put have no price in common at this forward",
        Reason::Arbitrage => "every surface within the other asks is below the bid",
        Reason::Narrow => "the spread holds no whole point of vol",
        Reason::NotFound => "an earlier expiry supports a higher price, or no vote was found",
    };
    (right, reason)
}

fn table(all: &[Compared], out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "Options quoted on both sides whose repaired vol values them within their spread. Votes are the middles of the\n\
         spreads; smiles of five parameters; or middles moved until the repair leaves them within.\n\n\
         {:<26} {:>8} {:>7} {:>9} {:>9} {:>9}  repaired of the middles",
        "chain", "expiries", "options", "middles", "smiles", "fitted"
    )?;
    for compared in all {
        let [lowered, raised] = compared.middles.moved;
        writeln!(
            out,
            "{:<26} {:>8} {:>7} {:>9} {:>9} {:>9}  {lowered} lowered, {raised} raised",
            compared.quotes.name,
            compared.quotes.expiries.len(),
            compared.fitted.two_sided,
            within(&compared.middles),
            within(&compared.smiles),
            within(&compared.fitted),
        )?;
    }
    Ok(())
}

fn exceptions(compared: &Compared, out: &mut dyn Write) -> io::Result<()> {
    if compared.fitted.exceptions.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}: outside their spread", compared.quotes.name)?;
    for exception in &compared.fitted.exceptions {
        let Exception { expiry, strike, bid, price, ask, .. } = exception;
        let (right, reason) = told(exception);
        writeln!(out, "  {expiry} {strike} {right}: {price} not from {bid} to {ask}; {reason}")?;
    }
    Ok(())
}
