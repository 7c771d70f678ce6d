//! A step from the validators of one epoch to those of the next: the light client's update of the validator set.
//!
//! The record of the committee under any header that a certificate of epoch `e` finalises names the validators of
//! `e + 1`. One of `e - 1`, which a certificate of `e` finalises too, names those of `e`, and is refused.

use crate::anchor::are_validators;
use crate::finality::{self, CERTIFICATE_BYTES_MAX, CHAIN_MAX};
use crate::{ConsensusHeader, FinalityError, Trust, Validator};
use borsh::io::{self, Read};
use borsh::{BorshDeserialize, BorshSerialize};
use machine::{CommitteeRecord, StateKey};
use protocol::codec::{self, DecodeError, EncodeError};
use protocol::{Header, Seat};
use state_proof::{
    Claim, KEY_BYTES_MAX, PROOF_BYTES_MAX, Proof, ProofError, RECORD_BYTES_MAX, StateRoot,
};
use units::BlockHeight;

/// Longest record of a committee: four sets of as many seats as there may be.
const RECORD_MAX: usize = 64 << 10;
/// Longest encoded step.
pub const STEP_BYTES_MAX: usize =
    CHAIN_MAX * 512 + CERTIFICATE_BYTES_MAX + PROOF_BYTES_MAX - RECORD_BYTES_MAX + RECORD_MAX;
/// Most steps in one answer: who is further behind follows in parts, or gets a newer list.
pub const STEPS_MAX: usize = 4_096;
/// Most bytes of all steps in one answer.
pub const STEPS_BYTES_MAX: usize = 16 << 20;

/// The record of the committee in an epoch, with all that leads from it to the validators of that epoch; it shows those
/// of the next. Unchecked until [`Trust::follow`].
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Step {
    /// Headers, ascending, each the child of the one before; the first is of the epoch.
    pub headers: Vec<Header>,
    /// Ordered blocks, ascending, each the child of the one before; the first names the last header as executed.
    pub orders: Vec<ConsensusHeader>,
    /// The certificate of the epoch that finalises the last of them.
    pub certificate: Vec<u8>,
    /// The store's proof of the committee's record under the first header's state root.
    pub proof: Vec<u8>,
}

/// Why a step is refused; `epoch` is that of the list that was to follow it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// The chain from the header to the signatures.
    #[error("the step of epoch {epoch} does not hold: {source}")]
    Finality {
        /// Of which list.
        epoch: u64,
        /// Which link.
        source: Box<FinalityError>,
    },
    /// The proof of the record.
    #[error("the step of epoch {epoch} does not hold: {source}")]
    Proof {
        /// Of which list.
        epoch: u64,
        /// What of it.
        source: ProofError,
    },
    /// The proof says another height than its header.
    #[error(
        "the step of epoch {epoch} has a proof of height {proof}, but a header of height {header}"
    )]
    HeightDiffers {
        /// Of which list.
        epoch: u64,
        /// The proof's.
        proof: u64,
        /// The header's.
        header: BlockHeight,
    },
    /// A proof of another record.
    #[error("the step of epoch {epoch} proves another record than the committee's")]
    OtherRecord {
        /// Of which list.
        epoch: u64,
    },
    /// A proof that there is no committee.
    #[error("the step of epoch {epoch} proves that there is no committee")]
    NoCommittee {
        /// Of which list.
        epoch: u64,
    },
    /// The record cannot be read.
    #[error("the committee's record in the step of epoch {epoch} cannot be read: {source}")]
    Unreadable {
        /// Of which list.
        epoch: u64,
        /// Why.
        source: DecodeError,
    },
    /// The record is of another epoch than the certificate.
    #[error(
        "the step of epoch {epoch} holds the committee's record of epoch {found}, which does not show the next validators"
    )]
    OtherEpoch {
        /// Of which list.
        epoch: u64,
        /// The record's.
        found: u64,
    },
    /// The record names others than the list for the same epoch.
    #[error(
        "the validators of epoch {epoch} are others than the list says: compare it with somebody you trust"
    )]
    OtherValidators {
        /// Of which list.
        epoch: u64,
    },
    /// The next validators are none, too many, out of order or doubled.
    #[error("the step of epoch {epoch} shows no list of validators for the next")]
    NextUnusable {
        /// Of which list.
        epoch: u64,
    },
    /// There is no epoch after this one.
    #[error("epoch {epoch} is the last that a list can be of")]
    Last {
        /// Of which list.
        epoch: u64,
    },
    /// More steps than are followed at once.
    #[error("{steps} steps from epoch {epoch} on are more than {STEPS_MAX}: follow them in parts")]
    TooMany {
        /// Of which list.
        epoch: u64,
        /// How many.
        steps: usize,
    },
}

impl Step {
    /// Returns the bytes that [`Self::decode`] reads.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if a header holds a number that has no encoding.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        codec::encode(self)
    }

    /// Reads a step without checking it.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, STEP_BYTES_MAX)
    }

    /// Returns the validators of the epoch after the list's, from the signatures down.
    pub(crate) fn shown(&self, trust: &Trust) -> Result<Vec<Validator>, StepError> {
        let epoch = trust.epoch;
        let (first, _) = finality::check(trust, &self.headers, &self.orders, &self.certificate)
            .map_err(|source| StepError::Finality { epoch, source: Box::new(source) })?;
        let record = self.record(epoch, &first)?;
        if record.epoch != epoch {
            return Err(StepError::OtherEpoch { epoch, found: record.epoch });
        }
        if seated(&record.present) != trust.validators {
            return Err(StepError::OtherValidators { epoch });
        }
        let next = seated(&record.next);
        if are_validators(&next) { Ok(next) } else { Err(StepError::NextUnusable { epoch }) }
    }

    /// Returns the committee's record under a header.
    fn record(&self, epoch: u64, header: &Header) -> Result<CommitteeRecord, StepError> {
        let refuse = |source| StepError::Proof { epoch, source };
        let root = StateRoot::from_bytes(*header.state_root.bytes());
        let verified =
            Proof::decode(&self.proof).and_then(|proof| proof.verify(root)).map_err(refuse)?;
        if i128::from(verified.height) != header.height.blocks() {
            let (proof, header) = (verified.height, header.height);
            return Err(StepError::HeightDiffers { epoch, proof, header });
        }
        if codec::decode(&verified.key, KEY_BYTES_MAX) != Ok(StateKey::Committee) {
            return Err(StepError::OtherRecord { epoch });
        }
        let Claim::Present(record) = verified.claim else {
            return Err(StepError::NoCommittee { epoch });
        };
        codec::decode(&record, RECORD_MAX).map_err(|source| StepError::Unreadable { epoch, source })
    }
}

fn seated(seats: &[Seat]) -> Vec<Validator> {
    seats.iter().map(|seat| Validator { id: seat.validator, key: seat.key }).collect()
}

/// Reads the steps of an answer: no more of them, no longer ones, and no more bytes in all than there may be.
pub(crate) fn read_all<R: Read>(reader: &mut R) -> io::Result<Vec<Step>> {
    let count = u32::deserialize_reader(reader)?;
    if usize::try_from(count).is_ok_and(|count| count > STEPS_MAX) {
        let message = format!("{count} steps, but at most {STEPS_MAX} are read");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    let mut all = reader.by_ref().take(u64::try_from(STEPS_BYTES_MAX).unwrap_or(u64::MAX));
    let longest = u64::try_from(STEP_BYTES_MAX).unwrap_or(u64::MAX);
    (0..count).map(|_| Step::deserialize_reader(&mut all.by_ref().take(longest))).collect()
}

/// Whether [`read_all`] reads so many steps, and so long ones.
pub(crate) fn are_read(steps: &[Step]) -> bool {
    let lengths = steps.iter().map(|step| borsh::object_length(step).ok());
    let mut all = lengths.map(|length| length.filter(|length| *length <= STEP_BYTES_MAX));
    let all = all.try_fold(0_usize, |sum, length| sum.checked_add(length?));
    steps.len() <= STEPS_MAX && all.is_some_and(|sum| sum <= STEPS_BYTES_MAX)
}
