//! One history: faults for a while, then peace, with the auditor watching.

use crate::audit::audit;
use crate::disk::Disk;
use crate::drawn::{Drawn, Fault};
use crate::house::{FOUNDED_AT, genesis, governed, marker, seating, submission, vote};
use crate::watch::{Failure, Watch};
use machine::Genesis;
use protocol::{Hash, ValidatorId, codec};
use random::Random;
use replica::Halt;
use replica::simulation::{History, Plant, Setup, Travel, World};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use units::BlockTime;

/// Blocks that the healed network must add.
const BLOCKS_AFTER: u64 = 5;
/// Time in which it must.
const HEALING: Duration = Duration::from_secs(120);
/// Time in which it must, if seats are given and taken besides: that takes some hundred blocks.
const HEALING_WITH_SEATS: Duration = Duration::from_secs(600);
/// Milliseconds after which governance asks again for what it has not got.
const GOVERNING: u64 = 2_000;
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
    /// Validators that were punished for signing twice.
    pub punished: usize,
    /// Validators that went no further because their disks took no block.
    pub refused: BTreeSet<usize>,
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
    let mut drawn = Drawn::from_seed(seed);
    if planting.is_some() {
        drawn.settle();
    }
    if planting == Some(Planting::Divergence) {
        // The broken validator is one of those that the network bears.
        drawn.liars.clear();
    }
    play(drawn, planting)
}

/// Runs a history.
///
/// # Panics
///
/// If the engine does, or a validator cannot start: that is a failure, too.
#[must_use]
pub fn play(drawn: Drawn, planting: Option<Planting>) -> Run {
    let genesis = Arc::new(genesis(drawn.validators));
    let encoded = codec::encode(&*genesis).expect("the genesis is within limits");
    let validators = usize::from(drawn.validators + drawn.reserve);
    let mut history = History::new(Setup {
        seed: drawn.seed,
        validators: drawn.validators,
        reserve: drawn.reserve,
        genesis: Hash::of("genesis", &encoded),
        founded_at: BlockTime::from_millis(FOUNDED_AT),
        clock: drawn.clock,
        pace: drawn.pace,
        timeouts: drawn.timeouts,
        step: Duration::from_millis(1),
        plant: (planting == Some(Planting::NoQuorum)).then_some(Plant::NoQuorum),
        torn_percent: drawn.torn_percent,
        liars: drawn.liars.clone(),
        outlives_panics: drawn.outlives_panics,
    });
    let watch = Watch::default();
    let wrong = (planting == Some(Planting::Divergence)).then_some(WRONG_FROM);
    if wrong.is_some() {
        watch.overlook(validators - 1);
    }
    let mut story = Story {
        random: Random::stream(drawn.seed, 0x5CE),
        suffered: 0,
        drawn,
        disks: (0..validators).map(|_| Disk::new(genesis.clone())).collect(),
        watch: watch.clone(),
        wrong,
        refused: BTreeSet::new(),
        nonce: 0,
        last: None,
        next_submission: 0,
        next_governing: 0,
        proposals: 0,
        seated: 0,
        fed: 0,
        wanted: 0,
    };
    let millis = loop {
        let ((told, ended), rest) = history.play(move |world| tell(world, story));
        (story, history) = (told, rest);
        if let Some(millis) = ended {
            break millis;
        }
    };
    let punished = if watch.failure().is_none() { story.audit(&genesis) } else { 0 };
    let (height, transactions) = watch.totals();
    let refused = story.refused;
    let (failure, digest) = (watch.failure(), history.digest().to_owned());
    Run { failure, height, transactions, punished, refused, millis, digest }
}

/// Tells the story until its end, or until the power fails. Returns the time of the end, if it is.
async fn tell(world: World, story: Story) -> (Story, Option<u64>) {
    let mut scenario = Scenario { world, story };
    let ended = scenario.play().await;
    let millis = scenario.world.millis();
    for index in 0..scenario.world.validators() {
        scenario.world.crash(index).await;
    }
    (scenario.story, ended.then_some(millis))
}

/// What goes on when the power fails.
struct Story {
    random: Random,
    drawn: Drawn,
    /// Faults that have happened.
    suffered: usize,
    disks: Vec<Disk>,
    watch: Watch,
    wrong: Option<u64>,
    /// Validators that went no further because their disks took no block.
    refused: BTreeSet<usize>,
    nonce: u64,
    /// The last submission, to be repeated.
    last: Option<Vec<u8>>,
    /// When the next submission is due.
    next_submission: u64,
    /// When governance asks next.
    next_governing: u64,
    /// Proposals that were sent.
    proposals: u32,
    /// Seats that were given or taken.
    seated: usize,
    /// The highest block that feeds have reported for.
    fed: u64,
    /// The height that all honest validators must reach in the end: above all that was final before.
    wanted: u64,
}

impl Story {
    /// Executes all logs once more. Returns how many validators were punished.
    fn audit(&self, genesis: &Genesis) -> usize {
        let lies = |id: ValidatorId| self.drawn.lies(usize::from(id.get()).saturating_sub(1));
        let mut most = 0;
        for (validator, disk) in self.disks.iter().enumerate() {
            // A liar's log may end early; nobody demands that it catches up.
            let up_to = if self.drawn.lies(validator) { 0 } else { self.wanted };
            match audit(genesis, &disk.log(), &self.watch, up_to, &lies) {
                Ok(punished) => most = most.max(punished.len()),
                Err(why) => self.watch.fail(Failure::Unaccountable { validator, why }),
            }
        }
        most
    }
}

struct Scenario {
    world: World,
    story: Story,
}

impl Scenario {
    /// Plays on. Returns whether it is the end, or the power has failed.
    async fn play(&mut self) -> bool {
        self.heal().await;
        let at_first = usize::from(self.story.drawn.validators);
        for index in 0..self.world.validators() {
            if index < at_first || (index - at_first).is_multiple_of(2) {
                self.start(index, 0).await;
            }
        }
        while let Some((after, fault)) = self.story.drawn.faults.get(self.story.suffered).copied() {
            self.story.suffered += 1;
            self.pass(after).await;
            if self.story.watch.failure().is_some() {
                return true;
            }
            if fault == Fault::PowerFailure {
                return false;
            }
            self.suffer(fault).await;
        }
        self.pass(Duration::from_secs(1)).await;
        self.recover().await;
        true
    }

    async fn start(&mut self, index: usize, lost: usize) {
        let Some(disk) = self.story.disks.get(index) else { return };
        if self.world.node(index).is_some() {
            // It crashed before the power failed, and has started with all others since.
            return;
        }
        disk.lose(lost);
        disk.fill(false);
        // The last validator is the one whose machine is broken.
        let wrong = self.story.wrong.filter(|_| index + 1 == self.world.validators());
        let ledger = disk.open(index, self.story.watch.clone(), wrong);
        self.world.start(index, Box::new(ledger)).await;
    }

    async fn suffer(&mut self, fault: Fault) {
        match fault {
            Fault::Crash(validator) => self.world.crash(validator).await,
            Fault::Restart { validator, lost } => self.start(validator, lost).await,
            Fault::Wipe(validator) => {
                self.world.crash(validator).await;
                self.world.wipe(validator);
                self.start(validator, usize::MAX).await;
            }
            Fault::Disturb { twice, late } => self.world.disturb(twice, late),
            Fault::Skew { validator, millis } => self.world.skew(validator, millis),
            Fault::SlowDisk { validator, millis } => self.world.slow_disk(validator, millis),
            Fault::FullDisks => self.world.fill_disks(),
            Fault::RefuseBlocks(validator) => self.story.disks[validator].fill(true),
            // The scenario ends with it.
            Fault::PowerFailure => {}
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
                    if let (Some(node), Some(last)) = (self.world.node(index), &self.story.last) {
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
        let travel: Travel = self.story.drawn.travel;
        self.world.disturb(0, 0);
        for (validator, skew) in self.story.drawn.skews.iter().enumerate() {
            self.world.skew(validator, *skew);
            self.world.slow_disk(validator, 0);
        }
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
        while self.story.next_submission <= now {
            self.story.next_submission = self.story.next_submission.max(now.saturating_sub(1_000))
                + u64::try_from(self.story.drawn.traffic.as_millis()).unwrap_or(1).max(1);
            self.story.nonce += 1;
            let submission = submission(
                self.world.anchor(),
                self.story.watch.time(),
                self.story.nonce,
                &mut self.story.random,
            );
            let index = self.story.random.index(self.world.validators());
            if let Some(node) = self.world.node(index) {
                // One that is full or halted refuses it; clients try again, this one does not.
                drop(node.submit(submission.clone()));
            }
            self.story.last = Some(submission);
        }
        if self.story.drawn.feeds {
            self.feed();
        }
        if self.story.next_governing <= now {
            self.story.next_governing = now + GOVERNING;
            self.govern();
        }
    }

    /// Asks for the next change of seats, again and again until it is made.
    fn govern(&mut self) {
        let Some((index, joins)) = self.story.drawn.seatings.get(self.story.seated).copied() else {
            return;
        };
        let id = ValidatorId::new(index + 1);
        // Nobody listens to one that was caught lying, nor to one without a seat.
        let nodes = self.honest().into_iter().filter_map(|index| self.world.node(index));
        let newest = nodes.filter(|node| node.status().seated).max_by_key(|node| node.height());
        let Some(newest) = newest else { return };
        let wanted = newest.committee().wanted.iter().any(|seat| seat.validator == id);
        if wanted == joins {
            self.story.seated += 1;
            return;
        }
        self.story.proposals += 1;
        let (now, change) = (self.story.watch.time(), seating(index, joins));
        let (nonce, proposals) = (&mut self.story.nonce, self.story.proposals);
        for submission in governed(self.world.anchor(), now, nonce, change, proposals) {
            // It is asked for again.
            drop(newest.submit(submission));
        }
    }

    /// Whether a validator sees the seats that governance has decided on in the committee of the present epoch.
    fn is_settled(&self, validator: usize) -> bool {
        let drawn = &self.story.drawn;
        let mut seated: BTreeSet<u16> = (1..=drawn.validators).collect();
        for (index, joins) in &drawn.seatings {
            match joins {
                true => drop(seated.insert(index + 1)),
                false => drop(seated.remove(&(index + 1))),
            }
        }
        let seated = seated.into_iter().map(ValidatorId::new);
        self.world.node(validator).is_some_and(|node| {
            node.committee().present.iter().map(|seat| seat.validator).eq(seated)
        })
    }

    /// Reports for the block after the newest, by every validator that runs.
    fn feed(&mut self) {
        let (highest, _) = self.story.watch.totals();
        if self.story.fed > highest {
            return;
        }
        self.story.fed = highest + 1;
        for index in 0..self.world.validators() {
            let number = u16::try_from(index + 1).unwrap_or(0);
            let vote = vote(number, &mut self.story.random);
            if let Some(node) = self.world.node(index) {
                // One that is ahead wants no report for this block.
                drop(node.report_unsigned(self.story.fed, vote));
            }
        }
    }

    /// Returns the validators that do not lie.
    fn honest(&self) -> Vec<usize> {
        (0..self.world.validators()).filter(|index| !self.story.drawn.lies(*index)).collect()
    }

    /// Looks for honest validators that go no further.
    fn look(&mut self) {
        for validator in self.honest() {
            let halted = self.world.node(validator).and_then(|node| node.status().halted);
            // One that has diverged goes on to find out where; it must, once it reaches the others.
            let asking = matches!(halted, Some(Halt::Diverged { difference: None, .. }));
            // One whose disk takes no block goes no further until it starts again.
            if let Some(Halt::Unkept { .. }) = halted {
                self.story.refused.insert(validator);
            } else if let Some(halt) = halted.filter(|_| !asking) {
                self.story.watch.fail(Failure::Halted { validator, why: halt.to_string() });
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
        let (highest, _) = self.story.watch.totals();
        let wanted = highest + BLOCKS_AFTER;
        self.story.wanted = wanted;
        let mut markers = Vec::new();
        let honest = self.honest();
        // What a validator without a seat takes, the others need not hear of.
        let seated =
            |index: &usize| self.world.node(*index).is_some_and(|node| node.status().seated);
        for index in honest.iter().copied().filter(seated).collect::<Vec<_>>() {
            self.story.nonce += 1;
            let (account, bytes) = marker(
                self.world.anchor(),
                self.story.watch.time(),
                self.story.nonce,
                u16::try_from(index).unwrap_or(0),
            );
            if self.world.node(index).is_some_and(|node| node.submit(bytes).is_ok()) {
                markers.push((index, account));
            }
        }
        let healing = match self.story.drawn.seatings.is_empty() {
            true => HEALING,
            false => HEALING_WITH_SEATS,
        };
        let until = self.world.millis() + u64::try_from(healing.as_millis()).unwrap_or(0);
        loop {
            self.pass(TICK).await;
            if self.story.watch.failure().is_some() {
                return;
            }
            let everywhere =
                |account| honest.iter().all(|index| self.story.watch.has_deposit(*index, account));
            let disks = self.story.disks.iter().enumerate();
            let disks = disks.filter(|(index, _)| honest.contains(index));
            let heights: Vec<u64> = disks.map(|(_, disk)| disk.height()).collect();
            let unheard = markers.iter().find(|(_, account)| !everywhere(*account));
            let arrived = heights.iter().all(|height| *height >= wanted);
            let unsettled = honest.iter().find(|index| !self.is_settled(**index));
            if arrived && unheard.is_none() && unsettled.is_none() {
                return;
            }
            if self.world.millis() > until {
                self.story.watch.fail(match unheard {
                    Some((validator, _)) if arrived => Failure::Unheard { validator: *validator },
                    None if arrived => {
                        let validator = unsettled.copied().unwrap_or_default();
                        Failure::SeatsDiffer { validator }
                    }
                    _ => Failure::Stuck { heights, wanted },
                });
                return;
            }
        }
    }
}
