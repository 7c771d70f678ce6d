//! A run of one target over damaged inputs from a seed.

use crate::mutate::damaged;
use crate::random::Random;
use crate::{Answer, Target};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// Accepted inputs that are kept to be damaged further.
const KEPT: usize = 512;
/// Inputs may grow to this, or to twice the longest seed.
const BYTES_MIN: usize = 512;

/// What came of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Inputs that were values.
    pub accepted: u64,
    /// Inputs that were not.
    pub refused: u64,
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What was given.
    pub input: Vec<u8>,
    /// What the panic said.
    pub message: String,
}

/// Gives a target its seeds and then damaged ones, until there were `inputs` or `until` has passed. The same seed means
/// the same inputs.
///
/// # Errors
///
/// [`Failure`] holds the first input with which the target panicked.
pub fn run(
    target: &Target,
    seed: u64,
    inputs: u64,
    until: Option<Instant>,
) -> Result<Report, Failure> {
    let mut random = Random::named(&format!("{} {seed}", target.name));
    let seeds = (target.seeds)();
    let longest = seeds.iter().map(Vec::len).max().unwrap_or(0).saturating_mul(2).max(BYTES_MIN);
    let mut report = Report { accepted: 0, refused: 0 };
    let mut pool = seeds.clone();
    let mut untouched = seeds.iter();
    for number in 0..inputs {
        if number % 64 == 0 && until.is_some_and(|until| Instant::now() >= until) {
            break;
        }
        let input = untouched
            .next()
            .cloned()
            .unwrap_or_else(|| damaged(&mut random, &pool, seeds.len(), longest));
        match ask(target, &input)? {
            Answer::Refused => report.refused += 1,
            Answer::Accepted => {
                report.accepted += 1;
                // Damage that was accepted leads to places that the seeds do not reach.
                if pool.len() < seeds.len() + KEPT {
                    pool.push(input);
                } else if random.below(8) == 0 {
                    pool[seeds.len() + random.below(KEPT)] = input;
                }
            }
        }
    }
    Ok(report)
}

/// Gives a target one input.
///
/// # Errors
///
/// [`Failure`] if it panics.
pub fn ask(target: &Target, input: &[u8]) -> Result<Answer, Failure> {
    catch_unwind(AssertUnwindSafe(|| (target.run)(input)))
        .map_err(|panic| Failure { input: input.to_vec(), message: said(&*panic) })
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}
