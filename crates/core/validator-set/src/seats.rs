//! Whether a seat may be given or taken, and whether committees are of numbered keys.

use crate::{Keys, Seats, Stakes};
use protocol::{Refusal, Seat, ValidatorId, limits};
use std::collections::BTreeSet;

/// Checks that governance may give a validator a seat with a stake in the committees to come, where `wanted` have one,
/// `keys` belong to the numbers that ever had one, and `stakes` are theirs.
///
/// spec 0033-COMM-003, 0033-COMM-005, 0033-COMM-006.
///
/// # Errors
///
/// In this sequence: [`Refusal::ValidatorKeyTaken`], [`Refusal::AlreadySeated`], [`Refusal::CommitteeFull`],
/// [`Refusal::StakeInvalid`], [`Refusal::StakeTooLarge`].
pub fn check_seat(
    seat: &Seat,
    stake: u64,
    wanted: &Seats,
    keys: &Keys,
    stakes: &Stakes,
) -> Result<(), Refusal> {
    let id = seat.validator;
    let of_key = keys.iter().find(|(_, key)| **key == seat.key).map(|(id, _)| *id);
    let known = keys.get(&id);
    if known.is_some_and(|key| *key != seat.key) || of_key.is_some_and(|held| held != id) {
        return Err(Refusal::ValidatorKeyTaken);
    }
    if wanted.contains_key(&id) {
        return Err(Refusal::AlreadySeated);
    }
    if wanted.len() >= limits::VALIDATORS_MAX {
        return Err(Refusal::CommitteeFull);
    }
    let others = stakes.iter().filter(|(held, _)| **held != id);
    let total = others.map(|(_, stake)| *stake).try_fold(stake, u64::checked_add);
    if stake == 0 || total.is_none() {
        return Err(Refusal::StakeInvalid);
    }
    let seated = wanted.keys().filter_map(|held| stakes.get(held));
    if is_too_large(stake, seated.copied().chain([stake])) {
        return Err(Refusal::StakeTooLarge);
    }
    Ok(())
}

/// Checks that governance may take a validator's seat in the committees to come.
///
/// spec 0033-COMM-003, 0033-COMM-006.
///
/// # Errors
///
/// [`Refusal::NotSeated`] if it has none there, [`Refusal::CommitteeTooSmall`] if four or fewer have one.
pub fn check_unseat(id: ValidatorId, wanted: &Seats) -> Result<(), Refusal> {
    if !wanted.contains_key(&id) {
        return Err(Refusal::NotSeated);
    }
    if wanted.len() <= limits::SEATS_MIN {
        return Err(Refusal::CommitteeTooSmall);
    }
    Ok(())
}

/// Returns whether a stake is a third or more of those of a committee, itself among them. In one of fewer than four that
/// cannot be helped.
///
/// spec 0033-COMM-009.
#[must_use]
pub fn is_too_large(stake: u64, committee: impl Iterator<Item = u64>) -> bool {
    let (mut seats, mut total) = (0usize, 0u128);
    for held in committee {
        seats = seats.saturating_add(1);
        total = total.saturating_add(u128::from(held));
    }
    seats >= limits::SEATS_MIN && u128::from(stake).saturating_mul(3) >= total
}

/// Returns whether some seats may be a committee: one at least, no more than a committee has, each under its own number and
/// with the key that belongs to that.
#[must_use]
pub fn seats_have_keys(seats: &Seats, keys: &Keys) -> bool {
    let own = |(id, seat): (&ValidatorId, &Seat)| {
        *id == seat.validator && keys.get(id) == Some(&seat.key)
    };
    !seats.is_empty() && seats.len() <= limits::VALIDATORS_MAX && seats.iter().all(own)
}

/// Returns whether no two validators have one key.
#[must_use]
pub fn keys_differ(keys: &Keys) -> bool {
    let distinct: BTreeSet<&[u8; 32]> = keys.values().collect();
    distinct.len() == keys.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(number: u16, key: u8) -> Seat {
        Seat { validator: ValidatorId::new(number), key: [key; 32], endpoint: None }
    }

    /// Returns seats, keys and stakes of validators from 1 on, each with a stake of ten.
    fn committee(count: u16) -> (Seats, Keys, Stakes) {
        let key = |id: u16| u8::try_from(id % 256).expect("a byte");
        let ids = 1..=count;
        (
            ids.clone().map(|id| (ValidatorId::new(id), seat(id, key(id)))).collect(),
            ids.clone().map(|id| (ValidatorId::new(id), [key(id); 32])).collect(),
            ids.map(|id| (ValidatorId::new(id), 10)).collect(),
        )
    }

    #[test]
    fn a_seat_is_given_to_a_number_with_its_own_key_and_a_stake_below_a_third() {
        // 0033-COMM-005, 0033-COMM-006, 0033-COMM-009
        let (wanted, keys, stakes) = committee(4);
        let asked = |seat: Seat, stake| check_seat(&seat, stake, &wanted, &keys, &stakes);
        assert_eq!(asked(seat(5, 5), 19), Ok(()));
        assert_eq!(asked(seat(5, 5), 20), Err(Refusal::StakeTooLarge));
        assert_eq!(asked(seat(5, 5), 0), Err(Refusal::StakeInvalid));
        assert_eq!(asked(seat(5, 5), u64::MAX), Err(Refusal::StakeInvalid));
        assert_eq!(asked(seat(5, 4), 10), Err(Refusal::ValidatorKeyTaken));
        assert_eq!(asked(seat(4, 9), 10), Err(Refusal::ValidatorKeyTaken));
        assert_eq!(asked(seat(4, 4), 10), Err(Refusal::AlreadySeated));
    }

    #[test]
    fn a_committee_is_neither_full_beyond_its_limit_nor_left_with_fewer_than_four() {
        // 0033-COMM-006
        let most = u16::try_from(limits::VALIDATORS_MAX).expect("few");
        let (mut wanted, _, stakes) = committee(most);
        let full = check_seat(&seat(most + 1, 0), 10, &wanted, &Keys::new(), &stakes);
        assert_eq!(full, Err(Refusal::CommitteeFull));
        let id = ValidatorId::new(1);
        assert_eq!(check_unseat(id, &wanted), Ok(()));
        wanted.retain(|id, _| id.get() <= 4);
        assert_eq!(check_unseat(id, &wanted), Err(Refusal::CommitteeTooSmall));
        assert_eq!(check_unseat(ValidatorId::new(5), &wanted), Err(Refusal::NotSeated));
    }

    #[test]
    fn a_committee_is_of_numbered_keys() {
        let (mut seats, mut keys, _) = committee(4);
        assert!(seats_have_keys(&seats, &keys) && keys_differ(&keys));
        assert!(!seats_have_keys(&Seats::new(), &keys), "one at least");
        keys.insert(ValidatorId::new(9), [1; 32]);
        assert!(!keys_differ(&keys));
        seats.insert(ValidatorId::new(4), seat(3, 3));
        assert!(!seats_have_keys(&seats, &keys), "under another number");
    }
}
