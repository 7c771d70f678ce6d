//! A self-contained Merkle proof that a record is, or is not, under a state root: of inclusion, or of exclusion.
//!
//! Whoever has the root from a header they trust needs nothing else to check it: no server, no
//! other file. The root binds the height, so a proof cannot pass an old state for a new one.
//!
//! Layout, integers big-endian:
//!
//! ```text
//! magic "NVPROOF" · version 1 · height u64 · tree root 32
//! key length u32 · key · claim 0 absent | 1 present · [record length u32 · record]
//! path length u32 · path (commonware-storage 2026.10 encoding) · check 8
//! ```
//!
//! The check is the beginning of the SHA-256 of all before it.
//!
//! Two things guard a proof. The root guards against a forger: no bytes whatever show what is not
//! so. The hash at the end guards against accidents, above all in the key of an absence: without
//! it, a damaged key would mostly be shown absent too, which is true and not what was asked.
//!
//! **Invariant:** there is one encoding of one proof: a proof with any byte changed is refused.

use crate::root::{KEY_BYTES_MAX, RECORD_BYTES_MAX, RecordDigest, StateRoot, key_digest};
use commonware_codec::{Copying, Decode as _, Encode as _};
use commonware_cryptography::{Sha256, sha256::Digest};
use commonware_storage::{
    mmr,
    qmdb::{
        any::value::FixedEncoding,
        current::ordered::proof::constant::{ExclusionProof, KeyValueProof},
    },
};
use sha2::Digest as _;

/// Bytes of activity bitmap per leaf of the grafted tree that proofs are made from.
pub const CHUNK: usize = 32;
/// A proof that a key holds a value.
type Inclusion = KeyValueProof<mmr::Family, Digest, Digest, CHUNK>;
/// A proof that a key is absent.
type Exclusion = ExclusionProof<mmr::Family, Digest, FixedEncoding<Digest>, Digest, CHUNK>;

/// Opens every proof.
const MAGIC: &[u8; 7] = b"NVPROOF";
/// The layout described above.
pub const VERSION: u8 = 1;
/// Most hashes a path may carry; a tree of 2^63 operations needs fewer.
const PATH_DIGESTS_MAX: usize = 128;
/// Longest path: its hashes, the bitmap chunk, two keys, a value and the counts.
const PATH_BYTES_MAX: usize = 32 * PATH_DIGESTS_MAX + 512;
/// Longest proof.
pub const PROOF_BYTES_MAX: usize =
    7 + 1 + 8 + 32 + 4 + KEY_BYTES_MAX + 1 + 4 + RECORD_BYTES_MAX + 4 + PATH_BYTES_MAX + 8;

/// What a proof says about its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The key holds this record.
    Present(Vec<u8>),
    /// There is no such key.
    Absent,
}

/// A claim with the path of hashes that leads from it to the root. Unchecked until
/// [`Proof::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    height: u64,
    tree_root: [u8; 32],
    key: Vec<u8>,
    claim: Claim,
    path: Vec<u8>,
}

/// What a proof has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Height of the block after which it held.
    pub height: u64,
    /// The root it was shown under.
    pub root: StateRoot,
    /// The key it speaks of.
    pub key: Vec<u8>,
    /// What holds for the key.
    pub claim: Claim,
}

/// Why a proof was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The bytes do not begin like a proof.
    #[error("not a proof file: pass the bytes exactly as they were exported")]
    NotAProof,
    /// A layout this build does not know.
    #[error(
        "proof version {found}, this build reads {VERSION}: use a build that reads version {found}"
    )]
    VersionUnknown {
        /// The version found.
        found: u8,
    },
    /// The bytes are not a proof in its one encoding.
    #[error("proof is damaged ({what}): export it again")]
    Malformed {
        /// Which part.
        what: &'static str,
    },
    /// The proof belongs to another state.
    #[error(
        "proof speaks for root {found}, not {expected}: take the root from the header of height {height}"
    )]
    RootDiffers {
        /// The root asked for.
        expected: StateRoot,
        /// The root the proof leads to, if its path holds.
        found: StateRoot,
        /// The height the proof claims.
        height: u64,
    },
    /// The path does not lead from the claim to the root.
    #[error("proof does not hold: the record, the key or the path was changed")]
    PathBroken,
}

impl Proof {
    /// Returns a claim with the path that is to lead from it to the root: unchecked, as a proof that was read.
    #[must_use]
    pub fn new(
        height: u64,
        tree_root: [u8; 32],
        key: Vec<u8>,
        claim: Claim,
        path: Vec<u8>,
    ) -> Self {
        Self { height, tree_root, key, claim, path }
    }

    /// Returns the height the proof claims.
    #[must_use]
    pub fn height(&self) -> u64 {
        self.height
    }

    /// Returns the root the proof claims to lead to: to be compared with a header's, never to be
    /// trusted by itself.
    #[must_use]
    pub fn root(&self) -> StateRoot {
        StateRoot::bind(self.height, &self.tree_root)
    }

    /// Checks the proof against a root from a trusted header and returns what it shows.
    ///
    /// # Errors
    ///
    /// [`ProofError::RootDiffers`] if it belongs to another root, [`ProofError::PathBroken`] if it
    /// does not hold.
    pub fn verify(&self, expected: StateRoot) -> Result<Verified, ProofError> {
        let root = self.root();
        if root != expected {
            return Err(ProofError::RootDiffers { expected, found: root, height: self.height });
        }
        if !self.path_holds() {
            return Err(ProofError::PathBroken);
        }
        let (key, claim) = (self.key.clone(), self.claim.clone());
        Ok(Verified { height: self.height, root, key, claim })
    }

    /// Whether the path leads from the claim to the tree's root, and is written the one way it can
    /// be.
    fn path_holds(&self) -> bool {
        let (key, root) = (Digest(key_digest(&self.key)), Digest(self.tree_root));
        match &self.claim {
            Claim::Present(record) => {
                let value = Digest(RecordDigest::of(record).bytes());
                Inclusion::decode_cfg(Copying(&self.path), &(PATH_DIGESTS_MAX, ())).is_ok_and(
                    |path| {
                        path.encode() == self.path
                            && path.verify::<Sha256, FixedEncoding<Digest>>(key, value, &root)
                    },
                )
            }
            Claim::Absent => {
                Exclusion::decode_cfg(Copying(&self.path), &(PATH_DIGESTS_MAX, (), ())).is_ok_and(
                    |path| path.encode() == self.path && path.verify::<Sha256>(&key, &root),
                )
            }
        }
    }

    /// Returns the bytes a file of this proof holds.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(MAGIC);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.height.to_be_bytes());
        bytes.extend_from_slice(&self.tree_root);
        put_sized(&mut bytes, &self.key);
        match &self.claim {
            Claim::Absent => bytes.push(0),
            Claim::Present(record) => {
                bytes.push(1);
                put_sized(&mut bytes, record);
            }
        }
        put_sized(&mut bytes, &self.path);
        let check = check_of(&bytes);
        bytes.extend_from_slice(&check);
        bytes
    }

    /// Reads a proof, without checking what it claims.
    ///
    /// # Errors
    ///
    /// [`ProofError::NotAProof`], [`ProofError::VersionUnknown`], or [`ProofError::Malformed`] for
    /// anything that [`Self::encode`] does not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, ProofError> {
        let whole = bytes;
        let bytes = bytes.strip_prefix(MAGIC).ok_or(ProofError::NotAProof)?;
        let (&version, rest) = bytes.split_first().ok_or(ProofError::NotAProof)?;
        if version != VERSION {
            return Err(ProofError::VersionUnknown { found: version });
        }
        let (mut rest, check) =
            rest.split_last_chunk().ok_or(ProofError::Malformed { what: "cut short" })?;
        if *check != check_of(&whole[..whole.len() - check.len()]) {
            return Err(ProofError::Malformed { what: "check" });
        }
        let rest = &mut rest;
        let height = u64::from_be_bytes(take(rest, "height")?);
        let tree_root = take(rest, "root")?;
        let key = take_sized(rest, KEY_BYTES_MAX, "key")?;
        let claim = match take(rest, "claim")? {
            [0] => Claim::Absent,
            [1] => Claim::Present(take_sized(rest, RECORD_BYTES_MAX, "record")?),
            _ => return Err(ProofError::Malformed { what: "claim" }),
        };
        let path = take_sized(rest, PATH_BYTES_MAX, "path")?;
        if !rest.is_empty() {
            return Err(ProofError::Malformed { what: "bytes after the end" });
        }
        Ok(Self { height, tree_root, key, claim, path })
    }
}

/// Returns the check of the bytes before it.
fn check_of(bytes: &[u8]) -> [u8; 8] {
    let hash: [u8; 32] = sha2::Sha256::digest(bytes).into();
    let [a, b, c, d, e, f, g, h, ..] = hash;
    [a, b, c, d, e, f, g, h]
}

/// Appends a length and the bytes. All parts are bounded far below the length's range.
fn put_sized(bytes: &mut Vec<u8>, part: &[u8]) {
    let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(part);
}

/// Takes a fixed number of bytes off the front.
fn take<const N: usize>(rest: &mut &[u8], what: &'static str) -> Result<[u8; N], ProofError> {
    let (head, tail) = rest.split_first_chunk().ok_or(ProofError::Malformed { what })?;
    *rest = tail;
    Ok(*head)
}

/// Takes a length of at most `most` and that many bytes off the front.
fn take_sized(rest: &mut &[u8], most: usize, what: &'static str) -> Result<Vec<u8>, ProofError> {
    let malformed = ProofError::Malformed { what };
    let length = usize::try_from(u32::from_be_bytes(take(rest, what)?)).unwrap_or(usize::MAX);
    if length > most {
        return Err(malformed);
    }
    let (head, tail) = rest.split_at_checked(length).ok_or(malformed)?;
    *rest = tail;
    Ok(head.to_vec())
}
