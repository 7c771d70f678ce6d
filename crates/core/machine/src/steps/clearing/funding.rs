//! Funding of perpetuals: it accrues with every block and is exchanged with variation margin.
//!
//! What a unit of the underlying owes is summed up over time, so nothing depends on when it is exchanged, and a market
//! that misses an exchange pays at the next. A position remembers what it has been credited with at its fills, so it pays
//! for the time for which it was held.
//!
//! **Invariant:** payers pay at least what receivers receive; the difference stays with the insurance fund.

use crate::block::work::Work;
use crate::state::market::{Market, Status};
use clearing::{FundingTerms, Position, funding_rate};
use ledger::{Changes, Holder, Posting};
use protocol::{Contract, Event, Fault, Instrument, InstrumentId, Mode, ParameterId};
use units::{BlockSpan, Notional};

impl Work<'_> {
    /// Returns whether a market is one that anybody may enter and leave: it takes orders, no call auction is under way, and
    /// its index allows new risk. While one may not, nobody can act on a premium, and nobody can leave.
    ///
    /// spec 0013-CLEAR-014.
    pub(crate) fn can_trade(&self, id: InstrumentId) -> bool {
        let takes = |market: &Market| {
            market.status == Status::Trading
                && self.state.mode(market.instrument.underlying) < Mode::ReduceOnly
        };
        let halted = self.state.house_fault.is_some();
        !halted && !self.is_call_auction() && self.state.markets.get(&id).is_some_and(takes)
    }

    /// Accrues the funding of every perpetual that could trade at the last block and can now, for the time between.
    ///
    /// spec 0013-CLEAR-007, 0013-CLEAR-008, 0013-CLEAR-014.
    pub(crate) fn accrue_funding(&mut self) -> Result<(), Fault> {
        let elapsed = self.elapsed;
        let ids: Vec<InstrumentId> = self.state.accruals.keys().copied().collect();
        for id in ids {
            if let Err(fault) = self.accrue_in(id, elapsed) {
                self.halt(id, &fault)?;
            }
        }
        Ok(())
    }

    fn accrue_in(&mut self, id: InstrumentId, elapsed: BlockSpan) -> Result<(), Fault> {
        let trades = self.can_trade(id);
        let traded = self.state.accruals.get(&id).ok_or(Fault::Missing("accrual"))?.traded;
        if traded != trades {
            self.state.accrual_mut(id)?.traded = trades;
        }
        if !traded || !trades {
            return Ok(());
        }
        let market = self.state.market(id)?;
        let underlying = market.instrument.underlying;
        let Some(index) = self.state.index(underlying) else { return Ok(()) };
        let terms = FundingTerms {
            premium: market.premium.hour_ppb(self.block.time)?,
            interest: self.state.ppb(underlying, ParameterId::FundingInterest),
            cap: self.state.ppb(underlying, ParameterId::FundingCap),
        };
        let rate = funding_rate(&terms)?;
        self.state.accrual_mut(id)?.accrue(rate, index, elapsed)?;
        self.state.market_mut(id)?.funding_rate = rate;
        Ok(())
    }

    /// Exchanges what has accrued on a perpetual.
    pub(crate) fn pay_funding(&mut self, id: InstrumentId) -> Result<(), Fault> {
        // 0013-CLEAR-008
        let market = self.state.market(id)?;
        let Instrument { underlying, contract, .. } = market.instrument;
        if contract != Contract::Perpetual {
            return Ok(());
        }
        let (rate, aggregate) = (market.funding_rate, market.aggregate);
        let accrual = *self.state.accruals.get(&id).ok_or(Fault::Missing("accrual"))?;
        let (mut changes, mut after, mut paid) = (Changes::default(), Vec::new(), Notional::ZERO);
        for (account, position) in self.holders(id) {
            let payment = accrual.receives(&position)?;
            let (fund, client) = (Holder::Insurance(underlying), Holder::Client(account));
            // Through the fund, so that what rounding leaves stays there.
            changes.post(Posting::dollars(fund, client, payment))?;
            let owed = payment.negated().map(|owed| owed.greater(Notional::ZERO));
            paid = owed.and_then(|owed| paid.plus(owed)).map_err(Fault::at("funding paid"))?;
            after.push((account, Position { funded: Notional::ZERO, ..position }));
        }
        let prepared = self.prepare_positions(id, &changes, aggregate, after)?;
        self.commit_positions(prepared);
        *self.state.accrual_mut(id)? = accrual.emptied();
        if paid > Notional::ZERO {
            self.events.push(Event::Funded { instrument: id, rate, paid });
        }
        Ok(())
    }
}
