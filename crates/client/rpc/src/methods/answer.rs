//! `answer`: a record, or its absence, with all that proves it.

use super::{EPOCH, PROVED, PROVED_ERRORS, PROVED_REPLY, Proved};
use crate::method::{Cost, Door, Example, Method, Row};
use crate::shape::{Field, Shape};
use crate::wire::{self, Bytes};
use serde::{Deserialize, Serialize};
/// Asks for a record of the state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerParams {
    /// The encoded `machine::StateKey` of the record, 256 bytes at most.
    pub key: Bytes,
    /// The epoch of the asker's list of validators; 0, the network's first, if it is left out.
    #[serde(default, deserialize_with = "wire::epoch")]
    pub epoch: u64,
}

impl Method for AnswerParams {
    type Reply = Proved;

    const ROW: Row = Row {
        name: "answer",
        summary: "Returns a record of the state, or that there is none under that key, with all that proves it.",
        details: "It waits, at most ten seconds, for a block that certifies the answer.",
        door: Door::Clients,
        params: &[
            Field::required(
                "key",
                Shape::Bytes,
                "the encoded `machine::StateKey`, 256 bytes at most",
            ),
            EPOCH,
        ],
        result: PROVED_REPLY,
        proof: PROVED,
        errors: PROVED_ERRORS,
        cost: Cost::Each(40),
        examples: &[Example {
            params: r#"{"key": "0x01030100", "epoch": 0}"#,
            result: r#"{"answer": "0x4e56414e535745520100760200004e5650524f4f46010000"}"#,
        }],
    };
}
