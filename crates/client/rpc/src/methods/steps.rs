//! `steps`: from the validators of one epoch to those of the next.

use crate::method::{Cost, Door, Example, Method, Row};
use crate::shape::{Field, Shape};
use crate::wire::{self, Bytes};
use serde::{Deserialize, Serialize};
/// Asks for the steps that lead on from the validators of an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepsParams {
    /// The epoch of the asker's list.
    #[serde(deserialize_with = "wire::whole")]
    pub epoch: u64,
}

/// Steps, one an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepsReply {
    /// Each an encoded `light::Step`; ascending and without a gap, none if there are no later validators yet.
    pub steps: Vec<Bytes>,
}

impl Method for StepsParams {
    type Reply = StepsReply;

    const ROW: Row = Row {
        name: "steps",
        summary: "Returns steps from the validators of an epoch to those of the epochs after it.",
        details: "At most 64, and none further once they have a mebibyte together; none if the next epoch is not signed for yet.",
        door: Door::Clients,
        params: &[Field::required(
            "epoch",
            Shape::Digits { bits: 64 },
            "the epoch of the asker's list",
        )],
        result: Shape::Object(&[Field::required(
            "steps",
            Shape::List(&Shape::Bytes),
            "encoded `light::Step`s",
        )]),
        proof: "Each step: signed by the validators of one epoch, it shows those of the next.",
        errors: &[],
        cost: Cost::Each(40),
        examples: &[Example {
            params: r#"{"epoch": 0}"#,
            result: r#"{
  "steps": [
    "0x01010000000100000000000000006c0acc70010000a5c544",
    "0x01010000003200000000000000604837cc700100001bbaa4",
    "0x01020000006400000000000000200f65cc70010000733246"
  ]
}"#,
        }],
    };
}
