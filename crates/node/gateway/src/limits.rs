//! What one address, and all together, may take of the server: connections, bytes that are on their way, and work. The work
//! that an address may ask for is under a rate limit: a token bucket, which time fills.
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

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Connections at one time: of all, of all but this machine, of one network of addresses and of one address.
const CONNECTIONS_MAX: usize = 256;
const CONNECTIONS_ABROAD_MAX: usize = CONNECTIONS_MAX - 32;
const CONNECTIONS_WIDE_MAX: usize = 96;
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
    bytes: Arc<Semaphore>,
    house: Mutex<House>,
}

/// Who is there.
#[derive(Debug, Default)]
struct House {
    guests: HashMap<IpAddr, Arc<Guest>>,
    /// Open connections by number, the oldest first.
    seats: BTreeMap<u64, Seat>,
    next: u64,
}

/// One open connection.
#[derive(Debug)]
struct Seat {
    /// Its address, and the wider network that this is in.
    address: IpAddr,
    wide: IpAddr,
    presence: Arc<Presence>,
}

/// What a connection is doing.
#[derive(Debug)]
pub(crate) struct Presence {
    /// Whole requests that are being worked on.
    busy: AtomicUsize,
    /// When it was last seen to do something.
    seen: Mutex<Instant>,
    /// Told to go.
    leave: Notify,
}

/// What one address has.
#[derive(Debug)]
pub(crate) struct Guest {
    bytes: Arc<Semaphore>,
    work: Mutex<Work>,
}

/// A store of work that fills again with time.
#[derive(Debug)]
struct Work {
    left: f64,
    at: Instant,
}

/// A connection that has been let in. Dropping the last copy makes room for another.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    /// Where it comes from.
    pub(crate) address: IpAddr,
    limits: Limits,
    guest: Arc<Guest>,
    place: Arc<Place>,
}

/// A place among the connections, until dropped.
#[derive(Debug)]
struct Place {
    number: u64,
    limits: Limits,
    presence: Arc<Presence>,
}

/// Room for bytes of a request, until dropped.
#[derive(Debug, Default)]
pub(crate) struct Room(Vec<OwnedSemaphorePermit>);

/// A request that is being worked on, until dropped.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Presence>);

impl Limits {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared {
            bytes: Arc::new(Semaphore::new(BYTES_MAX)),
            house: Mutex::new(House::default()),
        }))
    }

    fn house(&self) -> MutexGuard<'_, House> {
        self.0.house.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a connection in, in the place of an idle one if there is no room; `None` if nobody is idle who would have to
    /// make room.
    pub(crate) fn admit(&self, address: IpAddr, now: Instant) -> Option<Admitted> {
        let (own, wide) = (network_of(address), wide_of(address));
        let mut house = self.house();
        let guest = house.guest(own, now)?;
        house.make_room(own, wide)?;
        let presence = Arc::new(Presence {
            busy: AtomicUsize::new(0),
            seen: Mutex::new(now),
            leave: Notify::new(),
        });
        let number = house.next;
        house.next += 1;
        house.seats.insert(number, Seat { address: own, wide, presence: presence.clone() });
        drop(house);
        let place = Arc::new(Place { number, limits: self.clone(), presence });
        Some(Admitted { address, limits: self.clone(), guest, place })
    }
}

impl House {
    fn guest(&mut self, own: IpAddr, now: Instant) -> Option<Arc<Guest>> {
        if self.guests.len() >= ADDRESSES_KEPT {
            let connected: Vec<IpAddr> = self.seats.values().map(|seat| seat.address).collect();
            self.guests.retain(|at, guest| connected.contains(at) || !guest.is_rested(now));
        }
        // Still as many: each of them is connected, or was a moment ago.
        if self.guests.len() >= ADDRESSES_KEPT && !self.guests.contains_key(&own) {
            return None;
        }
        Some(self.guests.entry(own).or_insert_with(|| Arc::new(Guest::new(now))).clone())
    }

    /// Makes room for one more connection; `None` if there is none to be had.
    fn make_room(&mut self, own: IpAddr, wide: IpAddr) -> Option<()> {
        let abroad = |seat: &Seat| !seat.wide.is_loopback();
        while self.count(|seat| seat.address == own) >= CONNECTIONS_EACH_MAX {
            self.send_away(|seat| seat.address == own)?;
        }
        while self.count(|seat| seat.wide == wide) >= CONNECTIONS_WIDE_MAX {
            self.send_away(|seat| seat.wide == wide)?;
        }
        if !wide.is_loopback() {
            while self.count(abroad) >= CONNECTIONS_ABROAD_MAX {
                self.send_away(abroad).or_else(|| self.interrupt(abroad, wide))?;
            }
        }
        while self.seats.len() >= CONNECTIONS_MAX {
            let among = |seat: &Seat| wide.is_loopback() || abroad(seat);
            self.send_away(among).or_else(|| self.interrupt(among, wide))?;
        }
        Some(())
    }

    fn count(&self, of: impl Fn(&Seat) -> bool) -> usize {
        self.seats.values().filter(|seat| of(seat)).count()
    }

    /// Ends, among some connections, the idlest of the network that has the most.
    fn send_away(&mut self, among: impl Fn(&Seat) -> bool) -> Option<()> {
        let chosen = self.idlest(|seat| among(seat) && !seat.presence.is_busy())?;
        self.end(chosen)
    }

    /// Ends, where all are busy, the connection that has been for longest of the network that has the most, if that
    /// has more than the newcomer's: who keeps many requests waiting waits on few.
    fn interrupt(&mut self, among: impl Fn(&Seat) -> bool, newcomer: IpAddr) -> Option<()> {
        let chosen = self.idlest(among)?;
        let wide = self.seats.get(&chosen)?.wide;
        let many = |of: IpAddr| self.count(|seat| seat.wide == of);
        if many(wide) <= many(newcomer).saturating_add(1) {
            return None;
        }
        self.end(chosen)
    }

    /// Returns, among some connections of the network that has the most, the one not seen for longest.
    fn idlest(&self, among: impl Fn(&Seat) -> bool) -> Option<u64> {
        let mut held: HashMap<IpAddr, usize> = HashMap::new();
        for seat in self.seats.values() {
            *held.entry(seat.wide).or_default() += 1;
        }
        let among = self.seats.iter().filter(|(_, seat)| among(seat));
        let chosen = among.max_by_key(|(_, seat)| {
            let many = held.get(&seat.wide).copied().unwrap_or(0);
            (many, std::cmp::Reverse(seat.presence.seen()))
        });
        chosen.map(|(number, _)| *number)
    }

    fn end(&mut self, number: u64) -> Option<()> {
        let gone = self.seats.remove(&number)?;
        gone.presence.leave.notify_one();
        Some(())
    }
}

impl Presence {
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
    pub(crate) async fn told_to_leave(&self) {
        self.leave.notified().await;
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.touch(Instant::now());
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.limits.house().seats.remove(&self.number);
    }
}

impl Guest {
    fn new(now: Instant) -> Self {
        Self {
            bytes: Arc::new(Semaphore::new(BYTES_EACH_MAX)),
            work: Mutex::new(Work { left: f64::from(WORK_AT_ONCE), at: now }),
        }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing is lost by forgetting it.
    fn is_rested(&self, now: Instant) -> bool {
        let mut work = self.work();
        work.refill(now);
        work.left >= f64::from(WORK_AT_ONCE)
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
    /// Returns what the connection is seen to do.
    pub(crate) fn presence(&self) -> Arc<Presence> {
        self.place.presence.clone()
    }

    /// Notes that a whole request is being worked on.
    pub(crate) fn work_on(&self) -> Busy {
        let presence = self.presence();
        presence.busy.fetch_add(1, Ordering::Relaxed);
        Busy(presence)
    }

    /// Returns the same connection, on behalf of a client behind it: what the client asks for counts as its own. `None` if
    /// too many are remembered.
    pub(crate) fn asks_for(mut self, client: IpAddr, now: Instant) -> Option<Self> {
        if network_of(client) != network_of(self.address) {
            self.guest = self.limits.house().guest(network_of(client), now)?;
            self.address = client;
        }
        Some(self)
    }

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

/// Returns what counts as one network of addresses: what one customer with many hosts has, a /24 or a /48; and all of this
/// machine's own.
fn wide_of(address: IpAddr) -> IpAddr {
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
    use std::net::Ipv4Addr;

    fn address(last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, last))
    }

    /// Opens connections from addresses, one after the other; those that were let in.
    fn crowd(limits: &Limits, from: impl Iterator<Item = IpAddr>, now: Instant) -> Vec<Admitted> {
        from.filter_map(|address| limits.admit(address, now)).collect()
    }

    fn seats(limits: &Limits, of: impl Fn(&Seat) -> bool) -> usize {
        limits.house().count(of)
    }

    #[test]
    fn one_address_leaves_connections_for_others_and_all_have_a_bound() {
        let (limits, now) = (Limits::new(), Instant::now());
        let own = crowd(&limits, std::iter::repeat_n(address(1), 200), now);
        assert_eq!(own.len(), 200, "each is let in, for an older one");
        assert_eq!(seats(&limits, |_| true), CONNECTIONS_EACH_MAX);
        let neighbours = crowd(&limits, (2..200).map(address), now);
        assert_eq!(seats(&limits, |_| true), CONNECTIONS_WIDE_MAX, "they are one network");
        let abroad = (0..200).flat_map(|net| (0..3).map(move |_| IpAddr::from([9, 9, net, 1])));
        let abroad = crowd(&limits, abroad, now);
        assert_eq!(seats(&limits, |_| true), CONNECTIONS_ABROAD_MAX, "the rest is this machine's");
        drop((own, neighbours, abroad));
        assert_eq!(seats(&limits, |_| true), 0, "what ends makes room");
    }

    #[test]
    fn connections_on_which_nothing_is_asked_keep_nobody_out() {
        let (limits, begun) = (Limits::new(), Instant::now());
        let later = |seconds| begun + Duration::from_secs(seconds);
        // As many as there may be, from everywhere, this machine's own places included.
        let idle = (0..224).map(|net| IpAddr::from([10, 0, net, 1]));
        let held = crowd(&limits, idle, begun);
        let here = crowd(&limits, (0..32).map(|last| IpAddr::from([127, 0, 30, last])), begun);
        assert_eq!(seats(&limits, |_| true), CONNECTIONS_MAX);
        let guest = limits.admit(address(7), later(1)).expect("somebody idle goes");
        let working = guest.work_on();
        let operator = limits.admit(Ipv4Addr::LOCALHOST.into(), later(1)).expect("so it does");
        assert_eq!(seats(&limits, |_| true), CONNECTIONS_MAX);
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
        assert!(limits.house().seats.contains_key(&guest.place.number));
        assert!(limits.house().seats.contains_key(&operator.place.number), "no stranger takes it");
        drop((working, held, here));
    }

    #[test]
    fn the_network_with_the_most_connections_makes_room() {
        let (limits, begun) = (Limits::new(), Instant::now());
        let greedy = crowd(&limits, (0..96).map(address), begun + Duration::from_secs(5));
        // Idle for longer, but each alone.
        let others = crowd(&limits, (0..128).map(|net| IpAddr::from([9, 9, net, 1])), begun);
        let newcomer = limits.admit(IpAddr::from([8, 8, 8, 8]), begun).expect("room is made");
        let of_greedy = |seat: &Seat| seat.wide == wide_of(address(0));
        assert_eq!(seats(&limits, of_greedy), 95);
        drop((greedy, others, newcomer));
    }

    #[test]
    fn where_all_are_busy_the_next_is_refused() {
        let (limits, now) = (Limits::new(), Instant::now());
        let own = crowd(&limits, std::iter::repeat_n(address(1), CONNECTIONS_EACH_MAX), now);
        let busy: Vec<Busy> = own.iter().map(Admitted::work_on).collect();
        assert!(limits.admit(address(1), now).is_none());
        assert!(limits.admit(address(2), now).is_some(), "another has places of its own");
        drop(busy);
        assert!(limits.admit(address(1), now).is_some());
    }

    #[test]
    fn requests_that_are_kept_waiting_by_few_keep_nobody_else_out() {
        let (limits, now) = (Limits::new(), Instant::now());
        let three =
            (0..3u8).flat_map(|net| (0..96).map(move |last| IpAddr::from([9, 9, net, last])));
        let held = crowd(&limits, three, now);
        let busy: Vec<Busy> = held.iter().map(Admitted::work_on).collect();
        let guest = limits.admit(address(1), now).expect("the greediest makes room");
        let _working = guest.work_on();
        let second = limits.admit(address(2), now).expect("it does again");
        assert_eq!(seats(&limits, |_| true), CONNECTIONS_ABROAD_MAX);
        assert!(limits.house().seats.contains_key(&guest.place.number));
        drop((busy, second));
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
        let third: IpAddr = "2001:db8:1:99::1".parse().expect("an address");
        assert_ne!(network_of(one), network_of(third));
        assert_eq!(wide_of(one), wide_of(third), "a /48 is one network");
        assert_eq!(wide_of(mapped), wide_of(address(200)), "a /24 is one network");
        assert_ne!(wide_of(address(1)), wide_of(IpAddr::from([10, 0, 1, 1])));
        let here: [IpAddr; 3] =
            ["::1", "127.9.9.9", "::ffff:127.0.0.1"].map(|text| text.parse().expect("one"));
        assert!(here.iter().all(|here| wide_of(*here).is_loopback()));
    }
}
