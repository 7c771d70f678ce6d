//! `anchor`: the list of validators as a node has it.

use crate::method::{Cost, Door, Example, Method, Row};
use crate::shape::{Field, Shape};
use serde::{Deserialize, Serialize};
/// Asks for the network's first list of validators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnchorParams {}

/// The list of validators that clients begin with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnchorReply {
    /// The text of `network.toml`.
    pub anchor: String,
}

impl Method for AnchorParams {
    type Reply = AnchorReply;

    const ROW: Row = Row {
        name: "anchor",
        summary: "Returns the network's first list of validators, as this node has it: the text of `network.toml`.",
        details: "",
        door: Door::Clients,
        params: &[],
        result: Shape::Object(&[Field::required(
            "anchor",
            Shape::Text,
            "the text of `network.toml`",
        )]),
        proof: "Nothing: who takes the list from a node believes the node. Compare it with somebody you trust.",
        errors: &[],
        cost: Cost::Each(1),
        examples: &[Example {
            params: r#"{}"#,
            result: r#"{
  "anchor": "chain = \"novation-devnet\"\ngenesis = \"0x931ec607407a561608b082c0cb374751c584cb07be1c49f66c055fc7f0d8a391\"\nclock = { step_ms = 60000 }\n\n[[validators]]\nid = 1\nkey = \"0x64e39a0e58f4971f4e5a3434478d51be98335c53c17440d678b88b5f1158086f\"\n"
}"#,
        }],
    };
}
