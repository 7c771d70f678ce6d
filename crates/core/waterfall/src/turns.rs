//! Whose turn it is when a block has no room for everybody who is to be liquidated: scheduling, half first in, first out and
//! half by priority.
//!
//! **Invariant:** half of a block goes to those who have waited longest, and half to where most is at stake for the work. So
//! nobody waits for ever, and whoever fills the queue with small or hopeless accounts delays nobody by more than the
//! margin that he has put into them.

use std::cmp::Reverse;
use units::{BlockHeight, Notional, Num, Round, limits};

/// An account that is to be liquidated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// As [`health`] says: the lower the worse.
    pub health: i128,
    /// Maintenance margin.
    pub stake: Notional,
    /// What taking it on costs: positive.
    pub steps: u64,
    /// The block since which it waits for a turn.
    pub waiting_since: BlockHeight,
    /// How many of its turns in a row filled nothing.
    pub failures: u8,
}

/// Returns equity over maintenance margin in parts per billion, rounded down; without maintenance margin, or so far below it
/// that no number says it, the least there is.
///
/// spec 0021-FALL-001.
#[must_use]
pub fn health(equity: Notional, maintenance: Notional) -> i128 {
    let whole = Num::new(limits::PPB_ONE);
    let ratio = equity.number().mul_div(whole, maintenance.number(), Round::Down);
    ratio.map_or(i128::MIN, Num::raw)
}

/// Returns the places of those whose turn it is, in the order in which they are taken on: the longest waiting first, then the
/// worst, then the first given.
///
/// If all fit into the budget, it is everybody's turn. If not, half of the budget goes by that order, and half by stake for
/// each step, halved for every turn that filled nothing. Either half may go beyond its end by its last account.
///
/// spec 0021-FALL-022.
#[must_use]
pub fn turns(candidates: &[Candidate], budget: u64) -> Vec<usize> {
    let mut queue: Vec<(usize, &Candidate)> = candidates.iter().enumerate().collect();
    queue.sort_by_key(|(place, held)| (held.waiting_since, held.health, *place));
    let steps = queue.iter().fold(0u64, |sum, (_, held)| sum.saturating_add(held.steps));
    if steps <= budget {
        return queue.into_iter().map(|(place, _)| place).collect();
    }
    let half = budget.div_euclid(2);
    let mut rest = queue.split_off(room(&queue, half));
    let mut chosen = queue;
    rest.sort_by_key(|(place, held)| (Reverse(density(held)), held.health, *place));
    rest.truncate(room(&rest, half));
    chosen.extend(rest);
    chosen.sort_by_key(|(place, held)| (held.waiting_since, held.health, *place));
    chosen.into_iter().map(|(place, _)| place).collect()
}

/// Returns how many of a queue begin within a budget.
fn room(queue: &[(usize, &Candidate)], budget: u64) -> usize {
    let mut spent = 0u64;
    let begins = queue.iter().take_while(|(_, held)| {
        let before = spent;
        spent = spent.saturating_add(held.steps);
        before < budget
    });
    begins.count()
}

/// Returns what is at stake for a step, in billionths of micro-dollars, halved for every failure.
fn density(held: &Candidate) -> i128 {
    let steps = Num::new(i128::from(held.steps.max(1)));
    let fine = held.stake.number().mul_div(Num::new(1_000_000_000), steps, Round::Down);
    let whole = fine.map_or(i128::MAX, Num::raw);
    whole.checked_shr(held.failures.into()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(health: i128, stake: i128, steps: u64) -> Candidate {
        Candidate {
            health,
            stake: Notional::from_micros(stake * 1_000_000),
            steps,
            waiting_since: BlockHeight::from_blocks(7),
            failures: 0,
        }
    }

    #[test]
    fn health_is_rounded_down_and_nothing_is_worse_than_no_margin_to_measure_by() {
        // 0021-FALL-001
        let of = |equity, maintenance| {
            health(Notional::from_micros(equity), Notional::from_micros(maintenance))
        };
        assert_eq!(of(1, 3), 333_333_333);
        assert_eq!(of(-1, 3), -333_333_334);
        assert_eq!(of(5, 0), i128::MIN);
        assert_eq!(of(i128::MIN, 1), i128::MIN);
    }

    #[test]
    fn with_room_for_all_the_worst_comes_first() {
        // 0021-FALL-001, 0021-FALL-022
        let waits =
            Candidate { waiting_since: BlockHeight::from_blocks(6), ..candidate(900, 5, 10) };
        let all = [candidate(500, 1, 10), candidate(-3, 1, 10), waits, candidate(500, 9, 10)];
        assert_eq!(turns(&all, 40), [2, 1, 0, 3]);
    }

    #[test]
    fn half_of_a_block_goes_to_what_is_at_stake() {
        // 0021-FALL-022: a thousand worse accounts of little, and one of much.
        let mut all = vec![candidate(-500, 2, 10); 1_000];
        all.push(candidate(900, 50_000, 100));
        let chosen = turns(&all, 400);
        assert!(chosen.contains(&1_000));
        assert!(chosen.iter().map(|place| all[*place].steps).sum::<u64>() <= 400 + 10 + 100);
        // Nobody is helped by failing.
        all.push(Candidate { failures: 9, ..candidate(800, 60_000, 100) });
        let chosen = turns(&all, 200);
        assert!(chosen.contains(&1_000) && !chosen.contains(&1_001));
    }

    #[test]
    fn nobody_waits_longer_than_the_work_before_him() {
        // 0021-FALL-022: those of one block, served once each, are through after their steps over half of a block.
        let mut all: Vec<Candidate> = (0..500)
            .map(|number| {
                candidate(number, 1 + number % 7, 1 + u64::try_from(number).unwrap() % 40)
            })
            .collect();
        let work: u64 = all.iter().map(|held| held.steps).sum();
        let budget = 300;
        let mut served = vec![false; all.len()];
        let mut blocks = 0;
        while served.contains(&false) {
            blocks += 1;
            for place in turns(&all, budget) {
                served[place] = true;
                // Nothing filled, and it waits from the next block on.
                all[place].waiting_since = BlockHeight::from_blocks(7 + blocks);
                all[place].failures = all[place].failures.saturating_add(1);
            }
        }
        assert!(u64::try_from(blocks).unwrap() <= work / (budget / 2) + 1, "{blocks} of {work}");
    }

    #[test]
    fn a_hundred_thousand_dollars_delay_an_account_by_blocks_that_can_be_counted() {
        // 0021-FALL-022: 100,000 dollars of margin in legs that never fill, as small as may be, against an account of 600
        // dollars on two legs: 200 dollars a step.
        for stake in [1, 20, 199, 250, 1_000] {
            let steps = 3;
            let mut all =
                vec![candidate(-900, stake, steps); 100_000 / usize::try_from(stake).unwrap()];
            all.push(candidate(999, 600, 3));
            let (victim, budget, mut blocks) = (all.len() - 1, 512, 0);
            loop {
                blocks += 1;
                let chosen = turns(&all, budget);
                if chosen.contains(&victim) {
                    break;
                }
                for place in chosen {
                    all[place].waiting_since = BlockHeight::from_blocks(7 + blocks);
                    all[place].failures = all[place].failures.saturating_add(1);
                }
            }
            // At most 100,000 / 200 steps by stake come before it.
            assert!(blocks <= 1 + 500 / 256, "{stake}: {blocks}");
        }
    }
}
