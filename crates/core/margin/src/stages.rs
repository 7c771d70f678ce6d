//! The stages of the day to come: what is held, with what expires by then fading out of it (0019-MARG-023).
//!
//! A hedge that expires is none for what remains. So margin is also taken over what an account will hold past each expiry of
//! the next day, and the greatest counts. What expires fades out of a stage over the day before its averaging begins: its
//! owner sees margin rise little by little, and has that day to close what the hedge was for.
//!
//! **Invariant:** a stage's scan is a sum of worst losses with the same shares as that of what is held, over rows that are no
//! greater, and without the bends of what it looks past; so whatever holds of one holds of the greatest of them.

use crate::valuation::{WINDOW, narrow};
use protocol::Fault;
use std::collections::BTreeSet;
use units::{BlockTime, limits};

/// Milliseconds over which what expires fades out.
const FADES: i128 = 86_400_000;

/// Returns what is left, at a time, of what expires in the stages that look past it, in parts per million, rounded down: all
/// of it until a day before its window opens, nothing once it has opened.
fn weight(expires_at: BlockTime, now: BlockTime) -> Result<i128, Fault> {
    let remaining = expires_at.since(now).map_err(Fault::at("margin: expiry"))?;
    let before = remaining.millis().saturating_sub(WINDOW.millis()).clamp(0, FADES);
    Ok(before.saturating_mul(limits::PPM_ONE).div_euclid(FADES))
}

/// Returns when something expires of which less than all is left, each time once, ascending: the stages.
pub(crate) fn soon(
    expiries: impl Iterator<Item = BlockTime>,
    now: BlockTime,
) -> Result<Vec<BlockTime>, Fault> {
    let mut times = BTreeSet::new();
    for expires_at in expiries {
        if weight(expires_at, now)? < limits::PPM_ONE {
            times.insert(expires_at);
        }
    }
    Ok(times.into_iter().collect())
}

/// Returns the first stage that looks past an expiry, counted from one, and what is left of it there; stage zero and all of it
/// if none does.
pub(crate) fn first(
    soon: &[BlockTime],
    expires_at: Option<BlockTime>,
    now: BlockTime,
) -> Result<(u32, i64), Fault> {
    let place = expires_at.and_then(|at| Some((at, soon.binary_search(&at).ok()?)));
    let (stage, left) = match place {
        Some((at, place)) => (place.saturating_add(1), weight(at, now)?),
        None => (0, limits::PPM_ONE),
    };
    let stage = u32::try_from(stage).map_err(|_| Fault::Invariant("stages are counted in 32 bits"));
    Ok((stage?, narrow(left, "margin: weight of an expiry")?))
}

/// Returns a share of an amount, in parts per million, rounded down.
pub(crate) fn share(amount: i64, share: i64) -> i64 {
    // No share is above one, so it fits.
    let part = i128::from(amount).saturating_mul(share.into()).div_euclid(limits::PPM_ONE);
    i64::try_from(part).unwrap_or(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_expires_fades_out_over_the_day_before_its_window() {
        // 0019-MARG-023
        let at = BlockTime::from_millis(100 * FADES);
        let left = |hours: i128| {
            let now = BlockTime::from_millis(100 * FADES - hours * 3_600_000 - WINDOW.millis());
            weight(at, now).unwrap()
        };
        assert_eq!(
            [left(30), left(24), left(12), left(6)],
            [1_000_000, 1_000_000, 500_000, 250_000]
        );
        assert_eq!([left(0), left(-1)], [0, 0], "from the opening of the window, and after");
        let a_moment = BlockTime::from_millis(99 * FADES - WINDOW.millis() + 1);
        assert_eq!(weight(at, a_moment).unwrap(), 999_999, "rounded down");
    }

    #[test]
    fn stages_are_the_times_at_which_something_expires_within_a_day() {
        let at = |hours: i128| BlockTime::from_millis(100 * FADES + hours * 3_600_000);
        let soon = soon([at(30), at(9), at(3), at(9), at(24)].into_iter(), at(0)).unwrap();
        assert_eq!(soon, [at(3), at(9), at(24)]);
        assert_eq!(first(&soon, Some(at(9)), at(0)).unwrap(), (2, 354_166));
        assert_eq!(first(&soon, Some(at(30)), at(0)).unwrap(), (0, 1_000_000));
        assert_eq!(first(&soon, None, at(0)).unwrap(), (0, 1_000_000));
    }
}
