//! What a seed draws: the network, which kinds of faults it suffers, and when.

use crate::random::Random;
use light::Clock;
use replica::Pace;
use replica::Timeouts;
use replica::simulation::Travel;
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
}

/// A history before it happens.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// The seed it was drawn from.
    pub seed: u64,
    /// How many validators.
    pub validators: u16,
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
}

impl fmt::Display for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} validators, {} ms ± {} ms, {} % lost, {} faults",
            self.validators,
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
        let mut random = Random::new(seed, 0xD4A);
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
        Self { seed, validators, travel, clock, pace, timeouts, traffic, feeds, faults }
    }
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
                Fault::Partition(u32::try_from(random.next() % (1 << validators)).unwrap_or(0))
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
    }
}
