//! The files of a new network: one genesis and one list of validators for all, a key and a configuration for each.

use super::config;
use crate::cli::InitArgs;
use crate::demo::{self, BTC, ETH, listing};
use access::{OwnerKey, ReporterSecret};
use anyhow::{Context, Result, bail};
use light::{Anchor, Clock, Validator};
use machine::Genesis;
use protocol::{Address, Endpoint, Hash, Seat, ValidatorId, codec};
use replica::VoteGuard;
use replica::keys::ValidatorKey;
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
    /// The secret of each validator's reporter.
    pub(crate) reporters: &'a [[u8; 32]],
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
    let keys =
        args.hosts.iter().map(|_| ValidatorKey::generate()).collect::<Result<Vec<_>, _>>()?;
    let seats = seats(&keys, &args.hosts, args.base_port)?;
    let genesis = listing::genesis(&listed, &stage.tape, &args.chain, &seats)?;
    let mut genesis = Genesis { epoch_blocks: args.epoch_blocks, ..genesis };
    // Prices of a network are no tape: as many blocks agree on the first as after any gap.
    genesis.underlyings.iter_mut().for_each(|held| held.first_blocks = 3);
    if list_of(&args.dir).exists() {
        return refuse_second(&args.dir);
    }
    durable::create_directory(&args.dir)
        .with_context(|| format!("cannot create {}", args.dir.display()))?;
    let custodians = match args.custodians.as_slice() {
        [] => ["custodian-1", "custodian-2", "custodian-3"]
            .into_iter()
            .map(|name| owner(&args.dir, name, out))
            .collect::<Result<Vec<_>>>()?,
        given => given.to_vec(),
    };
    let majority = u16::try_from(custodians.len() / 2 + 1)?;
    let custodian_threshold = args.custodian_threshold.unwrap_or(majority);
    let signers = match args.signers.as_slice() {
        [] => ["signer-1", "signer-2", "signer-3"]
            .into_iter()
            .map(|name| owner(&args.dir, name, out))
            .collect::<Result<Vec<_>>>()?,
        given => given.to_vec(),
    };
    let genesis =
        Genesis { time: now, signed: true, custodians, custodian_threshold, signers, ..genesis };
    let clock = Clock::Wall { drift_max: BlockSpan::from_millis(DRIFT_MAX_MS) };
    let reporters = keys.iter().map(|_| access::random_secret()).collect::<Result<Vec<_>, _>>()?;
    write(&args.dir, &Plan { genesis: &genesis, clock, keys: &keys, reporters: &reporters })?;
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

fn list_of(dir: &Path) -> PathBuf {
    dir.join("network.toml")
}

fn refuse_second(dir: &Path) -> Result<()> {
    bail!("{} holds a network already: choose another --dir, or remove it", dir.display());
}

/// Returns the address of an owner's key in a file of the network's directory; the key is made if there is none.
fn owner(dir: &Path, name: &str, out: &mut dyn Write) -> Result<Address> {
    let path = dir.join(format!("{name}.key"));
    if !path.exists() {
        let secret = access::random_secret()?;
        OwnerKey::from_secret(secret)?;
        access::write_secret(&path, &secret)?;
    }
    let address = OwnerKey::from_secret(access::read_secret(&path)?)?.address();
    writeln!(out, "{name} {address}: {}", path.display())?;
    Ok(address)
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

/// Writes a network's files.
pub(crate) fn write(dir: &Path, plan: &Plan<'_>) -> Result<()> {
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
    let each = seats.iter().zip(plan.keys).zip(plan.reporters);
    for (index, ((seat, key), reporter)) in each.enumerate() {
        let listen = replica::live::socket(seat.endpoint.context("a seat without an endpoint")?);
        let place = directory(dir, index);
        durable::create_directory(&place)
            .with_context(|| format!("cannot create {}", place.display()))?;
        key.write(&place.join("validator.key"))?;
        access::write_secret(&place.join("reporter.key"), reporter)?;
        let reporter = Hash::new(ReporterSecret::from_secret(*reporter)?.public());
        let local = if listen.ip().is_loopback() { listen.ip() } else { [127, 0, 0, 1].into() };
        let rpc = SocketAddr::new(local, listen.port().checked_add(RPC_PORTS).context("no port")?);
        put(&place.join("genesis"), &genesis)?;
        put(&place.join("network.toml"), anchor.text().as_bytes())?;
        // A key that has just been made has signed nothing: without this, the others would be asked.
        VoteGuard::begin(&place.join("votes"), anchor.hash()?)?;
        put(&place.join("node.toml"), config::text(listen, rpc, reporter).as_bytes())?;
    }
    // Last: where it stands, the network is whole.
    put(&list, anchor.text().as_bytes())
}

fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    durable::put(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
