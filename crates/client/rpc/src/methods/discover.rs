//! `rpc.discover`: what there is to call, in the form of OpenRPC.

use crate::method::{Cost, Door, Method, Row};
use crate::shape::Shape;
use serde::{Deserialize, Serialize};
use serde_json::Value;
/// Asks for the OpenRPC document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscoverParams {}

impl Method for DiscoverParams {
    type Reply = Value;

    const ROW: Row = Row {
        name: "rpc.discover",
        summary: "Returns the OpenRPC document of all methods, with JSON Schemas of their parameters and results.",
        details: "It is the same as docs/reference/openrpc.json of this version.",
        door: Door::Clients,
        params: &[],
        result: Shape::Document("an OpenRPC 1.3 document"),
        proof: "Nothing: it is what this node says of itself.",
        errors: &[],
        cost: Cost::Each(10),
        examples: &[],
    };
}
