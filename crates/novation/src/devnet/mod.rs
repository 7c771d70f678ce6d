//! A network on one machine: validators as processes, the demo as their traffic, and an observer that believes nobody.
//!
//! The parent plays everybody outside: it follows finalised blocks, applies each to a house of its own, and from the
//! state it finds there sends what the traders do next, and to each validator what its feed reports next. In the end it
//! compares the roots of all validators with its own.

mod fleet;
mod view;

use crate::Verdict;
use crate::cli::DevnetArgs;
use anyhow::{Context, Result, bail};
use fleet::Fleet;
use light::{Anchor, Clock};
use machine::{Genesis, ParameterGenesis};
use market::Dataset;
use operator::{Plan, write_network};
use protocol::{Hash, ParameterId, codec};
use replica::keys::ValidatorKey;
use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use traffic::{Observer, Settings, Traffic};
use units::{BlockSpan, BlockTime};
use view::View;
use world::Stage;
use world::listing::{self, SIGNERS};
use world::tape::MINUTE;

/// The shortest timelock.
const HOUR_MS: i64 = 3_600_000;
/// How long the validators may take to answer for the first time, and to reach the last block.
const PATIENCE: Duration = Duration::from_secs(60);
/// Blocks that may be final and not yet looked at by traders who do not wait to see each.
const UNSEEN_MAX: u64 = 16;

/// Runs the network to its last block, or until it is told to end.
pub(crate) fn run(args: &DevnetArgs, out: &mut dyn Write) -> Result<Verdict> {
    let stage = match &args.data {
        Some(dir) => world::recorded(&Dataset::open(dir)?, args.seed)?.by_minutes(),
        None => world::embedded()?,
    };
    // Without a last block it stands until it is told to end; beyond the tape prices stay as they were last.
    let blocks = args.blocks.unwrap_or(u64::MAX);
    let keys = keys(args)?;
    let genesis = genesis(&stage, args, &keys)?;
    let settings = Settings { seed: args.seed, validators: args.validators, load: args.load };
    let (mut traffic, genesis) = Traffic::new(&stage, settings, genesis)?;
    let reporters = reporters(args);
    prepare(args, &genesis, &keys, &reporters)?;
    let ended = end_on_signal()?;
    let mut fleet = Fleet::start(&args.dir, &reporters, traffic.network())?;
    let mut observer = Observer::found(&genesis)?;
    let mut view = View::new(args.quiet);
    fleet.wait_for_answer(PATIENCE)?;
    while observer.height() < blocks && !ended.load(Ordering::Relaxed) {
        fleet.check()?;
        let tip = fleet.height()?;
        for (height, vote) in traffic.reports(observer.state(), tip)? {
            fleet.feed(height, &vote);
        }
        let behind = observer.height() < tip;
        // Who presses does not wait to see each block.
        let unseen = tip.saturating_sub(observer.height());
        if !behind || (args.load > 1 && unseen <= UNSEEN_MAX) {
            for submissions in traffic.play(observer.state(), tip)? {
                fleet.submit(&submissions)?;
            }
        }
        let started = Instant::now();
        for told in fleet.next_blocks(observer.height() + 1)? {
            if observer.height() == blocks {
                break;
            }
            let seen = observer.apply(&told.header, &told.block)?;
            view.block(&fleet, observer.state(), &seen, started.elapsed(), behind);
        }
    }
    view.finish();
    let height = observer.height();
    let verdict = settle(&mut fleet, &observer, height, out)?;
    fleet.stop()?;
    writeln!(out, "finalised {height}, state root {}", observer.root())?;
    Ok(verdict)
}

/// Returns the secrets of the validators' reporters, as little secret.
fn reporters(args: &DevnetArgs) -> Vec<[u8; 32]> {
    let secret = |index: u16| {
        let seed = [args.seed.to_be_bytes().as_slice(), &index.to_be_bytes()].concat();
        *Hash::of("devnet reporter", &seed).bytes()
    };
    (0..args.validators).map(secret).collect()
}

/// Returns the validators' keys, known to whoever knows the seed: keys for play.
fn keys(args: &DevnetArgs) -> Result<Vec<ValidatorKey>> {
    (0..args.validators)
        .map(|index| {
            let seed = [args.seed.to_be_bytes().as_slice(), &index.to_be_bytes()].concat();
            Ok(ValidatorKey::from_secret(*Hash::of("devnet key", &seed).bytes())?)
        })
        .collect()
}

/// Returns the genesis of the demo for the validators of some keys, a minute before its first block.
fn genesis(stage: &Stage, args: &DevnetArgs, keys: &[ValidatorKey]) -> Result<Genesis> {
    let hosts = vec![IpAddr::V4(Ipv4Addr::LOCALHOST); keys.len()];
    let seats = operator::seats(keys, &hosts, args.base_port)?;
    let genesis = listing::genesis(&stage.listing, &stage.tape, "novation-devnet", &seats)?;
    let first = stage.tape.ticks.first().context("the scenario has no prices")?.time;
    let time = BlockTime::from_millis(first.millis() - MINUTE);
    let mut parameters = genesis.parameters;
    // As short as it may be: an hour of the demo is sixty blocks.
    let parameter = ParameterId::Timelock;
    parameters.push(ParameterGenesis { underlying: None, parameter, value: HOUR_MS });
    Ok(Genesis { time, epoch_blocks: args.epoch_blocks, parameters, ..genesis })
}

/// Writes the network's files, or checks that those there are of the same network.
fn prepare(
    args: &DevnetArgs,
    genesis: &Genesis,
    keys: &[ValidatorKey],
    reporters: &[[u8; 32]],
) -> Result<()> {
    let list = args.dir.join("network.toml");
    if let Ok(text) = fs::read_to_string(&list) {
        let anchor =
            Anchor::parse(&text).with_context(|| format!("{} is of no use", list.display()))?;
        let same = anchor.validators.len() == keys.len()
            && anchor.validators.iter().zip(keys).all(|(held, key)| held.key == key.public());
        if !same {
            bail!(
                "{} holds a network of another seed or size: give the same --seed and --validators to go on with it",
                args.dir.display()
            );
        }
        if anchor.genesis != Hash::of("genesis", &codec::encode(genesis)?) {
            bail!(
                "{} holds a network with another genesis: give the same --epoch-blocks, --base-port and --data, and the \
                 program that made it, to go on with it",
                args.dir.display()
            );
        }
        return Ok(());
    }
    let clock = Clock::Step { span: BlockSpan::from_millis(MINUTE) };
    write_network(&args.dir, &Plan { genesis, clock, keys, reporters }, None)?;
    for (number, signer) in (1..).zip(SIGNERS) {
        traffic::write_key(&args.dir.join(format!("signer-{number}.key")), args.seed, signer)?;
    }
    Ok(())
}

/// Compares every validator's root with the observer's.
fn settle(
    fleet: &mut Fleet,
    observer: &Observer,
    height: u64,
    out: &mut dyn Write,
) -> Result<Verdict> {
    let mut verdict = Verdict::Holds;
    for (index, root) in fleet.roots(height, PATIENCE) {
        match root {
            Ok(root) if root == observer.root() => {}
            Ok(root) => {
                writeln!(
                    out,
                    "validator {index} has root {root}, a replay of the blocks {}",
                    observer.root()
                )?;
                verdict = Verdict::Differs;
            }
            Err(error) => writeln!(out, "validator {index} could not be compared: {error:#}")?,
        }
    }
    Ok(verdict)
}

/// Returns a flag that is raised by SIGINT or SIGTERM.
pub(crate) fn end_on_signal() -> Result<Arc<AtomicBool>> {
    use tokio::signal::unix::{SignalKind, signal};
    let flag = Arc::new(AtomicBool::new(false));
    let raised = flag.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            raised.store(true, Ordering::Relaxed);
        });
    })?;
    Ok(flag)
}
