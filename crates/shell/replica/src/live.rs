//! A validator in real time: TCP with authenticated, encrypted links, and files.
//!
//! The engine is built for this runtime here and nowhere else, for each build of it costs minutes.

use crate::app::Pace;
use crate::committee::{Committee, CommitteeError};
use crate::engine::{self, CHANNELS, StartError, Timeouts, message_bytes_max, quota};
use crate::floor::Floor;
use crate::guard::{GuardError, VoteGuard};
use crate::keys::ValidatorKey;
use crate::ledger::Ledger;
use crate::node::Node;
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
use mempool::Limits;
use protocol::ValidatorId;
use std::future::Future;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use units::BlockTime;

/// Threads that run the engine; execution has one of its own.
const WORKERS: usize = 2;
/// How far the clocks of two validators may be apart when they connect.
const CLOCKS_APART_MAX: Duration = Duration::from_secs(5);

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
    /// Where each validator is reached, itself included.
    pub addresses: Vec<(ValidatorId, SocketAddr)>,
    /// What executes blocks.
    pub ledger: Box<dyn Ledger>,
    /// Bounds of the pool.
    pub limits: Limits,
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
    #[error("{0}")]
    Start(String),
    /// The anchor cannot be used.
    #[error(transparent)]
    Committee(#[from] CommitteeError),
    /// The double-sign guard cannot be used.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// An address for nobody, or nobody's address.
    #[error(
        "the addresses must name every validator of the network once: validator {0} is missing or not in its list"
    )]
    Addresses(ValidatorId),
    /// The engine ended by itself.
    #[error("the consensus engine has stopped: see its log above, then start again")]
    EngineStopped,
}

impl From<StartError> for LiveError {
    fn from(error: StartError) -> Self {
        Self::Start(error.to_string())
    }
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
    let committee = Arc::new(Committee::new(setup.anchor)?);
    let peers = addresses(&committee, &setup.addresses)?;
    // The network takes it for granted.
    committee.id_of(&setup.key.0.public_key()).ok_or(StartError::NotAValidator)?;
    let storage = setup.directory.join("engine");
    let has_voted = std::fs::read_dir(&storage).is_ok_and(|mut entries| entries.next().is_some());
    let guard = VoteGuard::open(&setup.directory.join("votes"), committee.network, has_voted)?;
    let validators = u32::try_from(committee.len()).unwrap_or(u32::MAX);
    let executor = runtime::Config::new()
        .with_worker_threads(WORKERS)
        .with_tcp_nodelay(Some(true))
        .with_storage_directory(storage);
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
        let peers_max = NonZeroUsize::new(committee.len()).unwrap_or(NonZeroUsize::MIN);
        let mut config = NetworkConfig::local(
            handshake,
            &committee.namespace,
            setup.listen,
            peers_max,
            message_bytes_max(validators),
            NZUsize!(1_024),
        );
        config.dial_frequency = Duration::from_millis(250);
        config.peer_connection_cooldown = Duration::from_millis(500);
        config.tracked_peer_sets = NZUsize!(1);
        let (mut network, mut oracle) = Network::new(context.child("network"), config);
        oracle.track(0, peers);
        let channels = CHANNELS
            .iter()
            .map(|(channel, rate)| network.register(*channel, quota(*rate)))
            .collect::<Vec<_>>();
        network.start();
        let (engine, node) = engine::start(
            context.child("engine"),
            engine::Config {
                key: setup.key.0,
                committee,
                layout: engine::LAYOUT.to_owned(),
                founded_at: setup.founded_at,
                guard: Arc::new(Mutex::new(guard)),
                ledger: setup.ledger,
                limits: setup.limits,
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
}

/// Returns where each validator is reached, by key.
fn addresses(
    committee: &Committee,
    given: &[(ValidatorId, SocketAddr)],
) -> Result<Map<PublicKey, Address>, LiveError> {
    let mut peers = Vec::new();
    for validator in &committee.anchor.validators {
        let mut found = given.iter().filter(|(id, _)| *id == validator.id);
        let (Some((id, address)), None) = (found.next(), found.next()) else {
            return Err(LiveError::Addresses(validator.id));
        };
        let key =
            PublicKey::decode(Copying(&validator.key)).map_err(|_| LiveError::Addresses(*id))?;
        peers.push((key, Address::from(*address)));
    }
    if let Some((stranger, _)) =
        given.iter().find(|(id, _)| !committee.anchor.validators.iter().any(|held| held.id == *id))
    {
        return Err(LiveError::Addresses(*stranger));
    }
    let first = committee.anchor.validators.first().map_or(ValidatorId::new(0), |held| held.id);
    peers.into_iter().try_collect().map_err(|_| LiveError::Addresses(first))
}
