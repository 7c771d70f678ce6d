//! Governance: the commands of signers.

use crate::state::Status;
use crate::work::Work;
use protocol::{Address, Change, Event, Fault, InstrumentId, ProposalId, Receipt, Refusal};
use units::BlockTime;

/// The outcome of a command: done, refused, or our bug.
pub(crate) type Answer<T = Receipt> = Result<Result<T, Refusal>, Fault>;

impl Work<'_> {
    /// Opens a proposal.
    pub(crate) fn propose(&mut self, sender: Address, change: Change) -> Answer {
        let (state, now) = (&mut *self.state, self.block.time);
        let proposed = state.council.propose(sender, change, &state.parameters, now)?;
        self.touched.council |= proposed.is_ok();
        Ok(proposed.map(Receipt::Proposal))
    }

    /// Approves a proposal.
    pub(crate) fn approve(&mut self, sender: Address, proposal: ProposalId) -> Answer {
        let (state, now) = (&mut *self.state, self.block.time);
        let approved = state.council.approve(sender, proposal, &state.parameters, now)?;
        self.touched.council |= approved.is_ok();
        Ok(approved.map(|()| Receipt::Done))
    }

    /// Takes an approval back.
    ///
    /// spec 0023-GOV-013.
    pub(crate) fn revoke(&mut self, sender: Address, proposal: ProposalId) -> Answer {
        let revoked = self.state.council.revoke(sender, proposal, self.block.time);
        self.touched.council |= revoked.is_ok();
        Ok(revoked.map(|()| Receipt::Done))
    }

    /// Pauses a market at once.
    ///
    /// spec 0023-GOV-010.
    pub(crate) fn pause(&mut self, sender: Address, instrument: InstrumentId) -> Answer {
        if !self.state.council.is_signer(sender) {
            return Ok(Err(Refusal::NotPermitted));
        }
        let Some(market) = self.state.markets.get_mut(&instrument) else {
            return Ok(Err(Refusal::InstrumentUnknown));
        };
        if market.status != Status::Trading {
            return Ok(Err(Refusal::InstrumentHalted));
        }
        market.status = Status::Paused;
        self.touched.markets.insert(instrument);
        self.events.push(Event::Paused { instrument });
        Ok(Ok(Receipt::Done))
    }

    /// Breaks the books of a market when its auction is cleared.
    ///
    /// spec 0023-GOV-011.
    pub(crate) fn drill(&mut self, sender: Address, instrument: InstrumentId) -> Answer {
        if !self.state.council.is_signer(sender) {
            return Ok(Err(Refusal::NotPermitted));
        }
        let Some(market) = self.state.markets.get(&instrument) else {
            return Ok(Err(Refusal::InstrumentUnknown));
        };
        if market.status != Status::Trading || market.mark.is_none() {
            return Ok(Err(Refusal::InstrumentHalted));
        }
        self.broken.insert(instrument);
        self.active.insert(instrument);
        Ok(Ok(Receipt::Done))
    }

    /// Makes the governance changes that are due.
    ///
    /// spec 0023-GOV-009.
    pub(crate) fn enact(&mut self) {
        let now: BlockTime = self.block.time;
        let open = self.state.council.open().count();
        let due = self.state.council.due(now);
        // Those that have died are gone, too.
        self.touched.council |= self.state.council.open().count() != open;
        for due in due {
            let event = match self.enact_change(due.change) {
                Ok(Ok(())) => Event::Enacted { proposal: due.proposal, change: due.change },
                Ok(Err(refusal)) => Event::NotEnacted { proposal: due.proposal, refusal },
                // 0025-BLOCK-030
                Err(fault) => Event::FaultContained { fault: fault.to_string() },
            };
            self.events.push(event);
        }
    }

    fn enact_change(&mut self, change: Change) -> Answer<()> {
        match change {
            Change::SetParameter { parameter, underlying, value } => {
                let known = underlying.is_none_or(|id| self.state.underlyings.contains_key(&id));
                if !known {
                    return Ok(Err(Refusal::ParameterUnknown));
                }
                let set = self.state.parameters.set(underlying, parameter, value);
                self.touched.parameters.insert((underlying, parameter));
                Ok(set)
            }
            Change::ListInstrument(instrument) => self.list(instrument),
            // 0025-BLOCK-007: the books are checked again at the end of this block.
            Change::ResumeHouse => {
                Ok(self.state.house_fault.take().map(drop).ok_or(Refusal::NotHalted))
            }
            Change::ResumeInstrument(instrument) => {
                let Some(market) = self.state.markets.get_mut(&instrument) else {
                    return Ok(Err(Refusal::InstrumentUnknown));
                };
                if market.status == Status::Trading {
                    return Ok(Err(Refusal::NotHalted));
                }
                market.status = Status::Trading;
                self.touched.markets.insert(instrument);
                Ok(Ok(()))
            }
            Change::ReleaseValidator(id) => Ok(self.release_validator(id)),
            Change::SeatValidator { seat, stake } => Ok(self.seat_validator(seat, stake)),
            Change::UnseatValidator(id) => Ok(self.unseat_validator(id)),
            Change::SetCustodians { remove, add, threshold } => {
                let changed = self.state.custody.change(remove, add, threshold);
                if changed.is_ok() {
                    // What those who go have attested is gone from the records, too.
                    self.touched.custody = true;
                    self.touched.withdrawals.extend(self.state.custody.open().keys());
                }
                Ok(changed)
            }
            Change::SettleAt { underlying, expires_at, price } => {
                self.settle_at(underlying, expires_at, price)
            }
        }
    }
}
