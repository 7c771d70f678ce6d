//! Room: what others must always find place for, and how much a block may do.

use super::{Judge, Rule, Verdict};
use crate::world::{Applied, Asks, World};
use machine::State;
use protocol::{Event, InstrumentId, Refusal, Side};
use std::collections::BTreeSet;

/// Steps of liquidation that a block has room for, and those of an account beside its positions (0021-FALL-022).
const STEPS: (usize, usize) = (8_192, 4);
/// Bids below so many hundredths of a mark are worse than what anybody honest bids.
const FAR: i128 = 97;

impl Judge {
    /// Whoever is honest finds room for what he asks for, whatever others have filled.
    pub(super) fn room(&self, world: &World, applied: &Applied) -> Verdict {
        let state = world.machine.state();
        for (asks, refusal) in &applied.asked {
            let Some(refusal) = refusal else { continue };
            let shut_out = match asks {
                Asks::Attest(id) => !self.credited.contains(id) && !is_own_fault(refusal),
                Asks::Withdraw => {
                    is_table(refusal) || matches!(refusal, Refusal::WithdrawalLimit { .. })
                }
                Asks::Order(id) if *refusal == Refusal::BookFull => has_worse(state, *id),
                _ => is_table(refusal),
            };
            if shut_out {
                return Err((Rule::ShutOut, format!("{asks:?}: {refusal}")));
            }
        }
        Ok(())
    }

    /// A block does no more than its commands, its accounts and the room for liquidation come to (0025-BLOCK-040).
    pub(super) fn work(&mut self, world: &World, applied: &Applied) -> Verdict {
        let events = &applied.outcome.events;
        let held = |place| {
            let watched = self.watched.iter().find(|watched| watched.place == place);
            watched.map_or(0, |watched| watched.held.len())
        };
        let liquidated: BTreeSet<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::Liquidated { account, .. } => Some(*account),
                _ => None,
            })
            .collect();
        let steps: Vec<usize> = liquidated.iter().map(|place| held(*place) + STEPS.1).collect();
        let (sum, largest) =
            (steps.iter().sum::<usize>(), steps.iter().max().copied().unwrap_or(0));
        self.nearness.steps = self.nearness.steps.max(sum);
        self.nearness.events = self.nearness.events.max(events.len());
        if sum > STEPS.0 + 2 * largest {
            return Err((Rule::Work, format!("{sum} steps of liquidation")));
        }
        let positions: usize = self.watched.iter().map(|watched| watched.held.len()).sum();
        let state = world.machine.state();
        let orders = self.orders + applied.commands;
        let most = 2 * applied.commands
            + 2 * orders
            + positions
            + 4 * state.accounts.len()
            + 8 * state.markets.len()
            + 64;
        self.orders = state.accounts.iter().map(|(_, held)| held.orders().len()).sum();
        match events.len() > most {
            true => Err((Rule::Work, format!("{} events, where {most} may be", events.len()))),
            false => Ok(()),
        }
    }
}

/// Whether a bid rests that is worse than an honest one: after a fall, many that were far are not.
fn has_worse(state: &State, id: InstrumentId) -> bool {
    let mark = state.markets.get(&id).and_then(|market| market.mark);
    let far = mark.map_or(0, |mark| mark.micros()) * FAR / 100;
    let open = state.accounts.iter().flat_map(|(_, held)| held.orders().values());
    let mut bids = open.filter(|open| open.instrument == id && open.side == Side::Buy);
    bids.any(|open| open.price.micros() < far)
}

/// Whether a refusal says that a table is full.
fn is_table(refusal: &Refusal) -> bool {
    use Refusal::{BookFull, TooMany, TooManyOrders, TooManyProposals};
    matches!(refusal, BookFull | TooMany | TooManyOrders | TooManyProposals)
}

/// Whether a deposit is refused for what it is.
fn is_own_fault(refusal: &Refusal) -> bool {
    use Refusal::{AmountNotPositive, AmountTooLarge, AmountTooSmall, DepositLimit, MarkMissing};
    matches!(
        refusal,
        AmountNotPositive
            | AmountTooLarge
            | AmountTooSmall { .. }
            | DepositLimit { .. }
            | MarkMissing
    )
}
