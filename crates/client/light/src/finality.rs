//! A finality proof, the chain from a header to the signatures: that a quorum of the validators finalised a block that
//! names, directly or through its descendants, this header as the outcome of an earlier one.

use crate::{CertificateError, ConsensusHeader, Trust};
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::codec::{self, DecodeError, EncodeError};
use protocol::{Hash, Header};
use units::BlockHeight;

/// Most headers, and most ordered blocks, in one chain.
pub(crate) const CHAIN_MAX: usize = 256;
/// Longest certificate: that of the largest set of validators.
pub(crate) const CERTIFICATE_BYTES_MAX: usize = 32 << 10;
/// Longest encoded proof.
pub const FINALITY_PROOF_BYTES_MAX: usize = CHAIN_MAX * 512 + CERTIFICATE_BYTES_MAX;

/// A header with all that leads from it to the validators of one epoch. Unchecked until [`FinalityProof::verify`].
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct FinalityProof {
    /// Headers, ascending, each the child of the one before.
    pub headers: Vec<Header>,
    /// Ordered blocks, ascending, each the child of the one before; the first names the last header as executed.
    pub orders: Vec<ConsensusHeader>,
    /// The certificate that finalises the last of them.
    pub certificate: Vec<u8>,
}

/// Why a header is not shown to be final.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FinalityError {
    /// A number outside its limits.
    #[error("the chain holds a number outside its limits: {0}")]
    OutOfLimits(#[from] EncodeError),
    /// No headers, no ordered blocks, or too many.
    #[error("a chain of {headers} headers and {orders} ordered blocks is empty or too long")]
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
    /// The last ordered block is of another epoch than its certificate, or of a later round.
    #[error(
        "ordered block {order} is of round {named}, which a certificate of round {signed} does not finalise"
    )]
    RoundDiffers {
        /// Which ordered block.
        order: BlockHeight,
        /// The round in it.
        named: u64,
        /// The round that is signed.
        signed: u64,
    },
    /// The signatures.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

impl FinalityProof {
    /// Returns the bytes that [`Self::decode`] reads.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if a header holds a number that has no encoding.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        codec::encode(self)
    }

    /// Reads a proof without checking it.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, FINALITY_PROOF_BYTES_MAX)
    }

    /// Checks the chain against the list of the epoch that the certificate is of, and returns the header and the ordered
    /// block whose certificate was checked.
    ///
    /// # Errors
    ///
    /// [`FinalityError`], naming the first link that does not hold, from the signatures down.
    pub fn verify(&self, trust: &Trust) -> Result<(Header, ConsensusHeader), FinalityError> {
        check(trust, &self.headers, &self.orders, &self.certificate)
    }
}

/// Checks that ordered blocks with a certificate name the outcome that headers lead to; returns the first header and
/// the last ordered block.
pub(crate) fn check(
    trust: &Trust,
    headers: &[Header],
    orders: &[ConsensusHeader],
    certificate: &[u8],
) -> Result<(Header, ConsensusHeader), FinalityError> {
    let lengths = 1..=CHAIN_MAX;
    let length = || FinalityError::ChainLength { headers: headers.len(), orders: orders.len() };
    let (Some(first), Some(last), Some(order), Some(finalised)) =
        (headers.first(), headers.last(), orders.first(), orders.last())
    else {
        return Err(length());
    };
    if !lengths.contains(&headers.len()) || !lengths.contains(&orders.len()) {
        return Err(length());
    }
    let (named, signed) =
        (finalised.round, trust.verifier()?.signed_round(finalised.hash()?, certificate)?);
    // The last block of an epoch is proposed again, as it is, in later views: one of those may be the one that is signed.
    if epoch_of(named) != epoch_of(signed) || named > signed {
        return Err(FinalityError::RoundDiffers { order: finalised.height, named, signed });
    }
    for (parent, child) in orders.iter().zip(orders.iter().skip(1)) {
        if child.parent != parent.hash()? || Ok(child.height) != parent.height.next() {
            return Err(FinalityError::OrdersBroken(child.height));
        }
    }
    let found = last.hash()?;
    if order.executed != found || order.executed_height != last.height {
        let (at, named) = (order.executed_height, order.executed);
        return Err(FinalityError::OutcomeDiffers { order: order.height, at, named, found });
    }
    for (parent, child) in headers.iter().zip(headers.iter().skip(1)) {
        if child.parent != parent.hash()? || Ok(child.height) != parent.height.next() {
            return Err(FinalityError::HeadersBroken(child.height));
        }
    }
    Ok((*first, *finalised))
}

const fn epoch_of(round: u64) -> u64 {
    round >> 32
}
