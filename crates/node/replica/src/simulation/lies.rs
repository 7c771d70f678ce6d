//! A validator that lies (a Byzantine one): everything that leaves it passes through here, and so do the blocks that it
//! proposes.
//!
//! It runs the same program as the others, on a machine that computes rightly; what it lies about is what it says. Its
//! contradicting votes are signed with its key and around its guard.
//!
//! **Left out:** lies about what no signature covers and the engine checks by itself, such as malformed messages: they
//! get a peer blocked, which is the same as withholding everything.

use super::chance::Chance;
use crate::consensus::block::Block;
use crate::consensus::committee::Committees;
use crate::consensus::evidence::Evidence;
use crate::consensus::round;
use crate::engine::Digest;
use crate::proposal::payload::Payload;
use commonware_codec::{Copying, DecodeExt as _, Encode as _, varint::UInt};
use commonware_consensus::simplex::{
    scheme::ed25519::Scheme,
    types::{ConflictingNotarize, Finalize, Notarize, Nullify, Proposal, Vote},
};
use commonware_consensus::types::View;
use commonware_cryptography::{
    Digestible as _,
    ed25519::{PrivateKey, PublicKey},
};
use commonware_p2p::utils::mux;
use commonware_runtime::IoBufs;
use light::{Clock, ConsensusHeader};
use protocol::{Hash, Offence, OffenceKind, ValidatorId, codec};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use units::{BlockHeight, BlockTime};

/// Proposals of which a liar remembers the twin.
const TWINS_KEPT: usize = 64;
/// The channels that a liar tampers with, by their place in [`crate::engine::CHANNELS`].
const VOTES: usize = 0;
const BACKFILL: usize = 3;
const BLOCKS: usize = 4;

/// How often a lying validator does what it must not: each time that it could, with a chance in a hundred.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lies {
    /// Proposes a block that breaks a rule: parent, height, time, view, proposer, outcome, payload, or evidence that slanders.
    pub wrong_blocks: u8,
    /// Proposes two blocks, one to some validators and one to the rest.
    pub twin_blocks: u8,
    /// Signs a vote that contradicts the one before it.
    pub double_votes: u8,
    /// Keeps a vote from some.
    pub withheld_votes: u8,
    /// Keeps a block from some.
    pub withheld_blocks: u8,
    /// Does not answer one who asks for a block.
    pub silences: u8,
}

/// The second of two blocks, and who gets it.
#[derive(Debug, Clone)]
struct Twin {
    block: Block,
    misled: Vec<PublicKey>,
}

/// What is sent, and to whom.
pub(crate) type Sending = (Vec<PublicKey>, IoBufs);

/// A lying validator.
#[derive(Debug)]
pub(crate) struct Liar {
    lies: Lies,
    key: PrivateKey,
    clock: Clock,
    peers: Vec<PublicKey>,
    told: Mutex<Told>,
    /// What its own validator knows of the committees, once it runs.
    committees: Mutex<Option<Arc<Committees>>>,
}

#[derive(Debug)]
struct Told {
    chance: Chance,
    twins: BTreeMap<Digest, Twin>,
}

impl Liar {
    pub(crate) fn new(
        lies: Lies,
        key: PrivateKey,
        clock: Clock,
        peers: Vec<PublicKey>,
        seed: u64,
    ) -> Arc<Self> {
        let told = Told { chance: Chance::new(seed), twins: BTreeMap::new() };
        let (told, committees) = (Mutex::new(told), Mutex::new(None));
        Arc::new(Self { lies, key, clock, peers, told, committees })
    }

    pub(crate) fn learn(&self, committees: Arc<Committees>) {
        *self.committees.lock().unwrap_or_else(PoisonError::into_inner) = Some(committees);
    }

    /// Returns what signs votes of an epoch around the guard, if the liar has a seat in it.
    fn scheme(&self, epoch: u64) -> Option<Scheme> {
        let known = self.committees.lock().unwrap_or_else(PoisonError::into_inner);
        let committees = known.as_ref()?;
        let participants = committees.of(epoch)?.participants().clone();
        Scheme::signer(&committees.namespace, participants, self.key.clone())
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn peers(&self) -> &[PublicKey] {
        &self.peers
    }

    /// Returns the block that is proposed instead of an honest one.
    pub(crate) fn proposes(&self, block: Block, parent: &Block) -> Block {
        let mut told = self.told();
        if told.chance.percent(self.lies.wrong_blocks) {
            return self.wrong(&mut told.chance, &block, parent).unwrap_or(block);
        }
        if told.chance.percent(self.lies.twin_blocks)
            && let Some(twin) = self.twin(&block)
        {
            let misled = told.chance.some(&self.peers);
            told.twins.insert(block.digest(), Twin { block: twin, misled });
            while told.twins.len() > TWINS_KEPT {
                told.twins.pop_first();
            }
        }
        block
    }

    /// Returns a block that breaks one of the rules by which honest validators vote.
    fn wrong(&self, chance: &mut Chance, block: &Block, parent: &Block) -> Option<Block> {
        let header = block.header;
        let payload = block.payload.to_vec();
        let lie = Hash::of("lie", header.parent.bytes());
        let later = |by: i128| BlockTime::from_millis(header.time.millis() + by);
        let above = |by: i128| BlockHeight::from_blocks(header.height.blocks() + by);
        let garbage = |bytes: &[u8]| bytes.iter().map(|byte| byte ^ 0x55).collect::<Vec<u8>>();
        let (header, payload) = match chance.below(11) {
            0 => (ConsensusHeader { parent: lie, ..header }, payload),
            1 => (ConsensusHeader { height: above(1), ..header }, payload),
            2 => (ConsensusHeader { time: parent.header.time, ..header }, payload),
            // Hours ahead of everybody's clock; under fixed steps, one step too many.
            3 => (ConsensusHeader { time: later(3_600_000), ..header }, payload),
            4 => (ConsensusHeader { round: header.round + 1, ..header }, payload),
            5 => (ConsensusHeader { proposer: ValidatorId::new(0xFFFF), ..header }, payload),
            6 => (ConsensusHeader { executed: lie, ..header }, payload),
            7 => (ConsensusHeader { executed_height: header.height, ..header }, payload),
            8 => (header, garbage(&payload)),
            9 => {
                let evidence = vec![self.slander(&header)?];
                (header, codec::encode(&Payload { evidence, ..Payload::default() }).ok()?)
            }
            _ => {
                let submissions = vec![garbage(lie.bytes())];
                (header, codec::encode(&Payload { submissions, ..Payload::default() }).ok()?)
            }
        };
        Block::new(header, payload).ok()
    }

    /// Returns evidence against an honest validator: two votes that the liar has signed itself.
    fn slander(&self, header: &ConsensusHeader) -> Option<Evidence> {
        let round = round::engine(header.round);
        let scheme = self.scheme(round.epoch().get())?;
        let vote = |block: u8| {
            let proposal = Proposal::new(round, View::zero(), Digest::from([block; 32]));
            Notarize::<Scheme, Digest>::sign(&scheme, proposal)
        };
        let votes = ConflictingNotarize::new(vote(1)?, vote(2)?).encode().to_vec();
        let validator = ValidatorId::new(if header.proposer.get() == 1 { 2 } else { 1 });
        let kind = OffenceKind::TwoBlocks;
        Some(Evidence { offence: Offence { validator, round: header.round, kind }, votes })
    }

    /// Returns another block that is as good as the one given.
    fn twin(&self, block: &Block) -> Option<Block> {
        let mut payload = Payload::read(&block.payload).ok()?;
        let mut header = block.header;
        if payload.submissions.pop().is_none() && payload.reports.pop().is_none() {
            if matches!(self.clock, Clock::Step { .. }) {
                return None;
            }
            header.time = BlockTime::from_millis(header.time.millis() + 1);
        }
        Block::new(header, codec::encode(&payload).ok()?).ok()
    }

    /// Returns what is sent in place of a message.
    pub(crate) fn sends(
        &self,
        channel: usize,
        to: Vec<PublicKey>,
        message: IoBufs,
    ) -> Vec<Sending> {
        let mut told = self.told();
        match channel {
            VOTES => {
                let message = message.coalesce();
                // The channel is parted by epoch: its number stands first.
                let read = mux::parse(message.clone()).ok().and_then(|(epoch, vote)| {
                    let scheme = self.scheme(epoch)?;
                    Some((epoch, scheme, Vote::decode(Copying(vote.as_ref())).ok()?))
                });
                match read {
                    Some((epoch, scheme, vote)) => self.votes(&mut told, &scheme, epoch, &vote, to),
                    None => vec![(to, message.into())],
                }
            }
            BACKFILL if told.chance.percent(self.lies.silences) => Vec::new(),
            BLOCKS => {
                let message = message.coalesce();
                let to = match told.chance.percent(self.lies.withheld_blocks) {
                    true => told.chance.some(&to),
                    false => to,
                };
                let twin = Block::decode(Copying(message.as_ref()))
                    .ok()
                    .and_then(|block| told.twins.get(&block.digest()).cloned());
                match twin {
                    Some(Twin { block, misled }) => {
                        let (misled, rest) = split(to, &misled);
                        vec![(misled, block.encode().into()), (rest, message.into())]
                    }
                    None => vec![(to, message.into())],
                }
            }
            _ => vec![(to, message)],
        }
    }

    fn votes(
        &self,
        told: &mut Told,
        scheme: &Scheme,
        epoch: u64,
        vote: &Vote<Scheme, Digest>,
        to: Vec<PublicKey>,
    ) -> Vec<Sending> {
        let sealed = |vote: &Vote<Scheme, Digest>| {
            IoBufs::from([UInt(epoch).encode().to_vec(), vote.encode().to_vec()].concat())
        };
        let to = match told.chance.percent(self.lies.withheld_votes) {
            true => told.chance.some(&to),
            false => to,
        };
        if let Vote::Notarize(own) = vote
            && let Some(Twin { block, misled }) = told.twins.get(&own.proposal.payload).cloned()
        {
            let other = Proposal::new(own.proposal.round, own.proposal.parent, block.digest());
            let Some(other) = Notarize::sign(scheme, other) else { return Vec::new() };
            let (misled, rest) = split(to, &misled);
            // Sometimes one of those misled sees the other vote, too.
            let careless = told.chance.percent(30);
            let mut sent =
                vec![(misled.clone(), sealed(&Vote::Notarize(other))), (rest, sealed(vote))];
            if careless {
                sent.push((misled, sealed(vote)));
            }
            return sent;
        }
        let mut sent = vec![(to.clone(), sealed(vote))];
        if told.chance.percent(self.lies.double_votes)
            && let Some(second) = contradicts(&mut told.chance, scheme, vote)
        {
            sent.push((told.chance.some(&to), sealed(&second)));
        }
        sent
    }
}

/// Returns a vote that contradicts one.
fn contradicts(
    chance: &mut Chance,
    scheme: &Scheme,
    vote: &Vote<Scheme, Digest>,
) -> Option<Vote<Scheme, Digest>> {
    let other = |proposal: &Proposal<Digest>| {
        let payload = Digest::from(*Hash::of("lie", proposal.payload.as_ref()).bytes());
        Proposal::new(proposal.round, proposal.parent, payload)
    };
    match vote {
        Vote::Notarize(own) => Notarize::sign(scheme, other(&own.proposal)).map(Vote::Notarize),
        Vote::Finalize(own) if chance.percent(50) => {
            Finalize::sign(scheme, other(&own.proposal)).map(Vote::Finalize)
        }
        Vote::Finalize(own) => {
            Nullify::sign::<Digest>(scheme, own.proposal.round).map(Vote::Nullify)
        }
        Vote::Nullify(_) => None,
    }
}

/// Divides those in a list from those that are not.
fn split(all: Vec<PublicKey>, list: &[PublicKey]) -> (Vec<PublicKey>, Vec<PublicKey>) {
    all.into_iter().partition(|peer| list.contains(peer))
}
