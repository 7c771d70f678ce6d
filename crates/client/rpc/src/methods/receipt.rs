//! `receipt`: what became of a submission.

use super::{EPOCH, PROVED, PROVED_REPLY, Proved};
use crate::error::ErrorCode;
use crate::method::{Cost, Door, Example, Method, Row};
use crate::shape::{Field, Shape};
use crate::wire::{self, Fixed};
use serde::{Deserialize, Serialize};
/// Asks what became of a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Named")]
pub struct ReceiptParams {
    /// Which one.
    #[serde(flatten)]
    pub of: SubmissionPlace,
    /// The epoch of the asker's list of validators; 0, the network's first, if it is left out.
    pub epoch: u64,
}

/// Which submission is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum SubmissionPlace {
    /// The one of a name.
    Name {
        /// Its hash, as `submit` has told it.
        name: Fixed<32>,
    },
    /// The one at a place.
    Block {
        /// In which block.
        height: u64,
        /// Its place there, from 0.
        index: u64,
    },
}

/// The parameters one by one, before it is known which were meant.
#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    name: Option<Fixed<32>>,
    #[serde(default, deserialize_with = "wire::whole_or_none")]
    height: Option<u64>,
    #[serde(default, deserialize_with = "wire::whole_or_none")]
    index: Option<u64>,
    #[serde(default, deserialize_with = "wire::epoch")]
    epoch: u64,
}

impl TryFrom<Named> for ReceiptParams {
    type Error = &'static str;

    fn try_from(given: Named) -> Result<Self, Self::Error> {
        let of = match (given.name, given.height, given.index) {
            (Some(name), ..) => SubmissionPlace::Name { name },
            (None, Some(height), Some(index)) => SubmissionPlace::Block { height, index },
            (None, Some(_), None) => return Err("'index' is missing: the place in the block"),
            (None, None, Some(_)) => return Err("'height' is missing: the block"),
            (None, None, None) => {
                return Err("'name' is missing, or 'height' and 'index': which submission");
            }
        };
        Ok(Self { of, epoch: given.epoch })
    }
}

impl Method for ReceiptParams {
    type Reply = Proved;

    const ROW: Row = Row {
        name: "receipt",
        summary: "Returns what became of each command of a submission, by its name or by its block and its place there, with all that proves it.",
        details: "It waits, at most ten seconds, until a block holds the submission and another certifies the answer. Receipts are held for as many blocks as `receipts` under `[keep]` says, 65,536 unless it is changed.",
        door: Door::Clients,
        params: &[
            Field::optional(
                "name",
                Shape::Nullable(&Shape::Fixed(32)),
                "the submission's hash, as `submit` has told it; or `height` and `index`",
            ),
            Field::optional(
                "height",
                Shape::Nullable(&Shape::Digits { bits: 64 }),
                "without a name: in which block",
            ),
            Field::optional(
                "index",
                Shape::Nullable(&Shape::Digits { bits: 64 }),
                "without a name: its place in the block, from 0",
            ),
            EPOCH,
        ],
        result: PROVED_REPLY,
        proof: PROVED,
        errors: &[
            (
                ErrorCode::Unavailable,
                "No submission of that name is known here: it was never handed in here, has expired, or its block is no longer kept.",
            ),
            (
                ErrorCode::Unavailable,
                "No block has certified the answer in ten seconds, or it was gone from memory by then: ask again.",
            ),
            (
                ErrorCode::Unavailable,
                "A step from the validators of `epoch` to those who signed is not kept here: ask another validator.",
            ),
            (ErrorCode::Unavailable, "The validator has halted."),
        ],
        cost: Cost::Each(400),
        examples: &[
            Example {
                params: r#"{
  "name": "0x54333ca647fa7e9bb50bdd68123bfcde4ad6261e3d036557e8a5ecb62d81fcd1",
  "epoch": 0
}"#,
                result: r#"{"answer": "0x4e56414e5357455201048700000000000000401a85cc7001"}"#,
            },
            Example {
                params: r#"{"height": 130, "index": 0, "epoch": 0}"#,
                result: r#"{"answer": "0x4e56414e5357455201048200000000000000608680cc7001"}"#,
            },
        ],
    };
}
