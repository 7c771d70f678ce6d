//! Exploring every path of a harness, and replaying each on the shipped code.

use crate::path::{self, Decision, Path, Statistics, Thrown};
use crate::{Fault, Prover, concrete};
use num_bigint::BigInt;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use z3::Model;
use z3::ast::Int;

/// A property, over inputs that `P` supplies.
#[derive(Debug)]
pub struct Harness<P> {
    /// What is proved, as a claim.
    pub name: &'static str,
    /// The labels that its paths must reach, all of them and no others.
    pub covers: &'static [&'static str],
    /// A wrong operation with which the proof must fail.
    pub canary: Fault,
    /// The property.
    pub run: fn(&mut P),
}

/// How a proof ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds for every input, and every path was replayed.
    Proved,
    /// It does not hold for these inputs.
    Counterexample {
        /// What does not hold.
        claim: String,
        /// The inputs.
        inputs: BTreeMap<String, BigInt>,
    },
    /// The prover did not answer in time.
    Unknown {
        /// What it was asked.
        claim: String,
    },
    /// The labels reached are not those expected.
    Vacuous {
        /// Expected and not reached.
        missing: Vec<String>,
        /// Reached and not expected.
        surplus: Vec<String>,
    },
    /// The shipped code does something else than the proof with the same inputs.
    Diverged {
        /// What differs.
        difference: String,
        /// The inputs.
        inputs: BTreeMap<String, BigInt>,
    },
    /// The code under proof panicked.
    Panicked,
}

/// A proof and what it cost.
#[derive(Debug)]
pub struct Report {
    /// How it ended.
    pub verdict: Verdict,
    /// What it cost.
    pub statistics: Statistics,
    /// How long it took.
    pub elapsed: Duration,
}

/// What one run of the harness came to.
struct Example {
    inputs: BTreeMap<String, BigInt>,
    observations: Vec<(String, BigInt)>,
    covers: Vec<String>,
}

/// Explores every path of a harness, with a fault planted if told, and replays each path that ends.
#[must_use]
pub fn prove(
    symbolic: &Harness<Prover>,
    shipped: fn(&mut concrete::Prover),
    fault: Option<Fault>,
) -> Report {
    let started = Instant::now();
    let mut statistics = Statistics::default();
    let mut decisions: Vec<Decision> = Vec::new();
    let mut reached: BTreeSet<String> = BTreeSet::new();
    let verdict = loop {
        path::enter(Path::start(decisions, statistics, fault));
        let ended = catch_unwind(AssertUnwindSafe(|| (symbolic.run)(&mut Prover::new())));
        let ended = match ended {
            Ok(()) => finish(),
            Err(thrown) => {
                thrown.downcast::<Thrown>().map_or(Err(Verdict::Panicked), |t| judge(*t))
            }
        };
        let mut path = path::leave();
        let replayed = match ended {
            Ok(Some(example)) => {
                path.statistics.replayed += 1;
                reached.extend(example.covers.iter().cloned());
                replay(&example, shipped)
            }
            Ok(None) => Ok(()),
            Err(verdict) => Err(verdict),
        };
        statistics = path.statistics;
        if let Err(verdict) = replayed {
            break verdict;
        }
        path.decisions.truncate(path.position);
        while path.decisions.pop_if(|decision| !decision.other_pending).is_some() {}
        let Some(last) = path.decisions.last_mut() else {
            break vacuous(&reached, symbolic.covers);
        };
        *last = Decision { taken: !last.taken, other_pending: false };
        decisions = path.decisions;
    };
    Report { verdict, statistics, elapsed: started.elapsed() }
}

/// Ends a run that came to its end: finds an example of the path.
fn finish() -> Result<Option<Example>, Verdict> {
    path::with(|path| {
        let (inputs, observed) = (path.inputs.clone(), path.observations.clone());
        let covers = path.covers.clone();
        let found = match path.example() {
            Ok(Some(model)) => Some(Example {
                inputs: evaluate(&model, &inputs).into_iter().collect(),
                observations: evaluate(&model, &observed),
                covers,
            }),
            Ok(None) => None,
            Err(thrown) => return Err(unproved(&thrown)),
        };
        match found {
            Some(_) => path.statistics.paths += 1,
            None => path.statistics.abandoned += 1,
        }
        Ok(found)
    })
}

/// Turns what ended a run early into a verdict; giving up an impossible path is none.
fn judge(thrown: Thrown) -> Result<Option<Example>, Verdict> {
    match thrown {
        Thrown::Infeasible => {
            path::with(|path| path.statistics.abandoned += 1);
            Ok(None)
        }
        Thrown::False { claim } => path::with(|path| {
            let inputs = path.inputs.clone();
            match path.example() {
                Ok(Some(model)) => {
                    let inputs = evaluate(&model, &inputs).into_iter().collect();
                    Err(Verdict::Counterexample { claim, inputs })
                }
                Ok(None) => Err(Verdict::Unknown { claim }),
                Err(thrown) => Err(unproved(&thrown)),
            }
        }),
        Thrown::Unknown { .. } => Err(unproved(&thrown)),
    }
}

fn unproved(thrown: &Thrown) -> Verdict {
    let claim = match thrown {
        Thrown::Unknown { claim } | Thrown::False { claim } => claim.clone(),
        Thrown::Infeasible => String::new(),
    };
    Verdict::Unknown { claim }
}

fn evaluate(model: &Model, terms: &[(String, Int)]) -> Vec<(String, BigInt)> {
    let value = |term: &Int| model.eval(term, true).as_ref().map(read).unwrap_or_default();
    terms.iter().map(|(name, term)| (name.clone(), value(term))).collect()
}

/// Reads a numeral of the prover, which writes −5 as `(- 5)`.
fn read(numeral: &Int) -> BigInt {
    let text = numeral.to_string().replace(['(', ')', ' '], "");
    text.parse().unwrap_or_default()
}

/// Runs an example on the shipped code and compares.
fn replay(example: &Example, shipped: fn(&mut concrete::Prover)) -> Result<(), Verdict> {
    let mut prover = concrete::Prover::new(example.inputs.clone());
    let ended = catch_unwind(AssertUnwindSafe(|| shipped(&mut prover)));
    let difference = if ended.is_err() {
        "the shipped code panicked".to_owned()
    } else if let Some(claim) = &prover.failed {
        format!("the shipped code breaks: {claim}")
    } else if prover.covers != example.covers {
        format!("labels {:?}, shipped {:?}", example.covers, prover.covers)
    } else if prover.observations != example.observations {
        format!("numbers {:?}, shipped {:?}", example.observations, prover.observations)
    } else {
        return Ok(());
    };
    Err(Verdict::Diverged { difference, inputs: example.inputs.clone() })
}

fn vacuous(reached: &BTreeSet<String>, expected: &[&str]) -> Verdict {
    let expected: BTreeSet<String> = expected.iter().map(|&label| label.to_owned()).collect();
    let missing: Vec<String> = expected.difference(reached).cloned().collect();
    let surplus: Vec<String> = reached.difference(&expected).cloned().collect();
    if missing.is_empty() && surplus.is_empty() {
        Verdict::Proved
    } else {
        Verdict::Vacuous { missing, surplus }
    }
}
