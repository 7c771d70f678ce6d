//! The files of a new network: one genesis and one list of validators for all, a key and a configuration for each.

use super::config;
use access::ReporterSecret;
use anyhow::{Context, Result, bail};
use light::{Anchor, Clock, Validator};
use machine::Genesis;
use protocol::{Endpoint, Hash, Seat, ValidatorId, codec};
use replica::VoteGuard;
use replica::keys::ValidatorKey;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// Distance of the port for clients from that for validators.
const RPC_PORTS: u16 = 100;

/// A network before it is written.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) genesis: &'a Genesis,
    pub(crate) clock: Clock,
    /// Keys of validators: directories are written for these.
    pub(crate) keys: &'a [ValidatorKey],
    /// The secret of the reporter of each of them.
    pub(crate) reporters: &'a [[u8; 32]],
}

/// Returns the directory of a validator, counted from zero.
pub(crate) fn directory(dir: &Path, index: usize) -> PathBuf {
    dir.join(index.to_string())
}

fn list_of(dir: &Path) -> PathBuf {
    dir.join("network.toml")
}

fn refuse_second(dir: &Path) -> Result<()> {
    bail!("{} holds a network already: choose another --dir, or remove it", dir.display());
}

/// Returns where a validator answers its clients: on this machine, unless it listens on an address of it.
pub(crate) fn rpc_of(listen: SocketAddr) -> Result<SocketAddr> {
    let local = if listen.ip().is_loopback() { listen.ip() } else { [127, 0, 0, 1].into() };
    let port = listen.port().checked_add(RPC_PORTS);
    let port = port.with_context(|| {
        format!("{listen} leaves no port for clients, which is {RPC_PORTS} further on")
    })?;
    Ok(SocketAddr::new(local, port))
}

/// Returns the seats of the validators of some keys, one on each host; on one host, each listens on the next port.
pub(crate) fn seats(keys: &[ValidatorKey], hosts: &[IpAddr], base_port: u16) -> Result<Vec<Seat>> {
    let mut seats: Vec<Seat> = Vec::new();
    for ((number, key), host) in (1..).zip(keys).zip(hosts) {
        let ip = match host {
            IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
            IpAddr::V6(ip) => ip.octets(),
        };
        let taken = seats.iter().filter(|seat| seat.endpoint.is_some_and(|held| held.ip == ip));
        let port =
            base_port.checked_add(u16::try_from(taken.count())?).context("no port is left")?;
        seats.push(Seat {
            validator: ValidatorId::new(number),
            key: key.public(),
            endpoint: Some(Endpoint { ip, port }),
        });
    }
    Ok(seats)
}

/// Writes a network's files, and the genesis file that it was founded from, if there was one.
pub(crate) fn write(dir: &Path, plan: &Plan<'_>, file: Option<&str>) -> Result<()> {
    let list = list_of(dir);
    if list.exists() {
        return refuse_second(dir);
    }
    let genesis = codec::encode(plan.genesis)?;
    let seats: Vec<Seat> = plan.genesis.validators.iter().map(|held| held.seat).collect();
    let validators = seats.iter().map(|seat| Validator { id: seat.validator, key: seat.key });
    let anchor = Anchor {
        chain: plan.genesis.chain.clone(),
        genesis: Hash::of("genesis", &genesis),
        clock: plan.clock,
        validators: validators.collect(),
    };
    for (key, reporter) in plan.keys.iter().zip(plan.reporters) {
        let seat = seats.iter().enumerate().find(|(_, seat)| seat.key == key.public());
        let (index, seat) = seat.context("a key without a seat")?;
        let listen = replica::live::socket(seat.endpoint.context("a seat without an endpoint")?);
        let place = directory(dir, index);
        durable::create_directory(&place)
            .with_context(|| format!("cannot create {}", place.display()))?;
        key.write(&place.join("validator.key"))?;
        access::write_secret(&place.join("reporter.key"), reporter)?;
        let reporter = Hash::new(ReporterSecret::from_secret(*reporter)?.public());
        let rpc = rpc_of(listen)?;
        put(&place.join("genesis"), &genesis)?;
        put(&place.join("network.toml"), anchor.text().as_bytes())?;
        if let Some(file) = file {
            put(&place.join("genesis.toml"), file.as_bytes())?;
        }
        // A key that has just been made has signed nothing: without this, the others would be asked.
        VoteGuard::begin(&place.join("votes"), anchor.hash()?)?;
        put(&place.join("node.toml"), config::text(listen, rpc, reporter).as_bytes())?;
    }
    if let Some(file) = file {
        put(&dir.join("genesis.toml"), file.as_bytes())?;
    }
    // Last: where it stands, the network is whole.
    put(&list, anchor.text().as_bytes())
}

fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    durable::put(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
