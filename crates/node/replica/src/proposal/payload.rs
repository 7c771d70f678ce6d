//! What a block says, its body: reports of validators and submissions of clients, and the rules that both obey.
//!
//! **Invariant:** a payload that opens becomes one block of the machine, the same on every validator; one that does not
//! gets no honest vote.

use crate::consensus::block::PAYLOAD_BYTES_MAX;
use crate::consensus::committee::{Committees, Report};
use crate::consensus::evidence::{self, Evidence, PIECES_MAX};
use crate::consensus::sizes::report_fits;
use access::{Invalid, Network, Read};
use borsh::{BorshDeserialize, BorshSerialize};
use light::ConsensusHeader;
use protocol::codec::{self, DecodeError, EncodeError};
use protocol::{Block, Hash, Transaction, ValidatorId, Vote, limits};
use std::collections::BTreeSet;

/// The contents of a block.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Payload {
    /// Ascending by validator.
    pub(crate) reports: Vec<Report>,
    /// Ascending by validator.
    pub(crate) evidence: Vec<Evidence>,
    /// As clients handed them in.
    pub(crate) submissions: Vec<Vec<u8>>,
}

/// A payload that obeys the rules.
#[derive(Debug)]
pub(crate) struct Contents {
    /// What the machine is given.
    pub(crate) block: Block,
    /// Names of the submissions.
    pub(crate) names: Vec<Hash>,
}

/// Why a payload gets no vote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PayloadError {
    #[error("not a payload: {0}")]
    Malformed(#[from] DecodeError),
    #[error("reports must be ascending by validator, one each")]
    ReportsOutOfOrder,
    #[error("the report of validator {0} is for another block")]
    ReportOfAnotherBlock(ValidatorId),
    #[error("the report of validator {0} is longer than its share of a block")]
    ReportTooLong(ValidatorId),
    #[error("the report of validator {0} is not signed by it")]
    ReportForged(ValidatorId),
    #[error("evidence must be ascending by validator, one piece each, and at most {PIECES_MAX}")]
    EvidenceOutOfOrder,
    #[error("the evidence against validator {0} proves nothing")]
    EvidenceUnproved(ValidatorId),
    #[error("{0} submissions are too many for a block")]
    TooManySubmissions(usize),
    #[error("submission {0} stands in the block twice")]
    SubmissionTwice(Hash),
    #[error("submission {at}: {why}")]
    Submission { at: usize, why: Invalid },
    #[error("{0} commands are too many for a block")]
    TooManyCommands(usize),
}

impl Payload {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, PayloadError> {
        Ok(codec::decode(bytes, PAYLOAD_BYTES_MAX)?)
    }

    /// Returns the encoding of a payload of all reports and all evidence, and of the submissions that are told to fit into
    /// so many bytes, four more for each than its own. Reports and evidence that may stand in a block leave room for some.
    pub(crate) fn gather(
        reports: Vec<Report>,
        evidence: Vec<Evidence>,
        submissions: impl FnOnce(usize) -> Vec<Vec<u8>>,
    ) -> Result<Vec<u8>, EncodeError> {
        let payload = Self { reports, evidence, submissions: Vec::new() };
        let room = PAYLOAD_BYTES_MAX.saturating_sub(codec::encode(&payload)?.len());
        codec::encode(&Self { submissions: submissions(room), ..payload })
    }

    /// Checks every rule that needs no state.
    pub(crate) fn check(
        &self,
        header: &ConsensusHeader,
        committees: &Committees,
    ) -> Result<(), PayloadError> {
        if !self.reports.is_sorted_by(|a, b| a.vote.validator < b.vote.validator) {
            return Err(PayloadError::ReportsOutOfOrder);
        }
        for report in &self.reports {
            let validator = report.vote.validator;
            if report.height != header.height {
                return Err(PayloadError::ReportOfAnotherBlock(validator));
            }
            let validators = committees.reporters(report.height).unwrap_or(usize::MAX);
            if !report_fits(report, validators) {
                return Err(PayloadError::ReportTooLong(validator));
            }
            if !committees.is_genuine(report) {
                return Err(PayloadError::ReportForged(validator));
            }
        }
        let accused = |piece: &Evidence| piece.offence.validator;
        let ascending = self.evidence.is_sorted_by(|a, b| accused(a) < accused(b));
        if !ascending || self.evidence.len() > PIECES_MAX {
            return Err(PayloadError::EvidenceOutOfOrder);
        }
        let holds = |piece: &&Evidence| {
            evidence::counts(piece.offence.round, header.round) && piece.is_proved(committees)
        };
        if let Some(piece) = self.evidence.iter().find(|piece| !holds(piece)) {
            return Err(PayloadError::EvidenceUnproved(accused(piece)));
        }
        Ok(())
    }

    /// Opens every submission and returns the machine's block. The signatures of those that are not known to be genuine
    /// are checked, all at once.
    ///
    /// spec 0027-ACC-002, 0027-ACC-008.
    pub(crate) fn open(
        self,
        header: &ConsensusHeader,
        network: &Network,
        is_genuine: impl Fn(&Hash) -> bool,
    ) -> Result<Contents, PayloadError> {
        if self.submissions.len() > limits::TRANSACTIONS_PER_BLOCK_MAX {
            return Err(PayloadError::TooManySubmissions(self.submissions.len()));
        }
        let mut seen = BTreeSet::new();
        let mut read: Vec<Read> = Vec::new();
        for (at, submission) in self.submissions.iter().enumerate() {
            let held = access::read(network, submission)
                .map_err(|why| PayloadError::Submission { at, why })?;
            if !seen.insert(held.name) {
                return Err(PayloadError::SubmissionTwice(held.name));
            }
            read.push(held);
        }
        let commands = read.iter().map(|held| held.commands.len()).sum();
        if commands > limits::TRANSACTIONS_PER_BLOCK_MAX {
            return Err(PayloadError::TooManyCommands(commands));
        }
        let unknown = || read.iter().enumerate().filter(|(_, held)| !is_genuine(&held.name));
        access::verify(network, unknown().map(|(_, held)| held)).map_err(|(nth, why)| {
            PayloadError::Submission { at: unknown().nth(nth).map_or(nth, |(at, _)| at), why }
        })?;
        let (mut names, mut grants) = (Vec::new(), Vec::new());
        let mut transactions = Vec::with_capacity(commands);
        for Read { name, grant, commands, .. } in read {
            let sender = grant.owner;
            let each = commands.into_iter().map(|command| Transaction { sender, command });
            transactions.extend(each);
            names.push(name);
            grants.push(grant);
        }
        let votes: Vec<Vote> = self.reports.into_iter().map(|report| report.vote).collect();
        let offences = self.evidence.into_iter().map(|piece| piece.offence).collect();
        let (height, time) = (header.height, header.time);
        let block = Block { height, time, votes, offences, transactions, grants };
        Ok(Contents { block, names })
    }
}

/// Returns the names of the submissions in a payload; none if it cannot be read.
pub(crate) fn names(payload: &[u8]) -> Vec<Hash> {
    let submissions = Payload::read(payload).map(|payload| payload.submissions);
    submissions.unwrap_or_default().iter().map(|held| mempool::name_of(held)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::block::Block as Ordered;
    use crate::consensus::sizes::{PREFIX_BYTES, report_bytes_max, report_fits};
    use commonware_codec::{Copying, DecodeExt as _, Encode as _};
    use mempool::SUBMISSION_BYTES_MAX;
    use protocol::{InstrumentId, Offence, OffenceKind, VolReport};
    use units::{BlockHeight, BlockTime, Vol};

    /// The longest report that one of so many validators may make.
    fn longest(validator: u16, validators: usize) -> Report {
        let vol = |id| VolReport { instrument: InstrumentId::new(id), vol: Vol::from_points(1) };
        let with = |vols: u32| Report {
            height: BlockHeight::from_blocks(9),
            vote: Vote {
                validator: ValidatorId::new(validator),
                prices: Vec::new(),
                vols: (0..vols).map(vol).collect(),
                bases: Vec::new(),
            },
            signature: [0xFF; 64],
        };
        let empty = codec::encode(&with(0)).expect("encodable").len();
        let each = codec::encode(&with(1)).expect("encodable").len() - empty;
        let vols = u32::try_from((report_bytes_max(validators) - empty) / each).expect("few");
        assert!(report_fits(&with(vols), validators) && !report_fits(&with(vols + 1), validators));
        with(vols)
    }

    // 0017-ORAC-021
    #[test]
    fn the_longest_block_that_an_honest_validator_proposes_is_read_by_all() {
        for validators in [1_u16, 4, 7, 100, 256] {
            let count = usize::from(validators);
            let reports: Vec<Report> = (1..=validators).map(|id| longest(id, count)).collect();
            let piece = |id| Evidence {
                offence: Offence {
                    validator: ValidatorId::new(id),
                    round: 1,
                    kind: OffenceKind::TwoBlocks,
                },
                votes: vec![0; evidence::VOTES_BYTES_MAX],
            };
            let pieces = (1..=PIECES_MAX).map(|id| piece(u16::try_from(id).expect("few")));
            let fill = |mut room: usize| {
                assert!(room > SUBMISSION_BYTES_MAX + PREFIX_BYTES, "for the longest of all");
                let mut filled = Vec::new();
                while room > PREFIX_BYTES {
                    let length = SUBMISSION_BYTES_MAX.min(room - PREFIX_BYTES);
                    filled.push(vec![7; length]);
                    room -= length + PREFIX_BYTES;
                }
                filled
            };
            let bytes = Payload::gather(reports.clone(), pieces.collect(), fill).expect("fits");
            assert!(bytes.len() <= PAYLOAD_BYTES_MAX && bytes.len() + 4 >= PAYLOAD_BYTES_MAX);
            let read = Payload::read(&bytes).expect("it is read");
            assert_eq!(read.reports, reports, "no report is left out");
            let header =
                Ordered::genesis(Hash::default(), BlockTime::from_millis(5)).expect("ok").header;
            let block = Ordered::new(header, bytes).expect("a block");
            assert_eq!(Ordered::decode(Copying(&block.encode())).expect("peers read it"), block);
        }
    }
}
