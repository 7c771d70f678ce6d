//! Asks a validator for a record, an order or a fill with all that proves it.

use super::rpc::Client;
use crate::cli::{AskArgs, RecordKind};
use crate::prove::refuse_other_files;
use crate::records;
use anyhow::{Context, Result, bail};
use gateway::{decode_hex, encode_hex};
use protocol::codec;
use serde_json::{Value, json};
use std::fs;
use std::io::Write;

/// Asks, and writes the answer as it came: it is for `verify` to judge.
pub(crate) fn run(args: &AskArgs, out: &mut dyn Write) -> Result<()> {
    refuse_other_files(&args.proof)?;
    let Question { method, params, about } = question(args)?;
    let answer = Client::new(args.node).call(method, &params)?;
    let text = answer["answer"].as_str().context("the validator sent no answer")?;
    let bytes = decode_hex(text)?;
    fs::write(&args.proof, &bytes)
        .with_context(|| format!("cannot write {}", args.proof.display()))?;
    let file = args.proof.display();
    writeln!(out, "answered   {about}")?;
    writeln!(out, "written    {} bytes to {file}", bytes.len())?;
    writeln!(out, "check it   novation verify {file} --trust network.toml")?;
    Ok(())
}

/// What to call, and what it is about in words.
struct Question {
    method: &'static str,
    params: Value,
    about: String,
}

fn question(args: &AskArgs) -> Result<Question> {
    let names: Vec<&str> = args.names.iter().map(String::as_str).collect();
    Ok(match (args.kind, names.as_slice()) {
        (RecordKind::Order, [market, order]) => {
            let (market, order) = (records::market_of(market)?, number(order, "an order")?);
            Question {
                method: "order",
                params: json!({ "market": market.get(), "order": order }),
                about: format!("order {order} in market {market}"),
            }
        }
        (RecordKind::Fill, [block, order]) => {
            let (block, order) = (number(block, "a block")?, number(order, "an order")?);
            Question {
                method: "fill",
                params: json!({ "height": block, "order": order }),
                about: format!("what happened to order {order} in block {block}"),
            }
        }
        (RecordKind::Order, _) => {
            bail!("name a market and an order by their numbers: order 1 4711")
        }
        (RecordKind::Fill, _) => bail!("name a block and an order by their numbers: fill 120 4711"),
        (kind, _) => {
            let key = records::key(kind, &args.names, &[])?;
            Question {
                method: "answer",
                params: json!({ "key": encode_hex(&codec::encode(&key)?) }),
                about: records::name(&key),
            }
        }
    })
}

fn number(text: &str, what: &str) -> Result<u64> {
    text.parse().with_context(|| format!("'{text}' is not the number of {what}"))
}
