//! `blocks`: blocks as they were executed.

use crate::error::ErrorCode;
use crate::method::{Cost, Door, Example, Method, Row};
use crate::shape::{Field, Shape};
use crate::wire::{self, Bytes};
use serde::{Deserialize, Serialize};
/// Asks for blocks from a height on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlocksParams {
    /// The first.
    #[serde(deserialize_with = "wire::whole")]
    pub height: u64,
    /// How many at most; one if it is left out.
    #[serde(
        default,
        deserialize_with = "wire::whole_or_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub count: Option<u64>,
}

/// A block and the header of its outcome, each encoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockReply {
    /// The `protocol::Header`.
    pub header: Bytes,
    /// The `protocol::Block`.
    pub block: Bytes,
}

impl Method for BlocksParams {
    type Reply = Vec<BlockReply>;

    const ROW: Row = Row {
        name: "blocks",
        summary: "Returns blocks from a height on, as executed, each with the header of its outcome.",
        details: "At most 256, and none further once they have a mebibyte together; ascending, at least one.",
        door: Door::Clients,
        params: &[
            Field::required("height", Shape::Digits { bits: 64 }, "the first"),
            Field::optional(
                "count",
                Shape::Nullable(&Shape::Digits { bits: 64 }),
                "how many at most; 1 if it is left out",
            ),
        ],
        result: Shape::List(&Shape::Object(&[
            Field::required("header", Shape::Bytes, "the encoded `protocol::Header`"),
            Field::required("block", Shape::Bytes, "the encoded `protocol::Block`"),
        ])),
        proof: "The header's hash of the block, and each header's hash of the one before; `evidence` proves the last header.",
        errors: &[(
            ErrorCode::Unavailable,
            "There is no such block here: it is too new, or no longer kept.",
        )],
        cost: Cost::Counted { of: "blocks asked for", per: 1, most: 40 },
        examples: &[Example {
            params: r#"{"height": 120, "count": 1}"#,
            result: r#"[
  {
    "block": "0x017800000000000000a05e77cc700100000400000001000d",
    "header": "0x017800000000000000a05e77cc700100003a3e61e07c272c"
  }
]"#,
        }],
    };

    fn count(&self) -> u64 {
        self.count.unwrap_or(1)
    }
}
