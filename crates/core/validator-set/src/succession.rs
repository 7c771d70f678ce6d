//! Epochs, and the committee after a committee.

use crate::Seats;
use protocol::limits;
use units::BlockHeight;

/// Returns the epoch of a block, counted from zero, rounded down; `None` without blocks in an epoch. Its height is positive.
///
/// spec 0033-COMM-001.
#[must_use]
pub fn epoch_of(height: BlockHeight, epoch_blocks: u64) -> Option<u64> {
    let epoch = height.blocks().checked_div(i128::from(epoch_blocks))?;
    u64::try_from(epoch).ok()
}

/// Returns whether a block is the first of an epoch. Its height is positive.
///
/// spec 0033-COMM-001.
#[must_use]
pub fn begins_at(height: BlockHeight, epoch_blocks: u64) -> bool {
    height.blocks().checked_rem(i128::from(epoch_blocks)) == Some(0)
}

/// Returns how many seats a committee of a size may lose: of 3f + 1 validators f may fail. One of fewer than four can lose
/// none, but must be able to grow, so it is one at least.
///
/// spec 0033-COMM-004.
#[must_use]
pub fn losable(seats: usize) -> usize {
    seats.saturating_sub(1).checked_div(3).unwrap_or(0).max(1)
}

/// Returns the committee after one: what is wanted, as far as no more seats are given than it can lose, no more taken, by
/// number, and four are left. A seat that stays is as wanted.
///
/// spec 0033-COMM-004.
#[must_use]
pub fn succeed(from: &Seats, wanted: &Seats) -> Seats {
    let most = losable(from.len());
    let mut next = from.clone();
    for (id, seat) in &mut next {
        if let Some(held) = wanted.get(id) {
            *seat = *held;
        }
    }
    let room = limits::VALIDATORS_MAX.saturating_sub(from.len());
    let given = wanted.iter().filter(|(id, _)| !from.contains_key(id)).take(most.min(room));
    next.extend(given.map(|(id, seat)| (*id, *seat)));
    let leaving = from.keys().filter(|id| !wanted.contains_key(id)).take(most);
    for id in leaving {
        if next.len() > limits::SEATS_MIN {
            next.remove(id);
        }
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Seat, ValidatorId};

    fn seats(numbers: impl IntoIterator<Item = u16>) -> Seats {
        let numbers = numbers.into_iter().map(ValidatorId::new);
        numbers
            .map(|validator| (validator, Seat { validator, key: [0; 32], endpoint: None }))
            .collect()
    }

    #[test]
    fn a_block_is_of_the_epoch_that_its_first_block_began() {
        // 0033-COMM-001
        let height = |blocks| BlockHeight::from_blocks(blocks);
        assert_eq!(epoch_of(height(31), 32), Some(0));
        assert_eq!(epoch_of(height(32), 32), Some(1));
        assert_eq!(epoch_of(height(32), 0), None);
        assert!(begins_at(height(64), 32) && !begins_at(height(65), 32));
    }

    #[test]
    fn no_committee_differs_from_the_one_before_by_more_than_that_can_lose() {
        // 0033-COMM-004
        for size in 1..=20 {
            let (from, wanted) = (seats(0..size), seats(100..100 + size));
            let next = succeed(&from, &wanted);
            let given = next.keys().filter(|id| !from.contains_key(id)).count();
            let taken = from.keys().filter(|id| !next.contains_key(id)).count();
            let most = losable(from.len());
            assert_eq!(given, most, "{size}");
            assert!(taken <= most && next.len() >= from.len().min(limits::SEATS_MIN), "{size}");
        }
    }

    #[test]
    fn steps_lead_to_what_is_wanted_and_stop_there() {
        // 0033-COMM-004
        let (mut committee, wanted) = (seats([1, 2, 3, 4]), seats([4, 5, 6, 7]));
        for _ in 0..3 {
            assert_ne!(committee, wanted);
            committee = succeed(&committee, &wanted);
        }
        assert_eq!(committee, wanted);
        assert_eq!(succeed(&committee, &wanted), wanted);
    }

    #[test]
    fn none_is_taken_that_would_leave_fewer_than_four() {
        // 0033-COMM-004
        let next = succeed(&seats([1, 2, 3, 4, 5]), &seats([5]));
        assert_eq!(next, seats([2, 3, 4, 5]));
        assert_eq!(succeed(&next, &seats([5])), next);
    }
}
