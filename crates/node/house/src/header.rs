//! Headers: what commits to a block and to what came out of it.

use crate::HouseError;
use protocol::{Block, Hash, Header, OutcomeHashes};
use store::StateRoot;

/// Returns the header of a block with what came out of it, its root and what [`crate::snapshot_hash`] says.
///
/// # Errors
///
/// [`HouseError::Encode`] if a number in it is outside its limits.
pub fn seal(
    block: &Block,
    outcome: &OutcomeHashes,
    parent: Hash,
    root: StateRoot,
    snapshot: Hash,
) -> Result<Header, HouseError> {
    Ok(Header {
        height: block.height,
        time: block.time,
        parent,
        body: block.body_hash()?,
        receipts: outcome.hash()?,
        state_root: Hash::new(root.bytes()),
        snapshot,
    })
}
