//! What must never come of a history, whoever acts in it.
//!
//! An account is *anchored* at the prices at which its equity last covered initial margin. As long as prices stay within what
//! margin is measured for, its equity stays above zero, whatever anybody does: so nobody else pays for it. What prices do
//! beyond that is all that a fund may ever have to pay.

mod accounts;
mod bounds;
mod bystanders;
mod keys;
mod market;
mod money;
mod room;
mod vols;

use crate::act::Setup;
use crate::house::{UNDERLYINGS, account, is_ours, third};
use crate::run::Nearness;
use crate::world::{Applied, World, dollars};
use accounts::Anchor;
use bounds::Bounds;
use machine::State;
use margin::{Requirement, Risk};
use money::Purse;
use protocol::{
    AccountId, AccountIndex, Address, AssetId, Change, DepositId, Event, InstrumentId, ProposalId,
    WithdrawalId,
};
use std::collections::{BTreeMap, BTreeSet};
use units::Amount;

/// Parts per million.
const MILLION: i128 = 1_000_000;
/// Micro-dollars that rounding may come to in a history.
const DUST: i128 = 1_000_000;

/// Nothing, or the rule that is broken and how.
type Verdict = Result<(), (Rule, String)>;

/// Which rule was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The house halted: its own books do not balance.
    HouseHalts,
    /// A fault of the machine was contained: somebody reaches what nobody should.
    Faulted,
    /// Less than nothing is in custody.
    Custody,
    /// What everybody has is not what came in less what left.
    Conservation,
    /// An account owes more than it has though prices stayed within what its margin is for.
    BelowZero,
    /// An account owes more than prices moved beyond what its margin is for.
    BeyondRange,
    /// The coalition holds more than it brought and the marks paid it.
    Stolen,
    /// The coalition took out more than it brought, and what is left does not pay everybody else.
    Uncovered,
    /// An account below maintenance margin is not reduced though all that it holds is quoted.
    NotLiquidated,
    /// The house traded for an account beyond the band of a liquidation.
    FarFill,
    /// Somebody honest could not do what he may because others had filled a table.
    ShutOut,
    /// A block did more than it has room for.
    Work,
    /// Fewer signers than it takes changed something, or hindered those who are enough.
    Council,
    /// Fewer signers than it takes stopped a market for longer than one may.
    Paused,
    /// One custodian made money.
    Minted,
    /// One custodian struck out what was never paid, or changed where it goes.
    Unpaid,
    /// Less than a third of the stake, or one source, moved an index, a vol or a basis out of what was true since it was last voted.
    Misled,
    /// A mark is farther from what is true than honest quotes of the last half-lives of a premium were.
    Leaned,
    /// Somebody was taken on as below maintenance margin who is above it at what is true.
    TakenOn,
    /// Somebody who did nothing lost more than his positions did at what is true.
    Robbed,
    /// A contract settled at another price than the average of what everybody saw, while it was fresh.
    Settlement,
}

/// A rule that was broken, when, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Which.
    pub rule: Rule,
    /// In which step.
    pub step: usize,
    /// What was seen.
    pub seen: String,
}

/// What everybody saw in a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// When, in milliseconds.
    pub(crate) at: i128,
    /// True prices.
    pub(crate) prices: [i128; 2],
    /// Whether it set the index of each.
    pub(crate) set: [bool; 2],
    /// Whether it set it to what it found, not held back, and near its average.
    pub(crate) shown: [bool; 2],
}

#[derive(Debug)]
struct Watched {
    id: AccountId,
    place: AccountIndex,
    ours: bool,
    anchor: Option<Anchor>,
    /// Blocks in a row below maintenance margin, all quoted, without a reduction.
    waits: u32,
    held: BTreeMap<InstrumentId, i128>,
    /// What it held before the last block.
    before: BTreeMap<InstrumentId, i128>,
    /// Its equity at the marks, and what that was at what is true.
    equity: i128,
    worth: Option<i128>,
    /// Whether the house took it on in the last block.
    pursued: bool,
    /// Its coins on either underlying.
    coins: [i128; 2],
    /// Whether vols or bases have been farther than margin is measured for since it was last covered.
    stirred: bool,
    /// How far indices have been from where it was last covered, in parts per million.
    far: [i128; 2],
    /// What prices did beyond its range, as long as it owes because of that.
    beyond: i128,
    /// The most that it has held on either underlying since it was last covered.
    most: [i128; 2],
    /// What the house has paid of its debts since then.
    paid: i128,
    /// The most that it has owed since it was last covered.
    owed: i128,
}

/// Watches a history.
#[derive(Debug)]
pub(crate) struct Judge {
    watched: Vec<Watched>,
    members: u8,
    quoted: u16,
    /// What third parties had at the start.
    third: i128,
    /// What the coalition has brought and taken, what others have, and what funds have in coins for dollars.
    ours: Purse,
    theirs: Purse,
    fund_coins: Purse,
    /// What everybody saw, block after block.
    seen: Vec<Seen>,
    /// What prices may be.
    bounds: Bounds,
    /// When the block before the last was.
    block_at: i128,
    /// How long a price holds, in milliseconds.
    holds: i128,
    paused: BTreeMap<InstrumentId, i128>,
    /// Markets that honest signers stopped.
    stopped: BTreeSet<InstrumentId>,
    /// Changes that must come about in the next block.
    promised: BTreeMap<ProposalId, Change>,
    credited: BTreeSet<DepositId>,
    /// What is to be paid, and where to.
    payable: BTreeMap<WithdrawalId, (Address, AssetId, Amount)>,
    /// What accounts have owed that are covered again: each debt was judged when it was made.
    owed: i128,
    /// Orders that were open after the last block.
    orders: usize,
    /// How near it came to breaking something.
    pub(crate) nearness: Nearness,
    step: usize,
}

impl Judge {
    pub(crate) fn new(world: &World, setup: &Setup) -> Self {
        let mut judge = Self {
            watched: Vec::new(),
            members: u8::try_from(setup.capital.len()).expect("eight at most"),
            quoted: setup.quoted,
            third: 0,
            ours: Purse::default(),
            theirs: Purse::default(),
            fund_coins: Purse::default(),
            seen: Vec::new(),
            bounds: Bounds::default(),
            block_at: 0,
            holds: if setup.slow { 60_000 } else { 10_000 },
            paused: BTreeMap::new(),
            stopped: BTreeSet::new(),
            promised: BTreeMap::new(),
            credited: BTreeSet::new(),
            payable: BTreeMap::new(),
            owed: 0,
            orders: 0,
            nearness: Nearness::default(),
            step: 0,
        };
        judge.meet(world);
        // So far nobody has lied.
        drop(judge.bounds.look(world));
        judge.block_at = world.block_time();
        let state = world.machine.state();
        for (id, claim) in &world.claims {
            let account = state.accounts.index(claim.account);
            judge.credited.insert(*id);
            if let Some(account) = account.filter(|_| is_ours(claim.account, judge.members)) {
                let (id, asset, amount) = (*id, claim.asset, claim.amount);
                judge.moves(&Event::Deposited { id, account, asset, amount });
            }
        }
        if let Ok(risk) = state.risk() {
            judge.third = judge.equities(state, &risk, false);
        }
        judge
    }

    /// Notes who is new.
    fn meet(&mut self, world: &World) {
        let accounts = &world.machine.state().accounts;
        if accounts.len() == self.watched.len() {
            return;
        }
        let new = accounts.iter().skip(self.watched.len());
        let watched = new.map(|(place, held)| Watched {
            id: held.id,
            place,
            ours: is_ours(held.id, self.members),
            anchor: None,
            stirred: false,
            far: [0; 2],
            waits: 0,
            held: accounts::lots_of(held),
            before: BTreeMap::new(),
            equity: 0,
            worth: None,
            pursued: false,
            coins: [0; 2],
            beyond: 0,
            most: [0; 2],
            paid: 0,
            owed: 0,
        });
        let watched: Vec<Watched> = watched.collect();
        self.watched.extend(watched);
    }

    /// Looks at what a block has done.
    pub(crate) fn look(&mut self, world: &World, applied: &Applied) -> Result<(), Breach> {
        let now = world.machine.state();
        self.meet(world);
        let index_set = UNDERLYINGS.map(|id| {
            let feed = &now.underlyings.get(&id)?.feed;
            let index = feed.index().filter(|index| index.updated_at == now.time)?;
            let average = feed.average(now.time).ok().flatten()?.micros();
            // 0017-ORAC-013: one that has diverged is a reason to freeze.
            let diverged = (index.price.micros() - average).abs() * 2 > average;
            Some(!index.clamped && !diverged)
        });
        self.seen.push(Seen {
            at: world.block_time(),
            prices: world.prices,
            set: index_set.map(|set| set.is_some()),
            shown: index_set.map(|set| set == Some(true)),
        });
        let events = &applied.outcome.events;
        let priced = self.bounds.look(world);
        let checked = self
            .books(world)
            .and_then(|()| self.events(world, events))
            .and_then(|()| self.council(world, events))
            .and_then(|()| self.custodians(world, events))
            .and_then(|()| self.room(world, applied))
            .and_then(|()| self.work(world, applied))
            .and_then(|()| self.pauses(world))
            .and_then(|()| self.accounts(world))
            .and_then(|()| self.sound(world.machine.state(), events))
            .and_then(|()| self.losses(world, events))
            .and(priced)
            .and_then(|()| self.taken(world));
        let step = self.step;
        self.step += 1;
        checked.map_err(|(rule, seen)| Breach { rule, step, seen })
    }

    fn books(&self, world: &World) -> Verdict {
        let state = world.machine.state();
        if let Some(fault) = &state.house_fault {
            return Err((Rule::HouseHalts, fault.clone()));
        }
        for asset in [AssetId::DOLLAR, crate::house::coin(0), crate::house::coin(1)] {
            let custody = world.custody(asset);
            if custody < 0 {
                return Err((
                    Rule::Custody,
                    format!("{} of {asset:?} in custody", dollars(custody)),
                ));
            }
        }
        Ok(())
    }

    fn events(&mut self, world: &World, events: &[Event]) -> Verdict {
        let state = world.machine.state();
        for event in events {
            self.moves(event);
            match event {
                Event::DebtCovered { account: place, amount, .. } => {
                    let owing = self.watched.iter_mut().find(|one| one.place == *place);
                    owing.into_iter().for_each(|one| one.paid += amount.micros());
                }
                Event::Expired { instrument, price, .. } => {
                    self.settled(*instrument, price.micros())?;
                }
                Event::Filled { instrument, account: place, side, price, .. } => {
                    let by_house = third::PASSIVE
                        .iter()
                        .any(|number| state.accounts.index(account(*number)) == Some(*place));
                    if by_house {
                        market::far_fill(state, *instrument, *side, price.micros())?;
                    }
                }
                Event::AccountSetAside { fault, .. } | Event::FaultContained { fault } => {
                    return Err((Rule::Faulted, fault.clone()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn requirement(state: &State, risk: &Risk, place: AccountIndex) -> Option<Requirement> {
    state.required(risk, place, false).ok()
}

fn index(state: &State, side: usize) -> i128 {
    state.index(UNDERLYINGS[side]).map_or(0, |index| index.micros())
}
