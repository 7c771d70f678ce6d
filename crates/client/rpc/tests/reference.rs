//! The table of methods against what it says: examples parse and read back, fields are those of the types, and the pages
//! that are made of it are fresh.

use expect_test::expect_file;
use rpc::{
    Bytes, Call, Cost, Door, ERRORS, ErrorCode, Example, Field, Fixed, Method, Request, Row, Shape,
    SignatureReport, Submitted,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Lines of pages are no longer, but for examples that cannot be broken.
const LINE_MAX: usize = 100;

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn request(method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string()
}

/// Returns why a value is not of a shape.
fn unlike(shape: Shape, value: &Value) -> Option<String> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = match shape {
        Shape::Number { bits } => value.as_u64().is_some_and(|held| fits(held, bits)),
        Shape::Digits { bits } => match value.as_str() {
            Some(text) => digits(text) && text.parse().is_ok_and(|held| fits(held, bits)),
            None => value.as_u64().is_some_and(|held| fits(held, bits)),
        },
        Shape::Signed => value.is_i64(),
        Shape::Bytes => value.as_str().is_some_and(|text| protocol::decode_hex(text).is_ok()),
        Shape::Fixed(bytes) => value
            .as_str()
            .and_then(|text| protocol::decode_hex(text).ok())
            .is_some_and(|held| u32::try_from(held.len()) == Ok(bytes)),
        Shape::Text => value.is_string(),
        Shape::Account => {
            value.as_str().is_some_and(|text| text.parse::<protocol::AccountId>().is_ok())
        }
        Shape::Boolean => value.is_boolean(),
        Shape::True => value == &json!(true),
        Shape::Nullable(inner) => return (!value.is_null()).then(|| unlike(*inner, value))?,
        Shape::List(inner) => {
            let Some(items) = value.as_array() else { return Some(format!("no list: {value}")) };
            return items.iter().find_map(|item| unlike(*inner, item));
        }
        Shape::Object(fields) => return unlike_object(fields, value),
        Shape::Either(shapes) => shapes.iter().any(|shape| unlike(*shape, value).is_none()),
        Shape::Document(_) => value.is_object(),
    };
    (!fits).then(|| format!("not {}: {value}", shape.words()))
}

fn fits(value: u64, bits: u32) -> bool {
    value.checked_shr(bits).unwrap_or(0) == 0
}

fn unlike_object(fields: &[Field], value: &Value) -> Option<String> {
    let Some(held) = value.as_object() else { return Some(format!("no object: {value}")) };
    if let Some(other) = held.keys().find(|name| fields.iter().all(|field| field.name != **name)) {
        return Some(format!("the table does not know '{other}'"));
    }
    fields.iter().find_map(|field| match held.get(field.name) {
        Some(part) => unlike(field.shape, part).map(|wrong| format!("'{}': {wrong}", field.name)),
        None => field.required.then(|| format!("'{}' is missing", field.name)),
    })
}

/// Reads an example's result as its method's type and returns what that writes.
fn rewritten<M: Method>(_params: &M, result: &str) -> Value {
    let response = format!("{{\"result\":{result}}}");
    let reply = rpc::response::<M>(response.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    value(&rpc::answered(&rpc::Id::Null, &reply))["result"].clone()
}

/// Returns what the types of a call make of a result.
fn retyped(call: &Call, result: &str) -> Value {
    macro_rules! each {
        ($($call:ident)+) => {
            match call { $(Call::$call(params) => rewritten(params, result),)+ }
        };
    }
    each!(Status Submit Follow Blocks Header Answer Order Fill Receipt Greeks Anchor Evidence Steps
          Genesis Snapshot Chunk Tree Discover Feed)
}

fn examples() -> impl Iterator<Item = (&'static Row, &'static Example)> {
    Call::ROWS.iter().flat_map(|row| row.examples.iter().map(move |example| (row, example)))
}

#[test]
fn every_method_has_a_name_of_its_own_and_an_example() {
    let names: BTreeSet<&str> = Call::ROWS.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), Call::ROWS.len());
    for row in Call::ROWS.iter().filter(|row| row.name != "rpc.discover") {
        assert!(!row.examples.is_empty(), "{}", row.name);
        assert!(row.summary.ends_with('.') && row.proof.ends_with('.'), "{}", row.name);
    }
}

#[test]
fn examples_are_what_the_types_read_and_write_and_what_the_table_says() {
    for (row, example) in examples() {
        let (params, result) = (value(example.params), value(example.result));
        let wrong = unlike_object(row.params, &params);
        assert_eq!(wrong, None, "parameters of {}", row.name);
        assert_eq!(unlike(row.result, &result), None, "result of {}", row.name);
        let request = Request::read(request(row.name, &params).as_bytes(), Door::Operator);
        let call = request.unwrap_or_else(|refused| panic!("{}: {refused:?}", row.name)).call;
        assert_eq!(call.row().name, row.name);
        assert_eq!(retyped(&call, example.result), result, "{}", row.name);
    }
}

#[test]
fn a_bad_signature_is_told_as_the_table_says() {
    let (hash, address) = (Fixed([7; 32]), Fixed([8; 20]));
    let owner = SignatureReport::Owner {
        owner: address,
        recovered: Some(address),
        digest: hash,
        domain_separator: hash,
        struct_hash: hash,
        kind: "CancelAll(string network)".to_owned(),
    };
    let session = SignatureReport::Session { session_key: hash, digest: hash };
    let row = Call::ROWS.iter().find(|row| row.name == "submit").expect("it is there");
    for signature in [owner, session] {
        let told =
            vec![Submitted::Refused { refused: "no".to_owned(), signature: Some(signature) }];
        let text = rpc::answered(&rpc::Id::Null, &told);
        assert_eq!(unlike(row.result, &value(&text)["result"]), None, "{text}");
        let read = rpc::response::<rpc::SubmitParams>(text.as_bytes()).expect("it reads");
        assert_eq!(read, told);
    }
}

#[test]
fn a_parameter_that_is_missing_or_bad_is_named_in_every_method() {
    for (row, example) in examples() {
        let params = value(example.params);
        let given = params.as_object().expect("an object");
        for field in row.params.iter().filter(|field| given.contains_key(field.name)) {
            let mut changed = vec![json!({ "an": "object" }), json!([[]]), json!(true), json!(-1)];
            changed.push(json!("no such thing"));
            if field.required {
                changed.push(Value::Null);
            }
            for bad in changed {
                let mut params = params.clone();
                params[field.name] = bad.clone();
                let told = refusal(row, &params);
                assert!(told.contains(&format!("'{}", field.name)), "{bad}: {told}");
            }
            let mut without = params.clone();
            without.as_object_mut().expect("an object").remove(field.name);
            if field.required {
                let told = refusal(row, &without);
                let named = format!("'{}': it is missing: {}", field.name, field.about);
                assert_eq!(told, named);
            }
        }
    }
}

/// Returns what is said of parameters that are refused.
fn refusal(row: &Row, params: &Value) -> String {
    let refused = Request::read(request(row.name, params).as_bytes(), Door::Operator);
    let Err(refused) = refused else { panic!("{} takes {params}", row.name) };
    assert_eq!(refused.error.kind(), Some(ErrorCode::InvalidParams), "{refused:?}");
    assert_eq!(refused.id, rpc::Id::Number(1));
    refused.error.message
}

#[test]
fn a_receipt_is_asked_for_by_name_or_by_block_and_place() {
    let told = |params: Value| {
        let read = Request::read(request("receipt", &params).as_bytes(), Door::Clients);
        read.map(|request| request.call).map_err(|refused| refused.error.message)
    };
    assert!(told(json!({ "height": 1, "index": "2" })).is_ok());
    let name = format!("0x{}", "9".repeat(64));
    assert!(told(json!({ "name": name, "height": null })).is_ok());
    let missing = |params| told(params).expect_err("something is missing");
    assert!(missing(json!({ "height": 1 })).starts_with("'index' is missing"));
    assert!(missing(json!({ "index": 1 })).starts_with("'height' is missing"));
    assert!(missing(json!({})).starts_with("'name' is missing, or 'height' and 'index'"));
    assert!(missing(Value::Null).starts_with("'name' is missing"));
    assert_eq!(missing(json!({ "name": "0x12" })), "'name': it has 32 bytes, not 1");
}

#[test]
fn a_bad_submission_among_many_is_named_by_its_place() {
    let read = |params: Value| Request::read(request("submit", &params).as_bytes(), Door::Clients);
    let told = read(json!({ "submissions": ["0x01", "zz"] })).expect_err("no bytes");
    assert!(told.error.message.starts_with("'submissions[1]': bytes are written"), "{told:?}");
    let Ok(Request { call: Call::Submit(params), .. }) = read(json!({ "submissions": ["0x01"] }))
    else {
        panic!("it is sound")
    };
    assert_eq!(params.submissions, [Bytes(vec![1])]);
}

#[test]
fn what_calls_cost_is_what_clients_reckon_with() {
    let cost = |method: &str, params: Value| {
        let read = Request::read(request(method, &params).as_bytes(), Door::Operator);
        read.expect("it is sound").call.cost()
    };
    for (row, example) in examples() {
        let told = cost(row.name, value(example.params));
        assert!(
            matches!(row.cost, Cost::Each(units) if units == told) || told == 1,
            "{}",
            row.name
        );
    }
    assert_eq!(cost("blocks", json!({ "height": 1, "count": 1_000_000 })), 40);
    assert_eq!(cost("blocks", json!({ "height": 1, "count": 7 })), 7);
    assert_eq!(cost("blocks", json!({ "height": 1, "count": null })), 1);
    assert_eq!(cost("submit", json!({ "submissions": vec!["0x"; 10_000] })), 2_000);
    assert_eq!(cost("submit", json!({ "submissions": vec!["0x"; 99] })), 24);
    assert_eq!(cost("greeks", json!({ "account": format!("0x{}", "1".repeat(40)) })), 1_000);
}

#[test]
fn prices_are_reported_at_the_operators_door_alone() {
    let feed = Call::ROWS.iter().find(|row| row.name == "feed").expect("it is there");
    let params = value(feed.examples[0].params);
    let text = request("feed", &params);
    assert!(Request::read(text.as_bytes(), Door::Operator).is_ok());
    let refused = Request::read(text.as_bytes(), Door::Clients).expect_err("not for clients");
    assert_eq!(refused.error.kind(), Some(ErrorCode::MethodNotFound));
    assert!(refused.error.message.contains("at the operator's socket alone"));
    // Whatever comes with it, and for no other method.
    let refused = Request::read(b"{\"method\":\"feed\"}", Door::Clients).expect_err("nor so");
    assert_eq!(refused.error.kind(), Some(ErrorCode::MethodNotFound));
    let others = Call::ROWS.iter().filter(|row| row.door == Door::Operator);
    assert_eq!(others.map(|row| row.name).collect::<Vec<_>>(), ["feed"]);
}

/// Regenerated with `UPDATE_EXPECT=1`.
#[test]
fn the_openrpc_document_is_fresh() {
    let mut text = serde_json::to_string_pretty(&rpc::openrpc()).expect("it encodes");
    text.push('\n');
    expect_file!["../../../../docs/reference/openrpc.json"].assert_eq(&text);
}

/// What the OpenRPC specification asks of a document, for the parts that ours has.
#[test]
fn the_openrpc_document_has_what_its_specification_asks_for() {
    let document = rpc::openrpc();
    assert_eq!(document["openrpc"], "1.3.2");
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
    let methods = document["methods"].as_array().expect("a list");
    assert_eq!(methods.len(), Call::ROWS.len());
    for method in methods {
        let params = method["params"].as_array().expect("a list");
        for part in params.iter().chain([&method["result"]]) {
            assert!(part["name"].is_string() && part["schema"].is_object(), "{part}");
        }
        for error in method["errors"].as_array().expect("a list") {
            assert!(error["code"].is_i64() && error["message"].is_string(), "{error}");
        }
    }
}

/// Regenerated with `UPDATE_EXPECT=1`.
#[test]
fn the_reference_of_methods_is_fresh() {
    let mut page = String::from(
        "# JSON-RPC\n\n\
         What a validator answers by POST to `/`, in JSON-RPC 2.0. Ports, sockets and limits: [network](../network.md#doors).\n\
         The same but for costs as an OpenRPC document: [openrpc.json](openrpc.json), or the method `rpc.discover`.\n\n\
         A request is one object, its parameters an object by name; there are no batches. Parameters that a method does not\n\
         have are passed over, and `null` is as good as nothing where a parameter may be left out. Bytes are `0x` and two\n\
         hexadecimal digits each; whole numbers are JSON numbers, and in parameters also their digits in a string. Times are\n\
         in milliseconds. Examples are what a network of `novation devnet` answered; long bytes are cut in them.\n\n\
         A call costs units of work, which the rate limit of the caller's address counts: a token bucket that gets 4,000 a\n\
         second and holds 8,000. What cannot be read as a call costs 1, and 1 more for each 16 KiB.\n\n",
    );
    page.push_str("| method | what comes back | cost |\n|---|---|---|\n");
    for row in Call::ROWS {
        let Row { name, summary, .. } = row;
        let anchor = name.replace('.', "");
        writeln!(page, "| [`{name}`](#{anchor}) | {summary} | {} |", cost(row.cost)).unwrap();
    }
    page.push_str("\n## Errors\n\n| code | name | when | what to do |\n|---|---|---|---|\n");
    for row in ERRORS {
        let (code, name, meaning, remedy) = (row.code.number(), row.name, row.meaning, row.remedy);
        writeln!(page, "| {code} | `{name}` | {meaning} | {remedy} |").unwrap();
    }
    page.push_str(
        "\nBelow JSON-RPC, HTTP answers 403 to a name or origin that is not let in, 408 to a body that does not come in time, \
         413 to\none that is too long, 415 to one that is not said to be JSON, 503 where there is no room for it.\n",
    );
    for row in Call::ROWS {
        section(&mut page, row);
    }
    expect_file!["../../../../docs/reference/rpc.md"].assert_eq(&page);
}

fn cost(cost: Cost) -> String {
    match cost {
        Cost::Each(units) => units.to_string(),
        Cost::Counted { of, per: 1, most } => format!("1 for each of the {of}, at most {most}"),
        Cost::Counted { of, per, most } => {
            format!("1 for {per} {of}, at least 1 and at most {most}")
        }
    }
}

fn section(page: &mut String, row: &Row) {
    writeln!(page, "\n## {}\n", row.name).unwrap();
    page.push_str(&wrapped(&format!("{} {}", row.summary, row.details)));
    if row.door == Door::Operator {
        page.push_str("At the operator's socket alone.\n");
    }
    if !row.params.is_empty() {
        page.push_str("\n| parameter | | |\n|---|---|---|\n");
        for field in row.params {
            let Field { name, about, .. } = field;
            let need = if field.required { "" } else { "may be left out: " };
            writeln!(page, "| `{name}` | {} | {need}{about} |", field.shape.words()).unwrap();
        }
    }
    page.push_str("\n| result | | |\n|---|---|---|\n");
    parts(page, "", row.result);
    page.push('\n');
    page.push_str(&wrapped(&format!("**What proves it.** {}", row.proof)));
    if !row.errors.is_empty() {
        page.push('\n');
        for (code, when) in row.errors {
            page.push_str(&wrapped(&format!("- {} `{code:?}`: {when}", code.number())));
        }
    }
    for example in row.examples {
        let params = value(example.params);
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": row.name, "params": params });
        let response = json!({ "jsonrpc": "2.0", "id": 1, "result": value(example.result) });
        write!(page, "\n```json\n{}\n{}\n```\n", shown(&request), shown(&response)).unwrap();
    }
}

/// Writes a row for each part of a result.
fn parts(page: &mut String, path: &str, shape: Shape) {
    match shape {
        Shape::Object(fields) => {
            for field in fields {
                let path = format!("{path}{}", field.name);
                let (words, about) = (field.shape.words(), field.about);
                match inner(field.shape) {
                    Shape::Object(_) | Shape::Either(_) => {
                        writeln!(page, "| `{path}` | | {about} |").unwrap();
                        parts(page, &format!("{path}."), inner(field.shape));
                    }
                    _ => writeln!(page, "| `{path}` | {words} | {about} |").unwrap(),
                }
            }
        }
        Shape::List(inner) => parts(page, &format!("{path}[]."), *inner),
        Shape::Either(shapes) => shapes.iter().for_each(|shape| parts(page, path, *shape)),
        other => writeln!(page, "| | {} | |", other.words()).unwrap(),
    }
}

/// Returns what stands in a list or may be null.
fn inner(shape: Shape) -> Shape {
    match shape {
        Shape::List(held) | Shape::Nullable(held) => inner(*held),
        other => other,
    }
}

/// Returns JSON on one line, or on several if one would be long.
fn shown(value: &Value) -> String {
    let line = value.to_string();
    match line.len() <= LINE_MAX {
        true => line,
        false => serde_json::to_string_pretty(value).expect("it encodes"),
    }
}

/// Returns text on lines that can be read.
fn wrapped(text: &str) -> String {
    let (mut page, mut length) = (String::new(), 0);
    for word in text.split_whitespace() {
        let more = word.chars().count() + 1;
        if length > 0 && length + more > LINE_MAX {
            page.push('\n');
            length = 0;
        } else if length > 0 {
            page.push(' ');
        }
        page.push_str(word);
        length += more;
    }
    page.push('\n');
    page
}

/// Between these lines of the page for operators stand the examples.
const BEGIN: &str = "<!-- Examples of the table of methods: renewed with UPDATE_EXPECT=1. -->\n";
const END: &str = "<!-- End of the examples. -->\n";

/// Regenerated with `UPDATE_EXPECT=1`.
#[test]
fn the_examples_for_operators_are_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/network.md");
    let page = std::fs::read_to_string(path).expect("the page is there");
    let (before, rest) = page.split_once(BEGIN).expect("examples begin");
    let (_, after) = rest.split_once(END).expect("examples end");
    let mut shown = String::from("```\n");
    for (row, example) in examples() {
        let (params, result) = (value(example.params), value(example.result));
        shown.push_str(&line("->", &format!("{} {params}", row.name)));
        shown.push_str(&line("<-", &result.to_string()));
    }
    shown.push_str("```\n");
    expect_file![path].assert_eq(&format!("{before}{BEGIN}{shown}{END}{after}"));
}

/// Returns a line, cut where it would be too long to be read.
fn line(arrow: &str, text: &str) -> String {
    let mut cut: String = text.chars().take(LINE_MAX).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    format!("{arrow} {cut}\n")
}
