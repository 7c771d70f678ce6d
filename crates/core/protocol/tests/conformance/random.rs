//! Random numbers that stay the same for ever: the pinned encodings are made of them.

/// Random numbers of a name.
#[derive(Debug, Clone)]
pub(crate) struct Random(random::Random);

impl Random {
    /// Returns the numbers that belong to a name.
    pub(crate) fn named(name: &str) -> Self {
        let seed = name.bytes().fold(0x6E6F_7661_7469_6F6E, |seed: u64, byte| {
            seed.rotate_left(5).wrapping_mul(0x0100_0000_01B3) ^ u64::from(byte)
        });
        Self(random::Random::new(seed))
    }

    pub(crate) fn word(&mut self) -> u64 {
        self.0.word()
    }

    /// Returns a number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let word = u128::from(self.word()) * u128::try_from(end).unwrap();
        usize::try_from(word >> 64).unwrap()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.word().to_le_bytes()[0]
    }

    /// Returns an integer of any size within ± `limit`: a few small ones and the ends often, others by random length.
    pub(crate) fn within(&mut self, limit: i128) -> i128 {
        let wide = (u128::from(self.word()) << 64) | u128::from(self.word());
        let magnitude = match self.below(8) {
            0 => limit,
            1 => limit - 1,
            2 => i128::try_from(self.below(3)).unwrap(),
            _ => i128::try_from((wide >> 1) >> self.below(127)).unwrap() % (limit + 1),
        };
        if self.below(2) == 0 { magnitude } else { -magnitude }
    }
}
