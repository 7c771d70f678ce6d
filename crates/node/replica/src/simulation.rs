//! A whole network in one thread, from one seed: the same validators on a clock, a network and disks that are simulated.
//!
//! A validator that crashes loses its tasks and its memory. What the engine has synced stays; its ledger is handed in
//! again by the caller, who decides what its disk has kept. The double-sign guard is read back from its records, behind
//! which the crash has left a part of one more. When the power fails everywhere, the engine's unsynced writes are torn.
//!
//! **Invariant:** one seed is one history: nothing here reads a clock, a thread or randomness of its own.
//!
//! **Left out:** torn writes at the crash of a single validator, whose unsynced writes are lost whole; clocks that run
//! at another rate; bytes that rot on disk.

mod chance;
mod faults;
mod lies;
mod wires;

pub(crate) use faults::Faults;
pub use faults::Plant;
pub use lies::Lies;

use crate::answers::node::Node;
use crate::consensus::committee::{Committees, Voter};
use crate::consensus::guard::VoteGuard;
use crate::engine::{self, CHANNELS, Timeouts, message_bytes_max, quota};
use crate::execution::executor::Executor;
use crate::keys::ValidatorKey;
use crate::proposal::propose::Pace;
use commonware_cryptography::{Signer as _, ed25519::PublicKey};
use commonware_p2p::simulated::{self, Link, Network, Oracle};
use commonware_runtime::{
    Clock as _, Handle, Supervisor as _,
    deterministic::{self, Checkpoint, Context, FaultConfig, PartialWriteMode, WriteConfig},
};
use commonware_utils::{NZUsize, Probability};
use lies::Liar;
use light::{Anchor, Clock, Validator};
use mempool::Limits;
use protocol::{Hash, ValidatorId};
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use units::BlockTime;
use wires::{Incoming, Noise, Outgoing};

/// A network that is to be simulated.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Of everything random in the engine and in the network.
    pub seed: u64,
    /// How many validators the genesis seats.
    pub validators: u16,
    /// How many more there are, without a seat at first.
    pub reserve: u16,
    /// Hash of the machine's genesis.
    pub genesis: Hash,
    /// Its time.
    pub founded_at: BlockTime,
    /// How time passes on the chain.
    pub clock: Clock,
    /// How long a proposer waits for something to say.
    pub pace: Pace,
    /// How long the engine waits.
    pub timeouts: Timeouts,
    /// What a step of a task takes on the simulated clock.
    pub step: Duration,
    /// A bug, if one is to be found.
    pub plant: Option<Plant>,
    /// Bytes in a hundred of an unsynced write that are on disk after the power has failed.
    pub torn_percent: u8,
    /// Validators that lie.
    pub liars: Vec<(usize, Lies)>,
    /// Whether the world goes on when an engine panics, as others do when the process of one validator ends.
    pub outlives_panics: bool,
}

impl Setup {
    fn places(&self) -> u16 {
        self.validators.saturating_add(self.reserve)
    }
}

/// Returns the public key of a simulated validator, by its place.
///
/// # Panics
///
/// Never: thirty-two bytes are a key.
#[must_use]
pub fn public_key(index: u16) -> [u8; 32] {
    secret_key(index).public()
}

fn secret_key(index: u16) -> ValidatorKey {
    let secret = Hash::of("simulated key", &index.to_be_bytes());
    ValidatorKey::from_secret(*secret.bytes()).expect("thirty-two bytes are a key")
}

/// How messages travel from one validator to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Travel {
    /// Mean delay.
    pub delay: Duration,
    /// Standard deviation of the delay.
    pub jitter: Duration,
    /// Messages in a hundred that are lost.
    pub lost_percent: u8,
}

struct Place {
    key: ValidatorKey,
    guard: Arc<Mutex<VoteGuard>>,
    faults: Faults,
    running: Option<(Handle<()>, Node)>,
    starts: u64,
    /// How often its disk was replaced by an empty one.
    wipes: Arc<AtomicU64>,
}

/// The simulated network.
pub struct World {
    context: Context,
    setup: Setup,
    anchor: Anchor,
    oracle: Oracle<PublicKey, Context>,
    places: Vec<Place>,
    linked: Vec<Vec<bool>>,
    noise: Arc<Noise>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "World of {} validators", self.places.len())
    }
}

/// A network through all failures of its power: what survives them.
pub struct History {
    setup: Setup,
    runner: deterministic::Runner,
    guards: Vec<Arc<Mutex<VoteGuard>>>,
    wipes: Vec<Arc<AtomicU64>>,
    digest: String,
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "History of {} validators", self.guards.len())
    }
}

impl History {
    /// Returns a network that has not begun.
    ///
    /// # Panics
    ///
    /// If the setup is not one of a network.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let config = deterministic::Config::new()
            .with_seed(setup.seed)
            .with_cycle(setup.step)
            .with_catch_panics(setup.outlives_panics)
            .with_storage_fault_config(disks(&setup, 0));
        let guard = |_| Arc::new(Mutex::new(VoteGuard::in_memory()));
        let guards = (0..setup.places()).map(guard).collect();
        let wipes = (0..setup.places()).map(|_| Arc::default()).collect();
        let runner = deterministic::Runner::new(config);
        Self { setup, runner, guards, wipes, digest: String::new() }
    }

    /// Runs a scenario in a world without links, whose validators have not started. When it returns, the power fails.
    /// Returns what the scenario returns.
    ///
    /// # Panics
    ///
    /// If the engine itself panics, as it does where its disk refuses a write, and the world does not outlive that.
    pub fn play<F, Fut, T>(self, scenario: F) -> (T, Self)
    where
        F: FnOnce(World) -> Fut,
        Fut: Future<Output = T>,
    {
        let Self { setup, runner, guards, wipes, .. } = self;
        let (begun, held) = (setup.clone(), (guards.clone(), wipes.clone()));
        let (result, checkpoint): (T, Checkpoint) =
            runner.start_and_recover(|context| async move {
                let world = World::new(context, begun, held).await;
                scenario(world).await
            });
        let digest = checkpoint.auditor().state();
        (result, Self { setup, runner: checkpoint.into(), guards, wipes, digest })
    }

    /// Returns a digest of everything that has happened: equal for equal seeds.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

/// Returns how the disks of the engines fail: so many writes in a hundred, and what is torn when the power fails.
fn disks(setup: &Setup, refused: u64) -> FaultConfig {
    let retained = u64::from(setup.torn_percent.min(100));
    FaultConfig::default().write(WriteConfig {
        failure_rate: Probability::new(refused, 100).expect("at most one"),
        retention_rate: Probability::new(retained, 100).expect("at most one"),
        mode: PartialWriteMode::Prefix,
    })
}

impl World {
    async fn new(
        context: Context,
        setup: Setup,
        (guards, wipes): (Vec<Arc<Mutex<VoteGuard>>>, Vec<Arc<AtomicU64>>),
    ) -> Self {
        *context.storage_fault_config().write() = disks(&setup, 0);
        let keys: Vec<ValidatorKey> = (0..setup.places()).map(secret_key).collect();
        let validators = (1..=setup.validators).zip(&keys);
        let anchor = Anchor {
            chain: "simulation".into(),
            genesis: setup.genesis,
            clock: setup.clock,
            validators: validators
                .map(|(id, key)| Validator { id: ValidatorId::new(id), key: key.public() })
                .collect(),
        };
        let count = keys.len();
        let config = simulated::Config {
            max_size: message_bytes_max(),
            max_peers_per_set: NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN),
            disconnect_on_block: true,
            tracked_peer_sets: NZUsize!(1),
        };
        let peers: Vec<PublicKey> = keys.iter().map(|key| key.0.public_key()).collect();
        let (network, oracle) =
            Network::new_with_peers(context.child("network"), config, peers.clone()).await;
        network.start();
        let place = |(index, (key, (guard, wipes)))| {
            let (key, guard): (ValidatorKey, Arc<Mutex<VoteGuard>>) = (key, guard);
            let lies = setup.liars.iter().find(|(liar, _)| *liar == index);
            let liar = lies.map(|(_, lies)| {
                let others = peers.iter().filter(|peer| **peer != key.0.public_key());
                let seed = setup.seed ^ (index as u64 + 1);
                Liar::new(*lies, key.0.clone(), anchor.clock, others.cloned().collect(), seed)
            });
            let faults = Faults { plant: setup.plant, liar, ..Faults::default() };
            Place { key, guard, faults, running: None, starts: 0, wipes }
        };
        let kept = guards.into_iter().zip(wipes);
        let places = keys.into_iter().zip(kept).enumerate().map(place).collect();
        let linked = vec![vec![false; count]; count];
        Self { context, setup, anchor, oracle, places, linked, noise: Arc::default() }
    }

    /// Starts a validator, for the first time or again, on a ledger.
    ///
    /// # Panics
    ///
    /// If there is no such validator, or it runs, or cannot start.
    // In a box, so that the engine is built once, in this crate, and not again in each one that awaits this.
    pub fn start(
        &mut self,
        index: usize,
        ledger: Box<dyn Executor>,
    ) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(self.start_here(index, ledger))
    }

    async fn start_here(&mut self, index: usize, ledger: Box<dyn Executor>) {
        let place = self.places.get_mut(index).expect("a validator of this world");
        assert!(place.running.is_none(), "validator {index} runs already");
        place.starts += 1;
        let me = place.key.0.public_key();
        let control = self.oracle.control(me);
        {
            let mut guard = place.guard.lock().unwrap_or_else(PoisonError::into_inner);
            let torn = usize::try_from(place.starts * 17).unwrap_or(0) % 48;
            *guard = guard.after_crash(torn).expect("what is torn is cut off");
        }
        let mut channels = Vec::new();
        for (at, (channel, rate)) in CHANNELS.into_iter().enumerate() {
            let (sender, receiver) =
                control.register(channel, quota(rate)).await.expect("a channel");
            let liar = place.faults.liar.clone();
            let seed = self.setup.seed ^ (index as u64 * 1_000 + channel * 100 + place.starts);
            channels.push((
                Outgoing { inner: sender, channel: at, liar },
                Incoming::new(receiver, self.noise.clone(), seed),
            ));
        }
        let context = self
            .context
            .child("validator")
            .with_attribute("index", index)
            .with_attribute("start", place.starts);
        let voter = Voter { key: place.key.0.clone(), guard: place.guard.clone() };
        let committees = Committees::new(self.anchor.clone(), voter, ledger.committee());
        let committees = Arc::new(committees.expect("the keys are keys"));
        if let Some(liar) = &place.faults.liar {
            liar.learn(committees.clone());
        }
        let config = engine::Config {
            key: place.key.0.public_key(),
            committees,
            steps: None,
            seated: Box::new(|_| Vec::new()),
            layout: format!("v{index}w{}", place.wipes.load(Ordering::Relaxed)),
            founded_at: self.setup.founded_at,
            guard: place.guard.clone(),
            ledger,
            limits: Limits::default(),
            reporter: None,
            pace: self.setup.pace,
            timeouts: self.setup.timeouts,
            faults: place.faults.clone(),
            floor: None,
            blocks_kept: None,
        };
        let started =
            engine::start(context, config, self.oracle.manager(), control, channels).await;
        place.running = Some(started.expect("a simulated validator starts"));
    }

    /// Replaces the disk of a validator that does not run by an empty one: what it has signed it knows no more.
    pub fn wipe(&mut self, index: usize) {
        if let Some(place) = self.places.get(index) {
            place.wipes.fetch_add(1, Ordering::Relaxed);
            *place.guard.lock().unwrap_or_else(PoisonError::into_inner) =
                VoteGuard::lost_in_memory();
        }
    }

    /// Ends a validator at once, wherever it is.
    pub async fn crash(&mut self, index: usize) {
        if let Some((handle, _)) = self.places.get_mut(index).and_then(|place| place.running.take())
        {
            handle.abort();
            // Whether it was aborted or had ended already, it is over.
            drop(handle.await);
        }
    }

    /// Returns a handle on a validator that runs.
    #[must_use]
    pub fn node(&self, index: usize) -> Option<&Node> {
        self.places.get(index)?.running.as_ref().map(|(_, node)| node)
    }

    /// Returns who has shut out whom, by their places.
    ///
    /// # Panics
    ///
    /// If the simulated network is gone.
    pub async fn shut_out(&self) -> Vec<(usize, usize)> {
        let blocked = self.oracle.blocked().await.expect("the network runs");
        let place =
            |key: &PublicKey| self.places.iter().position(|place| place.key.0.public_key() == *key);
        blocked.iter().filter_map(|(by, whom)| Some((place(by)?, place(whom)?))).collect()
    }

    /// Returns how many validators there are.
    #[must_use]
    pub fn validators(&self) -> usize {
        self.places.len()
    }

    /// Sets how messages travel from one validator to another; they do not, if it is `None`.
    ///
    /// # Panics
    ///
    /// If there are no such validators.
    pub async fn link(&mut self, from: usize, to: usize, travel: Option<Travel>) {
        let key = |index: usize| {
            self.places.get(index).expect("a validator of this world").key.0.public_key()
        };
        let (sender, receiver) = (key(from), key(to));
        let linked = self.linked.get_mut(from).and_then(|row| row.get_mut(to));
        let linked = linked.expect("a validator of this world");
        if *linked {
            self.oracle
                .remove_link(sender.clone(), receiver.clone())
                .await
                .expect("the link is there");
        }
        *linked = travel.is_some();
        if let Some(travel) = travel {
            let arrived = 100 - u64::from(travel.lost_percent.min(100));
            let link = Link {
                latency: travel.delay,
                jitter: travel.jitter,
                success_rate: Probability::new(arrived, 100).expect("at most one"),
            };
            self.oracle.add_link(sender, receiver, link).await.expect("the link is new");
        }
    }

    /// Sets how many messages in a hundred arrive twice, and how many late: after others that were sent later.
    pub fn disturb(&self, twice: u8, late: u8) {
        self.noise.twice.store(twice, Ordering::Relaxed);
        self.noise.late.store(late, Ordering::Relaxed);
    }

    /// Sets how many milliseconds a validator's clock is ahead.
    pub fn skew(&self, index: usize, millis: i64) {
        if let Some(place) = self.places.get(index) {
            place.faults.skew.store(millis, Ordering::Relaxed);
        }
    }

    /// Sets how long a validator's disk takes for a block.
    pub fn slow_disk(&self, index: usize, millis: u64) {
        if let Some(place) = self.places.get(index) {
            place.faults.slowness.store(millis, Ordering::Relaxed);
        }
    }

    /// Lets no disk take what an engine writes, until the power fails.
    pub fn fill_disks(&self) {
        *self.context.storage_fault_config().write() = disks(&self.setup, 100);
    }

    /// Lets time pass.
    pub async fn pass(&self, span: Duration) {
        self.context.sleep(span).await;
    }

    /// Returns the time that has passed since the world began, in milliseconds.
    #[must_use]
    pub fn millis(&self) -> u64 {
        let since = self.context.current().duration_since(std::time::SystemTime::UNIX_EPOCH);
        since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// Returns the anchor of the network.
    #[must_use]
    pub fn anchor(&self) -> &Anchor {
        &self.anchor
    }
}
