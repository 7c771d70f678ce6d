//! What histories have reached: refusals, events, modes. A search that no longer reaches something has gone blind.

use machine::Outcome;
use protocol::Receipt;
use std::collections::BTreeMap;

/// How often each kind of thing happened.
#[derive(Debug, Clone, Default)]
pub struct Coverage(BTreeMap<String, u64>);

impl Coverage {
    pub(crate) fn note(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }

    pub(crate) fn outcome(&mut self, outcome: &Outcome) {
        for receipt in &outcome.receipts {
            match receipt {
                Receipt::Refused(refusal) => self.note(format!("refusal {}", name(refusal))),
                Receipt::Quotes(answers) => {
                    for refusal in answers.iter().filter_map(|answer| answer.as_ref().err()) {
                        self.note(format!("refusal {}", name(refusal)));
                    }
                }
                _ => self.note("done"),
            }
        }
        for event in &outcome.events {
            self.note(format!("event {}", name(event)));
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
}

/// Returns the name of a variant as it is written.
fn name(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    let end = text.find([' ', '(', '{']).unwrap_or(text.len());
    text[..end].to_owned()
}
