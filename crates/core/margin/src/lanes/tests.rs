//! Every instruction set against wide integers, and against the others where sums wrap.

use super::*;
use crate::basis::BasisMoves;
use crate::strikes::PART_BITS;
use random::Random;
use std::collections::BTreeMap;

/// A level of a path.
type Level = fn(&Path) -> (u32, i64);

/// Returns a number of at most a magnitude.
fn within(random: &mut Random, most: i64) -> i64 {
    (random.word() >> 1).cast_signed() % (2 * most + 1) - most
}

fn any_row(random: &mut Random) -> Row {
    let mut row = Row::ZERO;
    row.0.iter_mut().flatten().for_each(|value| *value = within(random, 1 << 28) as i32);
    row
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

/// Returns what lines gain in the basis scenario: what moves alone, each at its worst, and each expiry at its worst.
fn naive_basis(keys: &[Key], bases: &[BasisMoves], lines: &[Line]) -> i64 {
    let mut sum = 0;
    let mut expiries: BTreeMap<u32, [i64; 2]> = BTreeMap::new();
    for line in lines {
        let key = &keys[line.slot as usize];
        let [fallen, risen] = bases[line.slot as usize].times(line.lots.into());
        match key.basis {
            Unit::Still => {}
            Unit::Alone => sum += fallen.min(risen).min(0),
            Unit::Expiry => {
                let sums = expiries.entry(key.group).or_default();
                *sums = [sums[0] + fallen, sums[1] + risen];
            }
        }
    }
    sum + expiries.values().map(|[fallen, risen]| *fallen.min(risen).min(&0)).sum::<i64>()
}

/// Makes every third row move alone in the basis scenario, and every third with its group.
fn move_bases(keys: &mut [Key], mut any: impl FnMut() -> i64) -> Vec<BasisMoves> {
    let units = [Unit::Still, Unit::Alone, Unit::Expiry];
    for (key, unit) in keys.iter_mut().zip(units.into_iter().cycle()) {
        key.basis = unit;
    }
    keys.iter().map(|_| BasisMoves { fallen: any(), risen: any() }).collect()
}

/// Returns every compiled path that this machine can take.
fn arches() -> Vec<pulp::Arch> {
    InstructionSet::available().filter_map(InstructionSet::arch).collect()
}

/// Returns a path whose shares tell the levels apart.
fn path([group, underlying, class]: [u32; 3]) -> Path {
    Path {
        group: (group, 3 + i64::from(group)),
        underlying: (underlying, 1_000 + i64::from(underlying)),
        class: (class, 1_000_000 + i64::from(class)),
        stage: 0,
        late: 0,
    }
}

/// The same knots for each underlying: at scenarios, next to them and between them.
fn knots(random: &mut Random) -> Vec<Vec<Knot>> {
    let whole = 1 << PART_BITS;
    let steps = (0..40).map(|_| random.word() as u32 % (10 * whole));
    let knots =
        [0, 1, whole - 1, whole, 5 * whole, 10 * whole].into_iter().chain(steps).map(Knot::at);
    vec![knots.collect(); 2_000]
}

/// Makes every other group expire before the end of stage one or two, with second rows, of which every other bends; returns the
/// rows of each stage.
fn expire(
    matrix: &mut Matrix,
    keys: &mut [Key],
    paths: &mut [Path],
    mut row: impl FnMut() -> Row,
) -> [Vec<Row>; 3] {
    let mut stages = [const { Vec::new() }; 3];
    let mut late = 0u32;
    let mut last = None;
    for (slot, key) in (0u32..).zip(keys) {
        let path = &mut paths[key.group as usize];
        if key.group % 2 == 1 && last != Some(key.group) {
            (path.stage, path.late) = (1 + key.group / 2 % 2, late.wrapping_sub(slot));
        }
        last = Some(key.group);
        if path.stage > 0 {
            matrix.push_late(row(), row());
            late += 1;
            if late.is_multiple_of(2) {
                key.bend();
            }
        }
        for (stage, rows) in (0u32..).zip(&mut stages) {
            rows.push(*matrix.row_at(slot, path, stage).unwrap());
        }
    }
    stages
}

#[test]
fn every_instruction_set_gives_the_same_bits_whatever_the_input() {
    // Far outside the bound of the sums, where they wrap.
    let mut random = Random::new(0xB175);
    let extremes = [i32::MIN, i32::MIN + 1, -1, 0, 1, i32::MAX - 1, i32::MAX];
    let any = |random: &mut Random| match random.word() % 4 {
        0 => extremes[usize::try_from(random.word() % 7).unwrap()],
        _ => random.word() as i32,
    };
    let mut rows = vec![Row::ZERO; 16];
    rows.iter_mut().flat_map(|row| row.0.as_flattened_mut()).for_each(|v| *v = any(&mut random));
    let mut matrix: Matrix = rows.iter().copied().collect();
    let arches = arches();
    // Two rows to a group, three groups to an underlying, two underlyings to a class.
    let mut paths: Vec<Path> = (0..8).map(|group| path([group, group / 3, group / 6])).collect();
    let mut keys: Vec<Key> =
        (0..16).map(|row| Key::of(&paths[row / 2], (row % 3) as u8, 7)).collect();
    let bases = move_bases(&mut keys, || random.word().cast_signed());
    matrix = matrix.with_knots(knots(&mut random));
    expire(&mut matrix, &mut keys, &mut paths, || {
        let mut row = Row::ZERO;
        row.0.as_flattened_mut().iter_mut().for_each(|value| *value = any(&mut random));
        row
    });
    for case in 0..100_000_usize {
        let entries: Vec<Line> = (0..1 + random.word() % 5)
            .map(|_| Line { slot: (random.word() % 17) as u32, lots: any(&mut random) })
            .collect();
        let order = OrderLine {
            row: &rows[case % 16],
            late: &rows[case % 16],
            scaled: any(&mut random),
            cost: random.word().cast_signed(),
            unit: 0,
            basis: [0; 2],
            slot: 0,
            bends: false,
        };
        let mut vector = Vector::ZERO;
        add_position(&mut vector, &rows[(case + 5) % 16], any(&mut random));
        let seen: Vec<_> = (arches.iter())
            .map(|arch| {
                let (matrix, keys, bases, paths) = (&matrix, &keys, &bases[..], &paths);
                let lines = &entries[..];
                let held =
                    Sweep::<false, true, false> { matrix, lines, keys, bases, paths, stage: 0 };
                let stage = (case % 3) as u32;
                let swept = Sweep::<true, true, false> { matrix, lines, keys, bases, paths, stage };
                let bent = Sweep::<true, true, true> { matrix, lines, keys, bases, paths, stage };
                let scans = (held.scan(*arch), swept.scan(*arch), bent.scan(*arch));
                (scans, lows_with_order(*arch, &order, [&vector, &Vector::ZERO]))
            })
            .collect();
        assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "case {case}: {seen:?}");
    }
}

#[test]
fn every_instruction_set_sums_as_wide_integers_do() {
    // 0019-MARG-006, 023, 042
    let mut random = Random::new(0x5EED);
    let rows: Vec<Row> = (0..40).map(|_| any_row(&mut random)).collect();
    let places = knots(&mut random);
    let mut lower = 0;
    for case in 0..4_000 {
        // Groups, underlyings and classes of random sizes, and some of the rows in margin order.
        let (mut keys, mut paths) = (Vec::new(), Vec::new());
        let mut at = [0; 3];
        for row in 0..40 {
            if row == 0 || random.word().is_multiple_of(4) {
                at[2] += u32::from(random.word().is_multiple_of(4));
                at[1] += u32::from(random.word().is_multiple_of(3));
                at[0] = paths.len() as u32;
                paths.push(path([at[0], at[1] + 50 * at[2], at[2]]));
            }
            keys.push(Key::of(
                &paths[at[0] as usize],
                (random.word() % 4) as u8,
                within(&mut random, 1 << 20).abs(),
            ));
        }
        let bases = move_bases(&mut keys, || within(&mut random, 1 << 28));
        let mut matrix: Matrix = rows.iter().copied().collect();
        let late: Vec<Row> = (0..8).map(|_| any_row(&mut random)).collect();
        let mut next = late.iter().cycle();
        matrix = matrix.with_knots(places.clone());
        let stages = expire(&mut matrix, &mut keys, &mut paths, || *next.next().unwrap());
        let stage = case % 3;
        let bends_of = |line: &Line, knot: usize| {
            let (key, path) =
                (&keys[line.slot as usize], &paths[keys[line.slot as usize].group as usize]);
            let bend = matrix.bend_at(line.slot, path, stage as u32).filter(|_| key.bends());
            bend.map_or(0, |bend| i128::from(bend.0.as_flattened()[knot]))
        };
        // Some accounts of a dozen lines, some of one or two.
        let sparse = if random.word().is_multiple_of(2) { 3 } else { 30 };
        let lines: Vec<Line> = (0..40)
            .filter(|_| random.word().is_multiple_of(sparse))
            .collect::<Vec<u32>>()
            .into_iter()
            // Up to the bound: 40 lines of 2^28 · 2^3 · 2^26.
            .map(|slot| Line { slot, lots: within(&mut random, 1 << 26) as i32 })
            .collect();
        let scaled: Vec<Line> = (lines.iter())
            .map(|line| Line { lots: keys[line.slot as usize].scaled(line.lots), ..*line })
            .collect();
        let path_of = |line: &Line| paths[keys[line.slot as usize].group as usize];
        let (mut expected, mut expected_bent) = (0, 0);
        let levels: [Level; 3] = [|path| path.group, |path| path.underlying, |path| path.class];
        for level in levels {
            let mut numbers: Vec<(u32, i64)> =
                lines.iter().map(|line| level(&path_of(line))).collect();
            numbers.dedup();
            for (number, share) in numbers {
                let within = |line: &Line| level(&path_of(line)).0 == number;
                let run: Vec<Line> = scaled.iter().copied().filter(within).collect();
                let hidden = |line: &Line| keys[line.slot as usize].reserved(line.lots);
                let reserve: i64 = lines.iter().filter(|line| within(line)).map(hidden).sum();
                let unscaled: Vec<Line> = lines.iter().copied().filter(within).collect();
                let basis = naive_basis(&keys, &bases, &unscaled);
                let sums = naive(&stages[stage], &run);
                let loss = (reserve - low(&sums)).max(-basis);
                expected += i128::from(share) * i128::from(loss);
                // Wide integers, over a knot's part of a step.
                let at_knots = (0..places[0].len()).map(|number| {
                    let knot = places[0][number];
                    let [below, above] = knot.sides().map(|side| sums[side]);
                    let (part, whole) = (i128::from(knot.part()), 1 << PART_BITS);
                    let bend = |line: &Line| i128::from(line.lots) * bends_of(line, number);
                    let bends = run.iter().map(bend).sum::<i128>();
                    (below * (whole - part) + above * part + bends * whole).div_euclid(whole)
                });
                let bent = i64::try_from(at_knots.min().unwrap()).unwrap().min(low(&sums));
                expected_bent += i128::from(share) * i128::from((reserve - bent).max(-basis));
            }
        }
        lower += u32::from(expected_bent > expected);
        for arch in arches() {
            let (matrix, keys, paths, lines) = (&matrix, &keys[..], &paths[..], &lines[..]);
            let bases = &bases[..];
            let at = stage as u32;
            let sweep = Sweep::<true, true, false> { matrix, lines, keys, bases, paths, stage: at };
            assert_eq!(sweep.scan(arch), Some(expected), "{arch:?} in stage {stage}");
            let bent = Sweep::<true, true, true> { matrix, lines, keys, bases, paths, stage: at };
            assert_eq!(bent.scan(arch), Some(expected_bent), "{arch:?} in stage {stage}, bent");
            if stage == 0 {
                let held =
                    Sweep::<false, true, false> { matrix, lines, keys, bases, paths, stage: 0 };
                assert_eq!(held.scan(arch), Some(expected), "{arch:?}");
            }
        }
    }
    assert!(lower > 1_000, "a knot was the worst of {lower} accounts");
}

#[test]
fn every_instruction_set_adds_orders_as_wide_integers_do() {
    let mut random = Random::new(0x0DDE);
    for _ in 0..4_000 {
        let (base, row) = (any_row(&mut random), any_row(&mut random));
        let mut vector = Vector::ZERO;
        add_position(&mut vector, &base, within(&mut random, 1 << 30) as i32);
        let before = vector;
        let order = OrderLine {
            row: &row,
            late: &row,
            scaled: within(&mut random, 1 << 30) as i32,
            cost: within(&mut random, 1 << 50),
            unit: 0,
            basis: [0; 2],
            slot: 0,
            bends: false,
        };
        let expected: Vec<i128> = (before.0.iter().flatten())
            .zip(row.0.iter().flatten())
            .map(|(sum, value)| {
                let filled = i128::from(order.scaled) * i128::from(*value);
                i128::from(*sum) + (filled - i128::from(order.cost)).min(0)
            })
            .collect();
        for arch in arches() {
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
