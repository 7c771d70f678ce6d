//! Headers: what commits to a block and to what came out of it.

use crate::HouseError;
use machine::Outcome;
use protocol::{Block, Hash, Header, codec};
use store::StateRoot;

/// Returns the header of a block with its outcome, its root and what [`crate::snapshot_hash`] says.
///
/// # Errors
///
/// [`HouseError::Encode`] if a number in it is outside its limits.
pub fn seal(
    block: &Block,
    outcome: &Outcome,
    parent: Hash,
    root: StateRoot,
    snapshot: Hash,
) -> Result<Header, HouseError> {
    let receipts = codec::encode(&(&outcome.receipts, &outcome.events))?;
    Ok(Header {
        height: block.height,
        time: block.time,
        parent,
        body: block.body_hash()?,
        receipts: Hash::of("receipts", &receipts),
        state_root: Hash::new(root.bytes()),
        snapshot,
    })
}
