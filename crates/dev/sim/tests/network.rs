//! What the network must bear, and what the simulation must find.

use light::Clock;
use replica::simulation::Lies;
use sim::{Drawn, Failure, Fault, Finality, Planting, finality, play, run};
use std::collections::BTreeSet;
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
fn a_validator_that_computes_wrongly_notices_goes_no_further_and_names_the_first_wrong_record() {
    let mut named = 0;
    for seed in 0..SEEDS {
        let failure = run(seed, Some(Planting::Divergence)).failure;
        let Some(Failure::Halted { why, .. }) = failure else {
            panic!("seed {seed}: {failure:?}");
        };
        assert!(why.starts_with("DIVERGED at height"), "{why}");
        assert!(why.contains("first difference at height 10: state root here"), "{why}");
        let record = why.contains("first differing record Parameter(None, Timelock): here");
        // Whoever started again since the block has forgotten what it wrote.
        assert!(record || why.contains("no longer in memory"), "{why}");
        named += u64::from(record);
    }
    assert!(named * 2 > SEEDS, "{named} of {SEEDS}");
}

/// A quiet network with one liar.
fn with_liar(seed: u64, lies: Lies) -> Drawn {
    let mut drawn = Drawn::of_crashes(seed);
    drawn.faults = vec![(Duration::from_secs(8), Fault::Heal)];
    drawn.liars = vec![(usize::from(drawn.validators) - 1, lies)];
    drawn
}

#[test]
fn whoever_votes_twice_is_punished_by_all_and_the_rest_go_on() {
    // 0029-EVID-001…004
    let ran = play(with_liar(7, Lies { double_votes: 100, ..Lies::default() }), None);
    assert_eq!((ran.failure, ran.punished), (None, 1));
}

#[test]
fn whoever_proposes_twice_is_punished_as_soon_as_one_honest_validator_has_seen_both() {
    // 0029-EVID-001
    // Whoever sees one vote, and a certificate of the other block, drops the liar and can prove nothing.
    let mut punished = 0;
    for seed in 0..SEEDS {
        let ran = play(with_liar(seed, Lies { twin_blocks: 100, ..Lies::default() }), None);
        assert_eq!(ran.failure, None, "seed {seed}");
        punished += ran.punished;
    }
    assert!(punished > 0, "nobody saw both within {SEEDS} seeds");
}

#[test]
fn whoever_withholds_or_proposes_nonsense_slows_the_rest_down_and_is_not_punished() {
    let lies = [
        Lies { wrong_blocks: 100, ..Lies::default() },
        Lies { withheld_blocks: 100, silences: 100, ..Lies::default() },
        Lies { withheld_votes: 100, ..Lies::default() },
    ];
    for lies in lies {
        let ran = play(with_liar(7, lies), None);
        assert_eq!((ran.failure, ran.punished), (None, 0), "{lies:?}");
        assert!(ran.height > 10, "{lies:?}: {}", ran.height);
    }
}

#[test]
fn whoever_loses_its_disk_signs_nothing_twice_and_votes_again() {
    for seed in 0..4 {
        let mut drawn = Drawn::of_crashes(seed);
        let at = |millis, fault| (Duration::from_millis(millis), fault);
        // Once it votes again the network bears the loss of another.
        drawn.faults = vec![
            at(3_000, Fault::Wipe(1)),
            at(700, Fault::Wipe(1)),
            at(9_000, Fault::Crash(2)),
            at(4_000, Fault::Restart { validator: 2, lost: 0 }),
        ];
        let ran = play(drawn, None);
        assert_eq!((ran.failure, ran.punished), (None, 0), "seed {seed}");
        assert!(ran.height > 10, "seed {seed}: {}", ran.height);
    }
}

#[test]
fn an_engine_panics_where_its_disk_refuses_a_write_and_signs_nothing_twice_when_it_comes_back() {
    // 0025-BLOCK-032
    let mut drawn = Drawn::of_crashes(7);
    let at = |millis, fault| (Duration::from_millis(millis), fault);
    drawn.faults = vec![at(3_000, Fault::FullDisks), at(2_000, Fault::PowerFailure)];
    let alone = drawn.clone();
    assert!(std::panic::catch_unwind(|| play(alone, None)).is_err(), "the process ends");
    drawn.outlives_panics = true;
    let ran = play(drawn, None);
    assert_eq!((&ran.failure, ran.punished), (&None, 0));
    assert!(ran.height > 10, "{}", ran.height);
}

#[test]
fn a_validator_whose_disk_takes_no_block_goes_no_further_and_comes_back_once_it_does() {
    // 0025-BLOCK-032: it may be tried again, as what cannot be executed may not.
    for seed in 0..3 {
        let mut drawn = Drawn::of_crashes(seed);
        let at = |seconds, fault| (Duration::from_secs(seconds), fault);
        drawn.faults = vec![at(4, Fault::RefuseBlocks(1)), at(15, Fault::Heal)];
        let stays = play(drawn.clone(), None);
        let Some(Failure::Stuck { heights, .. }) = &stays.failure else {
            panic!("seed {seed}: {:?}", stays.failure);
        };
        assert_eq!(stays.refused, BTreeSet::from([1]), "seed {seed}");
        let others = heights.iter().enumerate().filter(|(index, _)| *index != 1);
        assert!(
            others.map(|(_, height)| height).all(|height| *height > heights[1] + 20),
            "seed {seed}: {heights:?}"
        );
        drawn
            .faults
            .extend([at(1, Fault::Crash(1)), at(1, Fault::Restart { validator: 1, lost: 0 })]);
        let back = play(drawn, None);
        assert_eq!(
            (back.failure, back.punished, back.refused),
            (None, 0, BTreeSet::from([1])),
            "seed {seed}"
        );
    }
}

#[test]
fn a_failure_of_the_power_everywhere_loses_nothing_that_was_final() {
    for torn_percent in [0, 50, 100] {
        let mut drawn = Drawn::of_crashes(7);
        let failure = |seconds| (Duration::from_secs(seconds), Fault::PowerFailure);
        drawn.faults = vec![failure(3), failure(1), failure(3)];
        drawn.torn_percent = torn_percent;
        let ran = play(drawn, None);
        assert_eq!(ran.failure, None, "{torn_percent} % of unsynced bytes are kept");
        assert!(ran.height > 10);
    }
}

#[test]
fn clocks_within_the_rule_cost_nothing_and_one_far_off_stops_nobody() {
    let within = (0..100).map(Drawn::of_crashes);
    let is_wall =
        |drawn: &Drawn| matches!(drawn.clock, Clock::Wall { .. }) && drawn.validators == 4;
    let mut drawn = within.into_iter().find(is_wall).expect("half of them are");
    drawn.faults = vec![(Duration::from_secs(10), Fault::Heal)];
    let height = |drawn: &Drawn| {
        let ran = play(drawn.clone(), None);
        assert_eq!(ran.failure, None);
        ran.height
    };
    let together = height(&drawn);
    drawn.skews = vec![250, -250, 250, -250];
    let apart = height(&drawn);
    assert!(apart * 10 >= together * 9, "{apart} blocks instead of {together}");
    for millis in [60_000, -60_000] {
        drawn.skews = vec![0; 4];
        drawn.faults.insert(0, (Duration::ZERO, Fault::Skew { validator: 3, millis }));
        let far = height(&drawn);
        assert!(far * 4 >= together, "{far} blocks instead of {together}");
        drawn.faults.remove(0);
    }
}

/// Two of five lost the end of their logs together; what they had acknowledged was not delivered again, so they could
/// not vote, and without them no block became final that would have made them look.
#[test]
fn validators_that_lose_acknowledged_blocks_together_catch_up_without_a_new_block() {
    assert_eq!(play(Drawn::of_crashes(1337), None).failure, None);
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
