//! One validator as a process: opens its house, joins its network, answers clients, and ends when it is told to.

use super::follow;
use super::join::{self, Network};
use super::log;
use crate::Verdict;
use crate::cli::NodeArgs;
use anyhow::{Context, Result, anyhow, bail};
use client::Peer;
use gateway::{Metrics, OriginPolicy};
use house::{House, HouseError, Reopened};
use light::{Anchor, Step, Trust};
use operator::{Level, NodeConfig, open_port, operator_socket};
use protocol::Hash;
use replica::keys::ValidatorKey;
use replica::live::{self, Setup};
use replica::{Floor, Halt, Node};
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use store::StoreOptions;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};

/// Says that a state is being taken over.
const JOINING: &str = "joining";

/// Runs a node until it is told to end.
pub(crate) fn run(args: &NodeArgs) -> Result<Verdict> {
    let config = NodeConfig::read(&args.config)?;
    log::begin(args.log_level.or(config.log).unwrap_or(Level::Info));
    let listen = args.listen.unwrap_or(config.listen);
    let rpc = args.rpc.unwrap_or(config.rpc);
    let key = config.key.as_deref().map(ValidatorKey::read).transpose()?;
    let text = fs::read_to_string(&config.network)
        .with_context(|| format!("cannot read {}", config.network.display()))?;
    let trust = Trust::parse(&text)
        .with_context(|| format!("{} is of no use", config.network.display()))?;
    let join = args.join.or(config.join);
    let anchor = trust.anchor.clone();
    let network = join.map(|address| Network { address, trust, options: config.store });
    let Some(key) = key else { return follow::run(&config, network.as_ref(), args.with_parent) };
    if let Ok((_, genesis)) = house::read_genesis(&config.directory) {
        check_genesis(&config.directory, genesis, &anchor)?;
    }
    // Tried before anything is opened, so that it is said in words; the one for validators is opened again by the engine.
    drop(open_port(listen, "validators connect")?);
    let clients = open_port(rpc, "clients connect")?;
    let mut house = match &network {
        Some(network)
            if join::is_empty(&config.directory) || config.directory.join(JOINING).exists() =>
        {
            begin_elsewhere(&config.directory, network)?
        }
        _ if config.directory.join(JOINING).exists() => {
            bail!("the state of another node was being taken over: start with --join again")
        }
        _ => open(&config.directory, config.store)?,
    };
    check_genesis(&config.directory, house.genesis(), &anchor)?;
    house.keep_receipts(config.receipts);
    let floor_file = config.directory.join("floor");
    let floor = Floor::read(&floor_file)
        .with_context(|| format!("cannot read {}", floor_file.display()))?;
    let (genesis, _) = house::read_genesis(&config.directory)?;
    write_pid(&config.directory)?;
    say(&format!("opened {} at block {}", config.directory.display(), house.header().height));
    let doors =
        Doors { clients, operator: operator_socket(&config.feed)?, origins: config.origins };
    let setup = Setup {
        directory: config.directory,
        key,
        anchor,
        founded_at: genesis.time,
        listen,
        addresses: config.addresses,
        ledger: Box::new(house),
        limits: config.limits,
        reporter: config.reporter,
        pace: config.pace,
        timeouts: config.timeouts,
        floor,
        blocks_kept: config.store.blocks_kept,
    };
    let with_parent = args.with_parent;
    live::run(setup, |node, metrics| serve(node, metrics, doors, with_parent))?
}

/// Where the node answers, opened.
struct Doors {
    clients: std::net::TcpListener,
    operator: std::os::unix::net::UnixListener,
    origins: OriginPolicy,
}

fn check_genesis(directory: &Path, found: Hash, anchor: &Anchor) -> Result<()> {
    if found != anchor.genesis {
        bail!(
            "wrong genesis: {} is {found}, but the network's list says {}; take both from the same source",
            directory.join("genesis").display(),
            anchor.genesis
        );
    }
    Ok(())
}

/// Takes the house of another node over, and leaves word where the engine is to begin. Until the word is left a mark says
/// so, and the next start goes on from here.
fn begin_elsewhere(directory: &Path, network: &Network) -> Result<House> {
    let mark = directory.join(JOINING);
    durable::put(&mark, b"").with_context(|| format!("cannot write {}", mark.display()))?;
    let mut house = said(join::open(directory, network)?);
    let mut peer = Peer::new(network.address, network.trust.clone());
    let floor = join::floor(&mut house, &mut peer)?;
    keep_steps(directory, network, &peer)?;
    let path = directory.join("floor");
    floor.write(&path).with_context(|| format!("cannot write {}", path.display()))?;
    fs::remove_file(&mark).with_context(|| format!("cannot remove {}", mark.display()))?;
    Ok(house)
}

/// Keeps the steps by which clients follow the committees: those that were followed, and before them those from the
/// genesis on, if they lead to the list that is trusted.
fn keep_steps(directory: &Path, network: &Network, peer: &Peer) -> Result<()> {
    let (name, path) = (network.trust.anchor.hash()?, directory.join("steps"));
    let keep = |first: u64, steps: &[Step]| {
        let kept = replica::install_steps(&path, name, first, steps.to_vec());
        kept.with_context(|| format!("cannot write {}", path.display()))
    };
    let trusted = &network.trust;
    if trusted.epoch > 0 {
        let genesis = Trust::genesis(trusted.anchor.clone());
        let mut from_genesis = Peer::new(network.address, genesis);
        match from_genesis.list_of(trusted.epoch) {
            Ok(list) if list == trusted => {
                let steps = from_genesis.followed().map_or(&[][..], |(_, steps)| steps);
                keep(0, steps)?;
            }
            _ => say(
                "the steps from the genesis do not lead to the list that is trusted: clients that hold the first list must ask another validator",
            ),
        }
    }
    let (_, steps) = peer.followed().context("there is no list")?;
    keep(trusted.epoch, steps)
}

fn open(directory: &Path, options: StoreOptions) -> Result<House> {
    match House::reopen(directory, options) {
        // The way back of a validator whose disk is gone is another node, not a house of its own.
        Err(HouseError::NotAHouse { dir, source }) => bail!(
            "{} holds no house of the network: there is no readable file 'genesis' ({source}); if its disk was lost, start \
             with --join ADDRESS, where another node answers clients",
            dir.display()
        ),
        reopened => Ok(said(reopened?)),
    }
}

/// Says which snapshots could not be used.
pub(super) fn said(reopened: Reopened) -> House {
    for skipped in &reopened.skipped {
        say(&format!("snapshot {} was passed over: {}", skipped.height, skipped.reason));
    }
    reopened.house
}

pub(super) fn write_pid(directory: &Path) -> Result<()> {
    let path = directory.join("pid");
    fs::write(&path, format!("{}\n", std::process::id()))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Says something that whoever runs the node should know.
pub(super) fn say(words: &str) {
    tracing::info!("{words}");
}

/// Answers clients until the process is told to end.
async fn serve(
    node: Node,
    metrics: Arc<dyn Fn() -> String + Send + Sync>,
    doors: Doors,
    with_parent: bool,
) -> Result<Verdict> {
    let Doors { clients, operator, origins } = doors;
    clients.set_nonblocking(true)?;
    operator.set_nonblocking(true)?;
    let (clients, operator) = (TcpListener::from_std(clients)?, UnixListener::from_std(operator)?);
    let metrics = Metrics(metrics);
    let server = tokio::spawn(gateway::serve(clients, node.clone(), metrics.clone(), origins));
    let local = tokio::spawn(gateway::serve_operator(operator, node.clone(), metrics));
    let watcher = tokio::spawn(watch(node.clone()));
    let looker = tokio::spawn(log::watch(node.clone()));
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let parent = async {
        match with_parent {
            true => parent_ends().await,
            false => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = parent => {}
        () = disk_fails(&node) => {}
        _ = server => bail!("the server for clients has ended"),
        _ = local => bail!("the server for the operator has ended"),
    }
    watcher.abort();
    looker.abort();
    if let Some(halt) = node.status().halted {
        return Err(anyhow!(halt));
    }
    let closing = node.clone();
    tokio::task::spawn_blocking(move || closing.checkpoint()).await??;
    say(&format!("ended after block {}", node.height()));
    Ok(Verdict::Holds)
}

/// Waits until standard input ends.
///
/// In a thread of its own, which nobody waits for: the runtime would wait for its own, and a process whose engine has
/// failed would stay, with its port closed, until its parent went.
async fn parent_ends() {
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        drop(std::io::stdin().read(&mut [0]));
        // Nobody waits any more if the process ends for another reason.
        tell.send(()).unwrap_or_default();
    });
    drop(told.await);
}

/// Waits until the disk does not take what a block has changed: as where it does not take what the engine writes, the process ends.
async fn disk_fails(node: &Node) {
    if !matches!(node.halts().await, Some(Halt::Unkept { .. })) {
        std::future::pending().await
    }
}

/// Says loudly why the validator goes no further, should that happen. It goes on answering, so that it can be looked at.
async fn watch(node: Node) {
    if let Some(halt) = node.halts().await {
        let rule = "=".repeat(100);
        tracing::error!("{rule}\n{halt}\n{rule}");
        if let Halt::Diverged { height, .. } = &halt
            && let Ok(blocks) = node.blocks(*height, 1, 0)
            && let Some((header, _)) = blocks.first()
        {
            tracing::error!("state root of block {height} here: {}", header.state_root);
        }
        if let Halt::Diverged { .. } = &halt
            && let Some(difference) = node.difference().await
        {
            tracing::error!("{difference}\n{rule}");
        }
    }
}
