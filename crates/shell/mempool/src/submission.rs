//! The bytes that a client hands in.

use crate::{Opened, Rejected, name_of};
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{Transaction, codec};

/// Longest submission: a mass quote of the largest size, with room to spare.
pub const SUBMISSION_BYTES_MAX: usize = 64 << 10;

/// What a client hands in.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Submission {
    /// Tells apart two submissions that ask for the same.
    pub nonce: u64,
    /// What is asked.
    pub transaction: Transaction,
}

/// Returns the transaction in a submission, with its name.
///
/// # Errors
///
/// [`Rejected::TooLong`] or [`Rejected::Malformed`].
pub fn open(bytes: &[u8]) -> Result<Opened, Rejected> {
    if bytes.len() > SUBMISSION_BYTES_MAX {
        return Err(Rejected::TooLong { length: bytes.len() });
    }
    let submission: Submission = codec::decode(bytes, SUBMISSION_BYTES_MAX)?;
    Ok(Opened { name: name_of(bytes), transaction: submission.transaction })
}
