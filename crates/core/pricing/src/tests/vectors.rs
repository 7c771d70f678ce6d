//! Numbers printed by others.
//!
//! Values are homogeneous in forward and strike, so a row is priced with both multiplied by [`SCALE`]: one micro-dollar
//! of the kernel is then 10⁻¹¹ dollars of the row, finer than any tolerance here.
//!
//! Rows with a name are those of the house's list of numbers from outside.

use num_bigint::BigInt;
use units::{BlockSpan, Ppb, Price, Round};

use super::reference::{BITS, Reference, fraction, times};
use crate::{Discount, FineVol, Forward, Greeks, Horizon, Strike, Svi, Terms};

/// How many times larger than printed the rows are priced.
const SCALE: i128 = 100_000;
/// Micro-dollars of the kernel per dollar of a row.
const MICROS: i128 = 1_000_000 * SCALE;

/// An option on a spot price with continuous rate and yield, as the books print it.
struct Row {
    source: &'static str,
    /// Spot, strike, yield, rate, volatility: decimals.
    terms: [&'static str; 5],
    millis: i128,
    figure: Figure,
    expected: &'static str,
    tolerance: &'static str,
}

enum Figure {
    Call,
    Put,
    DeltaCall,
    DeltaPut,
    Gamma,
    Vega,
    ThetaCall,
    ThetaPut,
    RhoCall,
}

const HAUG: &str = "Haug 1998, as in QuantLib@2a13d455 test-suite/europeanoption.cpp";
const HULL: &str = "Hull, Options, Futures and Other Derivatives; recomputed with mpmath";
const YEAR: i128 = 31_536_000_000;

#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { source: HAUG, terms: ["60", "65", "0", "0.08", "0.3"], millis: YEAR / 4, figure: Figure::Call, expected: "2.1334", tolerance: "0.0001" }, // haug-price-1
    Row { source: HAUG, terms: ["100", "95", "0.05", "0.1", "0.2"], millis: YEAR / 2, figure: Figure::Put, expected: "2.4648", tolerance: "0.0001" }, // haug-price-2
    Row { source: HAUG, terms: ["1.56", "1.6", "0.08", "0.06", "0.12"], millis: YEAR / 2, figure: Figure::Call, expected: "0.0291", tolerance: "0.0001" }, // haug-price-3
    Row { source: HAUG, terms: ["19", "19", "0.1", "0.1", "0.28"], millis: YEAR * 3 / 4, figure: Figure::Call, expected: "1.7011", tolerance: "0.0001" },
    Row { source: HAUG, terms: ["75", "70", "0.05", "0.1", "0.35"], millis: YEAR / 2, figure: Figure::Put, expected: "4.0870", tolerance: "0.0001" },
    Row { source: HAUG, terms: ["105", "100", "0.1", "0.1", "0.36"], millis: YEAR / 2, figure: Figure::DeltaCall, expected: "0.5946", tolerance: "0.0001" }, // haug-delta-call
    Row { source: HAUG, terms: ["105", "100", "0.1", "0.1", "0.36"], millis: YEAR / 2, figure: Figure::DeltaPut, expected: "-0.3566", tolerance: "0.0001" }, // haug-delta-put
    Row { source: HAUG, terms: ["55", "60", "0", "0.1", "0.3"], millis: YEAR * 3 / 4, figure: Figure::Gamma, expected: "0.0278", tolerance: "0.0001" }, // haug-gamma-call
    Row { source: HAUG, terms: ["55", "60", "0", "0.1", "0.3"], millis: YEAR * 3 / 4, figure: Figure::Vega, expected: "18.9358", tolerance: "0.0001" }, // haug-vega-put
    Row { source: HAUG, terms: ["430", "405", "0.05", "0.07", "0.2"], millis: YEAR / 12, figure: Figure::ThetaPut, expected: "-31.1924", tolerance: "0.001" }, // haug-theta-put
    Row { source: HULL, terms: ["49", "50", "0", "0.05", "0.2"], millis: 12_128_745_600, figure: Figure::Call, expected: "2.4004611", tolerance: "0.0000001" },
    Row { source: HULL, terms: ["49", "50", "0", "0.05", "0.2"], millis: 12_128_745_600, figure: Figure::DeltaCall, expected: "0.52160163", tolerance: "0.00000001" },
    Row { source: HULL, terms: ["49", "50", "0", "0.05", "0.2"], millis: 12_128_745_600, figure: Figure::Gamma, expected: "0.065545377", tolerance: "0.000000001" },
    Row { source: HULL, terms: ["49", "50", "0", "0.05", "0.2"], millis: 12_128_745_600, figure: Figure::Vega, expected: "12.105243", tolerance: "0.000001" },
    Row { source: HULL, terms: ["49", "50", "0", "0.05", "0.2"], millis: 12_128_745_600, figure: Figure::ThetaCall, expected: "-4.30539", tolerance: "0.00001" },
    Row { source: HULL, terms: ["49", "50", "0", "0.05", "0.2"], millis: 12_128_745_600, figure: Figure::RhoCall, expected: "8.9065741", tolerance: "0.0000001" },
    Row { source: HULL, terms: ["42", "40", "0", "0.1", "0.2"], millis: YEAR / 2, figure: Figure::Call, expected: "4.759422", tolerance: "0.000001" },
    Row { source: HULL, terms: ["20", "20", "0.09", "0.09", "0.25"], millis: YEAR / 3, figure: Figure::Put, expected: "1.1166415", tolerance: "0.0000001" },
];

/// Returns a decimal in units of 2⁻³⁸⁴.
fn decimal(text: &str) -> BigInt {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits: i128 = format!("{whole}{part}").parse().expect("a decimal");
    fraction(digits, 10_i128.pow(u32::try_from(part.len()).expect("short")))
}

/// Returns `value` in units of 2⁻³⁸⁴ as an integer in units of one part in `unit`, to the nearest.
fn nearest(value: &BigInt, unit: i128) -> i128 {
    let halves = (value * (2 * unit)) >> BITS;
    i128::try_from((halves + 1) >> 1).expect("fits")
}

fn dollars(micros: i128) -> BigInt {
    fraction(micros, MICROS)
}

fn fine(vol: &str) -> FineVol {
    FineVol::from_trillionths(nearest(&decimal(vol), 1_000_000_000_000)).expect("within limits")
}

impl Row {
    fn figure(&self, reference: &Reference) -> BigInt {
        let [spot, strike, yields, rate, _] = self.terms.map(decimal);
        let time = fraction(self.millis, YEAR);
        let carry = reference.exp(&times(&(&rate - &yields), &time));
        let forward = Price::from_micros(nearest(&times(&spot, &carry), MICROS));
        let strike_price = Price::from_micros(nearest(&strike, MICROS));
        let span = BlockSpan::from_millis(self.millis);
        let terms = Terms::new(forward, strike_price, fine(self.terms[4]), span).expect("valid");
        let rate_parts = Ppb::from_parts(nearest(&rate, 1_000_000_000));
        let discount = Discount::of(rate_parts, span).expect("valid");
        let present =
            |price: Price| dollars(discount.apply(price, Round::Down).expect("valid").micros());
        let Greeks { delta_call, delta_put, gamma, vega, theta } = terms.greeks();
        let (call, put) = (present(terms.call(Round::Down)), present(terms.put(Round::Down)));
        // The books differentiate by spot: e^(−q·time) for delta, F²Γ = S²Γ of the model for gamma.
        let growth = reference.exp(&-times(&yields, &time));
        let delta = |parts: Ppb| times(&growth, &fraction(parts.parts(), 1_000_000_000));
        // Theta of the books adds rate × value and the drift of the forward.
        let drift = |value: &BigInt, parts: Ppb| {
            let held = times(&(&rate - &yields), &times(&spot, &delta(parts)));
            times(&rate, value) - held - present(theta.negated().expect("fits"))
        };
        match self.figure {
            Figure::Call => call,
            Figure::Put => put,
            Figure::DeltaCall => delta(delta_call),
            Figure::DeltaPut => delta(delta_put),
            Figure::Gamma => ((present(gamma) * 100) << BITS) / times(&spot, &spot),
            Figure::Vega => present(vega),
            Figure::ThetaCall => drift(&call, delta_call),
            Figure::ThetaPut => drift(&put, delta_put),
            Figure::RhoCall => times(&time, &(times(&spot, &delta(delta_call)) - call)),
        }
    }
}

// 0010-PRIC-001, 0010-PRIC-007, 0010-PRIC-010
#[test]
fn values_and_greeks_are_those_of_the_books() {
    let reference = Reference::new();
    for row in ROWS {
        let found = row.figure(&reference);
        let off = &found - decimal(row.expected);
        let shown = nearest(&found, 1_000_000_000);
        assert!(
            off.magnitude() <= decimal(row.tolerance).magnitude(),
            "{}: {:?} gives {shown}e-9, not {}",
            row.source,
            row.terms,
            row.expected
        );
    }
}

/// Rows of derivexyz/lyra-utils test/math/Black76.t.sol: forward, strike, volatility in percent, rate in percent,
/// seconds, discounted call and put; tolerance 10⁻⁹ dollars.
const DERIVE: &[(i128, i128, i128, i128, i128, &str, &str)] = &[
    (1_500, 1_500, 100, 0, 604_800, "82.80508066863456", "82.80508066863456"), // black76-1
    (1_000, 1_200, 25, 1, 2_592_000, "0.1370821284265793", "199.97276610316672"), // black76-2
    (1_000, 700, 75, 2, 172_800, "299.9671250895262", "0.00000000045708468"),  // black76-3
    (1_000, 700, 500, 2, 31_536_000, "970.034553583819", "675.9749515917925"), // black76-4
];

// 0010-PRIC-001, 0010-PRIC-010
#[test]
fn discounted_values_are_those_of_a_peer_on_chain() {
    for &(forward, strike, percent, rate, seconds, call, put) in DERIVE {
        let span = BlockSpan::from_millis(seconds * 1_000);
        let vol = FineVol::from_trillionths(percent * 10_000_000_000).expect("within limits");
        let price = |dollars: i128| Price::from_micros(dollars * MICROS);
        let terms = Terms::new(price(forward), price(strike), vol, span).expect("valid");
        let discount = Discount::of(Ppb::from_parts(rate * 10_000_000), span).expect("valid");
        for round in [Round::Down, Round::Up] {
            for (value, expected) in [(terms.call(round), call), (terms.put(round), put)] {
                let found = dollars(discount.apply(value, round).expect("valid").micros());
                let off = &found - decimal(expected);
                let tolerance = fraction(1, 1_000_000_000);
                assert!(
                    off.magnitude() <= tolerance.magnitude(),
                    "{forward}/{strike}: {} instead of {expected}",
                    nearest(&found, 1_000_000_000_000)
                );
            }
        }
    }
}

// 0010-PRIC-012
#[test]
fn a_smile_is_that_of_a_peer_on_chain() {
    // svi-surface: derivexyz/lyra-utils test/math/SVI.t.sol; 0.246 575 342 465 753 4 years is 90 days.
    let parameters = [
        "0.17753424657534247",
        "0.17753424657534247",
        "0.05917808219178082",
        "0.02958904109589041",
        "0.0216986301369863",
    ];
    let smile =
        Svi::from_quadrillionths(parameters.map(|p| nearest(&decimal(p), 1_000_000_000_000_000)))
            .expect("valid");
    let horizon = Horizon::after(BlockSpan::from_millis(90 * 86_400_000)).expect("valid");
    let forward = Forward::new(Price::from_micros(1_830_000_000)).expect("valid");
    let rows = [
        (1_500, "0.9356728218442784"),
        (1_800, "0.8687530747337932"),
        (2_100, "0.8966269017413266"),
        (2_400, "0.9512721744218694"),
    ];
    for (strike, expected) in rows {
        let strike = Strike::new(Price::from_micros(strike * 1_000_000)).expect("valid");
        let found = smile.vol(forward, strike, horizon).expect("valid").trillionths();
        assert_eq!(found, nearest(&decimal(expected), 1_000_000_000_000), "{strike:?}");
    }
}

#[test]
fn a_smile_without_a_volatility_is_refused() {
    let unit = 1_000_000_000_000_000;
    let horizon = Horizon::after(BlockSpan::from_millis(86_400_000)).expect("valid");
    let at =
        |micros| (Forward::new(Price::from_micros(micros)), Strike::new(Price::from_micros(1)));
    let (Ok(forward), Ok(strike)) = at(1) else { panic!("valid") };
    let negative = Svi::from_quadrillionths([-unit, 0, 0, 0, 0]).expect("valid");
    assert!(negative.vol(forward, strike, horizon).is_err());
    let steep = Svi::from_quadrillionths([10 * unit; 5].map(|p: i128| p.min(unit))).expect("valid");
    assert!(steep.vol(forward, strike, horizon).is_err(), "above the highest volatility");
    assert!(steep.vol(forward, strike, Horizon::default()).is_err());
    assert!(Svi::from_quadrillionths([0, -1, 0, 0, 0]).is_err());
    assert!(Svi::from_quadrillionths([0, 0, unit + 1, 0, 0]).is_err());
}
