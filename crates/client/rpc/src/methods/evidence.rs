//! `evidence`: the header of a block, shown to be final.

use crate::error::ErrorCode;
use crate::method::{Cost, Door, Example, Method, Row};
use crate::shape::{Field, Shape};
use crate::wire::{self, Bytes};
use serde::{Deserialize, Serialize};
/// Asks for a header with its finality proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceParams {
    /// Of which block.
    #[serde(deserialize_with = "wire::whole")]
    pub height: u64,
}

/// A header and its finality proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceReply {
    /// The encoded `light::FinalityProof`.
    pub evidence: Bytes,
}

impl Method for EvidenceParams {
    type Reply = EvidenceReply;

    const ROW: Row = Row {
        name: "evidence",
        summary: "Returns the header of an executed block with headers, ordered blocks and a certificate that show it to be final.",
        details: "",
        door: Door::Clients,
        params: &[Field::required("height", Shape::Digits { bits: 64 }, "of which block")],
        result: Shape::Object(&[Field::required(
            "evidence",
            Shape::Bytes,
            "the encoded `light::FinalityProof`",
        )]),
        proof: "Itself, to whoever has the list of validators of the epoch in which it was signed: `light::FinalityProof::verify`.",
        errors: &[(
            ErrorCode::Unavailable,
            "No certified block names the outcome of this one here: it is too new or too old.",
        )],
        cost: Cost::Each(40),
        examples: &[Example {
            params: r#"{"height": 124}"#,
            result: r#"{"evidence": "0x01010000007c0000000000000020087bcc70010000e94eca"}"#,
        }],
    };
}
