//! The canonical encoding: one version byte, then Borsh. One value has one encoding, and nothing trails it.

use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// The version byte that this code writes and reads.
pub const VERSION: u8 = 1;

/// Why bytes are not a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No bytes at all.
    #[error("nothing to decode")]
    Empty,
    /// Written by another version.
    #[error("encoding version {found}, but this program reads version {VERSION}")]
    Version {
        /// The version found.
        found: u8,
    },
    /// Longer than the bound.
    #[error("{length} bytes, but at most {limit} are read")]
    TooLong {
        /// Bytes given.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not the encoding of such a value.
    #[error("malformed: {0}")]
    Malformed(String),
}

/// Why a value has no encoding: a number outside the limits of its unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not encodable: {0}")]
pub struct EncodeError(String);

/// Returns the canonical encoding of a value.
///
/// # Errors
///
/// [`EncodeError`] if a number in it is outside the limits of its unit.
pub fn encode<T: BorshSerialize>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::with_capacity(USUAL_LENGTH);
    bytes.push(VERSION);
    value.serialize(&mut bytes).map_err(|error| EncodeError(error.to_string()))?;
    Ok(bytes)
}

/// Bytes that most encodings of a key or a record do not exceed.
const USUAL_LENGTH: usize = 256;

/// Returns the value of a canonical encoding of at most `limit` bytes.
///
/// # Errors
///
/// [`DecodeError`] if the bytes are not exactly one value of this version.
pub fn decode<T: BorshDeserialize>(bytes: &[u8], limit: usize) -> Result<T, DecodeError> {
    if bytes.len() > limit {
        return Err(DecodeError::TooLong { length: bytes.len(), limit });
    }
    let (version, body) = bytes.split_first().ok_or(DecodeError::Empty)?;
    if *version != VERSION {
        return Err(DecodeError::Version { found: *version });
    }
    T::try_from_slice(body).map_err(|error| DecodeError::Malformed(error.to_string()))
}

/// A SHA-256 hash.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Hash([u8; 32]);

impl Hash {
    /// Wraps thirty-two bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the thirty-two bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the hash of bytes under a domain, so that hashes of different things never meet.
    #[must_use]
    pub fn of(domain: &'static str, bytes: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(domain.as_bytes());
        hasher.update([0]);
        hasher.update(bytes);
        Self(hasher.finalize().into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
