//! Messages of the protocol: one value, one encoding, and nothing longer than its bound.

use crate::Answer;
use crate::generate::Generate;
use crate::random::Random;
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::codec::{DecodeError, decode, encode};
use protocol::{Block, Event, Header, Receipt, Transaction, limits};
use std::fmt::Debug;

/// Values of each type to begin with.
const SEEDS: usize = 64;

/// Decodes, and holds what is accepted against the promises of the codec.
pub(crate) fn canonical<T: BorshSerialize + BorshDeserialize + Debug>(bytes: &[u8]) -> Answer {
    let decoded = decode::<T>(bytes, limits::BLOCK_BYTES_MAX);
    if let Ok(value) = &decoded {
        let again = encode(value).expect("what decodes is inside its limits");
        assert_eq!(again, bytes, "two encodings of {value:?}");
        let limit = bytes.len() - 1;
        let shorter = decode::<T>(bytes, limit).expect_err("the limit holds");
        assert_eq!(shorter, DecodeError::TooLong { length: bytes.len(), limit });
    }
    Answer::of(&decoded)
}

/// Returns encodings of generated values.
fn generated<T: Generate + BorshSerialize>(name: &str) -> Vec<Vec<u8>> {
    let mut random = Random::named(name);
    (0..SEEDS)
        .map(|_| encode(&T::generate(&mut random)).expect("it is inside its limits"))
        .collect()
}

pub(crate) fn block(bytes: &[u8]) -> Answer {
    canonical::<Block>(bytes)
}

pub(crate) fn blocks() -> Vec<Vec<u8>> {
    generated::<Block>("Block")
}

pub(crate) fn transaction(bytes: &[u8]) -> Answer {
    canonical::<Transaction>(bytes)
}

pub(crate) fn transactions() -> Vec<Vec<u8>> {
    generated::<Transaction>("Transaction")
}

pub(crate) fn header(bytes: &[u8]) -> Answer {
    canonical::<Header>(bytes)
}

pub(crate) fn headers() -> Vec<Vec<u8>> {
    generated::<Header>("Header")
}

pub(crate) fn event(bytes: &[u8]) -> Answer {
    canonical::<Event>(bytes)
}

pub(crate) fn events() -> Vec<Vec<u8>> {
    generated::<Event>("Event")
}

pub(crate) fn receipt(bytes: &[u8]) -> Answer {
    canonical::<Receipt>(bytes)
}

pub(crate) fn receipts() -> Vec<Vec<u8>> {
    generated::<Receipt>("Receipt")
}
