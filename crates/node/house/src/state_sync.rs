//! State sync: handing the whole state to somebody who has none, what is offered, and how each piece of it is checked.
//!
//! Every [`SNAPSHOT_BLOCKS`] blocks the header carries the hash of a [`Manifest`]: the length of the machine's state
//! and a hash for each chunk of it. Whoever has the header needs to believe nothing else.

use crate::HouseError;
use borsh::{BorshDeserialize, BorshSerialize};
use machine::Machine;
use protocol::codec::{self, EncodeError};
use protocol::{Hash, Header};
use store::TreeTarget;
use units::BlockHeight;

/// Blocks from one header with the hash of the whole state to the next. A rule of the chain.
pub const SNAPSHOT_BLOCKS: u64 = 100;
/// Bytes of one chunk; the last may be shorter.
pub const CHUNK_BYTES: usize = 256 << 10;
/// Longest encoded manifest, of a state of 32 GiB.
pub const MANIFEST_BYTES_MAX: usize = 5 << 20;

/// What the machine's state after a block consists of.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Manifest {
    /// Which block.
    pub height: BlockHeight,
    /// Length of the state.
    pub bytes: u64,
    /// The hash of each chunk.
    pub chunks: Vec<Hash>,
}

/// What a house offers to somebody who has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What the machine's state consists of.
    pub manifest: Manifest,
    /// How the authenticated state is fetched.
    pub target: TreeTarget,
}

impl Manifest {
    /// Returns the manifest of a state.
    #[must_use]
    pub fn of(height: BlockHeight, state: &[u8]) -> Self {
        let chunks = state.chunks(CHUNK_BYTES).map(Self::chunk_hash).collect();
        Self { height, bytes: u64::try_from(state.len()).unwrap_or(u64::MAX), chunks }
    }

    fn chunk_hash(bytes: &[u8]) -> Hash {
        Hash::of("snapshot chunk", bytes)
    }

    /// Returns the hash that a header carries.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if the height has no encoding.
    pub fn hash(&self) -> Result<Hash, EncodeError> {
        Ok(Hash::of("snapshot", &codec::encode(self)?))
    }

    /// Whether a certified header carries the hash of this manifest.
    #[must_use]
    pub fn is_of(&self, header: &Header) -> bool {
        header.height == self.height && self.hash().is_ok_and(|hash| hash == header.snapshot)
    }

    /// Whether bytes are the chunk of a number.
    #[must_use]
    pub fn holds(&self, index: usize, bytes: &[u8]) -> bool {
        bytes.len() <= CHUNK_BYTES && self.chunks.get(index) == Some(&Self::chunk_hash(bytes))
    }
}

/// Returns what the header of the machine's last block says of its whole state: nothing, but at every
/// [`SNAPSHOT_BLOCKS`]th block.
///
/// Cost: at such a block, one encoding and one hash of the whole state.
///
/// # Errors
///
/// [`HouseError::Encode`] if a number in the state is outside its limits.
pub fn snapshot_hash(machine: &Machine) -> Result<Hash, HouseError> {
    let height = machine.state().height;
    match is_due(height) {
        true => Ok(Manifest::of(height, &machine.snapshot()?).hash()?),
        false => Ok(Hash::default()),
    }
}

/// Whether the header of a block carries the hash of the whole state.
#[must_use]
pub fn is_due(height: BlockHeight) -> bool {
    height.blocks() > 0 && height.blocks() % i128::from(SNAPSHOT_BLOCKS) == 0
}
