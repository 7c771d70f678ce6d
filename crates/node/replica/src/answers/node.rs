//! A running validator, as those who ask see it: submit, feed, follow, and take answers that prove themselves.

use crate::consensus::activity::Observer;
use crate::consensus::block::Block;
use crate::consensus::committee::{Committees, Report};
use crate::consensus::guard::VoteGuard;
use crate::consensus::health::Health;
use crate::consensus::scheme::Guarded;
use crate::consensus::sizes::report_bytes_max;
use crate::execution::chain::{Chain, Executed, Halt};
use crate::execution::difference::Difference;
use crate::execution::executor::{Executor, ExecutorError, SharedExecutor};
use crate::execution::steps::{Begun, Steps};
use crate::execution::submission_index::SubmissionIndex;
use crate::proposal::report::{self, BeyondListed};
use crate::proposal::waiting::Waiting;
use access::is_reported;
use commonware_codec::Encode as _;
use commonware_consensus::{
    marshal::{Identifier, core::Mailbox, standard::Standard},
    types::Height,
};
use futures::future::{Either, select};
use house::{Handout, Offer};
use light::{Anchor, Answer, ConsensusHeader, FinalityProof, Step, Subject};
use machine::{CommitteeRecord, StateKey};
use mempool::{Rejected, Source};
use protocol::{AccountId, Hash, Header, InstrumentId, OrderId, ValidatorId, Vote};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use units::BlockHeight;

/// Ordered blocks that are looked through for one with a certificate of its own.
const CERTIFICATE_SPAN: u64 = 64;
/// Blocks ahead of the newest one executed for which this validator's reporter may report.
const REPORTS_AHEAD: u64 = 8;

pub(crate) struct Parts {
    pub(crate) committees: Arc<Committees>,
    pub(crate) steps: Option<Arc<Steps>>,
    pub(crate) chain: Arc<Chain>,
    pub(crate) waiting: Arc<Waiting>,
    pub(crate) submissions: Arc<SubmissionIndex>,
    pub(crate) health: Arc<Health>,
    /// Without a block for so long, the network stands still.
    pub(crate) stalled_after: Duration,
    /// Who has said nothing for so long is not reached.
    pub(crate) heard_within: Duration,
    pub(crate) guard: Arc<Mutex<VoteGuard>>,
    pub(crate) ledger: SharedExecutor,
    /// What is handed out of it, without its lock.
    pub(crate) handout: Option<Handout>,
    pub(crate) marshal: Mailbox<Guarded, Standard<Block>>,
    pub(crate) observer: Observer,
    pub(crate) submit: mpsc::Sender<Vec<u8>>,
    pub(crate) report: mpsc::Sender<Report>,
    /// Whose reports this validator signs.
    pub(crate) reporter: Option<[u8; 32]>,
}

/// A handle on a running validator. Clones speak to the same one.
#[derive(Clone)]
pub struct Node(pub(crate) Arc<Parts>);

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Node({:?})", self.0.committees.me())
    }
}

/// Why a submission was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SubmitFailure {
    /// The pool refused it.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// The validator goes no further.
    #[error("this validator has halted: submit to another")]
    Halted,
}

/// Why a report was not taken.
#[derive(Debug, thiserror::Error)]
pub enum FeedFailure {
    /// For another validator.
    #[error(
        "the report is of validator {given}, this is {}",
        own.map_or("a node without a seat".to_owned(), |own| format!("validator {own}"))
    )]
    NotOurs {
        /// Whose report it is.
        given: ValidatorId,
        /// Who this is.
        own: Option<ValidatorId>,
    },
    /// No reporter is named.
    #[error(
        "this validator takes no reports: name the reporter's public key as `reporter` in its configuration"
    )]
    NoReporter,
    /// Not signed by the reporter that is named.
    #[error("the report for block {0} is not signed by this validator's reporter")]
    NotByReporter(u64),
    /// The block has been executed, or is too far ahead, or a report for it has been given.
    #[error(
        "no report is wanted for block {0}: it is final, far ahead, or has this validator's report"
    )]
    NotWanted(u64),
    /// More than is listed.
    #[error(transparent)]
    BeyondListed(#[from] BeyondListed),
    /// A number outside its limits.
    #[error(transparent)]
    Encode(#[from] protocol::codec::EncodeError),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AnswerFailure {
    /// The ledger has none.
    #[error("the record cannot be proved: {0}")]
    Ledger(#[from] ExecutorError),
    /// The chain has moved on by more than an answer can span.
    #[error("the block that certifies the answer is gone from memory: ask again")]
    TooSlow,
    /// The block is so old that what certified it is gone.
    #[error("no block that certifies block {0} is kept here: ask a validator that keeps more")]
    Uncertified(u64),
    /// A step between two committees is not kept here.
    #[error(
        "the steps from the validators of epoch {since} to those of epoch {signed} are not all here: ask another validator"
    )]
    StepMissing {
        /// The epoch of the asker's list.
        since: u64,
        /// The epoch whose validators have signed.
        signed: u64,
    },
    /// No submission of that name is known.
    #[error(
        "no submission {0} is known here: it was never handed in here, has expired, or stands in a block that is no longer kept"
    )]
    NoSubmission(Hash),
    /// The replica has halted.
    #[error(transparent)]
    Halted(#[from] Halt),
}

/// An ordered block and the certificate that finalises it or a descendant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertifiedHeader {
    /// Ordered blocks, ascending, from the one asked for to the one with the certificate.
    pub orders: Vec<ConsensusHeader>,
    /// The certificate of the last.
    pub certificate: Vec<u8>,
}

impl Node {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Returns what clients of this network trust.
    #[must_use]
    pub fn anchor(&self) -> &Anchor {
        &self.0.committees.anchor
    }

    /// Returns who validates, as the newest block shows it.
    #[must_use]
    pub fn committee(&self) -> CommitteeRecord {
        self.0.committees.record()
    }

    /// Takes a submission, and sends it to the other validators.
    ///
    /// # Errors
    ///
    /// [`SubmitFailure`] if it is not taken.
    pub fn submit(&self, submission: Vec<u8>) -> Result<Hash, SubmitFailure> {
        self.submit_from(Source::Local, vec![submission])
            .pop()
            .unwrap_or(Err(SubmitFailure::Halted))
    }

    /// Takes submissions of a source, and sends those that are admitted to the other validators.
    pub fn submit_from(
        &self,
        source: Source,
        submissions: Vec<Vec<u8>>,
    ) -> Vec<Result<Hash, SubmitFailure>> {
        if self.0.chain.halted().is_some() {
            return submissions.iter().map(|_| Err(SubmitFailure::Halted)).collect();
        }
        let answers = self.0.waiting.admit(source, &submissions);
        for (submission, answer) in submissions.into_iter().zip(&answers) {
            if answer.is_ok() {
                // A full queue: the submission goes into a block when this validator leads.
                drop(self.0.submit.try_send(submission));
            }
        }
        answers.into_iter().map(|answer| Ok(answer?)).collect()
    }

    /// Returns the text that stands first in every message that is signed for this network.
    #[must_use]
    pub fn network_id(&self) -> &str {
        self.0.committees.access.id()
    }

    /// Takes this validator's own report of prices for a block from its reporter, signs in turn as much of it as is listed
    /// and has room, and sends it to the other validators.
    ///
    /// # Errors
    ///
    /// [`FeedFailure`] if it is not the reporter's, or not wanted.
    pub fn feed(&self, height: u64, vote: Vote, signature: &[u8; 64]) -> Result<(), FeedFailure> {
        let access = &self.0.committees.access;
        let Some(reporter) = &self.0.reporter else { return Err(FeedFailure::NoReporter) };
        self.is_ours(&vote)?;
        if !is_reported(access, reporter, height, &vote, signature) {
            return Err(FeedFailure::NotByReporter(height));
        }
        if height > self.height().saturating_add(REPORTS_AHEAD) {
            return Err(FeedFailure::NotWanted(height));
        }
        self.report(height, vote)
    }

    fn is_ours(&self, vote: &Vote) -> Result<(), FeedFailure> {
        let own = self.0.committees.me();
        match Some(vote.validator) == own {
            true => Ok(()),
            false => Err(FeedFailure::NotOurs { given: vote.validator, own }),
        }
    }

    /// Signs a report of this validator, whoever has brought it, and sends it to the other validators.
    pub(crate) fn report(&self, height: u64, vote: Vote) -> Result<(), FeedFailure> {
        let parts = &self.0;
        self.is_ours(&vote)?;
        let at = BlockHeight::from_blocks(i128::from(height));
        let Some(validators) = parts.committees.reporters(at) else {
            return Err(FeedFailure::NotWanted(height));
        };
        let listed = parts.ledger.lock().listed();
        let vote = match listed {
            Some(listed) => listed.bound(vote)?,
            None => vote,
        };
        let vote = report::fit(vote, at, report_bytes_max(validators))?;
        let report = parts.committees.sign(at, vote)?;
        if !parts.waiting.report(report.clone()) {
            return Err(FeedFailure::NotWanted(height));
        }
        drop(parts.report.try_send(report));
        Ok(())
    }

    /// Takes a report of this validator without its reporter: of use to simulations, which have none.
    ///
    /// # Errors
    ///
    /// [`FeedFailure`] if it is not wanted.
    #[cfg(feature = "simulation")]
    pub fn report_unsigned(&self, height: u64, vote: Vote) -> Result<(), FeedFailure> {
        self.report(height, vote)
    }

    /// Returns the height of the newest block executed.
    #[must_use]
    pub fn height(&self) -> u64 {
        self.0.chain.height()
    }

    /// Waits until a block has been executed.
    pub async fn reached(&self, height: u64) {
        self.0.chain.reached(height).await;
    }

    /// Waits until the validator goes no further, and returns why.
    pub async fn halts(&self) -> Option<Halt> {
        self.0.chain.halts().await
    }

    /// Waits until the validator, having diverged, knows where it and the others part.
    pub async fn difference(&self) -> Option<Difference> {
        self.0.chain.explained().await
    }

    /// Returns a block that was executed not long ago.
    #[must_use]
    pub fn recent(&self, height: u64) -> Option<Executed> {
        self.0.chain.block(height)
    }

    /// Returns blocks that were executed, from a height on, with the headers of their outcomes: at most `count`, and
    /// no more once they have `bytes` bytes. Reads the disk if they are old, so it may block.
    ///
    /// # Errors
    ///
    /// [`ExecutorError`] if the ledger cannot be read.
    pub fn blocks(
        &self,
        from: u64,
        count: usize,
        bytes: usize,
    ) -> Result<Vec<(Header, protocol::Block)>, ExecutorError> {
        if let Some(held) = self.recent(from).filter(|_| count == 1) {
            return Ok(vec![(held.header, held.block.as_ref().clone())]);
        }
        let ledger = self.0.ledger.lock();
        ledger.blocks(from, count, bytes)
    }

    /// Returns the ordered block of a height and the certificate that finalises it; nothing if it is not final here.
    pub async fn certified(&self, height: u64) -> Option<CertifiedHeader> {
        let mut orders = Vec::new();
        for at in height..height.saturating_add(CERTIFICATE_SPAN) {
            let at = Height::new(at);
            let block = self.0.marshal.get_block(Identifier::Height(at)).await?;
            orders.push(block.inner().header);
            if let Some(finalization) = self.0.marshal.get_finalization(at).await {
                let certificate = finalization.encode().to_vec();
                return Some(CertifiedHeader { orders, certificate });
            }
        }
        None
    }

    /// Returns the header of an executed block with all that shows it to be final; nothing as long as no certified block
    /// names it.
    ///
    /// # Errors
    ///
    /// [`ExecutorError`] if the ledger cannot be read.
    pub async fn finality_proof(
        &self,
        height: u64,
    ) -> Result<Option<FinalityProof>, ExecutorError> {
        let mut at = height;
        let order = loop {
            at = at.saturating_add(1);
            if at > height.saturating_add(CERTIFICATE_SPAN) {
                return Ok(None);
            }
            let held = self.0.marshal.get_block(Identifier::Height(Height::new(at))).await;
            let Some(held) = held else { return Ok(None) };
            let order = held.inner().header;
            if u64::try_from(order.executed_height.blocks()).is_ok_and(|named| named >= height) {
                break order;
            }
        };
        let named = u64::try_from(order.executed_height.blocks()).unwrap_or(0);
        let count = usize::try_from(named.saturating_sub(height)).unwrap_or(usize::MAX);
        let held = {
            let ledger = self.0.ledger.lock();
            ledger.blocks(height, count.saturating_add(1), usize::MAX)?
        };
        let headers: Vec<Header> = held.into_iter().map(|(header, _)| header).collect();
        // What is final may not be executed here yet.
        if !lead(&headers, height, named) {
            return Ok(None);
        }
        let certified = self.certified(at).await;
        Ok(certified.map(|CertifiedHeader { orders, certificate }| FinalityProof {
            headers,
            orders,
            certificate,
        }))
    }

    /// Returns the encoded genesis. Reads the disk, so it may block.
    ///
    /// # Errors
    ///
    /// [`ExecutorError`] if it cannot be read.
    pub fn genesis(&self) -> Result<Vec<u8>, ExecutorError> {
        self.0.ledger.lock().genesis()
    }

    /// Returns what is offered to somebody who has no state. Reads the disk, so it may block.
    ///
    /// # Errors
    ///
    /// [`ExecutorError`] if it cannot be read.
    pub fn offer(&self) -> Result<Option<Offer>, ExecutorError> {
        let Some(handout) = &self.0.handout else { return Ok(None) };
        Ok(handout.offer()?)
    }

    /// Returns a chunk of the machine's state at a height that was offered. Reads the disk, so it may block.
    ///
    /// # Errors
    ///
    /// [`ExecutorError`] if it is not offered, or no longer.
    pub fn chunk(&self, height: u64, index: usize) -> Result<Vec<u8>, ExecutorError> {
        let handout = self.0.handout.as_ref().ok_or(ExecutorError::NoOffer)?;
        Ok(handout.chunk(height, index)?)
    }

    /// Answers whoever fetches the authenticated state of an offer. Reads the disk, so it may block.
    ///
    /// # Errors
    ///
    /// [`ExecutorError`] if the request is none, or of a state that is not offered.
    pub fn serve_tree(&self, request: &[u8]) -> Result<Vec<u8>, ExecutorError> {
        self.0.ledger.lock().serve_tree(request)
    }

    /// Returns a record as it is after the newest block, or its absence, with all that proves it to somebody who holds the
    /// list of validators of epoch `since`. Waits for the block
    /// that certifies it; its first step reads the ledger, so it may block.
    ///
    /// # Errors
    ///
    /// [`AnswerFailure`] if the ledger has no proof, or the replica halts.
    pub async fn answer(&self, since: u64, key: &StateKey) -> Result<Answer, AnswerFailure> {
        let (header, proof) = self.ask(|ledger| ledger.prove(key))?;
        self.certify(since, &header, Subject::Record { proof }).await
    }

    /// Returns an order as it stands after the newest block, or that it does not, with all that proves it. Waits as
    /// [`Self::answer`] does.
    ///
    /// # Errors
    ///
    /// [`AnswerFailure`] as there.
    pub async fn order(
        &self,
        since: u64,
        market: InstrumentId,
        order: OrderId,
    ) -> Result<Answer, AnswerFailure> {
        let (header, proof, book) = self.ask(|ledger| ledger.prove_order(market, order))?;
        self.certify(since, &header, Subject::Order { order, proof, book }).await
    }

    /// Returns the Greeks of an account's positions after the newest block, with all that proves them. Waits as
    /// [`Self::answer`] does.
    ///
    /// # Errors
    ///
    /// [`AnswerFailure`] as there.
    pub async fn greeks(&self, since: u64, account: AccountId) -> Result<Answer, AnswerFailure> {
        let (header, subject) = self.ask(|ledger| ledger.prove_greeks(account))?;
        self.certify(since, &header, subject).await
    }

    /// Returns what happened to an order in a block, or that nothing did, with all that proves it. Waits for the block
    /// that certifies it.
    ///
    /// # Errors
    ///
    /// [`AnswerFailure`] if the events of the block are not kept, no block can certify it, or the replica halts.
    pub async fn happened(
        &self,
        since: u64,
        height: u64,
        order: OrderId,
    ) -> Result<Answer, AnswerFailure> {
        let events = self.ask(|ledger| ledger.happened(height, order))?;
        self.certify_old(since, height, Subject::Happened { order, events }).await
    }

    /// Returns what became of the commands of a submission, with all that proves it. Waits until a block holds it, and for
    /// the block that certifies that one.
    ///
    /// # Errors
    ///
    /// [`AnswerFailure`] if it is not known, the receipts of the block are not kept, no block can certify it, or the
    /// replica halts.
    pub async fn receipt(&self, since: u64, name: Hash) -> Result<Answer, AnswerFailure> {
        loop {
            let height = self.height();
            if let Some((height, place)) = self.0.submissions.find(&name) {
                return self.receipt_at(since, height, place).await;
            }
            if !self.0.waiting.is_genuine(&name) {
                return Err(AnswerFailure::NoSubmission(name));
            }
            self.next(height.saturating_add(1)).await?;
        }
    }

    /// Returns what became of the commands of the submission in a place of a block, as [`Self::receipt`] does.
    ///
    /// # Errors
    ///
    /// [`AnswerFailure`] as there.
    pub async fn receipt_at(
        &self,
        since: u64,
        height: u64,
        place: u32,
    ) -> Result<Answer, AnswerFailure> {
        let subject = self.ask(|ledger| ledger.receipt(height, place))?;
        self.certify_old(since, height, subject).await
    }

    /// Adds to what holds of a block, however old, all that leads from it to the signatures.
    async fn certify_old(
        &self,
        since: u64,
        height: u64,
        subject: Subject,
    ) -> Result<Answer, AnswerFailure> {
        loop {
            let evidence = self.finality_proof(height).await?;
            if let Some(FinalityProof { headers, orders, certificate }) = evidence {
                let certified = CertifiedHeader { orders, certificate };
                return self.lead_up(since, subject, headers, certified).await;
            }
            let newest = self.height();
            if newest > height.saturating_add(2 * CERTIFICATE_SPAN) {
                return Err(AnswerFailure::Uncertified(height));
            }
            self.next(newest.saturating_add(1)).await?;
        }
    }

    /// Asks the ledger, unless the replica has halted.
    fn ask<T>(
        &self,
        question: impl FnOnce(&mut dyn Executor) -> Result<T, ExecutorError>,
    ) -> Result<T, AnswerFailure> {
        match self.0.chain.halted() {
            Some(halt) => Err(halt.into()),
            None => Ok(question(self.0.ledger.lock().as_mut())?),
        }
    }

    /// Waits until a height has been executed.
    async fn next(&self, height: u64) -> Result<(), Halt> {
        let chain = &self.0.chain;
        let halts = std::pin::pin!(chain.halts());
        let reached = std::pin::pin!(chain.reached(height));
        match select(reached, halts).await {
            Either::Right((Some(halt), _)) => Err(halt),
            Either::Left(_) | Either::Right((None, _)) => Ok(()),
        }
    }

    /// Adds to what is certified the steps from the committee of an epoch to the one that has signed.
    async fn lead_up(
        &self,
        since: u64,
        subject: Subject,
        headers: Vec<Header>,
        certified: CertifiedHeader,
    ) -> Result<Answer, AnswerFailure> {
        let CertifiedHeader { orders, certificate } = certified;
        let signed = orders.last().map_or(0, |order| self.epoch_of(order));
        let begun_at = self.height();
        loop {
            let steps = match &self.0.steps {
                Some(steps) => steps.between(since, signed),
                None => (since >= signed).then(Vec::new),
            };
            if let Some(steps) = steps {
                return Ok(Answer { subject, headers, orders, steps, certificate });
            }
            // The step of the last epoch is whole soon after the first blocks of this one.
            if self.height() > begun_at.saturating_add(CERTIFICATE_SPAN) {
                return Err(AnswerFailure::StepMissing { since, signed });
            }
            self.next(self.height().saturating_add(1)).await?;
        }
    }

    fn epoch_of(&self, order: &ConsensusHeader) -> u64 {
        self.0.committees.epoch_at(u64::try_from(order.height.blocks()).unwrap_or(0))
    }

    /// Returns steps from the committee of an epoch on, as many as there are and at most so many.
    #[must_use]
    pub fn steps(&self, from: u64, count: usize) -> Vec<Step> {
        self.0.steps.as_ref().map_or_else(Vec::new, |steps| steps.from(from, count))
    }

    /// Completes, as long as the validator runs, the step of each epoch once its certificate is there.
    pub(crate) async fn complete_steps(self) {
        let Some(steps) = self.0.steps.clone() else { return };
        loop {
            for Begun { epoch, header, proof } in steps.begun() {
                let height = crate::execution::chain::number(&header);
                let Ok(Some(FinalityProof { headers, orders, certificate })) =
                    self.finality_proof(height).await
                else {
                    continue;
                };
                if orders.last().is_some_and(|order| self.epoch_of(order) == epoch) {
                    let step = Step { headers, orders, certificate, proof };
                    // A disk that refuses is noticed by whoever executes the next block; the proof waits.
                    drop(steps.complete(epoch, step));
                }
            }
            if self.next(self.height().saturating_add(1)).await.is_err() {
                return;
            }
        }
    }

    /// Adds to what holds after a block, of which the header is given, all that leads from there to the signatures.
    async fn certify(
        &self,
        since: u64,
        header: &Header,
        subject: Subject,
    ) -> Result<Answer, AnswerFailure> {
        let chain = &self.0.chain;
        let proved = crate::execution::chain::number(header);
        let mut at = proved.saturating_add(1);
        let order = loop {
            self.next(at).await?;
            let order = chain.block(at).ok_or(AnswerFailure::TooSlow)?.order;
            if order.executed_height >= header.height {
                break order;
            }
            at = at.saturating_add(1);
        };
        let named = u64::try_from(order.executed_height.blocks()).unwrap_or(0);
        let headers = (proved..=named)
            .map(|height| chain.outcome(height).map(|(header, _)| header))
            .collect::<Option<Vec<_>>>()
            .ok_or(AnswerFailure::TooSlow)?;
        loop {
            if let Some(certified) = self.certified(at).await {
                return self.lead_up(since, subject, headers, certified).await;
            }
            // Not every block has a certificate of its own; the next ones will.
            self.next(chain.height().saturating_add(1)).await?;
        }
    }

    /// Runs a checkpoint of the ledger, so that the next start is short.
    ///
    /// # Errors
    ///
    /// [`ExecutorError`] if the disk refuses.
    pub fn checkpoint(&self) -> Result<(), ExecutorError> {
        self.0.ledger.lock().checkpoint()
    }
}

/// Whether headers are those from one height to another, without a gap.
fn lead(headers: &[Header], from: u64, to: u64) -> bool {
    headers.iter().map(crate::execution::chain::number).eq(from..=to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use units::BlockTime;

    #[test]
    fn headers_that_end_before_the_outcome_that_is_signed_lead_nowhere() {
        let header = |height: u64| Header {
            height: BlockHeight::from_blocks(height.into()),
            time: BlockTime::from_millis(1),
            parent: Hash::default(),
            body: Hash::default(),
            receipts: Hash::default(),
            state_root: Hash::default(),
            snapshot: Hash::default(),
        };
        let headers: Vec<Header> = (128..=130).map(header).collect();
        assert!(lead(&headers, 128, 130));
        assert!(!lead(&headers[..1], 128, 129), "block 129 is final and not executed here");
        assert!(!lead(&headers[1..], 128, 130) && !lead(&headers, 128, 129) && !lead(&[], 1, 1));
    }
}
