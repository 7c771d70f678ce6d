//! Where a fault ends: at the account, the market, the underlying or the command that it is in. It is fault isolation, by
//! bulkheads.
//!
//! **Invariant:** what a contained fault has half done is undone, or is one of the things whose sums are checked again at the
//! end of the block.

use crate::block::work::Work;
use protocol::{CancelReason, Event, Fault, InstrumentId, Mode, OrderId, UnderlyingId};

impl Work<'_> {
    /// Notes a fault that went no further.
    ///
    /// spec 0025-BLOCK-030.
    pub(crate) fn contain(&mut self, fault: &Fault) {
        self.events.push(Event::FaultContained { fault: fault.to_string() });
    }

    /// Takes back the orders that a command had entered before its fault: those from a number on.
    ///
    /// spec 0025-BLOCK-030.
    pub(crate) fn take_back_orders(&mut self, first: OrderId) {
        let numbers = || (first.get()..=self.state.next_order.get()).map(OrderId::new);
        let half_entered: Vec<OrderId> = numbers().collect();
        let mut owners = Vec::new();
        let markets: Vec<InstrumentId> = self.state.markets.keys().copied().collect();
        for id in markets {
            for order in &half_entered {
                if let Some(open) = self.state.take_back(id, *order) {
                    owners.push((open.account, *order));
                }
            }
        }
        let waiting = self.state.waiting_mut();
        let waited = |order: &OrderId| Some((waiting.remove(*order)?.account, *order));
        owners.extend(half_entered.iter().filter_map(waited));
        for (account, order) in owners {
            if let Ok(Some(open)) = self.close_order(account, order) {
                let (instrument, lots, reason) = (open.instrument, open.lots, CancelReason::Halt);
                self.give_back(account, order, lots);
                self.events.push(Event::Cancelled { instrument, account, order, lots, reason });
            }
            self.margins.forget(account);
        }
    }

    /// Halts a market with a fault. A fault in that halts the house.
    pub(crate) fn halt_market(&mut self, id: InstrumentId, fault: &Fault) -> Result<(), Fault> {
        if self.state.markets.contains_key(&id) {
            return self.halt(id, fault);
        }
        self.contain(fault);
        Ok(())
    }

    /// Freezes an underlying for this block: something of it cannot be computed.
    ///
    /// spec 0025-BLOCK-004.
    pub(crate) fn freeze(&mut self, id: UnderlyingId, fault: &Fault) {
        let Ok(held) = self.state.underlying_mut(id) else { return };
        let before = std::mem::replace(&mut held.mode, Mode::Frozen);
        self.contain(fault);
        if before != Mode::Frozen {
            self.events.push(Event::ModeChanged { underlying: id, mode: Mode::Frozen });
        }
    }
}

#[cfg(test)]
mod tests;
