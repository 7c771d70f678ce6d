//! `order`: where an order stands in its book.

use super::{EPOCH, PROVED, PROVED_ERRORS, PROVED_REPLY, Proved};
use crate::method::{Cost, Door, Example, Method, Row};
use crate::shape::{Field, Shape};
use crate::wire;
use serde::{Deserialize, Serialize};
/// Asks where an order stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderParams {
    /// In the book of which market.
    #[serde(deserialize_with = "wire::whole")]
    pub market: u32,
    /// The number that the house has given the order.
    #[serde(deserialize_with = "wire::whole")]
    pub order: u64,
    /// The epoch of the asker's list of validators; 0, the network's first, if it is left out.
    #[serde(default, deserialize_with = "wire::epoch")]
    pub epoch: u64,
}

impl Method for OrderParams {
    type Reply = Proved;

    const ROW: Row = Row {
        name: "order",
        summary: "Returns where an order stands in its book, with lots and priority, or that it does not, with all that proves it.",
        details: "It waits, at most ten seconds, for a block that certifies the answer. An order that is absent takes its whole book to prove, and is refused beyond 65,536 open orders.",
        door: Door::Clients,
        params: &[
            Field::required("market", Shape::Digits { bits: 32 }, "the number of the market"),
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
            params: r#"{"market": 10000, "order": 999999, "epoch": 0}"#,
            result: r#"{"answer": "0x4e56414e5357455201013f420f0000000000a00300004e56"}"#,
        }],
    };
}
