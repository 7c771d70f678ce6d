//! `genesis`: what a network began with.

use crate::error::ErrorCode;
use crate::method::{Cost, Door, Example, Method, Row};
use crate::shape::{Field, Shape};
use crate::wire::Bytes;
use serde::{Deserialize, Serialize};
/// Asks for the genesis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenesisParams {}

/// The genesis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenesisReply {
    /// The encoded `machine::Genesis`.
    pub genesis: Bytes,
}

impl Method for GenesisParams {
    type Reply = GenesisReply;

    const ROW: Row = Row {
        name: "genesis",
        summary: "Returns the genesis: what the machine holds before the first block.",
        details: "",
        door: Door::Clients,
        params: &[],
        result: Shape::Object(&[Field::required(
            "genesis",
            Shape::Bytes,
            "the encoded `machine::Genesis`",
        )]),
        proof: "Its hash, which stands in the list of validators.",
        errors: &[(ErrorCode::Unavailable, "The disk cannot be read.")],
        cost: Cost::Each(40),
        examples: &[Example {
            params: r#"{}"#,
            result: r#"{"genesis": "0x010f0000006e6f766174696f6e2d6465766e6574a08109cc"}"#,
        }],
    };
}
