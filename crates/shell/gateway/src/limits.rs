//! What one address, and all together, may take of the server: connections, bytes that are on their way, and work.
//!
//! **Invariant:** whatever one address does, it holds no more than its share; whatever all do, the sum is bounded.
//!
//! **Left out:** crowds of addresses. They are kept within the sums, and crowd out others there; a proxy in front of a
//! public port is for that.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections at one time, of all and of one address.
const CONNECTIONS_MAX: usize = 256;
const CONNECTIONS_EACH_MAX: usize = 64;
/// Bytes of requests that have arrived and are not answered, of all and of one address.
const BYTES_MAX: usize = 64 << 20;
const BYTES_EACH_MAX: usize = 16 << 20;
/// Work that an address may ask for in a second, and at once.
const WORK_A_SECOND: u32 = 4_000;
const WORK_AT_ONCE: u32 = 8_000;
/// Longest that a request is made to wait for its address to have work left.
pub(crate) const DELAY_MAX: Duration = Duration::from_secs(2);
/// Addresses that are remembered after their last connection.
const ADDRESSES_KEPT: usize = 4_096;

/// The limits, shared by all connections.
#[derive(Debug, Clone)]
pub(crate) struct Limits(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    connections: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    guests: Mutex<HashMap<IpAddr, Arc<Guest>>>,
}

/// What one address has.
#[derive(Debug)]
pub(crate) struct Guest {
    connections: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    work: Mutex<Work>,
}

/// A store of work that fills again with time.
#[derive(Debug)]
struct Work {
    left: f64,
    at: Instant,
}

/// A connection that has been let in. Dropping it makes room for another.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    /// Where it comes from.
    pub(crate) address: IpAddr,
    limits: Limits,
    guest: Arc<Guest>,
    _places: Arc<[OwnedSemaphorePermit; 2]>,
}

/// Room for bytes of a request, until dropped.
#[derive(Debug, Default)]
pub(crate) struct Room(Vec<OwnedSemaphorePermit>);

impl Limits {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared {
            connections: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            bytes: Arc::new(Semaphore::new(BYTES_MAX)),
            guests: Mutex::new(HashMap::new()),
        }))
    }

    fn guests(&self) -> MutexGuard<'_, HashMap<IpAddr, Arc<Guest>>> {
        self.0.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a connection in; `None` if its address, or all together, have as many as they may.
    pub(crate) fn admit(&self, address: IpAddr, now: Instant) -> Option<Admitted> {
        let guest = {
            let mut guests = self.guests();
            if guests.len() >= ADDRESSES_KEPT {
                guests.retain(|_, guest| !guest.is_idle(now));
            }
            // Still as many: each of them is connected, or was a moment ago.
            if guests.len() >= ADDRESSES_KEPT {
                return None;
            }
            guests.entry(network_of(address)).or_insert_with(|| Arc::new(Guest::new(now))).clone()
        };
        let own = guest.connections.clone().try_acquire_owned().ok()?;
        let all = self.0.connections.clone().try_acquire_owned().ok()?;
        Some(Admitted { address, limits: self.clone(), guest, _places: Arc::new([own, all]) })
    }
}

impl Guest {
    fn new(now: Instant) -> Self {
        Self {
            connections: Arc::new(Semaphore::new(CONNECTIONS_EACH_MAX)),
            bytes: Arc::new(Semaphore::new(BYTES_EACH_MAX)),
            work: Mutex::new(Work { left: f64::from(WORK_AT_ONCE), at: now }),
        }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it has no connection, and nothing is lost by forgetting it.
    fn is_idle(&self, now: Instant) -> bool {
        let mut work = self.work();
        work.refill(now);
        self.connections.available_permits() == CONNECTIONS_EACH_MAX
            && work.left >= f64::from(WORK_AT_ONCE)
    }
}

impl Work {
    fn refill(&mut self, now: Instant) {
        let gained =
            now.saturating_duration_since(self.at).as_secs_f64() * f64::from(WORK_A_SECOND);
        self.left = (self.left + gained).min(f64::from(WORK_AT_ONCE));
        self.at = now;
    }
}

impl Admitted {
    /// Takes work from the store of the address; how long to wait before it is done, or `None` if that is too long.
    pub(crate) fn spend(&self, cost: u32, now: Instant) -> Option<Duration> {
        let mut work = self.guest.work();
        work.refill(now);
        let left = work.left - f64::from(cost);
        let wait = Duration::from_secs_f64((-left).max(0.0) / f64::from(WORK_A_SECOND));
        if wait > DELAY_MAX {
            return None;
        }
        work.left = left;
        Some(wait)
    }

    /// Takes room for bytes that have arrived; `false` if there is none.
    pub(crate) fn hold(&self, bytes: usize, room: &mut Room) -> bool {
        let Ok(count) = u32::try_from(bytes) else { return false };
        let own = self.guest.bytes.clone().try_acquire_many_owned(count);
        let all = self.limits.0.bytes.clone().try_acquire_many_owned(count);
        match (own, all) {
            (Ok(own), Ok(all)) => {
                room.0.extend([own, all]);
                true
            }
            _ => false,
        }
    }
}

/// Returns what counts as one address: all that one customer of a provider has.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn address(last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, last))
    }

    #[test]
    fn one_address_leaves_connections_for_others_and_all_have_a_bound() {
        let (limits, now) = (Limits::new(), Instant::now());
        let own: Vec<_> = (0..200).filter_map(|_| limits.admit(address(1), now)).collect();
        assert_eq!(own.len(), CONNECTIONS_EACH_MAX);
        assert!(limits.admit(address(2), now).is_some());
        let many: Vec<_> = (2..20)
            .flat_map(|at| (0..200).map(move |_| at))
            .filter_map(|at| limits.admit(address(at), now))
            .collect();
        assert_eq!(own.len() + many.len(), CONNECTIONS_MAX);
        drop(own);
        assert!(limits.admit(address(1), now).is_some(), "what ends makes room");
    }

    #[test]
    fn bytes_that_wait_are_bounded_and_given_back() {
        let (limits, now) = (Limits::new(), Instant::now());
        let guest = limits.admit(address(1), now).expect("the first");
        let mut room = Room::default();
        let mut held = 0;
        while guest.hold(1 << 16, &mut room) {
            held += 1 << 16;
        }
        assert_eq!(held, BYTES_EACH_MAX);
        let other = limits.admit(address(2), now).expect("another");
        assert!(other.hold(1 << 20, &mut Room::default()));
        drop(room);
        assert!(guest.hold(1 << 20, &mut Room::default()));
    }

    #[test]
    fn work_beyond_the_rate_waits_and_beyond_the_longest_wait_is_refused() {
        let (limits, now) = (Limits::new(), Instant::now());
        let guest = limits.admit(address(1), now).expect("the first");
        assert_eq!(guest.spend(WORK_AT_ONCE, now), Some(Duration::ZERO));
        let wait = guest.spend(WORK_A_SECOND, now).expect("a second is not too long");
        assert_eq!(wait, Duration::from_secs(1));
        assert_eq!(guest.spend(2 * WORK_A_SECOND, now), None);
        // Connecting anew does not fill it.
        drop(guest);
        let guest = limits.admit(address(1), now).expect("again");
        assert!(guest.spend(1, now).expect("not too long") > Duration::from_millis(900));
        let later = now + Duration::from_secs(10);
        assert_eq!(guest.spend(1, later), Some(Duration::ZERO));
    }

    #[test]
    fn a_customer_with_a_whole_network_is_one_address() {
        let one: IpAddr = "2001:db8:1:2::1".parse().expect("an address");
        let other: IpAddr = "2001:db8:1:2:ffff::9".parse().expect("an address");
        let mapped: IpAddr = "::ffff:10.0.0.1".parse().expect("an address");
        assert_eq!(network_of(one), network_of(other));
        assert_eq!(network_of(mapped), address(1));
    }
}
