//! A validator as somebody sees it who believes only the list of validators: everything that it tells is checked before
//! it is returned.

use super::rpc::Client;
use anyhow::{Context, Result, bail};
use house::{MANIFEST_BYTES_MAX, Manifest, Offer};
use light::{Evidence, OrderHeader, Step, Trust};
use protocol::{Block, Hash, Header, codec, decode_hex, encode_hex, limits};
use serde_json::{Value, json};
use std::fmt;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};
use store::TreeTarget;

/// Blocks asked for in one request.
const BLOCKS_AT_ONCE: u64 = 64;
/// Longest wait for a block to be certified, where the chain goes on.
const CERTIFIED_MAX: Duration = Duration::from_secs(20);
/// Between two questions whether it is.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// An answer that does not hold: it is not what the validators have signed for, or nothing shows that it is.
///
/// Whatever else goes wrong, a node that does not answer or a disk that is full, says nothing about the chain.
#[derive(Debug)]
pub(crate) struct Unheld(String);

impl fmt::Display for Unheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unheld {}

impl Unheld {
    pub(crate) fn because(words: impl Into<String>) -> anyhow::Error {
        Self(words.into()).into()
    }

    /// Returns whether that is why something failed.
    pub(crate) fn is_cause_of(error: &anyhow::Error) -> bool {
        error.downcast_ref::<Self>().is_some()
    }
}

/// A validator that tells of the chain.
#[derive(Debug)]
pub(crate) struct Peer {
    client: Client,
    /// The list that is trusted, and those that steps have led to: ascending by epoch, without a gap.
    lists: Vec<Trust>,
    /// The steps between them.
    steps: Vec<Step>,
}

/// A header that the validators finalised, the ordered block whose certificate says so, and the certificate.
#[derive(Debug, Clone)]
pub(crate) struct Certified {
    pub(crate) header: Header,
    pub(crate) order: OrderHeader,
    pub(crate) certificate: Vec<u8>,
}

impl Peer {
    pub(crate) fn new(address: SocketAddr, trust: Trust) -> Self {
        Self { client: Client::new(address), lists: vec![trust], steps: Vec::new() }
    }

    /// Returns the newest list that steps have led to, and the steps to it from the list that was trusted at first.
    pub(crate) fn followed(&self) -> Option<(&Trust, &[Step])> {
        Some((self.lists.last()?, &self.steps))
    }

    /// Returns the list of validators of an epoch, after following the committees to it.
    pub(crate) fn list_of(&mut self, epoch: u64) -> Result<&Trust> {
        let first = self.lists.first().context("there is no list")?.epoch;
        let at = usize::try_from(epoch.checked_sub(first).with_context(|| {
            format!("the list of validators is of epoch {first}, and cannot tell who validated in epoch {epoch}")
        })?)?;
        while self.lists.len() <= at {
            let newest = self.lists.last().context("there is no list")?.clone();
            let from = newest.epoch;
            let answer = self.client.call("steps", &json!({ "epoch": from }))?;
            let told = answer["steps"].as_array().context("it sent no steps")?;
            if told.is_empty() {
                bail!("it does not show yet who validates after epoch {from}");
            }
            for step in told {
                let mut next = self.lists.last().context("there is no list")?.clone();
                let text = step.as_str().context("a step that is no text")?;
                let step = Step::decode(&decode_hex(text)?).context("it sent no step")?;
                next.follow(&step).map_err(|error| {
                    Unheld::because(format!("{:#}", anyhow::Error::from(error)))
                })?;
                self.lists.push(next);
                self.steps.push(step);
            }
        }
        self.lists.get(at).context("the list was just followed to")
    }

    fn bytes(&mut self, method: &str, params: &Value, field: &str) -> Result<Vec<u8>> {
        let answer = self.client.call(method, params)?;
        let text = answer[field].as_str().with_context(|| format!("{method} without {field}"))?;
        Ok(decode_hex(text)?)
    }

    /// Returns the height that it has executed.
    pub(crate) fn height(&mut self) -> Result<u64> {
        self.follow(0)
    }

    /// Waits until it has executed a block, or for some seconds; how far it has come.
    pub(crate) fn follow(&mut self, height: u64) -> Result<u64> {
        let answer = self.client.call("follow", &json!({ "height": height }))?;
        answer["height"].as_u64().context("it sent no height")
    }

    /// Returns the encoded genesis of the network.
    pub(crate) fn genesis(&mut self) -> Result<Vec<u8>> {
        let genesis = self.bytes("genesis", &json!({}), "genesis")?;
        let found = Hash::of("genesis", &genesis);
        let named = self.lists.first().context("there is no list")?.anchor.genesis;
        if found != named {
            return Err(Unheld::because(format!("it sent another genesis: {found}, not {named}")));
        }
        Ok(genesis)
    }

    /// Returns the header of a block, checked down to the signatures.
    pub(crate) fn certified(&mut self, height: u64) -> Result<Certified> {
        let bytes = self.bytes("evidence", &json!({ "height": height }), "evidence")?;
        let evidence = Evidence::decode(&bytes).context("it sent no evidence")?;
        let signed = evidence.orders.last().map_or(0, OrderHeader::epoch);
        let unheld = |error| {
            let cause = anyhow::Error::from(error);
            Unheld::because(format!("its evidence for block {height} does not hold: {cause:#}"))
        };
        let (header, order) = evidence.verify(self.list_of(signed)?).map_err(unheld)?;
        if header.height.blocks() != i128::from(height) {
            let words = format!("its evidence is of block {}, not {height}", header.height);
            return Err(Unheld::because(words));
        }
        Ok(Certified { header, order, certificate: evidence.certificate })
    }

    /// Returns the newest header up to a height that is certified already, or soon.
    pub(crate) fn certified_up_to(&mut self, from: u64, to: u64) -> Result<Certified> {
        let started = Instant::now();
        loop {
            let mut last = None;
            // The newest blocks are named by no certified one yet.
            for height in (from..=to).rev().take(8) {
                match self.certified(height) {
                    Ok(certified) => return Ok(certified),
                    // What does not hold says more than what is not there.
                    Err(error) => last = last.filter(Unheld::is_cause_of).or(Some(error)),
                }
            }
            let error = last.context("there is no such block")?;
            if started.elapsed() > CERTIFIED_MAX {
                return Err(error);
            }
            thread::park_timeout(ASK_AGAIN);
        }
    }

    /// Returns blocks with their headers, from a height on and no further than another. They are not checked.
    fn told(&mut self, from: u64, to: u64) -> Result<Vec<(Header, Block)>> {
        let count = to.saturating_sub(from).saturating_add(1).min(BLOCKS_AT_ONCE);
        let answer = self.client.call("blocks", &json!({ "height": from, "count": count }))?;
        let told = answer.as_array().context("it sent no blocks")?;
        let field = |held: &Value, name: &str| -> Result<Vec<u8>> {
            let text = held[name].as_str().with_context(|| format!("a block without {name}"))?;
            Ok(decode_hex(text)?)
        };
        let blocks: Vec<(Header, Block)> = told
            .iter()
            .map(|held| {
                let header = codec::decode(&field(held, "header")?, limits::BLOCK_BYTES_MAX)?;
                Ok((header, codec::decode(&field(held, "block")?, limits::BLOCK_BYTES_MAX)?))
            })
            .collect::<Result<_>>()?;
        let numbered = blocks.iter().zip(from..).all(|((header, block), height)| {
            header.height.blocks() == i128::from(height) && block.height == header.height
        });
        match numbered && !blocks.is_empty() {
            true => Ok(blocks),
            false => {
                Err(Unheld::because(format!("it sent other blocks than {from} and those after it")))
            }
        }
    }

    /// Returns the block of a certified header.
    pub(crate) fn block(&mut self, header: &Header) -> Result<Block> {
        let height = u64::try_from(header.height.blocks())?;
        let told = self.told(height, height)?;
        let (found, block) = told.into_iter().next().context("it sent no block")?;
        check_body(header, &block)?;
        match found == *header {
            true => Ok(block),
            false => Err(Unheld::because(format!(
                "it sent another header of block {height} than the certified one"
            ))),
        }
    }

    /// Returns some of the blocks after a header, the last of them no later than `to`: each the child of the one
    /// before, each with the body that its header names, and the last certified.
    pub(crate) fn blocks_after(&mut self, last: &Header, to: u64) -> Result<Vec<(Header, Block)>> {
        let from = u64::try_from(last.height.blocks())?.saturating_add(1);
        let mut blocks = self.told(from, to)?;
        let end = from.saturating_add(u64::try_from(blocks.len())?).saturating_sub(1);
        let certified = self.certified_up_to(from, end)?;
        blocks.retain(|(header, _)| header.height <= certified.header.height);
        if blocks.last().is_none_or(|(header, _)| *header != certified.header) {
            return Err(Unheld::because(format!(
                "its block {} has another header than the certified one",
                certified.header.height
            )));
        }
        let mut parent = *last;
        for (header, block) in &blocks {
            if header.parent != parent.hash()? {
                let words =
                    format!("its block {} is not the child of the one before", header.height);
                return Err(Unheld::because(words));
            }
            check_body(header, block)?;
            parent = *header;
        }
        Ok(blocks)
    }

    /// Returns what it offers, and the certified header that carries the hash of that.
    pub(crate) fn offer(&mut self) -> Result<(Offer, Certified)> {
        let answer = self.client.call("snapshot", &json!({}))?;
        let bytes = |name: &str| -> Result<Vec<u8>> {
            let text = answer[name].as_str().with_context(|| format!("an offer without {name}"))?;
            Ok(decode_hex(text)?)
        };
        let manifest: Manifest = codec::decode(&bytes("manifest")?, MANIFEST_BYTES_MAX)?;
        let target = TreeTarget::decode(&bytes("target")?).context("an offer without a tree")?;
        let height = u64::try_from(manifest.height.blocks())?;
        let certified = self.certified(height)?;
        if !manifest.is_of(&certified.header) {
            return Err(Unheld::because(format!(
                "its snapshot of block {height} is not the one that the validators certified"
            )));
        }
        Ok((Offer { manifest, target }, certified))
    }

    /// Returns the machine's state of an offer, chunk by chunk, each checked.
    pub(crate) fn state(&mut self, offer: &Offer) -> Result<Vec<u8>> {
        let height = u64::try_from(offer.manifest.height.blocks())?;
        let mut state = Vec::new();
        for index in 0..offer.manifest.chunks.len() {
            let chunk =
                self.bytes("chunk", &json!({ "height": height, "index": index }), "bytes")?;
            if !offer.manifest.holds(index, &chunk) {
                return Err(Unheld::because(format!(
                    "chunk {index} of its snapshot of block {height} is not the certified one"
                )));
            }
            state.extend_from_slice(&chunk);
        }
        match u64::try_from(state.len())? == offer.manifest.bytes {
            true => Ok(state),
            false => Err(Unheld::because(format!(
                "its snapshot of block {height} has another length than certified"
            ))),
        }
    }

    /// Carries a request for a piece of its authenticated state; whoever asks checks the answer.
    pub(crate) fn tree(&mut self, request: &[u8]) -> Result<Vec<u8>, String> {
        let params = json!({ "request": encode_hex(request) });
        self.bytes("tree", &params, "bytes").map_err(|error| format!("{error:#}"))
    }
}

/// Checks that a block is the one that a header names.
fn check_body(header: &Header, block: &Block) -> Result<()> {
    match block.body_hash()? == header.body && block.time == header.time {
        true => Ok(()),
        false => Err(Unheld::because(format!(
            "its block {} has another body than its header names",
            header.height
        ))),
    }
}
