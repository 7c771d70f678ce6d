//! The same words over plain integers: what a harness talks to while an example runs on the shipped code.

use num_bigint::BigInt;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::{Add, Mul, Neg, Sub};

thread_local! {
    static VALUES: RefCell<Vec<BigInt>> = const { RefCell::new(Vec::new()) };
}

/// An integer without bounds, by its place in the run.
#[derive(Debug, Clone, Copy)]
pub struct Exact(usize);

/// A statement that holds or not; not to be copied, since a symbolic one cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim(bool);

impl Exact {
    /// Returns the number.
    #[must_use]
    pub fn new(value: i128) -> Self {
        Self::of(BigInt::from(value))
    }

    /// Returns the number of an unsigned word.
    #[must_use]
    pub fn from_word(value: u128) -> Self {
        Self::of(BigInt::from(value))
    }

    /// Returns the number two to a power.
    #[must_use]
    pub fn power_of_two(exponent: u32) -> Self {
        Self::of(BigInt::from(1) << exponent)
    }

    fn of(value: BigInt) -> Self {
        VALUES.with_borrow_mut(|values| {
            values.push(value);
            Self(values.len() - 1)
        })
    }

    fn get(self) -> BigInt {
        VALUES.with_borrow(|values| values[self.0].clone())
    }

    /// Returns the machine integer.
    ///
    /// # Panics
    ///
    /// If it does not fit.
    #[must_use]
    pub fn integer(self) -> i128 {
        i128::try_from(self.get()).expect("an input of 128 bits")
    }

    /// Returns the unsigned machine word.
    ///
    /// # Panics
    ///
    /// If it does not fit.
    #[must_use]
    pub fn word(self) -> u128 {
        u128::try_from(self.get()).expect("an input of 128 bits")
    }

    /// Claims `self = other`.
    #[must_use]
    pub fn equals(self, other: Self) -> Claim {
        Claim(self.get() == other.get())
    }

    /// Claims `self < other`.
    #[must_use]
    pub fn below(self, other: Self) -> Claim {
        Claim(self.get() < other.get())
    }

    /// Claims `self ≤ other`.
    #[must_use]
    pub fn at_most(self, other: Self) -> Claim {
        Claim(self.get() <= other.get())
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

    /// Returns `yes` if the claim holds and `no` if not.
    #[must_use]
    pub fn choose(claim: &Claim, yes: Self, no: Self) -> Self {
        if claim.0 { yes } else { no }
    }
}

impl Add for Exact {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::of(self.get() + other.get())
    }
}

impl Sub for Exact {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::of(self.get() - other.get())
    }
}

impl Mul for Exact {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self::of(self.get() * other.get())
    }
}

impl Neg for Exact {
    type Output = Self;
    fn neg(self) -> Self {
        Self::of(-self.get())
    }
}

impl Claim {
    /// Returns a claim that holds or not.
    #[must_use]
    pub const fn constant(holds: bool) -> Self {
        Self(holds)
    }

    /// Claims both.
    #[must_use]
    pub const fn and(&self, other: Self) -> Self {
        Self(self.0 && other.0)
    }

    /// Claims at least one.
    #[must_use]
    pub const fn or(&self, other: Self) -> Self {
        Self(self.0 || other.0)
    }

    /// Claims the opposite.
    #[must_use]
    pub const fn not(&self) -> Self {
        Self(!self.0)
    }

    /// Claims that the other holds if this one does.
    #[must_use]
    pub const fn implies(&self, other: &Self) -> Self {
        Self(!self.0 || other.0)
    }
}

/// What one example did on the shipped code.
#[derive(Debug, Default)]
pub struct Prover {
    inputs: BTreeMap<String, BigInt>,
    /// Labels reached, in order.
    pub(crate) covers: Vec<String>,
    /// Numbers noted, in order.
    pub(crate) observations: Vec<(String, BigInt)>,
    /// The first claim that did not hold.
    pub(crate) failed: Option<String>,
}

impl Prover {
    pub(crate) fn new(inputs: BTreeMap<String, BigInt>) -> Self {
        VALUES.with_borrow_mut(Vec::clear);
        Self { inputs, ..Self::default() }
    }

    /// Returns the example's integer of this name.
    ///
    /// # Panics
    ///
    /// If the example has none.
    pub fn any(&mut self, name: &str, lowest: i128, highest: i128) -> Exact {
        self.any_between(name, Exact::new(lowest), Exact::new(highest))
    }

    /// As [`Prover::any`], between bounds that need not fit in 128 bits.
    ///
    /// # Panics
    ///
    /// If the example has none.
    pub fn any_between(&mut self, name: &str, lowest: Exact, highest: Exact) -> Exact {
        let value = self.inputs.get(name).cloned().expect("both worlds name the same inputs");
        let value = Exact::of(value);
        self.check(&value.within(lowest, highest), "inputs lie in their range");
        value
    }

    /// Notes if the example breaks an assumption.
    pub fn assume(&mut self, claim: &Claim) {
        self.check(claim, "an example satisfies what is assumed");
    }

    /// Returns whether the claim holds.
    #[must_use]
    pub fn decide(&mut self, claim: &Claim) -> bool {
        claim.0
    }

    /// Notes the first claim that does not hold.
    pub fn check(&mut self, claim: &Claim, what: &str) {
        if !claim.0 && self.failed.is_none() {
            self.failed = Some(what.to_owned());
        }
    }

    /// As [`Prover::check`].
    pub fn lemma(&mut self, claim: &Claim, what: &str) {
        self.check(claim, what);
    }

    /// As [`Prover::check`] of all of them.
    pub fn lemma_from(&mut self, from: &[&Claim], claim: &Claim, what: &str) {
        from.iter().for_each(|fact| self.check(fact, what));
        self.check(claim, what);
    }

    /// Notes that an example came where none should.
    pub fn never(&mut self, what: &str) {
        self.check(&Claim::constant(false), what);
    }

    /// Notes a label.
    pub fn cover(&mut self, label: &str) {
        self.covers.push(label.to_owned());
    }

    /// Notes a number.
    pub fn observe(&mut self, name: &str, value: Exact) {
        self.observations.push((name.to_owned(), value.get()));
    }
}
