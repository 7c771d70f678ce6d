//! Sixteen 64-bit sums, and what is done with them, for each instruction set that a machine may have.
//!
//! **Invariant:** every implementation is the same function of its input, wrapping included.

use super::{Four, LANES};

/// Sums of sixteen scenarios in the registers of an instruction set.
pub(crate) trait Lanes: Copy {
    /// Lanes sums.
    type Sums: Copy;

    fn splat(self, value: i64) -> Self::Sums;

    fn load(self, sums: &[i64; LANES]) -> Self::Sums;

    fn store(self, sums: Self::Sums) -> [i64; LANES];

    fn add(self, a: Self::Sums, b: Self::Sums) -> Self::Sums;

    fn sub(self, a: Self::Sums, b: Self::Sums) -> Self::Sums;

    fn min(self, a: Self::Sums, b: Self::Sums) -> Self::Sums;

    /// Adds the values of a row, times some lots.
    fn add_lots(self, sums: Self::Sums, row: &[i32; LANES], scaled: i32) -> Self::Sums;

    /// Adds the values of a row, times some lots, with the scenarios in an order of its own: the same for every row.
    fn add_lots_mixed(self, sums: Self::Sums, row: &[i32; LANES], scaled: i32) -> Self::Sums;

    /// Returns such sums in the order of the scenarios.
    fn store_mixed(self, sums: Self::Sums) -> [i64; LANES];

    /// Returns the lowest of the sums.
    fn lowest(self, sums: Self::Sums) -> i64;

    /// Four sums.
    type Four: Copy;

    fn four(self, sums: &Four) -> Self::Four;

    fn store_four(self, sums: Self::Four) -> Four;

    /// Adds four values, times a number.
    fn add_times(self, sums: Self::Four, values: &Four, times: u32) -> Self::Four;

    #[inline(always)]
    fn zero(self) -> Self::Sums {
        self.splat(0)
    }
}

/// What every machine of the target has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plain;

#[inline(always)]
fn zipped(a: [i64; LANES], b: [i64; LANES], of: impl Fn(i64, i64) -> i64) -> [i64; LANES] {
    let mut sums = a;
    sums.iter_mut().zip(b).for_each(|(a, b)| *a = of(*a, b));
    sums
}

impl Lanes for Plain {
    type Sums = [i64; LANES];

    #[inline(always)]
    fn splat(self, value: i64) -> [i64; LANES] {
        [value; LANES]
    }

    #[inline(always)]
    fn load(self, sums: &[i64; LANES]) -> [i64; LANES] {
        *sums
    }

    #[inline(always)]
    fn store(self, sums: [i64; LANES]) -> [i64; LANES] {
        sums
    }

    #[inline(always)]
    fn add(self, a: [i64; LANES], b: [i64; LANES]) -> [i64; LANES] {
        zipped(a, b, i64::wrapping_add)
    }

    #[inline(always)]
    fn sub(self, a: [i64; LANES], b: [i64; LANES]) -> [i64; LANES] {
        zipped(a, b, i64::wrapping_sub)
    }

    #[inline(always)]
    fn min(self, a: [i64; LANES], b: [i64; LANES]) -> [i64; LANES] {
        zipped(a, b, i64::min)
    }

    #[inline(always)]
    fn add_lots(self, sums: [i64; LANES], row: &[i32; LANES], scaled: i32) -> [i64; LANES] {
        let scaled = i64::from(scaled);
        zipped(sums, row.map(i64::from), |sum, value| sum.wrapping_add(scaled.wrapping_mul(value)))
    }

    #[inline(always)]
    fn add_lots_mixed(self, sums: [i64; LANES], row: &[i32; LANES], scaled: i32) -> [i64; LANES] {
        self.add_lots(sums, row, scaled)
    }

    #[inline(always)]
    fn store_mixed(self, sums: [i64; LANES]) -> [i64; LANES] {
        sums
    }

    #[inline(always)]
    fn lowest(self, sums: [i64; LANES]) -> i64 {
        sums.into_iter().fold(i64::MAX, i64::min)
    }

    type Four = Four;

    #[inline(always)]
    fn four(self, sums: &Four) -> Four {
        *sums
    }

    #[inline(always)]
    fn store_four(self, sums: Four) -> Four {
        sums
    }

    #[inline(always)]
    fn add_times(self, sums: Four, values: &Four, times: u32) -> Four {
        let (mut sums, times) = (sums, i64::from(times));
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum = sum.wrapping_add(times.wrapping_mul(*value));
        }
        sums
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Four, LANES, Lanes};
    use pulp::bytemuck::cast;
    use pulp::x86::{V3, V4};
    use std::arch::x86_64::{__m128i, __m256i, __m512i};

    impl Lanes for V3 {
        type Sums = [__m256i; 4];

        #[inline(always)]
        fn splat(self, value: i64) -> [__m256i; 4] {
            [self.avx._mm256_set1_epi64x(value); 4]
        }

        #[inline(always)]
        fn load(self, sums: &[i64; LANES]) -> [__m256i; 4] {
            cast(*sums)
        }

        #[inline(always)]
        fn store(self, sums: [__m256i; 4]) -> [i64; LANES] {
            cast(sums)
        }

        #[inline(always)]
        fn add(self, a: [__m256i; 4], b: [__m256i; 4]) -> [__m256i; 4] {
            let ([a, c, e, g], [b, d, f, h]) = (a, b);
            let add = |a, b| self.avx2._mm256_add_epi64(a, b);
            [add(a, b), add(c, d), add(e, f), add(g, h)]
        }

        #[inline(always)]
        fn sub(self, a: [__m256i; 4], b: [__m256i; 4]) -> [__m256i; 4] {
            let ([a, c, e, g], [b, d, f, h]) = (a, b);
            let sub = |a, b| self.avx2._mm256_sub_epi64(a, b);
            [sub(a, b), sub(c, d), sub(e, f), sub(g, h)]
        }

        #[inline(always)]
        fn min(self, a: [__m256i; 4], b: [__m256i; 4]) -> [__m256i; 4] {
            let ([a, c, e, g], [b, d, f, h]) = (a, b);
            let min = |a, b| lesser(self, a, b);
            [min(a, b), min(c, d), min(e, f), min(g, h)]
        }

        #[inline(always)]
        fn add_lots(self, sums: [__m256i; 4], row: &[i32; LANES], scaled: i32) -> [__m256i; 4] {
            let lots = self.avx._mm256_set1_epi32(scaled);
            let add = |sum, values: __m128i| {
                let wide = self.avx2._mm256_cvtepi32_epi64(values);
                self.avx2._mm256_add_epi64(sum, self.avx2._mm256_mul_epi32(wide, lots))
            };
            let ([a, b, c, d], [e, f, g, h]): (_, [__m128i; 4]) = (sums, cast(*row));
            [add(a, e), add(b, f), add(c, g), add(d, h)]
        }

        /// Even scenarios, then odd ones: a product reads the lower half of a lane.
        #[inline(always)]
        fn add_lots_mixed(
            self,
            sums: [__m256i; 4],
            row: &[i32; LANES],
            scaled: i32,
        ) -> [__m256i; 4] {
            let lots = self.avx._mm256_set1_epi32(scaled);
            let add = |sum, values| {
                self.avx2._mm256_add_epi64(sum, self.avx2._mm256_mul_epi32(values, lots))
            };
            let upper = |values| self.avx2._mm256_srli_epi64::<32>(values);
            let ([a, b, c, d], [e, f]): (_, [__m256i; 2]) = (sums, cast(*row));
            [add(a, e), add(b, upper(e)), add(c, f), add(d, upper(f))]
        }

        #[inline(always)]
        fn store_mixed(self, sums: [__m256i; 4]) -> [i64; LANES] {
            let [a, b, c, d]: [[i64; 4]; 4] = cast(sums);
            let pairs = a.into_iter().zip(b).chain(c.into_iter().zip(d));
            in_order(pairs)
        }

        #[inline(always)]
        fn lowest(self, sums: [__m256i; 4]) -> i64 {
            let [a, b, c, d] = sums;
            let four = lesser(self, lesser(self, a, b), lesser(self, c, d));
            let [a, b, c, d]: [i64; 4] = cast(four);
            a.min(b).min(c.min(d))
        }

        type Four = __m256i;

        #[inline(always)]
        fn four(self, sums: &Four) -> __m256i {
            cast(*sums)
        }

        #[inline(always)]
        fn store_four(self, sums: __m256i) -> Four {
            cast(sums)
        }

        /// The product of the lower half, and that of the upper half above it.
        #[inline(always)]
        fn add_times(self, sums: __m256i, values: &Four, times: u32) -> __m256i {
            let times = self.avx._mm256_set1_epi32(times.cast_signed());
            let values = cast(*values);
            let low = self.avx2._mm256_mul_epu32(values, times);
            let high = self.avx2._mm256_mul_epu32(self.avx2._mm256_srli_epi64::<32>(values), times);
            let high = self.avx2._mm256_slli_epi64::<32>(high);
            self.avx2._mm256_add_epi64(sums, self.avx2._mm256_add_epi64(low, high))
        }
    }

    /// Returns pairs of an even and an odd scenario one after the other.
    #[inline(always)]
    fn in_order(pairs: impl Iterator<Item = (i64, i64)>) -> [i64; LANES] {
        let mut sums = [0; LANES];
        for (pair, (even, odd)) in sums.as_chunks_mut().0.iter_mut().zip(pairs) {
            *pair = [even, odd];
        }
        sums
    }

    #[inline(always)]
    fn lesser(simd: V3, a: __m256i, b: __m256i) -> __m256i {
        simd.avx2._mm256_blendv_epi8(a, b, simd.avx2._mm256_cmpgt_epi64(a, b))
    }

    impl Lanes for V4 {
        type Sums = [__m512i; 2];

        #[inline(always)]
        fn splat(self, value: i64) -> [__m512i; 2] {
            [self.avx512f._mm512_set1_epi64(value); 2]
        }

        #[inline(always)]
        fn load(self, sums: &[i64; LANES]) -> [__m512i; 2] {
            cast(*sums)
        }

        #[inline(always)]
        fn store(self, sums: [__m512i; 2]) -> [i64; LANES] {
            cast(sums)
        }

        #[inline(always)]
        fn add(self, a: [__m512i; 2], b: [__m512i; 2]) -> [__m512i; 2] {
            let ([a, c], [b, d]) = (a, b);
            [self.avx512f._mm512_add_epi64(a, b), self.avx512f._mm512_add_epi64(c, d)]
        }

        #[inline(always)]
        fn sub(self, a: [__m512i; 2], b: [__m512i; 2]) -> [__m512i; 2] {
            let ([a, c], [b, d]) = (a, b);
            [self.avx512f._mm512_sub_epi64(a, b), self.avx512f._mm512_sub_epi64(c, d)]
        }

        #[inline(always)]
        fn min(self, a: [__m512i; 2], b: [__m512i; 2]) -> [__m512i; 2] {
            let ([a, c], [b, d]) = (a, b);
            [self.avx512f._mm512_min_epi64(a, b), self.avx512f._mm512_min_epi64(c, d)]
        }

        #[inline(always)]
        fn add_lots(self, sums: [__m512i; 2], row: &[i32; LANES], scaled: i32) -> [__m512i; 2] {
            let lots = self.avx512f._mm512_set1_epi32(scaled);
            let add = |sum, values: __m256i| {
                let wide = self.avx512f._mm512_cvtepi32_epi64(values);
                self.avx512f._mm512_add_epi64(sum, self.avx512f._mm512_mul_epi32(wide, lots))
            };
            let ([a, b], [c, d]): (_, [__m256i; 2]) = (sums, cast(*row));
            [add(a, c), add(b, d)]
        }

        /// Even scenarios, then odd ones: a product reads the lower half of a lane.
        #[inline(always)]
        fn add_lots_mixed(
            self,
            sums: [__m512i; 2],
            row: &[i32; LANES],
            scaled: i32,
        ) -> [__m512i; 2] {
            let lots = self.avx512f._mm512_set1_epi32(scaled);
            let add = |sum, values| {
                self.avx512f._mm512_add_epi64(sum, self.avx512f._mm512_mul_epi32(values, lots))
            };
            let ([a, b], values): (_, __m512i) = (sums, cast(*row));
            [add(a, values), add(b, self.avx512f._mm512_srli_epi64::<32>(values))]
        }

        #[inline(always)]
        fn store_mixed(self, sums: [__m512i; 2]) -> [i64; LANES] {
            let [a, b]: [[i64; 8]; 2] = cast(sums);
            in_order(a.into_iter().zip(b))
        }

        #[inline(always)]
        fn lowest(self, sums: [__m512i; 2]) -> i64 {
            let [a, b] = sums;
            self.avx512f._mm512_reduce_min_epi64(self.avx512f._mm512_min_epi64(a, b))
        }

        type Four = __m256i;

        #[inline(always)]
        fn four(self, sums: &Four) -> __m256i {
            cast(*sums)
        }

        #[inline(always)]
        fn store_four(self, sums: __m256i) -> Four {
            cast(sums)
        }

        #[inline(always)]
        fn add_times(self, sums: __m256i, values: &Four, times: u32) -> __m256i {
            let times = self.avx._mm256_set1_epi64x(i64::from(times));
            let product = self.avx512dq._mm256_mullo_epi64(cast(*values), times);
            self.avx2._mm256_add_epi64(sums, product)
        }
    }
}
