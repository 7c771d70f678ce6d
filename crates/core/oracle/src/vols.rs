//! Implied volatilities: one per expiry and strike, voted, or interpolated between voted neighbours.
//!
//! Calls and puts of a strike share one vol, so that put-call parity holds exactly. What a vol follows changes when votes
//! become stale or return; the vol itself does not then, and only moves to what it follows as time passes. **Invariant:** a
//! voted vol is within what honest validators voted, and an interpolated one between its two neighbours, once what it
//! followed before has faded.

use crate::Parameters;
use crate::ballot::{Ballot, agreed};
use crate::exponential::{log2_ratio, square_root};
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{Fault, Plant, ValidatorId};
use std::collections::{BTreeMap, BTreeSet};
use units::{ArithmeticError, BlockSpan, BlockTime, Num, Price, Round, Vol, limits};

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
    /// Whether it was not voted for this strike lately: new risk must wait.
    pub stale: bool,
    /// How far off it may be because nobody has voted for it lately, or because what was voted since is still coming in.
    pub uncertainty: Vol,
}

/// A time that is under way: its end is known when it begins, whatever governance says later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Course {
    from: BlockTime,
    to: BlockTime,
}

impl Course {
    fn new(from: BlockTime, lasts: BlockSpan) -> Result<Self, ArithmeticError> {
        Ok(Self { from, to: from.after(lasts.greater(BlockSpan::from_millis(1)))? })
    }

    /// Returns the part of a vol that has come in, rounded up in magnitude, and the rest of it.
    fn parts(&self, of: Vol, now: BlockTime) -> Result<(Vol, Vol), ArithmeticError> {
        let whole = self.to.since(self.from)?;
        let passed = now.since(self.from)?.greater(BlockSpan::ZERO).lesser(whole);
        let round = if of < Vol::ZERO { Round::Down } else { Round::Up };
        let come = of.number().mul_div(passed.number(), whole.number(), round)?;
        let come = Vol::from_number(come);
        Ok((come, of.minus(come)?))
    }
}

/// What is known of a strike on which there once was a vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Mark {
    /// As last voted.
    vol: Vol,
    voted_at: BlockTime,
    /// How doubt about it grows since its vote is stale; nothing while it is fresh.
    stale: Option<Course>,
    /// How far the vol was above what it now follows, when it began to follow that.
    offset: Vol,
    /// How that fades; nothing if there never was an offset.
    fading: Option<Course>,
}

impl Mark {
    const fn is_fresh(&self) -> bool {
        self.stale.is_none()
    }

    /// Returns what is left of the offset. Rounding: to zero.
    fn left(&self, now: BlockTime) -> Result<Vol, ArithmeticError> {
        let Some(fading) = self.fading.filter(|_| !Plant::VolsJump.is_planted()) else {
            return Ok(Vol::ZERO);
        };
        fading.parts(self.offset, now).map(|(_, left)| left)
    }

    /// Returns whether its vote becomes stale by now, if none has come.
    fn ages(&self, now: BlockTime, params: &Parameters) -> Result<bool, ArithmeticError> {
        Ok(self.is_fresh() && now.since(self.voted_at)? > params.vol_stale_after)
    }
}

/// The voted vols of one underlying.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct VolMarks {
    /// By expiry and strike.
    marks: BTreeMap<Point, Mark>,
}

/// An expiry and a strike.
type Point = (BlockTime, Price);

impl VolMarks {
    /// Takes in the votes of one block and forgets what has expired.
    ///
    /// Pass votes on listed options only. Where a validator votes on call and put of a strike, the middle of its lowest
    /// and highest vote counts, rounded up.
    ///
    /// Where a vote becomes stale or a stale one is renewed, the vols of the expiry that do not come of a vote before and
    /// after stay as they are, and follow what they are now based on as their offset from it fades.
    ///
    /// # Errors
    ///
    /// [`Fault`] never, for vols within the limits of the parameters.
    ///
    /// # Source
    ///
    /// spec 0017-ORAC-017, 0017-ORAC-027, 0017-ORAC-055.
    pub fn update(
        &mut self,
        votes: &[VolVote],
        total_stake: u64,
        now: BlockTime,
        params: &Parameters,
    ) -> Result<(), Fault> {
        let mut ballots: Vec<Ballot<Point, Vol>> = Vec::with_capacity(votes.len());
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
        let voted = agreed(ballots, total_stake);
        self.marks.retain(|(expires_at, _), _| *expires_at > now);
        let at = || Fault::at("oracle: implied vol");
        let before = self.before_a_change(&voted, now, params).map_err(at())?;
        let mut rebased = Vec::new();
        for (point, vol) in before {
            let is_voted = voted.binary_search_by_key(&point, |(point, _)| *point).is_ok();
            let Some(mark) = self.marks.get_mut(&point) else { continue };
            let was_fresh = mark.is_fresh();
            if is_voted {
                mark.stale = None;
            } else if mark.ages(now, params).map_err(at())? {
                let since = mark.voted_at.after(params.vol_stale_after).map_err(at())?;
                mark.stale = Some(Course::new(since, params.vol_fade).map_err(at())?);
            }
            if !(was_fresh && mark.is_fresh()) {
                rebased.push((point, vol));
            }
        }
        for (point, vol) in voted {
            let new = Mark { vol, voted_at: now, stale: None, offset: Vol::ZERO, fading: None };
            let mark = self.marks.entry(point).or_insert(new);
            (mark.vol, mark.voted_at) = (vol, now);
        }
        for (point, vol) in rebased {
            let Some(mark) = self.marks.get(&point) else { continue };
            let base = self.base(point, mark).map_err(at())?.vol;
            let offset = vol.minus(base).map_err(at())?;
            let fading = Course::new(now, params.vol_fade).map_err(at())?;
            if let Some(mark) = self.marks.get_mut(&point) {
                (mark.offset, mark.fading) = (offset, Some(fading));
            }
        }
        Ok(())
    }

    /// Returns the vols, as they are without the votes of this block, of the expiries in which a vote becomes stale, or
    /// comes to a strike that has no fresh one; nothing of the others.
    fn before_a_change(
        &self,
        voted: &[(Point, Vol)],
        now: BlockTime,
        params: &Parameters,
    ) -> Result<Vec<(Point, Vol)>, ArithmeticError> {
        let mut changed = BTreeSet::new();
        for (point, mark) in &self.marks {
            let is_voted = || voted.binary_search_by_key(point, |(point, _)| *point).is_ok();
            if mark.ages(now, params)? && !is_voted() {
                changed.insert(point.0);
            }
        }
        let comes = |point: &&Point| self.marks.get(point).is_none_or(|mark| !mark.is_fresh());
        let came = voted.iter().map(|(point, _)| point).filter(comes);
        changed.extend(came.map(|(expires_at, _)| *expires_at));
        let mut before = Vec::new();
        for (point, mark) in &self.marks {
            if changed.contains(&point.0) {
                before.push((*point, self.followed(*point, mark, now, params)?.1));
            }
        }
        Ok(before)
    }

    /// Returns the vol of an expiry and strike.
    ///
    /// What is voted for it, if that is fresh. Else what it follows: the line of total variance over the logarithm of the
    /// strike between the nearest fresh strikes of the expiry, or that of the nearest one beyond them, or if all are stale the last
    /// one voted for it. To either comes the offset that it had when it began to follow that, as much as has not faded in
    /// what [`Parameters::vol_fade`] was then. A strike that was never voted lies on the line; `None` if there is none.
    ///
    /// All strikes of an expiry have the same time to it, so the line of total variance is the line of squared vols.
    /// What is stale is uncertain, as far as its offset has had time to fade, by the greater of the offset and the distances to the two
    /// vols it lies between, and [`Parameters::vol_unvoted_penalty`] of itself, or [`Parameters::vol_stale_penalty`] if all are.
    /// What is fresh is uncertain by what is left of its offset.
    /// Rounding: the vol down, the uncertainty up.
    ///
    /// # Errors
    ///
    /// [`Fault`] never, for what [`VolMarks::update`] has let in.
    ///
    /// # Source
    ///
    /// spec 0017-ORAC-017, 0017-ORAC-027, 0017-ORAC-055.
    pub fn vol(
        &self,
        expires_at: BlockTime,
        strike: Price,
        now: BlockTime,
        params: &Parameters,
    ) -> Result<Option<ImpliedVol>, Fault> {
        let point = (expires_at, strike);
        let at = || Fault::at("oracle: implied vol");
        let Some(mark) = self.marks.get(&point) else {
            let Some(base) = self.line(point).map_err(at())? else { return Ok(None) };
            let uncertainty = base.uncertainty(base.vol, Vol::ZERO, params).map_err(at())?;
            return Ok(Some(ImpliedVol { vol: base.vol, stale: true, uncertainty }));
        };
        let (base, vol) = self.followed(point, mark, now, params).map_err(at())?;
        let uncertainty = match mark.stale {
            None => mark.left(now).and_then(Vol::magnitude),
            Some(doubt) => base
                .uncertainty(vol, mark.offset, params)
                .and_then(|most| doubt.parts(most, now))
                .map(|(grown, _)| grown),
        };
        let uncertainty = uncertainty.map_err(at())?;
        Ok(Some(ImpliedVol { vol, stale: !mark.is_fresh(), uncertainty }))
    }

    /// Returns what the vol of a mark is based on, and the vol with its offset.
    fn followed(
        &self,
        point: Point,
        mark: &Mark,
        now: BlockTime,
        params: &Parameters,
    ) -> Result<(Base, Vol), ArithmeticError> {
        let base = self.base(point, mark)?;
        if mark.offset == Vol::ZERO {
            return Ok((base, base.vol));
        }
        let vol = base.vol.plus(mark.left(now)?)?;
        Ok((base, vol.greater(params.vol_min).lesser(params.vol_max)))
    }

    fn base(&self, point: Point, mark: &Mark) -> Result<Base, ArithmeticError> {
        let own = Base { vol: mark.vol, around: [mark.vol; 2], all_stale: true };
        Ok(if mark.is_fresh() { own } else { self.line(point)?.unwrap_or(own) })
    }

    /// Returns what lies at a strike on the line between the nearest fresh ones; `None` if none is fresh.
    fn line(&self, (expires_at, strike): Point) -> Result<Option<Base>, ArithmeticError> {
        let mut below = self.marks.range(..(expires_at, strike)).rev();
        let mut above = self.marks.range((expires_at, strike)..);
        let nearest = |marks: &mut dyn Iterator<Item = (&Point, &Mark)>| {
            let mut marks = marks.take_while(|((expiry, _), _)| *expiry == expires_at);
            let found = marks.find(|(_, mark)| mark.is_fresh());
            found.map(|((_, strike), mark)| (*strike, mark.vol))
        };
        let (vol, around) = match (nearest(&mut below), nearest(&mut above)) {
            (Some(below), Some(above)) => (interpolated(below, above, strike)?, [below.1, above.1]),
            (Some((_, vol)), None) | (None, Some((_, vol))) => (vol, [vol; 2]),
            (None, None) => return Ok(None),
        };
        Ok(Some(Base { vol, around, all_stale: false }))
    }
}

/// What a vol follows.
#[derive(Debug, Clone, Copy)]
struct Base {
    vol: Vol,
    /// The vols it lies between.
    around: [Vol; 2],
    /// Whether no strike of the expiry is fresh.
    all_stale: bool,
}

impl Base {
    /// Returns how far off a vol may be that follows this and was not voted, once its offset has faded.
    fn uncertainty(
        &self,
        vol: Vol,
        offset: Vol,
        params: &Parameters,
    ) -> Result<Vol, ArithmeticError> {
        let one = Num::new(limits::PPM_ONE);
        let share =
            if self.all_stale { params.vol_stale_penalty } else { params.vol_unvoted_penalty };
        let mut widest = offset.magnitude()?;
        for neighbour in self.around {
            widest = widest.greater(neighbour.minus(vol)?.magnitude()?);
        }
        widest.plus(Vol::from_number(vol.number().mul_div(share.number(), one, Round::Up)?))
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
