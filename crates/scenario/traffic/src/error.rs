//! Why there is no traffic, or what came of it is not true.

use access::{Invalid, NotASecret, SecretError};
use house::HouseError;
use machine::{BlockError, GenesisError};
use protocol::codec::EncodeError;
use protocol::{Fault, Hash};
use std::num::TryFromIntError;
use std::path::PathBuf;
use store::CommitmentError;
use units::ArithmeticError;

/// Why there is no traffic, or what came of it is not true.
#[derive(Debug, thiserror::Error)]
pub enum TrafficError {
    /// A seed leads to a secret that is none.
    #[error(transparent)]
    Secret(#[from] NotASecret),
    /// Commands cannot be signed.
    #[error(transparent)]
    Unsigned(#[from] Invalid),
    /// The file of a key cannot be written.
    #[error("cannot write {}", path.display())]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: SecretError,
    },
    /// A command or a header is longer than its encoding may be.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A height or a time beyond what its number holds.
    #[error(transparent)]
    Count(#[from] TryFromIntError),
    /// A time beyond what its unit holds.
    #[error(transparent)]
    Arithmetic(#[from] ArithmeticError),
    /// What is played lacks what it needs.
    #[error("{0}")]
    Absent(&'static str),
    /// The genesis cannot be founded.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// A block does not follow the one before.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// The observer's state cannot be kept.
    #[error(transparent)]
    Commitment(#[from] CommitmentError),
    /// A header cannot be made.
    #[error(transparent)]
    House(#[from] HouseError),
    /// A validator says what a replay does not come to.
    #[error(
        "block {height} leads to state root {replayed} in a replay, but a validator says {told}"
    )]
    Differs {
        /// The block's.
        height: u64,
        /// The root of the replay.
        replayed: Hash,
        /// The root that the validator tells.
        told: Hash,
    },
    /// Value was made or lost.
    #[error("the books of a finalised block do not balance")]
    Unbalanced(#[source] Fault),
}
