//! `novation surface`: the vol surface of each recorded chain beside the quotes that it was made of.

use crate::Verdict;
use crate::cli::SurfaceArgs;
use crate::surface_page;
use anyhow::{Context, Result, bail};
use market::{Dataset, default_dir};
use protocol::Right;
use std::io::Write;
use std::path::Path;
use surface_fit::quotes::Quotes;
use surface_fit::svi::Svi;
use surface_fit::vote::{Built, Exception, Reason, fitted, middles, smiles_fitted};

/// A chain with three surfaces made of it.
#[derive(Debug)]
pub(crate) struct Compared {
    pub(crate) quotes: Quotes,
    /// Whether its quotes are such that a surface must fit them.
    pub(crate) production: bool,
    /// Of the middles of the spreads.
    pub(crate) middles: Built,
    /// Of votes that stay within the spreads.
    pub(crate) fitted: Built,
    /// Of smiles of five parameters.
    pub(crate) smiles: Built,
    /// Those smiles.
    pub(crate) svi: Vec<Option<Svi>>,
}

impl Compared {
    fn of(quotes: Quotes, production: bool) -> Self {
        let (smiles, svi) = smiles_fitted(&quotes);
        let (middles, fitted) = (middles(&quotes), fitted(&quotes));
        Self { quotes, production, middles, fitted, smiles, svi }
    }
}

/// Prints a table of all chains, and draws them if asked to.
pub(crate) fn run(args: &SurfaceArgs, out: &mut dyn Write) -> Result<Verdict> {
    if let Some(path) = &args.out {
        refuse_other_files(path)?;
    }
    let dataset = Dataset::open(args.data.clone().unwrap_or_else(default_dir))?;
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
    table(&all, out)?;
    for compared in &all {
        exceptions(compared, out)?;
    }
    if let Some(path) = &args.out {
        std::fs::write(path, surface_page::page(&all))
            .with_context(|| format!("cannot write {}", path.display()))?;
        writeln!(out, "\nwrote {}", path.display())?;
    }
    let is_whole =
        |compared: &Compared| !compared.production || compared.fitted.exceptions.is_empty();
    Ok(if all.iter().all(is_whole) { Verdict::Holds } else { Verdict::Differs })
}

/// Refuses to replace a file that is not such a page.
fn refuse_other_files(path: &Path) -> Result<()> {
    let is_file = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    if is_file && !std::fs::read(path)?.starts_with(surface_page::HEAD.as_bytes()) {
        bail!("{} exists and is no page of surfaces: choose another --out", path.display());
    }
    Ok(())
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

fn table(all: &[Compared], out: &mut dyn Write) -> Result<()> {
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

fn exceptions(compared: &Compared, out: &mut dyn Write) -> Result<()> {
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
