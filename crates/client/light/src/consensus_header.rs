//! The header of an ordered block: what the validators vote for.
//!
//! Blocks are ordered first and executed once they are final, so a block cannot carry its own outcome. It names the
//! newest outcome its proposer knew, that of an earlier block; a validator votes only if it has the same.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::codec::{self, EncodeError};
use protocol::{Hash, ValidatorId};
use units::{BlockHeight, BlockTime};

/// What the validators vote for; its hash is what they sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct ConsensusHeader {
    /// The round in which it was proposed: epoch · 2³² + view of the engine.
    pub round: u64,
    /// Who proposed it.
    pub proposer: ValidatorId,
    /// Hash of the parent's order header.
    pub parent: Hash,
    /// One more than the parent's.
    pub height: BlockHeight,
    /// Later than the parent's.
    pub time: BlockTime,
    /// Height of the newest block whose outcome the proposer knew.
    pub executed_height: BlockHeight,
    /// Hash of that block's header, which carries its state root.
    pub executed: Hash,
    /// Hash of the votes and transactions.
    pub payload: Hash,
}

impl ConsensusHeader {
    /// Returns the epoch of its round.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.round >> 32
    }

    /// Returns the hash that the validators sign, and a child names.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if a number is outside the limits of its unit.
    pub fn hash(&self) -> Result<Hash, EncodeError> {
        Ok(Hash::of("order", &codec::encode(self)?))
    }
}
