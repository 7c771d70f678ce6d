//! Requests and responses, as they are read and written on both sides.
//!
//! A request is an object, and so are its parameters: what is meant by its place in a list is refused, and so is a list of
//! requests. It is read twice: first whose it is and which method it calls, then the parameters of that method.
//!
//! **Invariant:** what a method does not have is passed over and takes no memory, and what it has is kept within its bounds.

use crate::error::{Error, ErrorCode};
use crate::method::{Door, Method};
use crate::{Call, Row};
use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::json;
use std::fmt::{self, Write as _};

/// Longest name by which a client tells its requests apart.
const ID_BYTES_MAX: usize = 64;
/// Most characters that are repeated of the name of a method that there is not.
const NAME_CHARS_MAX: usize = 64;
/// Most bytes of what is said of a request that cannot be read: it may repeat what the client sent.
const WORDS_BYTES_MAX: usize = 256;

/// A request that can be answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What the client calls it.
    pub id: Id,
    /// What it asks for.
    pub call: Call,
}

/// A request that is refused, and whose it is, as far as that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What the client calls it.
    pub id: Id,
    /// Why.
    pub error: Error,
}

impl Request {
    /// Returns the request that has come through a door.
    ///
    /// # Errors
    ///
    /// [`Refused`] if it is not JSON, no request, calls no method that there is at this door, or has a parameter that is
    /// missing or not what it must be.
    pub fn read(bytes: &[u8], door: Door) -> Result<Self, Refused> {
        let Head { id, method, params: _ } =
            Head::read(bytes).map_err(|error| Refused { id: Id::Null, error })?;
        let Some(method) = method else {
            let words = "a request is {\"method\": …, \"params\": {…}, \"id\": …}";
            return Err(Refused { id, error: Error::new(ErrorCode::InvalidRequest, words) });
        };
        match Call::read(&method, door, bytes) {
            Ok(call) => Ok(Self { id, call }),
            Err(error) => Err(Refused { id, error }),
        }
    }
}

/// All of a request but its parameters.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    id: Id,
    method: Option<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "read to see that it is an object")]
    params: Named,
}

impl Head {
    fn read(bytes: &[u8]) -> Result<Self, Error> {
        let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        if first == Some(&b'[') {
            let words = "there are no batches: a request is one object";
            return Err(Error::new(ErrorCode::InvalidRequest, words));
        }
        serde_json::from_slice(bytes).map_err(|error| match first {
            Some(b'{') if error.is_data() => Error::new(ErrorCode::InvalidParams, cut(&error)),
            _ if error.is_data() => Error::new(ErrorCode::InvalidRequest, "a request is an object"),
            _ => Error::new(ErrorCode::ParseError, format!("not JSON: {}", cut(&error))),
        })
    }
}

/// Parameters that are not kept: an object, or null.
#[derive(Debug, Default)]
struct Named;

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Named;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("'params': an object, each parameter by its name")
            }

            fn visit_unit<E: serde::de::Error>(self) -> Result<Named, E> {
                Ok(Named)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Named)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// The parameters of a request alone.
#[derive(Deserialize)]
#[serde(bound = "P: DeserializeOwned")]
struct Body<P> {
    params: Option<P>,
}

/// Returns the parameters of a method from a request whose other parts are sound.
pub(crate) fn params<M: Method>(bytes: &[u8]) -> Result<M, Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read: Result<Body<M>, _> = serde_path_to_error::deserialize(&mut deserializer);
    let Body { params } = read.map_err(|error| {
        let path = cut(error.path());
        wrong(&M::ROW, path.strip_prefix("params.").unwrap_or(""), error.inner())
    })?;
    params.map_or_else(
        || {
            let none = std::iter::empty::<(&str, &str)>();
            M::deserialize(MapDeserializer::new(none)).map_err(|error| wrong(&M::ROW, "", &error))
        },
        Ok,
    )
}

/// Returns the beginning of some words.
fn cut(words: &impl fmt::Display) -> String {
    struct Beginning(String);
    impl fmt::Write for Beginning {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let room = WORDS_BYTES_MAX.saturating_sub(self.0.len());
            if text.len() <= room {
                self.0.push_str(text);
                return Ok(());
            }
            let end = text.floor_char_boundary(room);
            self.0.push_str(text.get(..end).unwrap_or(""));
            // Nothing more is formatted.
            Err(fmt::Error)
        }
    }
    let mut beginning = Beginning(String::new());
    if write!(beginning, "{words}").is_err() {
        beginning.0.push('…');
    }
    beginning.0
}

/// Says what is wrong with which parameter.
fn wrong(row: &Row, path: &str, error: &serde_json::Error) -> Error {
    let mut words = cut(error);
    // Where in the text says less than the name does.
    let place = format!(" at line {} column {}", error.line(), error.column());
    if let Some(end) = words.strip_suffix(&place).map(str::len) {
        words.truncate(end);
    }
    let missing = words.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    if let Some(field) = row.params.iter().find(|field| Some(field.name) == missing) {
        return Error::param(field.name, format!("it is missing: {}", field.about));
    }
    match path {
        "" => Error::new(ErrorCode::InvalidParams, words),
        path => Error::param(path, words),
    }
}

/// Says that there is no such method at a door, and which there are.
pub(crate) fn no_method(name: &str, door: Door) -> Error {
    let there = Call::ROWS.iter().filter(|row| door.opens(row.door)).map(|row| row.name);
    let there = there.collect::<Vec<_>>().join(", ");
    let name: String = name.chars().take(NAME_CHARS_MAX).collect();
    Error::new(ErrorCode::MethodNotFound, format!("no method '{name}': there are {there}"))
}

/// What a client calls its request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Id {
    /// Nothing, or it could not be read.
    #[default]
    Null,
    /// A number.
    Number(i64),
    /// A short text.
    Text(String),
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("'id': a whole number, a short string or null")
            }

            fn visit_unit<E: serde::de::Error>(self) -> Result<Id, E> {
                Ok(Id::Null)
            }

            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Id, E> {
                Ok(Id::Number(value))
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Id, E> {
                i64::try_from(value).map(Id::Number).map_err(E::custom)
            }

            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Id, E> {
                match value.len() <= ID_BYTES_MAX {
                    true => Ok(Id::Text(value.to_owned())),
                    false => Err(E::custom("'id' is too long")),
                }
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// Returns the response that answers a request.
#[must_use]
pub fn answered<R: Serialize>(id: &Id, result: &R) -> String {
    #[derive(Serialize)]
    struct Answered<'a, R> {
        jsonrpc: &'static str,
        id: &'a Id,
        result: &'a R,
    }
    let answered = serde_json::to_string(&Answered { jsonrpc: "2.0", id, result });
    answered.unwrap_or_else(|error| refused(id, &Error::unavailable(error)))
}

/// Returns the response that refuses a request.
#[must_use]
pub fn refused(id: &Id, error: &Error) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "error": error }).to_string()
}

/// Returns a request, as a client sends it.
///
/// # Errors
///
/// What the encoder says of parameters that JSON cannot hold; those of this crate it can.
pub fn request<M: Method>(id: i64, params: &M) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Asked<'a, M> {
        jsonrpc: &'static str,
        id: i64,
        method: &'static str,
        params: &'a M,
    }
    serde_json::to_string(&Asked { jsonrpc: "2.0", id, method: M::ROW.name, params })
}

/// Why a response holds no result.
#[derive(Debug, thiserror::Error)]
pub enum ResponseError {
    /// The server has refused the request.
    #[error(transparent)]
    Refused(#[from] Error),
    /// It is no response, or its result is not the method's.
    #[error("the response cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// It holds neither a result nor an error.
    #[error("the response holds neither a result nor an error")]
    Empty,
}

/// Returns the result in the response to a call of a method.
///
/// # Errors
///
/// [`ResponseError`] if the server refused it, or it cannot be read.
pub fn response<M: Method>(bytes: &[u8]) -> Result<M::Reply, ResponseError> {
    #[derive(Deserialize)]
    #[serde(bound = "R: DeserializeOwned")]
    struct Answered<R> {
        result: Option<R>,
        error: Option<Error>,
    }
    match serde_json::from_slice::<Answered<M::Reply>>(bytes)? {
        Answered { error: Some(error), .. } => Err(error.into()),
        Answered { result: Some(result), .. } => Ok(result),
        Answered { .. } => Err(ResponseError::Empty),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FollowParams, SUBMISSIONS_MAX, StatusParams};

    fn read(text: &str) -> Result<Request, Refused> {
        Request::read(text.as_bytes(), Door::Clients)
    }

    fn code(text: &str) -> i32 {
        read(text).map_or_else(|refused| refused.error.code, |_| 0)
    }

    fn told(text: &str) -> String {
        read(text).expect_err("it is refused").error.message
    }

    #[test]
    fn what_no_method_has_is_passed_over_and_what_is_too_much_is_refused() {
        let junk = "0,".repeat(1_000_000);
        let request = read(&format!(
            "{{\"id\":7,\"method\":\"status\",\"more\":[{junk}0],\"params\":{{\"x\":[{junk}1]}}}}"
        ));
        assert_eq!(request, Ok(Request { id: Id::Number(7), call: StatusParams {}.into() }));
        let many = "\"0x\",".repeat(SUBMISSIONS_MAX);
        let many =
            format!("{{\"method\":\"submit\",\"params\":{{\"submissions\":[{many}\"0x\"]}}}}");
        assert!(told(&many).contains("'submissions"), "{}", told(&many));
        assert!(told(&many).contains("at most 10000"));
        for id in ["[1]", "{}", "1.5", "true"] {
            assert_eq!(code(&format!("{{\"id\":{id},\"method\":\"status\"}}")), -32_602, "{id}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(code(&format!("{{\"x\":{deep}")), -32_700);
    }

    #[test]
    fn a_refusal_repeats_no_more_than_the_beginning_of_what_was_sent() {
        let long = "\u{7f}".repeat(100_000);
        for text in [
            format!("{{\"method\":\"status\",\"params\":\"{long}\"}}"),
            format!("{{\"method\":\"follow\",\"params\":{{\"height\":\"{long}\"}}}}"),
            format!("{{\"method\":\"submit\",\"params\":{{\"submissions\":\"{long}\"}}}}"),
            format!("{{\"method\":\"submit\",\"params\":{{\"submissions\":[\"{long}\"]}}}}"),
            format!("{{\"method\":\"greeks\",\"params\":{{\"account\":\"{long}\"}}}}"),
            format!("{{\"method\":\"{long}\"}}"),
            format!("{{\"id\":\"{long}\",\"method\":\"status\"}}"),
            format!("{{\"{long}\":{{}},\"method\":1}}"),
            format!("\"{long}\""),
            long.clone(),
        ] {
            let words = told(&text);
            assert!(words.len() < 1_000, "{} bytes: {}", words.len(), cut(&words));
        }
        let words = told("{\"method\":\"status\",\"params\":\"a short one\"}");
        assert!(words.contains("a short one") && !words.contains('…'), "{words}");
        assert_eq!(cut(&"ä".repeat(1_000)).chars().last(), Some('…'));
    }

    #[test]
    fn a_batch_and_a_list_by_position_are_no_requests() {
        let one = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}";
        assert_eq!(code(one), 0);
        assert_eq!(code(&format!("[{one}]")), -32_600);
        assert_eq!(code(&format!(" \n[{one},{one}]")), -32_600);
        assert_eq!(code("[1,\"status\",{}]"), -32_600);
        assert_eq!(code("[]"), -32_600);
        assert_eq!(code("7"), -32_600);
        assert_eq!(code("{}"), -32_600);
        assert_eq!(code("{\"method\":\"follow\",\"params\":[1]}"), -32_602);
        assert_eq!(code("{\"method\":\"sing\",\"params\":[1]}"), -32_602);
        assert_eq!(code("{\"method\":\"status\",\"params\":null}"), 0);
        assert_eq!(code("{\"method\":7}"), -32_602);
        assert_eq!(code("{nope"), -32_700);
        assert_eq!(code(""), -32_700);
        assert!(told("[]").contains("no batches"), "{}", told("[]"));
    }

    #[test]
    fn a_refusal_has_the_name_of_its_request_where_that_can_be_read() {
        let whose = |text: &str| read(text).expect_err("it is refused").id;
        assert_eq!(whose("{\"id\":\"a\",\"method\":\"follow\"}"), Id::Text("a".to_owned()));
        assert_eq!(whose("{\"id\":7,\"method\":\"sing\"}"), Id::Number(7));
        assert_eq!(whose("{\"id\":7}"), Id::Number(7));
        assert_eq!(whose("{\"id\":7"), Id::Null);
        assert_eq!(whose("{\"id\":[7],\"method\":\"status\"}"), Id::Null);
        let long = "x".repeat(ID_BYTES_MAX + 1);
        assert_eq!(whose(&format!("{{\"id\":\"{long}\",\"method\":\"status\"}}")), Id::Null);
    }

    #[test]
    fn the_place_of_params_before_or_after_the_method_does_not_matter() {
        let height = |text: &str| read(text).map(|request| request.call);
        let call: Call = FollowParams { height: 12 }.into();
        for text in [
            "{\"method\":\"follow\",\"params\":{\"height\":12}}",
            "{\"params\":{\"height\":\"12\"},\"method\":\"follow\"}",
        ] {
            assert_eq!(height(text), Ok(call.clone()), "{text}");
        }
        assert_eq!(
            code("{\"method\":\"follow\",\"params\":{\"height\":1},\"params\":{\"height\":2}}"),
            -32_602,
            "what is said twice is not known"
        );
    }

    #[test]
    fn a_method_that_there_is_not_is_answered_with_those_that_there_are_at_the_door() {
        let clients = told("{\"method\":\"sing\"}");
        assert!(clients.starts_with("no method 'sing': there are status, submit, "), "{clients}");
        assert!(!clients.contains("feed") && clients.contains("rpc.discover"), "{clients}");
        let operator = Request::read(b"{\"method\":\"sing\"}", Door::Operator);
        let operator = operator.expect_err("nor here").error.message;
        assert!(operator.contains(", feed"), "{operator}");
        let long = "x".repeat(1_000_000);
        assert!(told(&format!("{{\"method\":\"{long}\"}}")).len() < 1_000);
    }

    #[test]
    fn a_client_reads_what_a_server_writes() {
        let asked = request(9, &FollowParams { height: 12 }).expect("it encodes");
        let Request { id, call } = read(&asked).expect("a request");
        assert_eq!((&id, call), (&Id::Number(9), FollowParams { height: 12 }.into()));
        let reply = crate::FollowReply { height: 11 };
        let text = answered(&id, &reply);
        assert_eq!(response::<FollowParams>(text.as_bytes()).expect("a result"), reply);
        let error = Error::new(ErrorCode::LimitExceeded, "too much");
        let text = refused(&id, &error);
        let read = response::<FollowParams>(text.as_bytes());
        assert!(matches!(read, Err(ResponseError::Refused(found)) if found == error));
        assert!(matches!(response::<FollowParams>(b"{}"), Err(ResponseError::Empty)));
        let other = response::<FollowParams>(b"{\"result\":{\"height\":\"no\"}}");
        assert!(matches!(other, Err(ResponseError::Unreadable(_))));
    }
}
