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
use units::{ArithmeticError, BlockTime, Num, Ppm, Price, Round, Vol, limits};

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
    /// How far off it may be because nobody has voted for it lately; zero if it is fresh.
    pub uncertainty: Vol,
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
    /// What is not fresh is uncertain: by the greater distance to the two vols it lies between and
    /// [`Parameters::vol_unvoted_penalty`] of itself, or if stale by [`Parameters::vol_stale_penalty`] of itself.
    /// Rounding: the vol down, the uncertainty up.
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
            let uncertainty = Vol::ZERO;
            return Ok(Some(ImpliedVol { vol: *vol, fresh: true, stale: false, uncertainty }));
        }
        let mut below = self.marks.range(..(expires_at, strike)).rev();
        let mut above = self.marks.range((expires_at, strike)..);
        let nearest = |marks: &mut dyn Iterator<Item = Mark<'_>>| {
            let mut marks = marks.take_while(|((expiry, _), _)| *expiry == expires_at);
            let found = marks.find(|(_, (_, voted_at))| is_fresh(*voted_at));
            found.map(|((_, strike), (vol, _))| (*strike, *vol))
        };
        let (below, above) = (nearest(&mut below), nearest(&mut above));
        let at = || Fault::at("oracle: interpolated vol");
        let between = match (below, above) {
            (Some(below), Some(above)) => {
                Some((interpolated(below, above, strike).map_err(at())?, below.1, above.1))
            }
            (Some((_, vol)), None) | (None, Some((_, vol))) => Some((vol, vol, vol)),
            (None, None) => None,
        };
        let stale = between.is_none();
        let last = last.map(|(vol, _)| (*vol, *vol, *vol));
        let Some((vol, lower, upper)) = between.or(last) else { return Ok(None) };
        let share = if stale { params.vol_stale_penalty } else { params.vol_unvoted_penalty };
        let uncertainty = uncertainty(vol, [lower, upper], share).map_err(at())?;
        Ok(Some(ImpliedVol { vol, fresh: false, stale, uncertainty }))
    }
}

/// An entry of the marks.
type Mark<'a> = (&'a (BlockTime, Price), &'a (Vol, BlockTime));

/// Returns how far off a vol may be that was not voted: the greater distance to its neighbours' vols, and a share of it.
fn uncertainty(vol: Vol, neighbours: [Vol; 2], share: Ppm) -> Result<Vol, ArithmeticError> {
    let one = Num::new(limits::PPM_ONE);
    let mut widest = Vol::ZERO;
    for neighbour in neighbours {
        widest = widest.greater(neighbour.minus(vol)?.magnitude()?);
    }
    widest.plus(Vol::from_number(vol.number().mul_div(share.number(), one, Round::Up)?))
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
