//! The range for new risk, the range for risk held, and the step of the latter that has been announced.

use crate::history::History;
use crate::hour::Hour;
use crate::parameters::Parameters;
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::Fault;
use units::{BlockSpan, BlockTime, Num, Ppb, Ppm, Price, Round, limits};

/// What a target was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Behind {
    /// Deviation of a return.
    pub deviation: Ppb,
    /// The quantile of the returns' sizes, in deviations.
    pub quantile: Ppm,
    /// The range that history says must hold.
    pub history: Ppm,
    /// The range of the stress set.
    pub stress: Ppm,
    /// How many returns history has.
    pub returns: u16,
}

/// The ranges of one underlying.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Thresholds {
    hour: Hour,
    history: History,
    behind: Behind,
    target: Ppm,
    /// What the target would be if the hour under way had ended.
    running: Ppm,
    hold: Ppm,
    announced: Ppm,
    observe_at: BlockTime,
    step_at: BlockTime,
}

impl Thresholds {
    /// Returns the ranges of an underlying that has had no price.
    ///
    /// # Errors
    ///
    /// [`Fault::Invariant`] if a parameter is out of bounds.
    pub fn new(parameters: &Parameters) -> Result<Self, Fault> {
        parameters.check()?;
        let (history, initial) = (History::new(parameters), parameters.initial);
        let behind = behind(&history, parameters)?;
        let (hour, [target, running, hold, announced]) = (Hour::default(), [initial; 4]);
        // The first price is taken whenever it comes.
        let (observe_at, step_at) = (BlockTime::ZERO, BlockTime::ZERO);
        Ok(Self { hour, history, behind, target, running, hold, announced, observe_at, step_at })
    }

    /// Takes the index at a time. When that makes an average whole, the range for new risk sees how far the interval under
    /// way has gone; once an interval that becomes a return, once a step the range held moves. Returns whether a range,
    /// or what it is made from, has changed.
    ///
    /// A longer silence counts as one interval and as one step.
    ///
    /// Cost: constant, but for the blocks that make an average whole: those sort the returns kept, twice.
    ///
    /// # Errors
    ///
    /// [`Fault`] if a parameter is out of bounds or a time is outside its limits; nothing has changed then.
    ///
    /// spec 0031-THRE-002, 0031-THRE-008…010, 0031-THRE-017, 0031-THRE-018.
    pub fn advance(
        &mut self,
        index: Price,
        now: BlockTime,
        parameters: &Parameters,
    ) -> Result<bool, Fault> {
        parameters.check()?;
        let mut hour = self.hour;
        let level = hour.take(index, now, parameters);
        let Some(level) = level.map_err(Fault::at("thresholds: the index averaged"))? else {
            self.hour = hour;
            return Ok(false);
        };
        let (observes, steps) = (now >= self.observe_at, now >= self.step_at);
        let moved = hour.widen(level).map_err(Fault::at("thresholds: how far an hour has gone"))?;
        let mut next = self.clone();
        let mut ahead = self.history.clone();
        if let Some(moved) = moved {
            ahead.observe(moved, parameters)?;
        }
        next.running = target(&behind(&ahead, parameters)?, parameters)?;
        let ends = observes || moved.is_none();
        if ends {
            next.history = ahead;
            hour.begin(level);
            next.observe_at = later(now, parameters.observe_every)?;
        }
        next.hour = hour;
        next.behind = behind(&next.history, parameters)?;
        next.target = target(&next.behind, parameters)?;
        if steps {
            next.hold = self.announced;
            next.announced = step(next.hold, next.target, parameters)?;
            next.step_at = later(now, parameters.step_every)?;
        }
        let changed = ends || steps || next.shown() != self.shown();
        *self = next;
        Ok(changed)
    }

    /// Returns what is shown of the ranges: what they are, and what they were made from.
    fn shown(&self) -> ([Ppm; 4], Behind) {
        ([self.target, self.running, self.hold, self.announced], self.behind)
    }

    /// Returns the range for new risk: the target, that of the hour under way, or the range held or announced while that
    /// is above both.
    ///
    /// spec 0031-THRE-008.
    pub fn new_risk(&self) -> Ppm {
        self.target.greater(self.running).greater(self.hold).greater(self.announced)
    }

    /// Returns the range for risk held.
    pub const fn hold(&self) -> Ppm {
        self.hold
    }

    /// Returns the range that risk will be held at from [`Thresholds::step_at`] on.
    pub const fn announced(&self) -> Ppm {
        self.announced
    }

    /// Returns when the announced range takes effect.
    pub const fn step_at(&self) -> BlockTime {
        self.step_at
    }

    /// Returns the range that the market asks for.
    pub const fn target(&self) -> Ppm {
        self.target
    }

    /// Returns what the target would be if the hour under way had ended.
    pub const fn running(&self) -> Ppm {
        self.running
    }

    /// Returns what the target was made from.
    #[must_use]
    pub const fn behind(&self) -> Behind {
        self.behind
    }

    /// Returns the returns.
    #[must_use]
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// Returns whether every figure is within its bounds, as in any state that prices have led to.
    ///
    /// spec 0031-THRE-012.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let ranges = [self.target, self.running, self.hold, self.announced];
        let within = |range: &Ppm| Parameters::FLOOR <= *range && *range <= Parameters::CAP;
        self.hour.is_sound() && self.history.is_sound() && ranges.iter().all(within)
    }
}

fn later(now: BlockTime, span: BlockSpan) -> Result<BlockTime, Fault> {
    now.after(span).map_err(Fault::at("thresholds: time of the next step"))
}

fn behind(history: &History, parameters: &Parameters) -> Result<Behind, Fault> {
    Ok(Behind {
        deviation: history.deviation(),
        quantile: history.quantile(parameters),
        history: history.range(parameters)?,
        stress: parameters.stress,
        returns: u16::try_from(history.len()).unwrap_or(u16::MAX),
    })
}

/// Returns the range that the market asks for; rounded up.
///
/// spec 0031-THRE-005.
fn target(behind: &Behind, parameters: &Parameters) -> Result<Ppm, Fault> {
    let at = Fault::at("thresholds: target");
    let one = Num::new(limits::PPM_ONE);
    let history = behind.history.number();
    let buffered = history.mul_div(parameters.buffer.number(), one, Round::Up).map_err(&at)?;
    let share = parameters.stress_share.number();
    let stressed = share.times(parameters.stress.number()).map_err(&at)?;
    let calm = one.minus(share).and_then(|rest| rest.times(history)).map_err(&at)?;
    let mixed = calm.plus(stressed).and_then(|sum| sum.mul_div(Num::new(1), one, Round::Up));
    let asked = Ppm::from_number(buffered.greater(mixed.map_err(&at)?));
    let enough = usize::from(behind.returns) >= parameters.enough();
    let least = if enough { parameters.floor } else { parameters.initial };
    Ok(asked.greater(least).lesser(parameters.cap))
}

/// Returns the range held a step after `hold`: towards the target, no further than the fastest step.
///
/// spec 0031-THRE-009.
fn step(hold: Ppm, target: Ppm, parameters: &Parameters) -> Result<Ppm, Fault> {
    let at = Fault::at("thresholds: step of the range held");
    let one = Num::new(limits::PPM_ONE);
    let times = |share: Num, round| hold.number().mul_div(share, one, round).map(Ppm::from_number);
    let highest = one.plus(parameters.rise_max.number());
    let highest = highest.and_then(|share| times(share, Round::Down)).map_err(&at)?;
    let lowest = one.minus(parameters.fall_max.number());
    let lowest = lowest.and_then(|share| times(share, Round::Up)).map_err(&at)?;
    Ok(target.lesser(highest).greater(lowest))
}
