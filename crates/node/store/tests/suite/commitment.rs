//! The authenticated state: what its roots depend on, and how it is reopened.

use crate::support::{Batch, GENESIS, Scratch, batch, history, key, parent};
use proptest::prelude::*;
use random::Random;
use store::{CommitmentError, QmdbCommitment, StateCommitment, StateRoot};

fn temporary() -> QmdbCommitment {
    QmdbCommitment::temporary(&parent()).expect("opened")
}

fn roots(state: &mut dyn StateCommitment, from: u64, batches: &[Batch]) -> Vec<StateRoot> {
    (from..).zip(batches).map(|(height, batch)| state.commit(height, batch).expect("ok")).collect()
}

#[test]
fn roots_are_a_function_of_the_sequence_of_batches() {
    let history = history(30);
    let first = roots(&mut temporary(), 1, &history);
    let second = roots(&mut temporary(), 1, &history);
    assert_eq!(first, second);
    let mut distinct = first.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), first.len(), "a root was met twice");
}

#[test]
fn the_first_roots_never_change_between_builds() {
    let mut state = temporary();
    let empty = state.root();
    let roots = roots(&mut state, 1, &history(40));
    let shown: Vec<_> =
        [empty, roots[0], roots[1], roots[39]].iter().map(ToString::to_string).collect();
    assert_eq!(shown, GOLDEN);
}

/// Roots of the empty state and of blocks 1, 2 and 40 of the test history.
const GOLDEN: [&str; 4] = [
    "c331b0a5288a5e0ffe7feb2925068f3ac58f6eee767aed0dcbae518ed4262680",
    "ecebaa0125c0d9bb48cb5cf08e3f62d0edc7dec0f6aac8c2cc8d69c101a71c47",
    "cc0ec39f300585d921c1e3be969eff7eb81e3113a01065d13f0d86d1d0bf49f4",
    "1c2c33aae85ffc0178e0a7dc3d2ad60e95d790e042f5947ded65c7b5befab36a",
];

#[test]
fn the_order_of_writes_within_a_block_does_not_matter() {
    let forward: Batch = (0..50).map(|number| (key(number), Some(vec![1]))).collect();
    let backward: Batch = forward.iter().rev().cloned().collect();
    assert_eq!(roots(&mut temporary(), 1, &[forward]), roots(&mut temporary(), 1, &[backward]));
}

#[test]
fn roots_depend_on_history_and_not_only_on_the_records() {
    let write = |number| vec![(key(number), Some(vec![1]))];
    let one = roots(&mut temporary(), 1, &[write(1), write(2)]);
    let other = roots(&mut temporary(), 1, &[write(2), write(1)]);
    assert_ne!(one[1], other[1]);
}

#[test]
fn removing_an_absent_record_is_like_writing_nothing() {
    let some = vec![(key(1), Some(vec![1]))];
    let nothing = roots(&mut temporary(), 1, &[some.clone(), vec![]]);
    let removed = roots(&mut temporary(), 1, &[some, vec![(key(2), None)]]);
    assert_eq!(nothing, removed);
}

#[test]
fn a_block_without_writes_still_moves_the_root() {
    let roots = roots(&mut temporary(), 1, &[vec![], vec![]]);
    assert_ne!(roots[0], roots[1]);
}

#[test]
fn heights_follow_one_another_and_a_refused_commit_changes_nothing() {
    let mut state = temporary();
    let root = state.commit(5, &[(key(1), Some(vec![1]))]).expect("the first may be any");
    for height in [4, 5, 7] {
        assert!(matches!(
            state.commit(height, &[]),
            Err(CommitmentError::HeightNotNext { expected: 6, .. })
        ));
    }
    let long = vec![0; store::KEY_BYTES_MAX + 1];
    assert!(matches!(state.commit(6, &[(long, None)]), Err(CommitmentError::KeyTooLong { .. })));
    let long = vec![0; store::RECORD_BYTES_MAX + 1];
    assert!(matches!(
        state.commit(6, &[(key(1), Some(long))]),
        Err(CommitmentError::RecordTooLong { .. })
    ));
    assert_eq!((state.root(), state.height()), (root, Some(5)));
}

#[test]
fn a_checkpoint_is_reached_again_from_any_later_state() {
    let dir = Scratch::new();
    let history = history(60);
    let expected = roots(&mut temporary(), 1, &history);
    let checkpoint = {
        let mut state = QmdbCommitment::open(dir.path()).expect("opened");
        roots(&mut state, 1, &history[..20]);
        let checkpoint = state.checkpoint().expect("durable");
        roots(&mut state, 21, &history[20..40]);
        state.checkpoint().expect("durable");
        // Not durable, and left behind as a crash would.
        roots(&mut state, 41, &history[40..50]);
        checkpoint
    };
    assert_eq!((checkpoint.height, checkpoint.root), (20, expected[19]));
    let mut state = QmdbCommitment::open_at(dir.path(), &checkpoint).expect("reached");
    assert_eq!((state.height(), state.root()), (Some(20), expected[19]));
    assert_eq!(roots(&mut state, 21, &history[20..]), expected[20..]);
}

#[test]
fn forgetting_up_to_a_checkpoint_keeps_it_reachable_and_changes_no_root() {
    let dir = Scratch::new();
    let mut random = Random::new(3);
    let history: Vec<Batch> = (0..400).map(|_| batch(&mut random)).collect();
    let expected = roots(&mut temporary(), 1, &history);
    let mut state = QmdbCommitment::open(dir.path()).expect("opened");
    roots(&mut state, 1, &history[..150]);
    let early = state.checkpoint().expect("durable");
    roots(&mut state, 151, &history[150..300]);
    let late = state.checkpoint().expect("durable");
    assert!(early.prunable > 0 && late.prunable > early.prunable, "nothing to forget");
    state.prune(early.prunable).expect("forgotten");
    assert_eq!(roots(&mut state, 301, &history[300..350]), expected[300..350]);
    drop(state);

    let mut state = QmdbCommitment::open_at(dir.path(), &early).expect("still reachable");
    assert_eq!(roots(&mut state, 151, &history[150..]), expected[150..]);
    let end = state.checkpoint().expect("durable");
    state.prune(end.prunable).expect("forgotten");
    drop(state);
    assert!(
        matches!(
            QmdbCommitment::open_at(dir.path(), &early),
            Err(CommitmentError::CheckpointAbsent { .. })
        ),
        "a forgotten checkpoint was reached"
    );
}

#[test]
fn a_checkpoint_of_another_history_is_not_reached() {
    let dir = Scratch::new();
    let mut other = temporary();
    roots(&mut other, 1, &[vec![(key(9), Some(vec![9]))]]);
    let foreign = other.checkpoint().expect("durable");
    let mut state = QmdbCommitment::open(dir.path()).expect("opened");
    roots(&mut state, 1, &history(5));
    state.checkpoint().expect("durable");
    drop(state);
    assert!(matches!(
        QmdbCommitment::open_at(dir.path(), &foreign),
        Err(CommitmentError::CheckpointAbsent { .. })
    ));
}

#[test]
fn nothing_committed_is_nothing_to_come_back_to() {
    let mut state = temporary();
    assert!(matches!(state.checkpoint(), Err(CommitmentError::CheckpointAbsent { .. })));
    state.commit(1, &[]).expect("asking did no harm");
}

#[test]
fn a_directory_holds_one_open_state_at_a_time() {
    let dir = Scratch::new();
    let first = QmdbCommitment::open(dir.path()).expect("free");
    let second = QmdbCommitment::open(dir.path());
    assert!(matches!(second, Err(CommitmentError::Lock(store::LockError::Held { .. }))));
    drop(first);
    QmdbCommitment::open(dir.path()).expect("released");
}

#[test]
fn garbage_in_the_directory_is_a_named_error() {
    let dir = Scratch::new();
    {
        let mut state = QmdbCommitment::open(dir.path()).expect("opened");
        roots(&mut state, 1, &history(20));
        state.checkpoint().expect("durable");
    }
    for entry in std::fs::read_dir(dir.path()).expect("listed") {
        let partition = entry.expect("listed").path();
        if !partition.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(partition).expect("listed") {
            std::fs::write(file.expect("listed").path(), GENESIS.repeat(9)).expect("written");
        }
    }
    let error = QmdbCommitment::open(dir.path()).expect_err("garbage");
    assert!(matches!(error, CommitmentError::Engine { .. }), "{error}");
}

#[test]
fn the_state_answers_what_a_map_would() {
    let mut state = temporary();
    let mut map = std::collections::BTreeMap::new();
    for (height, batch) in (1..).zip(history(50)) {
        state.commit(height, &batch).expect("ok");
        for (key, record) in batch {
            map.insert(key, record);
        }
        let digest = |number| state.record_digest(&key(number)).expect("read");
        for number in (0..60).step_by(7) {
            let expected = map.get(&key(number)).and_then(Option::as_deref);
            assert_eq!(digest(number), expected.map(store::RecordDigest::of));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Wherever a run is cut and resumed, the roots are those of an uncut run.
    #[test]
    fn prop_a_cut_anywhere_leaves_the_roots_alone(
        seed in any::<u64>(), blocks in 1usize..30, at in any::<proptest::sample::Index>()
    ) {
        let mut random = Random::new(seed);
        let history: Vec<Batch> = (0..blocks).map(|_| batch(&mut random)).collect();
        let expected = roots(&mut temporary(), 1, &history);
        let cut = at.index(blocks) + 1;
        let dir = Scratch::new();
        let mut state = QmdbCommitment::open(dir.path()).expect("opened");
        prop_assert_eq!(&roots(&mut state, 1, &history[..cut]), &expected[..cut]);
        let checkpoint = state.checkpoint().expect("durable");
        drop(state);
        let mut state = QmdbCommitment::open_at(dir.path(), &checkpoint).expect("reached");
        let next = u64::try_from(cut).expect("small") + 1;
        prop_assert_eq!(&roots(&mut state, next, &history[cut..]), &expected[cut..]);
    }
}
