//! A proof that a record is, or is not, under the state root of a header, and all that it takes to check one.
//!
//! - [`StateRoot`]: one root over all records at a height.
//! - [`Proof`]: a [`Claim`] about one key, with the path that leads from it to a root.
//!
//! **Invariant:** whoever makes proofs and whoever checks them hash names, records and roots with the same code.
//!
//! **Left out:** the tree that proofs are made from, and every disk: who checks a proof needs neither. What the bytes of a
//! record mean is left out too, so this crate depends on no other crate of the project.

mod proof;
mod root;

pub use proof::VERSION as PROOF_VERSION;
pub use proof::{CHUNK, Claim, PROOF_BYTES_MAX, Proof, ProofError, Verified};
pub use root::{
    KEY_BYTES_MAX, KeyBytes, RECORD_BYTES_MAX, RecordBytes, RecordDigest, StateRoot, key_digest,
};
