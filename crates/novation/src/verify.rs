//! Checks a proof file against a state root and says what it proves.
//!
//! **Invariant:** nothing is said to be proved that the root does not commit to; and where the root came from the file
//! itself, that is said too.

use crate::Verdict;
use crate::cli::VerifyArgs;
use anyhow::{Result, bail};
use client::{read_list, read_proof};
use light::{Answer, Trust};
use machine::StateKey;
use protocol::codec;
use std::io::Write;
use std::path::Path;
use store::{Claim, KEY_BYTES_MAX, Proof, StateRoot, Verified};

/// Verifies a proof and prints what it shows, or why it is refused.
pub(crate) fn run(args: &VerifyArgs, out: &mut dyn Write) -> Result<Verdict> {
    let bytes = read_proof(&args.file)?;
    if let Some(trust) = &args.trust {
        return answered(&bytes, trust, out);
    }
    if light::is_answer(&bytes) {
        bail!(
            "{} is a validator's answer: give the list of validators with --trust",
            args.file.display()
        );
    }
    let proof = Proof::decode(&bytes);
    let root =
        |proof: &Proof| args.root.map_or(proof.root(), |root| StateRoot::from_bytes(*root.bytes()));
    let verified = match proof.and_then(|proof| proof.verify(root(&proof))) {
        Ok(verified) => verified,
        Err(error) => {
            writeln!(out, "refused    {error}")?;
            return Ok(Verdict::Differs);
        }
    };
    let Ok(key) = codec::decode::<StateKey>(&verified.key, KEY_BYTES_MAX) else {
        writeln!(out, "refused    the proof holds, but its key is none of this program's version")?;
        return Ok(Verdict::Differs);
    };
    let source = match args.root {
        Some(_) => "as given",
        None => "named by the file itself: compare it with a header you trust, or give --root",
    };
    writeln!(out, "root       0x{} ({source})", verified.root)?;
    writeln!(out, "after      block {}", verified.height)?;
    show(&key, &verified, out)
}

/// Verifies an answer down to the signatures of trusted validators; one line either way.
fn answered(bytes: &[u8], trust: &Path, out: &mut dyn Write) -> Result<Verdict> {
    told(bytes, &read_list(trust)?, out)
}

/// Verifies an answer with a list of validators; one line either way.
pub(crate) fn told(bytes: &[u8], trust: &Trust, out: &mut dyn Write) -> Result<Verdict> {
    let answer = match Answer::decode(bytes) {
        Ok(answer) => answer,
        Err(error) => {
            writeln!(out, "refused    {error}")?;
            return Ok(Verdict::Differs);
        }
    };
    let shown = match answer.verify(trust) {
        Ok(shown) => shown,
        Err(error) => {
            // No accident: the check over all of its bytes holds.
            writeln!(out, "refused    the answer is whole and does not hold: {error}")?;
            return Ok(Verdict::Differs);
        }
    };
    match client::told(&shown, &trust.anchor.chain) {
        Ok(what) => {
            writeln!(out, "proved     {what}")?;
            Ok(Verdict::Holds)
        }
        Err(why) => {
            writeln!(out, "refused    the proof holds, but {why}")?;
            Ok(Verdict::Differs)
        }
    }
}

fn show(key: &StateKey, verified: &Verified, out: &mut dyn Write) -> Result<Verdict> {
    let name = records::name(key);
    match &verified.claim {
        Claim::Absent => writeln!(out, "proved     {}", records::absent(key))?,
        Claim::Present(record) => {
            let lines = match records::lines(key, record) {
                Ok(lines) => lines,
                Err(error) => {
                    writeln!(
                        out,
                        "refused    the proof holds, but its record cannot be read: {error}"
                    )?;
                    return Ok(Verdict::Differs);
                }
            };
            writeln!(out, "proved     {name}:")?;
            let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
            for (name, value) in lines {
                writeln!(out, "  {name:width$}  {value}")?;
            }
        }
    }
    Ok(Verdict::Holds)
}
