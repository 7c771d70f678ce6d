//! A validator in real time: TCP with authenticated, encrypted links, and files.
//!
//! The engine is built for this runtime here and nowhere else, for each build of it costs minutes.

use crate::answers::node::Node;
use crate::consensus::committee::{CommitteeError, Committees, Voter};
use crate::consensus::floor::Floor;
use crate::consensus::guard::{GuardError, VoteGuard};
use crate::engine::{self, CHANNELS, StartError, Timeouts, message_bytes_max, quota};
use crate::execution::executor::Executor;
use crate::execution::steps::Steps;
use crate::keys::ValidatorKey;
use crate::proposal::propose::Pace;
use commonware_codec::{Copying, DecodeExt as _};
use commonware_cryptography::{ChaCha20Poly1305, Signer as _, ed25519::PublicKey};
use commonware_p2p::{
    Address, AddressableManager as _,
    authenticated::lookup::{Config as NetworkConfig, Network},
};
use commonware_runtime::{Metrics as _, Runner as _, Supervisor as _, tokio as runtime};
use commonware_stream::{
    cups::{self, Cups},
    sake::{self, Sake},
};
use commonware_utils::{NZUsize, TryCollect as _, ordered::Map};
use futures::future::{Either, select};
use light::Anchor;
use machine::CommitteeRecord;
use mempool::Limits;
use protocol::{Seat, ValidatorId};
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use units::BlockTime;

/// Threads that run the engine; execution has one of its own.
const WORKERS: usize = 2;
/// Fewest validators for which there is room; there is room for twice those that are known at the start. Each takes some
/// megabytes, whether it comes or not.
const PEERS_ROOM_MIN: usize = 16;
/// How far the clocks of two validators may be apart when they connect.
const CLOCKS_APART_MAX: Duration = Duration::from_secs(5);
/// How long a peer is shut out that has sent what no honest validator sends.
const BLOCKED_FOR: Duration = Duration::from_secs(30);

/// What a validator is told when it starts.
pub struct Setup {
    /// Its data directory; the ledger holds the lock on it.
    pub directory: PathBuf,
    /// Its key.
    pub key: ValidatorKey,
    /// Its network.
    pub anchor: Anchor,
    /// Time of the genesis.
    pub founded_at: BlockTime,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where validators are reached, for those whose seat does not say it, or says it wrongly.
    pub addresses: Vec<(ValidatorId, SocketAddr)>,
    /// What executes blocks.
    pub ledger: Box<dyn Executor>,
    /// Bounds of the pool.
    pub limits: Limits,
    /// The public key of the reporter whose reports of prices it signs; it takes none without one.
    pub reporter: Option<[u8; 32]>,
    /// How long a proposer waits for something to say.
    pub pace: Pace,
    /// How long the engine waits.
    pub timeouts: Timeouts,
    /// Where the engine begins, if not at the genesis.
    pub floor: Option<Floor>,
    /// Ordered blocks that the engine keeps; all if `None`.
    pub blocks_kept: Option<u64>,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Setup({}, {:?})", self.directory.display(), self.key)
    }
}

/// Why a validator does not run.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// It cannot start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The anchor cannot be used.
    #[error(transparent)]
    Committee(#[from] CommitteeError),
    /// The double-sign guard cannot be used.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// A validator that cannot be reached.
    #[error("no address is known of validator {0}: name it under [addresses] in the configuration")]
    Address(ValidatorId),
    /// What the committees are followed by.
    #[error("the file of steps cannot be used: {0}")]
    Steps(std::io::Error),
    /// The engine ended by itself.
    #[error("the consensus engine has stopped: see its log above, then start again")]
    EngineStopped,
    /// The engine cannot go on: it panics where its disk refuses a write.
    #[error(
        "the consensus engine cannot go on: {why}; nothing more is signed, and what was acknowledged is kept: remove the cause, then \
         start again"
    )]
    EngineFailed {
        /// What it said, or why the guard signs nothing more.
        why: String,
    },
}

/// Runs a validator until `serve` returns. `serve` gets a handle on it, and a function that returns its metrics as text.
///
/// # Errors
///
/// [`LiveError`] if the validator cannot start, or its engine ends.
pub fn run<F, Fut, T>(setup: Setup, serve: F) -> Result<T, LiveError>
where
    F: FnOnce(Node, Arc<dyn Fn() -> String + Send + Sync>) -> Fut,
    Fut: Future<Output = T>,
{
    let record = setup.ledger.committee();
    // The network takes a seat for granted, and so does the guard's file.
    // Who had one in the last epoch alone has signed all that it was to sign, and is heard no longer.
    let seats = [&record.next, &record.present, &record.wanted];
    if !seats.into_iter().flatten().any(|seat| seat.key == setup.key.public()) {
        return Err(StartError::NotAValidator.into());
    }
    let network = setup.anchor.hash().map_err(CommitteeError::from)?;
    let storage = setup.directory.join("engine");
    let guard = VoteGuard::open(&setup.directory.join("votes"), network)?;
    let guard = Arc::new(Mutex::new(guard));
    let steps = Steps::open(&setup.directory.join("steps"), network).map_err(LiveError::Steps)?;
    let public = setup.key.0.public_key();
    let voter = Voter { key: setup.key.0.clone(), guard: guard.clone() };
    let addresses: BTreeMap<_, _> = setup.addresses.into_iter().collect();
    let known: BTreeSet<_> = everybody(&record).map(|seat| seat.validator).collect();
    let room = known.len().saturating_mul(2).max(PEERS_ROOM_MIN);
    let (_, unreachable) = peers(&record, &addresses, room);
    if let Some(id) = unreachable.into_iter().find(|id| seated(&record, *id)) {
        return Err(LiveError::Address(id));
    }
    let committees = Arc::new(Committees::new(setup.anchor, voter, record)?);
    let executor = runtime::Config::new()
        .with_worker_threads(WORKERS)
        .with_tcp_nodelay(Some(true))
        .with_storage_directory(&storage);
    let signing = guard.clone();
    let run = || {
        runtime::Runner::new(executor).start(|context| async move {
            let handshake = Cups::<_, ChaCha20Poly1305>::new(
                Sake {
                    signer: setup.key.0.clone(),
                    synchrony_bound: CLOCKS_APART_MAX,
                    max_handshake_age: CLOCKS_APART_MAX * 2,
                    version: sake::Version::V1,
                },
                cups::Version::V1,
            );
            // Mailboxes are sized by it.
            let peers_max = NonZeroUsize::new(room).unwrap_or(NonZeroUsize::MIN);
            let mut config = NetworkConfig::local(
                handshake,
                &committees.namespace,
                setup.listen,
                peers_max,
                message_bytes_max(),
                NZUsize!(1_024),
            );
            config.dial_frequency = Duration::from_millis(250);
            config.peer_connection_cooldown = Duration::from_millis(500);
            // What blocks a peer may be a fault of this program: it must not cut the network for longer than it takes to notice.
            config.block_duration = BLOCKED_FOR;
            config.tracked_peer_sets = NZUsize!(1);
            let (mut network, oracle) = Network::new(context.child("network"), config);
            let (manager, tracked) = (Mutex::new(oracle.clone()), AtomicU64::new(0));
            let seated = Box::new(move |record: &CommitteeRecord| {
                let (peers, unreached) = peers(record, &addresses, room);
                let number = tracked.fetch_add(1, Ordering::Relaxed);
                manager.lock().unwrap_or_else(PoisonError::into_inner).track(number, peers);
                unreached
            });
            let channels = CHANNELS
                .iter()
                .map(|(channel, rate)| network.register(*channel, quota(*rate)))
                .collect::<Vec<_>>();
            network.start();
            let (engine, node) = engine::start(
                context.child("engine"),
                engine::Config {
                    key: public,
                    committees,
                    steps: Some(steps),
                    seated,
                    layout: engine::LAYOUT.to_owned(),
                    founded_at: setup.founded_at,
                    guard,
                    ledger: setup.ledger,
                    limits: setup.limits,
                    reporter: setup.reporter,
                    pace: setup.pace,
                    timeouts: setup.timeouts,
                    floor: setup.floor,
                    blocks_kept: setup.blocks_kept,
                    #[cfg(feature = "simulation")]
                    faults: crate::simulation::Faults::default(),
                },
                oracle.clone(),
                oracle,
                channels,
            )
            .await?;
            let metrics = Arc::new(move || context.encode());
            let served = pin!(serve(node, metrics));
            match select(served, engine).await {
                Either::Left((result, _)) => Ok(result),
                Either::Right(_) => Err(LiveError::EngineStopped),
            }
        })
    };
    contained(&signing, &storage, run)
}

/// Runs the engine. Where it panics, as it does where its disk refuses a write, nothing more is signed, and its words are told,
/// after the reason for which nothing was signed before, with what the system says of the disk.
fn contained<T>(
    signing: &Mutex<VoteGuard>,
    storage: &Path,
    run: impl FnOnce() -> Result<T, LiveError>,
) -> Result<T, LiveError> {
    // Its tasks have ended, and nothing of it is used again.
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let mut signing = signing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut said = what_panicked(&*panic);
        if let Err(error) = durable::takes_more(storage) {
            said = format!("{said}: {} takes no more: {error}", storage.display());
        }
        let why = signing.stopped().map_or_else(|| said.clone(), |held| format!("{held} ({said})"));
        signing.stop(said);
        Err(LiveError::EngineFailed { why })
    })
}

/// Returns the words of a panic.
fn what_panicked(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "it panicked without a word".to_owned())
}

/// Returns all seats, those of the next epoch first; most come more than once.
fn everybody(record: &CommitteeRecord) -> impl Iterator<Item = &Seat> {
    let sets = [&record.next, &record.present, &record.last, &record.wanted];
    sets.into_iter().flatten()
}

/// Returns where each validator is reached, by key, and those of whom that is not known, or for whom there is no room.
fn peers(
    record: &CommitteeRecord,
    addresses: &BTreeMap<ValidatorId, SocketAddr>,
    room: usize,
) -> (Map<PublicKey, Address>, Vec<ValidatorId>) {
    let mut seats: BTreeMap<ValidatorId, &Seat> = BTreeMap::new();
    let (mut reached, mut unreachable) = (BTreeMap::new(), Vec::new());
    // Those that are only wanted come last, should there be no room for all.
    for seat in everybody(record) {
        if seats.len() < room {
            seats.entry(seat.validator).or_insert(seat);
        } else if !seats.contains_key(&seat.validator) {
            unreachable.push(seat.validator);
        }
    }
    for (id, seat) in seats {
        let address = addresses.get(&id).copied().or_else(|| seat.endpoint.map(socket));
        match (address, PublicKey::decode(Copying(&seat.key))) {
            (Some(address), Ok(key)) => drop(reached.insert(key, Address::from(address))),
            _ => unreachable.push(id),
        }
    }
    // A number has one key, so no key comes twice.
    (reached.into_iter().try_collect().unwrap_or_default(), unreachable)
}

/// Returns the address of an endpoint.
#[must_use]
pub fn socket(endpoint: protocol::Endpoint) -> SocketAddr {
    let ip = Ipv6Addr::from(endpoint.ip);
    let ip = ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4);
    SocketAddr::new(ip, endpoint.port)
}

fn seated(record: &CommitteeRecord, id: ValidatorId) -> bool {
    record.present.iter().chain(&record.next).any(|seat| seat.validator == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::guard::Ballot;
    use protocol::Hash;
    use std::fs;

    const REFUSED: &str = "blob sync failed: File too large (os error 27)";

    /// Why a validator whose engine's disk has refused a write does not go on.
    fn refused_a_write(guard: &Mutex<VoteGuard>) -> String {
        let storage = std::env::temp_dir().join(format!("live-{:?}", std::thread::current().id()));
        fs::create_dir_all(storage.join("journal")).expect("writable");
        fs::write(storage.join("journal/0"), b"kept").expect("writable");
        let why = failed(guard, &storage);
        let left: Vec<_> = fs::read_dir(&storage).expect("readable").collect();
        assert_eq!(left.len(), 1, "what was tried is gone");
        fs::remove_dir_all(&storage).expect("removable");
        why
    }

    /// Why a validator whose engine has panicked does not go on.
    fn failed(guard: &Mutex<VoteGuard>, storage: &Path) -> String {
        match contained::<()>(guard, storage, || panic!("{REFUSED}")) {
            Err(LiveError::EngineFailed { why }) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_the_system_says_of_the_disk_is_told_where_the_engine_leaves_it_out() {
        let guard = Mutex::new(VoteGuard::in_memory());
        let why = failed(&guard, Path::new("/dev/null/engine"));
        let says = "/dev/null/engine takes no more: Not a directory (os error 20)";
        assert_eq!(why, format!("{REFUSED}: {says}"));
    }

    #[test]
    fn where_the_engine_panics_nothing_more_is_signed_and_its_words_are_told() {
        // 0025-BLOCK-032
        let guard = Mutex::new(VoteGuard::in_memory());
        let vote = |view| Ballot::Notarize { round: view, block: Hash::new([1; 32]) };
        guard.lock().expect("nobody panics with it").permit(vote(1)).expect("it signs");
        assert_eq!(refused_a_write(&guard), REFUSED);
        let mut guard = guard.lock().expect("nobody panics with it");
        assert_eq!(guard.stopped(), Some(REFUSED));
        let next = guard.permit(vote(2));
        assert!(matches!(next, Err(GuardError::Stopped(why)) if why == REFUSED));
    }

    #[test]
    fn the_reason_for_which_nothing_was_signed_before_comes_first() {
        // 0025-BLOCK-032
        let mut stopped = VoteGuard::in_memory();
        stopped.stop("finalised block 7 cannot be kept".into());
        let guard = Mutex::new(stopped);
        let why = refused_a_write(&guard);
        assert_eq!(why, format!("finalised block 7 cannot be kept ({REFUSED})"));
        let guard = guard.lock().expect("nobody panics with it");
        assert_eq!(guard.stopped(), Some("finalised block 7 cannot be kept"));
    }

    #[test]
    fn an_engine_that_does_not_panic_stops_nothing() {
        let guard = Mutex::new(VoteGuard::in_memory());
        assert_eq!(contained(&guard, Path::new("/"), || Ok(5)).ok(), Some(5));
        let stopped = contained::<()>(&guard, Path::new("/"), || Err(LiveError::EngineStopped));
        assert!(matches!(stopped, Err(LiveError::EngineStopped)));
        assert_eq!(guard.lock().expect("nobody panics with it").stopped(), None);
    }
}
