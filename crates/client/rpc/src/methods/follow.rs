//! `follow`: waits for a block.

use crate::method::{Cost, Door, Example, Method, Row};
use crate::shape::{Field, Shape};
use crate::wire;
use serde::{Deserialize, Serialize};
/// Waits for a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowParams {
    /// Which block; 0 waits for none.
    #[serde(deserialize_with = "wire::whole")]
    pub height: u64,
}

/// How far a node has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowReply {
    /// The newest block that it has executed, 0 before the first.
    pub height: u64,
}

impl Method for FollowParams {
    type Reply = FollowReply;

    const ROW: Row = Row {
        name: "follow",
        summary: "Waits, at most ten seconds, until a block is executed, and returns how far the node has come.",
        details: "The height may be less than was asked for: then ask again.",
        door: Door::Clients,
        params: &[Field::required(
            "height",
            Shape::Digits { bits: 64 },
            "which block; 0 waits for none",
        )],
        result: Shape::Object(&[Field::required(
            "height",
            Shape::Number { bits: 64 },
            "the newest block executed",
        )]),
        proof: "Nothing: it is what this node says of itself.",
        errors: &[],
        cost: Cost::Each(1),
        examples: &[Example { params: r#"{"height": 120}"#, result: r#"{"height": 140}"# }],
    };
}
