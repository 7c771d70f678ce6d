//! Deposits, withdrawals, transfers and governance: the commands that are not orders.

use crate::state::{Outflow, Status};
use crate::work::Work;
use ledger::{Holder, Posting};
use protocol::{
    AccountId, AccountIndex, Address, AssetId, Change, Event, Fault, InstrumentId, Mode,
    ParameterId, ProposalId, Receipt, Refusal, UnderlyingId, limits as counts,
};
use std::collections::BTreeSet;
use units::{Amount, BlockTime, Notional, Price, Round, limits};

/// The outcome of a command: done, refused, or our bug.
pub(crate) type Answer<T = Receipt> = Result<Result<T, Refusal>, Fault>;

impl Work<'_> {
    /// Credits what has arrived in custody; opens the account if it is new.
    ///
    /// spec 0025-BLOCK-008, 0025-BLOCK-012.
    pub(crate) fn deposit(
        &mut self,
        sender: Address,
        id: AccountId,
        asset: AssetId,
        amount: Amount,
    ) -> Answer {
        if sender != self.state.custodian {
            return Ok(Err(Refusal::NotPermitted));
        }
        let known = self.state.accounts.index(id);
        if known.is_none() && self.state.accounts.len() >= counts::ACCOUNTS_MAX {
            return Ok(Err(Refusal::TooMany));
        }
        if !self.is_accepted(asset) {
            return Ok(Err(Refusal::AssetUnknown));
        }
        if amount <= Amount::ZERO {
            return Ok(Err(Refusal::AmountNotPositive));
        }
        if amount > Amount::from_minor(limits::BALANCE_MICROS_MAX) {
            return Ok(Err(Refusal::AmountTooLarge));
        }
        let balance = |index| self.state.ledger.balance(Holder::Client(index), asset);
        let held = known.map_or(Amount::ZERO, balance);
        let custody = self.state.ledger.balance(Holder::Outside, asset);
        let fits = held.plus(amount).and_then(Amount::within_limit).is_ok()
            && custody.minus(amount).and_then(Amount::within_limit).is_ok();
        if !fits {
            return Ok(Err(Refusal::AmountTooLarge));
        }
        let index = self.account_for(id)?;
        let (from, to) = (Holder::Outside, Holder::Client(index));
        self.post(Posting { from, to, asset, amount })?;
        self.events.push(Event::Deposited { account: index, asset, amount });
        Ok(Ok(Receipt::Done))
    }

    /// Takes free collateral out of custody.
    ///
    /// spec 0025-BLOCK-012.
    pub(crate) fn withdraw(
        &mut self,
        sender: Address,
        sub: u16,
        asset: AssetId,
        amount: Amount,
    ) -> Answer {
        let id = AccountId { owner: sender, sub };
        let Some(index) = self.state.accounts.index(id) else {
            return Ok(Err(Refusal::AccountNotOpen));
        };
        if let Err(refusal) = self.outgoing(index, Holder::Outside, asset, amount)? {
            return Ok(Err(refusal));
        }
        let outflow = match self.dollars(asset, amount)? {
            Ok(dollars) => self.counted_outflow(dollars)?,
            Err(refusal) => Err(refusal),
        };
        let outflow = match (outflow, self.check_exposure(index)?) {
            (Ok(outflow), Ok(())) => outflow,
            (outflow, allowed) => {
                let first = [outflow.err(), allowed.err()].into_iter().flatten();
                let first = first.min_by_key(Refusal::code);
                return first.map(Err).map(Ok).ok_or(Fault::Invariant("a refusal has a code"))?;
            }
        };
        if let Err(refusal) = self.release(index, Holder::Outside, asset, amount)? {
            return Ok(Err(refusal));
        }
        self.state.outflow = outflow;
        self.events.push(Event::Withdrawn { account: index, asset, amount });
        Ok(Ok(Receipt::Done))
    }

    /// Moves free collateral to another account.
    ///
    /// spec 0025-BLOCK-012.
    pub(crate) fn transfer(
        &mut self,
        sender: Address,
        sub: u16,
        to: AccountId,
        asset: AssetId,
        amount: Amount,
    ) -> Answer {
        let id = AccountId { owner: sender, sub };
        let (Some(from), Some(receiver)) =
            (self.state.accounts.index(id), self.state.accounts.index(to))
        else {
            return Ok(Err(Refusal::AccountNotOpen));
        };
        if let Err(refusal) = self.outgoing(from, Holder::Client(receiver), asset, amount)? {
            return Ok(Err(refusal));
        }
        if let Err(refusal) = self.check_exposure(from)? {
            return Ok(Err(refusal));
        }
        if let Err(refusal) = self.release(from, Holder::Client(receiver), asset, amount)? {
            return Ok(Err(refusal));
        }
        Ok(Ok(Receipt::Done))
    }

    /// Checks what can be checked of an outgoing amount without touching it.
    fn outgoing(
        &self,
        from: AccountIndex,
        to: Holder,
        asset: AssetId,
        amount: Amount,
    ) -> Answer<()> {
        if !self.is_accepted(asset) {
            return Ok(Err(Refusal::AssetUnknown));
        }
        let payer = Holder::Client(from);
        let held = self.state.ledger.balance(payer, asset);
        let receiver = self.state.ledger.balance(to, asset);
        let moved = ledger::moved(held, receiver, amount, Amount::ZERO);
        let same = (payer == to).then_some(Refusal::SameAccount);
        Ok(match moved.map_err(Fault::at("transfer"))? {
            Err(refusal @ (Refusal::AmountNotPositive | Refusal::AmountTooLarge)) => Err(refusal),
            moved => same.map_or(moved.map(drop), Err),
        })
    }

    /// Posts an outgoing amount if initial margin is still covered without it.
    fn release(
        &mut self,
        from: AccountIndex,
        to: Holder,
        asset: AssetId,
        amount: Amount,
    ) -> Answer<()> {
        // Margin is asked before anything moves, so that a fault in it moves nothing.
        let covered = self.covers_initial_margin_without(from, asset, amount)?;
        if covered.is_ok() {
            self.post(Posting { from: Holder::Client(from), to, asset, amount })?;
        }
        Ok(covered)
    }

    /// Checks that every compartment to which an account is exposed lets collateral leave: its prices are what the
    /// account's margin is measured by.
    ///
    /// spec 0025-BLOCK-018.
    fn check_exposure(&self, account: AccountIndex) -> Answer<()> {
        let held = self.state.accounts.get(account).ok_or(Fault::Missing("account"))?;
        let open = held.sides().map(|((instrument, _), _)| instrument);
        let traded = held.positions().iter().map(|(instrument, _)| *instrument).chain(open);
        let traded = traded.filter_map(|id| self.state.markets.get(&id));
        let mut exposed: BTreeSet<UnderlyingId> =
            traded.map(|market| market.instrument.underlying).collect();
        if !exposed.is_empty() || self.state.ledger.cash(account) < Notional::ZERO {
            // Only then does anything stand on the worth of what is pledged.
            for (asset, _) in self.state.ledger.collateral(account) {
                let pledged = self.state.underlyings.iter();
                exposed.extend(
                    pledged.filter(|(_, held)| held.asset == Some(asset)).map(|(id, _)| *id),
                );
            }
        }
        let worst = exposed.into_iter().map(|id| self.state.mode(id)).max();
        Ok(match worst {
            Some(mode) if mode >= Mode::ReduceOnly => Err(Refusal::ModeForbids { mode }),
            _ => Ok(()),
        })
    }

    /// Returns what an amount is worth in dollars, rounded up: at the index of its underlying.
    pub(crate) fn dollars(&self, asset: AssetId, amount: Amount) -> Answer<Notional> {
        if asset == AssetId::DOLLAR {
            return Ok(Ok(amount.notional()));
        }
        let pledged = self.state.underlyings.iter().find(|(_, held)| held.asset == Some(asset));
        let index: Option<Price> = pledged.and_then(|(id, _)| self.state.index(*id));
        let Some(index) = index else {
            return Ok(Err(Refusal::MarkMissing));
        };
        let value = amount.quantity().value(index, Round::Up);
        value.map(Ok).map_err(Fault::at("value of a withdrawal"))
    }

    /// Counts a withdrawal against the hour's limit.
    ///
    /// spec 0025-BLOCK-012.
    fn counted_outflow(&self, dollars: Notional) -> Answer<Outflow> {
        let at = Fault::at("outflow");
        let (outflow, total) = self.state.outflow.with(self.block.time, dollars).map_err(&at)?;
        let limit = Notional::from_micros(self.state.house(ParameterId::WithdrawalLimit));
        if total > limit {
            let exceeded_by = total.minus(limit).map_err(&at)?;
            return Ok(Err(Refusal::WithdrawalLimit { exceeded_by }));
        }
        Ok(Ok(outflow))
    }

    fn is_accepted(&self, asset: AssetId) -> bool {
        asset == AssetId::DOLLAR
            || self.state.underlyings.values().any(|held| held.asset == Some(asset))
    }

    /// Returns the index of an account, which is opened if it is new.
    fn account_for(&mut self, id: AccountId) -> Result<AccountIndex, Fault> {
        if let Some(index) = self.state.accounts.index(id) {
            return Ok(index);
        }
        let index = self.state.ledger.open().ok_or(Fault::Invariant("account indices suffice"))?;
        self.state.accounts.open(id, index);
        self.events.push(Event::AccountOpened { account: id, index });
        Ok(index)
    }

    /// Opens a proposal.
    pub(crate) fn propose(&mut self, sender: Address, change: Change) -> Answer {
        let (state, now) = (&mut *self.state, self.block.time);
        let proposed = state.council.propose(sender, change, &state.parameters, now)?;
        self.touched.council |= proposed.is_ok();
        Ok(proposed.map(Receipt::Proposal))
    }

    /// Approves a proposal.
    pub(crate) fn approve(&mut self, sender: Address, proposal: ProposalId) -> Answer {
        let (state, now) = (&mut *self.state, self.block.time);
        let approved = state.council.approve(sender, proposal, &state.parameters, now)?;
        self.touched.council |= approved.is_ok();
        Ok(approved.map(|()| Receipt::Done))
    }

    /// Takes an approval back.
    ///
    /// spec 0023-GOV-013.
    pub(crate) fn revoke(&mut self, sender: Address, proposal: ProposalId) -> Answer {
        let revoked = self.state.council.revoke(sender, proposal, self.block.time);
        self.touched.council |= revoked.is_ok();
        Ok(revoked.map(|()| Receipt::Done))
    }

    /// Pauses a market at once.
    ///
    /// spec 0023-GOV-010.
    pub(crate) fn pause(&mut self, sender: Address, instrument: InstrumentId) -> Answer {
        if !self.state.council.is_signer(sender) {
            return Ok(Err(Refusal::NotPermitted));
        }
        let Some(market) = self.state.markets.get_mut(&instrument) else {
            return Ok(Err(Refusal::InstrumentUnknown));
        };
        if market.status != Status::Trading {
            return Ok(Err(Refusal::InstrumentHalted));
        }
        market.status = Status::Paused;
        self.touched.markets.insert(instrument);
        self.events.push(Event::Paused { instrument });
        Ok(Ok(Receipt::Done))
    }

    /// Breaks the books of a market when its auction is cleared.
    ///
    /// spec 0023-GOV-011.
    pub(crate) fn drill(&mut self, sender: Address, instrument: InstrumentId) -> Answer {
        if !self.state.council.is_signer(sender) {
            return Ok(Err(Refusal::NotPermitted));
        }
        let Some(market) = self.state.markets.get(&instrument) else {
            return Ok(Err(Refusal::InstrumentUnknown));
        };
        if market.status != Status::Trading || market.mark.is_none() {
            return Ok(Err(Refusal::InstrumentHalted));
        }
        self.broken.insert(instrument);
        self.active.insert(instrument);
        Ok(Ok(Receipt::Done))
    }

    /// Makes the governance changes that are due.
    ///
    /// spec 0023-GOV-009.
    pub(crate) fn enact(&mut self) -> Result<(), Fault> {
        let now: BlockTime = self.block.time;
        let open = self.state.council.open().count();
        let due = self.state.council.due(now);
        // Those that have died are gone, too.
        self.touched.council |= self.state.council.open().count() != open;
        for due in due {
            let enacted = self.enact_change(due.change)?;
            self.events.push(match enacted {
                Ok(()) => Event::Enacted { proposal: due.proposal, change: due.change },
                Err(refusal) => Event::NotEnacted { proposal: due.proposal, refusal },
            });
        }
        Ok(())
    }

    fn enact_change(&mut self, change: Change) -> Answer<()> {
        match change {
            Change::SetParameter { parameter, underlying, value } => {
                let known = underlying.is_none_or(|id| self.state.underlyings.contains_key(&id));
                if !known {
                    return Ok(Err(Refusal::ParameterUnknown));
                }
                let set = self.state.parameters.set(underlying, parameter, value);
                self.touched.parameters.insert((underlying, parameter));
                Ok(set)
            }
            Change::ListInstrument(instrument) => self.list(instrument),
            // 0025-BLOCK-007: the books are checked again at the end of this block.
            Change::ResumeHouse => {
                Ok(self.state.house_fault.take().map(drop).ok_or(Refusal::NotHalted))
            }
            Change::ResumeInstrument(instrument) => {
                let Some(market) = self.state.markets.get_mut(&instrument) else {
                    return Ok(Err(Refusal::InstrumentUnknown));
                };
                if market.status == Status::Trading {
                    return Ok(Err(Refusal::NotHalted));
                }
                market.status = Status::Trading;
                self.touched.markets.insert(instrument);
                Ok(Ok(()))
            }
            Change::ReleaseValidator(id) => Ok(self.release_validator(id)),
            Change::SeatValidator { seat, stake } => Ok(self.seat_validator(seat, stake)),
            Change::UnseatValidator(id) => Ok(self.unseat_validator(id)),
        }
    }
}
