//! What the commands of a session key count for against its cap of a day, and what of it is given back: the caps of
//! `sessions`, with the marks of the block.
//!
//! **Invariant:** every dollar counted for a command is given back, or belongs to an order that is open or has filled, or was
//! moved.

use crate::block::work::{Answer, Payer, Work};
use crate::state::account::OpenOrder;
use protocol::{
    AccountIndex, Address, Command, Fault, InstrumentId, NewOrder, OrderId, Quote, Refusal,
    SessionKey,
};
use sessions::{Charge, Order, Quoted};
use units::{ArithmeticError, BlockTime, Lots, Notional};

/// Where a fault of this module is said to be.
const PLACE: &str = "spending of a session key";

impl Work<'_> {
    /// Counts a command against the cap of the key that it is by, beside what it gives back itself; answers only if that is
    /// refused.
    ///
    /// spec 0027-ACC-004, 0027-ACC-014.
    pub(crate) fn charge(&mut self, command: &Command, given_back: Notional) -> Option<Answer> {
        let payer = self.payer?;
        let value = match self.spends(command) {
            Ok(Ok(value)) if value > Notional::ZERO => value,
            Ok(Ok(_)) => return None,
            Ok(Err(refusal)) => return Some(Ok(Err(refusal))),
            Err(fault) => return Some(Err(fault)),
        };
        match self.count(&payer, value, given_back) {
            Ok(Ok(())) => {
                self.payer = Some(Payer { pending: value, ..payer });
                None
            }
            Ok(Err(refusal)) => Some(Ok(Err(refusal))),
            Err(fault) => Some(Err(fault)),
        }
    }

    /// Counts dollars against a key's cap of the day.
    fn count(&mut self, payer: &Payer, value: Notional, given_back: Notional) -> Answer<()> {
        let day = sessions::day_of(self.block.time)?;
        let session = self.state.session_mut(payer.owner, payer.key);
        session.ok_or(Fault::Missing("session key"))?.count(day, value, given_back)
    }

    /// Notes what was counted of an order of the command under way, which has just been opened.
    ///
    /// spec 0027-ACC-017.
    pub(crate) fn note_charge(
        &mut self,
        account: AccountIndex,
        order: OrderId,
        open: &OpenOrder,
    ) -> Result<(), Fault> {
        let Some(payer) = self.payer else { return Ok(()) };
        let OpenOrder { instrument, side, price, lots, reduce_only, .. } = *open;
        let order_sent = Order { side, price, lots, reduce_only };
        let dollars = self.counts(instrument, &order_sent).map_err(Fault::at(PLACE))?;
        let pending = sessions::pending_without(payer.pending, dollars)?;
        if dollars == Notional::ZERO {
            return Ok(());
        }
        let day = sessions::day_of(self.block.time)?;
        let charge = Charge { key: payer.key, day, dollars, lots };
        self.state.set_charge(account, order, charge)?;
        self.payer = Some(Payer { pending, ..payer });
        Ok(())
    }

    /// Gives back what was counted of the lots of an order that leave unfilled.
    ///
    /// spec 0027-ACC-017.
    pub(crate) fn give_back(&mut self, account: AccountIndex, order: OrderId, left: Lots) {
        let Some((owner, charge)) = self.state.take_charge(account, order) else { return };
        self.give_back_to(owner, charge.key, charge.day, charge.of_unfilled(left));
    }

    /// Returns what would be given back of some orders to the key that the command under way is by, today.
    pub(crate) fn would_give_back(
        &self,
        account: AccountIndex,
        orders: &[OrderId],
    ) -> Result<Notional, Fault> {
        let (Some(payer), Some(held)) = (self.payer, self.state.accounts.get(account)) else {
            return Ok(Notional::ZERO);
        };
        let mine = (payer.key, sessions::day_of(self.block.time)?);
        orders.iter().try_fold(Notional::ZERO, |sum, order| {
            let one = held.charge(*order).zip(held.orders().get(*order));
            let one = one.filter(|(charge, _)| (charge.key, charge.day) == mine);
            let one = one.map_or(Notional::ZERO, |(charge, open)| charge.of_unfilled(open.lots));
            sum.plus(one).map_err(Fault::at(PLACE))
        })
    }

    /// Ends a command: what was counted for it, and neither entered as an order nor was moved, is given back.
    ///
    /// spec 0027-ACC-017.
    pub(crate) fn settle_charge(&mut self, payer: &Payer, command: &Command, answer: &Answer) {
        let orders = matches!(command, Command::PlaceOrder { .. } | Command::MassQuote { .. });
        let moved = !orders && matches!(answer, Ok(Ok(_)));
        if let Ok(day) = sessions::day_of(self.block.time)
            && !moved
        {
            self.give_back_to(payer.owner, payer.key, day, payer.pending);
        }
    }

    fn give_back_to(&mut self, owner: Address, key: SessionKey, day: BlockTime, dollars: Notional) {
        if let Some(session) = self.state.session_mut(owner, key) {
            session.give_back(day, dollars);
        }
    }

    /// Returns what a command counts for: its orders, or what it moves.
    ///
    /// spec 0027-ACC-004, 0027-ACC-014.
    fn spends(&self, command: &Command) -> Answer<Notional> {
        let value = match command {
            Command::PlaceOrder { order, .. } => {
                let NewOrder { instrument, side, price, lots, reduce_only, .. } = *order;
                self.counts(instrument, &Order { side, price, lots, reduce_only })
            }
            Command::MassQuote { quotes, .. } => {
                quotes.iter().try_fold(Notional::ZERO, |total, quote| {
                    let Quote { instrument, side, price, lots, .. } = *quote;
                    let order = Order { side, price, lots, reduce_only: false };
                    total.plus(self.counts(instrument, &order)?)
                })
            }
            Command::Withdraw { asset, amount, .. } | Command::Transfer { asset, amount, .. } => {
                if amount.within_limit().is_err() {
                    return Ok(Err(Refusal::AmountTooLarge));
                }
                return self.dollars(*asset, *amount);
            }
            Command::BuyCollateral { amount, limit, .. } => {
                sessions::collateral_value(*amount, *limit)
            }
            _ => Ok(Notional::ZERO),
        };
        Ok(value.map_err(|_| Refusal::AmountTooLarge))
    }

    /// Returns what an order counts for; nothing in a market that there is not.
    fn counts(&self, instrument: InstrumentId, order: &Order) -> Result<Notional, ArithmeticError> {
        let Some(market) = self.state.markets.get(&instrument) else { return Ok(Notional::ZERO) };
        let index = self.state.index(market.instrument.underlying);
        let quoted = Quoted { mark: market.mark, index };
        sessions::order_value(order, &market.instrument, quoted)
    }
}
