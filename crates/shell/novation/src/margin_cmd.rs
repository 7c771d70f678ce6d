//! Measures a portfolio under a rule book and prints the outcome as JSON.

use crate::cli::{RuleBook, RuleBookArgs};
use crate::input;
use anyhow::{Result, bail};
use profiles::Profile;
use std::io::Write;

/// Measures, and prints.
pub(crate) fn run(args: &RuleBookArgs, out: &mut dyn Write) -> Result<()> {
    let profile = match args.profile {
        RuleBook::Novation => Profile::Novation,
        RuleBook::DerivePmrm2 => Profile::DerivePmrm2,
        RuleBook::DeriveSrm => Profile::DeriveSrm,
        RuleBook::Span16 => Profile::Span16,
        RuleBook::Linear => Profile::Linear,
    };
    if input::is_standard(&args.portfolio) && args.params.as_deref().is_some_and(input::is_standard)
    {
        bail!("portfolio and parameters cannot both be read from standard input");
    }
    let portfolio = input::text(&args.portfolio)?;
    let parameters = args.params.as_deref().map(input::text).transpose()?;
    let outcome = profiles::measure(profile, &portfolio, parameters.as_deref())?;
    serde_json::to_writer_pretty(&mut *out, &outcome)?;
    writeln!(out)?;
    Ok(())
}
