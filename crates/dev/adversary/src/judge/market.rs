//! Prices and markets: what is settled, what is filled, what stands still, and what a few validators can make of it.

use super::{Judge, MILLION, Rule, Verdict, index};
use crate::house::{MARKETS, UNDERLYINGS, market, side_of};
use crate::settlement;
use crate::world::{World, dollars};
use machine::{State, Status};
use protocol::{InstrumentId, ParameterId, Side};

/// Longest time for which signers that are too few may stop a market, in milliseconds.
const PAUSE_MAX: i128 = 24 * 3_600_000;
/// What part of a settlement price it may differ from the average by, as its inverse: which blocks count at the edges of a gap
/// (how long a price is held, when an index is held back) is told from outside to within a few of them, in which prices move.
const SETTLEMENT_SHARE: i128 = 100;
/// What honest reports are unsure of, as its inverse.
const UNSURE: i128 = 10_000;
/// Bases are told as so many parts of an index, and to so many of these.
const BASIS_UNIT: i128 = 1_000_000_000;
const BASIS_DUST: i128 = 20_000;

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

    /// Prices lie between what they were and what is so: who has less than a third of the stake moves none of them.
    pub(super) fn prices(&mut self, world: &World) -> Verdict {
        let state = world.machine.state();
        let truth = world.truth();
        for side in [0, 1] {
            let (is, was) = (index(state, side), std::mem::take(&mut self.index[side]));
            self.index[side] = is;
            // As parts of the index: a basis without votes is held as a rate (0017-ORAC-016).
            let voted = truth.prices[side] * truth.basis * BASIS_UNIT / MILLION / is.max(1);
            let (low, high) = self.bases[side];
            self.bases[side] = (low.min(voted), high.max(voted));
            let (low, high) = (was.min(truth.prices[side]), was.max(truth.prices[side]));
            if was > 0 && !(low - 1..=high + 1).contains(&is) {
                let seen = format!(
                    "an index of {}, which was {} and is truly {}",
                    dollars(is),
                    dollars(was),
                    dollars(truth.prices[side])
                );
                return Err((Rule::Misled, seen));
            }
            let held = state.underlyings.get(&UNDERLYINGS[side]);
            let set = held.and_then(|held| held.feed.index());
            let set = set.filter(|set| set.updated_at == state.time && !set.clamped);
            if let Some(set) = set.filter(|set| set.confidence.micros() > is / UNSURE + 1) {
                let unsure = dollars(set.confidence.micros());
                return Err((Rule::Misled, format!("an index unsure by {unsure}")));
            }
        }
        self.vols = (self.vols.0.min(truth.vol), self.vols.1.max(truth.vol));
        (0..MARKETS).try_for_each(|place| self.quoted_price(state, market(place)))
    }

    /// Vols and forwards of a contract lie within all that honest validators have said.
    fn quoted_price(&self, state: &State, id: InstrumentId) -> Verdict {
        let Some(market) = state.markets.get(&id) else { return Ok(()) };
        let vol = market.vol_voted.map_or(self.vols.0, |vol| vol.points());
        if !(self.vols.0..=self.vols.1).contains(&vol) {
            return Err((Rule::Misled, format!("{id} has a vol of {vol} points")));
        }
        let side = side_of(id);
        let dated = market.instrument.contract.expires_at().is_some();
        let Some(forward) = market.forward.filter(|_| dated) else { return Ok(()) };
        let basis = forward.micros() - self.index[side];
        let (part, (low, high)) = (basis * BASIS_UNIT / self.index[side].max(1), self.bases[side]);
        match (low - BASIS_DUST..=high + BASIS_DUST).contains(&part) {
            true => Ok(()),
            false => Err((Rule::Misled, format!("{id} has a basis of {}", dollars(basis)))),
        }
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
