//! An audit from afar: every block of a node again, with nothing to begin from but the list of validators.
//!
//! The house is made anew in a temporary directory: from the genesis, whose hash is in the list, or from the newest
//! snapshot that the validators certified. Each block must be the child of the one before and lead to its header, and a
//! certificate of the validators stands at the end of every batch.
//!
//! What it leaves out: whether the node tells of its newest block.

use super::page;
use crate::Verdict;
use crate::cli::{AuditArgs, Since};
use crate::network::join::{self, Network};
use crate::progress::{Progress, Unit};
use anyhow::{Context, Result};
use client::Peer;
use house::House;
use protocol::{Hash, Header};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use store::{Durability, LogOptions, StoreOptions};
use units::utc_text;

/// Bytes after which a new file of the temporary log begins, so that old ones can go.
const SEGMENT_BYTES: u64 = 16 << 20;

/// A directory that goes when the audit does.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // A destructor has nobody to tell.
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Runs the audit and prints what it finds.
pub(super) fn run(args: &AuditArgs, out: &mut dyn Write) -> Result<Verdict> {
    let address = args.from.context("an audit needs a directory or --from")?;
    let file = args.trust.as_ref().context("an audit from afar needs --trust")?;
    let trust = client::read_list(file)?;
    let options = StoreOptions {
        log: LogOptions { segment_bytes: SEGMENT_BYTES, durability: Durability::OnDemand },
        blocks_kept: Some(0),
        ..StoreOptions::default()
    };
    let network = Network { address, trust, options };
    match replay(args, &network) {
        Ok(audited) => {
            match args.json {
                true => page::print(&audited.json(&network), out)?,
                false => audited.write(&network, out)?,
            }
            Ok(Verdict::Holds)
        }
        Err(error) if join::is_unheld(&error) => {
            match args.json {
                true => page::print(&page::refused(&error), out)?,
                false => writeln!(out, "refused    {error:#}")?,
            }
            Ok(Verdict::Differs)
        }
        Err(error) => Err(error),
    }
}

fn replay(args: &AuditArgs, network: &Network) -> Result<Audited> {
    let name = format!("novation-audit-{}", std::process::id());
    let scratch = Scratch(std::env::temp_dir().join(name));
    let started = Instant::now();
    let mut peer = Peer::new(network.address, network.trust.clone());
    let mut house = begin(&scratch.0, args.since, network, &mut peer)?;
    let begun = *house.header();
    let from = u64::try_from(begun.height.blocks())?;
    let newest = peer.height()?;
    let to = args.to.unwrap_or(newest).min(newest);
    let last = peer.certified_up_to(from.max(1), to)?.header;
    let to = u64::try_from(last.height.blocks())?;
    let progress = Progress::new("auditing", to.saturating_sub(from), Unit::Blocks, args.quiet);
    join::catch_up(&mut house, &mut peer, to, |house| {
        house.machine().state().check().map_err(|fault| {
            join::unheld(format!("the books of a finalised block do not balance: {fault}"))
        })?;
        progress.at(u64::try_from(house.header().height.blocks())?.saturating_sub(from));
        Ok(())
    })?;
    let (took, root) = (started.elapsed(), house.root());
    Ok(Audited { since: args.since, begun, last, root, took })
}

/// An audit that found no difference.
struct Audited {
    since: Since,
    begun: Header,
    last: Header,
    root: Hash,
    took: Duration,
}

impl Audited {
    fn heights(&self) -> (u64, u64) {
        let height = |header: &Header| u64::try_from(header.height.blocks()).unwrap_or(0);
        (height(&self.begun), height(&self.last))
    }

    fn write(&self, network: &Network, out: &mut dyn Write) -> Result<()> {
        let (from, to) = self.heights();
        let count = to.saturating_sub(from);
        let seconds = self.took.as_secs_f64().max(1e-3);
        let rate = u32::try_from(count).map_or(f64::MAX, f64::from) / seconds;
        let begins = match self.since {
            Since::Genesis => "with the genesis that the list of validators names".to_owned(),
            Since::Snapshot => {
                format!("with the snapshot of block {from}, whose hash is certified")
            }
        };
        write!(
            out,
            "chain      {}, genesis {}\nbegins     {begins}\nlog        blocks {from} to {to} of {}, {} to {}\n\
             replay     {seconds:.2} s: {rate:.0} blocks a second, every root compared, certified to block {to}\n\
             audited {count} blocks, state root {}\n",
            network.trust.anchor.chain,
            network.trust.anchor.genesis,
            network.address,
            utc_text(self.begun.time),
            utc_text(self.last.time),
            self.root,
        )?;
        Ok(())
    }

    fn json(&self, network: &Network) -> Value {
        let (from, to) = self.heights();
        json!({
            "verdict": "holds",
            "chain": network.trust.anchor.chain,
            "genesis": network.trust.anchor.genesis.to_string(),
            "node": network.address.to_string(),
            "from": page::block(&self.begun),
            "to": page::block(&self.last),
            "blocks": to.saturating_sub(from),
            "state_root": self.root.to_string(),
            "certified": true,
        })
    }
}

/// Makes the house that the blocks are applied to.
fn begin(dir: &Path, since: Since, network: &Network, peer: &mut Peer) -> Result<House> {
    match since {
        Since::Snapshot => {
            join::take_over(dir, network)?;
        }
        Since::Genesis => {
            let genesis = peer.genesis()?;
            let advice = || format!("cannot write {}: set TMPDIR to another place", dir.display());
            fs::create_dir_all(dir).with_context(advice)?;
            fs::write(dir.join("genesis"), genesis).with_context(advice)?;
        }
    }
    Ok(House::reopen(dir, network.options)?.house)
}
