//! How numbers, bytes and names stand in JSON, and how they are read within their bounds.

use protocol::{decode_hex, encode_hex};
use serde::de::{Deserializer, Error, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;

/// Most submissions in one request.
pub const SUBMISSIONS_MAX: usize = 10_000;

/// Bytes: in text `0x` and two hexadecimal digits for each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&encode_hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes in a string")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Bytes, E> {
                decode_hex(text).map(Bytes).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Reader)
    }
}

/// So many bytes and no other number: a hash has 32, an address 20, a signature 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed<const N: usize>(pub [u8; N]);

impl<const N: usize> Serialize for Fixed<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&encode_hex(&self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Fixed<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Bytes(given) = Bytes::deserialize(deserializer)?;
        let length = given.len();
        let fixed = <[u8; N]>::try_from(given);
        fixed.map(Self).map_err(|_| D::Error::custom(format!("it has {N} bytes, not {length}")))
    }
}

impl From<protocol::Hash> for Fixed<32> {
    fn from(hash: protocol::Hash) -> Self {
        Self(*hash.bytes())
    }
}

impl From<Fixed<32>> for protocol::Hash {
    fn from(Fixed(bytes): Fixed<32>) -> Self {
        Self::new(bytes)
    }
}

impl From<protocol::SessionKey> for Fixed<32> {
    fn from(key: protocol::SessionKey) -> Self {
        Self(*key.bytes())
    }
}

impl From<protocol::Address> for Fixed<20> {
    fn from(address: protocol::Address) -> Self {
        Self(*address.bytes())
    }
}

/// Reads a whole number, written as a number or as its digits in a string: there are languages whose numbers have 53 bits.
pub(crate) fn whole<'de, D, N>(deserializer: D) -> Result<N, D::Error>
where
    D: Deserializer<'de>,
    N: TryFrom<u64>,
{
    struct Reader<N>(PhantomData<N>);
    impl<N: TryFrom<u64>> Visitor<'_> for Reader<N> {
        type Value = N;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let bits = 8 * size_of::<N>();
            write!(f, "a whole number below 2^{bits}, or its digits in a string")
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<N, E> {
            let unexpected = Unexpected::Unsigned(value);
            N::try_from(value).map_err(|_| E::invalid_value(unexpected, &self))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<N, E> {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            let read = text.parse::<u64>().ok().filter(|_| digits);
            let read = read.and_then(|value| N::try_from(value).ok());
            read.ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
        }
    }
    deserializer.deserialize_any(Reader(PhantomData))
}

/// Reads a whole number, or `null` as none.
pub(crate) fn whole_or_none<'de, D, N>(deserializer: D) -> Result<Option<N>, D::Error>
where
    D: Deserializer<'de>,
    N: TryFrom<u64>,
{
    struct Reader<N>(PhantomData<N>);
    impl<'de, N: TryFrom<u64>> Visitor<'de> for Reader<N> {
        type Value = Option<N>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number, its digits in a string, or null")
        }

        fn visit_unit<E: Error>(self) -> Result<Option<N>, E> {
            Ok(None)
        }

        fn visit_none<E: Error>(self) -> Result<Option<N>, E> {
            Ok(None)
        }

        fn visit_some<D: Deserializer<'de>>(self, given: D) -> Result<Option<N>, D::Error> {
            whole(given).map(Some)
        }
    }
    deserializer.deserialize_option(Reader(PhantomData))
}

/// Reads the epoch of the asker's list of validators: without one, the network's first.
pub(crate) fn epoch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    whole_or_none(deserializer).map(Option::unwrap_or_default)
}

/// Reads a list of submissions, no more than there may be.
pub(crate) fn submissions<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Bytes>, D::Error> {
    struct Reader;
    impl<'de> Visitor<'de> for Reader {
        type Value = Vec<Bytes>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of bytes in strings")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut given: A) -> Result<Vec<Bytes>, A::Error> {
            let mut read = Vec::new();
            while let Some(next) = given.next_element()? {
                if read.len() >= SUBMISSIONS_MAX {
                    let most = format!("at most {SUBMISSIONS_MAX} submissions in one request");
                    return Err(A::Error::custom(most));
                }
                read.push(next);
            }
            Ok(read)
        }
    }
    deserializer.deserialize_seq(Reader)
}

/// A value that stands in JSON as the text that it prints as.
pub(crate) mod text {
    use serde::de::{Deserialize as _, Deserializer, Error};
    use serde::ser::Serializer;
    use std::fmt::Display;
    use std::str::FromStr;

    pub(crate) fn serialize<T, S>(value: &T, serializer: S) -> Result<S::Ok, S::Error>
    where
        T: Display,
        S: Serializer,
    {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_may_stand_in_a_string_and_nothing_else_may() {
        let read = |text: &str| {
            let mut deserializer = serde_json::Deserializer::from_str(text);
            whole::<_, u64>(&mut deserializer).ok()
        };
        assert_eq!(read("12"), Some(12));
        assert_eq!(read("\"12\""), Some(12));
        assert_eq!(read("18446744073709551615"), Some(u64::MAX));
        for text in ["\"\"", "\"+1\"", "\"0x1\"", "-1", "1.0", "\"18446744073709551616\"", "[1]"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_number_beyond_its_type_is_refused_and_never_cut() {
        let read = |text: &str| {
            let mut deserializer = serde_json::Deserializer::from_str(text);
            whole::<_, u32>(&mut deserializer).map_err(|error| error.to_string())
        };
        assert_eq!(read("4294967295"), Ok(u32::MAX));
        for text in ["4294967296", "\"4294967296\""] {
            let told = read(text).expect_err("too large");
            assert!(told.contains("a whole number below 2^32"), "{told}");
        }
    }

    #[test]
    fn null_is_no_number_where_one_may_be_left_out_and_refused_elsewhere() {
        let optional = |text: &str| {
            let mut deserializer = serde_json::Deserializer::from_str(text);
            whole_or_none::<_, u64>(&mut deserializer).ok()
        };
        assert_eq!(optional("null"), Some(None));
        assert_eq!(optional("\"7\""), Some(Some(7)));
        assert_eq!(optional("true"), None);
        assert!(whole::<_, u64>(&mut serde_json::Deserializer::from_str("null")).is_err());
    }

    #[test]
    fn bytes_of_a_fixed_number_are_no_fewer_and_no_more() {
        let read = |text: &str| serde_json::from_str::<Fixed<2>>(text);
        assert_eq!(read("\"0x01ff\"").ok(), Some(Fixed([1, 255])));
        for text in ["\"0x01\"", "\"0x010203\"", "\"01ff\"", "[1,255]", "null"] {
            assert!(read(text).is_err(), "{text}");
        }
        let told = read("\"0x01\"").expect_err("one byte").to_string();
        assert!(told.contains("it has 2 bytes, not 1"), "{told}");
    }
}
