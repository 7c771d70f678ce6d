//! What a block says: reports of validators and submissions of clients, and the rules that both obey.
//!
//! **Invariant:** a payload that opens becomes one block of the machine, the same on every validator; one that does not
//! gets no honest vote.

use crate::committee::{Committees, Report};
use crate::evidence::{self, Evidence, PIECES_MAX};
use access::{Invalid, Network, Read};
use borsh::{BorshDeserialize, BorshSerialize};
use light::OrderHeader;
use protocol::codec::{self, DecodeError};
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
        Ok(codec::decode(bytes, crate::block::PAYLOAD_BYTES_MAX)?)
    }

    /// Checks every rule that needs no state.
    pub(crate) fn check(
        &self,
        header: &OrderHeader,
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
        header: &OrderHeader,
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
