//! A node that does not vote: it takes the state over, applies every block that becomes final, and stops loudly when one
//! leads elsewhere than the validators certified.
//!
//! **Left out:** answering clients. Whoever needs a second house to read from reads its directory.

use super::join::{self, Network};
use super::node::{said, say, write_pid};
use crate::Verdict;
use anyhow::{Context, Result};
use client::Peer;
use operator::NodeConfig;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Between two attempts to reach a peer that does not answer.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Follows the network until the process is told to end.
pub(super) fn run(
    config: &NodeConfig,
    network: Option<&Network>,
    with_parent: bool,
) -> Result<Verdict> {
    let network = network
        .context("a node without a key follows another: say which with --join, or give it a key")?;
    let ended = crate::devnet::end_on_signal()?;
    if with_parent {
        end_with_parent(ended.clone());
    }
    let mut house = said(join::open(&config.directory, network)?);
    write_pid(&config.directory)?;
    say(&format!("follows {} from block {}", network.address, house.header().height));
    let mut peer = Peer::new(network.address, network.trust.clone());
    while !ended.load(Ordering::Relaxed) {
        let own = u64::try_from(house.header().height.blocks())?;
        let Ok(to) = peer.follow(own.saturating_add(1)) else {
            thread::park_timeout(RETRY_AFTER);
            continue;
        };
        if to <= own {
            continue;
        }
        match peer.blocks_after(house.header(), to) {
            Ok(blocks) => join::apply(&mut house, blocks, |_| Ok(()))?,
            // What it says is not believed; it may be behind, or be replaced by a better one.
            Err(error) => {
                let error = anyhow::Error::from(error);
                say(&format!("block {} is not taken: {error:#}", own.saturating_add(1)));
                thread::park_timeout(RETRY_AFTER);
            }
        }
    }
    house.sync()?;
    say(&format!("ended after block {}", house.header().height));
    Ok(Verdict::Holds)
}

/// Ends when standard input does.
fn end_with_parent(ended: Arc<AtomicBool>) {
    thread::spawn(move || {
        drop(std::io::stdin().read(&mut [0]));
        ended.store(true, Ordering::Relaxed);
    });
}
