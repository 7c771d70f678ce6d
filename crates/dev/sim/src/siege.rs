//! A network under attack, denial of service, in simulation: what an attacker sends through the doors of single
//! validators, beside honest traffic, and what becomes of the network.
//!
//! **Left out:** the doors themselves: how many connections and requests a client may have is for the gateway's tests.

use crate::finality::{begin, setup};
use crate::house::{genesis, patron, sized, submission, vote};
use crate::watch::Watch;
use protocol::{Address, InstrumentId, VolReport};
use random::Random;
use replica::simulation::{History, World};
use replica::{Node, Source, SubmitFailure};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use units::Vol;

/// What the attacker does, through the first validator's port or the feeds of some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attack {
    /// Nothing.
    None,
    /// In one request, 879 submissions of 149 bytes and one of 65,521, of an owner who holds a million.
    MixedSizes,
    /// A report of so many vols, in every block, by so many validators.
    LongReports {
        /// How many.
        vols: u32,
        /// Of how many validators.
        validators: usize,
    },
    /// Submissions of so many bytes by owners without an account, 32 in every tenth of a second.
    Strangers {
        /// How many bytes.
        bytes: usize,
    },
}

/// Tenths of a second that a siege lasts.
const TICKS: u64 = 50;

/// What became of the network in five seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Besieged {
    /// Blocks of the slowest validator.
    pub blocks: u64,
    /// Who has shut out whom.
    pub shut_out: Vec<(usize, usize)>,
    /// Fewest reports in a block of the second half.
    pub reports_least: usize,
    /// Submissions of honest traders that were taken, and commands of theirs that were executed.
    pub honest_taken: usize,
    /// Transactions executed.
    pub executed: usize,
    /// What the attacker was told, how often.
    pub told: BTreeMap<String, usize>,
    /// Most bytes waiting anywhere.
    pub waiting_bytes_most: usize,
}

/// Attacks a network for five seconds.
///
/// # Panics
///
/// If the engine does.
#[must_use]
pub fn besiege(validators: u16, attack: Attack) -> Besieged {
    let genesis = Arc::new(genesis(validators));
    let (besieged, _) = History::new(setup(validators, &genesis)).play(async |mut world| {
        let watch = Watch::default();
        begin(&mut world, &genesis, &watch, Duration::from_millis(10)).await;
        let siege = Siege {
            world,
            watch,
            attack,
            random: Random::stream(1, 0x51),
            nonce: 1,
            fed: BTreeMap::new(),
            seen: Besieged::default(),
        };
        siege.run().await
    });
    besieged
}

struct Siege {
    world: World,
    watch: Watch,
    attack: Attack,
    random: Random,
    nonce: u64,
    /// Up to which height each validator has reported.
    fed: BTreeMap<usize, u64>,
    seen: Besieged,
}

impl Siege {
    async fn run(mut self) -> Besieged {
        let (patron, deposit) = patron(self.world.anchor(), self.watch.time(), self.nonce);
        drop(self.node(0).submit(deposit));
        self.world.pass(Duration::from_secs(2)).await;
        let before = self.heights();
        for tick in 0..TICKS {
            self.trade();
            self.feed();
            self.strike(tick, patron);
            let waiting = (0..self.world.validators()).map(|at| self.node(at).status());
            let most = waiting.map(|status| status.waiting_bytes).max().unwrap_or(0);
            self.seen.waiting_bytes_most = self.seen.waiting_bytes_most.max(most);
            self.world.pass(Duration::from_millis(100)).await;
        }
        let after = self.heights();
        let gained = before.iter().zip(&after).map(|(before, after)| after - before);
        self.seen.blocks = gained.min().unwrap_or(0);
        let least = before.iter().max().zip(after.iter().min());
        let (first, last) = least.map_or((0, 0), |(first, last)| (*first, *last));
        let blocks = (first..=last).filter_map(|height| self.node(0).recent(height));
        let blocks: Vec<_> = blocks.map(|held| held.block).collect();
        let second_half = blocks.iter().skip(blocks.len() / 2);
        self.seen.reports_least = second_half.map(|block| block.votes.len()).min().unwrap_or(0);
        self.seen.executed = blocks.iter().map(|block| block.transactions.len()).sum();
        self.seen.shut_out = self.world.shut_out().await;
        for index in 0..self.world.validators() {
            self.world.crash(index).await;
        }
        self.seen
    }

    fn node(&self, index: usize) -> &Node {
        self.world.node(index).expect("every validator runs")
    }

    fn heights(&self) -> Vec<u64> {
        (0..self.world.validators()).map(|index| self.node(index).height()).collect()
    }

    /// Honest traders, through every validator but the first.
    fn trade(&mut self) {
        for index in 1..self.world.validators() {
            self.nonce += 1;
            let bytes =
                submission(self.world.anchor(), self.watch.time(), self.nonce, &mut self.random);
            let taken = self.node(index).submit(bytes).is_ok();
            self.seen.honest_taken += usize::from(taken);
        }
    }

    /// Reports for the next blocks, by every validator; by those that attack, with vols of nothing.
    fn feed(&mut self) {
        for index in 0..self.world.validators() {
            let height = self.node(index).height();
            let from = self.fed.get(&index).map_or(height, |fed| *fed) + 1;
            for at in from.max(height + 1)..=height + 12 {
                let number = u16::try_from(index + 1).unwrap_or(0);
                let mut vote = vote(number, &mut self.random);
                if let Attack::LongReports { vols, validators } = self.attack
                    && index < validators
                {
                    let vol = Vol::from_points(5_000);
                    let all = (0..vols).map(InstrumentId::new);
                    vote.vols = all.map(|instrument| VolReport { instrument, vol }).collect();
                    let told = self.node(index).report_unsigned(at, vote);
                    self.tell(told.map_or_else(|error| error.to_string(), |()| "taken".into()));
                    continue;
                }
                // For a block that has come meanwhile none is wanted.
                drop(self.node(index).report_unsigned(at, vote));
            }
            self.fed.insert(index, height + 12);
        }
    }

    fn tell(&mut self, what: String) {
        *self.seen.told.entry(what).or_default() += 1;
    }

    fn strike(&mut self, tick: u64, patron: Address) {
        let requests = match self.attack {
            Attack::MixedSizes if tick == TICKS / 4 => {
                let mut lengths = vec![149; 879];
                lengths.push(65_521);
                lengths.into_iter().map(|bytes| (patron, bytes)).collect()
            }
            Attack::Strangers { bytes } => {
                let stranger = |number: u64| {
                    let mut owner = [0xBB; 20];
                    owner[..8].copy_from_slice(&(tick * 100 + number).to_be_bytes());
                    (Address::new(owner), bytes)
                };
                (0..32).map(stranger).collect()
            }
            _ => Vec::new(),
        };
        let mut submissions = Vec::with_capacity(requests.len());
        for (owner, bytes) in requests {
            self.nonce += 1;
            let (anchor, now) = (self.world.anchor(), self.watch.time());
            submissions.push(sized(anchor, now, owner, self.nonce, bytes));
        }
        let source = Source::client([10, 0, 0, 9].into());
        for answer in self.node(0).submit_from(source, submissions) {
            self.tell(match answer {
                Ok(_) => "taken".into(),
                Err(SubmitFailure::Rejected(why)) => why.to_string(),
                Err(SubmitFailure::Halted) => "halted".into(),
            });
        }
    }
}
