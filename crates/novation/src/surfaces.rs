//! `novation surface`: the vol surface of each recorded chain beside the quotes that it was made of.

use crate::Verdict;
use crate::cli::SurfaceArgs;
use anyhow::{Context, Result, bail};
use market::{Dataset, default_dir};
use std::io::Write;
use std::path::Path;
use surface_fit::compared::{self, Compared};
use surface_fit::page;

/// Prints a table of all chains, and draws them if asked to.
pub(crate) fn run(args: &SurfaceArgs, out: &mut dyn Write) -> Result<Verdict> {
    if let Some(path) = &args.out {
        refuse_other_files(path)?;
    }
    let dataset = Dataset::open(args.data.clone().unwrap_or_else(default_dir))?;
    let all = compared::compare(&dataset)?;
    compared::write(&all, out)?;
    if let Some(path) = &args.out {
        std::fs::write(path, page::page(&all))
            .with_context(|| format!("cannot write {}", path.display()))?;
        writeln!(out, "\nwrote {}", path.display())?;
    }
    Ok(if all.iter().all(Compared::is_whole) { Verdict::Holds } else { Verdict::Differs })
}

/// Refuses to replace a file that is not such a page.
fn refuse_other_files(path: &Path) -> Result<()> {
    let is_file = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    if is_file && !std::fs::read(path)?.starts_with(page::HEAD.as_bytes()) {
        bail!("{} exists and is no page of surfaces: choose another --out", path.display());
    }
    Ok(())
}
