//! `greeks`: how the value of an account's positions moves.

use super::{EPOCH, PROVED, PROVED_ERRORS, PROVED_REPLY, Proved};
use crate::method::{Cost, Door, Example, Method, Row};
use crate::shape::{Field, Shape};
use crate::wire;
use protocol::AccountId;
use serde::{Deserialize, Serialize};
/// Asks for the Greeks of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GreeksParams {
    /// Whose: `0x…/<sub>`; without the slash, sub-account 0.
    #[serde(with = "crate::wire::text")]
    pub account: AccountId,
    /// The epoch of the asker's list of validators; 0, the network's first, if it is left out.
    #[serde(default, deserialize_with = "wire::epoch")]
    pub epoch: u64,
}

impl Method for GreeksParams {
    type Reply = Proved;

    const ROW: Row = Row {
        name: "greeks",
        summary: "Returns delta, gamma, vega and theta of an account's positions, by underlying and expiry, with all that proves them.",
        details: "It waits, at most ten seconds, for a block that certifies the answer. Of at most 512 positions. Units stand in spec 0018-pricing; theta is for a day.",
        door: Door::Clients,
        params: &[Field::required("account", Shape::Account, "whose positions"), EPOCH],
        result: PROVED_REPLY,
        proof: PROVED,
        errors: PROVED_ERRORS,
        cost: Cost::Each(1_000),
        examples: &[Example {
            params: r#"{"account": "0x9999999999999999999999999999999999999999/0", "epoch": 0}"#,
            result: r#"{"answer": "0x4e56414e535745520103230300004e5650524f4f46010000"}"#,
        }],
    };
}
