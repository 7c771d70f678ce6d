//! Checks a proof file against a state root and says what it proves.
//!
//! **Invariant:** nothing is said to be proved that the root does not commit to; and where the root came from the file
//! itself, that is said too.

use crate::Verdict;
use crate::cli::VerifyArgs;
use anyhow::{Context, Result, bail};
use light::{ANSWER_BYTES_MAX, Answer, Finding, Trust};
use machine::StateKey;
use protocol::codec;
use std::fs::File;
use std::io::{Read as _, Write};
use std::path::Path;
use store::{Claim, KEY_BYTES_MAX, Proof, StateRoot, Verified};
use units::utc_text;

/// Verifies a proof and prints what it shows, or why it is refused.
pub(crate) fn run(args: &VerifyArgs, out: &mut dyn Write) -> Result<Verdict> {
    let bytes = read(&args.file)?;
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
    told(bytes, &list(trust)?, out)
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
    let (what, when) = match &shown.finding {
        Finding::Record { key, claim } => match record(key, claim) {
            Ok(what) => (what, "after"),
            Err(why) => {
                writeln!(out, "refused    the proof holds, but {why}")?;
                return Ok(Verdict::Differs);
            }
        },
        Finding::Order { market, order, standing: None } => {
            (format!("order {order} does not stand in market {market}"), "after")
        }
        Finding::Order { market, order, standing: Some(open) } => {
            let standing = records::standing(open);
            (format!("order {order} stands in market {market}: {standing}"), "after")
        }
        Finding::Happened { order, events } => (records::happened(*order, events), "in"),
        Finding::Receipt { grant, first: _, answered } => {
            (records::answered(grant, answered), "in")
        }
        Finding::Greeks { account, greeks } => (records::greeks_text(*account, greeks), "after"),
    };
    let (height, time) = (shown.height, utc_text(shown.time));
    writeln!(
        out,
        "proved     {what}; {when} block {height} of {} at {time}, finalised by the validators of epoch {} with block {}",
        trust.anchor.chain, shown.epoch, shown.finalised
    )?;
    Ok(Verdict::Holds)
}

/// Reads a list of validators.
pub(crate) fn list(path: &Path) -> Result<Trust> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Trust::parse(&text).with_context(|| format!("{} is of no use", path.display()))
}

/// Returns what a claim says of a record, or why it cannot be read.
fn record(key: &[u8], claim: &Claim) -> Result<String, String> {
    let Ok(key) = codec::decode::<StateKey>(key, KEY_BYTES_MAX) else {
        return Err("its key is none of this program's version".into());
    };
    let name = records::name(&key);
    match claim {
        Claim::Absent => Ok(records::absent(&key)),
        Claim::Present(record) => {
            let lines = records::lines(&key, record)
                .map_err(|error| format!("its record cannot be read: {error}"))?;
            let lines: Vec<_> =
                lines.iter().map(|(name, value)| format!("{name} {value}")).collect();
            Ok(format!("{name}: {}", lines.join(", ")))
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

/// Reads a file no longer than a proof can be.
fn read(path: &Path) -> Result<Vec<u8>> {
    let cannot = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(cannot)?;
    let longest = u64::try_from(ANSWER_BYTES_MAX).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    file.take(longest.saturating_add(1)).read_to_end(&mut bytes).with_context(cannot)?;
    if bytes.len() > ANSWER_BYTES_MAX {
        bail!("{} is longer than any proof", path.display());
    }
    Ok(bytes)
}
