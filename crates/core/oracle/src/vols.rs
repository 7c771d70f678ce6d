//! Implied volatilities: one per expiry and strike, voted, or interpolated between voted neighbours.
//!
//! Calls and puts of a strike share one vol, so that put-call parity holds exactly. **Invariant:** a voted vol is within
//! what honest validators voted, and an interpolated one between its two neighbours.

use crate::Parameters;
use crate::ballot::{Ballot, agreed};
use crate::exponential::{log2_ratio, square_root};
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{Fault, ValidatorId};
use std::collections::BTreeMap;
use units::{ArithmeticError, BlockTime, Num, Price, Round, Vol};

/// One validator's vote on the implied vol of one option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VolVote {
    /// Who votes.
    pub validator: ValidatorId,
    /// Its stake.
    pub stake: u64,
    /// When the option expires.
    pub expires_at: BlockTime,
    /// Its strike.
    pub strike: Price,
    /// Annualised.
    pub vol: Vol,
}

/// The vol to price an option with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImpliedVol {
    /// Annualised.
    pub vol: Vol,
    /// Whether it was voted for this strike lately, rather than long ago or for its neighbours.
    pub fresh: bool,
    /// Whether it comes from votes that are all stale: new risk must wait.
    pub stale: bool,
}

/// The voted vols of one underlying.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct VolMarks {
    /// Vol and when it was voted, by expiry and strike.
    marks: BTreeMap<(BlockTime, Price), (Vol, BlockTime)>,
}

impl VolMarks {
    /// Takes in the votes of one block and forgets what has expired.
    ///
    /// Pass votes on listed options only. Where a validator votes on call and put of a strike, the middle of its lowest
    /// and highest vote counts, rounded up.
    ///
    /// # Errors
    ///
    /// [`Fault`] never, for vols within the limits of the parameters.
    ///
    /// # Source
    ///
    /// spec 0017-ORAC-017.
    pub fn update(
        &mut self,
        votes: &[VolVote],
        total_stake: u64,
        now: BlockTime,
        params: &Parameters,
    ) -> Result<(), Fault> {
        let mut ballots: Vec<Ballot<(BlockTime, Price), Vol>> = Vec::with_capacity(votes.len());
        for vote in votes {
            let is_sane = params.vol_min <= vote.vol && vote.vol <= params.vol_max;
            if is_sane && vote.vol > Vol::ZERO && vote.expires_at > now {
                ballots.push(Ballot {
                    key: (vote.expires_at, vote.strike),
                    validator: vote.validator,
                    value: vote.vol,
                    stake: vote.stake,
                });
            }
        }
        let ballots = merged(ballots).map_err(Fault::at("oracle: middle of two vols"))?;
        for (point, vol) in agreed(ballots, total_stake) {
            self.marks.insert(point, (vol, now));
        }
        self.marks.retain(|(expires_at, _), _| *expires_at > now);
        Ok(())
    }

    /// Returns the vol of an expiry and strike: as voted; if that is stale, on the line of total variance over the
    /// logarithm of the strike between the nearest fresh strikes of the expiry, or that of the nearest one beyond them;
    /// if all are stale, the last one voted for it, flagged; `None` if there never was one.
    ///
    /// All strikes of an expiry have the same time to it, so the line of total variance is the line of squared vols.
    /// Rounding: down.
    ///
    /// # Errors
    ///
    /// [`Fault`] never, for what [`VolMarks::update`] has let in.
    ///
    /// # Source
    ///
    /// spec 0017-ORAC-017.
    pub fn vol(
        &self,
        expires_at: BlockTime,
        strike: Price,
        now: BlockTime,
        params: &Parameters,
    ) -> Result<Option<ImpliedVol>, Fault> {
        let last = self.marks.get(&(expires_at, strike));
        let is_fresh = |voted_at: BlockTime| {
            now.since(voted_at).is_ok_and(|age| age <= params.vol_stale_after)
        };
        if let Some((vol, _)) = last.filter(|(_, voted_at)| is_fresh(*voted_at)) {
            return Ok(Some(ImpliedVol { vol: *vol, fresh: true, stale: false }));
        }
        let (mut below, mut above) = (None, None);
        for ((expiry, at_strike), (vol, voted_at)) in &self.marks {
            if *expiry != expires_at || !is_fresh(*voted_at) {
                continue;
            }
            if *at_strike <= strike {
                below = Some((*at_strike, *vol));
            } else if above.is_none() {
                above = Some((*at_strike, *vol));
            }
        }
        let between = match (below, above) {
            (Some(below), Some(above)) => {
                let vol = interpolated(below, above, strike);
                Some(vol.map_err(Fault::at("oracle: interpolated vol"))?)
            }
            (Some((_, vol)), None) | (None, Some((_, vol))) => Some(vol),
            (None, None) => None,
        };
        let found = between.map(|vol| ImpliedVol { vol, fresh: false, stale: false });
        let fallback = last.map(|(vol, _)| ImpliedVol { vol: *vol, fresh: false, stale: true });
        Ok(found.or(fallback))
    }
}

/// Returns one ballot per point and validator: the middle of its lowest and highest value.
fn merged<K: Ord + Copy>(
    mut ballots: Vec<Ballot<K, Vol>>,
) -> Result<Vec<Ballot<K, Vol>>, ArithmeticError> {
    ballots.sort_unstable();
    let mut merged = Vec::with_capacity(ballots.len());
    let is_same = |left: &Ballot<K, Vol>, right: &Ballot<K, Vol>| {
        (left.key, left.validator) == (right.key, right.validator)
    };
    for same in ballots.chunk_by(is_same) {
        if let (Some(lowest), Some(highest)) = (same.first(), same.last()) {
            let sum = lowest.value.plus(highest.value)?.number();
            let middle = sum.mul_div(Num::new(1), Num::new(2), Round::Up)?;
            merged.push(Ballot { value: Vol::from_number(middle), ..*lowest });
        }
    }
    Ok(merged)
}

/// Returns the vol at a strike between two others: `v² = a² + (b² − a²)·ln(K/A)/ln(B/A)`.
fn interpolated(
    (below, a): (Price, Vol),
    (above, b): (Price, Vol),
    strike: Price,
) -> Result<Vol, ArithmeticError> {
    let whole = log2_ratio(above.number(), below.number())?;
    if whole <= Num::new(0) {
        return Ok(a);
    }
    let part = log2_ratio(strike.number(), below.number())?.lesser(whole);
    let square = |vol: Vol| vol.number().times(vol.number());
    let rise = square(b)?.minus(square(a)?)?;
    let variance = square(a)?.plus(rise.mul_div(part, whole, Round::Down)?)?;
    Ok(Vol::from_number(square_root(variance)))
}
