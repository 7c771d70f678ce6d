//! What is waiting to be ordered: submissions, admitted once each, within bounds, in the order of arrival.
//!
//! A submission is opaque to consensus. [`open`] is the one place where bytes become a [`Transaction`], and every
//! validator opens the submissions of a block with it before voting and again when executing: whatever [`open`] checks
//! is part of what a block may hold.
//!
//! **Invariant:** the pool never holds more than its [`Limits`], nor the same bytes twice, nor bytes that [`open`]
//! refuses; a submission that was in a finalised block is not admitted again while it is remembered.
//!
//! **Left out:** state. Whether an account can pay is the machine's to say, in a receipt.

mod pool;
mod submission;

pub use pool::{Limits, Mempool};
pub use submission::{SUBMISSION_BYTES_MAX, Submission, open};

use protocol::codec::DecodeError;
use protocol::{Hash, Transaction};

/// Why a submission is not admitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Longer than any.
    #[error("{length} bytes, but a submission has at most {SUBMISSION_BYTES_MAX}")]
    TooLong {
        /// Bytes given.
        length: usize,
    },
    /// Not the encoding of one.
    #[error("not a submission: {0}")]
    Malformed(#[from] DecodeError),
    /// It is waiting already, or was in a block not long ago.
    #[error("submission {0} is known: it is waiting, or was in a block")]
    Known(Hash),
    /// No room.
    #[error(
        "the pool is full: {count} submissions of {bytes} bytes are waiting; try again after the next block"
    )]
    Full {
        /// Submissions waiting.
        count: usize,
        /// Their length together.
        bytes: usize,
    },
}

/// Returns the name of a submission.
#[must_use]
pub fn name_of(bytes: &[u8]) -> Hash {
    Hash::of("submission", bytes)
}

/// A submission that was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Its name.
    pub name: Hash,
    /// What it asks for, and who.
    pub transaction: Transaction,
}
