//! What the insurance funds pay, and after them the fees: debts of accounts without positions, and their collateral.
//!
//! **Invariant:** no fund pays out more than its share of an event for one account, nor more than its share of a day for
//! all of them, whatever the number of blocks.

use crate::block::work::Work;
use crate::state::allowances::Allowance;
use ledger::{Holder, Posting};
use protocol::{AccountIndex, AssetId, Event, Fault, Mode, ParameterId, UnderlyingId};
use units::{Amount, Notional, Ppm, Price, Round, limits};
use waterfall::{Sale, cover, sale};

/// All of a fund, once an allowance has bounded what is asked of it.
const WHOLE: Ppm = Ppm::from_parts(limits::PPM_ONE);

impl Work<'_> {
    /// Pays what an account without positions and without other collateral owes; once it owes nothing, the funds answer
    /// for it no longer.
    ///
    /// spec 0021-FALL-009…011.
    pub(crate) fn cover_debt(&mut self, account: AccountIndex) -> Result<(), Fault> {
        let debt = self.debt(account)?;
        if debt <= Notional::ZERO {
            return self.state.acquit(account);
        }
        let paid = self.cover(account, debt)?;
        let rest = debt.minus(paid).map_err(Fault::at("debt"))?;
        self.note_debt(account, rest);
        Ok(())
    }

    fn debt(&self, account: AccountIndex) -> Result<Notional, Fault> {
        self.state.ledger.cash(account).negated().map_err(Fault::at("debt"))
    }

    /// Notes what an account owes that nothing of its own stands behind.
    pub(crate) fn note_debt(&mut self, account: AccountIndex, debt: Notional) {
        if debt > Notional::ZERO {
            self.debts.push((account, debt));
        }
    }

    /// Notes the debt of an account whose equity is negative.
    pub(crate) fn note_equity(
        &mut self,
        account: AccountIndex,
        equity: Notional,
    ) -> Result<(), Fault> {
        self.note_debt(account, equity.negated().map_err(Fault::at("debt"))?);
        Ok(())
    }

    /// Sums what nothing in the house could pay of the debts noted: all accounts have been looked at.
    ///
    /// spec 0021-FALL-041.
    pub(crate) fn measure_uncovered(&mut self) -> Result<(), Fault> {
        let debts = std::mem::take(&mut self.debts);
        let funds = self.state.underlyings.keys().map(|id| (*id, self.state.insurance_fund(*id)));
        let answering = |account| {
            let held = self.state.accounts.get(account);
            held.into_iter().flat_map(|held| held.exposed().keys().copied())
        };
        let debts = debts.into_iter().map(|(account, debt)| (debt, answering(account)));
        let fees = self.state.ledger.balance(Holder::Fees, AssetId::DOLLAR).notional();
        self.uncovered = Some(waterfall::uncovered(debts, funds.collect(), fees)?);
        Ok(())
    }

    /// Pays a part of what an account owes, or all of it, from the insurance funds of the compartments that it was exposed
    /// to, ascending, and then from the fees; no other fund answers for it.
    ///
    /// spec 0021-FALL-009, 0021-FALL-010, 0021-FALL-040.
    fn cover(&mut self, account: AccountIndex, part: Notional) -> Result<Notional, Fault> {
        let at = Fault::at("debt");
        let held = self.state.accounts.get(account).ok_or(Fault::Missing("account"))?;
        let funds: Vec<UnderlyingId> = held.exposed().keys().copied().collect();
        let mut rest = part;
        for fund in funds {
            let more = self.cover_from(account, fund, rest)?;
            rest = rest.minus(more).map_err(&at)?;
        }
        let fees = self.state.ledger.balance(Holder::Fees, AssetId::DOLLAR).notional();
        let more = cover(rest, fees, WHOLE)?.paid;
        if more > Notional::ZERO {
            self.post(Posting::dollars(Holder::Fees, Holder::Client(account), more))?;
            rest = rest.minus(more).map_err(&at)?;
        }
        let amount = part.minus(rest).map_err(&at)?;
        if amount > Notional::ZERO {
            let uncovered = self.debt(account)?;
            self.events.push(Event::DebtCovered { account, amount, uncovered });
        }
        Ok(amount)
    }

    /// Pays what one fund may of a debt; returns how much that is.
    fn cover_from(
        &mut self,
        account: AccountIndex,
        fund: UnderlyingId,
        debt: Notional,
    ) -> Result<Notional, Fault> {
        let at = Fault::at("cover of a debt");
        let balance = self.state.insurance_fund(fund);
        let share = self.state.ppm(fund, ParameterId::InsuranceEventCap);
        let day = self.state.day_allowance(fund, self.block.time)?;
        let held = self.state.accounts.get(account).ok_or(Fault::Missing("account"))?;
        let event = held.exposed().get(&fund).copied().unwrap_or_default();
        let event = event.at(self.block.time, balance, share).map_err(&at)?;
        let paid = cover(debt.lesser(event.left).lesser(day.left), balance, WHOLE)?.paid;
        if paid <= Notional::ZERO {
            return Ok(Notional::ZERO);
        }
        self.state.set_allowance(account, fund, event.spent(paid).map_err(&at)?)?;
        self.spend(fund, day, paid)?;
        self.post(Posting::dollars(Holder::Insurance(fund), Holder::Client(account), paid))?;
        Ok(paid)
    }

    /// Takes what a fund pays out of what it may still pay today.
    fn spend(&mut self, fund: UnderlyingId, day: Allowance, paid: Notional) -> Result<(), Fault> {
        let left = day.spent(paid).map_err(Fault::at("day of a fund"))?;
        self.state.underlying_mut(fund)?.payable = left;
        Ok(())
    }

    /// Sells collateral of an account that owes dollars to the funds of the compartments in which it is priced, asset
    /// after asset, until nothing is owed: at the index less the fee of a liquidation; of each asset for no fewer dollars
    /// than are sought beside a slice. What is left is for sale to anybody; of an account without positions, what is owed
    /// beyond its worth is covered.
    ///
    /// spec 0021-FALL-012, 0021-FALL-021, 0021-FALL-042, 0021-FALL-044.
    pub(crate) fn sell_collateral(
        &mut self,
        account: AccountIndex,
        sought: &[(AssetId, Notional)],
    ) -> Result<(), Fault> {
        let held: Vec<(AssetId, Amount)> = self.state.ledger.collateral(account).collect();
        for (asset, amount) in held {
            let least = sought.iter().find(|(of, _)| *of == asset);
            let least = least.map_or(Notional::ZERO, |(_, least)| *least);
            let dollars = self.debt(account)?.greater(least);
            let paid = match dollars > Notional::ZERO {
                true => self.sell(account, dollars, asset, amount)?,
                false => Notional::ZERO,
            };
            let left = least.minus(paid).map_err(Fault::at("collateral for sale"))?;
            self.for_sale.insert((account, asset), left);
        }
        let idle = self.state.accounts.get(account).is_some_and(|held| held.positions().is_empty());
        if idle { self.cover_beyond(account) } else { Ok(()) }
    }

    /// Covers what an account owes beyond the worth of its collateral, at the last indices. What has never had an index
    /// goes to the fund of its own compartment, if anything is paid.
    ///
    /// spec 0021-FALL-044.
    fn cover_beyond(&mut self, account: AccountIndex) -> Result<(), Fault> {
        let at = Fault::at("worth of collateral");
        let debt = self.debt(account)?;
        let mut worth = Notional::ZERO;
        let mut unpriced = Vec::new();
        for (asset, amount) in self.state.ledger.collateral(account) {
            let Some((fund, _)) = self.pledged_on(asset) else { continue };
            match self.state.index(fund) {
                Some(index) => {
                    let more = amount.quantity().value(index, Round::Up).map_err(&at)?;
                    worth = worth.plus(more).map_err(&at)?;
                }
                None => unpriced.push((fund, asset, amount)),
            }
        }
        let beyond = debt.minus(worth).map_err(&at)?;
        if beyond <= Notional::ZERO || self.cover(account, beyond)? == Notional::ZERO {
            return Ok(());
        }
        for (fund, asset, amount) in unpriced {
            let (from, to) = (Holder::Client(account), Holder::Insurance(fund));
            self.post(Posting { from, to, asset, amount })?;
        }
        Ok(())
    }

    /// Returns the underlying at whose index an asset is pledged, and what is allowed in it.
    fn pledged_on(&self, asset: AssetId) -> Option<(UnderlyingId, Mode)> {
        let mut underlyings = self.state.underlyings.iter();
        let priced = underlyings.find(|(_, underlying)| underlying.asset == Some(asset));
        priced.map(|(id, underlying)| (*id, underlying.mode))
    }

    /// Returns the price at which collateral behind a debt is sold: the index less the fee of a liquidation; none while
    /// the index is not to be trusted.
    ///
    /// spec 0021-FALL-012.
    pub(crate) fn sale_price(&self, fund: UnderlyingId) -> Result<Option<Price>, Fault> {
        let (Some(index), true) = (self.state.index(fund), self.state.mode(fund) < Mode::Frozen)
        else {
            return Ok(None);
        };
        let fee = self.state.ppm(fund, ParameterId::LiquidationFee);
        let price = WHOLE.minus(fee).and_then(|rest| index.scaled(rest, Round::Down));
        let price = price.map_err(Fault::at("price of collateral"))?;
        Ok(Some(price.greater(Price::from_micros(1))))
    }

    /// Returns what the fund of its underlying would pay for all of an account's collateral, by asset; nothing of what has
    /// no price.
    ///
    /// spec 0021-FALL-012.
    pub(crate) fn pledges(&self, account: AccountIndex) -> Result<Vec<(AssetId, Notional)>, Fault> {
        let mut pledges = Vec::new();
        for (asset, amount) in self.state.ledger.collateral(account) {
            let Some((fund, _)) = self.pledged_on(asset) else { continue };
            let Some(price) = self.sale_price(fund)? else { continue };
            let worth = amount.quantity().value(price, Round::Down);
            pledges.push((asset, worth.map_err(Fault::at("worth of collateral"))?));
        }
        Ok(pledges)
    }

    /// Sells an asset of an account to a fund, for so many dollars at most; returns for how many.
    fn sell(
        &mut self,
        account: AccountIndex,
        dollars: Notional,
        asset: AssetId,
        held: Amount,
    ) -> Result<Notional, Fault> {
        let Some((fund, _)) = self.pledged_on(asset) else { return Ok(Notional::ZERO) };
        let Some(price) = self.sale_price(fund)? else { return Ok(Notional::ZERO) };
        let day = self.state.day_allowance(fund, self.block.time)?;
        let most = dollars.lesser(day.left);
        let most = cover(most, self.state.insurance_fund(fund), WHOLE)?.paid;
        let Sale { amount, paid } = sale(held, price, most)?;
        if amount <= Amount::ZERO {
            return Ok(Notional::ZERO);
        }
        let (fund_, client) = (Holder::Insurance(fund), Holder::Client(account));
        let mut changes = ledger::Changes::default();
        changes.post(Posting { from: client, to: fund_, asset, amount })?;
        changes.post(Posting::dollars(fund_, client, paid))?;
        self.apply(&changes)?;
        let dollars = (AssetId::DOLLAR, Amount::from_notional(paid));
        self.exchanges(account, (asset, amount), dollars)?;
        self.spend(fund, day, paid)?;
        self.events.push(Event::CollateralSold { account, asset, amount, paid });
        Ok(paid)
    }
}
