//! `fill`: what happened to an order in a block.

use super::{EPOCH, PROVED, PROVED_ERRORS, PROVED_REPLY, Proved};
use crate::method::{Cost, Door, Example, Method, Row};
use crate::shape::{Field, Shape};
use crate::wire;
use serde::{Deserialize, Serialize};
/// Asks what happened to an order in a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FillParams {
    /// In which block.
    #[serde(deserialize_with = "wire::whole")]
    pub height: u64,
    /// The number that the house has given the order.
    #[serde(deserialize_with = "wire::whole")]
    pub order: u64,
    /// The epoch of the asker's list of validators; 0, the network's first, if it is left out.
    #[serde(default, deserialize_with = "wire::epoch")]
    pub epoch: u64,
}

impl Method for FillParams {
    type Reply = Proved;

    const ROW: Row = Row {
        name: "fill",
        summary: "Returns fills and cancellation of an order in a block, or that there were none, with all that proves it.",
        details: "It waits, at most ten seconds, for a block that certifies the answer. Events are held for as many blocks as `receipts` under `[keep]` says, 65,536 unless it is changed.",
        door: Door::Clients,
        params: &[
            Field::required("height", Shape::Digits { bits: 64 }, "in which block"),
            Field::required(
                "order",
                Shape::Digits { bits: 64 },
                "the number that the house has given the order",
            ),
            EPOCH,
        ],
        result: PROVED_REPLY,
        proof: PROVED,
        errors: PROVED_ERRORS,
        cost: Cost::Each(400),
        examples: &[Example {
            params: r#"{"height": 130, "order": 999999, "epoch": 0}"#,
            result: r#"{"answer": "0x4e56414e5357455201023f420f000000000001000000fb03"}"#,
        }],
    };
}
