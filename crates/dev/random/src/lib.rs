//! Random numbers of tests, benches, the adversary and the simulation.
//!
//! **Invariant:** a seed means the same numbers for ever. Histories are named by their seeds, and recorded expectations are
//! made of them, so nothing here may change what a seed gives.
//!
//! Left out: secrets, for which these numbers are no good, and whatever ships.
#![no_std]

#[cfg(test)]
mod tests;

/// 2⁶⁴ divided by the golden ratio.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// A stream of random numbers: SplitMix64.
///
/// # Source
///
/// Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014, figure 17.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Returns the stream of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the stream of a seed for one purpose, so that what is drawn for one does not move what is drawn for another.
    ///
    /// Of seed 0 the streams of neighbouring purposes are one, a word apart: what is named by seeds keeps what it has.
    #[must_use]
    pub fn stream(seed: u64, purpose: u64) -> Self {
        let mut random = Self(seed ^ purpose.wrapping_mul(GOLDEN));
        random.word();
        random
    }

    /// Returns the next 64 bits.
    #[inline]
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Returns a number below `bound`.
    ///
    /// # Panics
    ///
    /// Panics if `bound` is zero.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        self.word() % bound
    }

    /// Returns a number in `low..=high`, which are less than 2⁶⁴ apart.
    ///
    /// # Panics
    ///
    /// Panics if `low` is above `high`.
    pub fn between<T: Into<i128> + TryFrom<i128>>(&mut self, low: T, high: T) -> T {
        let (low, high) = (low.into(), high.into());
        assert!(low <= high, "nothing is between {low} and {high}");
        let drawn = low + i128::from(self.word()) % (high - low + 1);
        T::try_from(drawn).unwrap_or_else(|_| unreachable!("between two numbers of a kind"))
    }

    /// Returns a number in `1..=most` whose number of bits is uniform.
    ///
    /// # Panics
    ///
    /// Panics if `most` is below one, or 2⁶⁵ and more, of which it does not draw all bits.
    pub fn magnitude(&mut self, most: i128) -> i128 {
        assert!(most < 1 << 65, "{most} has more bits than are drawn");
        let bits = self.between(1, 128 - most.leading_zeros());
        let top = 1_i128 << bits;
        self.between(top / 2, top - 1).clamp(1, most)
    }

    /// Returns true `percent` times in a hundred.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Returns true once in `odds` times.
    ///
    /// # Panics
    ///
    /// Panics if `odds` is zero.
    pub fn one_in(&mut self, odds: u64) -> bool {
        self.below(odds) == 0
    }

    /// Returns an index below a length.
    ///
    /// # Panics
    ///
    /// Panics if the length is zero.
    pub fn index(&mut self, length: usize) -> usize {
        let length = u64::try_from(length).expect("no machine has longer lists");
        usize::try_from(self.below(length)).expect("below a length")
    }

    /// Returns one of some things.
    ///
    /// # Panics
    ///
    /// Panics if there is none.
    pub fn one<'a, T>(&mut self, things: &'a [T]) -> &'a T {
        &things[self.index(things.len())]
    }
}
