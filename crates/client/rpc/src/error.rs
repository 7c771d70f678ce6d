//! Why a request is refused: one table of codes, and what stands on the wire.

use serde::{Deserialize, Serialize};

/// The kinds of refusal, by code. The first four are those of JSON-RPC 2.0; codes are stable and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The body is not JSON.
    ParseError,
    /// It is JSON, and no request.
    InvalidRequest,
    /// There is no such method here.
    MethodNotFound,
    /// A parameter is missing, or is not what it must be; the message names it, if it is one of the method's.
    InvalidParams,
    /// The rate limit of the asker's address is spent.
    LimitExceeded,
    /// It was well asked, and there is no answer; the message says why.
    Unavailable,
}

/// A row of the table of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorRow {
    /// Which kind.
    pub code: ErrorCode,
    /// Its name, as in the source.
    pub name: &'static str,
    /// When it is answered.
    pub meaning: &'static str,
    /// What whoever asked may do.
    pub remedy: &'static str,
}

/// Every code.
pub const ERRORS: &[ErrorRow] = &[
    ErrorRow {
        code: ErrorCode::ParseError,
        name: "ParseError",
        meaning: "The body is not JSON.",
        remedy: "Send one JSON object, whole and in UTF-8.",
    },
    ErrorRow {
        code: ErrorCode::InvalidRequest,
        name: "InvalidRequest",
        meaning: "It is JSON and no request: a batch, a list, or an object without `method`.",
        remedy: "Send one object with `method` and `params` for each request.",
    },
    ErrorRow {
        code: ErrorCode::MethodNotFound,
        name: "MethodNotFound",
        meaning: "There is no such method, or not at this door; the message lists those that there are.",
        remedy: "Look at `rpc.discover`; ask for `feed` at the operator's socket.",
    },
    ErrorRow {
        code: ErrorCode::InvalidParams,
        name: "InvalidParams",
        meaning: "`params`, `id` or `method` is not of its kind, or a parameter is missing, or not what it must be. \
                  The message names a parameter of the method.",
        remedy: "Correct the parameter; the same request is refused again.",
    },
    ErrorRow {
        code: ErrorCode::LimitExceeded,
        name: "LimitExceeded",
        meaning: "The rate limit of the address is spent: the answer would wait for more than two seconds.",
        remedy: "Ask again later and more slowly, or for what costs less.",
    },
    ErrorRow {
        code: ErrorCode::Unavailable,
        name: "Unavailable",
        meaning: "It was well asked, and there is no answer here: the block is too new or too old, nothing has certified \
                  it in time, the validator has halted, a report is not wanted. The message says which.",
        remedy: "Wait for a block and ask again, or ask another validator, as the message says.",
    },
];

impl ErrorCode {
    /// Returns the number that stands on the wire.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::ParseError => -32_700,
            Self::InvalidRequest => -32_600,
            Self::MethodNotFound => -32_601,
            Self::InvalidParams => -32_602,
            Self::LimitExceeded => -32_005,
            Self::Unavailable => -32_000,
        }
    }

    /// Returns the kind of a number; `None` for one that this version does not know.
    #[must_use]
    pub fn of(number: i32) -> Option<Self> {
        ERRORS.iter().map(|row| row.code).find(|code| code.number() == number)
    }
}

/// A refusal as it stands on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// The number of an [`ErrorCode`].
    pub code: i32,
    /// What is wrong, in words for people: lower case, no full stop.
    pub message: String,
}

impl Error {
    /// Returns a refusal of a kind.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl ToString) -> Self {
        Self { code: code.number(), message: message.to_string() }
    }

    /// Returns the refusal of a parameter, which is named.
    #[must_use]
    pub fn param(name: &str, wrong: impl ToString) -> Self {
        Self::new(ErrorCode::InvalidParams, format!("'{name}': {}", wrong.to_string()))
    }

    /// Returns what says that there is no answer, though it was well asked.
    #[must_use]
    pub fn unavailable(why: impl ToString) -> Self {
        Self::new(ErrorCode::Unavailable, why)
    }

    /// Returns the kind of the refusal; `None` if this version does not know its code.
    #[must_use]
    pub fn kind(&self) -> Option<ErrorCode> {
        ErrorCode::of(self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// A code that has been published keeps its meaning: a row is added, never changed.
    #[test]
    fn codes_are_those_that_clients_know() {
        let codes: Vec<_> = ERRORS.iter().map(|row| (row.code.number(), row.name)).collect();
        assert_eq!(
            codes,
            [
                (-32_700, "ParseError"),
                (-32_600, "InvalidRequest"),
                (-32_601, "MethodNotFound"),
                (-32_602, "InvalidParams"),
                (-32_005, "LimitExceeded"),
                (-32_000, "Unavailable"),
            ]
        );
        let numbers: BTreeSet<i32> = codes.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers.len(), codes.len(), "each has its own");
    }

    #[test]
    fn a_code_is_found_by_its_number_and_by_no_other() {
        for row in ERRORS {
            assert_eq!(ErrorCode::of(row.code.number()), Some(row.code), "{}", row.name);
            assert_eq!(format!("{:?}", row.code), row.name);
        }
        assert_eq!(ErrorCode::of(0), None);
        assert_eq!(Error { code: -32_099, message: String::new() }.kind(), None);
    }
}
