//! The hot loops: sixteen scenarios at a time in 64-bit lanes, compiled for each instruction set the machine may have.
//!
//! **Invariant:** integer sums and minima only, so every instruction set gives the same bits. The sums do not overflow,
//! because every account is admitted under the bound of [`crate::bounds`] and no scenario is looked at before that bound
//! has been checked for the account at hand; should it ever fail to hold, the sums wrap and nothing panics.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "lanes count to the length of the arrays, and only loops over them become vector instructions"
)]

use crate::scenario::SCENARIOS;

/// An instruction set that the hot loops are compiled for. All give the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InstructionSet {
    /// What every machine of the target has: SSE2 on x86-64, NEON on AArch64.
    Portable,
    /// AVX2, with the rest of x86-64-v3.
    Avx2,
    /// AVX-512, with the rest of x86-64-v4.
    Avx512,
}

impl InstructionSet {
    /// Returns those that this machine has, the fastest last.
    pub fn available() -> impl Iterator<Item = Self> {
        let all = [Self::Portable, Self::Avx2, Self::Avx512];
        all.into_iter().filter(|set| set.arch().is_some())
    }

    /// Returns the compiled path, if this machine can take it.
    pub(crate) fn arch(self) -> Option<pulp::Arch> {
        match self {
            Self::Portable => Some(pulp::Arch::Scalar),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => pulp::x86::V3::try_new().map(pulp::Arch::V3),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => pulp::x86::V4::try_new().map(pulp::Arch::V4),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => None,
        }
    }
}

impl std::fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        })
    }
}

/// Scenarios that are summed at a time.
pub(crate) const LANES: usize = 16;
/// Such groups in the set.
pub(crate) const CHUNKS: usize = 3;

const _: () = assert!(LANES * CHUNKS == SCENARIOS);

/// Scenario profit and loss of one lot, in units of a power of two of micro-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(align(64))]
pub(crate) struct Row(pub(crate) [[i32; LANES]; CHUNKS]);

/// Scenario profit and loss of a set of positions, in micro-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(align(64))]
pub(crate) struct Vector(pub(crate) [[i64; LANES]; CHUNKS]);

impl Row {
    pub(crate) const ZERO: Self = Self([[0; LANES]; CHUNKS]);
}

impl Vector {
    pub(crate) const ZERO: Self = Self([[0; LANES]; CHUNKS]);
}

/// Lots of one row, times the row's power of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) slot: u32,
    pub(crate) scaled: i32,
}

/// A run of entries in one group, and whether it is the last run of its underlying and class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) group: u32,
    pub(crate) entries: u32,
    pub(crate) ends_underlying: bool,
    pub(crate) ends_class: bool,
}

/// The lowest sum over the scenarios of a span, of the underlying that ends with it, and of the class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lows {
    pub(crate) group: i64,
    pub(crate) underlying: i64,
    pub(crate) class: i64,
}

impl Lows {
    pub(crate) const HIGHEST: Self =
        Self { group: i64::MAX, underlying: i64::MAX, class: i64::MAX };
}

#[inline(always)]
fn chunk_of<const CHUNK: usize, T>(chunks: &[T; CHUNKS]) -> &T {
    let [first, second, third] = chunks;
    match CHUNK {
        0 => first,
        1 => second,
        _ => third,
    }
}

#[inline(always)]
fn chunk_of_mut<const CHUNK: usize, T>(chunks: &mut [T; CHUNKS]) -> &mut T {
    let [first, second, third] = chunks;
    match CHUNK {
        0 => first,
        1 => second,
        _ => third,
    }
}

#[inline(always)]
fn add_lots(sums: &mut [i64; LANES], row: &[i32; LANES], scaled: i32) {
    let scaled = i64::from(scaled);
    for lane in 0..LANES {
        sums[lane] = sums[lane].wrapping_add(scaled.wrapping_mul(i64::from(row[lane])));
    }
}

#[inline(always)]
fn add_sums(sums: &mut [i64; LANES], more: &[i64; LANES]) {
    for lane in 0..LANES {
        sums[lane] = sums[lane].wrapping_add(more[lane]);
    }
}

#[inline(always)]
fn lowest(sums: &[i64; LANES]) -> i64 {
    let (mut eight, mut four) = ([0; 8], [0; 4]);
    for lane in 0..8 {
        eight[lane] = sums[lane].min(sums[lane + 8]);
    }
    for lane in 0..4 {
        four[lane] = eight[lane].min(eight[lane + 4]);
    }
    let [a, b, c, d] = four;
    a.min(c).min(b.min(d))
}

#[inline(always)]
fn lower(least: &mut [i64; LANES], sums: &[i64; LANES]) {
    for lane in 0..LANES {
        least[lane] = least[lane].min(sums[lane]);
    }
}

/// The sum of a run of entries, to be compiled for each instruction set.
///
/// A closure would not do: the call of a closure is a function of its own, compiled for what every machine has. Nor would
/// the loop over the runs: within a larger function the lanes are not seen to be vectors.
struct SumRun<'a> {
    rows: &'a [Row],
    run: &'a [Entry],
    sums: &'a mut Vector,
}

impl pulp::WithSimd for SumRun<'_> {
    type Output = i64;

    /// Sets the sums, and returns the lowest.
    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> i64 {
        let mut least = [i64::MAX; LANES];
        for chunk in 0..CHUNKS {
            let mut group = [0; LANES];
            for entry in self.run {
                // A slot comes from the table that the rows were made with.
                let row = usize::try_from(entry.slot).ok().and_then(|slot| self.rows.get(slot));
                let Some(row) = row else { continue };
                add_lots(&mut group, &row.0[chunk], entry.scaled);
            }
            lower(&mut least, &group);
            self.sums.0[chunk] = group;
        }
        lowest(&least)
    }
}

/// A vector added to another, to be compiled for each instruction set.
struct Gather<'a> {
    sums: &'a mut Vector,
    more: &'a Vector,
}

impl pulp::WithSimd for Gather<'_> {
    type Output = i64;

    /// Adds, and returns the lowest sum.
    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> i64 {
        let mut least = [i64::MAX; LANES];
        for chunk in 0..CHUNKS {
            add_sums(&mut self.sums.0[chunk], &self.more.0[chunk]);
            lower(&mut least, &self.sums.0[chunk]);
        }
        lowest(&least)
    }
}

/// Sets `lows`, one for each span, to the lowest scenario sums of the entries.
pub(crate) fn sweep(
    arch: pulp::Arch,
    rows: &[Row],
    entries: &[Entry],
    spans: &[Span],
    lows: &mut [Lows],
) {
    let (mut group, mut underlying, mut class) = (Vector::ZERO, Vector::ZERO, Vector::ZERO);
    let (mut starts_underlying, mut starts_class) = (true, true);
    let mut rest = entries;
    for (span, low) in spans.iter().zip(lows) {
        let length = usize::try_from(span.entries).unwrap_or(usize::MAX);
        let (run, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        rest = after;
        *low = Lows::HIGHEST;
        // A level that starts with a span has the span's sums so far.
        let low_underlying = if starts_underlying {
            low.group = arch.dispatch(SumRun { rows, run, sums: &mut underlying });
            low.group
        } else {
            low.group = arch.dispatch(SumRun { rows, run, sums: &mut group });
            arch.dispatch(Gather { sums: &mut underlying, more: &group })
        };
        starts_underlying = span.ends_underlying;
        if !span.ends_underlying {
            continue;
        }
        low.underlying = low_underlying;
        let low_class = match (starts_class, span.ends_class) {
            (true, true) => low_underlying,
            (true, false) => {
                class = underlying;
                low_underlying
            }
            (false, _) => arch.dispatch(Gather { sums: &mut class, more: &underlying }),
        };
        if span.ends_class {
            low.class = low_class;
        }
        starts_class = span.ends_class;
    }
}

/// What an order adds to a scenario: its profit and loss if it is filled there, and nothing if that is a profit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OrderLine<'a> {
    pub(crate) row: &'a Row,
    pub(crate) scaled: i32,
    /// What filling costs beside the scenario: distance of limit from mark, and fee.
    pub(crate) cost: i64,
}

#[inline(always)]
fn order_chunk<const CHUNK: usize>(order: &OrderLine<'_>) -> [i64; LANES] {
    let mut worst = [0; LANES];
    let (row, scaled) = (chunk_of::<CHUNK, _>(&order.row.0), i64::from(order.scaled));
    for lane in 0..LANES {
        let filled = scaled.wrapping_mul(i64::from(row[lane]));
        worst[lane] = filled.wrapping_sub(order.cost).min(0);
    }
    worst
}

#[inline(always)]
fn check_chunk<const CHUNK: usize, const LEVELS: usize>(
    order: &OrderLine<'_>,
    vectors: [&Vector; LEVELS],
    least: &mut [[i64; LANES]; LEVELS],
) {
    let worst = order_chunk::<CHUNK>(order);
    for (vector, least) in vectors.iter().zip(least) {
        let mut sums = *chunk_of::<CHUNK, _>(&vector.0);
        add_sums(&mut sums, &worst);
        lower(least, &sums);
    }
}

/// A check of an order, to be compiled for each instruction set.
struct Check<'a, const LEVELS: usize> {
    order: &'a OrderLine<'a>,
    vectors: [&'a Vector; LEVELS],
}

impl<const LEVELS: usize> pulp::WithSimd for Check<'_, LEVELS> {
    type Output = [i64; LEVELS];

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> [i64; LEVELS] {
        let mut least = [[i64::MAX; LANES]; LEVELS];
        check_chunk::<0, LEVELS>(self.order, self.vectors, &mut least);
        check_chunk::<1, LEVELS>(self.order, self.vectors, &mut least);
        check_chunk::<2, LEVELS>(self.order, self.vectors, &mut least);
        let mut lows = [0; LEVELS];
        for (low, least) in lows.iter_mut().zip(&least) {
            *low = lowest(least);
        }
        lows
    }
}

/// Returns the lowest sum of each vector once an order is added to it.
#[inline]
pub(crate) fn lows_with_order<const LEVELS: usize>(
    arch: pulp::Arch,
    order: &OrderLine<'_>,
    vectors: [&Vector; LEVELS],
) -> [i64; LEVELS] {
    arch.dispatch(Check { order, vectors })
}

/// Adds an order to a vector, or takes it out again.
pub(crate) fn add_order(vector: &mut Vector, order: &OrderLine<'_>, take_out: bool) {
    fn chunk<const CHUNK: usize>(vector: &mut Vector, order: &OrderLine<'_>, take_out: bool) {
        let mut worst = order_chunk::<CHUNK>(order);
        if take_out {
            worst.iter_mut().for_each(|value| *value = value.wrapping_neg());
        }
        add_sums(chunk_of_mut::<CHUNK, _>(&mut vector.0), &worst);
    }
    chunk::<0>(vector, order, take_out);
    chunk::<1>(vector, order, take_out);
    chunk::<2>(vector, order, take_out);
}

/// Adds lots to a vector.
pub(crate) fn add_position(vector: &mut Vector, row: &Row, scaled: i32) {
    for (sums, values) in vector.0.iter_mut().zip(&row.0) {
        add_lots(sums, values, scaled);
    }
}

/// Adds a vector to another.
pub(crate) fn add_vector(vector: &mut Vector, more: &Vector) {
    for (sums, values) in vector.0.iter_mut().zip(&more.0) {
        add_sums(sums, values);
    }
}

#[inline(always)]
fn lowest_sum(vector: &Vector) -> i64 {
    let mut least = [i64::MAX; LANES];
    for sums in &vector.0 {
        lower(&mut least, sums);
    }
    lowest(&least)
}

/// Returns the lowest sum of a vector.
pub(crate) fn lowest_of(vector: &Vector) -> i64 {
    lowest_sum(vector)
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "test values are drawn inside the narrow type")]
mod tests {
    use super::*;

    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ (z >> 31)
        }

        fn within(&mut self, most: i64) -> i64 {
            (self.next() >> 1).cast_signed() % (2 * most + 1) - most
        }

        fn row(&mut self) -> Row {
            let mut row = Row::ZERO;
            row.0.iter_mut().flatten().for_each(|value| *value = self.within(1 << 28) as i32);
            row
        }
    }

    fn naive(rows: &[Row], entries: &[Entry]) -> Vec<i128> {
        (0..SCENARIOS)
            .map(|scenario| {
                entries
                    .iter()
                    .map(|entry| {
                        let row = &rows[entry.slot as usize];
                        let value = row.0[scenario / LANES][scenario % LANES];
                        i128::from(entry.scaled) * i128::from(value)
                    })
                    .sum()
            })
            .collect()
    }

    fn low(sums: &[i128]) -> i64 {
        i64::try_from(*sums.iter().min().unwrap()).unwrap()
    }

    /// Returns every compiled path that this machine can take.
    fn paths() -> Vec<pulp::Arch> {
        InstructionSet::available().filter_map(InstructionSet::arch).collect()
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits_whatever_the_input() {
        // Far outside the bound of the sums, where they wrap.
        let mut random = Random(0xB175);
        let extremes = [i32::MIN, i32::MIN + 1, -1, 0, 1, i32::MAX - 1, i32::MAX];
        let any = |random: &mut Random| match random.next() % 4 {
            0 => extremes[usize::try_from(random.next() % 7).unwrap()],
            _ => random.next() as i32,
        };
        let mut rows = vec![Row::ZERO; 16];
        rows.iter_mut()
            .flat_map(|row| row.0.as_flattened_mut())
            .for_each(|v| *v = any(&mut random));
        let paths = paths();
        for case in 0..100_000_usize {
            let entries: Vec<Entry> = (0..1 + random.next() % 5)
                .map(|_| Entry { slot: (random.next() % 17) as u32, scaled: any(&mut random) })
                .collect();
            let (first, second) = entries.split_at(entries.len() / 2);
            let span = |entries: &[Entry], ends_class| Span {
                group: 0,
                entries: entries.len() as u32,
                ends_underlying: ends_class || case % 3 == 0,
                ends_class,
            };
            let spans = [span(first, case % 5 == 0), span(second, true)];
            let order = OrderLine {
                row: &rows[case % 16],
                scaled: any(&mut random),
                cost: random.next().cast_signed(),
            };
            let mut vector = Vector::ZERO;
            add_position(&mut vector, &rows[(case + 5) % 16], any(&mut random));
            let seen: Vec<_> = (paths.iter())
                .map(|arch| {
                    let mut lows = [Lows::HIGHEST; 2];
                    sweep(*arch, &rows, &entries, &spans, &mut lows);
                    (lows, lows_with_order(*arch, &order, [&vector, &Vector::ZERO]))
                })
                .collect();
            assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "case {case}: {seen:?}");
        }
    }

    #[test]
    fn every_instruction_set_sums_as_wide_integers_do() {
        let mut random = Random(0x5EED);
        let rows: Vec<Row> = (0..40).map(|_| random.row()).collect();
        for _ in 0..4_000 {
            let mut entries = Vec::new();
            let mut spans = Vec::new();
            let mut expected = Vec::new();
            let (mut underlying, mut class) = (vec![0; SCENARIOS], vec![0; SCENARIOS]);
            let add = |sums: &mut Vec<i128>, more: &[i128]| {
                sums.iter_mut().zip(more).for_each(|(sum, value)| *sum += value);
            };
            let count = 1 + random.next() % 5;
            for group in 0..count {
                let run: Vec<Entry> = (0..1 + random.next() % 6)
                    .map(|_| Entry {
                        slot: (random.next() % 40) as u32,
                        // Up to the bound: 30 entries of 2^28 · 2^29.
                        scaled: random.within(1 << 29) as i32,
                    })
                    .collect();
                let last = group + 1 == count;
                let ends_class = last || random.next().is_multiple_of(4);
                let ends_underlying = ends_class || random.next().is_multiple_of(2);
                let sums = naive(&rows, &run);
                add(&mut underlying, &sums);
                let mut lows = Lows { group: low(&sums), ..Lows::HIGHEST };
                if ends_underlying {
                    lows.underlying = low(&underlying);
                    add(&mut class, &underlying);
                    underlying = vec![0; SCENARIOS];
                }
                if ends_class {
                    lows.class = low(&class);
                    class = vec![0; SCENARIOS];
                }
                spans.push(Span {
                    group: group as u32,
                    entries: run.len() as u32,
                    ends_underlying,
                    ends_class,
                });
                entries.extend(run);
                expected.push(lows);
            }
            for arch in paths() {
                let mut lows = vec![Lows::HIGHEST; spans.len()];
                sweep(arch, &rows, &entries, &spans, &mut lows);
                assert_eq!(lows, expected, "{arch:?}");
            }
        }
    }

    #[test]
    fn every_instruction_set_adds_orders_as_wide_integers_do() {
        let mut random = Random(0x0DDE);
        for _ in 0..4_000 {
            let (base, row) = (random.row(), random.row());
            let mut vector = Vector::ZERO;
            add_position(&mut vector, &base, random.within(1 << 30) as i32);
            let before = vector;
            let order = OrderLine {
                row: &row,
                scaled: random.within(1 << 30) as i32,
                cost: random.within(1 << 50),
            };
            let expected: Vec<i128> = (before.0.iter().flatten())
                .zip(row.0.iter().flatten())
                .map(|(sum, value)| {
                    let filled = i128::from(order.scaled) * i128::from(*value);
                    i128::from(*sum) + (filled - i128::from(order.cost)).min(0)
                })
                .collect();
            for arch in paths() {
                let [first, second] = lows_with_order(arch, &order, [&vector, &vector]);
                assert_eq!((first, second), (low(&expected), low(&expected)));
            }
            add_order(&mut vector, &order, false);
            let after: Vec<i128> = vector.0.iter().flatten().map(|sum| i128::from(*sum)).collect();
            assert_eq!(after, expected);
            assert_eq!(lowest_of(&vector), low(&expected));
            add_order(&mut vector, &order, true);
            assert_eq!(vector, before, "an order taken out leaves nothing behind");
        }
    }
}
