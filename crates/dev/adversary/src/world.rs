//! A history on the real machine: acts and deeds become blocks, as whoever proposes one arranges it.

use crate::act::{Act, Keys, Prices, Proposer, Sequence, Setup, Sources, Step, Tick};
use crate::house::{self, MARKETS, PRICES, START, account, market, owner, side_of, third};
use crate::reports::Truth;
use machine::{Claim, Machine, Outcome};
use protocol::{
    Address, AssetId, Block, Change, Command, DepositId, InstrumentId, ProposalId, Receipt,
    Refusal, Transaction, Vote, WithdrawalId,
};
use std::collections::{BTreeMap, BTreeSet};
use units::{Amount, BlockTime, Notional};

/// Parts per million.
const MILLION: i128 = 1_000_000;
/// Dollars of each bystander.
const WEALTH: i128 = 50_000_000;
/// Dollars of the one with little more than initial margin.
const LEVERAGED: i128 = 60_000;
/// Dollars of a whole crowd.
const CROWD: i128 = 80_000;
/// The highest vol that counts (0017-ORAC-017), in points.
const VOL_MAX: i128 = 50_000;
/// How far ahead of its clock a block's time may be, in milliseconds.
const DRIFT_MAX: i128 = 500;

/// Who sends a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// The coalition.
    Coalition,
    /// The market maker.
    Maker,
    /// The honest trader.
    Trader,
    /// Somebody who has just arrived.
    Stranger,
    /// An honest signer.
    Signer,
    /// An honest custodian.
    Custodian,
}

/// What whoever sent a command must be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    /// It may be refused.
    Nothing,
    /// Place an order.
    Order(InstrumentId),
    /// Attest a deposit.
    Attest(DepositId),
    /// Take out a little of what it has brought.
    Withdraw,
    /// Propose a change.
    Propose,
    /// Propose a change, to take it back.
    ProposeAndRevoke,
    /// Take back an approval.
    Revoke,
}

/// A command on its way into a block.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) from: From,
    pub(crate) asks: Asks,
    pub(crate) transaction: Transaction,
}

/// What a block has done.
#[derive(Debug)]
pub(crate) struct Applied {
    /// What the machine says.
    pub(crate) outcome: Outcome,
    /// What honest third parties asked for, and why it was refused, if it was.
    pub(crate) asked: Vec<(Asks, Option<Refusal>)>,
    /// Commands, and orders that were open before: what a block may have to do with.
    pub(crate) commands: usize,
}

/// The machine, and what everybody can see outside it.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) machine: Machine,
    /// What honest clocks say.
    pub(crate) now: i128,
    /// True prices, in micro-dollars.
    pub(crate) prices: [i128; 2],
    /// True vol of everything, in points.
    pub(crate) vol: i128,
    /// True basis of the last expiry in parts per million of the index; that of the first is a tenth.
    pub(crate) basis: i128,
    /// What is wrong with their sources in this block.
    pub(crate) sources: Sources,
    /// Options on whose vol enough validators have voted in this block.
    pub(crate) heard: BTreeSet<InstrumentId>,
    /// Whether honest validators alone are a quorum in this block.
    pub(crate) is_quorum: bool,
    /// How many sources there are, and how far from each other.
    pub(crate) about: Prices,
    /// All blocks so far, if they are kept.
    pub(crate) kept: Option<Vec<Block>>,
    /// What was true, block after block.
    pub(crate) past: Vec<Truth>,
    pub(crate) keys: Keys,
    pub(crate) quoted: u16,
    pub(crate) crowd: u16,
    pub(crate) client: u64,
    pub(crate) probe: u8,
    /// The number of the next deposit.
    pub(crate) deposits: u64,
    /// What honest custodians have attested.
    pub(crate) claims: BTreeMap<DepositId, Claim>,
    /// What they have paid.
    pub(crate) paid: BTreeSet<WithdrawalId>,
    /// Which honest signers approve of which proposals.
    pub(crate) approved: BTreeMap<ProposalId, BTreeSet<Address>>,
    /// Changes that they have agreed on.
    pub(crate) pledged: Vec<Change>,
    pub(crate) own_proposal: Option<ProposalId>,
    /// How many strangers have arrived, and who has just done so.
    pub(crate) strangers: u8,
    pub(crate) arriving: Option<u8>,
}

impl World {
    /// Founds a house, pays everybody in and lets the bystanders trade with each other.
    pub(crate) fn new(setup: &Setup) -> Self {
        Self::opened(setup, None)
    }

    /// The same, with all blocks kept.
    pub(crate) fn keeping(setup: &Setup) -> Self {
        Self::opened(setup, Some(Vec::new()))
    }

    fn opened(setup: &Setup, kept: Option<Vec<Block>>) -> Self {
        let about = setup.prices.unwrap_or(Prices { sources: house::SOURCES, apart: 0, basis: 0 });
        let mut world = Self {
            machine: house::found(setup),
            now: START,
            prices: PRICES,
            vol: 9_000,
            basis: about.basis.into(),
            sources: Sources::SOUND,
            heard: BTreeSet::new(),
            is_quorum: true,
            about,
            kept,
            past: Vec::new(),
            keys: setup.keys,
            quoted: setup.quoted,
            crowd: setup.crowd,
            client: 0,
            probe: 0,
            deposits: 1,
            claims: BTreeMap::new(),
            paid: BTreeSet::new(),
            approved: BTreeMap::new(),
            pledged: Vec::new(),
            own_proposal: None,
            strangers: 0,
            arriving: None,
        };
        let mut paid_in = Vec::new();
        for (place, dollars) in setup.capital.iter().enumerate() {
            let member = u8::try_from(place).expect("eight at most") + 1;
            paid_in.extend(world.deposit(
                account(member),
                AssetId::DOLLAR,
                i128::from(*dollars) * MILLION,
            ));
        }
        for number in 0..setup.crowd {
            let each = CROWD * MILLION / i128::from(setup.crowd);
            paid_in.extend(world.deposit(house::of_crowd(number), AssetId::DOLLAR, each));
        }
        let wealthy = [
            (third::LONG, WEALTH),
            (third::SHORT, WEALTH),
            (third::LEVERAGED, LEVERAGED),
            (third::MAKER, WEALTH),
            (third::PROBE, WEALTH),
        ];
        for (number, dollars) in wealthy.into_iter().chain(bystanders(setup)) {
            paid_in.extend(world.deposit(account(number), AssetId::DOLLAR, dollars * MILLION));
        }
        // Prices have to agree for some blocks before there is one.
        for _ in 0..6 {
            world.apply(&Tick::QUIET, Vec::new());
        }
        let paid_in = paid_in.into_iter().map(|sent| sent.transaction).collect();
        let paid = world.apply(&Tick::QUIET, paid_in);
        let refused = |receipt: &&Receipt| match receipt {
            // Credited on fewer words than it takes, which is for the judge to say.
            Receipt::Refused(refusal) => *refusal != Refusal::NotOutstanding,
            _ => false,
        };
        let refused = paid.receipts.iter().any(|receipt| refused(&receipt));
        assert!(!refused, "everybody is paid in: {:?}", paid.receipts);
        let mut opening = Vec::new();
        for place in 0..MARKETS {
            let lots = if side_of(market(place)) == 0 { 500 } else { 20_000 };
            opening.extend(world.trade(third::LONG, third::SHORT, place, lots));
        }
        if setup.leveraged {
            opening.extend(world.trade(third::LEVERAGED, third::SHORT, 0, 4_200));
        }
        if setup.prices.is_some() {
            opening.extend(world.stakes());
        }
        let opened = world.apply(&Tick::QUIET, opening);
        let refused = opened.receipts.iter().any(|receipt| matches!(receipt, Receipt::Refused(_)));
        assert!(!refused, "everybody comes to positions: {:?}", opened.receipts);
        if setup.prices.is_some() {
            // They keep what initial margin needs, and no more.
            let given = bystanders(setup).map(|(number, _)| world.given(number)).collect();
            let applied = world.apply(&Tick::QUIET, given);
            let done = applied.receipts.iter().all(|receipt| matches!(receipt, Receipt::Done));
            assert!(done, "bystanders give away what they may: {:?}", applied.receipts);
        }
        world
    }

    /// Returns the orders by which bystanders come to their positions.
    fn stakes(&mut self) -> Vec<Transaction> {
        use third::{BEAR, BULL, CARRY, LONG, SHORT, SPREAD, WRITER};
        let trades = [
            (BULL, SHORT, 0, 1_000),
            (LONG, BEAR, 0, 1_000),
            (LONG, WRITER, 3, 500),
            (LONG, WRITER, 8, 20_000),
            (SPREAD, SHORT, 0, 1_000),
            (LONG, SPREAD, 2, 1_000),
            (LONG, CARRY, 0, 1_000),
            (CARRY, SHORT, 2, 1_000),
        ];
        let trade = |(long, short, place, lots)| self.trade(long, short, place, lots);
        trades.into_iter().flat_map(trade).collect()
    }

    /// Gives away what initial margin does not need, but for a dollar.
    fn given(&self, number: u8) -> Transaction {
        let (asset, amount) =
            (AssetId::DOLLAR, Amount::from_minor((self.free(number) - MILLION).max(1)));
        let command = Command::Transfer { sub: 0, to: account(third::LONG), asset, amount };
        Transaction { sender: owner(number), command }
    }

    /// Applies one step: the world moves, the coalition acts, third parties answer.
    pub(crate) fn step(&mut self, step: &Step) -> Applied {
        for (side, price) in self.prices.iter_mut().enumerate() {
            *price += *price * i128::from(step.tick.index[side]) / MILLION;
        }
        self.vol = (self.vol + self.vol * i128::from(step.tick.vol) / MILLION).clamp(2_000, 20_000);
        self.basis = (self.basis + i128::from(step.tick.basis)).clamp(-40_000, 40_000);
        let sent = self.sent(&step.acts);
        let sent = match self.is_our_turn() {
            true => arranged(sent, &step.tick.proposer),
            false => sent,
        };
        let transactions: Vec<Transaction> =
            sent.iter().map(|sent| sent.transaction.clone()).collect();
        let commands = transactions.iter().map(rows).sum();
        let outcome = self.apply(&step.tick, transactions);
        self.answered(&sent, &outcome.receipts);
        let refusal = |receipt: &Receipt| match receipt {
            Receipt::Refused(refusal) => Some(*refusal),
            _ => None,
        };
        let asked = sent.iter().zip(&outcome.receipts);
        let asked = asked.filter(|(sent, _)| sent.asks != Asks::Nothing);
        let asked = asked.map(|(sent, receipt)| (sent.asks, refusal(receipt))).collect();
        Applied { outcome, asked, commands }
    }

    /// Returns what everybody sends.
    fn sent(&mut self, acts: &[Act]) -> Vec<Sent> {
        let sent = |from, asks, transaction| Sent { from, asks, transaction };
        let mut all = Vec::new();
        let arrived = self.arrived();
        let approvals = self.approvals();
        let mut deeds = Vec::new();
        for act in acts {
            match act {
                Act::Restart => self.restart(),
                Act::Third(deed) => deeds.extend(self.deed(*deed)),
                _ => {}
            }
            let coalition = self.command(act).into_iter();
            all.extend(coalition.map(|sends| sent(From::Coalition, Asks::Nothing, sends)));
        }
        let quotes = self.quotes().into_iter();
        all.extend(quotes.map(|sends| sent(From::Maker, Asks::Nothing, sends)));
        let command = Command::MassCancel { sub: 0, instrument: None };
        let before = Transaction { sender: house::owner(third::PROBE), command };
        all.push(sent(From::Trader, Asks::Nothing, before));
        let order = self.probe_order();
        all.extend(order.map(|(id, order)| sent(From::Trader, Asks::Order(id), order)));
        all.push(self.honest_signer());
        all.extend(arrived.into_iter().chain(approvals).chain(deeds));
        all
    }

    /// Whether a validator of the coalition proposes the next block: they take turns.
    fn is_our_turn(&self) -> bool {
        let (count, ours) = self.keys.validators;
        self.machine.state().height.blocks() % i128::from(count) < i128::from(ours)
    }

    /// Notes what honest signers have done.
    fn answered(&mut self, sent: &[Sent], receipts: &[Receipt]) {
        for (sent, receipt) in sent.iter().zip(receipts) {
            let sender = sent.transaction.sender;
            match (&sent.transaction.command, receipt) {
                (_, Receipt::Proposal(id)) if sent.from == From::Signer => {
                    self.approved.entry(*id).or_default().insert(sender);
                    if sent.asks == Asks::ProposeAndRevoke {
                        self.own_proposal = Some(*id);
                    }
                }
                (Command::Approve { proposal, .. }, Receipt::Done) if sent.from == From::Signer => {
                    self.approved.entry(*proposal).or_default().insert(sender);
                }
                (Command::Revoke { proposal }, _) if sent.asks == Asks::Revoke => {
                    self.approved.entry(*proposal).or_default().remove(&sender);
                    self.own_proposal = None;
                }
                _ => {}
            }
        }
    }

    fn apply(&mut self, tick: &Tick, transactions: Vec<Transaction>) -> Outcome {
        self.now += i128::from(tick.seconds) * 1_000;
        let ours = self.is_our_turn();
        self.sources = tick.sources;
        let mut votes = self.votes(tick);
        self.past.push(self.truth());
        let mut time = self.now;
        if ours {
            let after = self.machine.state().time.millis() + 1;
            time = (time + i128::from(tick.proposer.skew).min(DRIFT_MAX)).max(after);
            if tick.proposer.omits & Proposer::A_REPORT != 0 {
                votes.pop();
            }
            if tick.proposer.omits & Proposer::REPORTS != 0 {
                votes.truncate(self.keys.validators.1.into());
            }
        }
        let (validators, liars) = self.keys.validators;
        self.heard = heard(&votes, validators);
        let honest = votes.iter().filter(|vote| vote.validator.get() > liars.into()).count();
        self.is_quorum = honest * 3 > usize::from(validators) * 2;
        let block = Block {
            height: self.machine.state().height.next().expect("heights suffice"),
            time: BlockTime::from_millis(time),
            votes,
            offences: Vec::new(),
            transactions,
            grants: Vec::new(),
        };
        let outcome = self.machine.apply(&block).expect("the block follows");
        if let Some(kept) = &mut self.kept {
            kept.push(block);
        }
        outcome
    }

    fn restart(&mut self) {
        let written = self.machine.snapshot().expect("a state is encodable");
        self.machine = Machine::restore(&written).expect("what was written is a state");
    }

    /// Returns the time of the last block.
    pub(crate) fn block_time(&self) -> i128 {
        self.machine.state().time.millis()
    }

    /// Returns what is with the house of an asset: what came in less what left.
    pub(crate) fn custody(&self, asset: AssetId) -> i128 {
        -self.machine.state().ledger.balance(ledger::Holder::Outside, asset).minor()
    }
}

/// Returns who holds positions with little behind them where a history is about prices, and the dollars that they bring.
fn bystanders(setup: &Setup) -> impl Iterator<Item = (u8, i128)> {
    use third::{BEAR, BULL, CARRY, SPREAD, WRITER};
    let stakes =
        [(BULL, 15_000), (BEAR, 15_000), (SPREAD, 15_000), (CARRY, 15_000), (WRITER, 25_000)];
    stakes.into_iter().filter(|_| setup.prices.is_some())
}

/// Returns the options on whose vol more than two thirds of so many validators vote.
fn heard(votes: &[Vote], validators: u8) -> BTreeSet<InstrumentId> {
    let mut counts: BTreeMap<InstrumentId, u8> = BTreeMap::new();
    for vote in votes {
        let sane = vote.vols.iter().filter(|held| held.vol.points() <= VOL_MAX);
        let named: BTreeSet<_> = sane.map(|held| held.instrument).collect();
        named.into_iter().for_each(|id| *counts.entry(id).or_default() += 1);
    }
    let enough = counts.into_iter().filter(|(_, count)| count * 3 > validators * 2);
    enough.map(|(id, _)| id).collect()
}

/// Returns how many rows a command may write.
fn rows(transaction: &Transaction) -> usize {
    match &transaction.command {
        Command::MassQuote { quotes, .. } => quotes.len().max(1),
        _ => 1,
    }
}

/// Returns the commands as a proposer of the coalition puts them into its block.
fn arranged(mut sent: Vec<Sent>, proposer: &Proposer) -> Vec<Sent> {
    let bit = |from: From| match from {
        From::Coalition => 0,
        From::Maker => Proposer::QUOTES,
        From::Trader | From::Stranger => Proposer::TRADER,
        From::Signer => Proposer::SIGNERS,
        From::Custodian => Proposer::CUSTODIANS,
    };
    sent.retain(|sent| proposer.omits & bit(sent.from) == 0);
    let (ours, mut others): (Vec<Sent>, Vec<Sent>) =
        sent.into_iter().partition(|sent| sent.from == From::Coalition);
    match proposer.sequence {
        Sequence::AsSent => [ours, others].concat(),
        Sequence::Last => [others, ours].concat(),
        Sequence::Backwards => {
            let mut all = [ours, others].concat();
            all.reverse();
            all
        }
        Sequence::Between => {
            let after = others.split_off(others.len() / 2);
            [others, ours, after].concat()
        }
    }
}

/// Returns dollars of micro-dollars, for people.
pub(crate) fn dollars(micros: i128) -> String {
    let amount = Notional::from_micros(micros);
    format!("{amount}")
}
