//! Writes the proof of a record, for somebody who has nothing but a state root.

use crate::cli::ProveArgs;
use crate::records;
use anyhow::{Context, Result, bail};
use house::{House, Reopened};
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use store::{Proof, StoreOptions};

/// Opens the house, proves the record and writes the file.
pub(crate) fn run(args: &ProveArgs, out: &mut dyn Write) -> Result<()> {
    refuse_other_files(&args.proof)?;
    let Reopened { mut house, skipped, .. } = House::reopen(&args.dir, StoreOptions::default())?;
    for skipped in &skipped {
        // Standard error may be closed; the proof does not depend on it.
        drop(writeln!(
            io::stderr(),
            "note: snapshot {} was passed over: {}",
            skipped.height,
            skipped.reason
        ));
    }
    let key = records::key(args.kind, &args.names, &records::underlyings(house.machine().state()))?;
    let proof = house.prove(&key)?;
    let bytes = proof.encode();
    if let Err(error) = fs::write(&args.proof, &bytes) {
        // Half a proof is worth nothing; if it cannot be removed, `verify` refuses it. A device stays.
        if fs::metadata(&args.proof).is_ok_and(|metadata| metadata.is_file()) {
            drop(fs::remove_file(&args.proof));
        }
        return Err(error).with_context(|| format!("cannot write {}", args.proof.display()));
    }
    let (name, file, root) = (records::name(&key), args.proof.display(), house.root());
    writeln!(out, "proved     {name}, after block {}", proof.height())?;
    writeln!(out, "written    {} bytes to {file}", bytes.len())?;
    writeln!(out, "check it   novation verify {file} --root {root}")?;
    Ok(())
}

/// Refuses to replace a file that is not a proof.
pub(crate) fn refuse_other_files(path: &Path) -> Result<()> {
    let Ok(metadata) = fs::metadata(path) else { return Ok(()) };
    if metadata.is_dir() {
        bail!("{} is a directory: name a file with --proof", path.display());
    }
    let small = metadata.len() <= u64::try_from(light::ANSWER_BYTES_MAX).unwrap_or(u64::MAX);
    let is_proof = metadata.is_file()
        && small
        && fs::read(path)
            .is_ok_and(|bytes| Proof::decode(&bytes).is_ok() || light::is_answer(&bytes));
    match is_proof || !metadata.is_file() {
        true => Ok(()),
        false => bail!(
            "{} exists and is not a proof: choose another --proof, or remove it",
            path.display()
        ),
    }
}
