//! One history: faults for a while, then peace, with the auditor watching.

use crate::disk::Disk;
use crate::drawn::{Drawn, Fault};
use crate::house::{FOUNDED_AT, genesis, marker, submission, vote};
use crate::random::Random;
use crate::watch::{Failure, Watch};
use protocol::{Hash, codec};
use replica::simulation::{self, Plant, Setup, Travel, World};
use std::sync::Arc;
use std::time::Duration;
use units::BlockTime;

/// Blocks that the healed network must add.
const BLOCKS_AFTER: u64 = 5;
/// Time in which it must.
const HEALING: Duration = Duration::from_secs(120);
/// How often the scenario looks.
const TICK: Duration = Duration::from_millis(100);
/// Height from which a planted validator computes wrongly.
const WRONG_FROM: u64 = 10;

/// A bug that is switched on for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planting {
    /// Validators execute what they have voted for, without waiting for a quorum.
    NoQuorum,
    /// One validator computes another outcome than the rest.
    Divergence,
}

impl Planting {
    /// Returns the bug of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "no-quorum" => Some(Self::NoQuorum),
            "divergence" => Some(Self::Divergence),
            _ => None,
        }
    }
}

/// What came of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// What must not have been, if it was.
    pub failure: Option<Failure>,
    /// The highest block executed.
    pub height: u64,
    /// Transactions executed.
    pub transactions: u64,
    /// Simulated time, in milliseconds.
    pub millis: u64,
    /// Digest of everything that happened.
    pub digest: String,
}

/// Runs the history of a seed.
///
/// # Panics
///
/// If the engine does, or a validator cannot start: that is a failure, too.
#[must_use]
pub fn run(seed: u64, planting: Option<Planting>) -> Run {
    let drawn = Drawn::from_seed(seed);
    let genesis = Arc::new(genesis(drawn.validators));
    let encoded = codec::encode(&*genesis).expect("the genesis is within limits");
    let setup = Setup {
        seed,
        validators: drawn.validators,
        genesis: Hash::of("genesis", &encoded),
        founded_at: BlockTime::from_millis(FOUNDED_AT),
        clock: drawn.clock,
        pace: drawn.pace,
        timeouts: drawn.timeouts,
        step: Duration::from_millis(1),
        plant: (planting == Some(Planting::NoQuorum)).then_some(Plant::NoQuorum),
    };
    let watch = Watch::default();
    let wrong = (planting == Some(Planting::Divergence)).then_some(WRONG_FROM);
    if planting == Some(Planting::Divergence) {
        watch.overlook(usize::from(drawn.validators) - 1);
    }
    let seen = watch.clone();
    let (millis, digest) = simulation::run(setup, |world| async move {
        let disks = vec![Disk::new(genesis); world.validators()];
        let disks = disks.iter().map(Disk::emptied).collect();
        let mut scenario = Scenario {
            random: Random::new(seed, 0x5CE),
            drawn,
            world,
            disks,
            watch: seen,
            wrong,
            nonce: 0,
            last: None,
            next_submission: 0,
            fed: 0,
        };
        scenario.play().await;
        let millis = scenario.world.millis();
        for index in 0..scenario.world.validators() {
            scenario.world.crash(index).await;
        }
        millis
    });
    let (height, transactions) = watch.totals();
    Run { failure: watch.failure(), height, transactions, millis, digest }
}

struct Scenario {
    random: Random,
    drawn: Drawn,
    world: World,
    disks: Vec<Disk>,
    watch: Watch,
    wrong: Option<u64>,
    nonce: u64,
    /// The last submission, to be repeated.
    last: Option<Vec<u8>>,
    /// When the next submission is due.
    next_submission: u64,
    /// The highest block that feeds have reported for.
    fed: u64,
}

impl Scenario {
    async fn play(&mut self) {
        self.heal().await;
        for index in 0..self.world.validators() {
            self.start(index, 0).await;
        }
        for (after, fault) in self.drawn.faults.clone() {
            self.pass(after).await;
            if self.watch.failure().is_some() {
                return;
            }
            self.suffer(fault).await;
        }
        self.pass(Duration::from_secs(1)).await;
        self.recover().await;
    }

    async fn start(&mut self, index: usize, lost: usize) {
        let Some(disk) = self.disks.get(index) else { return };
        disk.lose(lost);
        // The last validator is the one whose machine is broken.
        let wrong = self.wrong.filter(|_| index + 1 == self.world.validators());
        let ledger = disk.open(index, self.watch.clone(), wrong);
        self.world.start(index, Box::new(ledger)).await;
    }

    async fn suffer(&mut self, fault: Fault) {
        match fault {
            Fault::Crash(validator) => self.world.crash(validator).await,
            Fault::Restart { validator, lost } => self.start(validator, lost).await,
            Fault::Partition(side) => {
                let here = |index: usize| side >> index & 1;
                for (from, to) in self.pairs() {
                    if here(from) != here(to) {
                        self.world.link(from, to, None).await;
                    }
                }
            }
            Fault::Slow { validator, travel } => {
                for (from, to) in self.pairs() {
                    if from == validator || to == validator {
                        self.world.link(from, to, Some(travel)).await;
                    }
                }
            }
            Fault::Heal => self.heal().await,
            Fault::Repeat => {
                for index in 0..self.world.validators() {
                    if let (Some(node), Some(last)) = (self.world.node(index), &self.last) {
                        // Most know it already, and say so.
                        drop(node.submit(last.clone()));
                    }
                }
            }
        }
    }

    fn pairs(&self) -> Vec<(usize, usize)> {
        let all = 0..self.world.validators();
        all.clone()
            .flat_map(|from| all.clone().map(move |to| (from, to)))
            .filter(|(from, to)| from != to)
            .collect()
    }

    async fn heal(&mut self) {
        let travel: Travel = self.drawn.travel;
        for (from, to) in self.pairs() {
            self.world.link(from, to, Some(travel)).await;
        }
    }

    /// Lets time pass, with traffic.
    async fn pass(&mut self, span: Duration) {
        let until = self.world.millis() + u64::try_from(span.as_millis()).unwrap_or(0);
        while self.world.millis() < until {
            self.world.pass(TICK).await;
            self.traffic();
            self.look();
        }
    }

    fn traffic(&mut self) {
        let now = self.world.millis();
        while self.next_submission <= now {
            self.next_submission = self.next_submission.max(now.saturating_sub(1_000))
                + u64::try_from(self.drawn.traffic.as_millis()).unwrap_or(1).max(1);
            self.nonce += 1;
            let submission = submission(self.world.anchor(), self.nonce, &mut self.random);
            let index = self.random.index(self.world.validators());
            if let Some(node) = self.world.node(index) {
                // One that is full or halted refuses it; clients try again, this one does not.
                drop(node.submit(submission.clone()));
            }
            self.last = Some(submission);
        }
        if self.drawn.feeds {
            self.feed();
        }
    }

    /// Reports for the block after the newest, by every validator that runs.
    fn feed(&mut self) {
        let (highest, _) = self.watch.totals();
        if self.fed > highest {
            return;
        }
        self.fed = highest + 1;
        for index in 0..self.world.validators() {
            let number = u16::try_from(index + 1).unwrap_or(0);
            let vote = vote(number, &mut self.random);
            if let Some(node) = self.world.node(index) {
                // One that is ahead wants no report for this block.
                drop(node.feed(self.fed, vote));
            }
        }
    }

    /// Looks for validators that go no further.
    fn look(&self) {
        for validator in 0..self.world.validators() {
            if let Some(halt) = self.world.node(validator).and_then(|node| node.status().halted) {
                self.watch.fail(Failure::Halted { validator, why: halt.to_string() });
            }
        }
    }

    /// Heals everything, and demands progress of everybody.
    async fn recover(&mut self) {
        self.heal().await;
        for index in 0..self.world.validators() {
            if self.world.node(index).is_none() {
                self.start(index, 0).await;
            }
        }
        let (highest, _) = self.watch.totals();
        let wanted = highest + BLOCKS_AFTER;
        let mut markers = Vec::new();
        for index in 0..self.world.validators() {
            self.nonce += 1;
            let (account, bytes) =
                marker(self.world.anchor(), self.nonce, u16::try_from(index).unwrap_or(0));
            if self.world.node(index).is_some_and(|node| node.submit(bytes).is_ok()) {
                markers.push((index, account));
            }
        }
        let until = self.world.millis() + u64::try_from(HEALING.as_millis()).unwrap_or(0);
        loop {
            self.pass(TICK).await;
            if self.watch.failure().is_some() {
                return;
            }
            let everywhere = |account| {
                (0..self.world.validators()).all(|index| self.watch.has_deposit(index, account))
            };
            let heights: Vec<u64> = self.disks.iter().map(Disk::height).collect();
            let unheard = markers.iter().find(|(_, account)| !everywhere(*account));
            let arrived = heights.iter().all(|height| *height >= wanted);
            if arrived && unheard.is_none() {
                return;
            }
            if self.world.millis() > until {
                self.watch.fail(match unheard {
                    Some((validator, _)) if arrived => Failure::Unheard { validator: *validator },
                    _ => Failure::Stuck { heights, wanted },
                });
                return;
            }
        }
    }
}
