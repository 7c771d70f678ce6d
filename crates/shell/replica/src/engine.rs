//! The wiring of one validator: broadcast, marshal, simplex, and our application between them.

use crate::app::{App, Pace};
use crate::block::Block;
use crate::chain::Chain;
use crate::committee::Committee;
use crate::difference::{self, Knowledge, Writings};
use crate::evidence::Dock;
use crate::execute::{Executor, Inbox};
use crate::floor::Floor;
use crate::guard::VoteGuard;
use crate::ledger::{Ledger, SharedLedger};
use crate::node::{Node, Parts};
use crate::observe::Observer;
use crate::scheme::Guarded;
use crate::spread;
use crate::waiting::Waiting;
use commonware_broadcast::buffered;
use commonware_codec::{Copying, Decode as _};
use commonware_consensus::{
    Reporters,
    marshal::{
        self,
        core::Actor as MarshalActor,
        resolver::p2p as marshal_resolver,
        standard::{Inline, Standard},
    },
    simplex::{
        self,
        config::{ForwardPolicy, SkipBudget, SkipPolicy},
        elector::RoundRobin,
        scheme::ed25519,
        types::Finalization,
    },
    types::{Epoch, FixedEpocher, ViewDelta},
};
use commonware_cryptography::{
    Digested, Digestible as _, Sha256, Signer as _,
    certificate::{ConstantProvider, Verifier as _},
    ed25519::{PrivateKey, PublicKey},
    sha256,
};
use commonware_p2p::{Blocker, Provider, Receiver, Sender, max_message_size};
use commonware_parallel::Sequential;
use commonware_runtime::{
    Clock, Handle, Metrics, Quota, Spawner, Storage, buffer::paged::CacheRef,
};
use commonware_storage::{archive::prunable, translator::EightCap};
use commonware_utils::{NZU16, NZU32, NZU64, NZUsize, NonZeroDuration};
use mempool::Limits;
use rand_core::CryptoRng;
use std::num::{NonZeroU16, NonZeroU64, NonZeroUsize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use units::BlockTime;

pub(crate) type Digest = sha256::Digest;

/// Names the layout of what the engine keeps on disk.
pub(crate) const LAYOUT: &str = "novation-v1";
const PAGE_SIZE: NonZeroU16 = NZU16!(4_096);
const PAGES: NonZeroUsize = NZUsize!(2_048);
const BUFFER: NonZeroUsize = NZUsize!(1 << 18);
const MAILBOX: NonZeroUsize = NZUsize!(1_024);
/// One epoch: the set of validators does not change.
const EPOCH_BLOCKS: NonZeroU64 = NZU64!(u64::MAX);
/// Finalised blocks that may be delivered and not yet executed.
const UNEXECUTED_MAX: NonZeroUsize = NZUsize!(16);
/// Outcomes that a validator loads when it starts.
const OUTCOMES_LOADED: u64 = 256;

/// Channels: votes, certificates, certificates asked for, blocks asked for, blocks, submissions, reports, questions of
/// those who have diverged.
pub(crate) const CHANNELS: [(u64, u32); 8] =
    [(0, 4_096), (1, 4_096), (2, 1_024), (3, 1_024), (4, 256), (5, 1_024), (6, 1_024), (7, 64)];

pub(crate) fn quota(messages_per_second: u32) -> Quota {
    Quota::per_second(std::num::NonZeroU32::new(messages_per_second).unwrap_or(NZU32!(1)))
}

/// What a validator needs from its runtime: that of real time, or that of a simulation.
pub(crate) trait Runtime:
    CryptoRng + Spawner + Storage + Metrics + Clock + Send + Sync + 'static
{
}

impl<T: CryptoRng + Spawner + Storage + Metrics + Clock + Send + Sync + 'static> Runtime for T {}

/// How long the engine waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a leader's proposal; longer than [`Pace::idle_max`] and two trips over the network.
    pub leader: Duration,
    /// For a view to be certified; longer than `leader`.
    pub certification: Duration,
    /// For an answer to a request for a missing block or certificate.
    pub fetch: Duration,
}

/// What is told to a validator when it starts.
pub(crate) struct Config {
    pub(crate) key: PrivateKey,
    pub(crate) committee: Arc<Committee>,
    /// Begins the name of everything that the engine keeps: [`LAYOUT`], unless several validators share a storage.
    pub(crate) layout: String,
    /// Time of the genesis.
    pub(crate) founded_at: BlockTime,
    pub(crate) guard: Arc<Mutex<VoteGuard>>,
    pub(crate) ledger: Box<dyn Ledger>,
    pub(crate) limits: Limits,
    pub(crate) pace: Pace,
    pub(crate) timeouts: Timeouts,
    /// Where the engine begins, if not at the genesis.
    pub(crate) floor: Option<Floor>,
    /// Ordered blocks that the archives keep; all if `None`.
    pub(crate) blocks_kept: Option<u64>,
    #[cfg(feature = "simulation")]
    pub(crate) faults: crate::simulation::Faults,
}

/// Why a validator cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("the key of this validator is not in the network's list: check key file and list")]
    NotAValidator,
    #[error("the ledger cannot be read: {0}")]
    Ledger(crate::ledger::LedgerError),
    #[error(transparent)]
    Encode(#[from] protocol::codec::EncodeError),
    #[error(
        "the engine's archive cannot be opened: {0}; restore it, or start again from an empty directory"
    )]
    Archive(String),
    #[error("the certificate in the file 'floor' is none of this network: {0}; join again")]
    Floor(String),
}

/// Returns the longest message of any channel.
pub(crate) fn message_bytes_max(validators: u32) -> u32 {
    max_message_size(&[
        simplex::max_payload_size::<Guarded, Digest>(validators),
        marshal::max_payload_size::<Standard<Block>, Guarded>(validators, &()),
        spread::MESSAGE_BYTES_MAX,
    ])
}

fn archive_config<C>(
    layout: &str,
    name: &str,
    cache: &CacheRef,
    codec_config: C,
) -> prunable::Config<EightCap, C> {
    prunable::Config {
        translator: EightCap,
        metadata_partition: format!("{layout}-{name}-metadata"),
        key_partition: format!("{layout}-{name}-key"),
        key_page_cache: cache.clone(),
        value_partition: format!("{layout}-{name}-value"),
        compression: None,
        codec_config,
        items_per_section: NZU64!(256),
        key_write_buffer: BUFFER,
        value_write_buffer: BUFFER,
        replay_buffer: BUFFER,
    }
}

/// Returns a duration that is not zero.
fn positive(duration: Duration) -> NonZeroDuration {
    NonZeroDuration::new(duration.max(Duration::from_millis(1))).expect("at least a millisecond")
}

/// Reads and checks the certificate that an engine begins at, and keeps the guard silent for as long as it wants.
fn read_floor(
    floor: &Floor,
    scheme: &Guarded,
    guard: &Mutex<VoteGuard>,
    random: &mut impl CryptoRng,
) -> Result<Finalization<Guarded, Digest>, StartError> {
    let refuse = |what: String| StartError::Floor(what);
    let config = scheme.certificate_codec_config();
    let read = Finalization::decode_cfg(Copying(&floor.certificate), &config)
        .map_err(|error| refuse(error.to_string()))?;
    if !read.verify(random, scheme, &Sequential) {
        return Err(refuse("its signatures do not hold".to_owned()));
    }
    let mut guard = guard.lock().unwrap_or_else(PoisonError::into_inner);
    guard.raise_floor(floor.silent_until);
    Ok(read)
}

/// Starts a validator on a network's channels, in the order of [`CHANNELS`]. Dropping or aborting the handle ends it.
pub(crate) async fn start<E, S, R, O, B>(
    context: E,
    config: Config,
    peers: O,
    blocker: B,
    channels: Vec<(S, R)>,
) -> Result<(Handle<()>, Node), StartError>
where
    E: Runtime,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
    O: Provider<PublicKey = PublicKey>,
    B: Blocker<PublicKey = PublicKey>,
{
    let [votes, certificates, resolver, backfill, broadcast, submissions, reports, questions]: [(
        S,
        R,
    );
        8] = channels.try_into().map_err(|_| StartError::Archive("a channel is missing".into()))?;
    let me = config.committee.id_of(&config.key.public_key()).ok_or(StartError::NotAValidator)?;
    let headers = config.ledger.headers(OUTCOMES_LOADED).map_err(StartError::Ledger)?;
    let chain = Arc::new(Chain::new(&headers)?);
    let ledger = SharedLedger::new(config.ledger);
    let dock = Arc::new(Dock::default());
    let writings = Arc::new(Writings::default());
    let observer = Observer::new(config.committee.clone(), dock.clone());
    let waiting = Arc::new(Waiting::new(
        config.committee.access.clone(),
        config.limits,
        chain.height(),
        ledger.clone(),
    ));
    let scheme = ed25519::Scheme::signer(
        &config.committee.namespace,
        config.committee.participants(),
        config.key.clone(),
    )
    .ok_or(StartError::NotAValidator)?;
    let scheme = Guarded::new(scheme, config.guard.clone());
    let cache = CacheRef::new(PAGE_SIZE, PAGES);
    let genesis = Block::genesis(config.committee.network, config.founded_at)?;
    let genesis_digest = genesis.digest();
    let floor = match config.floor {
        Some(floor) => {
            let mut random = context.child("floor");
            Some(read_floor(&floor, &scheme, &config.guard, &mut random)?)
        }
        None => None,
    };
    let (start, engine_floor) = match floor {
        Some(floor) => {
            (marshal::Start::Floor(floor.clone()), simplex::config::Floor::Finalized(floor))
        }
        None => (
            marshal::Start::Genesis(Digested::precomputed(genesis, genesis_digest)),
            simplex::config::Floor::Genesis(genesis_digest),
        ),
    };

    let (broadcast_engine, buffer) = buffered::Engine::new(
        context.child("broadcast"),
        buffered::Config {
            public_key: config.key.public_key(),
            mailbox_size: MAILBOX,
            deque_size: 16,
            priority: false,
            codec_config: (),
            peer_provider: peers.clone(),
            strategy: Sequential,
        },
    );
    broadcast_engine.start(broadcast);
    let marshal_resolver = marshal_resolver::init(
        context.child("marshal_resolver"),
        marshal_resolver::Config {
            public_key: config.key.public_key(),
            peer_provider: peers.clone(),
            blocker: blocker.clone(),
            mailbox_size: MAILBOX,
            fetch_timeout: positive(config.timeouts.fetch),
            fetch_retry_delay: Duration::from_millis(100),
            priority_requests: false,
            priority_responses: false,
        },
        backfill,
    );
    let unreadable =
        |error: commonware_storage::archive::Error| StartError::Archive(error.to_string());
    let finalizations = prunable::Archive::init(
        context.child("finalizations"),
        archive_config(&config.layout, "finalizations", &cache, scheme.certificate_codec_config()),
    )
    .await
    .map_err(unreadable)?;
    let blocks = prunable::Archive::init(
        context.child("blocks"),
        archive_config(&config.layout, "blocks", &cache, ()),
    )
    .await
    .map_err(unreadable)?;
    let (marshal_actor, marshal_mailbox, _) =
        MarshalActor::<_, Standard<Block>, _, _, _, _, _>::init(
            context.child("marshal"),
            finalizations,
            blocks,
            marshal::Config {
                provider: ConstantProvider::<Guarded, Epoch>::new(scheme.clone()),
                epocher: FixedEpocher::new(EPOCH_BLOCKS),
                start,
                partition_prefix: format!("{}-marshal", config.layout),
                mailbox_size: MAILBOX,
                view_retention: ViewDelta::new(64),
                prunable_items_per_section: NZU64!(64),
                page_cache: cache.clone(),
                replay_buffer: BUFFER,
                key_write_buffer: BUFFER,
                value_write_buffer: BUFFER,
                block_codec_config: (),
                max_repair: NZUsize!(32),
                max_pending_acks: UNEXECUTED_MAX,
                strategy: Sequential,
            },
        )
        .await;

    let (deliveries, inbox) = mpsc::unbounded_channel();
    #[cfg(feature = "simulation")]
    let inbox = config.faults.slow_down(context.child("disk"), inbox);
    let executor = Executor {
        ledger: ledger.clone(),
        chain: chain.clone(),
        waiting: waiting.clone(),
        dock: dock.clone(),
        writings: writings.clone(),
        committee: config.committee.clone(),
        guard: config.guard.clone(),
        marshal: marshal_mailbox.clone(),
        blocks_kept: config.blocks_kept,
    };
    let app = App {
        me,
        committee: config.committee.clone(),
        chain: chain.clone(),
        waiting: waiting.clone(),
        dock,
        pace: config.pace,
        #[cfg(feature = "simulation")]
        faults: config.faults.planted_at(&deliveries, &chain),
    };
    context.child("executor").dedicated().spawn(move |_| executor.run(inbox));
    marshal_actor.start(
        Inbox { queue: deliveries, chain: chain.clone() },
        buffer,
        marshal_resolver,
    );

    let (submit, submit_queue) = mpsc::channel(spread::QUEUE);
    let (report, report_queue) = mpsc::channel(spread::QUEUE);
    let (submissions_out, submissions_in) = submissions;
    let (reports_out, reports_in) = reports;
    context
        .child("submissions_out")
        .spawn(move |_| spread::send_submissions(submit_queue, submissions_out));
    context.child("reports_out").spawn(move |_| spread::send_reports(report_queue, reports_out));
    let (pool, watcher, committee) = (waiting.clone(), blocker.clone(), config.committee.clone());
    context
        .child("submissions_in")
        .spawn(move |_| spread::receive_submissions(submissions_in, watcher, pool, committee));
    let (pool, watcher, committee) = (waiting.clone(), blocker.clone(), config.committee.clone());
    context
        .child("reports_in")
        .spawn(move |_| spread::receive_reports(reports_in, watcher, pool, committee));
    let (asked, answered) = questions;
    let (watcher, committee) = (blocker.clone(), config.committee.clone());
    let knowledge = Knowledge { chain: chain.clone(), writings };
    context.child("difference").spawn(move |runtime| {
        difference::run(runtime, asked, answered, watcher, committee, knowledge)
    });

    let node = Node::new(Parts {
        me,
        key: config.key,
        committee: config.committee,
        chain,
        waiting,
        guard: config.guard,
        ledger,
        marshal: marshal_mailbox.clone(),
        observer: observer.clone(),
        submit,
        report,
    });
    let inline =
        Inline::new(context.child("inline"), app, marshal_mailbox, FixedEpocher::new(EPOCH_BLOCKS));
    let timeouts = config.timeouts;
    // On the context itself: its children above end with it.
    let engine = simplex::Engine::new(
        context,
        simplex::Config {
            scheme,
            elector: RoundRobin::<Sha256>::default(),
            blocker,
            automaton: inline.clone(),
            relay: inline.clone(),
            reporter: Reporters::from((inline, observer)),
            strategy: Sequential,
            partition: format!("{}-simplex", config.layout),
            mailbox_size: MAILBOX,
            epoch: Epoch::zero(),
            floor: engine_floor,
            replay_buffer: BUFFER,
            write_buffer: BUFFER,
            page_cache: cache,
            leader_timeout: timeouts.leader,
            certification_timeout: timeouts.certification,
            timeout_retry: timeouts.certification * 2,
            view_retention: ViewDelta::new(64),
            skip: SkipPolicy::Enabled {
                timeout: timeouts.certification * 3,
                budget: SkipBudget::Participants,
            },
            fetch_timeout: positive(timeouts.fetch),
            fetch_retry_delay: Duration::from_millis(500),
            forward: ForwardPolicy::SilentVoters,
            // Without them a vote that contradicts one is evidence only until its view has a certificate: the peer
            // would be blocked, and never punished.
            track_historical_votes: true,
        },
    );
    Ok((engine.start(votes, certificates, resolver), node))
}
