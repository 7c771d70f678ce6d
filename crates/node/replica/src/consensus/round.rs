//! Rounds: the engine counts views anew in each epoch; what is signed, guarded and punished names both in one number.

use commonware_consensus::types::Round;
#[cfg(any(test, feature = "simulation"))]
use commonware_consensus::types::{Epoch, View};

/// Bits of a view in the number of a round.
const VIEW_BITS: u32 = 32;

/// Returns the number of a round of the engine: epoch · 2³² + view. None is reached that has no number.
pub(crate) fn number(round: Round) -> u64 {
    of(round.epoch().get(), round.view().get())
}

/// Returns the number of a view in an epoch.
pub(crate) const fn of(epoch: u64, view: u64) -> u64 {
    let first = if epoch >> VIEW_BITS == 0 { epoch << VIEW_BITS } else { u64::MAX };
    first.saturating_add(view)
}

/// Returns the epoch and the view of a number.
pub(crate) const fn parts(round: u64) -> (u64, u64) {
    (round >> VIEW_BITS, round & ((1 << VIEW_BITS) - 1))
}

/// Returns the engine's round of a number.
#[cfg(any(test, feature = "simulation"))]
pub(crate) fn engine(round: u64) -> Round {
    let (epoch, view) = parts(round);
    Round::new(Epoch::new(epoch), View::new(view))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_numbered_in_the_order_in_which_they_come() {
        let rounds = [(0, 0), (0, 1), (0, u64::from(u32::MAX)), (1, 0), (1, 7), (2, 1)];
        let numbers = rounds.map(|(epoch, view)| of(epoch, view));
        assert!(numbers.is_sorted_by(|a, b| a < b));
        for (number, (epoch, view)) in numbers.into_iter().zip(rounds) {
            assert_eq!(parts(number), (epoch, view));
            assert_eq!(super::number(engine(number)), number);
        }
    }
}
