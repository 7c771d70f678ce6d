//! The funds that answer for debts, with what they may still pay at a time.

use crate::state::State;
use protocol::{AccountIndex, Fault, ParameterId, UnderlyingId};
use units::{BlockTime, Notional};
use waterfall::{Answering, Fund};

impl State {
    /// Returns what the fund of an underlying may pay today to all accounts together, in micro-dollars: no more than it has.
    ///
    /// # Errors
    ///
    /// [`Fault`] if there is no such underlying.
    ///
    /// spec 0021-FALL-010.
    pub fn fund_pays(&self, fund: UnderlyingId) -> Result<Notional, Fault> {
        self.fund(fund, self.time).map(|fund| fund.payable())
    }

    /// Returns the insurance fund of an underlying, and what of it the day of a time still allows.
    pub(crate) fn fund(&self, fund: UnderlyingId, now: BlockTime) -> Result<Fund, Fault> {
        let held = self.underlyings.get(&fund).ok_or(Fault::Missing("underlying"))?;
        let share = self.ppm(fund, ParameterId::InsuranceDayCap);
        let balance = self.insurance_fund(fund);
        Ok(Fund { balance, day: held.payable.at(now, balance, share)? })
    }

    /// Returns the funds that answer for an account, ascending, each with what it may still pay for it.
    ///
    /// spec 0021-FALL-009, 0021-FALL-010.
    pub(crate) fn answering(
        &self,
        account: AccountIndex,
        now: BlockTime,
    ) -> Result<Vec<Answering>, Fault> {
        let held = self.accounts.get(account).ok_or(Fault::Missing("account"))?;
        let answering = held.exposed().iter().map(|(id, event)| {
            let fund = self.fund(*id, now)?;
            let share = self.ppm(*id, ParameterId::InsuranceEventCap);
            Ok(Answering { id: *id, fund, event: event.at(now, fund.balance, share)? })
        });
        answering.collect()
    }
}
