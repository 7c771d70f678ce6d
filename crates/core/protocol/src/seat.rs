//! The places in a committee of validators: whose votes count, and where they are reached.

use crate::ValidatorId;
use borsh::{BorshDeserialize, BorshSerialize};
use core::net::{Ipv6Addr, SocketAddrV6};
use std::fmt;

/// Where a validator listens for others: an IPv6 address, or an IPv4 address mapped into one, and a port.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Endpoint {
    /// The address.
    pub ip: [u8; 16],
    /// The port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ip = Ipv6Addr::from(self.ip);
        match ip.to_ipv4_mapped() {
            Some(ip) => write!(f, "{ip}:{}", self.port),
            None => write!(f, "{}", SocketAddrV6::new(ip, self.port, 0, 0)),
        }
    }
}

/// A validator's place in a committee.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Seat {
    /// Its number; it belongs to its key for ever.
    pub validator: ValidatorId,
    /// Its Ed25519 public key.
    pub key: [u8; 32],
    /// Where it listens, unless every other validator is told otherwise.
    pub endpoint: Option<Endpoint>,
}
