//! What an authenticated state promises, whatever data structure keeps it, and how bytes become its fixed-size keys and
//! values.
//!
//! **Invariant:** the sequence of roots is a function of the sequence of write batches and of nothing else. Roots depend
//! on history: two stores that hold the same records have the same root only if they took the same batches in the same
//! order. A restart therefore reopens or replays, and never rebuilds from a dump of records.

use crate::{
    disk::{DiskError, LockError},
    proof::Proof,
};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// A record's name, as the machine encodes it; at most [`KEY_BYTES_MAX`].
pub type KeyBytes = Vec<u8>;
/// A record's content, as the machine encodes it; at most [`RECORD_BYTES_MAX`].
pub type RecordBytes = Vec<u8>;

/// Longest key.
pub const KEY_BYTES_MAX: usize = 1 << 10;
/// Longest record. A proof carries its record, so this bounds the proof as well.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

const KEY_DOMAIN: &[u8] = b"novation/state-key/1";
const RECORD_DOMAIN: &[u8] = b"novation/state-record/1";
const ROOT_DOMAIN: &[u8] = b"novation/state-root/1";

/// One hash over every record and the height they belong to; what a block header carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StateRoot([u8; 32]);

impl StateRoot {
    /// Wraps a root read from a header.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes a header carries.
    #[must_use]
    pub const fn bytes(self) -> [u8; 32] {
        self.0
    }

    /// Binds the root of the tree to the height it was reached at, so that a proof cannot lie about its age.
    pub(crate) fn bind(height: u64, tree_root: &[u8; 32]) -> Self {
        Self(tagged(ROOT_DOMAIN, &[&height.to_be_bytes(), tree_root]))
    }
}

impl fmt::Display for StateRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for StateRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StateRoot({self})")
    }
}

/// The hash of a record, which is all the tree keeps of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordDigest(pub(crate) [u8; 32]);

impl RecordDigest {
    /// Returns the digest the tree holds for `record`.
    #[must_use]
    pub fn of(record: &[u8]) -> Self {
        Self(tagged(RECORD_DOMAIN, &[record]))
    }
}

/// Returns the tree's fixed-size key for `key`.
pub(crate) fn key_digest(key: &[u8]) -> [u8; 32] {
    tagged(KEY_DOMAIN, &[key])
}

/// Hashes `parts` under a domain, so that no value of one kind passes for another. All parts but the last have a fixed
/// length.
fn tagged(domain: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(domain);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

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
        hashed.push((key_digest(key), record.as_deref().map(|record| RecordDigest::of(record).0)));
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
    },
}

/// What the tree says where the system refused to read or write. It keeps the system's error only as text.
const REFUSALS: [&str; 3] = ["os error ", "write failed", "read failed"];

impl CommitmentError {
    /// Returns whether the disk refused.
    #[must_use]
    pub fn is_of_disk(&self) -> bool {
        match self {
            Self::Disk(_) | Self::Lock(LockError::Disk(_)) => true,
            Self::Engine { reason } => REFUSALS.iter().any(|words| reason.contains(words)),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_records_and_roots_never_share_a_hash() {
        let bytes = [7u8; 40];
        let hashes =
            [key_digest(&bytes), RecordDigest::of(&bytes).0, tagged(ROOT_DOMAIN, &[&bytes])];
        assert!(hashes[0] != hashes[1] && hashes[1] != hashes[2] && hashes[0] != hashes[2]);
    }

    proptest! {
        #[test]
        fn prop_of_several_writes_to_a_key_the_last_is_kept(
            writes in proptest::collection::vec((0u8..6, proptest::option::of(0u8..4)), 0..40)
        ) {
            let batch: Vec<_> =
                writes.iter().map(|(key, record)| (vec![*key], record.map(|byte| vec![byte]))).collect();
            let mut expected = std::collections::BTreeMap::new();
            for (key, record) in &batch {
                expected.insert(key_digest(key), record.as_deref().map(|record| RecordDigest::of(record).0));
            }
            let kept = hashed_writes(&batch).expect("short enough");
            prop_assert_eq!(kept, expected.into_iter().collect::<Vec<_>>());
        }
    }
}
