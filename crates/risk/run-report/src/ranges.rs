//! What margin rests on, as it changes: scan ranges, modes, governed values.

use governance::Definition;
use machine::{Outcome, State};
use protocol::{Change, Event, InstrumentId, Mode, UnderlyingId};
use report::Series;
use std::collections::BTreeMap;
use units::{BlockTime, Ppm};

/// A change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Changed {
    pub(super) time: BlockTime,
    pub(super) height: i128,
    pub(super) what: String,
    pub(super) from: String,
    pub(super) to: String,
    /// How large it is: the greater over the lesser, in parts per million. Governed values come before all.
    pub(super) size: i128,
}

impl Changed {
    /// Returns the change in words.
    pub(super) fn text(&self) -> String {
        match self.from.is_empty() {
            true => format!("{} {}", self.what, self.to),
            false => format!("{} {} → {}", self.what, self.from, self.to),
        }
    }
}

/// From which size on the change of a range in one block is told: a tenth.
const TOLD: i128 = 1_100_000;
/// From which size on it is marked on charts: a quarter.
pub(super) const MARKED: i128 = 1_250_000;
/// The size of what somebody has decided.
pub(super) const DECIDED: i128 = i128::MAX;

/// The ranges of one underlying.
#[derive(Debug)]
struct Watched {
    new_risk: Series,
    hold: Series,
    last: Option<(Ppm, Ppm)>,
    mode: Mode,
}

/// What has been seen.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    watched: BTreeMap<UnderlyingId, Watched>,
    pub(super) changes: Vec<Changed>,
    /// The governed values after the block before.
    parameters: Option<governance::Parameters>,
}

impl Ranges {
    /// Takes in a block that has been applied.
    pub(super) fn take(
        &mut self,
        state: &State,
        outcome: &Outcome,
        name: &dyn Fn(InstrumentId) -> String,
    ) {
        for event in &outcome.events {
            if let Event::Enacted { change, .. } = event {
                self.enacted(state, change, name);
            }
        }
        let enacted = |event: &Event| matches!(event, Event::Enacted { .. });
        if self.parameters.is_none() || outcome.events.iter().any(enacted) {
            self.parameters = Some(state.parameters.clone());
        }
        for (id, held) in &state.underlyings {
            let listed = state.markets.values().any(|market| market.instrument.underlying == *id);
            if !listed && !self.watched.contains_key(id) {
                continue;
            }
            let called = |what: &str| Series::new(format!("{}, {what}", held.name));
            let watched = self.watched.entry(*id).or_insert_with(|| Watched {
                new_risk: called("new risk"),
                hold: called("risk held").pace(report::Pace::Dashed),
                last: None,
                mode: held.mode,
            });
            let now = (held.thresholds.new_risk(), held.thresholds.hold());
            let mut told = |what: &str, from: String, to: String, size: i128| {
                let (time, height) = (state.time, state.height.blocks());
                let what = format!("{}: {what}", held.name);
                self.changes.push(Changed { time, height, what, from, to, size });
            };
            if let Some(last) = watched.last {
                for (what, from, to) in
                    [("range for new risk", last.0, now.0), ("range for risk held", last.1, now.1)]
                {
                    let size = ratio(from, to);
                    if size >= TOLD {
                        told(what, percent(from), percent(to), size);
                    }
                }
            }
            if watched.last.is_none_or(|last| last != now) {
                watched.new_risk.push(state.time, now.0);
                watched.hold.push(state.time, now.1);
            }
            watched.last = Some(now);
            // Doubt widens the range for new risk by a quarter: 0019-MARG-002.
            let (was, is) = (watched.mode > Mode::Normal, held.mode > Mode::Normal);
            if was != is && state.height.blocks() > 1 {
                let words = |doubt: bool| if doubt { "in doubt" } else { "beyond doubt" };
                let (from, to) = (words(was).to_string(), words(is).to_string());
                told("range for new risk wider by a quarter while the index is", from, to, TOLD);
            }
            watched.mode = held.mode;
        }
    }

    fn enacted(&mut self, state: &State, change: &Change, name: &dyn Fn(InstrumentId) -> String) {
        let (mut from, mut to) = (String::new(), "by governance".to_string());
        let what = match change {
            Change::SetParameter { parameter, underlying, value } => {
                let place = underlying.and_then(|id| state.underlyings.get(&id));
                let place = place.map_or(String::new(), |held| format!("{}: ", held.name));
                let was = self.parameters.as_ref().map(|held| held.get(*underlying, *parameter));
                let definition = Definition::of(*parameter);
                let text = |value: i64| {
                    definition.map_or_else(|| value.to_string(), |held| held.text(value))
                };
                from = was.map_or(from, text);
                to = format!("{} by governance", text(*value));
                format!("{place}{}", definition.map_or("unknown", |held| held.name))
            }
            Change::DrillInstrument(id) => format!("drill in {}", name(*id)),
            Change::ResumeInstrument(id) => format!("{} resumed", name(*id)),
            Change::PauseInstrument(id) => format!("{} paused", name(*id)),
            Change::EndPause(id) => format!("pause of {} ended", name(*id)),
            Change::ListInstrument(instrument) => format!("{} listed", name(instrument.id)),
            Change::ResumeHouse => "house resumed".into(),
            Change::SettleAt { underlying, .. } => {
                format!("settlement of underlying {underlying} given a price")
            }
            Change::ReleaseValidator(id) => format!("validator {id} released"),
            Change::SeatValidator { seat, .. } => {
                format!("validator {} given a seat", seat.validator)
            }
            Change::UnseatValidator(id) => format!("validator {id} unseated"),
            Change::SetCustodians { .. } => "custodians changed".into(),
            Change::ChangeSigners { .. } => "signers changed".into(),
        };
        let (time, height) = (state.time, state.height.blocks());
        self.changes.push(Changed { time, height, what, from, to, size: DECIDED });
    }

    /// Returns the ranges as series up to a time.
    pub(super) fn series(&self, until: BlockTime) -> Vec<Series> {
        let mut series = Vec::new();
        for watched in self.watched.values() {
            for (one, value) in [(&watched.new_risk, 0), (&watched.hold, 1)] {
                let mut one = one.clone();
                if let Some((new_risk, hold)) = watched.last {
                    one.push(until, if value == 0 { new_risk } else { hold });
                }
                series.push(one);
            }
        }
        series
    }
}

fn ratio(from: Ppm, to: Ppm) -> i128 {
    let (low, high) = (from.parts().min(to.parts()), from.parts().max(to.parts()));
    high * 1_000_000 / low.max(1)
}

fn percent(range: Ppm) -> String {
    format!("{} %", Ppm::from_parts(range.parts() * 100))
}
