//! Whether a withdrawal or a deposit is within its limits, and what is counted once it has been made.

use crate::{Hour, Outflow};
use protocol::{Fault, Refusal};
use units::{BlockTime, Notional, Ppm, Round};

/// What may leave the house within an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Dollars, of all owners together.
    pub house: Notional,
    /// The part of them that one owner may take.
    pub owner_share: Ppm,
    /// Dollars that an owner takes of what it has brought, whatever others have taken.
    pub free: Notional,
}

/// A withdrawal that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaving {
    /// When.
    pub now: BlockTime,
    /// What it is worth.
    pub dollars: Notional,
    /// Whether its account has brought as much of the asset.
    pub is_brought: bool,
}

/// What is counted once a withdrawal has been made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// Of the house.
    pub house: Outflow,
    /// Of the owner.
    pub owner: Hour,
}

/// Counts a withdrawal against the owner's share of the hour's limit, and against the limit: but an owner takes a little of
/// what it has brought, however much others have taken.
///
/// Rounding: the owner's share down. Refuses with [`Refusal::WithdrawalLimit`].
///
/// # Errors
///
/// [`Fault`] if a number leaves its limits.
///
/// spec 0025-BLOCK-012, 0025-BLOCK-042.
pub fn withdrawal(
    limits: &Limits,
    house: &Outflow,
    owner: Hour,
    leaving: &Leaving,
) -> Result<Result<Counted, Refusal>, Fault> {
    let at = Fault::at("outflow");
    let Leaving { now, dollars, is_brought } = *leaving;
    let share = limits.house.fraction_ppm(limits.owner_share, Round::Down).map_err(&at)?;
    let owner = owner.with(now, dollars)?;
    let (house, total) = house.with(now, dollars)?;
    let mut exceeded_by = owner.left().minus(share).map_err(&at)?;
    if !is_brought || owner.left() > limits.free {
        exceeded_by = exceeded_by.greater(total.minus(limits.house).map_err(&at)?);
    }
    Ok(match exceeded_by > Notional::ZERO {
        true => Err(Refusal::WithdrawalLimit { exceeded_by }),
        false => Ok(Counted { house, owner }),
    })
}

/// Counts a deposit against the limit of what may be credited of its asset within a day.
///
/// Refuses with [`Refusal::DepositLimit`].
///
/// # Errors
///
/// [`Fault`] if a number leaves its limits.
///
/// spec 0025-BLOCK-044.
pub fn deposit(
    day: &Outflow,
    now: BlockTime,
    worth: Notional,
    limit: Notional,
) -> Result<Result<Outflow, Refusal>, Fault> {
    let (day, total) = day.within_a_day(now, worth)?;
    let exceeded_by = total.minus(limit).map_err(Fault::at("deposits of a day"))?;
    Ok(match exceeded_by > Notional::ZERO {
        true => Err(Refusal::DepositLimit { exceeded_by }),
        false => Ok(day),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dollars(micros: i128) -> Notional {
        Notional::from_micros(micros)
    }

    #[test]
    fn an_owner_takes_its_share_and_a_little_of_what_it_has_brought_beyond_the_limit() {
        // 0025-BLOCK-012, 0025-BLOCK-042
        let limits = Limits {
            house: dollars(1_000),
            owner_share: Ppm::from_parts(250_000),
            free: dollars(10),
        };
        let now = BlockTime::from_millis(10_000_000);
        let taken = Outflow::default().with(now, dollars(995)).unwrap().0;
        let ask = |sum, is_brought| {
            let leaving = Leaving { now, dollars: dollars(sum), is_brought };
            withdrawal(&limits, &taken, Hour::default(), &leaving).unwrap()
        };
        let beyond = |by| Err(Refusal::WithdrawalLimit { exceeded_by: dollars(by) });
        assert!(ask(5, false).is_ok());
        assert_eq!(ask(6, false).map(drop), beyond(1));
        assert!(ask(10, true).is_ok());
        assert_eq!(ask(11, true).map(drop), beyond(6));
        assert_eq!(ask(300, true).map(drop), beyond(295));
        let fresh = Leaving { now, dollars: dollars(251), is_brought: true };
        let fresh = withdrawal(&limits, &Outflow::default(), Hour::default(), &fresh).unwrap();
        assert_eq!(fresh.map(drop), beyond(1), "of a quarter");
    }

    #[test]
    fn no_more_is_credited_within_a_day_than_the_limit() {
        // 0025-BLOCK-044
        let now = BlockTime::from_millis(10_000_000);
        let day = deposit(&Outflow::default(), now, dollars(60), dollars(100)).unwrap().unwrap();
        assert!(deposit(&day, now, dollars(40), dollars(100)).unwrap().is_ok());
        let beyond = deposit(&day, now, dollars(41), dollars(100)).unwrap();
        assert_eq!(beyond, Err(Refusal::DepositLimit { exceeded_by: dollars(1) }));
    }
}
