//! The index of one underlying through time, and what may be done on the strength of it.
//!
//! **Invariant:** the index is positive and only ever set by a block in which sources with most of the weight had a quorum
//! of validators. It moves at most at its speed limit, but for a price that takes the place of one that was lost: that
//! has to be found by several blocks in a row, and for ten minutes if it is absurd beside the old one.

use crate::average::WindowAverage;
use crate::combine::{Combined, combine};
use crate::reach::{WHOLE, reach};
use crate::report::{Yardstick, readings};
use crate::{Parameters, Reading, Report, Sight};
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{Fault, Mode, SourceId};
use units::{ArithmeticError, BlockSpan, BlockTime, Num, Price, Round, limits};

/// Buckets of the index's average: thirty of ten seconds, five minutes in all.
const AVERAGE_BUCKETS: u8 = 30;
/// Length of each.
const AVERAGE_BUCKET: BlockSpan = BlockSpan::from_millis(10_000);

/// The agreed price of an underlying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Index {
    /// What it is worth.
    pub price: Price,
    /// Half the width of what the sources could mean, ≥ 0: the greater distance to the quartiles.
    pub confidence: Price,
    /// What that would be had the speed limit not held it back.
    pub disagreement: Price,
    /// The block that set it.
    pub updated_at: BlockTime,
    /// Sources that were live in that block, outliers among them.
    pub sources: u8,
    /// Sources among them that lay far from the others.
    pub outliers: u8,
    /// Whether the speed limit held it back.
    pub clamped: bool,
}

/// The state of one underlying's oracle.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Feed {
    index: Option<Index>,
    readings: Vec<Reading>,
    average: WindowAverage,
    /// Time of the last block seen.
    block_at: Option<BlockTime>,
    /// Blocks with a quorum that must still come before the index may be set.
    warmup: u8,
    /// What lasts of the modes that there was reason for.
    held: Held,
    /// The same for what is held already.
    held_standing: Held,
    /// The first of the blocks in a row in which sources gave reason for doubt.
    doubted_since: Option<BlockTime>,
    /// What the first price is measured by, if anything.
    reference: Option<Price>,
    /// Blocks in a row that must agree on the first price.
    first_blocks: u8,
    /// What blocks agree on while no index vouches for it.
    candidate: Option<Candidate>,
    /// What the speed limit has left of a micro-dollar, in billionths, while it holds the index back.
    rest: u32,
}

/// A mode that lasts, and the last block that gave reason for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Held {
    mode: Mode,
    since: BlockTime,
}

impl Default for Held {
    fn default() -> Self {
        Self { mode: Mode::Normal, since: BlockTime::ZERO }
    }
}

impl Held {
    /// Returns the worse of a reason and of the mode that lasts.
    fn with(self, reason: Mode, now: BlockTime, params: &Parameters) -> Mode {
        if self.is_lasting(now, params) { reason.max(self.mode) } else { reason }
    }

    /// Keeps the mode that there is reason for, if it is the worst or the last one has run out.
    fn note(&mut self, reason: Mode, now: BlockTime, params: &Parameters) {
        if !self.is_lasting(now, params) || reason >= self.mode {
            *self = Self { mode: reason, since: now };
        }
    }

    fn is_lasting(self, now: BlockTime, params: &Parameters) -> bool {
        now.since(self.since).is_ok_and(|since| since <= params.relax_after)
    }
}

/// A price that no index vouches for yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Candidate {
    /// What the last block found.
    price: Price,
    /// When.
    found_at: BlockTime,
    /// When the first of the blocks in a row that agree found theirs.
    since: BlockTime,
    /// How many they are.
    blocks: u8,
}

impl Default for Feed {
    fn default() -> Self {
        Self::new()
    }
}

impl Feed {
    /// Returns a feed whose first price is measured by a reference and agreed on by so many blocks in a row.
    ///
    /// # Source
    ///
    /// spec 0017-ORAC-023.
    #[must_use]
    pub fn founded(reference: Price, first_blocks: u8) -> Self {
        Self { reference: Some(reference), first_blocks, ..Self::new() }
    }

    /// Returns a feed that has never heard of a price. Its first quorum sets the index at once, whatever it is.
    #[must_use]
    pub fn new() -> Self {
        Self {
            index: None,
            readings: Vec::new(),
            average: WindowAverage::new(AVERAGE_BUCKET, AVERAGE_BUCKETS),
            block_at: None,
            warmup: 0,
            held: Held::default(),
            held_standing: Held::default(),
            doubted_since: None,
            reference: None,
            first_blocks: 1,
            candidate: None,
            rest: 0,
        }
    }

    /// Takes in the reports of one block and sets the index if they allow it. To be called for every block, with or
    /// without reports, before [`Feed::mode`] is asked.
    ///
    /// `weights` lists every source once; those with weight zero and those not listed do not count.
    ///
    /// Cost: O(n log n) in the reports.
    ///
    /// # Errors
    ///
    /// [`Fault`] if block time runs backwards, or an arithmetic result does not fit.
    ///
    /// # Source
    ///
    /// spec 0017-ORAC-003…012.
    pub fn update(
        &mut self,
        reports: &[Report],
        total_stake: u64,
        weights: &[(SourceId, u32)],
        now: BlockTime,
        params: &Parameters,
    ) -> Result<(), Fault> {
        if self.block_at.is_some_and(|last| now < last) {
            return Err(Fault::Invariant("oracle: block time runs backwards"));
        }
        self.arm(now, params)?;
        let is_lost = self.is_lost(now, params)?;
        self.readings = readings(reports, total_stake, weights, self.yardstick(is_lost, params))?;
        match combine(&mut self.readings, weights, params)? {
            None => {
                self.candidate = None;
                if self.warmup > 0 {
                    self.warmup = params.warmup_blocks.max(1);
                }
            }
            Some(combined) if is_lost => self.seed(&combined, now, params)?,
            Some(combined) => {
                self.warmup = self.warmup.saturating_sub(1);
                if self.warmup == 0 {
                    self.set(&combined, false, now, params)?;
                }
            }
        }
        self.block_at = Some(now);
        self.hold(now, params)
    }

    /// Returns the index; `None` before the first.
    #[must_use]
    pub const fn index(&self) -> Option<&Index> {
        self.index.as_ref()
    }

    /// Returns what the block at `now` has shown of the index: fresh if it set the index to what it found, and there is no
    /// reason to freeze.
    ///
    /// # Errors
    ///
    /// [`Fault`] if times or areas are outside their limits.
    ///
    /// # Source
    ///
    /// spec 0017-ORAC-018.
    pub fn sight(&self, now: BlockTime, params: &Parameters) -> Result<Sight, Fault> {
        if self.reason(now, params)? == Mode::Frozen {
            return Ok(Sight::Doubtful);
        }
        Ok(match self.index {
            Some(index) if index.updated_at < now => Sight::Unseen,
            Some(index) if !index.clamped => Sight::Fresh(index.price),
            _ => Sight::Doubtful,
        })
    }

    /// Returns what the sources showed in the last block, ascending by source: the evidence behind the index.
    #[must_use]
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// Returns the average of the index over the five minutes before `now`; `None` before the first index.
    ///
    /// Rounding: down.
    ///
    /// # Errors
    ///
    /// [`Fault`] if an area does not fit.
    pub fn average(&self, now: BlockTime) -> Result<Option<Price>, Fault> {
        self.average.average(now).map(|average| average.map(Price::from_micros))
    }

    /// Returns the age of the index; `None` before the first.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the times are outside their limits.
    pub fn age(&self, now: BlockTime) -> Result<Option<BlockSpan>, Fault> {
        let age = self.index.map(|index| now.since(index.updated_at)).transpose();
        age.map_err(Fault::at("oracle: age of the index"))
    }

    /// Returns how far the underlying is restricted: the worst of what the index gives reason for at `now` and what it
    /// gave reason for a short time ago. Frozen if that cannot be told.
    ///
    /// # Source
    ///
    /// spec 0017-ORAC-010…013.
    #[must_use]
    pub fn mode(&self, now: BlockTime, params: &Parameters) -> Mode {
        self.held.with(self.reason(now, params).unwrap_or(Mode::Frozen), now, params)
    }

    /// Returns how far the index is in doubt for what is held already: its mode and its confidence, as far as the reason is
    /// not its speed limit and has stood for long enough.
    ///
    /// # Errors
    ///
    /// [`Fault`] if times or prices are outside their limits.
    ///
    /// # Source
    ///
    /// spec 0017-ORAC-028.
    pub fn standing(
        &self,
        now: BlockTime,
        params: &Parameters,
    ) -> Result<Option<(Mode, Price)>, Fault> {
        let Some(index) = &self.index else { return Ok(None) };
        let reason = self.reason_standing(now, params)?;
        let mode = self.held_standing.with(reason, now, params);
        let confidence = match mode {
            Mode::Normal => index.disagreement.lesser(caution_above(index, params)?),
            _ => index.disagreement,
        };
        Ok(Some((mode, confidence)))
    }

    /// Returns whether there is no index, or one too old to be a measure of anything.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the index is of a time to come.
    ///
    /// # Source
    ///
    /// spec 0017-ORAC-024.
    pub fn is_lost(&self, now: BlockTime, params: &Parameters) -> Result<bool, Fault> {
        Ok(self.age(now)?.is_none_or(|age| age > params.frozen_after))
    }

    /// Returns what prices are measured by: the index; the reference before the first; nothing if the index is lost.
    fn yardstick(&self, is_lost: bool, params: &Parameters) -> Option<Yardstick> {
        match self.index {
            Some(_) if is_lost => None,
            Some(index) => Some(Yardstick { price: index.price, ratio: params.absurd_ratio }),
            None => self.reference.map(|price| Yardstick { price, ratio: params.first_ratio }),
        }
    }

    /// Takes a price to which no index can be compared, and sets the index once enough blocks in a row agree on it
    /// (0017-ORAC-023, 0017-ORAC-024).
    fn seed(&mut self, found: &Combined, now: BlockTime, params: &Parameters) -> Result<(), Fault> {
        let at = || Fault::at("oracle: seeding the index");
        let agreeing = match self.candidate {
            Some(last) => {
                let span = now.since(last.found_at).map_err(at())?;
                // A price has no parts of a micro-dollar: the cheapest agree within one.
                let (reach, _) = steps(last.price, span, 0, params).map_err(at())?;
                let reach = reach.greater(Price::from_micros(1));
                let distance = found.price.minus(last.price).and_then(Price::magnitude);
                (distance.map_err(at())? <= reach).then_some(last)
            }
            None => None,
        };
        let candidate = Candidate {
            price: found.price,
            found_at: now,
            since: agreeing.map_or(now, |last| last.since),
            blocks: agreeing.map_or(0, |last| last.blocks).saturating_add(1),
        };
        self.candidate = Some(candidate);
        let (blocks, time) = match self.index {
            None => (self.first_blocks, BlockSpan::ZERO),
            Some(old) => {
                let beside = Yardstick { price: old.price, ratio: params.absurd_ratio };
                let absurd = !beside.admits(found.price)?;
                (params.warmup_blocks, if absurd { params.reseed_after } else { BlockSpan::ZERO })
            }
        };
        let stood = now.since(candidate.since).map_err(at())?;
        if candidate.blocks >= blocks.max(1) && stood >= time {
            self.candidate = None;
            self.warmup = 0;
            self.set(found, true, now, params)?;
        }
        Ok(())
    }

    /// Starts a warm-up after a gap in block time, or if the index has become too old to freeze on (0017-ORAC-011).
    fn arm(&mut self, now: BlockTime, params: &Parameters) -> Result<(), Fault> {
        let Some(last) = self.block_at else { return Ok(()) };
        let gap = now.since(last).map_err(Fault::at("oracle: gap"))?;
        if gap > params.gap_max {
            // Blocks on either side of a gap are not in a row.
            self.candidate = None;
        }
        let Some(age) = self.age(now)? else { return Ok(()) };
        let is_lost = self.warmup == 0 && age > params.frozen_after;
        if gap > params.gap_max || is_lost {
            self.warmup = params.warmup_blocks.max(1);
        }
        Ok(())
    }

    /// Sets the index, at most as far from the last one as its speed allows unless it is free of it (0017-ORAC-008,
    /// 0017-ORAC-009).
    fn set(
        &mut self,
        found: &Combined,
        is_free: bool,
        now: BlockTime,
        params: &Parameters,
    ) -> Result<(), Fault> {
        let at = || Fault::at("oracle: setting the index");
        let (price, rest) = match &self.index {
            Some(last) if !is_free => {
                // What was not found saves up no speed.
                let span = now.since(last.updated_at).map_err(at())?.lesser(params.catch_up);
                let (reach, rest) = steps(last.price, span, self.rest, params).map_err(at())?;
                let lowest = last.price.minus(reach).map_err(at())?.greater(Price::from_micros(1));
                let highest = last.price.plus(reach).map_err(at())?;
                (found.price.greater(lowest).lesser(highest), rest)
            }
            _ => (found.price, 0),
        };
        let clamped = price != found.price;
        self.rest = if clamped { rest } else { 0 };
        let width = |price: Price| {
            let below = price.minus(found.lowest)?;
            Ok(below.greater(found.highest.minus(price)?))
        };
        let confidence = width(price).map_err(at())?;
        let count = |readings: usize| u8::try_from(readings).unwrap_or(u8::MAX);
        self.index = Some(Index {
            price,
            confidence,
            disagreement: width(found.price).map_err(at())?.lesser(confidence),
            updated_at: now,
            sources: count(self.readings.len()),
            outliers: count(self.readings.iter().filter(|reading| reading.outlier).count()),
            clamped,
        });
        self.average.record(price.micros(), now)
    }

    /// Keeps the mode that there is reason for at this time, if it is the worst or the last one has run out (0017-ORAC-012).
    fn hold(&mut self, now: BlockTime, params: &Parameters) -> Result<(), Fault> {
        self.doubted_since = match self.reason_apart(now, params)? {
            Mode::Normal => None,
            _ => self.doubted_since.or(Some(now)),
        };
        let (reason, standing) = (self.reason(now, params)?, self.reason_standing(now, params)?);
        if self.index.is_some() {
            self.held.note(reason, now, params);
            self.held_standing.note(standing, now, params);
        }
        Ok(())
    }

    /// Returns the mode that index, sources and clock give reason for at `now`, whatever was before.
    fn reason(&self, now: BlockTime, params: &Parameters) -> Result<Mode, Fault> {
        let apart = self.reason_apart(now, params)?;
        let is_held_back = self.index.is_some_and(|index| index.clamped);
        Ok(if is_held_back { apart.max(Mode::Caution) } else { apart })
    }

    /// Returns the same for what is held already: caution only once sources have given reason for it for long enough.
    fn reason_standing(&self, now: BlockTime, params: &Parameters) -> Result<Mode, Fault> {
        let stood = self.doubted_since.map_or(Ok(BlockSpan::ZERO), |since| now.since(since));
        let stood = stood.map_err(Fault::at("oracle: how long there is doubt"))?;
        Ok(match self.reason_apart(now, params)? {
            Mode::Caution if stood < params.doubt_grace => Mode::Normal,
            reason => reason,
        })
    }

    /// Returns the same as if it were no reason that the index is held back.
    fn reason_apart(&self, now: BlockTime, params: &Parameters) -> Result<Mode, Fault> {
        let (Some(index), Some(age)) = (&self.index, self.age(now)?) else {
            return Ok(Mode::Frozen);
        };
        if self.warmup > 0 || age > params.frozen_after || self.has_diverged(index, now, params)? {
            return Ok(Mode::Frozen);
        }
        if age > params.stale_after {
            return Ok(Mode::ReduceOnly);
        }
        let caution_above = caution_above(index, params)?;
        let agreeing = index.sources.saturating_sub(index.outliers);
        let is_unsure = index.disagreement > caution_above || agreeing < params.sources_min;
        Ok(if is_unsure { Mode::Caution } else { Mode::Normal })
    }

    /// Returns whether the index is too far from its average of five minutes (0017-ORAC-013).
    fn has_diverged(
        &self,
        index: &Index,
        now: BlockTime,
        params: &Parameters,
    ) -> Result<bool, Fault> {
        let Some(average) = self.average(now)? else { return Ok(false) };
        let at = || Fault::at("oracle: divergence");
        let distance = index.price.minus(average).and_then(Price::magnitude).map_err(at())?;
        let allowed = average.scaled(params.divergence_frozen, Round::Down).map_err(at())?;
        Ok(distance > allowed)
    }
}

/// Returns the confidence above which an index gives reason for caution.
fn caution_above(index: &Index, params: &Parameters) -> Result<Price, Fault> {
    let most = index.price.scaled(params.confidence_caution, Round::Down);
    most.map_err(Fault::at("oracle: confidence"))
}

/// Returns how far an index may move in a time with what the blocks before have left, in micro-dollars, and what that leaves.
fn steps(
    last: Price,
    span: BlockSpan,
    rest: u32,
    params: &Parameters,
) -> Result<(Price, u32), ArithmeticError> {
    let parts = reach(last, params.velocity, span)?.plus(Num::new(rest.into()))?.raw().max(0);
    let whole = parts.div_euclid(WHOLE).min(limits::PRICE_MICROS_MAX);
    let left = u32::try_from(parts.rem_euclid(WHOLE)).unwrap_or(0);
    Ok((Price::from_micros(whole), left))
}
