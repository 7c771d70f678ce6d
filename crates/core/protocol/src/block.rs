//! A block: what the machine applies, and what commits to the result.

use crate::codec::{self, EncodeError};
use crate::{Grant, Hash, Offence, Transaction, Vote};
use borsh::{BorshDeserialize, BorshSerialize};
use units::{BlockHeight, BlockTime};

/// Everything that one transition of the machine reads beside the state.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Block {
    /// One more than the parent's.
    pub height: BlockHeight,
    /// Later than the parent's.
    pub time: BlockTime,
    /// Oracle reports, ascending by validator, each once.
    pub votes: Vec<Vote>,
    /// What validators have signed and must not have, ascending by validator, one each.
    pub offences: Vec<Offence>,
    /// Commands; their order inside the block buys nothing but time of admission.
    pub transactions: Vec<Transaction>,
    /// Under which authority they stand: the first grant covers the first so many, and so on. None in a house that
    /// trusts whoever hands it blocks.
    pub grants: Vec<Grant>,
}

/// What a block commits to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Header {
    /// The block's number.
    pub height: BlockHeight,
    /// Its time.
    pub time: BlockTime,
    /// Hash of the parent's header; zero for the first block.
    pub parent: Hash,
    /// Hash of the block's votes, offences, transactions and grants.
    pub body: Hash,
    /// Hash of the [`OutcomeHashes`](crate::OutcomeHashes) of receipts and events.
    pub receipts: Hash,
    /// Root of the state after the block.
    pub state_root: Hash,
    /// Hash of the whole state after the block, at heights where the chain's rules want one; zero at others.
    pub snapshot: Hash,
}

impl Block {
    /// Returns the hash of everything in the block but its place.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if a number is outside the limits of its unit.
    pub fn body_hash(&self) -> Result<Hash, EncodeError> {
        let body = (&self.votes, &self.offences, &self.transactions, &self.grants);
        Ok(Hash::of("body", &codec::encode(&body)?))
    }
}

impl Header {
    /// Returns the hash by which a child names its parent.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if a number in the header is outside the limits of its unit.
    pub fn hash(&self) -> Result<Hash, EncodeError> {
        Ok(Hash::of("header", &codec::encode(self)?))
    }
}
