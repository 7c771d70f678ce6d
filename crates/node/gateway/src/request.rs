//! A request as it is read: only the fields that a method has, each within its bounds, so that what is sent to be
//! ignored takes no memory.
//!
//! A request is an object, and so are its parameters: what is meant by its place in a list is refused, and so is a list
//! of requests.

use crate::methods::Refused;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;

/// Most submissions in one request.
pub(crate) const SUBMISSIONS_MAX: usize = 10_000;
/// Longest name by which a client tells its requests apart.
const ID_BYTES_MAX: usize = 64;

/// A request.
#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    #[serde(default)]
    pub(crate) id: Id,
    pub(crate) method: Option<String>,
    #[serde(default, deserialize_with = "named")]
    pub(crate) params: Params,
}

impl Request {
    /// Reads a request, or says as JSON-RPC does why it is none.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Refused> {
        let refuse = |code, message| Refused { code, message };
        let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        if first == Some(&b'[') {
            let message = "there are no batches: a request is one object".to_owned();
            return Err(refuse(-32_600, message));
        }
        serde_json::from_slice(bytes).map_err(|error| match first {
            Some(b'{') if error.is_data() => refuse(-32_602, error.to_string()),
            _ if error.is_data() => refuse(-32_600, "a request is an object".to_owned()),
            _ => refuse(-32_700, format!("not JSON: {error}")),
        })
    }
}

/// The parameters that there are.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Params {
    #[serde(deserialize_with = "whole")]
    pub(crate) height: Option<u64>,
    #[serde(deserialize_with = "whole")]
    pub(crate) epoch: Option<u64>,
    #[serde(deserialize_with = "whole")]
    pub(crate) count: Option<u64>,
    #[serde(deserialize_with = "whole")]
    pub(crate) index: Option<u64>,
    #[serde(deserialize_with = "whole")]
    pub(crate) market: Option<u64>,
    #[serde(deserialize_with = "whole")]
    pub(crate) order: Option<u64>,
    pub(crate) vote: Option<String>,
    pub(crate) signature: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) account: Option<String>,
    pub(crate) request: Option<String>,
    pub(crate) submissions: Option<Submissions>,
}

/// Reads an object, and nothing by its place in a list; nothing at all if it is null.
fn named<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    struct Reader<T>(PhantomData<T>);
    impl<'de, T: DeserializeOwned + Default> Visitor<'de> for Reader<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("'params': an object, each parameter by its name")
        }

        fn visit_unit<E: Error>(self) -> Result<T, E> {
            Ok(T::default())
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map))
        }
    }
    deserializer.deserialize_any(Reader(PhantomData))
}

/// Reads a whole number, written as a number or as its digits in a string.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    struct Reader;
    impl Visitor<'_> for Reader {
        type Value = Option<u64>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number, or its digits in a string")
        }

        fn visit_unit<E: Error>(self) -> Result<Option<u64>, E> {
            Ok(None)
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<Option<u64>, E> {
            Ok(Some(value))
        }

        fn visit_str<E: Error>(self, value: &str) -> Result<Option<u64>, E> {
            let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            let read = value.parse().ok().filter(|_| digits);
            read.map(Some).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(value), &self))
        }
    }
    deserializer.deserialize_any(Reader)
}

/// A list of submissions, each bytes in a string.
#[derive(Debug)]
pub(crate) struct Submissions(pub(crate) Vec<String>);

/// What a client calls its request.
#[derive(Debug, Default)]
pub(crate) enum Id {
    #[default]
    Null,
    Number(i64),
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

            fn visit_unit<E: Error>(self) -> Result<Id, E> {
                Ok(Id::Null)
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Id, E> {
                Ok(Id::Number(value))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Id, E> {
                i64::try_from(value).map(Id::Number).map_err(E::custom)
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Id, E> {
                match value.len() <= ID_BYTES_MAX {
                    true => Ok(Id::Text(value.to_owned())),
                    false => Err(E::custom("'id' is too long")),
                }
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl<'de> Deserialize<'de> for Submissions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Submissions;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("'submissions': a list of bytes in strings")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut given: A) -> Result<Submissions, A::Error> {
                let mut held = Vec::new();
                while let Some(next) = given.next_element()? {
                    if held.len() >= SUBMISSIONS_MAX {
                        let most = format!("at most {SUBMISSIONS_MAX} submissions in one request");
                        return Err(A::Error::custom(most));
                    }
                    held.push(next);
                }
                Ok(Submissions(held))
            }
        }
        deserializer.deserialize_seq(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_method_has_is_passed_over_and_what_is_too_much_is_refused() {
        let read = |text: &str| serde_json::from_str::<Request>(text);
        let junk = "0,".repeat(1_000_000);
        let request = read(&format!(
            "{{\"id\":7,\"method\":\"status\",\"more\":[{junk}0],\"params\":{{\"x\":[{junk}1]}}}}"
        ));
        assert!(request.is_ok_and(|request| request.method.as_deref() == Some("status")));
        let many = "\"\",".repeat(SUBMISSIONS_MAX);
        let refused = read(&format!("{{\"params\":{{\"submissions\":[{many}\"\"]}}}}"));
        assert!(refused.is_err_and(|error| error.to_string().contains("at most 10000")));
        for id in ["[1]", "{}", "1.5", "true"] {
            assert!(read(&format!("{{\"id\":{id},\"method\":\"status\"}}")).is_err(), "{id}");
        }
        let deep = "[".repeat(100_000);
        assert!(read(&format!("{{\"x\":{deep}")).is_err());
    }

    #[test]
    fn a_batch_and_a_list_by_position_are_no_requests() {
        let code =
            |text: &str| Request::read(text.as_bytes()).map_or_else(|error| error.code, |_| 0);
        let one = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}";
        assert_eq!(code(one), 0);
        assert_eq!(code(&format!("[{one}]")), -32_600);
        assert_eq!(code(&format!(" \n[{one},{one}]")), -32_600);
        assert_eq!(code("[1,\"status\",{}]"), -32_600);
        assert_eq!(code("[]"), -32_600);
        assert_eq!(code("7"), -32_600);
        assert_eq!(code("{\"method\":\"follow\",\"params\":[1]}"), -32_602);
        assert_eq!(code("{\"method\":\"status\",\"params\":null}"), 0);
        assert_eq!(code("{\"method\":7}"), -32_602);
        assert_eq!(code("{nope"), -32_700);
        assert_eq!(code(""), -32_700);
        let told = Request::read(b"[]").expect_err("a batch").message;
        assert!(told.contains("no batches"), "{told}");
    }

    #[test]
    fn a_whole_number_may_stand_in_a_string_and_nothing_else_may() {
        let height = |text: &str| {
            let request = format!("{{\"method\":\"follow\",\"params\":{{\"height\":{text}}}}}");
            Request::read(request.as_bytes()).map(|request| request.params.height).ok()
        };
        assert_eq!(height("12"), Some(Some(12)));
        assert_eq!(height("\"12\""), Some(Some(12)));
        assert_eq!(height("null"), Some(None));
        for text in ["\"\"", "\"+1\"", "\"0x1\"", "-1", "1.0", "\"18446744073709551616\"", "[1]"] {
            assert_eq!(height(text), None, "{text}");
        }
    }
}
