//! How far a vote may be moved by the repair: what a strike is marked at.
//!
//! **Invariant:** a fresh vote that nothing else contradicts is moved by no more than its bound; beyond it the strike counts as
//! stale.

use crate::Repaired;
use units::{ArithmeticError, Num, Ppm, Round, Vol, limits};

/// What is known of the vol of a strike before it is repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voted {
    /// As voted, or as it lies between votes.
    pub vol: Vol,
    /// How far off it may be.
    pub uncertainty: Vol,
    /// Whether it has no vote that is fresh.
    pub stale: bool,
}

/// The vol of a strike, and what is known about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marked {
    /// As options are marked.
    pub vol: Vol,
    /// As voted, or as it lies between votes.
    pub voted: Vol,
    /// How far off the vol may be.
    pub uncertainty: Vol,
    /// Whether it has no vote that is fresh and to be believed.
    pub stale: bool,
}

/// Returns what a strike is marked at: its repaired vol, or as far towards it as its vote may be moved, which is a share of
/// the vote.
///
/// Rounding of the bound: up.
///
/// spec 0018-SURF-008.
///
/// # Errors
///
/// [`ArithmeticError`] if a vol is beyond what one may be.
pub fn marked(voted: Voted, point: Repaired, repair_max: Ppm) -> Result<Marked, ArithmeticError> {
    let one = Num::new(limits::PPM_ONE);
    let most = voted.vol.number().mul_div(repair_max.number(), one, Round::Up)?;
    let most = Vol::from_number(most);
    let moved = point.vol.minus(voted.vol)?;
    let is_far = !voted.stale && moved.magnitude()? > most;
    let vol = match is_far && !point.contradicted {
        true => voted.vol.plus(moved.lesser(most).greater(Vol::ZERO.minus(most)?))?,
        false => point.vol,
    };
    let uncertainty = voted.uncertainty.plus(moved.magnitude()?)?;
    Ok(Marked { vol, voted: voted.vol, uncertainty, stale: voted.stale || is_far })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vol(points: i128) -> Vol {
        Vol::from_points(points)
    }

    /// Returns what a vote of 1,001 points is marked at, of which a tenth is the bound, that is 101.
    fn at(repaired: i128, stale: bool, contradicted: bool) -> (i128, i128, bool) {
        let voted = Voted { vol: vol(1_001), uncertainty: vol(5), stale };
        let point = Repaired { vol: vol(repaired), repair: None, contradicted };
        let marked = marked(voted, point, Ppm::from_parts(100_000)).expect("within limits");
        assert_eq!(marked.voted, vol(1_001));
        (marked.vol.points(), marked.uncertainty.points(), marked.stale)
    }

    #[test]
    fn a_vote_is_moved_as_far_as_its_bound_and_is_stale_beyond_it() {
        // 0018-SURF-008
        assert_eq!(at(1_102, false, false), (1_102, 106, false));
        assert_eq!(at(1_103, false, false), (1_102, 107, true));
        assert_eq!(at(899, false, false), (900, 107, true));
    }

    #[test]
    fn what_is_stale_or_contradicted_goes_all_the_way() {
        // 0018-SURF-008
        assert_eq!(at(2_000, true, false), (2_000, 1_004, true));
        assert_eq!(at(2_000, false, true), (2_000, 1_004, true));
    }
}
