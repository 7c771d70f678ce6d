//! Texts that a user hands in: a file, or standard input for `-`.

use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Most bytes of a text: a wrong file does not fill the memory.
const BYTES_MAX: usize = profiles::TEXT_BYTES_MAX;

/// Returns the texts of a portfolio and of what goes with it; only one of them can be standard input.
pub(crate) fn texts(portfolio: &Path, other: Option<&Path>) -> Result<(String, Option<String>)> {
    if is_standard(portfolio) && other.is_some_and(is_standard) {
        bail!("two files cannot both be read from standard input");
    }
    Ok((text(portfolio)?, other.map(text).transpose()?))
}

fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

/// Returns the text of a file, or of standard input.
pub(crate) fn text(path: &Path) -> Result<String> {
    if is_standard(path) {
        return bounded(&mut io::stdin().lock(), path);
    }
    let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    bounded(&mut file, path)
}

fn bounded(from: &mut dyn Read, path: &Path) -> Result<String> {
    let most = u64::try_from(BYTES_MAX)?;
    let mut text = String::new();
    let read = from.take(most + 1).read_to_string(&mut text);
    read.with_context(|| format!("cannot read {} as text", path.display()))?;
    if text.len() > BYTES_MAX {
        bail!("too-long: {} has more than {most} bytes", path.display());
    }
    Ok(text)
}
