//! Markets: what is settled, what is filled, what stands still.

use super::{Judge, MILLION, Rule, Verdict};
use crate::house::side_of;
use crate::settlement;
use crate::world::{World, dollars};
use machine::{State, Status};
use protocol::{InstrumentId, ParameterId, Side};

/// Longest time for which signers that are too few may stop a market, in milliseconds.
const PAUSE_MAX: i128 = 24 * 3_600_000;
/// What part of a settlement price it may differ from the average by, as its inverse: which blocks count at the edges of a gap
/// (how long a price is held, when an index is held back) is told from outside to within a few of them, in which prices move.
const SETTLEMENT_SHARE: i128 = 100;

impl Judge {
    /// A settlement price is the average of what everybody saw while it was fresh.
    pub(super) fn settled(&self, id: InstrumentId, price: i128) -> Verdict {
        let said = format!("{id} at {}", dollars(price));
        match settlement::fresh_average(&self.seen, side_of(id), self.holds) {
            Err(covered) => {
                Err((Rule::Settlement, format!("{said}, fresh for {} s alone", covered / 1_000)))
            }
            Ok(right) if (price - right).abs() * SETTLEMENT_SHARE > right => {
                Err((Rule::Settlement, format!("{said}, the average is {}", dollars(right))))
            }
            Ok(_) => Ok(()),
        }
    }

    /// Fewer signers than it takes stop no market for long; a council may.
    pub(super) fn pauses(&mut self, world: &World) -> Verdict {
        for (id, market) in &world.machine.state().markets {
            let stopped = market.status != Status::Trading;
            if !stopped {
                self.paused.remove(id);
                self.stopped.remove(id);
                continue;
            }
            let now = world.block_time();
            let since = *self.paused.entry(*id).or_insert(now);
            if now - since > PAUSE_MAX && !self.stopped.contains(id) {
                let hours = (now - since) / 3_600_000;
                return Err((Rule::Paused, format!("{id} for {hours} hours")));
            }
        }
        Ok(())
    }
}

/// A fill by the house is no worse than the band of a liquidation.
pub(super) fn far_fill(state: &State, id: InstrumentId, side: Side, price: i128) -> Verdict {
    let Some(market) = state.markets.get(&id) else { return Ok(()) };
    let Some(mark) = market.mark.map(|mark| mark.micros()) else { return Ok(()) };
    let band = state.ppm(market.instrument.underlying, ParameterId::LiquidationBand);
    let far = mark * band.number().raw() / MILLION + market.instrument.tick.micros();
    let worse = if side == Side::Buy { price - mark } else { mark - price };
    match worse > far {
        true => Err((Rule::FarFill, format!("{id} at {}, mark {}", dollars(price), dollars(mark)))),
        false => Ok(()),
    }
}
