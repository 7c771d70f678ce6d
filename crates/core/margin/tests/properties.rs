//! What margin promises of every account, on random portfolios.

mod support;

use margin::{
    AccountMargin, Ceiling, ClosingMargin, Cover, Explanation, Figure, Holdings, Meter, OpenOrder,
    OrderCeiling, Portfolio, Position, Risk, STANDARD, SideOrders, Sums, explain, required,
};
use protocol::Side;
use support::{BTC_ASSET, House, Random, alone, dollars, of};
use units::{Lots, Notional, Ppm, Quantity};

const SEED: u64 = 0x6E6F_7661_7469_6F6E;

/// Prints the seed of the case at hand if a test fails in it.
struct Reproduce(u64);

impl Drop for Reproduce {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("reproduce: case seed {:#x}", self.0);
        }
    }
}

fn cases(count: u64, mut case: impl FnMut(&mut Random)) {
    let mut seeds = Random::new(SEED);
    for _ in 0..count {
        let seed = seeds.word();
        let _reproduce = Reproduce(seed);
        case(&mut Random::new(seed));
    }
}

/// Houses without charges, with expiries of the next day, with two scan ranges, with high charges, and with all of it.
fn houses() -> [House; 5] {
    let mut two_matrices = House::new();
    two_matrices.underlyings[0].scan_new = Ppm::from_parts(200_000);
    let mut charged = House::rough();
    charged.underlyings[0].depth = Ppm::from_parts(50_000);
    charged.underlyings[1].depth_hold = Ppm::from_parts(1_000_000);
    charged.underlyings[1].volume_daily = dollars(1_000_000);
    [House::new(), House::expiring(), two_matrices, charged, House::rough()]
}

fn orders(house: &House, random: &mut Random, most: u64) -> Vec<OpenOrder> {
    (0..random.below(most + 1)).map(|_| house.random_order(random, None)).collect()
}

fn scan_of(risk: &Risk, positions: &[Position]) -> Notional {
    required(risk, &of(0, positions)).unwrap().scan_new
}

fn part_of<'a>(tree: &'a Explanation, label: &str) -> Option<&'a Explanation> {
    match tree.label == label {
        true => Some(tree),
        false => tree.parts.iter().find_map(|part| part_of(part, label)),
    }
}

/// Returns the losses of a part of a scan and of all below it, times their shares, in millionths of micro-dollars.
fn kept_of(part: &Explanation) -> i128 {
    let share = part.parts.iter().find_map(|held| match held.figure {
        Figure::Share(share) => Some(share.parts()),
        _ => None,
    });
    let below = part.parts.iter().filter(|held| matches!(held.figure, Figure::Dollars(_)));
    micros_of(part) * share.expect("it has a share") + below.map(kept_of).sum::<i128>()
}

/// Returns the scans that one is the greatest of: itself, and those of the stages that look past an expiry.
fn stages_of(scan: &Explanation) -> Vec<&Explanation> {
    match scan.parts.iter().any(|part| part.label == "as it is held") {
        true => scan.parts.iter().collect(),
        false => vec![scan],
    }
}

/// Returns what the terms of a scan add up to, rounded up.
fn terms_of(scan: &Explanation) -> i128 {
    let terms = scan.parts.iter().filter(|part| matches!(part.figure, Figure::Dollars(_)));
    (terms.map(kept_of).sum::<i128>() + 999_999) / 1_000_000
}

fn micros_of(part: &Explanation) -> i128 {
    match part.figure {
        Figure::Dollars(value) => value.micros(),
        other => panic!("no dollars: {other}"),
    }
}

#[test]
fn the_three_ways_to_measure_agree() {
    // 0019-MARG-006, 0019-MARG-015, 0019-MARG-023
    let (mut staged, mut decided) = (0, 0);
    for house in [House::new(), House::expiring(), House::rough()] {
        let risk = house.risk();
        let meter = Meter::new(&risk);
        cases(5_000, |random| {
            let positions = house.random_positions(random, 12);
            let collateral = [(BTC_ASSET, Quantity::from_nanos(random.between(0, 1 << 40)))];
            let orders = orders(&house, random, 4);
            let portfolio = Portfolio {
                cash: dollars(random.between(-100_000, 1_000_000)),
                positions: &positions,
                collateral: &collateral,
                orders: &orders,
            };
            let requirement = required(&risk, &portfolio).unwrap();
            let tree = explain(&risk, &portfolio).unwrap();
            for (label, value) in [
                ("equity", requirement.equity),
                ("initial margin", requirement.initial),
                ("scan for new risk", requirement.scan_new),
                ("charges in initial margin", requirement.charges_initial),
                ("maintenance margin", requirement.maintenance),
                ("scan for risk held", requirement.scan_hold),
                ("charges in maintenance margin", requirement.charges_maintenance),
                ("liquidation target", requirement.buffer),
            ] {
                assert_eq!(tree.dollars_of(label), Some(value), "{label}\n{tree}");
            }
            for label in ["scan for new risk", "scan for risk held"] {
                let whole = part_of(&tree, label).expect("it is explained");
                let stages = stages_of(whole);
                let greatest = stages.iter().map(|stage| micros_of(stage)).max().unwrap();
                assert_eq!(micros_of(whole), greatest, "{label}\n{tree}");
                for stage in &stages {
                    assert_eq!(micros_of(stage), terms_of(stage), "{label}\n{tree}");
                }
                staged += u32::from(stages.len() > 2);
                decided += u32::from(greatest > micros_of(stages[0]));
            }
            for label in ["charges in initial margin", "charges in maintenance margin"] {
                let whole = part_of(&tree, label).expect("it is explained");
                let parts: i128 = whole.parts.iter().map(micros_of).sum();
                // By underlying and expiry, for lots and for short options, each is rounded up.
                let above = parts - micros_of(whole);
                assert!((0..=16).contains(&above), "{label}: {above}\n{tree}");
            }
            let worst = format!("#{}", requirement.worst_scenario);
            assert_eq!(tree.parts.last().unwrap().figure.to_string(), worst);

            let holdings = Holdings::new(&risk, &positions, &collateral).unwrap();
            let reading = meter.read(&holdings, portfolio.cash).unwrap();
            let idle = required(&risk, &Portfolio { orders: &[], ..portfolio }).unwrap();
            assert_eq!(reading.equity, idle.equity);
            assert_eq!(reading.initial, idle.initial);
            assert_eq!(reading.maintenance, idle.maintenance);
            assert_eq!(reading.buffer, idle.buffer);
            assert_eq!(reading.scan_hold, idle.scan_hold);
        });
    }
    // Two expiries within a day, and accounts for which what remains past one counts.
    assert!(staged > 3_000 && decided > 1_000, "{staged} {decided}");
}

#[test]
fn the_ceiling_lets_in_only_what_the_account_covers() {
    // 0019-MARG-017
    for house in houses() {
        let risk = house.risk();
        let meter = Meter::new(&risk);
        let (mut let_in, mut short) = (0, 0);
        cases(3_000, |random| {
            let positions = house.random_positions(random, 12);
            let cash = dollars(random.between(0, 300_000));
            let holdings = Holdings::new(&risk, &positions, &[]).unwrap();
            let mut ceiling = Ceiling::new(&risk, &meter.read(&holdings, cash).unwrap(), &holdings);
            let portfolio = Portfolio { cash, positions: &positions, collateral: &[], orders: &[] };
            let mut account = AccountMargin::new(&risk, &portfolio).unwrap();
            let mut open: Vec<OpenOrder> = Vec::new();
            for _ in 0..12 {
                if random.below(4) == 0 && !open.is_empty() {
                    let place = usize::try_from(random.below(open.len() as u64)).unwrap();
                    let order = open.swap_remove(place);
                    account.remove(&order).unwrap();
                }
                let order = house.with_fee(house.random_order(random, None));
                let more = OrderCeiling::of(&risk, &alone(&order)).expect("it has a bound");
                let check = account.check(&order).unwrap();
                match ceiling.with(more) {
                    Some(with) => {
                        assert!(!matches!(check.cover(), Cover::Short(_)));
                        account.add(&order).unwrap();
                        open.push(order);
                        ceiling = with;
                        let_in += 1;
                    }
                    None => short += 1,
                }
            }
        });
        assert!(let_in > 1_000 && short > 1_000, "{let_in} let in, {short} left to the account");
    }
}

#[test]
fn the_ceiling_of_a_side_covers_all_its_orders() {
    // 0019-MARG-017
    for house in houses() {
        let risk = house.risk();
        let meter = Meter::new(&risk);
        let (mut let_in, mut one_by_one) = (0, 0);
        cases(3_000, |random| {
            let positions = house.random_positions(random, 6);
            let cash = dollars(random.between(0, 3_000_000));
            let place = usize::try_from(random.below(house.markets.len() as u64)).unwrap();
            let orders: Vec<_> =
                (0..=random.below(8)).map(|_| house.random_order(random, Some(place))).collect();
            let side = if random.below(2) == 0 { Side::Buy } else { Side::Sell };
            let orders: Vec<_> =
                (orders.iter()).map(|order| house.with_fee(OpenOrder { side, ..*order })).collect();
            let lots = orders.iter().fold(Lots::ZERO, |lots, order| lots.plus(order.lots).unwrap());
            let summed = SideOrders {
                instrument: orders[0].instrument,
                side,
                lots,
                lowest: orders.iter().map(|order| order.price).min().unwrap(),
                highest: orders.iter().map(|order| order.price).max().unwrap(),
                count: u32::try_from(orders.len()).unwrap(),
            };
            let holdings = Holdings::new(&risk, &positions, &[]).unwrap();
            let idle = Ceiling::new(&risk, &meter.read(&holdings, cash).unwrap(), &holdings);
            let mut each =
                orders.iter().map(|order| OrderCeiling::of(&risk, &alone(order)).unwrap());
            one_by_one += u32::from(each.try_fold(idle, Ceiling::with).is_some());
            let more = OrderCeiling::of(&risk, &summed).expect("it has a bound");
            let portfolio =
                Portfolio { cash, positions: &positions, collateral: &[], orders: &orders };
            let needs = required(&risk, &portfolio).unwrap();
            if idle.with(more).is_some() {
                assert!(needs.initial <= needs.equity, "{summed:?}");
                let_in += 1;
            }
            // Nothing but the side: a ceiling that forgets any part of it lets in what is a micro-dollar short.
            let alone = required(&risk, &Portfolio { positions: &[], ..portfolio }).unwrap();
            let short = alone.initial.minus(Notional::from_micros(1)).unwrap();
            let nothing = Holdings::new(&risk, &[], &[]).unwrap();
            let poor = Ceiling::new(&risk, &meter.read(&nothing, short).unwrap(), &nothing);
            assert_eq!(poor.with(more), None, "{summed:?}");
        });
        // A side is let in nearly as often as its orders one by one.
        assert!(let_in > 500 && let_in * 10 > one_by_one * 9, "{let_in} of {one_by_one}");
    }
}

#[test]
fn initial_margin_is_never_below_maintenance() {
    for house in [House::new(), House::rough()] {
        let risk = house.risk();
        cases(10_000, |random| {
            let positions = house.random_positions(random, 6);
            let requirement = required(&risk, &of(0, &positions)).unwrap();
            assert!(requirement.initial >= requirement.maintenance);
            assert!(requirement.buffer >= requirement.maintenance);
            assert!(requirement.maintenance >= Notional::ZERO);
        });
    }
}

#[test]
fn splitting_an_account_never_lowers_margin() {
    // 0019-MARG-012; impact is the charge that this does not hold for.
    let mut rough = House::rough();
    rough.parameters.impact = Ppm::ZERO;
    for house in [House::new(), House::expiring(), rough] {
        let risk = house.risk();
        cases(10_000, |random| {
            let whole = house.random_positions(random, 8);
            let (mut first, mut second) = (whole.clone(), whole.clone());
            for ((whole, first), second) in whole.iter().zip(&mut first).zip(&mut second) {
                // The parts may hold more than the whole, in opposite directions.
                first.lots = Lots::from_count(random.between(-3_000, 3_000));
                second.lots = whole.lots.minus(first.lots).unwrap();
            }
            let of_whole = required(&risk, &of(0, &whole)).unwrap();
            let of_first = required(&risk, &of(0, &first)).unwrap();
            let of_second = required(&risk, &of(0, &second)).unwrap();
            assert!(of_whole.initial <= of_first.initial.plus(of_second.initial).unwrap());
            assert!(
                of_whole.maintenance <= of_first.maintenance.plus(of_second.maintenance).unwrap()
            );
        });
    }
}

#[test]
fn margin_grows_in_proportion_to_the_account() {
    // 0019-MARG-012
    let house = House::expiring();
    let risk = house.risk();
    cases(10_000, |random| {
        let one = house.random_positions(random, 6);
        let times = random.between(2, 50);
        let many: Vec<Position> = one
            .iter()
            .map(|position| Position {
                lots: Lots::from_count(position.lots.count() * times),
                ..*position
            })
            .collect();
        let one = required(&risk, &of(0, &one)).unwrap();
        let many = required(&risk, &of(0, &many)).unwrap();
        // Each of the two sums in a margin is rounded up once.
        let slack = 2 * times;
        for (one, many) in [(one.scan_new, many.scan_new), (one.initial, many.initial)] {
            let exact = one.micros() * times;
            assert!((exact - slack..=exact).contains(&many.micros()), "{one} · {times} → {many}");
        }
    });
}

#[test]
fn adding_a_scenario_never_lowers_the_scan() {
    // 0019-MARG-012
    let house = House::new();
    let risk = house.risk();
    for left_out in 0..margin::SCENARIOS {
        let mut fewer = house.clone();
        // The scenario in which nothing moves adds nothing to the set.
        fewer.parameters.scenarios[left_out] = STANDARD[16];
        let fewer = fewer.risk();
        let mut seeds = Random::new(SEED + left_out as u64);
        for _ in 0..420 {
            let positions = house.random_positions(&mut seeds, 6);
            // Rows lose precision where a scenario with a large value goes; these lots are small enough for none to.
            assert!(scan_of(&risk, &positions) >= scan_of(&fewer, &positions));
        }
    }
}

#[test]
fn every_subset_of_open_orders_is_covered_and_the_worst_is_exact() {
    // 0019-MARG-010, 0019-MARG-040. One expiry: exact. Many: a bound. Within a day of it as long before, and with bases that move.
    subsets_are_covered(&House::new(), support::expiry(30), 15);
    let soon = units::BlockTime::from_millis(support::NOW + 300 * 60_000);
    subsets_are_covered(&House::expiring(), soon, 7);
    let mut moved = House::new();
    moved.move_bases();
    subsets_are_covered(&moved, support::expiry(30), 15);
}

fn subsets_are_covered(house: &House, expires_at: units::BlockTime, listed: u64) {
    let risk = house.risk();
    let one_expiry: Vec<usize> = (0..house.markets.len())
        .filter(|place| {
            let instrument = house.markets[*place].instrument;
            instrument.underlying == support::BTC
                && instrument.contract.expires_at() == Some(expires_at)
        })
        .collect();
    let meter = Meter::new(&risk);
    let mut twelves = 0;
    cases(240, |random| {
        for exact in [true, false] {
            let count = 1 + random.below(if exact { 12 } else { 5 });
            twelves += u32::from(count == 12);
            let positions: Vec<Position> = if exact {
                let place = usize::try_from(random.below(listed)).unwrap();
                let market = &house.markets[one_expiry[place]];
                vec![Position {
                    instrument: market.instrument.id,
                    lots: Lots::from_count(random.between(-500, 500)),
                    cost: Notional::ZERO,
                }]
            } else {
                house.random_positions(random, 4)
            };
            let orders: Vec<OpenOrder> = (0..count)
                .map(|_| {
                    let place =
                        one_expiry[usize::try_from(random.below(one_expiry.len() as u64)).unwrap()];
                    house.random_order(random, exact.then_some(place))
                })
                .collect();
            let portfolio = Portfolio { orders: &orders, ..of(0, &positions) };
            let with_orders = required(&risk, &portfolio).unwrap();
            let equity = with_orders.equity;
            let mut worst = i128::MIN;
            for subset in 0..1u32 << count {
                let filled = filled(house, &positions, &orders, subset);
                let holdings = Holdings::new(&risk, &filled.0, &[]).unwrap();
                // The house has one scan range for risk held and for new risk.
                let after = meter.read(&holdings, Notional::ZERO).unwrap();
                // What the fills cost in cash lowers equity just as it raises the requirement.
                let spent = equity.minus(after.equity).unwrap().plus(filled.1).unwrap();
                worst = worst.max(after.scan_hold.plus(spent).unwrap().micros());
            }
            if !exact {
                assert!(with_orders.scan_new.micros() >= worst, "a subset costs {worst}");
                return;
            }
            let lots = |lots: Lots| lots.magnitude().unwrap().count();
            let held: i128 = positions.iter().map(|position| lots(position.lots)).sum();
            let open: i128 = orders.iter().map(|order| lots(order.lots)).sum();
            // Rounding hides at most a unit of a row and two of pricing, and only where lots are short.
            let slack = 4 * (held + open) + 10;
            let bound = with_orders.scan_new.micros();
            assert!(bound >= worst && bound - slack <= worst, "{bound} against {worst}");
        }
    });
    assert!(twelves > 10, "{twelves} books of twelve orders");
}

/// Positions after a subset of orders has been filled at its limits, and the cash paid.
fn filled(
    house: &House,
    positions: &[Position],
    orders: &[OpenOrder],
    subset: u32,
) -> (Vec<Position>, Notional) {
    let mut positions = positions.to_vec();
    let mut paid = Notional::ZERO;
    for (place, order) in orders.iter().enumerate() {
        if subset & (1 << place) == 0 {
            continue;
        }
        let market =
            house.markets.iter().find(|market| market.instrument.id == order.instrument).unwrap();
        let lots = match order.side {
            protocol::Side::Buy => order.lots,
            protocol::Side::Sell => order.lots.negated().unwrap(),
        };
        let size = market.instrument.contract_size;
        let value = lots.value(order.price, size, units::Round::Up).unwrap();
        paid = paid.plus(value).unwrap().plus(order.fee).unwrap();
        match positions.iter_mut().find(|position| position.instrument == order.instrument) {
            Some(position) => position.lots = position.lots.plus(lots).unwrap(),
            None => positions.push(Position {
                instrument: order.instrument,
                lots,
                cost: Notional::ZERO,
            }),
        }
    }
    (positions, paid)
}

#[test]
fn both_margins_with_orders_cover_fills_in_part_with_all_charges() {
    // 0019-MARG-010, 0019-MARG-020
    for house in [House::new(), House::expiring(), House::rough()] {
        let risk = house.risk();
        cases(3_000, |random| {
            let positions = house.random_positions(random, 5);
            let orders = orders(&house, random, 5);
            let portfolio = Portfolio { orders: &orders, ..of(0, &positions) };
            let before = required(&risk, &portfolio).unwrap();
            let parts: Vec<OpenOrder> = orders
                .iter()
                .map(|order| {
                    let lots = random.between(0, order.lots.count());
                    let fee = order.fee.micros() * lots / order.lots.count();
                    OpenOrder {
                        lots: Lots::from_count(lots),
                        fee: Notional::from_micros(fee),
                        ..*order
                    }
                })
                .collect();
            let (filled, paid) = filled(&house, &positions, &parts, u32::MAX);
            let after = required(&risk, &of(0, &filled)).unwrap();
            let excess_before = before.equity.minus(before.initial).unwrap();
            let equity_after = after.equity.minus(paid).unwrap();
            let excess_after = equity_after.minus(after.initial).unwrap();
            // A few sums are rounded.
            let slack = 20;
            assert!(excess_after.micros() + slack >= excess_before.micros());
            // Maintenance margin over positions and orders does the same for maintenance margin.
            let Some((last, others)) = orders.split_last() else { return };
            let alone = Portfolio { orders: &[], ..portfolio };
            let mut closing = ClosingMargin::new(&risk, &alone).unwrap();
            others.iter().for_each(|order| closing.add(order).unwrap());
            let check = closing.check(last).unwrap();
            assert!(check.before >= check.held && check.after >= check.before);
            let excess_before = before.equity.minus(check.after).unwrap();
            let excess_after = equity_after.minus(after.maintenance).unwrap();
            assert!(excess_after.micros() + slack >= excess_before.micros());
            closing.add(last).unwrap();
            closing.remove(last).unwrap();
            assert_eq!(
                closing.check(last),
                Ok(check),
                "an order that joins and leaves changes nothing"
            );
        });
    }
}

#[test]
fn an_order_that_joins_and_leaves_changes_nothing() {
    for house in [House::new(), House::rough()] {
        let risk = house.risk();
        cases(3_000, |random| {
            let positions = house.random_positions(random, 6);
            let resting = orders(&house, random, 5);
            let portfolio = Portfolio { orders: &resting, ..of(0, &positions) };
            let mut account = AccountMargin::new(&risk, &portfolio).unwrap();
            let before = account.requirement().unwrap();
            let order = house.random_order(random, None);
            let check = account.check(&order).unwrap();
            assert_eq!(check.before, before.initial);
            assert!(check.after >= check.before, "an order never lowers the requirement");
            account.add(&order).unwrap();
            assert_eq!(account.initial(), check.after);
            let mut all = resting.clone();
            all.push(order);
            let fresh = required(&risk, &Portfolio { orders: &all, ..portfolio }).unwrap();
            assert_eq!(account.requirement().unwrap(), fresh);
            account.remove(&order).unwrap();
            assert_eq!(account.requirement().unwrap(), before);
            // One that never was there cannot leave.
            for order in &resting {
                account.remove(order).unwrap();
            }
            assert!(account.remove(&order).is_err());
        });
    }
}

#[test]
fn closing_a_position_needs_no_margin() {
    // 0019-MARG-010: an order that only reduces passes whatever the equity.
    let house = House::new();
    let risk = house.risk();
    cases(3_000, |random| {
        let positions = house.random_positions(random, 1);
        let [position] = positions[..] else { return };
        if position.lots == Lots::ZERO {
            return;
        }
        let market = house.markets.iter().find(|m| m.instrument.id == position.instrument).unwrap();
        let short = position.lots < Lots::ZERO;
        let order = OpenOrder {
            instrument: position.instrument,
            side: if short { protocol::Side::Buy } else { protocol::Side::Sell },
            price: market.mark,
            lots: position.lots.magnitude().unwrap(),
            fee: Notional::ZERO,
        };
        let account = AccountMargin::new(&risk, &of(-1_000_000, &positions)).unwrap();
        assert!(!matches!(account.check(&order).unwrap().cover(), Cover::Short(_)));
    });
}

#[test]
fn what_a_position_releases_is_the_margin_of_all_less_that_of_the_rest() {
    // 0021-FALL-004
    for mut house in [House::new(), House::rough()] {
        // Beyond a knee the haircut rises.
        for underlying in &mut house.underlyings {
            underlying.haircut_knee = dollars(20_000);
        }
        let risk = house.risk();
        cases(300, |random| {
            let positions = house.random_positions(random, 12);
            let collateral = [(BTC_ASSET, Quantity::from_nanos(3_500_000_000))];
            let holdings = Holdings::new(&risk, &positions, &collateral).unwrap();
            let sums = Sums::new(&risk, &holdings).unwrap();
            let slow = |positions: &[Position]| {
                let portfolio =
                    Portfolio { cash: dollars(0), positions, collateral: &collateral, orders: &[] };
                required(&risk, &portfolio).unwrap().maintenance
            };
            assert_eq!(sums.maintenance(), Ok(slow(&positions)));
            for position in &positions {
                let mut rest = positions.clone();
                rest.retain(|held| held.instrument != position.instrument);
                assert_eq!(sums.without(position.instrument), Ok(slow(&rest)));
            }
        });
    }
}
