//! The one door for writes. The state of a block under way is read by all; it is written here alone, where the record that a
//! write changes is noted and the margin that stood on it is forgotten.
//!
//! **Invariant:** a step holds no `&mut` to a record that is not noted, nor to an account whose margin stays known. The compiler
//! holds it: [`Guarded`] lends the state to read, and what lends a part of it to write notes it.
//!
//! **Left out:** which write is right. A step decides that; an engine has the formula.

use crate::block::work::{Answer, Work};
use crate::state::State;
use crate::state::account::OpenOrder;
use crate::state::accrual::Accrual;
use crate::state::committee::Committee;
use crate::state::custody::{Custody, Withdrawal};
use crate::state::market::Market;
use crate::state::pursuit::Pursuit;
use crate::state::records::{StateKey, Write};
use crate::state::suspension::Suspension;
use crate::state::underlying::Underlying;
use crate::state::waiting::{CallAuction, WaitingRoom};
use book::{Open, OrderBook as _};
use clearing::{Aggregate, Position};
use custody::{Hour, Outflow};
use governance::{Council, Due, Parameters};
use ledger::{Changes, Holder, Posting};
use protocol::{
    AccountId, AccountIndex, Address, AssetId, Contract, Fault, Instrument, InstrumentId, OrderId,
    ParameterId, Refusal, SessionKey, SessionTerms, Signer, UnderlyingId, ValidatorId,
    WithdrawalId,
};
use sessions::{Charge, Session};
use std::collections::BTreeSet;
use std::ops::Deref;
use thresholds::Liquidity;
use units::{Amount, BlockHeight, BlockTime, Lots};
use validator_set::Offender;
use waterfall::Allowance;

/// Records that the block has changed.
#[derive(Debug, Default)]
struct Touched {
    accounts: BTreeSet<AccountIndex>,
    markets: BTreeSet<InstrumentId>,
    /// The market that was noted last: most writes to one follow another.
    last_market: Option<InstrumentId>,
    underlyings: BTreeSet<UnderlyingId>,
    thresholds: BTreeSet<UnderlyingId>,
    liquidity: BTreeSet<UnderlyingId>,
    house: BTreeSet<(Holder, AssetId)>,
    parameters: BTreeSet<(Option<UnderlyingId>, ParameterId)>,
    owners: BTreeSet<Address>,
    sessions: BTreeSet<(Address, SessionKey)>,
    validators: BTreeSet<ValidatorId>,
    committee: bool,
    council: bool,
    custody: bool,
    withdrawals: BTreeSet<WithdrawalId>,
}

impl Touched {
    fn market(&mut self, id: InstrumentId) {
        if self.last_market != Some(id) {
            self.markets.insert(id);
            self.last_market = Some(id);
        }
    }
}

/// The state of a block under way: read as it is, written through what notes the record.
#[derive(Debug)]
pub(crate) struct Guarded<'a> {
    state: &'a mut State,
    touched: Touched,
}

impl Deref for Guarded<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        self.state
    }
}

/// What no margin of an account is kept from: prices, governed values and accruals, which change before margins are measured or
/// after, and what margins do not read. The record of the block itself is written with every block.
impl<'a> Guarded<'a> {
    /// Returns the state of a block of which nothing has taken effect.
    pub(crate) fn new(state: &'a mut State) -> Self {
        Self { state, touched: Touched::default() }
    }

    /// Begins a block.
    pub(crate) fn begin(&mut self, height: BlockHeight, time: BlockTime) {
        (self.state.height, self.state.time) = (height, time);
    }

    /// Returns the records that the block has changed, ascending by key, and the first fault in encoding them.
    ///
    /// spec 0025-BLOCK-016.
    pub(crate) fn writes(&mut self) -> (Vec<Write>, Option<Fault>) {
        let Touched {
            accounts,
            markets,
            last_market: _,
            underlyings,
            thresholds,
            liquidity,
            house,
            parameters,
            owners,
            sessions,
            validators,
            committee,
            council,
            custody,
            withdrawals,
        } = &self.touched;
        let accounts = accounts.iter().filter_map(|index| self.state.accounts.get(*index));
        let keys = accounts
            .map(|account| StateKey::Account(account.id))
            .chain(markets.iter().copied().map(StateKey::Market))
            .chain(underlyings.iter().copied().map(StateKey::Underlying))
            .chain(thresholds.iter().copied().map(StateKey::Thresholds))
            .chain(liquidity.iter().copied().map(StateKey::Liquidity))
            .chain(house.iter().map(|(holder, asset)| StateKey::House(*holder, *asset)))
            .chain(parameters.iter().map(|(place, id)| StateKey::Parameter(*place, *id)))
            .chain(owners.iter().copied().map(StateKey::Owner))
            .chain(sessions.iter().map(|(owner, key)| StateKey::Session(*owner, *key)))
            .chain(validators.iter().copied().map(StateKey::Validator))
            .chain(committee.then_some(StateKey::Committee))
            .chain(council.then_some(StateKey::Council))
            .chain(custody.then_some(StateKey::Custody))
            .chain(withdrawals.iter().copied().map(StateKey::Withdrawal));
        let keys: Vec<StateKey> = keys.collect();
        self.state.writes(&keys)
    }

    /// Returns the record of the block itself, and the fault in encoding it.
    pub(crate) fn block_write(&mut self) -> (Vec<Write>, Option<Fault>) {
        self.state.writes(&[StateKey::Block])
    }

    /// Lends the reason for which the house takes no orders.
    pub(crate) const fn house_fault_mut(&mut self) -> &mut Option<String> {
        &mut self.state.house_fault
    }

    /// Lends the number of the next order.
    pub(crate) const fn next_order_mut(&mut self) -> &mut OrderId {
        &mut self.state.next_order
    }

    /// Sets when variation margin and funding are next exchanged.
    pub(crate) const fn set_variation_due_at(&mut self, at: BlockTime) {
        self.state.variation_due_at = at;
    }

    /// Sets the call auction under way.
    pub(crate) const fn set_call_auction(&mut self, auction: Option<CallAuction>) {
        self.state.call_auction = auction;
    }

    /// Lends the count of how long nothing has been liquidated.
    pub(crate) const fn suspension_mut(&mut self) -> &mut Suspension {
        &mut self.state.suspension
    }

    /// Lends the orders that wait.
    pub(crate) const fn waiting_mut(&mut self) -> &mut WaitingRoom {
        &mut self.state.waiting
    }

    /// Sets what has left the house within an hour.
    pub(crate) fn set_outflow(&mut self, outflow: Outflow) {
        self.state.outflow = outflow;
    }

    /// Lends the committees.
    pub(crate) const fn committee_mut(&mut self) -> &mut Committee {
        self.touched.committee = true;
        &mut self.state.committee
    }

    /// Sets the stake of a validator.
    pub(crate) fn set_stake(&mut self, id: ValidatorId, stake: u64) {
        // The record of one that was punished shows it; others have none.
        if self.state.offenders.contains_key(&id) {
            self.touched.validators.insert(id);
        }
        self.state.validators.insert(id, stake);
    }

    /// Sets what is held against a validator.
    pub(crate) fn set_offender(&mut self, id: ValidatorId, offender: Offender) {
        self.touched.validators.insert(id);
        self.state.offenders.insert(id, offender);
    }

    /// Changes the council, with the governed values to read; one that refuses is as it was.
    ///
    /// # Errors
    ///
    /// As `change`.
    pub(crate) fn change_council<T>(
        &mut self,
        change: impl FnOnce(&mut Council, &Parameters) -> Answer<T>,
    ) -> Answer<T> {
        let changed = change(&mut self.state.council, &self.state.parameters);
        self.touched.council |= matches!(changed, Ok(Ok(_)));
        changed
    }

    /// Takes the next proposal that is due out of the council.
    pub(crate) fn next_due(&mut self, now: BlockTime) -> Option<Due> {
        let due = self.state.council.next_due(now)?;
        self.touched.council = true;
        Some(due)
    }

    /// Drops the proposals that have died.
    pub(crate) fn drop_dead(&mut self, now: BlockTime) {
        self.touched.council |= self.state.council.drop_dead(now);
    }

    /// Sets a governed value.
    ///
    /// # Errors
    ///
    /// [`Refusal`] of governance.
    pub(crate) fn set_parameter(
        &mut self,
        place: Option<UnderlyingId>,
        parameter: ParameterId,
        value: i64,
        has_waited: bool,
    ) -> Result<(), Refusal> {
        self.touched.parameters.insert((place, parameter));
        self.state.parameters.enact(place, parameter, value, has_waited)
    }

    /// Lends custody.
    pub(crate) const fn custody_mut(&mut self) -> &mut Custody {
        self.touched.custody = true;
        &mut self.state.custody
    }

    /// Opens a withdrawal, and returns its number; `None` once numbers are used up.
    pub(crate) fn pay(&mut self, withdrawal: Withdrawal) -> Option<WithdrawalId> {
        let id = self.custody_mut().pay(withdrawal)?;
        self.touched.withdrawals.insert(id);
        Some(id)
    }

    /// Notes that a custodian attests a payment; returns whether that was the last that was needed.
    ///
    /// # Errors
    ///
    /// [`Refusal`] of custody.
    pub(crate) fn attest_payment(
        &mut self,
        custodian: Address,
        id: WithdrawalId,
    ) -> Result<bool, Refusal> {
        let last = self.state.custody.attest_payment(custodian, id)?;
        self.touched.withdrawals.insert(id);
        Ok(last)
    }

    /// Exchanges custodians. What those who go have attested is gone from the records of withdrawals, too.
    ///
    /// # Errors
    ///
    /// [`Refusal`] of custody.
    pub(crate) fn change_custodians(
        &mut self,
        remove: Option<Address>,
        add: Option<Address>,
        threshold: u16,
    ) -> Result<(), Refusal> {
        self.state.custody.change(remove, add, threshold)?;
        self.touched.custody = true;
        self.touched.withdrawals.extend(self.state.custody.open().keys());
        Ok(())
    }

    /// Lends a session key of an owner.
    pub(crate) fn session_mut(&mut self, owner: Address, key: SessionKey) -> Option<&mut Session> {
        let session = self.state.keys.session_mut(owner, key)?;
        self.touched.sessions.insert((owner, key));
        Some(session)
    }

    /// Forgets the session keys of an owner by which no signature can be valid any more, and registers one.
    ///
    /// # Errors
    ///
    /// [`Refusal::TooManySessions`].
    pub(crate) fn register_session(
        &mut self,
        owner: Address,
        terms: SessionTerms,
        now: BlockTime,
    ) -> Result<(), Refusal> {
        self.touched.owners.insert(owner);
        let held = &mut self.state.keys.owner_mut(owner).sessions;
        let touched = &mut self.touched.sessions;
        sessions::forget_ended(held, terms.key, now, |key| {
            touched.insert((owner, key));
        });
        sessions::register(held, terms)?;
        touched.insert((owner, terms.key));
        Ok(())
    }

    /// Uses a nonce that is free, of a session key that is registered or of an owner.
    pub(crate) fn use_nonce(&mut self, owner: Address, signer: Signer, nonce: u64) {
        match signer {
            Signer::Owner => drop(self.touched.owners.insert(owner)),
            Signer::Session(key) => drop(self.touched.sessions.insert((owner, key))),
        }
        self.state.keys.use_nonce(owner, signer, nonce);
    }

    /// Sets what an owner has withdrawn within an hour.
    pub(crate) fn set_hour(&mut self, owner: Address, hour: Hour) {
        self.touched.owners.insert(owner);
        self.state.keys.owner_mut(owner).hour = hour;
    }

    /// Adds a market that has just been listed.
    pub(crate) fn list(&mut self, instrument: Instrument) {
        self.touched.market(instrument.id);
        self.state.markets.insert(instrument.id, Market::listed(instrument));
        if instrument.contract == Contract::Perpetual {
            self.state.accruals.insert(instrument.id, Accrual::new(instrument.contract_size));
        }
    }

    /// Removes a market that has ended.
    pub(crate) fn delist(&mut self, id: InstrumentId) {
        self.touched.market(id);
        self.state.markets.remove(&id);
    }

    /// Lends a market.
    ///
    /// # Errors
    ///
    /// [`Fault::Missing`] if it is not listed.
    pub(crate) fn market_mut(&mut self, id: InstrumentId) -> Result<&mut Market, Fault> {
        let market = self.state.markets.get_mut(&id).ok_or(Fault::Missing("market"))?;
        self.touched.market(id);
        Ok(market)
    }

    /// Lends a market with its underlying to read.
    ///
    /// # Errors
    ///
    /// [`Fault::Missing`] if it is not listed.
    pub(crate) fn market_on(
        &mut self,
        id: InstrumentId,
    ) -> Result<(&mut Market, &Underlying), Fault> {
        let market = self.state.markets.get_mut(&id).ok_or(Fault::Missing("market"))?;
        let on = self.state.underlyings.get(&market.instrument.underlying);
        self.touched.market(id);
        Ok((market, on.ok_or(Fault::Missing("underlying"))?))
    }

    /// Lends the accrual of a perpetual.
    ///
    /// # Errors
    ///
    /// [`Fault::Missing`] if it has none.
    pub(crate) fn accrual_mut(&mut self, id: InstrumentId) -> Result<&mut Accrual, Fault> {
        let accrual = self.state.accruals.get_mut(&id).ok_or(Fault::Missing("accrual"))?;
        self.touched.market(id);
        Ok(accrual)
    }

    /// Takes an order out of a market's book and out of what is offered there; returns it if it was there.
    pub(crate) fn take_back(&mut self, id: InstrumentId, order: OrderId) -> Option<Open> {
        let market = self.state.markets.get_mut(&id)?;
        let open = market.book.cancel(order)?;
        market.offered.take(open.side, open.lots);
        self.touched.market(id);
        Some(open)
    }

    /// Lends an underlying.
    ///
    /// # Errors
    ///
    /// [`Fault::Missing`] if there is none.
    pub(crate) fn underlying_mut(&mut self, id: UnderlyingId) -> Result<&mut Underlying, Fault> {
        let held = self.state.underlyings.get_mut(&id).ok_or(Fault::Missing("underlying"))?;
        self.touched.underlyings.insert(id);
        Ok(held)
    }

    /// Moves the ranges of an underlying.
    ///
    /// # Errors
    ///
    /// As `advance`, and [`Fault::Missing`] if there is no such underlying.
    pub(crate) fn move_ranges(
        &mut self,
        id: UnderlyingId,
        advance: impl FnOnce(&mut thresholds::Thresholds) -> Result<bool, Fault>,
    ) -> Result<(), Fault> {
        if advance(&mut self.underlying_mut(id)?.thresholds)? {
            self.touched.thresholds.insert(id);
        }
        Ok(())
    }

    /// Measures how deep the books of an underlying are, or what trades in them.
    ///
    /// # Errors
    ///
    /// As `measure`.
    pub(crate) fn measure_liquidity(
        &mut self,
        id: UnderlyingId,
        measure: impl FnOnce(&mut Liquidity) -> Result<thresholds::Measured, Fault>,
    ) -> Result<(), Fault> {
        let measured = measure(self.state.liquidity.entry(id).or_default())?;
        // The hour under way is in the hash of the underlying's own record.
        self.touched.underlyings.insert(id);
        if measured.hour || measured.depth {
            self.touched.liquidity.insert(id);
        }
        if measured.hour {
            self.touched.thresholds.insert(id);
        }
        Ok(())
    }

    /// Notes what has traded on an underlying.
    ///
    /// # Errors
    ///
    /// As `trade`.
    pub(crate) fn note_trade(
        &mut self,
        id: UnderlyingId,
        trade: impl FnOnce(&mut Liquidity) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        trade(self.state.liquidity.entry(id).or_default())?;
        self.touched.liquidity.insert(id);
        Ok(())
    }

    /// Opens an account; `None` once indices are used up.
    pub(crate) fn open_account(&mut self, id: AccountId) -> Option<AccountIndex> {
        let index = self.state.ledger.open()?;
        self.state.accounts.open(id, index);
        self.touched.accounts.insert(index);
        Some(index)
    }

    /// Lends what the house remembers of its attempts to reduce an account.
    ///
    /// # Errors
    ///
    /// [`Fault::Missing`] if there is no such account.
    pub(crate) fn pursuit_mut(&mut self, account: AccountIndex) -> Result<&mut Pursuit, Fault> {
        let held = self.state.accounts.get_mut(account).ok_or(Fault::Missing("account"))?;
        self.touched.accounts.insert(account);
        Ok(&mut held.pursuit)
    }

    /// Sets whether an account is under a margin call, and since when it has been short.
    ///
    /// # Errors
    ///
    /// [`Fault::Missing`] if there is no such account.
    pub(crate) fn set_call(
        &mut self,
        account: AccountIndex,
        called: bool,
        short_since: Option<BlockTime>,
    ) -> Result<(), Fault> {
        let held = self.state.accounts.get_mut(account).ok_or(Fault::Missing("account"))?;
        if (held.called, held.short_since) != (called, short_since) {
            (held.called, held.short_since) = (called, short_since);
            self.touched.accounts.insert(account);
        }
        Ok(())
    }

    /// Sets what a fund may still pay for an account.
    ///
    /// # Errors
    ///
    /// [`Fault::Missing`] if there is no such account.
    pub(crate) fn set_allowance(
        &mut self,
        account: AccountIndex,
        fund: UnderlyingId,
        allowance: Allowance,
    ) -> Result<(), Fault> {
        let held = self.state.accounts.get_mut(account).ok_or(Fault::Missing("account"))?;
        held.set_allowance(fund, allowance);
        self.touched.accounts.insert(account);
        Ok(())
    }

    /// Forgets past exposure of an account that holds nothing and owes nothing.
    ///
    /// # Errors
    ///
    /// [`Fault::Missing`] if there is no such account.
    pub(crate) fn acquit(&mut self, account: AccountIndex) -> Result<(), Fault> {
        let held = self.state.accounts.get_mut(account).ok_or(Fault::Missing("account"))?;
        if held.acquit() {
            self.touched.accounts.insert(account);
        }
        Ok(())
    }

    /// Adds to what an account has brought.
    ///
    /// # Errors
    ///
    /// [`Fault`] if there is no such account, or the sum leaves its limits.
    pub(crate) fn bring(
        &mut self,
        account: AccountIndex,
        asset: AssetId,
        amount: Amount,
    ) -> Result<(), Fault> {
        let held = self.state.accounts.get_mut(account).ok_or(Fault::Missing("account"))?;
        self.touched.accounts.insert(account);
        held.bring(asset, amount)
    }

    /// Takes some of what an account has brought out of it, as much as there is, and returns how much.
    ///
    /// # Errors
    ///
    /// As [`bring`](Self::bring).
    pub(crate) fn take_brought(
        &mut self,
        account: AccountIndex,
        asset: AssetId,
        amount: Amount,
    ) -> Result<Amount, Fault> {
        let held = self.state.accounts.get_mut(account).ok_or(Fault::Missing("account"))?;
        self.touched.accounts.insert(account);
        held.take_brought(asset, amount)
    }

    /// Notes what was counted of an open order against the cap of a session key. No record has it.
    ///
    /// # Errors
    ///
    /// [`Fault::Missing`] if there is no such account.
    pub(crate) fn set_charge(
        &mut self,
        account: AccountIndex,
        order: OrderId,
        charge: Charge,
    ) -> Result<(), Fault> {
        self.state.accounts.set_charge(account, order, charge)
    }

    /// Forgets what was counted of an order, and returns it with the owner of the account.
    pub(crate) fn take_charge(
        &mut self,
        account: AccountIndex,
        order: OrderId,
    ) -> Option<(Address, Charge)> {
        self.state.accounts.take_charge(account, order)
    }

    /// Sums the open orders of an account again, so that the bounds on their limits are the limits themselves. No record has
    /// the bounds.
    ///
    /// # Errors
    ///
    /// [`Fault`] if there is no such account, or a sum leaves its limits.
    pub(crate) fn sum_orders_again(&mut self, account: AccountIndex) -> Result<(), Fault> {
        self.state.accounts.get_mut(account).ok_or(Fault::Missing("account"))?.sum_again()
    }
}

/// Positions of one market and their postings, every check passed.
#[derive(Debug)]
pub(crate) struct PreparedPositions {
    id: InstrumentId,
    ledger: ledger::Prepared,
    aggregate: Aggregate,
    positions: Vec<(AccountIndex, Position)>,
}

/// What margins stand on: balances, positions, open orders.
impl Work<'_> {
    /// Applies postings, all or none.
    pub(crate) fn apply(&mut self, changes: &Changes) -> Result<(), Fault> {
        self.state.state.ledger.apply(changes)?;
        for (holder, asset, _) in changes.iter() {
            self.touch(holder, asset);
        }
        Ok(())
    }

    /// Applies one posting.
    pub(crate) fn post(&mut self, posting: Posting) -> Result<(), Fault> {
        self.state.state.ledger.post(posting)?;
        self.touch(posting.from, posting.asset);
        self.touch(posting.to, posting.asset);
        Ok(())
    }

    fn touch(&mut self, holder: Holder, asset: AssetId) {
        match holder {
            Holder::Client(account) => {
                self.state.touched.accounts.insert(account);
                self.margins.forget(account);
            }
            house => drop(self.state.touched.house.insert((house, asset))),
        }
    }

    /// Checks new positions, their sums and the postings that go with them; writing them then cannot fail.
    pub(crate) fn prepare_positions(
        &self,
        id: InstrumentId,
        changes: &Changes,
        aggregate: Aggregate,
        positions: Vec<(AccountIndex, Position)>,
    ) -> Result<PreparedPositions, Fault> {
        aggregate.check(self.clearing_balance(id, changes)?)?;
        if positions.iter().any(|(account, _)| self.state.accounts.get(*account).is_none()) {
            return Err(Fault::Missing("account of a position"));
        }
        let ledger = self.state.ledger.prepare(changes)?;
        Ok(PreparedPositions { id, ledger, aggregate, positions })
    }

    /// Writes what has been prepared.
    pub(crate) fn commit_positions(&mut self, prepared: PreparedPositions) {
        let PreparedPositions { id, ledger, aggregate, positions } = prepared;
        let holders: Vec<_> = ledger.iter().map(|(holder, asset, _)| (holder, asset)).collect();
        self.state.state.ledger.commit(ledger);
        for (holder, asset) in holders {
            self.touch(holder, asset);
        }
        let market = self.state.market_mut(id).ok().map(|market| {
            market.aggregate = aggregate;
            market.instrument.underlying
        });
        for (account, position) in positions {
            if let Some(held) = self.state.state.accounts.get_mut(account) {
                held.set_position(id, position);
                market.into_iter().for_each(|underlying| held.expose(underlying));
            }
            self.margins.forget(account);
            self.state.touched.accounts.insert(account);
        }
    }

    /// Opens an order of an account that has entered a book, or waits.
    pub(crate) fn open_order(
        &mut self,
        account: AccountIndex,
        order: OrderId,
        open: OpenOrder,
    ) -> Result<(), Fault> {
        self.state.state.accounts.open_order(account, order, open)?;
        self.order_opened(account, &open)
    }

    /// Closes an order of an account, and returns it as it was open.
    pub(crate) fn close_order(
        &mut self,
        account: AccountIndex,
        order: OrderId,
    ) -> Result<Option<OpenOrder>, Fault> {
        let closed = self.state.state.accounts.leave(account, order, Lots::ZERO)?;
        closed.iter().for_each(|open| self.order_closed(account, open));
        Ok(closed)
    }

    /// Leaves of an order what a fill has left of it; returns it as it was open if that is nothing.
    pub(crate) fn fill_order(
        &mut self,
        account: AccountIndex,
        order: OrderId,
        left: Lots,
    ) -> Result<Option<OpenOrder>, Fault> {
        self.margins.forget(account);
        self.state.state.accounts.leave(account, order, left)
    }
}
