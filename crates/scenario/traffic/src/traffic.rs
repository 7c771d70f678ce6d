//! The outside world of the network: what the traders send, and what each validator's feed reports.

use crate::TrafficError;
use crate::people::People;
use access::Network;
use machine::{Genesis, State};
use protocol::limits::ATTESTATIONS_PER_CUSTODIAN_MAX;
use protocol::{DepositId, Hash, Scopes, Transaction, Vote, codec};
use std::ops::RangeInclusive;
use units::{BlockSpan, Price};
use world::crowd::{Arrived, Crowd, attested};
use world::flow::Flow;
use world::listing::{CUSTODIANS, SIGNERS};
use world::tape::{MINUTE, Tick};
use world::{BTC, Stage};

/// Client order numbers set aside for each block, so that a crowd that comes back never meets its own.
const CLIENTS_PER_BLOCK: u64 = 1 << 20;

/// Who plays, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Seed of everybody's keys and of what they do.
    pub seed: u64,
    /// How many validators report.
    pub validators: u16,
    /// How many times a block everybody acts.
    pub load: u16,
}

/// Everybody outside.
#[derive(Debug)]
pub struct Traffic<'a> {
    stage: &'a Stage,
    network: Network,
    people: People,
    crowd: Crowd,
    flow: Flow,
    /// Minutes of the flow that were played.
    flow_minute: i128,
    first: Price,
    validators: u16,
    load: u16,
    /// The height for which traffic was sent last.
    sent_for: Option<u64>,
    feed: Feed,
    /// Until every account is open.
    opening: Option<Opening>,
}

impl<'a> Traffic<'a> {
    /// Returns everybody, and the genesis with the addresses that they own.
    ///
    /// # Errors
    ///
    /// [`TrafficError::Absent`] if the stage has no prices.
    pub fn new(
        stage: &'a Stage,
        settings: Settings,
        genesis: Genesis,
    ) -> Result<(Self, Genesis), TrafficError> {
        let Settings { seed, validators, load } = settings;
        let first = stage
            .tape
            .first_price(BTC)
            .ok_or(TrafficError::Absent("the scenario has no BTC price"))?;
        let mut people = People::new(seed);
        let custodians = CUSTODIANS.map(|custodian| people.meet(custodian, Scopes::DEPOSIT));
        let custodians = custodians.into_iter().collect::<Result<Vec<_>, TrafficError>>()?;
        let signers = SIGNERS.map(|signer| people.meet(signer, Scopes::GOVERN));
        let signers = signers.into_iter().collect::<Result<Vec<_>, TrafficError>>()?;
        let genesis = Genesis { custodians, signers, signed: true, ..genesis };
        let mut crowd = Crowd::new(seed);
        crowd.rename(|alias| people.meet(alias, Scopes::TRADE.and(Scopes::CANCEL)))?;
        let mut flow = stage.flow.clone();
        flow.rename(|alias| people.meet(alias, Scopes::TRADE.and(Scopes::CANCEL)))?;
        let hash = Hash::of("genesis", &codec::encode(&genesis)?);
        let everybody = Self {
            stage,
            network: Network::new(&genesis.chain, hash),
            people,
            crowd,
            flow,
            flow_minute: 0,
            first,
            validators,
            load,
            sent_for: None,
            feed: Feed::default(),
            opening: Some(Opening::default()),
        };
        Ok((everybody, genesis))
    }

    /// Returns the network that everybody signs for.
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// Returns what the validators see for the next blocks, each with its height; to be handed in before commands are sent,
    /// so that whoever proposes knows that there are reports to wait for.
    ///
    /// # Errors
    ///
    /// [`TrafficError::Count`] if a height is beyond what this machine counts.
    pub fn reports(&mut self, state: &State, tip: u64) -> Result<Vec<(u64, Vote)>, TrafficError> {
        let mut reports = Vec::new();
        for height in self.feed.next(tip) {
            let index = usize::try_from(height)?.saturating_sub(1);
            let Some(tick) = self.tick(index) else { break };
            let listing = &self.stage.listing;
            let votes = world::votes(state, listing, tick, height.into(), self.validators);
            reports.extend(votes.into_iter().map(|vote| (height, vote)));
        }
        Ok(reports)
    }

    /// Returns what belongs into the block after `height`, once: submissions, in parts to be handed in one after the other.
    ///
    /// # Errors
    ///
    /// [`TrafficError`] if something cannot be signed.
    pub fn play(&mut self, state: &State, height: u64) -> Result<Vec<Vec<Vec<u8>>>, TrafficError> {
        if self.sent_for == Some(height) {
            return Ok(Vec::new());
        }
        if self.sent_for.is_none() && height > 0 {
            let first = (height + 1).saturating_mul(CLIENTS_PER_BLOCK);
            self.crowd.number_from(first);
            self.flow.number_from(first);
        }
        self.sent_for = Some(height);
        if let Some(submissions) = self.open(state, height)? {
            return Ok(vec![submissions]);
        }
        let number = i128::from(height) + 1;
        let index = usize::try_from(height)?;
        let Some(tick) = self.tick(index) else { return Ok(Vec::new()) };
        // A minute a block, as the tape.
        let beyond = index.saturating_add(1).saturating_sub(self.stage.tape.ticks.len());
        let span = BlockSpan::from_millis(MINUTE.saturating_mul(i128::try_from(beyond)?));
        let now = tick.time.after(span)?;
        let mut transactions = Vec::new();
        for _ in 0..self.load {
            transactions.extend(self.crowd.act(state, number, now));
        }
        transactions.extend(self.flow_of_a_minute(state));
        let mut parts = Vec::new();
        let signers = SIGNERS.iter();
        if signers.copied().all(|signer| self.people.is_registered(state, signer)) {
            let drill = world::drill(state, number);
            transactions.extend(self.crowd.govern(state, self.first, drill));
        } else {
            parts.push(self.people.register(&self.network, state, &SIGNERS)?);
        }
        parts.push(self.people.sign(&self.network, state, transactions)?);
        Ok(parts)
    }

    /// Returns what opens accounts that are not open yet, or what lets custodians attest it; `None` once all are open.
    fn open(&mut self, state: &State, height: u64) -> Result<Option<Vec<Vec<u8>>>, TrafficError> {
        let Some(opening) = &mut self.opening else { return Ok(None) };
        let arrived = self.flow.deposits().into_iter().chain(self.crowd.deposits());
        let missing = missing(state, arrived);
        if missing.is_empty() {
            self.opening = None;
            return Ok(None);
        }
        let [one, another, _] = CUSTODIANS;
        let submissions = self.people.register(&self.network, state, &[one, another])?;
        if !submissions.is_empty() {
            return Ok(Some(submissions));
        }
        let next = attested(opening.next(&missing, height));
        self.people.sign(&self.network, state, next).map(Some)
    }

    /// Returns what is seen in a block of the tape; beyond its end, what was seen last.
    fn tick(&self, index: usize) -> Option<&'a Tick> {
        let ticks = &self.stage.tape.ticks;
        ticks.get(index).or_else(|| ticks.last())
    }

    /// Returns what the recorded flow sends in its next minute, and what takes it away once it is over.
    fn flow_of_a_minute(&mut self, state: &State) -> Vec<Transaction> {
        let from = self.flow_minute * 60;
        if self.flow.seconds_left() <= from {
            let over = std::mem::take(&mut self.flow);
            return match std::mem::take(&mut self.flow_minute) {
                0 => Vec::new(),
                _ => over.close(),
            };
        }
        self.flow_minute += 1;
        self.flow.act(state, from..from + 60)
    }
}

/// A deposit and its number.
type Numbered = (u64, Arrived);

/// Returns those deposits, numbered from one on, that are not credited.
fn missing(state: &State, arrived: impl IntoIterator<Item = Arrived>) -> Vec<Numbered> {
    let credited = |(id, _): &Numbered| state.custody.is_credited(DepositId::new(*id));
    (1..).zip(arrived).filter(|held| !credited(held)).collect()
}

/// The opening of all accounts, by a part of the deposits at a time: who orders a block may put all that one custodian
/// attests before all that another does, and of one no more than some wait (0025-BLOCK-044).
#[derive(Debug, Default)]
struct Opening {
    /// Numbers of the deposits that were sent last.
    sent: Vec<u64>,
    /// The height for which they were.
    sent_for: u64,
}

impl Opening {
    /// Most deposits that are sent at once: the other half is left to what else may arrive.
    const AT_ONCE: usize = ATTESTATIONS_PER_CUSTODIAN_MAX / 2;

    /// Blocks after which deposits that have not arrived are sent again.
    const PATIENCE: u64 = 10;

    /// Returns the deposits to send next, of those that are missing: none while some of the last may be on their way.
    fn next(&mut self, missing: &[Numbered], height: u64) -> Vec<Numbered> {
        let under_way = missing.iter().any(|(id, _)| self.sent.contains(id));
        if under_way && height < self.sent_for.saturating_add(Self::PATIENCE) {
            return Vec::new();
        }
        let next: Vec<_> = missing.iter().take(Self::AT_ONCE).copied().collect();
        self.sent = next.iter().map(|(id, _)| *id).collect();
        self.sent_for = height;
        next
    }
}

/// Who reports, and how far it has come.
#[derive(Debug, Clone, Copy, Default)]
struct Feed {
    /// The height that was final when it reported last.
    tip: u64,
    /// The last block for which it has reported.
    to: u64,
}

impl Feed {
    /// Most blocks ahead: a validator takes no more.
    const AHEAD_MAX: u64 = 8;

    /// Returns the blocks to report for: those after the newest, as many as came since the last time and one more, but
    /// those for which it has reported.
    ///
    /// Who proposes waits for reports if one has come, or if the block before had some, and else for nothing but
    /// commands: whoever came too late for one block would come too late for all that follow.
    fn next(&mut self, tip: u64) -> RangeInclusive<u64> {
        let came = tip.saturating_sub(self.tip);
        let ahead = came.saturating_add(1).clamp(2, Self::AHEAD_MAX);
        let next = tip.max(self.to).saturating_add(1)..=tip.saturating_add(ahead);
        self.tip = tip;
        self.to = self.to.max(*next.end());
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use machine::Machine;
    use protocol::Block;
    use std::collections::BTreeSet;
    use units::BlockHeight;
    use world::crowd::ROLES;
    use world::listing;

    /// Opens the accounts of the demo in blocks that have all that one custodian attests before all that the other does, and
    /// loses what is sent for some heights; the house after so many blocks, and what was sent for each of them.
    fn opened(blocks: u64, lost: &[u64]) -> (Machine, Vec<usize>) {
        let stage = world::embedded().expect("a scenario");
        let seats = listing::seats(listing::VALIDATORS);
        let genesis = listing::genesis(&stage.listing, &stage.tape, "test", &seats).expect("ok");
        let (mut machine, _) = Machine::found(&genesis).expect("it founds");
        let (crowd, mut opening, mut sent) = (Crowd::new(1), Opening::default(), Vec::new());
        for (height, tick) in (0..blocks).zip(&stage.tape.ticks) {
            let next = opening.next(&missing(machine.state(), crowd.deposits()), height);
            sent.push(next.len());
            let mut transactions = attested(next);
            transactions.sort_by_key(|held| held.sender);
            transactions.retain(|_| !lost.contains(&height));
            let (state, number) = (machine.state(), i128::from(height) + 1);
            let block = Block {
                height: BlockHeight::from_blocks(number),
                time: tick.time,
                votes: world::votes(state, &stage.listing, tick, number, listing::VALIDATORS),
                offences: Vec::new(),
                transactions,
                grants: Vec::new(),
            };
            machine.apply(&block).expect("it follows");
        }
        (machine, sent)
    }

    /// Plays a chain that makes some blocks while a feed has its turn: whether the blocks of the last turns have reports. Those
    /// that are given in a turn are there from its second block on, or from its first, if that waits for them: if the block
    /// before has some, or one was there already.
    fn played(mut report: impl FnMut(u64) -> RangeInclusive<u64>, blocks: u64) -> bool {
        let (mut given, mut tip, mut had) = (BTreeSet::new(), 100, false);
        let mut all = true;
        for turn in 0..10 {
            let now = report(tip);
            for _ in 0..blocks {
                tip += 1;
                let waits = had || given.contains(&tip);
                had = given.contains(&tip) || (waits && now.contains(&tip));
                all &= had || turn < 2;
            }
            given.extend(now);
        }
        all
    }

    #[test]
    fn a_feed_that_came_too_late_is_in_time_again_however_fast_the_chain_is() {
        assert!(!played(|tip| tip + 1..=tip + 1, 1), "one block late for ever");
        for blocks in 1..=7 {
            let mut feed = Feed::default();
            assert!(played(|tip| feed.next(tip), blocks), "{blocks} blocks a turn");
        }
    }

    #[test]
    fn a_feed_reports_for_a_block_once_and_for_none_that_a_validator_does_not_take() {
        let mut feed = Feed::default();
        assert_eq!(feed.next(0), 1..=2);
        assert_eq!(feed.next(1), 3..=3);
        assert!(feed.next(1).is_empty());
        assert_eq!(feed.next(60), 61..=68, "after a pause");
        assert!(feed.next(61).is_empty());
    }

    #[test]
    fn every_account_of_the_demo_opens_though_one_custodian_attests_before_the_other() {
        let (machine, sent) = opened(20, &[]);
        let accounts: u16 = ROLES.iter().map(|(_, count)| count).sum();
        assert_eq!(machine.state().accounts.iter().count(), usize::from(accounts));
        assert_eq!(sent.iter().sum::<usize>(), Crowd::new(1).deposits().len(), "each once");
        assert!(sent.iter().all(|count| *count <= Opening::AT_ONCE), "{sent:?}");
        assert!(missing(machine.state(), Crowd::new(1).deposits()).is_empty(), "coins, too");
    }

    #[test]
    fn deposits_that_were_lost_are_sent_again_and_none_that_may_be_on_their_way() {
        let (machine, sent) = opened(40, &[0, 14]);
        assert!(missing(machine.state(), Crowd::new(1).deposits()).is_empty());
        let idle: Vec<_> = (0..25).filter(|height| sent.get(*height) == Some(&0)).collect();
        assert_eq!(idle, [1..10, 15..24].into_iter().flatten().collect::<Vec<_>>());
    }
}
