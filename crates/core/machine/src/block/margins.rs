//! The margins of the block under way: the scenario matrices, and the margin of every account that trades.

use crate::block::work::{Answer, Work};
use crate::state::account::OpenOrder;
use crate::state::underlying::Underlying;
use crate::state::valuation::{Doubt, Doubts, Holdings};
use margin::{
    AccountMargin, Ceiling, ClosingMargin, Cover, Meter, OrderCeiling, Reading, Risk, SideOrders,
    Sums,
};
use places::Keyed;
use protocol::{AccountIndex, AssetId, Fault, InstrumentId, Mode, Plant, Refusal, UnderlyingId};
use std::cell::OnceCell;
use std::collections::BTreeSet;
use units::{Amount, Lots, Notional};

/// What is known of the margin of an account with its open orders.
#[derive(Debug)]
pub(crate) enum Known<'a> {
    /// A bound that equity covers.
    Ceiling(Ceiling),
    /// The margin itself: equity may not cover the next order.
    Exact(Box<AccountMargin<'a>>),
}

/// Scenario matrices and account margins, valid for one block.
#[derive(Debug)]
pub(crate) struct Margins<'a> {
    pub(crate) risk: &'a OnceCell<Risk>,
    /// The matrices for what an account holds already, where they are others than those for new risk.
    standing: &'a OnceCell<Risk>,
    /// Assets whose matrices could not be built: who pledges them cannot be measured.
    unmeasured: BTreeSet<AssetId>,
    /// Underlyings whose index is lost: new risk does not stand on what they are worth.
    lost: BTreeSet<UnderlyingId>,
    /// Ceilings of accounts without their orders, from the pass over all accounts.
    idle: Keyed<Ceiling>,
    pub(crate) accounts: Keyed<Known<'a>>,
    /// Maintenance margins with orders, of accounts whose orders initial margin does not cover.
    pub(crate) closing: Keyed<Box<ClosingMargin<'a>>>,
    /// Accounts with orders that nobody has yet margined in this block.
    pub(crate) unchecked: BTreeSet<AccountIndex>,
    /// Accounts that an order of the house has just traded for, and that have orders of their own.
    pub(crate) reduced: BTreeSet<AccountIndex>,
    /// The last order that a ceiling let in, and the ceiling with it: what is noted if the book takes the order.
    let_in: Option<(AccountIndex, OpenOrder, Ceiling)>,
}

impl<'a> Margins<'a> {
    /// Returns margins that wait for the block's matrices.
    pub(crate) fn new(risk: &'a OnceCell<Risk>, standing: &'a OnceCell<Risk>) -> Self {
        Self {
            risk,
            standing,
            unmeasured: BTreeSet::new(),
            lost: BTreeSet::new(),
            idle: Keyed::default(),
            accounts: Keyed::default(),
            closing: Keyed::default(),
            unchecked: BTreeSet::new(),
            reduced: BTreeSet::new(),
            let_in: None,
        }
    }

    pub(crate) fn risk(&self) -> Result<&'a Risk, Fault> {
        self.risk.get().ok_or(Fault::Missing("scenario matrices"))
    }

    /// Returns the matrices that calls and orders that rest are measured over.
    ///
    /// spec 0019-MARG-027.
    pub(crate) fn standing(&self) -> Result<&'a Risk, Fault> {
        self.standing.get().map_or_else(|| self.risk(), Ok)
    }

    /// Returns whether they are others than those for new risk.
    pub(crate) fn stands_apart(&self) -> bool {
        self.standing.get().is_some()
    }

    /// Forgets all margins.
    pub(crate) fn forget_all(&mut self) {
        self.idle = Keyed::default();
        self.accounts = Keyed::default();
        self.closing = Keyed::default();
    }

    /// Forgets the margin of an account whose balances, positions or resting orders have changed.
    pub(crate) fn forget(&mut self, account: AccountIndex) {
        self.idle.remove(account.get().into());
        self.accounts.remove(account.get().into());
        self.closing.remove(account.get().into());
    }
}

impl<'a> Work<'a> {
    /// Builds the scenario matrices of the block.
    ///
    /// Those of an underlying in which there is a fault are left out, and it is frozen; so is one of whose index it cannot be
    /// told how old it is, or how far in doubt.
    ///
    /// spec 0025-BLOCK-004.
    pub(crate) fn scenarios(&mut self) -> Result<(), Fault> {
        self.margins.lost = self.lost_underlyings();
        let twice = |_| Fault::Invariant("matrices are built once a block");
        let risk = match self.state.risk() {
            Ok(risk) => risk,
            Err(_) => self.sound_scenarios()?,
        };
        self.margins.risk.set(risk).map_err(twice)?;
        let doubts = self.doubts_standing();
        if !doubts.is_empty()
            && let Ok(standing) = self.state.risk_of(|_| true, &doubts)
        {
            self.margins.standing.set(standing).map_err(twice)?;
        }
        Ok(())
    }

    /// Returns how far the indices that give reason for caution are in doubt for what is held already. One of which that cannot
    /// be told is frozen, and all of its doubt counts.
    ///
    /// spec 0019-MARG-027, 0025-BLOCK-004.
    fn doubts_standing(&mut self) -> Doubts {
        let (mut doubts, mut faults) = (Doubts::new(), Vec::new());
        for (id, held) in self.state.underlyings.iter().filter(|(_, u)| u.mode == Mode::Caution) {
            match self.doubt_standing(*id, held) {
                Ok(doubt) => doubts.extend(doubt.map(|doubt| (*id, doubt))),
                Err(fault) => faults.push((*id, fault)),
            }
        }
        faults.iter().for_each(|(id, fault)| self.freeze(*id, fault));
        doubts
    }

    /// Returns how far an index is in doubt for what is held already, if that is less than for new risk.
    fn doubt_standing(&self, id: UnderlyingId, held: &Underlying) -> Result<Option<Doubt>, Fault> {
        let Some(index) = held.feed.index() else { return Ok(None) };
        let standing = held.feed.standing(self.block.time, &self.oracle_parameters(id))?;
        let Some((mode, confidence)) = standing else { return Ok(None) };
        let doubt = Doubt { confidence, wider: mode != Mode::Normal };
        let is_same = doubt.wider && confidence == index.confidence;
        Ok((!is_same && doubt.leaves_out_little(held, index)?).then_some(doubt))
    }

    /// Returns the underlyings whose index is lost; none in a block in which nothing fills. One of which that cannot be told is
    /// frozen, and counts as lost.
    ///
    /// spec 0019-MARG-024, 0025-BLOCK-004.
    fn lost_underlyings(&mut self) -> BTreeSet<UnderlyingId> {
        let (mut lost, mut faults) = (BTreeSet::new(), Vec::new());
        if !self.liquidates() {
            return lost;
        }
        for (id, held) in &self.state.underlyings {
            let is_lost = held.feed.is_lost(self.block.time, &self.oracle_parameters(*id));
            if *is_lost.as_ref().unwrap_or(&true) {
                lost.insert(*id);
            }
            faults.extend(is_lost.err().map(|fault| (*id, fault)));
        }
        faults.iter().for_each(|(id, fault)| self.freeze(*id, fault));
        lost
    }

    /// Returns what of an account's equity new risk does not count.
    ///
    /// spec 0019-MARG-024.
    pub(crate) fn left_out(&self, risk: &Risk, holdings: &Holdings) -> Result<Notional, Fault> {
        let lost = &self.margins.lost;
        if lost.is_empty() {
            return Ok(Notional::ZERO);
        }
        margin::equity_on(risk, &holdings.portfolio(), |id| lost.contains(&id))
    }

    /// Returns the matrices of all underlyings but those that add a fault, which are frozen.
    fn sound_scenarios(&mut self) -> Result<Risk, Fault> {
        let ids: Vec<UnderlyingId> = self.state.underlyings.keys().copied().collect();
        let mut sound = BTreeSet::new();
        for id in ids {
            sound.insert(id);
            if let Err(fault) = self.state.risk_of(|id| sound.contains(&id), &Doubts::new()) {
                sound.remove(&id);
                let held = self.state.underlyings.get(&id);
                self.margins.unmeasured.extend(held.and_then(|held| held.asset));
                self.freeze(id, &fault);
            }
        }
        self.state.risk_of(|id| sound.contains(&id), &Doubts::new())
    }

    /// Returns what an account must hold without its open orders; `None` if it has no position, and no
    /// collateral that stands behind a debt.
    pub(crate) fn reading(
        &mut self,
        meter: &mut Meter<'_>,
        account: AccountIndex,
    ) -> Result<Option<Reading>, Fault> {
        let held = self.state.accounts.get(account).ok_or(Fault::Missing("account"))?;
        if held.positions().is_empty() {
            let owes = self.state.ledger.cash(account) < Notional::ZERO;
            if !owes || self.state.ledger.collateral(account).next().is_none() {
                return Ok(None);
            }
        }
        let holdings = self.state.holdings(account, false)?;
        if holdings.collateral.iter().any(|(asset, _)| self.margins.unmeasured.contains(asset)) {
            return Err(Fault::Missing("scenario matrices of what is pledged"));
        }
        let risk = self.margins.standing()?;
        let sorted = holdings.sorted(risk)?;
        let reading = meter.read(&sorted, holdings.cash)?;
        let left_out = self.left_out(risk, &holdings)?;
        let ceiling = Ceiling::new(risk, &reading, &sorted).leaving_out(left_out)?;
        self.margins.idle.set(account.get().into(), ceiling);
        Ok(Some(reading))
    }

    /// Returns a meter over the block's matrices for what is held.
    pub(crate) fn meter(&self) -> Result<Meter<'a>, Fault> {
        Ok(Meter::new(self.margins.standing()?))
    }

    /// Returns what an account holds at prices that are to be trusted, and by how much the maintenance margin of all it holds is
    /// more than that of this: less than nothing, if what is frozen offsets more than it needs.
    ///
    /// spec 0021-FALL-004.
    pub(crate) fn trusted(&self, account: AccountIndex) -> Result<(Holdings, Notional), Fault> {
        let mut holdings = self.state.holdings(account, false)?;
        let mut frozen = (BTreeSet::new(), BTreeSet::new());
        for position in &holdings.positions {
            let underlying = self.state.market(position.instrument)?.instrument.underlying;
            if self.state.mode(underlying) == Mode::Frozen {
                frozen.0.insert(position.instrument);
            }
        }
        for held in self.state.underlyings.values().filter(|held| held.mode == Mode::Frozen) {
            let pledged = holdings.collateral.iter().map(|(asset, _)| *asset);
            frozen.1.extend(pledged.filter(|asset| held.asset == Some(*asset)));
        }
        if frozen.0.is_empty() && frozen.1.is_empty() {
            return Ok((holdings, Notional::ZERO));
        }
        let risk = self.margins.risk()?;
        let all = margin::required(risk, &holdings.portfolio())?.maintenance;
        holdings.positions.retain(|position| !frozen.0.contains(&position.instrument));
        holdings.collateral.retain(|(asset, _)| !frozen.1.contains(asset));
        let trusted = margin::required(risk, &holdings.portfolio())?.maintenance;
        Ok((holdings, all.minus(trusted).map_err(Fault::at("margin of what is frozen"))?))
    }

    /// Returns the sums of the maintenance margin of what an account holds at prices that are to be trusted, and what all that it
    /// holds needs beyond it.
    pub(crate) fn maintenance_sums(
        &self,
        account: AccountIndex,
    ) -> Result<(Sums<'a>, Notional), Fault> {
        let risk = self.margins.risk()?;
        let (trusted, beyond) = self.trusted(account)?;
        Ok((Sums::new(risk, &trusted.sorted(risk)?)?, beyond))
    }

    /// Returns an account's maintenance margin after trades, as if what is frozen offset no more and no less than now.
    ///
    /// spec 0021-FALL-004, 0021-FALL-021.
    pub(crate) fn maintenance_after(
        &self,
        account: AccountIndex,
        traded: impl Fn(InstrumentId) -> Lots,
    ) -> Result<Notional, Fault> {
        let at = Fault::at("margin after trades");
        let (mut holdings, beyond) = self.trusted(account)?;
        for position in &mut holdings.positions {
            let lots = position.lots.plus(traded(position.instrument));
            position.lots = lots.map_err(&at)?;
        }
        let requirement = margin::required(self.margins.risk()?, &holdings.portfolio())?;
        requirement.maintenance.plus(beyond).map_err(&at)
    }

    /// Returns the ceiling of an account with its open orders, by the sums of its sides as they are kept; `None` if equity
    /// may not cover them.
    pub(crate) fn ceiling_kept(
        &self,
        risk: &'a Risk,
        account: AccountIndex,
    ) -> Result<Option<Ceiling>, Fault> {
        let idle = match self.margins.idle.get(account.get().into()) {
            Some(idle) => *idle,
            None => {
                let holdings = self.state.holdings(account, false)?;
                let sorted = holdings.sorted(risk)?;
                let reading = Meter::new(risk).read(&sorted, holdings.cash)?;
                let left_out = self.left_out(risk, &holdings)?;
                Ceiling::new(risk, &reading, &sorted).leaving_out(left_out)?
            }
        };
        self.state.with_sides(risk, account, idle)
    }

    /// Returns the same; where equity may not cover the orders, by sums that are taken again.
    pub(crate) fn ceiling(
        &mut self,
        risk: &'a Risk,
        account: AccountIndex,
    ) -> Result<Option<Ceiling>, Fault> {
        if let Some(ceiling) = self.ceiling_kept(risk, account)? {
            return Ok(Some(ceiling));
        }
        self.state.sum_orders_again(account)?;
        self.ceiling_kept(risk, account)
    }

    /// Returns the margin of an account with its open orders, computed once and kept up to date.
    pub(crate) fn margin(
        &mut self,
        account: AccountIndex,
    ) -> Result<&mut AccountMargin<'a>, Fault> {
        self.margin_over(self.margins.risk()?, account)
    }

    /// Returns the same over other matrices, if none is known.
    pub(crate) fn margin_over(
        &mut self,
        risk: &'a Risk,
        account: AccountIndex,
    ) -> Result<&mut AccountMargin<'a>, Fault> {
        let exact =
            matches!(self.margins.accounts.get(account.get().into()), Some(Known::Exact(_)));
        if !exact {
            let holdings = self.state.holdings(account, true)?;
            let margin = AccountMargin::new(risk, &holdings.portfolio())?;
            let margin = margin.leaving_out(self.left_out(risk, &holdings)?)?;
            self.margins.accounts.set(account.get().into(), Known::Exact(Box::new(margin)));
        }
        match self.margins.accounts.get_mut(account.get().into()) {
            Some(Known::Exact(margin)) => Ok(margin),
            Some(Known::Ceiling(_)) | None => Err(Fault::Missing("margin of an account")),
        }
    }

    /// Checks that initial margin is covered without an amount, whichever of the account's orders fill, and whether perpetuals
    /// are taken at their marks or at the index.
    pub(crate) fn covers_initial_margin_without(
        &self,
        account: AccountIndex,
        asset: AssetId,
        amount: Amount,
    ) -> Answer<()> {
        let at = Fault::at("margin without an amount");
        let mut holdings = self.state.holdings(account, true)?;
        match asset {
            AssetId::DOLLAR => {
                holdings.cash = holdings.cash.minus(amount.notional()).map_err(&at)?;
            }
            _ => {
                for (held, quantity) in &mut holdings.collateral {
                    if *held == asset {
                        *quantity = quantity.minus(amount.quantity()).map_err(&at)?;
                    }
                }
            }
        }
        let risk = self.margins.risk()?;
        let requirement = margin::required(risk, &holdings.portfolio())?;
        // 0019-MARG-025
        let gained = margin::gained_over_index(risk, &holdings.portfolio())?;
        let counted = requirement.equity.minus(gained).map_err(&at)?;
        let short_by = requirement.initial.minus(counted);
        let short_by = short_by.map_err(Fault::at("initial margin"))?;
        Ok(if short_by > Notional::ZERO { Err(Refusal::MarginShort { short_by }) } else { Ok(()) })
    }

    /// Checks that initial margin is covered with a new order too, whichever orders fill.
    pub(crate) fn check_margin(&mut self, account: AccountIndex, open: &OpenOrder) -> Answer<()> {
        self.margins.let_in = self.below_ceiling(account, open)?.map(|with| (account, *open, with));
        if self.margins.let_in.is_some() {
            return Ok(Ok(()));
        }
        let order = self.state.margined(open)?;
        let check = match self.margin(account)?.check(&order) {
            Ok(check) => check,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let short_by = match check.cover() {
            Cover::Covered => Notional::ZERO,
            Cover::Short(by) => by,
            Cover::Closes if Plant::CloseAtAnyPrice.is_planted() => Notional::ZERO,
            Cover::Closes => match self.closing_short_by(account, open, &order)? {
                Ok(by) => by,
                Err(refusal) => return Ok(Err(refusal)),
            },
        };
        Ok(if short_by > Notional::ZERO { Err(Refusal::MarginShort { short_by }) } else { Ok(()) })
    }

    /// Returns the account's ceiling with a new order if equity covers it; if not, its margin has to say.
    fn below_ceiling(
        &mut self,
        account: AccountIndex,
        open: &OpenOrder,
    ) -> Result<Option<Ceiling>, Fault> {
        let risk = self.margins.risk()?;
        let ceiling = match self.margins.accounts.get(account.get().into()) {
            Some(Known::Exact(_)) => None,
            Some(Known::Ceiling(ceiling)) => Some(*ceiling),
            None => self.ceiling(risk, account)?,
        };
        let OpenOrder { instrument, side, lots, price, .. } = *open;
        let order = SideOrders { instrument, side, lots, lowest: price, highest: price, count: 1 };
        Ok(ceiling.zip(OrderCeiling::of(risk, &order)).and_then(|(sum, more)| sum.with(more)))
    }

    /// Notes an order that has been admitted.
    pub(crate) fn order_opened(
        &mut self,
        account: AccountIndex,
        open: &OpenOrder,
    ) -> Result<(), Fault> {
        if let Some((checked, order, with)) = self.margins.let_in.take()
            && (checked, order) == (account, *open)
        {
            self.margins.accounts.set(account.get().into(), Known::Ceiling(with));
            return Ok(());
        }
        let order = self.state.margined(open)?;
        if let Some(closing) = self.margins.closing.get_mut(account.get().into())
            && (open.is_of_house() || closing.add(&order).is_err())
        {
            self.margins.closing.remove(account.get().into());
        }
        let noted = match self.margins.accounts.get_mut(account.get().into()) {
            Some(Known::Exact(margin)) => margin.add(&order).is_ok(),
            Some(Known::Ceiling(_)) => false,
            None => true,
        };
        if !noted {
            // The house's own orders are bound neither by the account's limits nor by its ceiling.
            self.margins.forget(account);
        }
        Ok(())
    }

    /// Notes an order that has left its book before the auction.
    pub(crate) fn order_closed(&mut self, account: AccountIndex, open: &OpenOrder) {
        if let Some(closing) = self.margins.closing.get_mut(account.get().into()) {
            let removed = self.state.margined(open).and_then(|order| closing.remove(&order));
            if open.is_of_house() || removed.is_err() {
                self.margins.closing.remove(account.get().into());
            }
        }
        // A ceiling stays one without the order.
        let Some(Known::Exact(margin)) = self.margins.accounts.get_mut(account.get().into()) else {
            return;
        };
        if self.state.margined(open).and_then(|order| margin.remove(&order)).is_err() {
            self.margins.forget(account);
        }
    }
}

#[cfg(test)]
mod tests;
