//! What the network must bear, and what the simulation must find.

use sim::{Failure, Finality, Planting, finality, run};
use std::time::Duration;

/// Seeds of each test; `cargo x sim` runs as many as one likes.
const SEEDS: u64 = 8;

#[test]
fn the_network_bears_its_faults_and_comes_back() {
    for seed in 0..SEEDS {
        let ran = run(seed, None);
        assert_eq!(ran.failure, None, "reproduce: cargo x sim --seeds 1 --from {seed}");
        assert!(ran.height > 5 && ran.transactions > 0, "seed {seed} says nothing: {ran:?}");
    }
}

#[test]
fn a_seed_is_one_history() {
    for seed in 100..103 {
        assert_eq!(run(seed, None), run(seed, None), "seed {seed}");
    }
}

#[test]
fn validators_that_wait_for_no_quorum_are_found() {
    let found = (0..SEEDS).any(|seed| {
        matches!(run(seed, Some(Planting::NoQuorum)).failure, Some(Failure::Disagreement { .. }))
    });
    assert!(found, "no disagreement within {SEEDS} seeds");
}

#[test]
fn a_validator_that_computes_wrongly_notices_and_goes_no_further() {
    for seed in 0..SEEDS {
        let failure = run(seed, Some(Planting::Divergence)).failure;
        let Some(Failure::Halted { why, .. }) = failure else {
            panic!("seed {seed}: {failure:?}");
        };
        assert!(why.starts_with("DIVERGED at height"), "{why}");
    }
}

/// Two of five lost the end of their logs together; what they had acknowledged was not delivered again, so they could
/// not vote, and without them no block became final that would have made them look.
#[test]
fn validators_that_lose_acknowledged_blocks_together_catch_up_without_a_new_block() {
    assert_eq!(run(1337, None).failure, None);
}

#[test]
fn a_block_is_final_three_trips_after_its_proposal_and_one_crash_stalls_nobody_for_long() {
    let (trip, span) = (Duration::from_millis(50), Duration::from_secs(20));
    let whole = finality(trip, span, false);
    let crashed = finality(trip, span, true);
    for (name, seen) in [("all run", &whole), ("one is down", &crashed)] {
        let [p50, p99, gap50, gap99] = [
            Finality::quantile(&seen.waits, 50),
            Finality::quantile(&seen.waits, 99),
            Finality::quantile(&seen.gaps, 50),
            Finality::quantile(&seen.gaps, 99),
        ];
        eprintln!(
            "{name}: {} blocks, final after {p50} ms (p99 {p99}), a block every {gap50} ms (p99 {gap99})",
            seen.gaps.len()
        );
    }
    assert!(Finality::quantile(&whole.waits, 50) <= 165, "three trips of 50 ms and a tenth");
    assert!(Finality::quantile(&crashed.waits, 50) <= 165);
    assert!(Finality::quantile(&crashed.gaps, 99) <= 1_200, "one view timeout, and a proposal");
}
