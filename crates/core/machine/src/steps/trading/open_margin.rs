//! The margin of open orders: of all of them in every block, and of those that need no more initial margin.
//!
//! An order rests for days while marks move, so what it was asked for when it entered says nothing. In every block, before
//! any command, each account with orders is margined with them at the block's marks; what would not be let in any more is
//! cancelled. From then until the block's auctions nothing lowers what covers them, so they fill without being asked again.
//!
//! **Invariant:** no order fills in a block unless it has been margined at the marks of that block, beside all other open
//! orders of its account.

use crate::block::margins::Known;
use crate::block::work::{Answer, Work};
use crate::state::State;
use crate::state::account::OpenOrder;
use margin::{AccountMargin, Ceiling, ClosingMargin, Cover, Risk};
use protocol::{AccountIndex, CancelReason, Fault, OrderId, ParameterId, Plant};
use units::Notional;

/// Orders that are margined exactly in one block before its commands, and again before its auctions: a bound on the work
/// that accounts near their limits make.
const ORDERS_MARGINED_MAX: usize = 1 << 18;

/// Accounts by which the sequence is turned from block to block: no fewer than fit into one block, so each has its turn.
const TURN: i128 = 1 << 8;

const _: () = assert!(ORDERS_MARGINED_MAX >> 8 == protocol::limits::ORDERS_PER_ACCOUNT_MAX);

impl<'a> Work<'a> {
    /// Margins every account with its open orders, and cancels those that margin no longer covers.
    ///
    /// A fault in one account's margin leaves the others margined: the account is set aside.
    ///
    /// spec 0019-MARG-021, 0025-BLOCK-030.
    pub(crate) fn margin_open_orders(&mut self) {
        if Plant::RestUnmargined.is_planted() {
            return;
        }
        let accounts = self.state.accounts.iter();
        let accounts = accounts.filter(|(_, held)| !held.orders().is_empty());
        let accounts: Vec<AccountIndex> = accounts.map(|(account, _)| account).collect();
        let mut near = Vec::new();
        for account in accounts {
            let ceiling = self.margins.standing().and_then(|risk| self.ceiling_kept(risk, account));
            match ceiling.map(|ceiling| self.note_ceiling(account, ceiling)) {
                Ok(true) => {}
                Ok(false) => near.push(account),
                Err(fault) => {
                    self.margins.unchecked.insert(account);
                    self.set_aside(account, &fault);
                }
            }
        }
        if !near.is_empty() {
            let first = self.turn_of(near.len());
            near.rotate_left(first);
        }
        self.margin_exactly(near);
        if self.margins.stands_apart() {
            // What commands ask for is measured over other matrices.
            self.margins.forget_all();
        }
    }

    /// Margins accounts exactly, in their sequence, as many as one block may; the others, and those with a fault, are
    /// noted as not margined.
    fn margin_exactly(&mut self, accounts: Vec<AccountIndex>) {
        let mut left = Some(ORDERS_MARGINED_MAX);
        for account in accounts {
            let held = self.state.accounts.get(account).map_or(0, |held| held.orders().len());
            // Once one does not fit, none does: so the sequence is kept.
            left = left.and_then(|left| left.checked_sub(held));
            let margined = left.map(|_| self.margin_again(account));
            if !matches!(margined, Some(Ok(()))) {
                self.margins.unchecked.insert(account);
            }
            if let Some(Err(fault)) = margined {
                self.set_aside(account, &fault);
            }
        }
    }

    /// Returns at which of so many accounts this block begins.
    fn turn_of(&self, accounts: usize) -> usize {
        let accounts = i128::try_from(accounts).unwrap_or(i128::MAX);
        let turned = self.block.height.blocks().wrapping_mul(TURN).checked_rem_euclid(accounts);
        turned.and_then(|turned| usize::try_from(turned).ok()).unwrap_or(0)
    }

    /// Notes a ceiling that equity covers; returns whether there is one.
    fn note_ceiling(&mut self, account: AccountIndex, ceiling: Option<Ceiling>) -> bool {
        if let Some(ceiling) = ceiling {
            self.margins.accounts.set(account.get().into(), Known::Ceiling(ceiling));
        }
        ceiling.is_some()
    }

    /// Margins an account with its open orders; where equity does not cover them, lets them in again, the oldest first,
    /// and cancels those that may not enter.
    fn margin_again(&mut self, account: AccountIndex) -> Result<(), Fault> {
        let apart = self.margins.stands_apart();
        if apart {
            self.margins.forget(account);
        }
        let margined = self.margin_standing(account);
        if apart {
            self.margins.forget(account);
        }
        margined
    }

    fn margin_standing(&mut self, account: AccountIndex) -> Result<(), Fault> {
        let risk = self.margins.standing()?;
        let ceiling = self.ceiling(risk, account)?;
        if self.note_ceiling(account, ceiling) {
            return Ok(());
        }
        let margin = self.margin_over(risk, account)?;
        if margin.initial() <= margin.equity() {
            return Ok(());
        }
        self.margins.forget(account);
        let Reentered { margin, closing, cancelled } = self.reentered(risk, account)?;
        for order in cancelled {
            self.take_out(account, order, CancelReason::Uncovered)?;
        }
        self.margins.accounts.set(account.get().into(), Known::Exact(Box::new(margin)));
        self.margins.closing.set(account.get().into(), Box::new(closing));
        Ok(())
    }

    /// Margins an account that this block has passed over, because it sends an order.
    pub(crate) fn margin_unchecked(&mut self, account: AccountIndex) -> Result<(), Fault> {
        if self.margins.unchecked.contains(&account) {
            self.margin_again(account)?;
            self.margins.unchecked.remove(&account);
        }
        Ok(())
    }

    /// Margins the accounts with orders in the block's auctions that have not been; cancels those orders of the others.
    ///
    /// spec 0019-MARG-022.
    pub(crate) fn hold_unchecked(&mut self) {
        let unchecked = std::mem::take(&mut self.margins.unchecked);
        let trades = |account: &AccountIndex| {
            let held = self.state.accounts.get(*account);
            held.is_some_and(|held| held.sides().any(|((id, _), _)| self.active.contains(&id)))
        };
        let trading: Vec<AccountIndex> = unchecked.into_iter().filter(trades).collect();
        self.margin_exactly(trading);
        for account in std::mem::take(&mut self.margins.unchecked) {
            if let Err(fault) = self.leave_auctions(account) {
                self.set_aside(account, &fault);
            }
        }
    }

    /// Margins the accounts again that the house has just traded for, and that have orders of their own.
    pub(crate) fn margin_reduced(&mut self) {
        for account in std::mem::take(&mut self.margins.reduced) {
            let held = self.state.accounts.get(account);
            if held.is_none_or(|held| held.orders().values().all(|open| open.is_of_house())) {
                continue;
            }
            if let Err(fault) = self.margin_again(account) {
                self.set_aside(account, &fault);
            }
        }
    }

    /// Cancels an account's orders in the markets with an auction in this block.
    fn leave_auctions(&mut self, account: AccountIndex) -> Result<(), Fault> {
        let active = &self.active;
        let chosen = |open: &OpenOrder| !open.is_of_house() && active.contains(&open.instrument);
        for order in self.orders_where(account, chosen) {
            self.take_out(account, order, CancelReason::Uncovered)?;
        }
        Ok(())
    }

    /// Returns by how much equity is short of what lets an order in that needs no more initial margin.
    ///
    /// spec 0019-MARG-020.
    pub(crate) fn closing_short_by(
        &mut self,
        account: AccountIndex,
        open: &OpenOrder,
        order: &margin::OpenOrder,
    ) -> Answer<Notional> {
        let key = account.get().into();
        if self.margins.closing.get(key).is_none() {
            let (risk, state) = (self.margins.risk()?, &self.state);
            let mut closing = self.closing_margin(risk, account)?;
            let held = state.accounts.get(account).ok_or(Fault::Missing("account"))?;
            for open in held.orders().values().filter(|open| !open.is_of_house()) {
                closing.add(&state.margined(&open)?)?;
            }
            self.margins.closing.set(key, Box::new(closing));
        }
        let near = self.state.is_near(open)?;
        let closing = self.margins.closing.get(key).ok_or(Fault::Missing("closing margin"))?;
        Ok(closing.check(order).map(|check| check.short_by(near)))
    }
}

/// The margin of an account whose orders have been let in again, and those that have not.
struct Reentered<'a> {
    margin: AccountMargin<'a>,
    closing: ClosingMargin<'a>,
    cancelled: Vec<OrderId>,
}

impl<'a> Work<'a> {
    /// Lets the orders of an account in again, the oldest first, beside those of the house.
    fn reentered(&self, risk: &'a Risk, account: AccountIndex) -> Result<Reentered<'a>, Fault> {
        let mut holdings = self.state.holdings(account, false)?;
        let held = self.state.accounts.get(account).ok_or(Fault::Missing("account"))?;
        let orders = held.orders().sorted();
        for (_, open) in orders.iter().filter(|(_, open)| open.is_of_house()) {
            holdings.orders.push(self.state.margined(open)?);
        }
        let left_out = self.left_out(risk, &holdings)?;
        let margin = AccountMargin::new(risk, &holdings.portfolio())?;
        let mut margin = margin.leaving_out(left_out)?;
        let closing = ClosingMargin::new(risk, &holdings.portfolio())?;
        let mut closing = closing.leaving_out(left_out);
        let mut cancelled = Vec::new();
        for (order, open) in orders.iter().filter(|(_, open)| !open.is_of_house()) {
            let margined = self.state.margined(open)?;
            let enters = match margin.check(&margined).map(|check| check.cover()) {
                Ok(Cover::Covered) => true,
                Ok(Cover::Closes) => {
                    let near = self.state.is_near(open)?;
                    let check = closing.check(&margined);
                    check.is_ok_and(|check| check.short_by(near) == Notional::ZERO)
                }
                Ok(Cover::Short(_)) | Err(_) => false,
            };
            if enters && margin.add(&margined).is_ok() {
                closing.add(&margined)?;
            } else {
                cancelled.push(*order);
            }
        }
        Ok(Reentered { margin, closing, cancelled })
    }

    /// Returns the maintenance margin of an account with the orders of the house.
    fn closing_margin(
        &self,
        risk: &'a Risk,
        account: AccountIndex,
    ) -> Result<ClosingMargin<'a>, Fault> {
        let mut holdings = self.state.holdings(account, false)?;
        let held = self.state.accounts.get(account).ok_or(Fault::Missing("account"))?;
        for open in held.orders().values().filter(OpenOrder::is_of_house) {
            holdings.orders.push(self.state.margined(&open)?);
        }
        let left_out = self.left_out(risk, &holdings)?;
        Ok(ClosingMargin::new(risk, &holdings.portfolio())?.leaving_out(left_out))
    }
}

impl State {
    /// Returns whether the limit of an order is no farther from the mark than that of a liquidation may be.
    ///
    /// spec 0021-FALL-006.
    fn is_near(&self, open: &OpenOrder) -> Result<bool, Fault> {
        let at = Fault::at("distance of a limit");
        let market = self.market(open.instrument)?;
        let mark = market.mark.ok_or(Fault::Missing("mark"))?;
        let band = self.ppm(market.instrument.underlying, ParameterId::LiquidationBand);
        let reach = margin::reach(mark, band).map_err(&at)?;
        margin::is_within(open.side, open.price, mark, reach).map_err(at)
    }
}
