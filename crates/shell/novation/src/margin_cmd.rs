//! Measures a portfolio under a rule book and prints the outcome as JSON.

use crate::cli::{RuleBook, RuleBookArgs};
use anyhow::{Context, Result, bail};
use profiles::{Profile, TEXT_BYTES_MAX};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// Measures, and prints.
pub(crate) fn run(args: &RuleBookArgs, out: &mut dyn Write) -> Result<()> {
    let profile = match args.profile {
        RuleBook::Novation => Profile::Novation,
        RuleBook::DerivePmrm2 => Profile::DerivePmrm2,
        RuleBook::DeriveSrm => Profile::DeriveSrm,
        RuleBook::Span16 => Profile::Span16,
        RuleBook::Linear => Profile::Linear,
    };
    let portfolio = if args.portfolio == Path::new("-") {
        text(&mut io::stdin().lock(), &args.portfolio)?
    } else {
        file(&args.portfolio)?
    };
    let parameters = args.params.as_deref().map(file).transpose()?;
    let outcome = profiles::measure(profile, &portfolio, parameters.as_deref())?;
    serde_json::to_writer_pretty(&mut *out, &outcome)?;
    writeln!(out)?;
    Ok(())
}

fn file(path: &Path) -> Result<String> {
    let mut file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    text(&mut file, path)
}

/// Reads no more than is measured, so that a wrong file does not fill the memory.
fn text(from: &mut dyn Read, path: &Path) -> Result<String> {
    let most = u64::try_from(TEXT_BYTES_MAX)?;
    let mut text = String::new();
    let read = from.take(most + 1).read_to_string(&mut text);
    read.with_context(|| format!("cannot read {} as text", path.display()))?;
    if text.len() > TEXT_BYTES_MAX {
        bail!("too-long: {} has more than {most} bytes", path.display());
    }
    Ok(text)
}
