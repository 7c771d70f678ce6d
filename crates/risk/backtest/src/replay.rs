//! One history through the thresholds, and what came of it.

use crate::BacktestError;
use crate::coverage::{self, Statistic};
use crate::series::{History, Step};
use report::Series;
use serde::Serialize;
use thresholds::{Parameters, Thresholds};
use units::{BlockSpan, BlockTime, Ppm};

/// Share of eight-hour moves that may exceed a range.
pub const SHARE: f64 = 0.003;
/// The margin that everything is compared with: the range at genesis, held for ever.
const STATIC: f64 = 0.16;
const HOUR: BlockSpan = BlockSpan::from_millis(3_600_000);
const HOUR_MILLIS: i128 = 3_600_000;

/// Whether a test finds fault, at 5 %.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tested {
    /// It does not.
    Passes(Statistic),
    /// It does.
    Fails(Statistic),
    /// The data does not allow the test; why.
    TooLittle(String),
}

/// How coverage stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Exceeded as often as it may be.
    Covers,
    /// Exceeded significantly less often: wider than it must be for this share.
    CoversMore,
    /// Exceeded significantly more often.
    FallsShort,
    /// Too little data to say.
    Unknown,
}

/// One range over one history.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measure {
    /// Which range.
    pub range: &'static str,
    /// Eight-hour moves that it was held against.
    pub trials: usize,
    /// At the close of each.
    #[serde(flatten)]
    pub close: Coverage,
    /// At the worst price on the way, which is what liquidations see: no range is promised to cover it as often.
    pub on_the_way: Coverage,
    /// Probability that Kupiec's test would notice twice the share with this many trials.
    pub power: f64,
    /// Mean range.
    pub mean: f64,
}

/// How often a range was exceeded, and what the tests say to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Coverage {
    /// Moves that it did not cover.
    pub exceeded: usize,
    /// Whether that is as often as it may be.
    pub kupiec: Tested,
    /// Whether moves that it did not cover come in clusters.
    pub independence: Tested,
    /// The share in a word.
    pub verdict: Verdict,
    /// Largest excess over the range, as a share of the price.
    pub worst_excess: f64,
}

/// Fastest rises of a range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rise {
    /// Most in an hour, as a share of the range.
    pub hour: f64,
    /// Most in a day.
    pub day: f64,
    /// Greatest over least range.
    pub peak_to_trough: f64,
}

/// What margin costs: mean range against ranges that do not move.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cost {
    /// Mean range for new risk.
    pub new_risk: f64,
    /// Mean range for risk held.
    pub hold: f64,
    /// The range at genesis, held for ever.
    pub fixed: f64,
    /// The least range that, never moved, leaves as many closes uncovered as the range for new risk: known afterwards only.
    pub fixed_as_good: f64,
    /// The greatest range for new risk: what a margin that never moves must be to be as high at the worst moment.
    pub fixed_at_peak: f64,
}

/// Everything about one history.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The history.
    pub name: String,
    /// Where it comes from.
    pub source: String,
    /// Its first moment.
    pub from: String,
    /// Its last.
    pub to: String,
    /// Hours between two returns.
    pub hours_between_returns: f64,
    /// Prices.
    pub steps: usize,
    /// Returns before a range may fall below the initial one; trials are counted from there, if there are as many.
    pub warm_up: usize,
    /// Coverage.
    pub measures: Vec<Measure>,
    /// How fast the range for new risk rose, and initial margin with it.
    pub rise_new_risk: Rise,
    /// How fast the range for risk held rose, and maintenance margin with it.
    pub rise_hold: Rise,
    /// What it costs.
    pub cost: Cost,
    /// Largest move within eight hours.
    pub largest_move: f64,
    /// For charts: price, ranges, moves.
    #[serde(skip)]
    pub drawn: Drawn,
}

/// Series for charts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Drawn {
    /// The price.
    pub price: Series,
    /// Range for new risk.
    pub new_risk: Series,
    /// Range for risk held.
    pub hold: Series,
    /// Range of history, without buffer, stress or floor.
    pub history: Series,
    /// Size of the move over the eight hours that follow.
    pub moves: Series,
}

/// Ranges at an hour.
#[derive(Debug, Clone, Copy)]
struct Ranges {
    time: BlockTime,
    new_risk: f64,
    hold: f64,
    history: f64,
    returns: usize,
}

/// Returns what came of playing a history through the thresholds.
///
/// Returns are taken at the spacing of the history if that is above an hour, else hourly; the range held moves hourly. Every
/// price of a history in minutes is taken, for its minute; of bars, the low, the high and the close are each a level.
///
/// # Errors
///
/// [`BacktestError::Thresholds`] if they leave their bounds, which no price leads to.
pub fn replay(history: &History) -> Result<Outcome, BacktestError> {
    let parameters = parameters(history.every);
    let failed = |fault| BacktestError::Thresholds { history: history.name.clone(), fault };
    let mut thresholds = Thresholds::new(&parameters).map_err(failed)?;
    let mut ranges: Vec<Ranges> = Vec::new();
    let mut now = history.steps.first().map_or(BlockTime::ZERO, |step| step.time);
    let last = history.steps.last().map_or(now, |step| step.time);
    let (mut known, mut taken) = (0, 0);
    while now <= last {
        while history.steps.get(known + 1).is_some_and(|step| step.time <= now) {
            known += 1;
        }
        let Some(step) = history.steps.get(known) else { break };
        for step in history.steps.get(taken..known).unwrap_or_default() {
            thresholds.advance(step.price, step.time, &parameters).map_err(failed)?;
        }
        if taken > 0 && taken <= known && history.every > HOUR {
            for (price, before) in [(step.low, 2), (step.high, 1)] {
                let at = BlockTime::from_millis(now.millis() - before);
                thresholds.advance(price, at, &parameters).map_err(failed)?;
            }
        }
        taken = known + 1;
        thresholds.advance(step.price, now, &parameters).map_err(failed)?;
        ranges.push(Ranges {
            time: now,
            new_risk: share(thresholds.new_risk()),
            hold: share(thresholds.hold()),
            history: share(thresholds.behind().history),
            returns: usize::from(thresholds.behind().returns),
        });
        now = BlockTime::from_millis(now.millis() + HOUR_MILLIS);
    }
    Ok(outcome(history, &parameters, &ranges))
}

/// Returns the parameters of the house for a spacing of returns: the same half-life, window and horizon in hours.
fn parameters(every: BlockSpan) -> Parameters {
    let base = Parameters { block_counts_max: every.lesser(HOUR), ..Parameters::default() };
    if every <= HOUR {
        return base;
    }
    let hours = every.millis() / HOUR_MILLIS;
    let kept = i128::from(base.kept_max) / hours;
    // A deviation grows with the square root of time.
    let first = (base.deviation_first.parts() * base.deviation_first.parts() * hours).isqrt();
    Parameters {
        average_over: BlockSpan::from_millis(1),
        observe_every: every,
        kept_max: u16::try_from(kept).unwrap_or(base.kept_max).max(1),
        deviation_first: units::Ppb::from_parts(first),
        ..base
    }
}

fn share(range: Ppm) -> f64 {
    range.parts() as f64 / 1e6
}

/// A move over the horizon, held against the ranges at its start.
struct Trial {
    ranges: Ranges,
    close: f64,
    worst: f64,
}

/// One of the ranges of an hour.
type Range = fn(&Ranges) -> f64;

/// Returns the trials: for spaced histories the next step, for hourly ones the eight hours that follow.
fn trials(history: &History, parameters: &Parameters, ranges: &[Ranges]) -> Vec<Trial> {
    let horizon = parameters.horizon.millis();
    let price = |step: &Step| step.price.micros() as f64;
    let mut found = Vec::new();
    for at in ranges {
        let end = at.time.millis() + horizon;
        let start = history.steps.partition_point(|step| step.time <= at.time);
        let stop = history.steps.partition_point(|step| step.time.millis() <= end);
        let (Some(before), Some(after)) = (
            start.checked_sub(1).and_then(|start| history.steps.get(start)),
            history.steps.get(start..stop).filter(|after| !after.is_empty()),
        ) else {
            continue;
        };
        // Only whole horizons count, and for spaced histories only those that begin at a step.
        let spaced = history.every > HOUR;
        let whole = history.steps.last().is_some_and(|last| last.time.millis() >= end);
        if !whole || (spaced && before.time != at.time) {
            continue;
        }
        let moved = |micros: i128| (micros as f64 / price(before) - 1.0).abs();
        let worst = after
            .iter()
            .map(|step| moved(step.low.micros()).max(moved(step.high.micros())))
            .fold(0.0, f64::max);
        let close = after.last().map_or(0.0, |step| moved(step.price.micros()));
        found.push(Trial { ranges: *at, close, worst });
    }
    found
}

fn outcome(history: &History, parameters: &Parameters, ranges: &[Ranges]) -> Outcome {
    let all = trials(history, parameters, ranges);
    let warm_up = parameters.enough();
    let counted: Vec<&Trial> = all.iter().filter(|trial| trial.ranges.returns >= warm_up).collect();
    // A short history has nothing else to show: its trials are counted from the start, and tested by nothing.
    let enough = !counted.is_empty();
    let counted = if enough { counted } else { all.iter().collect() };
    let overlap = history.every <= HOUR;
    let kinds: [(&'static str, Range); 4] = [
        ("history", |ranges| ranges.history),
        ("new risk", |ranges| ranges.new_risk),
        ("risk held", |ranges| ranges.hold),
        ("static 16 %", |_| STATIC),
    ];
    let measures = kinds.map(|(name, range)| measure(name, range, &counted, enough, overlap));
    let rise = |of: Range| rise(ranges, of);
    let text =
        |step: Option<&Step>| step.map_or_else(String::new, |step| units::utc_text(step.time));
    Outcome {
        name: history.name.clone(),
        source: history.source.to_string(),
        from: text(history.steps.first()),
        to: text(history.steps.last()),
        hours_between_returns: parameters.observe_every.millis() as f64 / HOUR_MILLIS as f64,
        steps: history.steps.len(),
        warm_up,
        cost: cost(ranges, &counted, &measures),
        measures: measures.to_vec(),
        rise_new_risk: rise(|ranges| ranges.new_risk),
        rise_hold: rise(|ranges| ranges.hold),
        largest_move: all.iter().map(|trial| trial.worst).fold(0.0, f64::max),
        drawn: drawn(history, ranges, &all),
    }
}

fn measure(
    range: &'static str,
    of: Range,
    trials: &[&Trial],
    enough: bool,
    overlap: bool,
) -> Measure {
    let mean =
        trials.iter().map(|trial| of(&trial.ranges)).sum::<f64>() / trials.len().max(1) as f64;
    let refused = if overlap {
        Some(format!(
            "{} overlapping windows of a few days are not independent trials",
            trials.len()
        ))
    } else if !enough {
        Some("history ends before the warm-up does".to_string())
    } else if SHARE * (trials.len() as f64) < 1.0 {
        Some(format!("{} trials, of which less than one should exceed the range", trials.len()))
    } else {
        None
    };
    let beyond = |moved: fn(&Trial) -> f64| {
        let excess: Vec<f64> =
            trials.iter().map(|trial| moved(trial) - of(&trial.ranges)).collect();
        Coverage::of(&excess, refused.as_deref())
    };
    Measure {
        range,
        trials: trials.len(),
        close: beyond(|trial| trial.close),
        on_the_way: beyond(|trial| trial.worst),
        power: if refused.is_some() {
            0.0
        } else {
            coverage::power(trials.len(), SHARE, 2.0 * SHARE, 0.05)
        },
        mean,
    }
}

impl Coverage {
    /// Returns that of moves less the range, in their order, where nothing refuses a test.
    fn of(excess: &[f64], refused: Option<&str>) -> Self {
        let exceeded: Vec<bool> = excess.iter().map(|excess| *excess > 0.0).collect();
        let count = exceeded.iter().filter(|exceeded| **exceeded).count();
        let judge = |test: Option<Statistic>, why: &str| match (refused, test) {
            (Some(reason), _) => Tested::TooLittle(reason.to_string()),
            (None, None) => Tested::TooLittle(why.to_string()),
            (None, Some(test)) if test.p_value < 0.05 => Tested::Fails(test),
            (None, Some(test)) => Tested::Passes(test),
        };
        let kupiec = judge(coverage::kupiec(excess.len(), count, SHARE), "no trials");
        let independence =
            judge(coverage::christoffersen(&exceeded), "fewer than two moves exceeded it");
        let expected = SHARE * excess.len() as f64;
        let verdict = match kupiec {
            Tested::TooLittle(_) => Verdict::Unknown,
            Tested::Passes(_) => Verdict::Covers,
            Tested::Fails(_) if (count as f64) < expected => Verdict::CoversMore,
            Tested::Fails(_) => Verdict::FallsShort,
        };
        let worst_excess = excess.iter().copied().fold(0.0, f64::max);
        Self { exceeded: count, kupiec, independence, verdict, worst_excess }
    }
}

/// Returns the fastest rises of a range that is known hourly.
fn rise(ranges: &[Ranges], of: Range) -> Rise {
    let within = |hours: usize| {
        let from = |(index, now): (usize, &Ranges)| {
            let past = &ranges[index.saturating_sub(hours)..=index];
            let least = past.iter().map(of).fold(f64::INFINITY, f64::min);
            of(now) / least - 1.0
        };
        ranges.iter().enumerate().map(from).fold(0.0, f64::max)
    };
    let values = || ranges.iter().map(of);
    let (high, low) = (values().fold(0.0, f64::max), values().fold(f64::INFINITY, f64::min));
    Rise {
        hour: within(1),
        day: within(24),
        peak_to_trough: if high > 0.0 { high / low } else { 0.0 },
    }
}

fn cost(ranges: &[Ranges], trials: &[&Trial], measures: &[Measure]) -> Cost {
    let mean = |of: Range| ranges.iter().map(of).sum::<f64>() / ranges.len().max(1) as f64;
    let mut closes: Vec<f64> = trials.iter().map(|trial| trial.close).collect();
    closes.sort_by(|a, b| b.total_cmp(a));
    let uncovered = measures.iter().find(|measure| measure.range == "new risk");
    let uncovered = uncovered.map_or(0, |measure| measure.close.exceeded);
    Cost {
        new_risk: mean(|ranges| ranges.new_risk),
        hold: mean(|ranges| ranges.hold),
        fixed: STATIC,
        fixed_as_good: closes.get(uncovered).copied().unwrap_or(0.0),
        fixed_at_peak: ranges.iter().map(|ranges| ranges.new_risk).fold(0.0, f64::max),
    }
}

fn drawn(history: &History, ranges: &[Ranges], trials: &[Trial]) -> Drawn {
    let mut drawn = Drawn {
        price: Series::new("price"),
        new_risk: Series::new("range for new risk"),
        hold: Series::new("range for risk held"),
        history: Series::new("range of history"),
        moves: Series::new("largest move of the 8 hours that follow"),
    };
    for step in &history.steps {
        drawn.price.push(step.time, step.price);
    }
    for at in ranges {
        drawn.new_risk.push(at.time, at.new_risk);
        drawn.hold.push(at.time, at.hold);
        drawn.history.push(at.time, at.history);
    }
    for trial in trials {
        drawn.moves.push(trial.ranges.time, trial.worst);
    }
    drawn
}
