//! Proofs: they hold for what is so, and for nothing else.

use crate::support::{history, key, parent};
use proptest::prelude::*;
use random::Random;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use store::{
    Claim, CommitmentError, PROOF_BYTES_MAX, Proof, ProofError, QmdbCommitment, StateCommitment,
    StateRoot, Verified,
};

type Records = BTreeMap<Vec<u8>, Vec<u8>>;

/// A state some blocks long, and the records in it.
fn state(blocks: usize) -> (QmdbCommitment, Records) {
    let mut state = QmdbCommitment::temporary(&parent()).expect("opened");
    let mut records = Records::new();
    for (height, batch) in (1..).zip(history(blocks)) {
        state.commit(height, &batch).expect("ok");
        for (key, record) in batch {
            match record {
                Some(record) => records.insert(key, record),
                None => records.remove(&key),
            };
        }
    }
    (state, records)
}

/// An encoded proof, the root it holds under and the records it speaks of.
struct Sample {
    bytes: Vec<u8>,
    root: StateRoot,
    records: Records,
}

/// Proofs of each kind, from states of several shapes.
fn samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    for blocks in [0, 1, 2, 30, 80] {
        let (state, records) = state(blocks);
        let root = state.root();
        for number in [0, 7, 31, 1_000] {
            let record = records.get(&key(number)).map(Vec::as_slice);
            let bytes = state.prove(&key(number), record).expect("proved").encode();
            samples.push(Sample { bytes, root, records: records.clone() });
        }
    }
    samples
}

fn verify(bytes: &[u8], root: StateRoot) -> Result<Verified, ProofError> {
    Proof::decode(bytes)?.verify(root)
}

/// Makes the check at the end fit again, as a forger would.
fn with_check(mut bytes: Vec<u8>) -> Vec<u8> {
    let body = bytes.len().saturating_sub(8);
    let hash = Sha256::digest(&bytes[..body]);
    bytes.truncate(body);
    bytes.extend_from_slice(&hash[..8]);
    bytes
}

#[test]
fn what_is_so_is_proved_and_verified_from_the_bytes_alone() {
    let (state, records) = state(40);
    let root = state.root();
    let mut seen = [false; 2];
    for number in 0..80 {
        let record = records.get(&key(number)).map(Vec::as_slice);
        seen[usize::from(record.is_some())] = true;
        let bytes = state.prove(&key(number), record).expect("proved").encode();
        assert!(bytes.len() <= PROOF_BYTES_MAX);
        let shown = Proof::decode(&bytes).expect("whole").verify(root).expect("holds");
        let claim = record.map_or(Claim::Absent, |record| Claim::Present(record.to_vec()));
        assert_eq!(
            (shown.height, shown.root, shown.key, shown.claim),
            (40, root, key(number), claim)
        );
    }
    assert_eq!(seen, [true; 2], "both kinds were proved");
}

#[test]
fn what_is_not_so_is_not_proved() {
    let (state, records) = state(40);
    let (held, record) = records.iter().next().expect("some");
    let absent = key(1_000);
    for (key, record) in [(held, None), (held, Some(&b"other"[..])), (&absent, Some(&record[..]))] {
        assert!(matches!(state.prove(key, record), Err(CommitmentError::RecordDiffers { .. })));
    }
}

#[test]
fn any_bit_changed_makes_a_proof_worthless() {
    for Sample { bytes, root, .. } in samples() {
        verify(&bytes, root).expect("holds");
        for at in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[at / 8] ^= 1 << (at % 8);
            assert!(verify(&changed, root).is_err(), "bit {at} could be changed");
        }
    }
}

/// A forger mends the check too. All that is left to them is to ask about another key of which the
/// same path shows, truly, that it is absent.
#[test]
fn a_forger_shows_nothing_that_is_not_so() {
    let mut random = Random::new(11);
    let mut other_keys = 0;
    for Sample { bytes, root, records } in samples() {
        let whole = verify(&bytes, root).expect("holds");
        for at in 0..(bytes.len() - 8) * 9 {
            let (at, bit) = (at / 9, at % 9);
            let mut forged = bytes.clone();
            forged[at] ^= if bit < 8 { 1 << bit } else { random.word().to_be_bytes()[0] | 1 };
            let Ok(shown) = verify(&with_check(forged), root) else {
                continue;
            };
            let other_absent = shown.claim == Claim::Absent
                && shown.key != whole.key
                && !records.contains_key(&shown.key);
            assert!(other_absent, "byte {at} made {shown:?} of {whole:?}");
            assert_eq!((shown.height, shown.root), (whole.height, whole.root));
            other_keys += 1;
        }
    }
    assert!(other_keys > 0, "the case the check is for was met");
}

#[test]
fn a_proof_cut_short_or_continued_is_refused() {
    let Sample { bytes, root, .. } = samples().pop().expect("some");
    for length in 0..bytes.len() {
        verify(&bytes[..length], root).expect_err("cut short");
        verify(&with_check(bytes[..length].to_vec()), root).expect_err("cut short and mended");
    }
    let mut longer = bytes;
    longer.push(0);
    verify(&longer, root).expect_err("continued");
    verify(&with_check(longer), root).expect_err("continued and mended");
}

#[test]
fn a_proof_holds_under_its_own_root_only() {
    let (mut state, records) = state(10);
    let (key, record) = records.iter().next().expect("some");
    let proof = state.prove(key, Some(record)).expect("proved");
    let old = state.root();
    let new = state.commit(11, &[]).expect("ok");
    proof.verify(old).expect("holds under the old root");
    assert!(matches!(proof.verify(new), Err(ProofError::RootDiffers { height: 10, .. })));
}

#[test]
fn another_version_and_other_files_are_named() {
    let mut bytes = samples().pop().expect("some").bytes;
    bytes[7] = 2;
    assert_eq!(Proof::decode(&bytes), Err(ProofError::VersionUnknown { found: 2 }));
    assert_eq!(Proof::decode(b"PK\x03\x04"), Err(ProofError::NotAProof));
}

proptest! {
    #[test]
    fn prop_random_bytes_are_refused_without_a_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..600), prefixed in any::<bool>()
    ) {
        let mut proof = if prefixed { b"NVPROOF\x01".to_vec() } else { Vec::new() };
        proof.extend_from_slice(&bytes);
        let proof = with_check(proof);
        if let Ok(decoded) = Proof::decode(&proof) {
            prop_assert_eq!(decoded.encode(), proof);
            prop_assert_eq!(decoded.verify(decoded.root()), Err(ProofError::PathBroken));
        }
    }
}
