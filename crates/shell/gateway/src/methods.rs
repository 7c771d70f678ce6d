//! The methods of the JSON-RPC interface.

use crate::hex::{decode_hex, encode_hex};
use access::{BadSignature, Invalid};
use machine::StateKey;
use protocol::codec::{self, EncodeError};
use protocol::{Vote, limits};
use replica::{Node, Rejected, Source, Status, SubmitFailure};
use serde_json::{Value, json};
use std::time::Duration;

/// Longest wait for a block, or for the block that certifies an answer.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// Longest encoded key of a record.
const KEY_BYTES_MAX: usize = 256;
/// Most blocks in one answer, and the bytes after which no further one is added.
const BLOCKS_MAX: usize = 256;
const BLOCKS_BYTES_MAX: usize = 4 << 20;
/// Most submissions in one request.
const SUBMISSIONS_MAX: usize = 10_000;

/// A refusal as JSON-RPC says it.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) code: i32,
    pub(crate) message: String,
}

fn invalid(message: impl Into<String>) -> Refused {
    Refused { code: -32_602, message: message.into() }
}

fn failed(message: impl ToString) -> Refused {
    Refused { code: -32_000, message: message.to_string() }
}

impl From<EncodeError> for Refused {
    fn from(error: EncodeError) -> Self {
        failed(error)
    }
}

/// Answers a method.
pub(crate) async fn call(
    node: &Node,
    source: Source,
    method: &str,
    params: &Value,
) -> Result<Value, Refused> {
    match method {
        "status" => Ok(status(node.network_id(), &node.status())),
        "submit" => submit(node, source, params),
        "feed" => feed(node, params),
        "follow" => follow(node, params).await,
        "blocks" => blocks(node, params).await,
        "header" => header(node, params).await,
        "answer" => answer(node, params).await,
        "anchor" => Ok(json!({ "anchor": node.anchor().text() })),
        _ => Err(Refused {
            code: -32_601,
            message: format!(
                "no method '{method}': there are status, submit, feed, follow, blocks, header, answer, anchor"
            ),
        }),
    }
}

fn status(network: &str, status: &Status) -> Value {
    let header = status.header.as_ref();
    json!({
        "network": network,
        "validator": status.validator.get(),
        "height": header.map(|header| header.height.blocks().to_string()),
        "time": header.map(|header| header.time.millis().to_string()),
        "state_root": header.map(|header| header.state_root.to_string()),
        "finalised": status.finalised,
        "waiting": status.waiting,
        "waiting_bytes": status.waiting_bytes,
        "halted": status.halted.as_ref().map(ToString::to_string),
        "signing_stopped": status.signing_stopped,
        "view": status.activities.view,
        "views_finalised": status.activities.finalised,
        "views_skipped": status.activities.skipped,
        "contradictions": status.activities.contradictions,
    })
}

fn number(params: &Value, name: &str) -> Result<u64, Refused> {
    params[name].as_u64().ok_or_else(|| invalid(format!("'{name}' is a whole number")))
}

fn bytes(value: &Value, name: &str) -> Result<Vec<u8>, Refused> {
    let text = value.as_str().ok_or_else(|| invalid(format!("'{name}' is bytes in a string")))?;
    decode_hex(text).map_err(|error| invalid(format!("'{name}': {error}")))
}

/// Takes submissions one by one; each gets its name or the reason why not.
fn submit(node: &Node, source: Source, params: &Value) -> Result<Value, Refused> {
    let given = params["submissions"]
        .as_array()
        .ok_or_else(|| invalid("'submissions' is a list of bytes in strings"))?;
    if given.len() > SUBMISSIONS_MAX {
        return Err(invalid(format!("at most {SUBMISSIONS_MAX} submissions in one request")));
    }
    let submissions = given.iter().map(|held| bytes(held, "submissions"));
    let submissions = submissions.collect::<Result<Vec<_>, _>>()?;
    let answers = node.submit_from(source, submissions);
    let told = answers.iter().map(|answer| match answer {
        Ok(name) => json!({ "name": name.to_string() }),
        Err(error) => not_taken(error),
    });
    Ok(told.collect())
}

/// Says why a submission is not taken; of a bad signature, all that a client needs to find out what it signed.
///
/// spec 0027-ACC-009.
fn not_taken(error: &SubmitFailure) -> Value {
    let mut told = json!({ "refused": error.to_string() });
    let SubmitFailure::Rejected(Rejected::Invalid(Invalid::Signature(bad))) = error else {
        return told;
    };
    told["signature"] = match bad.as_ref() {
        BadSignature::Owner { owner, recovered, domain, structure, digest, kind } => json!({
            "owner": owner.to_string(),
            "recovered": recovered.map(|address| address.to_string()),
            "digest": digest.to_string(),
            "domain_separator": domain.to_string(),
            "struct_hash": structure.to_string(),
            "type": kind,
        }),
        BadSignature::Session { key, digest } => json!({
            "session_key": key.to_string(),
            "digest": digest.to_string(),
        }),
    };
    told
}

fn feed(node: &Node, params: &Value) -> Result<Value, Refused> {
    let height = number(params, "height")?;
    let vote: Vote = codec::decode(&bytes(&params["vote"], "vote")?, limits::BLOCK_BYTES_MAX)
        .map_err(|error| invalid(format!("'vote': {error}")))?;
    node.feed(height, vote).map_err(failed)?;
    Ok(json!(true))
}

/// Waits until a block has been executed, for as long as a request may last.
async fn follow(node: &Node, params: &Value) -> Result<Value, Refused> {
    let height = number(params, "height")?;
    // Whether it came in time, the answer says.
    drop(tokio::time::timeout(WAIT_MAX, node.reached(height)).await);
    Ok(json!({ "height": node.height() }))
}

/// Returns blocks from a height on, with the headers of their outcomes; one, unless more are asked for.
async fn blocks(node: &Node, params: &Value) -> Result<Value, Refused> {
    let height = number(params, "height")?;
    let count = match params["count"] {
        Value::Null => 1,
        _ => usize::try_from(number(params, "count")?).unwrap_or(BLOCKS_MAX),
    };
    let reader = node.clone();
    let read = tokio::task::spawn_blocking(move || {
        reader.blocks(height, count.min(BLOCKS_MAX), BLOCKS_BYTES_MAX)
    });
    let read = read.await.map_err(failed)?.map_err(failed)?;
    if read.is_empty() {
        let newest = node.height();
        return Err(failed(format!("there is no block {height} here: the newest is {newest}")));
    }
    let told = read.iter().map(|(header, block)| {
        Ok(json!({
            "header": encode_hex(&codec::encode(header)?),
            "block": encode_hex(&codec::encode(block)?),
        }))
    });
    Ok(Value::Array(told.collect::<Result<Vec<_>, EncodeError>>()?))
}

async fn header(node: &Node, params: &Value) -> Result<Value, Refused> {
    let height = number(params, "height")?;
    let Some(certified) = node.certified(height).await else {
        return Err(failed(format!("block {height} has no certificate here yet: ask again")));
    };
    let orders = certified.orders.iter().map(|order| Ok(encode_hex(&codec::encode(order)?)));
    Ok(json!({
        "orders": orders.collect::<Result<Vec<_>, EncodeError>>()?,
        "certificate": encode_hex(&certified.certificate),
    }))
}

async fn answer(node: &Node, params: &Value) -> Result<Value, Refused> {
    let key: StateKey = codec::decode(&bytes(&params["key"], "key")?, KEY_BYTES_MAX)
        .map_err(|error| invalid(format!("'key': {error}")))?;
    let answer = tokio::time::timeout(WAIT_MAX, node.answer(&key))
        .await
        .map_err(|_| failed("no block has certified the answer in time: is the network running?"))?
        .map_err(failed)?;
    let bytes = answer.encode().map_err(failed)?;
    Ok(json!({ "answer": encode_hex(&bytes) }))
}
