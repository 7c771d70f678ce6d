//! What a harness talks to while its inputs are symbols.

use crate::path::{self, Thrown};
use crate::{Claim, Exact, decide, derive, require};

/// The prover of one run.
#[derive(Debug)]
pub struct Prover(());

impl Prover {
    pub(crate) const fn new() -> Self {
        Self(())
    }

    /// Returns any integer from `lowest` to `highest`. A name is used once in a harness.
    pub fn any(&mut self, name: &str, lowest: i128, highest: i128) -> Exact {
        self.any_between(name, Exact::new(lowest), Exact::new(highest))
    }

    /// As [`Prover::any`], between bounds that need not fit in 128 bits.
    ///
    /// # Panics
    ///
    /// If the name is used twice.
    pub fn any_between(&mut self, name: &str, lowest: Exact, highest: Exact) -> Exact {
        let value = Exact::unknown(name);
        let term = value.term();
        path::with(|path| {
            assert!(path.inputs.iter().all(|(known, _)| known != name), "two inputs named {name}");
            path.inputs.push((name.to_owned(), term));
        });
        crate::postulate(&value.within(lowest, highest));
        value
    }

    /// Goes on only where the claim holds.
    pub fn assume(&mut self, claim: &Claim) {
        // The side where it fails is explored and given up at once, which also shows whether any input is left.
        if !decide(claim) {
            path::throw(Thrown::Infeasible);
        }
    }

    /// Returns whether the claim holds, on two paths if need be.
    #[must_use]
    pub fn decide(&mut self, claim: &Claim) -> bool {
        decide(claim)
    }

    /// Proves that the claim holds on this path.
    pub fn check(&mut self, claim: &Claim, what: &str) {
        require(claim, what);
    }

    /// Proves a claim and keeps it as a fact for what follows.
    pub fn lemma(&mut self, claim: &Claim, what: &str) {
        self.check(claim, what);
        path::with(|path| path.learn(claim.formula()));
    }

    /// Proves a claim from a few others and keeps it: as [`crate::derive`].
    pub fn lemma_from(&mut self, from: &[&Claim], claim: &Claim, what: &str) {
        derive(from, claim, what);
    }

    /// Proves that no input comes here.
    pub fn never(&mut self, what: &str) {
        self.check(&Claim::constant(false), what);
        path::throw(Thrown::Infeasible);
    }

    /// Notes that a path came here.
    pub fn cover(&mut self, label: &str) {
        path::with(|path| path.covers.push(label.to_owned()));
    }

    /// Notes a number to compare with what the shipped code computes.
    pub fn observe(&mut self, name: &str, value: Exact) {
        let term = value.term();
        path::with(|path| path.observations.push((name.to_owned(), term)));
    }
}
