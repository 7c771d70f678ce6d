//! One run of the code under proof: what is assumed, what was decided, what was seen.

use crate::{Exact, Fault};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};
use z3::ast::{Ast, Bool, Int};
use z3::{Model, Params, SatResult, Solver};

/// What the prover may spend on a branch, in its own units, so that an answer does not depend on how busy the machine
/// is: a million or two are a second. If it gives up, both sides are explored, which is sound.
const BRANCH_LIMIT: u32 = 2_000_000;
/// What the prover may spend on a claim. If it gives up, the claim fails.
const CLAIM_LIMIT: u32 = 60_000_000;
/// What the prover may spend on an example with one input fixed.
const GUESS_LIMIT: u32 = 1_000_000;

/// What a proof cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct Statistics {
    /// Runs that ended.
    pub paths: u32,
    /// Runs given up because their assumptions exclude each other.
    pub abandoned: u32,
    /// Claims checked, over all paths.
    pub checks: u32,
    /// Questions put to the prover.
    pub calls: u32,
    /// Questions it did not answer; of branches only, since an unanswered claim fails.
    pub unknown: u32,
    /// Paths whose example was run on the shipped code.
    pub replayed: u32,
    /// The longest question.
    pub longest: Duration,
}

/// A branch taken, and whether the other side is still to be explored.
#[derive(Debug)]
pub(crate) struct Decision {
    pub(crate) taken: bool,
    pub(crate) other_pending: bool,
}

/// The state of one run.
#[derive(Debug, Default)]
pub(crate) struct Path {
    facts: Vec<Bool>,
    nodes: Vec<Int>,
    /// Where a term is among the nodes: equal terms are one node.
    places: HashMap<Int, usize>,
    /// Results of operations described by a contract, by their operands: the same operands, the same result.
    results: HashMap<Vec<Exact>, Exact>,
    pub(crate) inputs: Vec<(String, Int)>,
    pub(crate) observations: Vec<(String, Int)>,
    pub(crate) covers: Vec<String>,
    pub(crate) decisions: Vec<Decision>,
    pub(crate) position: usize,
    names_used: u32,
    /// Words already split: which node, at which place, into which nodes.
    splits: Vec<((usize, u32), usize)>,
    /// For a node that is another's upper part: which, and how many places up.
    upper_parts: Vec<(usize, (usize, u32))>,
    /// Divisions already made: dividend and divisor, quotient and remainder.
    divisions: Vec<((usize, usize), (usize, usize))>,
    /// An example that satisfies every fact, if one is at hand: it answers many questions without a call.
    example: Option<Rc<Model>>,
    pub(crate) statistics: Statistics,
    pub(crate) fault: Option<Fault>,
}

/// Why a run ends early; thrown through the code under proof, which cannot catch it.
#[derive(Debug)]
pub(crate) enum Thrown {
    /// No input reaches this point.
    Infeasible,
    /// A claim is false; the example shows it.
    False { claim: String },
    /// A claim could not be proved.
    Unknown { claim: String },
}

thread_local! {
    static PATH: RefCell<Option<Path>> = const { RefCell::new(None) };
}

/// Runs something on the path now explored.
///
/// # Panics
///
/// If no path is explored on this thread.
pub(crate) fn with<R>(run: impl FnOnce(&mut Path) -> R) -> R {
    PATH.with(|path| run(path.borrow_mut().as_mut().expect("a proof runs on this thread")))
}

/// Makes a path the one now explored.
pub(crate) fn enter(path: Path) {
    PATH.with(|slot| *slot.borrow_mut() = Some(path));
}

/// Takes the path back.
///
/// # Panics
///
/// If there is none.
pub(crate) fn leave() -> Path {
    PATH.with(|slot| slot.borrow_mut().take().expect("a proof runs on this thread"))
}

/// Ends the run.
pub(crate) fn throw(thrown: Thrown) -> ! {
    std::panic::resume_unwind(Box::new(thrown))
}

impl Path {
    /// Starts a run that takes the branches decided before.
    pub(crate) fn start(
        decisions: Vec<Decision>,
        statistics: Statistics,
        fault: Option<Fault>,
    ) -> Self {
        Self { decisions, statistics, fault, ..Self::default() }
    }

    pub(crate) fn node(&self, index: usize) -> Int {
        self.nodes[index].clone()
    }

    pub(crate) fn add_node(&mut self, term: Int) -> usize {
        if let Some(place) = self.places.get(&term) {
            return *place;
        }
        self.nodes.push(term.clone());
        self.places.insert(term, self.nodes.len() - 1);
        self.nodes.len() - 1
    }

    /// Returns a new unknown, its name made unique.
    pub(crate) fn fresh(&mut self, prefix: &str) -> Int {
        self.names_used += 1;
        Int::new_const(format!("{prefix}!{}", self.names_used))
    }

    /// Adds a fact; keeps the example if it satisfies it.
    pub(crate) fn learn(&mut self, fact: Bool) {
        if self.holds_in_example(&fact) != Some(true) {
            self.example = None;
        }
        self.facts.push(fact);
    }

    pub(crate) fn result(&self, operands: &[Exact]) -> Option<Exact> {
        self.results.get(operands).copied()
    }

    pub(crate) fn add_result(&mut self, operands: Vec<Exact>, result: Exact) {
        self.results.insert(operands, result);
    }

    /// Returns the node of `node` shifted down, a new one the first time; shifts of shifts add up.
    pub(crate) fn upper_part(&mut self, node: usize, places: u32) -> usize {
        let whole = self.upper_parts.iter().find(|(part, _)| *part == node);
        let (node, places) = whole.map_or((node, places), |(_, (whole, up))| (*whole, up + places));
        if let Some((_, part)) = self.splits.iter().find(|(key, _)| *key == (node, places)) {
            return *part;
        }
        let (term, power) = (self.node(node), power_of_two(places));
        let upper = self.fresh("upper");
        let rest = &term - &upper * &power;
        self.learn(rest.ge(Int::from_i64(0)));
        self.learn(rest.lt(&power));
        let part = self.add_node(upper);
        self.splits.push(((node, places), part));
        self.upper_parts.push((part, (node, places)));
        part
    }

    /// Returns the nodes of quotient and remainder by a positive divisor, new ones the first time.
    pub(crate) fn division(&mut self, dividend: usize, divisor: usize) -> (usize, usize) {
        let key = (dividend, divisor);
        if let Some((_, nodes)) = self.divisions.iter().find(|(known, _)| *known == key) {
            return *nodes;
        }
        let (n, d) = (self.node(dividend), self.node(divisor));
        let (quotient, remainder) = (self.fresh("quotient"), self.fresh("remainder"));
        self.learn((&quotient * &d + &remainder).eq(&n));
        self.learn(remainder.ge(Int::from_i64(0)));
        self.learn(remainder.lt(&d));
        let nodes = (self.add_node(quotient), self.add_node(remainder));
        self.divisions.push((key, nodes));
        nodes
    }

    fn holds_in_example(&self, claim: &Bool) -> Option<bool> {
        self.example.as_ref()?.eval(claim, true)?.as_bool()
    }

    /// Asks whether the facts and one more thing can hold together; an example is returned if they can.
    fn ask(&mut self, extra: Option<&Bool>, limit: u32) -> (SatResult, Option<Rc<Model>>) {
        let facts: Vec<Bool> = self.facts.iter().chain(extra).cloned().collect();
        self.ask_of(&facts, limit)
    }

    fn ask_of(&mut self, facts: &[Bool], limit: u32) -> (SatResult, Option<Rc<Model>>) {
        let solver = Solver::new();
        let mut params = Params::new();
        params.set_u32("rlimit", limit);
        solver.set_params(&params);
        for fact in facts {
            solver.assert(fact);
        }
        let started = Instant::now();
        let answer = solver.check();
        let statistics = &mut self.statistics;
        statistics.calls += 1;
        statistics.unknown += u32::from(answer == SatResult::Unknown);
        statistics.longest = statistics.longest.max(started.elapsed());
        let example = if answer == SatResult::Sat { solver.get_model().map(Rc::new) } else { None };
        (answer, example)
    }

    /// Takes a side of a branch: the remembered one, or the first that is possible.
    pub(crate) fn branch(&mut self, claim: &Bool) -> bool {
        if let Some(decision) = self.decisions.get(self.position) {
            let taken = decision.taken;
            self.position += 1;
            self.learn(if taken { claim.clone() } else { claim.not() });
            return taken;
        }
        let negated = claim.not();
        let known = self.holds_in_example(claim);
        let mut examples = [None, None];
        let mut possible = |path: &mut Self, side: &Bool, index: usize, shown: bool| {
            if shown {
                examples[index].clone_from(&path.example);
                return true;
            }
            let (answer, example) = path.ask(Some(side), BRANCH_LIMIT);
            examples[index] = example;
            answer != SatResult::Unsat
        };
        let can_hold = possible(self, claim, 0, known == Some(true));
        let can_fail = !can_hold || possible(self, &negated, 1, known == Some(false));
        let [when_true, when_false] = examples;
        self.decisions.push(Decision { taken: can_hold, other_pending: can_hold && can_fail });
        self.position += 1;
        self.facts.push(if can_hold { claim.clone() } else { negated });
        self.example = if can_hold { when_true } else { when_false.or(self.example.take()) };
        can_hold
    }

    /// Counts a claim that holds by itself.
    pub(crate) const fn count_check(&mut self) -> Result<(), Thrown> {
        self.statistics.checks += 1;
        Ok(())
    }

    /// Proves a claim from the facts, or says why not.
    pub(crate) fn establish(&mut self, claim: &Bool, what: &str) -> Result<(), Thrown> {
        self.statistics.checks += 1;
        if claim.as_bool() == Some(true) || self.facts.contains(claim) {
            return Ok(());
        }
        let negated = claim.not();
        if self.holds_in_example(&negated) == Some(true) {
            return Err(Thrown::False { claim: what.to_owned() });
        }
        match self.ask(Some(&negated), CLAIM_LIMIT) {
            (SatResult::Unsat, _) => Ok(()),
            (SatResult::Sat, example) => {
                self.example = example;
                Err(Thrown::False { claim: what.to_owned() })
            }
            (SatResult::Unknown, _) => Err(Thrown::Unknown { claim: what.to_owned() }),
        }
    }

    /// Proves a claim from some facts only and keeps it: fewer facts are fewer ways for the prover to get lost.
    pub(crate) fn derive(&mut self, from: &[Bool], claim: &Bool, what: &str) -> Result<(), Thrown> {
        self.statistics.checks += 1;
        for fact in from {
            let known = fact.simplify().as_bool() == Some(true) || self.facts.contains(fact);
            if !known {
                self.establish(fact, what)?;
                self.learn(fact.clone());
            }
        }
        let mut facts = from.to_vec();
        facts.push(claim.not());
        match self.ask_of(&facts, CLAIM_LIMIT) {
            (SatResult::Unsat, _) => {
                self.learn(claim.clone());
                Ok(())
            }
            // An example of some facts need not be one of all: the claim may still hold.
            (SatResult::Sat | SatResult::Unknown, _) => {
                self.establish(claim, what)?;
                self.learn(claim.clone());
                Ok(())
            }
        }
    }

    /// Returns an example of the whole path; `Ok(None)` if no input takes it.
    pub(crate) fn example(&mut self) -> Result<Option<Rc<Model>>, Thrown> {
        if self.example.is_none() {
            self.example = match self.ask(None, BRANCH_LIMIT) {
                (SatResult::Unknown, _) => self.guess_example(),
                (_, found) => found,
            };
        }
        if self.example.is_none() {
            let (answer, example) = self.ask(None, CLAIM_LIMIT);
            if answer == SatResult::Unknown {
                return Err(Thrown::Unknown { claim: "an example of the path".to_owned() });
            }
            self.example = example;
        }
        Ok(self.example.clone())
    }

    /// Looks for an example with one input fixed: a product with a number is easier than one of two unknowns.
    fn guess_example(&mut self) -> Option<Rc<Model>> {
        let inputs: Vec<Int> = self.inputs.iter().map(|(_, term)| term.clone()).collect();
        let numbers = [i128::MAX, i128::MIN, 1, -1, 2, 3].map(Int::from_i128);
        let guesses = inputs.iter().flat_map(|input| numbers.iter().map(|n| input.eq(n)));
        for guess in guesses.collect::<Vec<_>>() {
            if let (SatResult::Sat, example) = self.ask(Some(&guess), GUESS_LIMIT) {
                return example;
            }
        }
        None
    }
}

/// Returns the term two to a power.
pub(crate) fn power_of_two(exponent: u32) -> Int {
    (0..exponent).fold(Int::from_i64(1), |power, _| (power * Int::from_i64(2)).simplify())
}
