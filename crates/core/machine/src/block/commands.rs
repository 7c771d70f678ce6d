//! Governance: the commands of signers, and the changes that are due.
//!
//! **Invariant:** one signer alone stops nothing but new risk in a market, for as long as a pause takes to lapse, and again
//! only a while after that.

use crate::block::work::{Answer, Work};
use crate::state::market::{Market, Status};
use protocol::{
    Address, Change, Event, Fault, InstrumentId, ParameterId, Plant, ProposalId, Receipt, Refusal,
};
use units::{BlockSpan, BlockTime};

impl Work<'_> {
    /// Opens a proposal.
    pub(crate) fn propose(&mut self, sender: Address, change: Change) -> Answer {
        let now = self.block.time;
        let proposed = self.state.change_council(|council, parameters| {
            council.propose(sender, change, parameters, now)
        })?;
        Ok(proposed.map(Receipt::Proposal))
    }

    /// Approves a proposal.
    pub(crate) fn approve(
        &mut self,
        sender: Address,
        proposal: ProposalId,
        change: &Change,
    ) -> Answer {
        let now = self.block.time;
        let approved = self.state.change_council(|council, parameters| {
            council.approve(sender, proposal, change, parameters, now)
        })?;
        Ok(approved.map(|()| Receipt::Done))
    }

    /// Takes an approval back.
    ///
    /// spec 0023-GOV-013.
    pub(crate) fn revoke(&mut self, sender: Address, proposal: ProposalId) -> Answer {
        let now = self.block.time;
        let revoked =
            self.state.change_council(|council, _| Ok(council.revoke(sender, proposal, now)))?;
        Ok(revoked.map(|()| Receipt::Done))
    }

    /// Pauses a market at once, until the pause lapses.
    ///
    /// spec 0023-GOV-010.
    pub(crate) fn pause(&mut self, sender: Address, instrument: InstrumentId) -> Answer {
        if !self.state.council.is_signer(sender) {
            return Ok(Err(Refusal::NotPermitted));
        }
        let (now, at) = (self.block.time, Fault::at("pause"));
        let [lapse, cooldown] = [ParameterId::PauseLapse, ParameterId::PauseCooldown]
            .map(|parameter| BlockSpan::from_millis(self.state.house(parameter)));
        let until = now.after(lapse).map_err(&at)?;
        let again_at = until.after(cooldown).map_err(&at)?;
        let signers: Vec<Address> = self.state.council.signers().0.iter().copied().collect();
        let Ok(market) = self.state.market_mut(instrument) else {
            return Ok(Err(Refusal::InstrumentUnknown));
        };
        if market.status != Status::Trading {
            return Ok(Err(Refusal::InstrumentHalted));
        }
        // What is over, and who is a signer no longer, is forgotten: there are never more entries than signers.
        let spent = &mut market.pause.spent;
        spent.retain(|signer, free_at| *free_at > now && signers.contains(signer));
        if let Some(free_at) = spent.get(&sender) {
            return Ok(Err(Refusal::PauseSpent { until: *free_at }));
        }
        spent.insert(sender, again_at);
        market.pause.until = Some(until);
        market.status = Status::Paused;
        self.events.push(Event::Paused { instrument });
        Ok(Ok(Receipt::Done))
    }

    /// Ends the pauses that have lapsed.
    ///
    /// spec 0023-GOV-010.
    fn lapse_pauses(&mut self) {
        if Plant::PausesStay.is_planted() {
            return;
        }
        let now: BlockTime = self.block.time;
        let lapsed = |market: &Market| {
            market.status == Status::Paused && market.pause.until.is_some_and(|until| until <= now)
        };
        let markets = self.state.markets.iter().filter(|(_, market)| lapsed(market));
        let lapsed: Vec<InstrumentId> = markets.map(|(id, _)| *id).collect();
        for instrument in lapsed {
            let Ok(market) = self.state.market_mut(instrument) else { continue };
            (market.status, market.pause.until) = (Status::Trading, None);
            self.events.push(Event::PauseLapsed { instrument });
        }
    }

    /// Ends the pauses that have lapsed and makes the governance changes that are due.
    ///
    /// spec 0023-GOV-009.
    pub(crate) fn enact(&mut self) {
        let now: BlockTime = self.block.time;
        self.lapse_pauses();
        // One after the other: a change of signers counts for what is due with it.
        while let Some(due) = self.state.next_due(now) {
            let event = match self.enact_change(due.change, due.has_waited) {
                Ok(Ok(())) => Event::Enacted { proposal: due.proposal, change: due.change },
                Ok(Err(refusal)) => Event::NotEnacted { proposal: due.proposal, refusal },
                // 0025-BLOCK-030
                Err(fault) => Event::FaultContained { fault: fault.to_string() },
            };
            self.events.push(event);
        }
        self.state.drop_dead(now);
    }

    fn enact_change(&mut self, change: Change, has_waited: bool) -> Answer<()> {
        match change {
            Change::SetParameter { parameter, underlying, value } => {
                let known = underlying.is_none_or(|id| self.state.underlyings.contains_key(&id));
                if !known {
                    return Ok(Err(Refusal::ParameterUnknown));
                }
                Ok(self.state.set_parameter(underlying, parameter, value, has_waited))
            }
            Change::ListInstrument(instrument) => self.list(instrument),
            // 0025-BLOCK-007: the books are checked again at the end of this block.
            Change::ResumeHouse => {
                Ok(self.state.house_fault_mut().take().map(drop).ok_or(Refusal::NotHalted))
            }
            Change::ResumeInstrument(id) => Ok(self.resume(id, |_| true)),
            Change::EndPause(id) => Ok(self.resume(id, |status| *status == Status::Paused)),
            Change::PauseInstrument(id) => Ok(self.pause_until_ended(id)),
            Change::DrillInstrument(id) => Ok(self.drill(id)),
            Change::ReleaseValidator(id) => Ok(self.release_validator(id)),
            Change::SeatValidator { seat, stake } => Ok(self.seat_validator(seat, stake)),
            Change::UnseatValidator(id) => Ok(self.unseat_validator(id)),
            Change::SetCustodians { remove, add, threshold } => {
                Ok(self.state.change_custodians(remove, add, threshold))
            }
            Change::SettleAt { underlying, expires_at, price } => {
                self.settle_at(underlying, expires_at, price)
            }
            Change::ChangeSigners { leaves, joins, threshold } => self
                .state
                .change_council(|council, _| Ok(council.change_signers(leaves, joins, threshold))),
        }
    }

    /// Lets a market trade again that does not, for a reason that this ends.
    fn resume(&mut self, id: InstrumentId, ends: impl Fn(&Status) -> bool) -> Result<(), Refusal> {
        let market = self.state.market_mut(id).map_err(|_| Refusal::InstrumentUnknown)?;
        if market.status == Status::Trading || !ends(&market.status) {
            return Err(Refusal::NotHalted);
        }
        market.status = Status::Trading;
        market.pause.until = None;
        Ok(())
    }

    /// Pauses a market until another change ends it; one that is paused already does not lapse any more.
    ///
    /// spec 0023-GOV-010.
    fn pause_until_ended(&mut self, id: InstrumentId) -> Result<(), Refusal> {
        let market = self.state.market_mut(id).map_err(|_| Refusal::InstrumentUnknown)?;
        if matches!(market.status, Status::Halted { .. }) {
            return Err(Refusal::InstrumentHalted);
        }
        market.status = Status::Paused;
        market.pause.until = None;
        self.events.push(Event::Paused { instrument: id });
        Ok(())
    }

    /// Breaks the books of a market when its auction of this block is cleared.
    ///
    /// spec 0023-GOV-011.
    fn drill(&mut self, id: InstrumentId) -> Result<(), Refusal> {
        let market = self.state.markets.get(&id).ok_or(Refusal::InstrumentUnknown)?;
        if market.status != Status::Trading || market.mark.is_none() {
            return Err(Refusal::InstrumentHalted);
        }
        self.broken.insert(id);
        self.active.insert(id);
        Ok(())
    }
}
