//! An audit as one object of JSON, for programs: docs/audit.md has its fields.

use super::difference::Difference;
use super::{Audited, halted};
use anyhow::Result;
use archive::Archive;
use protocol::Header;
use serde_json::{Value, json};
use std::io::Write;
use units::utc_text;

/// Returns an audit that found no difference.
pub(super) fn holds(archive: &Archive, audited: &Audited) -> Result<Value> {
    let auditor = &audited.auditor;
    let begun = u64::try_from(audited.begun.height.blocks())?;
    Ok(json!({
        "verdict": "holds",
        "chain": archive.genesis.chain,
        "genesis": archive.hash.to_string(),
        "from": block(&audited.begun),
        "to": block(&auditor.last),
        "blocks": auditor.height.saturating_sub(begun),
        "state_root": auditor.last.state_root.to_string(),
        "snapshots": auditor.verified,
        "files": audited.files,
        "happened": auditor.happened,
        "halted": halted(auditor.machine.state()),
        "warning": audited.tail.as_ref().map(ToString::to_string),
    }))
}

/// Returns the first difference.
pub(super) fn differs(difference: &Difference) -> Value {
    json!({
        "verdict": "differs",
        "height": difference.height,
        "field": difference.field,
        "on_disk": difference.log,
        "replay": difference.replay,
        "cause": difference.cause,
        "details": difference.details,
    })
}

/// Returns why the answers of a node do not hold.
pub(super) fn refused(error: &anyhow::Error) -> Value {
    json!({ "verdict": "refused", "cause": format!("{error:#}") })
}

/// Returns a block by its height and time.
pub(super) fn block(header: &Header) -> Value {
    let height = u64::try_from(header.height.blocks()).ok();
    json!({ "height": height, "time": utc_text(header.time) })
}

/// Prints an object.
pub(super) fn print(value: &Value, out: &mut dyn Write) -> Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)?;
    Ok(())
}
