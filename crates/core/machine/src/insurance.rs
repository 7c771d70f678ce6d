//! What an insurance fund pays: debts of accounts without positions, within an event and a day, and their collateral.
//!
//! **Invariant:** no fund pays out more than its share of an event for one account, nor more than its share of a day for
//! all of them, whatever the number of blocks.

use crate::work::Work;
use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Holder, Posting};
use protocol::{AccountIndex, AssetId, Event, Fault, Mode, ParameterId, UnderlyingId};
use units::{
    Amount, ArithmeticError, BlockSpan, BlockTime, Notional, Num, Ppm, Price, Quantity, Round,
    limits,
};
use waterfall::cover;

/// All of a fund, once an allowance has bounded what is asked of it.
const WHOLE: Ppm = Ppm::from_parts(limits::PPM_ONE);

/// How much a fund may still pay, for a day from when it first paid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Allowance {
    since: BlockTime,
    left: Notional,
}

impl Allowance {
    const DAY: BlockSpan = BlockSpan::from_millis(86_400_000);

    /// Returns the allowance that holds at a time: a new one of a share of the fund if the day is over.
    fn at(self, now: BlockTime, fund: Notional, share: Ppm) -> Result<Self, ArithmeticError> {
        if now.since(self.since)? < Self::DAY {
            return Ok(self);
        }
        let left = fund.greater(Notional::ZERO).fraction_ppm(share, Round::Down)?;
        Ok(Self { since: now, left })
    }

    fn spent(self, paid: Notional) -> Result<Self, ArithmeticError> {
        Ok(Self { left: self.left.minus(paid)?, ..self })
    }
}

impl Work<'_> {
    /// Returns what a fund may still pay to all accounts together.
    fn day_allowance(&self, fund: UnderlyingId) -> Result<Allowance, Fault> {
        let held = self.state.underlyings.get(&fund).ok_or(Fault::Missing("underlying"))?;
        let share = self.state.ppm(fund, ParameterId::InsuranceDayCap);
        let balance = self.state.insurance_fund(fund);
        held.payable.at(self.block.time, balance, share).map_err(Fault::at("day of a fund"))
    }

    /// Pays what an account without positions owes from the insurance funds of the compartments that it was exposed to,
    /// ascending; no other fund answers for it.
    ///
    /// spec 0021-FALL-009…011.
    pub(crate) fn cover_debt(&mut self, account: AccountIndex) -> Result<(), Fault> {
        let at = Fault::at("debt");
        let mut debt = self.state.ledger.cash(account).negated().map_err(&at)?;
        let held = self.state.accounts.get_mut(account).ok_or(Fault::Missing("account"))?;
        if debt <= Notional::ZERO {
            if held.acquit() {
                self.touched.accounts.insert(account);
            }
            return Ok(());
        }
        let funds: Vec<UnderlyingId> = held.exposed().keys().copied().collect();
        let mut paid = Notional::ZERO;
        for fund in funds {
            let more = self.cover_from(account, fund, debt)?;
            paid = paid.plus(more).map_err(&at)?;
            debt = debt.minus(more).map_err(&at)?;
        }
        if paid > Notional::ZERO {
            self.events.push(Event::DebtCovered { account, amount: paid, uncovered: debt });
        }
        Ok(())
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
        let day = self.day_allowance(fund)?;
        let held = self.state.accounts.get_mut(account).ok_or(Fault::Missing("account"))?;
        let event = held.exposed().get(&fund).copied().unwrap_or_default();
        let event = event.at(self.block.time, balance, share).map_err(&at)?;
        let paid = cover(debt.lesser(event.left).lesser(day.left), balance, WHOLE)?.paid;
        if paid <= Notional::ZERO {
            return Ok(Notional::ZERO);
        }
        held.set_allowance(fund, event.spent(paid).map_err(&at)?);
        let held = self.state.underlyings.get_mut(&fund).ok_or(Fault::Missing("underlying"))?;
        held.payable = day.spent(paid).map_err(&at)?;
        self.post(Posting::dollars(Holder::Insurance(fund), Holder::Client(account), paid))?;
        Ok(paid)
    }

    /// Sells collateral of an account that owes dollars to the funds of the compartments in which it is priced, asset
    /// after asset, until nothing is owed: at the index less the fee of a liquidation.
    ///
    /// spec 0021-FALL-012.
    pub(crate) fn sell_collateral(&mut self, account: AccountIndex) -> Result<(), Fault> {
        let held: Vec<(AssetId, Amount)> = self.state.ledger.collateral(account).collect();
        for (asset, amount) in held {
            let debt = self.state.ledger.cash(account).negated();
            let debt = debt.map_err(Fault::at("debt"))?;
            if debt <= Notional::ZERO {
                return Ok(());
            }
            self.sell(account, debt, asset, amount)?;
        }
        Ok(())
    }

    fn sell(
        &mut self,
        account: AccountIndex,
        debt: Notional,
        asset: AssetId,
        held: Amount,
    ) -> Result<(), Fault> {
        let at = Fault::at("sale of collateral");
        let mut underlyings = self.state.underlyings.iter();
        let priced = underlyings.find(|(_, underlying)| underlying.asset == Some(asset));
        let Some((fund, mode)) = priced.map(|(id, underlying)| (*id, underlying.mode)) else {
            return Ok(());
        };
        let (Some(index), true) = (self.state.index(fund), mode < Mode::Frozen) else {
            return Ok(());
        };
        let fee = self.state.ppm(fund, ParameterId::LiquidationFee);
        let price = WHOLE.minus(fee).and_then(|rest| index.scaled(rest, Round::Down));
        let price = price.map_err(&at)?.greater(Price::from_micros(1));
        let day = self.day_allowance(fund)?;
        let most = debt.lesser(day.left);
        let most = cover(most, self.state.insurance_fund(fund), WHOLE)?.paid;
        let worth = held.quantity().value(price, Round::Down).map_err(&at)?;
        let (amount, paid) = if worth <= most {
            (held, worth)
        } else {
            let needed = most.number().mul_div(Quantity::ONE.number(), price.number(), Round::Up);
            (Amount::from_minor(needed.map(Num::raw).map_err(&at)?), most)
        };
        if amount <= Amount::ZERO {
            return Ok(());
        }
        let (fund_, client) = (Holder::Insurance(fund), Holder::Client(account));
        let mut changes = ledger::Changes::default();
        changes.post(Posting { from: client, to: fund_, asset, amount })?;
        changes.post(Posting::dollars(fund_, client, paid))?;
        self.apply(&changes)?;
        let held = self.state.underlyings.get_mut(&fund).ok_or(Fault::Missing("underlying"))?;
        held.payable = day.spent(paid).map_err(&at)?;
        self.events.push(Event::CollateralSold { account, asset, amount, paid });
        Ok(())
    }
}
