//! Those who do nothing: nobody takes them on who is sound at what is true, and they lose what their positions lose.

use super::{DUST, Judge, Rule, Verdict, Watched};
use crate::house::{account, third};
use crate::world::{World, dollars};
use machine::State;
use protocol::{AccountIndex, Event, InstrumentId, Side};
use std::collections::BTreeMap;

/// Micro-dollars that rounding may come to in a block.
const CENT: i128 = 10_000;
/// The most that is paid on a fill of a liquidation, in parts per million (0013-CLEAR-003).
const FEE: i128 = 5_000;
/// Parts per million.
const MILLION: i128 = 1_000_000;

/// Whether an account does nothing, whatever becomes of its positions.
pub(super) fn is_passive(one: &Watched) -> bool {
    third::PASSIVE.iter().any(|number| account(*number) == one.id)
}

impl Judge {
    /// Whoever is taken on as below maintenance margin is so at what is true.
    pub(super) fn sound(&self, state: &State, events: &[Event]) -> Verdict {
        let mut taken = BTreeMap::new();
        for event in events {
            if let Event::Liquidated { account, equity, maintenance, .. } = event {
                taken.insert(*account, (equity.micros(), maintenance.micros()));
            }
        }
        for one in self.watched.iter().filter(|one| is_passive(one)) {
            let Some((equity, maintenance)) = taken.get(&one.place) else { continue };
            let above = self.bounds.above_marks(state, &one.before);
            if one.pursued && above == 0 {
                continue;
            }
            let Some(needed) = self.bounds.maintenance(state, &one.before) else { continue };
            if equity + above >= needed + DUST {
                let seen = format!(
                    "account {}: equity {}, maintenance {}; at what is true {} and {}",
                    super::accounts::named(one.id),
                    dollars(*equity),
                    dollars(*maintenance),
                    dollars(equity + above),
                    dollars(needed)
                );
                return Err((Rule::TakenOn, seen));
            }
        }
        Ok(())
    }

    /// Whoever does nothing loses what its positions lose at what is true, and what fills and funding cost.
    pub(super) fn losses(&mut self, world: &World, events: &[Event]) -> Verdict {
        let state = world.machine.state();
        let mut watched = std::mem::take(&mut self.watched);
        let mut found = Ok(());
        for one in watched.iter_mut().filter(|one| is_passive(one)) {
            found = found.and_then(|()| self.loss(state, one, events));
            let taken = |event: &Event| matches!(event, Event::Liquidated { account, .. } if *account == one.place);
            one.pursued = events.iter().any(taken);
        }
        self.watched = watched;
        self.block_at = self.bounds.at();
        found
    }

    fn loss(&self, state: &State, one: &mut Watched, events: &[Event]) -> Verdict {
        let worth = one.equity + self.bounds.above_marks(state, &one.held);
        let Some(before) = one.worth.replace(worth) else { return Ok(()) };
        let mut moved = 0;
        let mut costs = CENT;
        for (id, lots) in &one.before {
            costs += self.bounds.funding(state, *id, *lots, self.block_at);
            let now = self.bounds.price(*id).or_else(|| ended(events, *id)).unwrap_or_default();
            moved += lots * (now - self.bounds.before(*id).unwrap_or(now)) / 100;
        }
        let (fees, bought) = self.fills(one.place, events);
        let lost = before + moved + bought - worth;
        if lost > costs + fees {
            let seen = format!(
                "account {}: {}, where positions moved by {} and costs are {}",
                super::accounts::named(one.id),
                dollars(worth - before),
                dollars(moved + bought),
                dollars(costs + fees)
            );
            return Err((Rule::Robbed, seen));
        }
        Ok(())
    }

    /// Returns the fees of an account's fills, and what it traded is worth above what it paid, at what is true.
    fn fills(&self, place: AccountIndex, events: &[Event]) -> (i128, i128) {
        let (mut fees, mut bought) = (0, 0);
        for event in events {
            let Event::Filled { instrument, account, side, price, lots, .. } = event else {
                continue;
            };
            if *account != place {
                continue;
            }
            let (price, lots) = (price.micros(), lots.count());
            let now = self.bounds.price(*instrument).unwrap_or(price);
            let lots = if *side == Side::Buy { lots } else { -lots };
            bought += lots * (now - price) / 100;
            fees += (lots * price / 100).abs() * FEE / MILLION + 1;
        }
        (fees, bought)
    }
}

/// Returns what a contract has paid for a unit, if it has just ended.
fn ended(events: &[Event], id: InstrumentId) -> Option<i128> {
    events.iter().find_map(|event| match event {
        Event::Expired { instrument, payoff, .. } if *instrument == id => {
            Some(payoff.micros() * 100)
        }
        _ => None,
    })
}
