//! What enters and leaves custody, and what moves between accounts without trading.
//!
//! **Invariant:** custody of an asset is never below zero. While debts are open that nothing in the house could pay, no
//! set of accounts takes out more than it has brought.
//!
//! **Left out:** how debts come about and are paid (`default::debts`), and the sharing of those that nobody pays.

use crate::block::work::{Answer, Work};
use crate::state::custody::{Claim, Withdrawal};
use custody::{Counted, Leaving, Limits, Outflow};
use ledger::{Holder, Posting};
use protocol::{
    AccountId, AccountIndex, Address, AssetId, DepositId, Event, Fault, Mode, ParameterId, Plant,
    Receipt, Refusal, UnderlyingId, WithdrawalId, limits as counts,
};
use std::collections::BTreeSet;
use units::{Amount, Notional, Ppm, Price, limits};

/// Returns the refusal that comes first in the order of the codes.
fn first(refusals: impl IntoIterator<Item = Option<Refusal>>) -> Result<(), Refusal> {
    refusals.into_iter().flatten().min_by_key(Refusal::code).map_or(Ok(()), Err)
}

impl Work<'_> {
    /// Notes what a custodian says has arrived in custody; credits it once enough of them say so, and opens the account if
    /// it is new.
    ///
    /// spec 0025-BLOCK-008, 0025-BLOCK-012, 0025-BLOCK-044.
    pub(crate) fn deposit(&mut self, sender: Address, id: DepositId, claim: Claim) -> Answer {
        if !self.state.custody.is_custodian(sender) {
            return Ok(Err(Refusal::NotPermitted));
        }
        let Claim { account, asset, amount } = claim;
        let known = self.state.accounts.index(account);
        if known.is_none() && !self.has_room_for(account) {
            return Ok(Err(Refusal::TooMany));
        }
        let agreeing = match self.state.custody.agreeing(sender, id, &claim) {
            Ok(agreeing) => agreeing,
            Err(refusal) => return Ok(Err(refusal)),
        };
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
        if known.is_none()
            && let Err(refusal) = self.opens(asset, amount)?
        {
            return Ok(Err(refusal));
        }
        if self.state.custody.is_credited(id) {
            return Ok(Err(Refusal::NotOutstanding));
        }
        let custody = self.state.custody_mut();
        if !custody.is_enough(agreeing) {
            let again = custody.attest(sender, id, claim);
            return Ok(if again { Err(Refusal::ApprovedAlready) } else { Ok(Receipt::Done) });
        }
        let day = match self.credited_within_a_day(asset, amount)? {
            Ok(day) => day,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let custody = self.state.custody_mut();
        custody.set_day(asset, day);
        custody.credit(id);
        let index = self.account_for(account)?;
        let (from, to) = (Holder::Outside, Holder::Client(index));
        self.post(Posting { from, to, asset, amount })?;
        self.state.bring(index, asset, amount)?;
        self.events.push(Event::Deposited { id, account: index, asset, amount });
        Ok(Ok(Receipt::Done))
    }

    /// Counts a deposit against the day's limit of its asset.
    ///
    /// spec 0025-BLOCK-044.
    fn credited_within_a_day(&self, asset: AssetId, amount: Amount) -> Answer<Outflow> {
        let worth = match self.dollars(asset, amount)? {
            Ok(worth) => worth,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let limit = Notional::from_micros(self.state.house(ParameterId::DepositLimit));
        custody::deposit(&self.state.custody.day(asset), self.block.time, worth, limit)
    }

    /// Notes that a custodian has seen a withdrawal paid; its record goes once enough of them have.
    ///
    /// spec 0025-BLOCK-046.
    pub(crate) fn attest_payment(&mut self, sender: Address, id: WithdrawalId) -> Answer {
        if !self.state.custody.is_custodian(sender) {
            return Ok(Err(Refusal::NotPermitted));
        }
        let last = match self.state.attest_payment(sender, id) {
            Ok(last) => last,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if last {
            self.events.push(Event::WithdrawalPaid { id });
        }
        Ok(Ok(Receipt::Done))
    }

    /// Whether the house, and the owner, may have one account more.
    ///
    /// spec 0025-BLOCK-040.
    fn has_room_for(&self, id: AccountId) -> bool {
        let accounts = &self.state.accounts;
        accounts.len() < counts::ACCOUNTS_MAX
            && accounts.of_owner(id.owner).count() < counts::ACCOUNTS_PER_OWNER_MAX
    }

    /// Checks that a deposit pays for the row that it opens.
    ///
    /// spec 0025-BLOCK-040.
    fn opens(&self, asset: AssetId, amount: Amount) -> Answer<()> {
        let least = Notional::from_micros(self.state.house(ParameterId::DepositMin));
        let worth = match self.dollars(asset, amount)? {
            Ok(worth) => worth,
            Err(refusal) => return Ok(Err(refusal)),
        };
        Ok(if worth < least { Err(Refusal::AmountTooSmall { least }) } else { Ok(()) })
    }

    /// Takes free collateral out of custody.
    ///
    /// spec 0025-BLOCK-012.
    pub(crate) fn withdraw(
        &mut self,
        sender: Address,
        sub: u16,
        (asset, amount): (AssetId, Amount),
        destination: Address,
    ) -> Answer {
        let id = AccountId { owner: sender, sub };
        let Some(index) = self.state.accounts.index(id) else {
            return Ok(Err(Refusal::AccountNotOpen));
        };
        if !self.state.custody.has_room_for(sender) {
            return Ok(Err(Refusal::TooMany));
        }
        if let Err(refusal) = self.outgoing(index, Holder::Outside, asset, amount)? {
            return Ok(Err(refusal));
        }
        let held = self.state.accounts.get(index).ok_or(Fault::Missing("account"))?;
        let brought = held.brought(asset);
        let worth = self.dollars(asset, amount)?;
        let counted = match worth {
            Ok(dollars) => self.counted(sender, dollars, amount <= brought)?,
            Err(refusal) => Err(refusal),
        };
        let least = Notional::from_micros(self.state.house(ParameterId::WithdrawalMin));
        let small = worth.is_ok_and(|worth| worth < least);
        let checked = first([
            small.then_some(Refusal::AmountTooSmall { least }),
            self.custody_without(asset, amount)?.err(),
            counted.as_ref().err().copied(),
            self.check_suspension(index).err(),
            self.check_gains(amount, brought).err(),
            self.check_exposure(index)?.err(),
        ]);
        let counted = match checked.and(counted) {
            Ok(counted) => counted,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if let Err(refusal) = self.release(index, Holder::Outside, asset, amount)? {
            return Ok(Err(refusal));
        }
        self.state.set_outflow(counted.house);
        self.state.set_hour(sender, counted.owner);
        let (height, paid) = (self.block.height, BTreeSet::new());
        let withdrawal = Withdrawal { account: id, asset, amount, destination, height, paid };
        let id = self.state.pay(withdrawal);
        let id = id.ok_or(Fault::Invariant("numbers of withdrawals suffice"))?;
        self.events.push(Event::Withdrawn { id, destination, account: index, asset, amount });
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
        if let Err(refusal) = self.check_suspension(from) {
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

    /// Buys collateral behind a debt, or what a fund has bought of it, at the house's price.
    ///
    /// spec 0021-FALL-042, 0021-FALL-043.
    pub(crate) fn buy_collateral(
        &mut self,
        id: AccountId,
        seller: Option<AccountId>,
        asset: AssetId,
        (amount, limit): (Amount, Price),
    ) -> Answer {
        let owner = seller.map(|seller| self.state.accounts.index(seller));
        let (Some(buyer), Some(owner)) =
            (self.state.accounts.index(id), owner.map_or(Some(None), |found| found.map(Some)))
        else {
            return Ok(Err(Refusal::AccountNotOpen));
        };
        let wanted = first([
            (asset == AssetId::DOLLAR || !self.is_accepted(asset)).then_some(Refusal::AssetUnknown),
            (amount <= Amount::ZERO).then_some(Refusal::AmountNotPositive),
            amount.within_limit().is_err().then_some(Refusal::AmountTooLarge),
            (owner == Some(buyer)).then_some(Refusal::SameAccount),
        ]);
        if let Err(refusal) = wanted {
            return Ok(Err(refusal));
        }
        let Some((holder, price, debt)) = self.offered(owner, asset)? else {
            return Ok(Err(Refusal::NotForSale));
        };
        let held = self.state.ledger.balance(holder, asset);
        let sale = waterfall::purchase(held, amount, price, debt)?;
        if sale.amount <= Amount::ZERO || limit < price {
            return Ok(Err(Refusal::NotForSale));
        }
        let paid = Amount::from_notional(sale.paid);
        if let Err(refusal) = self.outgoing(buyer, holder, AssetId::DOLLAR, paid)? {
            return Ok(Err(refusal));
        }
        let covered = self.covers_initial_margin_without(buyer, AssetId::DOLLAR, paid)?;
        if let Err(refusal) = first([self.check_exposure(buyer)?.err(), covered.err()]) {
            return Ok(Err(refusal));
        }
        let client = Holder::Client(buyer);
        let mut changes = ledger::Changes::default();
        changes.post(Posting { from: holder, to: client, asset, amount: sale.amount })?;
        changes.post(Posting::dollars(client, holder, sale.paid))?;
        self.apply(&changes)?;
        let (coins, dollars) = ((asset, sale.amount), (AssetId::DOLLAR, paid));
        self.exchanges(buyer, dollars, coins)?;
        if let Some(seller) = owner {
            self.exchanges(seller, coins, dollars)?;
            if let Some(sought) = self.for_sale.get_mut(&(seller, asset)) {
                *sought = sought.minus(sale.paid).map_err(Fault::at("collateral for sale"))?;
            }
        }
        let (amount, paid) = (sale.amount, sale.paid);
        self.events.push(Event::CollateralBought { seller: owner, buyer, asset, amount, paid });
        Ok(Ok(Receipt::Done))
    }

    /// Returns who holds what is on offer of an asset, at which price, and how many dollars are asked for at most.
    fn offered(
        &self,
        seller: Option<AccountIndex>,
        asset: AssetId,
    ) -> Result<Option<(Holder, Price, Notional)>, Fault> {
        let Some(fund) = self.state.pledged_on(asset) else { return Ok(None) };
        let Some(seller) = seller else {
            let price = self.state.index(fund).filter(|_| self.state.mode(fund) == Mode::Normal);
            let most = Notional::from_micros(Notional::LIMIT);
            return Ok(price.map(|price| (Holder::Insurance(fund), price, most)));
        };
        let held = self.state.accounts.get(seller).ok_or(Fault::Missing("account"))?;
        let debt = self.state.ledger.cash(seller).negated().map_err(Fault::at("debt"))?;
        let sought = match self.for_sale.get(&(seller, asset)) {
            Some(sought) => debt.greater(*sought),
            None if held.positions().is_empty() => debt,
            None => return Ok(None),
        };
        if sought <= Notional::ZERO {
            return Ok(None);
        }
        let price = self.sale_price(fund)?;
        Ok(price.map(|price| (Holder::Client(seller), price, sought)))
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

    /// Checks that custody of an asset holds what is to leave it.
    ///
    /// spec 0011-LEDG-009.
    fn custody_without(&self, asset: AssetId, amount: Amount) -> Answer<()> {
        let outside = self.state.ledger.balance(Holder::Outside, asset);
        let short_by = outside.plus(amount).map_err(Fault::at("custody"))?;
        Ok(if short_by > Amount::ZERO { Err(Refusal::CustodyShort { short_by }) } else { Ok(()) })
    }

    /// Checks that what leaves is covered: what the account has brought is; gains are while no debt is open that nothing
    /// in the house could pay, and liquidation is not suspended.
    ///
    /// spec 0025-BLOCK-041.
    fn check_gains(&self, amount: Amount, brought: Amount) -> Result<(), Refusal> {
        let covered = self.uncovered == Some(Notional::ZERO) && !self.is_call_auction();
        match amount <= brought || covered || Plant::GainsLeave.is_planted() {
            true => Ok(()),
            false => Err(Refusal::GainsNotCovered { at_most: brought }),
        }
    }

    /// Posts an outgoing amount if initial margin is still covered without it; what the account has brought goes first,
    /// and with it.
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
            let taken = self.state.take_brought(from, asset, amount)?;
            if let Holder::Client(receiver) = to {
                self.state.bring(receiver, asset, taken)?;
            }
        }
        Ok(covered)
    }

    /// Carries what an account has brought of an asset that it sells over to what it gets for it. Rounded down.
    ///
    /// spec 0025-BLOCK-041.
    pub(crate) fn exchanges(
        &mut self,
        account: AccountIndex,
        (sold, amount): (AssetId, Amount),
        (bought, got): (AssetId, Amount),
    ) -> Result<(), Fault> {
        if amount <= Amount::ZERO {
            return Ok(());
        }
        let taken = self.state.take_brought(account, sold, amount)?;
        let carried = custody::carried(taken, amount, got)?;
        self.state.bring(account, bought, carried)
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
        match self.state.pledged_on(asset).and_then(|id| self.state.index(id)) {
            Some(index) => custody::worth(amount, index).map(Ok),
            None => Ok(Err(Refusal::MarkMissing)),
        }
    }

    /// Counts a withdrawal against the owner's share of the hour's limit, and against the limit: but an owner takes a
    /// little of what it has brought, however much others have taken.
    ///
    /// spec 0025-BLOCK-012, 0025-BLOCK-042.
    fn counted(&self, owner: Address, dollars: Notional, is_brought: bool) -> Answer<Counted> {
        let house = |parameter| self.state.house(parameter);
        let limits = Limits {
            house: Notional::from_micros(house(ParameterId::WithdrawalLimit)),
            owner_share: Ppm::from_parts(house(ParameterId::WithdrawalOwnerShare)),
            free: Notional::from_micros(house(ParameterId::WithdrawalFree)),
        };
        let leaving = Leaving { now: self.block.time, dollars, is_brought };
        custody::withdrawal(&limits, &self.state.outflow, self.state.keys.hour(owner), &leaving)
    }

    fn is_accepted(&self, asset: AssetId) -> bool {
        asset == AssetId::DOLLAR || self.state.pledged_on(asset).is_some()
    }

    /// Returns the index of an account, which is opened if it is new.
    fn account_for(&mut self, id: AccountId) -> Result<AccountIndex, Fault> {
        if let Some(index) = self.state.accounts.index(id) {
            return Ok(index);
        }
        let index = self.state.open_account(id);
        let index = index.ok_or(Fault::Invariant("account indices suffice"))?;
        self.events.push(Event::AccountOpened { account: id, index });
        Ok(index)
    }
}
