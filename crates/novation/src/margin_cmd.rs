//! Measures a portfolio under a rule book and prints the outcome as JSON.

use crate::cli::{RuleBook, RuleBookArgs};
use crate::input;
use anyhow::Result;
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
    let (portfolio, parameters) = input::texts(&args.portfolio, args.params.as_deref())?;
    let outcome = profiles::measure(profile, &portfolio, parameters.as_deref())?;
    serde_json::to_writer_pretty(&mut *out, &outcome)?;
    writeln!(out)?;
    Ok(())
}
