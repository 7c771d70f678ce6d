//! Random numbers of simulated faults, our own: a seed must mean the same for ever.

/// SplitMix64.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        let mut chance = Self(seed);
        chance.next();
        chance
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Returns a number below another that is not zero.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// Returns true so many times in a hundred.
    pub(crate) fn percent(&mut self, percent: u8) -> bool {
        // Nothing is drawn for what never happens, so that a fault that is off changes no history.
        percent > 0 && self.below(100) < u64::from(percent)
    }

    /// Returns some of a list, perhaps none, perhaps all.
    pub(crate) fn some<T: Clone>(&mut self, all: &[T]) -> Vec<T> {
        all.iter().filter(|_| self.next() & 1 == 1).cloned().collect()
    }
}
