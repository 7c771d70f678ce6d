//! Roots over records, and how a record's name and content become what a tree holds: hashes of one size.

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
    #[must_use]
    pub fn bind(height: u64, tree_root: &[u8; 32]) -> Self {
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
pub struct RecordDigest([u8; 32]);

impl RecordDigest {
    /// Returns the digest the tree holds for `record`.
    #[must_use]
    pub fn of(record: &[u8]) -> Self {
        Self(tagged(RECORD_DOMAIN, &[record]))
    }

    /// Wraps a digest read from the tree.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes the tree holds.
    #[must_use]
    pub const fn bytes(self) -> [u8; 32] {
        self.0
    }
}

/// Returns the tree's fixed-size key for `key`.
#[must_use]
pub fn key_digest(key: &[u8]) -> [u8; 32] {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_records_and_roots_never_share_a_hash() {
        let bytes = [7u8; 40];
        let hashes =
            [key_digest(&bytes), RecordDigest::of(&bytes).0, tagged(ROOT_DOMAIN, &[&bytes])];
        assert!(hashes[0] != hashes[1] && hashes[1] != hashes[2] && hashes[0] != hashes[2]);
    }
}
