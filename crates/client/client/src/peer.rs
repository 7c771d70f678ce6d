//! A validator as somebody sees it who believes only the list of validators: everything that it tells is checked before
//! it is returned.

use crate::call::{CallError, Client};
use light::{ConsensusHeader, FinalityProof, Step, Trust};
use protocol::codec::{DecodeError, EncodeError};
use protocol::{Block, Hash, Header, HexError, codec, decode_hex, limits};
use serde_json::{Value, json};
use std::error::Error;
use std::net::SocketAddr;
use std::num::TryFromIntError;
use std::thread;
use std::time::{Duration, Instant};

/// Blocks asked for in one request.
const BLOCKS_AT_ONCE: u64 = 64;
/// Longest wait for a block to be certified, where the chain goes on.
const CERTIFIED_MAX: Duration = Duration::from_secs(20);
/// Between two questions whether it is.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// Why a validator could not tell, or is not believed.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// An answer that does not hold: it is not what the validators have signed for, or nothing shows that it is.
    ///
    /// Whatever else goes wrong, a node that does not answer or a disk that is full, says nothing about the chain.
    #[error("{0}")]
    Unheld(String),
    /// There is no answer, or a refusal.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Something is missing from an answer.
    #[error("{0}")]
    Lacks(String),
    /// A part of an answer that is not what it should be.
    #[error("it sent {0}")]
    Unreadable(&'static str, #[source] DecodeError),
    /// A part of an answer that is not bytes in text.
    #[error(transparent)]
    Hex(#[from] HexError),
    /// A block or header that cannot be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A header that has no encoding.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A height that no block has.
    #[error(transparent)]
    Height(#[from] TryFromIntError),
    /// The list of validators that is trusted begins after the epoch that was asked for.
    #[error(
        "the list of validators is of epoch {first}, and cannot tell who validated in epoch {epoch}"
    )]
    BeforeList {
        /// The epoch of the list.
        first: u64,
        /// The one that was asked for.
        epoch: u64,
    },
    /// The validators of the epoch after this one are not certified yet.
    #[error("it does not show yet who validates after epoch {0}")]
    NotYet(u64),
}

impl PeerError {
    /// Returns that an answer does not hold, and why.
    pub fn unheld(words: impl Into<String>) -> Self {
        Self::Unheld(words.into())
    }

    /// Returns whether an answer does not hold: whoever gave it is wrong, or lies.
    #[must_use]
    pub const fn is_unheld(&self) -> bool {
        matches!(self, Self::Unheld(_))
    }
}

/// Returns that something is missing from an answer.
fn lacks(what: impl Into<String>) -> PeerError {
    PeerError::Lacks(what.into())
}

/// Returns an error and its causes in one line.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// A validator that tells of the chain.
#[derive(Debug)]
pub struct Peer {
    client: Client,
    /// The list that is trusted, and those that steps have led to: ascending by epoch, without a gap.
    lists: Vec<Trust>,
    /// The steps between them.
    steps: Vec<Step>,
}

/// A header that the validators finalised, the ordered block whose certificate says so, and the certificate.
#[derive(Debug, Clone)]
pub struct Certified {
    /// Of the block that was asked for.
    pub header: Header,
    /// The ordered block that names it as executed, or one after that.
    pub order: ConsensusHeader,
    /// The signatures of the validators under that one.
    pub certificate: Vec<u8>,
}

impl Peer {
    /// Returns the validator that answers at an address, before anything is asked, and the list that it is held against.
    #[must_use]
    pub fn new(address: SocketAddr, trust: Trust) -> Self {
        Self { client: Client::new(address), lists: vec![trust], steps: Vec::new() }
    }

    /// Returns the newest list that steps have led to, and the steps to it from the list that was trusted at first.
    #[must_use]
    pub fn followed(&self) -> Option<(&Trust, &[Step])> {
        Some((self.lists.last()?, &self.steps))
    }

    /// Returns the list of validators of an epoch, after following the committees to it.
    ///
    /// # Errors
    ///
    /// [`PeerError::BeforeList`] or [`PeerError::NotYet`] if the list does not lead there, and whatever a call may fail with.
    pub fn list_of(&mut self, epoch: u64) -> Result<&Trust, PeerError> {
        let first = self.lists.first().ok_or_else(no_list)?.epoch;
        let at = epoch.checked_sub(first).ok_or(PeerError::BeforeList { first, epoch })?;
        let at = usize::try_from(at)?;
        while self.lists.len() <= at {
            let newest = self.lists.last().ok_or_else(no_list)?.clone();
            let from = newest.epoch;
            let answer = self.client.call("steps", &json!({ "epoch": from }))?;
            let told = answer["steps"].as_array().ok_or_else(|| lacks("it sent no steps"))?;
            if told.is_empty() {
                return Err(PeerError::NotYet(from));
            }
            for step in told {
                let mut next = self.lists.last().ok_or_else(no_list)?.clone();
                let text = step.as_str().ok_or_else(|| lacks("a step that is no text"))?;
                let step = Step::decode(&decode_hex(text)?)
                    .map_err(|error| PeerError::Unreadable("no step", error))?;
                next.follow(&step).map_err(|error| PeerError::Unheld(with_causes(&error)))?;
                self.lists.push(next);
                self.steps.push(step);
            }
        }
        self.lists.get(at).ok_or_else(no_list)
    }

    /// Calls a method and returns its result, which is not checked.
    ///
    /// # Errors
    ///
    /// [`CallError`] if there is none.
    pub fn call(&mut self, method: &str, params: &Value) -> Result<Value, CallError> {
        self.client.call(method, params)
    }

    /// Calls a method and returns the bytes in a field of its result. They are not checked.
    ///
    /// # Errors
    ///
    /// [`PeerError`] if there is no answer, or no such field.
    pub fn bytes(
        &mut self,
        method: &str,
        params: &Value,
        field: &str,
    ) -> Result<Vec<u8>, PeerError> {
        let answer = self.client.call(method, params)?;
        let text =
            answer[field].as_str().ok_or_else(|| lacks(format!("{method} without {field}")))?;
        Ok(decode_hex(text)?)
    }

    /// Returns the height that it has executed.
    ///
    /// # Errors
    ///
    /// [`PeerError`] if there is no answer.
    pub fn height(&mut self) -> Result<u64, PeerError> {
        self.follow(0)
    }

    /// Waits until it has executed a block, or for some seconds; how far it has come.
    ///
    /// # Errors
    ///
    /// [`PeerError`] if there is no answer.
    pub fn follow(&mut self, height: u64) -> Result<u64, PeerError> {
        let answer = self.client.call("follow", &json!({ "height": height }))?;
        answer["height"].as_u64().ok_or_else(|| lacks("it sent no height"))
    }

    /// Returns the encoded genesis of the network.
    ///
    /// # Errors
    ///
    /// [`PeerError::Unheld`] if it is another than the list names.
    pub fn genesis(&mut self) -> Result<Vec<u8>, PeerError> {
        let genesis = self.bytes("genesis", &json!({}), "genesis")?;
        let found = Hash::of("genesis", &genesis);
        let named = self.lists.first().ok_or_else(no_list)?.anchor.genesis;
        if found != named {
            return Err(PeerError::unheld(format!(
                "it sent another genesis: {found}, not {named}"
            )));
        }
        Ok(genesis)
    }

    /// Returns the header of a block, checked down to the signatures.
    ///
    /// # Errors
    ///
    /// [`PeerError::Unheld`] if its certificate does not hold, or is of another block.
    pub fn certified(&mut self, height: u64) -> Result<Certified, PeerError> {
        let bytes = self.bytes("evidence", &json!({ "height": height }), "evidence")?;
        let proof = FinalityProof::decode(&bytes)
            .map_err(|error| PeerError::Unreadable("no evidence", error))?;
        let signed = proof.orders.last().map_or(0, ConsensusHeader::epoch);
        let unheld = |error| {
            let cause = with_causes(&error);
            PeerError::unheld(format!("its evidence for block {height} does not hold: {cause}"))
        };
        let (header, order) = proof.verify(self.list_of(signed)?).map_err(unheld)?;
        if header.height.blocks() != i128::from(height) {
            let words = format!("its evidence is of block {}, not {height}", header.height);
            return Err(PeerError::unheld(words));
        }
        Ok(Certified { header, order, certificate: proof.certificate })
    }

    /// Returns the newest header up to a height that is certified already, or soon.
    ///
    /// # Errors
    ///
    /// The last of the attempts' errors; one of an answer that does not hold before any other.
    pub fn certified_up_to(&mut self, from: u64, to: u64) -> Result<Certified, PeerError> {
        let started = Instant::now();
        loop {
            let mut last = None;
            // The newest blocks are named by no certified one yet.
            for height in (from..=to).rev().take(8) {
                match self.certified(height) {
                    Ok(certified) => return Ok(certified),
                    // What does not hold says more than what is not there.
                    Err(error) => last = last.filter(PeerError::is_unheld).or(Some(error)),
                }
            }
            let error = last.ok_or_else(|| lacks("there is no such block"))?;
            if started.elapsed() > CERTIFIED_MAX {
                return Err(error);
            }
            thread::park_timeout(ASK_AGAIN);
        }
    }

    /// Returns blocks with their headers, from a height on and no further than another. They are not checked.
    fn told(&mut self, from: u64, to: u64) -> Result<Vec<(Header, Block)>, PeerError> {
        let count = to.saturating_sub(from).saturating_add(1).min(BLOCKS_AT_ONCE);
        let answer = self.client.call("blocks", &json!({ "height": from, "count": count }))?;
        let told = answer.as_array().ok_or_else(|| lacks("it sent no blocks"))?;
        let field = |held: &Value, name: &str| -> Result<Vec<u8>, PeerError> {
            let text =
                held[name].as_str().ok_or_else(|| lacks(format!("a block without {name}")))?;
            Ok(decode_hex(text)?)
        };
        let blocks: Vec<(Header, Block)> = told
            .iter()
            .map(|held| {
                let header = codec::decode(&field(held, "header")?, limits::BLOCK_BYTES_MAX)?;
                Ok((header, codec::decode(&field(held, "block")?, limits::BLOCK_BYTES_MAX)?))
            })
            .collect::<Result<_, PeerError>>()?;
        let numbered = blocks.iter().zip(from..).all(|((header, block), height)| {
            header.height.blocks() == i128::from(height) && block.height == header.height
        });
        match numbered && !blocks.is_empty() {
            true => Ok(blocks),
            false => Err(PeerError::unheld(format!(
                "it sent other blocks than {from} and those after it"
            ))),
        }
    }

    /// Returns the block of a certified header.
    ///
    /// # Errors
    ///
    /// [`PeerError::Unheld`] if it sends another block.
    pub fn block(&mut self, header: &Header) -> Result<Block, PeerError> {
        let height = u64::try_from(header.height.blocks())?;
        let told = self.told(height, height)?;
        let (found, block) = told.into_iter().next().ok_or_else(|| lacks("it sent no block"))?;
        check_body(header, &block)?;
        match found == *header {
            true => Ok(block),
            false => Err(PeerError::unheld(format!(
                "it sent another header of block {height} than the certified one"
            ))),
        }
    }

    /// Returns some of the blocks after a header, the last of them no later than `to`: each the child of the one
    /// before, each with the body that its header names, and the last certified.
    ///
    /// # Errors
    ///
    /// [`PeerError::Unheld`] if one of them is not the child of the one before, has another body than its header names, or the
    /// last is not certified.
    pub fn blocks_after(
        &mut self,
        last: &Header,
        to: u64,
    ) -> Result<Vec<(Header, Block)>, PeerError> {
        let from = u64::try_from(last.height.blocks())?.saturating_add(1);
        let mut blocks = self.told(from, to)?;
        let end = from.saturating_add(u64::try_from(blocks.len())?).saturating_sub(1);
        let certified = self.certified_up_to(from, end)?;
        blocks.retain(|(header, _)| header.height <= certified.header.height);
        if blocks.last().is_none_or(|(header, _)| *header != certified.header) {
            return Err(PeerError::unheld(format!(
                "its block {} has another header than the certified one",
                certified.header.height
            )));
        }
        let mut parent = *last;
        for (header, block) in &blocks {
            if header.parent != parent.hash()? {
                let words =
                    format!("its block {} is not the child of the one before", header.height);
                return Err(PeerError::unheld(words));
            }
            check_body(header, block)?;
            parent = *header;
        }
        Ok(blocks)
    }
}

/// Checks that a block is the one that a header names.
fn check_body(header: &Header, block: &Block) -> Result<(), PeerError> {
    match block.body_hash()? == header.body && block.time == header.time {
        true => Ok(()),
        false => Err(PeerError::unheld(format!(
            "its block {} has another body than its header names",
            header.height
        ))),
    }
}

fn no_list() -> PeerError {
    lacks("there is no list")
}
