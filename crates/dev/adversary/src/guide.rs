//! Guided search: histories that reached something new, or came nearer to breaking something than all before, are changed
//! a little and played again.
//!
//! **Invariant:** what a seed means depends on the seeds before it in the run and on nothing else, so a run from the same
//! first seed finds the same.

use crate::act::{Act, History, Keys, Member, Step};
use crate::draw;
use crate::house::MARKETS;
use crate::run::Ran;
use random::Random;
use std::collections::BTreeSet;

/// Histories that are kept.
const KEPT: usize = 64;
/// Steps of the longest history that is played.
const STEPS: usize = 260;
/// Of how many histories in a hundred nothing of what is kept becomes a part.
const FRESH: u64 = 40;

/// What is worth changing.
#[derive(Debug, Default)]
pub struct Guide {
    kept: Vec<History>,
    /// What has been reached, with how often, to a power of two.
    reached: BTreeSet<(String, u32)>,
    /// The most of each measure.
    most: [i128; 4],
}

impl Guide {
    /// Returns the history of a seed, after those that have been played.
    #[must_use]
    pub fn history(&self, seed: u64) -> History {
        let fresh = draw::history(seed);
        let mut random = Random::stream(seed, 4);
        if self.kept.is_empty() || random.percent(FRESH) {
            return fresh;
        }
        let mut history = random.one(&self.kept).clone();
        for _ in 0..random.between(1, 4) {
            change(&mut history, &fresh, &mut random);
        }
        history.steps.truncate(STEPS);
        history
    }

    /// Keeps a history if it has reached what none before has.
    pub fn learn(&mut self, history: &History, ran: &Ran) {
        let mut new = false;
        for (what, count) in ran.coverage.counts() {
            new |= self.reached.insert((what.to_owned(), count.ilog2()));
        }
        for (most, measured) in self.most.iter_mut().zip(ran.nearness.measures()) {
            new |= measured > *most;
            *most = (*most).max(measured);
        }
        if !new {
            return;
        }
        if self.kept.len() == KEPT {
            self.kept.remove(0);
        }
        self.kept.push(history.clone());
    }
}

/// Changes one thing of a history.
fn change(history: &mut History, fresh: &History, random: &mut Random) {
    let length = history.steps.len();
    if length == 0 {
        history.steps.clone_from(&fresh.steps);
        return;
    }
    let last = i64::try_from(length).expect("short") - 1;
    let mut place = || usize::try_from(random.between(0, last)).expect("an index");
    let (from, to) = (place(), place());
    let (from, to) = (from.min(to), from.max(to));
    match random.between(0, 8) {
        // Some steps less, twice, or elsewhere.
        0 => drop(history.steps.drain(from..to)),
        1 => {
            let again = history.steps[from..to.min(from + 40)].to_vec();
            history.steps.splice(to..to, again);
        }
        2 => {
            let moved: Vec<Step> = history.steps.drain(from..to.min(from + 20)).collect();
            let at = from / 2;
            history.steps.splice(at..at, moved);
        }
        // Steps of another history.
        3 | 4 => {
            let count = usize::try_from(random.between(1, 40)).expect("a length");
            let begin = usize::try_from(random.between(0, 100)).expect("a length");
            let other = fresh.steps.iter().skip(begin).take(count).cloned();
            history.steps.splice(from..from, other.collect::<Vec<Step>>());
        }
        // Another market, faster, slower, or the other way.
        5 => {
            let by = *random.one(&[-1, 2, 3]);
            for step in &mut history.steps[from..=to] {
                step.tick.index = step.tick.index.map(|moved| (moved * by).clamp(-60_000, 60_000));
            }
        }
        6 => {
            let seconds = *random.one(&[1, 10, 50, 91]);
            history.steps[from..=to].iter_mut().for_each(|step| step.tick.seconds = seconds);
        }
        // Other members.
        7 => {
            let members = u8::try_from(history.setup.capital.len()).expect("eight at most");
            let by = random.between(1, members);
            let turn = |who: Member| (who - 1 + by) % members + 1;
            for act in history.steps[from..=to].iter_mut().flat_map(|step| &mut step.acts) {
                turned(act, turn, random.between(0, MARKETS - 1));
            }
        }
        // Another house.
        _ => {
            let setup = &mut history.setup;
            match random.between(0, 4) {
                0 => setup.fund = *random.one(&[0, 1_000, 100_000, 1_000_000]),
                1 => setup.quoted = fresh.setup.quoted,
                2 => setup.slow = !setup.slow,
                3 => setup.leveraged = !setup.leveraged,
                _ => setup.keys = *random.one(&[Keys::FEW, Keys::MORE]),
            }
        }
    }
}

/// Gives an order to another member, or to another market.
fn turned(act: &mut Act, turn: impl Fn(Member) -> Member, place: u8) {
    match act {
        Act::Order { who, market, .. } | Act::Close { who, market, .. } => {
            *who = turn(*who);
            *market = if place < 3 { place } else { *market };
        }
        Act::Meet { who, .. } | Act::Withdraw { who, .. } | Act::Cancel { who } => {
            *who = turn(*who);
        }
        _ => {}
    }
}
