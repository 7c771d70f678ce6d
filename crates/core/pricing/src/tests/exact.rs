//! The finer computation, function by function and as a whole, against the reference.

use num_bigint::BigInt;

use super::random::Inputs;
use super::reference::{BITS, Reference, over, root, whole};
use crate::exact::{self, Side};
use random::Random;

/// Fraction bits of the finer computation.
const FINE: u64 = 118;

/// Returns how far a number is from the exact one, in thousandths of 2⁻¹¹⁸.
fn off(found: i128, exact: &BigInt) -> BigInt {
    let difference: BigInt = (BigInt::from(found) << (BITS - FINE)) - exact;
    (difference * 1000) >> (BITS - FINE)
}

fn assert_off(what: &str, found: i128, exact: &BigInt, least: i64, most: i64) {
    let off = off(found, exact);
    assert!(BigInt::from(least) <= off && off <= BigInt::from(most), "{what} {found}: {off}");
}

fn drawn(random: &mut Random, most: i128) -> u64 {
    u64::try_from(random.magnitude(most)).expect("fits")
}

// 0010-PRIC-013
#[test]
fn finer_functions_are_within_their_stated_errors() {
    let reference = Reference::new();
    let ln_2 = reference.ln(&whole(2));
    let mut random = Random::new(0x0066_696e_6572);
    for case in 0..1_000 {
        let v = drawn(&mut random, units::Price::LIMIT);
        let log = over(&reference.ln(&whole(v.into())), &ln_2);
        assert_off("log2", exact::log2(v), &log, -1_010, 1);

        let most = [crate::FineVol::TRILLIONTHS_MAX, crate::MovedVol::TRILLIONTHS_MAX];
        let trillionths = drawn(&mut random, most[case % 2]);
        let thirds = drawn(&mut random, 3 * crate::inputs::HORIZON_MILLIS_MAX);
        let year = root(&over(&whole(thirds.into()), &whole(3 * 31_536_000_000)));
        let exact_s: BigInt = year * trillionths / 1_000_000_000_000_u64;
        let s = exact::deviation(trillionths, thirds);
        // One unit, and 2⁻¹²² of at most 66.
        if exact_s < whole(59) {
            assert_off("deviation", s, &exact_s, -5_200, 5_200);
        } else {
            assert!((59 << FINE..=66 << FINE).contains(&s), "{trillionths} {thirds}: {s}");
        }

        let x = random.between(-(36 << 40), 36 << 40) << 78;
        let ratio = over(&whole(x), &whole(s)).clamp(-whole(18), whole(18));
        assert_off("quotient", exact::quotient(x, s), &ratio, -1_001, 1_001);

        let d = random.between(-(14 << 60), 14 << 60) * (1 << 58) + random.between(0, 1 << 57);
        let probability = reference.probability(&(whole(d) >> FINE));
        assert_off("probability", exact::probability(d), &probability, -44_000, 44_000);
    }
    assert_eq!(exact::log2(1), 0);
    assert_eq!(exact::probability(0), 1 << 117);
    assert_eq!(exact::probability(i128::MIN), 0);
    assert_eq!(exact::probability(i128::MAX), 1 << FINE);
}

// 0010-PRIC-013
#[test]
fn the_side_of_a_whole_micro_dollar_is_that_of_the_exact_value() {
    let reference = Reference::new();
    let (mut random, mut decided) = (Random::new(0x0073_6964_6573), 0);
    for row in 0..3_000 {
        let inputs = match row % 3 {
            0 => Inputs::any(&mut random),
            1 => Inputs::largest(&mut random),
            _ => Inputs::shocked(&mut random),
        };
        let call = reference.price(inputs).expect("drawn with volatility and time").call;
        let fine = exact::Inputs {
            forward: inputs.forward.try_into().expect("fits"),
            strike: inputs.strike.try_into().expect("fits"),
            trillionths: inputs.trillionths.try_into().expect("fits"),
            thirds: (3 * inputs.millis).try_into().expect("fits"),
        };
        let below = i64::try_from(&call >> BITS).expect("fits");
        // What the value is known to: (F + K)·2⁻¹¹², and as much again for the reference to be surely on a side.
        let open: BigInt = whole(inputs.forward + inputs.strike) >> 111;
        let (over, under) = (&call - whole(below.into()), whole(i128::from(below) + 1) - &call);
        if over > open && under > open {
            assert_eq!(exact::side_of(below, fine), Side::Above, "{inputs:?}");
            assert_eq!(exact::side_of(below + 1, fine), Side::Below, "{inputs:?}");
            decided += 1;
        }
    }
    assert!(decided > 2_300, "{decided}");
}

// 0010-PRIC-003
#[test]
fn a_value_next_to_a_bound_stays_within_it() {
    // Forty deviations: below the forward by less than anything here can show.
    let century = crate::inputs::HORIZON_MILLIS_MAX;
    for trillionths in [crate::FineVol::TRILLIONTHS_MAX, crate::MovedVol::TRILLIONTHS_MAX] {
        for forward in [1, 2, 1_000_000, units::Price::LIMIT] {
            let inputs = Inputs { forward, strike: 1, trillionths, millis: century };
            let (prepared, strike, deviation) = inputs.moved();
            let at = |round| crate::call(prepared, strike, deviation, round).micros();
            assert_eq!(at(units::Round::Down), forward - 1);
            assert_eq!(at(units::Round::Up), forward);
        }
    }
}
