//! Unbounded integers and claims about them.

use crate::path::{self, Thrown};
use std::ops::{Add, Mul, Neg, Sub};
use z3::ast::{Ast, Bool, Int};

/// An integer without bounds: a constant, or a term of the prover that lives as long as the run that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exact {
    /// A number.
    Constant(i128),
    /// A term, by its place in the run.
    Term(usize),
}

/// A statement about integers.
#[derive(Debug, Clone)]
pub struct Claim(Bool);

/// Returns whether a claim holds on this path; where both are possible, the run is repeated for the other.
#[must_use]
pub fn decide(claim: &Claim) -> bool {
    let simple = claim.0.simplify();
    simple.as_bool().unwrap_or_else(|| path::with(|path| path.branch(&simple)))
}

/// Takes a claim as a fact without proof: for the contract of an operation that is proved elsewhere.
pub fn postulate(claim: &Claim) {
    path::with(|path| path.learn(claim.0.clone()));
}

/// Proves a claim on this path or ends the run: for the preconditions of an operation.
pub fn require(claim: &Claim, what: &str) {
    if let Err(thrown) = claim.establish(what) {
        path::throw(thrown);
    }
}

/// Proves a claim from some facts of this path only, and keeps it as a fact.
///
/// A fact of `from` that is not known yet is proved first. A claim that does not follow from those alone is tried with
/// all that is known.
pub fn derive(from: &[&Claim], claim: &Claim, what: &str) {
    let facts: Vec<Bool> = from.iter().map(|fact| fact.0.clone()).collect();
    if let Err(thrown) = path::with(|path| path.derive(&facts, &claim.0, what)) {
        path::throw(thrown);
    }
}

/// Returns the result of an operation on these operands: one already described on this path, or what `describe` makes.
///
/// For operations that stand for a function, so that calling one twice is one unknown and not two.
pub fn same_result(operands: &[Exact], describe: impl FnOnce() -> Exact) -> Exact {
    path::with(|path| path.result(operands)).unwrap_or_else(|| {
        let result = describe();
        path::with(|path| path.add_result(operands.to_vec(), result));
        result
    })
}

impl Exact {
    /// Returns the number.
    #[must_use]
    pub const fn new(value: i128) -> Self {
        Self::Constant(value)
    }

    /// Returns the number of an unsigned word.
    #[must_use]
    pub fn from_word(value: u128) -> Self {
        Self::of(&Int::from_u128(value))
    }

    /// Returns the number two to a power.
    #[must_use]
    pub fn power_of_two(exponent: u32) -> Self {
        Self::of(&path::power_of_two(exponent))
    }

    /// Returns a new unknown integer, to be described by [`postulate`].
    #[must_use]
    pub fn unknown(prefix: &str) -> Self {
        path::with(|path| {
            let term = path.fresh(prefix);
            Self::Term(path.add_node(term))
        })
    }

    pub(crate) fn term(self) -> Int {
        match self {
            Self::Constant(value) => Int::from_i128(value),
            Self::Term(index) => path::with(|path| path.node(index)),
        }
    }

    pub(crate) fn of(term: &Int) -> Self {
        let simple = term.simplify();
        match simple.as_i128() {
            Some(value) => Self::Constant(value),
            None => Self::Term(path::with(|path| path.add_node(simple))),
        }
    }

    /// Claims `self = other`.
    #[must_use]
    pub fn equals(self, other: Self) -> Claim {
        Claim(self.term().eq(other.term()))
    }

    /// Claims `self < other`.
    #[must_use]
    pub fn below(self, other: Self) -> Claim {
        Claim(self.term().lt(other.term()))
    }

    /// Claims `self ≤ other`.
    #[must_use]
    pub fn at_most(self, other: Self) -> Claim {
        Claim(self.term().le(other.term()))
    }

    /// Claims `lowest ≤ self ≤ highest`.
    #[must_use]
    pub fn within(self, lowest: Self, highest: Self) -> Claim {
        lowest.at_most(self).and(self.at_most(highest))
    }

    /// Returns the smaller of two.
    #[must_use]
    pub fn lesser(self, other: Self) -> Self {
        Self::choose(&self.below(other), self, other)
    }

    /// Returns the greater of two.
    #[must_use]
    pub fn greater(self, other: Self) -> Self {
        Self::choose(&other.below(self), self, other)
    }

    /// Returns the absolute value.
    #[must_use]
    pub fn magnitude(self) -> Self {
        self.greater(-self)
    }

    /// Returns `yes` where the claim holds and `no` elsewhere.
    #[must_use]
    pub fn choose(claim: &Claim, yes: Self, no: Self) -> Self {
        Self::of(&claim.0.ite(&yes.term(), &no.term()))
    }

    /// Returns `self` divided by two to the power of `places`, rounded to −∞.
    #[must_use]
    pub fn shifted_down(self, places: u32) -> Self {
        let node = self.node();
        Self::Term(path::with(|path| path.upper_part(node, places)))
    }

    /// Returns what [`Exact::shifted_down`] leaves: from zero to below two to the power of `places`.
    #[must_use]
    pub fn low_bits(self, places: u32) -> Self {
        self - self.shifted_down(places) * Self::power_of_two(places)
    }

    /// Returns quotient and remainder by a positive divisor: the remainder is from zero to below the divisor.
    #[must_use]
    pub fn divided(self, divisor: Self) -> (Self, Self) {
        let nodes = (self.node(), divisor.node());
        let (quotient, remainder) = path::with(|path| path.division(nodes.0, nodes.1));
        (Self::Term(quotient), Self::Term(remainder))
    }

    /// Returns the place of the term in the run.
    fn node(self) -> usize {
        match self {
            Self::Term(node) => node,
            Self::Constant(_) => {
                let term = self.term();
                path::with(|path| path.add_node(term))
            }
        }
    }
}

impl Add for Exact {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::of(&(self.term() + other.term()))
    }
}

impl Sub for Exact {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::of(&(self.term() - other.term()))
    }
}

impl Mul for Exact {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self::of(&(self.term() * other.term()))
    }
}

impl Neg for Exact {
    type Output = Self;
    fn neg(self) -> Self {
        Self::new(0) - self
    }
}

impl Claim {
    /// Returns a claim that holds or not whatever the inputs.
    #[must_use]
    pub fn constant(holds: bool) -> Self {
        Self(Bool::from_bool(holds))
    }

    /// Claims both.
    #[must_use]
    pub fn and(&self, other: Self) -> Self {
        Self(Bool::and(&[&self.0, &other.0]))
    }

    /// Claims at least one.
    #[must_use]
    pub fn or(&self, other: Self) -> Self {
        Self(Bool::or(&[&self.0, &other.0]))
    }

    /// Claims the opposite.
    #[must_use]
    pub fn not(&self) -> Self {
        Self(self.0.not())
    }

    /// Claims that the other holds wherever this one does.
    #[must_use]
    pub fn implies(&self, other: &Self) -> Self {
        Self(self.0.implies(&other.0))
    }

    /// Proves the claim on this path or ends the run.
    fn establish(&self, what: &str) -> Result<(), Thrown> {
        let known = self.0.simplify().as_bool() == Some(true);
        path::with(|path| if known { path.count_check() } else { path.establish(&self.0, what) })
    }

    pub(crate) fn formula(&self) -> Bool {
        self.0.clone()
    }
}
