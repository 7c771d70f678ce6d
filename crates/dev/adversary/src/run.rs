//! One history, from its seed to its verdict.

use crate::act::History;
use crate::coverage::Coverage;
use crate::judge::{Breach, Judge};
use crate::shrink::shrink;
use crate::world::World;
use crate::{draw, house};
use machine::Genesis;
use protocol::Block;

/// What a history has come to.
#[derive(Debug)]
pub struct Ran {
    /// What it has reached.
    pub coverage: Coverage,
    /// How near it has come to breaking something.
    pub nearness: Nearness,
    /// What the coalition gained, in micro-dollars at the marks; what was broken, if anything was.
    pub verdict: Result<i128, Breach>,
}

/// How near a history has come to breaking something.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nearness {
    /// What the coalition gained, in micro-dollars.
    pub gain: i128,
    /// The most blocks in a row in which an account was below maintenance margin and was not reduced.
    pub waited: u32,
    /// The most steps of liquidation in a block.
    pub steps: usize,
    /// The most events of a block.
    pub events: usize,
}

impl Nearness {
    /// Returns the measures, the more the nearer.
    pub(crate) fn measures(&self) -> [i128; 4] {
        let count = |count: usize| i128::try_from(count).expect("few");
        [self.gain, self.waited.into(), count(self.steps), count(self.events)]
    }

    /// Returns the larger of each.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            gain: self.gain.max(other.gain),
            waited: self.waited.max(other.waited),
            steps: self.steps.max(other.steps),
            events: self.events.max(other.events),
        }
    }
}

/// A seed whose history broke a rule, shrunk.
#[derive(Debug)]
pub struct Found {
    /// A short history that breaks the same rule.
    pub history: History,
    /// How.
    pub breach: Breach,
}

/// Plays a history.
///
/// # Panics
///
/// If the house cannot be founded, or a block does not follow.
#[must_use]
pub fn play(history: &History) -> Ran {
    let mut coverage = Coverage::default();
    let mut world = World::new(&history.setup);
    let mut judge = Judge::new(&world, &history.setup);
    let mut found = None;
    for step in &history.steps {
        let applied = world.step(step);
        coverage.outcome(&applied.outcome);
        for held in world.machine.state().underlyings.values() {
            coverage.mode(held.mode);
        }
        if let Err(breach) = judge.look(&world, &applied) {
            found = Some(breach);
            break;
        }
    }
    let verdict = found.map_or_else(|| judge.conclude(&world), Err);
    let gain = verdict.as_ref().copied().unwrap_or_default();
    let nearness = Nearness { gain, ..judge.nearness };
    Ran { coverage, nearness, verdict }
}

/// Returns what a history's house is founded on, and all of its blocks: for whoever reads logs.
///
/// # Panics
///
/// As [`play`].
#[must_use]
pub fn blocks(history: &History) -> (Genesis, Vec<Block>) {
    let mut world = World::keeping(&history.setup);
    for step in &history.steps {
        world.step(step);
    }
    (house::genesis(&history.setup), world.kept.unwrap_or_default())
}

/// Plays the history of a seed, and shrinks it if it breaks something.
///
/// # Panics
///
/// As [`play`].
#[must_use]
pub fn run(seed: u64) -> (Ran, Option<Found>) {
    run_history(&draw::history(seed))
}

/// Plays a history, and shrinks it if it breaks something.
///
/// # Panics
///
/// As [`play`].
#[must_use]
pub fn run_history(history: &History) -> (Ran, Option<Found>) {
    let ran = play(history);
    let found = ran.verdict.as_ref().err().map(|breach| {
        let (history, breach) = shrink(history, breach);
        Found { history, breach }
    });
    (ran, found)
}
