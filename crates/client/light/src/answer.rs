//! An answer that proves itself: one file from which a client that holds a list of validators sees what a record was.
//!
//! ```text
//! magic "NVANSWER" · body (canonical encoding of the fields, in order) · check 8
//! ```
//!
//! The check is the beginning of the SHA-256 of all before it; it guards against accidents, the signatures against
//! forgers.

use crate::finality::{self, CERTIFICATE_BYTES_MAX, CHAIN_MAX};
use crate::step::{self, STEPS_BYTES_MAX};
use crate::{ConsensusHeader, FinalityError, Step, StepError, Trust};
use book::{Extract, Found, Open};
use borsh::{BorshDeserialize, BorshSerialize};
use machine::{AccountRecord, MarketRecord, StateKey};
use margin::Greeks;
use protocol::codec::{self, DecodeError, EncodeError};
use protocol::{
    AccountId, Block, Command, Event, EventExtract, Fault, Grant, Hash, Header, InstrumentId,
    OrderId, Receipt, ReceiptExtract,
};
use state_proof::{Claim, KEY_BYTES_MAX, PROOF_BYTES_MAX, Proof, ProofError, StateRoot};
use units::{BlockHeight, BlockTime};

/// Opens every answer.
const MAGIC: &[u8; 8] = b"NVANSWER";
/// Bytes of the check at the end.
const CHECK_BYTES: usize = 8;
/// Longest part of a book, or of the events of a block.
const EXTRACT_BYTES_MAX: usize = 8 << 20;
/// Longest answer.
pub const ANSWER_BYTES_MAX: usize = MAGIC.len()
    + PROOF_BYTES_MAX
    + EXTRACT_BYTES_MAX
    + CHAIN_MAX * 512
    + CERTIFICATE_BYTES_MAX
    + STEPS_BYTES_MAX
    + CHECK_BYTES;

/// What an answer is about, with what proves it under the first header.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Subject {
    /// A record after the block, or its absence.
    Record {
        /// The store's proof under the header's state root.
        proof: Vec<u8>,
    },
    /// An order that stands in a book after the block, or does not.
    Order {
        /// Which.
        order: OrderId,
        /// The store's proof of its market's record.
        proof: Vec<u8>,
        /// The part of the book that shows it, or all of the book; none if there is no market.
        book: Option<Extract>,
    },
    /// What happened to an order in the block.
    Happened {
        /// Which.
        order: OrderId,
        /// The events that name it, or all of the block's.
        events: EventExtract,
    },
    /// The Greeks of an account's positions after the block.
    Greeks {
        /// The store's proof of the account's record.
        account: Vec<u8>,
        /// Its proofs of the records of the markets that the account has positions in, in the order of the account's record.
        markets: Vec<Vec<u8>>,
    },
    /// What became of the commands of one submission in the block.
    Receipt {
        /// The whole block: its header names a hash of all that is in it.
        block: Box<Block>,
        /// Under which of its grants the commands stand.
        grant: u32,
        /// The receipts, or more.
        receipts: ReceiptExtract,
    },
}

/// An answer, with all that leads from it to a list of validators. Unchecked until [`Answer::verify`].
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Answer {
    /// What it is about.
    pub subject: Subject,
    /// Headers, ascending, each the child of the one before.
    pub headers: Vec<Header>,
    /// Ordered blocks, ascending, each the child of the one before; the first names the last header as executed.
    pub orders: Vec<ConsensusHeader>,
    /// The certificate that finalises the last of them.
    pub certificate: Vec<u8>,
    /// Steps, one an epoch, from the client's list to the epoch of the certificate; none if it is the list's own.
    #[borsh(deserialize_with = "step::read_all")]
    pub steps: Vec<Step>,
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
    /// The epoch whose validators signed for that.
    pub epoch: u64,
    /// What holds after that block, or happened in it.
    pub finding: Finding,
}

/// What holds after a block, or happened in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// What is under a key.
    Record {
        /// The key, encoded.
        key: Vec<u8>,
        /// What holds for it.
        claim: Claim,
    },
    /// Where an order stands.
    Order {
        /// In which market it was looked for.
        market: InstrumentId,
        /// Which.
        order: OrderId,
        /// The order, if it stands.
        standing: Option<Open>,
    },
    /// What happened to an order.
    Happened {
        /// Which.
        order: OrderId,
        /// Fills and cancellation; empty if nothing did.
        events: Vec<Event>,
    },
    /// How the value of an account's positions moves.
    Greeks {
        /// Whose.
        account: AccountId,
        /// By underlying and expiry.
        greeks: Greeks,
    },
    /// What became of the commands of a submission.
    Receipt {
        /// Who has signed them, and with which nonce: it tells the submission from all others.
        grant: Grant,
        /// The place of its first command in the block.
        first: u32,
        /// Its commands, each with its receipt.
        answered: Vec<(Command, Receipt)>,
    },
}

/// Why an answer is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The bytes do not begin like an answer.
    #[error("not an answer file: pass the bytes exactly as the node sent them")]
    NotAnAnswer,
    /// The bytes are not those that were written: who lies makes a check that fits.
    #[error(
        "the answer is damaged: its {0} bytes do not fit the check at their end, so some were lost or changed on the way \
         or on disk; ask for it again"
    )]
    Damaged(usize),
    /// The fields cannot be read.
    #[error("the answer cannot be read: {0}")]
    Unreadable(#[from] DecodeError),
    /// A number outside its limits.
    #[error("the answer holds a number outside its limits: {0}")]
    OutOfLimits(#[from] EncodeError),
    /// A step from the client's list to the validators who signed.
    #[error(transparent)]
    Step(#[from] StepError),
    /// The chain from the header to the signatures.
    #[error(transparent)]
    Finality(#[from] FinalityError),
    /// The proof of the record.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The bytes are too many.
    #[error(
        "the answer has {0} bytes, more than a node gives: the book or the block is too large to be shown whole"
    )]
    TooLong(usize),
    /// The steps are too many, or have too many bytes.
    #[error(
        "{0} steps are more than one answer holds: the list is too old, get the steps in parts or a newer list"
    )]
    StepsTooLong(usize),
    /// A proof of something else than a market.
    #[error("the proof is not of a market's record")]
    NotAMarket,
    /// A proof of something else than an account.
    #[error("the proof is not of an account's record")]
    NotAnAccount,
    /// Proofs of other markets than those of the account's positions.
    #[error("the proofs are not of the markets that the account has positions in")]
    OtherMarkets,
    /// A position in a market that has no Greeks yet.
    #[error("market {0} has no Greeks yet: no price or no vol of it is known")]
    NoGreeks(InstrumentId),
    /// Greeks that add up to more than can be written.
    #[error(transparent)]
    Sum(#[from] Fault),
    /// A part of another book.
    #[error("the part of the book that is shown is not of this market's book")]
    OtherBook,
    /// Events of another block.
    #[error("the events that are shown are not of this block")]
    OtherEvents,
    /// Another block than the header's.
    #[error("the block that is shown is not the one that the header names")]
    OtherBlock,
    /// Receipts of another block, or of other commands.
    #[error("the receipts that are shown are not those of the commands in this block")]
    OtherReceipts,
    /// The block has no such submission.
    #[error("the block has no submission in place {0}")]
    NoSubmission(u32),
    /// Neither the order nor its absence is shown.
    #[error("order {0} is not shown, and neither is that it is not there")]
    NotShown(OrderId),
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
    /// [`AnswerError::OutOfLimits`] if a header holds a number that has no encoding; [`AnswerError::StepsTooLong`]
    /// or [`AnswerError::TooLong`] if there is more of it than is read.
    pub fn encode(&self) -> Result<Vec<u8>, AnswerError> {
        if !step::are_read(&self.steps) {
            return Err(AnswerError::StepsTooLong(self.steps.len()));
        }
        let mut bytes = MAGIC.to_vec();
        bytes.extend(codec::encode(self)?);
        let check = check_of(&bytes);
        bytes.extend(check);
        match bytes.len() {
            0..=ANSWER_BYTES_MAX => Ok(bytes),
            length => Err(AnswerError::TooLong(length)),
        }
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
        let damaged = AnswerError::Damaged(bytes.len());
        let Some((whole, check)) = bytes.split_last_chunk::<CHECK_BYTES>() else {
            return Err(damaged);
        };
        if *check != check_of(whole) {
            return Err(damaged);
        }
        let body = whole.strip_prefix(MAGIC).ok_or(AnswerError::NotAnAnswer)?;
        Ok(codec::decode(body, ANSWER_BYTES_MAX)?)
    }

    /// Checks the whole chain from the record to the client's list, and returns what it shows.
    ///
    /// # Errors
    ///
    /// [`AnswerError`], naming the first link that does not hold: the steps in their order, then from the signatures down.
    pub fn verify(&self, trust: &Trust) -> Result<Shown, AnswerError> {
        let trust = trust.follow_all(&self.steps)?;
        let (first, finalised) =
            finality::check(&trust, &self.headers, &self.orders, &self.certificate)?;
        let finding = match &self.subject {
            Subject::Record { proof } => {
                let (key, claim) = record(&first, proof)?;
                Finding::Record { key, claim }
            }
            Subject::Order { order, proof, book } => {
                standing(&first, *order, proof, book.as_ref())?
            }
            Subject::Happened { order, events } => {
                if events.hash() != Some(first.receipts) {
                    return Err(AnswerError::OtherEvents);
                }
                let named = events.happened_to(*order).ok_or(AnswerError::NotShown(*order))?;
                Finding::Happened { order: *order, events: named.into_iter().cloned().collect() }
            }
            Subject::Greeks { account, markets } => greeks(&first, account, markets)?,
            Subject::Receipt { block, grant, receipts } => {
                answered(&first, block, *grant, receipts)?
            }
        };
        Ok(Shown {
            height: first.height,
            time: first.time,
            state_root: first.state_root,
            finalised: finalised.height,
            epoch: trust.epoch,
            finding,
        })
    }
}

/// Returns the key and the record, or its absence, that a proof shows under a header.
fn record(header: &Header, proof: &[u8]) -> Result<(Vec<u8>, Claim), AnswerError> {
    let verified =
        Proof::decode(proof)?.verify(StateRoot::from_bytes(*header.state_root.bytes()))?;
    if i128::from(verified.height) != header.height.blocks() {
        let (proof, header) = (verified.height, header.height);
        return Err(AnswerError::HeightDiffers { proof, header });
    }
    Ok((verified.key, verified.claim))
}

/// Returns what a market's record and a part of its book show of an order; that there is no record if there is no market.
fn standing(
    header: &Header,
    order: OrderId,
    proof: &[u8],
    book: Option<&Extract>,
) -> Result<Finding, AnswerError> {
    let (key, claim) = record(header, proof)?;
    let StateKey::Market(market) = codec::decode(&key, KEY_BYTES_MAX)? else {
        return Err(AnswerError::NotAMarket);
    };
    match (claim, book) {
        (Claim::Present(held), Some(book)) => {
            let held: MarketRecord = codec::decode(&held, PROOF_BYTES_MAX)?;
            if book.digest() != Some(held.book) {
                return Err(AnswerError::OtherBook);
            }
            let standing = match book.find(order) {
                Found::Standing(open) => Some(open),
                Found::Absent => None,
                Found::Unknown => return Err(AnswerError::NotShown(order)),
            };
            Ok(Finding::Order { market, order, standing })
        }
        (Claim::Absent, None) => Ok(Finding::Record { key, claim: Claim::Absent }),
        (Claim::Present(_), None) | (Claim::Absent, Some(_)) => Err(AnswerError::OtherBook),
    }
}

/// Returns the Greeks that the records of an account and of its markets show; that there is no record if there is no account.
///
/// spec 0019-MARG-014.
fn greeks(header: &Header, account: &[u8], markets: &[Vec<u8>]) -> Result<Finding, AnswerError> {
    let (key, claim) = record(header, account)?;
    let StateKey::Account(account) = codec::decode(&key, KEY_BYTES_MAX)? else {
        return Err(AnswerError::NotAnAccount);
    };
    let Claim::Present(held) = claim else {
        return match markets {
            [] => Ok(Finding::Record { key, claim }),
            _ => Err(AnswerError::OtherMarkets),
        };
    };
    let held: AccountRecord = codec::decode(&held, PROOF_BYTES_MAX)?;
    if held.positions.len() != markets.len() {
        return Err(AnswerError::OtherMarkets);
    }
    let mut greeks = Greeks::default();
    for ((instrument, position), market) in held.positions.iter().zip(markets) {
        let (key, claim) = record(header, market)?;
        let Claim::Present(market) = claim else { return Err(AnswerError::OtherMarkets) };
        if codec::decode::<StateKey>(&key, KEY_BYTES_MAX)? != StateKey::Market(*instrument) {
            return Err(AnswerError::OtherMarkets);
        }
        let market: MarketRecord = codec::decode(&market, PROOF_BYTES_MAX)?;
        let unit = market.greeks.ok_or(AnswerError::NoGreeks(*instrument))?;
        greeks.add(&unit.bucket(&market.instrument, position.lots)?)?;
    }
    Ok(Finding::Greeks { account, greeks })
}

/// Returns the commands of a submission in a block, and what became of each.
///
/// spec 0025-BLOCK-020.
fn answered(
    header: &Header,
    block: &Block,
    place: u32,
    receipts: &ReceiptExtract,
) -> Result<Finding, AnswerError> {
    let in_place = block.height == header.height && block.time == header.time;
    if !in_place || block.body_hash()? != header.body {
        return Err(AnswerError::OtherBlock);
    }
    if receipts.hash() != Some(header.receipts) {
        return Err(AnswerError::OtherReceipts);
    }
    let (first, grant) = granted(block, place).ok_or(AnswerError::NoSubmission(place))?;
    let shown = receipts.of(first, grant.count).ok_or(AnswerError::OtherReceipts)?;
    let from = usize::try_from(first).map_err(|_| AnswerError::NoSubmission(place))?;
    let commands = block.transactions.iter().skip(from).take(usize::from(grant.count));
    let answered: Vec<(Command, Receipt)> = commands
        .zip(shown)
        .map(|(held, receipt)| (held.command.clone(), receipt.clone()))
        .collect();
    match answered.len() == usize::from(grant.count) {
        true => Ok(Finding::Receipt { grant: grant.clone(), first, answered }),
        false => Err(AnswerError::OtherReceipts),
    }
}

/// Returns a grant of a block by its place, and the place of the first command that stands under it.
#[must_use]
pub fn granted(block: &Block, place: u32) -> Option<(u32, &Grant)> {
    let place = usize::try_from(place).ok()?;
    let grant = block.grants.get(place)?;
    let before = block.grants.iter().take(place).map(|grant| u32::from(grant.count)).sum();
    Some((before, grant))
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
