//! What the commands of a session key count for against its cap of a day.
//!
//! **Invariant:** what an order counts for is at least what its owner can lose by its fills at the marks of the block that
//! counts it: a buyer pays no more than the limit, and a seller gives away no more than what is sold is worth.
//!
//! **Left out:** what the market does later to positions that were opened within the cap.

use crate::commands::Answer;
use crate::state::Market;
use crate::work::Work;
use protocol::{Command, InstrumentId, Refusal, Side};
use units::{ArithmeticError, Lots, Notional, Price, Round};

/// What is counted of an order.
#[derive(Debug, Clone, Copy)]
struct Counted {
    instrument: InstrumentId,
    side: Side,
    price: Price,
    lots: Lots,
    reduce_only: bool,
}

impl Work<'_> {
    /// Returns what a command counts for: its orders, or what it moves.
    ///
    /// spec 0027-ACC-004, 0027-ACC-014.
    pub(crate) fn spends(&self, command: &Command) -> Answer<Notional> {
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
