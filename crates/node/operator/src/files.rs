//! The files of a new network: one genesis and one list of validators for all, a key and a configuration for each.

use crate::config::config_text;
use access::{NotASecret, ReporterSecret, SecretError};
use light::{Anchor, Clock, Validator};
use machine::Genesis;
use protocol::codec::{self, EncodeError};
use protocol::{Endpoint, Hash, Seat, ValidatorId};
use replica::keys::ValidatorKey;
use replica::{GuardError, VoteGuard};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// Distance of the port for clients from that for validators.
const RPC_PORTS: u16 = 100;

/// Why the files of a network cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// There is a network in the directory already.
    #[error("{} holds a network already: choose another --dir, or remove it", .0.display())]
    Occupied(PathBuf),
    /// A validator's port is so high that none is left for its clients.
    #[error("{0} leaves no port for clients, which is {RPC_PORTS} further on")]
    NoClientPort(SocketAddr),
    /// More validators listen on one host than it has ports.
    #[error("no port is left")]
    NoPort,
    /// A key that the genesis gives no seat.
    #[error("a key without a seat")]
    NoSeat,
    /// A seat at which nobody can be reached.
    #[error("a seat without an endpoint")]
    NoEndpoint,
    /// The disk refuses a directory or a file.
    #[error("cannot {doing} {}", path.display())]
    Disk {
        /// What was tried: create or write.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The disk refuses a key.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Bytes that are no key of a reporter.
    #[error(transparent)]
    NotASecret(#[from] NotASecret),
    /// The record of what a validator has signed cannot be begun.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// A genesis that has no encoding.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// A network before it is written.
pub struct Plan<'a> {
    /// What it is founded on: its validators have seats with endpoints.
    pub genesis: &'a Genesis,
    /// How its blocks get their times.
    pub clock: Clock,
    /// Keys of validators: directories are written for these.
    pub keys: &'a [ValidatorKey],
    /// The secret of the reporter of each of them.
    pub reporters: &'a [[u8; 32]],
}

impl fmt::Debug for Plan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither keys nor secrets of reporters.
        write!(f, "Plan({} of {} validators)", self.keys.len(), self.genesis.validators.len())
    }
}

/// Returns the directory of a validator, counted from zero.
#[must_use]
pub fn validator_directory(dir: &Path, index: usize) -> PathBuf {
    dir.join(index.to_string())
}

fn list_of(dir: &Path) -> PathBuf {
    dir.join("network.toml")
}

/// Returns where a validator answers its clients: on this machine, unless it listens on an address of it.
///
/// # Errors
///
/// [`FilesError::NoClientPort`] if no port is left for that.
pub fn clients_of(listen: SocketAddr) -> Result<SocketAddr, FilesError> {
    let local = if listen.ip().is_loopback() { listen.ip() } else { [127, 0, 0, 1].into() };
    let port = listen.port().checked_add(RPC_PORTS);
    let port = port.ok_or(FilesError::NoClientPort(listen))?;
    Ok(SocketAddr::new(local, port))
}

/// Returns the seats of the validators of some keys, one on each host; on one host, each listens on the next port.
///
/// # Errors
///
/// [`FilesError::NoPort`] if a host has no port left.
pub fn seats(
    keys: &[ValidatorKey],
    hosts: &[IpAddr],
    base_port: u16,
) -> Result<Vec<Seat>, FilesError> {
    let mut seats: Vec<Seat> = Vec::new();
    for ((number, key), host) in (1..).zip(keys).zip(hosts) {
        let ip = match host {
            IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
            IpAddr::V6(ip) => ip.octets(),
        };
        let taken = seats.iter().filter(|seat| seat.endpoint.is_some_and(|held| held.ip == ip));
        let taken = u16::try_from(taken.count()).map_err(|_| FilesError::NoPort)?;
        let port = base_port.checked_add(taken).ok_or(FilesError::NoPort)?;
        seats.push(Seat {
            validator: ValidatorId::new(number),
            key: key.public(),
            endpoint: Some(Endpoint { ip, port }),
        });
    }
    Ok(seats)
}

/// Writes a network's files, and the genesis file that it was founded from, if there was one.
///
/// The list of validators is written last: where it stands, the network is whole.
///
/// # Errors
///
/// [`FilesError::Occupied`] if the directory holds a network, and whatever the disk refuses.
pub fn write_network(dir: &Path, plan: &Plan<'_>, file: Option<&str>) -> Result<(), FilesError> {
    let list = list_of(dir);
    if list.exists() {
        return Err(FilesError::Occupied(dir.to_path_buf()));
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
        let (index, seat) = seat.ok_or(FilesError::NoSeat)?;
        let listen = replica::live::socket(seat.endpoint.ok_or(FilesError::NoEndpoint)?);
        let place = validator_directory(dir, index);
        durable::create_directory(&place).map_err(|source| FilesError::Disk {
            doing: "create",
            path: place.clone(),
            source,
        })?;
        key.write(&place.join("validator.key"))?;
        access::write_secret(&place.join("reporter.key"), reporter)?;
        let reporter = Hash::new(ReporterSecret::from_secret(*reporter)?.public());
        let rpc = clients_of(listen)?;
        put(&place.join("genesis"), &genesis)?;
        put(&place.join("network.toml"), anchor.text().as_bytes())?;
        if let Some(file) = file {
            put(&place.join("genesis.toml"), file.as_bytes())?;
        }
        // A key that has just been made has signed nothing: without this, the others would be asked.
        VoteGuard::begin(&place.join("votes"), anchor.hash()?)?;
        put(&place.join("node.toml"), config_text(listen, rpc, reporter).as_bytes())?;
    }
    if let Some(file) = file {
        put(&dir.join("genesis.toml"), file.as_bytes())?;
    }
    // Last: where it stands, the network is whole.
    put(&list, anchor.text().as_bytes())
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), FilesError> {
    let refused = |source| FilesError::Disk { doing: "write", path: path.to_path_buf(), source };
    durable::put(path, bytes).map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validators_on_one_host_listen_on_ports_of_their_own() {
        let keys: Vec<_> = (1..=3).map(|n| ValidatorKey::from_secret([n; 32]).unwrap()).collect();
        let hosts: Vec<IpAddr> =
            ["10.0.0.1", "10.0.0.2", "10.0.0.1"].map(|host| host.parse().unwrap()).to_vec();
        let ports = |base| -> Result<Vec<u16>, FilesError> {
            let seats = seats(&keys, &hosts, base)?;
            Ok(seats.iter().map(|seat| seat.endpoint.unwrap().port).collect())
        };
        assert_eq!(ports(26_600).unwrap(), [26_600, 26_600, 26_601]);
        assert!(matches!(ports(u16::MAX), Err(FilesError::NoPort)));
    }

    #[test]
    fn clients_come_to_the_machine_itself_a_hundred_ports_further_on() {
        let clients = |listen: &str| clients_of(listen.parse().unwrap());
        assert_eq!(clients("10.0.0.1:26600").unwrap(), "127.0.0.1:26700".parse().unwrap());
        assert_eq!(clients("127.0.0.9:26600").unwrap(), "127.0.0.9:26700".parse().unwrap());
        let said = clients("10.0.0.1:65500").unwrap_err().to_string();
        assert_eq!(said, "10.0.0.1:65500 leaves no port for clients, which is 100 further on");
    }
}
