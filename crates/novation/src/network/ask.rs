//! Asks a validator for a record, an order or a fill with all that proves it.

use crate::Verdict;
use crate::cli::AskArgs;
use crate::verify;
use anyhow::{Context, Result, bail};
use client::{Client, Question, read_list, refuse_other_files};
use light::Answer;
use records::Underlyings;
use std::fs;
use std::io::Write;

/// Asks, and writes the answer as it came, for `verify` to judge; or judges it at once, where no file is named.
pub(crate) fn run(args: &AskArgs, out: &mut dyn Write) -> Result<Verdict> {
    if let Some(proof) = &args.proof {
        refuse_other_files(proof)?;
    }
    let trust = args.trust.as_deref().map(read_list).transpose()?;
    if let Some(list) = &args.list
        && fs::metadata(list).is_ok()
        && read_list(list).is_err()
    {
        bail!("{} exists and is no list of validators: choose another --list", list.display());
    }
    let mut client = Client::new(args.node);
    let listed = match Question::names_underlying(args.kind, &args.names) {
        Some(name) => client::underlyings(&mut client, trust.as_ref(), name)?,
        None => Underlyings::new(),
    };
    let question = Question::of(args.kind, &args.names, &listed)?;
    let epoch = trust.as_ref().map_or(0, |trust| trust.epoch);
    let bytes = client::answer(&mut client, &question, epoch)?;
    let mut verdict = Verdict::Holds;
    if let Some(proof) = &args.proof {
        let file = proof.display();
        fs::write(proof, &bytes).with_context(|| format!("cannot write {file}"))?;
        writeln!(out, "answered   {}", question.about)?;
        writeln!(out, "written    {} bytes to {file}", bytes.len())?;
        let named =
            args.trust.as_ref().map_or("network.toml".into(), |path| path.display().to_string());
        writeln!(out, "check it   novation verify {file} --trust {named}")?;
    } else if let Some(trust) = &trust {
        verdict = verify::told(&bytes, trust, out)?;
    }
    if let (Some(trust), Some(path)) = (trust, &args.list) {
        let answer = Answer::decode(&bytes)?;
        answer.verify(&trust).context("the answer does not hold: no list was written")?;
        let newest = trust.follow_all(&answer.steps)?;
        durable::put(path, newest.text().as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        writeln!(out, "list       of epoch {}: {}", newest.epoch, path.display())?;
    }
    Ok(verdict)
}
