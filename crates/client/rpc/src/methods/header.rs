//! `header`: what was ordered, and who signed it.

use crate::error::ErrorCode;
use crate::method::{Cost, Door, Example, Method, Row};
use crate::shape::{Field, Shape};
use crate::wire::{self, Bytes};
use serde::{Deserialize, Serialize};
/// Asks for a certificate over an ordered block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderParams {
    /// Which block.
    #[serde(deserialize_with = "wire::whole")]
    pub height: u64,
}

/// Ordered blocks up to one with a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderReply {
    /// Each an encoded `light::ConsensusHeader`; ascending, from the one asked for to the one that is signed.
    pub orders: Vec<Bytes>,
    /// The certificate of the last.
    pub certificate: Bytes,
}

impl Method for HeaderParams {
    type Reply = HeaderReply;

    const ROW: Row = Row {
        name: "header",
        summary: "Returns ordered blocks from one up to the next that has a certificate, and the certificate.",
        details: "",
        door: Door::Clients,
        params: &[Field::required("height", Shape::Digits { bits: 64 }, "which block")],
        result: Shape::Object(&[
            Field::required(
                "orders",
                Shape::List(&Shape::Bytes),
                "encoded `light::ConsensusHeader`s, ascending",
            ),
            Field::required("certificate", Shape::Bytes, "the signatures under the last"),
        ]),
        proof: "The certificate: signatures of more than two thirds of the epoch's validators; each ordered block names the one before.",
        errors: &[(ErrorCode::Unavailable, "The block has no certificate here yet: ask again.")],
        cost: Cost::Each(10),
        examples: &[Example {
            params: r#"{"height": 120}"#,
            result: r#"{
  "certificate": "0x0215144471d6416e3edd4ec2c80d1763383fc7405f202599",
  "orders": [
    "0x0115000000020000000400d2448b316877d82ff76ae91fc3"
  ]
}"#,
        }],
    };
}
