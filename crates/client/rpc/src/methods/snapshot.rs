//! `snapshot`: what the newest snapshot consists of.

use crate::error::ErrorCode;
use crate::method::{Cost, Door, Example, Method, Row};
use crate::shape::{Field, Shape};
use crate::wire::Bytes;
use serde::{Deserialize, Serialize};
/// Asks for the newest snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotParams {}

/// What a snapshot consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotReply {
    /// After which block.
    pub height: u64,
    /// The encoded manifest: the length of the machine's state, and a hash for each chunk.
    pub manifest: Bytes,
    /// The root and size of its authenticated tree, encoded.
    pub target: Bytes,
}

impl Method for SnapshotParams {
    type Reply = SnapshotReply;

    const ROW: Row = Row {
        name: "snapshot",
        summary: "Returns what the newest snapshot consists of: its manifest, and the target by which its tree is fetched.",
        details: "There is one every 100 blocks; `chunk` and `tree` fetch it (state sync).",
        door: Door::Clients,
        params: &[],
        result: Shape::Object(&[
            Field::required("height", Shape::Number { bits: 64 }, "after which block"),
            Field::required(
                "manifest",
                Shape::Bytes,
                "the length of the state, a hash for each chunk",
            ),
            Field::required("target", Shape::Bytes, "root and size of its authenticated tree"),
        ]),
        proof: "The header of its block carries the hash of the manifest; `evidence` proves the header.",
        errors: &[(ErrorCode::Unavailable, "There is no snapshot yet.")],
        cost: Cost::Each(128),
        examples: &[Example {
            params: r#"{}"#,
            result: r#"{
  "height": 100,
  "manifest": "0x016400000000000000a288050000000000020000007c980d",
  "target": "0x0000000000007d6c00000000000076005f2db14c99f3e067"
}"#,
        }],
    };
}
