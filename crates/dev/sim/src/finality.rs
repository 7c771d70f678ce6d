//! How long a block takes from its proposal to its execution, on links that are all equally long.

use crate::disk::Disk;
use crate::house::{FOUNDED_AT, genesis, submission};
use crate::watch::Watch;
use light::Clock;
use machine::Genesis;
use protocol::{Hash, codec};
use random::Random;
use replica::simulation::{History, Setup, Travel, World};
use replica::{Pace, Timeouts};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use units::{BlockSpan, BlockTime};

const VALIDATORS: u16 = 4;

/// Times in milliseconds, ascending.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finality {
    /// From a block's proposal to its execution, for each block and each validator that ran.
    pub waits: Vec<u64>,
    /// From the first execution of a block to that of the next.
    pub gaps: Vec<u64>,
}

impl Finality {
    /// Returns the time that `percent` of a hundred stay below or at.
    #[must_use]
    pub fn quantile(times: &[u64], percent: usize) -> u64 {
        let at = times.len().saturating_sub(1) * percent / 100;
        times.get(at).copied().unwrap_or(0)
    }
}

/// Measures a network of four for a span, with traffic in every block; without one validator, if it is to crash.
///
/// # Panics
///
/// If the engine does.
#[must_use]
pub fn finality(delay: Duration, span: Duration, crashed: bool) -> Finality {
    let genesis = Arc::new(genesis(VALIDATORS));
    let (finality, _) = History::new(setup(VALIDATORS, &genesis))
        .play(|world| measure(world, genesis, delay, span, crashed));
    finality
}

/// Returns a network on the wall clock without faults.
pub(crate) fn setup(validators: u16, genesis: &Genesis) -> Setup {
    let encoded = codec::encode(genesis).expect("the genesis is within limits");
    Setup {
        seed: 1,
        validators,
        reserve: 0,
        genesis: Hash::of("genesis", &encoded),
        founded_at: BlockTime::from_millis(FOUNDED_AT),
        clock: Clock::Wall { drift_max: BlockSpan::from_millis(500) },
        pace: Pace { idle_max: Duration::from_millis(500), gather: Duration::ZERO },
        timeouts: Timeouts {
            leader: Duration::from_millis(1_000),
            certification: Duration::from_millis(2_000),
            fetch: Duration::from_millis(2_000),
        },
        // A processor's steps are short beside a trip: what is measured are the trips.
        step: Duration::from_micros(100),
        plant: None,
        torn_percent: 0,
        outlives_panics: false,
        liars: Vec::new(),
    }
}

/// Links all validators, starts them, and lets them connect.
pub(crate) async fn begin(
    world: &mut World,
    genesis: &Arc<Genesis>,
    watch: &Watch,
    delay: Duration,
) {
    let travel = Travel { delay, jitter: Duration::ZERO, lost_percent: 0 };
    let all = 0..world.validators();
    for from in all.clone() {
        for to in all.clone().filter(|to| *to != from) {
            world.link(from, to, Some(travel)).await;
        }
    }
    for index in all {
        let ledger = Disk::strict(genesis.clone()).open(index, watch.clone(), None);
        world.start(index, Box::new(ledger)).await;
    }
    // The first blocks find the network still connecting.
    world.pass(Duration::from_secs(2)).await;
}

async fn measure(
    mut world: World,
    genesis: Arc<Genesis>,
    delay: Duration,
    span: Duration,
    crashed: bool,
) -> Finality {
    let watch = Watch::default();
    begin(&mut world, &genesis, &watch, delay).await;
    let all = 0..world.validators();
    if crashed {
        world.crash(world.validators() - 1).await;
        world.pass(Duration::from_secs(8)).await;
    }
    let mut random = Random::stream(1, 0xF1);
    let mut seen: Vec<u64> =
        all.clone().map(|index| world.node(index).map_or(0, |node| node.height())).collect();
    let (mut waits, mut first) = (Vec::new(), BTreeMap::new());
    let until = world.millis() + u64::try_from(span.as_millis()).unwrap_or(0);
    let mut nonce = 0;
    while world.millis() < until {
        world.pass(Duration::from_millis(1)).await;
        let now = world.millis();
        for (index, seen) in seen.iter_mut().enumerate() {
            let Some(node) = world.node(index) else { continue };
            if now.is_multiple_of(20) {
                nonce += 1;
                // The pool has room: blocks take it away.
                drop(node.submit(submission(world.anchor(), watch.time(), nonce, &mut random)));
            }
            while *seen < node.height() {
                *seen += 1;
                let Some(block) = node.recent(*seen) else { continue };
                let proposed = u64::try_from(block.order.time.millis()).unwrap_or(0);
                waits.push(now.saturating_sub(proposed));
                first.entry(*seen).or_insert(now);
            }
        }
    }
    for index in all {
        world.crash(index).await;
    }
    let times: Vec<u64> = first.into_values().collect();
    let mut gaps: Vec<u64> =
        times.iter().zip(times.iter().skip(1)).map(|(one, next)| next - one).collect();
    waits.sort_unstable();
    gaps.sort_unstable();
    Finality { waits, gaps }
}
