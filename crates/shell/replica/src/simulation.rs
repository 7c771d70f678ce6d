//! A whole network in one thread, from one seed: the same validators on a clock, a network and disks that are simulated.
//!
//! A validator that crashes loses its tasks and its memory. What the engine has written stays; its ledger is handed in
//! again by the caller, who decides what its disk has kept. The double-sign guard stays as it was.
//!
//! **Invariant:** one seed is one history: nothing here reads a clock, a thread or randomness of its own.
//!
//! **Left out:** torn and lost writes below the engine's storage, clocks that differ, and messages that come twice.

use crate::app::Pace;
use crate::block::Block;
use crate::chain::Chain;
use crate::committee::Committee;
use crate::engine::{self, CHANNELS, Timeouts, message_bytes_max, quota};
use crate::execute::Delivery;
use crate::guard::VoteGuard;
use crate::keys::ValidatorKey;
use crate::ledger::Ledger;
use crate::node::Node;
use commonware_cryptography::{Signer as _, ed25519::PublicKey};
use commonware_p2p::simulated::{self, Link, Network, Oracle};
use commonware_runtime::{
    Clock as _, Handle, Runner as _, Supervisor as _,
    deterministic::{self, Context},
};
use commonware_utils::{NZUsize, Probability};
use light::{Anchor, Clock, Validator};
use mempool::Limits;
use protocol::{Hash, ValidatorId};
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use units::BlockTime;

/// A bug that is switched on, to show that the simulation finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    /// A validator executes a block as soon as it has voted for it, without waiting for a quorum.
    NoQuorum,
}

/// A switched-on bug at its place.
#[derive(Debug, Clone)]
pub(crate) struct Planted {
    plant: Plant,
    deliveries: mpsc::UnboundedSender<Delivery>,
    chain: Arc<Chain>,
}

impl Planted {
    pub(crate) fn new(
        plant: Plant,
        deliveries: mpsc::UnboundedSender<Delivery>,
        chain: Arc<Chain>,
    ) -> Self {
        Self { plant, deliveries, chain }
    }

    pub(crate) fn voted_for(&self, block: &Block) {
        let next = block.number() == self.chain.height().saturating_add(1);
        if self.plant == Plant::NoQuorum && next {
            // The executor is gone only when the validator is.
            drop(self.deliveries.send((Arc::new(block.clone()), None)));
        }
    }
}

/// A network that is to be simulated.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Of everything random in the engine and in the network.
    pub seed: u64,
    /// How many validators.
    pub validators: u16,
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
    running: Option<(Handle<()>, Node)>,
    starts: u64,
}

/// The simulated network.
pub struct World {
    context: Context,
    setup: Setup,
    committee: Arc<Committee>,
    oracle: Oracle<PublicKey, Context>,
    places: Vec<Place>,
    linked: Vec<Vec<bool>>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "World of {} validators", self.places.len())
    }
}

/// Runs a scenario in a world without links, whose validators have not started. Returns what the scenario returns, and a
/// digest of everything that happened: equal for equal seeds.
///
/// # Panics
///
/// If the setup is not one of a network, or the engine itself panics.
pub fn run<F, Fut, T>(setup: Setup, scenario: F) -> (T, String)
where
    F: FnOnce(World) -> Fut,
    Fut: Future<Output = T>,
{
    let config = deterministic::Config::new().with_seed(setup.seed).with_cycle(setup.step);
    let runner = deterministic::Runner::new(config);
    runner.start(|context| async move {
        let auditor = context.auditor();
        let world = World::new(context, setup).await;
        let result = scenario(world).await;
        (result, auditor.state())
    })
}

impl World {
    async fn new(context: Context, setup: Setup) -> Self {
        let keys: Vec<ValidatorKey> = (0..setup.validators)
            .map(|index| {
                let secret = Hash::of("simulated key", &index.to_be_bytes());
                ValidatorKey::from_secret(*secret.bytes()).expect("thirty-two bytes are a key")
            })
            .collect();
        let validators = (1..=setup.validators).zip(&keys);
        let anchor = Anchor {
            chain: "simulation".into(),
            genesis: setup.genesis,
            clock: setup.clock,
            validators: validators
                .map(|(id, key)| Validator { id: ValidatorId::new(id), key: key.public() })
                .collect(),
        };
        let committee = Arc::new(Committee::new(anchor).expect("the keys are keys"));
        let count = keys.len();
        let config = simulated::Config {
            max_size: message_bytes_max(u32::from(setup.validators)),
            max_peers_per_set: NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN),
            disconnect_on_block: true,
            tracked_peer_sets: NZUsize!(1),
        };
        let peers: Vec<PublicKey> = keys.iter().map(|key| key.0.public_key()).collect();
        let (network, oracle) =
            Network::new_with_peers(context.child("network"), config, peers).await;
        network.start();
        let places = keys
            .into_iter()
            .map(|key| Place {
                key,
                guard: Arc::new(Mutex::new(VoteGuard::in_memory())),
                running: None,
                starts: 0,
            })
            .collect();
        let linked = vec![vec![false; count]; count];
        Self { context, setup, committee, oracle, places, linked }
    }

    /// Starts a validator, for the first time or again, on a ledger.
    ///
    /// # Panics
    ///
    /// If there is no such validator, or it runs, or cannot start.
    pub async fn start(&mut self, index: usize, ledger: Box<dyn Ledger>) {
        let place = self.places.get_mut(index).expect("a validator of this world");
        assert!(place.running.is_none(), "validator {index} runs already");
        place.starts += 1;
        let me = place.key.0.public_key();
        let control = self.oracle.control(me);
        let mut channels = Vec::new();
        for (channel, rate) in CHANNELS {
            channels.push(control.register(channel, quota(rate)).await.expect("a channel"));
        }
        let context = self
            .context
            .child("validator")
            .with_attribute("index", index)
            .with_attribute("start", place.starts);
        let config = engine::Config {
            key: place.key.0.clone(),
            committee: self.committee.clone(),
            layout: format!("v{index}"),
            founded_at: self.setup.founded_at,
            guard: place.guard.clone(),
            ledger,
            limits: Limits::default(),
            pace: self.setup.pace,
            timeouts: self.setup.timeouts,
            floor: None,
            blocks_kept: None,
            planted: self.setup.plant,
        };
        let started =
            engine::start(context, config, self.oracle.manager(), control, channels).await;
        place.running = Some(started.expect("a simulated validator starts"));
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
        &self.committee.anchor
    }
}
