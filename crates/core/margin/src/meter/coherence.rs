//! Margin against exact arithmetic, and monotonicity, on random accounts: both take the rows of the matrix apart.

use super::{Beside, Meter, read_wide, scan};
use crate::bounds::CHARGE_BITS;
use crate::holdings::Holdings;
use crate::lanes::{InstructionSet, Line, Matrix, Row, dispatch};
use crate::matrix::{Shocks, shocks};
use crate::risk::{Charges, Group, Risk, Slot, Terms};
use crate::scenario::{SCENARIOS, STANDARD};
use crate::strikes::{Knot, PART_BITS};
use crate::valuation::{OptionValuer, VolMultipliers};
use crate::weights::Weighing;
use num_bigint::BigInt;
use protocol::{Contract, Right};
use std::collections::{BTreeMap, BTreeSet};
use units::{BlockTime, Notional, Price, Round};

use support::{BTC_ASSET, House, Random};

#[path = "../../tests/support/mod.rs"]
mod support;

/// Profits are counted in 10⁻²¹ micro-dollars: a millionth of a weight, a millionth of a shock, a billionth of a unit.
const PROFIT_SCALE: u128 = 1_000_000_000_000_000_000_000;

/// Whatever may count beside the set of scenarios does.
const EVERYTHING: Beside = Beside { soon: true, basis: true, bends: true };

/// The least and the greatest that a lot may exactly gain in each scenario. They differ for options alone, by what the
/// price rounds away.
struct Exact {
    least: [i128; SCENARIOS],
    greatest: [i128; SCENARIOS],
    /// The same at each knot, in 2⁻²⁴ of it, as it is held.
    knots: Vec<[BigInt; 2]>,
}

/// Parts of a step in which the place of a knot is told.
const PARTS: i128 = 1 << PART_BITS;

/// Returns what lies at a knot between the profits in two scenarios, in 2⁻²⁴ of them.
fn between(knot: Knot, profits: impl Fn(usize) -> i128) -> BigInt {
    let [below, above] = knot.sides().map(profits);
    let part = i128::from(knot.part());
    BigInt::from(below) * (PARTS - part) + BigInt::from(above) * part
}

/// Returns what a lot exactly gains at a knot, of an option that fades into what it pays.
fn exact_bend(
    knot: Knot,
    profits: &[i128; SCENARIOS],
    (right, strike): (Right, Price),
    (terms, moves, left): (&Terms, &Shocks, i128),
    (size, mark): (i128, i128),
) -> BigInt {
    let scale = 1_000_000_000_000 * size;
    let value = between(knot, |number| profits[number] / scale + mark);
    let forward = |number: usize| terms.expiry.moved(moves[number]).unwrap().price().micros();
    let strike = strike.micros() - terms.expiry.fixed.micros();
    let above = between(knot, forward) - BigInt::from(strike) * PARTS;
    let pays = if right == Right::Call { above } else { -above }.max(BigInt::from(0));
    let pays = pays.min(value.clone());
    let faded = value * left + pays * (1_000_000 - left);
    (faded - BigInt::from(mark) * PARTS * 1_000_000) * 1_000_000 * size
}

/// Returns the exact profits of a lot of every row, from the market data and not from the row.
fn exact_rows(house: &House, risk: &Risk) -> Vec<Exact> {
    (risk.slots.iter().zip(&risk.terms))
        .map(|(slot, terms)| {
            let input = risk.underlying(slot.underlying).unwrap().input;
            let moves = shocks(&STANDARD, input.scan_hold);
            let size = slot.size.nanos();
            let mark = slot.mark.micros();
            let (least, greatest) = ([0; SCENARIOS], [0; SCENARIOS]);
            let mut exact = Exact { least, greatest, knots: Vec::new() };
            let valuer = match terms.contract {
                Some(Contract::Option { strike, right, .. }) => {
                    let moved = VolMultipliers::new(&house.parameters.vol, &terms.expiry).unwrap();
                    let valuer = OptionValuer::new(strike, terms.vol, &terms.expiry, &moved);
                    Some((valuer.unwrap(), right))
                }
                _ => None,
            };
            for (number, scenario) in STANDARD.iter().enumerate() {
                let weighted = scenario.weight.parts() * size;
                let shock = moves[number];
                let (least, greatest) = match &valuer {
                    Some((valuer, right)) => {
                        let forward = terms.expiry.moved(shock).unwrap();
                        let gained = |round| {
                            let value = valuer.value(*right, forward, scenario.vol, round);
                            (value.micros() - mark) * 1_000_000
                        };
                        (gained(Round::Down), gained(Round::Up))
                    }
                    None => {
                        let still =
                            terms.expiry.moving.micros() + terms.expiry.fixed.micros() - mark;
                        let moved = terms.expiry.moving.micros() * shock.parts();
                        (still * 1_000_000 + moved, still * 1_000_000 + moved)
                    }
                };
                exact.least[number] = least * weighted;
                exact.greatest[number] = greatest * weighted;
            }
            let group = risk.group(slot.group).unwrap();
            let left = left_of(group);
            for knot in risk.matrix_hold().knots(slot.underlying) {
                exact.knots.push([&exact.least, &exact.greatest].map(
                    |profits| match terms.contract {
                        Some(Contract::Option { strike, right, .. }) if left < 1_000_000 => {
                            let market = (terms, &moves, left);
                            exact_bend(*knot, profits, (right, strike), market, (size, mark))
                        }
                        _ => between(*knot, |number| profits[number]),
                    },
                ));
            }
            exact
        })
        .collect()
}

/// Returns what is left of an expiry past it, in parts per million, another way than the matrices do.
fn left_of(group: &Group) -> i128 {
    let Some(expires_at) = group.expires_at else { return 1_000_000 };
    let day = 86_400_000;
    let until_window = expires_at.millis() - support::NOW - 1_800_000;
    until_window.min(day).max(0) * 1_000_000 / day
}

/// Returns the greatest scan of 0019-MARG-023 in 2⁻²⁴ · 10⁻³⁹ micro-dollars: as things are held, and past each expiry of the next
/// day.
///
/// A lot gains `profit` in a scenario, and as much at a knot in 2⁻²⁴ of it, as it counts before its expiry or past it, and an
/// expiry counts `left` millionths; beside the set its lots gain `basis`.
fn exact_scan(
    risk: &Risk,
    lines: &[Line],
    (profit, at_knot): (impl Fn(&Line, usize, bool) -> i128, impl Fn(&Line, usize, bool) -> BigInt),
    (basis, left): (impl Fn(&[&Line]) -> i128, impl Fn(&Group, bool) -> i128),
) -> BigInt {
    let soon: BTreeSet<BlockTime> = (risk.groups.iter())
        .filter(|group| left_of(group) < 1_000_000)
        .filter_map(|group| group.expires_at)
        .collect();
    let stages = std::iter::once(None).chain(soon.into_iter().map(Some));
    let scans = stages.map(|until| {
        let groups = risk.groups.iter().enumerate().map(|(number, group)| {
            let past = until.is_some_and(|until| group.expires_at.is_some_and(|at| at <= until));
            let of_group = |line: &&Line| risk.slot(line.slot).unwrap().group as usize == number;
            let own: Vec<&Line> = lines.iter().filter(of_group).collect();
            let sum = |scenario| own.iter().map(|line| profit(line, scenario, past)).sum::<i128>();
            let left = BigInt::from(left(group, past));
            let mut gains: Vec<BigInt> =
                (0..SCENARIOS).map(|scenario| sum(scenario) * &left * PARTS).collect();
            // Beside the set, and the same whatever is left.
            gains.push(basis(&own) * BigInt::from(1_000_000 * PARTS));
            let bent = |knot| own.iter().map(|line| at_knot(line, knot, past)).sum::<BigInt>();
            let knots = risk.matrix_hold().knots(group.underlying).len();
            gains.extend((0..knots).map(|knot| bent(knot) * &left));
            gains
        });
        exact_stage(risk, &groups.collect::<Vec<_>>())
    });
    scans.max().unwrap()
}

/// Returns the scan of 0019-MARG-006 as it stands there, from what each expiry gains: `M_u`, then `M_c`, then their sum.
fn exact_stage(risk: &Risk, gains: &[Vec<BigInt>]) -> BigInt {
    let million = BigInt::from(1_000_000);
    let loss_of = |wanted: &dyn Fn(&Group) -> bool| -> BigInt {
        let own: Vec<_> =
            risk.groups.iter().zip(gains).filter(|(group, _)| wanted(group)).collect();
        let sum = |scenario: usize| own.iter().map(|(_, gains)| &gains[scenario]).sum::<BigInt>();
        let ways = own.first().map_or(0, |(_, gains)| gains.len());
        let least = (0..ways).map(sum).min().unwrap_or_default();
        (-least).max(BigInt::from(0))
    };
    let base = BigInt::from(50_000);
    let mut scan = BigInt::from(0);
    for (class_number, class) in risk.classes.iter().enumerate() {
        let kept = &million - BigInt::from(class.kept);
        let mut sum_of_margins = BigInt::from(0);
        let mut sum_of_excess = BigInt::from(0);
        let of_class = |underlying: u32| {
            usize::try_from(risk.underlying(underlying).unwrap().class).unwrap() == class_number
        };
        for underlying in 0..u32::try_from(risk.underlyings.len()).unwrap() {
            if !of_class(underlying) {
                continue;
            }
            let whole = loss_of(&|group: &Group| group.underlying == underlying);
            let mut margin = (&million - &base) * &whole;
            for (group, gains) in risk.groups.iter().zip(gains) {
                if group.underlying == underlying {
                    let loss = (-gains.iter().min().unwrap()).max(BigInt::from(0));
                    margin += BigInt::from(group.kept) * loss;
                }
            }
            sum_of_excess += &margin - &million * whole;
            sum_of_margins += margin;
        }
        let together = loss_of(&|group: &Group| of_class(group.underlying)) * &million;
        scan += &kept * sum_of_margins + (&million - &kept) * (together + sum_of_excess);
    }
    scan
}

/// Returns what lots of an expiry gain in the basis scenario: every perpetual falls or rises by itself, and what expires
/// together does so together.
fn exact_basis(risk: &Risk, lines: &[&Line]) -> i128 {
    let mut together = [0; 3];
    let mut gained = 0;
    for line in lines {
        let slot = risk.slot(line.slot).unwrap();
        let lots = i128::from(line.lots);
        let moved = [0, slot.basis.fallen, slot.basis.risen].map(|value| lots * i128::from(value));
        match risk.group(slot.group).unwrap().expires_at {
            Some(_) => together.iter_mut().zip(moved).for_each(|(sum, value)| *sum += value),
            None => gained += moved.into_iter().min().unwrap(),
        }
    }
    gained + together.into_iter().min().unwrap()
}

fn random_holdings(house: &House, risk: &Risk, random: &mut Random, most: i128) -> Holdings {
    let mut positions = house.random_positions(random, 8);
    for position in &mut positions {
        position.lots = units::Lots::from_count(random.between(-most, most));
    }
    let pledged = [(BTC_ASSET, units::Quantity::from_nanos(random.between(0, 1 << 36)))];
    let collateral = if random.below(4) == 0 { &pledged[..] } else { &[] };
    Holdings::new(risk, &positions, collateral).unwrap()
}

#[test]
fn margin_is_never_below_exact_arithmetic_and_above_it_by_its_reserves_at_most() {
    // 0019-MARG-004, 006, 012, 023, 042
    let house = House::expiring();
    let risk = house.risk();
    let exact = exact_rows(&house, &risk);
    let unit = BigInt::from(PROFIT_SCALE) * BigInt::from(1_000_000_000_000_000_000_u64) * PARTS;
    let left = |group: &Group, past: bool| if past { left_of(group) } else { 1_000_000 };
    let meter = Meter::new(&risk);
    let mut random = Random::new(0x0000_E8AC);
    let mut positions_within_48 = 0;
    for case in 0..6_000 {
        // Small positions are those of which the distance is promised in micro-dollars.
        let most = if case % 2 == 0 { 12 } else { 200_000 };
        let holdings = random_holdings(&house, &risk, &mut random, most);
        let lines = holdings.lines();
        let worst = |line: &Line, scenario: usize, _: bool| {
            let row = &exact[usize::try_from(line.slot).unwrap()];
            let gained = if line.lots > 0 { row.least[scenario] } else { row.greatest[scenario] };
            i128::from(line.lots) * gained
        };
        let best = |line: &Line, scenario: usize, _: bool| {
            let row = &exact[usize::try_from(line.slot).unwrap()];
            let gained = if line.lots > 0 { row.greatest[scenario] } else { row.least[scenario] };
            i128::from(line.lots) * gained
        };
        // What lies between two scenarios of what fades or does not bend; of what bends, what was worked out.
        let at_knot = |line: &Line, knot: usize, past: bool, is_worst: bool| {
            let row = &exact[usize::try_from(line.slot).unwrap()];
            let least = (line.lots > 0) == is_worst;
            let place = risk.matrix_hold().knots(risk.slot(line.slot).unwrap().underlying)[knot];
            let gained = match (past, least) {
                (true, true) => between(place, |number| row.least[number]),
                (true, false) => between(place, |number| row.greatest[number]),
                (false, least) => row.knots[knot][usize::from(!least)].clone(),
            };
            gained * line.lots
        };
        let worst = (worst, |line: &Line, knot, past| at_knot(line, knot, past, true));
        let best = (best, |line: &Line, knot, past| at_knot(line, knot, past, false));
        let scan = meter.read(&holdings, Notional::ZERO).unwrap().scan_hold;
        let scan = BigInt::from(scan.micros()) * &unit;
        let exact_worst = exact_scan(&risk, lines, worst, (|_| 0, left));
        assert!(scan >= exact_worst, "case {case}: less than exact");
        let mut above = BigInt::from(1_000_000);
        let mut positions = 0;
        for line in lines {
            let slot = risk.slot(line.slot).unwrap();
            let reserved = i128::from(line.lots).abs() * i128::from(slot.reserve);
            let kept = reserved * i128::from(slot.kept);
            above += BigInt::from(kept);
            if kept <= 47_000_000 {
                positions += 1;
            }
        }
        let distance = &scan - exact_scan(&risk, lines, best, (|_| 0, left));
        assert!(distance <= above * &unit / 1_000_000, "case {case}: more than the reserves above");
        if positions == lines.len() {
            let allowed = BigInt::from(48 * positions.max(1)) * &unit;
            assert!(distance <= allowed, "case {case}: 48 micro-dollars a position");
            positions_within_48 += positions;
        }
    }
    assert!(positions_within_48 > 5_000, "{positions_within_48}");
}

/// Returns exact charges in 2⁻¹⁶ micro-dollars: of every lot by its side, of naked short options, of lots above a knee.
fn exact_charges(risk: &Risk, lines: &[Line], of: impl Fn(&Slot) -> Charges) -> BigInt {
    let mut strikes: BTreeMap<u32, (i128, i128)> = BTreeMap::new();
    let mut sum = BigInt::from(0);
    for line in lines {
        let slot = risk.slot(line.slot).unwrap();
        let (charges, lots) = (of(slot), i128::from(line.lots));
        let rate = if lots > 0 { charges.long } else { charges.short };
        sum += BigInt::from(lots.abs() * i128::from(rate));
        sum += BigInt::from((lots - i128::from(charges.knee)).max(0) * i128::from(charges.beyond));
        if slot.strike > 0 {
            let held = strikes.entry(slot.strike).or_default();
            *held = (held.0 + lots, i128::from(charges.naked));
        }
    }
    let naked = strikes.values().map(|(lots, rate)| BigInt::from((-lots).max(0) * rate));
    sum + naked.sum::<BigInt>()
}

#[test]
fn margin_is_exact_over_the_matrix_that_everybody_has_whatever_the_lots() {
    // 0019-MARG-006, 007, 008, 012: rows, reserves and rates are public and whole; over these, sums and shares in rationals
    // against what an account must hold.
    let mut random = Random::new(0x0048_4848);
    let house = charged_house(&mut random);
    let risk = house.risk();
    let meter = Meter::new(&risk);
    let charged = risk.slots.iter().filter(|slot| slot.maintenance.long > 0).count();
    assert!(charged > 50 && !risk.is_single() && risk.slots.iter().any(|slot| slot.bits > 0));
    // 2⁻²⁴ · 10⁻¹⁸ of a scan, a millionth of the share of maintenance, 2⁻¹⁶ of a charge.
    let (scan_unit, million) =
        (BigInt::from(1_000_000_000_000_000_000_u64) * PARTS, BigInt::from(1_000_000));
    let unit = (&scan_unit * &million) << CHARGE_BITS;
    let (mut largest, mut measured) = (0, 0);
    for case in 0..6_000 {
        let most = 1 << random.below(26);
        let holdings = random_holdings(&house, &risk, &mut random, most);
        let lines = holdings.lines();
        let Ok(reading) = meter.read(&holdings, Notional::ZERO) else { continue };
        let scan_over = |matrix: &Matrix| {
            let profit = |line: &Line, scenario: usize, past: bool| {
                let slot = risk.slot(line.slot).unwrap();
                let path = risk.path(slot.group).unwrap();
                let stage = if past { path.stage } else { 0 };
                let row = matrix.row_at(line.slot, path, stage).unwrap();
                let (lots, value) = (i128::from(line.lots), row.0.as_flattened()[scenario]);
                ((lots * i128::from(value)) << slot.bits) - i128::from(slot.reserved(line.lots))
            };
            let at_knot = |line: &Line, knot: usize, past: bool| {
                let slot = risk.slot(line.slot).unwrap();
                let place = matrix.knots(slot.underlying)[knot];
                let path = risk.path(slot.group).unwrap();
                let stage = if past { path.stage } else { 0 };
                let bend = matrix.bend_at(line.slot, path, stage).filter(|_| slot.bends);
                let bend = bend.map_or(0, |bend| i128::from(bend.0.as_flattened()[knot]));
                let bend = BigInt::from(i128::from(line.lots) * bend) * (PARTS << slot.bits);
                between(place, |scenario| profit(line, scenario, past)) + bend
            };
            let basis = |lines: &[&Line]| exact_basis(&risk, lines);
            exact_scan(&risk, lines, (profit, at_knot), (basis, |_, _| 1_000_000))
        };
        let of_scan = |scan: &BigInt, share: u32| (scan * share) << CHARGE_BITS;
        let of_charges = |charges: BigInt| charges * &scan_unit * &million;
        let kept = of_scan(&scan_over(risk.matrix_hold()), 800_000);
        let maintenance = &kept + of_charges(exact_charges(&risk, lines, |slot| slot.maintenance));
        let new = of_scan(&scan_over(&risk.new), 1_000_000);
        let initial = new.max(kept) + of_charges(exact_charges(&risk, lines, |slot| slot.initial));
        for (held, exact) in [(reading.maintenance, maintenance), (reading.initial, initial)] {
            let above = BigInt::from(held.micros()) * &unit - exact;
            assert!(above >= BigInt::from(0), "case {case}: less than exact");
            assert!(
                above <= &unit * 3,
                "case {case}: three sums are rounded, each by less than one"
            );
        }
        largest = largest.max(reading.maintenance.micros());
        measured += 1;
    }
    assert!(measured > 5_000 && largest > 1_000_000_000_000_000, "{measured}, {largest}");
}

#[test]
fn losing_more_in_any_scenario_never_lowers_margin() {
    // 0019-MARG-012
    let house = House::new();
    let risk = house.risk();
    let matrix = risk.matrix_hold();
    let mut random = Random::new(0x0040_4040);
    let mut raised = 0;
    for case in 0..50_000 {
        let holdings = random_holdings(&house, &risk, &mut random, 2_000);
        let lines = holdings.lines();
        let before = scan(&risk, matrix, lines, EVERYTHING).unwrap();
        let mut worse: Vec<Row> = matrix.rows().to_vec();
        for line in holdings.lines() {
            let place = usize::try_from(line.slot).unwrap();
            let width = random.below(24);
            let loss = i32::try_from(random.below(1 << width)).unwrap();
            let scenario = usize::try_from(random.below(SCENARIOS as u64)).unwrap();
            for value in worse[place].0.iter_mut().flatten().skip(scenario).step_by(3) {
                *value -= loss * line.lots.signum();
            }
        }
        let after = scan(&risk, &worse.into_iter().collect(), lines, EVERYTHING).unwrap();
        assert!(after >= before, "case {case}: {after} after {before}");
        raised += u32::from(after > before);
    }
    assert!(raised > 20_000, "losses that do not show prove nothing: {raised}");
}

#[test]
fn one_more_scenario_never_lowers_margin() {
    // 0019-MARG-012: a set with one scenario less is a set in which that one gains nothing and loses nothing.
    let house = House::new();
    let risk = house.risk();
    let mut random = Random::new(0x5CE4);
    let fewer: Vec<Matrix> = (0..SCENARIOS)
        .map(|left_out| {
            let mut rows = risk.matrix_hold().rows().to_vec();
            for row in &mut rows {
                row.0.as_flattened_mut()[left_out] = 0;
            }
            rows.into_iter().collect()
        })
        .collect();
    let mut needed = 0;
    for case in 0..50_000 {
        let holdings = random_holdings(&house, &risk, &mut random, 2_000);
        let lines = holdings.lines();
        let all = scan(&risk, risk.matrix_hold(), lines, EVERYTHING).unwrap();
        let without = scan(&risk, &fewer[case % SCENARIOS], lines, EVERYTHING).unwrap();
        assert!(without <= all, "case {case}: {without} without, {all} with");
        needed += u32::from(without < all);
    }
    assert!(needed > 500, "scenarios that never are the worst prove nothing: {needed}");
}

#[test]
fn four_thousand_and_ninety_six_positions_are_summed_exactly() {
    // 0019-MARG-011
    let mut house = House::new();
    house.markets.clear();
    for id in 0..4_096_u32 {
        let strike = 30_000 + i128::from(id) * 15;
        let right = if id % 2 == 0 { protocol::Right::Call } else { protocol::Right::Put };
        let contract = support::option(30 + i128::from(id % 7) * 30, strike, right);
        let instrument = support::instrument(id, support::BTC, contract, support::BTC_LOT);
        house.markets.push(support::market(instrument, support::price(60_000), 6_000));
    }
    let risk = house.risk();
    let mut random = Random::new(0x1000);
    let greatest = risk.slots.iter().map(|slot| i128::from(slot.greatest)).max().unwrap();
    // The gross that is admitted, spread over every position.
    let most = crate::bounds::GROSS_ADMITTED / 4_096 / greatest;
    let positions: Vec<_> = (house.markets.iter())
        .map(|market| crate::Position {
            instrument: market.instrument.id,
            lots: units::Lots::from_count(if random.below(2) == 0 { most } else { -most }),
            cost: Notional::ZERO,
        })
        .collect();
    let portfolio = support::of(0, &positions);
    let meter = Meter::new(&risk);
    let holdings = Holdings::new(&risk, &positions, &[]).unwrap();
    let reading = meter.read(&holdings, Notional::ZERO).unwrap();
    let wide = crate::explain(&risk, &portfolio).unwrap();
    assert_eq!(wide.dollars_of("scan for risk held"), Some(reading.scan_hold));
    assert_eq!(wide.dollars_of("maintenance margin"), Some(reading.maintenance));
    assert!(reading.gross > crate::bounds::GROSS_ADMITTED / 8);
}

/// Returns a house in which every charge is there: collateral with a knee, marks between whole micro-dollars, funding,
/// spreads, two scan ranges and lots of a whole coin.
fn charged_house(random: &mut Random) -> House {
    let mut house = House::expiring();
    house.move_bases();
    for underlying in &mut house.underlyings {
        underlying.haircut_beyond = units::Ppm::from_parts(50_000);
        underlying.haircut_knee = support::dollars(1_000);
        underlying.spread = units::Ppm::from_parts(777);
        underlying.scan_hold = units::Ppm::from_parts(140_000);
        underlying.index = Price::from_micros(underlying.index.micros() + 123_457);
    }
    for market in &mut house.markets {
        market.mark = Price::from_micros(market.mark.micros() + random.between(0, 999_999));
        market.funding = units::Ppb::from_parts(random.between(-9_999, 9_999));
        if random.below(3) == 0 {
            market.instrument.contract_size = units::Quantity::from_nanos(1_000_000_007);
        }
    }
    house
}

#[test]
fn sums_in_64_bits_are_those_in_128_with_every_instruction_set() {
    // 0019-MARG-006, 008, 011, 016
    let mut random = Random::new(0x6412_8000);
    let risk = charged_house(&mut random).risk();
    assert!(!risk.is_single() && risk.slots.iter().any(|slot| slot.bits > 0));
    let house = House::expiring();
    let sets: Vec<_> = InstructionSet::available()
        .map(|set| risk.clone().with_instructions(set).unwrap())
        .collect();
    let mut narrow = 0;
    for case in 0..30_000 {
        // Lots of every magnitude, up to more than 64 bits can take.
        let most = 1 << random.below(24);
        let holdings = random_holdings(&house, &risk, &mut random, most);
        let wide = read_wide(&risk, &holdings, Notional::ZERO);
        let weighing = Weighing { risk: &risk, lines: holdings.lines() };
        narrow += u32::from(dispatch(risk.arch, weighing).unwrap().is_some());
        for risk in &sets {
            let found = Meter::new(risk).read(&holdings, Notional::ZERO);
            assert_eq!(found, wide, "case {case} with {:?}", risk.arch);
        }
    }
    assert!((10_000..29_000).contains(&narrow), "{narrow}");
}

#[test]
fn lots_of_which_charges_take_more_than_64_bits_are_counted_in_128() {
    // 0019-MARG-011: as many lots as there can be of a row are too many for the sums in 64 bits, and are summed all the same.
    let house = House::new();
    let risk = house.risk();
    let mut wide = 0;
    for market in &house.markets {
        for lots in [i32::MAX, i32::MIN + 1] {
            let position = crate::Position {
                instrument: market.instrument.id,
                lots: units::Lots::from_count(lots.into()),
                cost: Notional::ZERO,
            };
            let holdings = Holdings::new(&risk, &[position], &[]).unwrap();
            let weighing = Weighing { risk: &risk, lines: holdings.lines() };
            wide += u32::from(dispatch(risk.arch, weighing).unwrap().is_none());
            let found = Meter::new(&risk).read(&holdings, Notional::ZERO);
            let expected = crate::required(&risk, &support::of(0, &[position]));
            assert_eq!(
                found.map(|reading| (reading.equity, reading.initial, reading.maintenance)).ok(),
                expected.map(|all| (all.equity, all.initial, all.maintenance)).ok(),
            );
        }
    }
    assert!(wide > 100, "{wide}");
}

#[test]
fn a_row_is_the_same_whatever_rows_stand_beside_it() {
    // 0019-MARG-004, 005, 008: what neighbours share is computed once, and must be what they share.
    let mut random = Random::new(0x0000_A10E);
    let mut house = charged_house(&mut random);
    for market in &mut house.markets {
        if random.below(2) == 0 {
            market.vol = units::Vol::from_points(random.between(2_000, 9_000));
        }
        market.vol_uncertainty = units::Vol::from_points(random.between(0, 2) * 100);
    }
    let all = house.risk();
    let mut dearest: BTreeMap<u32, [i64; 2]> = BTreeMap::new();
    for market in &house.markets {
        let alone = House { markets: vec![*market], ..house.clone() }.risk();
        let place = |risk: &Risk| {
            let row = risk.row(market.instrument.id).unwrap().get();
            (
                *risk.slot(row).unwrap(),
                *risk.row_new(row).unwrap(),
                *risk.matrix_hold().row(row).unwrap(),
            )
        };
        let ((slot, new, hold), (slot_alone, new_alone, hold_alone)) = (place(&all), place(&alone));
        assert_eq!((new, hold), (new_alone, hold_alone), "{market:?}");
        let charges = |slot: &Slot| {
            let lots = |charges: Charges| Charges { naked: 0, ..charges };
            (lots(slot.initial), lots(slot.maintenance), slot.kept)
        };
        assert_eq!(charges(&slot), charges(&slot_alone), "{market:?}");
        let naked = [slot_alone.initial.naked, slot_alone.maintenance.naked];
        let most = dearest.entry(slot.strike).or_default();
        *most = [most[0].max(naked[0]), most[1].max(naked[1])];
    }
    // Short options of a strike are counted together, at the rate of the dearest.
    for slot in all.slots.iter().filter(|slot| slot.strike != 0) {
        assert_eq!([slot.initial.naked, slot.maintenance.naked], dearest[&slot.strike]);
    }
}
