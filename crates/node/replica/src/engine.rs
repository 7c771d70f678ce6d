//! The wiring of one validator: broadcast, marshal, simplex, and our application between them.

use crate::answers::node::{Node, Parts};
use crate::consensus::activity::Observer;
use crate::consensus::block::Block;
use crate::consensus::committee::{Committees, Schemes};
use crate::consensus::epochs::{Channels, Wiring};
use crate::consensus::evidence::EvidencePool;
use crate::consensus::floor::Floor;
use crate::consensus::guard::VoteGuard;
use crate::consensus::health::{Health, Heard};
use crate::consensus::scheme::Guarded;
use crate::consensus::sizes;
use crate::consensus::vote_recovery::{self, Memory};
use crate::execution::chain::{Chain, Halt};
use crate::execution::difference::{self, Knowledge, Writings};
use crate::execution::execute::{Execution, Inbox, Seated};
use crate::execution::executor::{Executor, SharedExecutor};
use crate::execution::steps::Steps;
use crate::execution::submission_index::SubmissionIndex;
use crate::proposal::gossip;
use crate::proposal::propose::{App, Pace};
use crate::proposal::waiting::Waiting;
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
    simplex::{self, types::Finalization},
    types::{FixedEpocher, ViewDelta},
};
use commonware_cryptography::{
    Digested, Digestible as _, certificate::Verifier as _, ed25519::PublicKey, sha256,
};
use commonware_p2p::{Blocker, Provider, Receiver, Sender, max_message_size, utils::mux::prefixed};
use commonware_parallel::Sequential;
use commonware_runtime::{
    Clock, Handle, Metrics, Quota, Spawner, Storage, buffer::paged::CacheRef,
};
use commonware_storage::{
    archive::{self, prunable},
    translator::EightCap,
};
use commonware_utils::{NZU16, NZU32, NZU64, NZUsize, NonZeroDuration};
use mempool::Limits;
use protocol::limits;
use rand_core::CryptoRng;
use std::num::{NonZeroU16, NonZeroUsize};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use units::BlockTime;

pub(crate) type Digest = sha256::Digest;

/// Names the layout of what the engine keeps on disk.
pub(crate) const LAYOUT: &str = "novation-v1";
const PAGE_SIZE: NonZeroU16 = NZU16!(4_096);
const PAGES: NonZeroUsize = NZUsize!(2_048);
pub(crate) const BUFFER: NonZeroUsize = NZUsize!(1 << 18);
pub(crate) const MAILBOX: NonZeroUsize = NZUsize!(1_024);
/// Finalised blocks that may be delivered and not yet executed.
const UNEXECUTED_MAX: NonZeroUsize = NZUsize!(16);
/// Timeouts of a leader without a block, after which a network stands still; and those of a certification, after which
/// a peer that says nothing is not reached. Who waits for a certificate says so anew every second one.
const STALLED_TIMEOUTS: u32 = 8;
/// Outcomes that a validator loads when it starts.
const OUTCOMES_LOADED: u64 = 256;

/// Channels: votes, certificates, certificates asked for, blocks asked for, blocks, submissions, reports, questions of
/// those who have diverged, questions of those who have lost their votes.
pub(crate) const CHANNELS: [(u64, u32); 9] = [
    (0, 1_024),
    (1, 1_024),
    (2, 1_024),
    (3, 1_024),
    (4, 256),
    (5, 1_024),
    (6, 1_024),
    (7, 64),
    (8, 16),
];

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
    pub(crate) key: PublicKey,
    pub(crate) committees: Arc<Committees>,
    /// What a client follows the committees by; none if the ledger proves nothing.
    pub(crate) steps: Option<Steps>,
    /// Told who validates, at once and whenever that changes.
    pub(crate) seated: Seated,
    /// Begins the name of everything that the engine keeps: [`LAYOUT`], unless several validators share a storage.
    pub(crate) layout: String,
    /// Time of the genesis.
    pub(crate) founded_at: BlockTime,
    pub(crate) guard: Arc<Mutex<VoteGuard>>,
    pub(crate) ledger: Box<dyn Executor>,
    pub(crate) limits: Limits,
    /// Whose reports the validator signs.
    pub(crate) reporter: Option<[u8; 32]>,
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
pub enum StartError {
    /// Its key is of nobody.
    #[error(
        "the key of this validator has no seat, and is to have none: let governance give it one, or take the key out of the configuration and follow with --join"
    )]
    NotAValidator,
    /// The engine is to begin in an epoch of which no block has been executed here.
    #[error("the validators of epoch {0} are not known here: start again from an empty directory")]
    CommitteeUnknown(u64),
    /// The anchor, or the newest block, names validators who cannot be.
    #[error("the validators cannot be known: {0}")]
    Committee(#[from] crate::consensus::committee::CommitteeError),
    /// What executes blocks does not tell its newest headers.
    #[error("the ledger cannot be read: {0}")]
    Ledger(crate::execution::executor::ExecutorError),
    /// A value outside the limits of its encoding.
    #[error(transparent)]
    Encode(#[from] protocol::codec::EncodeError),
    /// What the engine has kept cannot be read.
    #[error(
        "the engine's archive cannot be opened: {0}; restore it, or start again from an empty directory"
    )]
    Archive(archive::Error),
    /// The network has not as many channels as the engine.
    #[error("the engine cannot be wired: a channel is missing, which is a fault of this program")]
    Channels,
    /// The certificate to begin at is no certificate.
    #[error("the certificate in the file 'floor' is none of this network: {0}; join again")]
    FloorMalformed(commonware_codec::Error),
    /// The certificate to begin at is of others.
    #[error(
        "the certificate in the file 'floor' is none of this network: its signatures do not hold; join again"
    )]
    FloorForged,
}

/// Returns the longest message of any channel, whoever validates.
pub(crate) fn message_bytes_max() -> u32 {
    let validators = u32::try_from(limits::VALIDATORS_MAX).unwrap_or(u32::MAX);
    max_message_size(&[
        prefixed(simplex::max_payload_size::<Guarded, Digest>(validators)),
        marshal::max_payload_size::<Standard<Block>, Guarded>(validators, &()),
        sizes::BATCH_BYTES_MAX,
        sizes::REPORT_BYTES_MAX,
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
pub(crate) fn positive(duration: Duration) -> NonZeroDuration {
    NonZeroDuration::new(duration.max(Duration::from_millis(1))).expect("at least a millisecond")
}

/// Reads and checks the certificate that an engine begins at.
fn read_floor(
    floor: &Floor,
    committees: &Committees,
    random: &mut impl CryptoRng,
) -> Result<Finalization<Guarded, Digest>, StartError> {
    let config = Guarded::certificate_codec_config_unbounded();
    let read = Finalization::<Guarded, Digest>::decode_cfg(Copying(&floor.certificate), &config)
        .map_err(StartError::FloorMalformed)?;
    let epoch = read.round().epoch().get();
    // Once its epoch is long over, the engine goes on from what it holds, and never looks at the floor again.
    if let Some(committee) = committees.of(epoch)
        && !read.verify(random, committee.scheme.as_ref(), &Sequential)
    {
        return Err(StartError::FloorForged);
    }
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
    let [
        votes,
        certificates,
        resolver,
        backfill,
        broadcast,
        submissions,
        reports,
        questions,
        rounds,
    ]: [(S, R); 9] = channels.try_into().map_err(|_| StartError::Channels)?;
    let committees = config.committees;
    committees.miss((config.seated)(&committees.record()));
    let headers = config.ledger.headers(OUTCOMES_LOADED).map_err(StartError::Ledger)?;
    let chain = Arc::new(Chain::new(&headers)?);
    let handout = config.ledger.handout();
    let ledger = SharedExecutor::new(config.ledger);
    let evidence_pool = Arc::new(EvidencePool::default());
    let writings = Arc::new(Writings::default());
    let steps = config.steps.map(Arc::new);
    let observer = Observer::new(committees.clone(), evidence_pool.clone());
    let waiting = Arc::new(Waiting::new(
        committees.access.clone(),
        config.limits,
        chain.height(),
        ledger.clone(),
    ));
    let index = Arc::new(SubmissionIndex::default());
    let health = Arc::new(Health::new(Instant::now()));
    let cache = CacheRef::new(PAGE_SIZE, PAGES);
    let genesis = Block::genesis(committees.network, config.founded_at)?;
    let genesis_digest = genesis.digest();
    let floor = match config.floor {
        Some(floor) => {
            let mut random = context.child("floor");
            Some(read_floor(&floor, &committees, &mut random)?)
        }
        None => None,
    };
    let start = match &floor {
        Some(floor) => marshal::Start::Floor(floor.clone()),
        None => marshal::Start::Genesis(Digested::precomputed(genesis, genesis_digest)),
    };
    let epocher = FixedEpocher::new(committees.epoch_blocks);

    let (broadcast_engine, buffer) = buffered::Engine::new(
        context.child("broadcast"),
        buffered::Config {
            public_key: config.key.clone(),
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
            public_key: config.key.clone(),
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
    let finalizations = prunable::Archive::init(
        context.child("finalizations"),
        archive_config(
            &config.layout,
            "finalizations",
            &cache,
            Guarded::certificate_codec_config_unbounded(),
        ),
    )
    .await
    .map_err(StartError::Archive)?;
    let blocks = prunable::Archive::init(
        context.child("blocks"),
        archive_config(&config.layout, "blocks", &cache, ()),
    )
    .await
    .map_err(StartError::Archive)?;
    let (marshal_actor, marshal_mailbox, _) =
        MarshalActor::<_, Standard<Block>, _, _, _, _, _>::init(
            context.child("marshal"),
            finalizations,
            blocks,
            marshal::Config {
                provider: Schemes(committees.clone()),
                epocher: epocher.clone(),
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
    let (delivered_out, delivered) = watch::channel(None);
    #[cfg(feature = "simulation")]
    let inbox = config.faults.slow_down(context.child("disk"), inbox);
    let executor = Execution {
        ledger: ledger.clone(),
        chain: chain.clone(),
        waiting: waiting.clone(),
        submissions: index.clone(),
        health: health.clone(),
        evidence_pool: evidence_pool.clone(),
        writings: writings.clone(),
        committees: committees.clone(),
        steps: steps.clone(),
        seated: config.seated,
        guard: config.guard.clone(),
        marshal: marshal_mailbox.clone(),
        delivered: delivered_out,
        blocks_kept: config.blocks_kept,
    };
    let app = App {
        committees: committees.clone(),
        chain: chain.clone(),
        waiting: waiting.clone(),
        evidence_pool,
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

    let (submit, submit_queue) = mpsc::channel(gossip::QUEUE);
    let (report, report_queue) = mpsc::channel(gossip::QUEUE);
    let (submissions_out, submissions_in) = submissions;
    let (reports_out, reports_in) = reports;
    context
        .child("submissions_out")
        .spawn(move |_| gossip::send_submissions(submit_queue, submissions_out));
    context.child("reports_out").spawn(move |_| gossip::send_reports(report_queue, reports_out));
    let (pool, watcher, known) = (waiting.clone(), blocker.clone(), committees.clone());
    context
        .child("submissions_in")
        .spawn(move |_| gossip::receive_submissions(submissions_in, watcher, pool, known));
    let (pool, watcher, known) = (waiting.clone(), blocker.clone(), committees.clone());
    context
        .child("reports_in")
        .spawn(move |_| gossip::receive_reports(reports_in, watcher, pool, known));
    let (asked, answered) = questions;
    let (watcher, known) = (blocker.clone(), committees.clone());
    let knowledge = Knowledge { chain: chain.clone(), writings };
    context
        .child("difference")
        .spawn(move |runtime| difference::run(runtime, asked, answered, watcher, known, knowledge));

    let (asked, answered) = rounds;
    let (watcher, known) = (blocker.clone(), (config.key.clone(), committees.clone()));
    let memory = Memory { guard: config.guard.clone(), observer: observer.clone() };
    context
        .child("vote_recovery")
        .spawn(move |runtime| vote_recovery::run(runtime, asked, answered, watcher, known, memory));

    let halted = chain.clone();
    let node = Node::new(Parts {
        committees: committees.clone(),
        steps,
        chain,
        waiting,
        submissions: index,
        health: health.clone(),
        stalled_after: config.timeouts.leader * STALLED_TIMEOUTS,
        heard_within: config.timeouts.certification * STALLED_TIMEOUTS,
        guard: config.guard,
        ledger,
        handout,
        marshal: marshal_mailbox.clone(),
        observer: observer.clone(),
        submit,
        report,
        reporter: config.reporter,
    });
    context.child("steps").spawn({
        let node = node.clone();
        move |_| node.complete_steps()
    });
    let inline = Inline::new(context.child("inline"), app, marshal_mailbox.clone(), epocher);
    let wiring = Wiring {
        committees,
        marshal: marshal_mailbox,
        application: inline.clone(),
        reporter: Reporters::from((inline, observer)),
        blocker,
        cache,
        layout: config.layout,
        timeouts: config.timeouts,
        floor,
        delivered,
    };
    let votes = (votes.0, Heard::new(votes.1, health.clone()));
    let certificates = (certificates.0, Heard::new(certificates.1, health));
    let channels = Channels::part(&context, votes, certificates, resolver);
    // On the context itself: its children above end with it.
    let epochs = context.spawn(move |context| async move {
        if let Err(error) = wiring.run(context, channels).await {
            halted.stop(Halt::EngineStopped { why: error.to_string() });
        }
    });
    Ok((epochs, node))
}
