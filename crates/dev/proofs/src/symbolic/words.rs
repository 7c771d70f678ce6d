//! Machine words over terms of the prover: what `u128` and `i128` do, where the division kernel asks for it.
//!
//! A word is an integer in its range. Arithmetic that the shipped code expects not to overflow is proved not to, each
//! time; what wraps, wraps. A bitwise "or" is proved to join disjoint bits, which makes it a sum.

use std::cmp::Ordering;
use std::ops::{Add, BitAnd, BitOr, Mul, Shl, Shr};
use symx::{Claim, Exact, Fault, decide, derive, faulty, postulate, require};

/// An unsigned word of 128 bits.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Word {
    /// A number.
    Constant(u128),
    /// An integer from zero to below 2^128. The counts of bits say what to prove, not what is proved.
    Term {
        /// The integer.
        value: Exact,
        /// Low bits that a shift has left zero.
        zeros: u32,
        /// Bits in use.
        bits: u32,
    },
}

impl Word {
    pub(crate) const BITS: u32 = 128;
    pub(crate) const MIN: Self = Self::Constant(0);
    pub(crate) const MAX: Self = Self::Constant(u128::MAX);

    pub(crate) const fn from_exact(value: Exact) -> Self {
        Self::of_bits(value, Self::BITS)
    }

    const fn of_bits(value: Exact, bits: u32) -> Self {
        Self::Term { value, zeros: 0, bits }
    }

    const fn bits(self) -> u32 {
        match self {
            Self::Constant(value) => Self::BITS - value.leading_zeros(),
            Self::Term { bits, .. } => bits,
        }
    }

    pub(crate) fn exact(self) -> Exact {
        match self {
            Self::Constant(value) => Exact::from_word(value),
            Self::Term { value, .. } => value,
        }
    }

    fn fits(value: Exact) -> Claim {
        value.within(Exact::new(0), Exact::from_word(u128::MAX))
    }

    /// Returns the word of a result that must not overflow.
    fn sure(value: Exact, what: &str) -> Self {
        require(&Self::fits(value), what);
        Self::from_exact(value)
    }

    pub(crate) fn checked_add(self, other: Self) -> Option<Self> {
        let sum = self.exact() + other.exact() + planted(Fault::Sum);
        decide(&Self::fits(sum)).then(|| Self::from_exact(sum))
    }

    pub(crate) fn wrapping_sub(self, other: Self) -> Self {
        let difference = self.exact() - other.exact() + planted(Fault::Difference);
        Self::from_exact(difference.low_bits(Self::BITS))
    }
}

impl From<u8> for Word {
    fn from(value: u8) -> Self {
        Self::Constant(value.into())
    }
}

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        decide(&self.exact().equals(other.exact()))
    }
}

impl PartialOrd for Word {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(match (self < other, self == other) {
            (true, _) => Ordering::Less,
            (false, true) => Ordering::Equal,
            (false, false) => Ordering::Greater,
        })
    }
    fn lt(&self, other: &Self) -> bool {
        decide(&self.exact().below(other.exact()))
    }
    fn le(&self, other: &Self) -> bool {
        decide(&self.exact().at_most(other.exact()))
    }
    fn gt(&self, other: &Self) -> bool {
        other < self
    }
    fn ge(&self, other: &Self) -> bool {
        other <= self
    }
}

impl Add for Word {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::sure(self.exact() + other.exact(), "a sum of words fits")
    }
}

impl Mul for Word {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let product = self.exact() * other.exact() + planted(Fault::Product);
        Self::sure(product, "a product of words fits")
    }
}

impl Shr<u32> for Word {
    type Output = Self;
    fn shr(self, places: u32) -> Self {
        match self {
            Self::Constant(value) => Self::Constant(value >> places),
            Self::Term { value, bits, .. } => {
                let places = places.saturating_sub(u32::from(faulty(Fault::Shift)));
                Self::of_bits(value.shifted_down(places), bits.saturating_sub(places))
            }
        }
    }
}

impl Shl<u32> for Word {
    type Output = Self;
    #[expect(clippy::suspicious_arithmetic_impl, reason = "a shift is a product over integers")]
    fn shl(self, places: u32) -> Self {
        let shifted = self.exact() * Exact::power_of_two(places);
        Self::Term { value: shifted.low_bits(Self::BITS), zeros: places, bits: Self::BITS }
    }
}

impl BitAnd for Word {
    type Output = Self;
    /// The other is a constant that keeps low bits.
    fn bitand(self, mask: Self) -> Self {
        match (self, mask) {
            (Self::Constant(value), Self::Constant(mask)) => Self::Constant(value & mask),
            (word, Self::Constant(mask)) if mask.trailing_ones() == mask.count_ones() => {
                let kept = mask.trailing_ones();
                if kept < word.bits() {
                    return Self::of_bits(word.exact().low_bits(kept), kept);
                }
                let small = word.exact().below(Exact::power_of_two(word.bits()));
                require(&small, "a word has as many bits as its shifts have left");
                word
            }
            _ => panic!("a mask keeps low bits"),
        }
    }
}

impl BitOr for Word {
    type Output = Self;
    #[expect(clippy::suspicious_arithmetic_impl, reason = "disjoint bits are joined by a sum")]
    fn bitor(self, low: Self) -> Self {
        let zeros = match self {
            Self::Constant(value) => value.trailing_zeros(),
            Self::Term { zeros, .. } => zeros,
        };
        let disjoint = low.exact().below(Exact::power_of_two(zeros));
        require(&disjoint, "joined bits are disjoint");
        Self::from_exact(self.exact() + low.exact())
    }
}

/// A signed word of 128 bits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Integer(Exact);

impl Integer {
    pub(crate) const fn from_exact(value: Exact) -> Self {
        Self(value)
    }

    pub(crate) const fn exact(self) -> Exact {
        self.0
    }

    fn fitting(value: Exact) -> Option<Self> {
        let fits = value.within(Exact::new(i128::MIN), Exact::new(i128::MAX));
        decide(&fits).then_some(Self(value))
    }

    pub(crate) fn is_positive(self) -> bool {
        decide(&Exact::new(0).below(self.0))
    }

    pub(crate) fn is_negative(self) -> bool {
        decide(&self.0.below(Exact::new(0)))
    }

    pub(crate) fn unsigned_abs(self) -> Word {
        Word::from_exact(if self.is_negative() { -self.0 } else { self.0 })
    }

    pub(crate) fn checked_add(self, other: Self) -> Option<Self> {
        Self::fitting(self.0 + other.0)
    }

    pub(crate) fn checked_mul(self, other: Self) -> Option<Self> {
        Self::fitting(self.0 * other.0)
    }

    pub(crate) fn checked_sub_unsigned(self, other: Word) -> Option<Self> {
        Self::fitting(self.0 - other.exact())
    }

    pub(crate) fn checked_div_euclid(self, divisor: Self) -> Option<Self> {
        self.euclid(divisor).map(|(quotient, _)| Self(quotient))
    }

    pub(crate) fn checked_rem_euclid(self, divisor: Self) -> Option<Self> {
        self.euclid(divisor).map(|(_, remainder)| Self(remainder))
    }

    /// Divides by a positive divisor, which is all that the kernel does.
    fn euclid(self, divisor: Self) -> Option<(Exact, Exact)> {
        require(&Exact::new(0).below(divisor.0), "a divisor is positive");
        Some(self.0.divided(divisor.0))
    }
}

impl From<u8> for Integer {
    fn from(value: u8) -> Self {
        Self(Exact::new(value.into()))
    }
}

/// Why a word is no integer: it is 2^127 or more.
#[derive(Debug)]
pub(crate) struct TooLarge;

impl TryFrom<Word> for Integer {
    type Error = TooLarge;
    fn try_from(word: Word) -> Result<Self, TooLarge> {
        Self::fitting(word.exact()).ok_or(TooLarge)
    }
}

fn planted(fault: Fault) -> Exact {
    Exact::new(i128::from(faulty(fault)))
}

/// What a file of the kernel may rely on in another: stated here, proved in `harness/kernel.rs`.
pub(crate) mod contracts {
    /// The contract of `limbs`.
    pub(crate) mod limbs {
        use super::super::{Exact, Word, postulate, require};

        fn any_word(prefix: &str) -> Word {
            let value = Exact::unknown(prefix);
            postulate(&Word::fits(value));
            Word::from_exact(value)
        }

        /// `high · 2^128 + low = a · b`.
        pub(crate) fn multiply(a: Word, b: Word) -> (Word, Word) {
            let (high, low) = (any_word("high"), any_word("low"));
            let product = high.exact() * Exact::power_of_two(Word::BITS) + low.exact();
            postulate(&product.equals(a.exact() * b.exact()));
            (high, low)
        }

        /// `quotient · d + remainder = high · 2^128 + low`, `remainder < d`; requires `high < d`.
        pub(crate) fn divide(high: Word, low: Word, d: Word) -> (Word, Word) {
            require(&high.exact().below(d.exact()), "the quotient of a long division fits");
            let (quotient, remainder) = (any_word("quotient"), any_word("remainder"));
            let dividend = high.exact() * Exact::power_of_two(Word::BITS) + low.exact();
            let product = quotient.exact() * d.exact();
            postulate(&(product + remainder.exact()).equals(dividend));
            postulate(&remainder.exact().below(d.exact()));
            (quotient, remainder)
        }
    }

    /// The contract of `digit`.
    pub(crate) mod digit {
        use super::super::{Claim, Exact, Word, derive, postulate, require};

        /// `q′ = 2 · q + digit`, `q′ · d + r′ = 2 · (q · d + r) + bit`, `r′ < d`; requires `r < d` and `q < 2^127`.
        pub(crate) fn bring_down(
            (remainder, quotient): (Word, Word),
            bit: Word,
            d: Word,
        ) -> (Word, Word) {
            let (r, q, d) = (remainder.exact(), quotient.exact(), d.exact());
            require(&r.below(d), "the remainder is below the divisor");
            let bound = |bits: u32| Exact::power_of_two(bits);
            let bits = quotient.bits();
            let q_small = q.below(bound(bits));
            require(&q_small, "the quotient has as many bits as digits were brought down");
            require(&Claim::constant(bits < Word::BITS), "no bit of the quotient is lost");
            let (next_q, digit) = (Exact::unknown("quotient"), Exact::unknown("digit"));
            let doubled = next_q.equals(q * Exact::new(2) + digit);
            let binary = digit.within(Exact::new(0), Exact::new(1));
            postulate(&doubled);
            postulate(&binary);
            let next_r = (q * d + r) * Exact::new(2) + bit.exact() - next_q * d;
            postulate(&Exact::new(0).at_most(next_r));
            postulate(&next_r.below(d));
            derive(
                &[&q_small, &doubled, &binary],
                &next_q.below(bound(bits + 1)),
                "the quotient has one bit more",
            );
            (Word::from_exact(next_r), Word::of_bits(next_q, bits + 1))
        }
    }
}
