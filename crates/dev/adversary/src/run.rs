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
    /// What the coalition gained, in micro-dollars at the marks; what was broken, if anything was.
    pub verdict: Result<i128, Breach>,
}

/// A seed whose history broke a rule, shrunk.
#[derive(Debug)]
pub struct Found {
    /// A short history that breaks the same rule.
    pub history: History,
    /// How.
    pub breach: Breach,
    /// Whether it breaks nothing where a book hardly moves a mark: it then leans on prices, not on rules about accounts.
    pub leans: bool,
}

/// Plays a history; `still` in a house where books hardly move marks.
///
/// # Panics
///
/// If the house cannot be founded, or a block does not follow.
#[must_use]
pub fn play(history: &History, still: bool) -> Ran {
    let mut coverage = Coverage::default();
    let mut world = World::new(&history.setup, still);
    let mut judge = Judge::new(&world, &history.setup);
    for step in &history.steps {
        let applied = world.step(step);
        coverage.outcome(&applied.outcome);
        for held in world.machine.state().underlyings.values() {
            coverage.note(format!("mode {:?}", held.mode));
        }
        if let Err(breach) = judge.look(&world, &applied) {
            return Ran { coverage, verdict: Err(breach) };
        }
    }
    Ran { coverage, verdict: judge.conclude(&world) }
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
    (house::genesis(&history.setup, false), world.kept.unwrap_or_default())
}

/// Plays the history of a seed, and shrinks it if it breaks something.
///
/// # Panics
///
/// As [`play`].
#[must_use]
pub fn run(seed: u64) -> (Ran, Option<Found>) {
    let history = draw::history(seed);
    let ran = play(&history, false);
    let found = ran.verdict.as_ref().err().map(|breach| {
        let leans = play(&history, true).verdict.is_ok();
        let (history, breach) = shrink(&history, breach);
        Found { history, breach, leans }
    });
    (ran, found)
}
