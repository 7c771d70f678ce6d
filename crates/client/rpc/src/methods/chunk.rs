//! `chunk`: a piece of the machine's state in a snapshot.

use crate::error::ErrorCode;
use crate::method::{Cost, Door, Example, Method, Row};
use crate::shape::{Field, Shape};
use crate::wire::{self, Bytes};
use serde::{Deserialize, Serialize};
/// Asks for a chunk of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkParams {
    /// The block of the snapshot.
    #[serde(deserialize_with = "wire::whole")]
    pub height: u64,
    /// Which chunk, from 0.
    #[serde(deserialize_with = "wire::whole")]
    pub index: u64,
}

/// A piece of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PieceReply {
    /// Its bytes.
    pub bytes: Bytes,
}

impl Method for ChunkParams {
    type Reply = PieceReply;

    const ROW: Row = Row {
        name: "chunk",
        summary: "Returns a chunk of the machine's state in a snapshot: 256 KiB, the last one less.",
        details: "",
        door: Door::Clients,
        params: &[
            Field::required("height", Shape::Digits { bits: 64 }, "the block of the snapshot"),
            Field::required("index", Shape::Digits { bits: 64 }, "which chunk, from 0"),
        ],
        result: Shape::Object(&[Field::required("bytes", Shape::Bytes, "the chunk")]),
        proof: "Its hash, which stands in the manifest.",
        errors: &[(
            ErrorCode::Unavailable,
            "The snapshot is not kept here any more, or has no such chunk.",
        )],
        cost: Cost::Each(128),
        examples: &[Example {
            params: r#"{"height": 100, "index": 1}"#,
            result: r#"{"bytes": "0x000000000000000000000000020000000000001853522400"}"#,
        }],
    };
}
