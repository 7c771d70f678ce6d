//! State sync: taking over a house from a validator of the network, and following it: for a validator that is new or has
//! lost its disk, for a node that does not vote, and for a stranger who audits from afar.
//!
//! A snapshot is used only if a certified header carries its hash, and its authenticated state only if it has the
//! certified root. Blocks are applied one by one, and each must lead to the header that the validators certified.
//!
//! **Invariant:** nothing that the peer says gets into the house unless the validators of the list have signed for it.

use anyhow::{Context, Result, bail};
use client::{Certified, Peer, PeerError};
use house::{House, HouseError, MANIFEST_BYTES_MAX, Manifest, Offer, Reopened};
use light::Trust;
use protocol::{Block, Header, codec, decode_hex, encode_hex};
use replica::Floor;
use serde_json::json;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use store::{FetchError, StoreOptions, TreeTarget};

/// Attempts to fetch a snapshot; a slow one may be gone from the peer before it is here.
const ATTEMPTS: usize = 3;

/// What somebody joins.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    pub(crate) address: SocketAddr,
    /// Whom it believes.
    pub(crate) trust: Trust,
    pub(crate) options: StoreOptions,
}

/// Whether there are no blocks in a directory.
pub(crate) fn is_empty(dir: &Path) -> bool {
    match store::BlockReader::open(&dir.join("blocks"), None) {
        Ok(mut reader) => reader.next().is_none(),
        Err(_) => !dir.join("blocks").is_dir(),
    }
}

/// Makes an empty directory the house of the network as of the peer's newest snapshot, and returns its header.
pub(crate) fn take_over(dir: &Path, network: &Network) -> Result<Header> {
    let peer = Peer::new(network.address, network.trust.clone());
    let peer = Arc::new(Mutex::new(peer));
    fetch_genesis(dir, &peer)?;
    let mut last = None;
    for _ in 0..ATTEMPTS {
        match attempt(dir, network, &peer) {
            Ok(header) => return Ok(header),
            Err(error) => last = Some(error),
        }
    }
    let error = last.context("no attempt was made")?;
    Err(error.context(format!("cannot take over the state of {}", network.address)))
}

fn lock(peer: &Mutex<Peer>) -> std::sync::MutexGuard<'_, Peer> {
    peer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes the genesis where it is missing.
fn fetch_genesis(dir: &Path, peer: &Mutex<Peer>) -> Result<()> {
    let path = dir.join("genesis");
    if path.exists() {
        return Ok(());
    }
    durable::create_directory(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let genesis = lock(peer).genesis()?;
    durable::put(&path, &genesis).with_context(|| format!("cannot write {}", path.display()))
}

fn attempt(dir: &Path, network: &Network, peer: &Arc<Mutex<Peer>>) -> Result<Header> {
    let (offer, Certified { header, .. }) = offer(&mut lock(peer))?;
    let state = state(&mut lock(peer), &offer)?;
    let block = lock(peer).block(&header)?;
    let target: TreeTarget = offer.target;
    let carrier = peer.clone();
    let fetch = Box::new(move |request: &[u8]| tree(&mut lock(&carrier), request));
    House::arrive(dir, network.options, (&header, &block), &state, target, fetch)?;
    Ok(header)
}

/// Returns what a validator offers, and the certified header that carries the hash of that.
fn offer(peer: &mut Peer) -> Result<(Offer, Certified)> {
    let answer = peer.call("snapshot", &json!({}))?;
    let bytes = |name: &str| -> Result<Vec<u8>> {
        let text = answer[name].as_str().with_context(|| format!("an offer without {name}"))?;
        Ok(decode_hex(text)?)
    };
    let manifest: Manifest = codec::decode(&bytes("manifest")?, MANIFEST_BYTES_MAX)?;
    let target = TreeTarget::decode(&bytes("target")?).context("an offer without a tree")?;
    let height = u64::try_from(manifest.height.blocks())?;
    let certified = peer.certified(height)?;
    if !manifest.is_of(&certified.header) {
        return Err(unheld(format!(
            "its snapshot of block {height} is not the one that the validators certified"
        )));
    }
    Ok((Offer { manifest, target }, certified))
}

/// Returns the machine's state of an offer, chunk by chunk, each checked.
fn state(peer: &mut Peer, offer: &Offer) -> Result<Vec<u8>> {
    let height = u64::try_from(offer.manifest.height.blocks())?;
    let mut state = Vec::new();
    for index in 0..offer.manifest.chunks.len() {
        let chunk = peer.bytes("chunk", &json!({ "height": height, "index": index }), "bytes")?;
        if !offer.manifest.holds(index, &chunk) {
            return Err(unheld(format!(
                "chunk {index} of its snapshot of block {height} is not the certified one"
            )));
        }
        state.extend_from_slice(&chunk);
    }
    match u64::try_from(state.len())? == offer.manifest.bytes {
        true => Ok(state),
        false => {
            Err(unheld(format!("its snapshot of block {height} has another length than certified")))
        }
    }
}

/// Carries a request for a piece of a validator's authenticated state; whoever asks checks the answer.
fn tree(peer: &mut Peer, request: &[u8]) -> Result<Vec<u8>, FetchError> {
    let params = json!({ "request": encode_hex(request) });
    let carried = peer.bytes("tree", &params, "bytes").map_err(anyhow::Error::from);
    carried.map_err(|error| format!("{error:#}").into())
}

/// Returns that what a validator says does not hold.
pub(crate) fn unheld(words: String) -> anyhow::Error {
    PeerError::Unheld(words).into()
}

/// Returns whether something failed because what a validator says does not hold.
pub(crate) fn is_unheld(error: &anyhow::Error) -> bool {
    error.downcast_ref::<PeerError>().is_some_and(PeerError::is_unheld)
}

/// Applies blocks that are certified; each must lead to its header. Calls `seen` after each.
pub(crate) fn apply(
    house: &mut House,
    blocks: Vec<(Header, Block)>,
    mut seen: impl FnMut(&House) -> Result<()>,
) -> Result<()> {
    for (expected, block) in blocks {
        let header = match house.apply(&block) {
            Ok(applied) => applied.header,
            Err(HouseError::Block(error)) => {
                return Err(unheld(format!(
                    "its block {} cannot be applied here: {error}",
                    expected.height
                )));
            }
            Err(error) => return Err(error.into()),
        };
        if header != expected {
            return Err(unheld(format!(
                "block {} leads to state root {} here, but the validators certified {}: this program or this machine \
                 computes differently",
                header.height, header.state_root, expected.state_root
            )));
        }
        if house::is_due(header.height) {
            house.snapshot()?;
        }
        seen(house)?;
    }
    Ok(())
}

/// Applies what the peer has and the house has not, up to a height. Calls `seen` after each block.
pub(crate) fn catch_up(
    house: &mut House,
    peer: &mut Peer,
    to: u64,
    mut seen: impl FnMut(&House) -> Result<()>,
) -> Result<()> {
    while house.header().height.blocks() < i128::from(to) {
        let blocks = peer.blocks_after(house.header(), to)?;
        apply(house, blocks, &mut seen)?;
    }
    Ok(())
}

/// Brings a house up to the peer's newest certified block, and finds the ordered block at which a validator's engine can
/// begin: a certified one that the house has executed.
pub(crate) fn floor(house: &mut House, peer: &mut Peer) -> Result<Floor> {
    let own = |house: &House| u64::try_from(house.header().height.blocks());
    let to = peer.height()?;
    let newest = peer.certified_up_to(own(house)?, to)?;
    catch_up(house, peer, u64::try_from(newest.header.height.blocks())?, |_| Ok(()))?;
    let executed = own(house)?;
    let mut back = 1;
    while back < executed {
        let certified = peer.certified(executed - back)?;
        if certified.order.height <= house.header().height {
            return Ok(Floor { certificate: certified.certificate });
        }
        back *= 2;
    }
    bail!("no certified block is old enough: join again once the chain has gone on")
}

/// Opens the house of a directory, after taking it over from the network if the directory has none.
pub(crate) fn open(dir: &Path, network: &Network) -> Result<Reopened> {
    if is_empty(dir) {
        let header = take_over(dir, network)?;
        super::node::say(&format!(
            "took over the state after block {} from {}: root {}",
            header.height, network.address, header.state_root
        ));
    }
    Ok(House::reopen(dir, network.options)?)
}
