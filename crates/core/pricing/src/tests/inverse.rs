//! Implied volatility returns what the price was made from.

use units::{BlockSpan, Price, Round};

use super::random::Inputs;
use crate::{
    FineVol, Forward, Horizon, Strike, Terms, vol_determined_by_call, vol_determined_by_put,
    vol_implied_by_call, vol_implied_by_put,
};
use random::Random;

/// Returns the volatilities implied by both sides of a put–call pair.
fn implied(terms: Terms, round: Round) -> (Option<FineVol>, Option<FineVol>) {
    let Terms { forward, strike, horizon, .. } = terms;
    (
        vol_implied_by_call(terms.call(round), forward, strike, horizon),
        vol_implied_by_put(terms.put(round), forward, strike, horizon),
    )
}

// 0010-PRIC-009
#[test]
fn the_implied_volatility_prices_back_to_the_micro_dollar() {
    let mut random = Random::new(0x6976);
    let mut telling = 0;
    for _ in 0..4_000 {
        let inputs = Inputs::market(&mut random);
        let terms = inputs.terms();
        let price = terms.call(Round::Down);
        let (by_call, by_put) = implied(terms, Round::Down);
        assert_eq!(by_call, by_put, "{inputs:?}");
        let Some(vol) = by_call else {
            let intrinsic = (inputs.forward - inputs.strike).max(0);
            assert!(price.micros() <= intrinsic, "{inputs:?}: {price:?}");
            continue;
        };
        telling += 1;
        let again = Terms { vol, ..terms }.call(Round::Down).micros();
        assert!((again - price.micros()).abs() <= 1, "{inputs:?}: {price:?} {again}");
    }
    assert!(telling > 2_500, "{telling}");
}

#[test]
fn a_quoted_volatility_comes_back_within_what_a_micro_dollar_is_worth() {
    let mut random = Random::new(0x7176);
    for _ in 0..4_000 {
        let inputs = Inputs::market(&mut random);
        let terms = inputs.terms();
        let Some(vol) = implied(terms, Round::Down).0 else { continue };
        // Down is up to a micro-dollar too low; a trillionth is the resolution. The slope is checked at the lower end,
        // where it is least known, so only where it is steep.
        let vega = terms.greeks().vega.micros();
        if vega > 1_000_000 {
            let off = (vol.trillionths() - inputs.trillionths).abs();
            assert!(off <= 1 + 2 * 1_000_000_000_000 / vega, "{inputs:?}: {vol:?}");
        }
    }
}

#[test]
fn no_volatility_is_implied_outside_the_bounds() {
    let inputs = Inputs {
        forward: 100_000_000,
        strike: 90_000_000,
        trillionths: 500_000_000_000,
        millis: 86_400_000,
    };
    let Terms { forward, strike, horizon, .. } = inputs.terms();
    let at = |micros| vol_implied_by_call(Price::from_micros(micros), forward, strike, horizon);
    assert_eq!(at(9_999_999), None);
    assert_eq!(at(10_000_000), None);
    assert!(at(10_000_001).is_some());
    assert_eq!(at(100_000_000), None, "no volatility within limits is worth the forward");
    assert_eq!(at(100_000_001), None);
    assert_eq!(at(i128::MAX), None);
    let price = Price::from_micros(20_000_000);
    assert_eq!(vol_implied_by_call(price, forward, strike, Horizon::default()), None);
    assert_eq!(vol_implied_by_put(Price::ZERO, forward, strike, horizon), None);
    assert_eq!(vol_implied_by_put(Price::from_micros(i128::MAX), forward, strike, horizon), None);
}

// 0010-PRIC-014
#[test]
fn a_price_determines_a_volatility_to_a_basis_point_or_none_at_all() {
    const POINT: i128 = 100_000_000;
    let (mut told, mut silent) = (0, 0);
    let forward = Forward::new(Price::from_micros(60_000_000_000)).unwrap();
    for dollars in [5_000, 20_000, 40_000, 55_000, 60_000, 66_000, 90_000, 150_000, 300_000] {
        let strike = Strike::new(Price::from_micros(dollars * 1_000_000)).unwrap();
        for hours in [1, 12, 24, 24 * 7, 24 * 30, 24 * 365] {
            let span = BlockSpan::from_millis(hours * 3_600_000);
            let horizon = Horizon::after(span).unwrap();
            for percent in [5, 20, 50, 65, 100, 150, 300, 600] {
                let at = |trillionths| {
                    let vol = FineVol::from_trillionths(trillionths).ok()?;
                    let terms = Terms { forward, strike, vol, horizon };
                    Some((terms.call(Round::Down), terms.put(Round::Down)))
                };
                let vol = percent * 100 * POINT;
                let (call, put) = at(vol).unwrap();
                let by_call = vol_determined_by_call(call, forward, strike, horizon);
                let by_put = vol_determined_by_put(put, forward, strike, horizon);
                assert_eq!(by_call, by_put, "{dollars} {hours} {percent}");
                match by_call {
                    Some(found) => {
                        told += 1;
                        let off = (found.trillionths() - vol).abs();
                        assert!(off <= POINT + 1, "{dollars} {hours} {percent}: {found:?}");
                    }
                    None => {
                        silent += 1;
                        // The same price is printed for a vol a basis point away.
                        let least = vol_implied_by_call(call, forward, strike, horizon);
                        let other = least.map_or(vol - POINT, |least| least.trillionths() + POINT);
                        assert_eq!(at(other).unwrap().0, call, "{dollars} {hours} {percent}");
                    }
                }
            }
        }
    }
    assert!(told > 200 && silent > 50, "{told} determined, {silent} not");
}
