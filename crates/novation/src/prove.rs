//! Writes the proof of a record, for somebody who has nothing but a state root.
//!
//! **Invariant:** nothing below the directory is written and no lock is taken: the house may be running, or on a disk that
//! cannot be written.

use crate::cli::ProveArgs;
use anyhow::{Context, Result};
use archive::{Archive, Last};
use client::refuse_other_files;
use std::fs;
use std::io::{self, Write};

/// Proves the record from a copy of the house's state, and writes the file.
pub(crate) fn run(args: &ProveArgs, out: &mut dyn Write) -> Result<()> {
    refuse_other_files(&args.proof)?;
    let mut last = Last::of(&Archive::open(&args.dir)?, |height, why| {
        // Standard error may be closed; the proof does not depend on it.
        drop(writeln!(io::stderr(), "note: snapshot {height} was passed over: {why}"));
    })?;
    let underlyings = records::underlyings(last.machine().state());
    let key = records::key(args.kind, &args.names, &underlyings)?;
    let proof = last.prove(&key)?;
    let bytes = proof.encode();
    if let Err(error) = fs::write(&args.proof, &bytes) {
        // Half a proof is worth nothing; if it cannot be removed, `verify` refuses it. A device stays.
        if fs::metadata(&args.proof).is_ok_and(|metadata| metadata.is_file()) {
            drop(fs::remove_file(&args.proof));
        }
        return Err(error).with_context(|| format!("cannot write {}", args.proof.display()));
    }
    let (name, file, root) = (records::name(&key), args.proof.display(), last.root());
    writeln!(out, "proved     {name}, after block {}", proof.height())?;
    writeln!(out, "written    {} bytes to {file}", bytes.len())?;
    writeln!(out, "check it   novation verify {file} --root {root}")?;
    Ok(())
}
