//! What the commands of a session key count for against its cap of a day, and what of it is given back.
//!
//! **Invariant:** what an order counts for is at least what its owner can lose by its fills at the marks of the block that
//! counts it: a buyer pays no more than the limit, and a seller gives away no more than what is sold is worth.
//!
//! **Invariant:** what is counted in a day is what the orders of that day have filled, what of them is open, and what was
//! moved.
//!
//! **Left out:** what the market does later to positions that were opened within the cap.

use crate::block::work::{Answer, Payer, Work};
use crate::state::account::OpenOrder;
use crate::state::keys::Charge;
use crate::state::market::Market;
use protocol::{
    AccountIndex, Address, Command, Fault, InstrumentId, OrderId, Refusal, SessionKey, Side, limits,
};
use units::{ArithmeticError, BlockSpan, BlockTime, Lots, Notional, Price, Round};

/// The day over which a cap is counted.
const DAY: BlockSpan = BlockSpan::from_millis(limits::SIGNATURE_LIFE_MS_MAX);

/// What is counted of an order.
#[derive(Debug, Clone, Copy)]
struct Counted {
    instrument: InstrumentId,
    side: Side,
    price: Price,
    lots: Lots,
    reduce_only: bool,
}

impl From<&OpenOrder> for Counted {
    fn from(open: &OpenOrder) -> Self {
        let OpenOrder { instrument, side, price, lots, reduce_only, .. } = *open;
        Self { instrument, side, price, lots, reduce_only }
    }
}

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
        let at = Fault::at("spending of a session key");
        let day = self.day()?;
        let session = self.state.keys.session(payer.owner, payer.key);
        let session = session.ok_or(Fault::Missing("session key"))?;
        let Some(cap) = session.terms.notional_per_day else { return Ok(Ok(())) };
        let before = if session.day == day { session.spent } else { Notional::ZERO };
        let Ok(total) = before.plus(value) else { return Ok(Err(Refusal::AmountTooLarge)) };
        let stays = total.minus(given_back).map_err(&at)?;
        if stays > cap {
            let exceeded_by = stays.minus(cap).map_err(&at)?;
            return Ok(Err(Refusal::SessionCap { exceeded_by }));
        }
        if let Some(session) = self.state.session_mut(payer.owner, payer.key) {
            (session.day, session.spent) = (day, total);
        }
        Ok(Ok(()))
    }

    /// Returns the beginning of the block's day.
    fn day(&self) -> Result<BlockTime, Fault> {
        let at = Fault::at("spending of a session key");
        let into = self.block.time.millis().checked_rem_euclid(DAY.millis());
        let into = BlockSpan::from_millis(into.ok_or(Fault::Invariant("a day has a length"))?);
        self.block.time.after(into.negated().map_err(&at)?).map_err(&at)
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
        let at = Fault::at("spending of a session key");
        let dollars = self.counts(&Counted::from(open)).map_err(&at)?;
        let pending = payer.pending.minus(dollars).map_err(&at)?;
        if pending < Notional::ZERO {
            return Err(Fault::Invariant("what is counted of a command is that of its orders"));
        }
        if dollars == Notional::ZERO {
            return Ok(());
        }
        let charge = Charge { key: payer.key, day: self.day()?, dollars, lots: open.lots };
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
        let mine = (payer.key, self.day()?);
        orders.iter().try_fold(Notional::ZERO, |sum, order| {
            let one = held.charge(*order).zip(held.orders().get(*order));
            let one = one.filter(|(charge, _)| (charge.key, charge.day) == mine);
            let one = one.map_or(Notional::ZERO, |(charge, open)| charge.of_unfilled(open.lots));
            sum.plus(one).map_err(Fault::at("spending of a session key"))
        })
    }

    /// Ends a command: what was counted for it, and neither entered as an order nor was moved, is given back.
    ///
    /// spec 0027-ACC-017.
    pub(crate) fn settle_charge(&mut self, payer: &Payer, command: &Command, answer: &Answer) {
        let orders = matches!(command, Command::PlaceOrder { .. } | Command::MassQuote { .. });
        let moved = !orders && matches!(answer, Ok(Ok(_)));
        if let Ok(day) = self.day()
            && !moved
        {
            self.give_back_to(payer.owner, payer.key, day, payer.pending);
        }
    }

    fn give_back_to(&mut self, owner: Address, key: SessionKey, day: BlockTime, dollars: Notional) {
        let session = self.state.keys.session(owner, key);
        let Some(session) = session.filter(|session| session.day == day) else { return };
        let Ok(left) = session.spent.minus(dollars) else { return };
        if dollars > Notional::ZERO
            && let Some(session) = self.state.session_mut(owner, key)
        {
            session.spent = left.greater(Notional::ZERO);
        }
    }

    /// Returns what a command counts for: its orders, or what it moves.
    ///
    /// spec 0027-ACC-004, 0027-ACC-014.
    fn spends(&self, command: &Command) -> Answer<Notional> {
        let value = match command {
            Command::PlaceOrder { order, .. } => self.counts(&Counted {
                instrument: order.instrument,
                side: order.side,
                price: order.price,
                lots: order.lots,
                reduce_only: order.reduce_only,
            }),
            Command::MassQuote { quotes, .. } => {
                let each = quotes.iter().map(|quote| {
                    self.counts(&Counted {
                        instrument: quote.instrument,
                        side: quote.side,
                        price: quote.price,
                        lots: quote.lots,
                        reduce_only: false,
                    })
                });
                each.into_iter().try_fold(Notional::ZERO, |total, one| total.plus(one?))
            }
            Command::Withdraw { asset, amount, .. } | Command::Transfer { asset, amount, .. } => {
                if amount.within_limit().is_err() {
                    return Ok(Err(Refusal::AmountTooLarge));
                }
                return self.dollars(*asset, *amount);
            }
            Command::BuyCollateral { amount, limit, .. } => {
                let within = amount.within_limit().and(limit.within_limit());
                let worth = within.and_then(|_| amount.quantity().value(*limit, Round::Up));
                worth.and_then(Notional::magnitude)
            }
            _ => Ok(Notional::ZERO),
        };
        Ok(value.map_err(|_| Refusal::AmountTooLarge))
    }

    /// Returns what an order counts for; nothing in a market that there is not.
    ///
    /// Rounding: up.
    fn counts(&self, order: &Counted) -> Result<Notional, ArithmeticError> {
        let Some(market) = self.state.markets.get(&order.instrument) else {
            return Ok(Notional::ZERO);
        };
        let index = self.state.index(market.instrument.underlying);
        let price = price_of(order, market, index)?;
        order.lots.value(price, market.instrument.contract_size, Round::Up)?.magnitude()
    }
}

/// Returns the price at which an order is counted: a buy at its limit; a sale at the greatest of limit, mark and, unless
/// it can only end an option that is held, the index of the underlying.
///
/// spec 0027-ACC-014.
fn price_of(
    order: &Counted,
    market: &Market,
    index: Option<Price>,
) -> Result<Price, ArithmeticError> {
    let limit = order.price.magnitude()?;
    if order.side == Side::Buy {
        return Ok(limit);
    }
    let ends = order.reduce_only && market.instrument.contract.pays_premium();
    let index = index.filter(|_| !ends).unwrap_or(Price::ZERO).magnitude()?;
    let mark = market.mark.unwrap_or(Price::ZERO).magnitude()?;
    Ok(limit.greater(mark).greater(index))
}
