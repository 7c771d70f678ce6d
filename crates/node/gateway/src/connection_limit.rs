//! The connection limit: how many connections and bytes on their way one address, one network of addresses, and all
//! together may have. What an address may ask for is under the rate limit of `rate_limit`.
//!
//! Whoever comes is let in, and where there is no room somebody else goes: the connection that has been idle for
//! longest, among those of the network that has the most. A connection is idle as long as no whole request of its is
//! being worked on and it takes nothing of an answer: what has been held open for nothing makes room for what is asked.
//! Some places are for this machine alone, on which the operator's own programs run.
//!
//! **Invariant:** whatever one address does, it holds no more than its share; whatever all do, the sum is bounded; and
//! nobody is kept out by connections on which nothing is asked, or by requests that a few keep waiting.
//!
//! **Left out:** crowds of networks that all ask for something. They are kept within the sums, and crowd out others
//! there; a proxy in front of a public port is for that.

use crate::rate_limit::TokenBucket;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Connections at one time: of all, of all but this machine, of one network of addresses and of one address.
const CONNECTIONS_MAX: usize = 256;
const CONNECTIONS_ABROAD_MAX: usize = CONNECTIONS_MAX - 32;
const CONNECTIONS_SUBNET_MAX: usize = 96;
const CONNECTIONS_EACH_MAX: usize = 64;
/// Bytes of requests that have arrived and are not answered, of all and of one address.
const BYTES_MAX: usize = 64 << 20;
const BYTES_EACH_MAX: usize = 16 << 20;
/// Addresses that are remembered after their last connection.
const ADDRESSES_KEPT: usize = 4_096;

/// The limits, shared by all connections.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionLimits(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bytes: Arc<Semaphore>,
    table: Mutex<ConnectionTable>,
}

/// Open connections, and what their addresses have left.
#[derive(Debug, Default)]
struct ConnectionTable {
    quotas: HashMap<IpAddr, Arc<AddressQuota>>,
    /// Open connections by number, the oldest first.
    connections: BTreeMap<u64, Connection>,
    next: u64,
}

/// One open connection.
#[derive(Debug)]
struct Connection {
    /// Its address, and the subnet that this is in.
    address: IpAddr,
    subnet: IpAddr,
    activity: Arc<Activity>,
}

/// What a connection is doing.
#[derive(Debug)]
pub(crate) struct Activity {
    /// Whole requests that are being worked on.
    busy: AtomicUsize,
    /// When it was last seen to do something.
    seen: Mutex<Instant>,
    /// Told to go.
    evict: Notify,
}

/// What one address has: room for bytes of requests, and a bucket of work.
#[derive(Debug)]
pub(crate) struct AddressQuota {
    bytes: Arc<Semaphore>,
    bucket: Mutex<TokenBucket>,
}

/// A connection that has been let in. Dropping the last copy makes room for another.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionPermit {
    /// Where it comes from.
    pub(crate) address: IpAddr,
    limits: ConnectionLimits,
    quota: Arc<AddressQuota>,
    slot: Arc<Slot>,
}

/// A place among the connections, until dropped.
#[derive(Debug)]
struct Slot {
    number: u64,
    limits: ConnectionLimits,
    activity: Arc<Activity>,
}

/// Room for bytes of a request, until dropped.
#[derive(Debug, Default)]
pub(crate) struct BytesPermit(Vec<OwnedSemaphorePermit>);

/// A request that is being worked on, until dropped.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Activity>);

impl ConnectionLimits {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared {
            bytes: Arc::new(Semaphore::new(BYTES_MAX)),
            table: Mutex::new(ConnectionTable::default()),
        }))
    }

    fn table(&self) -> MutexGuard<'_, ConnectionTable> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a connection in, in the place of an idle one if there is no room; `None` if nobody is idle who would have to
    /// make room.
    pub(crate) fn admit(&self, address: IpAddr, now: Instant) -> Option<ConnectionPermit> {
        let (own, subnet) = (network_of(address), subnet_of(address));
        let mut table = self.table();
        let quota = table.quota(own, now)?;
        table.make_room(own, subnet)?;
        let activity = Arc::new(Activity {
            busy: AtomicUsize::new(0),
            seen: Mutex::new(now),
            evict: Notify::new(),
        });
        let number = table.next;
        table.next += 1;
        table
            .connections
            .insert(number, Connection { address: own, subnet, activity: activity.clone() });
        drop(table);
        let slot = Arc::new(Slot { number, limits: self.clone(), activity });
        Some(ConnectionPermit { address, limits: self.clone(), quota, slot })
    }
}

impl ConnectionTable {
    fn quota(&mut self, own: IpAddr, now: Instant) -> Option<Arc<AddressQuota>> {
        if self.quotas.len() >= ADDRESSES_KEPT {
            let connected: Vec<IpAddr> =
                self.connections.values().map(|connection| connection.address).collect();
            self.quotas.retain(|at, quota| connected.contains(at) || !quota.is_rested(now));
        }
        // Still as many: each of them is connected, or was a moment ago.
        if self.quotas.len() >= ADDRESSES_KEPT && !self.quotas.contains_key(&own) {
            return None;
        }
        Some(self.quotas.entry(own).or_insert_with(|| Arc::new(AddressQuota::new(now))).clone())
    }

    /// Makes room for one more connection; `None` if there is none to be had.
    fn make_room(&mut self, own: IpAddr, subnet: IpAddr) -> Option<()> {
        let abroad = |connection: &Connection| !connection.subnet.is_loopback();
        while self.count(|connection| connection.address == own) >= CONNECTIONS_EACH_MAX {
            self.evict_idle(|connection| connection.address == own)?;
        }
        while self.count(|connection| connection.subnet == subnet) >= CONNECTIONS_SUBNET_MAX {
            self.evict_idle(|connection| connection.subnet == subnet)?;
        }
        if !subnet.is_loopback() {
            while self.count(abroad) >= CONNECTIONS_ABROAD_MAX {
                self.evict_idle(abroad).or_else(|| self.evict_busy(abroad, subnet))?;
            }
        }
        while self.connections.len() >= CONNECTIONS_MAX {
            let among = |connection: &Connection| subnet.is_loopback() || abroad(connection);
            self.evict_idle(among).or_else(|| self.evict_busy(among, subnet))?;
        }
        Some(())
    }

    fn count(&self, of: impl Fn(&Connection) -> bool) -> usize {
        self.connections.values().filter(|connection| of(connection)).count()
    }

    /// Ends, among some connections, the idlest of the network that has the most.
    fn evict_idle(&mut self, among: impl Fn(&Connection) -> bool) -> Option<()> {
        let chosen =
            self.idlest(|connection| among(connection) && !connection.activity.is_busy())?;
        self.end(chosen)
    }

    /// Ends, where all are busy, the connection that has been for longest of the network that has the most, if that
    /// has more than the newcomer's: who keeps many requests waiting waits on few.
    fn evict_busy(&mut self, among: impl Fn(&Connection) -> bool, newcomer: IpAddr) -> Option<()> {
        let chosen = self.idlest(among)?;
        let subnet = self.connections.get(&chosen)?.subnet;
        let many = |of: IpAddr| self.count(|connection| connection.subnet == of);
        if many(subnet) <= many(newcomer).saturating_add(1) {
            return None;
        }
        self.end(chosen)
    }

    /// Returns, among some connections of the network that has the most, the one not seen for longest.
    fn idlest(&self, among: impl Fn(&Connection) -> bool) -> Option<u64> {
        let mut held: HashMap<IpAddr, usize> = HashMap::new();
        for connection in self.connections.values() {
            *held.entry(connection.subnet).or_default() += 1;
        }
        let among = self.connections.iter().filter(|(_, connection)| among(connection));
        let chosen = among.max_by_key(|(_, connection)| {
            let many = held.get(&connection.subnet).copied().unwrap_or(0);
            (many, std::cmp::Reverse(connection.activity.seen()))
        });
        chosen.map(|(number, _)| *number)
    }

    fn end(&mut self, number: u64) -> Option<()> {
        let gone = self.connections.remove(&number)?;
        gone.activity.evict.notify_one();
        Some(())
    }
}

impl Activity {
    fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0
    }

    fn seen(&self) -> Instant {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the connection does something.
    pub(crate) fn touch(&self, now: Instant) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Waits until the connection has to make room for another.
    pub(crate) async fn evicted(&self) {
        self.evict.notified().await;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.touch(Instant::now());
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.limits.table().connections.remove(&self.number);
    }
}

impl AddressQuota {
    fn new(now: Instant) -> Self {
        Self {
            bytes: Arc::new(Semaphore::new(BYTES_EACH_MAX)),
            bucket: Mutex::new(TokenBucket::full(now)),
        }
    }

    fn bucket(&self) -> MutexGuard<'_, TokenBucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing is lost by forgetting it.
    fn is_rested(&self, now: Instant) -> bool {
        self.bucket().is_full(now)
    }
}

impl ConnectionPermit {
    /// Returns what the connection is seen to do.
    pub(crate) fn activity(&self) -> Arc<Activity> {
        self.slot.activity.clone()
    }

    /// Notes that a whole request is being worked on.
    pub(crate) fn begin_request(&self) -> InFlight {
        let activity = self.activity();
        activity.busy.fetch_add(1, Ordering::Relaxed);
        InFlight(activity)
    }

    /// Returns the same connection, on behalf of a client behind it: what the client asks for counts as its own. `None` if
    /// too many are remembered.
    pub(crate) fn on_behalf_of(mut self, client: IpAddr, now: Instant) -> Option<Self> {
        if network_of(client) != network_of(self.address) {
            self.quota = self.limits.table().quota(network_of(client), now)?;
            self.address = client;
        }
        Some(self)
    }

    /// Takes units of work from the bucket of the address: how long to wait before they are done, or `None` if that is too
    /// long.
    pub(crate) fn spend(&self, cost: u32, now: Instant) -> Option<Duration> {
        self.quota.bucket().take(cost, now)
    }

    /// Takes room for bytes that have arrived; `false` if there is none.
    pub(crate) fn hold(&self, bytes: usize, room: &mut BytesPermit) -> bool {
        let Ok(count) = u32::try_from(bytes) else { return false };
        let own = self.quota.bytes.clone().try_acquire_many_owned(count);
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

/// Returns what counts as one network of addresses: what one customer with many hosts has, a /24 or a /48; and all of this
/// machine's own.
fn subnet_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        address if address.is_loopback() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, 0))
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
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
    use crate::rate_limit::{UNITS_A_SECOND, UNITS_AT_ONCE};
    use std::net::Ipv4Addr;

    fn address(last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, last))
    }

    /// Opens connections from addresses, one after the other; those that were let in.
    fn crowd(
        limits: &ConnectionLimits,
        from: impl Iterator<Item = IpAddr>,
        now: Instant,
    ) -> Vec<ConnectionPermit> {
        from.filter_map(|address| limits.admit(address, now)).collect()
    }

    fn connections(limits: &ConnectionLimits, of: impl Fn(&Connection) -> bool) -> usize {
        limits.table().count(of)
    }

    #[test]
    fn one_address_leaves_connections_for_others_and_all_have_a_bound() {
        let (limits, now) = (ConnectionLimits::new(), Instant::now());
        let own = crowd(&limits, std::iter::repeat_n(address(1), 200), now);
        assert_eq!(own.len(), 200, "each is let in, for an older one");
        assert_eq!(connections(&limits, |_| true), CONNECTIONS_EACH_MAX);
        let neighbours = crowd(&limits, (2..200).map(address), now);
        assert_eq!(connections(&limits, |_| true), CONNECTIONS_SUBNET_MAX, "they are one network");
        let abroad = (0..200).flat_map(|net| (0..3).map(move |_| IpAddr::from([9, 9, net, 1])));
        let abroad = crowd(&limits, abroad, now);
        assert_eq!(
            connections(&limits, |_| true),
            CONNECTIONS_ABROAD_MAX,
            "the rest is this machine's"
        );
        drop((own, neighbours, abroad));
        assert_eq!(connections(&limits, |_| true), 0, "what ends makes room");
    }

    #[test]
    fn connections_on_which_nothing_is_asked_keep_nobody_out() {
        let (limits, begun) = (ConnectionLimits::new(), Instant::now());
        let later = |seconds| begun + Duration::from_secs(seconds);
        // As many as there may be, from everywhere, this machine's own places included.
        let idle = (0..224).map(|net| IpAddr::from([10, 0, net, 1]));
        let held = crowd(&limits, idle, begun);
        let here = crowd(&limits, (0..32).map(|last| IpAddr::from([127, 0, 30, last])), begun);
        assert_eq!(connections(&limits, |_| true), CONNECTIONS_MAX);
        let quota = limits.admit(address(7), later(1)).expect("somebody idle goes");
        let working = quota.begin_request();
        let operator = limits.admit(Ipv4Addr::LOCALHOST.into(), later(1)).expect("so it does");
        assert_eq!(connections(&limits, |_| true), CONNECTIONS_MAX);
        // Whoever works stays, whatever comes.
        let flood = crowd(
            &limits,
            (0..4_000u16).map(|at| {
                let [net, last] = at.to_be_bytes();
                IpAddr::from([11, net, last, 1])
            }),
            later(2),
        );
        assert_eq!(flood.len(), 4_000);
        assert!(limits.table().connections.contains_key(&quota.slot.number));
        assert!(
            limits.table().connections.contains_key(&operator.slot.number),
            "no stranger takes it"
        );
        drop((working, held, here));
    }

    #[test]
    fn the_network_with_the_most_connections_makes_room() {
        let (limits, begun) = (ConnectionLimits::new(), Instant::now());
        let greedy = crowd(&limits, (0..96).map(address), begun + Duration::from_secs(5));
        // Idle for longer, but each alone.
        let others = crowd(&limits, (0..128).map(|net| IpAddr::from([9, 9, net, 1])), begun);
        let newcomer = limits.admit(IpAddr::from([8, 8, 8, 8]), begun).expect("room is made");
        let of_greedy = |connection: &Connection| connection.subnet == subnet_of(address(0));
        assert_eq!(connections(&limits, of_greedy), 95);
        drop((greedy, others, newcomer));
    }

    #[test]
    fn where_all_are_busy_the_next_is_refused() {
        let (limits, now) = (ConnectionLimits::new(), Instant::now());
        let own = crowd(&limits, std::iter::repeat_n(address(1), CONNECTIONS_EACH_MAX), now);
        let busy: Vec<InFlight> = own.iter().map(ConnectionPermit::begin_request).collect();
        assert!(limits.admit(address(1), now).is_none());
        assert!(limits.admit(address(2), now).is_some(), "another has places of its own");
        drop(busy);
        assert!(limits.admit(address(1), now).is_some());
    }

    #[test]
    fn requests_that_are_kept_waiting_by_few_keep_nobody_else_out() {
        let (limits, now) = (ConnectionLimits::new(), Instant::now());
        let three =
            (0..3u8).flat_map(|net| (0..96).map(move |last| IpAddr::from([9, 9, net, last])));
        let held = crowd(&limits, three, now);
        let busy: Vec<InFlight> = held.iter().map(ConnectionPermit::begin_request).collect();
        let quota = limits.admit(address(1), now).expect("the greediest makes room");
        let _working = quota.begin_request();
        let second = limits.admit(address(2), now).expect("it does again");
        assert_eq!(connections(&limits, |_| true), CONNECTIONS_ABROAD_MAX);
        assert!(limits.table().connections.contains_key(&quota.slot.number));
        drop((busy, second));
    }

    #[test]
    fn bytes_that_wait_are_bounded_and_given_back() {
        let (limits, now) = (ConnectionLimits::new(), Instant::now());
        let quota = limits.admit(address(1), now).expect("the first");
        let mut room = BytesPermit::default();
        let mut held = 0;
        while quota.hold(1 << 16, &mut room) {
            held += 1 << 16;
        }
        assert_eq!(held, BYTES_EACH_MAX);
        let other = limits.admit(address(2), now).expect("another");
        assert!(other.hold(1 << 20, &mut BytesPermit::default()));
        drop(room);
        assert!(quota.hold(1 << 20, &mut BytesPermit::default()));
    }

    #[test]
    fn work_beyond_the_rate_waits_and_beyond_the_longest_wait_is_refused() {
        let (limits, now) = (ConnectionLimits::new(), Instant::now());
        let quota = limits.admit(address(1), now).expect("the first");
        assert_eq!(quota.spend(UNITS_AT_ONCE, now), Some(Duration::ZERO));
        let wait = quota.spend(UNITS_A_SECOND, now).expect("a second is not too long");
        assert_eq!(wait, Duration::from_secs(1));
        assert_eq!(quota.spend(2 * UNITS_A_SECOND, now), None);
        // Connecting anew does not fill it.
        drop(quota);
        let quota = limits.admit(address(1), now).expect("again");
        assert!(quota.spend(1, now).expect("not too long") > Duration::from_millis(900));
        let later = now + Duration::from_secs(10);
        assert_eq!(quota.spend(1, later), Some(Duration::ZERO));
    }

    #[test]
    fn a_customer_with_a_whole_network_is_one_address() {
        let one: IpAddr = "2001:db8:1:2::1".parse().expect("an address");
        let other: IpAddr = "2001:db8:1:2:ffff::9".parse().expect("an address");
        let mapped: IpAddr = "::ffff:10.0.0.1".parse().expect("an address");
        assert_eq!(network_of(one), network_of(other));
        assert_eq!(network_of(mapped), address(1));
        let third: IpAddr = "2001:db8:1:99::1".parse().expect("an address");
        assert_ne!(network_of(one), network_of(third));
        assert_eq!(subnet_of(one), subnet_of(third), "a /48 is one network");
        assert_eq!(subnet_of(mapped), subnet_of(address(200)), "a /24 is one network");
        assert_ne!(subnet_of(address(1)), subnet_of(IpAddr::from([10, 0, 1, 1])));
        let here: [IpAddr; 3] =
            ["::1", "127.9.9.9", "::ffff:127.0.0.1"].map(|text| text.parse().expect("one"));
        assert!(here.iter().all(|here| subnet_of(*here).is_loopback()));
    }
}
