//! The table of methods as an OpenRPC 1.3 document, which `rpc.discover` answers. What is refused in every method alike
//! stands once, in `x-errors`.

use crate::{Call, ERRORS, ErrorRow, Example, Field, Row};
use serde_json::{Value, json};

/// Returns the OpenRPC document of all methods.
#[must_use]
pub fn openrpc() -> Value {
    let methods = Call::ROWS.iter().map(method).collect::<Vec<_>>();
    json!({
        "openrpc": "1.3.2",
        "info": {
            "title": "Novation",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What a validator answers by POST to /, one request an object, parameters by name.",
        },
        "methods": methods,
        // An extension: the specification has errors of single methods alone.
        "x-errors": ERRORS.iter().map(error).collect::<Vec<_>>(),
    })
}

fn method(row: &Row) -> Value {
    let proof = format!("What proves the result: {}", row.proof);
    let description = [row.details, &proof].into_iter().filter(|text| !text.is_empty());
    let errors =
        row.errors.iter().map(|(code, when)| json!({ "code": code.number(), "message": when }));
    json!({
        "name": row.name,
        "summary": row.summary,
        "description": description.collect::<Vec<_>>().join(" "),
        "paramStructure": "by-name",
        "params": row.params.iter().map(param).collect::<Vec<_>>(),
        "result": { "name": "result", "schema": row.result.schema() },
        "errors": errors.collect::<Vec<_>>(),
        "examples": row.examples.iter().zip(1..).map(|(held, number)| example(held, number)).collect::<Vec<_>>(),
    })
}

fn param(field: &Field) -> Value {
    json!({
        "name": field.name,
        "description": field.about,
        "required": field.required,
        "schema": field.shape.schema(),
    })
}

fn example(example: &Example, number: u32) -> Value {
    // What is no JSON a test finds in the table.
    let read = |text| serde_json::from_str::<Value>(text).unwrap_or_default();
    let given = read(example.params);
    let params = given.as_object().into_iter().flatten();
    json!({
        "name": format!("example {number}"),
        "params": params.map(|(name, value)| json!({ "name": name, "value": value })).collect::<Vec<_>>(),
        "result": { "name": "result", "value": read(example.result) },
    })
}

fn error(row: &ErrorRow) -> Value {
    json!({ "code": row.code.number(), "name": row.name, "message": row.meaning, "remedy": row.remedy })
}
