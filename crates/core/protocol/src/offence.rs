//! What a validator has signed and must not have: equivocation.

use crate::ValidatorId;
use borsh::{BorshDeserialize, BorshSerialize};

/// Two votes of one validator in one round that contradict each other. That it has signed both, the shell has verified.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Offence {
    /// Who has signed them.
    pub validator: ValidatorId,
    /// In which round of the consensus engine: epoch · 2³² + view.
    pub round: u64,
    /// How they contradict each other.
    pub kind: OffenceKind,
}

/// How two votes contradict each other.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub enum OffenceKind {
    /// For two blocks. Two proposals of one leader are two such votes.
    TwoBlocks,
    /// For the finality of two blocks.
    TwoFinalities,
    /// For the finality of a block, and for skipping its view.
    FinalityAndSkip,
}
