//! One validator as a process: opens its house, joins its network, answers clients, and ends when it is told to.

use super::config::NodeConfig;
use crate::Verdict;
use crate::cli::NodeArgs;
use anyhow::{Context, Result, anyhow, bail};
use gateway::Metrics;
use house::{House, Reopened};
use light::Anchor;
use replica::keys::ValidatorKey;
use replica::live::{self, Setup};
use replica::{Halt, Node};
use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use store::StoreOptions;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Runs a validator until it is told to end.
pub(crate) fn run(args: &NodeArgs) -> Result<Verdict> {
    let config = NodeConfig::read(&args.config)?;
    let listen = args.listen.unwrap_or(config.listen);
    let rpc = args.rpc.unwrap_or(config.rpc);
    let key = ValidatorKey::read(&config.key)?;
    let text = fs::read_to_string(&config.network)
        .with_context(|| format!("cannot read {}", config.network.display()))?;
    let anchor = Anchor::parse(&text)
        .with_context(|| format!("{} is of no use", config.network.display()))?;
    let house = open(&config.directory)?;
    if house.genesis() != anchor.genesis {
        bail!(
            "wrong genesis: {} is {}, but the network's list says {}; take both from the same source",
            config.directory.join("genesis").display(),
            house.genesis(),
            anchor.genesis
        );
    }
    let (genesis, _) = house::read_genesis(&config.directory)?;
    write_pid(&config.directory)?;
    say(&format!("opened {} at block {}", config.directory.display(), house.header().height));
    let setup = Setup {
        directory: config.directory,
        key,
        anchor,
        founded_at: genesis.time,
        listen,
        addresses: config.addresses,
        ledger: Box::new(house),
        limits: config.limits,
        pace: config.pace,
        timeouts: config.timeouts,
    };
    let with_parent = args.with_parent;
    live::run(setup, |node, metrics| serve(node, metrics, rpc, with_parent))?
}

fn open(directory: &Path) -> Result<House> {
    let Reopened { house, skipped } = House::reopen(directory, StoreOptions::default())?;
    for skipped in &skipped {
        say(&format!("snapshot {} was passed over: {}", skipped.height, skipped.reason));
    }
    Ok(house)
}

fn write_pid(directory: &Path) -> Result<()> {
    let path = directory.join("pid");
    fs::write(&path, format!("{}\n", std::process::id()))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Says something on standard error, which may be closed.
fn say(words: &str) {
    drop(writeln!(io::stderr(), "{words}"));
}

/// Answers clients until the process is told to end.
async fn serve(
    node: Node,
    metrics: Arc<dyn Fn() -> String + Send + Sync>,
    rpc: SocketAddr,
    with_parent: bool,
) -> Result<Verdict> {
    let listener =
        TcpListener::bind(rpc).await.with_context(|| format!("cannot answer on {rpc}"))?;
    let server = tokio::spawn(gateway::serve(listener, node.clone(), Metrics(metrics)));
    let watcher = tokio::spawn(watch(node.clone()));
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let parent = async {
        match with_parent {
            true => drop(tokio::io::stdin().read(&mut [0]).await),
            false => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = parent => {}
        _ = server => bail!("the server for clients has ended"),
    }
    watcher.abort();
    if let Some(halt) = node.status().halted {
        return Err(anyhow!(halt));
    }
    let closing = node.clone();
    tokio::task::spawn_blocking(move || closing.checkpoint()).await?.map_err(anyhow::Error::msg)?;
    say(&format!("ended after block {}", node.height()));
    Ok(Verdict::Holds)
}

/// Says loudly why the validator goes no further, should that happen. It goes on answering, so that it can be looked at.
async fn watch(node: Node) {
    if let Some(halt) = node.halts().await {
        let rule = "=".repeat(100);
        say(&format!("{rule}\n{halt}\n{rule}"));
        if let Halt::Diverged { height, .. } = &halt
            && let Ok(blocks) = node.blocks(*height, 1, 0)
            && let Some((header, _)) = blocks.first()
        {
            say(&format!("state root of block {height} here: {}", header.state_root));
        }
        if let Halt::Diverged { .. } = &halt
            && let Some(difference) = node.difference().await
        {
            say(&format!("{difference}\n{rule}"));
        }
    }
}
