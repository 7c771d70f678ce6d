//! The methods of the JSON-RPC interface.

use crate::history;
use crate::metrics::mode_text;
use crate::request::Params;
use access::{BadSignature, Invalid};
use machine::StateKey;
use protocol::codec::{self, EncodeError};
use protocol::{Hash, InstrumentId, OrderId, ValidatorId, Vote, decode_hex, encode_hex, limits};
use replica::{Answer, AnswerFailure, Node, Oracle, Rejected, Source, Status, SubmitFailure};
use serde_json::{Value, json};
use std::future::Future;
use std::time::Duration;

/// Longest wait for a block, or for the block that certifies an answer.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// Longest encoded key of a record.
const KEY_BYTES_MAX: usize = 256;
/// Most blocks in one answer, and the bytes after which no further one is added.
const BLOCKS_MAX: usize = 256;
const BLOCKS_BYTES_MAX: usize = 1 << 20;

/// A refusal as JSON-RPC says it.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) code: i32,
    pub(crate) message: String,
}

pub(crate) fn invalid(message: impl Into<String>) -> Refused {
    Refused { code: -32_602, message: message.into() }
}

pub(crate) fn failed(message: impl ToString) -> Refused {
    Refused { code: -32_000, message: message.to_string() }
}

impl From<EncodeError> for Refused {
    fn from(error: EncodeError) -> Self {
        failed(error)
    }
}

/// Through which door a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// The port for clients.
    Clients,
    /// The socket of whoever runs the validator.
    Operator,
}

/// Returns what a method costs of the work that an address may ask for in a second.
pub(crate) fn cost(method: &str, params: &Params) -> u32 {
    match method {
        "greeks" => 1_000,
        "order" | "fill" | "receipt" => 400,
        "answer" | "evidence" | "steps" | "tree" | "genesis" => 40,
        // By what they send: 2 KiB of the disk for each.
        "snapshot" | "chunk" => 128,
        "blocks" => u32::try_from(params.count.unwrap_or(1)).unwrap_or(u32::MAX).clamp(1, 40),
        "header" => 10,
        "submit" => {
            let count = params.submissions.as_ref().map_or(0, |given| given.0.len());
            u32::try_from(count / 4).unwrap_or(u32::MAX).clamp(1, 2_000)
        }
        _ => 1,
    }
}

/// Answers a method.
pub(crate) async fn call(
    node: &Node,
    door: Door,
    source: Source,
    method: &str,
    params: &Params,
) -> Result<Value, Refused> {
    match method {
        "status" => Ok(status(node.network_id(), &node.status())),
        "submit" => submit(node, source, params),
        "feed" if door == Door::Operator => feed(node, params),
        "feed" => Err(Refused {
            code: -32_601,
            message: "reports of prices are taken at the operator's socket alone".to_owned(),
        }),
        "follow" => follow(node, params).await,
        "blocks" => blocks(node, params).await,
        "header" => header(node, params).await,
        "answer" => answer(node, params).await,
        "order" => order(node, params).await,
        "fill" => fill(node, params).await,
        "receipt" => receipt(node, params).await,
        "greeks" => greeks(node, params).await,
        "evidence" => history::evidence(node, params).await,
        "steps" => history::steps(node, params),
        "genesis" => history::genesis(node).await,
        "snapshot" => history::snapshot(node).await,
        "chunk" => history::chunk(node, params).await,
        "tree" => history::tree(node, params).await,
        "anchor" => Ok(json!({ "anchor": node.anchor().text() })),
        _ => Err(Refused {
            code: -32_601,
            message: format!(
                "no method '{method}': there are status, submit, follow, blocks, header, answer, order, fill, \
                 receipt, greeks, anchor, evidence, steps, genesis, snapshot, chunk, tree"
            ),
        }),
    }
}

fn status(network: &str, status: &Status) -> Value {
    let header = status.header.as_ref();
    json!({
        "network": network,
        "validator": status.validator.map(ValidatorId::get),
        "epoch": status.epoch,
        "seated": status.seated,
        "unreached": status.unreached.iter().map(|id| id.get()).collect::<Vec<_>>(),
        "heard": status.heard.iter().map(|id| id.get()).collect::<Vec<_>>(),
        "validators_needed": status.quorum.0,
        "since_block_ms": u64::try_from(status.since_block.as_millis()).unwrap_or(u64::MAX),
        "oracles": status.oracles.iter().map(oracle).collect::<Value>(),
        "height": header.map(|header| u64::try_from(header.height.blocks()).unwrap_or(0)),
        "time": header.map(|header| i64::try_from(header.time.millis()).unwrap_or(i64::MAX)),
        "state_root": header.map(|header| header.state_root.to_string()),
        "finalised": status.finalised,
        "waiting": status.waiting,
        "waiting_bytes": status.waiting_bytes,
        "halted": status.halted.as_ref().map(ToString::to_string),
        "signing_stopped": status.signing_stopped,
        "round": status.activities.round,
        "view": status.activities.round & u64::from(u32::MAX),
        "views_finalised": status.activities.finalised,
        "views_skipped": status.activities.skipped,
        "contradictions": status.activities.contradictions,
    })
}

fn oracle(oracle: &Oracle) -> Value {
    json!({
        "underlying": oracle.underlying.get(),
        "name": oracle.name,
        "mode": mode_text(oracle.mode),
        "age_ms": oracle.age.map(|age| i64::try_from(age.millis()).unwrap_or(i64::MAX)),
    })
}

pub(crate) fn number(value: Option<u64>, name: &str) -> Result<u64, Refused> {
    value.ok_or_else(|| invalid(format!("'{name}' is a whole number")))
}

pub(crate) fn bytes(text: Option<&str>, name: &str) -> Result<Vec<u8>, Refused> {
    let text = text.ok_or_else(|| invalid(format!("'{name}' is bytes in a string")))?;
    decode_hex(text).map_err(|error| invalid(format!("'{name}': {error}")))
}

/// Takes submissions one by one; each gets its name or the reason why not.
fn submit(node: &Node, source: Source, params: &Params) -> Result<Value, Refused> {
    let given = params
        .submissions
        .as_ref()
        .ok_or_else(|| invalid("'submissions' is a list of bytes in strings"))?;
    let submissions = given.0.iter().map(|held| bytes(Some(held), "submissions"));
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

fn feed(node: &Node, params: &Params) -> Result<Value, Refused> {
    let height = number(params.height, "height")?;
    let vote: Vote =
        codec::decode(&bytes(params.vote.as_deref(), "vote")?, limits::BLOCK_BYTES_MAX)
            .map_err(|error| invalid(format!("'vote': {error}")))?;
    let signature = bytes(params.signature.as_deref(), "signature")?;
    let signature = <[u8; 64]>::try_from(signature)
        .map_err(|_| invalid("'signature': an Ed25519 signature has 64 bytes"))?;
    node.feed(height, vote, &signature).map_err(failed)?;
    Ok(json!(true))
}

/// Waits until a block has been executed, for as long as a request may last.
async fn follow(node: &Node, params: &Params) -> Result<Value, Refused> {
    let height = number(params.height, "height")?;
    // Whether it came in time, the answer says.
    drop(tokio::time::timeout(WAIT_MAX, node.reached(height)).await);
    Ok(json!({ "height": node.height() }))
}

/// Returns blocks from a height on, with the headers of their outcomes; one, unless more are asked for.
async fn blocks(node: &Node, params: &Params) -> Result<Value, Refused> {
    let height = number(params.height, "height")?;
    let count = usize::try_from(params.count.unwrap_or(1)).unwrap_or(BLOCKS_MAX);
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

async fn header(node: &Node, params: &Params) -> Result<Value, Refused> {
    let height = number(params.height, "height")?;
    let Some(certified) = node.certified(height).await else {
        return Err(failed(format!("block {height} has no certificate here yet: ask again")));
    };
    let orders = certified.orders.iter().map(|order| Ok(encode_hex(&codec::encode(order)?)));
    Ok(json!({
        "orders": orders.collect::<Result<Vec<_>, EncodeError>>()?,
        "certificate": encode_hex(&certified.certificate),
    }))
}

/// Returns the epoch of the list of validators that an answer is for: without one, the network's first.
fn since(params: &Params) -> u64 {
    params.epoch.unwrap_or(0)
}

async fn answer(node: &Node, params: &Params) -> Result<Value, Refused> {
    let key: StateKey = codec::decode(&bytes(params.key.as_deref(), "key")?, KEY_BYTES_MAX)
        .map_err(|error| invalid(format!("'key': {error}")))?;
    certified(node.answer(since(params), &key)).await
}

/// Answers where an order stands.
async fn order(node: &Node, params: &Params) -> Result<Value, Refused> {
    let market = number(params.market, "market")?;
    let market =
        u32::try_from(market).map_err(|_| invalid("'market' is the number of a market"))?;
    let order = OrderId::new(number(params.order, "order")?);
    certified(node.order(since(params), InstrumentId::new(market), order)).await
}

/// Answers how the value of an account's positions moves.
async fn greeks(node: &Node, params: &Params) -> Result<Value, Refused> {
    let account = params.account.as_deref().ok_or_else(|| invalid("'account' is 0x…/<sub>"))?;
    let account = account.parse().map_err(|error| invalid(format!("'account': {error}")))?;
    certified(node.greeks(since(params), account)).await
}

/// Answers what happened to an order in a block.
async fn fill(node: &Node, params: &Params) -> Result<Value, Refused> {
    let height = number(params.height, "height")?;
    let order = OrderId::new(number(params.order, "order")?);
    certified(node.happened(since(params), height, order)).await
}

/// Answers what became of a submission: by its name, or by its block and its place there.
async fn receipt(node: &Node, params: &Params) -> Result<Value, Refused> {
    let epoch = since(params);
    if params.name.is_some() {
        let name = bytes(params.name.as_deref(), "name")?;
        let name = name.try_into().map_err(|_| invalid("'name': a submission's has 32 bytes"))?;
        return certified(node.receipt(epoch, Hash::new(name))).await;
    }
    let height = number(params.height, "height")?;
    let place = u32::try_from(number(params.index, "index")?).unwrap_or(u32::MAX);
    certified(node.receipt_at(epoch, height, place)).await
}

/// Waits for an answer, for as long as a request may last.
async fn certified(
    answer: impl Future<Output = Result<Answer, AnswerFailure>>,
) -> Result<Value, Refused> {
    let answer = tokio::time::timeout(WAIT_MAX, answer)
        .await
        .map_err(|_| failed("no block has certified the answer in time: is the network running?"))?
        .map_err(failed)?;
    let bytes = answer.encode().map_err(failed)?;
    Ok(json!({ "answer": encode_hex(&bytes) }))
}
