//! An answer that proves itself: one file from which a client that holds the anchor sees what a record was.
//!
//! ```text
//! magic "NVANSWER" · body (canonical encoding of the fields, in order) · check 8
//! ```
//!
//! The check is the beginning of the SHA-256 of all before it; it guards against accidents, the signatures against
//! forgers.

use crate::evidence::{self, CERTIFICATE_BYTES_MAX, CHAIN_MAX};
use crate::{Anchor, EvidenceError, OrderHeader};
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::codec::{self, DecodeError, EncodeError};
use protocol::{Hash, Header};
use store::{Claim, PROOF_BYTES_MAX, Proof, ProofError, StateRoot};
use units::{BlockHeight, BlockTime};

/// Opens every answer.
const MAGIC: &[u8; 8] = b"NVANSWER";
/// Bytes of the check at the end.
const CHECK_BYTES: usize = 8;
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
    /// The chain from the header to the signatures.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
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
        let (first, finalised) =
            evidence::check(anchor, &self.headers, &self.orders, &self.certificate)?;
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
