//! Genesis files: one to begin with, and what one founds.

use crate::cli::{GenesisArgs, GenesisWhat};
use crate::input;
use anyhow::{Context, Result};
use founding::{Description, TEMPLATE};
use std::io::Write;
use std::path::Path;
use std::time::SystemTime;
use units::BlockTime;

/// Prints the template, or what a file founds.
pub(crate) fn run(args: &GenesisArgs, out: &mut dyn Write) -> Result<()> {
    match &args.what {
        GenesisWhat::Check { file } => {
            let described = read(file, now()?)?;
            out.write_all(described.overview()?.as_bytes())?;
        }
        GenesisWhat::Template => out.write_all(TEMPLATE.as_bytes())?,
    }
    Ok(())
}

/// Reads a genesis file.
pub(crate) fn read(path: &Path, now: BlockTime) -> Result<Description> {
    let text = input::text(path)?;
    Description::read(&text, now).with_context(|| format!("{} founds nothing", path.display()))
}

/// Returns the time of the clock.
pub(crate) fn now() -> Result<BlockTime> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis();
    Ok(BlockTime::from_millis(i128::try_from(now)?))
}
