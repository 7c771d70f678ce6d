//! Random numbers that stay the same for ever: the pinned encodings are made of them.

/// SplitMix64.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// Returns the numbers that belong to a name.
    pub(crate) fn named(name: &str) -> Self {
        Self(name.bytes().fold(0x6E6F_7661_7469_6F6E, |seed: u64, byte| {
            seed.rotate_left(5).wrapping_mul(0x0100_0000_01B3) ^ u64::from(byte)
        }))
    }

    pub(crate) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
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
