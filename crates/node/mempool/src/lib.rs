//! What is waiting to be ordered: signed submissions, admitted once each, within bounds, and drafted in turns.
//!
//! Before a submission is kept, its form, network, signature and expiry have been checked, its key has not been seen to
//! use its nonce, and its owner is within its allowance: nothing here reads the state, but for what an owner holds, which
//! sets the allowance. What the machine refuses nevertheless costs a place in a block and changes nothing.
//!
//! Owners without an account are turned away, but for custodian and governance signers. Who holds little shares a quarter of
//! the pool, and of a block, with all others who do; who takes most of its part gives way to who takes less. What was
//! admitted can so be lost before it is in a block: its sender sees that from its receipt, which does not come.
//!
//! The pool has no clock. Allowances and the budgets of bad signatures are renewed by every executed block, and what
//! has expired by the time of the newest block goes.
//!
//! **Invariant:** the pool never holds more than its [`Limits`], nor two submissions of one key with one nonce, nor one
//! whose signature is bad; checking bad signatures costs each source, and all together, a bounded time per block.
//!
//! **Left out:** state. Whether an account can pay is the machine's to say, in a receipt.

mod allowance;
mod pool;
mod queues;
mod sources;

pub use access::{Invalid, SUBMISSION_BYTES_MAX};
pub use allowance::{PerBlock, Standing, per_block};
pub use pool::{Limits, Mempool};
pub use sources::{BAD_SIGNATURES_EACH_MAX, BAD_SIGNATURES_MAX, ClientNetwork, Source};

use protocol::Hash;
use units::BlockTime;

/// Why a submission is not admitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// It is none, or not signed as it says.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// It is waiting already, or was in a block not long ago.
    #[error("submission {0} is known: it is waiting, or was in a block")]
    Known(Hash),
    /// It may be in no block any more.
    #[error("the signature expired at {expires_at} ms, and the newest block is at {now} ms")]
    Expired {
        /// When it expired.
        expires_at: BlockTime,
        /// The time of the newest block.
        now: BlockTime,
    },
    /// Its key has used the nonce in a block, or so many higher ones that it counts as used.
    #[error("nonce {0} of this key is used: take a higher one")]
    NonceUsed(u64),
    /// Another submission of this key with this nonce waits, and expires as late.
    #[error(
        "another submission of this key with nonce {0} waits: one that expires later replaces it"
    )]
    NonceWaiting(u64),
    /// The owner has as many waiting as it may.
    #[error("{0} submissions of this owner are waiting: try again after the next block")]
    OwnerFull(usize),
    /// As many bytes of the owner wait as it may send in ten blocks.
    #[error("{0} bytes of this owner are waiting: try again after the next block")]
    OwnerBytes(usize),
    /// The owner has no account, and is neither custodian nor governance signer: nothing that it asks can have an effect.
    #[error("the owner has no account here: deposit first")]
    Stranger,
    /// The owner has sent more than its allowance.
    #[error(
        "more than this owner may send: {per_block} commands and {bytes} bytes a block, more for who holds more"
    )]
    TooFast {
        /// Commands that are added by each block.
        per_block: u64,
        /// Bytes that are added by each block.
        bytes: u64,
    },
    /// The source has sent too many bad signatures, of this owner or of many.
    #[error("too many bad signatures from there: try again after the next block")]
    Muted,
    /// No room.
    #[error(
        "the pool is full: {count} submissions of {bytes} bytes are waiting of owners who hold as much or as little; try \
         again after the next block"
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
