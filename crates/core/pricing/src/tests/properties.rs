//! What holds for every option, whatever the reference says.

use units::{BlockSpan, Ppb, Price, Round};

use super::random::Inputs;
use crate::{Discount, FineVol, Fixing, Strike, Terms, decay, power};
use random::Random;

const ROWS: usize = 20_000;

/// How far two values may be out of order: both are the whole numbers next to the exact ones.
const SLACK: i128 = 1;

fn each(seed: u64, mut check: impl FnMut(&mut Random, Inputs)) {
    let mut random = Random::new(seed);
    for row in 0..ROWS {
        let inputs =
            if row % 2 == 0 { Inputs::any(&mut random) } else { Inputs::market(&mut random) };
        check(&mut random, inputs);
    }
}

fn call(inputs: Inputs, round: Round) -> i128 {
    inputs.terms().call(round).micros()
}

#[test]
fn the_two_directions_bracket_and_stay_within_the_bounds() {
    each(1, |_, inputs| {
        let (down, up) = (call(inputs, Round::Down), call(inputs, Round::Up));
        assert!((inputs.forward - inputs.strike).max(0) <= down, "{inputs:?}");
        assert!(down <= up && up <= inputs.forward, "{inputs:?}");
        assert!(up - down <= 1, "{inputs:?}: {down} {up}");
    });
}

#[test]
fn a_put_is_worth_between_nothing_and_its_strike() {
    each(2, |_, inputs| {
        for round in [Round::Down, Round::Up] {
            let put = inputs.terms().put(round).micros();
            assert!(put >= (inputs.strike - inputs.forward).max(0), "{inputs:?}");
            assert!(put <= inputs.strike, "{inputs:?}");
        }
    });
}

#[test]
fn a_call_falls_as_its_strike_rises_and_never_faster() {
    each(3, |random, inputs| {
        let strike = (inputs.strike + random.magnitude(inputs.strike)).min(Price::LIMIT);
        let higher = Inputs { strike, ..inputs };
        let (low, high) = (call(inputs, Round::Down), call(higher, Round::Down));
        assert!(high <= low + SLACK, "{inputs:?} {higher:?}");
        assert!(low - high <= strike - inputs.strike + SLACK, "{inputs:?} {higher:?}");
    });
}

#[test]
fn a_call_rises_with_the_forward_and_never_faster() {
    each(4, |random, inputs| {
        let forward = (inputs.forward + random.magnitude(inputs.forward)).min(Price::LIMIT);
        let higher = Inputs { forward, ..inputs };
        let (low, high) = (call(inputs, Round::Down), call(higher, Round::Down));
        assert!(low <= high + SLACK, "{inputs:?} {higher:?}");
        assert!(high - low <= forward - inputs.forward + SLACK, "{inputs:?} {higher:?}");
    });
}

#[test]
fn a_value_never_falls_with_volatility_or_time() {
    each(5, |random, inputs| {
        let trillionths = (inputs.trillionths + random.magnitude(inputs.trillionths))
            .min(FineVol::TRILLIONTHS_MAX);
        let millis = (inputs.millis + random.magnitude(inputs.millis))
            .min(crate::inputs::HORIZON_MILLIS_MAX);
        let base = call(inputs, Round::Down);
        for higher in [Inputs { trillionths, ..inputs }, Inputs { millis, ..inputs }] {
            assert!(base <= call(higher, Round::Down) + SLACK, "{inputs:?} {higher:?}");
        }
    });
}

#[test]
fn a_value_is_convex_in_the_strike() {
    each(6, |random, inputs| {
        let step = random.magnitude(inputs.strike).min(inputs.strike - 1);
        let at = |strike| call(Inputs { strike, ..inputs }, Round::Down);
        if step > 0 && inputs.strike + step <= Price::LIMIT {
            let wings = at(inputs.strike - step) + at(inputs.strike + step);
            assert!(wings + 3 * SLACK >= 2 * at(inputs.strike), "{inputs:?} {step}");
        }
    });
}

// 0010-PRIC-004
#[test]
fn without_volatility_time_or_a_positive_price_the_value_is_intrinsic() {
    each(7, |_, inputs| {
        let terms = inputs.terms();
        let still = Terms { vol: FineVol::default(), ..terms };
        let expired = Terms { horizon: crate::Horizon::default(), ..terms };
        for terms in [still, expired] {
            let intrinsic = (inputs.forward - inputs.strike).max(0);
            for round in [Round::Down, Round::Up] {
                assert_eq!(terms.call(round).micros(), intrinsic);
                assert_eq!(terms.put(round).micros(), intrinsic - inputs.forward + inputs.strike);
            }
            let greeks = terms.greeks();
            assert_eq!((greeks.gamma, greeks.theta), (Price::ZERO, Price::ZERO));
        }
        let fixed = Strike::new(Price::from_micros(1 - inputs.strike)).expect("within limits");
        let call = crate::call(terms.forward, fixed, terms.deviation(), Round::Up);
        assert_eq!(call.micros(), inputs.forward + inputs.strike - 1);
        assert_eq!(crate::put(terms.forward, fixed, terms.deviation(), Round::Up), Price::ZERO);
    });
}

#[test]
fn at_the_money_without_volatility_delta_is_a_half() {
    let inputs = Inputs { forward: 7, strike: 7, trillionths: 0, millis: 1_000 };
    assert_eq!(inputs.terms().greeks().delta_call, Ppb::from_parts(500_000_000));
    let above = Inputs { forward: 8, ..inputs };
    assert_eq!(above.terms().greeks().delta_call, Ppb::from_parts(1_000_000_000));
    let below = Inputs { forward: 6, ..inputs };
    assert_eq!(below.terms().greeks().delta_put, Ppb::from_parts(-1_000_000_000));
}

#[test]
fn inputs_out_of_limits_are_refused_at_the_border() {
    let price = Price::from_micros;
    let vol = FineVol::from_trillionths(1).expect("within limits");
    let year = BlockSpan::from_millis(31_536_000_000);
    let century = BlockSpan::from_millis(3_153_600_000_001);
    assert!(Terms::new(price(-1), price(1), vol, year).is_err());
    assert!(Terms::new(price(Price::LIMIT + 1), price(1), vol, year).is_err());
    assert!(Terms::new(price(1), price(Price::LIMIT + 1), vol, year).is_err());
    assert!(Terms::new(price(1), price(i128::MIN), vol, year).is_err());
    assert!(Terms::new(price(1), price(1), vol, century).is_err());
    assert!(Terms::new(price(1), price(1), vol, BlockSpan::from_millis(-1)).is_err());
    assert!(FineVol::from_trillionths(-1).is_err());
    assert!(FineVol::from_trillionths(FineVol::TRILLIONTHS_MAX + 1).is_err());
    assert!(FineVol::from_vol(units::Vol::from_points(65_536)).is_err());
    assert!(FineVol::from_vol(units::Vol::from_points(i128::MAX)).is_err());
    assert!(Discount::of(Ppb::from_parts(-1), year).is_err());
    assert!(Discount::of(Ppb::from_parts(33_000_000_000), year).is_err());
}

#[test]
fn volatility_converts_to_points_in_both_directions() {
    let fine = FineVol::from_trillionths(650_000_000_001).expect("within limits");
    assert_eq!(fine.vol(Round::Down).points(), 6_500);
    assert_eq!(fine.vol(Round::Up).points(), 6_501);
    let whole = FineVol::from_vol(units::Vol::from_points(6_500)).expect("within limits");
    assert_eq!(whole.vol(Round::Up).points(), 6_500);
}

// 0010-PRIC-008
#[test]
fn both_forms_of_the_settlement_average_meet_where_the_window_opens() {
    let window = BlockSpan::from_millis(1_800_000);
    let price = Price::from_micros(58_710_200_000);
    let strike = Price::from_micros(58_000_000_000);
    let vol = FineVol::from_trillionths(650_000_000_000).expect("within limits");
    let value = |remaining: i128, fixed: Price| {
        let fixing = Fixing::new(BlockSpan::from_millis(remaining), window, fixed).expect("valid");
        let forward = fixing.forward(price, Round::Down).expect("valid");
        let strike = fixing.strike(strike).expect("valid");
        crate::call(forward, strike, crate::Deviation::new(vol, fixing.horizon()), Round::Down)
    };
    let opening = value(1_800_000, Price::ZERO).micros();
    // One millisecond later one part in 1 800 000 of the average is fixed, here at the forward itself.
    let after = value(1_799_999, Price::from_micros(price.micros() / 1_800_000)).micros();
    assert!((opening - after).abs() < 1_000, "{opening} {after}");
    assert!((value(1_800_001, Price::ZERO).micros() - opening).abs() < 1_000);
    // At the end only the average counts.
    assert_eq!(value(0, price).micros(), 710_200_000);
    let shorter = Fixing::new(window, window, Price::ZERO).expect("valid").horizon();
    assert_eq!(shorter, crate::Horizon::after(BlockSpan::from_millis(600_000)).expect("valid"));
}

// 0010-PRIC-008
#[test]
fn inside_the_window_the_open_part_is_priced_with_its_weight_and_a_third_of_the_variance() {
    let window = BlockSpan::from_millis(1_800_000);
    let fixed = Price::from_micros(40_000_000_000);
    let fixing = Fixing::new(BlockSpan::from_millis(600_000), window, fixed).expect("valid");
    let third = crate::Horizon::after(BlockSpan::from_millis(200_000)).expect("valid");
    assert_eq!(fixing.horizon(), third);
    let price = Price::from_micros(60_000_000_001);
    let open = |round| fixing.forward(price, round).expect("valid").price().micros();
    assert_eq!((open(Round::Down), open(Round::Up)), (20_000_000_000, 20_000_000_001));
    let strike = fixing.strike(Price::from_micros(58_000_000_000)).expect("valid");
    assert_eq!(strike.price().micros(), 18_000_000_000);
    let passed = fixing.strike(Price::from_micros(39_000_000_000)).expect("valid");
    let vol = FineVol::from_trillionths(650_000_000_000).expect("within limits");
    let deviation = crate::Deviation::new(vol, third);
    let forward = fixing.forward(price, Round::Down).expect("valid");
    let call = crate::call(forward, passed, deviation, Round::Up);
    assert_eq!(call.micros(), 21_000_000_000);
    assert_eq!(crate::put(forward, passed, deviation, Round::Up), Price::ZERO);
}

#[test]
fn nothing_is_fixed_before_the_window_opens() {
    let (window, early) = (BlockSpan::from_millis(1_800_000), BlockSpan::from_millis(1_800_001));
    assert!(Fixing::new(early, window, Price::from_micros(1)).is_err());
    assert!(Fixing::new(early, window, Price::ZERO).is_ok());
    let none = Fixing::new(early, BlockSpan::ZERO, Price::ZERO).expect("valid");
    assert_eq!(none.horizon(), crate::Horizon::after(early).expect("valid"));
}

// 0010-PRIC-011
#[test]
fn powers_agree_with_what_is_known_exactly() {
    let span = BlockSpan::from_millis;
    let left = |elapsed, half_life| decay(span(elapsed), span(half_life)).map(Ppb::parts);
    assert_eq!(left(0, 1), Ok(1_000_000_000));
    assert_eq!(left(150_000, 150_000), Ok(500_000_000));
    assert_eq!(left(30, 10), Ok(125_000_000));
    assert_eq!(left(1, 2), Ok(707_106_781));
    assert_eq!(left(BlockSpan::LIMIT, 1), Ok(0));
    assert!(left(1, 0).is_err() && left(-1, 1).is_err());

    let parts = units::Ppm::from_parts;
    let raised = |base, exponent| power(parts(base), parts(exponent)).map(units::Ppm::parts);
    assert_eq!(raised(2_000_000, 10_000_000), Ok(1_024_000_000));
    assert_eq!(raised(4_000_000, 500_000), Ok(2_000_000));
    assert_eq!(raised(1_000_000, 1_000_000_000_000), Ok(1_000_000));
    assert_eq!(raised(250_000, -1_000_000), Ok(4_000_000));
    assert_eq!(raised(30_000_000, 300_000), Ok(2_774_191)); // 2.774 191 114 672 …
    assert_eq!(raised(1, 1_000_000_000_000), Ok(0));
    assert!(raised(0, 1).is_err() && raised(2_000_000, 1_000_000_000_000).is_err());
}

// 0010-PRIC-010
#[test]
fn a_discount_never_raises_a_price_and_brackets_it() {
    each(8, |random, inputs| {
        let rate = Ppb::from_parts(random.magnitude(10_000_000));
        let time = BlockSpan::from_millis(inputs.millis);
        let discount = Discount::of(rate, time).expect("below 1 % for 100 years");
        let price = Price::from_micros(inputs.forward);
        let down = discount.apply(price, Round::Down).expect("within limits");
        let up = discount.apply(price, Round::Up).expect("within limits");
        assert!(down <= up && up <= price, "{inputs:?}");
        assert!(up.micros() - down.micros() <= 2 + (price.micros() >> 53), "{inputs:?}");
    });
    assert_eq!(Discount::of(Ppb::ZERO, BlockSpan::ZERO), Ok(Discount::NONE));
}
