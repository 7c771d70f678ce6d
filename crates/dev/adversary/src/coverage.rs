//! What histories have reached: refusals, events, modes. A search that no longer reaches something has gone blind.

use crate::kinds;
use machine::Outcome;
use protocol::{Event, Mode, Receipt, Refusal};
use std::collections::BTreeMap;

/// How often each kind of thing happened.
#[derive(Debug, Clone, Default)]
pub struct Coverage(BTreeMap<String, u64>);

impl Coverage {
    fn note(&mut self, what: String) {
        *self.0.entry(what).or_default() += 1;
    }

    fn refused(&mut self, refusal: &Refusal) {
        self.note(format!("refusal {}", kinds::refusal(refusal)));
    }

    /// Notes the mode that an underlying is in.
    pub(crate) fn mode(&mut self, mode: Mode) {
        self.note(format!("mode {}", kinds::mode(&mode)));
    }

    /// Notes what a block has done.
    pub(crate) fn outcome(&mut self, outcome: &Outcome) {
        for receipt in &outcome.receipts {
            match receipt {
                Receipt::Refused(refusal) => self.refused(refusal),
                Receipt::Quotes(answers) => {
                    answers.iter().filter_map(|answer| answer.as_ref().err()).for_each(|refusal| {
                        self.refused(refusal);
                    });
                }
                _ => self.note("done".into()),
            }
        }
        for event in &outcome.events {
            self.note(format!("event {}", kinds::event(event)));
            match event {
                Event::NotEnacted { refusal, .. } | Event::LiquidationRefused { refusal, .. } => {
                    self.refused(refusal);
                }
                Event::Cancelled { reason, .. } => {
                    self.note(format!("cancelled {}", kinds::reason(reason)));
                }
                _ => {}
            }
        }
    }

    /// Adds what other histories have reached.
    pub fn add(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            *self.0.entry(what.clone()).or_default() += count;
        }
    }

    /// Returns the kinds of things, ascending, and how often each happened.
    pub fn counts(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(what, count)| (what.as_str(), *count))
    }

    /// Returns the kinds that have not been reached, each with the reason for which nobody outside reaches it, if there is one.
    pub fn missing(&self) -> impl Iterator<Item = (String, Option<&'static str>)> {
        let all = kinds::all().filter(|what| !self.0.contains_key(what));
        all.map(|what| {
            let reason = kinds::OUT_OF_REACH.iter().find(|(name, _)| *name == what);
            (what, reason.map(|(_, reason)| *reason))
        })
    }
}
