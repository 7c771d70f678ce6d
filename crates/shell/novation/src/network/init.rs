//! The files of a new network: one genesis and one list of validators for all, a key and a configuration for each.

use super::config;
use crate::cli::InitArgs;
use crate::demo::{self, BTC, ETH, listing};
use anyhow::{Context, Result, bail};
use light::{Anchor, Clock, Validator};
use machine::Genesis;
use protocol::{Hash, ValidatorId, codec};
use replica::keys::ValidatorKey;
use std::fs;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use units::{BlockSpan, BlockTime, Vol};

/// Distance of the port for clients from that for validators.
const RPC_PORTS: u16 = 100;
/// How far ahead of a validator's own clock a block may be.
const DRIFT_MAX_MS: i128 = 500;

/// A network before it is written.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) genesis: &'a Genesis,
    pub(crate) clock: Clock,
    pub(crate) keys: &'a [ValidatorKey],
    pub(crate) hosts: &'a [IpAddr],
    pub(crate) base_port: u16,
}

/// Returns the directory of a validator, counted from zero.
pub(crate) fn directory(dir: &Path, index: usize) -> PathBuf {
    dir.join(index.to_string())
}

/// Writes the network of a list of hosts: the contracts of the demo, priced as at its start, on the clocks of the
/// validators.
pub(crate) fn run(args: &InitArgs, out: &mut dyn Write) -> Result<()> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis();
    let now = BlockTime::from_millis(i128::try_from(now)?);
    let stage = demo::embedded()?;
    let mut spots = Vec::new();
    for id in [BTC, ETH] {
        spots.push((id, stage.tape.first_price(id).context("the scenario has no price")?));
    }
    let listed = listing::of_prices(&spots, now, Vol::from_points(7_000))?;
    let count = u16::try_from(args.hosts.len())?;
    let genesis = listing::genesis(&listed, &stage.tape, &args.chain, count)?;
    let genesis = Genesis { time: now, signed: true, ..genesis };
    let keys = (0..count).map(|_| ValidatorKey::generate()).collect::<Result<Vec<_>, _>>()?;
    let clock = Clock::Wall { drift_max: BlockSpan::from_millis(DRIFT_MAX_MS) };
    let plan = Plan {
        genesis: &genesis,
        clock,
        keys: &keys,
        hosts: &args.hosts,
        base_port: args.base_port,
    };
    write(&args.dir, &plan)?;
    for (index, host) in args.hosts.iter().enumerate() {
        writeln!(
            out,
            "validator {} on {host}: {}",
            index + 1,
            directory(&args.dir, index).display()
        )?;
    }
    writeln!(out, "list of validators for clients: {}", args.dir.join("network.toml").display())?;
    Ok(())
}

/// Writes a network's files.
pub(crate) fn write(dir: &Path, plan: &Plan<'_>) -> Result<()> {
    let list = dir.join("network.toml");
    if list.exists() {
        bail!("{} holds a network already: choose another --dir, or remove it", dir.display());
    }
    let genesis = codec::encode(plan.genesis)?;
    let numbers = 1..=u16::try_from(plan.keys.len())?;
    let validators: Vec<Validator> = numbers
        .zip(plan.keys)
        .map(|(id, key)| Validator { id: ValidatorId::new(id), key: key.public() })
        .collect();
    let anchor = Anchor {
        chain: plan.genesis.chain.clone(),
        genesis: Hash::of("genesis", &genesis),
        clock: plan.clock,
        validators,
    };
    let mut addresses: Vec<(ValidatorId, SocketAddr)> = Vec::new();
    for (host, validator) in plan.hosts.iter().zip(&anchor.validators) {
        let taken = addresses.iter().filter(|(_, address)| address.ip() == *host).count();
        let port = plan.base_port.checked_add(u16::try_from(taken)?).context("no port is left")?;
        addresses.push((validator.id, SocketAddr::new(*host, port)));
    }
    for (index, ((_, listen), key)) in addresses.iter().zip(plan.keys).enumerate() {
        let place = directory(dir, index);
        fs::create_dir_all(&place).with_context(|| format!("cannot create {}", place.display()))?;
        key.write(&place.join("validator.key"))?;
        let local = if listen.ip().is_loopback() { listen.ip() } else { [127, 0, 0, 1].into() };
        let rpc = SocketAddr::new(local, listen.port().checked_add(RPC_PORTS).context("no port")?);
        put(&place.join("genesis"), &genesis)?;
        put(&place.join("network.toml"), anchor.text().as_bytes())?;
        put(&place.join("node.toml"), config::text(*listen, rpc, &addresses).as_bytes())?;
    }
    // Last: where it stands, the network is whole.
    put(&list, anchor.text().as_bytes())
}

fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
