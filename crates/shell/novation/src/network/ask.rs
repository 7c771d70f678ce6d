//! Asks a validator for a record with all that proves it.

use super::rpc::Client;
use crate::cli::AskArgs;
use crate::prove::refuse_other_files;
use crate::records;
use anyhow::{Context, Result};
use gateway::{decode_hex, encode_hex};
use protocol::codec;
use serde_json::json;
use std::fs;
use std::io::Write;

/// Asks, and writes the answer as it came: it is for `verify` to judge.
pub(crate) fn run(args: &AskArgs, out: &mut dyn Write) -> Result<()> {
    refuse_other_files(&args.proof)?;
    let key = records::key(args.kind, &args.names, &[])?;
    let params = json!({ "key": encode_hex(&codec::encode(&key)?) });
    let answer = Client::new(args.node).call("answer", &params)?;
    let text = answer["answer"].as_str().context("the validator sent no answer")?;
    let bytes = decode_hex(text)?;
    fs::write(&args.proof, &bytes)
        .with_context(|| format!("cannot write {}", args.proof.display()))?;
    let file = args.proof.display();
    writeln!(out, "answered   {}", records::name(&key))?;
    writeln!(out, "written    {} bytes to {file}", bytes.len())?;
    writeln!(out, "check it   novation verify {file} --trust network.toml")?;
    Ok(())
}
