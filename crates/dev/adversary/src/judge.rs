//! What must never come of a history, whoever acts in it.
//!
//! An account is *anchored* at the prices at which its equity last covered initial margin. As long as prices stay within what
//! margin is measured for, its equity stays above zero, whatever anybody does: so nobody else pays for it. What prices do
//! beyond that is all that a fund may ever have to pay.

use crate::act::Setup;
use crate::house::{SIGNERS, VALIDATORS, account, side_of, third};
use crate::settlement;
use crate::world::{Applied, World, dollars};
use ledger::Holder;
use machine::{Account, State, Status};
use margin::{Requirement, Risk};
use protocol::{AccountIndex, AssetId, Event, InstrumentId, Mode, ParameterId, Refusal};
use std::collections::BTreeMap;

/// Parts per million.
const MILLION: i128 = 1_000_000;
/// Micro-dollars that rounding may come to in a history.
const DUST: i128 = 1_000_000;
/// Blocks in a row in which an account may stay below maintenance margin though all it holds is quoted.
const PATIENCE: u32 = 12;
/// Longest time for which one signer may stop a market, in milliseconds.
const PAUSE_MAX: i128 = 24 * 3_600_000;
/// Part of the scan range within which an account must stay above zero: what is left pays for fees and the moves between
/// scenarios.
const RANGE_SHARE: i128 = 600_000;
/// The same for vols, as parts per million of a vol; up, and down.
const VOL_SHARE: (i128, i128) = (250_000, 120_000);
/// What part of a settlement price it may differ from the average by, as its inverse: which blocks count at the edges of a gap
/// (how long a price is held, when an index is held back) is told from outside to within a few of them, in which prices move.
const SETTLEMENT_SHARE: i128 = 100;
/// What fees, and the distance at which an account without equity is closed, may come to, in parts per million of what is held.
const FEES: i128 = 35_000;
/// The same for bases, in parts per million of the index.
const BASIS_SHARE: i128 = 2_000;

/// Which rule was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The house halted: its own books do not balance.
    HouseHalts,
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
    /// Somebody honest could not trade because others had filled a table.
    ShutOut,
    /// Fewer signers than it takes changed something.
    Council,
    /// One signer stopped a market for longer than it may.
    Paused,
    /// One custodian made money.
    Minted,
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

/// Prices at which an account was last covered, and what it then held.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    index: [i128; 2],
    vol: i128,
    basis: i128,
}

/// What everybody saw in a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// When, in milliseconds.
    pub(crate) at: i128,
    /// True prices.
    pub(crate) prices: [i128; 2],
    /// Whether more than two thirds of the stake spoke.
    pub(crate) quorum: bool,
    /// Whether the index of each was what everybody saw.
    pub(crate) shown: [bool; 2],
}

#[derive(Debug)]
struct Watched {
    number: u8,
    anchor: Option<Anchor>,
    /// Blocks in a row below maintenance margin, all quoted, without a reduction.
    waits: u32,
    held: BTreeMap<InstrumentId, i128>,
    /// What prices did beyond its range, as long as it owes because of that.
    beyond: i128,
    /// The most that it has owed since it was last covered.
    owed: i128,
}

/// Watches a history.
#[derive(Debug)]
pub(crate) struct Judge {
    watched: Vec<Watched>,
    members: u8,
    quoted: u16,
    /// Equity of third parties, funds and fees at the start.
    third: i128,
    brought: i128,
    withdrawn: i128,
    /// What everybody saw, block after block.
    seen: Vec<Seen>,
    /// How long a price holds, in milliseconds.
    holds: i128,
    paused: BTreeMap<InstrumentId, i128>,
    /// What accounts have owed that are covered again: each debt was judged when it was made.
    owed: i128,
    step: usize,
}

impl Judge {
    pub(crate) fn new(world: &World, setup: &Setup) -> Self {
        let members = u8::try_from(setup.capital.len()).expect("eight at most");
        let brought: i128 = setup.capital.iter().map(|dollars| i128::from(*dollars)).sum();
        let numbers = (1..=members).chain([
            third::LONG,
            third::SHORT,
            third::LEVERAGED,
            third::MAKER,
            third::PROBE,
        ]);
        let watched = numbers.map(|number| Watched {
            number,
            anchor: None,
            waits: 0,
            held: BTreeMap::new(),
            beyond: 0,
            owed: 0,
        });
        let mut judge = Self {
            watched: watched.collect(),
            members,
            quoted: setup.quoted,
            third: 0,
            brought: brought * MILLION,
            withdrawn: 0,
            seen: Vec::new(),
            holds: if setup.slow { 60_000 } else { 10_000 },
            paused: BTreeMap::new(),
            owed: 0,
            step: 0,
        };
        let state = world.machine.state();
        if let Ok(risk) = state.risk() {
            judge.third = judge.equities(state, &risk, |number| number > members);
        }
        judge
    }

    fn equities(&self, state: &State, risk: &Risk, chosen: impl Fn(u8) -> bool) -> i128 {
        let chosen = self.watched.iter().map(|watched| watched.number).filter(|n| chosen(*n));
        let equity =
            |number| requirement(state, risk, number).map_or(0, |(_, r)| r.equity.micros());
        chosen.map(equity).sum()
    }

    /// Looks at what a block has done.
    pub(crate) fn look(&mut self, world: &World, applied: &Applied) -> Result<(), Breach> {
        let now = world.machine.state();
        self.seen.push(Seen {
            at: world.now,
            prices: world.prices,
            quorum: world.speaking * 3 > usize::from(VALIDATORS) * 2,
            shown: [0, 1].map(|side| {
                (index(now, side) - world.prices[side]).abs() * 500 <= world.prices[side]
            }),
        });
        let checked = self
            .books(world)
            .and_then(|()| self.events(world, applied))
            .and_then(|()| self.probe(applied))
            .and_then(|()| self.pauses(world))
            .and_then(|()| self.accounts(world))
            .and_then(|()| self.taken(world));
        let step = self.step;
        self.step += 1;
        checked.map_err(|(rule, seen)| Breach { rule, step, seen })
    }

    /// As long as somebody has taken out more than he brought, everybody else can be paid.
    fn taken(&self, world: &World) -> Result<(), (Rule, String)> {
        let left = self.withdrawn - self.brought;
        if left <= 0 {
            return Ok(());
        }
        let state = world.machine.state();
        let Ok(risk) = state.risk() else { return Ok(()) };
        let others = self.equities(state, &risk, |number| number > self.members);
        let custody = world.custody();
        match custody < others - DUST {
            true => Err((
                Rule::Uncovered,
                format!(
                    "{} more than was brought; {} in custody, others have {}",
                    dollars(left),
                    dollars(custody),
                    dollars(others)
                ),
            )),
            false => Ok(()),
        }
    }

    fn books(&self, world: &World) -> Result<(), (Rule, String)> {
        let state = world.machine.state();
        if let Some(fault) = &state.house_fault {
            return Err((Rule::HouseHalts, fault.clone()));
        }
        let custody = world.custody();
        if custody < 0 {
            return Err((Rule::Custody, format!("{} in custody", dollars(custody))));
        }
        Ok(())
    }

    fn events(&mut self, world: &World, applied: &Applied) -> Result<(), (Rule, String)> {
        let state = world.machine.state();
        for event in &applied.outcome.events {
            match event {
                Event::Withdrawn { asset: AssetId::DOLLAR, amount, .. } => {
                    self.withdrawn += amount.notional().micros();
                }
                Event::Deposited { amount, .. } => {
                    return Err((Rule::Minted, format!("one custodian credited {amount:?}")));
                }
                Event::Enacted { change, .. } => {
                    return Err((
                        Rule::Council,
                        format!("one signer of {} made {change:?}", SIGNERS.len()),
                    ));
                }
                Event::Expired { instrument, price, .. } => {
                    self.settled(*instrument, price.micros())?;
                }
                Event::Filled { instrument, account: index, price, .. } => {
                    let passive = [third::LONG, third::SHORT, third::LEVERAGED];
                    let by_house = passive
                        .iter()
                        .any(|number| state.accounts.index(account(*number)) == Some(*index));
                    if by_house {
                        far_fill(state, *instrument, price.micros())?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A settlement price is the average of what everybody saw while it was fresh.
    fn settled(&self, id: InstrumentId, price: i128) -> Result<(), (Rule, String)> {
        let said = format!("{id} at {}", dollars(price));
        match settlement::fresh_average(&self.seen, side_of(id), self.holds) {
            Err(covered) => {
                Err((Rule::Settlement, format!("{said}, fresh for {} s alone", covered / 1_000)))
            }
            Ok(right) if (price - right).abs() * SETTLEMENT_SHARE > right => {
                Err((Rule::Settlement, format!("{said}, the average is {}", dollars(right))))
            }
            Ok(_) => Ok(()),
        }
    }

    fn probe(&self, applied: &Applied) -> Result<(), (Rule, String)> {
        match applied.probed {
            Some((id, Some(refusal))) if is_table(&refusal) => {
                Err((Rule::ShutOut, format!("an honest order in {id}: {refusal}")))
            }
            _ => match applied.proposed {
                Some(refusal) if is_table(&refusal) => {
                    Err((Rule::ShutOut, format!("a proposal of an honest signer: {refusal}")))
                }
                _ => Ok(()),
            },
        }
    }

    fn pauses(&mut self, world: &World) -> Result<(), (Rule, String)> {
        for (id, market) in &world.machine.state().markets {
            let stopped = market.status != Status::Trading;
            if !stopped {
                self.paused.remove(id);
                continue;
            }
            let since = *self.paused.entry(*id).or_insert(world.now);
            if world.now - since > PAUSE_MAX {
                return Err((
                    Rule::Paused,
                    format!("{id} for {} hours", (world.now - since) / 3_600_000),
                ));
            }
        }
        Ok(())
    }

    fn accounts(&mut self, world: &World) -> Result<(), (Rule, String)> {
        let state = world.machine.state();
        let Ok(risk) = state.risk() else {
            return Err((Rule::HouseHalts, "the matrices cannot be built".into()));
        };
        let here = Anchor {
            index: [0, 1].map(|side| index(state, side)),
            vol: world.vol,
            basis: world.basis,
        };
        let mut watched = std::mem::take(&mut self.watched);
        let mut found = Ok(());
        for one in &mut watched {
            let Some((place, needed)) = requirement(state, &risk, one.number) else { continue };
            if let Some(held) = state.accounts.get(place) {
                found = found.and_then(|()| self.account(world, one, held, &needed, here));
            }
        }
        self.watched = watched;
        found
    }

    fn account(
        &mut self,
        world: &World,
        one: &mut Watched,
        held: &Account,
        needed: &Requirement,
        here: Anchor,
    ) -> Result<(), (Rule, String)> {
        let state = world.machine.state();
        let lots: BTreeMap<InstrumentId, i128> = held
            .positions()
            .iter()
            .map(|(id, position)| (*id, position.lots.count()))
            .filter(|(_, lots)| *lots != 0)
            .collect();
        let before = std::mem::replace(&mut one.held, lots.clone());
        let equity = needed.equity.micros();
        if equity >= needed.initial.micros() {
            self.owed += std::mem::take(&mut one.owed);
            (one.anchor, one.beyond) = (Some(here), 0);
        }
        one.owed = one.owed.max(-equity);
        let anchor = *one.anchor.get_or_insert(here);
        if equity < -DUST {
            let gross = [0, 1].map(|side| {
                let of = |lots| gross(lots, side, anchor.index[side].max(here.index[side]));
                of(&before).max(of(&lots))
            });
            below_zero(one, equity, gross, anchor, here, state)?;
        }
        let smaller =
            before.iter().any(|(id, was)| lots.get(id).map_or(0, |is| is.abs()) < was.abs());
        let waits = equity < needed.maintenance.micros()
            && needed.maintenance.micros() > 0
            && !smaller
            && self.all_quoted(state, &lots);
        one.waits = if waits { one.waits + 1 } else { 0 };
        if one.waits > PATIENCE {
            return Err((
                Rule::NotLiquidated,
                format!(
                    "account {}: equity {}, maintenance {}, {} blocks, holds {lots:?}",
                    one.number,
                    dollars(equity),
                    dollars(needed.maintenance.micros()),
                    one.waits
                ),
            ));
        }
        Ok(())
    }

    /// Whether what an account holds can be traded away: quoted, trading, at a price that is to be trusted.
    fn all_quoted(&self, state: &State, lots: &BTreeMap<InstrumentId, i128>) -> bool {
        // Where all legs lean the same way, each can go alone, so one that is quoted is enough.
        let linear = |id: &InstrumentId| {
            let market = state.markets.get(id);
            market.is_some_and(|market| !market.instrument.contract.pays_premium())
        };
        let sides: std::collections::BTreeSet<(usize, bool)> =
            lots.iter().map(|(id, lots)| (side_of(*id), *lots > 0)).collect();
        let one_way = lots.keys().all(linear) && sides.len() == 1;
        state.call_auction.is_none()
            && [0, 1].iter().all(|side| self.is_true(state, *side))
            && lots.keys().all(|id| self.is_quoted(state, *id) || one_way)
            && lots.keys().any(|id| self.is_quoted(state, *id))
    }

    /// Whether an index is what everybody sees: one that is held back is behind the quotes.
    fn is_true(&self, state: &State, side: usize) -> bool {
        let seen = self.seen.last().map_or(0, |seen| seen.prices[side]);
        (index(state, side) - seen).abs() * 500 <= seen
    }

    fn is_quoted(&self, state: &State, id: InstrumentId) -> bool {
        let market = state.markets.get(&id);
        self.quoted & (1u16 << id.get().saturating_sub(1)) != 0
            && market.is_some_and(|market| {
                market.status == Status::Trading
                    && market.instrument.contract.expires_at().is_none_or(|at| at > state.time)
                    && !market.vol_stale
                    && state.mode(market.instrument.underlying) < Mode::ReduceOnly
            })
    }

    /// Looks at what everybody has in the end.
    pub(crate) fn conclude(&self, world: &World) -> Result<i128, Breach> {
        let state = world.machine.state();
        let breach = |rule, seen| Breach { rule, step: self.step, seen };
        let Ok(risk) = state.risk() else {
            return Err(breach(Rule::HouseHalts, "the matrices cannot be built".into()));
        };
        let all = self.equities(state, &risk, |_| true);
        let custody = world.custody();
        if (all + funds(state) - custody).abs() > DUST {
            let seen =
                format!("all have {}, custody {}", dollars(all + funds(state)), dollars(custody));
            return Err(breach(Rule::Conservation, seen));
        }
        let numbers = 1..=self.members;
        let worth =
            |number| requirement(state, &risk, number).map_or(0, |(_, r)| r.equity.micros().max(0));
        let has: i128 = numbers.map(worth).sum();
        let gain = has + self.withdrawn - self.brought;
        let paid = self.third - self.equities(state, &risk, |number| number > self.members);
        let owed: i128 = self.owed + self.watched.iter().map(|one| one.owed).sum::<i128>();
        if gain - paid > owed + DUST {
            let seen = format!(
                "brought {}, took {}, has {}; the marks paid {}",
                dollars(self.brought),
                dollars(self.withdrawn),
                dollars(has),
                dollars(paid)
            );
            return Err(breach(Rule::Stolen, seen));
        }
        Ok(gain)
    }
}

/// An account that owes: prices have moved beyond what its margin is for, and it owes no more than that comes to.
fn below_zero(
    one: &mut Watched,
    equity: i128,
    gross: [i128; 2],
    anchor: Anchor,
    here: Anchor,
    state: &State,
) -> Result<(), (Rule, String)> {
    let vol = (here.vol - anchor.vol) * MILLION / anchor.vol.max(1);
    let basis = (here.basis - anchor.basis).abs();
    let calm = (-VOL_SHARE.1..=VOL_SHARE.0).contains(&vol) && basis <= BASIS_SHARE;
    let moves = [0, 1].map(|side| {
        let at = anchor.index[side].max(1);
        (here.index[side] - at).abs() * MILLION / at
    });
    let ranges = [0, 1].map(|side| range(state, side) * RANGE_SHARE / MILLION);
    let said = format!("account {} has {}", one.number, dollars(equity));
    if one.beyond == 0 && calm && moves[0] <= ranges[0] && moves[1] <= ranges[1] {
        let said = format!("{said}, prices moved {moves:?} ppm, vol {vol}, basis {basis}");
        return Err((Rule::BelowZero, said));
    }
    if !calm {
        one.beyond = one.beyond.max(-equity);
        return Ok(());
    }
    let parts =
        [0, 1].map(|side| gross[side] * ((moves[side] - ranges[side]).max(0) + FEES) / MILLION);
    one.beyond = one.beyond.max(parts.iter().sum());
    match -equity > one.beyond + DUST {
        true => {
            Err((Rule::BeyondRange, format!("{said}, {} beyond the range", dollars(one.beyond))))
        }
        false => Ok(()),
    }
}

/// Whether a refusal says that a table is full.
fn is_table(refusal: &Refusal) -> bool {
    use Refusal::{BookFull, TooMany, TooManyOrders, TooManyProposals};
    matches!(refusal, BookFull | TooMany | TooManyOrders | TooManyProposals)
}

/// A fill by the house lies within the band of a liquidation.
fn far_fill(state: &State, id: InstrumentId, price: i128) -> Result<(), (Rule, String)> {
    let Some(market) = state.markets.get(&id) else { return Ok(()) };
    let Some(mark) = market.mark.map(|mark| mark.micros()) else { return Ok(()) };
    let band = state.ppm(market.instrument.underlying, ParameterId::LiquidationBand);
    let far = mark * band.number().raw() / MILLION + market.instrument.tick.micros();
    match (price - mark).abs() > far {
        true => Err((Rule::FarFill, format!("{id} at {}, mark {}", dollars(price), dollars(mark)))),
        false => Ok(()),
    }
}

fn requirement(state: &State, risk: &Risk, number: u8) -> Option<(AccountIndex, Requirement)> {
    let index = state.accounts.index(account(number))?;
    state.required(risk, index, false).ok().map(|needed| (index, needed))
}

fn index(state: &State, side: usize) -> i128 {
    state.index(crate::house::UNDERLYINGS[side]).map_or(0, |index| index.micros())
}

/// Returns the narrowest range that margin is measured for, in parts per million.
fn range(state: &State, side: usize) -> i128 {
    let held = state.underlyings.get(&crate::house::UNDERLYINGS[side]);
    held.map_or(0, |held| held.thresholds.hold().number().raw())
}

/// Returns the value of all positions on an underlying at an index, long and short added up.
fn gross(lots: &BTreeMap<InstrumentId, i128>, side: usize, index: i128) -> i128 {
    let here = lots.iter().filter(|(id, _)| side_of(**id) == side);
    // A lot is a hundredth of a coin.
    here.map(|(_, lots)| lots.abs() * index / 100).sum()
}

/// Returns what insurance funds and fees hold in dollars.
fn funds(state: &State) -> i128 {
    let insurance: i128 =
        state.underlyings.keys().map(|id| state.insurance_fund(*id).micros()).sum();
    insurance + state.ledger.balance(Holder::Fees, AssetId::DOLLAR).notional().micros()
}
