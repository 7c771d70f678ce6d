//! State sync: taking over a house from a validator of the network, and following it: for a validator that is new or has
//! lost its disk, for a node that does not vote, and for a stranger who audits from afar.
//!
//! A snapshot is used only if a certified header carries its hash, and its authenticated state only if it has the
//! certified root. Blocks are applied one by one, and each must lead to the header that the validators certified.
//!
//! **Invariant:** nothing that the peer says gets into the house unless the validators of the list have signed for it.

use super::peer::{Certified, Peer, Unheld};
use anyhow::{Context, Result, bail};
use house::{House, HouseError, Reopened};
use light::Trust;
use protocol::{Block, Header};
use replica::Floor;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use store::{StoreOptions, TreeTarget};

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
    let (offer, Certified { header, .. }) = lock(peer).offer()?;
    let state = lock(peer).state(&offer)?;
    let block = lock(peer).block(&header)?;
    let target: TreeTarget = offer.target;
    let carrier = peer.clone();
    let fetch = Box::new(move |request: &[u8]| lock(&carrier).tree(request));
    House::arrive(dir, network.options, (&header, &block), &state, target, fetch)?;
    Ok(header)
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
                return Err(Unheld::because(format!(
                    "its block {} cannot be applied here: {error}",
                    expected.height
                )));
            }
            Err(error) => return Err(error.into()),
        };
        if header != expected {
            return Err(Unheld::because(format!(
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
