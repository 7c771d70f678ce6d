use super::*;
use crate::fills::filled;
use protocol::InstrumentId;
use units::{Ppm, Price, Quantity};

const PARAMETERS: Parameters = Parameters {
    band: Ppm::from_parts(50_000),
    band_without_equity: Ppm::from_parts(5_000),
    fee: Ppm::from_parts(5_000),
};

fn leg(number: u32, lots: i128, maintenance_without: i128) -> Leg {
    Leg {
        instrument: InstrumentId::new(number),
        lots: Lots::from_count(lots),
        mark: Price::from_micros(5_000_000_000),
        contract_size: Quantity::from_nanos(1_000_000),
        tick: Price::from_micros(500_000),
        maintenance_without: Notional::from_micros(maintenance_without),
        unfilled: false,
        passed: 0,
    }
}

fn standing(equity: i128) -> Standing {
    Standing {
        equity: Notional::from_micros(equity),
        maintenance: Notional::from_micros(60_000_000),
        target: Notional::from_micros(69_000_000),
    }
}

/// Returns lots and limits in dollars, ascending by contract, and whether they suffice.
fn orders(standing: &Standing, legs: &[Leg]) -> (Vec<(u32, i128, i128)>, bool) {
    let legs: Vec<_> = legs.iter().map(|leg| (*leg, PARAMETERS)).collect();
    let Ok(Step::Reduce { reductions, suffices, .. }) = next_step(standing, &legs) else {
        panic!("an unhealthy account is reduced")
    };
    let row = |order: &Reduction| {
        (order.instrument.get(), order.lots.count(), order.limit.micros() / 1_000_000)
    };
    let mut rows: Vec<_> = reductions.iter().map(row).collect();
    rows.sort_unstable();
    (rows, suffices)
}

#[test]
fn the_healthy_are_left_alone() {
    // 0021-FALL-001
    let legs = [(leg(1, 100, 0), PARAMETERS)];
    assert_eq!(next_step(&standing(60_000_000), &legs), Ok(Step::Healthy));
    assert!(matches!(next_step(&standing(59_999_999), &legs), Ok(Step::Reduce { .. })));
}

#[test]
fn a_long_is_sold_down_just_enough_inside_the_band() {
    // 0021-FALL-005, 0021-FALL-006: 19 of 60 dollars are missing: 31.67 of 100 lots, rounded up; 5 % below 5,000 dollars.
    let (rows, suffices) = orders(&standing(50_000_000), &[leg(1, 100, 0)]);
    assert_eq!(rows, [(1, -32, 4_750)]);
    assert!(suffices);
}

#[test]
fn a_leg_that_hedges_is_not_touched() {
    // 0021-FALL-004
    let hedge = leg(1, 100, 80_000_000);
    assert_eq!(next_step(&standing(10_000_000), &[(hedge, PARAMETERS)]), Ok(Step::Stuck));
    let (rows, _) = orders(&standing(50_000_000), &[hedge, leg(2, -40, 20_000_000)]);
    // 19 of 40 dollars are missing: 19 of 40 lots.
    assert_eq!(rows, [(2, 19, 5_250)]);
}

#[test]
fn all_legs_are_reduced_at_once_and_aim_at_the_target_together() {
    // 0021-FALL-004, 0021-FALL-005: releases of 40 and 20 dollars bring 40·⅔ + 20·⅓ = 33.33 at most; 19 are missing, so of
    // each 57 % of its part: 15.2 of 40 dollars and 3.8 of 20, rounded up.
    let legs = [leg(1, 100, 20_000_000), leg(2, -100, 40_000_000)];
    let (rows, suffices) = orders(&standing(50_000_000), &legs);
    assert_eq!(rows, [(1, -39, 4_750), (2, 19, 5_140)]);
    assert!(suffices);
    // More is missing than parts of one whole bring: two thirds and one third.
    let (rows, suffices) = orders(&standing(30_000_000), &legs);
    assert_eq!(rows, [(1, -67, 4_826), (2, 33, 5_073)]);
    assert!(!suffices);
}

#[test]
fn parts_of_all_legs_add_up_to_one_leg_at_most() {
    // 0021-FALL-005: nine legs of one lot, of which closing any two may release no more than closing one.
    let legs: Vec<Leg> = (1..=9).map(|number| leg(number, 1, 59_000_000)).collect();
    let (rows, suffices) = orders(&standing(50_000_000), &legs);
    assert_eq!(rows, [(1, -1, 4_750)]);
    assert!(!suffices);
}

#[test]
fn what_was_not_filled_goes_behind_and_is_not_forgotten() {
    // 0021-FALL-005
    let dead = Leg { unfilled: true, ..leg(1, 100, 10_000_000) };
    // The other brings the 19 dollars alone.
    let (rows, _) = orders(&standing(50_000_000), &[dead, leg(2, 100, 40_000_000)]);
    assert_eq!(rows, [(2, -95, 4_860)]);
    // It does not bring 39: the dead one counts for a quarter of 50 beside 20.
    let (rows, _) = orders(&standing(30_000_000), &[dead, leg(2, 100, 40_000_000)]);
    assert_eq!(rows, [(1, -38, 4_776), (2, -62, 4_926)]);
    // With nothing else, it is as ever.
    let alone = orders(&standing(50_000_000), &[dead]).0;
    let fresh = orders(&standing(50_000_000), &[Leg { unfilled: false, ..dead }]).0;
    assert_eq!(alone, fresh);
}

#[test]
fn a_leg_that_had_no_order_comes_first_and_every_leg_has_its_turn() {
    // 0021-FALL-005: nobody wants 219 lots that release nearly all, and two of another market get no lot beside them.
    let large = Leg { unfilled: true, ..leg(1, 219, 2_000_000) };
    let small = Leg { unfilled: true, ..leg(2, 2, 59_000_000) };
    let taken = |legs: &[Leg]| -> Vec<(u32, i128)> {
        orders(&standing(-5_000_000), legs).0.iter().map(|(id, lots, _)| (*id, *lots)).collect()
    };
    assert_eq!(taken(&[large, small]), [(1, -216)]);
    assert_eq!(taken(&[large, Leg { passed: 1, ..small }]), [(1, -109), (2, -1)]);
    // Nine legs of a lot each, of which one fits into a turn: each has one of nine.
    let mut legs: Vec<Leg> = (1..=9).map(|number| leg(number, 1, 59_000_000)).collect();
    let mut seen = Vec::new();
    for _ in 0..9 {
        let ordered = taken(&legs);
        seen.extend(ordered.iter().map(|(id, _)| *id));
        for leg in &mut legs {
            let had = ordered.iter().any(|(id, _)| leg.instrument.get() == *id);
            leg.passed = if had { 0 } else { leg.passed + 1 };
            leg.unfilled |= had;
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn what_is_left_has_as_much_equity_for_its_margin_as_before() {
    // 0021-FALL-020: one bid, at whatever is asked, for 32 of 100 lots in every turn; nothing else moves.
    for equity in [50_000_000, 20_000_000, 5_500_000] {
        let mut standing = standing(equity);
        let mut held = leg(1, 100, 0);
        while let Step::Reduce { reductions, .. } =
            next_step(&standing, &[(held, PARAMETERS)]).unwrap()
        {
            let order = reductions[0];
            let lots = Lots::from_count(order.lots.count().max(-32));
            let lost = filled(&held, lots, order.limit, &PARAMETERS);
            standing.equity = standing.equity.plus(lost).unwrap();
            held.lots = held.lots.plus(lots).unwrap();
            let margin = 600_000 * held.lots.count();
            standing.maintenance = Notional::from_micros(margin);
            standing.target = Notional::from_micros(margin * 115 / 100);
            assert!(standing.equity.micros() * 60_000_000 >= equity * margin, "{standing:?}");
            if held.lots == Lots::ZERO {
                break;
            }
        }
    }
}

#[test]
fn the_orders_of_an_account_lose_no_more_than_its_equity() {
    // 0021-FALL-020
    for equity in [110_000, 1_000_000, 5_000_000, 20_000_000] {
        let standing = standing(equity);
        let legs = [(leg(1, 100, 20_000_000), PARAMETERS), (leg(2, -90, 40_000_000), PARAMETERS)];
        let Step::Reduce { reductions, .. } = next_step(&standing, &legs).unwrap() else {
            panic!("{equity} dollars pay for a lot")
        };
        let lost: i128 = reductions
            .iter()
            .map(|order| {
                let of = |(leg, _): &&(Leg, Parameters)| leg.instrument == order.instrument;
                let leg = &legs.iter().find(of).unwrap().0;
                filled(leg, order.lots, order.limit, &PARAMETERS).micros()
            })
            .sum();
        assert!(lost >= -equity, "{equity}: {lost}");
        // Whatever is traded may go as far from the mark as the fee.
        for order in &reductions {
            assert!((order.limit.micros() - 5_000_000_000).abs() >= 25_000_000, "{order:?}");
        }
    }
}

#[test]
fn equity_that_pays_for_no_lot_is_none() {
    // 0021-FALL-020: 17 cents beside 500 dollars of value, of which a lot may cost 0.0525.
    let legs = [leg(1, 100, 0), leg(2, 100, 0)];
    let without = orders(&standing(0), &legs);
    assert_eq!(without.0, [(1, -50, 4_975), (2, -50, 4_975)]);
    for equity in [1, 100, 52_501] {
        assert_eq!(orders(&standing(equity), &legs), without, "{equity}");
    }
    // As soon as it pays for a lot of each, no more than it is lost.
    assert_eq!(orders(&standing(210_000), &legs).0, [(1, -1, 4_921), (2, -1, 4_921)]);
    // A release that does not pay for the fee is not made one by having little.
    let hedge = leg(1, 100, 58_000_000);
    assert_eq!(next_step(&standing(1_000), &[(hedge, PARAMETERS)]), Ok(Step::Stuck));
}

#[test]
fn what_is_worth_less_than_a_tick_is_bought_back_for_a_tick() {
    // 0021-FALL-006: a short call worth 1.32 cents, that a move may bring back: 100 lots release 60 dollars.
    let cheap = Leg { mark: Price::from_micros(13_200), ..leg(1, -100, 0) };
    for equity in [20_000_000, 1_000, -5] {
        let step = next_step(&standing(equity), &[(cheap, PARAMETERS)]).unwrap();
        let Step::Reduce { reductions, .. } = step else { panic!("{step:?}") };
        assert_eq!(reductions[0].limit.micros(), 500_000, "{equity}");
    }
    // Half a tick above one, to the next.
    let dear = Leg { mark: Price::from_micros(528_900), ..cheap };
    let step = next_step(&standing(20_000_000), &[(dear, PARAMETERS)]).unwrap();
    let Step::Reduce { reductions, .. } = step else { panic!("{step:?}") };
    assert_eq!(reductions[0].limit.micros(), 1_000_000);
    // A cent pays for as many lots as a tick of each, not as a fee of each: 0.0005 a lot.
    let few = next_step(&standing(10_000), &[(cheap, PARAMETERS)]).unwrap();
    let Step::Reduce { reductions, .. } = few else { panic!("{few:?}") };
    assert_eq!((reductions[0].lots.count(), reductions[0].limit.micros()), (19, 500_000));
}

#[test]
fn a_step_says_whether_legs_are_left_that_have_no_reduction() {
    // 0021-FALL-021
    let hedge = (leg(1, 100, 80_000_000), PARAMETERS);
    let alone = (leg(2, -40, 20_000_000), PARAMETERS);
    for (legs, left) in [(vec![alone], false), (vec![hedge, alone], true)] {
        let step = next_step(&standing(50_000_000), &legs).unwrap();
        assert!(matches!(step, Step::Reduce { hedged, .. } if hedged == left), "{step:?}");
    }
}

#[test]
fn without_equity_the_band_is_narrower() {
    // 0021-FALL-020: half a per cent of 5,000 dollars.
    for equity in [0, -1, -80_000_000] {
        let (rows, _) = orders(&standing(equity), &[leg(1, 100, 0)]);
        assert_eq!(rows, [(1, -100, 4_975)]);
    }
}

#[test]
fn no_accounts_orders_add_up_to_more_than_a_leg_or_lose_more_than_they_may() {
    // 0021-FALL-005, 0021-FALL-008, 0021-FALL-020: random accounts from a seed.
    let mut seed = 0x6E6F_7661_u64;
    let mut next = |bound: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i128::from((seed >> 20) % bound)
    };
    let (mut several, mut bounded) = (0, 0);
    for _ in 0..20_000 {
        let maintenance = 1_000 + next(400_000_000);
        let equity = if next(4) == 0 {
            -next(90_000_000)
        } else {
            next(u64::try_from(maintenance).unwrap())
        };
        let standing = Standing {
            equity: Notional::from_micros(equity),
            maintenance: Notional::from_micros(maintenance),
            target: Notional::from_micros(maintenance + next(80_000_000)),
        };
        let legs: Vec<(Leg, Parameters)> = (0..1 + next(6))
            .map(|number| {
                let lots = (1 + next(if number % 2 == 0 { 9 } else { 900 })) * (1 - 2 * next(2));
                let without = maintenance + next(60_000_000) - next(90_000_000);
                let leg = leg(u32::try_from(number).unwrap(), lots, without);
                (Leg { unfilled: next(3) == 0, ..leg }, PARAMETERS)
            })
            .collect();
        let Step::Reduce { reductions, .. } = next_step(&standing, &legs).unwrap() else {
            continue;
        };
        // What may be lost on a lot is twice 0.026251: if equity does not pay for one of any leg, it is none.
        let pays = equity >= 52_502 * i128::try_from(legs.len()).unwrap();
        let (mut parts, mut lost) = (0, 0);
        for order in &reductions {
            let of = |(leg, _): &&(Leg, Parameters)| leg.instrument == order.instrument;
            let leg = &legs.iter().find(of).unwrap().0;
            let (held, lots) = (leg.lots.count(), order.lots.count());
            assert!(held * lots < 0 && lots.abs() <= held.abs());
            parts += (lots.abs() * 1_000_000_000_000) / held.abs();
            let loss = |fee: Ppm| {
                let parameters = Parameters { fee, ..PARAMETERS };
                -filled(leg, order.lots, order.limit, &parameters).micros()
            };
            let release = maintenance - leg.maintenance_without.micros();
            let of_account = if pays { PARAMETERS.fee } else { Ppm::ZERO };
            assert!(
                loss(of_account) * held.abs() <= lots.abs() * release,
                "no more than is released"
            );
            lost += loss(PARAMETERS.fee);
        }
        assert!(parts <= 1_000_000_000_000, "{parts}");
        assert!(!pays || lost <= equity, "{lost} of {equity}");
        several += usize::from(reductions.len() > 1);
        bounded += usize::from(equity > 0 && lost * 10 > equity * 9);
    }
    assert!(several > 1_000 && bounded > 100, "{several} {bounded}");
}

#[test]
fn without_equity_the_band_widens_with_every_turn_that_fills_nothing() {
    // 0021-FALL-020
    let [fee, band, mark] = [5_000, 50_000, 100_000].map(Ppm::from_parts);
    for (failures, without_equity) in [(0, 5_000), (1, 10_000), (18, 95_000), (255, 100_000)] {
        let band_without_equity = Ppm::from_parts(without_equity);
        let expected = Parameters { band, band_without_equity, fee };
        assert_eq!(Parameters::after(failures, fee, band, mark), Ok(expected));
    }
}

#[test]
fn what_a_sale_releases_is_asked_of_equity_no_longer() {
    // 0021-FALL-021
    let after = standing(7).after_sale(Notional::from_micros(50_000_000)).unwrap();
    let [equity, maintenance, target] = [7, 50_000_000, 59_000_000].map(Notional::from_micros);
    assert_eq!(after, Standing { equity, maintenance, target });
}
