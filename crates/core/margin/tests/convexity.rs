//! Maintenance margin along a position: convex but for what impact is rounded by, and what that is worth to an account that
//! is reduced.

mod support;

use clearing::{Trade, novate, settle};
use margin::{Position, Risk, required};
use num_bigint::BigInt;
use protocol::{InstrumentId, Side};
use support::{BTC, BTC_PERP, House, Random, future, of};
use units::{Lots, Notional, Ppm, Price};
use waterfall::{Leg, Share, Standing, reduction};

/// The matrices of a house, and those of the same without impact.
struct Measured {
    risk: Risk,
    without_impact: Risk,
}

impl Measured {
    fn new(house: &House) -> Self {
        let mut still = house.clone();
        still.parameters.impact = Ppm::ZERO;
        Self { risk: house.risk(), without_impact: still.risk() }
    }

    fn maintenance(&self, positions: &[Position]) -> i128 {
        required(&self.risk, &of(0, positions)).unwrap().maintenance.micros()
    }

    fn impact(&self, positions: &[Position]) -> i128 {
        let still = required(&self.without_impact, &of(0, positions)).unwrap();
        self.maintenance(positions) - still.maintenance.micros()
    }
}

/// ε of 0019-MARG-026, in micro-dollars, where impact is at most so much and has so many exposures.
fn slack(impact: i128, exposures: i128) -> i128 {
    // The pressure of which all of the impact is: P·√P = 2²⁴·I. A root is above the true one by less than three.
    let scaled = BigInt::from(impact) << 24;
    let square: BigInt = &scaled * &scaled;
    let pressure = i128::try_from(square.cbrt() + 1).unwrap();
    3 + impact / 100_000 + 1 + exposures * (3 * pressure / (1 << 24) + 1)
}

/// A position whose lots are to be reduced, beside others.
struct Held<'a> {
    measured: &'a Measured,
    rest: &'a [Position],
    leg: Position,
}

impl Held<'_> {
    /// Returns the portfolio with so many lots of the leg left.
    fn with(&self, lots: i128) -> Vec<Position> {
        let mut positions = self.rest.to_vec();
        if lots != 0 {
            positions.push(Position { lots: Lots::from_count(lots), ..self.leg });
            positions.sort_by_key(|held| held.instrument);
        }
        positions
    }

    /// Returns by how much closing `closed` of the lots releases less than that part of what closing all does, in
    /// micro-dollars rounded up, and ε.
    fn defect(&self, closed: i128) -> (i128, i128) {
        let held = self.leg.lots.count();
        let (size, left) = (held.abs(), held - closed * held.signum());
        let [all, part, none] = [held, left, 0].map(|lots| self.with(lots));
        let [m, m_part, m_none] = [&all, &part, &none].map(|held| self.measured.maintenance(held));
        let short = closed * (m - m_none) - size * (m - m_part);
        let impact = self.measured.impact(&all).max(self.measured.impact(&none));
        // A delta and a vega of two underlyings.
        ((short + size - 1).div_euclid(size), slack(impact, 4))
    }
}

#[test]
fn maintenance_is_convex_along_a_position_to_within_the_rounding_of_impact() {
    // 0019-MARG-026
    for (house, impact) in [(House::new(), false), (House::rough(), true)] {
        let measured = Measured::new(&house);
        for seed in 0..3_000 {
            let random = &mut Random::new(seed);
            let mut rest = house.random_positions(random, 6);
            let at = usize::try_from(random.below(rest.len() as u64)).unwrap();
            let leg = rest.remove(at);
            if leg.lots == Lots::ZERO {
                continue;
            }
            let held = Held { measured: &measured, rest: &rest, leg };
            let closed = random.between(1, leg.lots.count().abs());
            let (defect, slack) = held.defect(closed);
            assert!(defect <= slack, "seed {seed}: {defect} of {slack}");
            assert!(impact || defect <= 3, "seed {seed}: {defect}");
        }
    }
}

/// A long or short perpetual of up to 300,000 lots beside a small leg of the future in 30 days: where the root of impact has
/// its corners.
fn corners(sign: i128, mut each: impl FnMut(&[Position], i128)) {
    for size in [16, 64, 256, 1_024] {
        let mut lots = 10_000;
        while lots < 300_000 {
            lots += (size / 2).max(1_003);
            let lots = Lots::from_count(sign * lots);
            each(&[Position { instrument: BTC_PERP, lots, cost: Notional::ZERO }], sign * size);
        }
    }
}

fn future_of(house: &House) -> (InstrumentId, Leg) {
    let market = house.find(BTC, future(30));
    let leg = Leg {
        instrument: market.instrument.id,
        lots: Lots::ZERO,
        mark: market.mark,
        contract_size: market.instrument.contract_size,
        tick: Price::from_micros(1_000),
        maintenance_without: Notional::ZERO,
        unfilled: false,
        passed: 0,
    };
    (leg.instrument, leg)
}

/// Returns the change of equity, against the mark, when lots of a reduction fill at a price, as the house books it.
fn filled(leg: &Leg, lots: Lots, price: Price, parameters: &waterfall::Parameters) -> Notional {
    let side = if lots > Lots::ZERO { Side::Buy } else { Side::Sell };
    let (lots, contract_size, fee) = (lots.magnitude().unwrap(), leg.contract_size, parameters.fee);
    let trade = Trade { side, price, lots, contract_size, pays_premium: false, fee };
    let novated = novate(clearing::Position::default(), &trade).unwrap();
    let gain = settle(novated.position, leg.mark, contract_size).unwrap().paid;
    gain.minus(novated.fee).unwrap()
}

#[test]
fn where_impact_has_corners_margin_is_not_convex_and_the_bound_holds() {
    // 0019-MARG-026
    let house = House::rough();
    let (instrument, _) = future_of(&house);
    let measured = Measured::new(&house);
    let (mut seen, mut worst) = (0, 0);
    for sign in [1, -1] {
        corners(sign, |rest, size| {
            let leg = Position { instrument, lots: Lots::from_count(size), cost: Notional::ZERO };
            let held = Held { measured: &measured, rest, leg };
            let (defect, slack) = held.defect(size.abs() / 2);
            assert!(defect <= slack, "{rest:?} and {size}: {defect} of {slack}");
            seen += i32::from(defect > 3);
            worst = worst.max(defect);
        });
    }
    // Cents on billions of dollars; were there none, the rule could say so.
    assert!(seen > 100 && worst > 10_000, "{seen} seen, worst {worst}");
    assert!(worst < 1_000_000, "{worst} micro-dollars");
}

#[test]
fn a_reduction_filled_in_part_raises_the_shortfall_by_no_more_than_the_rounding_of_impact() {
    // 0021-FALL-008
    let house = House::rough();
    let (instrument, leg) = future_of(&house);
    let measured = Measured::new(&house);
    // Without a fee and with the widest band, nothing stands between the limit and what a lot is said to release.
    for (fee, grows) in [(0, true), (5_000, false)] {
        let parameters = waterfall::Parameters {
            band: Ppm::from_parts(200_000),
            band_without_equity: Ppm::from_parts(200_000),
            fee: Ppm::from_parts(fee),
        };
        let (mut tried, mut worst) = (0, 0);
        for sign in [1, -1] {
            corners(sign, |rest, size| {
                let lots = Lots::from_count(size);
                let held = Held {
                    measured: &measured,
                    rest,
                    leg: Position { instrument, lots, cost: Notional::ZERO },
                };
                let [all, none] = [size, 0].map(|lots| held.with(lots));
                let maintenance = measured.maintenance(&all);
                let without = Notional::from_micros(measured.maintenance(&none));
                let leg = Leg { lots, maintenance_without: without, ..leg };
                let standing = Standing {
                    equity: Notional::from_micros(maintenance / 2),
                    maintenance: Notional::from_micros(maintenance),
                    target: Notional::from_micros(maintenance + maintenance * 15 / 100),
                };
                let share = Share { lots: lots.magnitude().unwrap(), loss: None };
                let Some(order) = reduction(&standing, &leg, &parameters, &share).unwrap() else {
                    return;
                };
                tried += 1;
                let half = Lots::from_count(order.lots.count() / 2);
                let change = match half == Lots::ZERO {
                    true => 0,
                    false => filled(&leg, half, order.limit, &parameters).micros(),
                };
                let after = measured.maintenance(&held.with(size + half.count()));
                let growth = after - change - maintenance;
                let impact = measured.impact(&all).max(measured.impact(&none));
                let slack = slack(impact, 4);
                assert!(growth <= slack, "{rest:?} and {size}: {growth} of {slack}");
                worst = worst.max(growth);
            });
        }
        assert!(tried > 500, "{tried}");
        // The fee of a lot is charged at the dearest price in the band, so what is left over covers the rounding.
        assert_eq!(worst > 0, grows, "fee {fee}: worst {worst}");
    }
}
