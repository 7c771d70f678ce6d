//! `tree`: a piece of a snapshot's authenticated tree.

use super::PieceReply;
use crate::error::ErrorCode;
use crate::method::{Cost, Door, Example, Method, Row};
use crate::shape::{Field, Shape};
use crate::wire::Bytes;
use serde::{Deserialize, Serialize};
/// Asks for a piece of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeParams {
    /// What is asked for, as `store` encodes it.
    pub request: Bytes,
}

impl Method for TreeParams {
    type Reply = PieceReply;

    const ROW: Row = Row {
        name: "tree",
        summary: "Returns a piece of a snapshot's authenticated tree.",
        details: "Requests and answers are those of `store`, which fetches a tree piece by piece.",
        door: Door::Clients,
        params: &[Field::required(
            "request",
            Shape::Bytes,
            "what is asked for, as `store` encodes it",
        )],
        result: Shape::Object(&[Field::required(
            "bytes",
            Shape::Bytes,
            "the piece, with its proof",
        )]),
        proof: "The proof in it, under the root in `snapshot`'s target.",
        errors: &[(
            ErrorCode::Unavailable,
            "The tree is not kept here any more, or the request cannot be read.",
        )],
        cost: Cost::Each(40),
        examples: &[Example {
            params: r#"{"request": "0x0096f10181e2010000000000000795"}"#,
            result: r#"{"bytes": "0x0096f1010303fc62f1ec1d07f944905d20d5108eac2264af"}"#,
        }],
    };
}
