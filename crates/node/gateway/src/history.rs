//! The methods by which somebody who has nothing but the list of validators takes over the whole history, or the newest
//! state (state sync): all that is told is checked against headers, and headers against signatures.

use crate::methods::{Refused, bytes, failed, number};
use crate::request::Params;
use protocol::{codec, encode_hex};
use replica::Node;
use serde_json::{Value, json};

/// Most steps in one answer, and the bytes after which no further one is added.
const STEPS_MAX: usize = 64;
const STEPS_BYTES_MAX: usize = 1 << 20;

/// Reads the disk on a thread for that.
async fn read<T: Send + 'static>(
    node: &Node,
    reader: impl FnOnce(Node) -> Result<T, String> + Send + 'static,
) -> Result<T, Refused> {
    let node = node.clone();
    let read = tokio::task::spawn_blocking(move || reader(node));
    read.await.map_err(failed)?.map_err(failed)
}

/// Returns the header of a block with all that shows it to be final.
pub(crate) async fn evidence(node: &Node, params: &Params) -> Result<Value, Refused> {
    let height = number(params.height, "height")?;
    let Some(evidence) = node.evidence(height).await.map_err(failed)? else {
        return Err(failed(format!(
            "no certified block names the outcome of block {height} here: it is too new or too old"
        )));
    };
    Ok(json!({ "evidence": encode_hex(&evidence.encode()?) }))
}

/// Returns steps from the committee of an epoch on, as many as fit.
pub(crate) fn steps(node: &Node, params: &Params) -> Result<Value, Refused> {
    let epoch = number(params.epoch, "epoch")?;
    let (mut told, mut bytes) = (Vec::new(), 0);
    for step in node.steps(epoch, STEPS_MAX) {
        let encoded = step.encode()?;
        bytes += encoded.len();
        if bytes > STEPS_BYTES_MAX && !told.is_empty() {
            break;
        }
        told.push(encode_hex(&encoded));
    }
    Ok(json!({ "steps": told }))
}

/// Returns the genesis; its hash is in the list of validators.
pub(crate) async fn genesis(node: &Node) -> Result<Value, Refused> {
    let genesis = read(node, |node| node.genesis()).await?;
    Ok(json!({ "genesis": encode_hex(&genesis) }))
}

/// Returns what the newest snapshot consists of.
pub(crate) async fn snapshot(node: &Node) -> Result<Value, Refused> {
    let Some(offer) = read(node, |node| node.offer()).await? else {
        let often = house::SNAPSHOT_BLOCKS;
        return Err(failed(format!("there is no snapshot yet: the first is of block {often}")));
    };
    Ok(json!({
        "height": u64::try_from(offer.manifest.height.blocks()).unwrap_or(0),
        "manifest": encode_hex(&codec::encode(&offer.manifest)?),
        "target": encode_hex(&offer.target.encode()),
    }))
}

/// Returns a chunk of the machine's state in a snapshot.
pub(crate) async fn chunk(node: &Node, params: &Params) -> Result<Value, Refused> {
    let height = number(params.height, "height")?;
    let index = usize::try_from(number(params.index, "index")?).unwrap_or(usize::MAX);
    let chunk = read(node, move |node| node.chunk(height, index)).await?;
    Ok(json!({ "bytes": encode_hex(&chunk) }))
}

/// Returns a piece of the authenticated state of a snapshot, with its proof.
pub(crate) async fn tree(node: &Node, params: &Params) -> Result<Value, Refused> {
    let request = bytes(params.request.as_deref(), "request")?;
    let answer = read(node, move |node| node.serve_tree(&request)).await?;
    Ok(json!({ "bytes": encode_hex(&answer) }))
}
