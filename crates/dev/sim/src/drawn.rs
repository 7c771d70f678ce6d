//! What a seed draws: the network, which kinds of faults it suffers, and when.

use crate::house::LONG_STEP;
use light::Clock;
use random::Random;
use replica::Pace;
use replica::Timeouts;
use replica::simulation::{Lies, Travel};
use std::fmt;
use std::time::Duration;
use units::BlockSpan;

/// Something that goes wrong, or right again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A validator ends at once.
    Crash(usize),
    /// A validator starts again; its disk has lost its last blocks.
    Restart {
        /// Which.
        validator: usize,
        /// How many blocks are lost.
        lost: usize,
    },
    /// A validator ends, and starts again with its key and nothing else: neither blocks nor what it has signed.
    Wipe(usize),
    /// The validators whose bits are set no longer reach the others.
    Partition(u32),
    /// One validator's messages, in and out, take longer and get lost.
    Slow {
        /// Which.
        validator: usize,
        /// How they travel.
        travel: Travel,
    },
    /// Everybody reaches everybody again.
    Heal,
    /// A submission that was taken is handed in again, to everybody.
    Repeat,
    /// Messages arrive twice, or after others that were sent later.
    Disturb {
        /// How many in a hundred arrive twice.
        twice: u8,
        /// How many in a hundred arrive late.
        late: u8,
    },
    /// A validator's clock is wrong.
    Skew {
        /// Which.
        validator: usize,
        /// By how many milliseconds it is ahead.
        millis: i64,
    },
    /// A validator's disk takes no block until the validator starts again.
    RefuseBlocks(usize),
    /// A validator's disk takes long for each block.
    SlowDisk {
        /// Which.
        validator: usize,
        /// How many milliseconds.
        millis: u64,
    },
    /// No disk takes what an engine writes, until the power fails.
    FullDisks,
    /// All validators end at once; of what was not synced, parts are on disk. They start again.
    PowerFailure,
}

/// A history before it happens.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// The seed it was drawn from.
    pub seed: u64,
    /// How many validators have a seat at first.
    pub validators: u16,
    /// How many more there are; every other one starts only in the end.
    pub reserve: u16,
    /// Who gets a seat (true) or loses it, one after the other.
    pub seatings: Vec<(u16, bool)>,
    /// How messages travel without faults.
    pub travel: Travel,
    /// How time passes on the chain.
    pub clock: Clock,
    /// How long a proposer waits.
    pub pace: Pace,
    /// How long the engine waits.
    pub timeouts: Timeouts,
    /// Time between two submissions.
    pub traffic: Duration,
    /// Whether feeds report prices.
    pub feeds: bool,
    /// Faults, each with the time since the one before.
    pub faults: Vec<(Duration, Fault)>,
    /// Validators that lie, to the end: fewer than a third.
    pub liars: Vec<(usize, Lies)>,
    /// Milliseconds that each clock is ahead, also when all else is healed.
    pub skews: Vec<i64>,
    /// Bytes in a hundred of an unsynced write that survive a failure of the power.
    pub torn_percent: u8,
    /// Whether the world goes on when an engine panics.
    pub outlives_panics: bool,
}

impl fmt::Display for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} validators, {} of them liars, {} seats given or taken, {} ms ± {} ms, {} % lost, {} faults",
            self.validators,
            self.liars.len(),
            self.seatings.len(),
            self.travel.delay.as_millis(),
            self.travel.jitter.as_millis(),
            self.travel.lost_percent,
            self.faults.len()
        )
    }
}

/// Which kinds of faults a history has: each history a few, so that none hides the others.
#[derive(Debug, Clone, Copy)]
struct Kinds {
    crash: bool,
    partition: bool,
    slow: bool,
    repeat: bool,
    lossy_disk: bool,
}

impl Drawn {
    /// Draws a history.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        let mut drawn = Self::of_crashes(seed);
        // A stream of its own: what the network is does not depend on these.
        let mut random = Random::stream(seed, 0xB12);
        let validators = usize::from(drawn.validators);
        drawn.liars = liars(&mut random, validators);
        if random.percent(50) {
            // Half of what the rule of the clock allows, so that no two are further apart than that.
            drawn.skews = (0..validators).map(|_| signed(&mut random, 250)).collect();
        }
        drawn.torn_percent = u8::try_from(random.between(0, 100)).unwrap_or(0);
        let honest: Vec<usize> = (0..validators)
            .filter(|index| drawn.liars.iter().all(|(liar, _)| liar != index))
            .collect();
        // Whoever has lost its votes asks more than two thirds of the others: there is one at most, within what may fail.
        if random.percent(25) && drawn.liars.len() < (validators - 1) / 3 {
            let wiped = Fault::Wipe(honest[random.index(honest.len())]);
            let at = random.index(drawn.faults.len() + 1);
            drawn.faults.insert(at, (Duration::from_millis(random.between(300, 2_500)), wiped));
        }
        let kinds =
            [random.percent(40), random.percent(40), random.percent(40), random.percent(25)];
        for _ in 0..random.between(0, 6) {
            let validator = random.index(validators);
            let fault = match random.index(kinds.len()) {
                0 if kinds[0] => Fault::Disturb {
                    twice: u8::try_from(random.between(0, 50)).unwrap_or(0),
                    late: u8::try_from(random.between(0, 50)).unwrap_or(0),
                },
                1 if kinds[1] => Fault::Skew { validator, millis: signed(&mut random, 5_000) },
                2 if kinds[2] => Fault::SlowDisk { validator, millis: random.between(10, 1_500) },
                3 if kinds[3] => Fault::PowerFailure,
                _ => continue,
            };
            let after = Duration::from_millis(random.between(300, 2_000));
            drawn.faults.insert(random.index(drawn.faults.len() + 1), (after, fault));
        }
        let mut random = Random::stream(seed, 0x5EA);
        if matches!(drawn.clock, Clock::Step { .. }) && random.percent(40) {
            drawn.draw_seatings(&mut random);
        }
        drawn
    }

    /// Draws validators that come and, at most as many, that go. There are never fewer than at first, so liars stay fewer
    /// than a third.
    fn draw_seatings(&mut self, random: &mut Random) {
        self.clock = Clock::Step { span: BlockSpan::from_millis(LONG_STEP) };
        self.reserve = u16::try_from(random.between(1, 3)).unwrap_or(1);
        let mut seated: Vec<u16> = (0..self.validators).collect();
        for index in self.validators..self.validators + self.reserve {
            self.seatings.push((index, true));
            if random.percent(60) {
                self.seatings.push((seated.swap_remove(random.index(seated.len())), false));
            }
        }
        self.skews.resize(usize::from(self.validators + self.reserve), 0);
    }

    /// Draws nothing of seats: all validators have one, from the beginning to the end.
    pub(crate) fn settle(&mut self) {
        self.reserve = 0;
        self.seatings.clear();
        self.skews.truncate(usize::from(self.validators));
    }

    /// Draws a history of crashes, partitions, losses and repetitions alone: nobody lies, and clocks and disks are
    /// good.
    #[must_use]
    pub fn of_crashes(seed: u64) -> Self {
        let mut random = Random::stream(seed, 0xD4A);
        let validators = *[4, 4, 4, 4, 5, 7].get(random.index(6)).unwrap_or(&4);
        let millis = Duration::from_millis;
        let delay = random.between(2, 80);
        let jitter = if random.percent(50) { random.between(0, delay) / 2 } else { 0 };
        let lost_percent = if random.percent(40) { random.between(1, 10) } else { 0 };
        let travel = Travel {
            delay: millis(delay),
            jitter: millis(jitter),
            lost_percent: u8::try_from(lost_percent).unwrap_or(0),
        };
        let clock = if random.percent(50) {
            Clock::Step { span: BlockSpan::from_millis(60_000) }
        } else {
            Clock::Wall { drift_max: BlockSpan::from_millis(500) }
        };
        let leader = random.between(600, 1_200);
        let timeouts = Timeouts {
            leader: millis(leader),
            certification: millis(leader * 2),
            fetch: millis(1_000),
        };
        let idle = random.between(100, 400);
        let pace = Pace { idle_max: millis(idle), gather: millis(random.between(0, idle / 2)) };
        let kinds = Kinds {
            crash: random.percent(60),
            partition: random.percent(50),
            slow: random.percent(50),
            repeat: random.percent(50),
            lossy_disk: random.percent(30),
        };
        let traffic = millis(random.between(40, 400));
        let feeds = random.percent(50);
        let faults = faults(&mut random, usize::from(validators), kinds);
        Self {
            seed,
            validators,
            reserve: 0,
            seatings: Vec::new(),
            travel,
            clock,
            pace,
            timeouts,
            traffic,
            feeds,
            faults,
            liars: Vec::new(),
            skews: vec![0; usize::from(validators)],
            torn_percent: 0,
            outlives_panics: false,
        }
    }

    /// Returns whether a validator lies.
    #[must_use]
    pub fn lies(&self, validator: usize) -> bool {
        self.liars.iter().any(|(liar, _)| *liar == validator)
    }
}

/// Draws who lies, and about what: each a few things, so that none hides the others.
fn liars(random: &mut Random, validators: usize) -> Vec<(usize, Lies)> {
    let mut liars = Vec::new();
    if random.percent(40) {
        return liars;
    }
    for _ in 0..random.between(1, ((validators - 1) / 3) as u64) {
        let validator = random.index(validators);
        if liars.iter().any(|(liar, _)| *liar == validator) {
            continue;
        }
        let mut often = || match random.percent(35) {
            true => u8::try_from(random.between(5, 100)).unwrap_or(0),
            false => 0,
        };
        let lies = Lies {
            wrong_blocks: often(),
            twin_blocks: often(),
            double_votes: often(),
            withheld_votes: often(),
            withheld_blocks: often(),
            silences: often(),
        };
        liars.push((validator, lies));
    }
    liars
}

/// Draws a number of which the amount is at most a bound.
fn signed(random: &mut Random, bound: u64) -> i64 {
    i64::try_from(random.between(0, 2 * bound)).unwrap_or(0) - i64::try_from(bound).unwrap_or(0)
}

fn faults(random: &mut Random, validators: usize, kinds: Kinds) -> Vec<(Duration, Fault)> {
    let mut faults = Vec::new();
    let mut down: Vec<usize> = Vec::new();
    for _ in 0..random.between(4, 16) {
        let after = Duration::from_millis(random.between(300, 2_500));
        let fault = match random.between(0, 7) {
            // Mostly as many as the network bears, sometimes one more.
            0 | 1 if kinds.crash && down.len() <= (validators - 1) / 3 => {
                let validator = random.index(validators);
                if down.contains(&validator) {
                    continue;
                }
                down.push(validator);
                Fault::Crash(validator)
            }
            2 | 3 if !down.is_empty() => {
                let validator = down.swap_remove(random.index(down.len()));
                let lost = if kinds.lossy_disk { random.between(0, 4) } else { 0 };
                Fault::Restart { validator, lost: usize::try_from(lost).unwrap_or(0) }
            }
            4 if kinds.partition => {
                Fault::Partition(u32::try_from(random.word() % (1 << validators)).unwrap_or(0))
            }
            5 if kinds.slow => {
                let delay = random.between(100, 1_500);
                let travel = Travel {
                    delay: Duration::from_millis(delay),
                    jitter: Duration::from_millis(random.between(0, delay / 2)),
                    lost_percent: u8::try_from(random.between(0, 40)).unwrap_or(0),
                };
                Fault::Slow { validator: random.index(validators), travel }
            }
            6 if kinds.repeat => Fault::Repeat,
            _ => Fault::Heal,
        };
        faults.push((after, fault));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_history_every_time() {
        for seed in 0..50 {
            let drawn = || format!("{:?}", Drawn::from_seed(seed));
            assert_eq!(drawn(), drawn());
        }
        assert_ne!(
            format!("{:?}", Drawn::from_seed(1).faults),
            format!("{:?}", Drawn::from_seed(2).faults)
        );
    }

    #[test]
    fn every_kind_of_fault_network_and_clock_is_drawn_within_two_hundred_seeds() {
        let drawn: Vec<Drawn> = (0..200).map(Drawn::from_seed).collect();
        let faults: Vec<Fault> =
            drawn.iter().flat_map(|drawn| drawn.faults.iter().map(|(_, fault)| *fault)).collect();
        let count = |is: fn(&Fault) -> bool| faults.iter().filter(|fault| is(fault)).count();
        assert!(count(|fault| matches!(fault, Fault::Crash(_))) > 50);
        assert!(count(|fault| matches!(fault, Fault::Restart { lost: 0, .. })) > 20);
        assert!(count(|fault| matches!(fault, Fault::Restart { lost: 1.., .. })) > 5);
        assert!(count(|fault| matches!(fault, Fault::Partition(_))) > 50);
        assert!(count(|fault| matches!(fault, Fault::Slow { .. })) > 50);
        assert!(count(|fault| matches!(fault, Fault::Repeat)) > 50);
        for validators in [4, 5, 7] {
            assert!(drawn.iter().any(|drawn| drawn.validators == validators));
        }
        assert!(drawn.iter().any(|drawn| matches!(drawn.clock, Clock::Wall { .. })));
        assert!(drawn.iter().any(|drawn| matches!(drawn.clock, Clock::Step { .. })));
        let gone = |drawn: &&Drawn| drawn.seatings.iter().any(|(_, joins)| !joins);
        assert!(drawn.iter().filter(|drawn| drawn.reserve > 0).count() > 20);
        assert!(drawn.iter().filter(gone).count() > 10);
        assert!(count(|fault| matches!(fault, Fault::Disturb { .. })) > 20);
        assert!(count(|fault| matches!(fault, Fault::Skew { .. })) > 20);
        assert!(count(|fault| matches!(fault, Fault::SlowDisk { .. })) > 20);
        assert!(count(|fault| matches!(fault, Fault::PowerFailure)) > 10);
        assert!(count(|fault| matches!(fault, Fault::Wipe(_))) > 10);
        let lies: Vec<Lies> =
            drawn.iter().flat_map(|drawn| drawn.liars.iter().map(|(_, lies)| *lies)).collect();
        for told in [
            |lies: &Lies| lies.wrong_blocks,
            |lies: &Lies| lies.twin_blocks,
            |lies: &Lies| lies.double_votes,
            |lies: &Lies| lies.withheld_votes,
            |lies: &Lies| lies.withheld_blocks,
            |lies: &Lies| lies.silences,
        ] {
            assert!(lies.iter().filter(|lies| told(lies) > 0).count() > 20);
        }
    }

    #[test]
    fn fewer_than_a_third_ever_lie() {
        for seed in 0..2_000 {
            let drawn = Drawn::from_seed(seed);
            assert!(drawn.liars.len() * 3 < usize::from(drawn.validators), "seed {seed}");
        }
    }
}
