//! What an authenticated state promises, whatever data structure keeps it, and how a batch becomes writes of its
//! fixed-size keys and values.
//!
//! **Invariant:** the sequence of roots is a function of the sequence of write batches and of nothing else. Roots depend
//! on history: two stores that hold the same records have the same root only if they took the same batches in the same
//! order. A restart therefore reopens or replays, and never rebuilds from a dump of records.

use crate::disk::{DiskError, LockError};
use state_proof::{
    KEY_BYTES_MAX, KeyBytes, Proof, RECORD_BYTES_MAX, RecordBytes, RecordDigest, StateRoot,
    key_digest,
};

/// A batch as the tree takes it: hashed keys, and the digests they hold from now on.
pub(crate) type HashedWrites = Vec<([u8; 32], Option<[u8; 32]>)>;

/// Turns a batch into what the tree takes: hashed, sorted by hashed key, one write per key (the last one given).
pub(crate) fn hashed_writes(
    writes: &[(KeyBytes, Option<RecordBytes>)],
) -> Result<HashedWrites, CommitmentError> {
    let mut hashed = Vec::with_capacity(writes.len());
    for (key, record) in writes {
        if key.len() > KEY_BYTES_MAX {
            return Err(CommitmentError::KeyTooLong { bytes: key.len() });
        }
        if let Some(record) = record.as_ref().filter(|record| record.len() > RECORD_BYTES_MAX) {
            return Err(CommitmentError::RecordTooLong { bytes: record.len() });
        }
        let digest = record.as_deref().map(|record| RecordDigest::of(record).bytes());
        hashed.push((key_digest(key), digest));
    }
    // The sort is stable: among writes of one key the last given stays last, and is the one kept.
    hashed.sort_by_key(|(key, _)| *key);
    let mut kept: HashedWrites = Vec::with_capacity(hashed.len());
    for write in hashed {
        match kept.last_mut() {
            Some(last) if last.0 == write.0 => *last = write,
            _ => kept.push(write),
        }
    }
    Ok(kept)
}

/// The authenticated state as the clearing house uses it: synchronous, one batch a block.
pub trait StateCommitment {
    /// Applies one block's writes and returns the root after it. `None` removes a record; removing an absent one
    /// changes nothing. Of several writes to one key the last counts; otherwise the order given does not matter.
    ///
    /// Every call changes the root, for the root binds the height. Heights follow one another without a gap; the first
    /// may be any.
    ///
    /// # Errors
    ///
    /// [`CommitmentError::HeightNotNext`], [`CommitmentError::KeyTooLong`] and [`CommitmentError::RecordTooLong`] leave
    /// the state as it was. After any other error the commitment must be opened again.
    fn commit(
        &mut self,
        height: u64,
        writes: &[(KeyBytes, Option<RecordBytes>)],
    ) -> Result<StateRoot, CommitmentError>;

    /// Returns the root after the last commit.
    fn root(&self) -> StateRoot;

    /// Returns the height of the last commit; `None` before the first.
    fn height(&self) -> Option<u64>;

    /// Returns a proof under [`Self::root`] that `key` holds `record`, or, for `None`, that there is no such key.
    ///
    /// The caller brings the record, since the tree keeps only its digest.
    ///
    /// # Errors
    ///
    /// [`CommitmentError::RecordDiffers`] if the tree says otherwise.
    fn prove(&self, key: &[u8], record: Option<&[u8]>) -> Result<Proof, CommitmentError>;

    /// Returns the digest of the record under `key`, if there is one.
    ///
    /// # Errors
    ///
    /// [`CommitmentError::Engine`] if the tree could not be read.
    fn record_digest(&self, key: &[u8]) -> Result<Option<RecordDigest>, CommitmentError>;
}

/// Why the authenticated state could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum CommitmentError {
    /// Blocks are committed one after the other.
    #[error(
        "height {given} committed where {expected} comes next: commit every block once, in order"
    )]
    HeightNotNext {
        /// The only height that can be committed now.
        expected: u64,
        /// The height given.
        given: u64,
    },
    /// A key beyond [`KEY_BYTES_MAX`].
    #[error("key of {bytes} bytes, at most {KEY_BYTES_MAX} fit: shorten the record's name")]
    KeyTooLong {
        /// Its length.
        bytes: usize,
    },
    /// A record beyond [`RECORD_BYTES_MAX`].
    #[error("record of {bytes} bytes, at most {RECORD_BYTES_MAX} fit: split the record")]
    RecordTooLong {
        /// Its length.
        bytes: usize,
    },
    /// The caller's record is not the one under the root.
    #[error(
        "the record brought for the proof is not the one under the root (present: {present}): read it again at the committed height"
    )]
    RecordDiffers {
        /// Whether the tree holds a record under the key at all.
        present: bool,
    },
    /// The directory does not reach the state asked for.
    #[error(
        "{reason}: the authenticated state must be replayed from an older snapshot or from genesis"
    )]
    CheckpointAbsent {
        /// What was found instead.
        reason: String,
    },
    /// A peer sent what is not so, or nothing.
    #[error("the state that the peer sends cannot be used: {reason}; take it from another")]
    Untrue {
        /// What shows it.
        reason: String,
    },
    /// The directory is in use.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The tree's storage failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The tree itself failed, or its thread stopped.
    #[error(
        "authenticated state stopped: {reason}; check disk space and health, then restart to replay from the log"
    )]
    Engine {
        /// What it said last.
        reason: String,
        /// Whether the system refused it to read or write.
        of_disk: bool,
    },
}

impl CommitmentError {
    /// Returns whether the disk refused.
    #[must_use]
    pub fn is_of_disk(&self) -> bool {
        match self {
            Self::Disk(_) | Self::Lock(LockError::Disk(_)) => true,
            Self::Engine { of_disk, .. } => *of_disk,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn prop_of_several_writes_to_a_key_the_last_is_kept(
            writes in proptest::collection::vec((0u8..6, proptest::option::of(0u8..4)), 0..40)
        ) {
            let batch: Vec<_> =
                writes.iter().map(|(key, record)| (vec![*key], record.map(|byte| vec![byte]))).collect();
            let mut expected = std::collections::BTreeMap::new();
            for (key, record) in &batch {
                expected.insert(key_digest(key), record.as_deref().map(|record| RecordDigest::of(record).bytes()));
            }
            let kept = hashed_writes(&batch).expect("short enough");
            prop_assert_eq!(kept, expected.into_iter().collect::<Vec<_>>());
        }
    }
}
