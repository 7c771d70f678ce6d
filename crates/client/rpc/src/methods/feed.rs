//! `feed`: hands in what a validator's reporter has seen of prices.

use crate::error::ErrorCode;
use crate::method::{Cost, Door, Example, Method, Row};
use crate::shape::{Field, Shape};
use crate::wire::{self, Bytes, Fixed};
use serde::{Deserialize, Serialize};
/// Hands in the validator's own report of prices for a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedParams {
    /// For which block.
    #[serde(deserialize_with = "wire::whole")]
    pub height: u64,
    /// The encoded vote: prices, vols and bases.
    pub vote: Bytes,
    /// The reporter's Ed25519 signature.
    pub signature: Fixed<64>,
}

impl Method for FeedParams {
    type Reply = bool;

    const ROW: Row = Row {
        name: "feed",
        summary: "Takes this validator's own report of prices for a block, signed by its reporter; the validator signs it in turn and sends it to the others.",
        details: "The block is one that it has not executed, at most eight ahead, for which it has no report yet. How a vote is encoded and what is signed: docs/network.md, *Prices*.",
        door: Door::Operator,
        params: &[
            Field::required("height", Shape::Digits { bits: 64 }, "for which block"),
            Field::required("vote", Shape::Bytes, "the encoded vote: prices, vols, bases"),
            Field::required("signature", Shape::Fixed(64), "the reporter's Ed25519 signature"),
        ],
        result: Shape::True,
        proof: "Nothing; the report stands in a block, which can be read.",
        errors: &[
            (ErrorCode::MethodNotFound, "Called at the port for clients."),
            (
                ErrorCode::Unavailable,
                "No reporter is configured, the signature is not the reporter's, the vote is another validator's, too late, too early, or there is one already.",
            ),
        ],
        cost: Cost::Each(1),
        examples: &[Example {
            params: r#"{
  "height": 136,
  "vote": "0x0101000100000001000100105826d40100000020a10700000000000000000000000000",
  "signature": "0xf7f529507fc7a6958b4464764d136618f30b4acf5eb65a32cdace693ea7ffe7cb2ed957b7825e0818b443be712e5c17e9256c7f2219b997c40065b365688d005"
}"#,
            result: r#"true"#,
        }],
    };
}
