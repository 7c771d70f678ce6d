//! Accounts in trouble: margin calls and what became of them, liquidations, debts with their reasons.

use super::books::{Books, Paid, Payer};
use crate::RunReportError;
use machine::{Outcome, State};
use protocol::{AccountIndex, AssetId, Event, InstrumentId};
use std::collections::{BTreeMap, BTreeSet};
use units::{BlockTime, Lots, Notional, Round};

/// The margin calls of an account.
#[derive(Debug, Clone)]
pub(super) struct Calls {
    pub(super) first: BlockTime,
    pub(super) count: u64,
    /// What was missing, at most.
    pub(super) short_by: Notional,
    /// Dollars brought while under a call.
    pub(super) brought: i128,
    /// When the last one ended; absent while it stands.
    pub(super) ended: Option<BlockTime>,
}

/// The liquidation of an account.
#[derive(Debug, Clone)]
pub(super) struct Liquidation {
    pub(super) first: BlockTime,
    pub(super) last: BlockTime,
    pub(super) steps: u64,
    pub(super) lowest: Notional,
}

/// A debt: from when an account owed more than it had, until it did no longer.
#[derive(Debug, Clone)]
pub(super) struct Debt {
    pub(super) account: AccountIndex,
    pub(super) since: BlockTime,
    /// The most that it was short of.
    pub(super) lowest: Notional,
    /// What it held when it began.
    pub(super) held: String,
    pub(super) paid: i128,
    pub(super) by: BTreeMap<Vec<Payer>, i128>,
    /// When it ended; absent while something is owed.
    pub(super) ended: Option<BlockTime>,
}

/// What has been seen.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    pub(super) calls: BTreeMap<AccountIndex, Calls>,
    pub(super) liquidations: BTreeMap<AccountIndex, Liquidation>,
    pub(super) debts: Vec<Debt>,
    /// Accounts under a call.
    called: BTreeSet<AccountIndex>,
    /// Places of the debts that stand.
    open: BTreeMap<AccountIndex, usize>,
    /// What accounts held after the block before, of those that could come to owe: in words.
    held: BTreeMap<AccountIndex, String>,
}

impl Trouble {
    /// Takes in a block that has been applied, and the debts paid in it.
    pub(super) fn take(
        &mut self,
        state: &State,
        outcome: &Outcome,
        paid: Vec<Paid>,
        name: &dyn Fn(InstrumentId) -> String,
    ) -> Result<(), RunReportError> {
        let now = state.time;
        let mut solvent = BTreeSet::new();
        for event in &outcome.events {
            match event {
                Event::MarginCalled { account, short_by } => {
                    self.called.insert(*account);
                    let calls = self.calls.entry(*account).or_insert(Calls {
                        first: now,
                        count: 0,
                        short_by: *short_by,
                        brought: 0,
                        ended: None,
                    });
                    calls.count += 1;
                    calls.short_by = calls.short_by.greater(*short_by);
                    calls.ended = None;
                }
                Event::Deposited { account, asset: AssetId::DOLLAR, amount, .. } => {
                    if let Some(calls) =
                        self.calls.get_mut(account).filter(|_| self.called.contains(account))
                    {
                        calls.brought += amount.minor();
                    }
                }
                Event::Liquidated { account, equity, .. } => {
                    let liquidation = self.liquidations.entry(*account).or_insert(Liquidation {
                        first: now,
                        last: now,
                        steps: 0,
                        lowest: *equity,
                    });
                    liquidation.steps += 1;
                    liquidation.last = now;
                    liquidation.lowest = liquidation.lowest.lesser(*equity);
                    if *equity < Notional::ZERO {
                        self.owes(*account, now, *equity);
                    } else {
                        solvent.insert(*account);
                    }
                }
                _ => {}
            }
        }
        for Paid { account, micros, by } in paid {
            // What was owed before it was paid.
            let left = state.ledger.cash(account).micros().min(0) - micros;
            let at = self.owes(account, now, Notional::from_micros(left));
            if let Some(debt) = self.debts.get_mut(at) {
                debt.paid += micros;
                by.into_iter().for_each(|(who, part)| *debt.by.entry(who).or_default() += part);
            }
        }
        self.bare(state, &mut solvent);
        for account in solvent {
            if let Some(debt) = self.open.remove(&account).and_then(|at| self.debts.get_mut(at)) {
                debt.ended = Some(now);
            }
        }
        let called = |index: &AccountIndex| state.accounts.get(*index).is_some_and(|a| a.called);
        for account in self.called.iter().filter(|index| !called(index)) {
            if let Some(calls) = self.calls.get_mut(account) {
                calls.ended = Some(now);
            }
        }
        self.called.retain(called);
        self.held.clear();
        for index in self.called.iter().chain(self.open.keys()) {
            self.held.insert(*index, holdings(state, *index, name)?);
        }
        Ok(())
    }

    /// Looks at the accounts that hold nothing: they owe what their dollars are below zero.
    fn bare(&mut self, state: &State, solvent: &mut BTreeSet<AccountIndex>) {
        for (index, held) in state.accounts.iter() {
            let cash = state.ledger.cash(index);
            let stands = self.open.contains_key(&index);
            if !(cash < Notional::ZERO || stands) || !held.positions().is_empty() {
                continue;
            }
            if cash >= Notional::ZERO {
                solvent.insert(index);
            } else if state.ledger.collateral(index).next().is_none() {
                self.owes(index, state.time, cash);
            }
        }
    }

    /// Notes that an account owes more than it has; returns the place of the debt.
    fn owes(&mut self, account: AccountIndex, now: BlockTime, equity: Notional) -> usize {
        let at = *self.open.entry(account).or_insert_with(|| {
            let held = self.held.get(&account).cloned().unwrap_or_default();
            self.debts.push(Debt {
                account,
                since: now,
                lowest: equity,
                held,
                paid: 0,
                by: BTreeMap::new(),
                ended: None,
            });
            self.debts.len() - 1
        });
        if let Some(debt) = self.debts.get_mut(at) {
            debt.lowest = debt.lowest.lesser(equity);
        }
        at
    }
}

/// Returns what an account holds, in words: the largest of its positions, and how many more there are.
pub(super) fn holdings(
    state: &State,
    account: AccountIndex,
    name: &dyn Fn(InstrumentId) -> String,
) -> Result<String, RunReportError> {
    let Some(held) = state.accounts.get(account) else { return Ok(String::new()) };
    let mut largest: Option<(Notional, String)> = None;
    for (id, position) in held.positions() {
        let Some(market) = state.markets.get(id) else { continue };
        let size = market.instrument.contract_size;
        // An option is as large as what it is on.
        let price = state.index(market.instrument.underlying).or(market.mark);
        let value = match price {
            Some(price) => position.lots.value(price, size, Round::Down)?.magnitude()?,
            None => Notional::ZERO,
        };
        let side = if position.lots < Lots::ZERO { "short" } else { "long" };
        let units = units_of(position.lots.magnitude()?, size);
        if largest.as_ref().is_none_or(|(most, _)| *most < value) {
            largest = Some((value, format!("{side} {units} of {}", name(*id))));
        }
    }
    let others = held.positions().len().saturating_sub(1);
    Ok(match (largest, others) {
        (None, _) => "nothing".into(),
        (Some((_, one)), 0) => one,
        (Some((_, one)), others) => format!("{one}, and {others} more"),
    })
}

/// Returns lots as units of the underlying, exact: `0.35`.
pub(super) fn units_of(lots: Lots, size: units::Quantity) -> String {
    let nanos = lots.count() * size.nanos();
    units::Quantity::from_nanos(nanos).to_string()
}

/// Returns why a debt stands.
pub(super) fn why(state: &State, books: &Books, debt: &Debt) -> String {
    let positions = state.accounts.get(debt.account).map_or(0, |held| held.positions().len());
    let filled = books.conceded(debt.account).filled;
    match positions {
        0 => "funds have paid what an event and a day allow".into(),
        _ => format!(
            "positions are still open: orders that reduce them were filled in {filled} blocks"
        ),
    }
}
