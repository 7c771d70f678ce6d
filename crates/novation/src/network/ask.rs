//! Asks a validator for a record, an order or a fill with all that proves it.

use super::names;
use super::rpc::Client;
use crate::Verdict;
use crate::cli::AskArgs;
use crate::prove::refuse_other_files;
use crate::verify;
use anyhow::{Context, Result, bail};
use light::Answer;
use protocol::{AccountId, codec, decode_hex, encode_hex};
use records::{Kind, Underlyings};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;

/// Asks, and writes the answer as it came, for `verify` to judge; or judges it at once, where no file is named.
pub(crate) fn run(args: &AskArgs, out: &mut dyn Write) -> Result<Verdict> {
    if let Some(proof) = &args.proof {
        refuse_other_files(proof)?;
    }
    let trust = args.trust.as_deref().map(verify::list).transpose()?;
    if let Some(list) = &args.list
        && fs::metadata(list).is_ok()
        && verify::list(list).is_err()
    {
        bail!("{} exists and is no list of validators: choose another --list", list.display());
    }
    let mut client = Client::new(args.node);
    let listed = match named_underlying(args) {
        Some(name) => names::underlyings(&mut client, trust.as_ref(), name)?,
        None => Underlyings::new(),
    };
    let Question { method, mut params, about } = question(args, &listed)?;
    params["epoch"] = json!(trust.as_ref().map_or(0, |trust| trust.epoch));
    let answer = client.call(method, &params)?;
    let text = answer["answer"].as_str().context("the validator sent no answer")?;
    let bytes = decode_hex(text)?;
    let mut verdict = Verdict::Holds;
    if let Some(proof) = &args.proof {
        let file = proof.display();
        fs::write(proof, &bytes).with_context(|| format!("cannot write {file}"))?;
        writeln!(out, "answered   {about}")?;
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

/// What to call, and what it is about in words.
struct Question {
    method: &'static str,
    params: Value,
    about: String,
}

/// Returns the underlying that the record is one of, unless it is named by its number.
fn named_underlying(args: &AskArgs) -> Option<&str> {
    let place = match (args.kind, args.names.as_slice()) {
        (Kind::Underlying | Kind::Thresholds | Kind::Liquidity, [place])
        | (Kind::Parameter, [_, place]) => place,
        (Kind::House, [holder, place, ..]) if holder == "insurance" => place,
        _ => return None,
    };
    place.parse::<u16>().is_err().then_some(place.as_str())
}

fn question(args: &AskArgs, listed: &Underlyings) -> Result<Question> {
    let names: Vec<&str> = args.names.iter().map(String::as_str).collect();
    Ok(match (args.kind, names.as_slice()) {
        (Kind::Order, [market, order]) => {
            let (market, order) = (records::market_of(market)?, number(order, "an order")?);
            Question {
                method: "order",
                params: json!({ "market": market.get(), "order": order }),
                about: format!("order {order} in market {market}"),
            }
        }
        (Kind::Fill, [block, order]) => {
            let (block, order) = (number(block, "a block")?, number(order, "an order")?);
            Question {
                method: "fill",
                params: json!({ "height": block, "order": order }),
                about: format!("what happened to order {order} in block {block}"),
            }
        }
        (Kind::Greeks, [account]) => Question {
            method: "greeks",
            params: json!({ "account": account }),
            about: format!("the Greeks of account {}", account.parse::<AccountId>()?),
        },
        (Kind::Receipt, [name]) => Question {
            method: "receipt",
            params: json!({ "name": name }),
            about: format!("what became of submission {name}"),
        },
        (Kind::Receipt, [block, place]) => {
            let (block, place) = (number(block, "a block")?, number(place, "a submission")?);
            Question {
                method: "receipt",
                params: json!({ "height": block, "index": place }),
                about: format!("what became of submission {place} of block {block}"),
            }
        }
        (Kind::Receipt, _) => {
            bail!("name a submission as `submit` did, or a block and a place in it: receipt 120 0")
        }
        (Kind::Greeks, _) => bail!("name one account: greeks 0x<40 hex digits>/<sub>"),
        (Kind::Order, _) => {
            bail!("name a market and an order by their numbers: order 10000 4711")
        }
        (Kind::Fill, _) => bail!("name a block and an order by their numbers: fill 120 4711"),
        (kind, _) => {
            let key = records::key(kind, &args.names, listed)?;
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
