//! Every instruction set against wide integers, and against the others where sums wrap.

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

fn naive(rows: &[Row], entries: &[Line]) -> Vec<i128> {
    (0..SCENARIOS)
        .map(|scenario| {
            entries
                .iter()
                .map(|line| {
                    let row = &rows[line.slot as usize];
                    let value = row.0[scenario / LANES][scenario % LANES];
                    i128::from(line.lots) * i128::from(value)
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
    rows.iter_mut().flat_map(|row| row.0.as_flattened_mut()).for_each(|v| *v = any(&mut random));
    let matrix = rows.iter().copied().collect();
    let paths = paths();
    for case in 0..100_000_usize {
        let entries: Vec<Line> = (0..1 + random.next() % 5)
            .map(|_| Line { slot: (random.next() % 17) as u32, lots: any(&mut random) })
            .collect();
        let (first, second) = entries.split_at(entries.len() / 2);
        let span = |entries: &[Line], ends_class| Span {
            group: 0,
            lines: entries.len() as u32,
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
                sweep(*arch, &matrix, &entries, &spans, &mut lows);
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
    let matrix = rows.iter().copied().collect();
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
            let run: Vec<Line> = (0..1 + random.next() % 6)
                .map(|_| Line {
                    slot: (random.next() % 40) as u32,
                    // Up to the bound: 30 entries of 2^28 · 2^29.
                    lots: random.within(1 << 29) as i32,
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
                lines: run.len() as u32,
                ends_underlying,
                ends_class,
            });
            entries.extend(run);
            expected.push(lows);
        }
        for arch in paths() {
            let mut lows = vec![Lows::HIGHEST; spans.len()];
            sweep(arch, &matrix, &entries, &spans, &mut lows);
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
            let mut turned = before;
            add_order(arch, &mut turned, &order, false);
            let after: Vec<i128> = turned.0.iter().flatten().map(|sum| i128::from(*sum)).collect();
            assert_eq!(after, expected);
            assert_eq!(lowest_of(&turned), low(&expected));
            add_order(arch, &mut turned, &order, true);
            assert_eq!(turned, before, "an order taken out leaves nothing behind");
        }
    }
}
