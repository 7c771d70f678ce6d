//! What the insurance funds pay, and after them the fees: debts of accounts without positions, and their collateral.
//!
//! **Invariant:** no fund pays out more than its share of an event for one account, nor more than its share of a day for
//! all of them, whatever the number of blocks.

use crate::block::work::Work;
use ledger::{Holder, Posting};
use protocol::{AccountIndex, AssetId, Event, Fault, Mode, UnderlyingId};
use units::{Amount, Notional, Price};
use waterfall::{Allowance, Buyer, Payment, Pledge, Sale, Sold};

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
        let funds = self.state.answering(account, self.block.time)?;
        let fees = self.state.ledger.balance(Holder::Fees, AssetId::DOLLAR).notional();
        let cover = waterfall::cover(part, &funds, fees)?;
        let client = Holder::Client(account);
        for Payment { id, paid, event, day } in cover.payments {
            self.state.set_allowance(account, id, event)?;
            self.spend(id, day)?;
            self.post(Posting::dollars(Holder::Insurance(id), client, paid))?;
        }
        if cover.fees > Notional::ZERO {
            self.post(Posting::dollars(Holder::Fees, client, cover.fees))?;
        }
        if cover.paid > Notional::ZERO {
            let uncovered = self.debt(account)?;
            self.events.push(Event::DebtCovered { account, amount: cover.paid, uncovered });
        }
        Ok(cover.paid)
    }

    /// Notes what a fund may still pay today.
    fn spend(&mut self, fund: UnderlyingId, day: Allowance) -> Result<(), Fault> {
        self.state.underlying_mut(fund)?.payable = day;
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
        let mut pledges = Vec::new();
        for (asset, held) in self.state.ledger.collateral(account) {
            let least = sought.iter().find(|(of, _)| *of == asset);
            let sought = least.map_or(Notional::ZERO, |(_, least)| *least);
            pledges.push(Pledge { asset, held, sought, buyer: self.buyer(asset)? });
        }
        for disposal in waterfall::sales(self.debt(account)?, &pledges)? {
            if let Some(sold) = disposal.sold {
                self.sell(account, disposal.asset, sold)?;
            }
            self.for_sale.insert((account, disposal.asset), disposal.sought);
        }
        let idle = self.state.accounts.get(account).is_some_and(|held| held.positions().is_empty());
        if idle { self.cover_beyond(account) } else { Ok(()) }
    }

    /// Covers what an account owes beyond the worth of its collateral, at the last indices. What has never had an index
    /// goes to the fund of its own compartment, if anything is paid.
    ///
    /// spec 0021-FALL-044.
    fn cover_beyond(&mut self, account: AccountIndex) -> Result<(), Fault> {
        let (mut priced, mut unpriced) = (Vec::new(), Vec::new());
        for (asset, amount) in self.state.ledger.collateral(account) {
            let Some(fund) = self.state.pledged_on(asset) else { continue };
            match self.state.index(fund) {
                Some(index) => priced.push((amount, index)),
                None => unpriced.push((fund, asset, amount)),
            }
        }
        let beyond = waterfall::beyond(self.debt(account)?, priced)?;
        if beyond <= Notional::ZERO || self.cover(account, beyond)? == Notional::ZERO {
            return Ok(());
        }
        for (fund, asset, amount) in unpriced {
            let (from, to) = (Holder::Client(account), Holder::Insurance(fund));
            self.post(Posting { from, to, asset, amount })?;
        }
        Ok(())
    }

    /// Returns the price at which collateral behind a debt is sold; none while the index is not to be trusted.
    ///
    /// spec 0021-FALL-012.
    pub(crate) fn sale_price(&self, fund: UnderlyingId) -> Result<Option<Price>, Fault> {
        let index = self.state.index(fund).filter(|_| self.state.mode(fund) < Mode::Frozen);
        let fee = self.state.liquidation_fee(fund);
        index.map(|index| waterfall::sale_price(index, fee)).transpose()
    }

    /// Returns the fund that buys an asset behind a debt, if it is pledged and its index is to be trusted.
    fn buyer(&self, asset: AssetId) -> Result<Option<Buyer>, Fault> {
        let Some(id) = self.state.pledged_on(asset) else { return Ok(None) };
        let Some(price) = self.sale_price(id)? else { return Ok(None) };
        Ok(Some(Buyer { id, price, fund: self.state.fund(id, self.block.time)? }))
    }

    /// Returns what the fund of its underlying would pay for all of an account's collateral, by asset; nothing of what has
    /// no price.
    ///
    /// spec 0021-FALL-012.
    pub(crate) fn pledges(&self, account: AccountIndex) -> Result<Vec<(AssetId, Notional)>, Fault> {
        let mut pledges = Vec::new();
        for (asset, amount) in self.state.ledger.collateral(account) {
            let Some(fund) = self.state.pledged_on(asset) else { continue };
            let Some(price) = self.sale_price(fund)? else { continue };
            pledges.push((asset, waterfall::proceeds(amount, price)?));
        }
        Ok(pledges)
    }

    /// Sells an asset of an account to a fund.
    fn sell(&mut self, account: AccountIndex, asset: AssetId, sold: Sold) -> Result<(), Fault> {
        let Sold { to, sale: Sale { amount, paid }, day } = sold;
        let (fund, client) = (Holder::Insurance(to), Holder::Client(account));
        let mut changes = ledger::Changes::default();
        changes.post(Posting { from: client, to: fund, asset, amount })?;
        changes.post(Posting::dollars(fund, client, paid))?;
        self.apply(&changes)?;
        let dollars = (AssetId::DOLLAR, Amount::from_notional(paid));
        self.exchanges(account, (asset, amount), dollars)?;
        self.spend(to, day)?;
        self.events.push(Event::CollateralSold { account, asset, amount, paid });
        Ok(())
    }
}
