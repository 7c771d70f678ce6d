//! A request as it is read: only the fields that a method has, each within its bounds, so that what is sent to be
//! ignored takes no memory.

use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;

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
    #[serde(default)]
    pub(crate) params: Params,
}

/// The parameters that there are.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Params {
    pub(crate) height: Option<u64>,
    pub(crate) epoch: Option<u64>,
    pub(crate) count: Option<u64>,
    pub(crate) index: Option<u64>,
    pub(crate) market: Option<u64>,
    pub(crate) order: Option<u64>,
    pub(crate) vote: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) account: Option<String>,
    pub(crate) request: Option<String>,
    pub(crate) submissions: Option<Submissions>,
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
}
