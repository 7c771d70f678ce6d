//! An answer that proves itself: one file from which a client that holds the anchor sees what a record was.
//!
//! ```text
//! magic "NVANSWER" · body (canonical encoding of the fields, in order) · check 8
//! ```
//!
//! The check is the beginning of the SHA-256 of all before it; it guards against accidents, the signatures against
//! forgers.

use crate::{Anchor, CertificateError, OrderHeader, Verifier};
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::codec::{self, DecodeError, EncodeError};
use protocol::{Hash, Header};
use store::{Claim, PROOF_BYTES_MAX, Proof, ProofError, StateRoot};
use units::{BlockHeight, BlockTime};

/// Opens every answer.
const MAGIC: &[u8; 8] = b"NVANSWER";
/// Bytes of the check at the end.
const CHECK_BYTES: usize = 8;
/// Most headers, and most ordered blocks, in one answer.
const CHAIN_MAX: usize = 256;
/// Longest certificate: that of the largest set of validators.
const CERTIFICATE_BYTES_MAX: usize = 32 << 10;
/// Longest answer.
pub const ANSWER_BYTES_MAX: usize =
    MAGIC.len() + PROOF_BYTES_MAX + CHAIN_MAX * 512 + CERTIFICATE_BYTES_MAX + CHECK_BYTES;

/// A record, or its absence, with all that leads from it to the anchor. Unchecked until [`Answer::verify`].
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Answer {
    /// The store's proof of the record under the state root of the first header.
    pub proof: Vec<u8>,
    /// Headers, ascending, each the child of the one before.
    pub headers: Vec<Header>,
    /// Ordered blocks, ascending, each the child of the one before; the first names the last header as executed.
    pub orders: Vec<OrderHeader>,
    /// The certificate that finalises the last of them.
    pub certificate: Vec<u8>,
}

/// What an answer has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// After which block it held.
    pub height: BlockHeight,
    /// The time of that block.
    pub time: BlockTime,
    /// The state root after it.
    pub state_root: Hash,
    /// The finalised block whose certificate was checked.
    pub finalised: BlockHeight,
    /// The encoded key that it speaks of.
    pub key: Vec<u8>,
    /// What holds for the key.
    pub claim: Claim,
}

/// Why an answer is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The bytes do not begin like an answer.
    #[error("not an answer file: pass the bytes exactly as the node sent them")]
    NotAnAnswer,
    /// The bytes are damaged.
    #[error("the answer is damaged: ask for it again")]
    Damaged,
    /// The fields cannot be read.
    #[error("the answer cannot be read: {0}")]
    Unreadable(#[from] DecodeError),
    /// A number outside its limits.
    #[error("the answer holds a number outside its limits: {0}")]
    OutOfLimits(#[from] EncodeError),
    /// No headers, no ordered blocks, or too many.
    #[error(
        "the answer's chain of {headers} headers and {orders} ordered blocks is empty or too long"
    )]
    ChainLength {
        /// Headers given.
        headers: usize,
        /// Ordered blocks given.
        orders: usize,
    },
    /// A header that is not the child of the one before.
    #[error("header {0} is not the child of the one before")]
    HeadersBroken(BlockHeight),
    /// An ordered block that is not the child of the one before.
    #[error("ordered block {0} is not the child of the one before")]
    OrdersBroken(BlockHeight),
    /// The ordered block names another outcome.
    #[error("ordered block {order} names outcome {named} at {at}, but the headers lead to {found}")]
    OutcomeDiffers {
        /// Which ordered block.
        order: BlockHeight,
        /// At which height it names one.
        at: BlockHeight,
        /// The hash that it names.
        named: Hash,
        /// The hash of the last header.
        found: Hash,
    },
    /// The signatures.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The proof of the record.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The proof says another height than its header.
    #[error("the record's proof is of height {proof}, but its header of height {header}")]
    HeightDiffers {
        /// The proof's.
        proof: u64,
        /// The header's.
        header: BlockHeight,
    },
}

impl Answer {
    /// Returns the bytes that a file of this answer holds.
    ///
    /// # Errors
    ///
    /// [`AnswerError::OutOfLimits`] if a header holds a number that has no encoding.
    pub fn encode(&self) -> Result<Vec<u8>, AnswerError> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(codec::encode(self)?);
        let check = check_of(&bytes);
        bytes.extend(check);
        Ok(bytes)
    }

    /// Reads an answer without checking what it claims.
    ///
    /// # Errors
    ///
    /// [`AnswerError::NotAnAnswer`], [`AnswerError::Damaged`] or [`AnswerError::Unreadable`].
    pub fn decode(bytes: &[u8]) -> Result<Self, AnswerError> {
        if !bytes.starts_with(MAGIC) {
            return Err(AnswerError::NotAnAnswer);
        }
        let (whole, check) = bytes.split_last_chunk::<CHECK_BYTES>().ok_or(AnswerError::Damaged)?;
        if *check != check_of(whole) {
            return Err(AnswerError::Damaged);
        }
        let body = whole.strip_prefix(MAGIC).ok_or(AnswerError::NotAnAnswer)?;
        Ok(codec::decode(body, ANSWER_BYTES_MAX)?)
    }

    /// Checks the whole chain from the record to the signatures, and returns what it shows.
    ///
    /// # Errors
    ///
    /// [`AnswerError`], naming the first link that does not hold, from the signatures down.
    pub fn verify(&self, anchor: &Anchor) -> Result<Shown, AnswerError> {
        let lengths = 1..=CHAIN_MAX;
        let (Some(first), Some(last), Some(order), Some(finalised)) =
            (self.headers.first(), self.headers.last(), self.orders.first(), self.orders.last())
        else {
            return Err(self.chain_length());
        };
        if !lengths.contains(&self.headers.len()) || !lengths.contains(&self.orders.len()) {
            return Err(self.chain_length());
        }
        Verifier::new(anchor)?.verify(finalised.hash()?, &self.certificate)?;
        for (parent, child) in self.orders.iter().zip(self.orders.iter().skip(1)) {
            if child.parent != parent.hash()? || Ok(child.height) != parent.height.next() {
                return Err(AnswerError::OrdersBroken(child.height));
            }
        }
        let found = last.hash()?;
        if order.executed != found || order.executed_height != last.height {
            let (at, named) = (order.executed_height, order.executed);
            return Err(AnswerError::OutcomeDiffers { order: order.height, at, named, found });
        }
        for (parent, child) in self.headers.iter().zip(self.headers.iter().skip(1)) {
            if child.parent != parent.hash()? || Ok(child.height) != parent.height.next() {
                return Err(AnswerError::HeadersBroken(child.height));
            }
        }
        let proof = Proof::decode(&self.proof)?;
        let verified = proof.verify(StateRoot::from_bytes(*first.state_root.bytes()))?;
        if i128::from(verified.height) != first.height.blocks() {
            let (proof, header) = (verified.height, first.height);
            return Err(AnswerError::HeightDiffers { proof, header });
        }
        Ok(Shown {
            height: first.height,
            time: first.time,
            state_root: first.state_root,
            finalised: finalised.height,
            key: verified.key,
            claim: verified.claim,
        })
    }

    fn chain_length(&self) -> AnswerError {
        AnswerError::ChainLength { headers: self.headers.len(), orders: self.orders.len() }
    }
}

/// Whether bytes begin like an answer, as opposed to a bare proof.
#[must_use]
pub fn is_answer(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

fn check_of(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let [a, b, c, d, e, f, g, h, ..] = *Hash::of("answer", bytes).bytes();
    [a, b, c, d, e, f, g, h]
}
