//! What is counted against the cap of a day, and what of it is given back.
//!
//! **Invariant:** what is counted in a day, less what is given back, is what the orders of that day have filled, what of them
//! is open, and what was moved; no command takes it above the cap.

use crate::DAY;
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{Fault, Refusal, SessionKey};
use units::{BlockSpan, BlockTime, Lots, Notional, Round};

/// Where a fault of this module is said to be.
const PLACE: &str = "spending of a session key";

/// What was counted of an open order against the cap of the session key that sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Charge {
    /// The key.
    pub key: SessionKey,
    /// The day in which it was counted, as milliseconds from 1970 to its beginning.
    pub day: BlockTime,
    /// What was counted, for all its lots.
    pub dollars: Notional,
    /// Its lots when it came.
    pub lots: Lots,
}

impl Charge {
    /// Returns what is given back if so many of its lots leave unfilled: their share, from nothing to all that was counted.
    ///
    /// Rounding: down, so what stays counted is no less than the share of the lots that have filled.
    ///
    /// spec 0027-ACC-017.
    pub fn of_unfilled(&self, left: Lots) -> Notional {
        let left = left.greater(Lots::ZERO).lesser(self.lots).number();
        let share = self.dollars.number().mul_div(left, self.lots.number(), Round::Down);
        share.map_or(Notional::ZERO, Notional::from_number)
    }

    /// Returns whether it may be that of an order of which so many lots are open.
    #[must_use]
    pub fn is_sound(&self, open: Lots) -> bool {
        self.dollars > Notional::ZERO && self.dollars.within_limit().is_ok() && self.lots >= open
    }
}

/// Returns the beginning of the day of a time, in milliseconds from 1970.
///
/// # Errors
///
/// [`Fault`] if it is outside its limits.
pub fn day_of(time: BlockTime) -> Result<BlockTime, Fault> {
    let at = Fault::at(PLACE);
    let into = time.millis().checked_rem_euclid(DAY.millis());
    let into = BlockSpan::from_millis(into.ok_or(Fault::Invariant("a day has a length"))?);
    time.after(into.negated().map_err(&at)?).map_err(&at)
}

/// Returns what is counted of a day once `value` is, of which so far `spent` is; the same command gives back `given_back`
/// afterwards, which the cap already allows for.
///
/// spec 0027-ACC-004, 0027-ACC-014.
///
/// # Errors
///
/// [`Refusal::AmountTooLarge`] if the sum is beyond what a figure may be, [`Refusal::SessionCap`] with what is too much if what
/// stays counted is above the cap; [`Fault`] if a difference leaves its limits.
pub fn spent_with(
    spent: Notional,
    value: Notional,
    given_back: Notional,
    cap: Notional,
) -> Result<Result<Notional, Refusal>, Fault> {
    let at = Fault::at(PLACE);
    let Ok(total) = spent.plus(value) else { return Ok(Err(Refusal::AmountTooLarge)) };
    let stays = total.minus(given_back).map_err(&at)?;
    if stays > cap {
        let exceeded_by = stays.minus(cap).map_err(&at)?;
        return Ok(Err(Refusal::SessionCap { exceeded_by }));
    }
    Ok(Ok(total))
}

/// Returns what is counted of a day once `dollars` of it are given back, never less than nothing; `None` if nothing is given
/// back.
///
/// spec 0027-ACC-017.
#[must_use]
pub fn spent_without(spent: Notional, dollars: Notional) -> Option<Notional> {
    let left = spent.minus(dollars).ok()?;
    (dollars > Notional::ZERO).then(|| left.greater(Notional::ZERO))
}

/// Returns what is left of what was counted for a command, and for none of its orders yet, once one of them takes its part.
///
/// # Errors
///
/// [`Fault`] if it takes more than there is.
pub fn pending_without(pending: Notional, dollars: Notional) -> Result<Notional, Fault> {
    let left = pending.minus(dollars).map_err(Fault::at(PLACE))?;
    if left < Notional::ZERO {
        return Err(Fault::Invariant("what is counted of a command is that of its orders"));
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dollars(micros: i128) -> Notional {
        Notional::from_micros(micros)
    }

    #[test]
    fn what_is_counted_never_exceeds_the_cap_by_more_than_is_given_back() {
        // 0027-ACC-004, 0027-ACC-017
        let with = |spent, value, given_back| {
            spent_with(dollars(spent), dollars(value), dollars(given_back), dollars(100))
                .expect("within limits")
        };
        assert_eq!(with(40, 60, 0), Ok(dollars(100)));
        let exceeded_by = dollars(1);
        assert_eq!(with(40, 61, 0), Err(Refusal::SessionCap { exceeded_by }));
        assert_eq!(with(40, 61, 1), Ok(dollars(101)), "one leaves with the same command");
        assert_eq!(with(Notional::LIMIT, i128::MAX, 0), Err(Refusal::AmountTooLarge));
    }

    #[test]
    fn no_more_is_given_back_than_was_counted() {
        // 0027-ACC-017
        assert_eq!(spent_without(dollars(10), dollars(4)), Some(dollars(6)));
        assert_eq!(spent_without(dollars(10), dollars(11)), Some(Notional::ZERO));
        assert_eq!(spent_without(dollars(10), Notional::ZERO), None);
        assert_eq!(pending_without(dollars(10), dollars(10)), Ok(Notional::ZERO));
        assert!(pending_without(dollars(10), dollars(11)).is_err());
    }

    #[test]
    fn unfilled_lots_give_back_their_share_rounded_down() {
        // 0027-ACC-017
        let (key, day) = (SessionKey::new([1; 32]), BlockTime::from_millis(0));
        let charge = Charge { key, day, dollars: dollars(10), lots: Lots::from_count(3) };
        for (left, back) in [(-1, 0), (0, 0), (1, 3), (2, 6), (3, 10), (4, 10)] {
            assert_eq!(charge.of_unfilled(Lots::from_count(left)), dollars(back), "{left}");
        }
        assert!(charge.is_sound(Lots::from_count(3)) && !charge.is_sound(Lots::from_count(4)));
    }

    #[test]
    fn a_day_begins_at_midnight_before_1970_too() {
        let begins = |millis| day_of(BlockTime::from_millis(millis)).map(BlockTime::millis);
        let day = DAY.millis();
        assert_eq!(begins(0), Ok(0));
        assert_eq!(begins(day - 1), Ok(0));
        assert_eq!(begins(day), Ok(day));
        assert_eq!(begins(-1), Ok(-day));
    }
}
