//! The outside world of the network: what the traders send, and what each validator's feed reports.

use super::fleet::Fleet;
use super::people::People;
use crate::cli::DevnetArgs;
use crate::demo::crowd::Crowd;
use crate::demo::flow::Flow;
use crate::demo::listing::{CUSTODIAN, SIGNERS};
use crate::demo::{self, BTC, Stage};
use access::Network;
use anyhow::{Context, Result};
use machine::{Genesis, State};
use protocol::{Hash, Scopes, Transaction, codec};
use units::Price;

/// Client order numbers set aside for each block, so that a crowd that comes back never meets its own.
const CLIENTS_PER_BLOCK: u64 = 1 << 20;

/// Blocks after which deposits that have not arrived are sent again.
const DEPOSIT_BLOCKS: u64 = 10;

/// Everybody outside.
pub(super) struct Traffic<'a> {
    stage: &'a Stage,
    network: Network,
    people: People,
    crowd: Crowd,
    flow: Flow,
    /// Minutes of the flow that were played.
    flow_minute: i128,
    first: Price,
    validators: u16,
    /// How many times a block everybody acts.
    load: u16,
    /// The height for which traffic was sent last.
    sent_for: Option<u64>,
    /// Whether the newest block holds none of the reports for it.
    late: bool,
    /// The height for which the deposits were sent last.
    deposited_for: Option<u64>,
}

impl<'a> Traffic<'a> {
    /// Returns everybody, and the genesis with the addresses that they own.
    pub(super) fn new(
        stage: &'a Stage,
        args: &DevnetArgs,
        genesis: Genesis,
    ) -> Result<(Self, Genesis)> {
        let &DevnetArgs { seed, validators, load, .. } = args;
        let first = stage.tape.first_price(BTC).context("the scenario has no BTC price")?;
        let mut people = People::new(seed);
        let custodian = people.meet(CUSTODIAN, Scopes::DEPOSIT)?;
        let signers = SIGNERS.map(|signer| people.meet(signer, Scopes::GOVERN));
        let signers = signers.into_iter().collect::<Result<Vec<_>>>()?;
        let genesis = Genesis { custodian, signers, signed: true, ..genesis };
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
            late: false,
            deposited_for: None,
        };
        Ok((everybody, genesis))
    }

    pub(super) const fn network(&self) -> &Network {
        &self.network
    }

    /// Takes in how many reports the newest block holds.
    pub(super) fn saw(&mut self, reports: usize) {
        self.late = reports == 0;
    }

    /// Sends what belongs into the block after `height`, once.
    pub(super) fn play(&mut self, fleet: &mut Fleet, state: &State, height: u64) -> Result<()> {
        if self.sent_for == Some(height) {
            return Ok(());
        }
        if self.sent_for.is_none() && height > 0 {
            let first = (height + 1).saturating_mul(CLIENTS_PER_BLOCK);
            self.crowd.number_from(first);
            self.flow.number_from(first);
        }
        self.sent_for = Some(height);
        let number = i128::from(height) + 1;
        let index = usize::try_from(height)?;
        let Some(tick) = self.stage.tape.ticks.get(index) else { return Ok(()) };
        let mut transactions = Vec::new();
        if state.accounts.iter().next().is_none() {
            // They may still be on their way.
            let due = self.deposited_for.is_none_or(|at| height >= at + DEPOSIT_BLOCKS);
            if !self.people.is_registered(state, CUSTODIAN) || due {
                let registered = self.people.is_registered(state, CUSTODIAN);
                self.deposited_for = registered.then_some(height);
                transactions.extend(self.crowd.deposits());
                transactions.extend(self.flow.deposits());
            }
        } else {
            for _ in 0..self.load {
                transactions.extend(self.crowd.act(state, number, tick.time));
            }
            transactions.extend(self.flow_of_a_minute(state));
            transactions.extend(self.crowd.govern(state, self.first));
            transactions.extend(demo::drill(state, number));
        }
        // First, so that whoever proposes knows that there are some to wait for.
        for ahead in reported(self.late) {
            let Some(tick) = self.stage.tape.ticks.get(index + ahead) else { break };
            let (height, number) =
                (height + 1 + u64::try_from(ahead)?, number + i128::try_from(ahead)?);
            for vote in demo::votes(state, &self.stage.listing, tick, number, self.validators) {
                fleet.feed(height, &vote);
            }
        }
        fleet.submit(&self.people.sign(&self.network, state, transactions)?)
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

/// Returns for which of the next blocks to report, the first being 0. Who proposes waits for reports if one has come, or if
/// the block before had some, and else for nothing but commands: who came too late for one block comes too late for
/// the next as well, unless what it reports for the one after that is there before.
fn reported(late: bool) -> std::ops::RangeInclusive<usize> {
    0..=usize::from(late)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Plays blocks, each of which is proposed before the reports of its own turn come, unless the one before had
    /// reports or there is one already; whether each has some.
    fn played(
        reported: impl Fn(bool) -> std::ops::RangeInclusive<usize>,
        blocks: usize,
    ) -> Vec<bool> {
        let (mut given, mut had) = (BTreeSet::new(), vec![false]);
        for height in 1..=blocks {
            let before = had.last() == Some(&true);
            let waits = before || given.contains(&height);
            let now = reported(!before).map(|ahead| height + ahead);
            if waits {
                given.extend(now.clone());
            }
            had.push(given.contains(&height));
            given.extend(now);
        }
        had
    }

    #[test]
    fn a_feed_that_came_too_late_once_is_in_time_again_from_the_block_after_the_next() {
        assert_eq!(played(|_| 0..=0, 6), [false; 7], "one block late for ever");
        assert_eq!(played(reported, 6), [false, false, true, true, true, true, true]);
    }
}
